//! How the agents are: what each tells of itself with its requests (`agog_sync::report`), and the alarm for one that was
//! silent, or whose events wait while none is taken.
//!
//! An alarm is raised once and cleared once, however many hubs watch: the row of the agent says whether it stands, and who
//! changes the row tells others, in one transaction.

use std::time::Duration;

use agog_sync::ids::{AgentId, EventId, TenantId};
use agog_sync::report::{AgentReport, REPORT_HEADER, skew_ms};
use axum::http::HeaderMap;
use jiff::SignedDuration;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::store_watch::{self as store, Alarm};
use crate::app::App;
use crate::db::{DbError, SystemTx, TenantTx};
use crate::events::{Origin, Outbox};
use crate::http::error::chain;
use crate::tenants::{self, AgentPrincipal};

/// How often agents are looked at, unless alarms are wanted faster.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(30);

/// No hub looks more often.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(250);

/// Notes what an agent tells with a request. A header that is not understood tells nothing.
pub(super) async fn hear(
    app: &App,
    agent: AgentPrincipal,
    headers: &HeaderMap,
) -> Result<(), DbError> {
    let told = headers
        .get(REPORT_HEADER)
        .and_then(|value| AgentReport::from_header(value.as_bytes()));
    let Some(report) = told else { return Ok(()) };
    let now = app.clock.now();
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let skew_ms = skew_ms(report.at, now);
    store::told(&mut tx, agent.producer_id(), &report, skew_ms, now).await?;
    tx.commit().await
}

/// Watches the agents of all tenants until it is asked to stop. `after` is how long an agent may be silent, or its events
/// wait without one being taken.
pub async fn watch(app: App, after: Duration, stop: CancellationToken) {
    let every = (after / 4).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = watch_once(&app, after).await {
            tracing::warn!(error = chain(&error), "agents could not be looked at");
        }
    }
}

/// Looks at the agents of all tenants once.
async fn watch_once(app: &App, after: Duration) -> Result<(), DbError> {
    // No tenant fits: it is asked which ones there are.
    let mut tx = SystemTx::begin(&app.pool).await?;
    let tenants = tx.tenant_ids().await?;
    drop(tx);
    let mut standing = [0_u32; 2];
    for tenant_id in tenants {
        for alarm in watch_tenant(app, tenant_id, after).await? {
            standing[alarm as usize] += 1;
        }
    }
    for alarm in [Alarm::NoContact, Alarm::NoProgress] {
        metrics::gauge!("agog_hub_agents_alarmed", "reason" => alarm.as_str())
            .set(standing[alarm as usize]);
    }
    Ok(())
}

/// Looks at the agents of a tenant: raises alarms that are due, clears those that are over, and answers those that stand.
pub async fn watch_tenant(
    app: &App,
    tenant_id: TenantId,
    after: Duration,
) -> Result<Vec<Alarm>, DbError> {
    let now = app.clock.now();
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
    let before = now.saturating_sub(after).map_err(DbError::stored)?;
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    let agents = tenants::agent_plants(&mut tx).await?;
    let ids: Vec<_> = agents.keys().map(AgentId::uuid).collect();
    let due = store::due(&mut tx, &ids, before).await?;
    let standing: Vec<_> = due.iter().map(|due| due.alarm).collect();
    let raised = store::raise(&mut tx, &due, now).await?;
    let cleared = store::clear(&mut tx, &due).await?;
    if raised.is_empty() && cleared.is_empty() {
        return Ok(standing);
    }
    let mut outbox = Outbox::default();
    let mut rng = app.rng();
    let mut origin = || Origin::of_the_hub(EventId::generate(now, &mut rng), now);
    for due in due.iter().filter(|due| raised.contains(&due.producer)) {
        let reason = due.alarm.as_str();
        tracing::error!(
            agent.id = %due.producer, reason,
            "agent {}: {}, the last contact was {}, and it had {} events waiting",
            due.producer, due.alarm.words(), due.contact, due.waiting,
        );
        let data = json!({
            "agent_id": due.producer,
            "plant_id": due.plant_id,
            "reason": reason,
            "last_contact": due.contact,
            "waiting_events": due.waiting,
        });
        outbox.publish(origin(), "sync.no-progress", data);
    }
    for (producer, plant_id) in cleared {
        tracing::info!(agent.id = %producer, "agent {producer} is in contact and gets on again");
        let data = json!({ "agent_id": producer, "plant_id": plant_id });
        outbox.publish(origin(), "sync.progress-resumed", data);
    }
    outbox.store(&mut tx).await?;
    tx.commit().await?;
    Ok(standing)
}
