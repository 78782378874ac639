//! Pushes telemetry blocks, whenever the ledger has nothing to send.
//!
//! Limits: [`BATCH_BLOCKS_MAX`] blocks and [`BATCH_BYTES_MAX`] stored bytes per batch; uncompressed
//! this stays below the hub's limit for a body.

use agog_sync::frame::{PROTOCOL, TelemetryAck, TelemetryBatch};
use tracing::{error, warn};

use super::hub::Hub;
use super::{SessionError, progress};
use crate::run::Agent;
use crate::telemetry::Telemetry;

const BATCH_BLOCKS_MAX: usize = 32;
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// Telemetry's side of one session.
pub(super) struct TelemetryPush<'a> {
    agent: &'a Agent,
    telemetry: &'a Telemetry,
    hub: &'a Hub,
    after: u64,
}

impl<'a> TelemetryPush<'a> {
    /// Compares the buffer with what the hub has.
    pub(super) async fn begin(
        agent: &'a Agent,
        telemetry: &'a Telemetry,
        hub: &'a Hub,
        ack: TelemetryAck,
    ) -> Result<Self, SessionError> {
        let mut push = Self {
            agent,
            telemetry,
            hub,
            after: 0,
        };
        push.reconcile(ack).await?;
        Ok(push)
    }

    /// Sends the next batch; false when no closed block waits.
    pub(super) async fn push(&mut self) -> Result<bool, SessionError> {
        let standing = self.telemetry.now().await?;
        if standing.last_block <= self.after {
            return Ok(false);
        }
        let blocks = self
            .telemetry
            .blocks_after(self.after, BATCH_BLOCKS_MAX, BATCH_BYTES_MAX)
            .await?;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(false);
        };
        let batch = TelemetryBatch {
            protocol: PROTOCOL,
            producer: self.agent.ledger.position().borrow().producer,
            epoch: standing.epoch,
            first_block: first.block,
            last_block: last.block,
            blocks,
        };
        match self.hub.push_telemetry(&batch).await {
            Ok(ack) => {
                self.telemetry.acked(ack.last_block).await?;
                self.after = ack.last_block;
                self.agent.health.hub_answered(self.agent.clock.now());
                metrics::counter!("agog_uplink_telemetry_blocks_total")
                    .increment(batch.blocks.len() as u64);
                Ok(true)
            }
            Err(refusal) if refusal.is_disagreement() => {
                warn!(
                    "hub does not take telemetry blocks from {}: {refusal}",
                    batch.first_block
                );
                let before = (standing.epoch, self.after);
                let ack = progress::ask_state(self.agent, self.hub).await?.telemetry;
                self.reconcile(ack).await?;
                let now = (self.telemetry.now().await?.epoch, self.after);
                if now == before {
                    Err(SessionError::NoWayOn)
                } else {
                    Ok(true)
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn reconcile(&mut self, ack: TelemetryAck) -> Result<(), SessionError> {
        let local = self.telemetry.now().await?;
        self.after = 0;
        if ack.epoch < local.epoch {
            return Ok(());
        }
        if ack.epoch > local.epoch || ack.last_block > local.last_block {
            let text = format!(
                "the hub has telemetry up to block {} of epoch {}, this agent only up to {} of {}; \
                 the disk was set back, new blocks go to epoch {}",
                ack.last_block,
                ack.epoch,
                local.last_block,
                local.epoch,
                ack.epoch + 1
            );
            error!("{text}");
            self.agent.health.alarm(self.agent.clock.now(), text);
            self.telemetry.begin_epoch(ack.epoch + 1).await?;
            return Ok(());
        }
        if ack.last_block < local.acked_block {
            warn!(
                "hub has gone back from telemetry block {} to {}; delivered samples are no longer here",
                local.acked_block, ack.last_block
            );
        }
        self.telemetry.acked(ack.last_block).await?;
        self.after = ack.last_block;
        Ok(())
    }
}
