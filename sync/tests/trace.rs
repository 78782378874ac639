//! Traces: order, time, and size.

use agog_sync::ids::LotId;
use agog_sync::lots::{EdgeKind, LotAttributes, LotOrigin, LotRef, Use, UseKind};
use agog_sync::quantity::{Quantity, Unit};
use agog_sync::trace::{Direction, Mode, Trace, TraceEdge, TraceLot};
use jiff::Timestamp;
use uuid::Uuid;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_760_515_200 + minute * 60).unwrap()
}

fn id(number: u128) -> LotId {
    LotId::from_uuid(Uuid::from_u128(number))
}

fn lot(number: u128, name: &str, minute: i64) -> TraceLot {
    TraceLot {
        lot: LotRef {
            lot_id: id(number),
            number: name.to_owned(),
        },
        plant: None,
        material: Some("BOARD-300".to_owned()),
        origin: if number == 1 {
            LotOrigin::Received
        } else {
            LotOrigin::Split
        },
        made_by_job: None,
        on_hand: Quantity::new(0.into(), Unit::Sheet),
        held: false,
        attributes: LotAttributes::default(),
        created_at: at(minute),
        uses: vec![],
    }
}

fn edge(parent: u128, child: u128, minute: i64) -> TraceEdge {
    let quantity = Some(Quantity::new(10.into(), Unit::Sheet));
    TraceEdge {
        parent: id(parent),
        child: id(child),
        kind: EdgeKind::Split,
        quantity,
        at: at(minute),
    }
}

fn names(trace: &Trace) -> Vec<&str> {
    trace
        .lots
        .iter()
        .map(|lot| lot.lot.number.as_str())
        .collect()
}

#[test]
fn the_answer_does_not_depend_on_the_order_in_which_a_store_finds_things() {
    let lots = vec![
        lot(1, "ROLL", 0),
        lot(2, "A", 1),
        lot(3, "B", 1),
        lot(4, "FG", 2),
    ];
    let edges = vec![edge(1, 2, 1), edge(1, 3, 1), edge(2, 4, 2), edge(3, 4, 2)];
    let build = |lots: Vec<TraceLot>, edges: Vec<TraceEdge>| {
        Trace::build(id(1), Direction::Forward, Mode::Strict, lots, edges, false)
    };
    let one = build(lots.clone(), edges.clone());
    let other = build(
        lots.into_iter().rev().collect(),
        edges.iter().rev().cloned().collect(),
    );
    assert_eq!(one, other);
    assert_eq!(names(&one), ["ROLL", "A", "B", "FG"]);
}

#[test]
fn what_was_added_after_a_part_had_left_is_not_in_that_part() {
    // TANK gave SAMPLE at minute 1; INK went into TANK at minute 2.
    let lots = vec![lot(1, "TANK", 0), lot(2, "SAMPLE", 1), lot(3, "INK", 0)];
    let edges = vec![edge(1, 2, 1), edge(3, 1, 2)];
    let trace = |mode| {
        Trace::build(
            id(3),
            Direction::Forward,
            mode,
            lots.clone(),
            edges.clone(),
            false,
        )
    };
    assert_eq!(names(&trace(Mode::Strict)), ["INK", "TANK"]);
    assert_eq!(names(&trace(Mode::Exposure)), ["INK", "TANK", "SAMPLE"]);
    let back = Trace::build(id(2), Direction::Backward, Mode::Strict, lots, edges, false);
    assert_eq!(names(&back), ["SAMPLE", "TANK"]);
}

#[test]
fn steps_of_one_instant_are_all_followed() {
    let lots = (1..=4)
        .map(|number| lot(number, &number.to_string(), 0))
        .collect();
    let edges = vec![edge(3, 4, 0), edge(2, 3, 0), edge(1, 2, 0)];
    let trace = Trace::build(id(1), Direction::Forward, Mode::Strict, lots, edges, false);
    assert_eq!(trace.lots.len(), 4);
}

#[test]
fn the_tree_names_a_lot_with_several_parents_in_full_once() {
    let mut roll = lot(1, "ROLL", 0);
    roll.attributes.supplier = Some("Acme Paper Co.".to_owned());
    roll.attributes.supplier_lot = Some("12345".to_owned());
    let mut finished = lot(4, "FG", 2);
    finished.uses.push(Use {
        kind: UseKind::Shipped,
        quantity: Quantity::new(10.into(), Unit::Sheet),
        job: None,
        order: Some("Order-5001".to_owned()),
        customer: Some("ABC Corp".to_owned()),
        device: None,
        operator: None,
        reason: None,
        reference: None,
        sscc: None,
        at: at(9),
    });
    let lots = vec![roll, lot(2, "A", 1), lot(3, "B", 1), finished];
    let edges = vec![edge(1, 2, 1), edge(1, 3, 1), edge(2, 4, 2), edge(3, 4, 2)];
    let trace = Trace::build(id(1), Direction::Forward, Mode::Strict, lots, edges, false);
    insta::assert_snapshot!(trace.render_text(), @r"
    ROLL  BOARD-300  on hand 0 sheet
    │  received 2025-10-15 08:00 UTC from Acme Paper Co., their lot 12345
    ├─ A  BOARD-300  [split 10 sheet]  on hand 0 sheet
    │  └─ FG  BOARD-300  [split 10 sheet]  on hand 0 sheet
    │        shipped 10 sheet order Order-5001 customer ABC Corp on 2025-10-15 08:09 UTC
    └─ B  BOARD-300  [split 10 sheet]  on hand 0 sheet
       └─ FG  BOARD-300  [split 10 sheet]  on hand 0 sheet (see above)
    ");
}

#[test]
fn a_ladder_of_twenty_diamonds_is_as_long_as_its_lots() {
    let mut lots = vec![lot(1, "L0", 0)];
    let mut edges = vec![];
    for level in 1..=20_u128 {
        for side in 0..2 {
            let minute = i64::try_from(level).unwrap();
            lots.push(lot(level * 2 + side, &format!("L{level}-{side}"), minute));
            let parents = if level == 1 {
                vec![1]
            } else {
                vec![level * 2 - 2, level * 2 - 1]
            };
            edges.extend(
                parents
                    .into_iter()
                    .map(|parent| edge(parent, level * 2 + side, minute)),
            );
        }
    }
    let trace = Trace::build(id(1), Direction::Forward, Mode::Strict, lots, edges, false);
    assert_eq!(trace.lots.len(), 41);
    assert_eq!(
        trace.render_text().lines().count(),
        1 + 1 + trace.edges.len()
    );
}
