//! Who is heard: senders that are known, devices from their own addresses, and nobody too often.

use std::net::IpAddr;

use agog_jdf::jmf::{
    Body as Content, Command, DeviceInfo, Jmf, Message, Response as Answer, ReturnCode,
    SignalContent,
};
use axum::http::StatusCode;

use super::JmfState;

/// Whose request it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// None for what lay in the folder of a device.
    pub(super) address: Option<IpAddr>,
    /// It does not send too often.
    pub(super) is_admitted: bool,
}

/// Why a whole request is not even read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHeard {
    pub(super) status: StatusCode,
    pub(super) code: ReturnCode,
    pub(super) reason: &'static str,
}

const UNKNOWN: &str = "this sender is not known here";
const TOO_OFTEN: &str = "too many messages from this address; send it again later";

impl Caller {
    pub(super) const FOLDER: Self = Self {
        address: None,
        is_admitted: true,
    };
}

impl JmfState {
    /// What the address alone says against a request; what its messages say against them, says
    /// [`Self::turned_away`].
    pub(super) fn not_heard(&self, caller: Caller) -> Option<NotHeard> {
        if self.agent.desk.gate.refuses(caller.address)
            && !self.agent.known_devices.may_call(caller.address)
        {
            count("sender");
            return Some(NotHeard {
                status: StatusCode::FORBIDDEN,
                code: ReturnCode::AUTHENTICATION_DENIED,
                reason: UNKNOWN,
            });
        }
        if caller.is_admitted {
            return None;
        }
        count("rate");
        Some(NotHeard {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: ReturnCode::SERVICE_BUSY,
            reason: TOO_OFTEN,
        })
    }

    /// Why a message is not even looked at.
    pub(super) fn turned_away(
        &self,
        jmf: &Jmf,
        message: &Message,
        caller: Caller,
    ) -> Option<Answer> {
        let sender = message.sender_id.as_deref().unwrap_or(&jmf.sender_id);
        let mut named = speaks_for(jmf, message, sender);
        if let Some(device) = named.find(|name| self.is_elsewhere(name, caller.address)) {
            count("address");
            let reason = format!("messages of device `{device}` are not taken from this address");
            return Some(Answer::refusal(ReturnCode::AUTHENTICATION_DENIED, reason));
        }
        if !self.agent.known_devices.speaks_jmf(sender)
            && !self.agent.desk.gate.knows(sender, caller.address)
        {
            count("sender");
            return Some(Answer::refusal(ReturnCode::AUTHENTICATION_DENIED, UNKNOWN));
        }
        if !caller.is_admitted {
            count("rate");
            return Some(Answer::refusal(ReturnCode::SERVICE_BUSY, TOO_OFTEN));
        }
        None
    }

    /// Whether that is a device, and not at this address.
    pub(super) fn is_elsewhere(&self, name: &str, address: Option<IpAddr>) -> bool {
        let devices = &self.agent.known_devices;
        devices.is_elsewhere(name, address)
    }
}

pub(super) fn count(reason: &'static str) {
    metrics::counter!("agog_jmf_refused_total", "reason" => reason).increment(1);
}

/// In whose names a message tells something. A `DeviceID` beside a question or an order is whom it is meant for.
pub(super) fn speaks_for<'m>(
    jmf: &'m Jmf,
    message: &'m Message,
    sender: &'m str,
) -> impl Iterator<Item = &'m str> {
    let content = match &message.body {
        Content::Signal(signal) => Some(&signal.content),
        _ => None,
    };
    let is_told = matches!(
        message.body,
        Content::Signal(_)
            | Content::Command(Command::ReturnQueueEntry(_))
            | Content::Acknowledge(_)
    );
    let devices = match content {
        Some(SignalContent::Status { devices, .. }) => devices.as_slice(),
        _ => &[],
    };
    let resources = match content {
        Some(SignalContent::Resource { resources, .. }) => resources.as_slice(),
        _ => &[],
    };
    let queue = match content {
        Some(SignalContent::Status { queue, .. } | SignalContent::QueueStatus { queue, .. }) => {
            queue.as_ref()
        }
        _ => None,
    };
    let device = jmf.device_id.as_deref().filter(|_| is_told);
    std::iter::once(sender)
        .chain(device)
        .chain(devices.iter().filter_map(DeviceInfo::id))
        .chain(resources.iter().filter_map(|it| it.device_id.as_deref()))
        .chain(queue.map(|queue| queue.device_id.as_str()))
}
