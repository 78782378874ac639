//! Lot events become rows: the hub loads what the rules need, lets `agog_sync::lots::apply` say what the event does,
//! and stores that. Nothing is decided here. A fact is never refused; what should not have been is flagged.
//!
//! Everything happens in the caller's transaction, the one that also stores the event and moves the cursor.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::ids::{LotId, MaterialId, PlantId};
use agog_sync::lots::{self, Effect, Flag, LotEvent};
use agog_sync::quantity::{Material, Quantity, Unit};
use serde_json::json;

use super::model::{Fact, LotKey, MaterialKey};
use super::store::{facts, lots as lot_store};
use crate::db::{DbError, TenantTx};
use crate::events;
use crate::exchange;
use crate::intake::{ApplyContext, ApplyError};

/// Applies one lot event.
pub async fn lot_event(
    tx: &mut TenantTx,
    ctx: &mut ApplyContext<'_>,
    event: &LotEvent,
) -> Result<(), ApplyError> {
    let plant_id = home_plant(tx, ctx, event).await?;
    let book = lot_store::book_load(tx, event, plant_id).await?;
    let outcome = lots::apply(event, &book, ctx.occurred_at);
    let mut applying = Applying {
        plant_id,
        keys: BTreeMap::new(),
        flags: outcome.flags,
    };
    applying.store(tx, ctx, event, &outcome.effects).await?;
    applying.publish(tx, ctx, event).await?;
    Ok(())
}

/// Where the lots are that the event makes: at the agent's plant, or, for the office, at that of the lots it works on or of its job.
async fn home_plant(
    tx: &mut TenantTx,
    ctx: &ApplyContext<'_>,
    event: &LotEvent,
) -> Result<PlantId, ApplyError> {
    if let Some(plant_id) = ctx.plant_id {
        return Ok(plant_id);
    }
    let used: Vec<_> = event.used_lots().iter().map(|lot| lot.lot_id).collect();
    let known = lot_store::keys_of(tx, &used).await?;
    let plant_id = used
        .iter()
        .find_map(|lot_id| known.get(lot_id))
        .map(|(_, plant_id)| *plant_id);
    // A job makes something of what nobody booked: it is where the job is.
    let job_id = match event {
        LotEvent::Produced(event) => event.work.job.as_ref().and_then(|job| job.job_id),
        _ => None,
    };
    let plant_id = match (plant_id, job_id) {
        (None, Some(job_id)) => exchange::job_plant(tx, job_id).await?,
        (plant_id, _) => plant_id,
    };
    plant_id.ok_or_else(|| ApplyError::Refused {
        code: "no-plant",
        detail: "none of the lots of this office event is at any plant".to_owned(),
    })
}

struct Applying {
    plant_id: PlantId,
    keys: BTreeMap<LotId, LotKey>,
    /// What the rules found, and what the hub finds beyond them: a plant that counts a material in another unit than
    /// the company does.
    flags: Vec<Flag>,
}

impl Applying {
    async fn store(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_>,
        event: &LotEvent,
        effects: &[Effect],
    ) -> Result<(), DbError> {
        let named: Vec<_> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let known = lot_store::keys_of(tx, &named).await?;
        self.keys = known
            .into_iter()
            .map(|(lot_id, (key, _))| (lot_id, key))
            .collect();
        for effect in effects {
            self.effect(tx, ctx, effect).await?;
        }
        for flag in &self.flags {
            let lot = self.key(flag.lot().lot_id)?;
            facts::flag_add(tx, lot, flag, &Fact::of(ctx)).await?;
        }
        facts::lot_plants_add(tx, &named, &BTreeSet::from([self.plant_id])).await
    }

    async fn effect(
        &mut self,
        tx: &mut TenantTx,
        ctx: &mut ApplyContext<'_>,
        effect: &Effect,
    ) -> Result<(), DbError> {
        match effect {
            Effect::LotCreated {
                lot,
                material,
                base_unit,
                attributes,
                origin,
                work,
                created_at,
            } => {
                let material = match material {
                    Some(material) => {
                        Some(self.material(tx, ctx, material, lot, *base_unit).await?)
                    }
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
                let key = facts::lot_create(tx, &row, &Fact::of(ctx)).await?;
                self.keys.insert(lot.lot_id, key);
            }
            Effect::BalanceChanged {
                lot_id,
                bucket,
                delta,
                unit,
                entered,
            } => {
                let delta = Quantity::new(*delta, *unit);
                facts::balance_change(
                    tx,
                    self.key(*lot_id)?,
                    *bucket,
                    delta,
                    *entered,
                    &Fact::of(ctx),
                )
                .await?;
            }
            Effect::EdgeAdded {
                parent,
                child,
                kind,
                quantity,
                at,
            } => {
                let (parent, child) = (self.key(*parent)?, self.key(*child)?);
                facts::edge_add(tx, parent, child, *kind, *quantity, *at, &Fact::of(ctx)).await?;
            }
            Effect::Used { lot_id, used } => {
                facts::use_add(tx, self.key(*lot_id)?, used, self.plant_id, &Fact::of(ctx)).await?;
            }
            Effect::HoldPlaced {
                hold_id,
                lot_id,
                reason,
                at,
            } => {
                facts::hold_place(
                    tx,
                    self.key(*lot_id)?,
                    *hold_id,
                    reason,
                    *at,
                    &Fact::of(ctx),
                )
                .await?;
            }
            Effect::HoldReleased {
                hold_id,
                lot_id,
                reason,
                at,
            } => {
                facts::hold_release(
                    tx,
                    self.key(*lot_id)?,
                    *hold_id,
                    reason,
                    *at,
                    &Fact::of(ctx),
                )
                .await?;
            }
            Effect::Relocated { lot_id, to } => {
                facts::lot_relocate(tx, self.key(*lot_id)?, to, &Fact::of(ctx)).await?;
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
        let key = facts::material_ensure(tx, material, new_id, &Fact::of(ctx)).await?;
        if key.base_unit != base_unit {
            self.flags.push(Flag::UnitMismatch {
                lot: lot.clone(),
                expected: key.base_unit,
                found: base_unit,
            });
        }
        Ok(key)
    }

    /// Tells whoever listens: one domain event for what happened, one for what should not have.
    async fn publish(
        &self,
        tx: &mut TenantTx,
        ctx: &ApplyContext<'_>,
        event: &LotEvent,
    ) -> Result<(), DbError> {
        let topic = format!("inventory.{}", ctx.kind.replace('.', "-"));
        let data = json!({"plant_id": self.plant_id, "lots": event.lots(), "actor": ctx.actor});
        events::publish(tx, ctx, &topic, data).await?;
        if !self.flags.is_empty() {
            let data = json!({"plant_id": self.plant_id, "kind": ctx.kind, "flags": self.flags});
            events::publish(tx, ctx, "inventory.lot-flagged", data).await?;
        }
        Ok(())
    }

    fn key(&self, lot_id: LotId) -> Result<LotKey, DbError> {
        // The rules make every lot that they name, so only a fault of the rules ends here.
        self.keys
            .get(&lot_id)
            .copied()
            .ok_or_else(|| DbError::stored(format!("lot {lot_id} has effects and was never made")))
    }
}
