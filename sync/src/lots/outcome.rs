//! What an event does to lots, as data: the changes that a store makes, and what should not have
//! been. `apply.rs` makes them; agent and hub store them.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::containers::{ContainerBucket, ContainerStatus};
use super::kinds::{LotAttributes, LotRef, WorkContext};
use crate::ids::{EventId, HoldId, LotId};
use crate::quantity::{Material, Quantity, Unit};
use crate::sscc::Sscc;

/// Where a change of a balance belongs in the books (I8): per material,
/// received + produced + returned + adjusted = on hand + consumed + wasted + shipped.
/// Splits and merges move quantity between lots and cancel out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    Received,
    Produced,
    SplitOut,
    SplitIn,
    MergedOut,
    MergedIn,
    Consumed,
    Wasted,
    Shipped,
    Adjusted,
    /// Came back from a customer.
    Returned,
}

impl Bucket {
    /// Every bucket.
    pub const ALL: [Self; 11] = [
        Self::Received,
        Self::Produced,
        Self::SplitOut,
        Self::SplitIn,
        Self::MergedOut,
        Self::MergedIn,
        Self::Consumed,
        Self::Wasted,
        Self::Shipped,
        Self::Adjusted,
        Self::Returned,
    ];

    /// The text form, for storage and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Produced => "produced",
            Self::SplitOut => "split_out",
            Self::SplitIn => "split_in",
            Self::MergedOut => "merged_out",
            Self::MergedIn => "merged_in",
            Self::Consumed => "consumed",
            Self::Wasted => "wasted",
            Self::Shipped => "shipped",
            Self::Adjusted => "adjusted",
            Self::Returned => "returned",
        }
    }

    /// How far a change in this bucket moves what was shipped and did not come back.
    pub fn shipped(self, delta: Decimal) -> Decimal {
        match self {
            Self::Shipped | Self::Returned => -delta,
            _ => Decimal::ZERO,
        }
    }
}

/// How a lot came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotOrigin {
    Received,
    Split,
    /// Split off as waste.
    SplitWaste,
    Merged,
    Produced,
    /// Used before the event that makes it was seen; that event fills in the rest.
    Unknown,
    /// The event that made it was corrected: there is no such lot, and its number is free.
    Undone,
}

impl LotOrigin {
    /// The text form, for storage and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Split => "split",
            Self::SplitWaste => "split_waste",
            Self::Merged => "merged",
            Self::Produced => "produced",
            Self::Unknown => "unknown",
            Self::Undone => "undone",
        }
    }

    /// An event has made the lot, and stands.
    pub const fn is_made(self) -> bool {
        !matches!(self, Self::Unknown | Self::Undone)
    }

    /// Reads the text form from storage.
    pub fn from_text(text: &str) -> Option<Self> {
        [
            Self::Received,
            Self::Split,
            Self::SplitWaste,
            Self::Merged,
            Self::Produced,
            Self::Unknown,
            Self::Undone,
        ]
        .into_iter()
        .find(|origin| origin.as_str() == text)
    }
}

/// Why a child lot contains its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    Split,
    SplitWaste,
    Merged,
    Produced,
}

impl EdgeKind {
    /// The text form, for storage and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::SplitWaste => "split_waste",
            Self::Merged => "merged",
            Self::Produced => "produced",
        }
    }

    /// Reads the text form from storage.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Split, Self::SplitWaste, Self::Merged, Self::Produced]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Why material left a lot without becoming another lot, or that it came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseKind {
    Consumed,
    Wasted,
    Shipped,
    Returned,
}

impl UseKind {
    /// The text form, for storage and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consumed => "consumed",
            Self::Wasted => "wasted",
            Self::Shipped => "shipped",
            Self::Returned => "returned",
        }
    }

    /// Reads the text form from storage.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Consumed, Self::Wasted, Self::Shipped, Self::Returned]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Material that left a lot for a job, the bin or a customer, or came back from one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    pub kind: UseKind,
    /// In the base unit.
    pub quantity: Quantity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Why it was wasted, or came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Despatch note or carrier reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The container in which it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sscc: Option<Sscc>,
    pub at: Timestamp,
}

/// One change that the store makes, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A lot exists, with nothing in it yet. For an id that is already there (a lot that was
    /// used before it was seen) this fills in what was not known.
    LotCreated {
        lot: LotRef,
        material: Option<Material>,
        base_unit: Unit,
        attributes: LotAttributes,
        origin: LotOrigin,
        /// The job that made it.
        work: WorkContext,
        created_at: Timestamp,
    },
    /// The balance moves by `delta` (negative when material leaves), in the base unit.
    BalanceChanged {
        lot_id: LotId,
        bucket: Bucket,
        delta: Decimal,
        unit: Unit,
        entered: Quantity,
    },
    /// The child contains the parent, says this event. Several events may say so of one pair.
    EdgeAdded {
        parent: LotId,
        child: LotId,
        kind: EdgeKind,
        /// How much of the parent, where the event says so.
        quantity: Option<Quantity>,
        at: Timestamp,
    },
    /// Material left a lot.
    Used { lot_id: LotId, used: Use },
    /// A hold stands. The same hold on the same lot stands once.
    HoldPlaced {
        hold_id: HoldId,
        lot_id: LotId,
        reason: String,
        at: Timestamp,
    },
    /// A hold no longer stands. Also when the hold itself has not been seen yet.
    HoldReleased {
        hold_id: HoldId,
        lot_id: LotId,
        reason: String,
        at: Timestamp,
    },
    /// The lot lies elsewhere, or nobody knows where any more.
    Relocated { lot_id: LotId, to: Option<String> },
    /// What is packed of a lot in a container changes by `delta`, in the base unit. The balance stays.
    ContainerChanged {
        sscc: Sscc,
        lot_id: LotId,
        bucket: ContainerBucket,
        delta: Decimal,
        unit: Unit,
    },
    /// This event corrects that one, which cannot be corrected again.
    Corrected { event_id: EventId },
    /// An event no longer says that the child contains the parent. The edge stands while another event says so.
    EdgeWithdrawn {
        parent: LotId,
        child: LotId,
        kind: EdgeKind,
        event_id: EventId,
    },
    /// What an event took from a lot for a job, the bin or a customer does not count any more.
    UseUndone { lot_id: LotId, event_id: EventId },
    /// The event that made the lot was corrected.
    LotUnmade { lot_id: LotId },
}

impl Effect {
    /// The lot whose state the effect changes.
    pub(super) const fn lot(&self) -> Option<LotId> {
        match self {
            Self::LotCreated { lot, .. } => Some(lot.lot_id),
            Self::BalanceChanged { lot_id, .. }
            | Self::Used { lot_id, .. }
            | Self::ContainerChanged { lot_id, .. }
            | Self::HoldPlaced { lot_id, .. }
            | Self::HoldReleased { lot_id, .. }
            | Self::Relocated { lot_id, .. }
            | Self::UseUndone { lot_id, .. }
            | Self::LotUnmade { lot_id } => Some(*lot_id),
            Self::EdgeAdded { .. } | Self::EdgeWithdrawn { .. } | Self::Corrected { .. } => None,
        }
    }
}

/// What should not have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Flag {
    /// More left the lot than was known to be there.
    NegativeStock {
        lot: LotRef,
        balance: Quantity,
        asked: Quantity,
    },
    /// A held lot was used.
    HeldLotUsed { lot: LotRef, holds: Vec<HoldId> },
    /// A lot was named that is not known.
    UnknownLot { lot: LotRef },
    /// A new lot got a number or an id that is taken.
    DuplicateNumber { lot: LotRef },
    /// A quantity was not in the base unit of its lot.
    UnitMismatch {
        lot: LotRef,
        expected: Unit,
        found: Unit,
    },
    /// Lots of different materials were merged.
    MaterialsDiffer {
        lot: LotRef,
        expected: String,
        found: String,
    },
    /// A quantity that must be more than nothing was not.
    NotPositive { lot: LotRef, found: Quantity },
    /// A hold was released that does not stand.
    UnknownHold { lot: LotRef, hold_id: HoldId },
    /// More came back from customers than was shipped of the lot.
    BeyondShipped {
        lot: LotRef,
        shipped: Quantity,
        asked: Quantity,
    },
    /// What is packed was used for something else.
    PackedUsed {
        lot: LotRef,
        /// What is on hand and not packed; less than nothing where more is packed than there is.
        free: Quantity,
        asked: Quantity,
        containers: Vec<Sscc>,
    },
    /// More was taken out of a container than was known to be in it.
    NotInContainer {
        lot: LotRef,
        sscc: Sscc,
        found: Quantity,
        asked: Quantity,
    },
    /// A container was packed anew that has other contents, or has left.
    ContainerInUse {
        lot: LotRef,
        sscc: Sscc,
        status: ContainerStatus,
    },
    /// An event was corrected again; only the first correction counts.
    AlreadyCorrected {
        lot: LotRef,
        event_id: EventId,
        by: EventId,
    },
}

impl Flag {
    /// The stable code, for storage and the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NegativeStock { .. } => "negative-stock",
            Self::HeldLotUsed { .. } => "held-lot-used",
            Self::UnknownLot { .. } => "unknown-lot",
            Self::DuplicateNumber { .. } => "duplicate-number",
            Self::UnitMismatch { .. } => "unit-mismatch",
            Self::MaterialsDiffer { .. } => "materials-differ",
            Self::NotPositive { .. } => "not-positive",
            Self::UnknownHold { .. } => "unknown-hold",
            Self::BeyondShipped { .. } => "beyond-shipped",
            Self::PackedUsed { .. } => "packed-used",
            Self::NotInContainer { .. } => "not-in-container",
            Self::ContainerInUse { .. } => "container-in-use",
            Self::AlreadyCorrected { .. } => "already-corrected",
        }
    }

    /// The lot that the flag is about.
    pub const fn lot(&self) -> &LotRef {
        match self {
            Self::NegativeStock { lot, .. }
            | Self::HeldLotUsed { lot, .. }
            | Self::UnknownLot { lot }
            | Self::DuplicateNumber { lot }
            | Self::UnitMismatch { lot, .. }
            | Self::MaterialsDiffer { lot, .. }
            | Self::NotPositive { lot, .. }
            | Self::UnknownHold { lot, .. }
            | Self::BeyondShipped { lot, .. }
            | Self::PackedUsed { lot, .. }
            | Self::NotInContainer { lot, .. }
            | Self::ContainerInUse { lot, .. }
            | Self::AlreadyCorrected { lot, .. } => lot,
        }
    }
}

/// What an event does, and what should not have been.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The changes to store, in order.
    pub effects: Vec<Effect>,
    /// What to show to a person.
    pub flags: Vec<Flag>,
}
