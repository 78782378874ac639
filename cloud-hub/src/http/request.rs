//! What surrounds the handling of every request: its id and trace, its time limit, its metrics,
//! and the promise that whatever goes wrong is answered as a problem.
//!
//! Limits: a request ends after [`REQUEST_TIMEOUT`], an upload of files after [`UPLOAD_TIMEOUT`]; a caller's id has at most
//! [`REQUEST_ID_BYTES_MAX`] bytes.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use agog_sync::ids::RequestId;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::error::{ApiError, PROBLEM_JSON};
use crate::app::App;

/// How long a request may take: longer than a feed request waits, shorter than a proxy's minute.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// How long a request may take whose body is a package of files: 2 GiB at 5 Mbit/s.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_hours(1);
/// The longest id that is taken over from a caller.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// Longer texts of the framework are cut before they go into a problem.
const DETAIL_BYTES_MAX: usize = 4 * 1024;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    /// Set around the handling of each request, so that errors can name it wherever they arise.
    static REQUEST_ID: String;
}

/// The id of the request that is being handled.
pub fn current_request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Surrounds the handling of a request.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The template and not the path: there are few of them, and they name nobody's lots.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let request_id = request_id(&app, request.headers());
    let traceparent = traceparent(request.headers());
    let span = tracing::info_span!(
        "request",
        request.id = %request_id,
        trace.parent = traceparent.as_ref().and_then(|value| value.to_str().ok()),
        http.method = %method,
        http.route = %route,
    );
    let handled = REQUEST_ID
        .scope(request_id.clone(), handle(request, next))
        .instrument(span.clone())
        .await;
    let mut response = handled;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    if let Some(traceparent) = traceparent {
        headers.insert(TRACEPARENT, traceparent);
    }
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    span.in_scope(|| {
        tracing::debug!(
            "{method} {route} answered {status} in {} ms",
            elapsed.as_millis()
        );
    });
    let labels = [
        ("method", method_label(&method).to_owned()),
        ("route", route),
        ("status", status.to_string()),
    ];
    metrics::counter!("agog_hub_http_requests_total", &labels).increment(1);
    metrics::histogram!("agog_hub_http_request_seconds", &labels[..2]).record(elapsed);
    response
}

async fn handle(request: Request, next: Next) -> Response {
    let limit = if is_package(request.headers()) {
        UPLOAD_TIMEOUT
    } else {
        REQUEST_TIMEOUT
    };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => as_problem(response).await,
        Ok(Err(panic)) => {
            let message = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            tracing::error!("a request panicked: {message}");
            ApiError::internal().into_response()
        }
        Err(_) => ApiError::unavailable("timeout", "the request took too long").into_response(),
    }
}

/// Whether the body is a MIME package, which may carry files of any size.
pub fn is_package(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            let value = value.trim_start();
            value
                .get(..10)
                .is_some_and(|head| head.eq_ignore_ascii_case("multipart/"))
        })
}

/// Errors of the framework (an unknown path, a wrong method, a body that cannot be read) are
/// plain text; here they become problems like all others.
async fn as_problem(response: Response) -> Response {
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(PROBLEM_JSON.as_bytes()));
    let status = response.status();
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = text_of(body).await;
    let (code, default) = match status {
        StatusCode::BAD_REQUEST => ("bad-request", "the request cannot be read"),
        StatusCode::NOT_FOUND => ("not-found", "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this path has other methods"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported-media-type",
            "the body is not of the expected type",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => {
            ("invalid-body", "the body does not have the expected form")
        }
        _ if status.is_server_error() => {
            tracing::error!("{status} from the framework: {text}");
            return ApiError::internal().into_response();
        }
        _ => ("refused", "the request is refused"),
    };
    let detail = if text.is_empty() {
        default.to_owned()
    } else {
        text
    };
    let mut problem = ApiError::new(status, code, detail).into_response();
    for (name, value) in &parts.headers {
        if name != CONTENT_TYPE && name != CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

async fn text_of(body: Body) -> String {
    let bytes = to_bytes(body, DETAIL_BYTES_MAX).await.unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// The methods that there are; anybody can make up others, and each would be a series of its own.
fn method_label(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

/// The caller's id when it has one that can be logged, or a new one.
fn request_id(app: &App, headers: &HeaderMap) -> String {
    headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX)
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(
            || RequestId::generate(app.clock.now(), &mut app.rng()).to_string(),
            str::to_owned,
        )
}

/// The caller's trace (W3C Trace Context), when it has the form of one.
fn traceparent(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(TRACEPARENT)?;
    let mut parts = value.to_str().ok()?.split('-');
    let is_hex = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    let has_form = is_hex(parts.next(), 2)
        && is_hex(parts.next(), 32)
        && is_hex(parts.next(), 16)
        && is_hex(parts.next(), 2);
    has_form.then(|| value.clone())
}
