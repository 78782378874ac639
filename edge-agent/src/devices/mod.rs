//! The agent as the controller of its devices.
//!
//! - [`known`]: which devices there are, from the file and over the API
//! - [`client`]: messages to devices; [`package`]: tickets and files with them
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
pub mod known;
pub mod package;
pub mod picture;
pub mod profile;
pub mod record;
mod retire;
pub mod routes;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::config::{DeviceConfig, Transport};
use crate::floor::Floor;
use crate::lifecycle::Stop;
use crate::run::Agent;
use client::DeviceClient;
use contact::Contacts;
use known::Running;
use record::{Record, Records};
use watch::Watch;

pub use known::Devices;

/// Watches every device that is reached over JMF until the stop, as devices come and go. `jmf_url` is
/// where devices send their signals.
pub async fn run(
    agent: Agent,
    floor: Floor,
    contacts: Contacts,
    jmf_url: String,
    stop: Stop,
) -> anyhow::Result<()> {
    let mut changes = agent.known_devices.changes();
    let client = DeviceClient::new(&agent)?;
    let watch = Arc::new(Watch {
        records: Records::new(&agent.config.agent.data_dir),
        agent,
        client,
        contacts,
        floor,
        jmf_url,
        retired: Watch::retirements(),
    });
    let mut running = Running::default();
    // By the key of the record: a device that comes back is not retired any more.
    let mut retiring: BTreeMap<String, AbortOnDropHandle<()>> = BTreeMap::new();
    let follow = async {
        loop {
            let mut wanted = changes.borrow_and_update().to_vec();
            wanted.retain(|device| device.transport == Transport::Jmf);
            for ended in running.end(&wanted).await {
                watch.agent.forget_device(&ended);
            }
            let key = |device: &DeviceConfig| record::key(&device.id, &device.url, &watch.jmf_url);
            for device in &wanted {
                if let Some(task) = retiring.remove(&key(device)) {
                    task.abort();
                    let _ = task.await;
                }
            }
            let mut known = records(&watch).await;
            running.start(&wanted, |device| {
                let at = known.iter().position(|record| record.key() == key(&device));
                let record = at.map(|at| known.swap_remove(at));
                let watch = watch.clone();
                async move { match watch::watch(&watch, &device, record).await {} }
            });
            // What is left belongs to devices or addresses that are no more.
            known.retain(|record| !wanted.iter().any(|device| key(device) == record.key()));
            retiring.retain(|_, task| !task.is_finished());
            for record in known {
                retiring.entry(record.key()).or_insert_with(|| {
                    let watch = watch.clone();
                    AbortOnDropHandle::new(tokio::spawn(async move {
                        retire::retire(&watch, record).await;
                    }))
                });
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = follow => Ok(()),
        () = stop.soft().cancelled() => Ok(()),
    }
}

async fn records(watch: &Watch) -> Vec<Record> {
    match watch.records.all().await {
        Ok(known) => known,
        Err(error) => {
            warn!(
                error = &error as &dyn std::error::Error,
                "what devices told before is not read; they are asked anew"
            );
            Vec::new()
        }
    }
}
