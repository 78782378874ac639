//! The waste analysis of a month.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::db::TenantTx;
use crate::http::ApiError;
use crate::inventory::store::stock as stock_store;
use crate::inventory::waste::{Period, PeriodError, WasteViews, analyse};
use crate::tenants::Principal;

/// Which month.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WasteQuery {
    /// A month in UTC.
    #[param(required = true, example = "2025-10")]
    period: Option<String>,
}

/// Who wastes more than the others.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WasteAnswer {
    #[schema(example = "2025-10")]
    period: String,
    /// The first instant of the period.
    #[schema(value_type = String)]
    from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String)]
    to: Timestamp,
    views: WasteViews,
}

/// Sums up what was consumed and wasted in a month, by press, job, lot, operator and reason, and compares each with its
/// peers.
#[utoipa::path(get, path = "/api/v1/inventory/waste-analysis", tag = "inventory", params(WasteQuery),
    responses((status = 200, body = WasteAnswer), (status = 400, description = "the period is not a month")))]
pub(super) async fn waste_analysis(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<WasteQuery>,
) -> Result<Json<WasteAnswer>, ApiError> {
    let text = query.period.unwrap_or_default();
    let period: Period = text
        .parse()
        .map_err(|error: PeriodError| ApiError::bad_request("bad-period", error.to_string()))?;
    let (from, to) = period.bounds();
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let views = analyse(&stock_store::waste_sums(&mut tx, from, to).await?);
    Ok(Json(WasteAnswer {
        period: text,
        from,
        to,
        views,
    }))
}
