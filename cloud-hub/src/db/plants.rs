//! Telling all hubs of one database that something has happened at a plant, by LISTEN and NOTIFY. A message names a tenant
//! and a plant and nothing else: whoever hears it reads what there is under row security.
//!
//! The transactions that change something do not notify themselves: PostgreSQL commits those one after the other. They
//! ring a bell of their process once they are committed, and one task tells the others of all plants that have rung. What a
//! crash loses between the two is read at the next look of whoever watches the plant.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use agog_sync::ids::{PlantId, TenantId};
use sqlx::postgres::PgListener;
use tokio::sync::Notify;

use super::error::DbError;
use super::pool::Pool;

/// Where it is told.
const CHANNEL: &str = "agog_plants";

/// A plant of a tenant.
pub type PlantKey = (TenantId, PlantId);

/// Rings for plants. Holds each plant once, however often it has rung.
#[derive(Debug, Clone, Default)]
pub struct PlantBell(Arc<Ringing>);

#[derive(Debug, Default)]
struct Ringing {
    plants: Mutex<BTreeSet<PlantKey>>,
    wake: Notify,
}

impl PlantBell {
    pub(super) fn ring(&self, plants: impl IntoIterator<Item = PlantKey>) {
        let mut ringing = self.plants();
        ringing.extend(plants);
        if !ringing.is_empty() {
            self.0.wake.notify_one();
        }
    }

    /// Waits until plants have rung, and takes them.
    pub async fn rung(&self) -> BTreeSet<PlantKey> {
        loop {
            self.0.wake.notified().await;
            let rung = std::mem::take(&mut *self.plants());
            if !rung.is_empty() {
                return rung;
            }
        }
    }

    fn plants(&self) -> std::sync::MutexGuard<'_, BTreeSet<PlantKey>> {
        // A set of names has no invariant that a panic elsewhere could have broken.
        self.0.plants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears of the plants of all hubs, on a connection of its own.
#[derive(Debug)]
pub struct PlantListener(PgListener);

impl Pool {
    /// The bell of this process.
    pub fn plant_bell(&self) -> &PlantBell {
        &self.plant_bell
    }

    /// Tells all hubs that something has happened at plants.
    pub async fn plants_tell(&self, plants: &BTreeSet<PlantKey>) -> Result<(), DbError> {
        let told: Vec<_> = plants
            .iter()
            .map(|(tenant_id, plant_id)| format!("{tenant_id}:{plant_id}"))
            .collect();
        // No tenant fits: nothing is read, and the plants are of many.
        sqlx::query("select pg_notify($1, plant) from unnest($2::text[]) as plant")
            .bind(CHANNEL)
            .bind(told)
            .execute(&self.connections)
            .await?;
        Ok(())
    }

    /// Begins to hear of plants.
    pub async fn plants_listen(&self) -> Result<PlantListener, DbError> {
        let mut listener = PgListener::connect_with(&self.connections).await?;
        listener.listen(CHANNEL).await?;
        Ok(PlantListener(listener))
    }
}

impl PlantListener {
    /// Waits for the next plant; none when the connection was lost in between and is there again, so that any may have been
    /// missed.
    pub async fn heard(&mut self) -> Result<Option<PlantKey>, DbError> {
        loop {
            let Some(message) = self.0.try_recv().await? else {
                return Ok(None);
            };
            if let Some(plant) = read(message.payload()) {
                return Ok(Some(plant));
            }
        }
    }
}

fn read(text: &str) -> Option<PlantKey> {
    let (tenant, plant) = text.split_once(':')?;
    Some((tenant.parse().ok()?, plant.parse().ok()?))
}
