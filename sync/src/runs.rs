//! Runs of an agent: how the hub tells a restart from a second process with the same identity.
//!
//! Each start of an agent makes a random run id and keeps it in its file, with those before it.
//! A request for a token names the run and the ones before it. The hub serves one run at a time:
//! a run that comes after the one that it serves goes on from it. A run that was superseded and
//! comes back proves two live processes; it is fenced, and so is whatever starts from its file,
//! until a person enrols the right machine again.

use serde::{Deserialize, Serialize};

use crate::ids::RunId;

/// The most earlier runs that a request names. The newest that the hub knows counts, and an agent
/// names each run that it asked for a token with since the last that was answered, so that more
/// would only matter after as many crashes between an answer and its commit.
pub const RUNS_BEFORE_MAX: usize = 16;

/// What an agent says of its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunClaim {
    pub run: RunId,
    /// The runs of the same file before it, the newest first; at most [`RUNS_BEFORE_MAX`].
    #[serde(default)]
    pub before: Vec<RunId>,
}

/// What the hub knows of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It is the one that is served.
    Current,
    /// Another one was served after it.
    Superseded,
    /// It is refused for good.
    Fenced,
}

/// What becomes of a run that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunDecision {
    /// It is the one that is served.
    Serve,
    /// It is served from now on. It is the first, or its file goes on from the one before it.
    Continue,
    /// It is served from now on, though it does not come from the one before it: its file is an older
    /// copy. An alarm, because the other one may still be alive.
    TakeOver,
    /// It is refused for good: another process with the same identity is alive.
    Fence,
}

/// Decides on a run, by what is known of it and of the runs that it names (`known`) and whether
/// any run of the agent is served at all.
pub fn decide(
    claim: &RunClaim,
    is_any_served: bool,
    known: impl Fn(RunId) -> Option<RunState>,
) -> RunDecision {
    match known(claim.run) {
        Some(RunState::Current) => return RunDecision::Serve,
        // It was heard of, then another one was, and now it speaks again.
        Some(RunState::Superseded | RunState::Fenced) => return RunDecision::Fence,
        None => {}
    }
    // The newest one that the hub has met speaks for the file.
    let before = claim
        .before
        .iter()
        .take(RUNS_BEFORE_MAX)
        .find_map(|run| known(*run));
    match before {
        Some(RunState::Fenced) => RunDecision::Fence,
        Some(RunState::Superseded) => RunDecision::TakeOver,
        None if is_any_served => RunDecision::TakeOver,
        Some(RunState::Current) | None => RunDecision::Continue,
    }
}

/// The runs that a run names and of which nothing is known. Once it is served they have ended, and are to be noted as
/// superseded: a request of theirs that was long on its way would take over from it otherwise, and it would be fenced.
pub fn unmet(claim: &RunClaim, known: impl Fn(RunId) -> Option<RunState>) -> Vec<RunId> {
    let named = claim.before.iter().take(RUNS_BEFORE_MAX).copied();
    named.filter(|run| known(*run).is_none()).collect()
}
