//! How devices, channels and queues look to people.

use std::fmt::Write as _;

use agog_jdf::{Document, Limits};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::cli::status::duration;
use crate::config::DeviceConfig;
use crate::controller::routes::{SubmissionState, SubmissionView};
use crate::devices::introduction::Introduction;
use crate::devices::picture::{ChannelState, PhaseState, QueueState};
use crate::devices::routes::DeviceView;
use crate::ledger::sending::{Acknowledge, CommandState, DeviceCommand};
use crate::outbox::routes::SentMessage;

const NO_DEVICE: &str = "no device is configured";

/// The channels of one device.
#[derive(Serialize)]
pub(super) struct Channels {
    device: String,
    reachable: bool,
    subscriptions: Vec<ChannelState>,
}

/// The queue of one device.
#[derive(Serialize)]
pub(super) struct DeviceQueue {
    device: String,
    reachable: bool,
    queue: Option<QueueState>,
}

pub(super) fn channels_of(devices: Vec<DeviceView>) -> Vec<Channels> {
    let channels = |device: DeviceView| Channels {
        device: device.id,
        reachable: device.state.reachable,
        subscriptions: device.state.subscriptions,
    };
    devices.into_iter().map(channels).collect()
}

pub(super) fn queues_of(devices: Vec<DeviceView>) -> Vec<DeviceQueue> {
    let queue = |device: DeviceView| DeviceQueue {
        device: device.id,
        reachable: device.state.reachable,
        queue: device.state.queue,
    };
    devices.into_iter().map(queue).collect()
}

pub(super) fn devices(devices: &[DeviceView], now: Timestamp) -> String {
    if devices.is_empty() {
        return NO_DEVICE.to_owned();
    }
    let mut text = String::new();
    for device in devices {
        one(&mut text, device, now);
    }
    text
}

// Writing to a String cannot fail.
fn one(text: &mut String, device: &DeviceView, now: Timestamp) {
    let state = &device.state;
    let name = device.name.as_deref().unwrap_or(&device.id);
    let status = match (state.reachable, &state.status, &state.last_failure) {
        (true, Some(status), _) => match &state.status_details {
            Some(details) => format!("{status} ({details})"),
            None => status.clone(),
        },
        (true, None, _) => "in contact".to_owned(),
        (false, _, Some(why)) => format!("no contact: {why}"),
        (false, _, None) => "no contact yet".to_owned(),
    };
    let _ = writeln!(
        text,
        "{:<12} {name:<20} {status}  ({})",
        device.id,
        device
            .config
            .as_ref()
            .map_or_else(|| device.url.clone(), DeviceConfig::place)
    );
    if let (true, Some(odd)) = (state.reachable, &state.last_failure) {
        let _ = writeln!(text, "  odd           {odd}");
    }
    let _ = writeln!(
        text,
        "  last signal   {}",
        ago(state.last_signal_at, now, "none yet")
    );
    let _ = writeln!(text, "  profile       {}", device.profile.name);
    let active: Vec<_> = state
        .subscriptions
        .iter()
        .filter(|channel| channel.active)
        .map(|channel| channel.kind.as_str())
        .collect();
    let _ = writeln!(
        text,
        "  channels      {}",
        if active.is_empty() {
            "none".to_owned()
        } else {
            active.join(", ")
        }
    );
    if let Some(queue) = &state.queue {
        let _ = writeln!(
            text,
            "  queue         {}, {} entries",
            queue.status, queue.entries_total
        );
    }
    for phase in &state.job_phases {
        let _ = writeln!(text, "  job           {}", job(phase));
    }
    for module in &state.modules {
        let name = [&module.module_id, &module.module_index];
        let name = name.into_iter().flatten().next();
        let _ = writeln!(
            text,
            "  module        {} {}: {}",
            module.module_type,
            name.map_or("", String::as_str),
            module.status
        );
    }
    introduction(text, &state.introduction);
}

fn introduction(text: &mut String, told: &Introduction) {
    if let Some(device) = &told.device {
        let parts = [
            &device.manufacturer,
            &device.model_name,
            &device.device_type,
            &device.serial_number,
        ];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        let versions = device.jdf_versions.as_deref().unwrap_or("not said");
        let _ = writeln!(
            text,
            "  is            {}; JDF {versions}; {} capabilities",
            if parts.is_empty() {
                "not described".to_owned()
            } else {
                parts.join(", ")
            },
            device.capabilities
        );
    }
    if !told.messages.is_empty() {
        let kinds: Vec<_> = told.messages.iter().map(|m| m.kind.as_str()).collect();
        let _ = writeln!(text, "  knows         {}", kinds.join(", "));
    }
    if let Some(methods) = &told.submission_methods {
        let hot_folder = methods.hot_folder.as_ref();
        let _ = writeln!(
            text,
            "  takes         {} over {}{}",
            methods.packaging.join(", "),
            methods.url_schemes.join(", "),
            hot_folder.map_or_else(String::new, |folder| format!(", hot folder {folder}"))
        );
    }
    for refusal in &told.refused {
        let _ = writeln!(text, "  refused       {}: {}", refusal.kind, refusal.detail);
    }
}

fn job(phase: &PhaseState) -> String {
    let number = |value: Option<Decimal>| value.map_or_else(|| "?".to_owned(), |v| v.to_string());
    let mut text = format!(
        "{} {}: {} good, {} waste",
        phase.job_id.as_deref().unwrap_or("without number"),
        phase.status,
        number(phase.amount),
        number(phase.waste)
    );
    if let Some(total) = phase.total_amount {
        let _ = write!(text, " of {total}");
    }
    if let Some(percent) = phase.percent_completed {
        let _ = write!(text, ", {percent} %");
    }
    text
}

pub(super) fn subscriptions(devices: &[Channels], now: Timestamp) -> String {
    if devices.is_empty() {
        return NO_DEVICE.to_owned();
    }
    let mut text = String::new();
    for device in devices {
        if device.subscriptions.is_empty() {
            let _ = writeln!(text, "{:<12} none", device.device);
        }
        for channel in &device.subscriptions {
            let kind = &channel.kind;
            let detail = channel.detail.as_deref().unwrap_or_default();
            if !channel.active {
                let _ = writeln!(text, "{:<12} {kind:<13} refused: {detail}", device.device);
                continue;
            }
            let _ = writeln!(
                text,
                "{:<12} {kind:<13} {:<14} every {} s  verified {}  {detail}",
                device.device,
                channel.mode,
                channel.heartbeat_s,
                ago(channel.verified_at, now, "never"),
            );
        }
    }
    text
}

pub(super) fn queues(devices: &[DeviceQueue], now: Timestamp) -> String {
    if devices.is_empty() {
        return NO_DEVICE.to_owned();
    }
    let mut text = String::new();
    for device in devices {
        let Some(queue) = &device.queue else {
            let _ = writeln!(text, "{:<12} has told no queue", device.device);
            continue;
        };
        let _ = writeln!(
            text,
            "{:<12} {}, {} entries, told {}",
            device.device,
            queue.status,
            queue.entries_total,
            ago(Some(queue.told_at), now, "")
        );
        for entry in &queue.entries {
            let priority = entry.priority;
            let _ = writeln!(
                text,
                "  {:<14} {:<14} job {:<20} {}",
                entry.queue_entry_id,
                entry.status,
                entry.job_id.as_deref().unwrap_or("?"),
                priority.map_or_else(String::new, |priority| format!("priority {priority}"))
            );
        }
        if queue.entries_total > queue.entries.len() {
            let more = queue.entries_total - queue.entries.len();
            let _ = writeln!(text, "  … and {more} more");
        }
    }
    text
}

pub(super) fn outbox(commands: &[DeviceCommand]) -> String {
    if commands.is_empty() {
        return "nothing waits to be sent".to_owned();
    }
    commands.iter().map(|it| command(it) + "\n").collect()
}

pub(super) fn submissions(submissions: &[SubmissionView]) -> String {
    if submissions.is_empty() {
        return "no job waits to be given back".to_owned();
    }
    submissions.iter().map(|it| submission(it) + "\n").collect()
}

fn submission(submission: &SubmissionView) -> String {
    let state = match submission.state {
        SubmissionState::Open => "open",
        SubmissionState::Waiting => "waiting",
        SubmissionState::GivenBack => "given back",
        SubmissionState::Refused => "refused",
        SubmissionState::GivenUp => "given up",
        SubmissionState::Ended => "ended",
    };
    let mut text = format!(
        "{}  {:<16} {:<12} {:<12} {state:<10}",
        submission.job_id, submission.job, submission.device, submission.sender
    );
    if let Some(to) = &submission.to {
        let _ = write!(text, " to {to}");
    }
    if let Some(code) = submission.return_code.filter(|code| *code != 0) {
        let _ = write!(text, " code {code}");
    }
    let is_failing = matches!(
        submission.state,
        SubmissionState::Waiting | SubmissionState::GivenUp
    );
    if let (true, Some(since), Some(why)) =
        (is_failing, submission.failing_since, &submission.last_error)
    {
        let _ = write!(text, " fails since {since}: {why}");
    }
    text
}

/// One command in a line.
pub(in crate::cli) fn command(command: &DeviceCommand) -> String {
    let mut text = format!(
        "{}  {:<12} {:<22} {:<16} {:<9}",
        command.command_id,
        command.device,
        command.kind,
        command.job.as_deref().unwrap_or("-"),
        command.state.as_str()
    );
    if command.acknowledge == Acknowledge::Promised && command.ended_at.is_none() {
        text.push_str(" the device answers later");
    }
    if command.ended_at.is_none() && command.attempts > 0 {
        let _ = write!(text, " {} tries", command.attempts);
    }
    if let Some(code) = command.return_code.filter(|code| *code != 0) {
        let _ = write!(text, " code {code}");
    }
    let why = command.reason.as_ref().or(command.last_error.as_ref());
    if let Some(why) = why.filter(|_| command.state != CommandState::Answered) {
        let _ = write!(text, " {why}");
    }
    text
}

pub(super) fn sent(messages: &[SentMessage]) -> String {
    let mut text = String::new();
    for message in messages {
        let _ = match (&message.command, &message.error, &message.answer) {
            (Some(sent), _, _) => writeln!(text, "{}", command(sent)),
            (_, Some(error), _) => writeln!(text, "Query {}: {error}", message.kind),
            (_, _, Some(answer)) => {
                writeln!(text, "Query {}:\n{}", message.kind, laid_out(answer))
            }
            (None, None, None) => writeln!(text, "Query {}: no answer", message.kind),
        };
    }
    text
}

/// A message with one element on each line.
fn laid_out(xml: &str) -> String {
    Document::parse(xml.as_bytes(), &Limits::default()).map_or_else(
        |_| xml.to_owned(),
        |document| String::from_utf8_lossy(&document.formatted()).into_owned(),
    )
}

fn ago(at: Option<Timestamp>, now: Timestamp, never: &str) -> String {
    let Some(at) = at else {
        return never.to_owned();
    };
    let age = now.duration_since(at).as_secs();
    format!("{} ago", duration(u64::try_from(age).unwrap_or_default()))
}
