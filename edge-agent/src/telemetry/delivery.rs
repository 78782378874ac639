//! Blocks on their way to the hub.
//!
//! Blocks are numbered densely in each epoch, and the hub takes those of one epoch in order. What is closed goes to the newest
//! epoch; older ones are a backlog that is delivered behind it, with the numbers it has always had. Only a file that was set back
//! numbers anew what waits, because the hub knows its numbers already.
//!
//! Bodies are sent as they lie in the file; each is read once before, because a damaged one must not stop the others. A dropped
//! block is sent without a body.
//!
//! Limits: those of `agog_sync::telemetry::batch`, [`BATCH_STORED_BYTES_MAX`], [`EPOCHS_MAX`].

use agog_sync::frame::{self, TelemetryBlock};
use agog_sync::telemetry::batch::{BATCH_BLOCKS_MAX, BATCH_BODIES_MAX};
use agog_sync::telemetry::{self, BLOCK_BYTES_MAX};
use jiff::Timestamp;
use rusqlite::params;

use super::store::{Store, StoreError, step};

/// No body is added to a batch that has so many bytes: it is sent again whole when its answer is lost.
const BATCH_STORED_BYTES_MAX: usize = 512 * 1024;

/// No more epochs are opened while so many wait: a line that breaks down all the time is no reason for more.
const EPOCHS_MAX: u32 = 64;

/// The first bytes of the bodies of older programs, which are JSON: those of a zstd frame.
const JSON_BODY: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Which blocks are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those of the newest epoch.
    Live,
    /// Those of the oldest epoch that waits behind it.
    Backlog,
}

/// The blocks that the hub wants next of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub epoch: u64,
    pub first_block: u64,
    /// One per block; empty for one that was dropped.
    pub bodies: Vec<Vec<u8>>,
}

impl Outgoing {
    pub fn last_block(&self) -> u64 {
        self.first_block + self.bodies.len() as u64 - 1
    }
}

impl Store {
    /// The next blocks of a part; none when none waits. One that cannot be read back becomes a gap.
    pub(super) fn next_batch(
        &mut self,
        part: Part,
        bytes_max: usize,
        now: Timestamp,
    ) -> Result<Option<Outgoing>, StoreError> {
        let Some((epoch, acked)) = self.epoch_of(part)? else {
            return Ok(None);
        };
        let mut outgoing = Outgoing {
            epoch,
            first_block: acked + 1,
            bodies: Vec::new(),
        };
        let mut unreadable = Vec::new();
        self.fill(
            &mut outgoing,
            bytes_max.min(BATCH_STORED_BYTES_MAX),
            &mut unreadable,
        )?;
        for (block, reason) in unreadable {
            self.drop_unreadable(epoch, block, &reason, now)?;
        }
        if outgoing.bodies.is_empty() {
            return Ok(None);
        }
        self.connection
            .prepare_cached("update epoch set sent_block = ?2 where epoch = ?1 and sent_block < ?2")
            .and_then(|mut update| update.execute([epoch, outgoing.last_block()]))
            .map_err(step("note what is sent"))?;
        Ok(Some(outgoing))
    }

    /// The epoch of a part, and its newest block that the hub has.
    fn epoch_of(&self, part: Part) -> Result<Option<(u64, u64)>, StoreError> {
        let query = match part {
            Part::Live => "select epoch, acked_block from epoch order by epoch desc limit 1",
            Part::Backlog => {
                "select epoch, acked_block from epoch
                 where epoch = (select min(epoch) from block)
                   and epoch < (select max(epoch) from epoch)"
            }
        };
        let mut query = self
            .connection
            .prepare_cached(query)
            .map_err(step("prepare an epoch"))?;
        let mut rows = query.query([]).map_err(step("find an epoch"))?;
        let row = rows.next().map_err(step("find an epoch"))?;
        row.map(|row| Ok((row.get(0)?, row.get(1)?)))
            .transpose()
            .map_err(step("find an epoch"))
    }

    /// Puts bodies in, at least one of those that are there. `unreadable` takes the numbers of those that are left empty because they
    /// cannot be read, with the reasons.
    fn fill(
        &self,
        outgoing: &mut Outgoing,
        bytes_max: usize,
        unreadable: &mut Vec<(u64, String)>,
    ) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(
                "select block, body from block where epoch = ?1 and block >= ?2 order by block",
            )
            .map_err(step("prepare blocks"))?;
        let mut rows = statement
            .query([outgoing.epoch, outgoing.first_block])
            .map_err(step("read blocks"))?;
        let read = step("read a block");
        let (mut full, mut bytes) = (0, 0);
        while let Some(row) = rows.next().map_err(&read)? {
            let block: u64 = row.get(0).map_err(&read)?;
            let body: Vec<u8> = row.get(1).map_err(&read)?;
            let place = usize::try_from(block - outgoing.first_block).unwrap_or(usize::MAX);
            let is_full = full == BATCH_BODIES_MAX || bytes + body.len() > bytes_max;
            if full > 0 && (is_full || place >= BATCH_BLOCKS_MAX) {
                break;
            }
            // The numbers of dropped blocks.
            outgoing
                .bodies
                .resize(place.min(BATCH_BLOCKS_MAX), Vec::new());
            if place >= BATCH_BLOCKS_MAX {
                break;
            }
            full += 1;
            bytes += body.len();
            outgoing
                .bodies
                .push(readable(body).unwrap_or_else(|reason| {
                    unreadable.push((block, reason));
                    Vec::new()
                }));
        }
        Ok(())
    }

    /// The hub has everything of an epoch up to `last_block`, and nothing after it: the rows go, the number stays. Only the hub's
    /// answers say so; one that was set back says a lower number than before.
    pub(super) fn acked(&mut self, epoch: u64, last_block: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let freed: u64 = transaction
            .prepare_cached(
                "select coalesce(sum(length(body)), 0) from block where epoch = ?1 and block <= ?2",
            )
            .and_then(|mut query| query.query_row([epoch, last_block], |row| row.get(0)))
            .map_err(step("measure delivered blocks"))?;
        transaction
            .prepare_cached("delete from block where epoch = ?1 and block <= ?2")
            .and_then(|mut delete| delete.execute([epoch, last_block]))
            .map_err(step("delete delivered blocks"))?;
        transaction
            .prepare_cached(
                "update epoch set acked_block = ?2, sent_block = max(sent_block, ?2),
                   last_block = max(last_block, ?2)
                 where epoch = ?1",
            )
            .and_then(|mut update| update.execute([epoch, last_block]))
            .map_err(step("move the telemetry cursor"))?;
        transaction
            .prepare_cached(
                "delete from epoch where epoch < (select max(epoch) from epoch)
                   and not exists (select 1 from block where block.epoch = epoch.epoch)",
            )
            .and_then(|mut delete| delete.execute([]))
            .map_err(step("forget delivered epochs"))?;
        transaction
            .commit()
            .map_err(step("commit the telemetry cursor"))?;
        self.bytes = self.bytes.saturating_sub(freed);
        Ok(())
    }

    /// Opens an epoch for what is closed from now on when more waits than one batch takes, so that it need not wait behind that.
    /// False when it is too early to say: the hub must know the epoch before, or it would not take that any more.
    pub(super) fn live_first(&mut self) -> Result<bool, StoreError> {
        let (acked, waiting, epochs): (u64, usize, u32) = self
            .connection
            .query_row(
                "select acked_block, (select count(*) from (select 1 from block where block.epoch = epoch.epoch limit ?1)),
                   (select count(*) from epoch)
                 from epoch order by epoch desc limit 1",
                [BATCH_BODIES_MAX + 1],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .map_err(step("look for a backlog"))?;
        if waiting <= BATCH_BODIES_MAX || epochs >= EPOCHS_MAX {
            return Ok(true);
        }
        if acked == 0 {
            return Ok(false);
        }
        self.connection
            .execute(
                "insert into epoch select max(epoch) + 1, 0, 0, 0 from epoch",
                [],
            )
            .map_err(step("begin a telemetry epoch"))?;
        Ok(true)
    }

    /// Starts `epoch` with all that waits, numbered again from 1. Used when the hub knows blocks that this file does not (a disk that
    /// was set back).
    pub(super) fn begin_epoch(&mut self, epoch: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        transaction
            .execute(
                "update block set epoch = ?1, block = ordered.number
                 from (select rowid as id, row_number() over (order by epoch, block) as number from block) as ordered
                 where block.rowid = ordered.id",
                [epoch],
            )
            .map_err(step("renumber blocks"))?;
        transaction
            .execute("delete from epoch", [])
            .and_then(|_| {
                transaction.execute(
                    "insert into epoch values (?1, (select count(*) from block), 0, 0)",
                    [epoch],
                )
            })
            .map_err(step("begin a telemetry epoch"))?;
        transaction
            .commit()
            .map_err(step("commit a telemetry epoch"))
    }

    /// Puts what waits of an older epoch behind the newest. Used when the hub does not know that epoch, and so has taken nothing of it
    /// that is here, and never will.
    pub(super) fn move_to_newest(&mut self, epoch: u64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let (newest, last_block): (u64, u64) = transaction
            .query_row(
                "select epoch, last_block from epoch order by epoch desc limit 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(step("find the newest epoch"))?;
        if epoch >= newest {
            return Ok(());
        }
        let moved = transaction
            .execute(
                "update block set epoch = ?2, block = ?3 + ordered.number
                 from (select rowid as id, row_number() over (order by block) as number from block where epoch = ?1) as ordered
                 where block.rowid = ordered.id",
                params![epoch, newest, last_block],
            )
            .map_err(step("move blocks"))?;
        transaction
            .execute(
                "update epoch set last_block = last_block + ?2 where epoch = ?1",
                params![newest, moved],
            )
            .and_then(|_| transaction.execute("delete from epoch where epoch = ?1", [epoch]))
            .map_err(step("forget an epoch"))?;
        transaction.commit().map_err(step("commit moved blocks"))
    }
}

/// A body that the hub can read, or what is wrong with the one that is stored.
fn readable(body: Vec<u8>) -> Result<Vec<u8>, String> {
    if body.starts_with(&JSON_BODY) {
        let block: TelemetryBlock =
            frame::decode(&body, 2 * BLOCK_BYTES_MAX).map_err(|error| error.to_string())?;
        return telemetry::encode(&block).map_err(|error| error.to_string());
    }
    telemetry::decode(0, &body).map_err(|error| error.to_string())?;
    Ok(body)
}
