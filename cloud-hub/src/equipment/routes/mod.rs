//! The equipment API: devices with their state, and their telemetry.

mod alarms;
mod gaps;
mod history;
mod live;
mod oee;
mod settings;
mod status;
mod telemetry;

use std::str::FromStr;

use agog_sync::event::ModuleState;
use agog_sync::ids::{DeviceId, PlantId};
use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::model::{DeviceRow, SeriesRow};
use crate::equipment::store;
use crate::http::{ApiError, Page, PageQuery};
use crate::tenants::{self, Principal};

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(telemetry::telemetry))
        .routes(routes!(status::status))
        .routes(routes!(status::timeline))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(oee::show))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::acknowledge))
        .routes(routes!(live::live))
        .routes(routes!(gaps::list))
        .routes(routes!(history::states))
        .routes(routes!(history::stops))
        .routes(routes!(history::resources))
        .routes(routes!(history::resource_history))
        .routes(routes!(history::notifications))
}

/// A device and the state it is in.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceAnswer {
    #[schema(value_type = Uuid)]
    id: DeviceId,
    /// What its plant calls it.
    #[schema(example = "press-3")]
    code: String,
    name: Option<String>,
    plant: String,
    /// As JMF names it: Idle, Setup, Running, Stopped …; null before the first report.
    state: Option<String>,
    /// The device's own words.
    state_detail: Option<String>,
    /// The job it works on.
    job: Option<String>,
    /// `OK`, `NeedsAttention`, `Failure`, `OffLine`.
    condition: Option<String>,
    /// `Productive`, `NonProductive`, `Maintenance`.
    operation_mode: Option<String>,
    /// Who works at it, as the device names them.
    operators: Vec<String>,
    /// Its units, in the order in which it names them.
    modules: Vec<ModuleAnswer>,
    /// Since when it has been in this state, for this reason and job.
    #[schema(value_type = Option<String>)]
    state_since: Option<Timestamp>,
    /// The plant has lost contact with it.
    lost: bool,
    #[schema(value_type = String)]
    last_seen_at: Timestamp,
}

impl DeviceAnswer {
    fn new(row: DeviceRow, plant: Option<&String>) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            plant: plant.cloned().unwrap_or_default(),
            state: row.state,
            state_detail: row.state_detail,
            job: row.state_job,
            condition: row.condition,
            operation_mode: row.operation_mode,
            operators: row.operators,
            modules: row.modules.into_iter().map(Into::into).collect(),
            state_since: row.state_since,
            lost: row.is_lost,
            last_seen_at: row.last_seen_at,
        }
    }
}

/// A unit of a device and the state it is in.
#[derive(Debug, Serialize, ToSchema)]
struct ModuleAnswer {
    id: Option<String>,
    /// Its place in the device, as JDF writes ranges.
    #[schema(example = "0 ~ 3")]
    index: Option<String>,
    #[schema(example = "PrintModule")]
    r#type: String,
    state: String,
    detail: Option<String>,
}

impl From<ModuleState> for ModuleAnswer {
    fn from(module: ModuleState) -> Self {
        Self {
            id: module.module_id,
            index: module.module_index,
            r#type: module.module_type,
            state: module.status,
            detail: module.status_details,
        }
    }
}

/// A metric that a device has reported, in one of its units.
#[derive(Debug, Serialize, ToSchema)]
struct MetricAnswer {
    #[schema(example = "speed")]
    metric: String,
    unit: Option<String>,
}

impl From<SeriesRow> for MetricAnswer {
    fn from(row: SeriesRow) -> Self {
        Self {
            metric: row.metric,
            unit: row.unit,
        }
    }
}

/// A device with its metrics.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceDetail {
    device: DeviceAnswer,
    metrics: Vec<MetricAnswer>,
}

/// Lists the devices of all plants, in the order in which the hub met them.
#[utoipa::path(get, path = "/api/v1/equipment", tag = "equipment", params(PageQuery),
    responses((status = 200, body = Page<DeviceAnswer>)))]
async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DeviceAnswer>>, ApiError> {
    let after: i64 = page.after()?.unwrap_or(0);
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let plants = tenants::plant_codes(&mut tx).await?;
    let rows = store::device_list(&mut tx, None, after, page.fetch()).await?;
    let answer = |row: DeviceRow| {
        let plant = plants.get(&row.plant_id);
        DeviceAnswer::new(row, plant)
    };
    Ok(Json(page.page(rows, |row| row.key.0).map(answer)))
}

/// Shows a device and the metrics that it reports.
#[utoipa::path(get, path = "/api/v1/equipment/{id}", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id")),
    responses((status = 200, body = DeviceDetail), (status = 404)))]
async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<DeviceDetail>, ApiError> {
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let row = device_find(&mut tx, &id).await?;
    let metrics = store::series_list(&mut tx, row.key)
        .await?
        .into_iter()
        .map(Into::into)
        .collect();
    let plants = tenants::plant_codes(&mut tx).await?;
    let plant = plants.get(&row.plant_id);
    Ok(Json(DeviceDetail {
        device: DeviceAnswer::new(row, plant),
        metrics,
    }))
}

async fn device_find(tx: &mut TenantTx, id: &str) -> Result<DeviceRow, ApiError> {
    let not_found = || ApiError::not_found("device");
    let id = DeviceId::from_str(id).map_err(|_| not_found())?;
    store::device_list(tx, Some(id), 0, 1)
        .await?
        .pop()
        .ok_or_else(not_found)
}

/// A plant by its id or code.
async fn plant_find(tx: &mut TenantTx, id: &str) -> Result<PlantId, ApiError> {
    let plant = match id.parse() {
        Ok(plant_id) => tenants::plant_by_id(tx, plant_id).await?,
        Err(_) => tenants::plant_by_code(tx, id).await?,
    };
    let plant = plant.ok_or_else(|| ApiError::not_found("plant"))?;
    Ok(plant.plant_id)
}
