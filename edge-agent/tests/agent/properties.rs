//! Random commands: the books stay balanced (I8), and balances are what the events say.

use crate::support::*;
use agog_edge::ledger::{AppendError, LotCommand};
use agog_sync::ids::EventId;
use proptest::prelude::*;

/// One step, by the index of the lots it uses; the test turns it into a command on real numbers.
#[derive(Debug, Clone)]
enum Step {
    Receive(i64),
    Split(usize, i64, i64),
    Merge(usize, usize, i64),
    Consume(usize, i64, u8),
    Force(usize, i64),
    Produce(usize, i64, u8),
    Waste(usize, i64),
    Adjust(usize, i64),
    Hold(usize),
    Release(usize),
    Ship(usize, i64),
    Correct(usize, bool),
    Return(usize, i64, bool),
    Pack(usize, u32, Option<i64>),
    Unpack(usize, u32),
    ShipContainer(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let lot = 0_usize..64;
    let amount = 1_i64..120;
    prop_oneof![
        3 => (50_i64..500).prop_map(Step::Receive),
        3 => (lot.clone(), amount.clone(), 0_i64..20).prop_map(|(l, a, w)| Step::Split(l, a, w)),
        2 => (lot.clone(), lot.clone(), amount.clone()).prop_map(|(a, b, n)| Step::Merge(a, b, n)),
        4 => (lot.clone(), amount.clone(), 0_u8..4).prop_map(|(l, a, j)| Step::Consume(l, a, j)),
        1 => (lot.clone(), amount.clone()).prop_map(|(l, a)| Step::Force(l, a)),
        2 => (lot.clone(), amount.clone(), 0_u8..4).prop_map(|(l, a, j)| Step::Produce(l, a, j)),
        2 => (lot.clone(), amount.clone()).prop_map(|(l, a)| Step::Waste(l, a)),
        1 => (lot.clone(), -50_i64..50).prop_map(|(l, a)| Step::Adjust(l, a)),
        1 => lot.clone().prop_map(Step::Hold),
        1 => lot.clone().prop_map(Step::Release),
        2 => (lot.clone(), amount.clone()).prop_map(|(l, a)| Step::Ship(l, a)),
        2 => (lot.clone(), amount, any::<bool>()).prop_map(|(l, a, h)| Step::Return(l, a, h)),
        2 => (lot.clone(), 0_u32..4, prop::option::of(1_i64..120)).prop_map(|(l, c, a)| Step::Pack(l, c, a)),
        1 => (lot.clone(), 0_u32..4).prop_map(|(l, c)| Step::Unpack(l, c)),
        1 => (0_u32..4).prop_map(Step::ShipContainer),
        3 => (lot, any::<bool>()).prop_map(|(event, force)| Step::Correct(event, force)),
    ]
}

fn command(step: &Step, numbers: &[String], events: &[EventId], n: usize) -> LotCommand {
    let lot = |index: &usize| numbers[index % numbers.len()].as_str();
    let new = format!("NEW-{n}");
    let job_of = |job_number: &u8| job(&format!("Job-{job_number}"));
    match step {
        Step::Receive(amount) => receive(&new, *amount),
        Step::Split(from, amount, 0) => split(lot(from), &[(&new, *amount)], &[]),
        Step::Split(from, amount, waste) => split(
            lot(from),
            &[(&new, *amount)],
            &[(&format!("{new}-W"), *waste)],
        ),
        Step::Merge(a, b, amount) => merge(&[(lot(a), Some(*amount)), (lot(b), None)], &new),
        Step::Consume(from, amount, job_number) => consume(lot(from), *amount, job_of(job_number)),
        Step::Force(from, amount) => forced(consume(lot(from), *amount, job("Job-0")), "found"),
        Step::Produce(from, amount, job_number) => produce(
            &new,
            *amount,
            &[(lot(from), Some(*amount))],
            job_of(job_number),
        ),
        Step::Waste(from, amount) => waste(lot(from), *amount),
        Step::Adjust(from, by) => adjust_by(lot(from), *by),
        Step::Hold(of) => hold(lot(of)),
        Step::Release(of) => release(lot(of)),
        Step::Ship(from, amount) => ship(lot(from), Some(*amount)),
        Step::Return(lot_index, amount, held) => return_lot(lot(lot_index), *amount, *held),
        Step::Pack(from, container, amount) => pack(*container, &[(lot(from), *amount)]),
        Step::Unpack(from, container) => unpack(*container, &[(lot(from), None)]),
        Step::ShipContainer(container) => ship_container(*container),
        Step::Correct(event, force) => {
            let command = correct(events[event % events.len()], "typed wrong");
            if *force {
                forced(command, "counted")
            } else {
                command
            }
        }
    }
}

proptest! {
    // Each case commits dozens of events with an fsync each.
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn random_commands_keep_the_books_and_the_replay_equal(
        steps in prop::collection::vec(step(), 10..60),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let test = TestLedger::seeded(seed);
            let first = test.lot(receive("LOT-0", 1_000)).await.unwrap();
            let mut events = vec![first.events[0].event_id];
            let mut numbers = vec!["LOT-0".to_owned()];
            let mut recorded = 1;
            for (n, step) in steps.iter().enumerate() {
                test.clock.advance(jiff::SignedDuration::from_secs(1));
                match test.lot(command(step, &numbers, &events, n)).await {
                    Ok(done) => {
                        recorded += u64::try_from(done.events.len()).unwrap();
                        events.extend(done.events.iter().map(|event| event.event_id));
                        for lot in done.lots {
                            if !numbers.contains(&lot.lot.number) {
                                numbers.push(lot.lot.number);
                            }
                        }
                    }
                    Err(AppendError::Refused(_)) => {}
                    Err(error) => panic!("{step:?}: {error}"),
                }
            }
            test.assert_whole(recorded).await;
        });
    }
}
