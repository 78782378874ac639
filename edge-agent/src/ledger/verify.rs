//! Proves the ledger: every event is hashed again, every link of the chain is followed (`chain_check.rs`, on a thread of its
//! own), and what follows from the events is computed once more and compared with what is stored: entries, uses, edges, holds,
//! balances, and the books of each material (I8).
//!
//! Only movements of lots are read as JSON: of everything else the hash is enough. What is computed again stands in a
//! temporary file, so memory does not grow with the ledger. The writer is not held up; its write-ahead log grows meanwhile.

use std::ops::Range;
use std::path::PathBuf;

use agog_sync::chain::ChainHead;
use agog_sync::event::{Envelope, Event};
use agog_sync::frame::LotSnapshot;
use agog_sync::lots::LotOrigin;
use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};
use serde::{Deserialize, Serialize};

use super::append::apply_lot_event;
use super::error::LedgerError;
use super::reader::{self, Reader};
use super::{Position, chain_check, feed, rows, schema, sums, text};

/// What is computed again row by row: place of the event, place among its rows, and what the row says.
const DERIVED: [(&str, &str); 5] = [
    (
        "entries",
        "select position, line, lot_id || ' ' || bucket || ' ' || delta || ' ' || unit || ' ' ||
                                entered_amount || ' ' || entered_unit
         from lot_entry order by position, line",
    ),
    (
        "uses",
        "select position, line, lot_id || ' ' || kind || ' ' || coalesce(job, '') || ' ' || used || ' ' ||
                                coalesce(undone_by, '')
         from lot_use order by position, line",
    ),
    (
        "edges",
        "select position, row_number() over (partition by position order by parent_id, child_id, kind),
                parent_id || ' ' || child_id || ' ' || kind || ' ' || coalesce(quantity, '') ||
                coalesce(unit, '') || ' ' || at
         from lot_edge order by 1, 2",
    ),
    (
        "changes of containers",
        "select position, line, sscc || ' ' || lot_id || ' ' || bucket || ' ' || delta || ' ' || unit
         from container_entry order by position, line",
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
    /// Events of ours that the hub has other ones for, kept aside and sealed again.
    #[serde(default)]
    pub aside_events: u64,
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
        let path = connection.path().map(PathBuf::from);
        // What is committed from now on is not looked at: the chain is followed up to this position.
        let (chain, rest) = std::thread::scope(|scope| {
            let chain = scope.spawn(|| match path {
                Some(path) => chain_check::check(&schema::open_copy(&path)?, &position),
                None => Err(LedgerError::Stopped),
            });
            let rest = verify_effects(&connection, &position);
            (chain.join(), rest)
        });
        let (events, of_chain) = chain.map_err(|_| LedgerError::Stopped)??;
        let mut found = rest?;
        found.events = events;
        let effects = std::mem::replace(&mut found.problems, of_chain.listed);
        found.problems.extend(effects);
        found.problems.truncate(PROBLEMS_MAX);
        found.problem_count += of_chain.count;
        Ok(found)
    }
}

fn verify_effects(
    connection: &Connection,
    position: &Position,
) -> Result<Verification, LedgerError> {
    let mut run = Run {
        connection,
        problems: Problems::default(),
        aside_events: 0,
        foreign_events: 0,
        lots: 0,
    };
    run.check_aside(position)?;
    let replayed = run.replay(position)?;
    run.compare_entries(&replayed)?;
    run.compare_holds(&replayed)?;
    run.compare_containers(&replayed)?;
    run.compare_lots(&replayed)?;
    run.check_books()?;
    Ok(Verification {
        events: 0,
        aside_events: run.aside_events,
        foreign_events: run.foreign_events,
        lots: run.lots,
        epoch: position.epoch,
        head: position.head,
        problems: run.problems.listed,
        problem_count: run.problems.count,
    })
}

/// What is not as it was written, so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    listed: Vec<VerifyProblem>,
    count: u64,
}

impl Problems {
    pub(super) fn add(&mut self, event: Option<(u64, u64)>, what: impl Into<String>) {
        self.count += 1;
        if self.listed.len() < PROBLEMS_MAX {
            self.listed.push(VerifyProblem {
                epoch: event.map(|(epoch, _)| epoch),
                seq: event.map(|(_, seq)| seq),
                what: what.into(),
            });
        }
    }
}

struct Run<'a> {
    connection: &'a Connection,
    problems: Problems,
    aside_events: u64,
    foreign_events: u64,
    lots: u64,
}

impl Run<'_> {
    fn problem(&mut self, event: Option<(u64, u64)>, what: impl Into<String>) {
        self.problems.add(event, what);
    }

    /// Events that are kept aside are in no chain any more, but as they were sealed; and each of their
    /// facts is in the chain under another number.
    fn check_aside(&mut self, position: &Position) -> Result<(), LedgerError> {
        let mut query = self.connection.prepare(
            "select epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor, payload,
                    prev_hash, hash,
                    exists (select 1 from event where event.event_id = event_aside.event_id)
             from event_aside order by epoch, seq",
        )?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            self.aside_events += 1;
            let event = (row.get(0)?, row.get(1)?);
            let sealed = rows::envelope(row, 1).and_then(|envelope| {
                envelope
                    .verify(position.producer, event.0, &envelope.prev_hash)
                    .map_err(|error| text::malformed("event", error))
            });
            if let Err(error) = sealed {
                self.problem(Some(event), error.to_string());
            }
            if !row.get::<_, bool>(11)? {
                let lost = format!("event {} was kept aside and not sealed again", event.1);
                self.problem(Some(event), lost);
            }
        }
        Ok(())
    }

    /// Applies every movement again, in a database of its own that is removed at the end.
    fn replay(&mut self, position: &Position) -> Result<Connection, LedgerError> {
        let replayed = schema::open_scratch()?;
        // One transaction: nobody needs what is left of it when it fails.
        let writes = replayed.unchecked_transaction()?;
        self.leave_out_again(&writes)?;
        let own_producer = position.producer.to_string();
        let mut query = self.connection.prepare(
            "select position, producer_id, epoch, seq, event_id, kind, version, occurred_at,
                    recorded_at, actor, payload, prev_hash, hash
              from fact where resealed = 0 and (producer_id <> ?1 or kind glob 'lot.*') order by position",
        )?;
        let mut found = query.query([&own_producer])?;
        let mut done = 0;
        while let Some(row) = found.next()? {
            let own = row.get_ref(1)?.as_str().ok() == Some(own_producer.as_str());
            if !own {
                self.foreign_events += 1;
            }
            let place = row.get(0)?;
            self.adopt_again(&writes, done..place)?;
            done = place;
            if let Err(error) = Self::replay_one(&writes, row, own) {
                let event = (row.get(2)?, row.get(3)?);
                self.problem(
                    Some(event),
                    format!("event {} cannot be applied: {error}", event.1),
                );
            }
        }
        self.adopt_again(&writes, done..i64::MAX)?;
        writes.commit()?;
        Ok(replayed)
    }

    fn replay_one(replayed: &Connection, row: &Row<'_>, own: bool) -> Result<(), LedgerError> {
        let place: i64 = row.get(0)?;
        let envelope: Envelope = rows::envelope(row, 3)?;
        if !own {
            // Its neighbours are elsewhere; that it was not changed can be seen here.
            let producer = text::id(&row.get::<_, String>(1)?, "producer id")?;
            envelope
                .verify(producer, row.get(2)?, &envelope.prev_hash)
                .map_err(|error| text::malformed("event of another producer", error))?;
        }
        let event = envelope
            .event()
            .map_err(|error| text::malformed("event", error))?;
        let Event::Lot(event) = event else {
            return Ok(());
        };
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

    /// Which effects came with their lots is a fact of the day on which they came, and kept.
    fn leave_out_again(&self, replayed: &Connection) -> Result<(), LedgerError> {
        let mut query = self
            .connection
            .prepare("select position, lot_id from left_out")?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            replayed.execute(
                "insert into left_out (position, lot_id) values (?1, ?2)",
                params![row.get::<_, i64>(0)?, row.get::<_, String>(1)?],
            )?;
        }
        Ok(())
    }

    /// Takes in again what the hub had told of lots after the first of two places, up to the second and before its event.
    fn adopt_again(&self, replayed: &Connection, places: Range<i64>) -> Result<(), LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select position, snapshot, delta, shipped, packed, feed_n from adoption
             where position > ?1 and position <= ?2 order by adoption_id",
        )?;
        let mut found = query.query(params![places.start, places.end])?;
        while let Some(row) = found.next()? {
            let snapshot: LotSnapshot = text::json(&row.get::<_, String>(1)?, "adopted lot")?;
            let step = feed::Step {
                balance: text::decimal(&row.get::<_, String>(2)?)?,
                shipped: text::decimal(&row.get::<_, String>(3)?)?,
                packed: text::json(&row.get::<_, String>(4)?, "packed of an adopted lot")?,
            };
            feed::adopt(replayed, (row.get(0)?, row.get(5)?), &snapshot, &step)?;
        }
        Ok(())
    }

    /// Compares what stands by the place of its event, so that the event to blame can be named.
    fn compare_entries(&mut self, replayed: &Connection) -> Result<(), LedgerError> {
        for (what, sql) in DERIVED {
            let mut differ = Vec::new();
            compare(self.connection, replayed, sql, place_of, |place, _| {
                differ.push(place.0);
                differ.len() < PROBLEMS_MAX
            })?;
            for place in differ {
                let event = self.event_at(place)?;
                let seq = event.map_or(0, |(_, seq)| seq);
                self.problem(
                    event,
                    format!("{what} of event {seq} are not what the event says"),
                );
            }
        }
        Ok(())
    }

    /// Compares holds: they are of lots, not of one event.
    fn compare_holds(&mut self, replayed: &Connection) -> Result<(), LedgerError> {
        const SQL: &str =
            "select lot_id, hold_id, coalesce(reason, '') || ' ' || coalesce(placed_at, '') || ' ' ||
                                     coalesce(released_at, '') || ' ' || coalesce(release_reason, '')
             from lot_hold order by lot_id, hold_id";
        let mut differ = Vec::new();
        compare(
            self.connection,
            replayed,
            SQL,
            named_twice,
            |hold, state| {
                differ.push((hold, state));
                differ.len() < PROBLEMS_MAX
            },
        )?;
        for ((lot_id, hold_id), state) in differ {
            let event = self.newest_event_of(&lot_id)?;
            self.problem(event, format!("hold {hold_id} of lot {lot_id} {state}"));
        }
        Ok(())
    }

    /// Compares what is in containers.
    fn compare_containers(&mut self, replayed: &Connection) -> Result<(), LedgerError> {
        const SQL: &str =
            "select lot_id, sscc, packed from container_content order by lot_id, sscc";
        let mut differ = Vec::new();
        compare(
            self.connection,
            replayed,
            SQL,
            named_twice,
            |content, state| {
                differ.push((content, state));
                differ.len() < PROBLEMS_MAX
            },
        )?;
        for ((lot_id, sscc), state) in differ {
            let event = self.newest_event_of(&lot_id)?;
            self.problem(
                event,
                format!("what container {sscc} holds of lot {lot_id} {state}"),
            );
        }
        Ok(())
    }

    /// I8: what came in of each material is on hand or went out.
    fn check_books(&mut self) -> Result<(), LedgerError> {
        for sum in sums::of(self.connection)? {
            if !sum.is_balanced() {
                let material = sum
                    .material
                    .as_deref()
                    .unwrap_or("lots of unknown material");
                self.problem(
                    None,
                    format!("the books of {material} in {} do not balance", sum.unit),
                );
            }
        }
        Ok(())
    }

    fn compare_lots(&mut self, replayed: &Connection) -> Result<(), LedgerError> {
        const SQL: &str = "select lot.number, lot.balance, lot.base_unit, lot.material_code,
                lot.origin || ' ' || coalesce(lot.made_by_job, ''),
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
            self.lots += 1;
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
        if count > self.lots {
            let lost = count - self.lots;
            self.problem(None, format!("{lost} lots that events made are not stored"));
        }
        Ok(())
    }

    fn event_at(&self, place: i64) -> Result<Option<(u64, u64)>, LedgerError> {
        Ok(self
            .connection
            .query_row(
                "select epoch, seq from fact where position = ?1",
                [place],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?)
    }

    fn newest_event_of(&self, lot_id: &str) -> Result<Option<(u64, u64)>, LedgerError> {
        Ok(self
            .connection
            .query_row(
                "select epoch, seq from fact where position =
                 (select max(position) from lot_entry where lot_id = ?1)",
                params![lot_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?)
    }
}

/// How a row that differs stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NotStored,
    NotSaid,
    Other,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotStored => "is not stored, but events say it",
            Self::NotSaid => "is stored, but no event says it",
            Self::Other => "is stored otherwise than events say it",
        })
    }
}

/// Walks the rows of `sql`, which are ordered by their key, in both databases at once, and tells the keys that differ until
/// `differs` says that it has enough.
fn compare<K: Ord + Clone>(
    stored: &Connection,
    replayed: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(K, String)>,
    mut differs: impl FnMut(K, State) -> bool,
) -> Result<(), LedgerError> {
    let mut stored = stored.prepare(sql)?;
    let mut stored = stored.query([])?;
    let mut replayed = replayed.prepare(sql)?;
    let mut replayed = replayed.query([])?;
    let next = |rows: &mut Rows<'_>| -> Result<Option<(K, String)>, LedgerError> {
        Ok(rows.next()?.map(&read).transpose()?)
    };
    let (mut left, mut right) = (next(&mut stored)?, next(&mut replayed)?);
    loop {
        let state = match (&left, &right) {
            (None, None) => return Ok(()),
            (Some(_), None) => Some(State::NotSaid),
            (None, Some(_)) => Some(State::NotStored),
            (Some((left, _)), Some((right, _))) if left < right => Some(State::NotSaid),
            (Some((left, _)), Some((right, _))) if left > right => Some(State::NotStored),
            (Some((_, left)), Some((_, right))) => (left != right).then_some(State::Other),
        };
        let key = match state {
            Some(State::NotStored) => &right,
            _ => &left,
        };
        if let (Some(state), Some((key, _))) = (state, key)
            && !differs(key.clone(), state)
        {
            return Ok(());
        }
        if state != Some(State::NotStored) {
            left = next(&mut stored)?;
        }
        if state != Some(State::NotSaid) {
            right = next(&mut replayed)?;
        }
    }
}

fn place_of(row: &Row<'_>) -> rusqlite::Result<((i64, i64), String)> {
    Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
}

/// By lot and hold, or lot and container.
fn named_twice(row: &Row<'_>) -> rusqlite::Result<((String, String), String)> {
    Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
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
        let undone = if self.4.starts_with(LotOrigin::Undone.as_str()) {
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
