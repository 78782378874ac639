//! The lot events: one struct per kind, as it is stored and sent.
//!
//! Fields may be added with a default; a field that changes its meaning needs a new payload
//! version (see `event.rs`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::book::LotBook;
use super::containers::{LotPacked, LotUnpacked};
use super::corrected::LotCorrected;
use crate::event::{DecodeError, raw, typed};
use crate::ids::{HoldId, JobId, LotId};
use crate::quantity::{Material, Measured};
use crate::sscc::Sscc;

/// Names a lot: the id decides, the number is for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LotRef {
    /// The id, unique everywhere.
    pub lot_id: LotId,
    /// The number on the label, unique per plant.
    pub number: String,
}

/// What is known of a lot beside its quantity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LotAttributes {
    /// Who supplied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// The supplier's own lot or roll number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_lot: Option<String>,
    /// Last day of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<jiff::civil::Date>,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Quality figures as they were measured, for example moisture → 4.2 %.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quality: BTreeMap<String, String>,
}

/// A lot that an event makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLot {
    /// Its id and number.
    pub lot: LotRef,
    /// What it is made of.
    pub material: Material,
    /// How much.
    pub quantity: Measured,
    /// What else is known.
    #[serde(default)]
    pub attributes: LotAttributes,
}

/// A quantity taken from a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// From which lot.
    pub lot: LotRef,
    /// How much.
    pub quantity: Measured,
}

/// A job, and the order and customer it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRef {
    /// The number that people use.
    pub number: String,
    /// The hub's id, when the job came from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The customer's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

/// For which job, on which device and by whom work was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkContext {
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobRef>,
    /// The device's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The operator's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// A lot arrived from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotReceived {
    /// The lot.
    pub lot: NewLot,
}

/// Parts of a lot became lots of their own; the remainder keeps its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotSplit {
    /// The lot that was split.
    pub from: LotRef,
    /// Its material, so that the event can be read alone.
    pub material: Material,
    /// The parts, waste included.
    pub parts: Vec<SplitPart>,
    /// The holds that stood on the lot where it was split; they stand on the parts as well.
    /// Part of the fact, so that every replica holds the same parts in whatever order it hears.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldId>,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// One part of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitPart {
    /// The new lot.
    pub lot: LotRef,
    /// How much it got.
    pub quantity: Measured,
    /// The part is waste.
    #[serde(default)]
    pub waste: bool,
}

/// Lots of one material became one new lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMerged {
    /// What was taken from which lot.
    pub inputs: Vec<Draw>,
    /// The new lot.
    pub into: LotRef,
    /// The material of all of them.
    pub material: Material,
    /// The holds that stood on the inputs where they were merged; they stand on the new lot as
    /// well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldId>,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// A job made new lots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotProduced {
    /// The lots that were made.
    pub outputs: Vec<NewLot>,
    /// What this event takes from lots, as consumption of the job.
    #[serde(default)]
    pub inputs: Vec<Draw>,
    /// Lots that the job consumed before and that are in the outputs; nothing is taken here.
    #[serde(default)]
    pub sources: Vec<LotRef>,
    /// The job, device and operator.
    #[serde(default)]
    pub work: WorkContext,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// A job used up material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotConsumed {
    /// What was taken.
    pub draw: Draw,
    /// Lots that the job had made before this was recorded; the material is in them.
    #[serde(default)]
    pub into: Vec<LotRef>,
    /// The job, device and operator.
    #[serde(default)]
    pub work: WorkContext,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// Material was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotWasted {
    /// What was taken.
    pub draw: Draw,
    /// Why, for example `misregistration`.
    pub reason: String,
    /// The job, device and operator.
    #[serde(default)]
    pub work: WorkContext,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// A count found more or less than the books said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotAdjusted {
    /// Which lot.
    pub lot: LotRef,
    /// The difference; negative when less was found.
    pub delta: Measured,
    /// Why.
    pub reason: String,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// A lot lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMoved {
    /// Which lot.
    pub lot: LotRef,
    /// Where to.
    pub to: String,
    /// Where it lay when this was recorded, empty when nobody had said; none in events of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// Part or all of a lot left for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotShipped {
    /// What was taken.
    pub draw: Draw,
    /// The customer's order.
    pub order: String,
    /// The customer.
    pub customer: String,
    /// Despatch note or carrier reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The container in which it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sscc: Option<Sscc>,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// Part or all of what was shipped of a lot came back from a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotReturned {
    /// Which lot.
    pub lot: LotRef,
    /// How much came back.
    pub quantity: Measured,
    /// The order under which it was shipped.
    pub order: String,
    /// The customer.
    pub customer: String,
    /// Why, for example `wrong colour`.
    pub reason: String,
    /// Return note or carrier reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The hold under which the lot is from then on, until somebody has looked at what came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldId>,
    /// Why the rules were overruled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
}

/// A lot must not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotHeld {
    /// The hold; a release names it.
    pub hold_id: HoldId,
    /// Which lot.
    pub lot: LotRef,
    /// Why.
    pub reason: String,
}

/// One hold on a lot no longer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotReleased {
    /// The hold.
    pub hold_id: HoldId,
    /// Which lot.
    pub lot: LotRef,
    /// Why.
    pub reason: String,
}

/// A movement of lots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LotEvent {
    Received(LotReceived),
    Split(LotSplit),
    Merged(LotMerged),
    Produced(LotProduced),
    Consumed(LotConsumed),
    Wasted(LotWasted),
    Adjusted(LotAdjusted),
    Moved(LotMoved),
    Shipped(LotShipped),
    Held(LotHeld),
    Released(LotReleased),
    Corrected(LotCorrected),
    Returned(LotReturned),
    Packed(LotPacked),
    Unpacked(LotUnpacked),
}

const KINDS: [&str; 15] = [
    "lot.received",
    "lot.split",
    "lot.merged",
    "lot.produced",
    "lot.consumed",
    "lot.wasted",
    "lot.adjusted",
    "lot.moved",
    "lot.shipped",
    "lot.held",
    "lot.released",
    "lot.corrected",
    "lot.returned",
    "lot.packed",
    "lot.unpacked",
];

/// What is not undone by a correction: a hold is released, a lot is held again, and what was undone is recorded anew.
const NOT_CORRECTABLE: [&str; 3] = ["lot.held", "lot.released", "lot.corrected"];

impl LotEvent {
    pub(crate) fn is_kind(kind: &str) -> bool {
        KINDS.contains(&kind)
    }

    pub(super) fn is_correctable(kind: &str) -> bool {
        Self::is_kind(kind) && !NOT_CORRECTABLE.contains(&kind)
    }

    /// The kind, as stored and sent.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Received(_) => "lot.received",
            Self::Split(_) => "lot.split",
            Self::Merged(_) => "lot.merged",
            Self::Produced(_) => "lot.produced",
            Self::Consumed(_) => "lot.consumed",
            Self::Wasted(_) => "lot.wasted",
            Self::Adjusted(_) => "lot.adjusted",
            Self::Moved(_) => "lot.moved",
            Self::Shipped(_) => "lot.shipped",
            Self::Held(_) => "lot.held",
            Self::Released(_) => "lot.released",
            Self::Corrected(_) => "lot.corrected",
            Self::Returned(_) => "lot.returned",
            Self::Packed(_) => "lot.packed",
            Self::Unpacked(_) => "lot.unpacked",
        }
    }

    pub(crate) fn payload(&self) -> Box<RawValue> {
        match self {
            Self::Received(event) => raw(event),
            Self::Split(event) => raw(event),
            Self::Merged(event) => raw(event),
            Self::Produced(event) => raw(event),
            Self::Consumed(event) => raw(event),
            Self::Wasted(event) => raw(event),
            Self::Adjusted(event) => raw(event),
            Self::Moved(event) => raw(event),
            Self::Shipped(event) => raw(event),
            Self::Held(event) => raw(event),
            Self::Released(event) => raw(event),
            Self::Corrected(event) => raw(event),
            Self::Returned(event) => raw(event),
            Self::Packed(event) => raw(event),
            Self::Unpacked(event) => raw(event),
        }
    }

    pub(crate) fn decode(kind: &str, payload: &str) -> Result<Self, DecodeError> {
        Ok(match kind {
            "lot.received" => Self::Received(typed(kind, payload)?),
            "lot.split" => Self::Split(typed(kind, payload)?),
            "lot.merged" => Self::Merged(typed(kind, payload)?),
            "lot.produced" => Self::Produced(typed(kind, payload)?),
            "lot.consumed" => Self::Consumed(typed(kind, payload)?),
            "lot.wasted" => Self::Wasted(typed(kind, payload)?),
            "lot.adjusted" => Self::Adjusted(typed(kind, payload)?),
            "lot.moved" => Self::Moved(typed(kind, payload)?),
            "lot.shipped" => Self::Shipped(typed(kind, payload)?),
            "lot.held" => Self::Held(typed(kind, payload)?),
            "lot.released" => Self::Released(typed(kind, payload)?),
            "lot.corrected" => Self::Corrected(typed(kind, payload)?),
            "lot.returned" => Self::Returned(typed(kind, payload)?),
            "lot.packed" => Self::Packed(typed(kind, payload)?),
            "lot.unpacked" => Self::Unpacked(typed(kind, payload)?),
            _ => return Err(DecodeError::UnknownKind(kind.to_owned())),
        })
    }

    /// Every lot that the event names, made or used; the states that a [`super::LotBook`] needs.
    pub fn lots(&self) -> Vec<&LotRef> {
        let mut lots = self.used_lots();
        lots.extend(self.new_lots());
        lots
    }

    /// The lots that the event names and does not make.
    pub fn used_lots(&self) -> Vec<&LotRef> {
        match self {
            Self::Received(_) => vec![],
            Self::Split(event) => vec![&event.from],
            Self::Merged(event) => event.inputs.iter().map(|draw| &draw.lot).collect(),
            Self::Produced(event) => event
                .inputs
                .iter()
                .map(|draw| &draw.lot)
                .chain(&event.sources)
                .collect(),
            Self::Consumed(event) => std::iter::once(&event.draw.lot)
                .chain(&event.into)
                .collect(),
            Self::Wasted(event) => vec![&event.draw.lot],
            Self::Adjusted(event) => vec![&event.lot],
            Self::Moved(event) => vec![&event.lot],
            Self::Shipped(event) => vec![&event.draw.lot],
            Self::Held(event) => vec![&event.lot],
            Self::Released(event) => vec![&event.lot],
            // Also those that the undone event made: they are there by now.
            Self::Corrected(event) => event.undone().lots(),
            Self::Returned(event) => vec![&event.lot],
            Self::Packed(event) => event.contents.iter().map(|draw| &draw.lot).collect(),
            Self::Unpacked(event) => event.contents.iter().map(|draw| &draw.lot).collect(),
        }
    }

    /// The lots that the event makes; their numbers must be free at the plant.
    pub fn new_lots(&self) -> Vec<&LotRef> {
        match self {
            Self::Received(event) => vec![&event.lot.lot],
            Self::Split(event) => event.parts.iter().map(|part| &part.lot).collect(),
            Self::Merged(event) => vec![&event.into],
            Self::Produced(event) => event.outputs.iter().map(|output| &output.lot).collect(),
            _ => vec![],
        }
    }

    /// The materials that the event describes.
    pub fn materials(&self) -> Vec<&Material> {
        match self {
            Self::Received(event) => vec![&event.lot.material],
            Self::Split(event) => vec![&event.material],
            Self::Merged(event) => vec![&event.material],
            Self::Produced(event) => event.outputs.iter().map(|lot| &lot.material).collect(),
            _ => vec![],
        }
    }

    /// Writes into the event what follows from the book of whoever records it: the holds that stand on the inputs of a
    /// split or merge, and where a lot lay before it was moved. Called once, before the event is sealed.
    pub fn note(&mut self, book: &LotBook) {
        let standing = |lots: &mut dyn Iterator<Item = &LotRef>| {
            let holds: BTreeSet<HoldId> = lots
                .filter_map(|lot| book.lot(lot.lot_id))
                .flat_map(|state| state.holds.iter().copied())
                .collect();
            holds.into_iter().collect()
        };
        match self {
            Self::Split(event) => event.holds = standing(&mut std::iter::once(&event.from)),
            Self::Merged(event) => {
                event.holds = standing(&mut event.inputs.iter().map(|draw| &draw.lot));
            }
            Self::Moved(event) => {
                let lay = book
                    .lot(event.lot.lot_id)
                    .and_then(|state| state.attributes.location.clone());
                event.from = Some(lay.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// The reason with which the rules were overruled, if they were.
    pub fn forced(&self) -> Option<&str> {
        let forced = match self {
            Self::Split(event) => &event.forced,
            Self::Merged(event) => &event.forced,
            Self::Produced(event) => &event.forced,
            Self::Consumed(event) => &event.forced,
            Self::Wasted(event) => &event.forced,
            Self::Adjusted(event) => &event.forced,
            Self::Shipped(event) => &event.forced,
            Self::Corrected(event) => &event.forced,
            Self::Returned(event) => &event.forced,
            Self::Moved(event) => &event.forced,
            Self::Packed(event) => &event.forced,
            Self::Unpacked(event) => &event.forced,
            _ => &None,
        };
        forced.as_deref().filter(|reason| !reason.trim().is_empty())
    }
}
