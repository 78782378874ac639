//! Channels that others open, list and stop. A channel is a row of the ledger, so that it outlives
//! the agent; what feeds it is in [`channel`](super::channel).
//!
//! A subscription that is open already is kept and answered 14: same URL, device, type, parameters
//! and timing. A query under a known ID with other parameters replaces the channel, which goes on
//! where it stood. `WatchURL` of a submission opens channels of the job for Status and Resource, which
//! are closed when the job was given back and its last signals are out.
//!
//! Limits: [`REPEAT_SECONDS_MIN`] between heartbeats, those of `ledger::controller` on channels.

use agog_jdf::jmf::{
    Jmf, Message, Query, QueryContent, ResourceQuParams, Response as Answer, ReturnCode,
    StatusQuParams, StopPersistentChannel, Subscription, SubscriptionFilter, SubscriptionInfo,
};
use agog_jdf::{ChannelMode, Limits, NotificationClass, jmf};
use agog_sync::frame::JobTicket;
use rust_decimal::Decimal;
use tracing::info;

use super::Call;
use crate::ledger::controller::{Change, ChannelRow, NewChannel, Opening};
use crate::ledger::{AppendError, Reader};
use crate::run::Agent;

/// The shortest time between two heartbeats; whoever wants to know more often reads events.
pub(super) const REPEAT_SECONDS_MIN: u32 = 1;
/// The longest: a day.
pub(super) const REPEAT_SECONDS_MAX: u32 = 86_400;

/// A filter that names hundreds of queue entries; each signal carries it.
const QUERY_BYTES_MAX: usize = 64 * 1024;

/// What can be subscribed.
const KINDS: [&str; 4] = ["Status", "QueueStatus", "Resource", "Notification"];

/// Opens a channel; `answer` is what the query alone is answered.
pub(super) async fn open(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    query: &Query,
    subscription: &Subscription,
    answer: Answer,
) -> Result<Answer, AppendError> {
    if !KINDS.contains(&message.kind.as_str()) {
        let reason = format!("{} cannot be subscribed here", message.kind);
        return Ok(Answer::refusal(ReturnCode::SUBSCRIPTION_DENIED, reason));
    }
    let Some(url) = subscription.url.as_deref().filter(|url| !url.is_empty()) else {
        let reason = "the Subscription has no URL";
        return Ok(Answer::refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason));
    };
    if message.id.is_empty() {
        let reason = "a query that subscribes has an ID, to which the signals refer";
        return Ok(Answer::refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason));
    }
    let allowed = Decimal::from(REPEAT_SECONDS_MIN)..=Decimal::from(REPEAT_SECONDS_MAX);
    if subscription
        .repeat_time
        .is_some_and(|seconds| !seconds.is_zero() && !allowed.contains(&seconds))
    {
        let reason = format!("RepeatTime is {REPEAT_SECONDS_MIN} to {REPEAT_SECONDS_MAX} seconds");
        return Ok(Answer::refusal(ReturnCode::INVALID_PARAMETERS, reason));
    }
    if subscription.repeat_step.is_some_and(|step| step < 1) {
        let reason = "RepeatStep is an amount of at least 1";
        return Ok(Answer::refusal(ReturnCode::INVALID_PARAMETERS, reason));
    }
    if let Err(error) = agent.desk.outward.check_target(url, call.caller).await {
        super::url_refused(call, message, &error);
        let code = ReturnCode::SUBSCRIPTION_DENIED;
        return Ok(Answer::refusal(code, error.to_string()));
    }
    if let Some(refusal) = super::oversized(call, message) {
        return Ok(refusal);
    }
    let stored = stored(query);
    if stored.len() > QUERY_BYTES_MAX {
        let reason = format!("a query that subscribes has at most {QUERY_BYTES_MAX} bytes");
        return Ok(Answer::refusal(ReturnCode::INVALID_PARAMETERS, reason));
    }
    let new = NewChannel {
        channel_id: message.id.clone(),
        kind: message.kind.clone(),
        url: url.to_owned(),
        device: call.jmf.device_id.clone().filter(|id| !id.is_empty()),
        sender: call.sender(message).to_owned(),
        caller: call.caller.map(|caller| caller.to_string()),
        query: stored,
        job_id: None,
    };
    let opening = agent.ledger.change(Change::Open(Box::new(new))).await?;
    agent.desk.channels_changed();
    let mut notifications = warnings(message, subscription);
    Ok(match opening {
        Opening::Full => {
            let reason = "there are too many channels; stop some first";
            Answer::refusal(ReturnCode::SUBSCRIPTION_DENIED, reason)
        }
        Opening::Opened => {
            info!(
                "{} subscribes to {} at {url}",
                call.sender(message),
                message.kind
            );
            Answer {
                subscribed: Some(true),
                notifications,
                ..answer
            }
        }
        Opening::Kept => {
            notifications.insert(0, warning("this channel is open already and stays"));
            Answer {
                subscribed: Some(true),
                return_code: ReturnCode::SUBSCRIPTION_EXISTS,
                notifications,
                ..answer
            }
        }
    })
}

fn warning(text: &str) -> jmf::Notification {
    jmf::Notification::new(NotificationClass::Warning, text)
}

/// What of a subscription is not kept. More is told then than was asked for, and nothing less.
fn warnings(message: &Message, subscription: &Subscription) -> Vec<jmf::Notification> {
    let mut warnings = Vec::new();
    if !subscription.observation_targets.is_empty() {
        warnings.push(warning(
            "ObservationTarget is not looked at: every change of this type is signalled",
        ));
    }
    if subscription.repeat_step.is_some() && message.kind != "Status" {
        warnings.push(warning(
            "RepeatStep is kept for Status only: what happens is signalled when it happens",
        ));
    }
    warnings
}

/// The channels that a submission asks for with its `WatchURL`. They name the entry, so that each job
/// has its own.
pub(super) fn watching(
    call: &Call<'_>,
    message: &Message,
    url: &str,
    ticket: &JobTicket,
    ticket_job_id: Option<&str>,
) -> Vec<NewChannel> {
    let entry = Some(ticket.job_id.to_string());
    let contents = [
        QueryContent::Status(StatusQuParams {
            queue_entry_id: entry.clone(),
            ..StatusQuParams::default()
        }),
        QueryContent::Resource(ResourceQuParams {
            // As devices tell it.
            job_id: ticket_job_id.map(str::to_owned),
            queue_entry_id: entry,
            ..ResourceQuParams::default()
        }),
    ];
    let channel = |content: QueryContent| NewChannel {
        channel_id: message.id.clone(),
        kind: content.type_name().to_owned(),
        url: url.to_owned(),
        device: Some(ticket.device.clone()),
        sender: call.sender(message).to_owned(),
        caller: call.caller.map(|caller| caller.to_string()),
        query: stored(&Query::subscribe(content, Subscription::to(url))),
        job_id: Some(ticket.job_id),
    };
    contents.map(channel).into()
}

/// Stops channels to a URL.
pub(super) async fn stop(
    agent: &Agent,
    stop: &StopPersistentChannel,
) -> Result<Answer, AppendError> {
    if stop.url.trim().is_empty() {
        let reason = "StopPersChParams has no URL of the channels";
        return Ok(Answer::refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason));
    }
    let rows = agent.ledger.read(Reader::channels).await?;
    let meant = |row: &&ChannelRow| {
        let (job_id, job_part_id, queue_entry_id) = job_of(row);
        let same = |wanted: &Option<String>, has: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == has)
        };
        row.asked.url == stop.url
            && same(&stop.channel_id, Some(&row.asked.channel_id))
            && same(&stop.message_type, Some(&row.asked.kind))
            && same(&stop.device_id, row.asked.device.as_deref())
            && same(&stop.job_id, job_id.as_deref())
            && same(&stop.job_part_id, job_part_id.as_deref())
            && same(&stop.queue_entry_id, queue_entry_id.as_deref())
    };
    let stopped: Vec<i64> = rows.iter().filter(meant).map(|row| row.channel).collect();
    if stopped.is_empty() {
        // A repeated command finds nothing more to do.
        return Ok(Answer {
            notifications: vec![jmf::Notification::new(
                NotificationClass::Information,
                "no such channel is open",
            )],
            ..Answer::success()
        });
    }
    agent.ledger.change(Change::Stop(stopped)).await?;
    agent.desk.channels_changed();
    Ok(Answer::success())
}

/// The channels that are open, as many as are asked for.
pub(super) async fn known(
    agent: &Agent,
    filter: &SubscriptionFilter,
) -> Result<Vec<SubscriptionInfo>, AppendError> {
    let rows = agent.ledger.read(Reader::channels).await?;
    let same = |wanted: &Option<String>, has: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == has)
    };
    let one_of = |wanted: &[String], has: &str| {
        wanted.is_empty() || wanted.iter().any(|it| it == has || it == "All")
    };
    let meant = rows.iter().filter(|row| {
        let (job_id, job_part_id, queue_entry_id) = job_of(row);
        same(&filter.channel_id, Some(&row.asked.channel_id))
            && same(&filter.device_id, row.asked.device.as_deref())
            && same(&filter.url, Some(&row.asked.url))
            && same(&filter.job_id, job_id.as_deref())
            && same(&filter.job_part_id, job_part_id.as_deref())
            && same(&filter.queue_entry_id, queue_entry_id.as_deref())
            && one_of(&filter.message_types, &row.asked.kind)
            && one_of(&filter.families, "Query")
    });
    Ok(meant
        .map(|row| {
            let (job_id, job_part_id, queue_entry_id) = job_of(row);
            SubscriptionInfo {
                channel_id: Some(row.asked.channel_id.clone()),
                family: Some("Query".to_owned()),
                message_type: Some(row.asked.kind.clone()),
                sender_id: Some(row.asked.sender.clone()),
                job_id,
                job_part_id,
                queue_entry_id,
                subscription: subscription(row),
                ..SubscriptionInfo::default()
            }
        })
        .collect())
}

/// A query as it is stored: without ID and time, so that the same wish is the same text.
fn stored(query: &Query) -> String {
    let jmf = Jmf::default().with(Message::query("Q", query.clone()));
    String::from_utf8_lossy(&jmf.to_bytes()).into_owned()
}

/// The query that opened a channel.
pub(super) fn query_of(row: &ChannelRow) -> Option<Query> {
    let read = Jmf::parse(row.asked.query.as_bytes(), &Limits::default()).ok()?;
    let message = read.jmf.messages.into_iter().next()?;
    match message.body {
        jmf::Body::Query(query) => Some(query),
        _ => None,
    }
}

fn subscription(row: &ChannelRow) -> Subscription {
    let asked = query_of(row).and_then(|query| query.subscription);
    let asked = asked.unwrap_or_default();
    Subscription {
        channel_mode: Some(mode(&asked)),
        ..asked
    }
}

/// How the signals of a channel are sent.
pub(super) fn mode(subscription: &Subscription) -> ChannelMode {
    match &subscription.channel_mode {
        Some(ChannelMode::Reliable) => ChannelMode::Reliable,
        _ => ChannelMode::FireAndForget,
    }
}

/// The job, part and entry that a channel is about.
fn job_of(row: &ChannelRow) -> (Option<String>, Option<String>, Option<String>) {
    match query_of(row).map(|query| query.content) {
        Some(QueryContent::Status(params)) => {
            (params.job_id, params.job_part_id, params.queue_entry_id)
        }
        Some(QueryContent::Resource(params)) => {
            (params.job_id, params.job_part_id, params.queue_entry_id)
        }
        Some(QueryContent::Notification(filter)) => {
            (filter.job_id, filter.job_part_id, filter.queue_entry_id)
        }
        Some(QueryContent::QueueStatus(filter)) => (filter.job_id, filter.job_part_id, None),
        _ => (None, None, None),
    }
}
