//! A small MIS: it takes signals and returned tickets, is away, loses answers, or is busy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use agog_jdf::Limits;
use agog_jdf::jmf::{Body as Content, Jmf, Message, Response, ReturnCode};
use agog_jdf::package::{Package, PackageLimits};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What it does with the next messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Answers,
    /// Takes what comes, and the answer is lost.
    LosesAnswers,
    Says(ReturnCode),
}

/// One message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) message: Message,
    pub(crate) at: Instant,
    /// The ticket that came with it.
    pub(crate) ticket: Option<Vec<u8>>,
    pub(crate) mood: Mood,
}

#[derive(Clone)]
pub(crate) struct Mis(Arc<Mutex<Memory>>);

struct Memory {
    mood: Mood,
    came: Vec<Came>,
}

pub(crate) struct Online {
    task: JoinHandle<()>,
}

impl Online {
    pub(crate) async fn off(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Mis {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Memory {
            mood: Mood::Answers,
            came: Vec::new(),
        })))
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.0.lock().unwrap().came.clone()
    }

    pub(crate) fn online(&self, address: SocketAddr) -> Online {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(16).unwrap();
        let router = Router::new()
            .route("/jmf", post(take))
            .with_state(self.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Online { task }
    }
}

async fn take(State(mis): State<Mis>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    let content_type = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let package = Package::parse(content_type, &body, &PackageLimits::default()).unwrap();
    let part = package.jmf().unwrap();
    let jmf = Jmf::parse(part.body(), &Limits::default()).unwrap().jmf;
    let ticket = package.tickets().next().map(|part| part.body().to_vec());
    let mut memory = mis.0.lock().unwrap();
    let mood = memory.mood;
    let mut reply = Jmf::new("mis", Timestamp::UNIX_EPOCH);
    for message in jmf.messages {
        let response = match mood {
            Mood::Says(code) => Response::refusal(code, "not now"),
            _ => Response::success(),
        };
        let id = format!("R{}", message.id);
        reply = reply.with(Message::response(id, &message, response));
        memory.came.push(Came {
            message,
            at: Instant::now(),
            ticket: ticket.clone(),
            mood,
        });
    }
    if mood == Mood::LosesAnswers {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    reply.to_bytes().into_response()
}

/// The device status that a Status signal tells.
pub(crate) fn told_status(message: &Message) -> Option<String> {
    let Content::Signal(signal) = &message.body else {
        return None;
    };
    match &signal.content {
        agog_jdf::jmf::SignalContent::Status { devices, .. } => {
            devices.first().map(|device| device.status.to_string())
        }
        _ => None,
    }
}
