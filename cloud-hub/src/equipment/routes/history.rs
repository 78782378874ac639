//! What a device was, what stood on it and what it told people: pages, newest first.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ModuleAnswer, device_find};
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::model::{NotificationRow, ResourceRow, StateRow, StopRow};
use crate::equipment::store;
use crate::http::{ApiError, Page, PageQuery};
use crate::tenants::Principal;

/// A state that a device was in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateAnswer {
    event_id: Uuid,
    /// As JMF names it: Idle, Setup, Running, Stopped …
    state: String,
    /// The device's own words.
    detail: Option<String>,
    job: Option<String>,
    condition: Option<String>,
    operation_mode: Option<String>,
    operators: Vec<String>,
    modules: Vec<ModuleAnswer>,
    /// By the clock of the device or its plant.
    #[schema(value_type = String)]
    at: Timestamp,
}

/// A stop of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StopAnswer {
    /// Stopped or Down.
    state: String,
    /// The device's own words.
    reason: Option<String>,
    job: Option<String>,
    /// The units that stood when it began, or what the device called them.
    modules: Vec<ModuleAnswer>,
    #[schema(value_type = String)]
    from: Timestamp,
    /// Null while it lasts.
    #[schema(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// How long it lasted; null while it lasts.
    seconds: Option<i64>,
}

impl From<StopRow> for StopAnswer {
    fn from(row: StopRow) -> Self {
        Self {
            state: row.state,
            reason: row.reason,
            job: row.job,
            modules: row.modules.into_iter().map(Into::into).collect(),
            from: row.from,
            to: row.to,
            seconds: row.to.map(|to| to.duration_since(row.from).as_secs()),
        }
    }
}

/// Something that a device uses up.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResourceAnswer {
    /// As JDF names it.
    #[schema(example = "Ink")]
    resource: String,
    resource_id: Option<String>,
    product: Option<String>,
    lot: Option<String>,
    location: Option<String>,
    /// `Empty`, `Low`, `OK`.
    level: Option<String>,
    #[schema(value_type = Option<String>)]
    available: Option<Decimal>,
    /// Since the device began to count.
    #[schema(value_type = Option<String>)]
    used: Option<Decimal>,
    unit: Option<String>,
    job: Option<String>,
    #[schema(value_type = String)]
    at: Timestamp,
}

impl From<ResourceRow> for ResourceAnswer {
    fn from(row: ResourceRow) -> Self {
        Self {
            resource: row.resource,
            resource_id: row.resource_id,
            product: row.product,
            lot: row.lot,
            location: row.location,
            level: row.level,
            available: row.available,
            used: row.used,
            unit: row.unit,
            job: row.job,
            at: row.at,
        }
    }
}

/// What a device told people.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotificationAnswer {
    event_id: Uuid,
    /// `Event`, `Information`, `Warning`, `Error`, `Fatal`.
    class: String,
    /// As JMF names it.
    #[schema(example = "Milestone")]
    r#type: Option<String>,
    text: Option<String>,
    milestone: Option<String>,
    job: Option<String>,
    module: Option<String>,
    #[schema(value_type = String)]
    at: Timestamp,
}

/// Lists the states that a device was in, newest first by its own time.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/states", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), PageQuery),
    responses((status = 200, body = Page<StateAnswer>), (status = 404)))]
pub(super) async fn states(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<StateAnswer>>, ApiError> {
    let before = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let rows = store::state_list(&mut tx, device.key, before, page.fetch()).await?;
    let answer = |row: StateRow| StateAnswer {
        event_id: row.event_id,
        state: row.state,
        detail: row.detail,
        job: row.job,
        condition: row.condition,
        operation_mode: row.operation_mode,
        operators: row.operators,
        modules: row.modules.into_iter().map(Into::into).collect(),
        at: row.at,
    };
    Ok(Json(
        page.page(rows, |row| (row.at, row.event_id)).map(answer),
    ))
}

/// Lists the stops of a device with their reasons, newest first.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/stops", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), PageQuery),
    responses((status = 200, body = Page<StopAnswer>), (status = 404)))]
pub(super) async fn stops(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<StopAnswer>>, ApiError> {
    let before = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let rows = store::stop_list(&mut tx, device.key, before, page.fetch()).await?;
    Ok(Json(
        page.page(rows, |row| (row.from, row.event_id))
            .map(Into::into),
    ))
}

/// Lists what is on a device now: lots, levels and places of what it uses up.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/resources", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), PageQuery),
    responses((status = 200, body = Page<ResourceAnswer>), (status = 404)))]
pub(super) async fn resources(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ResourceAnswer>>, ApiError> {
    let after = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let rows = store::resource_list(&mut tx, device.key, after, page.fetch()).await?;
    Ok(Json(page.page(rows, |row| row.key.clone()).map(Into::into)))
}

/// Lists what was on a device, newest first.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/resources/history", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), PageQuery),
    responses((status = 200, body = Page<ResourceAnswer>), (status = 404)))]
pub(super) async fn resource_history(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ResourceAnswer>>, ApiError> {
    let before = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let rows = store::resource_entries(&mut tx, device.key, before, page.fetch()).await?;
    Ok(Json(
        page.page(rows, |row| (row.at, row.entry)).map(Into::into),
    ))
}

/// Lists what a device told people, newest first.
#[utoipa::path(get, path = "/api/v1/equipment/{id}/notifications", tag = "equipment",
    params(("id" = Uuid, Path, description = "The device's id"), PageQuery),
    responses((status = 200, body = Page<NotificationAnswer>), (status = 404)))]
pub(super) async fn notifications(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<NotificationAnswer>>, ApiError> {
    let before = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let device = device_find(&mut tx, &id).await?;
    let rows = store::notification_list(&mut tx, device.key, before, page.fetch()).await?;
    let answer = |row: NotificationRow| NotificationAnswer {
        event_id: row.event_id,
        class: row.class,
        r#type: row.notification_type,
        text: row.text,
        milestone: row.milestone,
        job: row.job,
        module: row.module,
        at: row.at,
    };
    Ok(Json(page.page(rows, |row| (row.at, row.entry)).map(answer)))
}
