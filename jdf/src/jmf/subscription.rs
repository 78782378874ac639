//! Persistent channels: what a subscriber asks for, what a device says it has, how a channel is stopped.

use rust_decimal::Decimal;

use crate::element::Element;
use crate::finding::Finding;
use crate::state::ChannelMode;
use crate::value::Fields;
use crate::view::ElementRef;

/// The request, inside a Query, to be sent Signals from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscription {
    /// Where the signals go. Inside a JDF or from careless writers it may be missing.
    pub url: Option<String>,
    /// Seconds between two signals without any event: the heartbeat.
    pub repeat_time: Option<Decimal>,
    /// Produced amount between two signals.
    pub repeat_step: Option<i64>,
    pub channel_mode: Option<ChannelMode>,
}

impl Subscription {
    pub fn to(url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn every_seconds(mut self, seconds: impl Into<Decimal>) -> Self {
        self.repeat_time = Some(seconds.into());
        self
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            url: fields.text("URL"),
            repeat_time: fields.decimal("RepeatTime"),
            repeat_step: fields.integer("RepeatStep"),
            channel_mode: fields.state("ChannelMode"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("Subscription")
            .with_some("URL", self.url.as_ref())
            .with_some("RepeatTime", self.repeat_time)
            .with_some("RepeatStep", self.repeat_step)
            .with_some("ChannelMode", self.channel_mode.as_ref())
    }
}

/// One channel that a device has, as `KnownSubscriptions` tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionInfo {
    /// The ID of the query that opened the channel.
    pub channel_id: Option<String>,
    pub family: Option<String>,
    pub message_type: Option<String>,
    pub sender_id: Option<String>,
    pub subscription: Subscription,
}

impl SubscriptionInfo {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let subscription = element
            .child("Subscription")
            .map(|child| Subscription::read(child, findings));
        let fields = Fields::of(element, findings);
        Self {
            channel_id: fields.text("ChannelID"),
            family: fields.text("Family"),
            message_type: fields.text("MessageType"),
            sender_id: fields.text("SenderID"),
            subscription: subscription.unwrap_or_default(),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("SubscriptionInfo")
            .with_some("ChannelID", self.channel_id.as_ref())
            .with_some("Family", self.family.as_ref())
            .with_some("MessageType", self.message_type.as_ref())
            .with_some("SenderID", self.sender_id.as_ref())
            .child(self.subscription.to_element())
    }
}

/// Which channels to stop: those to a URL, narrowed by whatever else is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopPersistentChannel {
    pub url: String,
    pub channel_id: Option<String>,
    pub message_type: Option<String>,
    pub device_id: Option<String>,
    pub job_id: Option<String>,
    pub queue_entry_id: Option<String>,
}

impl StopPersistentChannel {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            url: fields.required("URL"),
            channel_id: fields.text("ChannelID"),
            message_type: fields.text("MessageType"),
            device_id: fields.text("DeviceID"),
            job_id: fields.text("JobID"),
            queue_entry_id: fields.text("QueueEntryID"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("StopPersChParams")
            .with("URL", &self.url)
            .with_some("ChannelID", self.channel_id.as_ref())
            .with_some("MessageType", self.message_type.as_ref())
            .with_some("DeviceID", self.device_id.as_ref())
            .with_some("JobID", self.job_id.as_ref())
            .with_some("QueueEntryID", self.queue_entry_id.as_ref())
    }
}
