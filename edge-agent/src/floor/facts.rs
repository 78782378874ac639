//! News → facts of the ledger. Phases and queue entries need the job that the device means; a job
//! that only the device knows goes by the name that the device gives it.

use agog_sync::event::{Actor, DeviceEvent, Event, JobEvent, JobProgress, JobStep};
use jiff::Timestamp;

use super::job_ref;
use super::news::{News, Noted, PhaseNews};
use super::queue::{self, EntryChange};
use super::snapshot::Phase;
use crate::jobs::again::{ToldRun, ended_at, has_come_back, is_run_again};
use crate::jobs::find::{self, ReportedJob};
use crate::ledger::sending::{CommandState, Content, DeviceCommand};
use crate::ledger::{Fact, JobRow, Ledger, LedgerError, What};

/// The facts of the news of one device, in order. `is_settled` knows the jobs whose ticket came back.
pub(super) async fn facts(
    ledger: &Ledger,
    device: &str,
    news: Vec<Noted>,
    is_settled: impl Fn(&ReportedJob) -> bool,
) -> Result<Vec<Fact>, LedgerError> {
    let mut facts = Vec::new();
    // Of a job that begins and goes on in one report, the second event sees the first.
    let mut begun: Vec<ReportedJob> = Vec::new();
    for noted in news {
        let Noted { at, late, news } = noted;
        let event = match news {
            News::State(state) => Event::Device(DeviceEvent::StateChanged(state)),
            News::Resource(resource) => Event::Device(DeviceEvent::ResourceChanged(resource)),
            News::Notified(notification) => Event::Device(DeviceEvent::Notified(notification)),
            News::Phase(phase) => {
                let told = ToldRun {
                    job: &phase.job,
                    is_settled: is_settled(&phase.job),
                    began_at: began_at(&phase),
                };
                let job = find::signalled(ledger, device, &phase.job, told.began_at).await?;
                let job = job.filter(|job| !is_of_another(job, &phase.job, &is_settled));
                if job.is_none() && told.is_settled {
                    continue;
                }
                let is_begun = begun.contains(&phase.job);
                let ended = job.as_ref().filter(|job| has_come_back(job) && !is_begun);
                if let Some(ended) = ended {
                    let is_late = late || at <= ended_at(ended);
                    if is_late || !is_worked_on(&phase) || !is_run_again(ended, told) {
                        continue;
                    }
                }
                let Some(event) = phase_event(device, job.as_ref(), &phase, is_begun) else {
                    continue;
                };
                begun.push(phase.job);
                let event = Event::Job(Box::new(event));
                // A job that is not known yet begins with what is told of it, however late.
                let what = if late && job.is_some() {
                    What::Overtaken(event)
                } else {
                    What::Event(event)
                };
                facts.push(fact(device, at, what));
                continue;
            }
            News::Entry(change) => {
                let job = find::signalled(ledger, device, &change.job, None).await?;
                if let Some(job) = job
                    && !is_of_another(&job, &change.job, &is_settled)
                    && !is_left_over(ledger, &job, &change).await?
                {
                    facts.extend(entry_facts(device, &job, &change, at));
                }
                continue;
            }
        };
        facts.push(fact(device, at, What::Event(event)));
    }
    Ok(facts)
}

fn fact(device: &str, at: Timestamp, what: What) -> Fact {
    Fact {
        occurred_at: Some(at),
        actor: Actor::Device {
            device: device.to_owned(),
        },
        what,
    }
}

/// The entry came back with a ticket already: what is said of it is of the job that had it, and not of an
/// open one of the same name.
fn is_of_another(
    job: &JobRow,
    told: &ReportedJob,
    is_settled: impl Fn(&ReportedJob) -> bool,
) -> bool {
    let by_entry = ReportedJob {
        queue_entry_id: told.queue_entry_id.clone(),
        ..ReportedJob::default()
    };
    let is_its_own = job.progress.queue_entry_id == told.queue_entry_id;
    !job.step.is_end() && !is_its_own && is_settled(&by_entry) && is_settled(told)
}

/// An entry that was held or removed before anybody here heard of it is not that of a job which was never
/// sent; and one that was removed is of an earlier run, unless the job is known to have it.
async fn is_left_over(
    ledger: &Ledger,
    job: &JobRow,
    change: &EntryChange,
) -> Result<bool, LedgerError> {
    if change.before.is_some() || job.progress.queue_entry_id.is_some() {
        return Ok(false);
    }
    match change.now.status.as_str() {
        "Removed" => Ok(true),
        "Held" => {
            let of = job.progress.job.clone();
            let commands = ledger
                .read(move |reader| reader.commands_of_job(&of))
                .await?;
            let is_unsent = |command: &DeviceCommand| {
                command.content == Content::Submit && command.state == CommandState::Waiting
            };
            Ok(job.step == JobStep::Received && commands.iter().any(is_unsent))
        }
        _ => Ok(false),
    }
}

/// The event that a phase is; none when the job was never begun.
fn phase_event(
    device: &str,
    row: Option<&JobRow>,
    news: &PhaseNews,
    begun: bool,
) -> Option<JobEvent> {
    let step = match row {
        _ if begun => JobStep::Phase,
        // Another run of it.
        Some(row) if has_come_back(row) => JobStep::Started,
        Some(row) if has_begun(row) => JobStep::Phase,
        // What was never begun cannot be left, and what was over before it began never ran.
        _ if news.phase.as_ref().is_none_or(Phase::is_over) => return None,
        _ => JobStep::Started,
    };
    let job = match (row, &news.job.job_id) {
        (Some(row), _) => row.progress.job.clone(),
        (None, Some(number)) => job_ref(number),
        (None, None) => return None,
    };
    let phase = news.phase.as_ref();
    Some(JobEvent {
        step,
        progress: JobProgress {
            queue_entry_id: news.job.queue_entry_id.clone(),
            job_part_id: news.job.job_part_id.clone(),
            part: phase.map(|phase| phase.part.clone()).unwrap_or_default(),
            status: phase.map(|phase| phase.status.clone()),
            status_details: phase.and_then(|phase| phase.status_details.clone()),
            good: news.good,
            waste: news.waste,
            closed_phase: news.closed.clone(),
            operators: phase
                .map(|phase| phase.operators.clone())
                .unwrap_or_default(),
            started_at: news.started_at,
            ..JobProgress::of(job, device)
        },
    })
}

/// When the run began, as the device says; one that tells of phases alone begins with a phase.
fn began_at(news: &PhaseNews) -> Option<Timestamp> {
    let of_phase = || news.phase.as_ref()?.began_at;
    news.started_at.or_else(of_phase)
}

/// Something is made ready or made, as at the beginning of every run.
fn is_worked_on(news: &PhaseNews) -> bool {
    let phase = news.phase.as_ref();
    phase.is_some_and(|phase| matches!(phase.status.as_str(), "Setup" | "InProgress"))
}

fn has_begun(row: &JobRow) -> bool {
    matches!(row.step, JobStep::Started | JobStep::Phase) || row.progress.status.is_some()
}

fn entry_facts(
    device: &str,
    job: &JobRow,
    change: &EntryChange,
    at: Timestamp,
) -> impl Iterator<Item = Fact> {
    let device = device.to_owned();
    let progress = JobProgress {
        queue_entry_id: change.job.queue_entry_id.clone(),
        job_part_id: change.job.job_part_id.clone(),
        priority: change.now.priority,
        ..JobProgress::of(job.progress.job.clone(), &device)
    };
    let status = change.now.status.clone();
    queue::steps(job, change).into_iter().map(move |step| {
        let says_no_status = matches!(step, JobStep::Resumed | JobStep::Requeued);
        let event = JobEvent {
            step,
            progress: JobProgress {
                entry_status: says_no_status.then(|| status.clone()),
                ..progress.clone()
            },
        };
        fact(&device, at, What::Event(Event::Job(Box::new(event))))
    })
}
