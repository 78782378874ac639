//! What is dropped when a bound is reached: blocks of the lowest priority first, and of those the oldest.
//!
//! The number of a dropped block stays, so that the sequence that the hub checks stays dense; a row of `gap`, written with the
//! drop, becomes a ledger event (`gaps.rs`). A block that cannot be read back is dropped in the same way: it must not keep those
//! after it here. What was sent and not answered (one batch of an epoch) is not dropped: the hub may have it.
//!
//! Limits: [`GAPS_PER_READ`] gaps per read; bytes and age come from the configuration.

use agog_sync::ids::EventId;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, named_params, params};
use tracing::{error, warn};

use super::losses::Span;
use super::store::{Store, StoreError, step, timestamp};

/// Gaps handed over at once to the ledger.
const GAPS_PER_READ: u32 = 100;

/// Samples that were dropped before the hub had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Made with the drop, so that writing it to the ledger twice is one event.
    pub event_id: EventId,
    pub from: Timestamp,
    pub to: Timestamp,
    pub count: u64,
    pub reason: String,
    pub dropped_at: Timestamp,
}

/// So little is dropped at once, and is not worth to make a file smaller.
const SMALL_BYTES: u64 = 1024 * 1024;

/// What of the blocks goes next; nothing that the hub may have.
const OLDEST: &str = "select epoch, block, first_us, last_us, sample_count, length(body), closed_us
     from block where block > (select sent_block from epoch where epoch.epoch = block.epoch)
     order by closed_us, epoch, block limit 1";
const LEAST_WORTH: &str =
    "select epoch, block, first_us, last_us, sample_count, length(body), closed_us
     from block where block > (select sent_block from epoch where epoch.epoch = block.epoch)
     order by priority, closed_us, epoch, block limit 1";

impl Store {
    /// Drops what is beyond the limits, and makes gaps of what was refused. Room comes first: the rest may need it. Returns how many
    /// samples were dropped.
    pub(super) fn make_gaps(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let dropped = self.shed(now)?;
        self.tell_refused(now)?;
        Ok(dropped)
    }

    /// Drops what is beyond the limits of bytes and age; the drops and their gap are one
    /// commit. Returns how many samples went.
    fn shed(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let keep_from = now
            .saturating_sub(self.limits.age_max)
            .unwrap_or(Timestamp::MIN);
        let too_old = self.drop_while(now, "age limit", OLDEST, |_, closed_us| {
            closed_us < keep_from.as_microsecond()
        })?;
        let bytes_max = self.limits.bytes_max;
        let too_much =
            self.drop_while(now, "size limit", LEAST_WORTH, |bytes, _| bytes > bytes_max)?;
        Ok(too_old + too_much)
    }

    /// Drops half of what waits, the last of it whole, and makes the file small where the disk has room for doing so. Returns
    /// how many samples went.
    pub(super) fn make_room(&mut self, now: Timestamp, free: u64) -> Result<u64, StoreError> {
        let keep = if self.bytes > SMALL_BYTES {
            self.bytes / 2
        } else {
            0
        };
        let dropped = self.drop_while(now, "the disk is full", LEAST_WORTH, |bytes, _| {
            bytes > keep
        })?;
        if dropped > 0 {
            metrics::counter!("agog_telemetry_dropped_total", "intentional" => "true")
                .increment(dropped);
            warn!("{dropped} samples dropped: the disk is full");
        }
        let unused: u64 = self
            .connection
            .query_row(
                "select freelist_count * page_size from pragma_freelist_count, pragma_page_size",
                [],
                |row| row.get(0),
            )
            .map_err(step("look for unused pages"))?;
        // What is left is written twice on the way: into a temporary file and into the log.
        if unused > SMALL_BYTES && free > 2 * (self.bytes + 2 * SMALL_BYTES) {
            self.connection
                .execute_batch("vacuum; pragma wal_checkpoint(truncate);")
                .map_err(step("give room back"))?;
        }
        Ok(dropped)
    }

    fn drop_while(
        &mut self,
        now: Timestamp,
        reason: &str,
        next: &str,
        beyond: impl Fn(u64, i64) -> bool,
    ) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let mut bytes = self.bytes;
        let mut lost: Option<Span> = None;
        loop {
            let found = transaction
                .prepare_cached(next)
                .and_then(|mut query| {
                    query
                        .query_row([], |row| {
                            Ok((
                                row.get::<_, u64>(0)?,
                                row.get::<_, u64>(1)?,
                                row.get::<_, i64>(2)?,
                                row.get::<_, i64>(3)?,
                                row.get::<_, u64>(4)?,
                                row.get::<_, u64>(5)?,
                                row.get::<_, i64>(6)?,
                            ))
                        })
                        .optional()
                })
                .map_err(step("find a block to drop"))?;
            let Some((epoch, block, first_us, last_us, count, length, closed_us)) = found else {
                break;
            };
            if !beyond(bytes, closed_us) {
                break;
            }
            transaction
                .prepare_cached("delete from block where epoch = ?1 and block = ?2")
                .and_then(|mut delete| delete.execute([epoch, block]))
                .map_err(step("drop a block"))?;
            bytes = bytes.saturating_sub(length);
            let span = Span {
                from_us: first_us,
                to_us: last_us,
                count,
            };
            lost = Some(lost.map_or(span, |lost| lost.and(span)));
        }
        let Some(span) = lost else {
            return Ok(0);
        };
        let event_id = EventId::generate(now, &mut self.rng);
        Dropped { span, reason }.record(&transaction, event_id, now)?;
        transaction.commit().map_err(step("commit a drop"))?;
        self.bytes = bytes;
        Ok(span.count)
    }

    pub(super) fn drop_unreadable(
        &mut self,
        epoch: u64,
        block: u64,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event_id = EventId::generate(now, &mut self.rng);
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let (from_us, to_us, count, length): (i64, i64, u64, u64) = transaction
            .query_row(
                "delete from block where epoch = ?1 and block = ?2
                 returning first_us, last_us, sample_count, length(body)",
                [epoch, block],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .map_err(step("drop an unreadable block"))?;
        let reason = format!("block {block} cannot be read back: {reason}");
        let span = Span {
            from_us,
            to_us,
            count,
        };
        let dropped = Dropped {
            span,
            reason: &reason,
        };
        dropped.record(&transaction, event_id, now)?;
        transaction.commit().map_err(step("commit a drop"))?;
        self.bytes = self.bytes.saturating_sub(length);
        error!("{count} samples of telemetry lost: {reason}");
        metrics::counter!("agog_telemetry_dropped_total", "intentional" => "false")
            .increment(count);
        Ok(())
    }

    /// Gaps that the ledger does not have yet, oldest first.
    pub(super) fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(
                "select event_id, from_us, to_us, sample_count, reason, dropped_us from gap
                 order by dropped_us, event_id limit ?1",
            )
            .map_err(step("prepare gaps"))?;
        let rows = statement
            .query_map(params![GAPS_PER_READ], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    Gap {
                        event_id: EventId::from_uuid(uuid::Uuid::nil()),
                        from: timestamp(row.get(1)?),
                        to: timestamp(row.get(2)?),
                        count: row.get::<_, i64>(3)?.cast_unsigned(),
                        reason: row.get(4)?,
                        dropped_at: timestamp(row.get(5)?),
                    },
                ))
            })
            .map_err(step("read gaps"))?;
        let mut gaps = Vec::new();
        for row in rows {
            let (event_id, gap) = row.map_err(step("read a gap"))?;
            let event_id = event_id.parse().map_err(|source| StoreError::Sql {
                step: "read a gap",
                source: rusqlite::Error::FromSqlConversionFailure(
                    0,
                    rusqlite::types::Type::Text,
                    Box::new(source),
                ),
            })?;
            gaps.push(Gap { event_id, ..gap });
        }
        Ok(gaps)
    }

    /// The ledger has this gap.
    pub(super) fn gap_recorded(&mut self, event_id: EventId) -> Result<(), StoreError> {
        self.connection
            .execute(
                "delete from gap where event_id = ?1",
                params![event_id.to_string()],
            )
            .map(drop)
            .map_err(step("forget a recorded gap"))
    }
}

/// What a row of `gap` tells.
pub(super) struct Dropped<'r> {
    pub(super) span: Span,
    pub(super) reason: &'r str,
}

impl Dropped<'_> {
    pub(super) fn record(
        &self,
        transaction: &Transaction<'_>,
        event_id: EventId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction
            .execute(
                "insert into gap (event_id, from_us, to_us, sample_count, reason, dropped_us)
                 values (:event_id, :from_us, :to_us, :count, :reason, :dropped_us)",
                named_params! {
                    ":event_id": event_id.to_string(), ":from_us": self.span.from_us,
                    ":to_us": self.span.to_us, ":count": self.span.count.cast_signed(),
                    ":reason": self.reason, ":dropped_us": now.as_microsecond(),
                },
            )
            .map(drop)
            .map_err(step("record a gap"))
    }
}
