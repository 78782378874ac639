//! The batch protocol between one agent and the hub, as plain functions: what is stored once,
//! what is answered, and how a restored or copied disk is found.

#[path = "shared/chain.rs"]
mod chain;

use agog_sync::chain::ChainHead;
use agog_sync::event::Envelope;
use agog_sync::frame::{LEDGER_BATCH_EVENTS_MAX, LedgerAck, LedgerBatch, PROTOCOL};
use agog_sync::ids::ProducerId;
use agog_sync::inbox::{Decision, ProducerState, accept};
use agog_sync::outbox::{LocalLedger, Standing, compare};
use proptest::prelude::*;
use uuid::Uuid;

use chain::{events, producer};

/// A ledger of `length` events; `flavour` makes ledgers with other content.
fn ledger(epoch: u64, length: u64, flavour: u128) -> Vec<Envelope> {
    let genesis = ChainHead::genesis(producer(), epoch);
    events(epoch, genesis, length, flavour)
}

/// The events `first..=last` of a ledger as a batch.
fn batch(epoch: u64, ledger: &[Envelope], first: u64, last: u64) -> LedgerBatch {
    let range = usize::try_from(first - 1).unwrap()..usize::try_from(last).unwrap();
    LedgerBatch {
        protocol: PROTOCOL,
        producer: producer(),
        epoch,
        first_seq: first,
        last_seq: last,
        prev_hash: ledger[range.start].prev_hash,
        opened: None,
        events: ledger[range].to_vec(),
    }
}

/// The hub after it took the first `length` events of a ledger.
fn hub(epoch: u64, ledger: &[Envelope], length: u64) -> ProducerState {
    let head = match length {
        0 => ChainHead::genesis(producer(), epoch),
        _ => ledger[usize::try_from(length - 1).unwrap()].head(),
    };
    ProducerState {
        producer: producer(),
        epoch,
        head,
    }
}

#[test]
fn new_events_are_appended_and_a_repeat_is_a_duplicate() {
    let events = ledger(1, 5, 0);
    let start = ProducerState::first(producer());
    let decision = accept(&start, &batch(1, &events, 1, 5));
    assert_eq!(
        decision,
        Decision::Append {
            skip: 0,
            state: hub(1, &events, 5)
        }
    );
    assert_eq!(
        accept(&hub(1, &events, 5), &batch(1, &events, 1, 5)),
        Decision::Duplicate {
            state: hub(1, &events, 5)
        }
    );
}

#[test]
fn an_overlap_stores_only_what_is_new() {
    let events = ledger(1, 9, 0);
    assert_eq!(
        accept(&hub(1, &events, 6), &batch(1, &events, 4, 9)),
        Decision::Append {
            skip: 3,
            state: hub(1, &events, 9)
        }
    );
}

#[test]
fn a_gap_is_answered_with_what_is_expected() {
    let events = ledger(1, 9, 0);
    assert_eq!(
        accept(&hub(1, &events, 2), &batch(1, &events, 4, 9)),
        Decision::Gap {
            expected: hub(1, &events, 2)
        }
    );
}

#[test]
fn an_older_epoch_is_fenced_and_a_newer_one_starts_from_its_own_genesis() {
    let (old, new) = (ledger(1, 3, 0), ledger(2, 3, 1));
    assert_eq!(
        accept(&hub(2, &new, 1), &batch(1, &old, 1, 3)),
        Decision::Fenced { epoch: 2 }
    );
    assert_eq!(
        accept(&hub(1, &old, 3), &batch(2, &new, 1, 3)),
        Decision::Append {
            skip: 0,
            state: hub(2, &new, 3)
        }
    );
    assert!(matches!(
        accept(&hub(1, &old, 3), &batch(2, &new, 2, 3)),
        Decision::Gap { .. }
    ));
}

#[test]
fn another_ledger_under_the_same_numbers_is_broken_wherever_it_meets_the_hub() {
    let (ours, clone) = (ledger(1, 8, 0), ledger(1, 8, 1));
    for (first, last) in [(1, 8), (3, 8), (5, 8), (1, 5), (6, 8)] {
        let decision = accept(&hub(1, &ours, 5), &batch(1, &clone, first, last));
        assert!(
            matches!(decision, Decision::Broken { .. }),
            "{first}..={last}: {decision:?}"
        );
    }
}

#[test]
fn a_changed_event_is_broken_even_inside_a_batch() {
    let events = ledger(1, 5, 0);
    let mut changed = batch(1, &events, 1, 5);
    changed.events[2].kind = "lot.received".to_owned();
    let decision = accept(&ProducerState::first(producer()), &changed);
    assert!(matches!(decision, Decision::Broken { .. }), "{decision:?}");
}

#[test]
fn a_batch_that_contradicts_itself_is_malformed_with_what_was_expected() {
    let events = ledger(1, 5, 0);
    let start = ProducerState::first(producer());
    let mut cases = vec![];
    let mut case = batch(1, &events, 1, 5);
    case.protocol = 9;
    assert!(matches!(
        accept(&start, &case),
        Decision::UnknownProtocol { detail } if detail.contains("protocol 9")
    ));
    let mut case = batch(1, &events, 1, 5);
    case.producer = ProducerId::from_uuid(Uuid::from_u128(5));
    cases.push((case, "another producer"));
    let mut case = batch(1, &events, 1, 5);
    case.events.remove(2);
    cases.push((case, "without a gap"));
    let mut case = batch(1, &events, 1, 5);
    case.last_seq = 7;
    cases.push((case, "without a gap"));
    let mut case = batch(1, &events, 1, 5);
    case.events.clear();
    cases.push((case, "1 to 1000 events"));
    let mut case = batch(1, &events, 1, 5);
    case.first_seq = 0;
    cases.push((case, "start from 1"));
    for (case, expected) in cases {
        match accept(&start, &case) {
            Decision::Malformed { detail } => assert!(detail.contains(expected), "{detail}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
    assert_eq!(LEDGER_BATCH_EVENTS_MAX, 1_000);
}

#[test]
fn the_agent_sees_a_rolled_back_disk_a_clone_and_a_successor() {
    let events = ledger(1, 5, 0);
    let local = |length: usize, hub_seq: usize| LocalLedger {
        epoch: 1,
        head: events[length - 1].head(),
        hash_at_hub: events[..length].get(hub_seq - 1).map(|event| event.hash),
    };
    let ack = |seq: usize| LedgerAck {
        epoch: 1,
        last_seq: seq as u64,
        hash: events[seq - 1].hash,
        duplicate: false,
    };
    assert_eq!(
        compare(&local(5, 3), &ack(3)),
        Standing::InStep { acknowledged: 3 }
    );
    assert!(matches!(
        compare(&local(3, 5), &ack(5)),
        Standing::RolledBack { .. }
    ));
    let clone = LedgerAck {
        hash: events[0].hash,
        ..ack(3)
    };
    assert!(matches!(
        compare(&local(5, 3), &clone),
        Standing::Diverged { .. }
    ));
    let newer = LedgerAck { epoch: 2, ..ack(3) };
    assert!(matches!(
        compare(&local(5, 3), &newer),
        Standing::Superseded { .. }
    ));
    let older = LedgerAck { epoch: 0, ..ack(3) };
    assert_eq!(
        compare(&local(5, 3), &older),
        Standing::Behind {
            epoch: 0,
            acknowledged: 3
        }
    );
    let unknown = LedgerAck { epoch: 0, ..clone };
    assert_eq!(compare(&local(5, 3), &unknown), Standing::NewHere);
}

proptest! {
    /// Batches lost, repeated, reordered and cut anywhere: once every batch got through in some
    /// order, the hub has each event exactly once.
    #[test]
    fn any_delivery_of_any_batches_stores_each_event_exactly_once(
        cuts in prop::collection::vec((1_u64..=30, 0_u64..10), 1..60),
    ) {
        let events = ledger(1, 30, 0);
        let mut state = ProducerState::first(producer());
        let mut stored: Vec<u64> = vec![];
        let complete = [(1, 29)];
        for (first, more) in cuts.into_iter().chain(complete) {
            let sent = batch(1, &events, first, (first + more).min(30));
            match accept(&state, &sent) {
                Decision::Append { skip, state: next } => {
                    stored.extend(sent.events[skip..].iter().map(|event| event.seq));
                    state = next;
                }
                Decision::Duplicate { .. } => prop_assert!(sent.last_seq <= state.head.last_seq),
                Decision::Gap { .. } => prop_assert!(sent.first_seq > state.head.last_seq + 1),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(stored, (1..=30).collect::<Vec<_>>());
        prop_assert_eq!(state.head, events[29].head());
    }
}
