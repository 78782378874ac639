//! One batch of an agent's telemetry blocks, in one transaction: the blocks that are new are
//! stored, all together, and the cursor of their epoch moves over all of them.
//!
//! Several epochs are open at once: an agent that comes back with a backlog sends what it records from now on in a new
//! epoch, and the backlog beside it under its old numbers. Each epoch has its own cursor, so a request that is late on
//! the line is never taken twice. A new epoch is greater than all before it.
//!
//! When a batch cannot be stored its blocks are tried one by one: one that cannot be stored alone is left out and its
//! samples are counted as a gap; it never stops the ones behind it.

use std::cmp::Ordering;

use agog_sync::frame::{PROTOCOL, TelemetryAck, TelemetryBatch, TelemetryBlock};
use agog_sync::ids::ProducerId;
use serde_json::json;

use super::store_blocks::{self as store, BlockState, BlocksKnown};
use super::{ApplyError, BlockContext, failed, runs};
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::{self, Taken};
use crate::http::{ApiError, error::chain};
use crate::tenants::AgentPrincipal;

/// Takes a batch.
pub(super) async fn take(
    app: &App,
    agent: AgentPrincipal,
    batch: &TelemetryBatch,
) -> Result<TelemetryAck, ApiError> {
    let now = app.clock.now();
    let producer = agent.producer_id();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    runs::require_beside(&mut tx, agent).await?;
    let known = store::blocks_lock(&mut tx, producer, agent.plant_id, batch.epoch, now).await?;
    let (skip, next) = match decide(known, producer, batch) {
        Decision::Append { skip, next } => (skip, next),
        Decision::Duplicate { at } => return Ok(ack_of(at, true)),
        Decision::Gap { expected } => {
            return Err(ApiError::conflict(
                "gap",
                format!(
                    "blocks are missing: expected {} next",
                    expected.last_block + 1
                ),
            )
            .with("expected", json!(ack_of(expected, false))));
        }
        Decision::Fenced => {
            return Err(ApiError::forbidden(
                "fenced",
                format!("this agent has opened epoch {} since", known.newest.epoch),
            ));
        }
        Decision::UnknownProtocol => {
            let detail = format!("this hub speaks protocol 1 to {PROTOCOL}");
            return Err(ApiError::bad_request("unknown-protocol", detail));
        }
        Decision::Malformed(detail) => {
            return Err(ApiError::bad_request("malformed-batch", detail));
        }
    };
    let mut rng = app.rng();
    let mut ctx = BlockContext {
        plant_id: agent.plant_id,
        keep: app.telemetry,
        now,
        rng: &mut rng,
    };
    let blocks = &batch.blocks[skip..];
    let taken = store_blocks(&mut tx, &mut ctx, agent, blocks)
        .await
        .map_err(failed)?;
    store::blocks_move(&mut tx, producer, known.newest, next, now).await?;
    tx.commit().await?;
    metrics::counter!("agog_hub_telemetry_samples_total").increment(taken.stored as u64);
    metrics::counter!("agog_hub_telemetry_samples_repeated_total").increment(taken.repeated as u64);
    Ok(ack_of(next, false))
}

/// Stores blocks together, or one by one when that does not work.
async fn store_blocks(
    tx: &mut TenantTx,
    ctx: &mut BlockContext<'_>,
    agent: AgentPrincipal,
    blocks: &[TelemetryBlock],
) -> Result<Taken, ApplyError> {
    equipment::telemetry_lock(tx, agent.plant_id, blocks).await?;
    if let Ok(taken) = try_blocks(tx, ctx, blocks).await? {
        return Ok(taken);
    }
    let mut all = Taken::default();
    for block in blocks {
        match try_blocks(tx, ctx, std::slice::from_ref(block)).await? {
            Ok(taken) => {
                all.stored += taken.stored;
                all.repeated += taken.repeated;
            }
            Err(error) => {
                equipment::telemetry_refused(tx, ctx, block).await?;
                metrics::counter!("agog_hub_telemetry_blocks_rejected_total").increment(1);
                tracing::error!(
                    agent.id = %agent.agent_id,
                    "block {} of agent {} with {} samples cannot be stored: {}",
                    block.block, agent.agent_id, block.value.len(), chain(&error),
                );
            }
        }
    }
    Ok(all)
}

/// Stores blocks, or undoes what it has done and says what is wrong with them. An error that is not their own is the outer
/// one.
async fn try_blocks(
    tx: &mut TenantTx,
    ctx: &mut BlockContext<'_>,
    blocks: &[TelemetryBlock],
) -> Result<Result<Taken, ApplyError>, ApplyError> {
    tx.savepoint().await?;
    match equipment::telemetry_apply(tx, ctx, blocks).await {
        Ok(taken) => {
            tx.release_savepoint().await?;
            Ok(Ok(taken))
        }
        Err(error) if error.is_worth_repeating() => Err(error),
        Err(error) => {
            tx.rollback_to_savepoint().await?;
            Ok(Err(error))
        }
    }
}

/// What the hub has of an agent's telemetry.
pub(super) fn ack_of(state: BlockState, duplicate: bool) -> TelemetryAck {
    TelemetryAck {
        epoch: state.epoch,
        last_block: state.last_block,
        duplicate,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Append { skip: usize, next: BlockState },
    Duplicate { at: BlockState },
    Gap { expected: BlockState },
    Fenced,
    UnknownProtocol,
    Malformed(&'static str),
}

/// The rule of the ledger without its chain, for each epoch by itself.
fn decide(known: BlocksKnown, producer: ProducerId, batch: &TelemetryBatch) -> Decision {
    if batch.protocol == 0 || batch.protocol > PROTOCOL {
        return Decision::UnknownProtocol;
    }
    if batch.producer != producer {
        return Decision::Malformed("the batch names another producer than its credential");
    }
    if batch.epoch == 0 || batch.first_block == 0 || batch.blocks.is_empty() {
        return Decision::Malformed(
            "a batch has at least one block; epochs and blocks start from 1",
        );
    }
    if i64::try_from(batch.epoch).is_err() || i64::try_from(batch.last_block).is_err() {
        return Decision::Malformed("a number is beyond what can be stored");
    }
    let is_dense = batch
        .blocks
        .iter()
        .zip(batch.first_block..)
        .all(|(block, n)| block.block == n)
        && batch
            .blocks
            .last()
            .is_some_and(|block| block.block == batch.last_block);
    if !is_dense {
        return Decision::Malformed("blocks are not numbered without a gap");
    }
    let epoch = batch.epoch;
    let last_block = match epoch.cmp(&known.newest.epoch) {
        Ordering::Greater => 0,
        Ordering::Equal => known.newest.last_block,
        Ordering::Less => match known.older {
            Some(last_block) => last_block,
            None => return Decision::Fenced,
        },
    };
    let at = BlockState { epoch, last_block };
    if batch.first_block > last_block + 1 {
        return Decision::Gap { expected: at };
    }
    if batch.last_block <= last_block {
        return Decision::Duplicate { at };
    }
    Decision::Append {
        skip: batch
            .blocks
            .iter()
            .filter(|block| block.block <= last_block)
            .count(),
        next: BlockState {
            epoch,
            last_block: batch.last_block,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: BlockState = at(3, 5);
    const KNOWN: BlocksKnown = BlocksKnown {
        newest: NEWEST,
        older: None,
    };

    const fn at(epoch: u64, last_block: u64) -> BlockState {
        BlockState { epoch, last_block }
    }

    fn producer() -> ProducerId {
        ProducerId::from_uuid(uuid::Uuid::from_u128(1))
    }

    fn batch(epoch: u64, first: u64, last: u64) -> TelemetryBatch {
        let blocks = (first..=last)
            .map(|block| TelemetryBlock {
                block,
                series: Vec::new(),
                series_index: Vec::new(),
                time_us: Vec::new(),
                value: Vec::new(),
            })
            .collect();
        let producer = producer();
        TelemetryBatch {
            protocol: PROTOCOL,
            producer,
            epoch,
            first_block: first,
            last_block: last,
            blocks,
        }
    }

    fn decided(known: BlocksKnown, epoch: u64, first: u64, last: u64) -> Decision {
        decide(known, producer(), &batch(epoch, first, last))
    }

    #[test]
    fn blocks_are_taken_once_and_in_order() {
        let next = at(3, 7);
        let append = |skip| Decision::Append { skip, next };
        assert_eq!(decided(KNOWN, 3, 6, 7), append(0));
        assert_eq!(decided(KNOWN, 3, 4, 7), append(2));
        assert_eq!(decided(KNOWN, 3, 4, 5), Decision::Duplicate { at: NEWEST });
        assert_eq!(decided(KNOWN, 3, 7, 8), Decision::Gap { expected: NEWEST });
    }

    #[test]
    fn a_newer_epoch_starts_from_one() {
        let next = at(4, 1);
        assert_eq!(decided(KNOWN, 4, 1, 1), Decision::Append { skip: 0, next });
        let expected = at(4, 0);
        assert_eq!(decided(KNOWN, 4, 2, 2), Decision::Gap { expected });
    }

    #[test]
    fn an_older_epoch_goes_on_at_its_own_cursor_and_one_that_nobody_knows_is_fenced() {
        let known = BlocksKnown {
            older: Some(9),
            ..KNOWN
        };
        let next = at(1, 10);
        assert_eq!(
            decided(known, 1, 10, 10),
            Decision::Append { skip: 0, next }
        );
        let here = at(1, 9);
        assert_eq!(decided(known, 1, 8, 9), Decision::Duplicate { at: here });
        assert_eq!(decided(known, 1, 11, 11), Decision::Gap { expected: here });
        assert_eq!(decided(KNOWN, 1, 10, 10), Decision::Fenced);
    }

    #[test]
    fn a_batch_that_contradicts_itself_or_its_credential_is_malformed() {
        let mut hole = batch(3, 6, 8);
        hole.blocks.remove(1);
        assert!(matches!(
            decide(KNOWN, producer(), &hole),
            Decision::Malformed(_)
        ));
        let other = ProducerId::from_uuid(uuid::Uuid::from_u128(2));
        assert!(matches!(
            decide(KNOWN, other, &batch(3, 6, 6)),
            Decision::Malformed(_)
        ));
    }
}
