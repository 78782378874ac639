//! Seeded worlds: agents, a hub and a bad line, with crashes, wrong clocks, disks that forget or are copied, and programs of
//! two versions. The rules and the protocol are the crate's own; only stores and lines are stand-ins.
//!
//! `SEEDS=10000 make simulate` runs long; a failing seed is printed, and `SEED=…` runs it alone.

mod agent;
mod days;
mod disk;
mod hub;
mod moves;
mod network;
mod papers;
mod program;
mod shelf;
mod world;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use network::Quality;
use world::{Faults, Tally, World};

/// Worlds of each kind in the usual run of the tests: all kinds together take about 15 s of a processor there.
const SEEDS: u64 = 120;

/// Worlds with documents in the usual run: each change is merged on every replica, which takes much longer than a fact, so
/// that one of these worlds costs as much as ten others.
const SEEDS_WITH_DOCUMENTS: u64 = 15;

/// Steps of one world: some hundred facts.
const STEPS: usize = 300;

/// Steps of one world with documents.
const STEPS_WITH_DOCUMENTS: usize = 100;

const CALM: Faults = Faults {
    quality: Quality {
        lost: 0,
        repeated: 0,
    },
    trouble: 0,
    lying_disks: false,
    restores: false,
    clones: false,
    versions: false,
    documents: 0,
    days: false,
};

/// A line and machines that fail now and then.
const TROUBLE: Faults = Faults {
    quality: Quality {
        lost: 100,
        repeated: 100,
    },
    trouble: 100,
    ..CALM
};

/// Runs worlds of one kind, and tells what was seen in them.
fn worlds(name: &str, faults: Faults) {
    let (usual, steps) = if faults.documents > 0 {
        (SEEDS_WITH_DOCUMENTS, STEPS_WITH_DOCUMENTS)
    } else {
        (SEEDS, STEPS)
    };
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(usual),
    };
    let mut sum = Tally::default();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        // What gives up in the middle of something must name its seed as well.
        let run = || World::new(seed, faults).run(steps);
        let Ok(result) = catch_unwind(AssertUnwindSafe(run)) else {
            panic!("{name}, SEED={seed}: see above");
        };
        match result {
            Ok(tally) => sum.add(&tally),
            Err(error) => panic!("{name}, SEED={seed}: {error}"),
        }
    }
    // Whoever reads may have gone; the worlds have run all the same.
    let _ = writeln!(std::io::stdout(), "{name}: {count} seeds, {sum:?}");
}

#[test]
fn with_a_good_line_everything_arrives() {
    worlds("calm", CALM);
}

#[test]
fn nothing_is_lost_or_doubled_on_a_bad_line() {
    let quality = Quality {
        lost: 200,
        repeated: 200,
    };
    worlds("bad line", Faults { quality, ..CALM });
}

#[test]
fn crashes_cuts_and_wrong_clocks_lose_nothing() {
    worlds("trouble", TROUBLE);
}

#[test]
fn disks_that_lie_about_syncing_lose_only_what_the_hub_never_got() {
    let faults = Faults {
        lying_disks: true,
        ..TROUBLE
    };
    worlds("lying disks", faults);
}

#[test]
fn backups_that_are_put_back_get_everything_again_that_the_hub_has() {
    let faults = Faults {
        restores: true,
        ..TROUBLE
    };
    worlds("restores", faults);
}

#[test]
fn of_a_machine_and_its_copies_one_is_served_and_the_others_keep_what_they_record() {
    let faults = Faults {
        clones: true,
        ..TROUBLE
    };
    worlds("clones", faults);
}

#[test]
fn what_an_older_program_cannot_read_is_applied_once_by_the_next() {
    let faults = Faults {
        versions: true,
        ..TROUBLE
    };
    worlds("versions", faults);
}

#[test]
fn documents_that_are_edited_everywhere_are_the_same_in_the_end() {
    let faults = Faults {
        restores: true,
        documents: 200,
        ..TROUBLE
    };
    worlds("documents", faults);
}

#[test]
fn days_that_are_over_are_proven_and_a_changed_row_is_found() {
    let faults = Faults {
        restores: true,
        days: true,
        ..TROUBLE
    };
    worlds("days", faults);
}

#[test]
fn everything_at_once_loses_only_what_the_hub_never_got() {
    let faults = Faults {
        lying_disks: true,
        restores: true,
        clones: true,
        versions: true,
        documents: 100,
        days: true,
        ..TROUBLE
    };
    worlds("everything", faults);
}
