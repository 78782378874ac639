//! Ledger events in the words of JMF. A signal follows from its event and the query of its channel
//! alone, so that a signal that is sent again is word for word the same, also after a restart.
//!
//! - Status: states and contact of devices; phases of jobs. A phase that ended with amounts is told
//!   with its final `PhaseAmount` and `PhaseWaste` before the new one is opened.
//! - `QueueStatus`: the entry that changed, whatever `UpdateGranularity` says; the size of the queue
//!   is not told.
//! - Notification: what devices notify; refusals of jobs and commands; lost contact.
//! - Resource: what devices use up.
//!
//! Of a device whose job changed, the status is what the job's phase makes of it.

use std::collections::BTreeMap;

use agog_jdf::jmf::{
    DeviceInfo, JobPhase, Message, Notification, NotificationFilter, Query, QueryContent, Queue,
    QueueEntry, QueueFilter, Signal, SignalContent, StatusQuParams,
};
use agog_jdf::{
    ChannelMode, DeviceStatus, MilestoneType, NodeStatus, NotificationClass, QueueEntryStatus,
    QueueStatus,
};
use agog_sync::event::{
    DeviceContact, DeviceEvent, DeviceNotification, Envelope, Event, JobEvent, JobStep,
    PhaseAmounts,
};
use agog_sync::ids::JobId;

use super::queries::is_meant;
use super::show;

/// What the office calls jobs: `JobID` and `JobPartID` of those that came over JMF.
pub(super) type Names = BTreeMap<JobId, (Option<String>, Option<String>)>;

/// A channel as its signals need it.
pub(super) struct Channel<'c> {
    /// Its number here.
    pub(super) number: i64,
    /// The ID of the query that opened it.
    pub(super) id: &'c str,
    /// Only this device.
    pub(super) device: Option<&'c str>,
    pub(super) query: &'c Query,
    pub(super) mode: ChannelMode,
}

/// The signals of an event on a channel, in order; none where the event is not for it.
pub(super) fn of_event(channel: &Channel<'_>, envelope: &Envelope, names: &Names) -> Vec<Message> {
    // What a newer agent recorded and this one does not know is not told.
    let Ok(event) = envelope.event() else {
        return Vec::new();
    };
    let contents = match &channel.query.content {
        QueryContent::Status(params) => status(channel, params, &event, names),
        QueryContent::QueueStatus(filter) => queue_status(channel, filter, &event, envelope, names),
        QueryContent::Notification(filter) => notification(channel, filter, &event, names),
        QueryContent::Resource(params) => match &event {
            Event::Device(DeviceEvent::ResourceChanged(told))
                if channel.is_about(&told.device) && is_meant(params, told) =>
            {
                vec![SignalContent::Resource {
                    params: params.clone(),
                    resources: vec![show::resource_info(told)],
                }]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let several = contents.len() > 1;
    contents
        .into_iter()
        .enumerate()
        .map(|(place, content)| {
            let end = if several {
                format!("-{place}")
            } else {
                String::new()
            };
            let id = format!("S{}-{}{end}", envelope.event_id, channel.number);
            channel.signal(id, content).at(envelope.occurred_at)
        })
        .collect()
}

impl Channel<'_> {
    /// A signal of this channel.
    pub(super) fn signal(&self, id: String, content: SignalContent) -> Message {
        let signal = Signal {
            channel_mode: Some(self.mode.clone()),
            ..Signal::from(content)
        };
        Message::signal(id, Some(self.id), signal)
    }

    fn is_about(&self, device: &str) -> bool {
        self.device.is_none_or(|wanted| wanted == device)
    }
}

fn status(
    channel: &Channel<'_>,
    params: &StatusQuParams,
    event: &Event,
    names: &Names,
) -> Vec<SignalContent> {
    let about_job =
        params.job_id.is_some() || params.job_part_id.is_some() || params.queue_entry_id.is_some();
    let infos = match event {
        Event::Device(event) if !about_job => device_status(event).into_iter().collect(),
        Event::Job(event) => job_status(event, names)
            .into_iter()
            .filter(|info| info.job_phases.iter().all(|it| show::is_asked(params, it)))
            .collect(),
        _ => Vec::new(),
    };
    infos
        .into_iter()
        .filter(|info| info.id().is_some_and(|device| channel.is_about(device)))
        .map(|info| SignalContent::Status {
            params: params.clone(),
            devices: vec![info],
            queue: None,
        })
        .collect()
}

fn device_status(event: &DeviceEvent) -> Option<DeviceInfo> {
    match event {
        DeviceEvent::StateChanged(state) => Some(show::recorded_state(state)),
        DeviceEvent::Lost(contact) => Some(DeviceInfo {
            status_details: Some("NoContact".to_owned()),
            ..DeviceInfo::new(&contact.device, DeviceStatus::Unknown)
        }),
        // What it does is told by its next state.
        DeviceEvent::Found(_) | DeviceEvent::ResourceChanged(_) | DeviceEvent::Notified(_) => None,
    }
}

/// The closed phase, where there is one, and the new one.
fn job_status(event: &JobEvent, names: &Names) -> Vec<DeviceInfo> {
    let progress = &event.progress;
    // What happens to an entry that waits is no phase of the job, and says nothing of what its device does meanwhile.
    let waits = match event.step {
        JobStep::Resumed => progress.entry_status.as_deref() != Some("Running"),
        JobStep::Aborted => progress.started_at.is_none() && progress.good.is_none(),
        _ => false,
    };
    if waits {
        return Vec::new();
    }
    let status = match event.step {
        JobStep::Completed => NodeStatus::Completed,
        JobStep::Aborted => NodeStatus::Aborted,
        JobStep::Suspended => NodeStatus::Suspended,
        JobStep::Started | JobStep::Phase | JobStep::Resumed => match &progress.status {
            Some(status) => NodeStatus::from(status.as_str()),
            None => NodeStatus::InProgress,
        },
        JobStep::Received
        | JobStep::Submitted
        | JobStep::Refused
        | JobStep::Held
        | JobStep::Requeued
        | JobStep::Removed
        | JobStep::CommandRefused
        | JobStep::AbortRequested
        | JobStep::CommandDone => return Vec::new(),
    };
    let (job_id, job_part_id) = names_of(event, names);
    let phase = |status: NodeStatus| JobPhase {
        job_id: Some(job_id.clone()),
        job_part_id: job_part_id.clone(),
        queue_entry_id: entry_id(event),
        amount: progress.good,
        waste: progress.waste,
        start_time: progress.started_at,
        ..JobPhase::new(status)
    };
    let info = |phase: JobPhase| DeviceInfo {
        job_phases: vec![phase.clone()],
        ..DeviceInfo::new(&progress.device, device_at_work(&phase.status))
    };
    let closed = progress.closed_phase.as_ref().map(|closed| {
        let PhaseAmounts {
            status,
            status_details,
            started_at,
            good,
            waste,
        } = closed;
        info(JobPhase {
            status_details: status_details.clone(),
            phase_start_time: *started_at,
            phase_amount: *good,
            phase_waste: *waste,
            ..phase(NodeStatus::from(status.as_str()))
        })
    });
    let opened = info(JobPhase {
        status_details: progress.status_details.clone(),
        ..phase(status)
    });
    closed.into_iter().chain([opened]).collect()
}

fn device_at_work(status: &NodeStatus) -> DeviceStatus {
    match status {
        NodeStatus::Setup | NodeStatus::TestRunInProgress => DeviceStatus::Setup,
        NodeStatus::InProgress => DeviceStatus::Running,
        NodeStatus::Cleanup => DeviceStatus::Cleanup,
        NodeStatus::Stopped | NodeStatus::Suspended => DeviceStatus::Stopped,
        NodeStatus::Completed | NodeStatus::Aborted => DeviceStatus::Idle,
        _ => DeviceStatus::Unknown,
    }
}

fn names_of(event: &JobEvent, names: &Names) -> (String, Option<String>) {
    let job = &event.progress.job;
    let known = job.job_id.and_then(|job_id| names.get(&job_id));
    match known {
        Some((Some(job_id), part)) => (
            job_id.clone(),
            part.clone().or_else(|| event.progress.job_part_id.clone()),
        ),
        _ => (job.number.clone(), event.progress.job_part_id.clone()),
    }
}

fn entry_id(event: &JobEvent) -> Option<String> {
    let own = event.progress.job.job_id.map(|job_id| job_id.to_string());
    own.or_else(|| event.progress.queue_entry_id.clone())
}

fn queue_status(
    channel: &Channel<'_>,
    filter: &QueueFilter,
    event: &Event,
    envelope: &Envelope,
    names: &Names,
) -> Vec<SignalContent> {
    let Event::Job(event) = event else {
        return Vec::new();
    };
    let progress = &event.progress;
    let is_no_step = matches!(
        event.step,
        JobStep::CommandRefused | JobStep::AbortRequested | JobStep::CommandDone
    );
    if is_no_step || !channel.is_about(&progress.device) {
        return Vec::new();
    }
    let (job_id, job_part_id) = names_of(event, names);
    let status = show::entry_status(event.step, progress, None);
    let has_ended = event.step.is_end();
    let entry = QueueEntry {
        job_id: Some(job_id.clone()),
        job_part_id,
        device_id: Some(progress.device.clone()),
        status_details: progress.detail.clone(),
        priority: progress.priority,
        start_time: progress.started_at,
        end_time: progress
            .ended_at
            .or_else(|| has_ended.then_some(envelope.occurred_at)),
        ..QueueEntry::new(entry_id(event).unwrap_or(job_id), status)
    };
    if !filter.matches(&entry) {
        return Vec::new();
    }
    let runs = entry.status == QueueEntryStatus::Running;
    vec![SignalContent::QueueStatus {
        filter: filter.clone(),
        queue: Some(Queue {
            device_id: progress.device.clone(),
            // Of the other entries nothing is said.
            status: if runs {
                QueueStatus::Running
            } else {
                QueueStatus::Waiting
            },
            entries: vec![entry],
            ..Queue::default()
        }),
    }]
}

fn notification(
    channel: &Channel<'_>,
    filter: &NotificationFilter,
    event: &Event,
    names: &Names,
) -> Vec<SignalContent> {
    let Some((device, told)) = told(event, names) else {
        return Vec::new();
    };
    let same = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
    let class = told.class.as_ref();
    let wanted = channel.is_about(&device)
        && same(&filter.device_id, &Some(device))
        && same(&filter.job_id, &told.job_id)
        && same(&filter.queue_entry_id, &told.queue_entry_id)
        && (filter.classes.is_empty() || class.is_some_and(|it| filter.classes.contains(it)))
        && (filter.types.is_empty()
            || told
                .kind
                .as_ref()
                .is_some_and(|it| filter.types.contains(it)));
    if !wanted {
        return Vec::new();
    }
    vec![SignalContent::Notification {
        filter: filter.clone(),
        notification: told,
    }]
}

/// What people are told of an event, and of which device it is.
fn told(event: &Event, names: &Names) -> Option<(String, Notification)> {
    match event {
        Event::Device(DeviceEvent::Notified(said)) => Some((said.device.clone(), notified(said))),
        // Why is for the plant: the words name addresses and folders inside it.
        Event::Device(DeviceEvent::Lost(DeviceContact { device, .. })) => Some((
            device.clone(),
            Notification::new(
                NotificationClass::Warning,
                format!("{device}: no contact with the device"),
            ),
        )),
        Event::Job(event) => {
            let what = match event.step {
                JobStep::Refused => "refused",
                JobStep::CommandRefused => "left as it was",
                _ => return None,
            };
            let (job_id, job_part_id) = names_of(event, names);
            let detail = event
                .progress
                .detail
                .as_deref()
                .unwrap_or("no reason given");
            let text = format!("job {} {what}: {detail}", event.progress.job.number);
            Some((
                event.progress.device.clone(),
                Notification {
                    job_id: Some(job_id),
                    job_part_id,
                    queue_entry_id: entry_id(event),
                    ..Notification::new(NotificationClass::Error, text)
                },
            ))
        }
        _ => None,
    }
}

fn notified(said: &DeviceNotification) -> Notification {
    let bare = match &said.milestone {
        Some(milestone) => Notification::milestone(MilestoneType::from(milestone.as_str())),
        None => Notification::default(),
    };
    Notification {
        class: Some(NotificationClass::from(said.class.as_str())),
        kind: said.notification_type.clone().or(bare.kind),
        job_id: said.job.clone(),
        module_id: said.module_id.clone(),
        comments: said.text.clone().into_iter().collect(),
        ..bare
    }
}
