//! Documents at the plant: edited over the ledger, changed by what comes down, whole after restarts and rolled-back disks.

use std::collections::BTreeMap;

use crate::support::*;
use agog_edge::ledger::document::DocumentEdit;
use agog_edge::ledger::{
    Append, AppendError, Fact, FeedOutcome, IdempotencyKey, Ledger, LedgerError, Reader, What,
};
use agog_sync::chain::{ChainHead, Hash};
use agog_sync::clock::{Clock, ManualClock};
use agog_sync::document::repair::DocumentHeads;
use agog_sync::document::{
    Applied, Author, Content, Document, DocumentChanged, DocumentKey, DocumentKind, Edit, Role,
};
use agog_sync::event::{Actor, Envelope, Event, NewEvent};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, LedgerAck};
use agog_sync::ids::{EventId, ProducerId};
use rand::SeedableRng;
use rand::rngs::StdRng;

const HOLD: &str = "01932b9e-7c00-7000-8000-000000000001";

pub(crate) fn key() -> DocumentKey {
    DocumentKey::new(DocumentKind::HoldDiscussion, HOLD)
}

pub(crate) fn comment(text: &str) -> Append {
    edit(Role::Operator, Edit::Append(text.to_owned()))
}

fn edit(role: Role, edit: Edit) -> Append {
    let author = Author {
        name: "Jane Smith".to_owned(),
        role,
    };
    Append {
        facts: vec![Fact {
            occurred_at: None,
            actor: Actor::Operator {
                name: author.name.clone(),
            },
            what: What::Document(Box::new(DocumentEdit {
                document: key(),
                author,
                edit,
            })),
        }],
        ..Append::default()
    }
}

pub(crate) async fn document(ledger: &Ledger) -> Document {
    ledger.read(|reader| reader.document(&key())).await.unwrap()
}

pub(crate) fn texts(document: &Document) -> Vec<String> {
    let Content::Comments(comments) = document.content() else {
        panic!("comments");
    };
    comments.into_iter().map(|comment| comment.text).collect()
}

/// What the ledger has for the hub.
pub(crate) async fn changes(ledger: &Ledger) -> Vec<DocumentChanged> {
    let events = ledger.outbox_after(1, 0, 1_000, 1_000_000).await.unwrap();
    let changes = events.iter().map(|event| match event.event().unwrap() {
        Event::Document(changed) => *changed,
        _ => panic!("{}", event.kind),
    });
    changes.collect()
}

/// The office as the feed tells of it.
pub(crate) struct Office {
    pub(crate) document: Document,
    producer: ProducerId,
    head: ChainHead,
    rng: StdRng,
}

impl Office {
    pub(crate) fn new() -> Self {
        let producer = ProducerId::from_uuid(uuid::Uuid::from_u128(7));
        Self {
            document: Document::new(key()),
            producer,
            head: ChainHead::genesis(producer, 1),
            rng: StdRng::seed_from_u64(7),
        }
    }

    pub(crate) fn says(&mut self, text: &str) -> DocumentChanged {
        let author = Author {
            name: "Mary Office".to_owned(),
            role: Role::Planner,
        };
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let edit = Edit::Append(text.to_owned());
        let made = self.document.edit(&[7; 16], &author, &edit, now);
        made.unwrap().unwrap()
    }

    pub(crate) fn event(&mut self, changed: &DocumentChanged) -> FeedEvent {
        self.fact(Event::Document(Box::new(changed.clone())))
    }

    /// The document begins anew from what the office has of it.
    pub(crate) fn rolls(&mut self) -> FeedEvent {
        let rolled = self.document.roll();
        self.document = Document::opened(&rolled).unwrap();
        self.fact(Event::Rolled(Box::new(rolled)))
    }

    fn fact(&mut self, event: Event) -> FeedEvent {
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        let new = NewEvent {
            event_id: EventId::generate(now, &mut self.rng),
            occurred_at: now,
            recorded_at: now,
            actor: Actor::Operator {
                name: "Mary Office".to_owned(),
            },
            event,
        };
        let event = Envelope::seal(self.producer, 1, &self.head, &new);
        self.head = event.head();
        FeedEvent {
            producer: self.producer,
            epoch: 1,
            event,
            lots: Vec::new(),
            seen: None,
            unapplied: vec![],
        }
    }

    pub(crate) fn item(&mut self, n: u64, changed: &DocumentChanged) -> FeedItem {
        FeedItem {
            n,
            body: FeedBody::LedgerEvent(Box::new(self.event(changed))),
        }
    }
}

#[tokio::test]
async fn an_edit_is_an_event_and_the_same_key_edits_once() {
    let test = TestLedger::new();
    let keyed = |text: &str| Append {
        idempotency: Some(IdempotencyKey {
            key: "k".to_owned(),
            request: Hash::from_bytes([1; 32]),
        }),
        ..comment(text)
    };
    let first = test.ledger.append(keyed("moist")).await.unwrap();
    assert_eq!(first.events[0].kind, "document.changed");
    let again = test.ledger.append(keyed("moist")).await.unwrap();
    assert!(again.repeated);
    let here = document(&test.ledger).await;
    assert_eq!(texts(&here), ["moist"]);

    let mut hub = Document::new(key());
    for changed in changes(&test.ledger).await {
        hub.apply(&changed).unwrap();
    }
    assert_eq!(hub.heads(), here.heads());
    test.assert_whole(1).await;
}

#[tokio::test]
async fn nobody_is_a_planner_at_a_plant_and_a_refused_edit_leaves_nothing() {
    let test = TestLedger::new();
    let cases = [
        (
            Role::Planner,
            Edit::Append("x".to_owned()),
            "planner-at-plant",
        ),
        (
            Role::Operator,
            Edit::Text("x".to_owned()),
            "edit-of-other-kind",
        ),
        (Role::Operator, Edit::Append(String::new()), "edit-empty"),
    ];
    for (role, wanted, code) in cases {
        let refused = test.ledger.append(edit(role, wanted)).await.unwrap_err();
        let AppendError::Refused(refused) = refused else {
            panic!("{refused}");
        };
        assert_eq!(refused.code(), code);
    }
    assert_eq!(document(&test.ledger).await.changes(), 0);
    test.assert_whole(0).await;
}

#[tokio::test]
async fn what_comes_down_in_the_wrong_order_waits_and_ends_as_the_office_has_it() {
    let test = TestLedger::new();
    let mut office = Office::new();
    let (one, two) = (office.says("one"), office.says("two"));
    test.ledger.append(comment("ours")).await.unwrap();
    let item = office.item(1, &two);
    test.ledger.apply_feed(item).await.unwrap();
    assert_eq!(texts(&document(&test.ledger).await), ["ours"]);
    let item = office.item(2, &one);
    let applied = test.ledger.apply_feed(item).await.unwrap();
    assert_eq!(applied, FeedOutcome::Applied);
    for changed in changes(&test.ledger).await {
        office.document.apply(&changed).unwrap();
    }
    let here = document(&test.ledger).await;
    assert_eq!(here.heads(), office.document.heads());
    assert_eq!(here.content(), office.document.content());
    assert_eq!(here.changes(), 3);
    let rows = test
        .ledger
        .read(|reader| reader.documents(None, None, 10))
        .await
        .unwrap();
    assert_eq!(
        (rows.len(), rows[0].id.as_str(), rows[0].changes),
        (1, HOLD, 3)
    );
}

#[tokio::test]
async fn a_change_that_is_not_what_it_says_is_named_and_leaves_the_document_as_it_was() {
    let test = TestLedger::new();
    let mut office = Office::new();
    let good = office.says("fine");
    let bad = DocumentChanged {
        change: "AAAA".to_owned(),
        ..good.clone()
    };
    let item = office.item(1, &bad);
    let error = test.ledger.apply_feed(item).await.unwrap_err();
    assert!(
        matches!(error, LedgerError::FeedDocument { n: 1, .. }),
        "{error}"
    );
    assert!(error.is_deterministic());
    test.ledger.move_feed_cursor(1).await.unwrap();
    let item = office.item(2, &good);
    test.ledger.apply_feed(item).await.unwrap();
    assert_eq!(texts(&document(&test.ledger).await), ["fine"]);
}

#[tokio::test]
async fn what_is_repaired_is_there_once_and_the_heads_are_those_of_the_hub() {
    let test = TestLedger::new();
    let mut office = Office::new();
    let (one, two) = (office.says("one"), office.says("two"));
    for changed in [&one, &two, &one] {
        let event = office.event(changed);
        test.ledger.repair_document(event).await.unwrap();
    }
    let heads = test.ledger.read(Reader::document_heads).await.unwrap();
    assert_eq!(heads.len(), 1);
    assert_eq!(heads[0].heads, office.document.heads());
    assert_eq!(texts(&document(&test.ledger).await), ["one", "two"]);
    test.assert_whole(0).await;
}

#[tokio::test]
async fn what_the_hub_lacks_is_named_by_its_events_but_not_what_is_on_its_way() {
    let test = TestLedger::new();
    let mut office = Office::new();
    let said = office.says("from the office");
    let item = office.item(1, &said);
    test.ledger.apply_feed(item).await.unwrap();
    for text in ["delivered", "on its way"] {
        test.ledger.append(comment(text)).await.unwrap();
    }
    let events = test.ledger.outbox_after(1, 0, 10, 1_000_000).await.unwrap();
    let ack = LedgerAck {
        epoch: 1,
        last_seq: 1,
        hash: events[0].hash,
        duplicate: false,
    };
    test.ledger.acknowledge(ack).await.unwrap();
    let position = *test.ledger.position().borrow();
    let lacking = async |heads: Vec<Hash>| {
        let document = key();
        let generation = 1;
        let at_hub = [DocumentHeads {
            document,
            heads,
            generation,
        }];
        let read = move |reader: &Reader| reader.lacking(&at_hub, &position);
        test.ledger.read(read).await.unwrap()
    };

    let found = lacking(Vec::new()).await;
    let named: Vec<_> = found
        .changes
        .iter()
        .map(|change| (change.event.unwrap().is_own, change.hash))
        .collect();
    let delivered = changes(&test.ledger).await[0].hash;
    assert_eq!(named, [(false, said.hash), (true, delivered)]);
    assert_eq!(found.events().nth(1), Some(events[0].event_id));
    assert_eq!(found.unknown, vec![]);

    let elsewhere = Hash::from_bytes([7; 32]);
    let found = lacking(vec![delivered, elsewhere]).await;
    assert_eq!(found.changes, vec![]);
    assert_eq!(found.unknown, vec![(key(), elsewhere)]);
}

/// The worst that can happen to a document: the disk is set back to before an edit that the hub has, and another edit is
/// made in its place. Both must be in it.
#[tokio::test]
async fn after_a_disk_was_set_back_the_next_edit_does_not_take_the_place_of_a_lost_one() {
    let test = TestLedger::new();
    test.ledger.append(comment("first")).await.unwrap();
    let mut hub = Document::new(key());
    let first = changes(&test.ledger).await;
    let folder = test.close();
    let path = folder.path().join("ledger.db");
    let backup = std::fs::read(&path).unwrap();
    let open = |seed| {
        let clock = ManualClock::new("2026-11-22T10:00:00Z".parse().unwrap());
        let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(clock);
        Ledger::open(&path, BTreeMap::new(), clock, StdRng::seed_from_u64(seed)).unwrap()
    };

    let (ledger, thread) = open(2);
    ledger.append(comment("lost at the plant")).await.unwrap();
    for changed in changes(&ledger).await {
        hub.apply(&changed).unwrap();
    }
    drop(ledger);
    thread.join();
    for leftover in ["ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(leftover));
    }
    std::fs::write(&path, backup).unwrap();

    let (ledger, thread) = open(3);
    ledger.append(comment("after the restore")).await.unwrap();
    for changed in changes(&ledger).await {
        let applied = hub.apply(&changed).unwrap();
        assert_eq!(applied == Applied::Known, changed == first[0]);
    }
    let mut found = texts(&hub);
    found.sort();
    assert_eq!(found, ["after the restore", "first", "lost at the plant"]);
    drop(ledger);
    thread.join();
}
