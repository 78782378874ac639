//! What is news: what was said and a report → facts, and what is said now. Pure.
//!
//! A change of the device's state is a fact, and of each job the beginning, each further phase, and
//! that the device names it no longer; amounts and speeds are not. What was overtaken is a fact too
//! where it differs from what held at its time; if it interrupted what seemed unbroken, the return
//! is recorded with it.

use agog_jdf::jmf::{DeviceInfo, JobPhase, Notification};
use agog_sync::clock::to_micros;
use agog_sync::event::{DeviceNotification, DeviceResource, DeviceState, PhaseAmounts};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::amounts::{Counted, stored};
use super::history::Placed;
use super::queue::EntryChange;
use super::said::{DeviceSaid, RowKey};
use super::snapshot::{Phase, PhaseChange, Snapshot, job_of};
use crate::jobs::find::ReportedJob;
use crate::words;

/// Something that is worth an event, of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) at: Timestamp,
    /// Newer things of it are recorded already.
    pub(super) late: bool,
    pub(super) news: News,
}

/// What is worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    State(DeviceState),
    Phase(PhaseNews),
    Resource(DeviceResource),
    Entry(EntryChange),
    Notified(DeviceNotification),
}

/// A job entered a phase, or left the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhaseNews {
    pub(super) job: ReportedJob,
    /// None when the device names the job no longer.
    pub(super) phase: Option<Phase>,
    /// The phase before, with its final amounts.
    pub(super) closed: Option<PhaseAmounts>,
    pub(super) good: Option<Decimal>,
    pub(super) waste: Option<Decimal>,
    pub(super) started_at: Option<Timestamp>,
}

/// A report of a device's state.
pub(super) struct Status<'r> {
    pub(super) device: &'r str,
    /// What people call the device.
    pub(super) name: Option<&'r str>,
    pub(super) info: &'r DeviceInfo,
    /// By the device's clock as it is read.
    pub(super) at: Timestamp,
    /// Jobs that are not named are not there.
    pub(super) is_whole: bool,
}

/// Takes in a Status.
pub(super) fn status(said: &mut DeviceSaid, status: &Status<'_>) -> Vec<Noted> {
    let Status { info, at, .. } = *status;
    let before = said.memory.history.at(at);
    let clock = &said.memory.clock;
    let read_time = |stamp| to_micros(clock.read(stamp));
    let snapshot = Snapshot::read(
        status.device,
        status.name,
        info,
        before,
        status.is_whole,
        read_time,
    );
    // A heartbeat is the rule, and needs no copy of what it says.
    let placed = said.memory.history.place(at, snapshot);
    match placed {
        Placed::Same { newest } => {
            if !newest {
                return Vec::new();
            }
            count(said, info, at);
            if !std::mem::take(&mut said.memory.unsure) {
                return Vec::new();
            }
            said.touch(RowKey::Memory);
            let newest = said
                .memory
                .history
                .newest()
                .map(|newest| newest.state.clone());
            newest
                .into_iter()
                .map(|state| noted(at, News::State(state)))
                .collect()
        }
        Placed::Changed { before } => {
            said.touch(RowKey::Memory);
            changed(said, before.as_ref(), info, at)
        }
        Placed::Late { before, next } => {
            said.touch(RowKey::Memory);
            late(said, before.as_ref(), &next, info, at)
        }
        Placed::TooLate => {
            metrics::counter!("agog_jmf_too_late_total").increment(1);
            Vec::new()
        }
    }
}

fn noted(at: Timestamp, news: News) -> Noted {
    Noted {
        at,
        late: false,
        news,
    }
}

/// The newest report says something else than the one before.
fn changed(
    said: &mut DeviceSaid,
    before: Option<&Snapshot>,
    info: &DeviceInfo,
    at: Timestamp,
) -> Vec<Noted> {
    let Some(now) = said.memory.history.newest().cloned() else {
        return Vec::new();
    };
    let mut news = Vec::new();
    let unsure = std::mem::take(&mut said.memory.unsure);
    if unsure || before.map(|before| &before.state) != Some(&now.state) {
        news.push(noted(at, News::State(now.state.clone())));
    }
    let changes = now.phase_changes(before);
    for change in changes {
        news.extend(turned(said, change, info, at));
    }
    count(said, info, at);
    news
}

/// One job goes from a phase to another, or leaves.
fn turned(
    said: &mut DeviceSaid,
    change: PhaseChange,
    info: &DeviceInfo,
    at: Timestamp,
) -> Option<Noted> {
    let told = told_of(info, &change.job);
    let began_run = told.and_then(|told| told.start_time);
    let began_run = began_run.map(|stamp| to_micros(said.memory.clock.read(stamp)));
    let counted = said.counted(&change.job);
    let amounts = told.and_then(|told| told.amount).zip(counted.good.total);
    let is_less = amounts.is_some_and(|(now, before)| now < before);
    let is_later = began_run
        .zip(counted.ended_at)
        .is_some_and(|(began, ended)| began > ended);
    if counted.returned && (is_less || is_later) {
        // The job is run again: what was signalled of the run before is settled.
        *counted = Counted::default();
    }
    let began_at = change
        .now
        .as_ref()
        .and_then(|phase| phase.began_at)
        .unwrap_or(at);
    let closed = counted.turn(change.before.as_ref(), told, began_at);
    let ends = change.now.as_ref().is_none_or(Phase::is_over);
    if !counted.returned {
        counted.ended_at = ends.then(|| counted.ended_at.unwrap_or(at));
    }
    said.touch(RowKey::Counted(change.job.clone()));
    // The device was done with the job before: that it says no more of it is no news.
    let is_news = change.now.is_some() || closed.is_some();
    is_news.then(|| noted(at, phase_news(said, change.job, change.now, closed, told)))
}

fn phase_news(
    said: &DeviceSaid,
    job: ReportedJob,
    phase: Option<Phase>,
    closed: Option<PhaseAmounts>,
    told: Option<&JobPhase>,
) -> News {
    let counted = said.counted.get(&job);
    // Who leaves tells no amounts; what was counted stands.
    let total = |told: Option<Option<Decimal>>, counted: Option<Decimal>| match told {
        Some(told) => stored(told),
        None => counted,
    };
    News::Phase(PhaseNews {
        phase,
        closed,
        good: total(
            told.map(|told| told.amount),
            counted.and_then(|counted| counted.good.total),
        ),
        waste: total(
            told.map(|told| told.waste),
            counted.and_then(|counted| counted.waste.total),
        ),
        started_at: told
            .and_then(|told| told.start_time)
            .map(|stamp| to_micros(said.memory.clock.read(stamp)))
            .or_else(|| counted.and_then(|counted| counted.started_at)),
        job,
    })
}

/// A report that was overtaken says something else than what held.
fn late(
    said: &DeviceSaid,
    before: Option<&Snapshot>,
    next: &(Timestamp, Snapshot),
    info: &DeviceInfo,
    at: Timestamp,
) -> Vec<Noted> {
    let Some(now) = said.memory.history.at(at).cloned() else {
        return Vec::new();
    };
    let (next_at, next) = next;
    let late = |at, news| Noted {
        at,
        late: true,
        news,
    };
    let mut news = Vec::new();
    let mut returns = Vec::new();
    let state_before = before.map(|before| &before.state);
    if state_before != Some(&now.state) {
        news.push(late(at, News::State(now.state.clone())));
        // What follows is recorded already, unless it went on as before.
        if state_before == Some(&next.state) {
            returns.push(late(*next_at, News::State(next.state.clone())));
        }
    }
    // Whether a job is done or not named any more is one for what follows.
    let worked_on = |phase: Option<&Phase>| phase.filter(|phase| !phase.is_over()).cloned();
    for change in now.phase_changes(before) {
        let told = told_of(info, &change.job);
        let (was, follows) = (change.before.as_ref(), next.phase(&change.job));
        if was == follows || worked_on(was) == worked_on(follows) {
            returns.push(late(
                *next_at,
                bare_phase(change.job.clone(), follows.cloned()),
            ));
        }
        let told = match change.now {
            Some(phase) => phase_news(said, change.job, Some(phase), None, told),
            None => bare_phase(change.job, None),
        };
        news.push(late(at, told));
    }
    news.extend(returns);
    news
}

fn bare_phase(job: ReportedJob, phase: Option<Phase>) -> News {
    News::Phase(PhaseNews {
        job,
        phase,
        closed: None,
        good: None,
        waste: None,
        started_at: None,
    })
}

fn told_of<'i>(info: &'i DeviceInfo, job: &ReportedJob) -> Option<&'i JobPhase> {
    let mut phases = info.job_phases.iter();
    phases.find(|phase| job_of(phase).as_ref() == Some(job))
}

/// Keeps the amounts that the newest report tells.
fn count(said: &mut DeviceSaid, info: &DeviceInfo, at: Timestamp) {
    for phase in &info.job_phases {
        let Some(job) = job_of(phase) else { continue };
        let clock = &said.memory.clock;
        let started_at = phase.start_time.map(|stamp| to_micros(clock.read(stamp)));
        // A beginning that is computed anew with each signal is the same one.
        let known = said
            .counted
            .get(&job)
            .and_then(|counted| counted.started_at);
        let started_at = known.or(started_at);
        if said.counted(&job).count(phase, started_at, at) {
            said.touch(RowKey::Counted(job));
        }
    }
}

/// What a device tells people.
pub(super) fn notified(device: &str, notification: &Notification, at: Timestamp) -> Noted {
    let milestone = notification.milestone.as_ref();
    let text = notification.text();
    noted(
        at,
        News::Notified(DeviceNotification {
            device: device.to_owned(),
            class: notification.class.as_ref().map_or_else(
                || "Information".to_owned(),
                |class| words::name(class.as_str()),
            ),
            notification_type: words::name_of(notification.kind.as_ref()),
            text: (!text.is_empty()).then(|| words::words(&text)),
            milestone: milestone
                .and_then(|milestone| milestone.kind.as_ref())
                .map(|kind| words::name(&kind.to_string())),
            job: words::name_of(notification.job_id.as_ref()),
            module_id: words::name_of(notification.module_id.as_ref()),
        }),
    )
}
