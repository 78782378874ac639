//! A returned ticket → ledger events: what was consumed and wasted of which lot, what was produced,
//! and how the job ended; all of them in one append.
//!
//! Amounts are counted in sheets where the material knows sheets, else in its base unit. A lot that
//! is short, held or unknown does not stop anything: the event says [`REPORTED`] as the reason why
//! the rules were overruled, and is flagged here and at the hub.

use std::collections::BTreeMap;

use agog_jdf::NodeStatus;
use agog_sync::event::{Actor, Difference, Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::OutputLot;
use agog_sync::ids::LotId;
use agog_sync::lots::{
    Draw, JobRef, LotAttributes, LotConsumed, LotEvent, LotProduced, LotRef, LotWasted, NewLot,
    WorkContext,
};
use agog_sync::quantity::{ConversionError, Material, Measured, Quantity, QuantityError, Unit};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use super::allocate::{Drawn, allocate};
use super::reconcile;
use super::returned::{ReturnedTicket, Used};
use crate::floor::job_ref;
use crate::ledger::{Fact, JobLots, JobRow, LedgerError, LotRow, What};
use crate::run::Agent;
use crate::words;

/// With the device's own, and those to each lot of a usual job.
const REMARKS_MAX: usize = 30;

/// Why the lot rules are overruled for what a machine has already done.
pub const REPORTED: &str = "reported by device";

/// The times of a return by the device's clock as it is read, and where its signals said otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    /// When the job ended.
    pub(crate) at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) differences: Vec<Difference>,
    /// The job came back before, and nothing was signalled of this run of it.
    pub(crate) is_run_again: bool,
}

/// The events of a returned ticket, in the order in which they are recorded, and what was drawn of
/// which lot.
pub(crate) async fn facts(
    agent: &Agent,
    job: Option<&JobRow>,
    returned: ReturnedTicket,
    circumstances: Circumstances,
) -> Result<(Vec<Fact>, Vec<Drawn>), LedgerError> {
    let ticket = match job {
        Some(job) => agent.ledger.ticket(job).await?,
        None => None,
    };
    let ticket = ticket.as_ref();
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
    let job_ref = job.map_or_else(
        || job_ref(returned.job_id.as_deref().unwrap_or("unknown")),
        |job| job.progress.job.clone(),
    );
    let number = job_ref.number.clone();
    let before = agent
        .ledger
        .read(move |reader| reader.job_lots(&number))
        .await?;
    let configured = agent.config.material_map();
    let materials = agent
        .ledger
        .read(move |reader| reader.materials(configured))
        .await?;
    let story = Story {
        circumstances,
        job: job_ref,
        before,
        operator: returned
            .summary
            .phases
            .iter()
            .rev()
            .find_map(|p| words::name_of(p.employees.first())),
        materials,
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
    circumstances: Circumstances,
    job: JobRef,
    operator: Option<String>,
    materials: BTreeMap<String, Material>,
    rng: StdRng,
    /// The lots that are known here, by the number that was asked for.
    lots: BTreeMap<String, LotRow>,
    /// What people recorded for the job before it was returned.
    before: JobLots,
    returned: ReturnedTicket,
}

impl Story {
    fn tell(
        mut self,
        declared: &[String],
        waste_reason: Option<String>,
        output: Option<(OutputLot, String)>,
    ) -> (Vec<Fact>, Vec<Drawn>) {
        let on_hand = self
            .lots
            .iter()
            .map(|(number, lot)| (number.clone(), self.sheets(lot)))
            .collect();
        let Used { good, waste, lots } = &self.returned.input;
        let drawn = allocate(*good, *waste, lots, declared, &on_hand);
        let mut remarks = self.returned.remarks.clone();
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
        let mut sources = self.before.consumed.clone();
        for lot in &drawn {
            let (lot_ref, forced) = self.lot(lot, &mut remarks);
            if let Some(draw) = self.draw(&lot_ref, lot, lot.good, &mut remarks) {
                events.push(LotEvent::Consumed(LotConsumed {
                    draw,
                    into: self.made_before(&lot_ref),
                    work: self.work(),
                    forced: forced.clone(),
                }));
                if !sources.contains(&lot_ref) {
                    sources.push(lot_ref.clone());
                }
            }
            if let Some(draw) = self.draw(&lot_ref, lot, lot.waste, &mut remarks) {
                events.push(LotEvent::Wasted(LotWasted {
                    draw,
                    reason: reason.clone(),
                    work: self.work(),
                    forced,
                }));
            }
        }
        let made = self.returned.summary.good;
        match output {
            Some((output, number)) if made > Decimal::ZERO => {
                match measured(made, Some(&output.material), output.material.base_unit) {
                    Ok(made) => events.push(self.produced(output, number, made, sources)),
                    Err(error) => remarks.push(format!("what was made is not booked: {error}")),
                }
            }
            None if made > Decimal::ZERO => {
                remarks.push(format!(
                    "{} made, but the ticket names no output lot",
                    made.normalize()
                ));
            }
            _ => {}
        }
        let mut facts: Vec<Fact> = Vec::new();
        if self.circumstances.is_run_again {
            facts.push(self.started());
        }
        facts.extend(events.into_iter().map(|event| self.fact(Event::Lot(event))));
        remarks.extend(reconcile::remark(&self.circumstances.differences));
        facts.push(self.fact(Event::Job(Box::new(self.ended(&remarks)))));
        (facts, drawn)
    }

    fn produced(
        &mut self,
        output: OutputLot,
        number: String,
        quantity: Measured,
        sources: Vec<LotRef>,
    ) -> LotEvent {
        let lot_id = LotId::generate(self.circumstances.at, &mut self.rng);
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

    /// The beginning of a run that only its return tells of, at its own time.
    fn started(&self) -> Fact {
        let began_at = self.circumstances.started_at;
        let event = JobEvent {
            step: JobStep::Started,
            progress: JobProgress {
                queue_entry_id: self.returned.queue_entry_id.clone(),
                job_part_id: self.returned.job_part_id.clone(),
                started_at: began_at,
                ..JobProgress::of(self.job.clone(), &self.returned.device)
            },
        };
        let at = self.circumstances.at;
        Fact {
            occurred_at: Some(began_at.map_or(at, |began_at| began_at.min(at))),
            ..self.fact(Event::Job(Box::new(event)))
        }
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
                queue_entry_id: self.returned.queue_entry_id.clone(),
                job_part_id: self.returned.job_part_id.clone(),
                return_code: self.returned.return_code,
                differences: self.circumstances.differences.clone(),
                status: Some(self.returned.ended.to_string()),
                good: self.returned.tells_amounts.then_some(summary.good),
                waste: self.returned.tells_amounts.then_some(summary.waste),
                detail: (!remarks.is_empty()).then(|| words::some(remarks, REMARKS_MAX).join("; ")),
                started_at: self.circumstances.started_at,
                ended_at: self.circumstances.ended_at,
                ..JobProgress::of(self.job.clone(), &self.returned.device)
            },
        }
    }

    /// The lot as events name it, and why the rules are overruled for it, if they are.
    fn lot(&mut self, drawn: &Drawn, remarks: &mut Vec<String>) -> (LotRef, Option<String>) {
        let forced = Some(REPORTED.to_owned());
        let Some(lot) = self.lots.get(&drawn.number) else {
            remarks.push(format!("lot {} is not known here", drawn.number));
            let lot_id = LotId::generate(self.circumstances.at, &mut self.rng);
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
        whole_sheets(lot.on_hand, self.material(lot)).unwrap_or(lot.on_hand.amount)
    }

    fn material(&self, lot: &LotRow) -> Option<&Material> {
        let known = self.materials.get(lot.material.as_ref()?);
        known.filter(|material| material.base_unit == lot.on_hand.unit)
    }

    /// None when nothing was drawn, or more than can be stored.
    fn draw(
        &self,
        lot_ref: &LotRef,
        drawn: &Drawn,
        amount: Decimal,
        remarks: &mut Vec<String>,
    ) -> Option<Draw> {
        if amount <= Decimal::ZERO {
            return None;
        }
        let quantity = match self.lots.get(&drawn.number) {
            Some(lot) => measured(amount, self.material(lot), lot.on_hand.unit),
            None => measured(amount, None, Unit::Sheet),
        };
        match quantity {
            Ok(quantity) => Some(Draw {
                lot: lot_ref.clone(),
                quantity,
            }),
            Err(error) => {
                let number = &drawn.number;
                remarks.push(format!(
                    "what was used of lot {number} is not booked: {error}"
                ));
                None
            }
        }
    }

    /// A lot is not in itself: rework of a job's own output adds no edge.
    fn made_before(&self, used: &LotRef) -> Vec<LotRef> {
        let made = self.before.made.iter();
        made.filter(|lot| lot.lot_id != used.lot_id)
            .cloned()
            .collect()
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
                let details = words::name_of(phase.status_details.as_ref());
                details.filter(|details| details != "Good")
            })
    }

    fn fact(&self, event: Event) -> Fact {
        Fact {
            occurred_at: Some(self.circumstances.at),
            actor: Actor::Device {
                device: self.returned.device.clone(),
            },
            what: What::Event(event),
        }
    }
}

/// A count of a device: sheets where the material knows them, else the base unit.
fn measured(
    amount: Decimal,
    material: Option<&Material>,
    base_unit: Unit,
) -> Result<Measured, QuantityError> {
    let sheets = Quantity::new(amount, Unit::Sheet).checked()?;
    let in_base = || Measured::in_base(Quantity::new(sheets.amount, base_unit));
    match material.map(|material| material.to_base(sheets)) {
        Some(Ok(measured)) => Ok(measured),
        Some(Err(ConversionError::Amount(error))) => Err(error),
        Some(Err(
            ConversionError::Incompatible { .. } | ConversionError::DimensionMissing { .. },
        ))
        | None => Ok(in_base()),
    }
}

/// The whole sheets in a lot that is weighed or measured: nobody prints on a part of one, and the
/// exact quotient may have more decimals than can be stored. None where sheets mean nothing.
fn whole_sheets(on_hand: Quantity, material: Option<&Material>) -> Option<Decimal> {
    if on_hand.unit == Unit::Sheet {
        return Some(on_hand.amount);
    }
    // Of one sheet the base amount is too coarse to divide by.
    let many = Decimal::from(1_000_000);
    let of_many = material?
        .to_base(Quantity::new(many, Unit::Sheet))
        .ok()?
        .base
        .amount;
    let exact = on_hand.amount.checked_mul(many)?.checked_div(of_many)?;
    // What was rounded when the lot was booked must not cost it a sheet.
    Some(exact.round_dp(3).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(base_unit: Unit) -> Material {
        Material {
            width_mm: Some(720.into()),
            length_mm: Some(1020.into()),
            grammage_g_m2: Some(300.into()),
            ..Material::simple("BOARD", base_unit)
        }
    }

    #[test]
    fn a_lot_counted_by_weight_or_area_holds_whole_sheets_that_can_be_booked_again() {
        for unit in [Unit::Kilogram, Unit::SquareMetre, Unit::Metre] {
            let material = board(unit);
            for amount in ["1000", "333.333333", "0.1"] {
                let on_hand = Quantity::parse(amount, unit.as_str()).unwrap();
                let sheets = whole_sheets(on_hand, Some(&material)).unwrap();
                let booked = measured(sheets, Some(&material), unit).unwrap();
                assert_eq!(booked.entered, Quantity::new(sheets, Unit::Sheet));
                assert!(
                    booked.base.amount <= on_hand.amount,
                    "{booked:?} of {on_hand}"
                );
            }
            let thousand = material
                .to_base(Quantity::new(1000.into(), Unit::Sheet))
                .unwrap();
            let sheets = whole_sheets(thousand.base, Some(&material));
            assert_eq!(sheets, Some(1000.into()), "{unit}");
        }
    }

    #[test]
    fn only_a_material_that_knows_no_sheets_is_counted_in_its_own_unit() {
        let pieces = Material::simple("CARTON", Unit::Piece);
        let counted = measured(7.into(), Some(&pieces), Unit::Piece).unwrap();
        assert_eq!(counted.base, Quantity::new(7.into(), Unit::Piece));
        let fine = Decimal::ONE / Decimal::from(3);
        assert!(measured(fine, Some(&board(Unit::Kilogram)), Unit::Kilogram).is_err());
        assert!(measured(Decimal::MAX, None, Unit::Sheet).is_err());
    }
}
