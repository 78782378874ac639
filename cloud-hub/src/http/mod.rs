//! What all endpoints share: problems, pages, idempotency, the OpenAPI document, and the router
//! that puts everything together.
//!
//! Limits: bodies have at most [`BODY_BYTES_MAX`] unless a module says otherwise, pages at most
//! [`page::LIMIT_MAX`] items, and requests end after [`request::REQUEST_TIMEOUT`],
//! packages of files after [`request::UPLOAD_TIMEOUT`]; a client that takes nothing of its answer for a minute is cut off.

mod accept;
mod csv;
pub mod error;
mod health;
pub mod idempotency;
pub mod openapi;
pub mod page;
mod patient;
pub mod request;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::app::App;

pub use accept::Form;
pub use csv::{CSV, CSV_ROWS_MAX, Cell, Csv};
pub use error::ApiError;
pub use idempotency::{Asked, Idempotent, IdempotentJson, json_read};
pub use page::{Page, PageQuery};
pub use patient::{PatientListener, PatientStream};

/// The most bytes of a body, unless a module takes more: JSON that a person could have written.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Everything that the hub answers.
pub fn router(app: App) -> Router {
    let document = openapi::document();
    // Arrow and Parquet are compressed in themselves.
    let compressible =
        DefaultPredicate::new().and(NotForContentType::const_new("application/vnd.apache"));
    let openapi = get(|| async { ([(CONTENT_TYPE, "application/json")], document) });
    Router::from(openapi::api())
        .route("/openapi.json", openapi)
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::show_metrics))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), request::observe))
        .layer(CompressionLayer::new().compress_when(compressible))
        .with_state(app)
}
