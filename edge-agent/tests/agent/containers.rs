//! Containers at a plant: packed, unpacked and shipped, undone, told by others, proven, and exported.

use std::collections::BTreeMap;

use agog_edge::ledger::{
    Append, AppendError, Appended, ContainerRow, Fact, LotCommand, Reader, What,
};
use agog_sync::event::{Actor, Event};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, LedgerMark, LotSnapshot};
use agog_sync::lots::{ContainerStatus, LotAttributes, LotEvent, LotOrigin, LotPacked};
use agog_sync::trace::{Direction, Mode};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::ledger::drawn;
use crate::support::*;

fn code(error: &AppendError) -> &'static str {
    match error {
        AppendError::Refused(refused) => refused.code(),
        AppendError::Ledger(error) => panic!("{error}"),
    }
}

async fn container(test: &TestLedger, number: u32) -> ContainerRow {
    let found = test
        .ledger
        .read(move |reader| reader.container(sscc(number)))
        .await;
    found.unwrap().expect("somebody has packed it")
}

async fn packed(test: &TestLedger, lot: &str) -> BTreeMap<String, Decimal> {
    let lots = test.ledger.lot_by_number(lot).await.unwrap();
    lots[0]
        .packed
        .iter()
        .map(|packed| (packed.sscc.to_string(), packed.quantity.amount))
        .collect()
}

/// Pallet 1 with 60 of 100 sheets of A and all 40 of B.
async fn loaded() -> (TestLedger, Appended) {
    let test = TestLedger::new();
    test.lot(receive("A", 100)).await.unwrap();
    test.lot(receive("B", 40)).await.unwrap();
    let packed = test.lot(pack(1, &[("A", Some(60)), ("B", None)])).await;
    (test, packed.unwrap())
}

#[tokio::test]
async fn a_container_that_is_shipped_leaves_with_every_lot_in_it_as_one_command() {
    let (test, _) = loaded().await;
    let refused = test.lot(waste("A", 41)).await.unwrap_err();
    assert_eq!(code(&refused), "lot-packed");
    assert!(refused.to_string().contains(&sscc(1).to_string()));
    let row = container(&test, 1).await;
    assert_eq!(row.status, ContainerStatus::Packed);
    let contents: Vec<_> = row
        .contents
        .iter()
        .map(|content| format!("{} {}", content.lot.number, content.quantity))
        .collect();
    assert_eq!(contents, ["A 60 sheet", "B 40 sheet"]);

    let shipped = test
        .ledger
        .append(with_key(ship_container(1), "dock-1", 1))
        .await
        .unwrap();
    let kinds: Vec<_> = shipped
        .events
        .iter()
        .map(|event| event.kind.as_str())
        .collect();
    assert_eq!(kinds, ["lot.shipped", "lot.shipped"]);
    let again = test
        .ledger
        .append(with_key(ship_container(1), "dock-1", 1))
        .await
        .unwrap();
    assert!(again.repeated);
    assert_eq!(again.events, shipped.events);

    assert_eq!(test.on_hand("A").await, Decimal::from(40));
    assert_eq!(test.on_hand("B").await, Decimal::ZERO);
    let row = container(&test, 1).await;
    assert_eq!(row.status, ContainerStatus::Shipped);
    assert!(row.contents.is_empty());
    let customers: Vec<_> = row
        .shipped
        .iter()
        .map(|left| (left.lot.number.as_str(), left.used.customer.as_deref()))
        .collect();
    assert_eq!(
        customers,
        [("A", Some("ABC Corp")), ("B", Some("ABC Corp"))]
    );
    let empty = test.lot(ship_container(1)).await.unwrap_err();
    assert_eq!(code(&empty), "empty-container");
    let second = test.lot(pack(1, &[("A", Some(1))])).await.unwrap_err();
    assert_eq!(code(&second), "container-in-use");
    // A recall finds the container in which the lot left.
    let lot_id = shipped.lots[0].lot.lot_id;
    let trace = test
        .ledger
        .read(move |reader| reader.trace(lot_id, Direction::Forward, Mode::Exposure))
        .await
        .unwrap();
    assert_eq!(trace.lots[0].uses[0].sscc, Some(sscc(1)));
    test.assert_whole(5).await;
}

#[tokio::test]
async fn a_held_lot_in_a_container_keeps_all_of_it_from_leaving() {
    let (test, _) = loaded().await;
    test.lot(hold("B")).await.unwrap();
    let refused = test.lot(ship_container(1)).await.unwrap_err();
    assert_eq!(code(&refused), "lot-held");
    assert_eq!(test.on_hand("A").await, Decimal::from(100));
    test.lot(unpack(1, &[("B", None)])).await.unwrap();
    test.lot(ship_container(1)).await.unwrap();
    assert_eq!(test.on_hand("A").await, Decimal::from(40));
    assert_eq!(test.on_hand("B").await, Decimal::from(40));
    test.assert_whole(6).await;
}

#[tokio::test]
async fn what_is_not_said_is_everything_free_or_everything_in_the_container() {
    let (test, _) = loaded().await;
    test.lot(pack(2, &[("A", None)])).await.unwrap();
    assert_eq!(
        packed(&test, "A").await,
        BTreeMap::from([
            (sscc(1).to_string(), Decimal::from(60)),
            (sscc(2).to_string(), Decimal::from(40))
        ])
    );
    test.lot(unpack(1, &[])).await.unwrap();
    assert_eq!(container(&test, 1).await.status, ContainerStatus::Emptied);
    assert!(packed(&test, "B").await.is_empty());
    let nothing = test.lot(unpack(1, &[])).await.unwrap_err();
    assert_eq!(code(&nothing), "empty-container");
    let weighed = match pack(3, &[("B", None)]) {
        LotCommand::Pack(mut command) => {
            command.contents[0].quantity =
                Some(in_unit("2.1", agog_sync::quantity::Unit::Kilogram));
            LotCommand::Pack(command)
        }
        other => other,
    };
    test.lot(weighed).await.unwrap();
    assert_eq!(
        packed(&test, "B").await,
        BTreeMap::from([(sscc(3).to_string(), Decimal::from(10))])
    );
    test.assert_whole(6).await;
}

#[tokio::test]
async fn packing_and_shipping_are_corrected_one_event_at_a_time() {
    let (test, loaded) = loaded().await;
    let shipped = test.lot(ship_container(1)).await.unwrap();
    test.lot(correct(shipped.events[1].event_id, "left behind"))
        .await
        .unwrap();
    let row = container(&test, 1).await;
    assert_eq!(row.status, ContainerStatus::Packed);
    assert_eq!(row.contents[0].lot.number, "B");
    assert_eq!(row.shipped.len(), 1);
    test.lot(correct(shipped.events[0].event_id, "left behind"))
        .await
        .unwrap();
    test.lot(correct(loaded.events[0].event_id, "another pallet"))
        .await
        .unwrap();
    let row = container(&test, 1).await;
    assert_eq!(row.status, ContainerStatus::Emptied);
    assert!(row.events.iter().any(|event| event.corrected_by.is_some()));
    test.lot(waste("A", 100)).await.unwrap();
    let lot_id = shipped.lots[0].lot.lot_id;
    let told = test
        .ledger
        .read(move |reader| reader.lot_events(lot_id))
        .await
        .unwrap();
    assert!(
        told.iter()
            .any(|event| event.kind == "lot.packed" && event.corrected_by.is_some())
    );
    test.assert_whole(9).await;
}

#[tokio::test]
async fn verification_finds_what_was_changed_in_a_container() {
    for sql in [
        "update container_content set packed = '61' where packed = '60'",
        "delete from container_content where packed = '40'",
        "update container_entry set delta = '59' where delta = '60'",
    ] {
        let (test, _) = loaded().await;
        let folder = test.close();
        let path = folder.path().join("ledger.db");
        let changed = rusqlite::Connection::open(&path).unwrap().execute(sql, []);
        assert_eq!(changed.unwrap(), 1);
        let found = Reader::open(&path).unwrap().verify().unwrap();
        assert_eq!(found.problem_count, 1, "{sql}: {:?}", found.problems);
        assert!(
            found.problems[0].what.contains("container"),
            "{:?}",
            found.problems
        );
    }
}

#[tokio::test]
async fn what_others_had_packed_comes_with_the_lot_and_what_was_packed_here_since_on_top() {
    for (seen, in_first) in [(0, 10), (1, 0)] {
        let test = TestLedger::new();
        let fact = Fact {
            occurred_at: None,
            actor: Actor::Device {
                device: "palletizer".to_owned(),
            },
            what: What::Event(Event::Lot(LotEvent::Packed(LotPacked {
                sscc: sscc(1),
                contents: vec![drawn("LOT-9", 10).draw],
                added: false,
                forced: None,
            }))),
        };
        let append = Append {
            facts: vec![fact],
            ..Append::default()
        };
        test.ledger.append(append).await.unwrap();
        let event = test.ledger.outbox_after(1, 0, 1, 10_000).await.unwrap();
        let snapshot = LotSnapshot {
            lot: drawn("LOT-9", 1).draw.lot,
            material: Some(materials()["BOARD-300"].clone()),
            balance: Decimal::from(100),
            shipped: Decimal::ZERO,
            packed: BTreeMap::from([(sscc(2), Decimal::from(50))]),
            base_unit: agog_sync::quantity::Unit::Sheet,
            attributes: LotAttributes::default(),
            origin: LotOrigin::Received,
            holds: vec![],
            created_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        };
        let body = FeedEvent {
            producer: test.ledger.position().borrow().producer,
            epoch: 1,
            event: event[0].clone(),
            lots: vec![snapshot],
            seen: Some(LedgerMark {
                epoch: 1,
                seq: seen,
            }),
            unapplied: vec![],
        };
        let item = FeedItem {
            n: 1,
            body: FeedBody::LedgerEvent(Box::new(body)),
        };
        test.ledger.apply_feed(item).await.unwrap();
        let mut expected = BTreeMap::from([(sscc(2).to_string(), Decimal::from(50))]);
        if in_first > 0 {
            expected.insert(sscc(1).to_string(), Decimal::from(in_first));
        }
        assert_eq!(packed(&test, "LOT-9").await, expected);
        test.lot(waste("LOT-9", 51)).await.unwrap_err();
        test.assert_whole(1).await;
    }
}

/// A plant with a GS1 prefix and SSCCs of its own.
fn plant_with_prefix() -> Program {
    let mut program = Program::init();
    let config = std::fs::read_to_string(program.config_path()).unwrap()
        + "\n[epcis]\ncompany_prefix = \"4012345\"\nsscc_prefix = \"3401234501\"\n";
    std::fs::write(program.config_path(), config).unwrap();
    program.start();
    program
}

#[test]
fn a_pallet_is_packed_shown_and_shipped_from_the_command_line() {
    let mut program = plant_with_prefix();
    let tell = |line: &str| program.ok(&line.split(' ').collect::<Vec<_>>());
    tell("lot receive --number CARTONS --material CARTON-A --quantity 100");
    tell("lot receive --number LIDS --material CARTON-A --quantity 100");
    let packed = tell("lot pack CARTONS=60 LIDS --json");
    let packed: Value = serde_json::from_str(&packed).unwrap();
    let made = packed["lots"][0]["packed"][0]["sscc"].as_str().unwrap();
    assert_eq!(made, "340123450100000016");
    tell("lot pack CARTONS=10 --sscc (00)390000010000000018");
    let wrong = program.fails(
        2,
        &["lot", "pack", "CARTONS=1", "--sscc", "390000010000000013"],
    );
    assert!(
        wrong.contains("its check digit is 3, expected 8"),
        "{wrong}"
    );
    let refused = program.fails(
        1,
        &[
            "lot",
            "waste",
            "CARTONS",
            "--quantity",
            "31",
            "--reason",
            "torn",
        ],
    );
    assert!(
        refused.contains("30 piece of lot CARTONS are free, not 31 piece"),
        "{refused}"
    );
    let shown = tell("lot show CARTONS");
    assert!(
        shown.contains("packed: 60 piece in 340123450100000016"),
        "{shown}"
    );
    let shown = tell("lot container 00340123450100000016");
    assert!(
        shown.starts_with("340123450100000016  packed\n  60 piece of CARTONS (CARTON-A)\n  100 piece of LIDS (CARTON-A)\n"),
        "{shown}"
    );
    tell("lot unpack LIDS=90 --sscc 340123450100000016");
    let shipped = tell("lot ship --sscc 340123450100000016 --order O-1 --customer ABC");
    assert_eq!(
        shipped.matches("lot.shipped recorded").count(),
        2,
        "{shipped}"
    );
    let shown = tell("lot container 340123450100000016");
    assert!(
        shown.contains("shipped 10 piece of LIDS order O-1 customer ABC"),
        "{shown}"
    );
    let unknown = program.fails(1, &["lot", "container", "340123450000000017"]);
    assert!(unknown.contains("is not known here"), "{unknown}");
    let next = tell("lot pack CARTONS=5 --json");
    assert!(next.contains("340123450100000023"), "{next}");
    assert!(tell("ledger verify").contains("whole"));

    let document: Value = serde_json::from_str(&tell("ledger export --format epcis")).unwrap();
    let events = document["epcisBody"]["eventList"].as_array().unwrap();
    let of_kind = |kind: &str| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["agog:kind"] == kind)
            .collect()
    };
    let packed = of_kind("lot.packed");
    assert_eq!(
        (
            &packed[0]["type"],
            &packed[0]["action"],
            &packed[0]["bizStep"]
        ),
        (&"AggregationEvent".into(), &"ADD".into(), &"packing".into())
    );
    assert_eq!(packed[0]["parentID"], "urn:epc:id:sscc:4012345.3010000001");
    assert_eq!(packed[0]["childQuantityList"].as_array().unwrap().len(), 2);
    // A pallet of somebody else: what their prefix is, nobody here knows.
    assert_eq!(
        packed[1]["parentID"],
        "https://id.gs1.org/00/390000010000000018"
    );
    let unpacked = of_kind("lot.unpacked");
    assert_eq!(
        (&unpacked[0]["action"], &unpacked[0]["bizStep"]),
        (&"DELETE".into(), &"unpacking".into())
    );
    assert_eq!(unpacked[0]["childQuantityList"][0]["quantity"], 90);
    let shipped = of_kind("lot.shipped");
    assert_eq!(
        shipped[0]["epcList"][0],
        "urn:epc:id:sscc:4012345.3010000001"
    );
    program.signal("TERM");
    assert_eq!(program.wait(), Some(0));
}

#[test]
fn without_a_prefix_of_its_own_the_agent_asks_for_the_number() {
    let mut program = Program::init();
    program.start();
    program.ok(&[
        "lot",
        "receive",
        "--number",
        "L",
        "--material",
        "BOARD-300",
        "--quantity",
        "10",
    ]);
    let refused = program.fails(1, &["lot", "pack", "L"]);
    assert!(refused.contains("epcis.sscc_prefix"), "{refused}");
}

#[test]
fn a_prefix_that_is_not_the_companys_or_leaves_no_room_is_refused_by_the_configuration() {
    for wrong in ["3401234", "4012345", "340123450000000", "34O12345"] {
        let program = Program::init();
        let config = std::fs::read_to_string(program.config_path()).unwrap()
            + &format!("\n[epcis]\ncompany_prefix = \"4012345\"\nsscc_prefix = \"{wrong}\"\n");
        std::fs::write(program.config_path(), config).unwrap();
        let told = program.fails(78, &["check"]);
        assert!(told.contains("epcis.sscc_prefix"), "{wrong}: {told}");
    }
}
