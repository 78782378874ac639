//! A returned ticket → ledger events: what was consumed and wasted of which lot, what was produced,
//! and how the job ended; all of them in one append.
//!
//! Amounts are counted in sheets where the material knows sheets, else in its base unit. A lot that
//! is short, held or unknown does not stop anything: the event says [`REPORTED`] as the reason why
//! the rules were overruled, and is flagged here and at the hub.

use std::collections::BTreeMap;

use agog_jdf::NodeStatus;
use agog_sync::event::{Actor, Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::OutputLot;
use agog_sync::ids::LotId;
use agog_sync::lots::{
    Draw, JobRef, LotAttributes, LotConsumed, LotEvent, LotProduced, LotRef, LotWasted, NewLot,
    WorkContext,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use super::allocate::{Drawn, allocate};
use super::returned::{ReturnedTicket, Used};
use crate::devices::floor::{believed, job_ref};
use crate::ledger::{Fact, JobRow, LedgerError, LotRow, What};
use crate::run::Agent;

/// Why the lot rules are overruled for what a machine has already done.
pub const REPORTED: &str = "reported by device";

/// The events of a returned ticket, in the order in which they are recorded.
pub(crate) async fn facts(
    agent: &Agent,
    job: Option<&JobRow>,
    returned: ReturnedTicket,
) -> Result<Vec<Fact>, LedgerError> {
    let ticket = job.and_then(|job| job.ticket.as_ref());
    let declared = ticket
        .map(|ticket| ticket.inputs.clone())
        .unwrap_or_default();
    let mut lots = BTreeMap::new();
    for number in declared
        .iter()
        .chain(returned.input.lots.iter().map(|lot| &lot.number))
    {
        if let Some(lot) = agent.ledger.lot_by_number(number).await?.into_iter().next() {
            lots.insert(number.clone(), lot);
        }
    }
    let output_number = match ticket.and_then(|ticket| ticket.output.as_ref()) {
        Some(output) => Some(free_number(agent, job, output).await?),
        None => None,
    };
    let story = Story {
        at: believed(returned.summary.end, agent.clock.now()),
        job: job.map_or_else(
            || job_ref(returned.job_id.as_deref().unwrap_or("unknown")),
            |job| job.progress.job.clone(),
        ),
        operator: returned
            .summary
            .phases
            .iter()
            .rev()
            .find_map(|p| p.employees.first().cloned()),
        materials: agent.config.material_map(),
        rng: agent.fork_rng(),
        lots,
        returned,
    };
    let waste_reason = ticket.and_then(|ticket| ticket.waste_reason.clone());
    let output = ticket
        .and_then(|ticket| ticket.output.clone())
        .zip(output_number);
    Ok(story.tell(&declared, waste_reason, output))
}

/// The number of the lot that was made; a number that is taken gets a counter, because the goods
/// are there whatever they are called.
async fn free_number(
    agent: &Agent,
    job: Option<&JobRow>,
    output: &OutputLot,
) -> Result<String, LedgerError> {
    let wanted = output.number.clone().unwrap_or_else(|| {
        let number = job.map_or("JOB", |job| job.number.as_str());
        format!("{}-{number}", agent.config.agent.plant_code)
    });
    let mut number = wanted.clone();
    let mut counter = 1;
    while !agent.ledger.lot_by_number(&number).await?.is_empty() {
        counter += 1;
        number = format!("{wanted}-{counter}");
    }
    Ok(number)
}

/// Everything that the events are made of.
struct Story {
    at: Timestamp,
    job: JobRef,
    operator: Option<String>,
    materials: BTreeMap<String, Material>,
    rng: StdRng,
    /// The lots that are known here, by the number that was asked for.
    lots: BTreeMap<String, LotRow>,
    returned: ReturnedTicket,
}

impl Story {
    fn tell(
        mut self,
        declared: &[String],
        waste_reason: Option<String>,
        output: Option<(OutputLot, String)>,
    ) -> Vec<Fact> {
        let on_hand = self
            .lots
            .iter()
            .map(|(number, lot)| (number.clone(), self.sheets(lot)))
            .collect();
        let Used { good, waste, lots } = &self.returned.input;
        let drawn = allocate(*good, *waste, lots, declared, &on_hand);
        let mut remarks: Vec<String> = self
            .returned
            .summary
            .findings
            .iter()
            .map(|finding| finding.message.clone())
            .collect();
        if drawn.is_empty() && good + waste > Decimal::ZERO {
            remarks.push(format!(
                "{} used, but neither the device nor the ticket names a lot",
                (good + waste).normalize()
            ));
        }
        let reason = waste_reason
            .or_else(|| self.stated_reason())
            .unwrap_or_else(|| REPORTED.to_owned());
        let mut events = Vec::new();
        let mut sources = Vec::new();
        for lot in &drawn {
            let (lot_ref, forced) = self.lot(lot, &mut remarks);
            if lot.good > Decimal::ZERO {
                events.push(LotEvent::Consumed(LotConsumed {
                    draw: self.draw(&lot_ref, lot, lot.good),
                    into: Vec::new(),
                    work: self.work(),
                    forced: forced.clone(),
                }));
                sources.push(lot_ref.clone());
            }
            if lot.waste > Decimal::ZERO {
                events.push(LotEvent::Wasted(LotWasted {
                    draw: self.draw(&lot_ref, lot, lot.waste),
                    reason: reason.clone(),
                    work: self.work(),
                    forced,
                }));
            }
        }
        let made = self.returned.summary.good;
        match output {
            Some((output, number)) if made > Decimal::ZERO => {
                events.push(self.produced(output, number, made, sources));
            }
            None if made > Decimal::ZERO => {
                remarks.push(format!(
                    "{} made, but the ticket names no output lot",
                    made.normalize()
                ));
            }
            _ => {}
        }
        let mut facts: Vec<Fact> = events
            .into_iter()
            .map(|event| self.fact(Event::Lot(event)))
            .collect();
        facts.push(self.fact(Event::Job(self.ended(&remarks))));
        facts
    }

    fn produced(
        &mut self,
        output: OutputLot,
        number: String,
        made: Decimal,
        sources: Vec<LotRef>,
    ) -> LotEvent {
        let lot_id = LotId::generate(self.at, &mut self.rng);
        let quantity = measured(made, Some(&output.material), output.material.base_unit);
        LotEvent::Produced(LotProduced {
            outputs: vec![NewLot {
                lot: LotRef { lot_id, number },
                material: output.material,
                quantity,
                attributes: LotAttributes::default(),
            }],
            inputs: Vec::new(),
            sources,
            work: self.work(),
            forced: None,
        })
    }

    fn ended(&self, remarks: &[String]) -> JobEvent {
        let summary = &self.returned.summary;
        let aborted = self.returned.ended == NodeStatus::Aborted;
        JobEvent {
            step: if aborted {
                JobStep::Aborted
            } else {
                JobStep::Completed
            },
            progress: JobProgress {
                job: self.job.clone(),
                device: self.returned.device.clone(),
                queue_entry_id: self.returned.queue_entry_id.clone(),
                status: Some(self.returned.ended.to_string()),
                status_details: None,
                good: Some(summary.good),
                waste: Some(summary.waste),
                return_code: None,
                detail: (!remarks.is_empty()).then(|| remarks.join("; ")),
                started_at: summary.start,
                ended_at: summary.end,
            },
        }
    }

    /// The lot as events name it, and why the rules are overruled for it, if they are.
    fn lot(&mut self, drawn: &Drawn, remarks: &mut Vec<String>) -> (LotRef, Option<String>) {
        let forced = Some(REPORTED.to_owned());
        let Some(lot) = self.lots.get(&drawn.number) else {
            remarks.push(format!("lot {} is not known here", drawn.number));
            let lot_id = LotId::generate(self.at, &mut self.rng);
            return (
                LotRef {
                    lot_id,
                    number: drawn.number.clone(),
                },
                forced,
            );
        };
        let total = drawn.good + drawn.waste;
        let left = self.sheets(lot);
        let short = total > left;
        if short {
            remarks.push(format!(
                "lot {} held {}, {} were used",
                drawn.number,
                left.normalize(),
                total.normalize()
            ));
        }
        if !lot.holds.is_empty() {
            remarks.push(format!("lot {} was used while it was held", drawn.number));
        }
        (
            lot.lot.clone(),
            forced.filter(|_| short || !lot.holds.is_empty()),
        )
    }

    /// What is on hand, as devices count it.
    fn sheets(&self, lot: &LotRow) -> Decimal {
        let on_hand = lot.on_hand.amount;
        let Some(material) = self.material(lot) else {
            return on_hand;
        };
        match material.to_base(Quantity::new(Decimal::ONE, Unit::Sheet)) {
            Ok(one) if !one.base.amount.is_zero() => on_hand / one.base.amount,
            _ => on_hand,
        }
    }

    fn material(&self, lot: &LotRow) -> Option<&Material> {
        self.materials.get(lot.material.as_ref()?)
    }

    fn draw(&self, lot_ref: &LotRef, drawn: &Drawn, amount: Decimal) -> Draw {
        let quantity = match self.lots.get(&drawn.number) {
            Some(lot) => measured(amount, self.material(lot), lot.on_hand.unit),
            None => measured(amount, None, Unit::Sheet),
        };
        Draw {
            lot: lot_ref.clone(),
            quantity,
        }
    }

    fn work(&self) -> WorkContext {
        WorkContext {
            job: Some(self.job.clone()),
            device: Some(self.returned.device.clone()),
            operator: self.operator.clone(),
        }
    }

    /// The device's words for the phase in which waste was made, when they say more than "good".
    fn stated_reason(&self) -> Option<String> {
        let phases = &self.returned.summary.phases;
        phases
            .iter()
            .filter(|phase| {
                phase.amounts.iter().any(|amount| {
                    amount
                        .amounts
                        .actual_waste()
                        .is_some_and(|waste| waste > Decimal::ZERO)
                })
            })
            .find_map(|phase| {
                phase
                    .status_details
                    .clone()
                    .filter(|details| details != "Good")
            })
    }

    fn fact(&self, event: Event) -> Fact {
        Fact {
            occurred_at: Some(self.at),
            actor: Actor::Device {
                device: self.returned.device.clone(),
            },
            what: What::Event(event),
        }
    }
}

/// A count of a device: sheets where the material knows them, else the base unit.
fn measured(amount: Decimal, material: Option<&Material>, base_unit: Unit) -> Measured {
    let sheets = Quantity::new(amount, Unit::Sheet);
    material
        .and_then(|material| material.to_base(sheets).ok())
        .unwrap_or_else(|| Measured::in_base(Quantity::new(amount, base_unit)))
}
