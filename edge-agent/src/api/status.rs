//! How the agent is: status for people, health for systemd and load balancers, metrics for
//! Prometheus, and the proof of the ledger.

use std::time::Duration;

use agog_sync::chain::Hash;
use agog_sync::ids::AgentId;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use metrics::gauge;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::problem::Problem;
use crate::config::Config;
use crate::disk::{DiskHealth, Level};
use crate::health::Surroundings;
use crate::ledger::days::DaysStatus;
use crate::ledger::salvage::SalvageStatus;
use crate::ledger::{
    EpochStatus, FetchStatus, LedgerError, Outbox, Position, Reader, Verification,
};
use crate::run::Addresses;

/// A writer that does not answer within this time is stuck.
const WRITER_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// When this was told.
    pub at: Timestamp,
    pub agent: AgentStatus,
    pub ledger: LedgerStatus,
    /// None when the agent is not running.
    pub running: Option<RunningStatus>,
}

/// Who this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    pub name: String,
    pub agent_id: AgentId,
    pub plant_code: String,
    pub plant_name: String,
    pub version: String,
}

/// Where the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    pub epoch: u64,
    pub head_seq: u64,
    pub head_hash: Hash,
    /// The hub has everything up to here.
    pub acknowledged_seq: u64,
    /// Events that wait for the hub.
    pub outbox_depth: u64,
    pub oldest_unsent_at: Option<Timestamp>,
    pub oldest_unsent_age_s: Option<u64>,
    /// The newest item of the hub's feed that is applied.
    pub feed_cursor: u64,
    pub jobs_open: u64,
    /// The epochs that were opened here, the newest first.
    #[serde(default)]
    pub epochs: Vec<EpochStatus>,
    /// What came back from the hub.
    #[serde(default)]
    pub fetch_back: FetchStatus,
    /// Days that are over, and whether the hub has the same of them.
    #[serde(default)]
    pub days: DaysStatus,
    /// What a ledger lacks that was salvaged.
    #[serde(default)]
    pub salvage: SalvageStatus,
}

/// What only the running agent knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningStatus {
    pub addresses: Addresses,
    pub disk: DiskHealth,
    pub surroundings: Surroundings,
}

impl StatusReport {
    /// Reads what the files say; `running` is added by the running agent.
    pub fn read(
        reader: &Reader,
        config: &Config,
        now: Timestamp,
        running: Option<RunningStatus>,
    ) -> Result<Self, LedgerError> {
        let position = reader.position()?;
        let outbox = reader.outbox()?;
        Ok(Self {
            at: now,
            agent: AgentStatus {
                name: config.agent.name.clone(),
                agent_id: AgentId::from_uuid(position.producer.uuid()),
                plant_code: config.agent.plant_code.clone(),
                plant_name: config.agent.plant_name.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            ledger: LedgerStatus {
                epoch: position.epoch,
                head_seq: position.head.last_seq,
                head_hash: position.head.hash,
                acknowledged_seq: position.acknowledged,
                outbox_depth: outbox.depth,
                oldest_unsent_at: outbox.oldest_recorded_at,
                oldest_unsent_age_s: age_s(&outbox, now),
                feed_cursor: reader.feed_cursor()?,
                jobs_open: reader.jobs_open()?.len() as u64,
                epochs: reader.epochs()?,
                fetch_back: reader.fetch_status()?,
                days: reader.days_status()?,
                salvage: reader.salvage_status()?,
            },
            running,
        })
    }

    /// Something stands still or is not the same at the hub: a person must look at it.
    pub fn needs_a_person(&self) -> bool {
        let is_stalled = |running: &RunningStatus| running.surroundings.hub.stalled_since.is_some();
        self.ledger.days.differing > 0 || self.running.as_ref().is_some_and(is_stalled)
    }
}

fn age_s(outbox: &Outbox, now: Timestamp) -> Option<u64> {
    let oldest = outbox.oldest_recorded_at?;
    Some(u64::try_from(now.duration_since(oldest).as_secs()).unwrap_or_default())
}

/// `GET /api/v1/status`.
pub async fn status(State(state): State<ApiState>) -> Result<Json<StatusReport>, Problem> {
    let running = RunningStatus {
        addresses: (*state.addresses).clone(),
        disk: state.agent.disk.health(),
        surroundings: state.agent.health.snapshot(),
    };
    let config = state.agent.config.clone();
    let now = state.agent.clock.now();
    let report = state
        .agent
        .ledger
        .read(move |reader| StatusReport::read(reader, &config, now, Some(running)))
        .await?;
    Ok(Json(report))
}

/// `GET /api/v1/ledger/head`.
pub async fn head(State(state): State<ApiState>) -> Json<Position> {
    Json(*state.agent.ledger.position().borrow())
}

/// `GET /api/v1/ledger/verify`.
pub async fn verify(State(state): State<ApiState>) -> Result<Json<Verification>, Problem> {
    Ok(Json(state.agent.ledger.read(Reader::verify).await?))
}

/// `GET /healthz`: the writer answers and the disk has room, so a commit is possible.
pub async fn healthz(State(state): State<ApiState>) -> Response {
    let disk = state.agent.disk.health();
    if disk.level == Level::Full {
        let free_bytes = disk.free_bytes;
        return Problem::from(LedgerError::DiskFull { free_bytes }).into_response();
    }
    match tokio::time::timeout(WRITER_ANSWERS_WITHIN, state.agent.ledger.ping()).await {
        // A hub that takes nothing is no reason to restart an agent, so it is told and not refused.
        Ok(Ok(())) => format!(
            "ok\ndisk {}; {} bytes free\nhub {}\n",
            disk.level.as_str(),
            disk.free_bytes,
            match state.agent.health.snapshot().hub.stalled_since {
                Some(since) => format!("has taken nothing that waits since {since:.0}"),
                None => "takes what there is, or nothing waits for long".to_owned(),
            }
        )
        .into_response(),
        Ok(Err(error)) => Problem::from(error).into_response(),
        Err(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ledger-stuck",
            "the ledger's writer does not answer; is the disk full or gone?",
        )
        .into_response(),
    }
}

/// `GET /metrics`.
pub async fn metrics(State(state): State<ApiState>) -> Result<Response, Problem> {
    let (position, outbox, days) = state
        .agent
        .ledger
        .read(|reader| Ok((reader.position()?, reader.outbox()?, reader.days_status()?)))
        .await?;
    let now = state.agent.clock.now();
    let wal = std::fs::metadata(state.agent.config.agent.data_dir.join("ledger.db-wal"));
    gauge!("agog_ledger_head_seq").set(as_float(position.head.last_seq));
    gauge!("agog_outbox_depth").set(as_float(outbox.depth));
    gauge!("agog_outbox_oldest_seconds").set(as_float(age_s(&outbox, now).unwrap_or_default()));
    gauge!("agog_ledger_days_proven").set(as_float(days.proven));
    gauge!("agog_ledger_days_differing").set(as_float(days.differing));
    let Surroundings { backup, hub, .. } = state.agent.health.snapshot();
    gauge!("agog_uplink_stalled").set(f64::from(u8::from(hub.stalled_since.is_some())));
    if let Some(skew_ms) = hub.clock_skew_ms {
        #[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
        gauge!("agog_clock_skew_seconds").set(skew_ms as f64 / 1_000.0);
    }
    if let Some(age) = backup.and_then(|backup| backup.age_s(now)) {
        gauge!("agog_ledger_backup_age_seconds").set(as_float(age));
    }
    let disk = state.agent.disk.health();
    gauge!("agog_disk_free_bytes").set(as_float(disk.free_bytes));
    gauge!("agog_ledger_reserve_bytes").set(as_float(disk.reserve_bytes));
    gauge!("agog_disk_level").set(f64::from(disk.level as u8));
    gauge!("agog_ledger_wal_bytes").set(as_float(wal.map_or(0, |wal| wal.len())));
    let text = state.metrics.render();
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// Prometheus knows floats only; counts stay exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a metric of more than 2^53 has other problems"
)]
const fn as_float(count: u64) -> f64 {
    count as f64
}
