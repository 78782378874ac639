//! One container: what is in it, for whom it left, and who says so.

use agog_sync::lots::ContainerStatus;
use agog_sync::sscc::Sscc;
use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::db::TenantTx;
use crate::http::ApiError;
use crate::inventory::model::{ContainerChange, Content, LeftIn};
use crate::inventory::store::containers;
use crate::tenants::Principal;

/// A container.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContainerAnswer {
    #[schema(value_type = String, example = "340123450000000017")]
    sscc: Sscc,
    /// `packed` (something is in it), `shipped` (it left with what was in it) or `emptied`.
    #[schema(value_type = String, example = "packed")]
    status: ContainerStatus,
    /// What is in it.
    contents: Vec<Content>,
    /// What left in it, and for whom.
    shipped: Vec<LeftIn>,
    /// Every change of what is in it, newest first, at most 500.
    events: Vec<ContainerChange>,
    /// There are older events than the 500.
    events_truncated: bool,
}

/// Shows a container: what is in it, for whom it left, and its events.
#[utoipa::path(get, path = "/api/v1/containers/{sscc}", tag = "inventory",
    params(("sscc" = String, Path, description = "The SSCC as it is printed or scanned, for example `(00)340123450000000017`")),
    responses((status = 200, body = ContainerAnswer), (status = 404, description = "nobody has packed it, or it is no SSCC")))]
pub(super) async fn container(
    State(app): State<App>,
    principal: Principal,
    Path(sscc): Path<String>,
) -> Result<Json<ContainerAnswer>, ApiError> {
    let unknown = || ApiError::not_found("container");
    let sscc: Sscc = sscc.parse().map_err(|error: agog_sync::sscc::SsccError| {
        unknown().with("reason", json!(error.to_string()))
    })?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let mut changes = containers::changes_of(&mut tx, sscc).await?;
    if changes.is_empty() {
        return Err(unknown());
    }
    let state = containers::states_of(&mut tx, &[sscc]).await?.remove(&sscc);
    let status = state.and_then(|state| state.status());
    let contents = containers::contents_of(&mut tx, sscc).await?;
    let left = containers::left_in(&mut tx, sscc).await?;
    let events_truncated = changes.len() > containers::EVENTS_MAX;
    changes.truncate(containers::EVENTS_MAX);
    Ok(Json(ContainerAnswer {
        sscc,
        status: status.unwrap_or(ContainerStatus::Emptied),
        contents,
        shipped: left,
        events: changes,
        events_truncated,
    }))
}
