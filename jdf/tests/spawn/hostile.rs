//! Returned tickets that are not what was given away: nothing is replaced that was not meant, and nothing by halves.

use agog_jdf::{ElementRef, Ticket};
use proptest::prelude::*;

use super::{box_ticket, give, options, parse, take, text};

#[test]
fn an_audit_that_names_what_is_no_resource_replaces_nothing() {
    let mut parent = parse(&box_ticket());
    let mut away = give(&mut parent, "print", &options("Sp1")).unwrap().ticket;
    let audit = parent
        .root()
        .child("AuditPool")
        .unwrap()
        .children()
        .last()
        .unwrap()
        .id();
    parent
        .set_attribute(audit, "rRefsRWCopied", "box cut sheet sheet print board")
        .unwrap();
    // What came back as `board` is no board.
    let board = Ticket::of(&away).unwrap().by_id("board").unwrap().id();
    away.replace_with_xml(
        board,
        "<Ink ID='board' Class='Consumable' Status='Available'/>",
    )
    .unwrap();
    let merging = take(&mut parent, &away).unwrap();
    assert_eq!(merging.overwritten, ["sheet"]);
    let ticket = Ticket::of(&parent).unwrap();
    assert_eq!(ticket.by_id("board").unwrap().local_name(), "Media");
    assert_eq!(ticket.nodes().count(), 3);
}

proptest! {
    /// Whatever a device does to the ticket, the parent takes it whole or stays as it was, and can be read again.
    #[test]
    fn a_ticket_that_was_changed_at_will_is_merged_whole_or_not_at_all(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6, any::<prop::sample::Index>()), 0..12),
    ) {
        const VALUES: [&str; 8] = ["", "print", "box", "board", "sheet new", "Sp1", "Completed", "<&\">"];
        const NAMES: [&str; 8] = ["ID", "SpawnID", "SpawnIDs", "rRef", "Status", "PartIDKeys", "SheetName", "SpawnStatus"];
        let mut parent = parse(&box_ticket());
        let mut away = give(&mut parent, "print", &options("Sp1")).unwrap().ticket;
        for (place, kind, value) in changes {
            let all: Vec<_> = std::iter::once(away.root()).chain(away.root().descendants()).map(ElementRef::id).collect();
            let id = *place.get(&all);
            let _ = match kind {
                0 => away.remove(id),
                1 => away.append_xml(id, "<ResourcePool><Media ID='board'/><Media ID='n' rRefs='sheet'/></ResourcePool>").map(|_| ()),
                2 => away.append_xml(id, "<JDF ID='cut' Type='Cutting'/>").map(|_| ()),
                _ => away.set_attribute(id, NAMES[value.index(NAMES.len())], VALUES[place.index(VALUES.len())]),
            };
        }
        let before = parent.to_bytes();
        match take(&mut parent, &away) {
            Err(_) => prop_assert_eq!(parent.to_bytes(), before),
            Ok(merging) => {
                let again = parse(&text(&parent));
                let ticket = Ticket::of(&again).unwrap();
                prop_assert!(ticket.node_by_name(&merging.node_id).is_some());
                prop_assert!(!text(&parent).contains("AncestorPool"));
            }
        }
    }
}
