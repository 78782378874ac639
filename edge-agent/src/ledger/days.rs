//! Days that are over: what the ledger had of each, counted once and kept, and whether the hub had the same
//! (`agog_sync::days`).
//!
//! Nothing here reads the whole ledger: a day is counted from where the one before ended. Events that the hub has not
//! acknowledged, and epochs that are still fetched back, are left for later. `ledger verify` counts every day again.

use agog_sync::chain::Hash;
use agog_sync::days::{DayHasher, DayProof, DaySpan, SPAN_EVENTS_MAX, day_of};
use agog_sync::ids::ProducerId;
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use super::chain_check::{Actors, computed};
use super::error::LedgerError;
use super::reader::Reader;
use super::{Ledger, Position, Request, text};

/// A day that is over, as it was counted then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedDay {
    pub span: DaySpan,
    pub proof: DayProof,
    /// It was compared with the hub before.
    pub is_compared: bool,
}

/// What the writer keeps of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayNews {
    /// It is over, and this is what there is of it.
    Counted(DaySpan, DayProof),
    /// It was compared with the hub: how it differs, or nothing.
    Compared(DaySpan, Option<String>),
}

/// How the days that are over stand, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysStatus {
    /// Days of which both sides have the same.
    pub proven: u64,
    pub last_proven: Option<Date>,
    /// Days of which they do not.
    pub differing: u64,
    pub first_differing: Option<DifferingDay>,
}

/// A day of which both sides do not have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferingDay {
    pub day: Date,
    pub epoch: u64,
    pub first_seq: u64,
    pub last_seq: u64,
    /// A sentence for people, with both counts.
    pub finding: String,
}

/// As SQLite has it.
const NO_LIMIT: i64 = -1;

const EVENTS: &str = "select epoch, seq, event_id, kind, version, occurred_at, recorded_at, actor, payload, prev_hash, hash
     from event where producer_id = ?1 and epoch = ?2 and seq between ?3 and ?4 order by seq";

impl Reader {
    /// Counts the next day that is over and was not counted yet; none when there is no more.
    pub fn day_next(&self, today: Date) -> Result<Option<CountedDay>, LedgerError> {
        let position = self.position()?;
        let mut epoch = 0;
        while let Some(next) = self.epoch_after(epoch)? {
            epoch = next;
            if let Some(limit) = self.days_limit(&position, epoch)? {
                let counted: u64 = self
                    .connection
                    .prepare_cached(
                        "select coalesce(max(last_seq), 0) from day_proof where epoch = ?1",
                    )?
                    .query_row([epoch], |row| row.get(0))?;
                if counted < limit
                    && let Some(found) =
                        self.count_day(&position, epoch, (counted + 1, limit), today)?
                {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The last event of an epoch that may be counted; none while the epoch is fetched back.
    fn days_limit(&self, position: &Position, epoch: u64) -> Result<Option<u64>, LedgerError> {
        if epoch == position.epoch {
            return Ok(Some(position.acknowledged));
        }
        let is_open = self
            .connection
            .prepare_cached("select 1 from fetch_back where epoch = ?1 and finished_at is null")?
            .exists([epoch])?;
        if is_open {
            return Ok(None);
        }
        let last = self
            .connection
            .prepare_cached("select max(seq) from event where producer_id = ?1 and epoch = ?2")?
            .query_row(params![position.producer.to_string(), epoch], |row| {
                row.get(0)
            })?;
        Ok(last)
    }

    /// Counts from the first of two numbers to the end of its day, at most to the second.
    fn count_day(
        &self,
        position: &Position,
        epoch: u64,
        (first_seq, limit): (u64, u64),
        today: Date,
    ) -> Result<Option<CountedDay>, LedgerError> {
        let mut last_seq = limit.min(first_seq + SPAN_EVENTS_MAX - 1);
        let mut query = self.connection.prepare_cached(EVENTS)?;
        let mut found = query.query(params![
            position.producer.to_string(),
            epoch,
            first_seq,
            last_seq
        ])?;
        let mut hasher = DayHasher::new(position.producer, epoch, first_seq);
        let mut actors = Actors::default();
        let mut day = None;
        while let Some(row) = found.next()? {
            let recorded = Timestamp::from_microsecond(row.get(6)?).ok().map(day_of);
            // An instant that is none was changed by somebody; it does not end the day.
            let of_row = recorded.or(day).unwrap_or(today);
            if day.is_none() && of_row == today && epoch == position.epoch {
                return Ok(None);
            }
            if *day.get_or_insert(of_row) != of_row {
                last_seq = row.get::<_, u64>(1)? - 1;
                break;
            }
            add(&mut hasher, row, position.producer, &mut actors)?;
        }
        Ok(Some(CountedDay {
            span: DaySpan {
                epoch,
                first_seq,
                last_seq,
                // When none of the numbers is there, their day is not known any more.
                day: day.unwrap_or(today),
            },
            proof: hasher.finish(last_seq),
            is_compared: false,
        }))
    }

    /// What is here of a span now.
    pub fn day_prove(&self, span: &DaySpan) -> Result<DayProof, LedgerError> {
        let producer = self.position()?.producer;
        let mut query = self.connection.prepare_cached(EVENTS)?;
        let mut found = query.query(params![
            producer.to_string(),
            span.epoch,
            span.first_seq,
            span.last_seq
        ])?;
        let mut hasher = DayHasher::new(producer, span.epoch, span.first_seq);
        let mut actors = Actors::default();
        while let Some(row) = found.next()? {
            add(&mut hasher, row, producer, &mut actors)?;
        }
        Ok(hasher.finish(span.last_seq))
    }

    /// Days to compare with the hub: all that are not proven, then the `proven_max` that were compared longest ago.
    pub fn days_to_compare(&self, proven_max: i64) -> Result<Vec<CountedDay>, LedgerError> {
        let mut days = counted_days(
            &self.connection,
            "where equal is not 1 order by epoch, first_seq limit ?1",
            NO_LIMIT,
        )?;
        days.extend(counted_days(
            &self.connection,
            "where equal = 1 order by compared_at, epoch, first_seq limit ?1",
            proven_max,
        )?);
        Ok(days)
    }

    /// How the days that are over stand.
    pub fn days_status(&self) -> Result<DaysStatus, LedgerError> {
        let (proven, last, differing): (u64, Option<String>, u64) = self.connection.query_row(
            "select count(*) filter (where is_proven), max(day) filter (where is_proven),
                    count(*) filter (where is_differing)
             from (select day, count(*) = sum(coalesce(equal, 0)) as is_proven, min(coalesce(equal, 1)) = 0 as is_differing
                   from day_proof group by day)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let first = self
            .connection
            .query_row(
                "select day, epoch, first_seq, last_seq, finding from day_proof where equal = 0
                 order by day, epoch, first_seq limit 1",
                [],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get::<_, Option<String>>(4)?,
                    ))
                },
            )
            .optional()?;
        let first_differing = match first {
            None => None,
            Some((day, epoch, first_seq, last_seq, finding)) => Some(DifferingDay {
                day: text::id(&day, "day")?,
                epoch,
                first_seq,
                last_seq,
                finding: finding.unwrap_or_default(),
            }),
        };
        Ok(DaysStatus {
            proven,
            last_proven: last.map(|day| text::id(&day, "day")).transpose()?,
            differing,
            first_differing,
        })
    }
}

impl Ledger {
    /// Keeps what is known of days that are over.
    pub async fn days_news(&self, news: Vec<DayNews>) -> Result<(), LedgerError> {
        self.ask(|answer| Request::Days { news, answer }).await
    }
}

/// Keeps what is known of days. One that was taken back meanwhile, because a newer epoch was opened, is passed over.
pub(super) fn keep(
    connection: &Connection,
    news: &[DayNews],
    now: Timestamp,
) -> Result<(), LedgerError> {
    for news in news {
        match news {
            DayNews::Counted(span, proof) => connection
                .prepare_cached(
                    "insert into day_proof (epoch, first_seq, last_seq, day, events, hash, fault)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict do nothing",
                )?
                .execute(params![
                    span.epoch,
                    span.first_seq,
                    span.last_seq,
                    span.day.to_string(),
                    proof.events,
                    proof.hash.as_bytes(),
                    proof.fault
                ])?,
            DayNews::Compared(span, finding) => connection
                .prepare_cached(
                    "update day_proof set compared_at = ?4, equal = ?5, finding = ?6
                     where epoch = ?1 and first_seq = ?2 and last_seq = ?3",
                )?
                .execute(params![
                    span.epoch,
                    span.first_seq,
                    span.last_seq,
                    now.as_microsecond(),
                    finding.is_none(),
                    finding
                ])?,
        };
    }
    Ok(())
}

/// Forgets days of an epoch whose events from `from` on are no longer here.
pub(super) fn forget(connection: &Connection, epoch: u64, from: u64) -> Result<(), LedgerError> {
    connection
        .prepare_cached("delete from day_proof where epoch = ?1 and last_seq >= ?2")?
        .execute(params![epoch, from])?;
    Ok(())
}

/// Days as they were counted, in the order of their events.
pub(super) fn all(connection: &Connection) -> Result<Vec<CountedDay>, LedgerError> {
    counted_days(connection, "order by epoch, first_seq limit ?1", NO_LIMIT)
}

fn counted_days(
    connection: &Connection,
    which: &str,
    limit: i64,
) -> Result<Vec<CountedDay>, LedgerError> {
    let mut query = connection.prepare_cached(&format!(
        "select epoch, first_seq, last_seq, day, events, hash, fault, compared_at is not null from day_proof {which}"
    ))?;
    let mut found = query.query([limit])?;
    let mut days = Vec::new();
    while let Some(row) = found.next()? {
        days.push(CountedDay {
            span: DaySpan {
                epoch: row.get(0)?,
                first_seq: row.get(1)?,
                last_seq: row.get(2)?,
                day: text::id(&row.get::<_, String>(3)?, "day")?,
            },
            proof: DayProof {
                events: row.get(4)?,
                hash: text::hash(&row.get::<_, Vec<u8>>(5)?)?,
                fault: row.get(6)?,
            },
            is_compared: row.get(7)?,
        });
    }
    Ok(days)
}

/// Adds an event as it stands in the file.
fn add(
    hasher: &mut DayHasher,
    row: &Row<'_>,
    producer: ProducerId,
    actors: &mut Actors,
) -> Result<(), LedgerError> {
    let (epoch, seq) = (row.get(0)?, row.get(1)?);
    let stored = row.get_ref(10)?.as_blob().unwrap_or_default();
    let found = Hash::try_from(stored)
        .ok()
        .zip(computed(row, producer, epoch, actors).ok());
    match found {
        Some((stored, (prev_hash, computed))) => hasher.add(seq, &prev_hash, &stored, &computed),
        None => hasher.add_unreadable(seq),
    }
    Ok(())
}
