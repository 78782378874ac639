//! The arguments of the `lot` commands.

use std::collections::BTreeMap;

use agog_sync::ids::{EventId, HoldId};
use agog_sync::quantity::Unit;
use agog_sync::sscc::Sscc;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::parse;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LotArguments {
    /// A lot arrived: make it, with a number of its own or a generated one.
    Receive(ReceiveArguments),
    /// Make parts of a lot lots of their own; the remainder keeps its number.
    Split(SplitArguments),
    /// Make one new lot of several.
    Merge(MergeArguments),
    /// A job used up material.
    Consume(ConsumeArguments),
    /// A job made a new lot.
    Produce(ProduceArguments),
    /// Material was lost.
    Waste(WasteArguments),
    /// A lot lies elsewhere.
    Move(MoveArguments),
    /// A count found more or less.
    Adjust(AdjustArguments),
    /// Nobody may use the lot until it is released.
    Hold(HoldArguments),
    /// Lift a hold.
    Release(ReleaseArguments),
    /// Put lots, or parts of them, into a container: a pallet, box or roll cage with an SSCC.
    Pack(PackArguments),
    /// Take out of a container what is in it, or a part.
    Unpack(UnpackArguments),
    /// Show what is in a container, and what became of it.
    Container {
        /// The number on its label, as it is printed or scanned.
        sscc: Sscc,
    },
    /// Part or all of a lot, or a container with all that is in it, left for a customer.
    Ship(ShipArguments),
    /// Part or all of what was shipped came back; the lot is held until somebody has looked at it.
    Return(ReturnArguments),
    /// Undo an earlier event that was wrong.
    Correct(CorrectArguments),
    /// Show where a lot went, or where it came from.
    Trace(TraceArguments),
    /// List the lots on hand.
    List(ListArguments),
    /// Show one lot.
    Show {
        /// The lot's number.
        lot: String,
    },
}

/// When, who and with what right.
#[derive(Debug, Args)]
pub(in crate::cli) struct Common {
    /// When it happened: `2025-10-15T08:30:00Z`, or `2025-10-15 08:30` in local time. Default: now.
    #[arg(long, value_parser = parse::instant, value_name = "TIME")]
    pub(super) at: Option<Timestamp>,
    /// Who did it.
    #[arg(long, value_name = "NAME")]
    pub(super) operator: Option<String>,
    /// On which device.
    #[arg(long, value_name = "ID")]
    pub(super) device: Option<String>,
    /// Overrule the balance, a hold or a container, with the reason.
    #[arg(long, value_name = "REASON")]
    pub(super) force: Option<String>,
    /// The same key again gives the same answer and no second movement. Default: a new one.
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
}

/// For which job, order and customer.
#[derive(Debug, Args)]
pub(in crate::cli) struct Work {
    /// The number of the job.
    #[arg(long, value_name = "NUMBER")]
    pub(super) job: Option<String>,
    /// The customer's order.
    #[arg(long, value_name = "NUMBER", requires = "job")]
    pub(super) order: Option<String>,
    /// The customer.
    #[arg(long, value_name = "NAME", requires = "job")]
    pub(super) customer: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReceiveArguments {
    /// The number on the label. Default: plant code, day and a running number.
    #[arg(long)]
    pub(super) number: Option<String>,
    /// The code of a configured material.
    #[arg(long, value_name = "CODE")]
    pub(super) material: String,
    #[arg(long, value_parser = parse::amount)]
    pub(super) quantity: Decimal,
    /// sheet, m2, kg, m, piece or l. Default: the unit in which the material is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    /// Who supplied it.
    #[arg(long, value_name = "NAME")]
    pub(super) supplier: Option<String>,
    /// The supplier's own lot or roll number.
    #[arg(long, value_name = "NUMBER")]
    pub(super) supplier_lot: Option<String>,
    /// Last day of use, as 2026-12-31.
    #[arg(long, value_name = "DATE")]
    pub(super) expiry: Option<Date>,
    /// Where it lies.
    #[arg(long, value_name = "PLACE")]
    pub(super) location: Option<String>,
    /// A quality figure, as `moisture=4.2%`. Repeat for more.
    #[arg(long, value_parser = parse::figure, value_name = "NAME=VALUE")]
    pub(super) quality: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SplitArguments {
    /// The lot to split.
    pub(super) lot: String,
    /// A part: its number and quantity, or the quantity alone. Repeat for more.
    #[arg(long, value_parser = parse::part, value_name = "NUMBER=QUANTITY")]
    pub(super) into: Vec<parse::Part>,
    /// A part that is waste, written in the same way.
    #[arg(long, value_parser = parse::part, value_name = "NUMBER=QUANTITY")]
    pub(super) waste: Vec<parse::Part>,
    /// The unit of all quantities. Default: the unit in which the lot is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MergeArguments {
    /// The lots, each with a quantity (`LOT=500`) or whole (`LOT`).
    #[arg(required = true, num_args = 2.., value_parser = parse::source, value_name = "LOT[=QUANTITY]")]
    pub(super) from: Vec<parse::Source>,
    /// The number of the new lot. Default: plant code, day and a running number.
    #[arg(long)]
    pub(super) number: Option<String>,
    /// The unit of all quantities. Default: the unit in which the lots are counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ConsumeArguments {
    /// The lot that was used.
    pub(super) lot: String,
    #[arg(long, value_parser = parse::amount)]
    pub(super) quantity: Decimal,
    /// Default: the unit in which the lot is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    #[command(flatten)]
    pub(super) work: Work,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProduceArguments {
    /// The code of a configured material.
    #[arg(long, value_name = "CODE")]
    pub(super) material: String,
    /// The number of the new lot. Default: plant code, day and a running number.
    #[arg(long)]
    pub(super) number: Option<String>,
    #[arg(long, value_parser = parse::amount)]
    pub(super) quantity: Decimal,
    /// Default: the unit in which the material is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    /// What is in it: a lot that the job consumed before, or `LOT=QUANTITY` to consume it now,
    /// in the unit in which that lot is counted. Default: all lots that the job consumed so far.
    #[arg(long, value_parser = parse::source, value_name = "LOT[=QUANTITY]")]
    pub(super) from: Vec<parse::Source>,
    /// Where it lies.
    #[arg(long, value_name = "PLACE")]
    pub(super) location: Option<String>,
    /// A quality figure, as `gloss=72`. Repeat for more.
    #[arg(long, value_parser = parse::figure, value_name = "NAME=VALUE")]
    pub(super) quality: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) work: Work,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WasteArguments {
    /// The lot that lost material.
    pub(super) lot: String,
    #[arg(long, value_parser = parse::amount)]
    pub(super) quantity: Decimal,
    /// Default: the unit in which the lot is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    /// Why, for example misregistration.
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) work: Work,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MoveArguments {
    pub(super) lot: String,
    /// Where it lies now.
    #[arg(long, value_name = "PLACE")]
    pub(super) to: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AdjustArguments {
    pub(super) lot: String,
    /// The difference, negative when less was found.
    #[arg(
        long,
        value_parser = parse::amount,
        allow_negative_numbers = true,
        conflicts_with = "to",
        required_unless_present = "to",
        value_name = "DIFFERENCE"
    )]
    pub(super) by: Option<Decimal>,
    /// What was counted.
    #[arg(long, value_parser = parse::amount, value_name = "COUNTED")]
    pub(super) to: Option<Decimal>,
    /// Default: the unit in which the lot is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    /// Why, for example stock count.
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HoldArguments {
    pub(super) lot: String,
    /// Why nobody may use it.
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReleaseArguments {
    pub(super) lot: String,
    /// Which hold; needed when several stand.
    #[arg(long, value_name = "ID")]
    pub(super) hold: Option<HoldId>,
    /// Why it may be used again.
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PackArguments {
    /// The lots, each with a quantity (`LOT=500`) or all that is free of it (`LOT`).
    #[arg(required = true, value_parser = parse::source, value_name = "LOT[=QUANTITY]")]
    pub(super) contents: Vec<parse::Source>,
    /// The number on the container, as it is printed or scanned. Default: a new one, when `epcis.sscc_prefix` is set.
    #[arg(long, value_name = "SSCC")]
    pub(super) sscc: Option<Sscc>,
    /// Add to what is in the container already.
    #[arg(long, requires = "sscc")]
    pub(super) add: bool,
    /// The unit of all quantities. Default: the unit in which the lots are counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UnpackArguments {
    /// The lots, each with a quantity (`LOT=500`) or all that is in it (`LOT`). Default: everything in the container.
    #[arg(value_parser = parse::source, value_name = "LOT[=QUANTITY]")]
    pub(super) contents: Vec<parse::Source>,
    /// The number on the container, as it is printed or scanned.
    #[arg(long, value_name = "SSCC")]
    pub(super) sscc: Sscc,
    /// The unit of all quantities. Default: the unit in which the lots are counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShipArguments {
    /// The lot; not needed with `--sscc`.
    #[arg(required_unless_present = "sscc")]
    pub(super) lot: Option<String>,
    /// The container in which it left. Without a lot: with everything in it.
    #[arg(long, value_name = "SSCC")]
    pub(super) sscc: Option<Sscc>,
    /// Default: everything on hand, or in the container.
    #[arg(long, requires = "lot", value_parser = parse::amount)]
    pub(super) quantity: Option<Decimal>,
    /// Default: the unit in which the lot is counted.
    #[arg(long, requires = "quantity")]
    pub(super) unit: Option<Unit>,
    /// The customer's order.
    #[arg(long, value_name = "NUMBER")]
    pub(super) order: String,
    /// The customer.
    #[arg(long, value_name = "NAME")]
    pub(super) customer: String,
    /// Despatch note or carrier reference.
    #[arg(long)]
    pub(super) reference: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReturnArguments {
    pub(super) lot: String,
    #[arg(long, value_parser = parse::amount)]
    pub(super) quantity: Decimal,
    /// Default: the unit in which the lot is counted.
    #[arg(long)]
    pub(super) unit: Option<Unit>,
    /// The order under which it was shipped.
    #[arg(long, value_name = "NUMBER")]
    pub(super) order: String,
    /// The customer.
    #[arg(long, value_name = "NAME")]
    pub(super) customer: String,
    /// Why it came back.
    #[arg(long)]
    pub(super) reason: String,
    /// Return note or carrier reference.
    #[arg(long)]
    pub(super) reference: Option<String>,
    /// It may be used at once.
    #[arg(long)]
    pub(super) no_hold: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CorrectArguments {
    /// The id of the event, as `lot show` lists it and every command prints it.
    #[arg(value_name = "EVENT-ID")]
    pub(super) event: EventId,
    /// Why it was wrong.
    #[arg(long)]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TraceArguments {
    pub(super) lot: String,
    /// To everything that the lot is in. This is the default.
    #[arg(long, conflicts_with = "backward")]
    pub(super) forward: bool,
    /// To everything that is in the lot.
    #[arg(long)]
    pub(super) backward: bool,
    /// Whether a way through the lots may go back in time.
    #[arg(long, value_enum, default_value = "exposure")]
    pub(super) mode: TraceMode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum TraceMode {
    /// Never: what was added later is not in what had left.
    Strict,
    /// Every lot that can be reached, whatever the clocks said.
    Exposure,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Only lots of this material.
    #[arg(long, value_name = "CODE")]
    pub(super) material: Option<String>,
    /// Also lots of which nothing is left.
    #[arg(long)]
    pub(super) all: bool,
}

/// Quality figures by name; the last one of a name counts.
pub(super) fn figures(given: Vec<(String, String)>) -> BTreeMap<String, String> {
    given.into_iter().collect()
}
