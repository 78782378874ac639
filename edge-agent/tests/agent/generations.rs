//! Documents that roll over, at the plant: it goes on in the generation that the hub begins, whatever comes first.

use crate::documents::{Office, changes, comment, document, key, texts};
use crate::support::*;
use agog_edge::ledger::Reader;
use agog_sync::document::{Applied, Document};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem};

fn item(n: u64, event: &FeedEvent) -> FeedItem {
    FeedItem {
        n,
        body: FeedBody::LedgerEvent(Box::new(event.clone())),
    }
}

#[tokio::test]
async fn after_a_roll_the_plant_edits_the_next_generation_and_what_it_had_said_before_goes_up_as_it_is()
 {
    let test = TestLedger::new();
    let mut office = Office::new();
    test.ledger.append(comment("in time")).await.unwrap();
    for changed in changes(&test.ledger).await {
        office.document.apply(&changed).unwrap();
    }
    test.ledger.append(comment("late")).await.unwrap();
    let rolled = office.rolls();
    test.ledger.apply_feed(item(1, &rolled)).await.unwrap();
    let here = document(&test.ledger).await;
    assert_eq!((here.generation(), here.changes()), (2, 1));
    assert_eq!(texts(&here), ["in time"]);
    assert_eq!(here.heads(), office.document.heads());

    // What comes of the generation before, and what was heard before, changes nothing.
    let mut before = Office::new();
    let old = before.says("of before");
    test.ledger.apply_feed(before.item(2, &old)).await.unwrap();
    test.ledger.repair_document(rolled).await.unwrap();
    test.ledger.append(comment("after")).await.unwrap();
    let here = document(&test.ledger).await;
    assert_eq!(texts(&here), ["in time", "after"]);

    let up = changes(&test.ledger).await;
    let generations: Vec<_> = up.iter().map(|changed| changed.generation).collect();
    assert_eq!(generations, [1, 1, 2]);
    assert_eq!(office.document.apply(&up[1]), Ok(Applied::Earlier));
    assert!(matches!(office.document.apply(&up[2]), Ok(Applied::New(_))));
    assert_eq!(here.heads(), office.document.heads());
    let heads = test.ledger.read(Reader::document_heads).await.unwrap();
    assert_eq!(heads[0].generation, 2);
    let rows = test.ledger.read(|reader| reader.documents(None, None, 10));
    assert_eq!(rows.await.unwrap()[0].changes, 2);
}

#[tokio::test]
async fn changes_that_come_before_the_roll_that_they_follow_wait_for_it() {
    let test = TestLedger::new();
    let mut office = Office::new();
    office.says("begin");
    let rolled = office.rolls();
    let (one, two) = (office.says("one"), office.says("two"));
    for changed in [&two, &one] {
        let event = office.event(changed);
        test.ledger.repair_document(event).await.unwrap();
    }
    assert_eq!(document(&test.ledger).await.changes(), 0);
    test.ledger.repair_document(rolled).await.unwrap();
    let here = document(&test.ledger).await;
    assert_eq!(texts(&here), ["begin", "one", "two"]);
    assert_eq!(here.heads(), office.document.heads());
}

/// A hub that was set back to before a roll begins the generation once more, from what it has then.
#[tokio::test]
async fn the_newest_word_of_the_hub_on_a_generation_stands() {
    let test = TestLedger::new();
    let mut office = Office::new();
    office.says("first");
    let mut restored = Office::new();
    restored.document = office.document.clone();
    office.says("forgotten");
    test.ledger
        .apply_feed(item(1, &office.rolls()))
        .await
        .unwrap();
    restored.says("said again");
    test.ledger.repair_document(restored.rolls()).await.unwrap();
    let here = document(&test.ledger).await;
    assert_eq!(texts(&here), ["first", "said again"]);
    assert_eq!(here.heads(), restored.document.heads());
}

/// An older program knows neither rolls nor changes of later generations: it keeps both, and the next one takes them in.
#[tokio::test]
async fn what_an_older_program_passed_over_is_taken_in_after_its_update() {
    let test = TestLedger::new();
    let mut office = Office::new();
    let first = office.says("first");
    test.ledger
        .apply_feed(office.item(1, &first))
        .await
        .unwrap();
    let rolled = item(2, &office.rolls());
    let second = office.says("second");
    let second = office.item(3, &second);
    for passed in [rolled, second] {
        let why = "this program may be too old".to_owned();
        test.ledger.pass_over(passed, why).await.unwrap();
    }
    test.ledger.append(comment("meanwhile")).await.unwrap();
    let up = changes(&test.ledger).await;
    let folder = test.close();
    let path = folder.path().join("ledger.db");
    let file = rusqlite::Connection::open(path).unwrap();
    let noted = file.execute("update passed_over set version = '0.0.0'", []);
    assert_eq!(noted.unwrap(), 2);
    drop(file);

    let test = crate::snapshots::open(folder);
    let here = document(&test.ledger).await;
    assert_eq!(texts(&here), ["first", "second"]);
    assert_eq!(here.heads(), office.document.heads());
    // What it has said meanwhile is of the first generation, for the hub to carry over.
    assert_eq!(up[0].generation, 1);
    let mut closed = Document::new(key());
    for changed in [&first, &up[0]] {
        closed.apply(changed).unwrap();
    }
    assert_eq!(texts(&closed), ["first", "meanwhile"]);
}
