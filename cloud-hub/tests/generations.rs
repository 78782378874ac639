//! Documents that roll over at the hub: plants and office go on alike, and what came late is carried over once. Through
//! HTTP on real PostgreSQL.

mod shop;

use agog_sync::document::repair::{DocumentHeads, MissingAnswer, MissingRequest, bucket};
use agog_sync::document::{
    Author, Content, Document, DocumentChanged, DocumentKey, DocumentKind, Edit, Role,
};
use agog_sync::event::{Event, NewEvent};
use agog_sync::frame::{FeedBody, FeedEvent, PROTOCOL};
use agog_sync::ids::EventId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use shop::hub::ROLL_AT;
use shop::world::Plant;
use shop::{Shop, at};

const NOON: &str = "2025-10-20T12:00:00Z";
const NOTE: &str = "01932b9e-7c00-7000-8000-000000000001";

/// What a plant has of the note, and how far it has heard of it.
struct Replica {
    document: Document,
    actor: [u8; 16],
    name: &'static str,
    heard: u64,
}

impl Replica {
    fn new(name: &'static str, n: u8) -> Self {
        Self {
            document: Document::new(DocumentKey::new(DocumentKind::JobNote, NOTE)),
            actor: [n; 16],
            name,
            heard: 0,
        }
    }

    fn types(&mut self, place: usize, text: &str) -> DocumentChanged {
        let edit = Edit::Splice {
            at: place,
            delete: 0,
            insert: text.to_owned(),
        };
        let author = Author {
            name: self.name.to_owned(),
            role: Role::Operator,
        };
        let made = self.document.edit(&self.actor, &author, &edit, at(NOON));
        made.unwrap().unwrap()
    }

    /// Edits until one more makes the document roll over.
    fn types_until_one_is_left(&mut self) -> Vec<DocumentChanged> {
        let before = self.document.changes_since_roll();
        (before..ROLL_AT - 1).map(|_| self.types(0, ".")).collect()
    }

    /// Takes in what the feed has of the document since.
    async fn follow(&mut self, plant: &Plant) -> Vec<FeedEvent> {
        let mut told = Vec::new();
        loop {
            let page = plant.feed_after(self.heard).await;
            self.heard = page.next;
            if page.items.is_empty() {
                return told;
            }
            for item in page.items {
                let FeedBody::LedgerEvent(item) = item.body else {
                    continue;
                };
                self.takes(&item);
                told.push(*item);
            }
        }
    }

    fn takes(&mut self, item: &FeedEvent) {
        match item.event.event().unwrap() {
            // What waits belongs to a generation that is closed before it can be taken in.
            Event::Document(changed) => drop(self.document.apply(&changed).unwrap()),
            Event::Rolled(rolled) => self.document = Document::opened(&rolled).unwrap(),
            _ => {}
        }
    }

    fn text(&self) -> String {
        match self.document.content() {
            Content::Text(text) => text.trim_start_matches('.').to_owned(),
            _ => panic!("a text"),
        }
    }
}

fn event(changed: &DocumentChanged) -> (&'static str, Event) {
    (NOON, Event::Document(Box::new(changed.clone())))
}

async fn push(plant: &mut Plant, changes: &[DocumentChanged]) {
    for changes in changes.chunks(500) {
        plant.push(changes.iter().map(event).collect()).await;
    }
}

fn path() -> String {
    format!("/api/v1/documents/job-note/{NOTE}")
}

/// What the office sees: the generation, how often the note was edited, what is behind its dots, and the heads.
async fn seen(shop: &Shop) -> (u64, u64, String, Value) {
    let (status, answer) = shop.get(&path()).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["content"]["text"].as_str().unwrap();
    (
        answer["generation"].as_u64().unwrap(),
        answer["changes"].as_u64().unwrap(),
        text.trim_start_matches('.').to_owned(),
        answer["heads"].clone(),
    )
}

fn heads(replica: &Replica) -> Value {
    serde_json::to_value(replica.document.heads()).unwrap()
}

async fn office_types(shop: &Shop, key: &str, text: &str) {
    let (_, answer) = shop.get(&path()).await;
    let before = answer["content"]["text"].as_str().unwrap();
    let wanted = json!({"text": format!("{before}{text}")});
    let (status, answer) = shop.patch(&path(), key, None, &wanted).await;
    assert_eq!(status, 200, "{answer}");
}

async fn history(shop: &Shop) -> Vec<Value> {
    let (status, history) = shop.get(&format!("{}/history?limit=20", path())).await;
    assert_eq!(status, 200, "{history}");
    history["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_document_that_was_edited_often_begins_anew_and_what_came_late_is_carried_over_once() {
    let shop = Shop::open().await;
    let (mut ham, mut mun) = (shop.plant("HAM").await, shop.plant("MUN").await);
    let (mut jane, mut bob) = (Replica::new("Jane", 1), Replica::new("Bob", 2));
    let begun = jane.types(0, "ink is low");
    push(&mut ham, &[begun]).await;
    let many = jane.types_until_one_is_left();
    push(&mut ham, &many).await;
    bob.follow(&mun).await;
    let begun = Document::new(jane.document.key().clone()).generation();
    assert_eq!((seen(&shop).await.0, begun), (1, 1));

    // Jane's plant is away when the office makes the edit that is one too many.
    let length = jane.document.changes() + "ink is low".len() - 1;
    let late = [jane.types(length, ", said Jane"), jane.types(0, "!")];
    office_types(&shop, "a", "; order more").await;
    let (generation, changes, text, hub) = seen(&shop).await;
    assert_eq!((generation, changes), (2, 20));
    assert_eq!(text, "ink is low; order more");
    let told = bob.follow(&mun).await;
    assert_eq!(told.last().unwrap().event.kind, "document.rolled");
    assert_eq!(heads(&bob), hub);
    assert_eq!(bob.text(), text);
    let answered = bob.types(0, "?");
    push(&mut mun, std::slice::from_ref(&answered)).await;

    // It comes back: what it had added is in the document, and once, however often it comes.
    push(&mut ham, &late).await;
    let mut rng = StdRng::seed_from_u64(1);
    let again = NewEvent {
        event_id: EventId::generate(at(NOON), &mut rng),
        occurred_at: at(NOON),
        recorded_at: at(NOON),
        actor: agog_sync::event::Actor::Operator {
            name: "Jane".to_owned(),
        },
        event: Event::Document(Box::new(late[0].clone())),
    };
    ham.deliver(&[&again]).await;
    let (generation, changes, text, hub) = seen(&shop).await;
    assert_eq!((generation, changes), (2, 23));
    assert!(
        text.contains("ink is low") && text.contains("; order more"),
        "{text}"
    );
    assert_eq!(text.matches(", said Jane").count(), 1, "{text}");
    let (_, answer) = shop.get(&path()).await;
    let whole = answer["content"]["text"].as_str().unwrap().to_owned();
    assert_eq!(
        (whole.matches('!').count(), whole.matches('?').count()),
        (1, 1)
    );

    let told = bob.follow(&mun).await;
    assert_eq!(
        told.len(),
        2,
        "what is of the generation before goes to nobody"
    );
    let Ok(Event::Document(carried)) = told[0].event.event() else {
        panic!("a change");
    };
    assert_eq!(carried.author.name, "Jane");
    assert_eq!(carried.carries, Some(late[0].hash));
    jane.follow(&ham).await;
    for replica in [&jane, &bob] {
        assert_eq!(heads(replica), hub);
        assert_eq!(replica.document.changes(), 23);
    }
    let told: Vec<_> = history(&shop)
        .await
        .iter()
        .take(5)
        .map(|item| {
            (
                item["author"].clone(),
                item["generation"].clone(),
                item["carries"].clone(),
            )
        })
        .collect();
    let by =
        |name: &str, generation: u64, carries: Value| (json!(name), json!(generation), carries);
    assert_eq!(
        told,
        [
            by("Jane", 2, json!(late[1].hash)),
            by("Jane", 2, json!(late[0].hash)),
            by("Jane", 1, Value::Null),
            by("Jane", 1, Value::Null),
            by("Bob", 2, Value::Null),
        ]
    );

    // The office and both plants go on.
    push(&mut ham, &[jane.types(0, "-")]).await;
    office_types(&shop, "b", " soon").await;
    jane.follow(&ham).await;
    bob.follow(&mun).await;
    let (.., hub) = seen(&shop).await;
    assert_eq!((heads(&jane), heads(&bob)), (hub.clone(), hub));
    let (_, list) = shop.get("/api/v1/documents").await;
    assert_eq!(list["items"][0]["generation"], 2);
}

#[tokio::test]
async fn what_waits_in_a_generation_that_is_closed_is_carried_over_when_it_waits_no_more() {
    let shop = Shop::open().await;
    let (mut ham, mut mun) = (shop.plant("HAM").await, shop.plant("MUN").await);
    let (mut jane, mut bob) = (Replica::new("Jane", 1), Replica::new("Bob", 2));
    let many = jane.types_until_one_is_left();
    push(&mut ham, &many).await;
    bob.follow(&mun).await;
    let (first, second) = (bob.types(0, "first "), bob.types(0, "second "));
    // The later of two changes comes first, from a disk that was set back.
    push(&mut mun, std::slice::from_ref(&second)).await;
    push(&mut ham, &[jane.types(0, "third ")]).await;
    assert_eq!(seen(&shop).await.0, 2);
    push(&mut mun, &[first]).await;
    let (.., hub) = seen(&shop).await;
    jane.follow(&ham).await;
    bob.follow(&mun).await;
    assert_eq!((heads(&jane), heads(&bob)), (hub.clone(), hub));
    let Content::Text(text) = jane.document.content() else {
        panic!("a text");
    };
    for word in ["first ", "second ", "third "] {
        assert_eq!(text.matches(word).count(), 1, "{word}");
    }

    // A plant that knows nothing of the next generation, or nothing at all, is given its beginning and what is in it.
    for known in [Some(&many), None] {
        let mut new = Replica::new("Eve", 3);
        for changed in known.into_iter().flatten() {
            new.document.apply(changed).unwrap();
        }
        let key = new.document.key().clone();
        let documents = known.map(|_| DocumentHeads {
            document: key.clone(),
            heads: new.document.heads(),
            generation: 1,
        });
        let request = MissingRequest {
            protocol: PROTOCOL,
            bucket: bucket(&key),
            documents: documents.into_iter().collect(),
        };
        let answer: MissingAnswer = ham.send("/sync/v1/documents/missing", &request).await;
        assert_eq!(answer.events.len(), 3);
        for item in &answer.events {
            new.takes(item);
        }
        assert_eq!(heads(&new), heads(&bob));
    }
}

#[tokio::test]
async fn no_plant_rolls_a_document_over_and_what_it_says_of_the_future_waits() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let mut jane = Replica::new("Jane", 1);
    push(&mut ham, &[jane.types(0, "ink")]).await;
    let rolled = jane.document.roll();
    let mut ahead = Document::opened(&rolled).unwrap();
    let author = Author {
        name: "Jane".to_owned(),
        role: Role::Operator,
    };
    let edit = Edit::Text("paper".to_owned());
    let made = ahead.edit(&[9; 16], &author, &edit, at(NOON));
    let mut rng = StdRng::seed_from_u64(1);
    let events = [
        Event::Rolled(Box::new(rolled)),
        Event::Document(Box::new(made.unwrap().unwrap())),
    ]
    .map(|event| NewEvent {
        event_id: EventId::generate(at(NOON), &mut rng),
        occurred_at: at(NOON),
        recorded_at: at(NOON),
        actor: agog_sync::event::Actor::Operator {
            name: "Jane".to_owned(),
        },
        event,
    });
    ham.deliver(&[&events[0], &events[1]]).await;
    let reasons = ham.rejected().await;
    assert_eq!(
        reasons,
        [(
            "document.rolled".to_owned(),
            "only the hub rolls a document over".to_owned()
        )]
    );
    let (generation, changes, text, hub) = seen(&shop).await;
    assert_eq!((generation, changes, text.as_str()), (1, 1, "ink"));
    assert_eq!(heads(&jane), hub);
}

/// Each holds its own ledger and wants the office's: none may wait for another that waits for it. The document rolls over
/// meanwhile.
#[tokio::test]
async fn plants_and_office_that_edit_one_document_at_once_all_get_through() {
    let shop = Shop::open().await;
    let mut plants = [shop.plant("HAM").await, shop.plant("MUN").await];
    let mut people = [Replica::new("Jane", 1), Replica::new("Bob", 2)];
    let first = people[0].types(0, "ink");
    push(&mut plants[0], &[first]).await;
    people[1].follow(&plants[1]).await;
    let [ham, mun] = &mut plants;
    let [jane, bob] = &mut people;
    let typed = async |plant: &mut Plant, replica: &mut Replica| {
        for _ in 0..10 {
            let changed = replica.types(0, "x");
            plant.push(vec![event(&changed)]).await;
        }
    };
    let office = async {
        for n in 0..10 {
            let wanted = json!({"splice": {"at": 0, "insert": "y"}});
            let (status, answer) = shop.patch(&path(), &format!("{n}"), None, &wanted).await;
            assert_eq!(status, 200, "{answer}");
        }
    };
    tokio::join!(typed(ham, jane), typed(mun, bob), office);
    let (generation, changes, text, hub) = seen(&shop).await;
    assert_eq!((generation, changes), (2, 31));
    assert_eq!(
        (text.matches('x').count(), text.matches('y').count()),
        (20, 10)
    );
    people[0].follow(&plants[0]).await;
    people[1].follow(&plants[1]).await;
    assert_eq!((heads(&people[0]), heads(&people[1])), (hub.clone(), hub));
}
