//! Follows our own chain through every epoch, up to the head that was committed.
//!
//! No JSON is read but the actor's, and that once for each: the hash covers the text of the payload as it stands.

use std::collections::HashMap;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::days::DayHasher;
use agog_sync::event::{Actor, SealedParts};
use agog_sync::ids::{EventId, ProducerId};
use rusqlite::{Connection, Row, params};

use super::days::{self, CountedDay};
use super::error::LedgerError;
use super::verify::Problems;
use super::{Position, text};

/// Actors that are remembered: more people than a plant has.
const ACTORS_MAX: usize = 4_096;

/// How many events there are, and what is wrong with them.
pub(super) fn check(
    connection: &Connection,
    position: &Position,
) -> Result<(u64, Problems), LedgerError> {
    let mut query = connection.prepare(
        "select epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor, payload, prev_hash, hash
         from event where producer_id = ?1 and (epoch < ?2 or (epoch = ?2 and seq <= ?3)) order by epoch, seq",
    )?;
    let mut found = query.query(params![
        position.producer.to_string(),
        position.epoch,
        position.head.last_seq
    ])?;
    let mut problems = Problems::default();
    let mut actors = Actors::default();
    let mut events = 0;
    let mut epoch = 0;
    let mut head = ChainHead::genesis(position.producer, epoch);
    let mut days = Days::new(connection, position)?;
    while let Some(row) = found.next()? {
        events += 1;
        let row_epoch: u64 = row.get(0)?;
        if row_epoch != epoch {
            epoch = row_epoch;
            head = ChainHead::genesis(position.producer, epoch);
        }
        let seq: u64 = row.get(1)?;
        let follows = seq == head.last_seq + 1;
        if !follows {
            let lost = head.last_seq + 1;
            let what = if seq - lost > 1 {
                format!("events {lost} to {} are missing", seq - 1)
            } else {
                format!("event {lost} is missing")
            };
            problems.add(Some((epoch, lost)), what);
        }
        days.reach(epoch, seq, &mut problems);
        let hash = text::hash(row.get_ref(10)?.as_blob().unwrap_or_default());
        match hash
            .and_then(|hash| Ok((hash, computed(row, position.producer, epoch, &mut actors)?)))
        {
            Ok((hash, (linked, computed))) => {
                days.add(seq, &linked, &hash, &computed);
                if follows && linked != head.hash {
                    let what = format!(
                        "event {seq} names {linked} as the hash before it, expected {}",
                        head.hash
                    );
                    problems.add(Some((epoch, seq)), what);
                } else if computed != hash {
                    let what = format!("event {seq} hashes to {computed}, but says {hash}");
                    problems.add(Some((epoch, seq)), what);
                }
                head = ChainHead {
                    last_seq: seq,
                    hash,
                };
            }
            Err(error) => {
                days.add_unreadable(seq);
                problems.add(Some((epoch, seq)), error.to_string());
                head.last_seq = seq;
            }
        }
    }
    days.reach(u64::MAX, 0, &mut problems);
    let end = if epoch == position.epoch {
        head
    } else {
        ChainHead::genesis(position.producer, position.epoch)
    };
    if end != position.head {
        problems.add(
            Some((position.epoch, position.head.last_seq)),
            format!(
                "the ledger ends at event {}, but event {} was committed",
                end.last_seq, position.head.last_seq
            ),
        );
    }
    Ok((events, problems))
}

/// Days that are over, counted again while the chain is followed.
struct Days {
    producer: ProducerId,
    counted: std::iter::Peekable<std::vec::IntoIter<CountedDay>>,
    hasher: Option<DayHasher>,
}

impl Days {
    fn new(connection: &Connection, position: &Position) -> Result<Self, LedgerError> {
        let mut counted = days::all(connection)?;
        // Those that were counted since are not looked at.
        counted.retain(|day| {
            (day.span.epoch, day.span.last_seq) <= (position.epoch, position.head.last_seq)
        });
        Ok(Self {
            producer: position.producer,
            counted: counted.into_iter().peekable(),
            hasher: None,
        })
    }

    /// Ends the days that are over before this event, and begins the one that it belongs to.
    fn reach(&mut self, epoch: u64, seq: u64, problems: &mut Problems) {
        while let Some(CountedDay { span, proof, .. }) = self.counted.peek().copied() {
            if (epoch, seq) < (span.epoch, span.first_seq) {
                return;
            }
            let hasher = self.hasher.take();
            let hasher =
                hasher.unwrap_or_else(|| DayHasher::new(self.producer, span.epoch, span.first_seq));
            if (epoch, seq) <= (span.epoch, span.last_seq) {
                self.hasher = Some(hasher);
                return;
            }
            let found = hasher.finish(span.last_seq);
            if found != proof {
                problems.add(
                    Some((span.epoch, found.fault.unwrap_or(span.first_seq))),
                    format!(
                        "day {} (events {} to {}) had {} events with {} when it was over, and has {} with {} now",
                        span.day, span.first_seq, span.last_seq, proof.events, proof.hash, found.events, found.hash
                    ),
                );
            }
            self.counted.next();
        }
    }

    fn add(&mut self, seq: u64, prev_hash: &Hash, stored: &Hash, computed: &Hash) {
        if let Some(hasher) = &mut self.hasher {
            hasher.add(seq, prev_hash, stored, computed);
        }
    }

    fn add_unreadable(&mut self, seq: u64) {
        if let Some(hasher) = &mut self.hasher {
            hasher.add_unreadable(seq);
        }
    }
}

/// The hash that an event names as the one before it, and its own as it is computed.
pub(super) fn computed(
    row: &Row<'_>,
    producer: ProducerId,
    epoch: u64,
    actors: &mut Actors,
) -> Result<(Hash, Hash), LedgerError> {
    let word = |column: usize| {
        row.get_ref(column)?
            .as_str()
            .map_err(|error| text::malformed("event", error))
    };
    let event_id: EventId = text::id(word(2)?, "event id")?;
    let prev_hash = text::hash(row.get_ref(9)?.as_blob().unwrap_or_default())?;
    let parts = SealedParts {
        seq: row.get(1)?,
        event_id,
        kind: word(3)?,
        version: row.get(4)?,
        occurred_at_us: row.get(5)?,
        recorded_at_us: row.get(6)?,
        actor: actors.read(word(7)?)?,
        payload: word(8)?,
        prev_hash: &prev_hash,
    };
    Ok((prev_hash, parts.hash(producer, epoch)))
}

/// Actors by their stored text.
#[derive(Default)]
pub(super) struct Actors(HashMap<String, Actor>);

impl Actors {
    fn read(&mut self, stored: &str) -> Result<&Actor, LedgerError> {
        if !self.0.contains_key(stored) {
            if self.0.len() >= ACTORS_MAX {
                self.0.clear();
            }
            let actor = text::json(stored, "actor")?;
            self.0.insert(stored.to_owned(), actor);
        }
        self.0
            .get(stored)
            .ok_or_else(|| text::malformed("actor", stored))
    }
}
