//! Errors as problem+json (RFC 9457) with stable codes. The one place where refusals and
//! failures become HTTP.

use agog_sync::ids::RequestId;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tracing::{debug, error};

use super::ApiState;
use crate::ledger::{AppendError, LedgerError, Refused};

/// Names a request in answers and logs.
const REQUEST_ID_HEADER: &str = "x-request-id";

/// The body of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: Box<str>,
    pub status: u16,
    /// A sentence for people.
    pub detail: String,
    /// For programs; never changes its meaning.
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:agog:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            request_id: None,
        }
    }

    /// The request itself is not understood.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        // Kept beside the body, so that the request's name can be put in later.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Refused(refused) => refused.into(),
            AppendError::Ledger(error) => error.into(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match &refused {
            Refused::AmbiguousLot { .. } | Refused::NumberTaken(_) => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refused.code(), refused.to_string())
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        error!(
            error = &error as &dyn std::error::Error,
            "a request failed: the ledger failed"
        );
        if error.is_disk_full() {
            return Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk-full",
                match error {
                    LedgerError::DiskFull { .. } => error.to_string(),
                    _ => "the disk is full: nothing was recorded; try again".to_owned(),
                },
            );
        }
        if let Some(what) = error.damage() {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ledger-damaged",
                LedgerError::Damaged { what }.to_string(),
            );
        }
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ledger-failed",
            error.to_string(),
        )
    }
}

/// Gives each request a name, puts it on the answer and into problems, and logs the outcome.
pub async fn name_request(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let id = RequestId::generate(state.agent.clock.now(), &mut state.agent.fork_rng()).to_string();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = Problem {
            request_id: Some(id.clone()),
            ..problem
        }
        .into_response();
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    debug!(request.id = %id, "{method} {path} answered {}", response.status());
    response
}

pub async fn no_such_path() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-path",
        "there is nothing at this path",
    )
}

pub async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this path does not take this method",
    )
}

/// A fault of ours; the panic itself is in the log.
pub fn internal() -> Response {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "a fault in the agent; see its log",
    )
    .into_response()
}
