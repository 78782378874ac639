//! Documents that plants and office edit at the same time: they converge, conflicts are visible and kept, and nothing
//! crosses from one tenant to another. Through HTTP on real PostgreSQL.

mod shop;

use agog_sync::document::repair::{
    Digests, DocumentHeads, HeadsAnswer, HeadsRequest, MissingAnswer, MissingRequest,
};
use agog_sync::document::{
    Applied, Author, Content, Document, DocumentChanged, DocumentKey, DocumentKind, Edit, Role,
};
use agog_sync::event::{Actor, Event, NewEvent};
use agog_sync::frame::{FeedBody, PROTOCOL};
use agog_sync::ids::EventId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use shop::world::Plant;
use shop::{Shop, at, held, received};

const NOON: &str = "2025-10-20T12:00:00Z";

/// What a plant has of one document.
struct Replica {
    document: Document,
    actor: [u8; 16],
}

impl Replica {
    fn new(key: DocumentKey, n: u8) -> Self {
        Self {
            document: Document::new(key),
            actor: [n; 16],
        }
    }

    fn edit(&mut self, edit: &Edit) -> DocumentChanged {
        self.edit_as(Role::Operator, edit)
    }

    fn edit_as(&mut self, role: Role, edit: &Edit) -> DocumentChanged {
        let author = Author {
            name: "Jane Smith".to_owned(),
            role,
        };
        let made = self.document.edit(&self.actor, &author, edit, at(NOON));
        made.unwrap().unwrap()
    }

    /// Takes in what the feed has of the document.
    async fn follow(&mut self, plant: &Plant) {
        for changed in changes_in_feed(plant).await {
            if changed.document == *self.document.key() {
                let applied = self.document.apply(&changed).unwrap();
                assert!(!matches!(applied, Applied::Waits { .. }));
            }
        }
    }
}

async fn changes_in_feed(plant: &Plant) -> Vec<DocumentChanged> {
    let page = plant.feed().await;
    let changes = page.items.into_iter().filter_map(|item| match item.body {
        FeedBody::LedgerEvent(item) => match item.event.event() {
            Ok(Event::Document(changed)) => Some(*changed),
            _ => None,
        },
        _ => None,
    });
    changes.collect()
}

fn event(changed: &DocumentChanged) -> (&'static str, Event) {
    (NOON, Event::Document(Box::new(changed.clone())))
}

fn ranks<const N: usize>(ranks: [(&str, Option<i64>); N]) -> Edit {
    let ranks = ranks.into_iter().map(|(job, rank)| (job.to_owned(), rank));
    Edit::Priorities(ranks.collect())
}

fn heads_of(answer: &Value) -> Vec<agog_sync::chain::Hash> {
    serde_json::from_value(answer["heads"].clone()).unwrap()
}

/// A plant with a lot on hold; gives the document of the hold's discussion.
async fn with_hold(shop: &Shop, code: &str) -> (Plant, DocumentKey) {
    let mut plant = shop.plant(code).await;
    let (lot, hold_id) = (plant.ledger.lot("LOT-1"), plant.ledger.hold_id());
    let events = vec![
        (NOON, received(&lot, 1_000)),
        (NOON, held(&lot, hold_id, "moisture")),
    ];
    plant.push(events).await;
    let key = DocumentKey::new(DocumentKind::HoldDiscussion, hold_id.to_string());
    (plant, key)
}

#[tokio::test]
async fn ranks_that_plant_and_office_set_apart_meet_and_the_loser_stays_in_answer_and_history() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let key = DocumentKey::queue("HAM", "press-3");
    let path = "/api/v1/documents/schedule-priority/HAM:press-3";
    let mut plant = Replica::new(key, 1);
    let first = plant.edit(&ranks([("JOB-1", Some(1)), ("JOB-2", Some(2))]));
    ham.push(vec![event(&first)]).await;

    // Neither knows of the other's edit.
    let wanted = json!({"priorities": {"JOB-2": 0}});
    let (status, answer) = shop.patch(path, "a", None, &wanted).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["conflicts"], json!([]));
    let (again, replayed) = shop.patch(path, "a", None, &wanted).await;
    assert_eq!((again, &replayed), (200, &answer));
    let apart = plant.edit_as(Role::ShiftLead, &ranks([("JOB-2", Some(9))]));
    ham.push(vec![event(&apart)]).await;
    plant.follow(&ham).await;

    let (status, answer) = shop.get(path).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(heads_of(&answer), plant.document.heads());
    let order = answer["content"]["priorities"].as_array().unwrap();
    let order: Vec<_> = order
        .iter()
        .map(|one| (&one["job"], &one["rank"]))
        .collect();
    assert_eq!(
        order,
        [(&json!("JOB-2"), &json!(0)), (&json!("JOB-1"), &json!(1))]
    );
    let conflict = &answer["conflicts"][0];
    assert_eq!(conflict["field"], "JOB-2");
    assert_eq!(conflict["winner"]["by"], "Mary Office");
    assert_eq!(conflict["losers"][0]["by"], "Jane Smith");
    assert_eq!(conflict["losers"][0]["rank"], 9);
    assert_eq!(
        serde_json::to_value(plant.document.conflicts()).unwrap(),
        answer["conflicts"]
    );

    let (status, history) = shop.get(&format!("{path}/history")).await;
    assert_eq!(status, 200, "{history}");
    let items = history["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| (&item["author"], &item["role"]))
        .collect();
    let by = |name, role| (json!(name), json!(role));
    let expected = [
        by("Jane Smith", "shift-lead"),
        by("Mary Office", "planner"),
        by("Jane Smith", "operator"),
    ];
    assert_eq!(told, expected.each_ref().map(|(name, role)| (name, role)));
    assert_eq!(items[0]["merge"]["conflicts"], answer["conflicts"]);
    assert_eq!(
        items[0]["merge"]["concurrent_with"],
        json!([items[1]["hash"]])
    );
    assert_eq!(items[1]["merge"], Value::Null);
    let (_, list) = shop.get("/api/v1/documents?kind=schedule-priority").await;
    assert_eq!(list["items"][0]["id"], "HAM:press-3");
    assert_eq!(list["items"][0]["conflicts"], 1);
}

#[tokio::test]
async fn an_edit_on_what_others_have_changed_since_is_refused_when_it_says_what_it_was_made_on() {
    let shop = Shop::open().await;
    let (mut ham, key) = with_hold(&shop, "HAM").await;
    let path = format!("/api/v1/documents/hold-discussion/{}", key.id);
    let read = shop.tag(&path).await;
    let said = json!({"append": "may we use half?"});
    let (status, answer) = shop.patch(&path, "a", Some(&read), &said).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = shop.patch(&path, "b", Some(&read), &said).await;
    assert_eq!((status, &answer["code"]), (412, &json!("document-changed")));

    let mut plant = Replica::new(key, 1);
    let measured = plant.edit(&Edit::Append("4.2 %".to_owned()));
    ham.push(vec![event(&measured)]).await;
    plant.follow(&ham).await;
    let (_, answer) = shop.get(&path).await;
    assert_eq!(heads_of(&answer), plant.document.heads());
    let Content::Comments(comments) = plant.document.content() else {
        panic!("comments");
    };
    assert_eq!(
        answer["content"]["comments"],
        serde_json::to_value(&comments).unwrap()
    );
    assert_eq!(comments.len(), 2);
    let (status, answer) = shop.patch(&path, "c", None, &json!({"text": "x"})).await;
    assert_eq!(
        (status, &answer["code"]),
        (422, &json!("edit-of-other-kind"))
    );
    let (status, answer) = shop.patch(&path, "d", None, &json!({})).await;
    assert_eq!((status, &answer["code"]), (422, &json!("invalid-body")));
}

#[tokio::test]
async fn changes_that_come_before_those_that_they_follow_wait_for_them() {
    let shop = Shop::open().await;
    let (mut ham, key) = with_hold(&shop, "HAM").await;
    let path = format!("/api/v1/documents/hold-discussion/{}", key.id);
    let mut plant = Replica::new(key, 1);
    let changes: Vec<_> = ["one", "two", "three"]
        .map(|text| plant.edit(&Edit::Append(text.to_owned())))
        .into();
    ham.push(vec![event(&changes[2])]).await;
    ham.push(vec![event(&changes[1]), event(&changes[2])]).await;
    let (_, answer) = shop.get(&path).await;
    assert_eq!(answer["changes"], 0);
    let (_, history) = shop.get(&format!("{path}/history")).await;
    let applied: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["applied_at"])
        .collect();
    assert_eq!(applied, [&Value::Null, &Value::Null]);
    ham.push(vec![event(&changes[0])]).await;
    let (_, answer) = shop.get(&path).await;
    assert_eq!(answer["changes"], 3);
    assert_eq!(heads_of(&answer), plant.document.heads());
    let (_, history) = shop.get(&format!("{path}/history")).await;
    let items = history["items"].as_array().unwrap();
    assert!(
        items.iter().all(|item| item["applied_at"].is_string()),
        "{history}"
    );
}

#[tokio::test]
async fn a_document_of_another_tenant_is_not_there_and_its_changes_go_to_nobody_else() {
    let shop = Shop::open().await;
    let other = shop.other_tenant().await;
    let (mut ham, key) = with_hold(&shop, "HAM").await;
    let mun = shop.plant("MUN").await;
    // The other tenant has a plant of the same code with a queue of the same id.
    let mut theirs = other.plant("HAM").await;
    let queue = DocumentKey::queue("HAM", "press-3");
    let mut plant = Replica::new(key.clone(), 1);
    let mut of_queue = Replica::new(queue.clone(), 1);
    let comment = plant.edit(&Edit::Append("secret".to_owned()));
    let rank = of_queue.edit(&ranks([("SECRET-JOB", Some(1))]));
    ham.push(vec![event(&comment), event(&rank)]).await;
    let path = format!("/api/v1/documents/hold-discussion/{}", key.id);
    let (status, answer) = shop
        .patch(&path, "a", None, &json!({"append": "more"}))
        .await;
    assert_eq!(status, 200, "{answer}");

    for path in [
        &path,
        &format!("{path}/history"),
        "/api/v1/documents/schedule-priority/HAM:press-3",
    ] {
        let (status, answer) = other.get(path).await;
        assert_eq!(
            (status, &answer["code"]),
            (404, &json!("not-found")),
            "{path}"
        );
    }
    let (status, _) = other.patch(&path, "a", None, &json!({"append": "x"})).await;
    assert_eq!(status, 404);
    let (_, list) = other.get("/api/v1/documents").await;
    assert_eq!(list["items"], json!([]));
    assert_eq!(changes_in_feed(&theirs).await, vec![]);
    let everything = missing(&theirs, &[]).await;
    assert_eq!(everything, vec![]);
    // Their own document of the same name is another one.
    let own = Replica::new(queue, 7).edit(&ranks([("J", Some(5))]));
    theirs.push(vec![event(&own)]).await;
    let (_, answer) = other
        .get("/api/v1/documents/schedule-priority/HAM:press-3")
        .await;
    assert_eq!(answer["content"]["priorities"][0]["job"], "J");
    let (_, answer) = shop
        .get("/api/v1/documents/schedule-priority/HAM:press-3")
        .await;
    assert_eq!(answer["content"]["priorities"][0]["job"], "SECRET-JOB");

    // Within the tenant a discussion goes to every plant, and the queue to its own alone.
    let documents: Vec<_> = changes_in_feed(&mun)
        .await
        .into_iter()
        .map(|one| one.document)
        .collect();
    assert_eq!(documents, [key.clone(), key]);
}

#[tokio::test]
async fn a_plant_does_not_speak_as_planner_nor_about_the_queue_of_another_plant() {
    let shop = Shop::open().await;
    let mut ham = shop.plant("HAM").await;
    let mun = shop.plant("MUN").await;
    let queue = |plant: &str| Replica::new(DocumentKey::queue(plant, "press-3"), 1);
    let mut forged = queue("HAM").edit(&ranks([("J", Some(1))]));
    forged.change = "AAAA".to_owned();
    let changes = [
        queue("HAM").edit_as(Role::Planner, &ranks([("J", Some(1))])),
        queue("MUN").edit(&ranks([("J", Some(1))])),
        queue("NIX").edit(&ranks([("J", Some(1))])),
        forged,
        queue("HAM").edit(&ranks([("J", Some(2))])),
    ];
    let mut rng = StdRng::seed_from_u64(1);
    let events: Vec<_> = changes
        .iter()
        .map(|changed| NewEvent {
            event_id: EventId::generate(at(NOON), &mut rng),
            occurred_at: at(NOON),
            recorded_at: at(NOON),
            actor: Actor::Operator {
                name: "Jane Smith".to_owned(),
            },
            event: Event::Document(Box::new(changed.clone())),
        })
        .collect();
    ham.deliver(&events.iter().collect::<Vec<_>>()).await;
    let reasons: Vec<_> = ham
        .rejected()
        .await
        .into_iter()
        .map(|(_, reason)| reason)
        .collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert_eq!(reasons[0], "only the office speaks as planner");
    assert!(
        reasons[1].contains("belongs to plant MUN"),
        "{}",
        reasons[1]
    );
    assert!(reasons[2].contains("no plant NIX"), "{}", reasons[2]);
    assert!(reasons[3].contains("cannot be read"), "{}", reasons[3]);
    assert_eq!(changes_in_feed(&mun).await, vec![]);
    let (_, answer) = shop
        .get("/api/v1/documents/schedule-priority/HAM:press-3")
        .await;
    assert_eq!(answer["content"]["priorities"][0]["rank"], 2);
}

/// The changes that a plant with these documents lacks, as it finds out by comparing heads.
async fn missing(plant: &Plant, documents: &[DocumentHeads]) -> Vec<DocumentChanged> {
    let digests = Digests::of(documents);
    let request = HeadsRequest {
        protocol: PROTOCOL,
        digest: digests.digest(),
    };
    let answer: HeadsAnswer = plant.send("/sync/v1/documents/heads", &request).await;
    let mut found = Vec::new();
    if answer.same {
        return found;
    }
    for bucket in digests.differing(&answer.buckets) {
        let request = MissingRequest {
            protocol: PROTOCOL,
            bucket,
            documents: documents.to_vec(),
        };
        let answer: MissingAnswer = plant.send("/sync/v1/documents/missing", &request).await;
        assert!(!answer.more);
        for item in answer.events {
            item.event
                .verify(item.producer, item.epoch, &item.event.prev_hash)
                .unwrap();
            let Ok(Event::Document(changed)) = item.event.event() else {
                panic!("{}", item.event.kind);
            };
            found.push(*changed);
        }
    }
    found
}

#[tokio::test]
async fn a_plant_that_lacks_changes_finds_out_by_its_heads_and_is_given_those_alone() {
    let shop = Shop::open().await;
    let (mut ham, key) = with_hold(&shop, "HAM").await;
    let mun = shop.plant("MUN").await;
    let path = format!("/api/v1/documents/hold-discussion/{}", key.id);
    let mut plant = Replica::new(key.clone(), 1);
    ham.push(vec![event(&plant.edit(&Edit::Append("one".to_owned())))])
        .await;
    let heads = |plant: &Replica| DocumentHeads {
        document: plant.document.key().clone(),
        heads: plant.document.heads(),
        generation: plant.document.generation(),
    };
    assert_eq!(missing(&ham, &[heads(&plant)]).await, vec![]);

    for text in ["two", "three"] {
        let (status, _) = shop
            .patch(&path, text, None, &json!({"append": text}))
            .await;
        assert_eq!(status, 200);
    }
    let lacks = missing(&ham, &[heads(&plant)]).await;
    assert_eq!(lacks.len(), 2);
    for changed in &lacks {
        assert!(matches!(plant.document.apply(changed), Ok(Applied::New(_))));
    }
    assert_eq!(missing(&ham, &[heads(&plant)]).await, vec![]);
    // A plant that has nothing is given everything, in an order in which nothing waits.
    let mut new = Replica::new(key, 9);
    for changed in missing(&mun, &[]).await {
        assert!(matches!(new.document.apply(&changed), Ok(Applied::New(_))));
    }
    assert_eq!(new.document.heads(), plant.document.heads());
}
