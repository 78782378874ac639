//! Pushes telemetry beside the ledger: what machines say now before what waited, and the backlog only while no event of the ledger waits.
//!
//! Open samples become a block when the line is free for them, at most every `telemetry.live_ms`. When more than one batch waits at a
//! connect, a new epoch takes what comes from then on; the older ones are filled in behind it, oldest first.
//!
//! Limits: those of `telemetry/delivery.rs`; [`BATCH_SECONDS_MAX`] of the line when its use is limited (`hub.telemetry_kib_per_s`).

use std::time::Duration;

use agog_sync::frame::{PROTOCOL, TelemetryAck};
use agog_sync::telemetry::batch::{self, Header};
use reqwest::StatusCode;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::hub::{Hub, HubError};
use super::{SessionError, progress};
use crate::run::Agent;
use crate::telemetry::{Outgoing, Part, Telemetry};

/// A batch takes no longer than this at the configured rate, so that the next live values need not wait longer.
const BATCH_SECONDS_MAX: u64 = 1;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// A batch is at the hub.
    Batch,
    /// There is nothing to send before this, or before something new.
    Nothing(Option<Instant>),
}

/// Telemetry's side of one session.
pub(super) struct TelemetryPush<'a> {
    agent: &'a Agent,
    telemetry: &'a Telemetry,
    hub: &'a Hub,
    /// It is still to be seen whether a backlog waits.
    looks_for_backlog: bool,
    /// When open samples may become a block again.
    live_from: Instant,
    /// When the configured rate allows the next batch.
    free_from: Instant,
    /// The epoch and number that the hub asked for when it refused a batch: asked once more, it is stuck.
    asked_for: Option<(u64, u64)>,
}

impl<'a> TelemetryPush<'a> {
    /// Compares the buffer with what the hub has.
    pub(super) async fn begin(
        agent: &'a Agent,
        telemetry: &'a Telemetry,
        hub: &'a Hub,
        ack: TelemetryAck,
    ) -> Result<Self, SessionError> {
        let push = Self {
            agent,
            telemetry,
            hub,
            looks_for_backlog: true,
            live_from: Instant::now(),
            free_from: Instant::now(),
            asked_for: None,
        };
        push.reconcile(ack).await?;
        Ok(push)
    }

    /// Sends the next batch, if there is one and it may be sent now.
    pub(super) async fn push(&mut self) -> Result<Pushed, SessionError> {
        let now = Instant::now();
        if now < self.free_from {
            return Ok(Pushed::Nothing(Some(self.free_from)));
        }
        if self.looks_for_backlog {
            self.looks_for_backlog = !self.telemetry.live_first().await?;
        }
        if let Some(batch) = self.next(now).await? {
            self.send(batch).await?;
            return Ok(Pushed::Batch);
        }
        let has_open = self.telemetry.standing().borrow().open_samples > 0;
        Ok(Pushed::Nothing(has_open.then_some(self.live_from)))
    }

    async fn next(&mut self, now: Instant) -> Result<Option<Outgoing>, SessionError> {
        let standing = self.telemetry.standing().borrow().clone();
        let bytes_max = self.bytes_max();
        let live = async || self.telemetry.next_batch(Part::Live, bytes_max).await;
        if standing.last_block > standing.acked_block
            && let Some(batch) = live().await?
        {
            return Ok(Some(batch));
        }
        if standing.open_samples > 0 && now >= self.live_from {
            self.live_from = now + self.agent.config.telemetry.live_every();
            self.telemetry.flush(self.agent.clock.now()).await?;
            if let Some(batch) = live().await? {
                return Ok(Some(batch));
            }
        }
        let position = *self.agent.ledger.position().borrow();
        if !standing.has_backlog || position.acknowledged < position.head.last_seq {
            return Ok(None);
        }
        Ok(self.telemetry.next_batch(Part::Backlog, bytes_max).await?)
    }

    fn bytes_max(&self) -> usize {
        let rate = self.agent.config.hub.telemetry_bytes_per_s();
        rate.and_then(|rate| usize::try_from(BATCH_SECONDS_MAX * rate).ok())
            .unwrap_or(usize::MAX)
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<(), SessionError> {
        let header = Header {
            protocol: PROTOCOL,
            producer: self.agent.ledger.position().borrow().producer,
            epoch: outgoing.epoch,
            first_block: outgoing.first_block,
            last_block: outgoing.last_block(),
        };
        let body = batch::write(&header, &outgoing.bodies).map_err(HubError::from)?;
        let bytes = body.len() as u64;
        if let Some(rate) = self.agent.config.hub.telemetry_bytes_per_s() {
            let takes = Duration::from_millis(bytes * 1_000 / rate);
            self.free_from = Instant::now() + takes;
        }
        match self.hub.push_telemetry(body).await {
            Ok(ack) => {
                self.asked_for = None;
                self.telemetry.acked(header.epoch, ack.last_block).await?;
                self.agent.health.hub_answered(self.agent.clock.now());
                metrics::counter!("agog_uplink_telemetry_blocks_total")
                    .increment(outgoing.bodies.len() as u64);
                metrics::counter!("agog_uplink_telemetry_bytes_total").increment(bytes);
                debug!(
                    "hub has telemetry blocks {} to {} of epoch {}",
                    header.first_block, header.last_block, header.epoch
                );
                Ok(())
            }
            Err(refusal) if refusal.is_disagreement() => self.settle(&header, refusal).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Does what the hub wants after it refused a batch because of what it has.
    async fn settle(&mut self, header: &Header, refusal: HubError) -> Result<(), SessionError> {
        warn!(
            "hub does not take telemetry blocks from {} of epoch {}: {refusal}",
            header.first_block, header.epoch
        );
        let expected = expected(&refusal).filter(|ack| ack.epoch == header.epoch);
        if let Some(ack) = expected {
            let asked_for = Some((ack.epoch, ack.last_block));
            if self.asked_for == asked_for {
                return Err(SessionError::NoWayOn);
            }
            self.asked_for = asked_for;
            warn!(
                "hub has epoch {} only up to block {}; what it had and lost is no longer here",
                ack.epoch, ack.last_block
            );
            self.telemetry.acked(ack.epoch, ack.last_block).await?;
            return Ok(());
        }
        let newest = self.telemetry.now().await?.epoch;
        if header.epoch < newest && is_fenced(&refusal) {
            info!(
                "hub does not know epoch {}; what waits of it goes on in epoch {newest}",
                header.epoch
            );
            self.telemetry.move_to_newest(header.epoch).await?;
            return Ok(());
        }
        let ack = progress::ask_state(self.agent, self.hub).await?.telemetry;
        self.reconcile(ack).await?;
        let now = self.telemetry.now().await?;
        if (now.epoch, now.acked_block + 1) == (header.epoch, header.first_block) {
            return Err(SessionError::NoWayOn);
        }
        Ok(())
    }

    async fn reconcile(&self, ack: TelemetryAck) -> Result<(), SessionError> {
        let local = self.telemetry.now().await?;
        if ack.epoch < local.epoch {
            // What the hub has of this epoch it says when it is sent something of it.
            return Ok(());
        }
        if ack.epoch > local.epoch || ack.last_block > local.sent_block {
            let text = format!(
                "the hub has telemetry up to block {} of epoch {}, this agent has sent only up to {} of {}; \
                 the disk was set back, what waits goes to epoch {}",
                ack.last_block,
                ack.epoch,
                local.sent_block,
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
        Ok(self.telemetry.acked(ack.epoch, ack.last_block).await?)
    }
}

fn is_fenced(refusal: &HubError) -> bool {
    refusal
        .problem()
        .is_some_and(|(status, _)| status == StatusCode::FORBIDDEN)
}

/// What the hub says that it has.
fn expected(refusal: &HubError) -> Option<TelemetryAck> {
    let (_, problem) = refusal.problem()?;
    serde_json::from_value(problem.expected.clone()?).ok()
}
