//! What the ledger knows, as readers see it.

use agog_sync::event::{Envelope, JobProgress, JobStep};
use agog_sync::ids::{EventId, HoldId, JobId, LotId};
use agog_sync::lots::{LotAttributes, LotRef};
use agog_sync::quantity::Quantity;
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::containers::{self, PackedIn};
use super::error::LedgerError;
use super::text;
use super::ticket::{self, TicketHead};

/// A lot and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotRow {
    pub lot: LotRef,
    /// The material's code; none for a lot that was used before it was seen.
    pub material: Option<String>,
    pub on_hand: Quantity,
    /// What of it is packed, by container.
    #[serde(default)]
    pub packed: Vec<PackedIn>,
    /// How it came to be, as `agog_sync::lots::LotOrigin` names it.
    pub origin: String,
    /// The job that made it.
    pub made_by_job: Option<String>,
    /// The holds that stand.
    pub holds: Vec<Hold>,
    pub attributes: LotAttributes,
    pub created_at: Timestamp,
}

/// An event that changed the balance of a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotEventRow {
    pub event_id: EventId,
    pub kind: String,
    pub occurred_at: Timestamp,
    /// The correction that undid it.
    pub corrected_by: Option<EventId>,
}

/// A hold that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub hold_id: HoldId,
    pub reason: String,
    pub placed_at: Timestamp,
}

/// A job, as its newest event left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    pub number: String,
    pub job_id: Option<JobId>,
    /// What is known of its ticket, when it has one; [`Reader::ticket`](super::Reader::ticket) reads
    /// the ticket itself.
    pub ticket: Option<TicketHead>,
    /// The newest step.
    pub step: JobStep,
    /// What the newest event said; values that it left out are kept from the events before.
    pub progress: JobProgress,
    pub received_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The columns that [`lot`] reads.
pub(super) const LOT_COLUMNS: &str = "lot_id, number, material_code, base_unit, balance, origin, \
     made_by_job, attributes, created_at";

/// The columns that [`job`] reads.
pub(super) const JOB_COLUMNS: &str = "number, job_id, head, case when head is null then ticket end, \
     step, progress, received_at, updated_at";

/// Where [`JOB_COLUMNS`] are.
pub(super) const JOBS: &str = "job left join job_ticket using (job_key)";

pub(super) fn lot(connection: &Connection, row: &Row<'_>) -> Result<LotRow, LedgerError> {
    let lot_id: String = row.get(0)?;
    let base_unit: String = row.get(3)?;
    let balance: String = row.get(4)?;
    let unit = text::id(&base_unit, "unit")?;
    Ok(LotRow {
        packed: containers::packed_in(connection, &lot_id, unit)?,
        holds: holds(connection, &lot_id)?,
        lot: LotRef {
            lot_id: text::id(&lot_id, "lot id")?,
            number: row.get(1)?,
        },
        material: row.get(2)?,
        on_hand: Quantity::new(text::decimal(&balance)?, unit),
        origin: row.get(5)?,
        made_by_job: row.get(6)?,
        attributes: text::json(&row.get::<_, String>(7)?, "lot attributes")?,
        created_at: text::instant(row.get(8)?)?,
    })
}

/// One lot by its id.
pub(super) fn lot_by_id(
    connection: &Connection,
    lot_id: LotId,
) -> Result<Option<LotRow>, LedgerError> {
    let mut query =
        connection.prepare_cached(&format!("select {LOT_COLUMNS} from lot where lot_id = ?1"))?;
    let mut found = query.query([lot_id.to_string()])?;
    found.next()?.map(|row| lot(connection, row)).transpose()
}

fn holds(connection: &Connection, lot_id: &str) -> Result<Vec<Hold>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select hold_id, reason, placed_at from lot_hold
         where lot_id = ?1 and placed_at is not null and released_at is null
         order by placed_at, hold_id",
    )?;
    let mut found = query.query([lot_id])?;
    let mut holds = Vec::new();
    while let Some(row) = found.next()? {
        holds.push(Hold {
            hold_id: text::id(&row.get::<_, String>(0)?, "hold id")?,
            reason: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            placed_at: text::instant(row.get(2)?)?,
        });
    }
    Ok(holds)
}

pub(super) fn job(row: &Row<'_>) -> Result<JobRow, LedgerError> {
    let job_id: Option<String> = row.get(1)?;
    let step: String = row.get(4)?;
    Ok(JobRow {
        number: row.get(0)?,
        job_id: job_id.map(|id| text::id(&id, "job id")).transpose()?,
        ticket: ticket::head(row.get(2)?, row.get(3)?)?,
        step: job_step(&step)?,
        progress: text::json(&row.get::<_, String>(5)?, "job progress")?,
        received_at: text::instant(row.get(6)?)?,
        updated_at: text::instant(row.get(7)?)?,
    })
}

fn job_step(kind: &str) -> Result<JobStep, LedgerError> {
    JobStep::of_kind(kind).ok_or_else(|| text::malformed("job step", kind))
}

/// An event, from ten columns that begin at `first`.
pub(super) fn envelope(row: &Row<'_>, first: usize) -> Result<Envelope, LedgerError> {
    let payload: String = row.get(first + 7)?;
    Ok(Envelope {
        seq: row.get(first)?,
        event_id: text::id(&row.get::<_, String>(first + 1)?, "event id")?,
        kind: row.get(first + 2)?,
        version: row.get(first + 3)?,
        occurred_at: text::instant(row.get(first + 4)?)?,
        recorded_at: text::instant(row.get(first + 5)?)?,
        actor: text::json(&row.get::<_, String>(first + 6)?, "actor")?,
        payload: RawValue::from_string(payload)
            .map_err(|error| text::malformed("event payload", error))?,
        prev_hash: text::hash(&row.get::<_, Vec<u8>>(first + 8)?)?,
        hash: text::hash(&row.get::<_, Vec<u8>>(first + 9)?)?,
    })
}
