//! Tickets that an MIS hands in: `SubmitQueueEntry` makes a job just as the local API does.
//!
//! The number of the job is the `JobID` of the ticket, followed by `-` and the `JobPartID` where the
//! root node has one. A job that has not ended keeps its number: the same number again is answered
//! 116 with the entry that is there. The same message again gets the same answer.
//!
//! Limits: those of `ledger::controller` on jobs that were not given back, a ticket as large as over the
//! local API, and files beside it within the limits of the endpoint.

use std::collections::BTreeSet;

use agog_jdf::jmf::{
    Message, QueueSubmissionParams, Response as Answer, ResubmissionParams, ReturnCode,
};
use agog_jdf::package::{Location, Package, PackageLimits, references};
use agog_jdf::{Document, Limits, NotificationClass, Ticket, jmf};
use agog_sync::event::Actor;
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use tracing::info;

use super::{Call, queries, show, subscribe};
use crate::jobs::routes::TICKET_BYTES_MAX;
use crate::ledger::controller::NewSubmission;
use crate::ledger::{self, Append, AppendError, Fact, JobRow, Reader, What};
use crate::run::Agent;

/// A longer number is none that people use.
const NUMBER_CHARS_MAX: usize = 100;

/// A refusal on the way to an answer.
type Refused = Box<Answer>;

fn refused<T>(code: ReturnCode, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Box::new(Answer::refusal(code, reason)))
}

/// Makes a job of a ticket.
pub(super) async fn submit(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    params: &QueueSubmissionParams,
) -> Result<Answer, AppendError> {
    if let Some(refusal) = super::unnamed(call, message) {
        return Ok(refusal);
    }
    let name = name_of(call, message);
    if let Some(known) = submitted_before(agent, &name).await? {
        return accepted(agent, &known, message, params).await;
    }
    let read = match read(agent, call, message, params).await {
        Ok(read) => read,
        Err(refusal) => return Ok(*refusal),
    };
    let number = read.ticket.number.clone();
    let sender = call.sender(message).to_owned();
    let submission = NewSubmission {
        message: name.clone(),
        sender: sender.clone(),
        caller: call.caller.map(|caller| caller.to_string()),
        ticket_job_id: read.job_id,
        ticket_job_part_id: read.job_part_id,
        return_jmf: params.return_jmf.clone(),
        return_url: params.return_url.clone(),
    };
    let device = read.ticket.device.clone();
    let of_ticket = submission.ticket_job_id.as_deref();
    let watching = |url: &String| subscribe::watching(call, message, url, &read.ticket, of_ticket);
    let channels = params.watch_url.as_ref().map(watching).unwrap_or_default();
    let append = Append {
        facts: vec![Fact {
            occurred_at: None,
            actor: Actor::System {
                component: format!("jmf {sender}"),
            },
            what: What::Ticket(Box::new(read.ticket)),
        }],
        submission: Some(Box::new(submission)),
        channels,
        ..Append::default()
    };
    match agent.ledger.append(append).await {
        // Two of the same message at the same time: the first one has made the job.
        Ok(appended) if appended.repeated => {}
        Ok(_) => info!(
            job.number = %number, device.id = %device,
            "job {number} submitted by {sender} for device {device}"
        ),
        Err(AppendError::Refused(refused)) => return not_taken(agent, &number, &refused).await,
        Err(error) => return Err(error),
    }
    let Some(job) = submitted_before(agent, &name).await? else {
        let reason = "the job is not there";
        return Ok(Answer::refusal(ReturnCode::INTERNAL_ERROR, reason));
    };
    agent.desk.channels_changed();
    accepted(agent, &job, message, params).await
}

/// Why the ledger does not take a ticket.
async fn not_taken(
    agent: &Agent,
    number: &str,
    refused: &ledger::Refused,
) -> Result<Answer, AppendError> {
    let refusal = |code| Answer::refusal(code, refused.to_string());
    Ok(match refused {
        ledger::Refused::NumberTaken(_) => {
            let known = agent.ledger.job_by_number(number).await?;
            Answer {
                queue_entry: known.map(|job| show::queue_entry(&job, &[])),
                ..refusal(ReturnCode::QUEUE_ENTRY_EXISTS)
            }
        }
        ledger::Refused::SubmissionsFull { .. } => refusal(ReturnCode::SERVICE_BUSY),
        _ => refusal(ReturnCode::INVALID_PARAMETERS),
    })
}

/// A job that the device has or will get cannot be given another ticket from here.
pub(super) async fn resubmit(
    agent: &Agent,
    params: &ResubmissionParams,
) -> Result<Answer, AppendError> {
    let jobs = show::jobs(agent).await?;
    let Some(job) = jobs
        .iter()
        .find(|job| show::entry_id(job) == params.queue_entry_id)
    else {
        let reason = format!("queue entry `{}` is not known here", params.queue_entry_id);
        return Ok(Answer::refusal(ReturnCode::QUEUE_ENTRY_UNKNOWN, reason));
    };
    let entry = show::queue_entry(job, &[]);
    let (code, reason) = if job.step.is_end() {
        (ReturnCode::QUEUE_ENTRY_FINISHED, "has ended")
    } else if entry.status == agog_jdf::QueueEntryStatus::Running {
        (ReturnCode::QUEUE_ENTRY_EXECUTING, "is running")
    } else {
        (
            ReturnCode::INVALID_PARAMETERS,
            "has its ticket already; remove it and submit the new one",
        )
    };
    let reason = format!("queue entry `{}` {reason}", params.queue_entry_id);
    Ok(Answer {
        queue_entry: Some(entry),
        ..Answer::refusal(code, reason)
    })
}

/// Sender, ID and time: a sender that was restarted may use its IDs again, one that repeats a
/// message repeats its time.
pub(super) fn name_of(call: &Call<'_>, message: &Message) -> String {
    let time = message.time.or(call.jmf.timestamp);
    let time = time.map_or_else(String::new, |at| at.to_string());
    format!("{} {} {time}", call.sender(message), message.id)
}

async fn submitted_before(agent: &Agent, name: &str) -> Result<Option<JobRow>, AppendError> {
    let name = name.to_owned();
    let job = agent.ledger.read(move |reader| {
        let known = reader.submission_of_message(&name)?;
        known.map_or(Ok(None), |known| reader.job_by_id(known.job_id))
    });
    Ok(job.await?)
}

async fn accepted(
    agent: &Agent,
    job: &JobRow,
    message: &Message,
    params: &QueueSubmissionParams,
) -> Result<Answer, AppendError> {
    let mut queue = show::own_queue(agent, std::slice::from_ref(job));
    let entry = queue.entries.pop();
    let mut answer = Answer {
        queue_entry: entry,
        ..Answer::success()
    };
    let warning = |text| jmf::Notification::new(NotificationClass::Warning, text);
    if message.acknowledge.url.is_some() {
        answer.return_code = ReturnCode::ASYNCHRONOUS_NOT_POSSIBLE;
        answer.notifications.push(warning(
            "the ticket is taken; what the device says of it comes with QueueStatus signals and \
             the return, not as an Acknowledge",
        ));
    }
    if params.watch_url.is_some() && !job.step.is_end() {
        let channels = agent.ledger.read(Reader::channels).await?;
        if !channels.iter().any(|row| row.asked.job_id == job.job_id) {
            answer.notifications.push(warning(
                "WatchURL is not served: there are too many channels; stop some first",
            ));
        }
    }
    Ok(answer)
}

struct ReadTicket {
    ticket: JobTicket,
    job_id: Option<String>,
    job_part_id: Option<String>,
}

async fn read(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    params: &QueueSubmissionParams,
) -> Result<ReadTicket, Refused> {
    if params.url.trim().is_empty() {
        let reason = "QueueSubmissionParams has no URL of the ticket";
        return refused(ReturnCode::INSUFFICIENT_PARAMETERS, reason);
    }
    if params
        .priority
        .is_some_and(|priority| !(0..=100).contains(&priority))
    {
        let reason = "Priority is a number from 0 to 100";
        return refused(ReturnCode::INVALID_PARAMETERS, reason);
    }
    for target in [&params.return_jmf, &params.return_url, &params.watch_url]
        .into_iter()
        .flatten()
    {
        if let Err(error) = agent.desk.outward.check_target(target, call.caller).await {
            super::url_refused(call, message, &error);
            return refused(ReturnCode::URL_NOT_ACCESSIBLE, error.to_string());
        }
    }
    let (bytes, package) = ticket_bytes(agent, call, &params.url).await?;
    let device_id = call.jmf.device_id.clone().filter(|id| !id.is_empty());
    // XML of megabytes is read off the threads that serve everybody.
    let found = tokio::task::spawn_blocking(move || look_into(bytes));
    let Ok(found) = found.await else {
        return refused(ReturnCode::INTERNAL_ERROR, "the ticket could not be read");
    };
    let found = found?;
    let device = device_of(agent, device_id, &found.devices)?;
    let Some(job_id) = found.job_id else {
        let reason = "the ticket has no JobID";
        return refused(ReturnCode::INSUFFICIENT_PARAMETERS, reason);
    };
    let number = match &found.job_part_id {
        Some(part) => format!("{job_id}-{part}"),
        None => job_id.clone(),
    };
    if number.chars().count() > NUMBER_CHARS_MAX {
        let reason = format!("JobID and JobPartID have more than {NUMBER_CHARS_MAX} characters");
        return refused(ReturnCode::INVALID_PARAMETERS, reason);
    }
    let files = match &package {
        // Fetched from elsewhere, it has nothing beside it.
        None => Vec::new(),
        Some(package) => match agent.files.of_package(package).await {
            Ok(files) => files,
            Err(error) => {
                info!(
                    "files of a ticket not kept: {}",
                    crate::uplink::http::chain(&error)
                );
                let reason = "the files of the ticket cannot be kept now; send them again later";
                return refused(ReturnCode::SERVICE_BUSY, reason);
            }
        },
    };
    for url in &found.inside {
        let is_here = package
            .as_ref()
            .is_some_and(|package| package.resolve_cid(url).is_some());
        if !is_here {
            let reason = format!("the ticket names `{url}`, which is not in the message");
            return refused(ReturnCode::INVALID_PARAMETERS, reason);
        }
    }
    let own_id = JobId::generate(agent.clock.now(), &mut agent.fork_rng());
    Ok(ReadTicket {
        ticket: JobTicket {
            hold: params.hold,
            priority: params.priority,
            files,
            ..JobTicket::new(own_id, number, device, found.jdf)
        },
        job_id: Some(job_id),
        job_part_id: found.job_part_id,
    })
}

/// The ticket with the package that it is in, or what its URL leads to.
async fn ticket_bytes<'c>(
    agent: &Agent,
    call: &Call<'c>,
    url: &str,
) -> Result<(Vec<u8>, Option<Package<'c>>), Refused> {
    let is_part = url
        .get(..4)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"));
    if is_part {
        let limits = PackageLimits {
            package_bytes: call.body.len(),
            ..PackageLimits::default()
        };
        let package = Package::parse(call.content_type, call.body, &limits).ok();
        let part = package.as_ref().and_then(|package| {
            // A sender that names its ticket wrongly has sent only one.
            package.resolve_cid(url).or_else(|| {
                package
                    .tickets()
                    .next()
                    .filter(|_| package.tickets().count() == 1)
            })
        });
        let Some(part) = part else {
            let reason = format!("the ticket `{url}` is not in the message");
            return refused(ReturnCode::INVALID_PARAMETERS, reason);
        };
        if part.body().len() > TICKET_BYTES_MAX {
            let reason = format!("the ticket has more than {TICKET_BYTES_MAX} bytes");
            return refused(ReturnCode::INVALID_PARAMETERS, reason);
        }
        let ticket = part.body().to_vec();
        return Ok((ticket, package));
    }
    let fetched = agent.desk.outward.get(url, call.caller, TICKET_BYTES_MAX);
    match fetched.await {
        Ok(bytes) => Ok((bytes, None)),
        Err(error) => {
            info!("ticket not fetched: {}", crate::uplink::http::chain(&error));
            refused(ReturnCode::URL_NOT_ACCESSIBLE, error.to_string())
        }
    }
}

/// What must be known of a ticket.
struct Found {
    jdf: String,
    job_id: Option<String>,
    job_part_id: Option<String>,
    /// The devices that its nodes name.
    devices: BTreeSet<String>,
    /// Files in the message, by the URLs under which the ticket names them.
    inside: Vec<String>,
}

fn look_into(bytes: Vec<u8>) -> Result<Found, Refused> {
    let document = match Document::from_vec(bytes, &Limits::default()) {
        Ok(document) => document,
        Err(error) => {
            let reason = format!("the ticket is no readable JDF: {error}");
            return refused(ReturnCode::XML_PARSER_ERROR, reason);
        }
    };
    if let Err(error) = Ticket::of(&document) {
        let reason = format!("the ticket is no JDF: {error}");
        return refused(ReturnCode::XML_VALIDATION_ERROR, reason);
    }
    let root = document.root();
    let text = |name: &str| {
        let text = root.attribute(name)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    // A file that stays behind would be missed on the press.
    let inside = references(&document)
        .into_iter()
        .filter(|named| named.location == Location::Cid)
        .map(|named| named.url.to_owned())
        .collect();
    // Devices that nodes ask for; those of audits have done something before.
    let devices = root.descendants().filter(|element| {
        element.is_jdf("Device") && element.parent().is_some_and(|it| it.is_jdf("ResourcePool"))
    });
    let devices = devices.filter_map(|device| device.attribute("DeviceID").map(str::to_owned));
    Ok(Found {
        job_id: text("JobID"),
        job_part_id: text("JobPartID"),
        devices: devices.collect(),
        inside,
        // Tickets are kept as text: of another encoding the root is kept, which says none.
        jdf: String::from_utf8(document.to_bytes()).unwrap_or_else(|_| root.to_xml()),
    })
}

/// The device that the message names, else the one of the ticket, else the only one there is.
fn device_of(
    agent: &Agent,
    named: Option<String>,
    of_ticket: &BTreeSet<String>,
) -> Result<String, Refused> {
    let own = crate::devices::client::sender_id(agent);
    if let Some(name) = named.filter(|name| *name != own) {
        return match queries::device(agent, &name) {
            Some(device) => Ok(device.id.clone()),
            None => Err(Box::new(queries::unknown_device(&name))),
        };
    }
    let mut known = of_ticket
        .iter()
        .filter(|id| queries::device(agent, id).is_some());
    match (known.next(), known.next(), of_ticket.first()) {
        (Some(device), None, _) => Ok(device.clone()),
        (None, _, Some(unknown)) => Err(Box::new(queries::unknown_device(unknown))),
        (Some(_), Some(_), _) => refused(
            ReturnCode::INSUFFICIENT_PARAMETERS,
            "the ticket names several devices of this plant; name one as JMF/@DeviceID",
        ),
        (None, _, None) => match &*agent.known_devices.all() {
            [only] => Ok(only.id.clone()),
            _ => refused(
                ReturnCode::INSUFFICIENT_PARAMETERS,
                "neither the message nor the ticket names a device",
            ),
        },
    }
}
