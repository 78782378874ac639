//! Seeded worlds: agents, a hub and a bad line, with crashes, wrong clocks and disks that forget. The rules and the
//! protocol are the crate's own; only stores and lines are stand-ins.
//!
//! `SEEDS=10000 make simulate` runs long; a failing seed is printed, and `SEED=…` runs it alone.

mod agent;
mod disk;
mod hub;
mod moves;
mod network;
mod shelf;
mod world;

use std::io::Write as _;

use network::Quality;
use world::{Faults, Tally, World};

/// Worlds of each kind in the usual run of the tests.
const SEEDS: u64 = 200;

/// Steps of one world: some hundred facts.
const STEPS: usize = 300;

const CALM: Faults = Faults {
    quality: Quality {
        lost: 0,
        repeated: 0,
    },
    trouble: 0,
    lying_disks: false,
    restores: false,
};

/// Runs worlds of one kind, and tells what was seen in them.
fn worlds(name: &str, faults: Faults) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let mut sum = Tally::default();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        match World::new(seed, faults).run(STEPS) {
            Ok(tally) => {
                sum.facts += tally.facts;
                sum.crashes += tally.crashes;
                sum.repeats += tally.repeats;
                sum.early_holds += tally.early_holds;
                sum.enrolled += tally.enrolled;
            }
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
    let quality = Quality {
        lost: 100,
        repeated: 100,
    };
    worlds(
        "trouble",
        Faults {
            quality,
            trouble: 100,
            ..CALM
        },
    );
}

#[test]
fn disks_that_lie_about_syncing_lose_only_what_the_hub_never_got() {
    let quality = Quality {
        lost: 100,
        repeated: 100,
    };
    let faults = Faults {
        quality,
        trouble: 100,
        lying_disks: true,
        ..CALM
    };
    worlds("lying disks", faults);
}

#[test]
fn backups_that_are_put_back_get_everything_again_that_the_hub_has() {
    let quality = Quality {
        lost: 100,
        repeated: 100,
    };
    let faults = Faults {
        quality,
        trouble: 100,
        restores: true,
        ..CALM
    };
    worlds("restores", faults);
}
