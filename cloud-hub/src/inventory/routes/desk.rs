//! The desk on which the office records movements.
//!
//! The office writes a ledger of its own, under the rules of the agents: a movement is admitted or refused by
//! `agog_sync::lots::admit`, becomes an event of the office ledger, is applied like every other event, and goes
//! down to the plants that have had to do with its lots. All of it, and the answer, is one transaction.

use agog_sync::ids::{EventId, HoldId, LotId, PlantId};
use agog_sync::lots::LotEvent;
use agog_sync::quantity::Quantity;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde::Serialize;
use utoipa::ToSchema;

use super::find::lot_find;
use crate::app::App;
use crate::db::TenantTx;
use crate::http::{ApiError, Idempotent};
use crate::intake::office::{self, KeptEvent};
use crate::inventory::model::{LotRow, QuantitySchema};
use crate::inventory::office::{Said, lot_recorded};
use crate::inventory::store::lots as lot_store;
use crate::tenants::{Principal, Role};

/// A lot after a movement.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MovedLot {
    #[schema(value_type = Uuid)]
    lot_id: LotId,
    number: String,
    #[schema(value_type = QuantitySchema)]
    on_hand: Quantity,
}

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MovementAnswer {
    /// The event in the office ledger.
    #[schema(value_type = Uuid)]
    event_id: EventId,
    #[schema(example = "lot.split")]
    kind: &'static str,
    /// The hold that was placed or released.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    hold_id: Option<HoldId>,
    /// The lots of the movement, as they are now.
    lots: Vec<MovedLot>,
}

/// What a request for a movement finds: room to work, or the answer that an earlier one got.
pub(super) enum Opened<'a> {
    Desk(Box<Desk<'a>>),
    Answered(Response),
}

/// The work on one movement.
pub(super) struct Desk<'a> {
    app: &'a App,
    principal: &'a Principal,
    idempotent: Idempotent,
    tx: TenantTx,
    rng: StdRng,
    now: Timestamp,
}

impl<'a> Desk<'a> {
    pub(super) async fn open(
        app: &'a App,
        principal: &'a Principal,
        idempotent: Idempotent,
    ) -> Result<Opened<'a>, ApiError> {
        principal.require(Role::Office)?;
        let mut tx = TenantTx::begin(&app.pool, principal.tenant_id()).await?;
        if let Some(response) = idempotent.replay(&mut tx).await? {
            return Ok(Opened::Answered(response));
        }
        let (rng, now) = (app.rng(), app.clock.now());
        // One movement after the other: two that meet must not both find a number free.
        office::lock(&mut tx, now).await?;
        Ok(Opened::Desk(Box::new(Self {
            app,
            principal,
            idempotent,
            tx,
            rng,
            now,
        })))
    }

    pub(super) async fn lot(
        &mut self,
        number: &str,
        plant: Option<&str>,
    ) -> Result<LotRow, ApiError> {
        let found = lot_find(&mut self.tx, number, plant).await?;
        lot_store::lot_rows(&mut self.tx, &[found.key.0])
            .await?
            .pop()
            .ok_or_else(|| ApiError::not_found("lot"))
    }

    /// An event of any ledger of the tenant.
    pub(super) async fn event(&mut self, event_id: EventId) -> Result<KeptEvent, ApiError> {
        office::event_find(&mut self.tx, event_id)
            .await?
            .ok_or_else(|| ApiError::not_found("event"))
    }

    /// Where the first lot of an event is at home.
    pub(super) async fn home(&mut self, event: &LotEvent) -> Result<PlantId, ApiError> {
        let lots: Vec<_> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let known = lot_store::keys_of(&mut self.tx, &lots).await?;
        let home = lots.iter().find_map(|lot_id| known.get(lot_id));
        home.map(|(_, plant_id)| *plant_id)
            .ok_or_else(|| ApiError::not_found("lot"))
    }

    pub(super) fn new_lot_id(&mut self) -> LotId {
        LotId::generate(self.now, &mut self.rng)
    }

    pub(super) fn new_hold_id(&mut self) -> HoldId {
        HoldId::generate(self.now, &mut self.rng)
    }

    /// Admits the movement, writes it into the office ledger, applies it, and answers.
    pub(super) async fn record(
        mut self,
        event: LotEvent,
        plant_id: PlantId,
    ) -> Result<Response, ApiError> {
        let lots: Vec<_> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let hold_id = match &event {
            LotEvent::Held(event) => Some(event.hold_id),
            LotEvent::Released(event) => Some(event.hold_id),
            LotEvent::Returned(event) => event.hold,
            _ => None,
        };
        let kind = event.kind();
        let said = Said {
            by: self.principal.name(),
            at: self.now,
            now: self.now,
        };
        let (tx, rng) = (&mut self.tx, &mut self.rng);
        let event_id = lot_recorded(tx, self.app, event, plant_id, &said, rng).await?;
        let keys: Vec<_> = lot_store::keys_of(&mut self.tx, &lots)
            .await?
            .values()
            .map(|(key, _)| key.0)
            .collect();
        let lots = lot_store::lot_rows(&mut self.tx, &keys)
            .await?
            .into_iter()
            .map(|row| MovedLot {
                lot_id: row.lot.lot_id,
                number: row.lot.number,
                on_hand: row.on_hand,
            })
            .collect();
        let answer = MovementAnswer {
            event_id,
            kind,
            hold_id,
            lots,
        };
        let response = self
            .idempotent
            .store(&mut self.tx, StatusCode::CREATED, &answer)
            .await?;
        self.tx.commit().await?;
        tracing::info!(event.id = %event_id, "{kind} recorded in the office ledger as event {event_id}");
        Ok(response)
    }
}
