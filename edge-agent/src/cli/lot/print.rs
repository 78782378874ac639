//! Lots as lines for people.

use std::fmt::Write as _;

use crate::api::LotDetail;
use crate::ledger::{Appended, ContainerRow, LotEventRow, LotRow};

/// What was recorded, and the lots as they are now.
pub(super) fn appended(appended: &Appended) -> String {
    let mut text = String::new();
    for event in &appended.events {
        let again = if appended.repeated {
            " before, nothing was recorded now"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "{} recorded as event {} ({}){again}",
            event.kind, event.seq, event.event_id
        );
    }
    text.push_str(&lots(&appended.lots));
    for flag in &appended.flags {
        let _ = writeln!(
            text,
            "note: forced on lot {}: {}",
            flag.lot().number,
            flag.code()
        );
    }
    for warning in &appended.warnings {
        let _ = writeln!(text, "warning: {}", warning.what);
    }
    text
}

/// A table of lots.
pub(super) fn lots(lots: &[LotRow]) -> String {
    if lots.is_empty() {
        return "no lots\n".to_owned();
    }
    let width = |text: fn(&LotRow) -> String| {
        lots.iter()
            .map(|lot| text(lot).chars().count())
            .max()
            .unwrap_or_default()
    };
    let number_width = width(|lot| lot.lot.number.clone());
    let hand_width = width(|lot| lot.on_hand.to_string());
    let material_width = width(material);
    let mut text = String::new();
    for lot in lots {
        let line = format!(
            "{:number_width$}  {:>hand_width$}  {:material_width$}  {}{}",
            lot.lot.number,
            lot.on_hand.to_string(),
            material(lot),
            lot.attributes.location.as_deref().unwrap_or_default(),
            match (lot.origin.as_str(), lot.holds.is_empty()) {
                ("undone", _) => "  UNDONE",
                (_, true) if !lot.packed.is_empty() => "  PACKED",
                (_, true) => "",
                (_, false) => "  HELD",
            },
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// One lot with everything that is known of it.
pub(super) fn detail(detail: &LotDetail) -> String {
    let lot = &detail.lot;
    let mut text = format!(
        "{}  {}  on hand {}\n  id {}, {} {}\n",
        lot.lot.number,
        named(&material(lot), detail.material_name.as_deref()),
        lot.on_hand,
        lot.lot.lot_id,
        lot.origin.replace('_', " "),
        lot.created_at.strftime("%Y-%m-%d %H:%M UTC"),
    );
    let attributes = &lot.attributes;
    let location = attributes.location.as_ref();
    let location = location.map(|code| named(code, detail.location_name.as_deref()));
    for (name, value) in [
        ("made by job", &lot.made_by_job),
        ("supplier", &attributes.supplier),
        ("their lot", &attributes.supplier_lot),
        ("location", &location),
        (
            "expiry",
            &attributes.expiry.map(|expiry| expiry.to_string()),
        ),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name}: {value}");
        }
    }
    for (name, value) in &attributes.quality {
        let _ = writeln!(text, "  {name}: {value}");
    }
    for hold in &lot.holds {
        let _ = writeln!(text, "  HELD: {} (hold {})", hold.reason, hold.hold_id);
    }
    for packed in &lot.packed {
        let _ = writeln!(text, "  packed: {} in {}", packed.quantity, packed.sscc);
    }
    let id = lot.lot.lot_id;
    let number_of = |wanted| {
        let found = detail
            .neighbours
            .lots
            .iter()
            .find(|near| near.lot.lot_id == wanted);
        found.map_or_else(|| wanted.to_string(), |near| near.lot.number.clone())
    };
    for edge in &detail.neighbours.edges {
        let quantity = edge
            .quantity
            .map_or_else(String::new, |quantity| format!(", {quantity}"));
        if edge.child == id {
            let _ = writeln!(
                text,
                "  from {} ({}{quantity})",
                number_of(edge.parent),
                edge.kind.as_str()
            );
        } else {
            let _ = writeln!(
                text,
                "  into {} ({}{quantity})",
                number_of(edge.child),
                edge.kind.as_str()
            );
        }
    }
    let own = detail
        .neighbours
        .lots
        .iter()
        .find(|near| near.lot.lot_id == id);
    for used in own.into_iter().flat_map(|own| &own.uses) {
        let _ = write!(text, "  {} {}", used.kind.as_str(), used.quantity);
        for (word, value) in [
            ("for", &used.job),
            ("order", &used.order),
            ("customer", &used.customer),
            ("because of", &used.reason),
            ("in", &used.sscc.map(|sscc| sscc.to_string())),
        ] {
            if let Some(value) = value {
                let _ = write!(text, " {word} {value}");
            }
        }
        text.push('\n');
    }
    events(&mut text, &detail.events);
    text
}

/// A container: how it stands, what is in it, what left in it, and its events.
pub(super) fn container(container: &ContainerRow) -> String {
    let mut text = format!("{}  {}\n", container.sscc, container.status.as_str());
    for content in &container.contents {
        let _ = writeln!(
            text,
            "  {} of {} ({})",
            content.quantity,
            content.lot.number,
            content.material.as_deref().unwrap_or("material unknown")
        );
    }
    for shipped in &container.shipped {
        let used = &shipped.used;
        let _ = writeln!(
            text,
            "  shipped {} of {} order {} customer {}",
            used.quantity,
            shipped.lot.number,
            used.order.as_deref().unwrap_or_default(),
            used.customer.as_deref().unwrap_or_default()
        );
    }
    events(&mut text, &container.events);
    text
}

fn events(text: &mut String, events: &[LotEventRow]) {
    for event in events {
        let _ = writeln!(
            text,
            "  event {}  {}  {}{}",
            event.event_id,
            event.occurred_at.strftime("%Y-%m-%d %H:%M UTC"),
            event.kind,
            if event.corrected_by.is_some() {
                "  CORRECTED"
            } else {
                ""
            },
        );
    }
}

/// A code with what the office calls it.
fn named(code: &str, name: Option<&str>) -> String {
    match name {
        Some(name) if name != code => format!("{code} ({name})"),
        _ => code.to_owned(),
    }
}

fn material(lot: &LotRow) -> String {
    lot.material
        .clone()
        .unwrap_or_else(|| "material unknown".to_owned())
}
