//! The gate before a new lot event is recorded.

use std::collections::BTreeSet;

use super::apply::effects_of;
use super::book::LotBook;
use super::containers::ContainerStatus;
use super::kinds::{LotEvent, LotRef};
use super::outcome::Flag;
use crate::ids::{EventId, HoldId};
use crate::quantity::{Quantity, Unit};
use crate::sscc::Sscc;
use jiff::Timestamp;

/// Why an event was refused. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More was asked than there is.
    #[error(
        "lot {lot} holds {balance}, not {asked}; if the stock is really there, force it with a reason",
        lot = lot.number
    )]
    BeyondBalance {
        lot: LotRef,
        balance: Quantity,
        asked: Quantity,
    },
    /// More was said to come back than was shipped.
    #[error(
        "{shipped} of lot {lot} are with customers, not {asked}; if more really came back, force it with a reason",
        lot = lot.number
    )]
    BeyondShipped {
        lot: LotRef,
        shipped: Quantity,
        asked: Quantity,
    },
    /// What was asked for is packed.
    #[error(
        "{free} of lot {lot} are free, not {asked}: the rest is packed in {containers}; unpack it first, or force it with a reason",
        lot = lot.number, containers = listed(containers)
    )]
    Packed {
        lot: LotRef,
        free: Quantity,
        asked: Quantity,
        containers: Vec<Sscc>,
    },
    /// Less is in the container.
    #[error(
        "container {sscc} holds {found} of lot {lot}, not {asked}; if it is really in there, force it with a reason",
        lot = lot.number
    )]
    NotInContainer {
        lot: LotRef,
        sscc: Sscc,
        found: Quantity,
        asked: Quantity,
    },
    /// The container has other contents, or has left.
    #[error("container {sscc} {}", in_use(*status))]
    ContainerInUse {
        lot: LotRef,
        sscc: Sscc,
        status: ContainerStatus,
    },
    /// The lot is held.
    #[error("lot {lot} is held; release it first, or force it with a reason", lot = lot.number)]
    Held { lot: LotRef, holds: Vec<HoldId> },
    /// The lot is not known here.
    #[error("lot {lot} is not known here", lot = lot.number)]
    UnknownLot { lot: LotRef },
    /// The number is taken.
    #[error("lot number {lot} is taken at this plant", lot = lot.number)]
    NumberTaken { lot: LotRef },
    /// The unit is not the lot's.
    #[error("lot {lot} is counted in {expected}, not {found}", lot = lot.number)]
    WrongUnit {
        lot: LotRef,
        expected: Unit,
        found: Unit,
    },
    /// Only lots of one material can be merged.
    #[error("lot {lot} is {found}, not {expected}; only lots of one material can be merged", lot = lot.number)]
    MaterialsDiffer {
        lot: LotRef,
        expected: String,
        found: String,
    },
    /// A quantity must be more than nothing.
    #[error("{found} of lot {lot} is not a quantity: it must be more than 0", lot = lot.number)]
    NotPositive { lot: LotRef, found: Quantity },
    /// The hold does not stand.
    #[error("hold {hold_id} does not stand on lot {lot}", lot = lot.number)]
    UnknownHold { lot: LotRef, hold_id: HoldId },
    /// The event was corrected before.
    #[error(
        "event {event_id} was corrected by event {by}; what was corrected wrongly is recorded anew"
    )]
    AlreadyCorrected {
        lot: LotRef,
        event_id: EventId,
        by: EventId,
    },
    /// A part of the event is missing.
    #[error("{0}")]
    Incomplete(&'static str),
    /// A lot is named twice where it can stand once.
    #[error("lot {lot} is named twice", lot = lot.number)]
    NamedTwice { lot: LotRef },
}

impl Refusal {
    /// The stable code, for the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BeyondBalance { .. } => "beyond-balance",
            Self::BeyondShipped { .. } => "beyond-shipped",
            Self::Packed { .. } => "lot-packed",
            Self::NotInContainer { .. } => "not-in-container",
            Self::ContainerInUse { .. } => "container-in-use",
            Self::Held { .. } => "lot-held",
            Self::UnknownLot { .. } => "unknown-lot",
            Self::NumberTaken { .. } => "number-taken",
            Self::WrongUnit { .. } => "wrong-unit",
            Self::MaterialsDiffer { .. } => "materials-differ",
            Self::NotPositive { .. } => "not-positive",
            Self::UnknownHold { .. } => "unknown-hold",
            Self::AlreadyCorrected { .. } => "already-corrected",
            Self::Incomplete(_) => "incomplete",
            Self::NamedTwice { .. } => "named-twice",
        }
    }
}

/// The most containers that a refusal lists.
const LISTED_MAX: usize = 3;

fn listed(containers: &[Sscc]) -> String {
    let numbers: Vec<_> = containers.iter().map(Sscc::to_string).collect();
    match numbers.get(LISTED_MAX..) {
        Some(rest) if !rest.is_empty() => {
            format!(
                "{} and {} more",
                numbers[..LISTED_MAX].join(", "),
                rest.len()
            )
        }
        _ => numbers.join(", "),
    }
}

const fn in_use(status: ContainerStatus) -> &'static str {
    match status {
        ContainerStatus::Shipped => {
            "has left; its number is not used again within a year, unless it is forced with a reason"
        }
        ContainerStatus::Packed | ContainerStatus::Emptied => {
            "has other contents; say that this is added to them, unpack them first, or force it with a reason"
        }
    }
}

/// Says whether a new event may be recorded.
///
/// A reason in [`LotEvent::forced`] overrules [`Refusal::BeyondBalance`], [`Refusal::BeyondShipped`],
/// [`Refusal::Held`], [`Refusal::Packed`], [`Refusal::NotInContainer`] and [`Refusal::ContainerInUse`], and nothing else.
pub fn admit(event: &LotEvent, book: &LotBook, at: Timestamp) -> Result<(), Refusal> {
    check_form(event)?;
    let forced = event.forced().is_some();
    for flag in effects_of(event, book, at).flags {
        match flag {
            Flag::NegativeStock { .. }
            | Flag::HeldLotUsed { .. }
            | Flag::BeyondShipped { .. }
            | Flag::PackedUsed { .. }
            | Flag::NotInContainer { .. }
            | Flag::ContainerInUse { .. }
                if forced => {}
            Flag::PackedUsed {
                lot,
                free,
                asked,
                containers,
            } => {
                return Err(Refusal::Packed {
                    lot,
                    free,
                    asked,
                    containers,
                });
            }
            Flag::NotInContainer {
                lot,
                sscc,
                found,
                asked,
            } => {
                return Err(Refusal::NotInContainer {
                    lot,
                    sscc,
                    found,
                    asked,
                });
            }
            Flag::ContainerInUse { lot, sscc, status } => {
                return Err(Refusal::ContainerInUse { lot, sscc, status });
            }
            Flag::BeyondShipped {
                lot,
                shipped,
                asked,
            } => {
                return Err(Refusal::BeyondShipped {
                    lot,
                    shipped,
                    asked,
                });
            }
            Flag::NegativeStock {
                lot,
                balance,
                asked,
            } => {
                return Err(Refusal::BeyondBalance {
                    lot,
                    balance,
                    asked,
                });
            }
            Flag::HeldLotUsed { lot, holds } => return Err(Refusal::Held { lot, holds }),
            Flag::UnknownLot { lot } => return Err(Refusal::UnknownLot { lot }),
            Flag::DuplicateNumber { lot } => return Err(Refusal::NumberTaken { lot }),
            Flag::UnitMismatch {
                lot,
                expected,
                found,
            } => {
                return Err(Refusal::WrongUnit {
                    lot,
                    expected,
                    found,
                });
            }
            Flag::MaterialsDiffer {
                lot,
                expected,
                found,
            } => {
                return Err(Refusal::MaterialsDiffer {
                    lot,
                    expected,
                    found,
                });
            }
            Flag::NotPositive { lot, found } => return Err(Refusal::NotPositive { lot, found }),
            Flag::UnknownHold { lot, hold_id } => {
                return Err(Refusal::UnknownHold { lot, hold_id });
            }
            Flag::AlreadyCorrected { lot, event_id, by } => {
                return Err(Refusal::AlreadyCorrected { lot, event_id, by });
            }
        }
    }
    Ok(())
}

/// What can be said from the event alone.
fn check_form(event: &LotEvent) -> Result<(), Refusal> {
    match event {
        LotEvent::Split(event) if event.parts.is_empty() => {
            return Err(Refusal::Incomplete("a split needs at least one part"));
        }
        LotEvent::Merged(event) if event.inputs.len() < 2 => {
            return Err(Refusal::Incomplete("a merge needs at least two lots"));
        }
        LotEvent::Produced(event) if event.outputs.is_empty() => {
            return Err(Refusal::Incomplete(
                "a production needs at least one output lot",
            ));
        }
        LotEvent::Adjusted(event) if event.delta.base.amount.is_zero() => {
            return Err(Refusal::Incomplete("an adjustment of 0 changes nothing"));
        }
        LotEvent::Held(event) if event.reason.trim().is_empty() => {
            return Err(Refusal::Incomplete("a hold needs a reason"));
        }
        LotEvent::Returned(event) if event.reason.trim().is_empty() => {
            return Err(Refusal::Incomplete("a return needs a reason"));
        }
        LotEvent::Packed(event) if event.contents.is_empty() => {
            return Err(Refusal::Incomplete("packing needs at least one lot"));
        }
        LotEvent::Unpacked(event) if event.contents.is_empty() => {
            return Err(Refusal::Incomplete("unpacking needs at least one lot"));
        }
        LotEvent::Corrected(event) => {
            if event.reason.trim().is_empty() {
                return Err(Refusal::Incomplete("a correction needs a reason"));
            }
            // The event that it undoes was recorded; how it names its lots is past asking.
            return Ok(());
        }
        _ => {}
    }
    let mut numbers = BTreeSet::new();
    for lot in event.new_lots() {
        if lot.number.trim().is_empty() {
            return Err(Refusal::Incomplete("a new lot needs a number"));
        }
        if !numbers.insert(&lot.number) {
            return Err(Refusal::NamedTwice { lot: lot.clone() });
        }
    }
    let mut ids = BTreeSet::new();
    for lot in event.lots() {
        if !ids.insert(lot.lot_id) {
            return Err(Refusal::NamedTwice { lot: lot.clone() });
        }
    }
    Ok(())
}
