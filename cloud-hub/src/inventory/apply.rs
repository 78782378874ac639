//! Lot events become rows: the hub loads what the rules need, lets `agog_sync::lots::apply` say what the event does,
//! and stores that. Nothing is decided here. A fact is never refused; what should not have been is flagged.
//!
//! Everything happens in the caller's transaction, the one that also stores the event and moves the cursor.

use std::collections::BTreeMap;

use agog_sync::ids::{LotId, MaterialId, PlantId};
use agog_sync::lots::{self, Effect, Flag, LotEvent, Outcome};
use agog_sync::quantity::{Material, Quantity, Unit};
use serde_json::json;

use super::model::{Fact, LotKey, MaterialKey};
use super::store::{facts, lots as lot_store};
use crate::db::{DbError, TenantTx};
use crate::events;
use crate::intake::ApplyContext;

/// Applies one lot event.
///
/// `plant_id` is where the lots are that the event makes: the agent's plant, or for the office that of the lots it
/// works on.
pub async fn lot_event(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_>,
    event: &LotEvent,
) -> Result<(), DbError> {
    let plant_id = home_plant(tx, ctx, event).await?;
    let book = lot_store::book_load(tx, event, plant_id).await?;
    let outcome = lots::apply(event, &book, ctx.occurred_at);
    let mut applying = Applying { plant_id, keys: BTreeMap::new(), extra_flags: Vec::new() };
    applying.store(tx, ctx, event, &outcome).await?;
    applying.publish(tx, ctx, event, &outcome).await
}

struct Applying {
    plant_id: PlantId,
    keys: BTreeMap<LotId, LotKey>,
    /// What the hub finds beyond the rules: a plant that counts a material in another unit than the company does.
    extra_flags: Vec<Flag>,
}

impl Applying {
    async fn store(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_>,
        event: &LotEvent,
        outcome: &Outcome,
    ) -> Result<(), DbError> {
        let named: Vec<_> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let known = lot_store::keys_of(tx, &named).await?;
        self.keys = known.into_iter().map(|(lot_id, (key, _))| (lot_id, key)).collect();
        for effect in &outcome.effects {
            self.effect(tx, ctx, effect).await?;
        }
        for flag in outcome.flags.iter().chain(&self.extra_flags) {
            let lot = self.key(flag.lot().lot_id)?;
            facts::flag_add(tx, lot, flag, &ctx.fact()).await?;
        }
        facts::lot_plant_add(tx, &named, self.plant_id).await
    }

    async fn effect(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_>,
        effect: &Effect,
    ) -> Result<(), DbError> {
        match effect {
            Effect::LotCreated { lot, material, base_unit, attributes, origin, work, created_at } => {
                let material = match material {
                    Some(material) => Some(self.material(tx, ctx, material, lot, *base_unit).await?),
                    None => None,
                };
                let row = facts::NewLotRow {
                    lot,
                    plant_id: self.plant_id,
                    material,
                    base_unit: *base_unit,
                    attributes,
                    origin: *origin,
                    work,
                    created_at: *created_at,
                };
                let key = facts::lot_create(tx, &row, &ctx.fact()).await?;
                self.keys.insert(lot.lot_id, key);
            }
            Effect::BalanceChanged { lot_id, bucket, delta, unit, entered } => {
                let delta = Quantity::new(*delta, *unit);
                facts::balance_change(tx, self.key(*lot_id)?, *bucket, delta, *entered, &ctx.fact()).await?;
            }
            Effect::EdgeAdded { parent, child, kind, quantity, at } => {
                let (parent, child) = (self.key(*parent)?, self.key(*child)?);
                facts::edge_add(tx, parent, child, *kind, *quantity, *at, &ctx.fact()).await?;
            }
            Effect::Used { lot_id, used } => {
                facts::use_add(tx, self.key(*lot_id)?, used, self.plant_id, &ctx.fact()).await?;
            }
            Effect::HoldPlaced { hold_id, lot_id, reason, at } => {
                facts::hold_place(tx, self.key(*lot_id)?, *hold_id, reason, *at, &ctx.fact()).await?;
            }
            Effect::HoldReleased { hold_id, lot_id, reason, at } => {
                facts::hold_release(tx, self.key(*lot_id)?, *hold_id, reason, *at, &ctx.fact()).await?;
            }
            Effect::Relocated { lot_id, to } => {
                facts::lot_relocate(tx, self.key(*lot_id)?, to, &ctx.fact()).await?;
            }
        }
        Ok(())
    }

    async fn material(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_>,
        material: &Material,
        lot: &lots::LotRef,
        base_unit: Unit,
    ) -> Result<MaterialKey, DbError> {
        let new_id = MaterialId::generate(ctx.now, ctx.rng);
        let key = facts::material_ensure(tx, material, new_id, &ctx.fact()).await?;
        if key.base_unit != base_unit {
            self.extra_flags.push(Flag::UnitMismatch {
                lot: lot.clone(),
                expected: key.base_unit,
                found: base_unit,
            });
        }
        Ok(key)
    }

    fn key(&self, lot_id: LotId) -> Result<LotKey, DbError> {
        // The rules make every lot that they name, so only a fault of the rules ends here.
        self.keys
            .get(&lot_id)
            .copied()
            .ok_or_else(|| DbError::stored(format!("lot {lot_id} has effects and was never made")))
    }
}
