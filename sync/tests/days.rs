//! Days that are over, counted on both sides: what is the same agrees, and whatever was changed is found with its number.

#[path = "shared/chain.rs"]
mod chain;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::days::{
    DayClaim, DayHasher, DayProof, DaySpan, DaysAnswer, DaysRequest, REQUEST_EVENTS_MAX,
    REQUEST_SPANS_MAX, day_of, request_len,
};
use agog_sync::event::{Envelope, SealedParts};
use agog_sync::frame::PROTOCOL;
use agog_sync::report::{AgentReport, REPORT_BYTES_MAX, skew_ms};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{json, value::RawValue};

use chain::{events, producer};

fn day(length: u64) -> Vec<Envelope> {
    events(1, ChainHead::genesis(producer(), 1), length, 0)
}

fn computed(event: &Envelope) -> Hash {
    SealedParts {
        seq: event.seq,
        event_id: event.event_id,
        kind: &event.kind,
        version: event.version,
        occurred_at_us: event.occurred_at.as_microsecond(),
        recorded_at_us: event.recorded_at.as_microsecond(),
        actor: &event.actor,
        payload: event.payload.get(),
        prev_hash: &event.prev_hash,
    }
    .hash(producer(), 1)
}

/// What a side has that should have the events 1 to `last_seq`.
fn proof(events: &[Envelope], last_seq: u64) -> DayProof {
    let mut hasher = DayHasher::new(producer(), 1, 1);
    for event in events {
        hasher.add(event.seq, &event.prev_hash, &event.hash, &computed(event));
    }
    hasher.finish(last_seq)
}

fn span(first_seq: u64, last_seq: u64) -> DaySpan {
    DaySpan {
        epoch: 1,
        first_seq,
        last_seq,
        day: "2026-11-21".parse().unwrap(),
    }
}

fn request(spans: &[DaySpan]) -> DaysRequest {
    let proof = proof(&day(1), 1);
    DaysRequest {
        protocol: PROTOCOL,
        days: spans
            .iter()
            .map(|span| DayClaim { span: *span, proof })
            .collect(),
    }
}

#[test]
fn an_event_belongs_to_the_utc_day_of_its_recording() {
    let at = |text: &str| day_of(text.parse::<Timestamp>().unwrap()).to_string();
    assert_eq!(at("2026-11-21T23:59:59.999999Z"), "2026-11-21");
    assert_eq!(at("2026-11-22T00:30:00+01:00"), "2026-11-21");
    assert_eq!(at("1969-12-31T23:59:59Z"), "1969-12-31");
}

#[test]
fn a_payload_that_was_changed_is_found_although_its_hash_was_left_alone() {
    let sealed = day(9);
    let mut changed = sealed.clone();
    changed[4].payload = RawValue::from_string(
        changed[4]
            .payload
            .get()
            .replace("\"count\":5", "\"count\":6"),
    )
    .unwrap();

    let (good, bad) = (proof(&sealed, 9), proof(&changed, 9));

    assert!(good.agrees_with(&proof(&sealed, 9)));
    assert_eq!((good.events, good.fault), (9, None));
    assert!(!bad.agrees_with(&good));
    assert_eq!((bad.events, bad.fault), (9, Some(5)));
    // Whoever seals it again has broken the link to the next one.
    changed[4].hash = computed(&changed[4]);
    assert_eq!(proof(&changed, 9).fault, Some(6));
    assert!(!proof(&changed, 9).agrees_with(&good));
}

#[test]
fn both_sides_with_the_same_fault_do_not_agree() {
    let lost = &day(5)[1..];
    assert_eq!(proof(lost, 5).fault, Some(1));
    assert!(!proof(lost, 5).agrees_with(&proof(lost, 5)));
    assert_eq!(proof(&day(4), 5).fault, Some(5), "the end is missing");
    assert_eq!(proof(&[], 5).fault, Some(1), "all of it is");
    let mut hasher = DayHasher::new(producer(), 1, 1);
    hasher.add_unreadable(1);
    assert_eq!(hasher.finish(1).fault, Some(1));
}

proptest! {
    #[test]
    fn an_event_that_is_missing_or_altered_is_found_wherever_it_is(length in 1_u64..40, at in 0_usize..40, how in 0..3) {
        let sealed = day(length);
        let at = at % sealed.len();
        let mut found = sealed.clone();
        match how {
            0 => { found.remove(at); }
            1 => found[at].hash = Hash::from_bytes([7; 32]),
            _ => found[at].recorded_at += jiff::SignedDuration::from_secs(1),
        }
        let (good, bad) = (proof(&sealed, length), proof(&found, length));
        prop_assert!(good.agrees_with(&proof(&sealed, length)));
        prop_assert!(!bad.agrees_with(&good));
        prop_assert_eq!(bad.fault, Some(sealed[at].seq));
    }
}

#[test]
fn what_no_agent_asks_is_refused_before_anything_is_counted() {
    let refused = |request: &DaysRequest| request.check().unwrap_err();
    assert_eq!(request(&[span(1, 10), span(11, 11)]).check(), Ok(()));
    assert!(refused(&request(&[span(0, 1)])).contains("no span"));
    assert!(refused(&request(&[span(9, 8)])).contains("no span"));
    assert!(refused(&request(&[span(1, u64::MAX)])).contains("no span"));
    let long = request(&[span(1, REQUEST_EVENTS_MAX), span(1, 1)]);
    assert!(refused(&long).contains("events"));
    let many = request(&vec![span(1, 1); REQUEST_SPANS_MAX + 1]);
    assert!(refused(&many).contains("spans"));
    let newer = DaysRequest {
        protocol: PROTOCOL + 1,
        days: Vec::new(),
    };
    assert!(refused(&newer).contains("protocol"));
}

#[test]
fn a_request_names_as_many_days_as_are_counted_at_a_time() {
    let full = span(1, REQUEST_EVENTS_MAX);
    let half = span(1, REQUEST_EVENTS_MAX / 2);
    assert_eq!(request_len([full, span(1, 1)]), 1);
    assert_eq!(request_len([half, half, span(1, 1)]), 2);
    assert_eq!(
        request_len(vec![span(1, 1); 2 * REQUEST_SPANS_MAX]),
        REQUEST_SPANS_MAX
    );
}

#[test]
fn frames_of_days_pass_over_what_a_newer_side_adds() {
    let hash = Hash::from_bytes([1; 32]);
    let written = serde_json::to_value(request(&[span(1, 3)])).unwrap();
    assert_eq!(written["days"][0]["span"]["day"], "2026-11-21");
    let answer = json!({ "days": [
        { "span": { "epoch": 1, "first_seq": 1, "last_seq": 3, "day": "2026-11-21", "shift": 2 }, "mood": "good",
          "proof": { "events": 3, "hash": hash, "colour": "red" } },
        { "span": { "epoch": 1, "first_seq": 4, "last_seq": 5, "day": "2026-11-22" }, "proof": null },
    ], "more": true });
    let answer: DaysAnswer = serde_json::from_value(answer).unwrap();
    assert_eq!(answer.days[0].span, span(1, 3));
    assert_eq!(answer.days[0].proof.unwrap().events, 3);
    assert_eq!(answer.days[1].proof, None);
}

#[test]
fn a_report_is_read_from_its_header_and_garbage_is_none() {
    let at: Timestamp = "2026-11-22T08:00:00.5Z".parse().unwrap();
    let report = AgentReport {
        at,
        epoch: 3,
        head_seq: u64::MAX,
        waiting: u64::MAX,
        oldest_waiting_at: Some(at),
    };
    let header = report.to_header();
    assert!(
        header.is_ascii() && header.len() * 2 <= REPORT_BYTES_MAX,
        "{header}"
    );
    assert_eq!(AgentReport::from_header(header.as_bytes()), Some(report));
    let newer = header.replace('{', "{\"mood\":\"good\",");
    assert_eq!(AgentReport::from_header(newer.as_bytes()), Some(report));
    for garbage in [&b""[..], b"{}", b"\xff", &[b' '; REPORT_BYTES_MAX + 1]] {
        assert_eq!(AgentReport::from_header(garbage), None);
    }
    let hub = "2026-11-22T08:00:02Z".parse().unwrap();
    assert_eq!((skew_ms(at, hub), skew_ms(hub, at)), (-1_500, 1_500));
    assert!(skew_ms(Timestamp::MAX, Timestamp::MIN) > 0);
}
