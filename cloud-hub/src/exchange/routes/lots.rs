//! The lots that a work order took and made, as people say it when it is done.

use agog_sync::ids::LotId;
use agog_sync::lots::{
    Draw, LotAttributes, LotConsumed, LotEvent, LotProduced, LotRef, LotWasted, NewLot,
};
use agog_sync::quantity::{Material, Quantity, Unit};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::create::{OutputRequest, output_lot};
use super::order::Bench;
use crate::http::ApiError;
use crate::intake::feed;
use crate::inventory::{self, StockLot};

/// The most lots in one completion.
const INPUTS_MAX: usize = 100;

/// The most runs of one job whose output lots get numbers made up.
const NUMBERS_MAX: u32 = 1_000;

/// The reason of waste of which nobody says why.
const UNSAID: &str = "not said";

/// A work order is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompleteRequest {
    /// Good amount, a decimal number as text.
    #[schema(example = "14500")]
    pub(super) good: String,
    /// Waste; not part of the good amount.
    #[serde(default = "zero")]
    #[schema(example = "500")]
    pub(super) waste: String,
    /// Why there is waste.
    #[serde(default)]
    waste_reason: Option<String>,
    /// The lots that were used.
    #[serde(default)]
    inputs: Vec<InputRequest>,
    /// The lot that was made.
    #[serde(default)]
    output: Option<MadeRequest>,
    /// Who worked; the holder of the token when it is not said.
    #[serde(default)]
    pub(super) operator: Option<String>,
    #[serde(default)]
    pub(super) device: Option<String>,
    /// When it ended; now when it is not said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) at: Option<Timestamp>,
    /// When it began, of a work order whose start nobody recorded.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) started_at: Option<Timestamp>,
    /// Overrules the balance and holds of lots, for a reason that goes into the ledger.
    #[serde(default)]
    forced: Option<String>,
}

/// A lot that was used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InputRequest {
    /// Its number or id.
    lot: String,
    /// All that was taken of it, waste included.
    #[schema(example = "15000")]
    quantity: String,
    /// The base unit of its material when it is not said.
    #[serde(default)]
    #[schema(example = "sheet")]
    unit: Option<String>,
    /// How much of that was spoilt. When nothing is said and there is one input, counted as the output is, the waste of
    /// the work order.
    #[serde(default)]
    waste: Option<String>,
}

/// The lot that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MadeRequest {
    /// Its number; made of plant, job and place when none is given.
    #[serde(default)]
    number: Option<String>,
    /// The code of its material.
    #[schema(example = "CARTON-1")]
    material: String,
    #[schema(example = "14500")]
    quantity: String,
    /// The base unit of its material when it is not said; needed for a material that is not known yet.
    #[serde(default)]
    unit: Option<String>,
}

/// A lot that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeLot {
    #[schema(value_type = Uuid)]
    lot_id: LotId,
    number: String,
}

fn zero() -> String {
    "0".to_owned()
}

/// An amount that people say: a decimal number, not below zero, within what can be stored.
pub(super) fn amount(pointer: &str, text: &str) -> Result<Decimal, ApiError> {
    let quantity = Quantity::parse(text, Unit::Piece.as_str())
        .map_err(|error| bad_quantity(pointer, error.to_string()))?;
    if quantity.amount.is_sign_negative() {
        return Err(bad_quantity(pointer, "must not be below 0".to_owned()));
    }
    Ok(quantity.amount)
}

fn bad_quantity(pointer: &str, detail: String) -> ApiError {
    ApiError::unprocessable("bad-quantity", detail.clone()).at(pointer, detail)
}

/// Records what was taken of lots and what was made.
pub(super) async fn record(
    bench: &mut Bench<'_>,
    request: &CompleteRequest,
    waste: Decimal,
    at: Timestamp,
) -> Result<Option<MadeLot>, ApiError> {
    if request.inputs.len() > INPUTS_MAX {
        return Err(ApiError::unprocessable(
            "too-many-lots",
            format!("at most {INPUTS_MAX} input lots"),
        )
        .at("/inputs", format!("has {}", request.inputs.len())));
    }
    let output = match &request.output {
        Some(made) => Some((made, material_of(bench, made).await?)),
        None => None,
    };
    let made_unit = output.as_ref().map(|(made, material)| match &made.unit {
        Some(unit) => unit.clone(),
        None => material.base_unit.as_str().to_owned(),
    });
    let stock = stock_of(bench, request).await?;
    let mut sources = Vec::new();
    for (index, (input, lot)) in request.inputs.iter().zip(stock).enumerate() {
        let unit = input
            .unit
            .clone()
            .unwrap_or_else(|| lot.material.base_unit.as_str().to_owned());
        let counts_alike = made_unit.as_ref().is_none_or(|made| *made == unit);
        let spoilt = match &input.waste {
            Some(spoilt) => amount(&format!("/inputs/{index}/waste"), spoilt)?,
            None if request.inputs.len() == 1 && counts_alike => waste,
            None => Decimal::ZERO,
        };
        let taken = amount(&format!("/inputs/{index}/quantity"), &input.quantity)?;
        if spoilt > taken {
            let detail = format!("{taken} were taken and {spoilt} of them spoilt");
            return Err(bad_quantity(&format!("/inputs/{index}/waste"), detail));
        }
        take(bench, request, &lot, &unit, (taken - spoilt, spoilt), at).await?;
        sources.push(lot.lot);
    }
    match output {
        Some((made, material)) => {
            let lot = produce(bench, request, made, material, sources, at).await?;
            Ok(Some(lot))
        }
        None => Ok(None),
    }
}

/// The lots that are named, locked all at once, and the feeds that hear of them: one movement after the other, they would
/// be locked in the order in which people name them.
async fn stock_of(
    bench: &mut Bench<'_>,
    request: &CompleteRequest,
) -> Result<Vec<StockLot>, ApiError> {
    let plant = bench.plant.clone();
    let mut stock = Vec::new();
    for input in &request.inputs {
        stock.push(inventory::stock_lot(&mut bench.tx, &input.lot, Some(&plant)).await?);
    }
    let lots: Vec<_> = stock.iter().map(|lot| lot.lot.lot_id).collect();
    inventory::lots_lock(&mut bench.tx, &lots).await?;
    feed::lock(&mut bench.tx).await?;
    Ok(stock)
}

/// Draws what was used and what was spoilt of a lot.
async fn take(
    bench: &mut Bench<'_>,
    request: &CompleteRequest,
    lot: &StockLot,
    unit: &str,
    (used, spoilt): (Decimal, Decimal),
    at: Timestamp,
) -> Result<(), ApiError> {
    let draw = |amount: Decimal| -> Result<Draw, ApiError> {
        Ok(Draw {
            lot: lot.lot.clone(),
            quantity: inventory::measured(&lot.material, &amount.to_string(), unit)?,
        })
    };
    if !used.is_zero() || spoilt.is_zero() {
        let event = LotConsumed {
            draw: draw(used)?,
            into: Vec::new(),
            work: bench.context(),
            forced: request.forced.clone(),
        };
        bench.lot_event(LotEvent::Consumed(event), at).await?;
    }
    if !spoilt.is_zero() {
        let event = LotWasted {
            draw: draw(spoilt)?,
            reason: request
                .waste_reason
                .clone()
                .unwrap_or_else(|| UNSAID.to_owned()),
            work: bench.context(),
            forced: request.forced.clone(),
        };
        bench.lot_event(LotEvent::Wasted(event), at).await?;
    }
    Ok(())
}

async fn material_of(bench: &mut Bench<'_>, made: &MadeRequest) -> Result<Material, ApiError> {
    let output = OutputRequest {
        number: None,
        material: made.material.clone(),
        unit: made.unit.clone(),
    };
    Ok(output_lot(&mut bench.tx, output).await?.material)
}

async fn produce(
    bench: &mut Bench<'_>,
    request: &CompleteRequest,
    made: &MadeRequest,
    material: Material,
    sources: Vec<LotRef>,
    at: Timestamp,
) -> Result<MadeLot, ApiError> {
    let unit = made.unit.as_deref();
    let unit = unit.unwrap_or(material.base_unit.as_str()).to_owned();
    let quantity = inventory::measured(&material, &made.quantity, &unit)?;
    let number = match &made.number {
        Some(number) => number.clone(),
        None => free_number(bench).await?,
    };
    let lot = LotRef {
        lot_id: LotId::generate(at, &mut bench.rng),
        number,
    };
    let event = LotProduced {
        outputs: vec![NewLot {
            lot: lot.clone(),
            material,
            quantity,
            attributes: LotAttributes::default(),
        }],
        inputs: Vec::new(),
        sources,
        work: bench.context(),
        forced: request.forced.clone(),
    };
    bench.lot_event(LotEvent::Produced(event), at).await?;
    Ok(MadeLot {
        lot_id: lot.lot_id,
        number: lot.number,
    })
}

/// A number that carries plant, job and place, and that no lot of the plant has.
async fn free_number(bench: &mut Bench<'_>) -> Result<String, ApiError> {
    let stem = format!("{}-{}-{}", bench.plant, bench.job.number, bench.order.place);
    let further = (2..=NUMBERS_MAX).map(|count| format!("{stem}-{count}"));
    let numbers: Vec<_> = std::iter::once(stem.clone()).chain(further).collect();
    let plant_id = bench.job.plant_id;
    let taken = inventory::lot_numbers_known(&mut bench.tx, plant_id, &numbers).await?;
    let free = numbers.into_iter().find(|number| !taken.contains(number));
    free.ok_or_else(|| {
        ApiError::unprocessable("number-missing", "say the number of the lot that was made")
            .at("/output/number", "missing")
    })
}
