//! The returned ticket against what the device had signalled: the ticket counts, and where the two
//! differ, that is recorded. Pure.
//!
//! Only what was signalled is compared: a device that signals nothing, or nothing of lots, differs in
//! nothing. Times differ from [`TIME_TOLERANCE`] on, because signals tell them by heartbeats.

use agog_jdf::ResourceUse;
use agog_sync::event::Difference;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::returned::ReturnedTicket;
use crate::floor::{ResourceKey, UsedLot};

/// Two heartbeats of half a minute.
const TIME_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);
/// Differences beyond this number are no help for anybody.
const DIFFERENCES_MAX: usize = 50;

/// What a device had signalled of a job until its ticket came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Signalled {
    pub(crate) good: Option<Decimal>,
    pub(crate) waste: Option<Decimal>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// By resource, what was used of which lot.
    pub(crate) used: Vec<(ResourceKey, Vec<UsedLot>)>,
}

/// Where the ticket says something else than the signals.
pub(crate) fn differences(signalled: &Signalled, ticket: &ReturnedTicket) -> Vec<Difference> {
    let mut found = Vec::new();
    let summary = &ticket.summary;
    // Devices count what goes in (sheets) or what comes out (labels); either is right.
    if ticket.tells_amounts {
        amount(
            &mut found,
            "good",
            signalled.good,
            [summary.good, ticket.input.good],
        );
        amount(
            &mut found,
            "waste",
            signalled.waste,
            [summary.waste, ticket.input.waste],
        );
    }
    time(
        &mut found,
        "started_at",
        signalled.started_at,
        summary.start,
    );
    time(&mut found, "ended_at", signalled.ended_at, summary.end);
    for (resource, lots) in &signalled.used {
        if let Some(returned) = summary.consumed.iter().find(|used| is_of(used, resource)) {
            compare_lots(&mut found, lots, returned);
        }
    }
    found.truncate(DIFFERENCES_MAX);
    found
}

/// A sentence for people.
pub(crate) fn remark(differences: &[Difference]) -> Option<String> {
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let told: Vec<String> = differences
        .iter()
        .map(|difference| {
            let lot = difference.lot.as_ref();
            let lot = lot.map_or_else(String::new, |lot| format!(" of lot {lot}"));
            let (signalled, returned) = (word(&difference.signalled), word(&difference.returned));
            format!(
                "{}{lot}: signalled {signalled}, returned {returned}",
                difference.what
            )
        })
        .collect();
    (!told.is_empty()).then(|| format!("the signals differ from the ticket ({})", told.join(", ")))
}

fn amount(
    found: &mut Vec<Difference>,
    what: &str,
    signalled: Option<Decimal>,
    returned: [Decimal; 2],
) {
    let Some(signalled) = signalled.filter(|signalled| !returned.contains(signalled)) else {
        return;
    };
    found.push(Difference {
        what: what.to_owned(),
        lot: None,
        signalled: Some(signalled.normalize().to_string()),
        returned: Some(returned[0].normalize().to_string()),
    });
}

fn time(
    found: &mut Vec<Difference>,
    what: &str,
    signalled: Option<Timestamp>,
    returned: Option<Timestamp>,
) {
    let (Some(signalled), Some(returned)) = (signalled, returned) else {
        return;
    };
    if signalled.duration_since(returned).abs() >= TIME_TOLERANCE {
        found.push(Difference {
            what: what.to_owned(),
            lot: None,
            signalled: Some(signalled.to_string()),
            returned: Some(returned.to_string()),
        });
    }
}

/// A signal names a resource by the ticket's id, or by its kind and article.
fn is_of(used: &ResourceUse, resource: &ResourceKey) -> bool {
    match &resource.resource_id {
        Some(id) => *id == used.rref,
        None => used.resource_name == resource.name && used.product_id == resource.product_id,
    }
}

fn compare_lots(found: &mut Vec<Difference>, signalled: &[UsedLot], returned: &ResourceUse) {
    let told = returned.lots.iter().filter(|lot| lot.amount.is_some());
    let mut names: Vec<(&str, bool)> = told
        .map(|lot| (lot.lot_id.as_str(), lot.is_waste))
        .collect();
    if names.is_empty() {
        // The ticket does not say what was used of which lot.
        return;
    }
    names.extend(signalled.iter().map(|lot| (lot.lot.as_str(), lot.is_waste)));
    names.sort_unstable();
    names.dedup();
    for (name, is_waste) in names {
        let of_signals = signalled
            .iter()
            .find(|lot| lot.lot == name && lot.is_waste == is_waste);
        let of_signals = of_signals.map(|lot| lot.amount);
        let of_ticket = returned.lots.iter();
        let of_ticket = of_ticket
            .filter(|lot| lot.lot_id == name && lot.is_waste == is_waste)
            .find_map(|lot| lot.amount);
        if of_signals.unwrap_or_default() != of_ticket.unwrap_or_default() {
            found.push(Difference {
                what: if is_waste { "lot-waste" } else { "lot-good" }.to_owned(),
                lot: Some(name.to_owned()),
                signalled: of_signals.map(|amount| amount.normalize().to_string()),
                returned: of_ticket.map(|amount| amount.normalize().to_string()),
            });
        }
    }
}
