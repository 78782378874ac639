//! Reads of the ledger. A reader is one connection and keeps no transaction open between reads, so
//! that none ever pins the write-ahead log.

use std::collections::BTreeSet;
use std::path::Path;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::Envelope;
use agog_sync::frame::JobTicket;
use agog_sync::ids::{JobId, LotId, ProducerId};
use agog_sync::lots::LotRef;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::rows::{self, JobRow, LotEventRow, LotRow};
use super::{InboxKey, Position, SaidRow, said, schema, text, ticket};

/// The most lots of one page.
pub const PAGE_LOTS_MAX: usize = 100;
/// The most events that are told of one lot: what people look through for the one to correct.
const LOT_EVENTS_MAX: u32 = 50;
/// Ended jobs of one `JobID` on one device that are looked through: more than there are parts of a job.
const ENDED_MAX: u32 = 64;

/// One read connection.
pub struct Reader {
    pub(super) connection: Connection,
}

/// How much waits for the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// Events that the hub has not acknowledged.
    pub depth: u64,
    /// When the oldest of them was recorded.
    pub oldest_recorded_at: Option<jiff::Timestamp>,
}

/// What is recorded of a job's lots, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobLots {
    pub consumed: Vec<LotRef>,
    pub made: Vec<LotRef>,
}

/// Some lots, oldest first, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotPage {
    pub lots: Vec<LotRow>,
    /// Ask for the next page after this; none on the last page.
    pub next: Option<LotId>,
}

/// Which lots to list.
#[derive(Debug, Clone, Default)]
pub struct LotFilter {
    /// Of this material only.
    pub material: Option<String>,
    /// Also lots of which nothing is left.
    pub with_empty: bool,
    /// The place of the page before.
    pub after: Option<LotId>,
    /// At most [`PAGE_LOTS_MAX`].
    pub limit: usize,
}

impl Reader {
    /// Opens a connection for one read.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self {
            connection: schema::open_reader(path)?,
        })
    }

    /// Opens a copy of a ledger, which nobody writes and which may lie where nobody can write.
    pub fn open_copy(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self {
            connection: schema::open_copy(path)?,
        })
    }

    /// Where the ledger and its delivery stand.
    pub fn position(&self) -> Result<Position, LedgerError> {
        position(&self.connection)
    }

    /// The next events of an epoch of ours after `seq`.
    pub fn outbox_after(
        &self,
        epoch: u64,
        seq: u64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Envelope>, LedgerError> {
        let position = self.position()?;
        let mut query = self.connection.prepare_cached(
            "select seq, event_id, kind, version, occurred_at, recorded_at, actor, payload, prev_hash, hash
             from event where producer_id = ?1 and epoch = ?2 and seq > ?3 order by seq limit ?4",
        )?;
        let mut rows = query.query(params![
            position.producer.to_string(),
            epoch,
            seq,
            i64::try_from(events_max).unwrap_or(i64::MAX)
        ])?;
        let mut events = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let envelope = rows::envelope(row, 0)?;
            bytes += envelope.payload.get().len();
            if bytes > bytes_max && !events.is_empty() {
                break;
            }
            events.push(envelope);
        }
        Ok(events)
    }

    /// The hash of an event of an epoch of ours; the genesis hash for 0.
    pub fn hash_at(&self, epoch: u64, seq: u64) -> Result<Option<Hash>, LedgerError> {
        hash_at(&self.connection, self.position()?.producer, epoch, seq)
    }

    /// How much waits for the hub.
    pub fn outbox(&self) -> Result<Outbox, LedgerError> {
        let position = self.position()?;
        let oldest: Option<i64> = self
            .connection
            .query_row(
                "select recorded_at from event where producer_id = ?1 and epoch = ?2 and seq = ?3",
                params![
                    position.producer.to_string(),
                    position.epoch,
                    position.acknowledged + 1
                ],
                |row| row.get(0),
            )
            .optional()?;
        Ok(Outbox {
            depth: position.head.last_seq - position.acknowledged,
            oldest_recorded_at: oldest.map(text::instant).transpose()?,
        })
    }

    /// The plant that this ledger belongs to.
    pub fn plant_code(&self) -> Result<String, LedgerError> {
        Ok(self
            .connection
            .query_row("select plant_code from meta", [], |row| row.get(0))?)
    }

    /// The counter of the newest feed item that is applied.
    pub fn feed_cursor(&self) -> Result<u64, LedgerError> {
        Ok(self
            .connection
            .query_row("select feed_cursor from meta", [], |row| row.get(0))?)
    }

    /// Every lot of that number, or the one with that id.
    pub fn lots_by_number(&self, number: &str) -> Result<Vec<LotRow>, LedgerError> {
        lots_by_number(&self.connection, number)
    }

    /// Lots, oldest first.
    pub fn lot_list(&self, filter: &LotFilter) -> Result<LotPage, LedgerError> {
        let limit = filter.limit.clamp(1, PAGE_LOTS_MAX);
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from lot
             where (?1 is null or material_code = ?1)
               and (?2 or cast(balance as real) != 0)
               and (?3 is null or (created_at, number, lot_id) >
                    (select after.created_at, after.number, after.lot_id
                     from lot as after where after.lot_id = ?3))
             order by created_at, number, lot_id limit ?4",
            rows::LOT_COLUMNS
        ))?;
        let after = filter.after.map(|lot_id| lot_id.to_string());
        let limit_and_one = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut found = query.query(params![
            filter.material,
            filter.with_empty,
            after,
            limit_and_one
        ])?;
        let mut lots = Vec::new();
        while let Some(row) = found.next()? {
            lots.push(rows::lot(&self.connection, row)?);
        }
        let more = lots.len() > limit;
        lots.truncate(limit);
        let next = lots.last().filter(|_| more).map(|lot| lot.lot.lot_id);
        Ok(LotPage { lots, next })
    }

    /// The newest [`LOT_EVENTS_MAX`] events that changed the balance of a lot or what is packed of it, newest first.
    pub fn lot_events(&self, lot_id: LotId) -> Result<Vec<LotEventRow>, LedgerError> {
        self.events_at(
            "select position from lot_entry where lot_id = ?1
             union select position from container_entry where lot_id = ?1",
            &lot_id.to_string(),
            LOT_EVENTS_MAX,
        )
    }

    /// The newest events at the places that `places` finds for a value, newest first.
    pub(super) fn events_at(
        &self,
        places: &str,
        value: &str,
        limit: u32,
    ) -> Result<Vec<LotEventRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select fact.event_id, fact.kind, fact.occurred_at, by.event_id from fact
             left join lot_correction as correction on correction.event_id = fact.event_id
             left join fact as by on by.position = correction.position
             where fact.position in ({places})
             order by fact.position desc limit ?2"
        ))?;
        let mut found = query.query(params![value, limit])?;
        let mut events = Vec::new();
        while let Some(row) = found.next()? {
            let corrected_by: Option<String> = row.get(3)?;
            events.push(LotEventRow {
                event_id: text::id(&row.get::<_, String>(0)?, "event id")?,
                kind: row.get(1)?,
                occurred_at: text::instant(row.get(2)?)?,
                corrected_by: corrected_by
                    .map(|id| text::id(&id, "event id"))
                    .transpose()?,
            });
        }
        Ok(events)
    }

    /// What devices said last.
    pub fn said(&self) -> Result<Vec<SaidRow>, LedgerError> {
        said::all(&self.connection)
    }

    /// Whether a message has had its effect.
    pub fn is_known(&self, key: &InboxKey) -> Result<bool, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select 1 from inbox_message where sender = ?1 and message_id = ?2")?;
        Ok(query.exists([&key.sender, &key.message_id])?)
    }

    /// The newest job that had this queue entry on a device and has ended.
    pub fn ended_by_entry(&self, device: &str, entry: &str) -> Result<Option<JobRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from {}
             where device = ?1 and json_extract(progress, '$.queue_entry_id') = ?2
               and step in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')
             order by updated_at desc limit 1",
            rows::JOB_COLUMNS,
            rows::JOBS
        ))?;
        let mut found = query.query([device, entry])?;
        found.next()?.map(rows::job).transpose()
    }

    /// Jobs whose ticket has this `JobID` and that have ended on a device, the newest first.
    pub fn ended_with_ticket(
        &self,
        device: &str,
        job_id: &str,
    ) -> Result<Vec<JobRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from {}
             where json_extract(head, '$.names.job_id') = ?2 and device = ?1
               and step in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')
             order by updated_at desc limit {ENDED_MAX}",
            rows::JOB_COLUMNS,
            rows::JOBS
        ))?;
        let mut found = query.query([device, job_id])?;
        let mut jobs = Vec::new();
        while let Some(row) = found.next()? {
            jobs.push(rows::job(row)?);
        }
        Ok(jobs)
    }

    /// The queue entries of jobs that have ended on a device, and that it may call by this `JobID`.
    pub fn ended_entries(
        &self,
        device: &str,
        job_id: &str,
    ) -> Result<BTreeSet<String>, LedgerError> {
        // A ticket without a JobID is sent with the number of its job. The plus keeps SQLite from looking at everything
        // that the device has ever made.
        let mut query = self.connection.prepare_cached(
            "select json_extract(progress, '$.queue_entry_id') from job
             where +device = ?1
               and step in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')
               and job_key in
                 (select job_key from job_ticket where json_extract(head, '$.names.job_id') = ?2
                  union all
                  select job_key from job_ticket where json_extract(head, '$.names.job_id') is null
                  union all
                  select job_key from job where number = ?2)",
        )?;
        let rows = query.query_map([device, job_id], |row| row.get::<_, Option<String>>(0))?;
        let entries: Vec<Option<String>> = rows.collect::<Result<_, _>>()?;
        Ok(entries.into_iter().flatten().collect())
    }

    /// Jobs that have not ended, the oldest first.
    pub fn jobs_open(&self) -> Result<Vec<JobRow>, LedgerError> {
        self.jobs(
            "step not in ('job.refused', 'job.completed', 'job.aborted', 'job.removed') and ?1 is null
             order by received_at, job_key",
            None,
        )
    }

    /// Jobs on a device that have not ended, the oldest first.
    pub fn jobs_open_on(&self, device: &str) -> Result<Vec<JobRow>, LedgerError> {
        self.jobs(
            "step not in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')
             and device = ?1 order by received_at, job_key",
            Some(device),
        )
    }

    /// The ticket of a job; none for a job that only a device knows, or that ended long ago.
    pub fn ticket(&self, job_id: JobId) -> Result<Option<JobTicket>, LedgerError> {
        ticket::of(&self.connection, job_id)
    }

    /// The tickets of jobs that have not ended.
    pub fn tickets_open(&self) -> Result<Vec<JobTicket>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select ticket from job join job_ticket using (job_key)
             where step not in ('job.refused', 'job.completed', 'job.aborted', 'job.removed')",
        )?;
        let mut found = query.query([])?;
        let mut tickets = Vec::new();
        while let Some(row) = found.next()? {
            tickets.extend(ticket::read(&row.get::<_, String>(0)?).transpose()?);
        }
        Ok(tickets)
    }

    /// Jobs whose tickets no device has answered yet, oldest first.
    pub fn jobs_received(&self) -> Result<Vec<JobRow>, LedgerError> {
        let sql = "step = 'job.received' and ?1 is null order by received_at, job_key";
        self.jobs(sql, None)
    }

    /// The jobs that changed last, also those that have ended, newest first.
    pub fn jobs_newest(&self, limit: u32) -> Result<Vec<JobRow>, LedgerError> {
        let sql = "true order by updated_at desc, job_key limit ?1";
        self.jobs(sql, Some(&limit.to_string()))
    }

    /// One job by the hub's id.
    pub fn job_by_id(&self, job_id: JobId) -> Result<Option<JobRow>, LedgerError> {
        self.job_by_key(&job_id.to_string())
    }

    /// One job by the key of its row.
    pub fn job_by_key(&self, key: &str) -> Result<Option<JobRow>, LedgerError> {
        Ok(self.jobs("job_key = ?1", Some(key))?.pop())
    }

    /// The newest job of that number.
    pub fn job_by_number(&self, number: &str) -> Result<Option<JobRow>, LedgerError> {
        Ok(self
            .jobs("number = ?1 order by received_at, job_key", Some(number))?
            .pop())
    }

    /// The lots that a job has consumed here, and those that it has made.
    pub fn job_lots(&self, job: &str) -> Result<JobLots, LedgerError> {
        Ok(JobLots {
            consumed: self.lot_refs(
                "select lot_id, number from lot
                 where lot_id in (select lot_id from lot_use
                                  where job = ?1 and kind = 'consumed' and undone_by is null)
                 order by created_at, lot_id",
                job,
            )?,
            made: self.lot_refs(
                "select lot_id, number from lot where made_by_job = ?1 and origin = 'produced'
                 order by created_at, lot_id",
                job,
            )?,
        })
    }

    fn lot_refs(&self, sql: &str, job: &str) -> Result<Vec<LotRef>, LedgerError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let mut found = query.query([job])?;
        let mut lots = Vec::new();
        while let Some(row) = found.next()? {
            lots.push(LotRef {
                lot_id: text::id(&row.get::<_, String>(0)?, "lot id")?,
                number: row.get(1)?,
            });
        }
        Ok(lots)
    }

    fn jobs(&self, condition: &str, value: Option<&str>) -> Result<Vec<JobRow>, LedgerError> {
        let mut query = self.connection.prepare_cached(&format!(
            "select {} from {} where {condition}",
            rows::JOB_COLUMNS,
            rows::JOBS
        ))?;
        let mut found = query.query([value])?;
        let mut jobs = Vec::new();
        while let Some(row) = found.next()? {
            jobs.push(rows::job(row)?);
        }
        Ok(jobs)
    }
}

/// Where the ledger stands, on any connection.
pub(super) fn position(connection: &Connection) -> Result<Position, LedgerError> {
    let (agent_id, epoch, last_seq, hash, acknowledged): (String, u64, u64, Vec<u8>, u64) =
        connection.query_row(
            "select agent_id, epoch, head_seq, head_hash, acknowledged_seq from meta",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )?;
    let producer: ProducerId = text::id(&agent_id, "agent id")?;
    Ok(Position {
        producer,
        epoch,
        head: ChainHead {
            last_seq,
            hash: text::hash(&hash)?,
        },
        acknowledged,
    })
}

pub(super) fn hash_at(
    connection: &Connection,
    producer: ProducerId,
    epoch: u64,
    seq: u64,
) -> Result<Option<Hash>, LedgerError> {
    if seq == 0 {
        return Ok(Some(ChainHead::genesis(producer, epoch).hash));
    }
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached(
            "select hash from event where producer_id = ?1 and epoch = ?2 and seq = ?3",
        )?
        .query_row(params![producer.to_string(), epoch, seq], |row| row.get(0))
        .optional()?;
    bytes.map(|bytes| text::hash(&bytes)).transpose()
}

pub(super) fn lots_by_number(
    connection: &Connection,
    number: &str,
) -> Result<Vec<LotRow>, LedgerError> {
    let mut query = connection.prepare_cached(&format!(
        "select {} from lot where (number = ?1 and origin != 'undone') or lot_id = ?1
         order by created_at, lot_id",
        rows::LOT_COLUMNS
    ))?;
    let mut found = query.query([number])?;
    let mut lots = Vec::new();
    while let Some(row) = found.next()? {
        lots.push(rows::lot(connection, row)?);
    }
    Ok(lots)
}
