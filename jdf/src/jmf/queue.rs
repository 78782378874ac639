//! A device's queue: its entries, and the filters that choose among them.

use std::collections::HashSet;

use jiff::Timestamp;

use super::device::Device;
use super::parameters::{Parameters, child, ids, parameters};
use super::status::JobPhase;
use crate::amount::PartKeys;
use crate::element::Element;
use crate::finding::Finding;
use crate::state::{
    Activation, EndStatus, GangPolicy, QueueEntryDetails, QueueEntryStatus, QueueStatus,
    UpdateGranularity,
};
use crate::view::ElementRef;

/// Names one entry.
const DEFINITION: &str = "QueueEntryDef";

parameters! {
    /// One job in a queue (JDF 1.5, `QueueEntry`).
    QueueEntry "QueueEntry" {
        /// Its ID, given by the device.
        queue_entry_id: String = "QueueEntryID",
        /// Where it stands.
        status: QueueEntryStatus = "Status",
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The device that will run or runs it.
        device_id: Option<String> = "DeviceID",
        /// What a person calls it.
        descriptive_name: Option<String> = "DescriptiveName",
        /// Where it stands in detail.
        status_details: Option<String> = "StatusDetails",
        /// 0 to 100, higher is sooner.
        priority: Option<i64> = "Priority",
        /// Whether it is run or only tested.
        activation: Option<Activation> = "Activation",
        /// The gang that it waits for.
        gang_name: Option<String> = "GangName",
        /// Whether it waits.
        gang_policy: Option<GangPolicy> = "GangPolicy",
        /// When it came.
        submission_time: Option<Timestamp> = "SubmissionTime",
        /// When it began.
        start_time: Option<Timestamp> = "StartTime",
        /// When it ended.
        end_time: Option<Timestamp> = "EndTime",
    }
    + children {
        /// How far it is.
        job_phases: Vec<JobPhase> = "JobPhase",
        /// Which parts of the job it is.
        parts: Vec<PartKeys> = "Part",
    }
    + rest {
        /// Everything else: previews, where a filter asked for them (`PreviewUsages`), comments, extensions.
        content = "Preview",
    }

    /// A queue with its entries, or as many of them as were asked for (JDF 1.5, `Queue`).
    Queue "Queue" {
        /// Whose queue it is.
        device_id: String = "DeviceID",
        /// Whether it takes and starts entries.
        status: QueueStatus = "Status",
        /// How many entries it has, those that are not listed among them.
        queue_size: Option<i64> = "QueueSize",
        /// What a person calls it.
        descriptive_name: Option<String> = "DescriptiveName",
    }
    + children {
        /// The devices that it feeds.
        devices: Vec<Device> = "Device",
        /// The entries.
        entries: Vec<QueueEntry> = "QueueEntry",
    }
    + rest {
        /// Everything else: comments, extensions.
        content = "Comment",
    }

    /// Which entries are meant, and how much is to be said about them (JDF 1.5, `QueueFilter`).
    QueueFilter "QueueFilter" {
        /// Only those that stand so.
        statuses: Vec<QueueEntryStatus> = "StatusList",
        /// Only of this job.
        job_id: Option<String> = "JobID",
        /// Only of this part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Only those that are run (or tested) so.
        activation: Option<Activation> = "Activation",
        /// Only of these gangs.
        gang_names: Vec<String> = "GangNames",
        /// Only those submitted before.
        older_than: Option<Timestamp> = "OlderThan",
        /// Only those submitted after.
        newer_than: Option<Timestamp> = "NewerThan",
        /// At most so many; the size of the queue alone if it is 0.
        max_entries: Option<i64> = "MaxEntries",
        /// How much about each.
        details: Option<QueueEntryDetails> = "QueueEntryDetails",
        /// Whether signals tell the whole queue or only what changed.
        update_granularity: Option<UpdateGranularity> = "UpdateGranularity",
        /// The usages of the previews that are wanted, such as `ThumbNail`.
        preview_usages: Vec<String> = "PreviewUsages",
    }
    + children {
        /// Only on these devices.
        devices: Vec<Device> = "Device",
        /// Only of these parts.
        parts: Vec<PartKeys> = "Part",
    }
    + ids {
        /// Only these entries.
        queue_entry_ids = "QueueEntryDef" "QueueEntryID",
    }
}

impl QueueEntry {
    /// An entry that stands so.
    pub fn new(queue_entry_id: impl Into<String>, status: QueueEntryStatus) -> Self {
        Self {
            queue_entry_id: queue_entry_id.into(),
            status,
            ..Self::default()
        }
    }
}

impl QueueFilter {
    /// A filter that means one entry.
    pub fn entry(queue_entry_id: impl Into<String>) -> Self {
        Self {
            queue_entry_ids: vec![queue_entry_id.into()],
            ..Self::default()
        }
    }

    /// Whether an entry is meant. A filter that says nothing means every entry.
    ///
    /// ```
    /// use agog_jdf::QueueEntryStatus;
    /// use agog_jdf::jmf::{QueueEntry, QueueFilter};
    /// let entry = QueueEntry::new("qe-1", QueueEntryStatus::Waiting);
    /// let running = QueueFilter { statuses: vec![QueueEntryStatus::Running], ..QueueFilter::default() };
    /// assert!(QueueFilter::entry("qe-1").matches(&entry) && !running.matches(&entry));
    /// ```
    pub fn matches(&self, entry: &QueueEntry) -> bool {
        let same =
            |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
        let submitted =
            |holds: &dyn Fn(Timestamp) -> bool| entry.submission_time.is_some_and(holds);
        let device = |wanted: &Device| same(&wanted.device_id, &entry.device_id);
        let part = |wanted: &PartKeys| {
            let is_within = |has: &PartKeys| {
                wanted
                    .iter()
                    .all(|(key, value)| has.get(key) == Some(value))
            };
            entry.parts.is_empty() || entry.parts.iter().any(is_within)
        };
        let gang = |name: &String| self.gang_names.contains(name);
        let activation = entry.activation.as_ref().unwrap_or(&Activation::Active);
        (self.queue_entry_ids.is_empty() || self.queue_entry_ids.contains(&entry.queue_entry_id))
            && (self.statuses.is_empty() || self.statuses.contains(&entry.status))
            && same(&self.job_id, &entry.job_id)
            && same(&self.job_part_id, &entry.job_part_id)
            && self
                .activation
                .as_ref()
                .is_none_or(|wanted| wanted == activation)
            && (self.gang_names.is_empty() || entry.gang_name.as_ref().is_some_and(gang))
            && self
                .older_than
                .is_none_or(|limit| submitted(&|at| at < limit))
            && self
                .newer_than
                .is_none_or(|limit| submitted(&|at| at > limit))
            && (self.devices.is_empty() || self.devices.iter().any(device))
            && (self.parts.is_empty() || self.parts.iter().any(part))
    }

    /// Whether the filter says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it says which entries are meant. The rest of a filter is about how much is told of them; a command
    /// whose filter does not select should not be taken for one on every entry.
    ///
    /// ```
    /// use agog_jdf::jmf::QueueFilter;
    /// let sizes_only = QueueFilter { max_entries: Some(0), ..QueueFilter::default() };
    /// assert!(QueueFilter::entry("qe-1").selects() && !sizes_only.selects());
    /// ```
    pub fn selects(&self) -> bool {
        !self.queue_entry_ids.is_empty()
            || !self.statuses.is_empty()
            || self.job_id.is_some()
            || self.job_part_id.is_some()
            || self.activation.is_some()
            || !self.gang_names.is_empty()
            || self.older_than.is_some()
            || self.newer_than.is_some()
            || !self.devices.is_empty()
            || !self.parts.is_empty()
    }

    /// The queue as an answer shows it: the entries that are meant, no more than `MaxEntries` of them (all, if it is
    /// negative), each with as much as `QueueEntryDetails` asks for. `QueueSize` still counts every entry.
    ///
    /// ```
    /// use agog_jdf::QueueEntryStatus;
    /// use agog_jdf::jmf::{Queue, QueueEntry, QueueFilter};
    /// let entries = ["qe-1", "qe-2"].map(|id| QueueEntry::new(id, QueueEntryStatus::Waiting)).to_vec();
    /// let queue = Queue { entries, ..Queue::default() };
    /// let first = QueueFilter { max_entries: Some(1), ..QueueFilter::default() }.show(&queue);
    /// assert_eq!((first.entries.len(), first.queue_size), (1, Some(2)));
    /// ```
    #[must_use]
    pub fn show(&self, queue: &Queue) -> Queue {
        let ids: HashSet<&str> = self.queue_entry_ids.iter().map(String::as_str).collect();
        // The IDs are asked for once, however many there are.
        let others = Self {
            queue_entry_ids: Vec::new(),
            ..self.clone()
        };
        let is_meant = |entry: &&QueueEntry| {
            (ids.is_empty() || ids.contains(entry.queue_entry_id.as_str())) && others.matches(entry)
        };
        let most = match (&self.details, self.max_entries) {
            (Some(QueueEntryDetails::None), _) => 0,
            (_, None) => usize::MAX,
            (_, Some(most)) => usize::try_from(most).unwrap_or(usize::MAX),
        };
        let entries = queue.entries.iter().filter(is_meant).take(most);
        let own_size = || i64::try_from(queue.entries.len()).ok();
        Queue {
            device_id: queue.device_id.clone(),
            status: queue.status.clone(),
            queue_size: queue.queue_size.or_else(own_size),
            descriptive_name: queue.descriptive_name.clone(),
            devices: queue.devices.clone(),
            entries: entries.map(|entry| self.shown(entry)).collect(),
            content: queue.content.clone(),
        }
    }

    /// An entry with as much as is asked for; `Brief` if nothing is said.
    fn shown(&self, entry: &QueueEntry) -> QueueEntry {
        let mut entry = entry.clone();
        match &self.details {
            None | Some(QueueEntryDetails::None | QueueEntryDetails::Brief) => {
                entry.job_phases.clear();
            }
            Some(QueueEntryDetails::JobPhase) => {
                entry
                    .job_phases
                    .iter_mut()
                    .for_each(|phase| phase.tickets.clear());
            }
            Some(QueueEntryDetails::JDF | QueueEntryDetails::Other(_)) => {}
        }
        entry
    }

    /// The entries that a command on entries means. JMF 1.5 writes them as a filter inside parameters,
    /// older writers as bare `QueueEntryDef` elements in the command; a filter that stands in the command
    /// itself is about the answer, and means entries only where nothing else does and it names some.
    pub(crate) fn of_command(
        command: ElementRef<'_>,
        params: &str,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let params = command.child(params);
        let inside = params.map(|params| Self::within(params, findings));
        if let Some(filter) = inside.filter(|filter| !filter.is_empty()) {
            return filter;
        }
        let queue_entry_ids = ids(command, DEFINITION, "QueueEntryID");
        let has_filter = params.is_some_and(|params| params.child(Self::ELEMENT).is_some());
        if !queue_entry_ids.is_empty() || has_filter {
            return Self {
                queue_entry_ids,
                ..Self::default()
            };
        }
        let bare = Self::within(command, findings);
        if bare.selects() {
            bare
        } else {
            Self::default()
        }
    }

    /// The filter inside an element, with the entries that the element itself defines.
    pub(crate) fn within(holder: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut filter: Self = child(holder, findings);
        let own = ids(holder, DEFINITION, "QueueEntryID");
        let known: HashSet<String> = filter.queue_entry_ids.iter().cloned().collect();
        let new = own.into_iter().filter(|id| !known.contains(id));
        filter.queue_entry_ids.extend(new);
        filter
    }

    /// The filter inside the parameters of a command.
    pub(crate) fn to_params(&self, params: String) -> Element {
        Element::new(params).child(self.to_element())
    }
}

/// Which entries are aborted, and how they end (JDF 1.5, `AbortQueueEntry`).
///
/// ```
/// use agog_jdf::EndStatus;
/// use agog_jdf::jmf::{AbortQueueEntry, Command, QueueFilter};
/// // Stop the run, but take what was made as the whole job.
/// let enough = AbortQueueEntry { filter: QueueFilter::entry("qe-1"), end_status: EndStatus::Completed };
/// assert_eq!(Command::AbortQueueEntry(enough).type_name(), "AbortQueueEntry");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AbortQueueEntry {
    /// The entries.
    pub filter: QueueFilter,
    /// `Aborted`, unless what was made is to count as the whole job.
    pub end_status: EndStatus,
}

impl From<QueueFilter> for AbortQueueEntry {
    fn from(filter: QueueFilter) -> Self {
        Self {
            filter,
            end_status: EndStatus::Aborted,
        }
    }
}

impl AbortQueueEntry {
    const PARAMS: &'static str = "AbortQueueEntryParams";

    pub(crate) fn read(command: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let params = command.child(Self::PARAMS);
        let end_status = params.and_then(|params| params.attribute("EndStatus"));
        Self {
            filter: QueueFilter::of_command(command, Self::PARAMS, findings),
            end_status: end_status.map_or(EndStatus::Aborted, |text| text.trim().into()),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        let params = Element::new(Self::PARAMS).with("EndStatus", &self.end_status);
        params.child(self.filter.to_element())
    }
}
