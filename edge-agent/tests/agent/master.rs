//! Master data of the office at the plant: what wins, what is warned of, and that nothing in the ledger changes by it.

use agog_edge::config::MasterData;
use agog_edge::ledger::{Append, Arrival, FeedOutcome, LotCommand, Reader, Refused};
use agog_sync::frame::{FeedBody, FeedItem};
use agog_sync::master::{MasterItem, MasterKind};
use agog_sync::quantity::{Material, Unit};
use rust_decimal::Decimal;

use crate::support::{
    TestLedger, append, hold, in_unit, materials, move_to, receive, split, waste,
};

fn record(kind: MasterKind, code: &str, name: &str) -> MasterItem {
    MasterItem {
        kind,
        code: code.to_owned(),
        name: name.to_owned(),
        of_plant: kind == MasterKind::Locations,
        retired: false,
        material: None,
        used_for: vec![],
    }
}

fn material(material: Material) -> MasterItem {
    let named = record(MasterKind::Materials, &material.code, &material.name);
    MasterItem {
        material: Some(material),
        ..named
    }
}

/// The office says so, and it comes down.
async fn said(test: &TestLedger, items: Vec<MasterItem>) {
    for item in items {
        let n = test.ledger.feed_cursor().await.unwrap() + 1;
        let body = FeedBody::Master(Box::new(item));
        let outcome = test.ledger.apply_feed(FeedItem { n, body }).await.unwrap();
        assert_eq!(outcome, FeedOutcome::Applied);
    }
}

/// Records the command, and says what it was warned of.
async fn warned(test: &TestLedger, command: LotCommand) -> Vec<String> {
    let asked = Append {
        master_data: Some(MasterData::Warn),
        ..append(command)
    };
    let warnings = test.ledger.append(asked).await.unwrap().warnings;
    warnings.into_iter().map(|warning| warning.what).collect()
}

fn received(number: &str, material: &str, amount: &str, unit: Unit) -> LotCommand {
    match receive(number, 1) {
        LotCommand::Receive(mut command) => {
            material.clone_into(&mut command.material);
            command.quantity = in_unit(amount, unit);
            LotCommand::Receive(command)
        }
        other => other,
    }
}

#[tokio::test]
async fn new_lots_follow_the_office_and_a_lot_goes_on_in_the_unit_in_which_it_was_made() {
    let test = TestLedger::new();
    test.lot(receive("OLD", 100)).await.unwrap();

    // The plant has the board in sheets of 1000 x 700 mm; the office counts it in kilograms.
    let board = Material {
        name: "Board of the office".to_owned(),
        base_unit: Unit::Kilogram,
        ..materials()["BOARD-300"].clone()
    };
    said(&test, vec![material(board.clone())]).await;
    test.lot(received("NEW", "BOARD-300", "210", Unit::Kilogram))
        .await
        .unwrap();
    let wasted = |lot: &str| match waste(lot, 0) {
        LotCommand::Waste(mut command) => {
            command.quantity = in_unit("10", Unit::Sheet);
            LotCommand::Waste(command)
        }
        other => other,
    };
    test.lot(wasted("OLD")).await.unwrap();
    test.lot(wasted("NEW")).await.unwrap();
    test.lot(split("OLD", &[("PART", 5)], &[])).await.unwrap();

    assert_eq!(test.on_hand("OLD").await, Decimal::from(85));
    assert_eq!(test.on_hand("NEW").await, Decimal::new(2079, 1));
    // Another width for the same unit: what is entered from now on is converted by it, and nothing that was before.
    let wider = Material {
        width_mm: Some(2000.into()),
        ..board
    };
    said(&test, vec![material(wider)]).await;
    test.lot(wasted("NEW")).await.unwrap();
    assert_eq!(test.on_hand("NEW").await, Decimal::new(2037, 1));
    test.assert_whole(6).await;
}

#[tokio::test]
async fn a_material_that_only_the_office_knows_can_be_received_and_one_that_nobody_knows_cannot() {
    let test = TestLedger::new();
    let film = received("FILM-1", "FILM", "7", Unit::Kilogram);
    let error = test.lot(film.clone()).await.unwrap_err();
    assert!(error.to_string().contains("BOARD-300, CARTON-A"), "{error}");

    said(
        &test,
        vec![material(Material::simple("FILM", Unit::Kilogram))],
    )
    .await;
    test.lot(film).await.unwrap();
    assert_eq!(test.on_hand("FILM-1").await, Decimal::from(7));

    let retired = MasterItem {
        retired: true,
        ..material(Material::simple("FILM", Unit::Kilogram))
    };
    said(&test, vec![retired]).await;
    let more = received("FILM-2", "FILM", "7", Unit::Kilogram);
    assert_eq!(
        warned(&test, more).await,
        ["material FILM (FILM) is retired"],
        "the goods are there: recorded all the same"
    );
    let error = test
        .lot(received("X", "NONE", "1", Unit::Piece))
        .await
        .unwrap_err();
    let unknown = agog_edge::ledger::AppendError::Refused(Refused::UnknownMaterial {
        code: "NONE".to_owned(),
        known: vec!["BOARD-300".to_owned(), "CARTON-A".to_owned()],
    });
    assert_eq!(error.to_string(), unknown.to_string());
}

#[tokio::test]
async fn a_plant_is_warned_of_what_the_office_does_not_know_once_it_keeps_such_records() {
    let test = TestLedger::new();
    test.lot(receive("LOT-1", 100)).await.unwrap();
    assert_eq!(warned(&test, move_to("LOT-1", "somewhere")).await, [""; 0]);

    let waste_only = MasterItem {
        used_for: vec!["waste".to_owned()],
        ..record(MasterKind::Reasons, "W-07", "misregistration")
    };
    let gone = MasterItem {
        retired: true,
        ..record(MasterKind::Locations, "B-02", "Aisle B")
    };
    let aisle = record(MasterKind::Locations, "A-01", "Aisle A");
    said(&test, vec![waste_only, gone, aisle]).await;

    assert_eq!(
        warned(&test, move_to("LOT-1", "somewhere")).await,
        ["the office knows no location `somewhere`"]
    );
    assert_eq!(warned(&test, move_to("LOT-1", "A-01")).await, [""; 0]);
    assert_eq!(
        warned(&test, move_to("LOT-1", "B-02")).await,
        ["location B-02 (Aisle B) is retired"]
    );
    // A reason is meant by its code or by its words.
    assert_eq!(warned(&test, waste("LOT-1", 1)).await, [""; 0]);
    let LotCommand::Hold(mut held) = hold("LOT-1") else {
        panic!("a hold");
    };
    held.reason = "W-07".to_owned();
    assert_eq!(
        warned(&test, LotCommand::Hold(held)).await,
        ["reason W-07 (misregistration) is for waste, not for hold"]
    );
    let listed = test
        .ledger
        .read(|reader: &Reader| reader.master(Some(MasterKind::Locations)))
        .await
        .unwrap();
    let codes: Vec<_> = listed.iter().map(|item| item.code.as_str()).collect();
    assert_eq!(codes, ["A-01", "B-02"]);
    // Each was recorded, and one more without a look at the master data: the ledger itself knows nothing of it.
    test.lot(move_to("LOT-1", "somewhere")).await.unwrap();
    test.assert_whole(8).await;
}

#[tokio::test]
async fn a_record_of_the_plant_stands_beside_that_of_the_company_and_comes_before_it() {
    let test = TestLedger::new();
    let of_company = record(MasterKind::Operators, "4711", "Ada of the company");
    let here = MasterItem {
        of_plant: true,
        ..record(MasterKind::Operators, "4711", "Ada of Hamburg")
    };
    said(&test, vec![here.clone(), of_company.clone()]).await;
    let name = async || {
        let read = |reader: &Reader| reader.master_name(MasterKind::Operators, "4711");
        test.ledger.read(read).await.unwrap().unwrap()
    };
    assert_eq!(name().await, "Ada of Hamburg");
    let item = FeedItem {
        n: 9,
        body: FeedBody::Master(Box::new(MasterItem {
            retired: true,
            ..here
        })),
    };
    test.ledger.take_in(item, Arrival::Snapshot).await.unwrap();
    assert_eq!(name().await, "Ada of the company");
}
