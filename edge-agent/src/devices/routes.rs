//! Devices over the local API: `GET /api/v1/devices`, `GET /api/v1/devices/{id}`,
//! `GET /api/v1/devices/{id}/capability`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::picture::DeviceState;
use super::profile::Profile;
use super::record::{self, Records};
use crate::api::ApiState;
use crate::api::problem::Problem;
use crate::config::{DeviceConfig, Transport};

/// A device as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    pub id: String,
    pub name: Option<String>,
    pub url: String,
    pub transport: Transport,
    pub profile: Profile,
    /// None when it never sent one since the agent started.
    pub last_signal_age_s: Option<u64>,
    pub state: DeviceState,
}

/// The routes; they are merged into the local API.
pub fn router() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/devices", get(list))
        .route("/api/v1/devices/{id}", get(show))
        .route("/api/v1/devices/{id}/capability", get(capability))
}

async fn list(State(state): State<ApiState>) -> Json<Vec<DeviceView>> {
    let devices = state.agent.config.devices.iter();
    Json(devices.map(|device| view(&state, device)).collect())
}

async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<DeviceView>, Problem> {
    Ok(Json(view(&state, configured(&state, &id)?)))
}

/// The `Device` element as the device sent it.
async fn capability(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let device = configured(&state, &id)?;
    let records = Records::new(&state.agent.config.agent.data_dir);
    let key = record::key(&device.id, &device.url, &state.addresses.jmf_url);
    match records.capability(&key).await {
        Ok(Some(xml)) => Ok(([(CONTENT_TYPE, "application/xml")], xml).into_response()),
        Ok(None) => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "capability-unknown",
            format!("device `{id}` has not told what it can do"),
        )),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "capability of device {id} not read"
            );
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "capability-unreadable",
                format!("what device `{id}` told cannot be read"),
            ))
        }
    }
}

fn configured<'a>(state: &'a ApiState, id: &str) -> Result<&'a DeviceConfig, Problem> {
    let mut devices = state.agent.config.devices.iter();
    devices.find(|device| device.id == id).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "device-unknown",
            format!("no device `{id}` is configured"),
        )
    })
}

fn view(state: &ApiState, device: &DeviceConfig) -> DeviceView {
    let known = state.agent.devices.of(&device.id);
    let now = state.agent.clock.now();
    DeviceView {
        id: device.id.clone(),
        name: device.name.clone(),
        url: device.url.clone(),
        transport: device.transport,
        profile: device.profile(),
        last_signal_age_s: known.last_signal_at.map(|at| age_s(at, now)),
        state: known,
    }
}

fn age_s(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(at).as_secs()).unwrap_or_default()
}
