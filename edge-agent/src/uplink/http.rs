//! The one place that makes HTTP clients, and what every answer goes through: time limits, a size
//! limit, and problem+json turned into an error.
//!
//! Limits: [`CONNECT_TIMEOUT`], [`READ_TIMEOUT`] between bytes, [`ANSWER_BYTES_MAX`] per answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use agog_sync::frame::{self, FrameError};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::plant_tls;
use crate::config::PlantTlsConfig;

/// A host that does not take a connection in this time is away.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence in the middle of an answer; above the 25 s of a long poll.
pub const READ_TIMEOUT: Duration = Duration::from_secs(40);
/// The most bytes of one answer: a page of the feed with large tickets.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Idle connections are closed before most proxies close them silently.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Why a request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("`{url}` does not answer")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{url}` answered {status}: {problem}")]
    Refused {
        url: String,
        status: StatusCode,
        problem: Box<Problem>,
    },
    #[error("the certificate of `{url}` is refused: {reason}")]
    Certificate { url: String, reason: String },
    #[error("`{path}` cannot be used for TLS: {reason}")]
    TlsFile { path: PathBuf, reason: String },
    #[error("answer of `{url}` is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge { url: String },
    #[error("answer of `{url}` is not understood")]
    Form {
        url: String,
        #[source]
        source: serde_json::Error,
    },
}

impl HttpError {
    /// Nobody answered, or the line broke; not an answer that was no good.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Certificate { .. })
    }

    /// There was no connection: the other side has seen nothing of the request.
    pub fn is_not_reached(&self) -> bool {
        match self {
            Self::Client(_) | Self::Certificate { .. } | Self::TlsFile { .. } => true,
            Self::Unreachable { source, .. } => source.is_connect(),
            Self::Refused { .. } | Self::TooLarge { .. } | Self::Form { .. } => false,
        }
    }

    /// The problem that the other side named, when it did.
    pub fn problem(&self) -> Option<(StatusCode, &Problem)> {
        match self {
            Self::Refused {
                status, problem, ..
            } => Some((*status, problem)),
            _ => None,
        }
    }
}

/// The parts of problem+json (RFC 9457) that the agent reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub code: String,
    pub detail: String,
    /// What the hub expects the next batch to follow; its form depends on the endpoint.
    pub expected: Option<serde_json::Value>,
    /// The hub's clock, where ours is the problem.
    pub at: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code.as_str(), self.detail.as_str()) {
            ("", "") => f.write_str("no reason given"),
            ("", detail) => f.write_str(detail),
            (code, detail) => write!(f, "{code}: {detail}"),
        }
    }
}

/// What a client talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The hub, through the proxy of the environment where one is set.
    Hub,
    /// Machines on the plant network, never through a proxy.
    Plant,
}

/// The client for the hub and for devices. Redirects are not followed: a credential goes only
/// where the configuration says.
pub fn client(reach: Reach) -> Result<reqwest::Client, HttpError> {
    builder(reach).build().map_err(HttpError::Client)
}

/// The client for the plant network, with the plant's own certificate authority.
pub fn plant_client(tls: &PlantTlsConfig) -> Result<reqwest::Client, HttpError> {
    pinned_client(tls, "", &[])
}

/// As [`plant_client`]; `name` is reached at these addresses and is not resolved again.
pub(crate) fn pinned_client(
    tls: &PlantTlsConfig,
    name: &str,
    addresses: &[SocketAddr],
) -> Result<reqwest::Client, HttpError> {
    let mut builder = plant_tls::trusting(builder(Reach::Plant), tls)?;
    if !addresses.is_empty() {
        builder = builder.resolve_to_addrs(name, addresses);
    }
    builder.build().map_err(HttpError::Client)
}

fn builder(reach: Reach) -> reqwest::ClientBuilder {
    let builder = match reach {
        Reach::Hub => reqwest::Client::builder(),
        Reach::Plant => reqwest::Client::builder().no_proxy(),
    };
    builder
        .user_agent(concat!("agog-edge/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .redirect(reqwest::redirect::Policy::none())
}

/// Sends a request and reads a JSON answer.
pub(super) async fn json<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
    url: &str,
) -> Result<T, HttpError> {
    let (status, body) = send(request, url).await?;
    if !status.is_success() {
        // A proxy in between may answer with something that is no problem document.
        let problem = serde_json::from_slice(&body).unwrap_or_default();
        return Err(HttpError::Refused {
            url: url.to_owned(),
            status,
            problem: Box::new(problem),
        });
    }
    serde_json::from_slice(&body).map_err(|source| HttpError::Form {
        url: url.to_owned(),
        source,
    })
}

/// Sends a request and reads an answer that may be compressed with zstd.
pub(super) async fn frame<T: DeserializeOwned>(
    request: reqwest::RequestBuilder,
    url: &str,
) -> Result<T, HttpError> {
    let mut response = open(request.header(ACCEPT_ENCODING, "zstd"), url).await?;
    let is_zstd = response
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"zstd"));
    let body = body(&mut response, url).await?;
    let form = |source| HttpError::Form {
        url: url.to_owned(),
        source,
    };
    if !is_zstd {
        return serde_json::from_slice(&body).map_err(form);
    }
    frame::decode(&body, ANSWER_BYTES_MAX).map_err(|error| match error {
        FrameError::Json(source) => form(source),
        FrameError::TooLarge(_) => HttpError::TooLarge {
            url: url.to_owned(),
        },
        FrameError::Compression(source) => form(serde_json::Error::io(source)),
    })
}

/// Sends a request and gives the answer to be read as it comes, when it is a good one.
pub(super) async fn open(
    request: reqwest::RequestBuilder,
    url: &str,
) -> Result<reqwest::Response, HttpError> {
    let away = |source| no_answer(url, source);
    let response = request.send().await.map_err(away)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await.map_err(away)?;
    Err(HttpError::Refused {
        url: url.to_owned(),
        status,
        problem: Box::new(serde_json::from_slice(&body).unwrap_or_default()),
    })
}

/// Sends a request and reads the whole answer, whatever its status.
pub(crate) async fn send(
    request: reqwest::RequestBuilder,
    url: &str,
) -> Result<(StatusCode, Vec<u8>), HttpError> {
    let mut response = request
        .send()
        .await
        .map_err(|source| no_answer(url, source))?;
    let status = response.status();
    Ok((status, body(&mut response, url).await?))
}

async fn body(response: &mut reqwest::Response, url: &str) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|source| no_answer(url, source))?
    {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(HttpError::TooLarge {
                url: url.to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn no_answer(url: &str, source: reqwest::Error) -> HttpError {
    let url = url.to_owned();
    match plant_tls::distrust(&source) {
        Some(reason) => HttpError::Certificate { url, reason },
        None => HttpError::Unreachable {
            url,
            source: source.without_url(),
        },
    }
}

/// Steps on the way to a cause, which say nothing to whoever reads that a machine is switched off.
const STEPS: [&str; 4] = [
    "error sending request",
    "client error (Connect)",
    "tcp connect error",
    "dns error",
];

/// An error with its causes, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        let is_step = error.source().is_some() && STEPS.contains(&part.as_str());
        // The number that the operating system gives its error is no news beside its words.
        let part = part.split(" (os error ").next().unwrap_or_default();
        if !is_step && !text.ends_with(part) {
            text.push_str(": ");
            text.push_str(part);
        }
        cause = error.source();
    }
    text
}
