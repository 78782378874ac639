//! Devices over the local API: `GET` and `POST /api/v1/devices`, `GET`, `PUT` and `DELETE
//! /api/v1/devices/{id}`, `GET /api/v1/devices/{id}/capability`.
//!
//! A device that is added, changed or removed takes effect at once; one that is written in the
//! configuration file is not changed here (409).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::known::{ChangeError, Devices, Origin};
use super::picture::DeviceState;
use super::profile::Profile;
use super::record::{self, Records};
use crate::api::ApiState;
use crate::api::problem::Problem;
use crate::config::{DeviceConfig, Transport};
use crate::uplink::http::chain;

/// A device as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    pub id: String,
    pub name: Option<String>,
    pub url: String,
    pub transport: Transport,
    pub profile: Profile,
    /// In the configuration file, or over the API.
    #[serde(default = "of_file")]
    pub origin: Origin,
    /// As it is written down; what `PUT` takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<DeviceConfig>,
    /// None when it never sent one since the agent started.
    pub last_signal_age_s: Option<u64>,
    pub state: DeviceState,
}

const fn of_file() -> Origin {
    Origin::File
}

/// The routes; they are merged into the local API.
pub fn router() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/devices", get(list).post(add))
        .route("/api/v1/devices/{id}", get(show).put(change).delete(remove))
        .route("/api/v1/devices/{id}/capability", get(capability))
}

async fn list(State(state): State<ApiState>) -> Json<Vec<DeviceView>> {
    let devices = state.agent.known_devices.all();
    let views = devices.iter().map(|device| view(&state, device));
    Json(views.collect())
}

async fn add(
    State(state): State<ApiState>,
    body: Bytes,
) -> Result<(StatusCode, Json<DeviceView>), Problem> {
    let device = device_of(&state, &body)?;
    let added = device.clone();
    in_background(&state, move |devices| devices.add(added)).await?;
    Ok((StatusCode::CREATED, Json(view(&state, &device))))
}

async fn change(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<DeviceView>, Problem> {
    let device = device_of(&state, &body)?;
    if device.id != id {
        let detail = format!("`id` is `{}`; the path says `{id}`", device.id);
        return Err(wrong(detail));
    }
    let changed = device.clone();
    in_background(&state, move |devices| devices.replace(changed)).await?;
    Ok(Json(view(&state, &device)))
}

async fn remove(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    in_background(&state, move |devices| devices.remove(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a device; the error says which field is wrong.
fn device_of(state: &ApiState, body: &[u8]) -> Result<DeviceConfig, Problem> {
    let mut device: DeviceConfig =
        serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    if let Some(folder) = &mut device.folder {
        folder.complete(state.agent.config.base());
    }
    Ok(device)
}

fn wrong(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-device", detail)
}

/// Changes are written to the disk, off the threads that serve everybody.
async fn in_background(
    state: &ApiState,
    change: impl FnOnce(&Devices) -> Result<(), ChangeError> + Send + 'static,
) -> Result<(), Problem> {
    let devices = state.agent.known_devices.clone();
    let changed = tokio::task::spawn_blocking(move || change(&devices)).await;
    let Ok(changed) = changed else {
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "a fault in the agent; see its log",
        ));
    };
    changed.map_err(|error| {
        let (status, code) = match &error {
            ChangeError::InFile { .. } => (StatusCode::CONFLICT, "device-in-file"),
            ChangeError::Exists(_) => (StatusCode::CONFLICT, "device-exists"),
            ChangeError::Unknown(_) => (StatusCode::NOT_FOUND, "device-unknown"),
            ChangeError::Full => (StatusCode::UNPROCESSABLE_ENTITY, "too-many-devices"),
            ChangeError::Wrong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-device"),
            ChangeError::Store(_) => (StatusCode::INSUFFICIENT_STORAGE, "devices-not-stored"),
        };
        Problem::new(status, code, chain(&error))
    })
}

async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<DeviceView>, Problem> {
    Ok(Json(view(&state, &configured(&state, &id)?)))
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

fn configured(state: &ApiState, id: &str) -> Result<DeviceConfig, Problem> {
    state.agent.known_devices.get(id).ok_or_else(|| {
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
        origin: state.agent.known_devices.origin(&device.id),
        config: Some(device.clone()),
        last_signal_age_s: known.last_signal_at.map(|at| age_s(at, now)),
        state: known,
    }
}

fn age_s(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(at).as_secs()).unwrap_or_default()
}
