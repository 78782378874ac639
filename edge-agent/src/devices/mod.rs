//! The agent as the controller of its devices.
//!
//! - [`client`]: messages to devices
//! - [`profile`]: what is particular about the devices of a partner
//! - [`watch`]: one task per device that connects, keeps its channels alive and notices silence
//! - [`connect`]: the conversation with one device; [`channels`]: which channels it shall have
//! - [`record`]: what must be known of a device after a restart; [`retire`]: old channels are stopped
//! - [`introduction`]: what a device told of itself; [`picture`]: what every device said last; [`routes`]: the same over the local API
//! - [`contact`]: when each device was last heard; [`budget`]: how often one is asked

mod budget;
mod channels;
pub mod client;
mod connect;
pub mod contact;
pub mod introduction;
pub mod picture;
pub mod profile;
pub mod record;
mod retire;
pub mod routes;
mod watch;

use futures_util::future::{join, join_all};
use tracing::warn;

use crate::floor::Floor;
use crate::lifecycle::Stop;
use crate::run::Agent;
use client::DeviceClient;
use contact::Contacts;
use record::{Record, Records};
use watch::Watch;

/// Watches every configured device until the stop. `jmf_url` is where devices send their signals.
pub async fn run(
    agent: Agent,
    floor: Floor,
    contacts: Contacts,
    jmf_url: String,
    stop: Stop,
) -> anyhow::Result<()> {
    let devices = agent.config.devices.clone();
    let records = Records::new(&agent.config.agent.data_dir);
    let mut known = match records.all().await {
        Ok(known) => known,
        Err(error) => {
            warn!(
                error = &error as &dyn std::error::Error,
                "what devices told before is not read; they are asked anew"
            );
            Vec::new()
        }
    };
    let client = DeviceClient::new(&agent)?;
    let watch = Watch {
        agent,
        client,
        contacts,
        floor,
        records,
        jmf_url,
    };
    let mut take = |key: &str| {
        let at = known.iter().position(|record| record.key() == key)?;
        Some(known.swap_remove(at))
    };
    let watched: Vec<(_, Option<Record>)> = devices
        .iter()
        .map(|device| {
            let key = record::key(&device.id, &device.url, &watch.jmf_url);
            (device, take(&key))
        })
        .collect();
    let devices = watched
        .into_iter()
        .map(|(device, record)| watch::watch(&watch, device, record));
    // What is left belongs to devices or addresses that are no more.
    let old = known
        .into_iter()
        .map(|record| retire::retire(&watch, record));
    tokio::select! {
        _ = join(join_all(devices), join_all(old)) => {
            // Only an agent without devices gets here.
            stop.soft().cancelled().await;
            Ok(())
        }
        () = stop.soft().cancelled() => Ok(()),
    }
}
