//! The files of jobs, for the agents that hand them to devices.

use std::str::FromStr;

use agog_sync::chain::Hash;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::upload::not_stored;
use crate::app::App;
use crate::db::TenantTx;
use crate::exchange::store::file;
use crate::http::ApiError;
use crate::tenants::AgentPrincipal;

/// The agent asks again: the store may only not be there yet.
fn store_away() -> ApiError {
    ApiError::unavailable("file-store-unavailable", "the file store is not there")
}

/// Gives an agent a file of a job of its plant, by the BLAKE3 hash of its bytes.
#[utoipa::path(get, path = "/sync/v1/files/{blake3}", tag = "sync",
    params(("blake3" = String, Path, description = "The hash, 64 hexadecimal digits")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "no job of the agent's plant has such a file")))]
pub(super) async fn fetch(
    State(app): State<App>,
    agent: AgentPrincipal,
    Path(blake3): Path<String>,
) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("file");
    let blake3 = Hash::from_str(&blake3).map_err(|_| not_found())?;
    let store = app.files.as_ref().ok_or_else(store_away)?;
    let mut tx = TenantTx::begin(&app.pool, agent.tenant_id).await?;
    let (bytes, media_type) = file::file_find(&mut tx, agent.plant_id, &blake3)
        .await?
        .ok_or_else(not_found)?;
    drop(tx);
    let Some(stream) = store
        .read(agent.tenant_id, &blake3)
        .await
        .map_err(|error| not_stored(&error))?
    else {
        tracing::error!("file {blake3} is named by a job and not in the file store");
        return Err(store_away());
    };
    let media_type = HeaderValue::from_str(&media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = Response::new(Body::from_stream(stream));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_LENGTH, bytes.into());
    Ok(response)
}
