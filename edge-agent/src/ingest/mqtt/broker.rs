//! The task of one broker: connects, subscribes, turns what arrives into samples and acknowledges what is on disk.
//!
//! The task that polls the client never waits for it: acknowledgements and subscriptions go through its `try_…` calls.

use std::sync::Arc;
use std::time::Duration;

use agog_sync::backoff::Backoff;
use agog_sync::clock::Clock;
use metrics::{Counter, Gauge, counter, gauge};
use rand::rngs::StdRng;
use rumqttc::{
    AsyncClient, ConnAck, ConnectionError, Event, EventLoop, MqttOptions, Packet, Publish, QoS,
    SubAck, SubscribeFilter, SubscribeReasonCode,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::super::sampled_log::SampledLog;
use super::acknowledge::Acknowledgements;
use super::bad::{BadMessages, shown};
use super::failure;
use super::options::{Session, options_read};
use crate::config::MqttConfig;
use crate::health::Health;
use crate::ingest::topic_map::{Delivery, TopicMap, Understood};
use crate::run::Agent;
use crate::telemetry::{Telemetry, TelemetryError};

/// Requests to the client on their way: acknowledgements and one subscription.
const REQUESTS_MAX: usize = 1_024;
const RETRY_BASE: Duration = Duration::from_millis(500);
/// A broker that was away is found again within this.
const RETRY_CAP: Duration = Duration::from_secs(30);
/// At a stop, what has arrived is committed and acknowledged within this.
const STOP_WAIT: Duration = Duration::from_secs(2);

pub(super) struct MqttIngest {
    config: MqttConfig,
    client_id: String,
    client: AsyncClient,
    events: EventLoop,
    map: TopicMap,
    telemetry: Telemetry,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    rng: StdRng,
    connected: bool,
    acknowledgements: Acknowledgements,
    bad: BadMessages,
    lost_log: SampledLog,
    metrics: Metrics,
}

/// Made once: a message is counted in nanoseconds.
struct Metrics {
    messages: Counter,
    samples: Counter,
    bad: Counter,
    connections: Counter,
    connected: Gauge,
}

impl Metrics {
    fn of(broker: &str) -> Self {
        let name = || broker.to_owned();
        Self {
            messages: counter!("agog_mqtt_messages_total", "broker" => name()),
            samples: counter!("agog_mqtt_samples_total", "broker" => name()),
            bad: counter!("agog_mqtt_bad_messages_total", "broker" => name(), "intentional" => "true"),
            connections: counter!("agog_mqtt_connections_total", "broker" => name()),
            connected: gauge!("agog_mqtt_connected", "broker" => name()),
        }
    }
}

enum Step {
    Stopped,
    Event(Result<Event, Box<ConnectionError>>),
    NotStored(TelemetryError),
}

impl MqttIngest {
    /// Prepares the client; it connects when it is polled.
    pub(super) fn new(
        agent: &Agent,
        config: &MqttConfig,
        telemetry: Telemetry,
    ) -> anyhow::Result<Self> {
        let client_id = config.client_id(&agent.config.agent.plant_code);
        // Stands in until the files are read, before the first try. Whether messages are acknowledged by hand is taken from
        // here and never looked at again.
        let mut options = MqttOptions::new(client_id.clone(), "", 0);
        options.set_manual_acks(true);
        let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
        agent.health.mqtt(&config.name, |link| {
            link.address.clone_from(&config.broker);
            link.connected = false;
        });
        Ok(Self {
            map: TopicMap::new(&config.topics)?,
            metrics: Metrics::of(&config.name),
            config: config.clone(),
            client_id,
            client,
            events,
            telemetry,
            clock: agent.clock.clone(),
            health: agent.health.clone(),
            rng: agent.fork_rng(),
            connected: false,
            acknowledgements: Acknowledgements::default(),
            bad: BadMessages::default(),
            lost_log: SampledLog::default(),
        })
    }

    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        while !stop.is_cancelled() {
            if self.events.network.is_none() {
                match options_read(&self.config, self.session()).await {
                    Ok(options) => self.events.mqtt_options = options,
                    Err(error) => {
                        self.away(error.to_string());
                        self.pause(&mut backoff, stop).await;
                        continue;
                    }
                }
            }
            match self.step(stop).await {
                Step::Stopped => break,
                Step::Event(Ok(event)) => {
                    if matches!(event, Event::Incoming(Packet::Publish(_))) {
                        backoff.reset();
                    }
                    self.event(event);
                    self.acknowledgements.send(&self.client);
                    continue;
                }
                Step::Event(Err(error)) => self.away(failure::words(&error)),
                Step::NotStored(error) => self.not_stored(&error),
            }
            self.pause(&mut backoff, stop).await;
        }
        if tokio::time::timeout(STOP_WAIT, self.finish())
            .await
            .is_err()
        {
            warn!(
                "mqtt stopped before everything of broker {} was acknowledged; it delivers that again",
                self.config.name
            );
        }
    }

    fn session(&self) -> Session {
        Session::Kept(self.client_id.clone())
    }

    async fn pause(&mut self, backoff: &mut Backoff, stop: &CancellationToken) {
        let wait = backoff.next_wait(&mut self.rng);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Waits for the next event and meanwhile acknowledges what gets committed. The poll is kept
    /// alive across commits: abandoned in the middle of a write it could lose the packet.
    async fn step(&mut self, stop: &CancellationToken) -> Step {
        let poll = self.events.poll();
        tokio::pin!(poll);
        loop {
            let has_room = self.acknowledgements.has_room();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Step::Stopped,
                Some(result) = self.acknowledgements.next() => {
                    if let Err(error) = result {
                        return Step::NotStored(error);
                    }
                    self.acknowledgements.send(&self.client);
                }
                event = &mut poll, if has_room => return Step::Event(event.map_err(Box::new)),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Incoming(Packet::ConnAck(ack)) => self.connected(&ack),
            Event::Incoming(Packet::SubAck(ack)) => self.subscribed(&ack),
            Event::Incoming(Packet::Publish(publish)) => self.publish(publish),
            _ => {}
        }
    }

    fn connected(&mut self, ack: &ConnAck) {
        let name = &self.config.name;
        let session = if ack.session_present { "kept" } else { "new" };
        info!(
            mqtt.broker = name,
            "mqtt connected to broker {name}, session {session}"
        );
        self.connected = true;
        self.metrics.connected.set(1.0);
        self.metrics.connections.increment(1);
        self.health.mqtt(name, |link| {
            link.connected = true;
            link.connections += 1;
            link.last_failure = None;
        });
        // Subscribing anew is harmless on a kept session and needed on a new one.
        let filters = self
            .map
            .filters()
            .map(|filter| SubscribeFilter::new(filter.to_owned(), QoS::AtLeastOnce))
            .collect::<Vec<_>>();
        if let Err(error) = self.client.try_subscribe_many(filters) {
            warn!(
                error = &error as &dyn std::error::Error,
                mqtt.broker = name,
                "mqtt cannot subscribe at broker {name}"
            );
            self.events.clean();
        }
    }

    fn subscribed(&mut self, ack: &SubAck) {
        let answers = self.map.filters().zip(&ack.return_codes);
        let refused = answers
            .filter(|(_, answer)| matches!(answer, SubscribeReasonCode::Failure))
            .map(|(filter, _)| filter.to_owned())
            .collect::<Vec<_>>();
        let name = &self.config.name;
        for filter in &refused {
            warn!(
                mqtt.broker = name,
                "broker {name} refuses the subscription of {filter}"
            );
        }
        self.health
            .mqtt(name, |link| link.refused_filters = refused);
    }

    fn publish(&mut self, publish: Publish) {
        let understood = self.understood(&publish);
        let count = understood.samples.len() as u64;
        self.metrics.messages.increment(1);
        self.metrics.samples.increment(count);
        let now = self.clock.now();
        let Self { health, bad, .. } = self;
        let mut due = None;
        health.mqtt(&self.config.name, |link| {
            link.last_message = Some(now);
            link.messages += 1;
            link.samples += count;
            if let Some(fault) = &understood.fault {
                due = bad.note(link, &publish.topic, &publish.payload, fault, now);
            }
        });
        if let Some(fault) = &understood.fault {
            // Acknowledged like the others: delivering it again would not mend it.
            self.metrics.bad.increment(1);
            if let Some(left_out) = due {
                let (broker, topic) = (&self.config.name, shown(&publish.topic));
                warn!(
                    mqtt.broker = broker,
                    mqtt.topic = topic,
                    "mqtt message of broker {broker} in {topic} is bad: {fault} ({left_out} like it not logged)"
                );
            }
        }
        self.acknowledgements
            .store(publish, &self.telemetry, understood.samples);
    }

    fn understood(&self, publish: &Publish) -> Understood {
        let delivery = Delivery {
            arrived_at: self.clock.now(),
            retained: publish.retain,
        };
        let bytes_max = self.config.message_bytes_max();
        self.map
            .read_limited(&publish.topic, &publish.payload, delivery, bytes_max)
    }

    /// A new connection makes the broker deliver again what was not acknowledged.
    fn not_stored(&mut self, error: &TelemetryError) {
        self.events.clean();
        self.away(format!("samples not stored: {error}"));
    }

    fn away(&mut self, why: String) {
        self.leave_connection();
        let name = &self.config.name;
        if let Some(left_out) = self.lost_log.admit(self.clock.now()) {
            warn!(
                mqtt.broker = name,
                "no connection to mqtt broker {name}: {why} ({left_out} tries not logged)"
            );
        }
        self.connected = false;
        self.metrics.connected.set(0.0);
        self.health.mqtt_lost(name, why);
    }

    /// The client may have read messages that it did not hand out before the connection broke. Handed out later, they would be
    /// acknowledged on the next connection, where their packet ids are those of others: the broker sends them again. Those
    /// that it does not send again are taken.
    fn leave_connection(&mut self) {
        for event in std::mem::take(&mut self.events.state.events) {
            if let Event::Incoming(Packet::Publish(publish)) = event
                && publish.qos == QoS::AtMostOnce
            {
                self.publish(publish);
            }
        }
        self.acknowledgements.next_connection();
    }

    async fn finish(&mut self) {
        self.acknowledgements.send(&self.client);
        while !self.acknowledgements.is_settled() {
            tokio::select! {
                biased;
                // One that was not stored is delivered again when the agent is back.
                Some(_) = self.acknowledgements.next() => {}
                event = self.events.poll(), if self.connected => if event.is_err() {
                    self.connected = false;
                    self.acknowledgements.next_connection();
                },
                else => return,
            }
            self.acknowledgements.send(&self.client);
        }
        if !self.connected || self.client.try_disconnect().is_err() {
            return;
        }
        // Requests are served in order, so the acknowledgements go out before the disconnect.
        while let Ok(event) = self.events.poll().await {
            if matches!(event, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {
                return;
            }
        }
    }
}
