//! The types of the inventory. The rules about lots are in `agog_sync::lots`, those about waste in
//! [`super::waste`].

use agog_sync::ids::{EventId, HoldId, LotId, MaterialId, PlantId, ProducerId};
use agog_sync::lots::{LotAttributes, LotOrigin, LotRef, WorkContext};
use agog_sync::master::{MasterItem, MasterKind};
use agog_sync::quantity::{Material, Quantity, Unit};
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::intake::ApplyContext;

/// The internal key of a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LotKey(pub i64);

/// The event behind what is stored: every row says which fact it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact<'a> {
    pub producer: ProducerId,
    pub event_id: EventId,
    pub kind: &'a str,
    pub actor: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// When the hub stores it.
    pub now: Timestamp,
}

impl<'e> Fact<'e> {
    /// The fact that is being applied.
    pub(super) fn of(ctx: &ApplyContext<'e, '_>) -> Self {
        Self {
            producer: ctx.producer_id,
            event_id: ctx.event_id,
            kind: ctx.kind,
            actor: ctx.actor,
            at: ctx.occurred_at,
            now: ctx.now,
        }
    }
}

/// A lot as it is stored.
#[derive(Debug, Clone)]
pub(super) struct LotRow {
    pub key: LotKey,
    pub lot: LotRef,
    pub plant_id: PlantId,
    pub material: Option<Material>,
    pub on_hand: Quantity,
    pub attributes: LotAttributes,
    pub origin: LotOrigin,
    pub work: WorkContext,
    pub created_at: Timestamp,
}

/// A lot that a person may have meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub key: LotKey,
    pub lot_id: LotId,
    pub plant_id: PlantId,
}

/// A hold on a lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Hold {
    #[serde(rename = "hold_id")]
    #[schema(value_type = Uuid)]
    pub id: HoldId,
    /// It was placed and not released.
    pub stands: bool,
    /// Null while only the release has been seen.
    pub reason: Option<String>,
    #[schema(value_type = Option<String>)]
    pub placed_at: Option<Timestamp>,
    pub placed_by: Option<String>,
    #[schema(value_type = Option<String>)]
    pub released_at: Option<Timestamp>,
    pub released_by: Option<String>,
    pub released_reason: Option<String>,
}

/// Something that should not have been.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Flagged {
    #[schema(example = "negative-stock")]
    pub code: String,
    /// The figures, as the rules gave them.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    pub event_id: Uuid,
    #[schema(value_type = String)]
    pub occurred_at: Timestamp,
}

/// One change of a balance.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Entry {
    #[schema(example = "split_out")]
    pub bucket: String,
    /// The change, in the base unit; negative when material left.
    #[schema(value_type = QuantitySchema)]
    pub delta: Quantity,
    /// The quantity as it was entered.
    #[schema(value_type = Option<QuantitySchema>)]
    pub entered: Option<Quantity>,
    #[schema(example = "lot.split")]
    pub kind: String,
    pub event_id: Uuid,
    pub actor: String,
    #[schema(value_type = String)]
    pub occurred_at: Timestamp,
    /// The event that corrected this one; an entry of that event takes this one back.
    pub corrected_by: Option<Uuid>,
}

/// How much of a lot is in a container.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PackedIn {
    #[schema(value_type = String, example = "340123450000000017")]
    pub sscc: Sscc,
    #[schema(value_type = QuantitySchema)]
    pub quantity: Quantity,
}

/// What is in a container of one lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Content {
    #[schema(value_type = Object)]
    pub lot: LotRef,
    /// The code of its material.
    pub material: Option<String>,
    #[schema(value_type = QuantitySchema)]
    pub quantity: Quantity,
}

/// What left in a container of one lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct LeftIn {
    #[schema(value_type = Object)]
    pub lot: LotRef,
    #[schema(value_type = QuantitySchema)]
    pub quantity: Quantity,
    #[schema(example = "Order-5002")]
    pub order: String,
    #[schema(example = "XYZ Inc")]
    pub customer: String,
    /// Despatch note or carrier reference.
    pub reference: Option<String>,
    pub event_id: Uuid,
    #[schema(value_type = String)]
    pub occurred_at: Timestamp,
}

/// One change of what is in a container.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ContainerChange {
    #[schema(value_type = Object)]
    pub lot: LotRef,
    /// `packed`, `unpacked` or `shipped`.
    pub bucket: String,
    /// The change, in the unit of the lot; negative when it was taken out.
    #[schema(value_type = QuantitySchema)]
    pub delta: Quantity,
    #[schema(example = "lot.packed")]
    pub kind: String,
    pub event_id: Uuid,
    pub actor: String,
    #[schema(value_type = String)]
    pub occurred_at: Timestamp,
    /// The event that corrected this one; a change of that event takes this one back.
    pub corrected_by: Option<Uuid>,
}

/// An amount with its unit.
#[derive(ToSchema)]
#[schema(as = Quantity)]
#[expect(
    dead_code,
    reason = "describes `agog_sync::quantity::Quantity` in the OpenAPI document"
)]
pub(super) struct QuantitySchema {
    /// A decimal number, as text.
    #[schema(example = "15000")]
    amount: String,
    /// One of sheet, m2, kg, m, piece, l.
    #[schema(example = "sheet")]
    unit: String,
}

/// A material with its keys.
#[derive(Debug, Clone)]
pub(super) struct MaterialRow {
    pub key: i64,
    pub id: MaterialId,
    pub material: Material,
    /// Since when the office has said how it is; none: it is as plants say.
    pub defined_at: Option<Timestamp>,
    /// Since when the office wants no new lots of it.
    pub retired_at: Option<Timestamp>,
}

impl MaterialRow {
    /// As plants are told of it.
    pub(super) fn item(self) -> MasterItem {
        MasterItem {
            kind: MasterKind::Materials,
            code: self.material.code.clone(),
            name: self.material.name.clone(),
            of_plant: false,
            retired: self.retired_at.is_some(),
            material: Some(self.material),
            used_for: Vec::new(),
        }
    }
}

/// An edge with the names of its ends.
#[derive(Debug, Clone)]
pub(super) struct EdgeRow {
    pub parent: (LotKey, Uuid, String),
    pub child: (LotKey, Uuid, String),
    pub kind: String,
    pub quantity: Option<Quantity>,
    pub at: Timestamp,
}

/// The stock of one material at one plant, with the sums that explain it.
#[derive(Debug, Clone)]
pub(super) struct StockRow {
    pub material: String,
    pub plant_id: PlantId,
    pub unit: Unit,
    pub lots: i64,
    pub on_hand: Decimal,
    pub held: Decimal,
    pub received: Decimal,
    pub produced: Decimal,
    pub returned: Decimal,
    pub adjusted: Decimal,
    pub consumed: Decimal,
    pub wasted: Decimal,
    pub shipped: Decimal,
    /// Splits and merges, which cancel out within a material.
    pub moved: Decimal,
}

impl StockRow {
    /// Invariant I8: what came in is on hand, or left in a way that is known.
    pub(super) fn is_balanced(&self) -> bool {
        self.received + self.produced + self.returned + self.adjusted + self.moved
            == self.on_hand + self.consumed + self.wasted + self.shipped
    }
}
