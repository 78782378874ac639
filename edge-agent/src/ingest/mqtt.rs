//! MQTT ingest: subscribes to the topics of the configuration and turns messages into samples.
//!
//! A `QoS` 1 message is acknowledged only after its samples are on disk; the broker keeps what is
//! not acknowledged, so a crash loses nothing and a redelivery is recognized by its time. The
//! session is persistent (`clean_session = false`, fixed client id).
//!
//! The task that polls the client never waits for it: acknowledgements go through `try_ack` here,
//! and an acknowledgement of an earlier connection is never sent on a later one, where its packet
//! id names another message.
//!
//! Limits: packets up to [`PACKET_BYTES_MAX`], [`PENDING_MAX`] messages between arrival and commit.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use agog_sync::backoff::Backoff;
use agog_sync::clock::Clock;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use rand::rngs::StdRng;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS, SubscribeFilter};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::sampled_log::SampledLog;
use super::topic_map::{Delivery, TopicMap};
use crate::config::MqttConfig;
use crate::health::Health;
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::telemetry::{Telemetry, TelemetryError};

/// The largest MQTT packet taken, in and out (rumqttc's own default of 10 KiB loses larger ones).
/// The broker gets a disconnect for a larger one, which is logged.
pub const PACKET_BYTES_MAX: usize = 256 * 1024;
/// Messages that arrived and are not on disk yet. At the limit the socket is not read: the
/// broker keeps the rest.
pub const PENDING_MAX: usize = 4_096;
/// Requests to the client on their way: acknowledgements and one subscription.
const REQUESTS_MAX: usize = 1_024;
/// A silent connection is noticed within one and a half of this.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RETRY_BASE: Duration = Duration::from_millis(500);
/// A broker that was away is found again within this.
const RETRY_CAP: Duration = Duration::from_secs(30);
/// At a stop, what has arrived is committed and acknowledged within this.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// Why MQTT cannot be set up. Everything that happens later is retried.
#[derive(Debug, thiserror::Error)]
pub enum MqttSetupError {
    #[error("cannot read mqtt password file `{path}`")]
    Password {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("mqtt broker `{0}` is not host:port")]
    Broker(String),
}

/// A message whose samples wait for their commit, and the connection that it came by.
type Pending = Pin<Box<dyn Future<Output = (u64, Publish, Result<(), TelemetryError>)> + Send>>;

/// Collects until the stop; then commits and acknowledges what has arrived. Without a configured
/// broker there is nothing to do.
pub async fn run(agent: Agent, telemetry: Telemetry, stop: Stop) -> anyhow::Result<()> {
    let Some(config) = agent.config.mqtt.clone() else {
        stop.soft().cancelled().await;
        return Ok(());
    };
    MqttIngest::new(&agent, &config, telemetry)?
        .run(stop.soft())
        .await;
    Ok(())
}

struct MqttIngest {
    client: AsyncClient,
    events: EventLoop,
    map: TopicMap,
    telemetry: Telemetry,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    rng: StdRng,
    connected: bool,
    pending: FuturesOrdered<Pending>,
    /// Committed, and the client had no room for the acknowledgement yet.
    unsent: VecDeque<Publish>,
    /// Counts connections, so that acknowledgements stay on the one that they belong to.
    connection: u64,
    bad_log: SampledLog,
    lost_log: SampledLog,
}

impl MqttIngest {
    /// Reads the password and prepares the client; it connects when it is polled.
    fn new(
        agent: &Agent,
        config: &MqttConfig,
        telemetry: Telemetry,
    ) -> Result<Self, MqttSetupError> {
        let options = options(config, &agent.config.agent.plant_code)?;
        let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
        agent.health.mqtt(|link| link.connected = false);
        Ok(Self {
            client,
            events,
            map: TopicMap::new(config.topics.clone()),
            telemetry,
            clock: agent.clock.clone(),
            health: agent.health.clone(),
            rng: agent.fork_rng(),
            connected: false,
            pending: FuturesOrdered::new(),
            unsent: VecDeque::new(),
            connection: 0,
            bad_log: SampledLog::default(),
            lost_log: SampledLog::default(),
        })
    }

    async fn run(mut self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        while !stop.is_cancelled() {
            match self.step(stop).await {
                Step::Stopped => break,
                Step::Event(Ok(event)) => {
                    if matches!(event, Event::Incoming(Packet::Publish(_))) {
                        backoff.reset();
                    }
                    self.event(event);
                    acknowledge(&self.client, &mut self.unsent);
                    continue;
                }
                Step::Event(Err(error)) => self.disconnected(&error),
                Step::NotStored(error) => self.not_stored(&error),
            }
            let wait = backoff.next_wait(&mut self.rng);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
        if tokio::time::timeout(STOP_WAIT, self.finish())
            .await
            .is_err()
        {
            warn!("mqtt stopped before everything was acknowledged; the broker delivers it again");
        }
    }

    /// Waits for the next event and meanwhile acknowledges what gets committed. The poll is kept
    /// alive across commits: abandoned in the middle of a write it could lose the packet.
    async fn step(&mut self, stop: &CancellationToken) -> Step {
        let poll = self.events.poll();
        tokio::pin!(poll);
        loop {
            let room = self.pending.len() < PENDING_MAX;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Step::Stopped,
                Some((connection, publish, result)) = self.pending.next(), if self.unsent.is_empty() => {
                    match result {
                        _ if connection != self.connection => {}
                        Ok(()) => self.unsent.push_back(publish),
                        Err(error) => return Step::NotStored(error),
                    }
                    acknowledge(&self.client, &mut self.unsent);
                }
                event = &mut poll, if room => return Step::Event(event.map_err(Box::new)),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Incoming(Packet::ConnAck(ack)) => {
                info!(
                    "mqtt connected, session {}",
                    if ack.session_present { "kept" } else { "new" }
                );
                self.connected = true;
                self.health.mqtt(|link| {
                    link.connected = true;
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
                        "mqtt cannot subscribe"
                    );
                    self.events.clean();
                }
            }
            Event::Incoming(Packet::Publish(publish)) => self.publish(publish),
            _ => {}
        }
    }

    fn publish(&mut self, publish: Publish) {
        let now = self.clock.now();
        let delivery = Delivery {
            arrived_at: now,
            redelivered: publish.dup,
            retained: publish.retain,
        };
        let samples = match self.map.samples(&publish.topic, &publish.payload, delivery) {
            Ok(samples) => samples,
            Err(error) => {
                // Acknowledged like the others: delivering it again would not mend it.
                metrics::counter!("agog_mqtt_bad_messages_total", "intentional" => "true")
                    .increment(1);
                if let Some(left_out) = self.bad_log.admit(now) {
                    warn!(
                        topic = %publish.topic,
                        "mqtt message dropped: {error} ({left_out} like it not logged)"
                    );
                }
                Vec::new()
            }
        };
        metrics::counter!("agog_mqtt_messages_total").increment(1);
        self.health.mqtt(|link| link.last_message = Some(now));
        let telemetry = self.telemetry.clone();
        let connection = self.connection;
        self.pending.push_back(Box::pin(async move {
            let result = if samples.is_empty() {
                Ok(())
            } else {
                telemetry.record(samples).await
            };
            (connection, publish, result)
        }));
    }

    /// A new connection makes the broker deliver again what was not acknowledged.
    fn not_stored(&mut self, error: &TelemetryError) {
        if let Some(left_out) = self.lost_log.admit(self.clock.now()) {
            warn!(
                error = error as &dyn std::error::Error,
                "mqtt samples not stored, asking the broker again ({left_out} not logged)"
            );
        }
        self.events.clean();
        self.next_connection();
        self.connected = false;
        self.health.mqtt(|link| {
            link.connected = false;
            link.last_failure = Some(format!("samples not stored: {error}"));
        });
    }

    fn disconnected(&mut self, error: &rumqttc::ConnectionError) {
        self.next_connection();
        let text = error.to_string();
        if let Some(left_out) = self.lost_log.admit(self.clock.now()) {
            warn!("mqtt broker is away: {text} ({left_out} tries not logged)");
        }
        self.connected = false;
        self.health.mqtt(|link| {
            link.connected = false;
            link.last_failure = Some(text);
        });
    }

    fn next_connection(&mut self) {
        self.connection += 1;
        self.unsent.clear();
    }

    async fn finish(&mut self) {
        while let Some((connection, publish, result)) = self.pending.next().await {
            if connection == self.connection && result.is_ok() {
                self.unsent.push_back(publish);
            }
        }
        acknowledge(&self.client, &mut self.unsent);
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

enum Step {
    Stopped,
    Event(Result<Event, Box<rumqttc::ConnectionError>>),
    NotStored(TelemetryError),
}

/// Hands acknowledgements to the client without waiting; what it has no room for stays, in order.
fn acknowledge(client: &AsyncClient, unsent: &mut VecDeque<Publish>) {
    while let Some(publish) = unsent.front() {
        if client.try_ack(publish).is_err() {
            debug!("mqtt client is busy; acknowledgements wait");
            return;
        }
        unsent.pop_front();
    }
}

fn options(config: &MqttConfig, plant_code: &str) -> Result<MqttOptions, MqttSetupError> {
    let wrong = || MqttSetupError::Broker(config.broker.clone());
    let (host, port) = config.broker.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let client_id = config
        .client_id
        .clone()
        .unwrap_or_else(|| format!("agog-edge-{plant_code}"));
    let mut options = MqttOptions::new(client_id, host.trim_matches(['[', ']']), port);
    options
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_keep_alive(KEEP_ALIVE)
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    if let Some(username) = &config.username {
        let password = config
            .password_file
            .as_deref()
            .map(read_password)
            .transpose()?;
        options.set_credentials(username, password.unwrap_or_default());
    }
    Ok(options)
}

fn read_password(path: &Path) -> Result<String, MqttSetupError> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|source| MqttSetupError::Password {
            path: path.display().to_string(),
            source,
        })
}
