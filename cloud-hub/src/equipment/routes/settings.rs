//! What people set of a device.

use agog_sync::ids::EventId;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::device_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::alarms;
use crate::equipment::settings::Settings;
use crate::equipment::store::{self, SettingsRow};
use crate::http::{ApiError, IdempotentJson};
use crate::tenants::Principal;

/// The settings of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsAnswer {
    settings: Settings,
    /// Null while nothing was set.
    #[schema(value_type = Option<String>)]
    updated_at: Option<Timestamp>,
    updated_by: Option<String>,
}

impl From<SettingsRow> for SettingsAnswer {
    fn from(row: SettingsRow) -> Self {
        Self {
            settings: row.settings,
            updated_at: row.updated_at,
            updated_by: row.updated_by,
        }
    }
}

/// Shows what is set of a device for OEE and alarms, and what holds where nothing is set.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/settings", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id")),
    responses((status = 200, body = SettingsAnswer, headers(("ETag" = String))), (status = 404)))]
pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let row = store::settings_of(&mut tx, device.key).await?;
    let version = row.version;
    let answer = Json(SettingsAnswer::from(row)).into_response();
    Ok(with_etag(answer, version))
}

/// Sets members of what is set of a device; null is the default again, and members that are not named stay. With If-Match it is
/// done only when the settings are still as they were read.
#[utoipa::path(patch, path = "/api/v1/equipment/{id}/settings", tag = "equipment", request_body = Settings,
    params(("id" = Uuid, Path, description = "The device's id"), ("Idempotency-Key" = String, Header),
        ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = SettingsAnswer, headers(("ETag" = String))), (status = 404),
        (status = 412, description = "settings-changed"), (status = 422, description = "bad-settings, invalid-body")))]
pub(super) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    headers: HeaderMap,
    IdempotentJson { body, request }: IdempotentJson<Map<String, Value>>,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    if let Some(response) = request.replay(&mut tx).await? {
        return Ok(response);
    }
    let device = device_find(&mut tx, &id).await?;
    store::device_lock(&mut tx, device.key).await?;
    let before = store::settings_of(&mut tx, device.key).await?;
    let is_stale = headers.get(IF_MATCH).is_some_and(|wanted| {
        let wanted = wanted.to_str().unwrap_or_default();
        let etag = etag(before.version);
        wanted.trim() != "*" && wanted.split(',').all(|wanted| wanted.trim() != etag)
    });
    if is_stale {
        return Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            "settings-changed",
            "others have changed the settings; read them again",
        ));
    }
    let settings = before.settings.patched(body)?;
    if settings != before.settings {
        store::settings_put(&mut tx, device.key, &settings, principal.name(), now).await?;
        let mut rng = app.rng();
        let mut new_id = || EventId::generate(now, &mut rng);
        alarms::rules_set(&mut tx, &device, &settings.alarms, now, &mut new_id).await?;
        tx.ring_plant(device.plant_id);
    }
    let row = store::settings_of(&mut tx, device.key).await?;
    let version = row.version;
    let answer = SettingsAnswer::from(row);
    let response = request.store(&mut tx, StatusCode::OK, &answer).await?;
    tx.commit().await?;
    Ok(with_etag(response, version))
}

/// Each change has a number of its own.
fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

fn with_etag(mut response: Response, version: i64) -> Response {
    if let Ok(value) = HeaderValue::from_str(&etag(version)) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}
