//! `status`: the ledger, what waits for the hub, devices. Without a running agent it reads the
//! ledger file and ends with 1; with 3 where the agent runs and a person must look at something.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::process::ExitCode;

use jiff::Timestamp;

use super::client::NotRunning;
use super::ledger::loss;
use super::{Client, Session};
use crate::api::StatusReport;
use crate::health::{
    BackupHealth, HubHealth, HubState, LinkHealth, PortHealth, SparkplugHealth, Surroundings,
};
use crate::ledger::days::DaysStatus;
use crate::ledger::{LedgerError, Reader, damage};

const MIB: u64 = 1024 * 1024;

/// Topics with bad messages that are shown to people; JSON has all that are counted.
const BAD_TOPICS_SHOWN: usize = 5;

/// Sparkplug nodes that are shown to people.
const NODES_SHOWN: usize = 20;

/// The exit code when nothing gets to the hub, or the hub has something else than the ledger.
const NEEDS_A_PERSON: u8 = 3;

pub(super) async fn status(session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let asked = match Client::find(&config) {
        Ok(client) => client.get(&config, &["api", "v1", "status"], &[]).await,
        Err(error) => Err(error),
    };
    let report: StatusReport = match asked {
        Ok(report) => report,
        Err(error) if error.is::<NotRunning>() => {
            crate::data_dir::finish_restore(&config.agent.data_dir)?;
            if let Some(damaged) = damage::marked(&config.agent.data_dir) {
                return Err(damaged.into());
            }
            let read = Reader::open(&config.ledger_path())
                .and_then(|reader| StatusReport::read(&reader, &config, session.clock.now(), None));
            read.map_err(|error| match error.damage() {
                Some(what) => LedgerError::Damaged { what },
                None => error,
            })?
        }
        Err(error) => return Err(error),
    };
    session.output.show(&report, lines)?;
    Ok(if report.running.is_none() {
        ExitCode::FAILURE
    } else if report.needs_a_person() {
        ExitCode::from(NEEDS_A_PERSON)
    } else {
        ExitCode::SUCCESS
    })
}

fn lines(report: &StatusReport) -> String {
    let mut text = String::new();
    let agent = &report.agent;
    let _ = writeln!(
        text,
        "agent    {} of {} ({}), version {}, id {}",
        agent.name, agent.plant_name, agent.plant_code, agent.version, agent.agent_id
    );
    match &report.running {
        Some(running) => {
            let _ = writeln!(
                text,
                "running  process {} since {}, local API {}, JMF {}",
                running.addresses.pid,
                running
                    .addresses
                    .started_at
                    .strftime("%Y-%m-%d %H:%M:%S UTC"),
                running.addresses.api_url,
                running.addresses.jmf_url
            );
        }
        None => text.push_str("running  no\n"),
    }
    let ledger = &report.ledger;
    let _ = writeln!(
        text,
        "ledger   event {} in epoch {}, hash {}, {} open jobs",
        ledger.head_seq, ledger.epoch, ledger.head_hash, ledger.jobs_open
    );
    let age = ledger.oldest_unsent_age_s.map_or_else(String::new, |age| {
        format!(", the oldest recorded {} ago", duration(age))
    });
    let _ = writeln!(
        text,
        "outbox   {} events wait for the hub{age}",
        ledger.outbox_depth
    );
    for opened in &ledger.epochs {
        let _ = writeln!(
            text,
            "epoch    {} opened {}: {}",
            opened.epoch,
            opened.opened_at.strftime("%Y-%m-%d %H:%M UTC"),
            opened.reason
        );
    }
    if ledger.fetch_back.fetched > 0 || ledger.fetch_back.epochs_left > 0 {
        let more = match ledger.fetch_back.epochs_left {
            0 => "nothing is missing",
            _ => "more are to come",
        };
        let _ = writeln!(
            text,
            "restored {} events came back from the hub, {more}",
            ledger.fetch_back.fetched
        );
    }
    if let Some(at) = ledger.salvage.salvaged_at {
        let _ = writeln!(text, "salvaged {}", at.strftime("%Y-%m-%d %H:%M UTC"));
        text.push_str(&loss(&ledger.salvage));
    }
    text.push_str(&days(&ledger.days));
    if let Some(running) = &report.running {
        let disk = &running.disk;
        let _ = writeln!(
            text,
            "disk     {}; {} MiB free, {} MiB in reserve",
            disk.level.as_str(),
            disk.free_bytes / MIB,
            disk.reserve_bytes / MIB
        );
        surroundings(&mut text, &running.surroundings, report.at);
    }
    text
}

fn days(days: &DaysStatus) -> String {
    let mut text = match days.last_proven {
        None => "days     none is proven yet to be the same at the hub\n".to_owned(),
        Some(last) => format!(
            "days     {} are proven to be the same at the hub, the last one {last}\n",
            days.proven
        ),
    };
    if let Some(first) = &days.first_differing {
        let _ = writeln!(
            text,
            "ALARM    {} days DIFFER from the hub; the first: {}",
            days.differing, first.finding
        );
    }
    text
}

fn surroundings(text: &mut String, surroundings: &Surroundings, now: Timestamp) {
    let _ = writeln!(text, "hub      {}", hub(&surroundings.hub));
    if let Some(skew_ms) = surroundings.hub.clock_skew_ms {
        let _ = writeln!(text, "clock    {}", clock(skew_ms));
    }
    if let Some(since) = surroundings.hub.stalled_since {
        let _ = writeln!(
            text,
            "ALARM    NOTHING that waits is taken by the hub, told {}",
            since.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
    }
    for (id, device) in &surroundings.devices {
        let contact = if device.in_contact {
            "in contact"
        } else {
            "no contact"
        };
        let status = device.status.as_deref().unwrap_or("state unknown");
        let _ = write!(text, "device   {id}: {contact}, {status}");
        if let Some(failure) = device.last_failure.as_ref().filter(|_| !device.in_contact) {
            let _ = write!(text, ": {failure}");
        }
        text.push('\n');
    }
    for (name, link) in &surroundings.mqtt {
        text.push_str(&broker(name, link, now));
    }
    for (name, health) in &surroundings.serial {
        text.push_str(&port(name, health, now));
    }
    if let Some(health) = &surroundings.backup {
        let _ = writeln!(text, "backup   {}", backup(health, now));
    }
    for alarm in &surroundings.alarms {
        let _ = writeln!(
            text,
            "ALARM    {} {}",
            alarm.at.strftime("%Y-%m-%d %H:%M UTC"),
            alarm.text
        );
    }
}

fn broker(name: &str, link: &LinkHealth, now: Timestamp) -> String {
    let state = if link.connected {
        "connected"
    } else {
        "not connected"
    };
    let failure = link.last_failure.as_ref().filter(|_| !link.connected);
    let why = failure.map_or_else(String::new, |failure| format!(": {failure}"));
    let heard = link.last_message.map_or_else(String::new, |at| {
        let age = u64::try_from(now.duration_since(at).as_secs()).unwrap_or_default();
        format!(", the last {} ago", duration(age))
    });
    let mut text = format!(
        "mqtt     {name} at {}: {state}{why}; {} messages{heard}, {} samples, {} bad\n",
        link.address, link.messages, link.samples, link.bad_messages
    );
    if let Some(sparkplug) = &link.sparkplug {
        text.push_str(&nodes(sparkplug));
    }
    for filter in &link.refused_filters {
        let _ = writeln!(
            text,
            "         the broker refuses the subscription of {filter}"
        );
    }
    let mut worst: Vec<_> = link.bad_topics.iter().collect();
    worst.sort_by_key(|(_, bad)| Reverse(bad.count));
    for (topic, bad) in worst.into_iter().take(BAD_TOPICS_SHOWN) {
        let age = u64::try_from(now.duration_since(bad.last_at).as_secs()).unwrap_or_default();
        let _ = writeln!(
            text,
            "         {} bad in {topic}: {}\n         the newest of them, {} ago, {} bytes: {}",
            bad.count,
            bad.reason,
            duration(age),
            bad.bytes,
            bad.payload
        );
    }
    text
}

fn nodes(sparkplug: &SparkplugHealth) -> String {
    let counts = &sparkplug.counts;
    let mut text = format!(
        "         {} nodes; {} messages missed, {} births asked for, {} values are no numbers\n",
        sparkplug.nodes.len(),
        counts.missed_messages,
        counts.rebirths_asked,
        counts.no_numbers
    );
    // Those that are away first: they are why somebody looks.
    let mut nodes: Vec<_> = sparkplug.nodes.iter().collect();
    nodes.sort_by_key(|(_, node)| node.online);
    for (name, node) in nodes.into_iter().take(NODES_SHOWN) {
        let state = if node.online { "online" } else { "STALE" };
        let since = node.since.map_or_else(String::new, |since| {
            format!(" since {}", since.strftime("%Y-%m-%d %H:%M:%S UTC"))
        });
        let _ = writeln!(
            text,
            "         node {name}: {state}{since}, {} of {} devices online, {} metrics",
            node.devices_online, node.devices, node.metrics
        );
    }
    text
}

fn port(name: &str, health: &PortHealth, now: Timestamp) -> String {
    let ago = |at: Timestamp| {
        let age = u64::try_from(now.duration_since(at).as_secs()).unwrap_or_default();
        duration(age)
    };
    let state = match (health.open_since, health.away_since) {
        (Some(since), _) => format!("open for {}", ago(since)),
        (None, Some(since)) => format!("AWAY for {}", ago(since)),
        (None, None) => "not open yet".to_owned(),
    };
    let why = health.last_failure.as_ref();
    let why = why.map_or_else(String::new, |failure| format!(": {failure}"));
    let heard = health.last_line;
    let heard = heard.map_or_else(String::new, |at| format!(", the last {} ago", ago(at)));
    let mut text = format!(
        "serial   {name} at {}: {state}{why}; {} lines{heard}, {} samples, {} scans, {} bad\n",
        health.path.display(),
        health.lines,
        health.samples,
        health.scans,
        health.bad_lines
    );
    if let Some(bad) = &health.last_bad {
        let _ = writeln!(text, "         the last bad line: {bad}");
    }
    if let Some(unused) = &health.last_unused {
        let _ = writeln!(
            text,
            "         {} lines gave no sample, the last: {unused}",
            health.unused_lines
        );
    }
    if health.lost_samples > 0 {
        let _ = writeln!(
            text,
            "         {} samples are LOST, because there was no room",
            health.lost_samples
        );
    }
    text
}

fn backup(health: &BackupHealth, now: Timestamp) -> String {
    let newest = match (&health.newest, health.age_s(now)) {
        (Some(file), Some(age)) => format!("`{}`, {} old", file.display(), duration(age)),
        _ => "none yet".to_owned(),
    };
    let why = health
        .last_failure
        .as_ref()
        .map_or_else(String::new, |why| format!("; the last try failed: {why}"));
    format!("{newest}{why}")
}

fn hub(hub: &HubHealth) -> String {
    let state = match hub.state {
        HubState::NotConfigured => return "none is configured; the agent only collects".to_owned(),
        HubState::NotEnrolled => return "not enrolled; run `agog-edge enroll`".to_owned(),
        HubState::Online => "online",
        HubState::Offline => "offline",
        HubState::Refused => "refuses this agent",
        HubState::Fenced => "serves another agent with this identity",
    };
    let contact = hub.last_contact.map_or_else(
        || ", no contact yet".to_owned(),
        |at| format!(", last contact {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")),
    );
    let why = hub
        .last_failure
        .as_ref()
        .map_or_else(String::new, |why| format!(": {why}"));
    format!("{state}{contact}{why}")
}

/// Where the clock stands against the hub's; the way there and back is in it.
fn clock(skew_ms: i64) -> String {
    let (away, side) = (
        skew_ms.unsigned_abs(),
        if skew_ms < 0 { "behind" } else { "ahead of" },
    );
    match away {
        0..1_000 => "as the hub's, within a second".to_owned(),
        _ => format!("{} {side} the hub's", duration(away / 1_000)),
    }
}

pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
