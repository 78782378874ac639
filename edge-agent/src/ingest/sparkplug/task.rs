//! The connection of the Sparkplug host to one broker: says that the host is there, subscribes, hands messages to the state
//! machine and does what it says.

use std::sync::Arc;
use std::time::Duration;

use agog_sync::backoff::Backoff;
use agog_sync::clock::Clock;
use jiff::Timestamp;
use metrics::{Counter, Gauge, counter, gauge};
use prost::Message as _;
use rand::rngs::StdRng;
use rumqttc::{
    AsyncClient, ClientError, Event, EventLoop, LastWill, MqttOptions, Packet, Publish, QoS,
    SubscribeFilter,
};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::contact::BIRTH_WITHIN;
use super::host::{Action, Fault, Host, ONLINE};
use super::node::NodeKey;
use super::payload::{Metric, Payload, Value};
use super::telling::Telling;
use super::topic::{NAMESPACE, node_command, state};
use crate::config::{MqttConfig, SparkplugConfig};
use crate::health::Health;
use crate::ingest::mqtt::{BadMessages, Session, failure, options_read, shown};
use crate::ingest::sampled_log::SampledLog;
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::telemetry::{Telemetry, TelemetryError};

/// A node tells what it has once, with quality of service 0.
pub(super) const LOST: &str = "values of Sparkplug nodes could not be stored";
/// Requests to the client on their way. Requests for births beyond that are made again when the next message comes.
const REQUESTS_MAX: usize = 1_024;
const RETRY_BASE: Duration = Duration::from_millis(500);
const RETRY_CAP: Duration = Duration::from_secs(30);
/// How often `status` is told of the nodes, and the ledger of what was found and lost.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// At a stop, the broker is told within this that the host is away.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// The data type of a flag.
const BOOLEAN: u32 = 11;

struct SparkplugIngest {
    config: MqttConfig,
    sparkplug: SparkplugConfig,
    /// In status, metrics and logs.
    name: String,
    client_id: String,
    client: AsyncClient,
    events: EventLoop,
    host: Host,
    telemetry: Telemetry,
    telling: Telling,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    rng: StdRng,
    /// The time in the will and in the message that the host is there: they belong together.
    state_at: Timestamp,
    is_connected: bool,
    bad: BadMessages,
    lost_log: SampledLog,
    metrics: Metrics,
}

struct Metrics {
    messages: Counter,
    samples: Counter,
    bad: Counter,
    connected: Gauge,
    missed: Counter,
    rebirths: Counter,
}

/// Collects until the stop, when the broker has a Sparkplug host.
pub(crate) async fn run_for(
    config: &MqttConfig,
    agent: &Agent,
    telemetry: &Telemetry,
    stop: &Stop,
) -> anyhow::Result<()> {
    if let Some(sparkplug) = &config.sparkplug {
        let ingest = SparkplugIngest::new(agent, config, sparkplug, telemetry.clone());
        ingest.run(stop.soft()).await;
    }
    Ok(())
}

impl SparkplugIngest {
    fn new(
        agent: &Agent,
        config: &MqttConfig,
        sparkplug: &SparkplugConfig,
        telemetry: Telemetry,
    ) -> Self {
        let name = format!("{}/sparkplug", config.name);
        let plant = &agent.config.agent.plant_code;
        let client_id = format!("{}-sparkplug", config.client_id(plant));
        let stand_in = MqttOptions::new(client_id.clone(), "", 0);
        let (client, events) = AsyncClient::new(stand_in, REQUESTS_MAX);
        agent.health.mqtt(&name, |link| {
            link.address.clone_from(&config.broker);
        });
        let broker = || name.clone();
        let metrics = Metrics {
            messages: counter!("agog_mqtt_messages_total", "broker" => broker()),
            samples: counter!("agog_mqtt_samples_total", "broker" => broker()),
            bad: counter!("agog_mqtt_bad_messages_total", "broker" => broker(), "intentional" => "true"),
            connected: gauge!("agog_mqtt_connected", "broker" => broker()),
            missed: counter!("agog_sparkplug_missed_messages_total", "broker" => broker()),
            rebirths: counter!("agog_sparkplug_rebirths_asked_total", "broker" => broker()),
        };
        Self {
            host: host(agent, sparkplug, &telemetry),
            config: config.clone(),
            sparkplug: sparkplug.clone(),
            client_id,
            client,
            events,
            telling: Telling::new(agent, &telemetry),
            telemetry,
            clock: agent.clock.clone(),
            health: agent.health.clone(),
            rng: agent.fork_rng(),
            state_at: agent.clock.now(),
            is_connected: false,
            bad: BadMessages::default(),
            lost_log: SampledLog::default(),
            metrics,
            name,
        }
    }

    async fn run(mut self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        let mut show = tokio::time::interval(SHOW_EVERY);
        // A ledger or buffer that is slow must not keep the poll from its turn.
        show.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            if self.events.network.is_none() {
                match self.options().await {
                    Ok(options) => self.events.mqtt_options = options,
                    Err(why) => {
                        self.away(why);
                        self.pause(&mut backoff, &mut show, stop).await;
                        continue;
                    }
                }
            }
            // The poll is not given up for a look at the nodes: it could be in the middle of a write.
            let event = {
                let poll = self.events.poll();
                tokio::pin!(poll);
                loop {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => break None,
                        _ = show.tick() => {
                            show_nodes(&self.health, &self.name, &self.host);
                            self.telling.tell(self.host.contacts.news(self.clock.now())).await;
                        }
                        event = &mut poll => break Some(event),
                    }
                }
            };
            let outcome = match event {
                None => break,
                Some(Err(error)) => Err(failure::words(&error)),
                Some(Ok(Event::Incoming(Packet::ConnAck(_)))) => self.connected(),
                Some(Ok(Event::Incoming(Packet::Publish(publish)))) => {
                    backoff.reset();
                    self.publish(publish).await
                }
                Some(Ok(_)) => Ok(()),
            };
            if let Err(why) = outcome {
                self.events.clean();
                self.events.state.events.clear();
                self.events.pending.clear();
                self.away(why);
                self.pause(&mut backoff, &mut show, stop).await;
            }
        }
        self.tell().await;
        // The will is for a connection that breaks; an agent that ends says it itself.
        if self.is_connected {
            let _ = tokio::time::timeout(STOP_WAIT, self.finish()).await;
        }
    }

    /// Waits before the next try, and tells meanwhile who is not waited for any more.
    async fn pause(
        &mut self,
        backoff: &mut Backoff,
        show: &mut Interval,
        stop: &CancellationToken,
    ) {
        let wait = tokio::time::sleep(backoff.next_wait(&mut self.rng));
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => return,
                () = stop.cancelled() => return,
                _ = show.tick() => self.tell().await,
            }
        }
    }

    async fn tell(&mut self) {
        let news = self.host.contacts.news(self.clock.now());
        self.telling.tell(news).await;
    }

    async fn options(&mut self) -> Result<MqttOptions, String> {
        let session = Session::Passing(self.client_id.clone());
        let options = options_read(&self.config, session).await;
        let mut options = options.map_err(|error| error.to_string())?;
        self.state_at = self.clock.now();
        options.set_last_will(LastWill::new(
            state(&self.sparkplug.host_id),
            Self::state_payload(false, self.state_at),
            QoS::AtLeastOnce,
            true,
        ));
        Ok(options)
    }

    fn state_payload(online: bool, at: Timestamp) -> String {
        format!(
            "{{\"online\":{online},\"timestamp\":{}}}",
            at.as_millisecond()
        )
    }

    fn connected(&mut self) -> Result<(), String> {
        let name = &self.name;
        info!(mqtt.broker = name, "sparkplug host connected to {name}");
        self.is_connected = true;
        self.metrics.connected.set(1.0);
        self.health.mqtt(name, |link| {
            link.connected = true;
            link.connections += 1;
            link.last_failure = None;
        });
        let groups = self.sparkplug.groups.iter();
        let mut filters: Vec<_> = groups
            .map(|group| format!("{NAMESPACE}/{group}/#"))
            .collect();
        if filters.is_empty() {
            filters.push(format!("{NAMESPACE}/#"));
        } else {
            filters.push(state(&self.sparkplug.host_id));
        }
        let filters = filters
            .into_iter()
            .map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
        // In this order: nodes that hear that the host is there answer with their births at once.
        self.client
            .try_subscribe_many(filters)
            .and_then(|()| self.say_online())
            .map_err(|error| error.to_string())?;
        for action in self.host.connected(self.clock.now()) {
            self.ask(action);
        }
        Ok(())
    }

    fn say_online(&self) -> Result<(), ClientError> {
        self.client.try_publish(
            state(&self.sparkplug.host_id),
            QoS::AtLeastOnce,
            true,
            Self::state_payload(true, self.state_at),
        )
    }

    fn ask(&mut self, action: Action) {
        if let Action::AskRebirth(key) = action {
            // With a full queue, the next message of the node asks again.
            if self.ask_rebirth(&key).is_ok() {
                self.metrics.rebirths.increment(1);
            }
        }
    }

    fn ask_rebirth(&self, key: &NodeKey) -> Result<(), ClientError> {
        let millis = u64::try_from(self.clock.now().as_millisecond()).ok();
        let payload = Payload {
            timestamp: millis,
            metrics: vec![Metric {
                name: Some("Node Control/Rebirth".to_owned()),
                timestamp: millis,
                datatype: Some(BOOLEAN),
                value: Some(Value::Boolean(true)),
                ..Metric::default()
            }],
            seq: None,
        };
        let topic = node_command(&key.group, &key.node);
        self.client
            .try_publish(topic, QoS::AtMostOnce, false, payload.encode_to_vec())
    }

    async fn publish(&mut self, publish: Publish) -> Result<(), String> {
        let now = self.clock.now();
        let missed = self.host.counts.missed_messages;
        let actions = self
            .host
            .receive(&publish.topic, &publish.payload, publish.retain, now);
        let missed = self.host.counts.missed_messages - missed;
        self.metrics.missed.increment(missed);
        self.metrics.messages.increment(1);
        self.health.mqtt(&self.name, |link| {
            link.messages += 1;
            link.last_message = Some(now);
        });
        for action in actions {
            match action {
                Action::Store(samples) => {
                    let count = samples.len() as u64;
                    self.metrics.samples.increment(count);
                    self.health.mqtt(&self.name, |link| link.samples += count);
                    // Waits while the buffer is full: the broker keeps the rest, as far as it keeps `QoS` 0.
                    let submitted = self.telemetry.submit_once(samples, LOST).await;
                    submitted.map_err(|error: TelemetryError| error.to_string())?;
                }
                Action::SayOnline => {
                    self.say_online().map_err(|error| error.to_string())?;
                }
                Action::AskRebirth(_) => self.ask(action),
                Action::Bad(fault) => self.note_bad(&publish, &fault, now),
            }
        }
        Ok(())
    }

    fn note_bad(&mut self, publish: &Publish, fault: &Fault, now: Timestamp) {
        self.metrics.bad.increment(1);
        let Self { health, bad, .. } = self;
        let mut due = None;
        health.mqtt(&self.name, |link| {
            due = bad.note(link, &publish.topic, &publish.payload, fault, now);
        });
        if let Some(left_out) = due {
            let (broker, topic) = (&self.name, shown(&publish.topic));
            warn!(
                mqtt.broker = broker,
                mqtt.topic = topic,
                "sparkplug message of broker {broker} in {topic} is bad: {fault} ({left_out} like it not logged)"
            );
        }
    }

    fn away(&mut self, why: String) {
        self.host.away(self.clock.now());
        let name = &self.name;
        if let Some(left_out) = self.lost_log.admit(self.clock.now()) {
            warn!(
                mqtt.broker = name,
                "no connection of the sparkplug host to {name}: {why} ({left_out} tries not logged)"
            );
        }
        self.is_connected = false;
        self.metrics.connected.set(0.0);
        self.health.mqtt_lost(name, why);
    }

    async fn finish(&mut self) {
        let said = self.client.try_publish(
            state(&self.sparkplug.host_id),
            QoS::AtLeastOnce,
            true,
            Self::state_payload(false, self.clock.now()),
        );
        if said.is_err() || self.client.try_disconnect().is_err() {
            return;
        }
        while let Ok(event) = self.events.poll().await {
            if matches!(event, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {
                return;
            }
        }
    }
}

/// A host that expects births of all that were there when the agent ended. With several hosts nobody knows whose they were.
fn host(agent: &Agent, sparkplug: &SparkplugConfig, telemetry: &Telemetry) -> Host {
    let mut host = Host::new(sparkplug.clone());
    let brokers = agent.config.mqtt.iter();
    if brokers.filter(|it| it.sparkplug.is_some()).count() == 1 {
        let latest = telemetry.latest().into_iter();
        let now = agent.clock.now();
        for was_there in latest.filter(|it| it.metric == ONLINE && it.value > 0.0) {
            host.contacts.expect(&was_there.device, now + BIRTH_WITHIN);
        }
    }
    host
}

fn show_nodes(health: &Health, name: &str, host: &Host) {
    let nodes = host.nodes();
    health.mqtt(name, |link| {
        let sparkplug = link.sparkplug.get_or_insert_default();
        sparkplug.counts = host.counts;
        sparkplug.nodes = nodes;
    });
}
