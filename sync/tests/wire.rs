//! Frames as they were recorded from the first version of the protocol: they are read and accepted for ever, and what
//! a newer side adds to them is passed over.

use agog_sync::event::DecodeError;
use agog_sync::frame::{
    BODY_BYTES_MAX, EnrolRequest, FeedBody, FeedItem, FeedPage, LedgerAck, LedgerBatch, LedgerPage,
    SnapshotPage, SyncState, TelemetryBatch, decode, encode,
};
use agog_sync::inbox::{Decision, ProducerState, accept};
use agog_sync::master::MasterKind;
use agog_sync::recovery::verify_page;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const BATCH: &str = include_str!("wire/batch.v1.json");
const ACK: &str = include_str!("wire/ack.v1.json");
const STATE: &str = include_str!("wire/state.v1.json");
const FEED_PAGE: &str = include_str!("wire/feed-page.v1.json");
const LEDGER_PAGE: &str = include_str!("wire/ledger-page.v1.json");
const MASTER_PAGE: &str = include_str!("wire/feed-page-master.v1.json");
const SNAPSHOT_PAGE: &str = include_str!("wire/snapshot-page.v1.json");
const TELEMETRY: &str = include_str!("wire/telemetry.v1.json");
const ENROL: &str = include_str!("wire/enrol.v1.json");

/// Reads a frame as it comes from the line.
fn from_wire<T: DeserializeOwned>(text: &str) -> T {
    let body = zstd::stream::encode_all(text.as_bytes(), 3).unwrap();
    decode(&body, BODY_BYTES_MAX).unwrap()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// What we write of a recorded frame is what was recorded.
fn assert_written_alike<T: DeserializeOwned + Serialize>(text: &str) {
    let written = encode(&from_wire::<T>(text)).unwrap();
    let written: Value = decode(&written, BODY_BYTES_MAX).unwrap();
    assert_eq!(written, value(text));
}

#[test]
fn recorded_frames_of_version_1_are_read_and_written_alike() {
    assert_written_alike::<LedgerBatch>(BATCH);
    assert_written_alike::<LedgerAck>(ACK);
    assert_written_alike::<SyncState>(STATE);
    assert_written_alike::<FeedPage>(FEED_PAGE);
    assert_written_alike::<FeedPage>(MASTER_PAGE);
    assert_written_alike::<SnapshotPage>(SNAPSHOT_PAGE);
    assert_written_alike::<LedgerPage>(LEDGER_PAGE);
    assert_written_alike::<TelemetryBatch>(TELEMETRY);
    assert_written_alike::<EnrolRequest>(ENROL);
}

#[test]
fn a_recorded_batch_of_version_1_is_accepted_and_understood() {
    let batch: LedgerBatch = from_wire(BATCH);
    let ack: LedgerAck = from_wire(ACK);
    let decision = accept(&ProducerState::first(batch.producer), &batch);
    let Decision::Append { skip: 0, state } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(
        (state.head.last_seq, state.head.hash),
        (ack.last_seq, ack.hash)
    );
    for event in &batch.events {
        event.event().unwrap();
    }
    let page: LedgerPage = from_wire(LEDGER_PAGE);
    let head = verify_page(batch.producer, 1, &batch.events[0].head(), &page.events).unwrap();
    assert_eq!(head, state.head);
}

fn kind(body: &FeedBody) -> &str {
    match body {
        FeedBody::JobTicket(_) => "ticket",
        FeedBody::JobCommand(_) => "command",
        FeedBody::Master(item) => item.kind.as_str(),
        FeedBody::LedgerEvent(event) => {
            let envelope = &event.event;
            envelope
                .verify(event.producer, event.epoch, &envelope.prev_hash)
                .unwrap();
            "event"
        }
        FeedBody::Unknown(unknown) => &unknown.kind,
    }
}

fn kinds(items: &[FeedItem]) -> Vec<&str> {
    items.iter().map(|item| kind(&item.body)).collect()
}

#[test]
fn every_kind_of_a_recorded_feed_is_understood() {
    let page: FeedPage = from_wire(FEED_PAGE);
    assert_eq!(kinds(&page.items), ["ticket", "command", "event"]);
    let page: FeedPage = from_wire(MASTER_PAGE);
    let all = MasterKind::ALL.map(MasterKind::as_str);
    assert_eq!(kinds(&page.items), all);
    let page: SnapshotPage = from_wire(SNAPSHOT_PAGE);
    assert_eq!(kinds(&page.items), ["ticket", "event"]);
    assert_eq!(page.holds.len(), 1);
}

#[test]
fn an_item_of_a_kind_that_is_not_known_is_kept_and_costs_the_others_nothing() {
    let newer = MASTER_PAGE
        .replace(
            r#"{"master":{"kind":"locations""#,
            r#"{"weather":{"kind":"wind""#,
        )
        .replace(r#""kind":"reasons""#, r#""kind":"suppliers""#);
    assert_written_alike::<FeedPage>(&newer);
    let page: FeedPage = from_wire(&newer);
    assert_eq!(
        kinds(&page.items),
        ["materials", "weather", "operators", "master"]
    );
    let FeedBody::Unknown(unknown) = &page.items[3].body else {
        panic!("{page:?}");
    };
    assert!(unknown.why.contains("suppliers"), "{}", unknown.why);
}

/// Adds to a frame, its events and its items what this version does not know. In the text, because payloads are hashed
/// as they are written.
fn of_a_newer_side(text: &str) -> String {
    let unknown = r#"{"of_version_2":{"new":[1,2]},"#;
    text.replacen('{', unknown, 1)
        .replace(r#"{"seq":"#, &format!(r#"{unknown}"seq":"#))
        .replace(r#"{"n":"#, &format!(r#"{unknown}"n":"#))
}

#[test]
fn unknown_fields_of_a_newer_side_are_passed_over() {
    let batch: LedgerBatch = from_wire(&of_a_newer_side(BATCH));
    let decision = accept(&ProducerState::first(batch.producer), &batch);
    assert!(matches!(decision, Decision::Append { .. }), "{decision:?}");
    from_wire::<LedgerAck>(&of_a_newer_side(ACK));
    from_wire::<SyncState>(&of_a_newer_side(STATE));
    for page in [FEED_PAGE, MASTER_PAGE] {
        let page: FeedPage = from_wire(&of_a_newer_side(page));
        let is_known = |item: &FeedItem| !matches!(item.body, FeedBody::Unknown(_));
        assert!(page.items.iter().all(is_known), "{page:?}");
    }
    from_wire::<SnapshotPage>(&of_a_newer_side(SNAPSHOT_PAGE));
    from_wire::<LedgerPage>(&of_a_newer_side(LEDGER_PAGE));
    from_wire::<TelemetryBatch>(&of_a_newer_side(TELEMETRY));
    from_wire::<EnrolRequest>(&of_a_newer_side(ENROL));
}

#[test]
fn a_newer_protocol_is_refused_and_a_newer_payload_is_kept_with_its_reason() {
    let mut batch: LedgerBatch = from_wire(BATCH);
    batch.protocol = 2;
    let decision = accept(&ProducerState::first(batch.producer), &batch);
    assert!(
        matches!(&decision, Decision::UnknownProtocol { detail } if detail.contains("protocol 2")),
        "{decision:?}"
    );
    let mut newer = batch.events[0].clone();
    newer.version = 2;
    assert!(matches!(
        newer.event(),
        Err(DecodeError::UnknownVersion { version: 2, .. })
    ));
    newer.kind = "lot.teleported".to_owned();
    assert!(matches!(newer.event(), Err(DecodeError::UnknownKind(_))));
}
