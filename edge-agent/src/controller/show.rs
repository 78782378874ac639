//! Devices, jobs and resources as JMF shows them: from the picture of the devices and the jobs of
//! the ledger. Nothing is asked of a device here.
//!
//! A queue of the agent is made of its jobs. The ID of an entry is the job's id, which stays the
//! same until the job is given back; a job that only a device knows has the device's own ID.
//!
//! Limits: [`ENDED_SHOWN_MAX`] jobs that have ended are shown.

use agog_jdf::jmf::{
    DeviceInfo, JobPhase, ModuleStatus, Queue, QueueEntry, ResourceInfo, StatusQuParams,
};
use agog_jdf::{
    Amounts, DeviceCondition, DeviceDetails, DeviceOperationMode, DeviceStatus, JobDetails, Lot,
    NodeStatus, PartAmount, QueueEntryStatus, QueueStatus,
};
use agog_sync::event::{DeviceResource, JobProgress, JobStep};

use crate::config::DeviceConfig;
use crate::devices::client::sender_id;
use crate::devices::picture::{DeviceState, EntryState, ModuleState, PhaseState};
use crate::ledger::{JobRow, LedgerError, TicketHead};
use crate::run::Agent;

/// Enough to see how the jobs of a shift went.
pub(super) const ENDED_SHOWN_MAX: usize = 50;

/// The ID of a job in a queue of the agent.
pub(super) fn entry_id(job: &JobRow) -> String {
    match (job.job_id, &job.progress.queue_entry_id) {
        (Some(job_id), _) => job_id.to_string(),
        (None, Some(entry)) => entry.clone(),
        (None, None) => job.number.clone(),
    }
}

/// Open jobs, then those that ended last.
pub(super) async fn jobs(agent: &Agent) -> Result<Vec<JobRow>, LedgerError> {
    agent
        .ledger
        .read(|reader| {
            let mut jobs = reader.jobs_open()?;
            jobs.extend(reader.jobs_ended(ENDED_SHOWN_MAX)?);
            Ok(jobs)
        })
        .await
}

/// A device with its state, as much of it as is asked for.
pub(super) fn device_info(
    device: &DeviceConfig,
    state: &DeviceState,
    params: &StatusQuParams,
    jobs: &[JobRow],
) -> DeviceInfo {
    let status = match &state.status {
        Some(status) if state.reachable => DeviceStatus::from(status.as_str()),
        _ => DeviceStatus::Unknown,
    };
    let wants_modules = params
        .device_details
        .as_ref()
        .is_some_and(|details| *details >= DeviceDetails::Modules);
    let wants_jobs = params.job_details != Some(JobDetails::None);
    let phases = state.job_phases.iter().map(|phase| {
        let job = job_of_phase(&device.id, phase, jobs);
        job_phase(phase, job)
    });
    DeviceInfo {
        status_details: state.status_details.clone(),
        job_phases: if wants_jobs {
            phases.filter(|phase| is_asked(params, phase)).collect()
        } else {
            Vec::new()
        },
        module_statuses: if wants_modules {
            state.modules.iter().map(module_status).collect()
        } else {
            Vec::new()
        },
        ..DeviceInfo::new(&device.id, status)
    }
}

/// Whether a phase is of the job that a query or channel is about.
pub(super) fn is_asked(params: &StatusQuParams, phase: &JobPhase) -> bool {
    let same = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
    same(&params.job_id, &phase.job_id)
        && same(&params.job_part_id, &phase.job_part_id)
        && same(&params.queue_entry_id, &phase.queue_entry_id)
}

fn job_of_phase<'j>(device: &str, phase: &PhaseState, jobs: &'j [JobRow]) -> Option<&'j JobRow> {
    let mut here = jobs
        .iter()
        .filter(|job| job.progress.device == device && !job.step.is_end());
    let by_entry = phase.queue_entry_id.as_ref().and_then(|entry| {
        let mut here = here.clone();
        here.find(|job| job.progress.queue_entry_id.as_ref() == Some(entry))
    });
    by_entry.or_else(|| here.find(|job| Some(&job.number) == phase.job_id.as_ref()))
}

fn job_phase(phase: &PhaseState, job: Option<&JobRow>) -> JobPhase {
    JobPhase {
        job_id: phase.job_id.clone(),
        job_part_id: phase.job_part_id.clone(),
        queue_entry_id: job.map(entry_id).or_else(|| phase.queue_entry_id.clone()),
        status_details: phase.status_details.clone(),
        amount: phase.amount,
        waste: phase.waste,
        total_amount: phase.total_amount,
        percent_completed: phase.percent_completed,
        speed: phase.speed,
        ..JobPhase::new(NodeStatus::from(phase.status.as_str()))
    }
}

fn module_status(module: &ModuleState) -> ModuleStatus {
    ModuleStatus {
        module_type: module.module_type.clone(),
        status: DeviceStatus::from(module.status.as_str()),
        status_details: module.status_details.clone(),
        module_id: module.module_id.clone(),
        ..ModuleStatus::default()
    }
}

/// The queue of one device: its jobs here, and what else it told of its queue.
pub(super) fn device_queue(device: &DeviceConfig, state: &DeviceState, jobs: &[JobRow]) -> Queue {
    let here: Vec<&JobRow> = jobs
        .iter()
        .filter(|job| job.progress.device == device.id)
        .collect();
    let told = state.queue.as_ref();
    let told_entries = told
        .map(|queue| queue.entries.as_slice())
        .unwrap_or_default();
    let mut entries: Vec<QueueEntry> = here
        .iter()
        .map(|job| queue_entry(job, told_entries))
        .collect();
    let is_ours = |entry: &&EntryState| {
        here.iter().any(|job| {
            job.progress.queue_entry_id.as_ref() == Some(&entry.queue_entry_id)
                || entry.job_id.as_ref() == Some(&job.number)
        })
    };
    let others = told_entries.iter().filter(|entry| !is_ours(entry));
    entries.extend(others.map(|entry| QueueEntry {
        job_id: entry.job_id.clone(),
        job_part_id: entry.job_part_id.clone(),
        device_id: Some(device.id.clone()),
        priority: entry.priority,
        submission_time: entry.submitted_at,
        start_time: entry.started_at,
        end_time: entry.ended_at,
        ..QueueEntry::new(
            &entry.queue_entry_id,
            QueueEntryStatus::from(entry.status.as_str()),
        )
    }));
    Queue {
        device_id: device.id.clone(),
        status: told.map_or(QueueStatus::Waiting, |queue| {
            QueueStatus::from(queue.status.as_str())
        }),
        descriptive_name: device.name.clone(),
        entries,
        ..Queue::default()
    }
}

/// The queue of the agent: the jobs of all devices.
pub(super) fn own_queue(agent: &Agent, jobs: &[JobRow]) -> Queue {
    let entries: Vec<QueueEntry> = jobs
        .iter()
        .map(|job| {
            let state = agent.devices.of(&job.progress.device);
            let told = state.queue.map(|queue| queue.entries).unwrap_or_default();
            queue_entry(job, &told)
        })
        .collect();
    let runs = entries
        .iter()
        .any(|entry| entry.status == QueueEntryStatus::Running);
    Queue {
        device_id: sender_id(agent),
        status: if runs {
            QueueStatus::Running
        } else {
            QueueStatus::Waiting
        },
        descriptive_name: Some(agent.config.agent.plant_name.clone()),
        entries,
        ..Queue::default()
    }
}

/// A job as an entry; `told` is the queue of its device.
pub(super) fn queue_entry(job: &JobRow, told: &[EntryState]) -> QueueEntry {
    let entry = told
        .iter()
        .find(|entry| job.progress.queue_entry_id.as_ref() == Some(&entry.queue_entry_id));
    // Of an open job the device may have told more than the newest event.
    let status = match entry {
        Some(entry) if !job.step.is_end() => QueueEntryStatus::from(entry.status.as_str()),
        _ => entry_status(job.step, &job.progress, job.ticket.as_ref()),
    };
    let (job_id, job_part_id) = names(job);
    let progress = &job.progress;
    QueueEntry {
        job_id: Some(job_id.clone()),
        job_part_id: job_part_id.clone(),
        device_id: Some(progress.device.clone()),
        status_details: progress.status_details.clone(),
        priority: progress
            .priority
            .or_else(|| job.ticket.as_ref().and_then(|ticket| ticket.priority)),
        submission_time: Some(job.received_at),
        start_time: progress.started_at,
        end_time: progress
            .ended_at
            .or_else(|| job.step.is_end().then_some(job.updated_at)),
        job_phases: progress
            .status
            .as_ref()
            .map(|status| JobPhase {
                job_id: Some(job_id),
                job_part_id,
                queue_entry_id: Some(entry_id(job)),
                status_details: progress.status_details.clone(),
                amount: progress.good,
                waste: progress.waste,
                start_time: progress.started_at,
                ..JobPhase::new(NodeStatus::from(status.as_str()))
            })
            .into_iter()
            .collect(),
        ..QueueEntry::new(entry_id(job), status)
    }
}

/// What the ticket calls a job: the office knows it by that.
pub(super) fn names(job: &JobRow) -> (String, Option<String>) {
    let of_ticket = job
        .ticket
        .as_ref()
        .and_then(|ticket| ticket.names.job_id.clone());
    let part = of_ticket.as_ref().and_then(|job_id| {
        let part = job.number.strip_prefix(job_id.as_str())?;
        let part = part.strip_prefix('-')?;
        // People may have given the job a number that goes on otherwise.
        let parts = &job.ticket.as_ref()?.names.parts;
        parts.contains(part).then(|| part.to_owned())
    });
    (
        of_ticket.unwrap_or_else(|| job.number.clone()),
        part.or_else(|| job.progress.job_part_id.clone()),
    )
}

/// Where a job stands in the queue after a step.
pub(super) fn entry_status(
    step: JobStep,
    progress: &JobProgress,
    ticket: Option<&TicketHead>,
) -> QueueEntryStatus {
    let held = ticket.is_some_and(|ticket| ticket.hold);
    // An event may say it itself; the row of a job says whether it has begun.
    if let Some(status) = &progress.entry_status {
        return QueueEntryStatus::from(status.as_str());
    }
    match step {
        JobStep::Received | JobStep::Submitted if held => QueueEntryStatus::Held,
        JobStep::Held => QueueEntryStatus::Held,
        JobStep::Suspended => QueueEntryStatus::Suspended,
        JobStep::Started | JobStep::Phase => QueueEntryStatus::Running,
        JobStep::Resumed if progress.started_at.is_some() => QueueEntryStatus::Running,
        JobStep::Completed => QueueEntryStatus::Completed,
        JobStep::Aborted | JobStep::Refused => QueueEntryStatus::Aborted,
        JobStep::Removed => QueueEntryStatus::Removed,
        JobStep::Received
        | JobStep::Submitted
        | JobStep::Resumed
        | JobStep::Requeued
        | JobStep::CommandRefused
        | JobStep::AbortRequested
        | JobStep::CommandDone => QueueEntryStatus::Waiting,
    }
}

/// A state of a device as it was recorded.
pub(super) fn recorded_state(state: &agog_sync::event::DeviceState) -> DeviceInfo {
    DeviceInfo {
        status_details: state.status_details.clone(),
        condition: state.condition.as_deref().map(DeviceCondition::from),
        operation_mode: state
            .operation_mode
            .as_deref()
            .map(DeviceOperationMode::from),
        module_statuses: state
            .modules
            .iter()
            .map(|module| ModuleStatus {
                module_type: module.module_type.clone(),
                status: DeviceStatus::from(module.status.as_str()),
                status_details: module.status_details.clone(),
                module_id: module.module_id.clone(),
                ..ModuleStatus::default()
            })
            .collect(),
        ..DeviceInfo::new(&state.device, DeviceStatus::from(state.status.as_str()))
    }
}

/// Something that a device uses up, as it was recorded.
pub(super) fn resource_info(told: &DeviceResource) -> ResourceInfo {
    ResourceInfo {
        resource_name: Some(told.resource.clone()),
        resource_id: told.resource_id.clone(),
        product_id: told.product_id.clone(),
        device_id: Some(told.device.clone()),
        location: told.location.clone(),
        level: told.level.as_deref().map(Into::into),
        unit: told.unit.clone(),
        available_amount: told.available,
        amounts: used_amounts(told),
        ..ResourceInfo::default()
    }
}

fn used_amounts(told: &DeviceResource) -> Amounts {
    let Some(lot_id) = &told.lot else {
        return Amounts {
            actual_amount: told.used,
            ..Amounts::default()
        };
    };
    let lot = Lot {
        lot_id: lot_id.clone(),
        actual_amount: told.used,
        ..Lot::default()
    };
    let part = PartAmount {
        actual_amount: told.used,
        ..PartAmount::default()
    };
    Amounts {
        parts: vec![part.with_lot(lot)],
        ..Amounts::default()
    }
}
