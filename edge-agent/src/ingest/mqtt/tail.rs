//! `agog-edge mqtt tail`: what arrives at a broker, and what the topic map makes of it.
//!
//! It connects with a client id of its own and a session that ends with it, so the agent's session and what the broker keeps
//! for it are not touched, and it subscribes with `QoS` 0, so there is nothing to acknowledge.

use std::time::Duration;

use agog_sync::clock::Clock;
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rumqttc::{AsyncClient, Event, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode};
use serde::Serialize;

use super::bad::shown;
use super::failure;
use super::options::{Session, options};
use crate::config::MqttConfig;
use crate::ingest::seen::{SeenSample, printable};
use crate::ingest::sparkplug::{Action, Host, NAMESPACE};
use crate::ingest::topic_map::{Delivery, TopicMap};
use crate::telemetry::Sample;

/// What is shown of a payload.
const PAYLOAD_CHARS_MAX: usize = 400;
/// Longer is no connection that a person waits for.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A message, and what the map makes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    pub at: Timestamp,
    pub topic: String,
    pub retained: bool,
    pub bytes: usize,
    /// Its beginning, without control characters.
    pub payload: String,
    pub samples: Vec<SeenSample>,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// A connection that only looks.
pub struct Tail {
    config: MqttConfig,
    filters: Vec<String>,
    map: TopicMap,
    /// Reads what nodes say since their births that are seen here; it asks for none.
    host: Option<Host>,
    client: AsyncClient,
    events: rumqttc::EventLoop,
}

impl Tail {
    /// Prepares to look at `filter`, or at what the topic map subscribes to.
    pub fn new(
        config: &MqttConfig,
        plant_code: &str,
        filter: Option<&str>,
        rng: &mut StdRng,
    ) -> anyhow::Result<Self> {
        let map = TopicMap::new(&config.topics)?;
        let filters = if let Some(filter) = filter {
            vec![filter.to_owned()]
        } else {
            let nodes = config.sparkplug.iter().map(|_| format!("{NAMESPACE}/#"));
            map.filters().map(str::to_owned).chain(nodes).collect()
        };
        // Nobody else's: a broker ends the connection of whoever has the same one.
        let id = format!("agog-tail-{plant_code}-{:08x}", rng.random::<u32>());
        let mut options = options(config, Session::Passing(id))?;
        options.set_manual_acks(false);
        let (client, events) = AsyncClient::new(options, 10);
        Ok(Self {
            config: config.clone(),
            filters,
            map,
            host: config.sparkplug.clone().map(Host::new),
            client,
            events,
        })
    }

    /// Connects and subscribes.
    pub async fn connect(&mut self) -> anyhow::Result<()> {
        let broker = self.config.broker.clone();
        tokio::time::timeout(CONNECT_LIMIT, self.subscribed())
            .await
            .map_err(|_| anyhow!("the broker does not answer"))
            .and_then(|result| result)
            .with_context(|| format!("cannot look at broker {broker}"))
    }

    async fn subscribed(&mut self) -> anyhow::Result<()> {
        loop {
            match self.poll().await? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    let filters = self.filters.iter();
                    let filters =
                        filters.map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtMostOnce));
                    self.client.try_subscribe_many(filters)?;
                }
                Event::Incoming(Packet::SubAck(ack)) => {
                    let refused = self.filters.iter().zip(&ack.return_codes);
                    let mut refused = refused
                        .filter(|(_, answer)| matches!(answer, SubscribeReasonCode::Failure));
                    return match refused.next() {
                        Some((filter, _)) => {
                            Err(anyhow!("the broker refuses the subscription of {filter}"))
                        }
                        None => Ok(()),
                    };
                }
                _ => {}
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self, clock: &dyn Clock) -> anyhow::Result<Seen> {
        loop {
            if let Event::Incoming(Packet::Publish(publish)) = self.poll().await? {
                return Ok(self.seen(&publish, clock.now()));
            }
        }
    }

    async fn poll(&mut self) -> anyhow::Result<Event> {
        let event = self.events.poll().await;
        event.map_err(|error| anyhow!(failure::words(&error)))
    }

    fn seen(&mut self, publish: &Publish, now: Timestamp) -> Seen {
        let (samples, fault) = match &mut self.host {
            Some(host) if publish.topic.starts_with(NAMESPACE) => of_node(host, publish, now),
            _ => self.understood(publish, now),
        };
        Seen {
            at: now,
            topic: shown(&publish.topic),
            retained: publish.retain,
            bytes: publish.payload.len(),
            payload: payload(&publish.payload),
            samples: samples.into_iter().map(Into::into).collect(),
            fault,
        }
    }

    fn understood(&self, publish: &Publish, now: Timestamp) -> (Vec<Sample>, Option<String>) {
        let delivery = Delivery {
            arrived_at: now,
            retained: publish.retain,
        };
        let understood = self.map.read_limited(
            &publish.topic,
            &publish.payload,
            delivery,
            self.config.message_bytes_max(),
        );
        let fault = understood.fault.map(|fault| fault.to_string());
        (understood.samples, fault)
    }
}

fn of_node(host: &mut Host, publish: &Publish, now: Timestamp) -> (Vec<Sample>, Option<String>) {
    let mut samples = Vec::new();
    let mut fault = None;
    for action in host.receive(&publish.topic, &publish.payload, publish.retain, now) {
        match action {
            Action::Store(stored) => samples.extend(stored),
            Action::Bad(why) => fault = Some(why.to_string()),
            Action::AskRebirth(_) | Action::SayOnline => {}
        }
    }
    (samples, fault)
}

/// Nothing that could do something to a terminal.
fn payload(bytes: &[u8]) -> String {
    let head = bytes.get(..PAYLOAD_CHARS_MAX * 4).unwrap_or(bytes);
    let text = String::from_utf8_lossy(head);
    let mut shown = printable(&text, PAYLOAD_CHARS_MAX, ' ');
    if head.len() < bytes.len() && !shown.ends_with('…') {
        shown.push('…');
    }
    shown
}
