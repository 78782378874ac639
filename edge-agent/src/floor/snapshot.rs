//! What one `DeviceInfo` says, as far as its change is a fact: the device's state and the phases of
//! the jobs on it, without amounts and speeds. Pure.
//!
//! What a report leaves out of modules, condition and mode is taken to be as it was; people and jobs
//! that are not named any more are gone.
//!
//! Limits: [`PHASES_MAX`] job phases and [`MODULES_MAX`] modules, [`OPERATORS_MAX`] people, [`PART_KEYS_MAX`] partition keys;
//! texts as in [`words`].

use agog_jdf::PartKeys;
use agog_jdf::jmf::{DeviceInfo, Employee, JobPhase, ModuleStatus};
use agog_jdf::resource::Ranges;
use agog_sync::event::{DeviceState, ModuleState};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::jobs::find::ReportedJob;
use crate::words;

/// More than any device works on at a time.
const PHASES_MAX: usize = 32;
/// The longest press lines have some thirty units.
const MODULES_MAX: usize = 64;
/// More than work at any device.
const OPERATORS_MAX: usize = 16;
/// More levels than any sheet is divided by.
const PART_KEYS_MAX: usize = 32;
/// The beginning of one phase as a device computes it anew with each signal.
const SAME_BEGINNING: SignedDuration = SignedDuration::from_secs(2);

/// A device at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) state: DeviceState,
    /// Of the jobs that are worked on, in their order, each once.
    pub(super) phases: Vec<(ReportedJob, Phase)>,
}

/// A phase of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Phase {
    /// The node status as JDF names it.
    pub(super) status: String,
    pub(super) status_details: Option<String>,
    /// The partition keys of what is worked on.
    pub(super) part: PartKeys,
    pub(super) operators: Vec<String>,
    /// When the phase began, as the device says.
    pub(super) began_at: Option<Timestamp>,
}

/// The phase of a job that is another one than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhaseChange {
    pub(super) job: ReportedJob,
    /// None when the device did not name the job.
    pub(super) before: Option<Phase>,
    /// None when it names it no longer.
    pub(super) now: Option<Phase>,
}

impl Snapshot {
    /// Reads a report. `before` is what held until then; `is_whole` says that jobs which are not
    /// named are not there.
    pub(super) fn read(
        device: &str,
        name: Option<&str>,
        info: &DeviceInfo,
        before: Option<&Self>,
        is_whole: bool,
        read_time: impl Fn(Timestamp) -> Timestamp,
    ) -> Self {
        let mut phases: Vec<(ReportedJob, Phase)> = Vec::new();
        for told in info.job_phases.iter().take(PHASES_MAX) {
            if let Some(job) = job_of(told) {
                let was = before.and_then(|before| before.phase(&job));
                let phase = Phase::read(told, info, was, &read_time);
                // A job that waits is not worked on.
                if !phase.waits() {
                    put(&mut phases, job, phase);
                }
            }
        }
        if !is_whole {
            let unnamed = before.iter().flat_map(|before| &before.phases);
            for (job, phase) in unnamed {
                if !phases.iter().any(|(named, _)| named == job) {
                    put(&mut phases, job.clone(), phase.clone());
                }
            }
        }
        let was = before.map(|before| &before.state);
        let mut modules = modules(info);
        if modules.is_empty() {
            modules = was.map(|was| was.modules.clone()).unwrap_or_default();
        }
        let job = match info
            .job_phases
            .iter()
            .find_map(|phase| words::name_of(phase.job_id.as_ref()))
        {
            None if !is_whole => was.and_then(|was| was.job.clone()),
            job => job,
        };
        let told_or = |told: Option<String>, was: Option<&String>| told.or_else(|| was.cloned());
        Self {
            state: DeviceState {
                device: device.to_owned(),
                name: name.map(str::to_owned),
                status: words::name(info.status.as_str()),
                status_details: words::name_of(info.status_details.as_ref()),
                condition: told_or(
                    info.condition.as_ref().map(|it| words::name(it.as_str())),
                    was.and_then(|was| was.condition.as_ref()),
                ),
                operation_mode: told_or(
                    info.operation_mode
                        .as_ref()
                        .map(|it| words::name(it.as_str())),
                    was.and_then(|was| was.operation_mode.as_ref()),
                ),
                job,
                operators: operators(&info.employees),
                modules,
            },
            phases,
        }
    }

    pub(super) fn phase(&self, job: &ReportedJob) -> Option<&Phase> {
        let found = self.phases.binary_search_by(|(known, _)| known.cmp(job));
        found.ok().map(|at| &self.phases[at].1)
    }

    /// The phases that are not as `before`.
    pub(super) fn phase_changes(&self, before: Option<&Self>) -> Vec<PhaseChange> {
        let entered = |(job, phase): &(ReportedJob, Phase)| {
            let before = before.and_then(|before| before.phase(job));
            (before != Some(phase)).then(|| PhaseChange {
                job: job.clone(),
                before: before.cloned(),
                now: Some(phase.clone()),
            })
        };
        let left = |(job, phase): &(ReportedJob, Phase)| {
            self.phase(job).is_none().then(|| PhaseChange {
                job: job.clone(),
                before: Some(phase.clone()),
                now: None,
            })
        };
        let gone = before.iter().flat_map(|before| &before.phases);
        // A job ends before the next one begins.
        let mut changes: Vec<PhaseChange> = gone.filter_map(left).collect();
        changes.extend(self.phases.iter().filter_map(entered));
        changes
    }
}

impl Phase {
    fn read(
        told: &JobPhase,
        info: &DeviceInfo,
        was: Option<&Self>,
        read_time: impl Fn(Timestamp) -> Timestamp,
    ) -> Self {
        let began_at = told.phase_start_time.map(read_time);
        let same_beginning = |was: &Timestamp| {
            began_at.is_some_and(|began| began.duration_since(*was).abs() <= SAME_BEGINNING)
        };
        let kept = was.and_then(|was| was.began_at).filter(same_beginning);
        let modules = told.module_statuses.iter();
        let mut people = operators(&info.employees);
        for module in modules {
            for name in operators(&module.employees) {
                if !people.contains(&name) && people.len() < OPERATORS_MAX {
                    people.push(name);
                }
            }
        }
        Self {
            status: words::name(told.status.as_str()),
            status_details: words::name_of(told.status_details.as_ref()),
            part: common_part(&told.parts),
            operators: people,
            began_at: kept.or(began_at),
        }
    }

    /// Nothing was begun yet.
    fn waits(&self) -> bool {
        matches!(self.status.as_str(), "Waiting" | "Ready")
    }

    /// The device is done with the job; what follows is its return.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "Completed" | "Aborted")
    }
}

/// How a device names the job of a phase; none when it does not.
pub(super) fn job_of(phase: &JobPhase) -> Option<ReportedJob> {
    let named = phase.queue_entry_id.is_some() || phase.job_id.is_some();
    named.then(|| {
        ReportedJob::told(
            phase.job_id.as_ref(),
            phase.queue_entry_id.as_ref(),
            phase.job_part_id.as_ref(),
        )
    })
}

/// Names of people: their number as audits have it, else what they are called.
pub(super) fn operators(employees: &[Employee]) -> Vec<String> {
    let person = |employee: &Employee| {
        let person = employee.person.as_ref()?;
        let names = [&person.first_name, &person.family_name];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    let name = |employee: &Employee| {
        let called = || employee.descriptive_name.clone();
        employee
            .personal_id
            .clone()
            .or_else(called)
            .or_else(|| person(employee))
    };
    employees
        .iter()
        .filter_map(name)
        .take(OPERATORS_MAX)
        .map(|name| words::name(&name))
        .collect()
}

/// Places as JDF writes ranges: `0 ~ 3 5`.
pub(super) fn places(ranges: &Ranges) -> String {
    let places = ranges.0.iter().map(|[from, to]| {
        if from == to {
            from.to_string()
        } else {
            format!("{from} ~ {to}")
        }
    });
    words::name(&places.collect::<Vec<_>>().join(" "))
}

fn put(phases: &mut Vec<(ReportedJob, Phase)>, job: ReportedJob, phase: Phase) {
    match phases.binary_search_by(|(known, _)| known.cmp(&job)) {
        Ok(at) => phases[at].1 = phase,
        Err(at) => phases.insert(at, (job, phase)),
    }
}

/// What all parts have in common: several sheets of one side are that side.
fn common_part(parts: &[PartKeys]) -> PartKeys {
    let Some((first, others)) = parts.split_first() else {
        return PartKeys::new();
    };
    let mut common = first.clone();
    common.retain(|key, value| others.iter().all(|part| part.get(key) == Some(value)));
    let keys = common.iter().take(PART_KEYS_MAX);
    keys.map(|(key, value)| (words::name(key), words::name(value)))
        .collect()
}

fn modules(info: &DeviceInfo) -> Vec<ModuleState> {
    let of_phases = info
        .job_phases
        .iter()
        .flat_map(|phase| &phase.module_statuses);
    let mut found: Vec<ModuleState> = Vec::new();
    for told in info.module_statuses.iter().chain(of_phases) {
        let state = module(told);
        let is_same = |known: &ModuleState| {
            (&known.module_id, &known.module_index, &known.module_type)
                == (&state.module_id, &state.module_index, &state.module_type)
        };
        if found.len() < MODULES_MAX && !found.iter().any(is_same) {
            found.push(state);
        }
    }
    found
}

fn module(told: &ModuleStatus) -> ModuleState {
    ModuleState {
        module_id: words::name_of(told.module_id.as_ref()),
        module_index: told.module_index.as_ref().map(places),
        module_type: words::name(&told.module_type),
        status: words::name(told.status.as_str()),
        status_details: words::name_of(told.status_details.as_ref()),
    }
}
