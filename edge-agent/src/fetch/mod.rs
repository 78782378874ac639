//! URLs that come from outside: tickets that are fetched, and where signals and returned tickets
//! are sent. One policy for all of them.
//!
//! - [`policy`]: schemes, hosts and directories that are allowed; [`address`]: networks, and
//!   addresses that never are
//! - here: fetching and posting to what the policy has let through
//!
//! A name is resolved once, its addresses are checked, and the connection goes to one of the
//! checked addresses: a name that resolves otherwise a moment later changes nothing. Redirects are
//! followed at most [`HOPS_MAX`] times when a ticket is fetched, each hop checked like the first
//! URL, and never when something is posted.
//!
//! Limits: [`REQUEST_TIMEOUT`] for a whole exchange, the caller's limit of bytes, [`CLIENTS_MAX`]
//! HTTP clients.

pub mod address;
pub mod policy;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};

use self::policy::{Place, Policy, UrlRefused};
use crate::config::{Config, PlantTlsConfig};
use crate::devices::Devices;
use crate::uplink::http::{self, HttpError};

/// A whole exchange; an office that takes longer is away.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// From a share to its server to its store; more is a loop.
pub const HOPS_MAX: usize = 3;
/// One client per name and its addresses; when more are known, all are made anew.
const CLIENTS_MAX: usize = 64;

/// Why nothing came of a URL. The sentences are for whoever sent the URL: they name nothing of
/// this machine.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Refused(#[from] UrlRefused),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("`{url}` answered HTTP {status}")]
    Status { url: String, status: StatusCode },
    #[error("`{url}` cannot be read")]
    File { url: String },
    #[error("`{url}` has more than {limit} bytes")]
    TooLarge { url: String, limit: usize },
    #[error("`{url}` leads further than {HOPS_MAX} times")]
    TooManyHops { url: String },
}

/// Fetches and posts within the policy.
pub struct Outward {
    policy: Policy,
    tls: PlantTlsConfig,
    clients: Mutex<BTreeMap<(String, Vec<SocketAddr>), reqwest::Client>>,
}

impl Outward {
    pub fn new(config: &Config, devices: Devices) -> Self {
        Self {
            policy: Policy::new(config, devices),
            tls: config.plant_tls.clone(),
            clients: Mutex::default(),
        }
    }

    /// The schemes that are allowed, for people and machines that ask.
    pub fn schemes(&self) -> Vec<String> {
        self.policy.schemes()
    }

    /// Whether something may be posted to a URL that came from `caller`.
    pub async fn check_target(&self, url: &str, caller: Option<IpAddr>) -> Result<(), UrlRefused> {
        match self.policy.check(url, caller).await? {
            Place::Web { .. } => Ok(()),
            Place::File { .. } => Err(UrlRefused::NotATarget {
                url: url.to_owned(),
            }),
        }
    }

    /// Posts a body, and reads the answer whatever its status.
    pub async fn post(
        &self,
        url: &str,
        caller: Option<IpAddr>,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), FetchError> {
        let Place::Web { url, addresses } = self.policy.check(url, caller).await? else {
            return Err(UrlRefused::NotATarget {
                url: url.to_owned(),
            }
            .into());
        };
        let request = self
            .client(&url, &addresses)?
            .post(url.clone())
            .timeout(REQUEST_TIMEOUT)
            .header(CONTENT_TYPE, content_type)
            .body(body);
        Ok(http::send(request, url.as_str()).await?)
    }

    /// Fetches what a URL from `caller` names, at most `limit` bytes.
    pub async fn get(
        &self,
        url: &str,
        caller: Option<IpAddr>,
        limit: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let mut next = url.to_owned();
        for _ in 0..=HOPS_MAX {
            let (url, addresses) = match self.policy.check(&next, caller).await? {
                Place::Web { url, addresses } => (url, addresses),
                // A redirect from the web into the file system is refused with its scheme.
                Place::File { .. } if next != url => {
                    return Err(UrlRefused::NotATarget { url: next }.into());
                }
                Place::File { path } => return read_file(path, next, limit).await,
            };
            let response = self
                .client(&url, &addresses)?
                .get(url.clone())
                .timeout(REQUEST_TIMEOUT)
                .send()
                .await
                .map_err(|source| unreachable(&url, source))?;
            let status = response.status();
            if status.is_redirection() {
                let location = response.headers().get(LOCATION);
                let location = location.and_then(|to| url.join(to.to_str().ok()?).ok());
                next = match location {
                    Some(to) => to.into(),
                    None => return Err(status_error(&url, status)),
                };
                continue;
            }
            if !status.is_success() {
                return Err(status_error(&url, status));
            }
            return read_body(response, &url, limit).await;
        }
        Err(FetchError::TooManyHops {
            url: url.to_owned(),
        })
    }

    /// A client that connects to the checked addresses and to nothing else.
    fn client(&self, url: &Url, addresses: &[SocketAddr]) -> Result<reqwest::Client, HttpError> {
        let name = url.domain().unwrap_or_default().to_owned();
        let pinned = if name.is_empty() {
            Vec::new()
        } else {
            addresses.to_vec()
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(name.clone(), pinned.clone())) {
            return Ok(client.clone());
        }
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        let client = http::pinned_client(&self.tls, &name, &pinned)?;
        clients.insert((name, pinned), client.clone());
        Ok(client)
    }
}

async fn read_body(
    mut response: reqwest::Response,
    url: &Url,
    limit: usize,
) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|source| unreachable(url, source))?
    {
        if body.len() + chunk.len() > limit {
            return Err(FetchError::TooLarge {
                url: url.to_string(),
                limit,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The path is within an allowed directory, after all links were followed.
async fn read_file(path: PathBuf, url: String, limit: usize) -> Result<Vec<u8>, FetchError> {
    use std::io::Read as _;
    let unreadable = FetchError::File { url: url.clone() };
    let read = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("no file"));
        }
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    match read.await {
        Ok(Ok(bytes)) if bytes.len() <= limit => Ok(bytes),
        Ok(Ok(_)) => Err(FetchError::TooLarge { url, limit }),
        _ => Err(unreadable),
    }
}

fn unreachable(url: &Url, source: reqwest::Error) -> FetchError {
    FetchError::Http(HttpError::Unreachable {
        url: url.to_string(),
        source: source.without_url(),
    })
}

fn status_error(url: &Url, status: StatusCode) -> FetchError {
    FetchError::Status {
        url: url.to_string(),
        status,
    }
}
