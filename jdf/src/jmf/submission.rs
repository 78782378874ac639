//! How tickets come into a queue, move in it, and go back: the parameters of the commands on a queue.

use jiff::{SignedDuration, Timestamp};

use super::parameters::parameters;
use super::queue::{Queue, QueueFilter};
use crate::amount::PartKeys;
use crate::state::{Activation, DispositionAction, GangPolicy, Packaging, SubmitPolicy, Usage};

parameters! {
    /// How a ticket is put into a queue (JDF 1.5, `SubmitQueueEntry`).
    QueueSubmissionParams "QueueSubmissionParams" {
        /// Where the ticket is; `cid:` inside a package.
        url: String = "URL",
        /// Where the ticket goes when the device is done: a JMF endpoint …
        return_jmf: Option<String> = "ReturnJMF",
        /// … or a folder or plain URL.
        return_url: Option<String> = "ReturnURL",
        /// Where Status and Resource signals of the entry are to go.
        watch_url: Option<String> = "WatchURL",
        /// What a person calls it.
        descriptive_name: Option<String> = "DescriptiveName",
        /// Whether it is held until it is resumed.
        hold: bool = "Hold",
        /// 0 to 100, higher is sooner.
        priority: Option<i64> = "Priority",
        /// The entry before it.
        prev_queue_entry_id: Option<String> = "PrevQueueEntryID",
        /// The entry after it.
        next_queue_entry_id: Option<String> = "NextQueueEntryID",
        /// The gang that it waits for.
        gang_name: Option<String> = "GangName",
        /// Whether it waits.
        gang_policy: Option<GangPolicy> = "GangPolicy",
        /// The message (`RequestQueueEntry`) that asked for it.
        ref_id: Option<String> = "refID",
    }
    + children {
        /// How long the files are kept when it is done.
        disposition: Option<Disposition> = "Disposition",
    }

    /// How long files are kept when they are no longer needed (JDF 1.5, `Disposition`).
    Disposition "Disposition" {
        /// What is done with them then.
        action: Option<DispositionAction> = "DispositionAction",
        /// Whether those that go in or those that come out are meant.
        usage: Option<Usage> = "DispositionUsage",
        /// At least so long after the job is done.
        min_duration: Option<SignedDuration> = "MinDuration",
        /// So much longer if there is room.
        extra_duration: Option<SignedDuration> = "ExtraDuration",
        /// At least until then.
        until: Option<Timestamp> = "Until",
        /// Higher ones stay longer when room is needed.
        priority: Option<i64> = "Priority",
    }

    /// A new ticket for an entry that is in the queue already (JDF 1.5, `ResubmitQueueEntry`).
    ResubmissionParams "ResubmissionParams" {
        /// The entry.
        queue_entry_id: String = "QueueEntryID",
        /// Where the ticket is; `cid:` inside a package.
        url: String = "URL",
    }

    /// How a ticket comes back from a queue (JDF 1.5, `ReturnQueueEntry`).
    ReturnQueueEntryParams "ReturnQueueEntryParams" {
        /// The entry.
        queue_entry_id: String = "QueueEntryID",
        /// Where the returned ticket is; `cid:` inside a package.
        url: String = "URL",
        /// IDs of the nodes that were completed.
        completed: Vec<String> = "Completed",
        /// IDs of the nodes that were aborted.
        aborted: Vec<String> = "Aborted",
        /// 0 to 100, how soon the answer is wanted.
        priority: Option<i64> = "Priority",
    }

    /// A device asks for an entry (JDF 1.5, `RequestQueueEntry`).
    RequestQueueEntryParams "RequestQueueEntryParams" {
        /// Where the entry is to be submitted to.
        queue_url: String = "QueueURL",
        /// The job; any if none is named.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Whether it is run or only tested.
        activation: Option<Activation> = "Activation",
        /// When it is wanted.
        submit_policy: Option<SubmitPolicy> = "SubmitPolicy",
    }
    + children {
        /// Which parts of the job.
        parts: Vec<PartKeys> = "Part",
        /// The queue of the device as it is.
        queue: Option<Queue> = "Queue",
    }

    /// A new priority (JDF 1.5, `SetQueueEntryPriority`).
    QueueEntryPriParams "QueueEntryPriParams" {
        /// 0 to 100, higher is sooner. None is an error that the sender has to be told.
        priority: Option<i64> = "Priority",
        /// The entry, unless a filter says which.
        queue_entry_id: Option<String> = "QueueEntryID",
    }
    + children {
        /// The entries.
        filter: Option<QueueFilter> = "QueueFilter",
    }

    /// A new place (JDF 1.5, `SetQueueEntryPosition`): a number, or between others.
    QueueEntryPosParams "QueueEntryPosParams" {
        /// The entry.
        queue_entry_id: String = "QueueEntryID",
        /// Its place from 0, the next to run.
        position: Option<i64> = "Position",
        /// The entry before it.
        prev_queue_entry_id: Option<String> = "PrevQueueEntryID",
        /// The entry after it.
        next_queue_entry_id: Option<String> = "NextQueueEntryID",
    }

    /// Which entries are thrown away (JDF 1.5, `FlushQueue`). All that do not run, if nothing is said.
    FlushQueueParams "FlushQueueParams" {}
    + children {
        /// The entries.
        filter: Option<QueueFilter> = "QueueFilter",
    }

    /// Which entries were thrown away (JDF 1.5, `FlushQueue`).
    FlushQueueInfo "FlushQueueInfo" {}
    + children {
        /// The entries.
        filter: Option<QueueFilter> = "QueueFilter",
    }

    /// How tickets can be given to a device (JDF 1.5, `SubmissionMethods`).
    SubmissionMethods "SubmissionMethods" {
        /// How messages, tickets and files may be packed.
        packaging: Vec<Packaging> = "Packaging",
        /// The schemes of URLs that the device can fetch, such as `http`.
        url_schemes: Vec<String> = "URLSchemes",
        /// The folder that it watches.
        hot_folder: Option<String> = "HotFolder",
        /// Files can be fetched from the file system (before JDF 1.3).
        file: Option<bool> = "File",
        /// Files can be fetched over HTTP (before JDF 1.3).
        http_get: Option<bool> = "HttpGet",
        /// MIME packages are understood (before JDF 1.3).
        mime: Option<bool> = "MIME",
    }
}
