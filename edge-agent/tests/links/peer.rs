//! A hand-made device: it answers as the test says, and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use agog_jdf::Limits;
use agog_jdf::jmf::{Jmf, Message, Response};
use agog_jdf::package::{Package, PackageLimits};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use jiff::Timestamp;

/// One request as it came.
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) jmf: Jmf,
}

type Answer = dyn Fn(&Message) -> Option<Response> + Send + Sync;
type Bend = dyn Fn(String) -> String + Send + Sync;

/// The device; gone when it is dropped.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    state: Inner,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Inner {
    answer: Arc<Answer>,
    bend: Arc<Bend>,
    hangs: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// A device that answers each message so, or not at all.
    pub(crate) fn start(
        answer: impl Fn(&Message) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        Self::bent(answer, |xml| xml)
    }

    /// As [`Self::start`]; `bend` spoils the XML of each answer.
    pub(crate) fn bent(
        answer: impl Fn(&Message) -> Option<Response> + Send + Sync + 'static,
        bend: impl Fn(String) -> String + Send + Sync + 'static,
    ) -> Self {
        let state = Inner {
            answer: Arc::new(answer),
            bend: Arc::new(bend),
            hangs: Arc::default(),
            seen: Arc::default(),
        };
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/jmf", post(answer_all))
            // Packages with files are larger than axum thinks usual.
            .layer(DefaultBodyLimit::disable())
            .with_state(state.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            address,
            state,
            task,
        }
    }

    /// From now on it takes connections and answers nothing, as a program that is stuck.
    pub(crate) fn hang(&self) {
        self.state.hangs.store(true, Ordering::SeqCst);
    }

    /// The device as the configuration names it; `more` are further keys.
    pub(crate) fn section(&self, id: &str, more: &str) -> String {
        format!(
            "[[device]]\nid = \"{id}\"\nurl = \"http://{}/jmf\"\n{more}\n",
            self.address
        )
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&[Seen]) -> T) -> T {
        look(&self.state.seen.lock().unwrap())
    }
}

async fn answer_all(State(peer): State<Inner>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    if peer.hangs.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let jmf = {
        let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
        let part = package.jmf().unwrap();
        Jmf::parse(part.body(), &Limits::default()).unwrap().jmf
    };
    let mut reply = Jmf::new("press-3", Timestamp::UNIX_EPOCH);
    for message in &jmf.messages {
        if let Some(response) = (peer.answer)(message) {
            let id = format!("R{}", message.id);
            reply = reply.with(Message::response(id, message, response));
        }
    }
    peer.seen.lock().unwrap().push(Seen { headers, body, jmf });
    let xml = String::from_utf8(reply.to_bytes()).unwrap();
    (peer.bend)(xml).into_response()
}
