//! Reads every movement of lots and applies it again, on two threads: one reads and decodes, the other applies.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use agog_sync::event::{Envelope, Event};
use agog_sync::frame::LotSnapshot;
use agog_sync::ids::{EventId, LotId};
use agog_sync::lots::LotEvent;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::Problems;
use super::computed::{Computed, Place};
use super::derived::DerivedRows;
use crate::ledger::error::LedgerError;
use crate::ledger::{Position, adoption, rows, schema, text};

/// Events that are handed from one thread to the other at a time, and how often: a megabyte or two on the way.
const BATCH: usize = 256;
const BATCHES: usize = 8;

/// How much of the ledger is looked at: what is committed from now on is not.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    /// Who writes this ledger, as it is stored.
    pub producer: String,
    /// The newest event of all.
    pub position: i64,
    /// The newest lot that was taken in.
    pub adoption: i64,
    /// Events that are corrected, as the table of corrections should say and does not.
    pub unforeseen: BTreeSet<EventId>,
}

impl Extent {
    pub(super) fn of(connection: &Connection, position: &Position) -> Result<Self, LedgerError> {
        let newest = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
        Ok(Self {
            producer: position.producer.to_string(),
            position: newest("select coalesce(max(position), 0) from fact")?,
            adoption: newest("select coalesce(max(adoption_id), 0) from adoption")?,
            unforeseen: BTreeSet::new(),
        })
    }
}

/// What applying everything again gave.
pub(super) struct Replayed {
    pub computed: Computed,
    pub foreign_events: u64,
    pub problems: Problems,
}

/// An event that moves lots, or why it cannot be read.
struct Fact {
    place: Place,
    epoch: u64,
    seq: u64,
    own: bool,
    event: Result<Event, String>,
}

/// Applies every movement in the file again.
pub(super) fn replay(
    path: &Path,
    extent: &Extent,
    rows: DerivedRows,
) -> Result<Replayed, LedgerError> {
    let (batches, facts) = sync_channel(BATCHES);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || read(path, extent, &batches));
        let applied = Replay::new(path, extent, rows).and_then(|replay| replay.run(facts));
        let read = reading.join().map_err(|_| LedgerError::Stopped)?;
        read.and(applied)
    })
}

fn read(path: &Path, extent: &Extent, batches: &SyncSender<Vec<Fact>>) -> Result<(), LedgerError> {
    let connection = schema::open_copy(path)?;
    let mut query = connection.prepare(
        "select position, producer_id, epoch, seq, event_id, kind, version, occurred_at,
                recorded_at, actor, payload, prev_hash, hash
         from fact where resealed = 0 and position <= ?2 and (producer_id <> ?1 or kind glob 'lot.*')
         order by position",
    )?;
    let mut found = query.query(params![extent.producer, extent.position])?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = found.next()? {
        batch.push(fact(row, &extent.producer)?);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.send(full).is_err() {
                // Whoever applies has failed, and says why.
                return Ok(());
            }
        }
    }
    // As above.
    let _ = batches.send(batch);
    Ok(())
}

fn fact(row: &Row<'_>, producer: &str) -> Result<Fact, LedgerError> {
    let own = text::column(row, 1)? == producer;
    // An own event is proven by the chain; the neighbours of another are elsewhere, but that it was not changed can be
    // seen here.
    let read = || -> Result<(Place, Event), LedgerError> {
        if !own {
            let envelope: Envelope = rows::envelope(row, 3)?;
            envelope
                .verify(
                    text::id(text::column(row, 1)?, "producer id")?,
                    row.get(2)?,
                    &envelope.prev_hash,
                )
                .map_err(|error| text::malformed("event of another producer", error))?;
        }
        let place = Place {
            position: row.get(0)?,
            event_id: text::id(text::column(row, 4)?, "event id")?,
            at: text::instant(row.get(7)?)?,
        };
        let event = Event::decode(text::column(row, 5)?, row.get(6)?, text::column(row, 10)?)
            .map_err(|error| text::malformed("event", error))?;
        Ok((place, event))
    };
    let (place, event) = match read() {
        Ok((place, event)) => (place, Ok(event)),
        Err(error) => {
            let nowhere = Place {
                position: row.get(0)?,
                event_id: EventId::from_uuid(uuid::Uuid::nil()),
                at: Timestamp::UNIX_EPOCH,
            };
            (nowhere, Err(error.to_string()))
        }
    };
    Ok(Fact {
        place,
        epoch: row.get(2)?,
        seq: row.get(3)?,
        own,
        event,
    })
}

struct Replay {
    connection: Connection,
    computed: Computed,
    adoptions: VecDeque<Adoption>,
    /// Lots into which the event at a place had gone before it came.
    left_out: HashMap<i64, Vec<LotId>>,
    foreign_events: u64,
    problems: Problems,
}

/// What the hub had told of a lot, before the event at `place`.
struct Adoption {
    place: i64,
    snapshot: LotSnapshot,
    step: adoption::Step,
}

impl Replay {
    fn new(path: &Path, extent: &Extent, rows: DerivedRows) -> Result<Self, LedgerError> {
        let connection = schema::open_copy(path)?;
        let corrected = corrected(&connection, extent)?;
        Ok(Self {
            computed: Computed::new(rows, corrected),
            adoptions: adoptions(&connection, extent)?,
            left_out: left_out(&connection)?,
            connection,
            foreign_events: 0,
            problems: Problems::default(),
        })
    }

    fn run(mut self, facts: Receiver<Vec<Fact>>) -> Result<Replayed, LedgerError> {
        for fact in facts.into_iter().flatten() {
            self.adopt_until(fact.place.position);
            if !fact.own {
                self.foreign_events += 1;
            }
            match &fact.event {
                Ok(Event::Lot(event)) => self.apply(&fact, event)?,
                Ok(_) => {}
                Err(error) => self.problems.add(
                    Some((fact.epoch, fact.seq)),
                    format!("event {} cannot be applied: {error}", fact.seq),
                ),
            }
        }
        self.adopt_until(i64::MAX);
        Ok(Replayed {
            computed: self.computed,
            foreign_events: self.foreign_events,
            problems: self.problems,
        })
    }

    fn adopt_until(&mut self, place: i64) {
        while let Some(adoption) = self.adoptions.pop_front_if(|next| next.place <= place) {
            self.computed.adopt(&adoption.snapshot, &adoption.step);
        }
    }

    fn apply(&mut self, fact: &Fact, event: &LotEvent) -> Result<(), LedgerError> {
        let unseen = self.unseen(fact.place.position, event)?;
        let left_out = self.left_out.get(&fact.place.position);
        let left_out = left_out.map(Vec::as_slice).unwrap_or_default();
        let own = fact.own || self.computed.touches_own(event);
        self.computed
            .apply(fact.place, event, own, left_out, &unseen);
        Ok(())
    }

    /// The lots of a correction in which the event that it corrects is not, as `book.rs` says it when the correction is
    /// recorded.
    fn unseen(&self, place: i64, event: &LotEvent) -> Result<Vec<LotId>, LedgerError> {
        let LotEvent::Corrected(event) = event else {
            return Ok(Vec::new());
        };
        let here = self
            .connection
            .prepare_cached("select 1 from fact where event_id = ?1 and position < ?2")?
            .exists(params![event.corrects.to_string(), place])?;
        if here {
            return Ok(Vec::new());
        }
        let lots = event.undone().lots().into_iter().map(|lot| lot.lot_id);
        Ok(lots
            .filter(|lot_id| !self.computed.is_adopted(*lot_id))
            .collect())
    }
}

/// The events that are corrected somewhere.
fn corrected(connection: &Connection, extent: &Extent) -> Result<BTreeSet<EventId>, LedgerError> {
    let mut query =
        connection.prepare("select event_id from lot_correction where position <= ?1")?;
    let mut found = query.query([extent.position])?;
    let mut corrected = extent.unforeseen.clone();
    while let Some(row) = found.next()? {
        // One that is no id was not written by us, and differs from what events say.
        corrected.extend(text::column(row, 0)?.parse::<EventId>());
    }
    Ok(corrected)
}

/// Which effects came with their lots is a fact of the day on which they came, and kept.
fn left_out(connection: &Connection) -> Result<HashMap<i64, Vec<LotId>>, LedgerError> {
    let mut query = connection.prepare("select position, lot_id from left_out")?;
    let mut found = query.query([])?;
    let mut left_out: HashMap<i64, Vec<LotId>> = HashMap::new();
    while let Some(row) = found.next()? {
        let lot_id = text::id(&row.get::<_, String>(1)?, "lot id")?;
        left_out.entry(row.get(0)?).or_default().push(lot_id);
    }
    Ok(left_out)
}

/// What the hub had told of lots, in the order in which it was taken in.
fn adoptions(connection: &Connection, extent: &Extent) -> Result<VecDeque<Adoption>, LedgerError> {
    let mut query = connection.prepare(
        "select position, snapshot, delta, shipped, packed from adoption
         where adoption_id <= ?1 order by adoption_id",
    )?;
    let mut found = query.query([extent.adoption])?;
    let mut adoptions = VecDeque::new();
    while let Some(row) = found.next()? {
        adoptions.push_back(Adoption {
            place: row.get(0)?,
            snapshot: text::json(&row.get::<_, String>(1)?, "adopted lot")?,
            step: adoption::Step {
                balance: text::decimal(&row.get::<_, String>(2)?)?,
                shipped: text::decimal(&row.get::<_, String>(3)?)?,
                packed: text::json(&row.get::<_, String>(4)?, "packed of an adopted lot")?,
            },
        });
    }
    Ok(adoptions)
}
