//! Tickets go back to whoever submitted them: as a `ReturnQueueEntry` to the `ReturnJMF`, or as
//! plain JDF to the `ReturnURL`, until it is answered.
//!
//! The ticket is the one that the device returned, byte for byte; a job that ended without one
//! (refused, removed, ended by hand) goes back as it came. It is recorded with what it tells (`floor`), before the device
//! is answered, and goes from the ledger when it was given back. A job that is run again goes back again, in a message
//! of its own; several tickets of one job go in their order. A receiver that is busy (return codes 8
//! and 10) is tried again; any other answer counts. A receiver that is gone for good is given up, people
//! are told (`device.notified`), and the ticket stays where it is.
//!
//! Limits: waits between [`RETRY_BASE`] and [`RETRY_CAP`], [`AT_A_TIME`] tickets at a time and [`AT_A_RECEIVER`] to one
//! host, given up [`GIVEN_UP_AFTER_DAYS`].

use std::collections::BTreeMap;
use std::time::Duration;

use agog_jdf::jmf::{Body, Command, Jmf, Message, ReturnCode, ReturnQueueEntryParams, correlate};
use agog_jdf::package::{JDF_TYPE, Outgoing, Package, PackageLimits};
use agog_jdf::{Document, Limits};
use agog_sync::backoff::Backoff;
use agog_sync::event::{Actor, DeviceEvent, DeviceNotification, Event, JobStep};
use agog_sync::ids::JobId;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::Url;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::devices::client::sender_id;
use crate::ledger::controller::{Change, NewSubmission, ReturnRow, SubmissionRow};
use crate::ledger::{Append, AppendError, Fact, InboxKey, JobRow, LedgerError, What};
use crate::run::Agent;
use crate::uplink::http::chain;

/// The first wait after a receiver did not answer.
pub(super) const RETRY_BASE: Duration = Duration::from_secs(1);
/// The longest wait: an office that is closed for the weekend is asked every five minutes.
pub(super) const RETRY_CAP: Duration = Duration::from_mins(5);
/// Days of failure: longer than any office is closed, or a server takes to be replaced.
pub const GIVEN_UP_AFTER_DAYS: u32 = 30;
/// A busy plant commits many times a second; one look for many of them is enough.
const ROUND_LEAST: Duration = Duration::from_millis(250);
/// Tickets that are on their way at a time: more would only fill the memory.
const AT_A_TIME: usize = 16;
/// Of them to one receiver: one that hangs must not keep the others waiting.
const AT_A_RECEIVER: usize = 2;
const TICKET_ID: &str = "returned.jdf";
const NOT_HERE: &str = "its ticket is not here";
/// What people are told of a failure.
const TEXT_CHARS_MAX: usize = 500;

/// Gives tickets back, as long as it runs. A try that takes long keeps nobody else waiting: what ends
/// meanwhile is looked for while it goes on.
pub(super) async fn run(agent: &Agent) {
    let mut rng = agent.fork_rng();
    let mut moved = agent.ledger.position();
    let mut waits: BTreeMap<JobId, (Backoff, Instant)> = BTreeMap::new();
    let mut tries = FuturesUnordered::new();
    // What is being tried, and whose it is.
    let mut going: BTreeMap<JobId, String> = BTreeMap::new();
    'rounds: loop {
        moved.mark_unchanged();
        let now = Instant::now();
        match ended(agent).await {
            Ok(ended) => {
                waits.retain(|job_id, _| ended.iter().any(|(row, _)| row.job_id == *job_id));
                for (row, job) in ended {
                    let wait = waits.get(&row.job_id);
                    let is_due = wait.is_none_or(|(_, resume)| *resume <= now);
                    let receiver = receiver(&row.submitted);
                    if is_due && has_room(&going, row.job_id, &receiver) {
                        going.insert(row.job_id, receiver);
                        tries.push(try_once(agent, row, job));
                    }
                }
            }
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "jobs that are to be given back not read"
            ),
        }
        // What is due and has no room yet is looked at when a try has ended.
        let waiting = waits.values().map(|(_, resume)| *resume);
        let mut look_at = waiting.filter(|resume| *resume > now).min();
        let mut has_moved = false;
        let (job_id, settled) = loop {
            tokio::select! {
                Some(ended) = tries.next() => break ended,
                changed = moved.changed(), if !has_moved => {
                    // The ledger ends with the program.
                    if changed.is_err() {
                        return;
                    }
                    has_moved = true;
                    let soon = Instant::now() + ROUND_LEAST;
                    look_at = Some(look_at.map_or(soon, |resume| resume.min(soon)));
                }
                () = tokio::time::sleep_until(look_at.unwrap_or(now)), if look_at.is_some() => {
                    continue 'rounds;
                }
            }
        };
        going.remove(&job_id);
        match settled {
            Ok(()) => {
                waits.remove(&job_id);
            }
            Err(reason) => {
                debug!("job {job_id} not given back yet: {reason}");
                let (backoff, resume) = waits
                    .entry(job_id)
                    .or_insert_with(|| (Backoff::new(RETRY_BASE, RETRY_CAP), now));
                *resume = Instant::now() + backoff.next_wait(&mut rng);
            }
        }
    }
}

async fn try_once(agent: &Agent, row: SubmissionRow, job: JobRow) -> (JobId, Result<(), String>) {
    let settled = match give_back(agent, &row, &job).await {
        Err(reason) => not_taken(agent, &row, &job, reason).await,
        Ok(()) => Ok(()),
    };
    (row.job_id, settled)
}

/// Whether a job is not tried already, and a try for its receiver leaves room to the others.
fn has_room(going: &BTreeMap<JobId, String>, job_id: JobId, receiver: &str) -> bool {
    let of_receiver = going.values().filter(|other| *other == receiver).count();
    !going.contains_key(&job_id) && going.len() < AT_A_TIME && of_receiver < AT_A_RECEIVER
}

/// Whose server a job goes back to; empty where it is nobody's.
fn receiver(submitted: &NewSubmission) -> String {
    let url = submitted
        .return_jmf
        .as_ref()
        .or(submitted.return_url.as_ref());
    let url = url.and_then(|url| Url::parse(url).ok());
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or_default().to_owned()
}

/// Submissions that were not given back and whose jobs have ended.
async fn ended(agent: &Agent) -> Result<Vec<(SubmissionRow, JobRow)>, LedgerError> {
    agent
        .ledger
        .read(|reader| {
            let mut ended = Vec::new();
            for row in reader.submissions_to_return()? {
                if let Some(job) = reader.job_by_id(row.job_id)? {
                    ended.push((row, job));
                }
            }
            Ok(ended)
        })
        .await
}

/// Gives back everything of a submission.
async fn give_back(agent: &Agent, row: &SubmissionRow, job: &JobRow) -> Result<(), String> {
    let job_id = row.job_id;
    loop {
        let read = agent.ledger.read(move |reader| reader.return_next(job_id));
        let returned = read.await.map_err(|error| chain(&error))?;
        give_one_back(agent, row, job, returned).await?;
        let read = agent.ledger.read(move |reader| reader.is_settled(job_id));
        if read.await.map_err(|error| chain(&error))? {
            break;
        }
    }
    // Its channels have nothing more to tell.
    agent.desk.channels_changed();
    Ok(())
}

/// Gives back what the device returned, or the ticket as it came.
async fn give_one_back(
    agent: &Agent,
    row: &SubmissionRow,
    job: &JobRow,
    returned: Option<ReturnRow>,
) -> Result<(), String> {
    let job_id = row.job_id;
    let run = returned.as_ref().map(|returned| returned.run);
    let submitted = &row.submitted;
    let caller = submitted.caller.as_deref().and_then(|it| it.parse().ok());
    let return_code = match (&submitted.return_jmf, &submitted.return_url) {
        (None, None) => None,
        (Some(url), _) => {
            let (params, ticket) = params(agent, job_id, job, returned).await?;
            let message =
                Message::command(message_id(job_id, run), Command::ReturnQueueEntry(params));
            let mut jmf = Jmf::new(sender_id(agent), agent.clock.now()).with(message);
            jmf.agent_name = Some("AGOG".to_owned());
            jmf.agent_version = Some(env!("CARGO_PKG_VERSION").to_owned());
            let mut package = Outgoing::new(jmf.to_bytes());
            package.ticket(TICKET_ID, ticket);
            let (content_type, body) = package.finish();
            let sent = agent.desk.outward.post(url, caller, &content_type, body);
            let (_, answer) = sent.await.map_err(|error| chain(&error))?;
            Some(code(&jmf.messages, &answer)?)
        }
        (None, Some(url)) => {
            let (_, ticket) = params(agent, job_id, job, returned).await?;
            let sent = agent.desk.outward.post(url, caller, JDF_TYPE, ticket);
            let (status, _) = sent.await.map_err(|error| chain(&error))?;
            if !status.is_success() {
                return Err(format!("`{url}` answered HTTP {status}"));
            }
            Some(ReturnCode::SUCCESS)
        }
    };
    match return_code {
        Some(code) if !code.is_processed() => warn!(
            job.number = %job.number,
            "job {} was given back to {}, who refused it: {code}", job.number, submitted.sender
        ),
        Some(_) => info!(
            job.number = %job.number,
            "job {} was given back to {}", job.number, submitted.sender
        ),
        None => {}
    }
    let settle = Change::Settle {
        job_id,
        run,
        return_code: return_code.map(ReturnCode::number),
    };
    let settled = agent.ledger.change(settle).await;
    settled.map(drop).map_err(|error| chain(&error))
}

/// The same for every try, and another one for another run.
fn message_id(job_id: JobId, run: Option<u32>) -> String {
    match run {
        None | Some(1) => format!("R{job_id}"),
        Some(run) => format!("R{job_id}-{run}"),
    }
}

/// Notes that a ticket was not taken back, or gives it up. An error tells that it is tried again.
async fn not_taken(
    agent: &Agent,
    row: &SubmissionRow,
    job: &JobRow,
    reason: String,
) -> Result<(), String> {
    let job_id = row.job_id;
    let noted = if row.failed_days > GIVEN_UP_AFTER_DAYS {
        given_up(agent, row, job, &reason).await
    } else if row.is_other_day(agent.clock.now()) || row.last_error.as_ref() != Some(&reason) {
        let error = reason.clone();
        let change = Change::NotTaken { job_id, error };
        agent
            .ledger
            .change(change)
            .await
            .map(|_| false)
            .map_err(AppendError::from)
    } else {
        Ok(false)
    };
    match noted {
        Ok(true) => Ok(()),
        Ok(false) => Err(reason),
        Err(error) => Err(chain(&error)),
    }
}

/// Tells people that nobody takes a ticket back, and leaves it at that.
async fn given_up(
    agent: &Agent,
    row: &SubmissionRow,
    job: &JobRow,
    reason: &str,
) -> Result<bool, AppendError> {
    let text = format!(
        "job {} is not given back to {}: tried for {GIVEN_UP_AFTER_DAYS} days; {reason}",
        job.number, row.submitted.sender
    );
    warn!(job.number = %job.number, "{text}");
    let notification = DeviceNotification {
        device: job.progress.device.clone(),
        class: "Error".to_owned(),
        notification_type: Some("Error".to_owned()),
        job: Some(job.number.clone()),
        text: Some(text.chars().take(TEXT_CHARS_MAX).collect()),
        ..DeviceNotification::default()
    };
    let append = Append {
        facts: vec![Fact {
            occurred_at: None,
            actor: Actor::System {
                component: "jmf".to_owned(),
            },
            what: What::Event(Event::Device(DeviceEvent::Notified(notification))),
        }],
        inbox: Some(InboxKey {
            sender: "give-back".to_owned(),
            message_id: row.job_id.to_string(),
        }),
        ..Append::default()
    };
    agent.ledger.append(append).await?;
    let change = Change::GiveUp { job_id: row.job_id };
    agent.ledger.change(change).await?;
    agent.desk.channels_changed();
    Ok(true)
}

/// The return code of an answer that counts.
fn code(sent: &[Message], answer: &[u8]) -> Result<ReturnCode, String> {
    let package = Package::parse(None, answer, &PackageLimits::default()).ok();
    let jmf = package
        .as_ref()
        .and_then(Package::jmf)
        .map_or(answer, |part| part.body());
    let read = Jmf::parse(jmf, &Limits::default()).map_err(|error| chain(&error))?;
    let answers = correlate(sent, &read.jmf.messages);
    match answers.first().copied().flatten().map(|it| &it.body) {
        Some(Body::Response(response)) => match response.return_code {
            ReturnCode::SERVICE_BUSY | ReturnCode::DEVICE_NOT_AVAILABLE => Err(response.reason()),
            code => Ok(code),
        },
        _ => Err("left unanswered".to_owned()),
    }
}

/// The ticket that goes back next.
pub(super) async fn ticket(agent: &Agent, job: &JobRow) -> Result<Vec<u8>, String> {
    let job_id = job.job_id.ok_or(NOT_HERE)?;
    let read = agent.ledger.read(move |reader| reader.return_next(job_id));
    match read.await.map_err(|error| chain(&error))? {
        Some(returned) => Ok(returned.ticket),
        None => as_it_came(agent, job_id).await,
    }
}

async fn as_it_came(agent: &Agent, job_id: JobId) -> Result<Vec<u8>, String> {
    let read = agent.ledger.read(move |reader| reader.ticket(job_id));
    let ticket = read.await.map_err(|error| chain(&error))?;
    let ticket = ticket.ok_or(NOT_HERE)?;
    Ok(ticket.jdf.into_bytes())
}

/// The ticket, and which nodes of it were completed and aborted; the root, where no device said it.
async fn params(
    agent: &Agent,
    job_id: JobId,
    job: &JobRow,
    returned: Option<ReturnRow>,
) -> Result<(ReturnQueueEntryParams, Vec<u8>), String> {
    let (ticket, completed, aborted) = if let Some(returned) = returned {
        (returned.ticket, returned.completed, returned.aborted)
    } else {
        let ticket = as_it_came(agent, job_id).await?;
        let document = Document::parse(&ticket, &Limits::default()).ok();
        let root = document
            .as_ref()
            .and_then(|document| document.root().attribute("ID"))
            .map(str::to_owned);
        let root = root.into_iter().collect();
        if job.step == JobStep::Completed {
            (ticket, root, Vec::new())
        } else {
            (ticket, Vec::new(), root)
        }
    };
    let params = ReturnQueueEntryParams {
        queue_entry_id: job_id.to_string(),
        url: format!("cid:{TICKET_ID}"),
        completed,
        aborted,
        priority: None,
    };
    Ok((params, ticket))
}
