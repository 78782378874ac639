//! Messages to devices over HTTP, and their answers.
//!
//! How a device is spoken to (version, MIME form, time limit) says its profile.
//!
//! Limits: those of the one HTTP client (`uplink::http`), and of `agog_jdf` for what comes back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agog_jdf::Limits;
use agog_jdf::jmf::{Body, Jmf, Message, Response, correlate};
use agog_jdf::package::{JMF_TYPE, Package, PackageLimits};
use agog_sync::clock::Clock;
use agog_sync::ids::RequestId;
use jiff::Timestamp;
use rand::RngExt as _;
use rand::rngs::StdRng;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::config::DeviceConfig;
use crate::devices::package::{Packed, Submission};
use crate::devices::profile::{BodyLength, Profile};
use crate::run::Agent;
use crate::uplink::http::{self, HttpError};

/// Why a device gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("`{url}` answered HTTP {status} and no JMF")]
    Status { url: String, status: StatusCode },
    #[error("answer of `{url}` is not a JMF")]
    NotJmf {
        url: String,
        #[source]
        source: agog_jdf::Error,
    },
    #[error("the files of the ticket cannot be read")]
    Package(#[source] std::io::Error),
    #[error("`{url}` left message {kind} unanswered")]
    Unanswered { url: String, kind: String },
}

impl DeviceError {
    /// Not a byte reached the device.
    pub fn is_not_reached(&self) -> bool {
        match self {
            Self::Http(error) => error.is_not_reached(),
            Self::Package(_) => true,
            Self::Status { .. } | Self::NotJmf { .. } | Self::Unanswered { .. } => false,
        }
    }
}

/// The body of a request.
enum Outgoing {
    Messages(Vec<u8>),
    Package(Packed),
}

/// What a device answered to messages that were sent together.
#[derive(Debug, Clone)]
pub struct Answers {
    /// By the device's clock, as the times of its signals.
    pub told_at: Option<Timestamp>,
    /// In the order of the messages; none where one was left unanswered.
    pub responses: Vec<Option<Response>>,
}

/// Sends messages in the name of this agent; cheap to clone.
#[derive(Clone)]
pub struct DeviceClient {
    http: reqwest::Client,
    sender_id: Arc<str>,
    clock: Arc<dyn Clock>,
    rng: Arc<Mutex<StdRng>>,
}

impl DeviceClient {
    pub fn new(agent: &Agent) -> Result<Self, HttpError> {
        Ok(Self {
            http: http::plant_client(&agent.config.plant_tls)?,
            sender_id: sender_id(agent).into(),
            clock: agent.clock.clone(),
            rng: Arc::new(Mutex::new(agent.fork_rng())),
        })
    }

    /// A message id that no other message of this agent has; a name in the sense of XML.
    pub fn message_id(&self) -> String {
        format!(
            "M{}",
            RequestId::generate(self.clock.now(), &mut *self.lock_rng())
        )
    }

    /// Sends messages together; the answers come in the order of the messages.
    pub async fn exchange(
        &self,
        device: &DeviceConfig,
        messages: Vec<Message>,
    ) -> Result<Vec<Response>, DeviceError> {
        let kinds: Vec<String> = messages.iter().map(|m| m.kind.clone()).collect();
        let answers = self.ask(device, messages).await?.responses;
        let unanswered = |kind| DeviceError::Unanswered {
            url: device.url.clone(),
            kind,
        };
        answers
            .into_iter()
            .zip(kinds)
            .map(|(answer, kind)| answer.ok_or_else(|| unanswered(kind)))
            .collect()
    }

    /// As [`Self::exchange`], for devices that leave messages unanswered which they do not know.
    pub async fn ask(
        &self,
        device: &DeviceConfig,
        messages: Vec<Message>,
    ) -> Result<Answers, DeviceError> {
        let profile = device.profile();
        let jmf = self.jmf(device, &profile, messages);
        let body = Outgoing::Messages(jmf.to_bytes());
        self.post(device, &profile, body, &jmf.messages).await
    }

    /// Sends one message together with a ticket, which the message names as [`TICKET_URL`], and the
    /// files of the ticket.
    ///
    /// [`TICKET_URL`]: super::package::TICKET_URL
    pub async fn submit(
        &self,
        device: &DeviceConfig,
        message: Message,
        submission: Submission,
    ) -> Result<Response, DeviceError> {
        let profile = device.profile();
        let kind = message.kind.clone();
        let jmf = self.jmf(device, &profile, vec![message]);
        let random = self.lock_rng().random();
        let packed = Packed::new(&profile, random, jmf.to_bytes(), submission)
            .await
            .map_err(DeviceError::Package)?;
        let mut answers = self
            .post(device, &profile, Outgoing::Package(packed), &jmf.messages)
            .await?;
        answers
            .responses
            .pop()
            .flatten()
            .ok_or_else(|| DeviceError::Unanswered {
                url: device.url.clone(),
                kind,
            })
    }

    fn jmf(&self, device: &DeviceConfig, profile: &Profile, messages: Vec<Message>) -> Jmf {
        let mut jmf = Jmf::new(&*self.sender_id, self.clock.now());
        jmf.version = Some(profile.jmf_version.clone());
        jmf.device_id = profile.name_device.then(|| device.id.clone());
        jmf.agent_name = Some("AGOG".to_owned());
        jmf.agent_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        jmf.messages = messages;
        jmf
    }

    async fn post(
        &self,
        device: &DeviceConfig,
        profile: &Profile,
        body: Outgoing,
        sent: &[Message],
    ) -> Result<Answers, DeviceError> {
        let url = device.url.as_str();
        let request = self.http.post(url);
        let is_chunked = profile.body_length == BodyLength::Chunked;
        let request = match body {
            Outgoing::Messages(body) => {
                let request = request
                    .timeout(profile.request_timeout())
                    .header(CONTENT_TYPE, JMF_TYPE);
                if is_chunked {
                    request.body(chunked(&body))
                } else {
                    request.body(body)
                }
            }
            Outgoing::Package(packed) => {
                let seconds = packed.length.unwrap_or_default() / PACKAGE_BYTES_PER_S_LEAST;
                let request = request
                    .timeout(profile.request_timeout() + Duration::from_secs(seconds))
                    .header(CONTENT_TYPE, &packed.content_type);
                let length = packed.length.filter(|_| !is_chunked);
                let request = match length {
                    Some(length) => request.header(CONTENT_LENGTH, length),
                    None => request,
                };
                request.body(packed.into_body())
            }
        };
        let (status, answer) = http::send(request, url).await?;
        // Some devices pack their answers; some send a useful JMF with an HTTP error.
        let package = Package::parse(None, &answer, &PackageLimits::default()).ok();
        let jmf = package
            .as_ref()
            .and_then(Package::jmf)
            .map_or(&answer[..], |part| part.body());
        let Jmf {
            timestamp,
            messages: mut received,
            ..
        } = match Jmf::parse(jmf, &Limits::default()) {
            Ok(parsed) => parsed.jmf,
            Err(_) if !status.is_success() => {
                return Err(DeviceError::Status {
                    url: url.to_owned(),
                    status,
                });
            }
            Err(source) => {
                return Err(DeviceError::NotJmf {
                    url: url.to_owned(),
                    source,
                });
            }
        };
        if !profile.accept_missing_ref_id {
            received.retain(|answer| answer.ref_id.is_some());
        }
        let answers = correlate(sent, &received).into_iter();
        let responses = answers.map(|answer| match &answer?.body {
            Body::Response(response) => Some(response.clone()),
            _ => None,
        });
        Ok(Answers {
            told_at: timestamp,
            responses: responses.collect(),
        })
    }

    fn lock_rng(&self) -> MutexGuard<'_, StdRng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body whose length is not known before, as HTTP/1.1 sends it in chunks.
fn chunked(body: &[u8]) -> reqwest::Body {
    let chunks: Vec<_> = body
        .chunks(CHUNK_BYTES)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
        .collect();
    reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
}

/// The size of a chunk; what a device reads at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// A device that takes a package more slowly than this is given up: 8 Mbit/s.
const PACKAGE_BYTES_PER_S_LEAST: u64 = 1_000_000;

/// What this agent calls itself towards machines.
pub fn sender_id(agent: &Agent) -> String {
    format!("agog-edge-{}", agent.config.agent.plant_code)
}
