//! Pushes the ledger: in order, one batch at a time, from where the hub stands. The next one is prepared meanwhile.

use agog_sync::frame::{
    self, LEDGER_BATCH_BYTES_MAX, LEDGER_BATCH_EVENTS_MAX, LedgerAck, LedgerBatch, PROTOCOL,
};
use agog_sync::outbox::{self, LocalLedger, Standing};
use tracing::{debug, error, warn};

use super::hub::{Hub, HubError};
use super::{Memory, SessionError, fetch_back, progress};
use crate::ledger::NewEpoch;
use crate::run::Agent;

/// A disk is restored now and then; an identity that keeps being taken over is in use twice. A hub that
/// knows runs fences one of the two before that.
const EPOCHS_PER_RUN_MAX: u32 = 3;

/// The ledger's side of one session.
pub(super) struct LedgerPush<'a> {
    agent: &'a Agent,
    hub: &'a Hub,
    memory: &'a mut Memory,
    /// The hub has everything up to this epoch and number.
    after: (u64, u64),
    /// The batch after that, when it was prepared already.
    ready: Option<Prepared>,
}

/// A batch that is written and only waits to be sent.
struct Prepared {
    /// The epoch and number that it follows.
    after: (u64, u64),
    first_seq: u64,
    last_seq: u64,
    /// There was nothing after it when it was read.
    is_last: bool,
    frame: Vec<u8>,
}

/// Reads and writes the batch that follows, off the threads of the runtime; none when there is none.
async fn prepare(agent: &Agent, after: (u64, u64)) -> Result<Option<Prepared>, SessionError> {
    let (epoch, seq) = after;
    let position = *agent.ledger.position().borrow();
    if epoch == position.epoch && position.head.last_seq <= seq {
        return Ok(None);
    }
    let prepared = agent.ledger.read(move |reader| {
        let events =
            reader.outbox_after(epoch, seq, LEDGER_BATCH_EVENTS_MAX, LEDGER_BATCH_BYTES_MAX)?;
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(None);
        };
        let (first_seq, last_seq) = (first.seq, last.seq);
        let opened = match first_seq {
            1 => reader.epoch_opened(epoch)?,
            _ => None,
        };
        let batch = LedgerBatch {
            protocol: PROTOCOL,
            producer: position.producer,
            epoch,
            first_seq,
            last_seq,
            prev_hash: first.prev_hash,
            opened,
            events,
        };
        Ok(Some((first_seq, last_seq, frame::encode(&batch))))
    });
    let Some((first_seq, last_seq, frame)) = prepared.await? else {
        return Ok(None);
    };
    Ok(Some(Prepared {
        after,
        first_seq,
        last_seq,
        is_last: epoch == position.epoch && last_seq >= position.head.last_seq,
        frame: frame.map_err(HubError::from)?,
    }))
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
            after: (0, 0),
            ready: None,
        };
        push.reconcile(ack).await?;
        Ok(push)
    }

    /// Sends the next batch; false when there is none.
    pub(super) async fn push(&mut self) -> Result<bool, SessionError> {
        let ledger = &self.agent.ledger;
        let position = *ledger.position().borrow();
        let (epoch, seq) = self.after;
        if epoch == position.epoch && position.head.last_seq <= seq {
            return Ok(false);
        }
        let ready = self.ready.take().filter(|ready| ready.after == self.after);
        let ready = match ready {
            Some(ready) => Some(ready),
            None => prepare(self.agent, self.after).await?,
        };
        let Some(batch) = ready else {
            if epoch >= position.epoch {
                return Ok(false);
            }
            // A hub that was set back has all of this epoch again.
            let next = ledger.read(move |reader| reader.epoch_after(epoch)).await?;
            self.after = (next.unwrap_or(position.epoch), 0);
            return Ok(true);
        };
        // While the hub works on this batch, the next one of a backlog is read and written. Without a backlog it would
        // go up with less in it than there is by then.
        let next = async {
            if batch.is_last {
                Ok(None)
            } else {
                prepare(self.agent, (epoch, batch.last_seq)).await
            }
        };
        metrics::counter!("agog_uplink_ledger_bytes_total").increment(batch.frame.len() as u64);
        let (answer, next) = tokio::join!(self.hub.push_ledger(batch.frame), next);
        match answer {
            Ok(ack) => {
                if ack.epoch == position.epoch {
                    ledger.acknowledge(ack).await?;
                }
                self.after = (ack.epoch, ack.last_seq);
                self.ready = next?;
                self.memory.delivered = true;
                self.agent.health.hub_answered(self.agent.clock.now());
                metrics::counter!("agog_uplink_ledger_events_total")
                    .increment(batch.last_seq + 1 - batch.first_seq);
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
                let ack = progress::ask_state(self.agent, self.hub).await?.ledger;
                self.reconcile(ack).await?;
                let now = (ledger.position().borrow().epoch, self.after);
                // Without a step in either direction the same batch would be refused again.
                if now == before {
                    Err(SessionError::NoWayOn)
                } else if now.0 != before.0 {
                    // What the hub has is fetched back at the beginning of a session.
                    Err(SessionError::EpochOpened)
                } else {
                    Ok(true)
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn reconcile(&mut self, ack: LedgerAck) -> Result<(), SessionError> {
        let ledger = &self.agent.ledger;
        let position = *ledger.position().borrow();
        let local = LocalLedger {
            epoch: position.epoch,
            head: position.head,
            hash_at_hub: ledger.hash_at(ack.epoch, ack.last_seq).await?,
        };
        let standing = outbox::compare(&local, &ack);
        let at = match standing {
            Standing::InStep { acknowledged } => {
                if acknowledged < position.acknowledged {
                    warn!(
                        "hub has gone back from event {} to {acknowledged}; sending again what it lost",
                        position.acknowledged
                    );
                }
                ledger.acknowledge(ack).await?;
                (ack.epoch, acknowledged)
            }
            Standing::Behind {
                epoch,
                acknowledged,
            } => (epoch, acknowledged),
            Standing::NewHere => {
                ledger.want_back(ack.epoch).await?;
                (position.epoch, 0)
            }
            Standing::RolledBack { hub } => {
                let why = "has events that this ledger lost; the disk was set back";
                self.open_epoch(standing, hub, why).await?
            }
            Standing::Diverged { hub } => {
                let why =
                    "has other events under the same numbers; the disk was copied or set back";
                self.open_epoch(standing, hub, why).await?
            }
            Standing::Superseded { hub } => {
                let why = "knows a newer epoch; a copy of this agent has delivered, or the disk was set back";
                self.open_epoch(standing, hub, why).await?
            }
        };
        self.after = at;
        Ok(())
    }

    async fn open_epoch(
        &mut self,
        standing: Standing,
        hub: LedgerAck,
        why: &str,
    ) -> Result<(u64, u64), SessionError> {
        if self.memory.epochs_opened >= EPOCHS_PER_RUN_MAX {
            return Err(SessionError::Duel(self.memory.epochs_opened));
        }
        let common = fetch_back::common(self.agent, self.hub).await?;
        let new = NewEpoch {
            hub,
            common,
            reason: standing.reason().unwrap_or("diverged"),
        };
        let opened = self.agent.ledger.open_epoch(new).await?;
        self.memory.epochs_opened += 1;
        let text = format!(
            "the hub (event {} of epoch {}) {why}; epoch {} was opened and what the hub has is fetched back, \
             check the stock of this plant",
            hub.last_seq, hub.epoch, opened.epoch
        );
        error!("{text}");
        self.agent.health.alarm(self.agent.clock.now(), text);
        Ok((opened.epoch, 0))
    }
}
