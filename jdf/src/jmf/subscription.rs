//! Persistent channels: what a subscriber asks for, what a device says it has, how a channel is stopped, and
//! why a signal was sent.

use jiff::SignedDuration;
use rust_decimal::Decimal;

use super::parameters::parameters;
use crate::amount::PartKeys;
use crate::state::{ChannelMode, Modification, RetryPolicy};

parameters! {
    /// The request, inside a Query or Registration, to be sent Signals or Commands from now on (JDF 1.5,
    /// `Subscription`).
    Subscription "Subscription" {
        /// Where the signals go. Inside a JDF or from careless writers it may be missing.
        url: Option<String> = "URL",
        /// Seconds between two signals without any event: the heartbeat.
        repeat_time: Option<Decimal> = "RepeatTime",
        /// Produced amount between two signals.
        repeat_step: Option<i64> = "RepeatStep",
        /// At least so long between two signals.
        min_delay_time: Option<SignedDuration> = "MinDelayTime",
        /// How a lost signal is treated.
        channel_mode: Option<ChannelMode> = "ChannelMode",
        /// How long a reliable signal is sent again.
        retry_policy: Option<RetryPolicy> = "RetryPolicy",
        /// The form of the URL of each signal, with its values from `template`.
        format: Option<String> = "Format",
        /// The values that go into `format`.
        template: Option<String> = "Template",
    }
    + children {
        /// What a change of is an event; everything, if nothing is said.
        observation_targets: Vec<ObservationTarget> = "ObservationTarget",
    }

    /// Something whose change is an event (JDF 1.5, `ObservationTarget`).
    ObservationTarget "ObservationTarget" {
        /// Where it is, as an `XPath`.
        observation_path: Option<String> = "ObservationPath",
        /// The kind of element (JDF 1.0 and 1.1).
        element_type: Option<String> = "ElementType",
        /// The elements (JDF 1.0 and 1.1).
        element_ids: Vec<String> = "ElementIDs",
        /// The attributes (JDF 1.0 and 1.1).
        attributes: Vec<String> = "Attributes",
    }

    /// Which channels are asked for (JDF 1.5, `KnownSubscriptions`). All if nothing is said.
    SubscriptionFilter "SubscriptionFilter" {
        /// The ID of the query that opened the channel.
        channel_id: Option<String> = "ChannelID",
        /// Only of this device.
        device_id: Option<String> = "DeviceID",
        /// Only opened by messages of these families.
        families: Vec<String> = "Families",
        /// Only of this job.
        job_id: Option<String> = "JobID",
        /// Only of this part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Only of these types.
        message_types: Vec<String> = "MessageTypes",
        /// Only of this queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
        /// Only to this URL.
        url: Option<String> = "URL",
    }
    + children {
        /// Only of these parts.
        parts: Vec<PartKeys> = "Part",
    }

    /// One channel that a device has (JDF 1.5, `KnownSubscriptions`).
    SubscriptionInfo "SubscriptionInfo" {
        /// The ID of the query that opened the channel.
        channel_id: Option<String> = "ChannelID",
        /// The family of the message that opened it.
        family: Option<String> = "Family",
        /// The type of its signals.
        message_type: Option<String> = "MessageType",
        /// Who opened it.
        sender_id: Option<String> = "SenderID",
        /// Of which job.
        job_id: Option<String> = "JobID",
        /// Of which part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Of which queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
    }
    + children {
        /// Of which parts.
        parts: Vec<PartKeys> = "Part",
        /// Where it goes and when it sends.
        subscription: Subscription = "Subscription",
    }
    + rest {
        /// Everything else, such as the parameters of the query.
        content = "Comment",
    }

    /// Which channels to stop: those to a URL, narrowed by whatever else is given (JDF 1.5,
    /// `StopPersistentChannel`).
    StopPersistentChannel "StopPersChParams" {
        /// Where the channels go.
        url: String = "URL",
        /// The ID of the query that opened the channel.
        channel_id: Option<String> = "ChannelID",
        /// Only of this type.
        message_type: Option<String> = "MessageType",
        /// Only of this device.
        device_id: Option<String> = "DeviceID",
        /// Only of this job.
        job_id: Option<String> = "JobID",
        /// Only of this part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Only of this queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
    }
    + children {
        /// Only of these parts.
        parts: Vec<PartKeys> = "Part",
    }

    /// Why a signal was sent (JDF 1.5, `Trigger`).
    Trigger "Trigger" {
        /// The seconds of the heartbeat that sent it.
        repeat_time: Option<Decimal> = "RepeatTime",
        /// The amount whose production sent it.
        repeat_step: Option<i64> = "RepeatStep",
    }
    + children {
        /// Attributes that changed.
        changed_attributes: Vec<ChangedAttribute> = "ChangedAttribute",
        /// Observed places that changed.
        changed_paths: Vec<ChangedPath> = "ChangedPath",
        /// What came.
        added: Vec<Added> = "Added",
        /// What went.
        removed: Vec<Removed> = "Removed",
    }

    /// An attribute that changed (JDF 1.5, `Trigger`).
    ChangedAttribute "ChangedAttribute" {
        /// Its name.
        attribute_name: String = "AttributeName",
        /// The kind of element that has it.
        element_type: String = "ElementType",
        /// The ID of that element.
        element_id: Option<String> = "ElementID",
        /// What it said before.
        old_value: String = "OldValue",
        /// What it says now.
        new_value: String = "NewValue",
    }

    /// An observed place that changed (JDF 1.5, `Trigger`).
    ChangedPath "ChangedPath" {
        /// The place, as an `XPath`.
        path: String = "Path",
        /// What happened to it.
        modification: Modification = "Modification",
        /// What it said before.
        old_value: Option<String> = "OldValue",
        /// What it says now.
        new_value: Option<String> = "NewValue",
    }

    /// Elements that came (JDF 1.5, `Trigger`).
    Added "Added" {}
    + rest {
        /// The elements.
        content = "JobPhase",
    }

    /// Elements that went (JDF 1.5, `Trigger`).
    Removed "Removed" {}
    + rest {
        /// The elements.
        content = "JobPhase",
    }
}

impl Subscription {
    /// A subscription whose signals go to a URL.
    pub fn to(url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            ..Self::default()
        }
    }

    /// With a heartbeat.
    #[must_use]
    pub fn every_seconds(mut self, seconds: impl Into<Decimal>) -> Self {
        self.repeat_time = Some(seconds.into());
        self
    }
}
