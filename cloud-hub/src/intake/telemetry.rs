//! One batch of an agent's telemetry blocks, in one transaction: the blocks that are new are
//! stored, and the cursor moves over all of them.
//!
//! A block that cannot be stored is left out and its samples are counted as a gap; it never stops
//! the ones behind it.

use agog_sync::frame::{PROTOCOL, TelemetryAck, TelemetryBatch};
use agog_sync::ids::ProducerId;
use serde_json::json;

use super::store::{self, BlockState};
use super::{BlockContext, failed, runs};
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment;
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
    let state = store::blocks_lock(&mut tx, producer, agent.plant_id, now).await?;
    let (skip, next) = match decide(state, producer, batch) {
        Decision::Append { skip, state } => (skip, state),
        Decision::Duplicate => return Ok(ack_of(state, true)),
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
                format!("this agent has opened epoch {} since", state.epoch),
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
    let mut samples = 0;
    let blocks = &batch.blocks[skip..];
    equipment::telemetry_lock(&mut tx, agent.plant_id, blocks)
        .await
        .map_err(|error| failed(error.into()))?;
    for block in blocks {
        let mut ctx = BlockContext {
            plant_id: agent.plant_id,
            now,
            rng: &mut rng,
        };
        tx.savepoint().await?;
        match equipment::telemetry_apply(&mut tx, &mut ctx, block).await {
            Ok(()) => {
                samples += block.value.len();
                tx.release_savepoint().await?;
            }
            Err(error) if error.is_worth_repeating() => return Err(failed(error)),
            Err(error) => {
                tx.rollback_to_savepoint().await?;
                equipment::telemetry_refused(&mut tx, &mut ctx, block)
                    .await
                    .map_err(failed)?;
                metrics::counter!("agog_hub_telemetry_blocks_rejected_total").increment(1);
                tracing::error!(
                    agent.id = %agent.agent_id,
                    "block {} of agent {} with {} samples cannot be stored: {}",
                    block.block, agent.agent_id, block.value.len(), chain(&error),
                );
            }
        }
    }
    store::blocks_move(&mut tx, producer, next, now).await?;
    tx.commit().await?;
    metrics::counter!("agog_hub_telemetry_samples_total").increment(samples as u64);
    Ok(ack_of(next, false))
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
    Append { skip: usize, state: BlockState },
    Duplicate,
    Gap { expected: BlockState },
    Fenced,
    UnknownProtocol,
    Malformed(&'static str),
}

/// The rule of the ledger without its chain.
fn decide(state: BlockState, producer: ProducerId, batch: &TelemetryBatch) -> Decision {
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
    if batch.epoch < state.epoch {
        return Decision::Fenced;
    }
    let current = if batch.epoch > state.epoch {
        BlockState {
            epoch: batch.epoch,
            last_block: 0,
        }
    } else {
        state
    };
    if batch.first_block > current.last_block + 1 {
        return Decision::Gap { expected: current };
    }
    if batch.last_block <= current.last_block {
        return Decision::Duplicate;
    }
    Decision::Append {
        skip: batch
            .blocks
            .iter()
            .filter(|block| block.block <= current.last_block)
            .count(),
        state: BlockState {
            last_block: batch.last_block,
            ..current
        },
    }
}

#[cfg(test)]
mod tests {
    use agog_sync::frame::TelemetryBlock;

    use super::*;

    const HAVE: BlockState = BlockState {
        epoch: 2,
        last_block: 5,
    };

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

    #[test]
    fn blocks_are_taken_once_and_in_order() {
        let state = BlockState {
            epoch: 2,
            last_block: 7,
        };
        assert_eq!(
            decide(HAVE, producer(), &batch(2, 6, 7)),
            Decision::Append { skip: 0, state }
        );
        assert_eq!(
            decide(HAVE, producer(), &batch(2, 4, 7)),
            Decision::Append { skip: 2, state }
        );
        assert_eq!(
            decide(HAVE, producer(), &batch(2, 4, 5)),
            Decision::Duplicate
        );
        assert_eq!(
            decide(HAVE, producer(), &batch(2, 7, 8)),
            Decision::Gap { expected: HAVE }
        );
    }

    #[test]
    fn a_newer_epoch_starts_from_one_and_an_older_one_is_fenced() {
        let state = BlockState {
            epoch: 3,
            last_block: 1,
        };
        assert_eq!(
            decide(HAVE, producer(), &batch(3, 1, 1)),
            Decision::Append { skip: 0, state }
        );
        assert_eq!(decide(HAVE, producer(), &batch(1, 6, 6)), Decision::Fenced);
        let expected = BlockState {
            epoch: 3,
            last_block: 0,
        };
        assert_eq!(
            decide(HAVE, producer(), &batch(3, 2, 2)),
            Decision::Gap { expected }
        );
    }

    #[test]
    fn a_batch_that_contradicts_itself_or_its_credential_is_malformed() {
        let mut hole = batch(2, 6, 8);
        hole.blocks.remove(1);
        assert!(matches!(
            decide(HAVE, producer(), &hole),
            Decision::Malformed(_)
        ));
        let other = ProducerId::from_uuid(uuid::Uuid::from_u128(2));
        assert!(matches!(
            decide(HAVE, other, &batch(2, 6, 6)),
            Decision::Malformed(_)
        ));
    }
}
