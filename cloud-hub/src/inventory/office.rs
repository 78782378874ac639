//! What the office records about lots, on its own or for another module: admitted by the rules, written into the office
//! ledger and applied, in the caller's transaction.

use agog_sync::event::{Actor, Event, NewEvent};
use agog_sync::ids::{EventId, PlantId};
use agog_sync::lots::{LotEvent, LotRef, Refusal, admit};
use agog_sync::quantity::{Material, Measured, Quantity};
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::json;

use super::batch::LotBatch;
use super::model::LotRow;
use super::routes::lot_find;
use super::store::lots as lot_store;
use crate::app::App;
use crate::db::TenantTx;
use crate::http::ApiError;
use crate::intake::{ApplyError, office};

/// A lot that the office works on.
pub struct StockLot {
    pub lot: LotRef,
    pub material: Material,
    pub on_hand: Quantity,
}

/// Finds a lot by its number or id, at a plant when one is named. An ambiguous number is 409 with the candidates.
pub async fn stock_lot(
    tx: &mut TenantTx,
    number: &str,
    plant: Option<&str>,
) -> Result<StockLot, ApiError> {
    let found = lot_find(tx, number, plant).await?;
    let row = lot_store::lot_rows(tx, &[found.key.0])
        .await?
        .pop()
        .ok_or_else(|| ApiError::not_found("lot"))?;
    Ok(StockLot {
        material: material_of(&row)?,
        lot: row.lot,
        on_hand: row.on_hand,
    })
}

/// What a lot is made of; a lot of which nobody has said it cannot be worked on.
pub(super) fn material_of(lot: &LotRow) -> Result<Material, ApiError> {
    lot.material.clone().ok_or_else(|| {
        ApiError::unprocessable(
            "unknown-material",
            format!(
                "lot {} was used before anybody said what it is made of",
                lot.lot.number
            ),
        )
    })
}

/// A quantity as a person enters it, with its base quantity.
pub fn measured(material: &Material, amount: &str, unit: &str) -> Result<Measured, ApiError> {
    let quantity = Quantity::parse(amount, unit)
        .map_err(|error| ApiError::unprocessable("bad-quantity", error.to_string()))?;
    material
        .to_base(quantity)
        .map_err(|error| ApiError::unprocessable("wrong-unit", error.to_string()))
}

/// Who says something, when it happened and when it is recorded.
pub struct Said<'a> {
    pub by: &'a str,
    pub at: Timestamp,
    pub now: Timestamp,
}

/// Admits a lot event at a plant, writes it into the office ledger and applies it. The caller holds the office ledger
/// ([`office::lock`]), so that what the event was made from is still so.
pub async fn lot_recorded(
    tx: &mut TenantTx,
    app: &App,
    mut event: LotEvent,
    plant_id: PlantId,
    said: &Said<'_>,
    rng: &mut StdRng,
) -> Result<EventId, ApiError> {
    let event_id = EventId::generate(said.now, rng);
    let loaded = LotBatch::load(tx, Some(plant_id), &[(event_id, &event)], said.now).await;
    let book = loaded.map_err(failed)?.into_book(&event);
    event.note(&book);
    admit(&event, &book, said.now).map_err(|refusal| refused(&refusal))?;
    recorded_as(tx, app, event_id, Event::Lot(event), said).await
}

/// Writes an event into the office ledger and applies it.
pub async fn recorded(
    tx: &mut TenantTx,
    app: &App,
    event: Event,
    said: &Said<'_>,
    rng: &mut StdRng,
) -> Result<EventId, ApiError> {
    let event_id = EventId::generate(said.now, rng);
    recorded_as(tx, app, event_id, event, said).await
}

async fn recorded_as(
    tx: &mut TenantTx,
    app: &App,
    event_id: EventId,
    event: Event,
    said: &Said<'_>,
) -> Result<EventId, ApiError> {
    let new = NewEvent {
        event_id,
        occurred_at: said.at,
        recorded_at: said.now,
        actor: Actor::Operator {
            name: said.by.to_owned(),
        },
        event,
    };
    office::append(tx, app, &[new]).await.map_err(failed)?;
    Ok(event_id)
}

fn failed(error: ApplyError) -> ApiError {
    match error {
        ApplyError::Refused { code, detail } => ApiError::unprocessable(code, detail),
        ApplyError::Database(error) => error.into(),
    }
}

/// A refusal of the rules: 409 where another state of the stock would allow it, 422 where nothing would.
fn refused(refusal: &Refusal) -> ApiError {
    let error = match refusal {
        Refusal::BeyondBalance { .. }
        | Refusal::Held { .. }
        | Refusal::BeyondShipped { .. }
        | Refusal::NumberTaken { .. }
        | Refusal::UnknownHold { .. }
        | Refusal::Packed { .. }
        | Refusal::NotInContainer { .. }
        | Refusal::ContainerInUse { .. }
        | Refusal::AlreadyCorrected { .. } => {
            ApiError::conflict(refusal.code(), refusal.to_string())
        }
        _ => ApiError::unprocessable(refusal.code(), refusal.to_string()),
    };
    match refusal {
        Refusal::BeyondBalance {
            lot,
            balance,
            asked,
        } => error
            .with("lot", json!(lot))
            .with("balance", json!(balance))
            .with("asked", json!(asked)),
        Refusal::BeyondShipped {
            lot,
            shipped,
            asked,
        } => error
            .with("lot", json!(lot))
            .with("shipped", json!(shipped))
            .with("asked", json!(asked)),
        Refusal::Packed {
            lot,
            free,
            asked,
            containers,
        } => error
            .with("lot", json!(lot))
            .with("free", json!(free))
            .with("asked", json!(asked))
            .with("containers", json!(containers)),
        Refusal::NotInContainer {
            lot,
            sscc,
            found,
            asked,
        } => error
            .with("lot", json!(lot))
            .with("sscc", json!(sscc))
            .with("found", json!(found))
            .with("asked", json!(asked)),
        Refusal::ContainerInUse { lot, sscc, status } => error
            .with("lot", json!(lot))
            .with("sscc", json!(sscc))
            .with("status", json!(status)),
        Refusal::Held { lot, holds } => error.with("lot", json!(lot)).with("holds", json!(holds)),
        Refusal::UnknownHold { lot, hold_id } => error
            .with("lot", json!(lot))
            .with("hold_id", json!(hold_id)),
        Refusal::AlreadyCorrected { lot, event_id, by } => error
            .with("lot", json!(lot))
            .with("event_id", json!(event_id))
            .with("corrected_by", json!(by)),
        Refusal::MaterialsDiffer {
            lot,
            expected,
            found,
        } => error
            .with("lot", json!(lot))
            .with("expected", json!(expected))
            .with("found", json!(found)),
        Refusal::WrongUnit {
            lot,
            expected,
            found,
        } => error
            .with("lot", json!(lot))
            .with("expected", json!(expected))
            .with("found", json!(found)),
        Refusal::NotPositive { lot, found } => {
            error.with("lot", json!(lot)).with("found", json!(found))
        }
        Refusal::UnknownLot { lot }
        | Refusal::NumberTaken { lot }
        | Refusal::NamedTwice { lot } => error.with("lot", json!(lot)),
        Refusal::Incomplete(_) => error,
    }
}
