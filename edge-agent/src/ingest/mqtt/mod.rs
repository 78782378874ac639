//! MQTT ingest: subscribes to the topics of the configuration and turns messages into samples.
//!
//! A `QoS` 1 message is acknowledged only after its samples are on disk; the broker keeps what is not acknowledged, so
//! a crash loses nothing and a redelivery is recognized by its time. The session is persistent (`clean_session =
//! false`, fixed client id). Every broker has a task of its own: one that is away keeps no other one waiting.
//!
//! - [`broker`]: the task of one broker
//! - [`options`], [`tls`]: how it is connected to; passwords and certificates are read again before every try
//! - [`acknowledge`]: which messages are on disk
//! - [`bad`]: what is wrong with messages, by topic
//! - [`failure`]: why there is no connection, in words
//! - [`tail`]: shows what arrives to a person
//!
//! Limits: packets up to [`options::PACKET_BYTES_MAX`], messages up to `message_kib_max`,
//! [`acknowledge::PENDING_MAX`] messages between arrival and commit.

mod acknowledge;
mod bad;
mod broker;
pub(crate) mod failure;
mod options;
pub mod tail;
mod tls;

use futures_util::future::try_join_all;

use crate::config::MqttConfig;
use crate::ingest::sparkplug;
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::telemetry::Telemetry;

pub(crate) use bad::{BadMessages, shown};
pub(crate) use options::{Session, options_read, problem};

/// Collects from every broker until the stop; then commits and acknowledges what has arrived. Without a configured
/// broker there is nothing to do.
pub async fn run(agent: Agent, telemetry: Telemetry, stop: Stop) -> anyhow::Result<()> {
    let config = agent.config.clone();
    if config.mqtt.is_empty() {
        stop.soft().cancelled().await;
        return Ok(());
    }
    let brokers = config.mqtt.iter().map(|one| async {
        tokio::try_join!(
            from_one(one, &agent, &telemetry, &stop),
            sparkplug::run_for(one, &agent, &telemetry, &stop),
        )
    });
    try_join_all(brokers).await?;
    Ok(())
}

async fn from_one(
    config: &MqttConfig,
    agent: &Agent,
    telemetry: &Telemetry,
    stop: &Stop,
) -> anyhow::Result<()> {
    if config.topics.is_empty() {
        return Ok(());
    }
    let ingest = broker::MqttIngest::new(agent, config, telemetry.clone())?;
    ingest.run(stop.soft()).await;
    Ok(())
}
