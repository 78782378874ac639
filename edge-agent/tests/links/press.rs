//! A small press that answers JMF: subscriptions and a queue, with faults.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use agog_jdf::ChannelMode;
use agog_jdf::Limits;
use agog_jdf::QueueEntryStatus;
use agog_jdf::QueueStatus;
use agog_jdf::jmf::{
    Body as Content, Command, Jmf, Message, Query, QueryContent, Queue, QueueEntry, Response,
    ReturnCode, StopPersistentChannel, Subscription, SubscriptionInfo,
};
use agog_jdf::package::{Package, PackageLimits};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::post;
use jiff::Timestamp;

#[derive(Default)]
pub(crate) struct Memory {
    /// Job ids in the order in which they were submitted.
    pub(crate) queue: Vec<String>,
    /// Type, id and request of each channel.
    pub(crate) subscriptions: Vec<(String, String, Subscription)>,
    /// How often a subscription was asked for, granted or not.
    pub(crate) asked: usize,
    pub(crate) refuse_reliable: bool,
    /// Answers of so many submissions get lost after the ticket was taken.
    pub(crate) lose_answers: usize,
    /// So many orders to stop all channels to a URL are not answered, and not carried out.
    pub(crate) miss_stops: usize,
    pub(crate) refuse_with: Option<ReturnCode>,
    pub(crate) return_url: Option<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Press(Arc<Mutex<Memory>>);

pub(crate) struct Switched {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Switched {
    pub(crate) async fn off(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

impl Press {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }

    pub(crate) fn switch_on(&self, address: SocketAddr) -> Switched {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/jmf", post(answer))
            .with_state(self.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Switched { address, task }
    }

    fn query(&self, message: &Message, query: &Query) -> Response {
        let mut memory = self.memory();
        if let Some(subscription) = &query.subscription {
            memory.asked += 1;
            if memory.refuse_reliable && subscription.channel_mode == Some(ChannelMode::Reliable) {
                return Response::refusal(ReturnCode::RELIABLE_NOT_SUPPORTED, "not here");
            }
            let channel = (
                message.kind.clone(),
                message.id.clone(),
                subscription.clone(),
            );
            memory.subscriptions.push(channel);
            return Response {
                subscribed: Some(true),
                ..Response::success()
            };
        }
        match &query.content {
            QueryContent::KnownSubscriptions(_) => {
                let info =
                    |(kind, id, subscription): &(String, String, Subscription)| SubscriptionInfo {
                        channel_id: Some(id.clone()),
                        message_type: Some(kind.clone()),
                        subscription: subscription.clone(),
                        ..SubscriptionInfo::default()
                    };
                let subscriptions = memory.subscriptions.iter().map(info).collect();
                Response {
                    subscriptions,
                    ..Response::success()
                }
            }
            QueryContent::QueueStatus(filter) => {
                let entries = memory
                    .queue
                    .iter()
                    .enumerate()
                    .map(|(at, job_id)| QueueEntry {
                        job_id: Some(job_id.clone()),
                        ..QueueEntry::new(format!("QE-{at}"), QueueEntryStatus::Waiting)
                    });
                let queue = Queue {
                    device_id: "press-3".to_owned(),
                    status: QueueStatus::Waiting,
                    entries: entries.filter(|entry| filter.matches(entry)).collect(),
                    ..Queue::default()
                };
                Response {
                    queue: Some(queue),
                    ..Response::success()
                }
            }
            _ => Response::success(),
        }
    }

    fn stop(&self, params: &StopPersistentChannel) -> Option<Response> {
        let mut memory = self.memory();
        if params.channel_id.is_none() && memory.miss_stops > 0 {
            memory.miss_stops -= 1;
            return None;
        }
        memory.subscriptions.retain(|(kind, id, subscription)| {
            let fits = |wanted: &Option<String>, is: &str| {
                wanted.as_ref().is_none_or(|wanted| wanted == is)
            };
            subscription.url.as_ref() != Some(&params.url)
                || !fits(&params.channel_id, id)
                || !fits(&params.message_type, kind)
        });
        Some(Response::success())
    }

    fn submit(
        &self,
        url: &str,
        return_url: Option<String>,
        package: &Package<'_>,
    ) -> Option<Response> {
        let mut memory = self.memory();
        if let Some(code) = memory.refuse_with {
            return Some(Response::refusal(code, "no such paper"));
        }
        let ticket = package.resolve_cid(url).unwrap();
        let document = agog_jdf::Document::parse(ticket.body(), &Limits::default()).unwrap();
        memory
            .queue
            .push(document.root().attribute("JobID").unwrap().to_owned());
        memory.return_url = return_url;
        if memory.lose_answers > 0 {
            memory.lose_answers -= 1;
            return None;
        }
        let entry = QueueEntry::new(
            format!("QE-{}", memory.queue.len() - 1),
            QueueEntryStatus::Waiting,
        );
        Some(Response {
            queue_entry: Some(entry),
            ..Response::success()
        })
    }
}

async fn answer(State(press): State<Press>, body: Bytes) -> HttpResponse {
    let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    let jmf = Jmf::parse(package.jmf().unwrap().body(), &Limits::default())
        .unwrap()
        .jmf;
    let mut reply = Jmf::new("press-3", Timestamp::UNIX_EPOCH);
    for message in &jmf.messages {
        let response = match &message.body {
            Content::Query(query) => Some(press.query(message, query)),
            Content::Command(Command::SubmitQueueEntry(params)) => {
                press.submit(&params.url, params.return_jmf.clone(), &package)
            }
            Content::Command(Command::StopPersistentChannel(params)) => press.stop(params),
            other => panic!("unexpected {other:?}"),
        };
        let Some(response) = response else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        reply = reply.with(Message::response(
            format!("R{}", message.id),
            message,
            response,
        ));
    }
    reply.to_bytes().into_response()
}
