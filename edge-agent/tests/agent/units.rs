//! Amounts in any unit that a material converts to: what a scale, a web counter or an area says is booked in sheets.

use agog_edge::ledger::LotCommand;
use agog_edge::ledger::command::{Adjust, Amount, Details, Produce, Source};
use agog_sync::quantity::Unit;
use rust_decimal::Decimal;

use crate::support::*;

/// Every amount that a command names.
fn amounts(command: &mut LotCommand) -> Vec<&mut Amount> {
    match command {
        LotCommand::Receive(command) => vec![&mut command.quantity],
        LotCommand::Split(command) => command
            .into
            .iter_mut()
            .chain(&mut command.waste)
            .map(|part| &mut part.quantity)
            .collect(),
        LotCommand::Merge(command) => quantities(&mut command.from),
        LotCommand::Produce(command) => {
            let mut amounts = quantities(&mut command.from);
            amounts.push(&mut command.quantity);
            amounts
        }
        LotCommand::Consume(command) => vec![&mut command.quantity],
        LotCommand::Waste(command) => vec![&mut command.quantity],
        LotCommand::Adjust(command) => command.by.iter_mut().chain(&mut command.to).collect(),
        LotCommand::Ship(command) => command.quantity.iter_mut().collect(),
        LotCommand::Return(command) => vec![&mut command.quantity],
        LotCommand::Pack(command) => quantities(&mut command.contents),
        LotCommand::Unpack(command) => quantities(&mut command.contents),
        LotCommand::Move(_)
        | LotCommand::Hold(_)
        | LotCommand::Release(_)
        | LotCommand::Correct(_) => vec![],
    }
}

fn quantities(sources: &mut [Source]) -> Vec<&mut Amount> {
    let sources = sources.iter_mut();
    sources
        .filter_map(|source| source.quantity.as_mut())
        .collect()
}

/// A job makes boards out of boards.
fn produce_board(number: &str, amount: i64, from: &str, taken: i64) -> LotCommand {
    match produce(number, amount, &[(from, Some(taken))], job("J-1")) {
        LotCommand::Produce(command) => LotCommand::Produce(Produce {
            material: "BOARD-300".to_owned(),
            ..command
        }),
        other => other,
    }
}

#[tokio::test]
async fn every_command_takes_kilograms_square_metres_and_metres_of_a_lot_of_sheets() {
    // A sheet of BOARD-300 is 1.0 m by 0.7 m, of 300 g/m².
    for (unit, of_a_sheet) in [
        (Unit::Sheet, "1"),
        (Unit::Kilogram, "0.21"),
        (Unit::SquareMetre, "0.7"),
        (Unit::Metre, "0.7"),
    ] {
        let of_a_sheet: Decimal = of_a_sheet.parse().unwrap();
        let test = TestLedger::new();
        for (command, lot, on_hand) in [
            (receive("R", 1_000), "R", 1_000),
            (split("R", &[("A", 100)], &[("W", 10)]), "R", 890),
            (move_to("A", "Rack-7"), "A", 100),
            (merge(&[("A", Some(40)), ("R", Some(60))], "M"), "M", 100),
            (consume("R", 30, job("J-1")), "R", 800),
            (produce_board("P", 50, "R", 55), "R", 745),
            (waste("R", 5), "R", 740),
            (adjust_by("R", -40), "R", 700),
            (pack(1, &[("M", Some(30))]), "M", 100),
            (unpack(1, &[("M", Some(10))]), "M", 100),
            (ship("M", Some(20)), "M", 80),
            (return_lot("M", 5, false), "M", 85),
        ] {
            let mut command = command;
            let said = format!("{command:?} in {unit}");
            for amount in amounts(&mut command) {
                amount.amount *= of_a_sheet;
                amount.unit = Some(unit);
            }

            test.lot(command).await.unwrap();

            assert_eq!(test.on_hand(lot).await, Decimal::from(on_hand), "{said}");
        }
        assert_eq!(test.on_hand("P").await, Decimal::from(50), "{unit}");
        assert_eq!(test.on_hand("A").await, Decimal::from(60), "{unit}");
        let container = test.ledger.read(|reader| reader.container(sscc(1)));
        let contents = container.await.unwrap().unwrap().contents;
        assert_eq!(contents[0].quantity.to_string(), "20 sheet", "{unit}");
        test.assert_whole(12).await;
    }
}

#[tokio::test]
async fn what_is_left_of_a_roll_is_counted_in_any_unit() {
    let test = TestLedger::new();
    test.lot(receive("R", 1_000)).await.unwrap();
    let count = Adjust {
        lot: "R".to_owned(),
        by: None,
        to: Some(in_unit("168", Unit::Kilogram)),
        reason: "counted".to_owned(),
        details: Details::default(),
    };

    test.lot(LotCommand::Adjust(count)).await.unwrap();

    assert_eq!(test.on_hand("R").await, Decimal::from(800));
}
