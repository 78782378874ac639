//! Channels of devices that are no longer in the configuration, or that were told another address
//! of the agent: they are stopped, so that no device goes on sending to nobody. Where the same device is
//! still there under another spelling of its URL, these were its only channels: it is looked at again.

use std::time::Duration;

use agog_jdf::jmf::{Command, Message, StopPersistentChannel};
use agog_sync::backoff::Backoff;
use tracing::{debug, info, warn};

use super::profile::ProfileName;
use super::record::Record;
use super::watch::{Retired, Watch};
use crate::config::{DeviceConfig, Transport};
use crate::uplink::http::chain;

/// A device that is removed is often switched off as well: it is not hurried.
const RETRY_BASE: Duration = Duration::from_secs(2);
const RETRY_CAP: Duration = Duration::from_mins(5);

/// Stops the channels of one record and forgets it; tries until the device answers.
pub(super) async fn retire(watch: &Watch, record: Record) {
    let mut rng = watch.agent.fork_rng();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    let key = record.key();
    if !record.channels.is_empty() {
        let device = DeviceConfig {
            id: record.device.clone(),
            name: None,
            url: record.url.clone(),
            addresses: Vec::new(),
            transport: Transport::Jmf,
            folder: None,
            profile: ProfileName::default(),
            settings: record.profile.clone().into(),
        };
        while let Err(text) = stop(watch, &device, &record.jmf_url).await {
            debug!(
                device.id = %record.device,
                "old channels of device {} not stopped yet: {text}", record.device
            );
            tokio::time::sleep(backoff.next_wait(&mut rng)).await;
        }
    }
    // Nobody may watch anything.
    let _ = watch.retired.send(Retired {
        device: record.device.clone(),
        url: record.url.clone(),
    });
    if let Err(error) = watch.records.remove(&key).await {
        warn!(
            error = &error as &dyn std::error::Error,
            "record of device {} not removed; its channels are stopped again at the next start",
            record.device
        );
    }
}

/// Any answer ends it: what the device refuses once, it refuses again.
async fn stop(watch: &Watch, device: &DeviceConfig, jmf_url: &str) -> Result<(), String> {
    let stop = StopPersistentChannel {
        url: jmf_url.to_owned(),
        ..StopPersistentChannel::default()
    };
    let id = watch.client.message_id();
    let message = Message::command(id, Command::StopPersistentChannel(stop));
    let answers = watch.client.exchange(device, vec![message]).await;
    let answers = answers.map_err(|error| chain(&error))?;
    for answer in answers {
        if answer.return_code.is_processed() {
            info!(
                device.id = %device.id,
                "channels of device {} at {} to {jmf_url} are stopped", device.id, device.url
            );
        } else {
            warn!(
                device.id = %device.id,
                "device {} at {} does not stop its channels to {jmf_url}: {}",
                device.id, device.url, answer.reason()
            );
        }
    }
    Ok(())
}
