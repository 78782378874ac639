//! Signals of devices: their facts through the floor into the ledger, their values into telemetry.

use agog_jdf::JobDetails;
use agog_jdf::jmf::{
    DeviceInfo, Jmf, Message, Notification, ResourceInfo, Response as Answer, ReturnCode, Signal,
    SignalContent, StatusQuParams,
};
use tracing::{info, warn};

use super::samples::samples;
use super::{JmfState, key, not_implemented, unknown_device};
use crate::floor::{Content, FloorError, Report, Told, ToldQueue};
use crate::telemetry::Span;

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
        let of_device = |named: Option<&str>| self.known(named).unwrap_or_else(|| sender.clone());
        let mut notifications = signal.notifications.clone();
        let content = match &signal.content {
            SignalContent::Status {
                params,
                devices,
                queue,
            } => {
                if devices.is_empty() && queue.is_none() {
                    let reason = "a Status signal tells of a device or of a queue";
                    return Ok(Answer::refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason));
                }
                let told = devices.iter();
                Content::Status {
                    devices: told
                        .map(|info| (of_device(info.id()), info.clone()))
                        .collect(),
                    is_whole: tells_all_jobs(params),
                    queue: queue.clone().map(ToldQueue::beside),
                }
            }
            SignalContent::Notification { notification, .. } => {
                info!(device.id = %sender, "device {sender} says: {}", said(notification));
                notifications.insert(0, notification.clone());
                Content::Notifications
            }
            SignalContent::Resource { params, resources } => Content::Resources {
                params: Box::new(params.clone()),
                resources: by_device(resources, of_device),
            },
            SignalContent::QueueStatus { filter, queue } => match queue {
                Some(queue) => Content::Queue(ToldQueue::listed(queue.clone(), filter)),
                None => Content::Notifications,
            },
            _ => return Ok(not_implemented(message)),
        };
        // Facts come first: values that cannot be stored must not keep a fact from the ledger.
        let report = Report {
            key: key(&sender, jmf, message, self.agent.clock.now()),
            device: sender.clone(),
            at: message.time.or(jmf.timestamp),
            told: Told::Signal,
            content,
            notifications,
        };
        let reported = self.floor.report(report).await?;
        let at = reported.at;
        let samples = samples(&sender, of_device, signal, at);
        let told = Span::of(&samples);
        let values = if samples.is_empty() {
            None
        } else {
            // Both are written at the same time, and the answer waits for both.
            Some(self.telemetry.submit(samples).await)
        };
        reported.stored().await?;
        let now = self.agent.clock.now();
        self.agent.devices.signal(&sender, &signal.content, at, now);
        let values = match values {
            Some(Ok(receipt)) => receipt.committed().await,
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        if let Err(error) = values {
            metrics::counter!("agog_jmf_samples_failed_total").increment(1);
            // The facts are recorded, so the message is a success and does not come again.
            self.telemetry
                .lost("values of a JMF message could not be stored", told);
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

/// A notification in words; a milestone often has none.
fn said(notification: &Notification) -> String {
    let text = notification.text();
    if !text.is_empty() {
        return text;
    }
    let milestone = notification.milestone.as_ref();
    match milestone.and_then(|milestone| milestone.kind.as_ref()) {
        Some(kind) => format!("milestone {kind}"),
        None => "something, without words".to_owned(),
    }
}

/// Resources by the device that has them, in the order in which they are told.
fn by_device(
    resources: &[ResourceInfo],
    of_device: impl Fn(Option<&str>) -> String,
) -> Vec<(String, Vec<ResourceInfo>)> {
    let mut found: Vec<(String, Vec<ResourceInfo>)> = Vec::new();
    for info in resources {
        let device = of_device(info.device_id.as_deref());
        match found.iter_mut().find(|(known, _)| *known == device) {
            Some((_, infos)) => infos.push(info.clone()),
            None => found.push((device, vec![info.clone()])),
        }
    }
    found
}

/// Whether a job that the signal does not name is not on the device: the channel may be for one job,
/// or for none.
fn tells_all_jobs(params: &StatusQuParams) -> bool {
    let of_one = params.job_id.is_some()
        || params.job_part_id.is_some()
        || params.queue_entry_id.is_some()
        || !params.parts.is_empty();
    !of_one && params.job_details != Some(JobDetails::None)
}
