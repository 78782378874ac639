//! After a disk was set back or copied: where both sides part, what comes back, and which of two
//! processes is served.

#[path = "shared/chain.rs"]
mod chain;

use agog_sync::chain::ChainHead;
use agog_sync::ids::{ProducerId, RunId};
use agog_sync::recovery::{Placing, Question, Search, placing, verify_page};
use agog_sync::runs::{RunClaim, RunDecision, RunState, decide, unmet};
use proptest::prelude::*;
use uuid::Uuid;

use chain::{events, producer};

/// Runs a search between two chains that share their first `common` events; tells how often it asked.
fn search(common: u64, local: u64, hub: u64, acknowledged: u64, page: u64) -> (u64, u32) {
    let mut search = Search::new(local, acknowledged);
    for asked in 0..200 {
        match search.question() {
            Question::Found { common } => return (common, asked),
            Question::Ask { after } => {
                let same: Vec<bool> = (after + 1..=hub.min(after + page))
                    .map(|seq| seq <= common)
                    .collect();
                search.heard(after, !same.is_empty() && after <= common, &same);
            }
        }
    }
    panic!("the search does not end");
}

proptest! {
    #[test]
    fn the_place_where_both_sides_part_is_found_in_few_questions(
        common in 0_u64..5_000, more_here in 0_u64..3_000, more_there in 0_u64..3_000,
        acknowledged in 0_u64..9_000, page in 1_u64..1_001,
    ) {
        let (found, asked) = search(common, common + more_here, common + more_there, acknowledged, page);
        prop_assert_eq!(found, common);
        prop_assert!(asked <= 15, "{} questions", asked);
    }
}

#[test]
fn a_restored_disk_that_knew_what_was_acknowledged_asks_once() {
    assert_eq!(search(60, 65, 100, 60, 1_000), (60, 1));
    assert_eq!(search(60, 60, 100, 60, 1_000), (60, 1));
}

#[test]
fn a_page_is_taken_whole_or_not_at_all() {
    let genesis = ChainHead::genesis(producer(), 2);
    let page = events(2, genesis, 5, 1);
    let head = verify_page(producer(), 2, &genesis, &page[..3]).unwrap();
    assert_eq!(
        verify_page(producer(), 2, &head, &page[3..]).unwrap(),
        page[4].head()
    );

    let hole = verify_page(producer(), 2, &genesis, &page[1..]).unwrap_err();
    assert_eq!(
        hole.to_string(),
        "event 2 of epoch 2 came where event 1 was expected"
    );
    let mut altered = page.clone();
    altered[2].payload = page[1].payload.clone();
    assert!(verify_page(producer(), 2, &genesis, &altered).is_err());
    let foreign = ProducerId::from_uuid(Uuid::from_u128(78));
    assert!(verify_page(foreign, 2, &genesis, &page).is_err());

    let other = events(2, genesis, 3, 9)[2].head();
    let error = verify_page(producer(), 2, &other, &page[3..]).unwrap_err();
    assert!(error.parts_earlier(&other), "{error}");
}

#[test]
fn what_comes_back_is_stored_once_and_a_fact_has_its_effects_once() {
    let genesis = ChainHead::genesis(producer(), 1);
    let (ours, theirs) = (events(1, genesis, 1, 1), events(1, genesis, 1, 2));
    let (here, event) = (ours[0].hash, &theirs[0]);
    assert_eq!(placing(event, Some(event.hash), true), Placing::Present);
    let new = |replaces| Placing::New { replaces };
    assert_eq!(placing(event, None, false), new(false));
    assert_eq!(placing(event, Some(here), false), new(true));
    assert_eq!(
        placing(event, Some(here), true),
        Placing::Known { replaces: true }
    );
}

/// The hub's memory of runs, as its tables keep it.
#[derive(Default)]
struct Desk {
    runs: Vec<(RunId, RunState)>,
}

impl Desk {
    fn state(&self, run: RunId) -> Option<RunState> {
        self.runs
            .iter()
            .find(|(known, _)| *known == run)
            .map(|(_, state)| *state)
    }

    fn set(&mut self, run: RunId, state: RunState) {
        self.runs.retain(|(known, _)| *known != run);
        self.runs.push((run, state));
    }

    fn ask(&mut self, run: u128, before: &[u128]) -> RunDecision {
        let id = |n: u128| RunId::from_uuid(Uuid::from_u128(n));
        let claim = RunClaim {
            run: id(run),
            before: before.iter().copied().map(id).collect(),
        };
        let served = self
            .runs
            .iter()
            .find(|(_, state)| *state == RunState::Current)
            .map(|(run, _)| *run);
        let decision = decide(&claim, served.is_some(), |run| self.state(run));
        match decision {
            RunDecision::Serve => {}
            RunDecision::Continue | RunDecision::TakeOver => {
                if let Some(served) = served {
                    self.set(served, RunState::Superseded);
                }
                for run in unmet(&claim, |run| self.state(run)) {
                    self.set(run, RunState::Superseded);
                }
                self.set(claim.run, RunState::Current);
            }
            RunDecision::Fence => self.set(claim.run, RunState::Fenced),
        }
        decision
    }
}

#[test]
fn restarts_go_on_also_in_quick_succession_and_after_a_crash_before_the_first_contact() {
    let mut desk = Desk::default();
    assert_eq!(desk.ask(1, &[]), RunDecision::Continue);
    assert_eq!(desk.ask(1, &[]), RunDecision::Serve);
    assert_eq!(desk.ask(2, &[1]), RunDecision::Continue);
    // Runs 3 and 4 ended before the hub heard of them.
    assert_eq!(desk.ask(5, &[4, 3, 2, 1]), RunDecision::Continue);
    assert_eq!(desk.ask(5, &[4, 3, 2, 1]), RunDecision::Serve);
}

#[test]
fn a_first_request_that_was_long_on_its_way_refuses_nobody_but_the_run_that_has_ended() {
    let mut desk = Desk::default();
    desk.ask(1, &[]);
    // Run 2 was killed while its request was on its way, and its successor is heard first.
    assert_eq!(desk.ask(3, &[2, 1]), RunDecision::Continue);
    assert_eq!(desk.ask(2, &[1]), RunDecision::Fence);
    assert_eq!(desk.ask(3, &[2, 1]), RunDecision::Serve);
    assert_eq!(desk.ask(4, &[3, 2, 1]), RunDecision::Continue);
}

#[test]
fn a_restored_backup_takes_over_and_restarts_from_there() {
    let mut desk = Desk::default();
    desk.ask(1, &[]);
    desk.ask(2, &[1]);
    desk.ask(3, &[2, 1]);
    assert_eq!(desk.ask(11, &[1]), RunDecision::TakeOver);
    assert_eq!(desk.ask(12, &[11, 1]), RunDecision::Continue);
}

#[test]
fn of_two_live_processes_the_one_that_was_superseded_is_fenced_for_good() {
    let mut desk = Desk::default();
    desk.ask(1, &[]);
    // A copy of the disk of run 1 is started while run 1 is alive.
    assert_eq!(desk.ask(21, &[1]), RunDecision::Continue);
    assert_eq!(desk.ask(1, &[]), RunDecision::Fence);
    assert_eq!(desk.ask(1, &[]), RunDecision::Fence);
    assert_eq!(
        desk.ask(2, &[1]),
        RunDecision::Fence,
        "also after a restart"
    );
    assert_eq!(desk.ask(3, &[2, 1]), RunDecision::Fence);
    assert_eq!(desk.ask(21, &[1]), RunDecision::Serve);
    assert_eq!(desk.ask(22, &[21, 1]), RunDecision::Continue);
}

#[test]
fn a_hub_that_was_set_back_goes_on_with_the_lineage_it_knows() {
    let mut desk = Desk::default();
    desk.ask(1, &[]);
    // Runs 2 and 3 were served, and the hub has lost it.
    assert_eq!(desk.ask(3, &[2, 1]), RunDecision::Continue);
}

proptest! {
    /// Processes of one identity start, crash and ask in any order: at no time are two served, and a
    /// process that was answered last is not refused when nobody else asked since.
    #[test]
    fn never_are_two_processes_served(steps in prop::collection::vec((0_usize..3, 0_u8..3), 1..60)) {
        let mut desk = Desk::default();
        let mut files: Vec<Vec<u128>> = vec![vec![1], vec![2, 1], vec![3, 1]];
        let mut next = 10;
        let mut served = None;
        for (process, action) in steps {
            if action == 0 {
                next += 1;
                files[process].insert(0, next);
            }
            let decision = desk.ask(files[process][0], &files[process][1..]);
            let current = desk.runs.iter().filter(|(_, state)| *state == RunState::Current).count();
            prop_assert!(current == 1);
            if served == Some(process) {
                prop_assert!(decision != RunDecision::Fence);
            }
            if decision != RunDecision::Fence {
                served = Some(process);
            }
        }
    }
}
