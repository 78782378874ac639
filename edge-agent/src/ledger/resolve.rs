//! Commands into events: numbers become lots, entered amounts become base amounts, missing
//! numbers are made. Runs inside the transaction that records the event.

mod packing;

use std::collections::BTreeSet;
use std::sync::Arc;

use agog_sync::ids::{HoldId, LotId};
use agog_sync::lots::{
    Draw, JobRef, LotAdjusted, LotAttributes, LotConsumed, LotCorrected, LotEvent, LotHeld,
    LotMerged, LotMoved, LotProduced, LotReceived, LotRef, LotReleased, LotReturned, LotSplit,
    LotState, LotWasted, NewLot, Refusal, SplitPart, WorkContext,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::command::{
    Adjust, Amount, Consume, Correct, Details, Hold, LotCommand, Merge, Move, Part, Produce,
    Receive, Release, Return, Source, Split, Waste,
};
use super::error::{AppendError, LedgerError, Refused};
use super::writer::Books;
use super::{book, master, reader, text};

pub(super) use packing::parts;

type Resolved<T> = Result<T, AppendError>;

/// The event that `command`, which happened `at`, means.
pub(super) fn event(
    connection: &Connection,
    books: &mut Books,
    command: &LotCommand,
    at: Timestamp,
) -> Resolved<LotEvent> {
    let mut run = Run {
        connection,
        books,
        at,
        given: BTreeSet::new(),
    };
    match command {
        LotCommand::Receive(command) => run.receive(command),
        LotCommand::Split(command) => run.split(command),
        LotCommand::Merge(command) => run.merge(command),
        LotCommand::Consume(command) => run.consume(command),
        LotCommand::Produce(command) => run.produce(command),
        LotCommand::Waste(command) => run.waste(command),
        LotCommand::Move(command) => run.move_lot(command),
        LotCommand::Adjust(command) => run.adjust(command),
        LotCommand::Hold(command) => run.hold(command),
        LotCommand::Release(command) => run.release(command),
        LotCommand::Ship(command) => run.ship(command),
        LotCommand::Correct(command) => run.correct(command),
        LotCommand::Return(command) => run.return_lot(command),
        LotCommand::Pack(command) => run.pack(command),
        LotCommand::Unpack(command) => run.unpack(command),
    }
}

struct Run<'a> {
    connection: &'a Connection,
    books: &'a mut Books,
    at: Timestamp,
    /// Numbers that this command has given out.
    given: BTreeSet<String>,
}

impl Run<'_> {
    fn receive(&mut self, command: &Receive) -> Resolved<LotEvent> {
        let material = self.known_material(&command.material)?;
        Ok(LotEvent::Received(LotReceived {
            lot: NewLot {
                lot: self.new_lot(command.number.as_deref(), None)?,
                quantity: measured(&material, command.quantity)?,
                material,
                attributes: LotAttributes {
                    supplier: command.supplier.clone(),
                    supplier_lot: command.supplier_lot.clone(),
                    expiry: command.expiry,
                    location: command.location.clone(),
                    quality: command.quality.clone(),
                },
            },
        }))
    }

    fn split(&mut self, command: &Split) -> Resolved<LotEvent> {
        let from = self.lot(&command.lot)?;
        let material = self.material_of(&from)?;
        // Given numbers first, so that generated ones keep clear of them.
        for part in command.into.iter().chain(&command.waste) {
            self.given
                .extend(part.number.iter().map(|number| number.trim().to_owned()));
        }
        let mut parts = Vec::new();
        for (parts_of_kind, waste) in [(&command.into, false), (&command.waste, true)] {
            for Part { number, quantity } in parts_of_kind {
                parts.push(SplitPart {
                    lot: self.new_lot(number.as_deref(), Some(&from.lot.number))?,
                    quantity: measured(&material, *quantity)?,
                    waste,
                });
            }
        }
        Ok(LotEvent::Split(LotSplit {
            from: from.lot,
            material,
            parts,
            holds: Vec::new(),
            forced: forced(&command.details),
        }))
    }

    fn merge(&mut self, command: &Merge) -> Resolved<LotEvent> {
        let mut inputs = Vec::new();
        let mut material = None;
        for source in &command.from {
            let lot = self.lot(&source.lot)?;
            let own = self.material_of(&lot)?;
            inputs.push(self.draw_or_all(&lot, source.quantity)?);
            material.get_or_insert(own);
        }
        let material = material.ok_or(Refused::Incomplete("a merge needs at least two lots"))?;
        Ok(LotEvent::Merged(LotMerged {
            inputs,
            into: self.new_lot(command.number.as_deref(), None)?,
            material,
            holds: Vec::new(),
            forced: forced(&command.details),
        }))
    }

    fn consume(&mut self, command: &Consume) -> Resolved<LotEvent> {
        let lot = self.lot(&command.lot)?;
        let work = work(&command.details);
        let into = match &work.job {
            Some(job) => self.outputs_of(&job.number)?,
            None => Vec::new(),
        };
        Ok(LotEvent::Consumed(LotConsumed {
            // A lot is not in itself: rework of a job's own output adds no edge.
            into: into
                .into_iter()
                .filter(|output| output.lot_id != lot.lot.lot_id)
                .collect(),
            draw: self.draw(&lot, command.quantity)?,
            work,
            forced: forced(&command.details),
        }))
    }

    fn produce(&mut self, command: &Produce) -> Resolved<LotEvent> {
        let material = self.known_material(&command.material)?;
        let work = work(&command.details);
        let mut inputs = Vec::new();
        let mut sources = Vec::new();
        for Source { lot, quantity } in &command.from {
            let lot = self.lot(lot)?;
            match quantity {
                Some(quantity) => inputs.push(self.draw(&lot, *quantity)?),
                None => sources.push(lot.lot),
            }
        }
        if let (true, Some(job)) = (command.from.is_empty(), &work.job) {
            sources = self.consumed_by(&job.number)?;
        }
        Ok(LotEvent::Produced(LotProduced {
            outputs: vec![NewLot {
                lot: self.new_lot(command.number.as_deref(), None)?,
                quantity: measured(&material, command.quantity)?,
                material,
                attributes: LotAttributes {
                    location: command.location.clone(),
                    quality: command.quality.clone(),
                    ..LotAttributes::default()
                },
            }],
            inputs,
            sources,
            work,
            forced: forced(&command.details),
        }))
    }

    fn waste(&mut self, command: &Waste) -> Resolved<LotEvent> {
        if command.reason.trim().is_empty() {
            return Err(Refused::Incomplete("waste needs a reason").into());
        }
        let lot = self.lot(&command.lot)?;
        Ok(LotEvent::Wasted(LotWasted {
            draw: self.draw(&lot, command.quantity)?,
            reason: command.reason.clone(),
            work: work(&command.details),
            forced: forced(&command.details),
        }))
    }

    fn move_lot(&self, command: &Move) -> Resolved<LotEvent> {
        if command.to.trim().is_empty() {
            return Err(Refused::Incomplete("a move needs a place to move to").into());
        }
        Ok(LotEvent::Moved(LotMoved {
            lot: self.lot(&command.lot)?.lot,
            to: command.to.clone(),
            from: None,
            forced: forced(&command.details),
        }))
    }

    fn adjust(&self, command: &Adjust) -> Resolved<LotEvent> {
        if command.reason.trim().is_empty() {
            return Err(Refused::Incomplete("an adjustment needs a reason").into());
        }
        let lot = self.lot(&command.lot)?;
        let material = self.material_of(&lot)?;
        let delta = match (command.by, command.to) {
            (Some(by), None) => measured(&material, by)?,
            (None, Some(counted)) => {
                let counted = measured(&material, counted)?.base;
                let delta = counted.amount - lot.balance;
                Measured::in_base(Quantity::new(delta, counted.unit))
            }
            _ => {
                return Err(Refused::Incomplete(
                    "an adjustment needs either the difference or the counted quantity",
                )
                .into());
            }
        };
        Ok(LotEvent::Adjusted(LotAdjusted {
            lot: lot.lot,
            delta,
            reason: command.reason.clone(),
            forced: forced(&command.details),
        }))
    }

    fn hold(&mut self, command: &Hold) -> Resolved<LotEvent> {
        let now = self.books.clock.now();
        Ok(LotEvent::Held(LotHeld {
            hold_id: HoldId::generate(now, &mut self.books.rng),
            lot: self.lot(&command.lot)?.lot,
            reason: command.reason.clone(),
        }))
    }

    fn release(&self, command: &Release) -> Resolved<LotEvent> {
        let lot = self.lot(&command.lot)?;
        let standing: Vec<HoldId> = lot.holds.iter().copied().collect();
        let hold_id = match (command.hold_id, standing.as_slice()) {
            (Some(hold_id), _) => hold_id,
            (None, [only]) => *only,
            (None, _) => {
                return Err(Refused::WhichHold {
                    lot: lot.lot.number,
                    holds: standing,
                }
                .into());
            }
        };
        Ok(LotEvent::Released(LotReleased {
            hold_id,
            lot: lot.lot,
            reason: command.reason.clone(),
        }))
    }

    fn return_lot(&mut self, command: &Return) -> Resolved<LotEvent> {
        let lot = self.lot(&command.lot)?;
        let now = self.books.clock.now();
        let hold = command
            .hold
            .then(|| HoldId::generate(now, &mut self.books.rng));
        Ok(LotEvent::Returned(LotReturned {
            quantity: self.draw(&lot, command.quantity)?.quantity,
            lot: lot.lot,
            order: command.order.clone(),
            customer: command.customer.clone(),
            reason: command.reason.clone(),
            reference: command.reference.clone(),
            hold,
            forced: forced(&command.details),
        }))
    }

    fn correct(&self, command: &Correct) -> Resolved<LotEvent> {
        let found: Option<(String, u16, String)> = self
            .connection
            .prepare_cached(
                "select kind, version, payload from fact where event_id = ?1 order by position limit 1",
            )?
            .query_row([command.event_id.to_string()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let (kind, version, payload) = found.ok_or(Refused::UnknownEvent(command.event_id))?;
        let payload = RawValue::from_string(payload)
            .map_err(|error| text::malformed("event payload", error))?;
        let corrected = LotCorrected::new(
            command.event_id,
            (&kind, version, &payload),
            command.reason.clone(),
            forced(&command.details),
        );
        let corrected = corrected.map_err(|error| Refused::NotCorrectable(Arc::new(error)))?;
        Ok(LotEvent::Corrected(corrected))
    }

    /// The one lot of that number, or with that id.
    fn lot(&self, number: &str) -> Resolved<LotState> {
        let number = number.trim();
        let found = reader::lots_by_number(self.connection, number)?;
        match found.as_slice() {
            [] => Err(Refused::UnknownLot(number.to_owned()).into()),
            [row] => Ok(book::lot_state(self.connection, row.lot.lot_id)?
                .ok_or_else(|| Refused::UnknownLot(number.to_owned()))?),
            several => Err(Refused::AmbiguousLot {
                number: number.to_owned(),
                count: several.len(),
                ids: several
                    .iter()
                    .map(|row| row.lot.lot_id.to_string())
                    .collect(),
            }
            .into()),
        }
    }

    /// The material of a lot. Dimensions that were defined or configured after the lot came in are used; one that is
    /// counted in another unit by now is another material as far as this lot goes.
    fn material_of(&self, lot: &LotState) -> Resolved<Material> {
        let recorded = lot
            .material
            .clone()
            .ok_or_else(|| Refused::MaterialUnknown(lot.lot.number.clone()))?;
        let (configured, unit) = (&self.books.materials, Some(recorded.base_unit));
        let now = master::material(self.connection, configured, &recorded.code, unit)?;
        Ok(now.unwrap_or(recorded))
    }

    /// The material that a new lot is made of.
    fn known_material(&self, code: &str) -> Resolved<Material> {
        let (code, configured) = (code.trim(), &self.books.materials);
        let found = master::material(self.connection, configured, code, None)?;
        match found {
            Some(material) => Ok(material),
            None => Err(Refused::UnknownMaterial {
                code: code.to_owned(),
                known: master::material_codes(self.connection, configured)?,
            }
            .into()),
        }
    }

    fn draw(&self, lot: &LotState, amount: Amount) -> Resolved<Draw> {
        let quantity = match &lot.material {
            Some(_) => measured(&self.material_of(lot)?, amount)?,
            // A lot of which only the number is known is counted in the unit it was first used in.
            None => measured(&Material::simple("unknown material", lot.base_unit), amount)?,
        };
        Ok(Draw {
            lot: lot.lot.clone(),
            quantity,
        })
    }

    fn draw_or_all(&self, lot: &LotState, amount: Option<Amount>) -> Resolved<Draw> {
        match amount {
            Some(amount) => self.draw(lot, amount),
            None => Ok(Draw {
                lot: lot.lot.clone(),
                quantity: Measured::in_base(Quantity::new(lot.balance, lot.base_unit)),
            }),
        }
    }

    /// The lots that a job has made here.
    fn outputs_of(&self, job: &str) -> Result<Vec<LotRef>, LedgerError> {
        self.lot_refs(
            "select lot_id, number from lot where made_by_job = ?1 and origin = 'produced'
             order by created_at, lot_id",
            job,
        )
    }

    /// The lots that a job has consumed here.
    fn consumed_by(&self, job: &str) -> Result<Vec<LotRef>, LedgerError> {
        self.lot_refs(
            "select lot_id, number from lot
             where lot_id in (select lot_id from lot_use
                              where job = ?1 and kind = 'consumed' and undone_by is null)
             order by created_at, lot_id",
            job,
        )
    }

    fn lot_refs(&self, sql: &str, job: &str) -> Result<Vec<LotRef>, LedgerError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mut found = query.query([job])?;
        let mut lots = Vec::new();
        while let Some(row) = found.next()? {
            let lot_id = text::id(&row.get::<_, String>(0)?, "lot id")?;
            lots.push(LotRef {
                lot_id,
                number: row.get(1)?,
            });
        }
        Ok(lots)
    }

    /// A new lot with the number given, or the next free one.
    fn new_lot(&mut self, number: Option<&str>, parent: Option<&str>) -> Resolved<LotRef> {
        let number = match (number, parent) {
            (Some(number), _) => {
                let number = number.trim();
                if number.is_empty() {
                    return Err(
                        Refused::Rule(Refusal::Incomplete("a new lot needs a number")).into(),
                    );
                }
                number.to_owned()
            }
            (None, Some(parent)) => self.next_free(|n| format!("{parent}-{n}"), 0)?.0,
            (None, None) => self.generated()?,
        };
        self.given.insert(number.clone());
        let now = self.books.clock.now();
        Ok(LotRef {
            lot_id: LotId::generate(now, &mut self.books.rng),
            number,
        })
    }

    /// `HAM-20261122-0001`: plant, day, running number.
    fn generated(&self) -> Result<String, LedgerError> {
        let series = format!("{}-{}", self.books.plant_code, self.at.strftime("%Y%m%d"));
        let newest = self.newest_of(&series)?;
        let (number, n) = self.next_free(|n| format!("{series}-{n:04}"), newest)?;
        self.keep_newest(&series, n)?;
        Ok(number)
    }

    /// The newest running number of a series; 0 before the first.
    fn newest_of(&self, series: &str) -> Result<u32, LedgerError> {
        let newest: Option<u32> = self
            .connection
            .prepare_cached("select newest from number_series where series = ?1")?
            .query_row([series], |row| row.get(0))
            .optional()?;
        Ok(newest.unwrap_or_default())
    }

    fn keep_newest(&self, series: &str, n: u32) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(
                "insert into number_series (series, newest) values (?1, ?2)
                 on conflict (series) do update set newest = excluded.newest",
            )?
            .execute(rusqlite::params![series, n])?;
        Ok(())
    }

    fn next_free(
        &self,
        form: impl Fn(u32) -> String,
        newest: u32,
    ) -> Result<(String, u32), LedgerError> {
        let mut taken = self
            .connection
            .prepare_cached("select 1 from lot where number = ?1")?;
        for n in newest.saturating_add(1).. {
            let number = form(n);
            if !self.given.contains(&number) && !taken.exists([&number])? {
                return Ok((number, n));
            }
        }
        Err(text::malformed("number series", "no number is free"))
    }
}

/// The series and running number of a number that [`Run::generated`] made.
pub(super) fn series_of<'n>(plant_code: &str, number: &'n str) -> Option<(&'n str, u32)> {
    let (series, n) = number.rsplit_once('-')?;
    let day = series.strip_prefix(plant_code)?.strip_prefix('-')?;
    let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let n = n.parse().ok().filter(|_| is_day && n.len() >= 4)?;
    Some((series, n))
}

/// An entered amount in the base unit of its material.
fn measured(material: &Material, amount: Amount) -> Result<Measured, Refused> {
    let unit = amount.unit.unwrap_or(material.base_unit);
    let entered = Quantity::new(amount.amount, unit).checked()?;
    material
        .to_base(entered)
        .map_err(|source| Refused::WrongUnit {
            source,
            fitting: Unit::ALL
                .into_iter()
                .filter(|unit| material.to_base(Quantity::new(Decimal::ONE, *unit)).is_ok())
                .collect(),
        })
}

fn work(details: &Details) -> WorkContext {
    WorkContext {
        job: details.job.as_ref().map(|number| JobRef {
            number: number.clone(),
            job_id: details.job_id,
            order: details.order.clone(),
            customer: details.customer.clone(),
        }),
        device: details.device.clone(),
        operator: details.operator.clone(),
    }
}

fn forced(details: &Details) -> Option<String> {
    details
        .forced
        .clone()
        .filter(|reason| !reason.trim().is_empty())
}
