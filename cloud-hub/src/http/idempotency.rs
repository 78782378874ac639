//! `Idempotency-Key` on POST: the answer is stored in the transaction that does the work, so a
//! repeated request finds either both or neither.
//!
//! A second request with the same key that comes while the first is at work waits for it on the
//! key's row. A failed request stores nothing and may be repeated. Answers are kept for
//! [`KEPT`]; keys have 1 to [`KEY_BYTES_MAX`] bytes.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::app::App;
use crate::db::{Instant, TenantTx};

/// The header that carries the key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is a repetition.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is kept: a script that failed on Friday night is repeated on Monday.
const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// A UUID has 36.
const KEY_BYTES_MAX: usize = 255;

/// A JSON body whose request may be repeated safely.
#[derive(Debug)]
pub struct IdempotentJson<T> {
    pub body: T,
    pub request: Idempotent,
}

/// What makes a request the same request.
#[derive(Debug, Clone)]
pub struct Idempotent {
    key: String,
    method: String,
    path: String,
    body_hash: [u8; 32],
    now: Timestamp,
}

impl<T: DeserializeOwned> FromRequest<App> for IdempotentJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let asked = Asked::of(&request)?;
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().starts_with("application/json"));
        if !is_json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "the body must be application/json",
            ));
        }
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    let detail = "the body is larger than this path takes";
                    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
                }
                status => ApiError::new(status, "bad-body", rejection.body_text()),
            })?;
        let body = json_read(&bytes)?;
        let body_hash = *blake3::hash(&bytes).as_bytes();
        let request = asked.with_body(body_hash, app.clock.now());
        Ok(Self { body, request })
    }
}

/// A request before its body was read, for those that read it in their own way.
#[derive(Debug)]
pub struct Asked {
    key: String,
    method: String,
    path: String,
}

impl Asked {
    /// Takes key, method and path.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let path = request.uri().path_and_query();
        Ok(Self {
            key: key_of(request)?,
            method: request.method().to_string(),
            path: path.map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    /// The request with the BLAKE3 hash of its body.
    pub fn with_body(self, body_hash: [u8; 32], now: Timestamp) -> Idempotent {
        Idempotent {
            key: self.key,
            method: self.method,
            path: self.path,
            body_hash,
            now,
        }
    }
}

fn key_of(request: &Request) -> Result<String, ApiError> {
    let key = request
        .headers()
        .get(IDEMPOTENCY_KEY)
        .ok_or_else(|| {
            ApiError::bad_request(
                "idempotency-key-missing",
                "send an Idempotency-Key header, a new UUID for each new request",
            )
        })?
        .to_str()
        .map_err(|_| bad_key())?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(bad_key());
    }
    Ok(key.to_owned())
}

fn bad_key() -> ApiError {
    ApiError::bad_request(
        "bad-idempotency-key",
        format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible ASCII characters"),
    )
}

/// Reads JSON; the problem points at the part that is wrong.
pub fn json_read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_syntax() || inner.is_eof() {
            return ApiError::bad_request(
                "malformed-json",
                format!("the body is not JSON: {inner}"),
            );
        }
        let detail = inner.to_string();
        ApiError::unprocessable("invalid-body", "the body does not have the expected form")
            .at(pointer, detail)
    })?;
    reader.end().map_err(|error| {
        ApiError::bad_request("malformed-json", format!("the body is not JSON: {error}"))
    })?;
    Ok(parsed)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                format!("/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

impl Idempotent {
    /// Takes the key for this request. The answer of an earlier one comes back in its place.
    pub async fn replay(&self, tx: &mut TenantTx) -> Result<Option<Response>, ApiError> {
        let tenant_id = tx.tenant_id().uuid();
        sqlx::query!(
            "delete from idempotency_key where tenant_id = $1 and created_at < $2",
            tenant_id,
            Instant(self.now - KEPT) as _,
        )
        .execute(tx.conn())
        .await?;
        // Waits for a transaction that holds the key, and then finds its answer below.
        let taken = sqlx::query!(
            "insert into idempotency_key (tenant_id, key, method, path, body_hash, created_at)
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            tenant_id,
            self.key,
            self.method,
            self.path,
            &self.body_hash[..],
            Instant(self.now) as _,
        )
        .execute(tx.conn())
        .await?;
        if taken.rows_affected() == 1 {
            return Ok(None);
        }
        let stored = sqlx::query!(
            r#"select method, path, body_hash, status as "status!", response as "response!"
             from idempotency_key where tenant_id = $1 and key = $2"#,
            tenant_id,
            self.key,
        )
        .fetch_one(tx.conn())
        .await?;
        let is_same = stored.method == self.method
            && stored.path == self.path
            && stored.body_hash == self.body_hash;
        if !is_same {
            return Err(ApiError::unprocessable(
                "idempotency-key-reused",
                "this Idempotency-Key was used for another request",
            ));
        }
        let status = u16::try_from(stored.status)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::OK);
        let mut response = json_response(status, stored.response);
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(Some(response))
    }

    /// Stores the answer beside the work, and gives it back for the caller to send after commit.
    pub async fn store(
        &self,
        tx: &mut TenantTx,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Response, ApiError> {
        let text = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            ApiError::internal()
        })?;
        let tenant_id = tx.tenant_id().uuid();
        sqlx::query!(
            "update idempotency_key set status = $3, response = $4 where tenant_id = $1 and key = $2",
            tenant_id,
            self.key,
            i32::from(status.as_u16()),
            text,
        )
        .execute(tx.conn())
        .await?;
        Ok(json_response(status, text))
    }
}

fn json_response(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
