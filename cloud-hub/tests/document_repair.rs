//! Changes of documents that the hub has lost are applied once more out of its ledgers when a plant names them; what cannot
//! be repaired is told with its reason. Through HTTP on real PostgreSQL.

mod shop;

use agog_sync::document::repair::{
    DocumentHeads, MissingAnswer, MissingRequest, NAMED_MAX, NotRepaired, RepairAnswer,
    RepairRequest, bucket,
};
use agog_sync::document::{
    Author, Document, DocumentChanged, DocumentKey, DocumentKind, Edit, Role,
};
use agog_sync::event::Event;
use agog_sync::frame::PROTOCOL;
use agog_sync::ids::EventId;
use serde_json::{Value, json};
use uuid::Uuid;

use shop::world::Plant;
use shop::{Shop, at, held, received};

const NOON: &str = "2025-10-20T12:00:00Z";
const REPAIR: &str = "/sync/v1/documents/repair";

/// A plant whose discussion of a hold has two comments of its own and one of the office between them.
struct Discussed {
    shop: Shop,
    plant: Plant,
    document: Document,
    path: String,
}

impl Discussed {
    async fn open() -> Self {
        let shop = Shop::open().await;
        let mut plant = shop.plant("HAM").await;
        let (lot, hold_id) = (plant.ledger.lot("LOT-1"), plant.ledger.hold_id());
        let events = vec![
            (NOON, received(&lot, 1_000)),
            (NOON, held(&lot, hold_id, "moisture")),
        ];
        plant.push(events).await;
        let key = DocumentKey::new(DocumentKind::HoldDiscussion, hold_id.to_string());
        let mut discussed = Self {
            path: format!("/api/v1/documents/hold-discussion/{}", key.id),
            document: Document::new(key),
            shop,
            plant,
        };
        discussed.says("4.2 %").await;
        discussed.office_says("may we use half?").await;
        discussed.says("measured again: 3.9 %").await;
        discussed
    }

    fn makes(&mut self, text: &str) -> DocumentChanged {
        let author = Author {
            name: "Jane Smith".to_owned(),
            role: Role::Operator,
        };
        let edit = Edit::Append(text.to_owned());
        let made = self.document.edit(&[1; 16], &author, &edit, at(NOON));
        made.unwrap().unwrap()
    }

    async fn says(&mut self, text: &str) {
        let changed = self.makes(text);
        let event = Event::Document(Box::new(changed));
        self.plant.push(vec![(NOON, event)]).await;
    }

    async fn office_says(&mut self, text: &str) {
        let said = json!({ "append": text });
        let (status, answer) = self.shop.patch(&self.path, text, None, &said).await;
        assert_eq!(status, 200, "{answer}");
        let page = self.plant.feed().await;
        let last = page.items.into_iter().last().unwrap().body;
        let agog_sync::frame::FeedBody::LedgerEvent(item) = last else {
            panic!("{last:?}");
        };
        let Ok(Event::Document(changed)) = item.event.event() else {
            panic!("{}", item.event.kind);
        };
        self.document.apply(&changed).unwrap();
    }

    /// The events of changes in the order in which they came.
    async fn events(&self) -> Vec<EventId> {
        let query = sqlx::query_as::<_, (Uuid,)>(
            "select event_id from ledger_event where kind = 'document.changed' order by received_at",
        );
        let rows = self.shop.as_server(query).await.unwrap();
        rows.into_iter()
            .map(|(id,)| EventId::from_uuid(id))
            .collect()
    }

    async fn repair(&self, events: &[EventId]) -> Vec<NotRepaired> {
        let request = RepairRequest {
            protocol: PROTOCOL,
            events: events.to_vec(),
        };
        let answer: RepairAnswer = self.plant.send(REPAIR, &request).await;
        answer.left
    }

    /// What the hub says that it has, when the plant lists its document.
    async fn at_hub(&self) -> Option<DocumentHeads> {
        let document = self.document.key().clone();
        let request = MissingRequest {
            protocol: PROTOCOL,
            bucket: bucket(&document),
            documents: vec![DocumentHeads {
                document,
                heads: self.document.heads(),
                generation: 1,
            }],
        };
        let answer: MissingAnswer = self
            .plant
            .send("/sync/v1/documents/missing", &request)
            .await;
        let heads = answer.heads.unwrap();
        assert!(heads.len() <= 1 && !answer.more, "{heads:?}");
        heads.into_iter().next()
    }

    async fn history(&self) -> Vec<Value> {
        let (status, history) = self.shop.get(&format!("{}/history", self.path)).await;
        assert_eq!(status, 200, "{history}");
        history["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_document_whose_rows_are_gone_is_made_again_out_of_the_ledgers_once() {
    let discussed = Discussed::open().await;
    let events = discussed.events().await;
    assert_eq!(events.len(), 3);
    assert_eq!(discussed.at_hub().await, None);
    for sql in [
        "delete from document_change where tenant_id = $1",
        "delete from document where tenant_id = $1",
    ] {
        discussed.shop.by_hand(sql).await;
    }
    let nothing = discussed.at_hub().await.unwrap();
    assert_eq!(nothing.heads, vec![]);

    for _ in 0..2 {
        assert_eq!(discussed.repair(&events).await, vec![]);
        assert_eq!(discussed.at_hub().await, None);
        assert_eq!(discussed.history().await.len(), 3);
    }
    let (_, shown) = discussed.shop.get(&discussed.path).await;
    assert_eq!(
        shown["content"],
        serde_json::to_value(discussed.document.content()).unwrap()
    );
    let by_office = &discussed.history().await[1];
    assert_eq!(by_office["role"], "planner", "{by_office}");
}

#[tokio::test]
async fn a_document_that_was_set_back_is_as_it_was_and_the_cursor_of_the_ledger_has_not_moved() {
    let mut discussed = Discussed::open().await;
    discussed
        .shop
        .by_hand("update document set saved = '', heads = '{}', changes = 0 where tenant_id = $1")
        .await;
    let events = discussed.events().await;
    // The last one alone follows what is not there.
    let left = discussed.repair(&events[2..]).await;
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].event_id, left[0].code.as_str()),
        (events[2], "waits")
    );

    assert_eq!(discussed.repair(&events).await, vec![]);
    assert_eq!(discussed.at_hub().await, None);
    assert_eq!(discussed.history().await.len(), 3);
    // The ledger goes on where it was.
    discussed.says("and again: 3.8 %").await;
    assert_eq!(discussed.at_hub().await, None);
}

#[tokio::test]
async fn an_event_that_was_rejected_is_not_listed_any_more_once_its_change_is_applied() {
    let discussed = Discussed::open().await;
    for sql in [
        "insert into ledger_rejected (tenant_id, producer_id, epoch, seq, event_id, kind, code, reason, rejected_at)
         select tenant_id, producer_id, epoch, seq, event_id, kind, 'not-storable', 'the disk was full', received_at
         from ledger_event where tenant_id = $1 and kind = 'document.changed' and seq > 2",
        "delete from document_change where tenant_id = $1",
        "delete from document where tenant_id = $1",
    ] {
        discussed.shop.by_hand(sql).await;
    }
    let (_, list) = discussed.shop.get("/api/v1/rejected-events").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");

    let events = discussed.events().await;
    assert_eq!(discussed.repair(&events).await, vec![]);
    let (_, list) = discussed.shop.get("/api/v1/rejected-events").await;
    assert_eq!(list["items"], json!([]));
    assert_eq!(discussed.at_hub().await, None);
}

#[tokio::test]
async fn what_is_in_no_ledger_of_the_tenant_or_is_no_change_there_is_told_and_has_no_effect() {
    let discussed = Discussed::open().await;
    let others = Discussed::open().await;
    let events = discussed.events().await;
    let of_others = others.events().await[0];
    let query = sqlx::query_as::<_, (Uuid,)>(
        "select event_id from ledger_event where kind = 'lot.received'",
    );
    let received = discussed.shop.as_server(query).await.unwrap()[0].0;
    let received = EventId::from_uuid(received);
    for sql in [
        "update ledger_event set payload = replace(payload, 'Jane', 'Joan')
         where tenant_id = $1 and kind = 'document.changed' and seq = 3",
        "delete from document_change where tenant_id = $1",
        "delete from document where tenant_id = $1",
    ] {
        discussed.shop.by_hand(sql).await;
    }
    let forged = events[0];
    let left = discussed.repair(&[of_others, received, forged]).await;
    let code_of = |id: EventId| {
        let found = left.iter().find(|one| one.event_id == id);
        found.map(|one| one.code.as_str())
    };
    assert_eq!(code_of(of_others), Some("not-in-ledger"));
    assert_eq!(code_of(received), Some("not-a-change"));
    assert_eq!(code_of(forged), Some("not-as-sealed"));
    assert_eq!(left.len(), 3);
    assert_eq!(discussed.at_hub().await.unwrap().heads, vec![]);
    let (_, stock) = discussed.shop.get("/api/v1/inventory/lot/LOT-1").await;
    assert_eq!(stock["on_hand"]["amount"], "1000", "{stock}");

    let many = vec![received; NAMED_MAX + 1];
    let request = RepairRequest {
        protocol: PROTOCOL,
        events: many,
    };
    let (status, answer) = discussed.plant.refused(REPAIR, &request).await;
    assert_eq!((status, &answer["code"]), (400, &json!("too-many-events")));
}
