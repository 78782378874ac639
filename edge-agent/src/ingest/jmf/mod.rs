//! The endpoint that the machines of the plant post JMF to.
//!
//! Every message gets its Response in the order of the messages; the facts of a signal are stored
//! before it is answered, values that cannot be stored are only counted. What cannot be read is answered with HTTP 200 and a return code, as JMF wants it;
//! only a body beyond the limits (413, 408), a full disk or full memory (503, to be repeated) and a large body
//! of somebody who is not heard anyway (403, 503) are HTTP errors.
//!
//! Limits: [`BODY_BYTES_MAX`] and [`BODY_READ_LIMIT`] per body, and a budget for all of them ([`body`]);
//! [`MESSAGES_MAX`] messages per JMF; [`connections`] of one address.

mod body;
pub mod connections;
mod folder;
mod heard;
pub mod https;
mod kept;
mod read;
mod returns;
mod samples;
mod signal;

use std::net::SocketAddr;
use std::time::Duration;

use agog_jdf::Document;
use agog_jdf::jmf::{
    Body as Content, Command, Family, Jmf, Message, Query, QueryContent, Response as Answer,
    ReturnCode, SignalContent,
};
use agog_jdf::package::JMF_TYPE;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use tracing::{info, warn};

use self::body::{Bodies, ReadBody, Unread};
use self::heard::{Caller, NotHeard};
use self::read::{Received, UnreadableTicket};
use crate::controller::{self, Call};
use crate::devices::client::sender_id;
use crate::devices::contact::Contacts;
use crate::floor::{Floor, FloorError};
use crate::ledger::{AppendError, InboxKey, LedgerError};
use crate::outbox;
use crate::run::Agent;
use crate::telemetry::Telemetry;

/// The largest body: a returned ticket with its previews.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A body that is not complete after this time is given up: the largest one over a slow line.
pub const BODY_READ_LIMIT: Duration = Duration::from_mins(1);
/// More messages in one JMF are an attack or a mistake.
pub const MESSAGES_MAX: usize = 100;
/// XML above this size is read off the threads that serve everybody.
const XML_BYTES_INLINE: usize = 256 * 1024;

/// What the handler works with.
#[derive(Clone)]
pub struct JmfState {
    pub agent: Agent,
    pub floor: Floor,
    pub contacts: Contacts,
    pub telemetry: Telemetry,
}

/// What answers requests.
#[derive(Clone)]
struct Served {
    jmf: JmfState,
    bodies: Bodies,
}

/// The routes for the listener of the machines.
pub fn router(state: JmfState) -> Router {
    let served = Served {
        jmf: state,
        bodies: Bodies::new(),
    };
    Router::new()
        .route("/jmf", post(receive).get(hint))
        .with_state(served)
}

/// People who try the URL in a browser see that it is the right one.
async fn hint() -> &'static str {
    "This is the JMF endpoint of an AGOG edge agent. Machines send their messages here by POST.\n"
}

async fn receive(State(served): State<Served>, request: Request) -> Response {
    let Served { jmf: state, bodies } = served;
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let address = address.map(|from| from.0.ip());
    let gate = &state.agent.desk.gate;
    let caller = Caller {
        address,
        is_admitted: gate.admits(address, state.agent.clock.now()),
    };
    let body = bodies.read(request.into_body(), || state.not_heard(caller));
    // Its room in memory is given back with the answer.
    let ReadBody { bytes: body, .. } = &match body.await {
        Ok(body) => body,
        Err(unread) => return state.unread(&unread),
    };
    let read = if body.len() > XML_BYTES_INLINE {
        let (content_type, body) = (content_type.clone(), body.clone());
        tokio::task::spawn_blocking(move || Received::read(content_type.as_deref(), &body)).await
    } else {
        Ok(Received::read(content_type.as_deref(), body))
    };
    match read {
        Ok(Ok(received)) => {
            state
                .answer(received, caller, content_type.as_deref(), body)
                .await
        }
        Ok(Err(unreadable)) => {
            metrics::counter!("agog_jmf_refused_total", "reason" => "unreadable").increment(1);
            info!("unreadable JMF refused: {}", unreadable.reason);
            let kept = state.unreadable_body(caller.address, body, &unreadable.reason);
            if caller.is_admitted
                && let Err(error) = kept.await
            {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "a return that cannot be read is not recorded"
                );
            }
            state.refusal(StatusCode::OK, unreadable.code, &unreadable.reason)
        }
        Err(_) => state.refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            ReturnCode::INTERNAL_ERROR,
            "the message could not be read",
        ),
    }
}

impl JmfState {
    async fn answer(
        &self,
        received: Received,
        caller: Caller,
        content_type: Option<&str>,
        body: &Bytes,
    ) -> Response {
        let (status, answers) = self.answers(received, caller, content_type, body).await;
        self.send(status, answers)
    }

    /// The answer to each message, and whether all of them are stored.
    async fn answers(
        &self,
        received: Received,
        caller: Caller,
        content_type: Option<&str>,
        body: &Bytes,
    ) -> (StatusCode, Vec<Message>) {
        let Received { jmf, tickets } = received;
        let call = Call {
            jmf: &jmf,
            caller: caller.address,
            content_type,
            body,
        };
        let one = |(message, ticket)| self.answer_to(&call, message, ticket, caller);
        let pairs = jmf.messages.iter().zip(tickets.iter().map(Option::as_ref));
        let answers = if jmf.messages.iter().all(is_signal) {
            // All together, so that they share a commit; the floor takes them in their order.
            join_all(pairs.map(one)).await
        } else {
            // What is asked may be about what was ordered before, and what is signalled behind a return
            // is of another run.
            let mut answers = Vec::new();
            for pair in pairs {
                answers.push(one(pair).await);
            }
            answers
        };
        let mut status = StatusCode::OK;
        let mut responses = Vec::new();
        for (message, answer) in jmf.messages.iter().zip(answers) {
            match answer {
                None => {}
                Some(Ok(answer)) => responses.push(response(message, answer)),
                Some(Err(FloorError::Append(AppendError::Refused(refused)))) => {
                    // It would be refused again.
                    warn!(
                        "message {} of {} refused: {refused}",
                        message.id, jmf.sender_id
                    );
                    let code = ReturnCode::INVALID_PARAMETERS;
                    let refusal = Answer::refusal(code, refused.to_string());
                    responses.push(response(message, refusal));
                }
                Some(Err(error)) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "message {} of {} not stored", message.id, jmf.sender_id
                    );
                    let busy = Answer::refusal(
                        ReturnCode::SERVICE_BUSY,
                        "the message could not be stored; send it again",
                    );
                    responses.push(response(message, busy));
                    status = StatusCode::SERVICE_UNAVAILABLE;
                }
            }
        }
        (status, responses)
    }

    /// None to what is an answer itself.
    async fn answer_to(
        &self,
        call: &Call<'_>,
        message: &Message,
        ticket: Option<&Result<Document, UnreadableTicket>>,
        caller: Caller,
    ) -> Option<Result<Answer, FloorError>> {
        let jmf = call.jmf;
        if let Some(refusal) = self.turned_away(jmf, message, caller) {
            return expects_answer(message).then_some(Ok(refusal));
        }
        Some(match &message.body {
            Content::Signal(signal) => self.signal(jmf, message, signal).await,
            Content::Command(Command::ReturnQueueEntry(params)) => {
                self.returned(jmf, message, params, ticket).await
            }
            Content::Query(query) => controller::query(&self.agent, call, message, query)
                .await
                .map_err(FloorError::from),
            Content::Command(command) => controller::command(&self.agent, call, message, command)
                .await
                .map_err(FloorError::from),
            Content::Registration { .. } => Ok(not_implemented(message)),
            // The later answer to a command; it gets none of its own.
            Content::Acknowledge(answer) => match self.acknowledged(message, answer).await {
                Ok(()) => return None,
                Err(error) => Err(error.into()),
            },
            // Answers to what we asked before; nobody waits for them here.
            Content::Response(_) => return None,
        })
    }

    async fn acknowledged(&self, message: &Message, answer: &Answer) -> Result<(), LedgerError> {
        match &message.ref_id {
            Some(ref_id) => outbox::acknowledged(&self.agent, ref_id, answer).await,
            None => Ok(()),
        }
    }

    fn known(&self, name: Option<&str>) -> Option<String> {
        let name = name?;
        let is_known = self.agent.known_devices.contains(name);
        is_known.then(|| name.to_owned())
    }

    /// The answer to a request whose body is not there.
    fn unread(&self, unread: &Unread<NotHeard>) -> Response {
        let (status, reason, words) = match unread {
            Unread::TurnedAway(NotHeard {
                status,
                code,
                reason,
            }) => return self.refusal(*status, *code, reason),
            Unread::NoRoom => {
                let words = "too much is sent at once; send it again later".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "memory", words)
            }
            Unread::Slow => {
                let seconds = BODY_READ_LIMIT.as_secs();
                let words = format!("the body was not complete after {seconds} s");
                (StatusCode::REQUEST_TIMEOUT, "slow", words)
            }
            Unread::TooLarge => {
                let words = format!("the body is incomplete or larger than {BODY_BYTES_MAX} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, "body", words)
            }
        };
        metrics::counter!("agog_jmf_refused_total", "reason" => reason).increment(1);
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => ReturnCode::SERVICE_BUSY,
            _ => ReturnCode::GENERAL_ERROR,
        };
        self.refusal(status, code, &words)
    }

    /// An answer to something that is no message.
    fn refusal(&self, status: StatusCode, code: ReturnCode, reason: &str) -> Response {
        let unread = Message::query("", Query::once(QueryContent::SubmissionMethods));
        let mut response = Message::response("R-0", &unread, Answer::refusal(code, reason));
        response.ref_id = None;
        self.send(status, vec![response])
    }

    fn send(&self, status: StatusCode, answers: Vec<Message>) -> Response {
        let mut jmf = Jmf::new(sender_id(&self.agent), self.agent.clock.now());
        jmf.agent_name = Some("AGOG".to_owned());
        jmf.agent_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        jmf.messages = answers;
        (status, [(CONTENT_TYPE, JMF_TYPE)], jmf.to_bytes()).into_response()
    }
}

/// A message of a machine. Its time is part of the key: a device that was restarted may begin its
/// message ids anew, while one that repeats a message repeats its time. Without a time an ID names nothing, as devices
/// may number the messages of each document from 1: then words for people are a repetition when they are the same. A state is
/// compared with the one before whatever its key is, and the same again after another one is a change.
fn key(sender: &str, jmf: &Jmf, message: &Message, now: Timestamp) -> InboxKey {
    // Where a message stands in its document is no part of what it says.
    let said = || {
        let alone = Jmf::new("", Timestamp::UNIX_EPOCH).with(message.clone());
        blake3::hash(&alone.to_bytes()).to_hex().to_string()
    };
    // One without an ID is known by what it says: others of the same time would pass for its repeats.
    let name = if message.id.is_empty() {
        said()
    } else {
        message.id.clone()
    };
    let told = match message.time.or(jmf.timestamp) {
        Some(at) => at.to_string(),
        None if tells_people(message) => said(),
        None => format!("heard {now}"),
    };
    InboxKey::new(format!("jmf:{sender}"), format!("{name} {told}"))
}

fn tells_people(message: &Message) -> bool {
    let Content::Signal(signal) = &message.body else {
        return false;
    };
    let is_notification = matches!(signal.content, SignalContent::Notification { .. });
    is_notification || !signal.notifications.is_empty()
}

fn is_signal(message: &Message) -> bool {
    matches!(&message.body, Content::Signal(_))
}

fn expects_answer(message: &Message) -> bool {
    !matches!(message.family(), Family::Response | Family::Acknowledge)
}

fn not_implemented(message: &Message) -> Answer {
    let reason = format!(
        "{} {} is not implemented here",
        message.family().as_str(),
        message.kind
    );
    Answer::refusal(ReturnCode::NOT_IMPLEMENTED, reason)
}

fn unknown_device(name: &str) -> Answer {
    info!("message of `{name}` refused: no such device is configured");
    let reason = format!("device `{name}` is not configured at this agent");
    Answer::refusal(ReturnCode::DEVICE_ID_UNKNOWN, reason)
}

/// The response is named after its message, so that a repeated message gets the same answer.
fn response(message: &Message, answer: Answer) -> Message {
    Message::response(format!("R-{}", message.id), message, answer)
}
