//! What people and machines ask of lots, by number. The writer turns a command into an event
//! (`resolve.rs`) inside the transaction that records it, so that two commands never see the
//! same balance.
//!
//! These types are the bodies of the local API as well: unknown fields are refused.

use std::collections::BTreeMap;

use agog_sync::ids::{EventId, HoldId, JobId};
use agog_sync::quantity::Unit;
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A command about lots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotCommand {
    Receive(Receive),
    Split(Split),
    Merge(Merge),
    Consume(Consume),
    Produce(Produce),
    Waste(Waste),
    Move(Move),
    Adjust(Adjust),
    Hold(Hold),
    Release(Release),
    Ship(Ship),
    Correct(Correct),
    Return(Return),
    Pack(Pack),
    Unpack(Unpack),
}

/// What can be said of every command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// When it happened; now when not said.
    pub occurred_at: Option<Timestamp>,
    /// Who did it.
    pub operator: Option<String>,
    /// On which device.
    pub device: Option<String>,
    /// The number of the job.
    pub job: Option<String>,
    /// The hub's id of the job, where it came from there.
    pub job_id: Option<JobId>,
    /// The customer's order.
    pub order: Option<String>,
    /// The customer.
    pub customer: Option<String>,
    /// Why the rules are overruled.
    pub forced: Option<String>,
}

/// An amount; without a unit it is counted in the base unit of the material.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    pub amount: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}

/// A lot arrived from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// The number on the label; made by the agent when not given.
    #[serde(default)]
    pub number: Option<String>,
    /// The code of a configured material.
    pub material: String,
    pub quantity: Amount,
    #[serde(default)]
    pub supplier: Option<String>,
    #[serde(default)]
    pub supplier_lot: Option<String>,
    #[serde(default)]
    pub expiry: Option<Date>,
    #[serde(default)]
    pub location: Option<String>,
    /// Quality figures as they were measured.
    #[serde(default)]
    pub quality: BTreeMap<String, String>,
    #[serde(default)]
    pub details: Details,
}

/// Parts of a lot become lots of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub lot: String,
    /// The parts; the remainder keeps the lot's number.
    #[serde(default)]
    pub into: Vec<Part>,
    /// Parts that are waste.
    #[serde(default)]
    pub waste: Vec<Part>,
    #[serde(default)]
    pub details: Details,
}

/// One part of a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// `<parent>-1`, `-2` … when not given.
    #[serde(default)]
    pub number: Option<String>,
    pub quantity: Amount,
}

/// Lots become one new lot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    pub from: Vec<Source>,
    #[serde(default)]
    pub number: Option<String>,
    #[serde(default)]
    pub details: Details,
}

/// A lot that something is taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub lot: String,
    /// A merge takes everything when not given, packing what is free, unpacking what is in the container. A production without it takes nothing: the lot
    /// was consumed for the job before.
    #[serde(default)]
    pub quantity: Option<Amount>,
}

/// A job used up material.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consume {
    pub lot: String,
    pub quantity: Amount,
    #[serde(default)]
    pub details: Details,
}

/// A job made a new lot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Produce {
    #[serde(default)]
    pub number: Option<String>,
    /// The code of a configured material.
    pub material: String,
    pub quantity: Amount,
    /// What is in it; when empty, the lots that the job consumed so far.
    #[serde(default)]
    pub from: Vec<Source>,
    #[serde(default)]
    pub location: Option<String>,
    #[serde(default)]
    pub quality: BTreeMap<String, String>,
    #[serde(default)]
    pub details: Details,
}

/// Material was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waste {
    pub lot: String,
    pub quantity: Amount,
    pub reason: String,
    #[serde(default)]
    pub details: Details,
}

/// A lot lies elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    pub lot: String,
    pub to: String,
    #[serde(default)]
    pub details: Details,
}

/// A count found more or less than the books said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    pub lot: String,
    /// The difference, negative when less was found; or …
    #[serde(default)]
    pub by: Option<Amount>,
    /// … what was counted.
    #[serde(default)]
    pub to: Option<Amount>,
    pub reason: String,
    #[serde(default)]
    pub details: Details,
}

/// A lot must not be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    pub lot: String,
    pub reason: String,
    #[serde(default)]
    pub details: Details,
}

/// A hold no longer stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub lot: String,
    /// Which hold; needed when several stand.
    #[serde(default)]
    pub hold_id: Option<HoldId>,
    pub reason: String,
    #[serde(default)]
    pub details: Details,
}

/// Part or all of a lot left for a customer; or a container with all that is in it, one event for each lot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ship {
    #[serde(default)]
    pub lot: Option<String>,
    /// Everything when not given.
    #[serde(default)]
    pub quantity: Option<Amount>,
    /// The container in which it left. Without a lot: everything in it.
    #[serde(default)]
    pub sscc: Option<Sscc>,
    pub order: String,
    pub customer: String,
    /// Despatch note or carrier reference.
    #[serde(default)]
    pub reference: Option<String>,
    #[serde(default)]
    pub details: Details,
}

/// Part or all of what was shipped of a lot came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Return {
    pub lot: String,
    pub quantity: Amount,
    /// The order under which it was shipped.
    pub order: String,
    pub customer: String,
    pub reason: String,
    /// Return note or carrier reference.
    #[serde(default)]
    pub reference: Option<String>,
    /// Hold the lot until somebody has looked at what came back.
    #[serde(default = "held_by_default")]
    pub hold: bool,
    #[serde(default)]
    pub details: Details,
}

const fn held_by_default() -> bool {
    true
}

/// Parts of lots are put into one container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// The number on the container; made by the agent when not given.
    #[serde(default)]
    pub sscc: Option<Sscc>,
    /// What is put into it; all that is free of a lot when no quantity is given.
    pub contents: Vec<Source>,
    /// It is added to what is in the container.
    #[serde(default)]
    pub add: bool,
    #[serde(default)]
    pub details: Details,
    /// What the numbers begin with that the agent makes, as it is configured.
    #[serde(skip)]
    pub made_from: Option<String>,
}

/// Parts of lots are taken out of one container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    pub sscc: Sscc,
    /// What is taken out; everything when no lot is named, all of a lot when no quantity is given.
    #[serde(default)]
    pub contents: Vec<Source>,
    #[serde(default)]
    pub details: Details,
}

/// An earlier event was wrong: its effect is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correct {
    /// The event, of this plant or of another ledger.
    pub event_id: EventId,
    pub reason: String,
    #[serde(default)]
    pub details: Details,
}

impl LotCommand {
    /// What is said beside the action itself.
    pub const fn details(&self) -> &Details {
        match self {
            Self::Receive(command) => &command.details,
            Self::Split(command) => &command.details,
            Self::Merge(command) => &command.details,
            Self::Consume(command) => &command.details,
            Self::Produce(command) => &command.details,
            Self::Waste(command) => &command.details,
            Self::Move(command) => &command.details,
            Self::Adjust(command) => &command.details,
            Self::Hold(command) => &command.details,
            Self::Release(command) => &command.details,
            Self::Ship(command) => &command.details,
            Self::Correct(command) => &command.details,
            Self::Return(command) => &command.details,
            Self::Pack(command) => &command.details,
            Self::Unpack(command) => &command.details,
        }
    }
}

impl Amount {
    /// An amount in the base unit of its material.
    pub const fn of(amount: Decimal) -> Self {
        Self { amount, unit: None }
    }
}
