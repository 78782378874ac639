//! Proves the ledger: every event is hashed again, every link of the chain is followed, and what
//! follows from the events is computed once more and compared with what is stored.

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::{Envelope, Event};
use agog_sync::frame::LotSnapshot;
use agog_sync::lots::LotOrigin;
use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};
use serde::{Deserialize, Serialize};

use super::append::apply_lot_event;
use super::error::LedgerError;
use super::reader::{self, Reader};
use super::{Position, feed, rows, schema, text};

/// What is computed again row by row: place of the event, place among its rows, and what the row says.
const DERIVED: [(&str, &str); 4] = [
    (
        "entries",
        "select position, line, lot_id || ' ' || bucket || ' ' || delta || ' ' || unit
         from lot_entry order by position, line",
    ),
    (
        "uses",
        "select position, line, lot_id || ' ' || used || ' ' || coalesce(undone_by, '')
         from lot_use order by position, line",
    ),
    (
        "edges",
        "select position, row_number() over (partition by position order by parent_id, child_id, kind),
                parent_id || ' ' || child_id || ' ' || kind
         from lot_edge order by 1, 2",
    ),
    (
        "corrections",
        "select position, 1, event_id from lot_correction order by position",
    ),
];

/// Problems beyond this number are only counted: one lost row can break thousands of links.
const PROBLEMS_MAX: usize = 50;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Our own events, in all epochs.
    pub events: u64,
    /// Events of others that touch our lots.
    pub foreign_events: u64,
    pub lots: u64,
    pub epoch: u64,
    pub head: ChainHead,
    /// At most 50; empty when everything is as it was written.
    pub problems: Vec<VerifyProblem>,
    /// All problems, also those that are not listed.
    pub problem_count: u64,
}

/// One thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyProblem {
    /// The epoch and sequence number of the event, where one is to blame.
    pub epoch: Option<u64>,
    pub seq: Option<u64>,
    /// A sentence for people.
    pub what: String,
}

impl Reader {
    /// Verifies the whole ledger. Reads everything: seconds per million events.
    pub fn verify(&self) -> Result<Verification, LedgerError> {
        let connection = self.connection.unchecked_transaction()?;
        let position = reader::position(&connection)?;
        let mut run = Run {
            connection: &connection,
            found: Verification {
                events: 0,
                foreign_events: 0,
                lots: 0,
                epoch: position.epoch,
                head: position.head,
                problems: Vec::new(),
                problem_count: 0,
            },
        };
        run.check_chain(&position)?;
        let replayed = run.replay()?;
        for (what, sql) in DERIVED {
            run.compare_rows(&replayed, what, sql)?;
        }
        run.compare_lots(&replayed)?;
        Ok(run.found)
    }
}

struct Run<'a> {
    connection: &'a Connection,
    found: Verification,
}

impl Run<'_> {
    fn problem(&mut self, event: Option<(u64, u64)>, what: impl Into<String>) {
        self.found.problem_count += 1;
        if self.found.problems.len() < PROBLEMS_MAX {
            self.found.problems.push(VerifyProblem {
                epoch: event.map(|(epoch, _)| epoch),
                seq: event.map(|(_, seq)| seq),
                what: what.into(),
            });
        }
    }

    /// Follows our own chain through every epoch, and ends at the head that was committed.
    fn check_chain(&mut self, position: &Position) -> Result<(), LedgerError> {
        let mut query = self.connection.prepare(
            "select epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor, payload,
                    prev_hash, hash
             from event where producer_id = ?1 order by epoch, seq",
        )?;
        let mut found = query.query([position.producer.to_string()])?;
        let mut epoch = 0;
        let mut head = ChainHead::genesis(position.producer, epoch);
        while let Some(row) = found.next()? {
            self.found.events += 1;
            let row_epoch: u64 = row.get(0)?;
            if row_epoch != epoch {
                epoch = row_epoch;
                head = ChainHead::genesis(position.producer, epoch);
            }
            let seq: u64 = row.get(1)?;
            if seq != head.last_seq + 1 {
                let lost = format!("event {} is missing", head.last_seq + 1);
                self.problem(Some((epoch, head.last_seq + 1)), lost);
            }
            match rows::envelope(row, 1) {
                Ok(envelope) => {
                    let linked: Hash = if seq == head.last_seq + 1 {
                        head.hash
                    } else {
                        envelope.prev_hash
                    };
                    if let Err(error) = envelope.verify(position.producer, epoch, &linked) {
                        self.problem(Some((epoch, seq)), error.to_string());
                    }
                    head = envelope.head();
                }
                Err(error) => {
                    self.problem(Some((epoch, seq)), error.to_string());
                    head = ChainHead {
                        last_seq: seq,
                        hash: text::hash(&row.get::<_, Vec<u8>>(10)?)?,
                    };
                }
            }
        }
        let expected = if epoch == position.epoch {
            head
        } else {
            ChainHead::genesis(position.producer, position.epoch)
        };
        if expected != position.head {
            self.problem(
                Some((position.epoch, position.head.last_seq)),
                format!(
                    "the ledger ends at event {}, but event {} was committed",
                    expected.last_seq, position.head.last_seq
                ),
            );
        }
        Ok(())
    }

    /// Applies every event again, in a database of its own that is removed at the end.
    fn replay(&mut self) -> Result<Connection, LedgerError> {
        let replayed = schema::open_scratch()?;
        let own_producer = reader::position(self.connection)?.producer.to_string();
        let mut query = self.connection.prepare(
            "select position, producer_id, epoch, seq, event_id, kind, version, occurred_at,
                    recorded_at, actor, payload, prev_hash, hash
             from event where resealed = 0 order by position",
        )?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let own = row.get::<_, String>(1)? == own_producer;
            if !own {
                self.found.foreign_events += 1;
            }
            if let Err(error) = self.replay_one(&replayed, row, own) {
                let event = (row.get(2)?, row.get(3)?);
                self.problem(
                    Some(event),
                    format!("event {} cannot be applied: {error}", event.1),
                );
            }
        }
        Ok(replayed)
    }

    fn replay_one(
        &self,
        replayed: &Connection,
        row: &Row<'_>,
        own: bool,
    ) -> Result<(), LedgerError> {
        let place: i64 = row.get(0)?;
        let envelope: Envelope = rows::envelope(row, 3)?;
        let event = envelope
            .event()
            .map_err(|error| text::malformed("event", error))?;
        let Event::Lot(event) = event else {
            return Ok(());
        };
        if !own {
            for snapshot in self.snapshots_at(place)? {
                feed::adopt(replayed, place, &snapshot)?;
            }
        }
        let numbers_here = own || feed::touches_own(replayed, &event)?;
        // A correction finds the event that it undoes by its id.
        replayed
            .prepare_cached(
                "insert into event (position, producer_id, epoch, seq, event_id, kind, version, occurred_at,
                                    recorded_at, actor, payload, prev_hash, hash)
                 values (?1, '', 0, ?1, ?2, '', 0, 0, 0, '', '', x'', x'')",
            )?
            .execute(params![place, envelope.event_id.to_string()])?;
        let named = (&event, envelope.event_id);
        apply_lot_event(replayed, place, named, envelope.occurred_at, numbers_here)?;
        Ok(())
    }

    fn snapshots_at(&self, place: i64) -> Result<Vec<LotSnapshot>, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select snapshot from lot_snapshot where position = ?1")?;
        let mut found = query.query([place])?;
        let mut snapshots = Vec::new();
        while let Some(row) = found.next()? {
            snapshots.push(text::json(&row.get::<_, String>(0)?, "lot snapshot")?);
        }
        Ok(snapshots)
    }

    /// Compares rows that stand by the place of their event, so that the event to blame can be named.
    fn compare_rows(
        &mut self,
        replayed: &Connection,
        what: &str,
        sql: &str,
    ) -> Result<(), LedgerError> {
        let mut stored_query = self.connection.prepare(sql)?;
        let mut stored = stored_query.query([])?;
        let mut computed_query = replayed.prepare(sql)?;
        let mut computed = computed_query.query([])?;
        let mut left = next_entry(&mut stored)?;
        let mut right = next_entry(&mut computed)?;
        loop {
            let place = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(stored), Some(computed)) if stored == computed => None,
                (Some((stored, _)), Some((computed, _))) => Some(*stored.min(computed)),
                (Some((place, _)), None) | (None, Some((place, _))) => Some(*place),
            };
            let Some(place) = place else {
                left = next_entry(&mut stored)?;
                right = next_entry(&mut computed)?;
                continue;
            };
            let event = self.event_at(place.0)?;
            let seq = event.map_or(0, |(_, seq)| seq);
            self.problem(
                event,
                format!("{what} of event {seq} are not what the event says"),
            );
            if left.as_ref().is_some_and(|(at, _)| *at == place) {
                left = next_entry(&mut stored)?;
            }
            if right.as_ref().is_some_and(|(at, _)| *at == place) {
                right = next_entry(&mut computed)?;
            }
        }
    }

    fn compare_lots(&mut self, replayed: &Connection) -> Result<(), LedgerError> {
        const SQL: &str =
            "select lot.number, lot.balance, lot.base_unit, lot.material_code, lot.origin,
                (select group_concat(hold_id) from
                    (select hold_id from lot_hold where lot_hold.lot_id = lot.lot_id
                     and placed_at is not null and released_at is null order by hold_id))
             from lot where lot.lot_id = ?1";
        let mut ids = self
            .connection
            .prepare("select lot_id from lot order by lot_id")?;
        let mut stored_lot = self.connection.prepare(SQL)?;
        let mut computed_lot = replayed.prepare(SQL)?;
        let mut found = ids.query([])?;
        while let Some(row) = found.next()? {
            self.found.lots += 1;
            let lot_id: String = row.get(0)?;
            let stored = stored_lot.query_row([&lot_id], lot_facts)?;
            let computed = computed_lot.query_row([&lot_id], lot_facts).optional()?;
            match computed {
                Some(computed) if computed == stored => {}
                Some(computed) => {
                    let event = self.newest_event_of(&lot_id)?;
                    self.problem(
                        event,
                        format!(
                            "lot {} is stored as {}, its events say {}",
                            stored.0,
                            stored.describe(),
                            computed.describe()
                        ),
                    );
                }
                None => self.problem(None, format!("no event made lot {}", stored.0)),
            }
        }
        let count: u64 = replayed.query_row("select count(*) from lot", [], |row| row.get(0))?;
        if count > self.found.lots {
            let lost = count - self.found.lots;
            self.problem(None, format!("{lost} lots that events made are not stored"));
        }
        Ok(())
    }

    fn event_at(&self, place: i64) -> Result<Option<(u64, u64)>, LedgerError> {
        Ok(self
            .connection
            .query_row(
                "select epoch, seq from event where position = ?1",
                [place],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?)
    }

    fn newest_event_of(&self, lot_id: &str) -> Result<Option<(u64, u64)>, LedgerError> {
        Ok(self
            .connection
            .query_row(
                "select epoch, seq from event where position =
                 (select max(position) from lot_entry where lot_id = ?1)",
                params![lot_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?)
    }
}

type Entry = ((i64, i64), String);

fn next_entry(found: &mut Rows<'_>) -> Result<Option<Entry>, LedgerError> {
    Ok(match found.next()? {
        Some(row) => Some(((row.get(0)?, row.get(1)?), row.get(2)?)),
        None => None,
    })
}

/// Number, balance, unit, material, origin and standing holds of a lot.
#[derive(PartialEq, Eq)]
struct LotFacts(
    String,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
);

impl LotFacts {
    fn describe(&self) -> String {
        let held = if self.5.is_some() { ", held" } else { "" };
        let undone = if self.4 == LotOrigin::Undone.as_str() {
            ", undone"
        } else {
            ""
        };
        format!("{} {}{held}{undone}", self.1, self.2)
    }
}

fn lot_facts(row: &Row<'_>) -> rusqlite::Result<LotFacts> {
    Ok(LotFacts(
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
    ))
}
