//! Signals of devices: their facts through the floor into the ledger, their values into telemetry.

use agog_jdf::jmf::{DeviceInfo, Jmf, Message, Response as Answer, Signal, SignalContent};
use tracing::{info, warn};

use super::samples::samples;
use super::{JmfState, key, not_implemented, unknown_device};
use crate::devices::floor::{FloorError, StatusReport, believed};

impl JmfState {
    pub(super) async fn signal(
        &self,
        jmf: &Jmf,
        message: &Message,
        signal: &Signal,
    ) -> Result<Answer, FloorError> {
        let Some(sender) = self.device_of(jmf, message, signal) else {
            metrics::counter!("agog_jmf_refused_total", "reason" => "unknown device").increment(1);
            return Ok(unknown_device(&jmf.sender_id));
        };
        self.contacts.heard(&sender);
        let key = key(&sender, jmf, message);
        let time = message.time.or(jmf.timestamp);
        let at = believed(time, self.agent.clock.now());
        // Facts come first: values that cannot be stored must not keep a fact from the ledger.
        match &signal.content {
            SignalContent::Status { devices, .. } => {
                let devices = devices
                    .iter()
                    .map(|info| {
                        (
                            self.known(info.id()).unwrap_or_else(|| sender.clone()),
                            info.clone(),
                        )
                    })
                    .collect();
                self.floor
                    .status(StatusReport {
                        key,
                        at: time,
                        devices,
                    })
                    .await?;
            }
            SignalContent::Notification { notification, .. } => {
                self.floor.remember(key).await?;
                info!(device.id = %sender, "device {sender} says: {}", notification.text());
            }
            SignalContent::Resource { .. } | SignalContent::QueueStatus { .. } => {
                self.floor.remember(key).await?;
            }
            _ => return Ok(not_implemented(message)),
        }
        let now = self.agent.clock.now();
        self.agent.devices.signal(&sender, &signal.content, at, now);
        let samples = samples(&sender, signal, at);
        if !samples.is_empty()
            && let Err(error) = self.telemetry.record(samples).await
        {
            metrics::counter!("agog_jmf_samples_failed_total").increment(1);
            warn!(
                error = &error as &dyn std::error::Error,
                device.id = %sender,
                "values of message {} of {sender} not stored", message.id
            );
        }
        Ok(Answer::success())
    }

    fn device_of(&self, jmf: &Jmf, message: &Message, signal: &Signal) -> Option<String> {
        let inside = match &signal.content {
            SignalContent::Status { devices, .. } => devices.first().and_then(DeviceInfo::id),
            SignalContent::QueueStatus {
                queue: Some(queue), ..
            } => Some(queue.device_id.as_str()),
            _ => None,
        };
        [
            inside,
            jmf.device_id.as_deref(),
            message.sender_id.as_deref(),
            Some(jmf.sender_id.as_str()),
        ]
        .into_iter()
        .find_map(|name| self.known(name))
    }
}
