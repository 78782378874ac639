//! A device's queue: its entries, the filters that choose among them, and the parameters of the
//! commands that put entries in, act on them and give them back.

use jiff::Timestamp;

use crate::element::Element;
use crate::finding::Finding;
use crate::state::{QueueEntryStatus, QueueStatus};
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

/// One job in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    pub queue_entry_id: String,
    pub status: QueueEntryStatus,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub device_id: Option<String>,
    pub descriptive_name: Option<String>,
    pub status_details: Option<String>,
    /// 0 to 100, higher is sooner.
    pub priority: Option<i64>,
    pub submission_time: Option<Timestamp>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
}

impl QueueEntry {
    pub fn new(queue_entry_id: impl Into<String>, status: QueueEntryStatus) -> Self {
        Self {
            queue_entry_id: queue_entry_id.into(),
            status,
            job_id: None,
            job_part_id: None,
            device_id: None,
            descriptive_name: None,
            status_details: None,
            priority: None,
            submission_time: None,
            start_time: None,
            end_time: None,
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            queue_entry_id: fields.required("QueueEntryID"),
            status: QueueEntryStatus::from(fields.required("Status").as_str()),
            job_id: fields.text("JobID"),
            job_part_id: fields.text("JobPartID"),
            device_id: fields.text("DeviceID"),
            descriptive_name: fields.text("DescriptiveName"),
            status_details: fields.text("StatusDetails"),
            priority: fields.integer("Priority"),
            submission_time: fields.time("SubmissionTime"),
            start_time: fields.time("StartTime"),
            end_time: fields.time("EndTime"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("QueueEntry")
            .with("QueueEntryID", &self.queue_entry_id)
            .with("Status", &self.status)
            .with_some("JobID", self.job_id.as_ref())
            .with_some("JobPartID", self.job_part_id.as_ref())
            .with_some("DeviceID", self.device_id.as_ref())
            .with_some("DescriptiveName", self.descriptive_name.as_ref())
            .with_some("StatusDetails", self.status_details.as_ref())
            .with_some("Priority", self.priority)
            .with_some("SubmissionTime", self.submission_time.map(write_date_time))
            .with_some("StartTime", self.start_time.map(write_date_time))
            .with_some("EndTime", self.end_time.map(write_date_time))
    }
}

/// A queue with its entries, or as many of them as were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub device_id: String,
    pub status: QueueStatus,
    pub queue_size: Option<i64>,
    pub entries: Vec<QueueEntry>,
}

impl Queue {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        let device_id = fields.required("DeviceID");
        let status = QueueStatus::from(fields.required("Status").as_str());
        let queue_size = fields.integer("QueueSize");
        let entries = element
            .children_named("QueueEntry")
            .map(|entry| QueueEntry::read(entry, findings))
            .collect();
        Self {
            device_id,
            status,
            queue_size,
            entries,
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("Queue")
            .with("DeviceID", &self.device_id)
            .with("Status", &self.status)
            .with_some("QueueSize", self.queue_size)
            .children(self.entries.iter().map(QueueEntry::to_element))
    }
}

/// Which entries are meant. JMF 1.5 writes them as a `QueueFilter` inside parameters, older writers as
/// bare `QueueEntryDef` elements in the command; both are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueFilter {
    pub queue_entry_ids: Vec<String>,
    pub statuses: Vec<QueueEntryStatus>,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub max_entries: Option<i64>,
    pub details: Option<String>,
}

impl QueueFilter {
    pub fn entry(queue_entry_id: impl Into<String>) -> Self {
        Self {
            queue_entry_ids: vec![queue_entry_id.into()],
            ..Self::default()
        }
    }

    /// Whether an entry is meant. A filter that says nothing means every entry.
    pub fn matches(&self, entry: &QueueEntry) -> bool {
        let same =
            |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
        (self.queue_entry_ids.is_empty() || self.queue_entry_ids.contains(&entry.queue_entry_id))
            && (self.statuses.is_empty() || self.statuses.contains(&entry.status))
            && same(&self.job_id, &entry.job_id)
            && same(&self.job_part_id, &entry.job_part_id)
    }

    /// Reads what a message (or its parameter element) says about the entries meant.
    pub(crate) fn read(holder: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut filter = Self::default();
        for child in holder.children() {
            if child.is_jdf("QueueFilter") {
                let mut fields = Fields::of(child, findings);
                filter.statuses = fields
                    .tokens("StatusList")
                    .iter()
                    .map(|text| text.as_str().into())
                    .collect();
                filter.job_id = fields.text("JobID");
                filter.job_part_id = fields.text("JobPartID");
                filter.max_entries = fields.integer("MaxEntries");
                filter.details = fields.text("QueueEntryDetails");
            }
            let definitions = if child.is_jdf("QueueEntryDef") {
                vec![child]
            } else {
                child.children_named("QueueEntryDef").collect()
            };
            for id in definitions
                .iter()
                .filter_map(|definition| definition.attribute("QueueEntryID"))
            {
                if !filter.queue_entry_ids.iter().any(|known| known == id) {
                    filter.queue_entry_ids.push(id.to_owned());
                }
            }
        }
        filter
    }

    pub(crate) fn to_element(&self) -> Element {
        let statuses: Vec<&str> = self.statuses.iter().map(QueueEntryStatus::as_str).collect();
        let definitions = self
            .queue_entry_ids
            .iter()
            .map(|id| Element::new("QueueEntryDef").with("QueueEntryID", id));
        Element::new("QueueFilter")
            .with_some(
                "StatusList",
                (!statuses.is_empty()).then(|| statuses.join(" ")),
            )
            .with_some("JobID", self.job_id.as_ref())
            .with_some("JobPartID", self.job_part_id.as_ref())
            .with_some("MaxEntries", self.max_entries)
            .with_some("QueueEntryDetails", self.details.as_ref())
            .children(definitions)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a ticket is put into a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueSubmissionParams {
    /// Where the ticket is; `cid:` inside a package.
    pub url: String,
    /// Where the ticket goes when the device is done: a JMF endpoint …
    pub return_jmf: Option<String>,
    /// … or a folder or plain URL.
    pub return_url: Option<String>,
    pub watch_url: Option<String>,
    pub hold: bool,
    pub priority: Option<i64>,
}

impl QueueSubmissionParams {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            url: fields.required("URL"),
            return_jmf: fields.text("ReturnJMF"),
            return_url: fields.text("ReturnURL"),
            watch_url: fields.text("WatchURL"),
            hold: fields.boolean("Hold").unwrap_or(false),
            priority: fields.integer("Priority"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("QueueSubmissionParams")
            .with("URL", &self.url)
            .with_some("ReturnJMF", self.return_jmf.as_ref())
            .with_some("ReturnURL", self.return_url.as_ref())
            .with_some("WatchURL", self.watch_url.as_ref())
            .with_some("Hold", self.hold.then_some(true))
            .with_some("Priority", self.priority)
    }
}

/// How a ticket comes back from a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReturnQueueEntryParams {
    pub queue_entry_id: String,
    /// Where the returned ticket is; `cid:` inside a package.
    pub url: String,
    /// IDs of the nodes that were completed.
    pub completed: Vec<String>,
    /// IDs of the nodes that were aborted.
    pub aborted: Vec<String>,
}

impl ReturnQueueEntryParams {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            queue_entry_id: fields.required("QueueEntryID"),
            url: fields.required("URL"),
            completed: fields.tokens("Completed"),
            aborted: fields.tokens("Aborted"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        let list = |ids: &[String]| (!ids.is_empty()).then(|| ids.join(" "));
        Element::new("ReturnQueueEntryParams")
            .with("QueueEntryID", &self.queue_entry_id)
            .with("URL", &self.url)
            .with_some("Completed", list(&self.completed))
            .with_some("Aborted", list(&self.aborted))
    }
}
