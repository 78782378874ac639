//! What is missing of a plant's telemetry, and why.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::plant_find;
use super::telemetry::instant;
use crate::app::App;
use crate::db::TenantTx;
use crate::equipment::store::{self, GapFilter, GapRow};
use crate::http::{ApiError, Page, PageQuery};
use crate::tenants::Principal;

/// Samples that are missing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GapAnswer {
    /// What the plant calls the device; null when it is not known whose samples they are.
    #[schema(example = "press-3")]
    device: Option<String>,
    #[schema(example = "size limit")]
    reason: String,
    /// How many.
    samples: i64,
    /// The time of the first, by the clock that told it; of a block that cannot be read, when that came.
    #[schema(value_type = String)]
    from: Timestamp,
    /// Of the last.
    #[schema(value_type = String)]
    to: Timestamp,
    /// When the hub heard of it.
    #[schema(value_type = String)]
    recorded_at: Timestamp,
    /// The event with which the plant told of it: it left them out.
    event_id: Option<Uuid>,
    /// The block in which they came: the hub did not keep them.
    block: Option<i64>,
}

impl From<GapRow> for GapAnswer {
    fn from(row: GapRow) -> Self {
        Self {
            device: row.device,
            reason: row.reason,
            samples: row.count,
            from: row.from,
            to: row.to,
            recorded_at: row.recorded_at,
            event_id: row.event_id,
            block: row.block,
        }
    }
}

/// Which gaps.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GapQuery {
    /// Gaps that end at this instant or later, RFC 3339; all when it is not named.
    from: Option<String>,
    /// Gaps that begin before this instant, RFC 3339; all when it is not named.
    to: Option<String>,
    /// What the plant calls a device. Gaps of which it is not known whose samples they are belong to none.
    #[param(example = "press-3")]
    device: Option<String>,
}

/// Lists which samples of a plant are missing and why, the newest first: what the plant left out because there was no room, and what
/// the hub did not keep. Samples that are stored, repeated and missing are together all that were made.
#[utoipa::path(get, path = "/api/v1/plants/{id}/telemetry-gaps", tag = "equipment",
    params(("id" = String, Path, description = "The plant's id or code"), GapQuery, PageQuery),
    responses((status = 200, body = Page<GapAnswer>), (status = 400, description = "bad-time"), (status = 404)))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<GapQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<GapAnswer>>, ApiError> {
    let from = instant("from", query.from.as_deref())?;
    let to = instant("to", query.to.as_deref())?;
    let before = page.after()?;
    let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
    let filter = GapFilter {
        plant: plant_find(&mut tx, &id).await?,
        device: query.device.as_deref(),
        from,
        to,
        before,
    };
    let rows = store::gap_list(&mut tx, filter, page.fetch()).await?;
    Ok(Json(page.page(rows, |row| row.key).map(Into::into)))
}
