//! Tickets: validation, order, layout and comparison take anything; what is spawned merges back as it was.
#![no_main]

use agog_jdf::diff::{DiffOptions, diff};
use agog_jdf::order::Order;
use agog_jdf::spawn::{MergeOptions, SpawnOptions, merge, spawn};
use agog_jdf::validate::{Level, Scope, check_capability, validate};
use agog_jdf::{Document, Limits, Ticket};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes, &Limits::default()) else {
        return;
    };
    for level in [Level::Tolerant, Level::Standard, Level::Strict] {
        let _ = validate(&document, level);
    }
    let _ = check_capability(&document, document.root(), Scope::Present);
    let formatted = document.formatted();
    let again = Document::parse(&formatted, &Limits::default()).expect("what was laid out can be read");
    assert!(diff(&document, &again, DiffOptions { comments: true }).is_empty());
    assert_eq!(again.formatted(), formatted);
    let Ok(ticket) = Ticket::of(&document) else {
        return;
    };
    let order = Order::of(&ticket);
    for node in order.nodes() {
        let _ = order.readiness(*node, None);
    }
    let Some(node) = order.nodes().last().map(|node| node.node_id()) else {
        return;
    };
    let now = "2025-03-01T08:00:00Z".parse().expect("an instant");
    let mut parent = document.clone();
    let Ok(spawning) = spawn(&mut parent, node, &SpawnOptions::new("Fuzz", now, "fuzz")) else {
        assert_eq!(parent.to_bytes(), document.to_bytes(), "a refusal changes nothing");
        return;
    };
    let returned = Document::parse(&spawning.ticket.to_bytes(), &Limits::default()).expect("a spawned ticket can be read");
    let before = parent.to_bytes();
    if merge(&mut parent, &returned, &MergeOptions::new(now, "fuzz")).is_err() {
        assert_eq!(parent.to_bytes(), before, "a refusal changes nothing");
    }
});
