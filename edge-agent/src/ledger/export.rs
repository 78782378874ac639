//! Events in the order in which they were applied here, a page at a time: no page keeps a transaction open while whoever
//! reads it is slow.

use agog_sync::event::Envelope;
use agog_sync::ids::{EventId, HoldId, LotId, ProducerId};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::error::LedgerError;
use super::reader::Reader;
use super::{rows, text};

/// The most events of a page, and about the most bytes of their payloads.
const PAGE_EVENTS_MAX: u32 = 1_000;
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Which events.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventFilter {
    /// After this place in the file.
    pub after: i64,
    /// That happened at this time or later.
    pub from: Option<Timestamp>,
    /// That happened before this time.
    pub to: Option<Timestamp>,
}

/// An event and where it stands in the file.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    pub position: i64,
    pub producer: ProducerId,
    pub epoch: u64,
    /// Sealed again in this epoch: the same event is there in an older one.
    pub resealed: bool,
    /// Kept aside: the hub has another event under its number, and it is sealed again in a newer epoch.
    pub aside: bool,
    pub envelope: Envelope,
}

impl Reader {
    /// The next events; none at the end.
    pub fn events_page(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select position, producer_id, epoch, resealed, seq, event_id, kind, version, occurred_at, recorded_at,
                    actor, payload, prev_hash, hash, position in (select position from event_aside)
             from fact
             where position > ?1 and (?2 is null or occurred_at >= ?2) and (?3 is null or occurred_at < ?3)
             order by position limit ?4",
        )?;
        let mut found = query.query(params![
            filter.after,
            filter.from.map(Timestamp::as_microsecond),
            filter.to.map(Timestamp::as_microsecond),
            PAGE_EVENTS_MAX
        ])?;
        let mut page = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.next()? {
            let event = stored(row)?;
            bytes += event.envelope.payload.get().len();
            page.push(event);
            if bytes > PAGE_BYTES_MAX {
                break;
            }
        }
        Ok(page)
    }

    /// The code of the material that a lot is of; none for a lot that was used before it was seen.
    pub fn material_of(&self, lot_id: LotId) -> Result<Option<String>, LedgerError> {
        let mut query = self
            .connection
            .prepare_cached("select material_code from lot where lot_id = ?1")?;
        let found: Option<Option<String>> = query
            .query_row([lot_id.to_string()], |row| row.get(0))
            .optional()?;
        Ok(found.flatten())
    }

    /// An event by its id, where it had its effects.
    pub fn event_by_id(&self, event_id: EventId) -> Result<Option<StoredEvent>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select position, producer_id, epoch, resealed, seq, event_id, kind, version, occurred_at, recorded_at,
                    actor, payload, prev_hash, hash, position in (select position from event_aside)
             from fact where event_id = ?1 order by resealed, position limit 1",
        )?;
        let mut found = query.query([event_id.to_string()])?;
        found.next()?.map(stored).transpose()
    }

    /// Whether a hold other than `hold_id` stood on a lot at that time.
    pub fn is_held_otherwise(
        &self,
        lot_id: LotId,
        hold_id: HoldId,
        at: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select 1 from lot_hold
             where lot_id = ?1 and hold_id <> ?2 and placed_at <= ?3 and (released_at is null or released_at > ?3)",
        )?;
        Ok(query.exists(params![
            lot_id.to_string(),
            hold_id.to_string(),
            at.as_microsecond()
        ])?)
    }
}

fn stored(row: &Row<'_>) -> Result<StoredEvent, LedgerError> {
    Ok(StoredEvent {
        position: row.get(0)?,
        producer: text::id(&row.get::<_, String>(1)?, "producer id")?,
        epoch: row.get(2)?,
        resealed: row.get(3)?,
        envelope: rows::envelope(row, 4)?,
        aside: row.get(14)?,
    })
}
