//! Messages to devices over HTTP, and their answers.
//!
//! Limits: those of the one HTTP client (`uplink::http`), and of `agog_jdf` for what comes back.

use std::sync::{Arc, Mutex, PoisonError};

use agog_jdf::Limits;
use agog_jdf::jmf::{Body, Jmf, Message, Response, correlate};
use agog_jdf::package::{JMF_TYPE, Outgoing, Package, PackageLimits};
use agog_sync::clock::Clock;
use agog_sync::ids::RequestId;
use rand::rngs::StdRng;
use reqwest::StatusCode;

use crate::run::Agent;
use crate::uplink::http::{self, HttpError, Reach};

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
    #[error("`{url}` left message {kind} unanswered")]
    Unanswered { url: String, kind: String },
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
            http: http::client(Reach::Plant)?,
            sender_id: sender_id(agent).into(),
            clock: agent.clock.clone(),
            rng: Arc::new(Mutex::new(agent.fork_rng())),
        })
    }

    /// A message id that no other message of this agent has; a name in the sense of XML.
    pub fn message_id(&self) -> String {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        format!("M{}", RequestId::generate(self.clock.now(), &mut *rng))
    }

    /// Sends messages together; the answers come in the order of the messages.
    pub async fn exchange(
        &self,
        url: &str,
        messages: Vec<Message>,
    ) -> Result<Vec<Response>, DeviceError> {
        let jmf = self.jmf(messages);
        let body = jmf.to_bytes();
        self.post(url, JMF_TYPE, body, &jmf.messages).await
    }

    /// Sends one message together with a ticket, which the message names as [`TICKET_URL`].
    pub async fn submit(
        &self,
        url: &str,
        message: Message,
        jdf: &str,
    ) -> Result<Response, DeviceError> {
        let kind = message.kind.clone();
        let jmf = self.jmf(vec![message]);
        let mut package = Outgoing::new(jmf.to_bytes());
        package.ticket(TICKET_ID, jdf.as_bytes().to_vec());
        let (content_type, body) = package.finish();
        let mut answers = self.post(url, &content_type, body, &jmf.messages).await?;
        answers.pop().ok_or_else(|| DeviceError::Unanswered {
            url: url.to_owned(),
            kind,
        })
    }

    fn jmf(&self, messages: Vec<Message>) -> Jmf {
        let mut jmf = Jmf::new(&*self.sender_id, self.clock.now());
        jmf.agent_name = Some("AGOG".to_owned());
        jmf.agent_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        jmf.messages = messages;
        jmf
    }

    async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
        sent: &[Message],
    ) -> Result<Vec<Response>, DeviceError> {
        let request = self
            .http
            .post(url)
            .header("content-type", content_type)
            .body(body);
        let (status, answer) = http::send(request, url).await?;
        // Some devices pack their answers; some send a useful JMF with an HTTP error.
        let package = Package::parse(None, &answer, &PackageLimits::default()).ok();
        let jmf = package
            .as_ref()
            .and_then(Package::jmf)
            .map_or(&answer[..], |part| part.body());
        let parsed = match Jmf::parse(jmf, &Limits::default()) {
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
        correlate(sent, &parsed.messages)
            .into_iter()
            .zip(sent)
            .map(
                |(answer, message)| match answer.map(|answer| &answer.body) {
                    Some(Body::Response(response)) => Ok(response.clone()),
                    _ => Err(DeviceError::Unanswered {
                        url: url.to_owned(),
                        kind: message.kind.clone(),
                    }),
                },
            )
            .collect()
    }
}

const TICKET_ID: &str = "ticket.jdf";
/// How a submission names the ticket that comes with it.
pub const TICKET_URL: &str = "cid:ticket.jdf";

/// What this agent calls itself towards machines.
pub fn sender_id(agent: &Agent) -> String {
    format!("agog-edge-{}", agent.config.agent.plant_code)
}
