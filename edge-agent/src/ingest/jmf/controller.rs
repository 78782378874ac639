//! Questions that others have for this agent as a controller of devices.

use agog_jdf::DeviceStatus;
use agog_jdf::jmf::{
    Device, DeviceInfo, Message, MessageService, Query, QueryContent, Response as Answer,
    ReturnCode,
};

use super::{JmfState, not_implemented};

impl JmfState {
    /// The agent as a controller: which devices it has and which messages it takes.
    pub(super) fn query(&self, message: &Message, query: &Query) -> Answer {
        if query.subscription.is_some() {
            let reason = "this agent opens no channels of its own";
            return Answer::refusal(ReturnCode::SUBSCRIPTION_DENIED, reason);
        }
        match &query.content {
            QueryContent::KnownDevices { .. } => {
                let health = self.agent.health.snapshot();
                let device = |device: &crate::config::DeviceConfig| {
                    let status = health
                        .devices
                        .get(&device.id)
                        .and_then(|health| health.status.as_deref())
                        .map_or(DeviceStatus::Unknown, DeviceStatus::from);
                    DeviceInfo {
                        device: Some(Device {
                            device_id: Some(device.id.clone()),
                            descriptive_name: device.name.clone(),
                            ..Device::default()
                        }),
                        ..DeviceInfo::new(&device.id, status)
                    }
                };
                Answer {
                    devices: self.agent.config.devices.iter().map(device).collect(),
                    ..Answer::success()
                }
            }
            QueryContent::KnownMessages(_) => Answer {
                messages: known_messages(),
                ..Answer::success()
            },
            _ => not_implemented(message),
        }
    }
}

fn known_messages() -> Vec<MessageService> {
    let service = |kind: &str| MessageService {
        kind: kind.to_owned(),
        ..MessageService::default()
    };
    let signal = |kind| MessageService {
        signal: true,
        ..service(kind)
    };
    let query = |kind| MessageService {
        query: true,
        ..service(kind)
    };
    vec![
        query("KnownDevices"),
        query("KnownMessages"),
        signal("Notification"),
        signal("QueueStatus"),
        signal("Resource"),
        MessageService {
            command: true,
            ..service("ReturnQueueEntry")
        },
        signal("Status"),
    ]
}
