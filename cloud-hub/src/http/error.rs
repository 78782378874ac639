//! Errors as the API answers them: `application/problem+json` (RFC 9457) with a stable `code`.
//!
//! This is the one place that turns errors into HTTP. What is wrong inside is logged here, once,
//! and never shown.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::request::current_request_id;
use crate::db::DbError;

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// A problem's type is this and its code. A name, not an address: there is no page behind it.
const TYPE_BASE: &str = "urn:agog:problem:";
/// After how many seconds a request that met a busy or absent database is worth repeating.
const RETRY_AFTER_S: &str = "1";

/// An error of a request.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    more: Map<String, Value>,
}

/// What is wrong with one part of the body.
#[derive(Debug, Clone, Serialize)]
pub struct FieldError {
    /// JSON pointer to the part.
    pub pointer: String,
    pub detail: String,
}

impl ApiError {
    /// An error with a status of the caller's choice.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            more: Map::new(),
        }
    }

    /// 400: the request cannot be read.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody knows who is asking.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 403: known, and not allowed.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: there is none, or it is somebody else's.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no such {what}"),
        )
    }

    /// 409: it contradicts what is there.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: it can be read, and a rule refuses it.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 500: what happened stands in the log; the answer says nothing of it.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong here; the request id finds it in the log",
        )
    }

    /// 503: worth repeating.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }

    /// Adds a member to the problem.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }

    /// Points at a part of the body.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut problem = self.more;
        problem.insert(
            "type".to_owned(),
            json!(format!("{TYPE_BASE}{}", self.code)),
        );
        problem.insert(
            "title".to_owned(),
            json!(self.status.canonical_reason().unwrap_or("Error")),
        );
        problem.insert("status".to_owned(), json!(self.status.as_u16()));
        problem.insert("detail".to_owned(), json!(self.detail));
        problem.insert("code".to_owned(), json!(self.code));
        if let Some(request_id) = current_request_id() {
            problem.insert("request_id".to_owned(), json!(request_id));
        }
        if !self.errors.is_empty() {
            problem.insert("errors".to_owned(), json!(self.errors));
        }
        let body = Value::Object(problem).to_string();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                axum::http::header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"agog\""),
            );
        }
        response
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(error = chain(&error), "the database is not available");
            return Self::unavailable("database-unavailable", "the database is away; try again");
        }
        if error.is_contention() {
            tracing::warn!(
                error = chain(&error),
                "the database was busy with the same rows"
            );
            return Self::unavailable("busy", "others work on the same rows; try again");
        }
        if error.is_bad_text() {
            return Self::bad_request("bad-text", "text cannot contain the character U+0000");
        }
        tracing::error!(error = chain(&error), "a database statement failed");
        Self::internal()
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        DbError::from(error).into()
    }
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
