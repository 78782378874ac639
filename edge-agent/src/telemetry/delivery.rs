//! What leaves `telemetry.db`: blocks to the hub, and what is dropped when a bound is reached.
//!
//! A dropped block is sent as an empty one under its number, so that the sequence that the hub
//! checks stays dense; a row of `gap`, written with the drop, becomes a ledger event. A block that
//! cannot be read back is dropped in the same way: it must not keep those after it here.
//!
//! Limits: [`GAPS_PER_READ`] gaps per read; bytes and age come from the configuration.

use agog_sync::frame::{self, TelemetryBlock};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, named_params, params};
use tracing::{error, warn};

use super::store::{Store, StoreError, empty_block, step, timestamp};

/// Gaps handed over at once to the ledger.
pub(super) const GAPS_PER_READ: u32 = 100;
/// A block is read back with at most this size uncompressed: 4,096 samples and as many series
/// names stay far below.
const BLOCK_BYTES_MAX: usize = 8 * 1024 * 1024;

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

impl Store {
    /// Drops the oldest blocks beyond the limits of bytes and age; the drop and its gap are one
    /// commit. Returns how many samples went.
    pub(super) fn shed(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let keep_from = now
            .saturating_sub(self.limits.age_max)
            .unwrap_or(Timestamp::MIN);
        let mut dropped = 0;
        let too_old = self.drop_oldest(now, "age limit", |_, closed_us| {
            closed_us < keep_from.as_microsecond()
        })?;
        dropped += too_old;
        let bytes_max = self.limits.bytes_max;
        dropped += self.drop_oldest(now, "size limit", |bytes, _| bytes > bytes_max)?;
        Ok(dropped)
    }

    /// Drops the older half of what waits, the last of it whole, and makes the file small where the disk has room for doing
    /// so. Returns how many samples went.
    pub(super) fn make_room(&mut self, now: Timestamp, free: u64) -> Result<u64, StoreError> {
        let keep = if self.bytes > SMALL_BYTES {
            self.bytes / 2
        } else {
            0
        };
        let dropped = self.drop_oldest(now, "the disk is full", |bytes, _| bytes > keep)?;
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

    fn drop_oldest(
        &mut self,
        now: Timestamp,
        reason: &str,
        beyond: impl Fn(u64, i64) -> bool,
    ) -> Result<u64, StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let mut bytes = self.bytes;
        let mut lost: Option<(i64, i64, u64)> = None;
        loop {
            let oldest = transaction
                .query_row(
                    "select block, first_us, last_us, sample_count, length(body), closed_us
                     from block order by block limit 1",
                    [],
                    |row| {
                        Ok((
                            row.get::<_, i64>(0)?,
                            row.get::<_, i64>(1)?,
                            row.get::<_, i64>(2)?,
                            row.get::<_, i64>(3)?,
                            row.get::<_, i64>(4)?,
                            row.get::<_, i64>(5)?,
                        ))
                    },
                )
                .optional()
                .map_err(step("find the oldest block"))?;
            let Some((block, first_us, last_us, count, length, closed_us)) = oldest else {
                break;
            };
            if !beyond(bytes, closed_us) {
                break;
            }
            transaction
                .execute("delete from block where block = ?1", params![block])
                .map_err(step("drop a block"))?;
            bytes = bytes.saturating_sub(length.cast_unsigned());
            let (from, to, sum) = lost.unwrap_or((first_us, last_us, 0));
            lost = Some((
                from.min(first_us),
                to.max(last_us),
                sum + count.cast_unsigned(),
            ));
        }
        let Some((from_us, to_us, count)) = lost else {
            return Ok(0);
        };
        let event_id = EventId::generate(now, &mut self.rng);
        let dropped = Dropped {
            from_us,
            to_us,
            count,
            reason,
        };
        dropped.record(&transaction, event_id, now)?;
        transaction.commit().map_err(step("commit a drop"))?;
        self.bytes = bytes;
        Ok(count)
    }

    /// Blocks after `after`, in order and dense: a dropped block comes back empty, and one that cannot
    /// be read is dropped. Stops before `blocks_max` blocks or `bytes_max` compressed bytes are
    /// exceeded, but returns at least one.
    pub(super) fn blocks_after(
        &mut self,
        after: u64,
        blocks_max: usize,
        bytes_max: usize,
        now: Timestamp,
    ) -> Result<Vec<TelemetryBlock>, StoreError> {
        let mut unreadable = Vec::new();
        let blocks = self.read_blocks(after, blocks_max, bytes_max, &mut unreadable)?;
        for (block, reason) in unreadable {
            self.drop_unreadable(block, &reason, now)?;
        }
        Ok(blocks)
    }

    fn drop_unreadable(
        &mut self,
        block: u64,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event_id = EventId::generate(now, &mut self.rng);
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let (from_us, to_us, count, length): (i64, i64, i64, i64) = transaction
            .query_row(
                "delete from block where block = ?1
                 returning first_us, last_us, sample_count, length(body)",
                params![block.cast_signed()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .map_err(step("drop an unreadable block"))?;
        let reason = format!("block {block} cannot be read back: {reason}");
        let dropped = Dropped {
            from_us,
            to_us,
            count: count.cast_unsigned(),
            reason: &reason,
        };
        dropped.record(&transaction, event_id, now)?;
        transaction.commit().map_err(step("commit a drop"))?;
        self.bytes = self.bytes.saturating_sub(length.cast_unsigned());
        error!("{count} samples of telemetry lost: {reason}");
        metrics::counter!("agog_telemetry_dropped_total", "intentional" => "false")
            .increment(dropped.count);
        Ok(())
    }

    /// The blocks as they are; `unreadable` takes the numbers of those that come back empty for want
    /// of being read, with the reasons.
    fn read_blocks(
        &self,
        after: u64,
        blocks_max: usize,
        bytes_max: usize,
        unreadable: &mut Vec<(u64, String)>,
    ) -> Result<Vec<TelemetryBlock>, StoreError> {
        let last = self.standing()?.last_block;
        let mut statement = self
            .connection
            .prepare_cached("select body from block where block = ?1")
            .map_err(step("prepare blocks"))?;
        let mut blocks = Vec::new();
        let mut bytes = 0;
        for block in (after + 1)..=last {
            let body: Option<Vec<u8>> = statement
                .query_row(params![block.cast_signed()], |row| row.get(0))
                .optional()
                .map_err(step("read a block"))?;
            bytes += body.as_ref().map_or(0, Vec::len);
            if !blocks.is_empty() && (blocks.len() >= blocks_max || bytes > bytes_max) {
                break;
            }
            blocks.push(match body {
                None => empty_block(block),
                Some(body) => read_block(block, &body).unwrap_or_else(|reason| {
                    unreadable.push((block, reason));
                    empty_block(block)
                }),
            });
        }
        Ok(blocks)
    }

    /// The hub has everything up to `last_block`: the rows go, the number stays.
    pub(super) fn acked(&mut self, last_block: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let freed: i64 = transaction
            .query_row(
                "select coalesce(sum(length(body)), 0) from block where block <= ?1",
                params![last_block.cast_signed()],
                |row| row.get(0),
            )
            .map_err(step("measure delivered blocks"))?;
        transaction
            .execute(
                "delete from block where block <= ?1",
                params![last_block.cast_signed()],
            )
            .map_err(step("delete delivered blocks"))?;
        transaction
            .execute(
                "update standing set acked_block = max(acked_block, ?1)",
                params![last_block.cast_signed()],
            )
            .map_err(step("move the telemetry cursor"))?;
        transaction
            .commit()
            .map_err(step("commit the telemetry cursor"))?;
        self.bytes = self.bytes.saturating_sub(freed.cast_unsigned());
        Ok(())
    }

    /// Starts `epoch`: what waits is numbered again from 1. Used when the hub knows blocks that
    /// this file does not (a restored disk).
    pub(super) fn begin_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        transaction
            .execute_batch(
                "update block set block = -(select count(*) from block as other where other.block <= block.block);
                 update block set block = -block;",
            )
            .map_err(step("renumber blocks"))?;
        transaction
            .execute(
                "update standing set epoch = ?1, acked_block = 0,
                   last_block = (select count(*) from block)",
                params![epoch.cast_signed()],
            )
            .map_err(step("begin a telemetry epoch"))?;
        transaction
            .commit()
            .map_err(step("commit a telemetry epoch"))
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
struct Dropped<'r> {
    from_us: i64,
    to_us: i64,
    count: u64,
    reason: &'r str,
}

impl Dropped<'_> {
    fn record(
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
                    ":event_id": event_id.to_string(), ":from_us": self.from_us,
                    ":to_us": self.to_us, ":count": self.count.cast_signed(),
                    ":reason": self.reason, ":dropped_us": now.as_microsecond(),
                },
            )
            .map(drop)
            .map_err(step("record a gap"))
    }
}

/// A stored block that the hub can take, or what is wrong with it.
fn read_block(block: u64, body: &[u8]) -> Result<TelemetryBlock, String> {
    let stored: TelemetryBlock =
        frame::decode(body, BLOCK_BYTES_MAX).map_err(|error| error.to_string())?;
    stored.samples()?;
    Ok(TelemetryBlock { block, ..stored })
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
