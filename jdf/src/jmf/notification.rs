//! Notifications: events, warnings and errors, in signals, responses and audit pools alike.

use jiff::Timestamp;

use super::parameters::parameters;
use super::people::{CostCenter, Employee};
use crate::amount::PartKeys;
use crate::element::Element;
use crate::resource::Ranges;
use crate::state::{ErrorType, MilestoneType, NotificationClass, Resend};
use crate::value::parse_integer;

parameters! {
    /// Something that happened, for a person to read (JDF 1.5, `Notification`).
    Notification "Notification" {
        /// How grave it is; `Information` is written if nothing is said.
        class: Option<NotificationClass> = "Class",
        /// What kind of details follow, such as `Error`, `Milestone`, `Barcode`.
        kind: Option<String> = "Type",
        /// When it happened; the time of the message is written if nothing is said.
        timestamp: Option<Timestamp> = "TimeStamp",
        /// Its ID in the document.
        id: Option<String> = "ID",
        /// The audit that this one corrects.
        ref_id: Option<String> = "refID",
        /// The program that says it.
        agent_name: Option<String> = "AgentName",
        /// The version of the program.
        agent_version: Option<String> = "AgentVersion",
        /// The person who says it.
        author: Option<String> = "Author",
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
        /// The spawned ticket.
        spawn_id: Option<String> = "SpawnID",
        /// Which processes of a combined node.
        combined_process_index: Vec<i64> = "CombinedProcessIndex",
        /// The module's name.
        module_id: Option<String> = "ModuleID",
        /// The places of the modules, from 0.
        module_index: Option<Ranges> = "ModuleIndex",
        /// What the module is.
        module_type: Option<String> = "ModuleType",
    }
    + children {
        /// What happened, in words.
        comments: Vec<String> = "Comment",
        /// What it is charged to.
        cost_center: Option<CostCenter> = "CostCenter",
        /// Who was there.
        employees: Vec<Employee> = "Employee",
        /// Which parts of the node.
        parts: Vec<PartKeys> = "Part",
        /// What was reached.
        milestone: Option<Milestone> = "Milestone",
        /// What went wrong.
        error: Option<ErrorDetails> = "Error",
        /// What a device saw.
        event: Option<Event> = "Event",
        /// What a scanner read.
        barcode: Option<Barcode> = "Barcode",
        /// Which key was pressed.
        fcn_key: Option<FcnKey> = "FCNKey",
        /// That a counter was set back.
        counter_reset: Option<CounterReset> = "CounterReset",
        /// That the clock was set.
        system_time_set: Option<SystemTimeSet> = "SystemTimeSet",
    }
    + rest {
        /// Everything else, such as a vendor's own details and extensions.
        content = "Preview",
    }

    /// What was reached (JDF 1.5, `Milestone`).
    Milestone "Milestone" {
        /// What.
        kind: Option<MilestoneType> = "MilestoneType",
        /// How many times, such as of sheets.
        type_amount: Option<i64> = "TypeAmount",
    }

    /// What went wrong (JDF 1.5, `Error`).
    ErrorDetails "Error" {
        /// The sender's own name of the error.
        error_id: String = "ErrorID",
        /// The return code, as in a response.
        return_code: Option<i64> = "ReturnCode",
        /// Whether to send the message again.
        resend: Option<Resend> = "Resend",
    }
    + children {
        /// What went wrong, in words.
        comments: Vec<String> = "Comment",
        /// Where.
        data: Vec<ErrorData> = "ErrorData",
    }

    /// What exactly an error is about (JDF 1.5, `Error`).
    ErrorData "ErrorData" {
        /// What is wrong with it.
        error_type: ErrorType = "ErrorType",
        /// Where more is said.
        error_url: Option<String> = "ErrorURL",
        /// What would be right, as a regular expression.
        fix_expression: Option<String> = "FixExpression",
        /// The element or attribute, as an `XPath`.
        path: Option<String> = "Path",
    }

    /// What a device saw (JDF 1.5, `Event`).
    Event "Event" {
        /// The device's own name of the event.
        event_id: String = "EventID",
        /// The value.
        event_value: Option<String> = "EventValue",
    }

    /// What a scanner read (JDF 1.5, `Barcode`).
    Barcode "Barcode" {
        /// The text.
        code: String = "Code",
    }

    /// Which function key was pressed (JDF 1.5, `FCNKey`).
    FcnKey "FCNKey" {
        /// Its number.
        key: i64 = "Key",
    }

    /// That a counter was set back (JDF 1.5, `CounterReset`).
    CounterReset "CounterReset" {
        /// The counter.
        counter_id: Option<String> = "CounterID",
        /// What it showed before.
        last_count: Option<i64> = "LastCount",
    }

    /// That the clock was set (JDF 1.5, `SystemTimeSet`).
    SystemTimeSet "SystemTimeSet" {
        /// To this time; JDF demands it.
        new_time: Option<Timestamp> = "NewTime",
        /// From this time.
        old_time: Option<Timestamp> = "OldTime",
    }

    /// Which notifications are wanted (JDF 1.5, `NotificationFilter`).
    NotificationFilter "NotificationFilter" {
        /// Only so grave.
        classes: Vec<NotificationClass> = "Classes",
        /// Only with such details, such as `Error` or `Milestone`.
        types: Vec<String> = "Types",
        /// Only such milestones.
        milestone_types: Vec<MilestoneType> = "MilestoneTypes",
        /// Only in signals of these types.
        signal_types: Vec<String> = "SignalTypes",
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
}

impl Notification {
    /// A notification in words.
    pub fn new(class: NotificationClass, comment: impl Into<String>) -> Self {
        Self {
            class: Some(class),
            comments: vec![comment.into()],
            ..Self::default()
        }
    }

    /// That something was reached.
    ///
    /// ```
    /// use agog_jdf::MilestoneType;
    /// use agog_jdf::jmf::Notification;
    /// let done = Notification::milestone(MilestoneType::PressCompleted);
    /// assert_eq!(done.kind.as_deref(), Some("Milestone"));
    /// ```
    pub fn milestone(kind: MilestoneType) -> Self {
        Self {
            class: Some(NotificationClass::Event),
            kind: Some("Milestone".to_owned()),
            milestone: Some(Milestone {
                kind: Some(kind),
                type_amount: None,
            }),
            ..Self::default()
        }
    }

    /// What a person is told as one text: the comments, and what is said of errors.
    pub fn text(&self) -> String {
        let error = self.error.iter();
        let inside = error.flat_map(|error| {
            let kinds = error.data.iter().map(|data| data.error_type.as_str());
            error.comments.iter().map(String::as_str).chain(kinds)
        });
        let comments = self.comments.iter().map(String::as_str);
        let texts: Vec<&str> = comments
            .chain(inside)
            .filter(|text| !text.is_empty())
            .collect();
        texts.join("; ")
    }

    /// The code of an error: its return code, or its ID where that is a number.
    pub fn error_code(&self) -> Option<i64> {
        let error = self.error.as_ref()?;
        error.return_code.or_else(|| parse_integer(&error.error_id))
    }

    /// The element, with the class and time that the schema wants; `sent` is the time of the message.
    pub(crate) fn complete(&self, sent: Option<Timestamp>) -> Element {
        let complete = Self {
            class: self.class.clone().or(Some(NotificationClass::Information)),
            timestamp: self.timestamp.or(sent),
            ..self.clone()
        };
        complete.to_element()
    }
}
