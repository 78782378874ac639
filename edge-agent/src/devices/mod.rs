//! The agent as the controller of its devices.
//!
//! - [`client`]: messages to devices
//! - [`subscription`]: one task per device that subscribes and watches
//! - [`floor`]: the one task that knows what devices and jobs last said, and records changes
//! - [`profile`]: what is particular about the devices of a partner
//! - [`contact`]: when each device was last heard

pub mod client;
pub mod contact;
pub mod floor;
pub mod profile;
pub mod subscription;

use std::time::Duration;

use futures_util::future::join_all;

use crate::lifecycle::Stop;
use crate::run::Agent;
use client::DeviceClient;
use contact::Contacts;
use floor::Floor;
use subscription::{SILENCE_LIMIT, Watch};

/// Watches every configured device until the stop. `jmf_url` is where devices send their signals.
pub async fn run(
    agent: Agent,
    floor: Floor,
    contacts: Contacts,
    jmf_url: String,
    stop: Stop,
) -> anyhow::Result<()> {
    run_with_limit(agent, floor, contacts, jmf_url, SILENCE_LIMIT, stop).await
}

/// As [`run`], with another limit for the silence of a device.
pub async fn run_with_limit(
    agent: Agent,
    floor: Floor,
    contacts: Contacts,
    jmf_url: String,
    silence_limit: Duration,
    stop: Stop,
) -> anyhow::Result<()> {
    let devices = agent.config.devices.clone();
    if devices.is_empty() {
        stop.soft().cancelled().await;
        return Ok(());
    }
    let client = DeviceClient::new(&agent)?;
    let watch = Watch {
        agent,
        client,
        contacts,
        floor,
        jmf_url,
        silence_limit,
    };
    let all = join_all(
        devices
            .iter()
            .map(|device| subscription::watch(&watch, device)),
    );
    tokio::select! {
        never = all => match never.first() {
            Some(never) => match *never {},
            None => Ok(()),
        },
        () = stop.soft().cancelled() => Ok(()),
    }
}
