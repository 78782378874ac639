//! Turns every drop of samples into a `telemetry.gap` ledger event, exactly once: the drop's id is
//! the inbox key of the event, so a crash between the two files repeats nothing. What was never in the file is in
//! `losses.rs`.

use agog_sync::event::{Actor, Event, TelemetryGap};
use jiff::Timestamp;
use tokio::time::MissedTickBehavior;
use tracing::error;

use super::Telemetry;
use super::losses::{TOLD_EVERY, Teller};
use crate::ledger::{Append, Fact, InboxKey, What};
use crate::lifecycle::Stop;
use crate::run::Agent;

/// Runs until `stop`, and then until no source is left that could lose anything. A gap that the ledger does not take now stays
/// in `telemetry.db`, and is tried again with the next change there or after the next start.
pub async fn run(agent: Agent, telemetry: Telemetry, stop: Stop) -> anyhow::Result<()> {
    let mut standing = telemetry.standing();
    let mut losses = Teller::new(&agent, telemetry.losses());
    let mut tell = tokio::time::interval(TOLD_EVERY);
    tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let waiting = standing.borrow_and_update().gaps > 0;
        if waiting && let Err(error) = record_all(&agent, &telemetry).await {
            error!(error = &*error, "gaps of telemetry not recorded yet");
        }
        tokio::select! {
            changed = standing.changed() => if changed.is_err() { break },
            _ = tell.tick() => losses.tell().await,
            () = stop.soft().cancelled() => break,
        }
    }
    tokio::select! {
        () = telemetry.into_last() => {}
        () = stop.hard().cancelled() => {}
    }
    losses.tell().await;
    Ok(())
}

async fn record_all(
    agent: &Agent,
    telemetry: &Telemetry,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    loop {
        let gaps = telemetry.gaps().await?;
        if gaps.is_empty() {
            return Ok(());
        }
        for gap in gaps {
            let event_id = gap.event_id;
            let inbox = InboxKey {
                sender: "telemetry".to_owned(),
                message_id: event_id.to_string(),
            };
            let lost = TelemetryGap {
                series: None,
                from: gap.from,
                to: gap.to,
                count: gap.count,
                reason: gap.reason,
            };
            let fact = fact(lost, gap.dropped_at, Some(inbox));
            agent.ledger.append(fact).await?;
            telemetry.gap_recorded(event_id).await?;
        }
    }
}

/// The fact that samples are lost.
pub(super) fn fact(gap: TelemetryGap, at: Timestamp, inbox: Option<InboxKey>) -> Append {
    Append {
        inbox,
        facts: vec![Fact {
            occurred_at: Some(at),
            actor: Actor::System {
                component: "telemetry".to_owned(),
            },
            what: What::Event(Event::Gap(gap)),
        }],
        ..Append::default()
    }
}
