//! A small hub that speaks the real protocol: enrolment, tokens, and `agog_sync::inbox`; with faults.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use agog_sync::chain::ChainHead;
use agog_sync::days::{DayAnswer, DayHasher, DaysAnswer, DaysRequest};
use agog_sync::event::{Envelope, SealedParts};
use agog_sync::frame::{
    BODY_BYTES_MAX, EnrolRequest, EnrolResponse, FeedBody, FeedEvent, FeedItem, FeedPage,
    LedgerAck, LedgerBatch, LedgerPage, SnapshotPage, SyncState, TelemetryAck, decode,
};
use agog_sync::ids::{AgentId, PlantId, ProducerId, TenantId};
use agog_sync::inbox::{Decision, ProducerState, accept};
use agog_sync::report::{AgentReport, REPORT_HEADER};
use agog_sync::telemetry::batch::{self, MEDIA_TYPE};
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::json;
use tokio::sync::Notify;

pub(crate) const CODE: &str = "HAM-ONCE-1234";

/// What goes wrong with the next ledger batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The batch is stored, and the connection breaks before the answer is there.
    AnswerLost,
    /// Nothing is stored.
    ServerError,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) agent: Option<AgentId>,
    public_key: Vec<u8>,
    pub(crate) state: Option<ProducerState>,
    pub(crate) events: Vec<Envelope>,
    /// The epoch of each event.
    epochs: Vec<u64>,
    /// The newest block of each telemetry epoch.
    pub(crate) telemetry: BTreeMap<u64, u64>,
    /// The values in the order in which they came, and how many batches brought some.
    pub(crate) values: Vec<f64>,
    pub(crate) telemetry_batches: usize,
    pub(crate) telemetry_faults: VecDeque<Fault>,
    pub(crate) feed: Vec<FeedItem>,
    /// The items up to here are gone; what is left of them, and the holds that come first.
    pub(crate) gone: u64,
    pub(crate) left: Vec<FeedItem>,
    pub(crate) holds: Vec<FeedEvent>,
    /// Snapshots that were begun; none: this hub is too old for them.
    pub(crate) snapshots: Option<usize>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) batches: usize,
    pub(crate) tokens: usize,
    /// Its clock; an older hub tells none.
    pub(crate) at: Option<jiff::Timestamp>,
    /// What agents told of themselves.
    pub(crate) reports: Vec<AgentReport>,
    /// Whether it compares days; an older hub does not.
    pub(crate) compares_days: bool,
    /// How often it was asked to.
    pub(crate) days_asked: usize,
    /// By their hash.
    pub(crate) files: BTreeMap<String, Bytes>,
}

#[derive(Clone, Default)]
pub(crate) struct Hub {
    books: Arc<Mutex<Books>>,
    fed: Arc<Notify>,
}

/// A hub that listens; it stops when this is dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends every connection and frees the port.
    pub(crate) async fn stop(mut self) -> SocketAddr {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.address
    }
}

impl Hub {
    pub(crate) fn listen(&self, address: SocketAddr) -> Listening {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/sync/v1/enroll", post(enroll))
            .route("/oauth/token", post(token))
            .route("/sync/v1/state", get(state))
            .route("/sync/v1/ledger", post(ledger).get(given_back))
            .route("/sync/v1/telemetry", post(telemetry))
            .route("/sync/v1/feed", get(feed))
            .route("/sync/v1/snapshot", get(snapshot))
            .route("/sync/v1/days", post(days))
            .route("/sync/v1/files/{hash}", get(file))
            .with_state(self.clone());
        // Connections are tasks of this set and end with it.
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let service = router.clone();
                connections.spawn(serve(stream, service));
            }
        });
        Listening { address, task }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// Puts an item into the feed.
    pub(crate) fn feed(&self, body: FeedBody) {
        let mut books = self.books();
        let n = books.feed.len() as u64 + 1;
        books.feed.push(FeedItem { n, body });
        drop(books);
        self.fed.notify_waiters();
    }

    /// What it has of the agent: every event once, in order, in one chain per epoch.
    pub(crate) fn assert_whole(&self) {
        let books = self.books();
        let state = books.state.unwrap();
        let mut epoch = 1;
        let mut head = ChainHead::genesis(state.producer, epoch);
        for event in &books.events {
            if event.seq == 1 && head.last_seq > 0 {
                epoch = state.epoch;
                head = ChainHead::genesis(state.producer, epoch);
            }
            assert_eq!(event.seq, head.last_seq + 1);
            event.verify(state.producer, epoch, &head.hash).unwrap();
            head = event.head();
        }
        assert_eq!(head, state.head);
    }
}

async fn serve(stream: tokio::net::TcpStream, router: Router) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(stream).await.unwrap();
    let listener = One(receiver);
    let _ = axum::serve(listener, router).await;
}

/// A listener of one connection, so that aborting its task ends the connection.
struct One(tokio::sync::mpsc::Receiver<tokio::net::TcpStream>);

impl axum::serve::Listener for One {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.recv().await {
            Some(stream) => {
                let address = stream.peer_addr().unwrap();
                (stream, address)
            }
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

fn problem(status: StatusCode, code: &str, more: &serde_json::Value) -> Response {
    let mut body = json!({ "type": "about:blank", "title": code, "code": code, "detail": code });
    body["expected"] = more.clone();
    (
        status,
        [("content-type", "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

async fn enroll(State(hub): State<Hub>, Json(request): Json<EnrolRequest>) -> Response {
    if request.code != CODE {
        return problem(StatusCode::FORBIDDEN, "bad-code", &json!(null));
    }
    let mut books = hub.books();
    books.agent = Some(request.agent_id);
    books.public_key = STANDARD.decode(request.public_key).unwrap();
    let producer = ProducerId::from(request.agent_id);
    books.state.get_or_insert(ProducerState::first(producer));
    Json(EnrolResponse {
        tenant_id: TenantId::from_uuid(uuid::Uuid::from_u128(1)),
        plant_id: PlantId::from_uuid(uuid::Uuid::from_u128(2)),
        plant_code: "HAM".to_owned(),
        plant_name: "Hamburg".to_owned(),
        agent_id: request.agent_id,
    })
    .into_response()
}

/// Takes the assertion only when it is signed by the enrolled key.
async fn token(State(hub): State<Hub>, headers: HeaderMap, body: String) -> Response {
    let mut books = hub.books();
    let assertion = body
        .split('&')
        .find_map(|field| field.strip_prefix("client_assertion="))
        .unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    let host = headers["host"].to_str().unwrap();
    rules.set_audience(&[format!("http://{host}/oauth/token")]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let key = jsonwebtoken::DecodingKey::from_ed_der(&books.public_key);
    let claims = jsonwebtoken::decode::<serde_json::Value>(assertion, &key, &rules)
        .unwrap()
        .claims;
    let subject = format!("{}.{}", uuid::Uuid::from_u128(1), books.agent.unwrap());
    assert_eq!(claims["sub"], json!(subject));
    assert_eq!(claims["iss"], json!(subject));
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 60);
    books.tokens += 1;
    Json(json!({ "access_token": "let-me-in", "token_type": "Bearer", "expires_in": 900 }))
        .into_response()
}

fn is_allowed(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .is_some_and(|value| value == "Bearer let-me-in")
}

fn ack(state: &ProducerState, duplicate: bool) -> LedgerAck {
    LedgerAck {
        epoch: state.epoch,
        last_seq: state.head.last_seq,
        hash: state.head.hash,
        duplicate,
    }
}

/// Counts what it has of days in epoch 1; an older hub does not know how.
async fn days(State(hub): State<Hub>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    let mut books = hub.books();
    books.days_asked += 1;
    if !books.compares_days {
        return StatusCode::NOT_FOUND.into_response();
    }
    let request: DaysRequest = decode(&body, BODY_BYTES_MAX).unwrap();
    request.check().unwrap();
    let producer = books.state.unwrap().producer;
    let answer = request.days.iter().map(|claim| {
        let span = claim.span;
        let mut hasher = DayHasher::new(producer, span.epoch, span.first_seq);
        for event in &books.events {
            if (span.first_seq..=span.last_seq).contains(&event.seq) {
                let parts = SealedParts {
                    seq: event.seq,
                    event_id: event.event_id,
                    kind: &event.kind,
                    version: event.version,
                    occurred_at_us: event.occurred_at.as_microsecond(),
                    recorded_at_us: event.recorded_at.as_microsecond(),
                    actor: &event.actor,
                    payload: event.payload.get(),
                    prev_hash: &event.prev_hash,
                };
                let computed = parts.hash(producer, span.epoch);
                hasher.add(event.seq, &event.prev_hash, &event.hash, &computed);
            }
        }
        DayAnswer {
            span,
            proof: Some(hasher.finish(span.last_seq)),
        }
    });
    Json(DaysAnswer {
        days: answer.collect(),
    })
    .into_response()
}

async fn state(State(hub): State<Hub>, headers: HeaderMap) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    let mut books = hub.books();
    let report = AgentReport::from_header(headers[REPORT_HEADER].as_bytes());
    books.reports.push(report.unwrap());
    let newest = books.telemetry.last_key_value();
    let (epoch, last_block) = newest.map_or((1, 0), |(epoch, block)| (*epoch, *block));
    let telemetry = TelemetryAck {
        epoch,
        last_block,
        duplicate: false,
    };
    Json(SyncState {
        ledger: ack(&books.state.unwrap(), false),
        telemetry,
        at: books.at,
    })
    .into_response()
}

async fn ledger(State(hub): State<Hub>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    assert_eq!(headers["content-encoding"], "zstd");
    let batch: LedgerBatch = decode(&body, BODY_BYTES_MAX).unwrap();
    let mut books = hub.books();
    books.batches += 1;
    let fault = books.faults.pop_front();
    if fault == Some(Fault::ServerError) {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &json!(null));
    }
    let current = books.state.unwrap();
    let (state, duplicate) = match accept(&current, &batch) {
        Decision::Append { skip, state } => {
            let epochs = books.epochs.len() + batch.events.len() - skip;
            books.epochs.resize(epochs, batch.epoch);
            books.events.extend(batch.events.into_iter().skip(skip));
            books.state = Some(state);
            (state, false)
        }
        Decision::Duplicate { state } => (state, true),
        Decision::Gap { expected } => {
            return problem(StatusCode::CONFLICT, "gap", &json!(ack(&expected, false)));
        }
        Decision::Fenced { .. } => {
            return problem(
                StatusCode::FORBIDDEN,
                "fenced",
                &json!(ack(&current, false)),
            );
        }
        Decision::Broken { expected, .. } => {
            return problem(
                StatusCode::CONFLICT,
                "chain-broken",
                &json!(ack(&expected, false)),
            );
        }
        Decision::UnknownProtocol { detail } | Decision::Malformed { detail } => {
            panic!("malformed batch: {detail}")
        }
    };
    if fault == Some(Fault::AnswerLost) {
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("the line is cut"))]);
        return Body::from_stream(broken).into_response();
    }
    Json(ack(&state, duplicate)).into_response()
}

#[derive(serde::Deserialize)]
struct LedgerQuery {
    epoch: u64,
    after: u64,
}

/// A few events a page, so that there are several pages.
async fn given_back(
    State(hub): State<Hub>,
    Query(query): Query<LedgerQuery>,
    headers: HeaderMap,
) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    let books = hub.books();
    let events = books
        .events
        .iter()
        .zip(&books.epochs)
        .filter(|(event, epoch)| **epoch == query.epoch && event.seq > query.after)
        .map(|(event, _)| event.clone())
        .take(3)
        .collect();
    let epoch = query.epoch;
    Json(LedgerPage { epoch, events }).into_response()
}

/// Each epoch has a cursor of its own; a new one is greater than all others and begins with block 1.
async fn telemetry(State(hub): State<Hub>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    assert_eq!(headers["content-type"], MEDIA_TYPE);
    let batch = batch::read(&body).unwrap();
    let mut books = hub.books();
    let fault = books.telemetry_faults.pop_front();
    if fault == Some(Fault::ServerError) {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &json!(null));
    }
    let epoch = batch.epoch;
    let newest = books.telemetry.last_key_value().map(|(epoch, _)| *epoch);
    let known = books.telemetry.get(&epoch).copied();
    if known.is_none() && newest.is_some_and(|newest| epoch < newest) {
        return problem(StatusCode::FORBIDDEN, "fenced", &json!(null));
    }
    let ack = |last_block, duplicate| TelemetryAck {
        epoch,
        last_block,
        duplicate,
    };
    let last = known.unwrap_or_default();
    if batch.first_block > last + 1 {
        return problem(StatusCode::CONFLICT, "gap", &json!(ack(last, false)));
    }
    books.telemetry_batches += 1;
    for block in batch.blocks {
        block.samples().unwrap();
        if block.block > last {
            books.telemetry.insert(epoch, block.block);
            books.values.extend(block.value);
        }
    }
    let now = books.telemetry.get(&epoch).copied().unwrap_or_default();
    if fault == Some(Fault::AnswerLost) {
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("the line is cut"))]);
        return Body::from_stream(broken).into_response();
    }
    Json(ack(now, now == last)).into_response()
}

async fn file(State(hub): State<Hub>, Path(hash): Path<String>, headers: HeaderMap) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    match hub.books().files.get(&hash) {
        Some(file) => file.clone().into_response(),
        None => problem(StatusCode::NOT_FOUND, "not-found", &json!(null)),
    }
}

#[derive(serde::Deserialize)]
struct FeedQuery {
    after: u64,
    wait_s: u64,
}

async fn feed(
    State(hub): State<Hub>,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    let gone = hub.books().gone;
    if query.after < gone {
        return Json(FeedPage {
            items: vec![],
            next: gone,
            must_refetch: true,
            at: None,
        })
        .into_response();
    }
    let fed = hub.fed.notified();
    let items = |hub: &Hub| -> Vec<FeedItem> {
        hub.books()
            .feed
            .iter()
            .filter(|item| item.n > query.after)
            .cloned()
            .collect()
    };
    let mut found = items(&hub);
    if found.is_empty() {
        let wait = std::time::Duration::from_secs(query.wait_s);
        let _ = tokio::time::timeout(wait, fed).await;
        found = items(&hub);
    }
    let next = found.last().map_or(query.after, |item| item.n);
    Json(FeedPage {
        items: found,
        next,
        must_refetch: false,
        at: hub.books().at,
    })
    .into_response()
}

#[derive(serde::Deserialize)]
struct SnapshotQuery {
    after: u64,
    holds: bool,
}

/// One item a page, so that there are several pages.
async fn snapshot(
    State(hub): State<Hub>,
    Query(query): Query<SnapshotQuery>,
    headers: HeaderMap,
) -> Response {
    if !is_allowed(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "no-token", &json!(null));
    }
    let mut books = hub.books();
    let Some(begun) = &mut books.snapshots else {
        return problem(StatusCode::NOT_FOUND, "not-found", &json!(null));
    };
    *begun += usize::from(query.holds);
    let next = books.left.iter().find(|item| item.n > query.after);
    Json(SnapshotPage {
        holds: if query.holds {
            books.holds.clone()
        } else {
            vec![]
        },
        items: next.cloned().into_iter().collect(),
        next: next.map_or(books.gone, |item| item.n),
        complete: next.is_none(),
    })
    .into_response()
}
