//! Pushes the ledger: in order, one batch at a time, from where the hub stands.

use agog_sync::frame::{
    LEDGER_BATCH_BYTES_MAX, LEDGER_BATCH_EVENTS_MAX, LedgerAck, LedgerBatch, PROTOCOL,
};
use agog_sync::outbox::{self, LocalLedger, Standing};
use tracing::{debug, error, warn};

use super::hub::Hub;
use super::{Memory, SessionError};
use crate::run::Agent;

/// A disk is restored now and then; an identity that keeps being taken over is in use twice.
const EPOCHS_PER_RUN_MAX: u32 = 3;

/// The ledger's side of one session.
pub(super) struct LedgerPush<'a> {
    agent: &'a Agent,
    hub: &'a Hub,
    memory: &'a mut Memory,
    /// The hub has everything of the current epoch up to here.
    after: u64,
}

impl<'a> LedgerPush<'a> {
    /// Compares the ledger with what the hub has.
    pub(super) async fn begin(
        agent: &'a Agent,
        hub: &'a Hub,
        memory: &'a mut Memory,
        ack: LedgerAck,
    ) -> Result<Self, SessionError> {
        let mut push = Self {
            agent,
            hub,
            memory,
            after: 0,
        };
        push.reconcile(ack).await?;
        Ok(push)
    }

    /// Sends the next batch; false when there is none.
    pub(super) async fn push(&mut self) -> Result<bool, SessionError> {
        let ledger = &self.agent.ledger;
        let position = *ledger.position().borrow();
        if position.head.last_seq <= self.after {
            return Ok(false);
        }
        let events = ledger
            .outbox_after(self.after, LEDGER_BATCH_EVENTS_MAX, LEDGER_BATCH_BYTES_MAX)
            .await?;
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(false);
        };
        let batch = LedgerBatch {
            protocol: PROTOCOL,
            producer: position.producer,
            epoch: position.epoch,
            first_seq: first.seq,
            last_seq: last.seq,
            prev_hash: first.prev_hash,
            events,
        };
        match self.hub.push_ledger(&batch).await {
            Ok(ack) => {
                ledger.acknowledge(ack).await?;
                self.after = ack.last_seq;
                self.delivered();
                self.agent.health.hub_answered(self.agent.clock.now());
                metrics::counter!("agog_uplink_ledger_events_total")
                    .increment(batch.events.len() as u64);
                debug!(
                    "hub has events {} to {}{}",
                    batch.first_seq,
                    batch.last_seq,
                    if ack.duplicate {
                        ", had them before"
                    } else {
                        ""
                    }
                );
                Ok(true)
            }
            Err(refusal) if refusal.is_disagreement() => {
                warn!(
                    "hub does not take events {} to {}: {refusal}",
                    batch.first_seq, batch.last_seq
                );
                let before = (position.epoch, self.after);
                let ack = self.hub.state().await?.ledger;
                self.reconcile(ack).await?;
                let now = (ledger.position().borrow().epoch, self.after);
                // Without a step in either direction the same batch would be refused again.
                if now == before {
                    Err(SessionError::NoWayOn)
                } else {
                    Ok(true)
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Something reached the hub in this session.
    pub(super) fn delivered(&mut self) {
        self.memory.delivered = true;
    }

    async fn reconcile(&mut self, ack: LedgerAck) -> Result<(), SessionError> {
        let ledger = &self.agent.ledger;
        let position = *ledger.position().borrow();
        let hash_at_hub = if ack.epoch == position.epoch {
            ledger.hash_at(ack.last_seq).await?
        } else {
            None
        };
        let local = LocalLedger {
            epoch: position.epoch,
            head: position.head,
            hash_at_hub,
        };
        match outbox::compare(&local, &ack) {
            Standing::InStep { acknowledged } => {
                if acknowledged < position.acknowledged {
                    warn!(
                        "hub has gone back from event {} to {acknowledged}; sending again what it lost",
                        position.acknowledged
                    );
                }
                ledger.acknowledge(ack).await?;
                self.after = acknowledged;
                Ok(())
            }
            Standing::NewHere => {
                self.after = 0;
                Ok(())
            }
            Standing::RolledBack { hub } => self.open_epoch(hub, "has events that this ledger lost; the disk was set back").await,
            Standing::Diverged { hub } => {
                self.open_epoch(hub, "has other events under the same numbers; the disk was copied or set back").await
            }
            Standing::Superseded { hub } => {
                self.open_epoch(hub, "knows a newer epoch; a copy of this agent has delivered, or the disk was set back").await
            }
        }
    }

    async fn open_epoch(&mut self, hub: LedgerAck, why: &str) -> Result<(), SessionError> {
        if self.memory.epochs_opened >= EPOCHS_PER_RUN_MAX {
            return Err(SessionError::Duel(self.memory.epochs_opened));
        }
        let opened = self.agent.ledger.open_epoch(hub.epoch + 1).await?;
        self.memory.epochs_opened += 1;
        self.after = 0;
        let text = format!(
            "the hub (event {} of epoch {}) {why}; epoch {} was opened, check the stock of this plant",
            hub.last_seq, hub.epoch, opened.epoch
        );
        error!("{text}");
        self.agent.health.alarm(self.agent.clock.now(), text);
        Ok(())
    }
}
