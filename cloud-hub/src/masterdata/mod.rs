//! Master data: locations, operators and reason codes of the office, and how every plant hears of them and of materials.
//!
//! Each change is one item of the down feed of each plant that it concerns: what belongs to the company goes to all, what
//! belongs to a plant to that plant alone. An agent that says for the first time that it reads master data is given all
//! of it as it is then (`intake::feed`).
//!
//! Not for materials themselves, which plants make known too: those are in [`crate::inventory`].
//!
//! Limits: codes of 64 characters, names of 200.

mod model;
mod routes;
mod store;

use agog_sync::ids::{EventId, PlantId};
use agog_sync::master::MasterItem;
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::json;

use crate::db::{DbError, TenantTx};
use crate::events::{Origin, Outbox};
use crate::intake::feed;
use crate::inventory;

pub use model::check_words;
pub use routes::router;

/// All that a plant is told of, as it is now.
pub async fn items_of(tx: &mut TenantTx, plant_id: PlantId) -> Result<Vec<MasterItem>, DbError> {
    let mut items = inventory::materials_defined(tx).await?;
    items.extend(store::entries_of_plant(tx, plant_id).await?);
    Ok(items)
}

/// Tells whoever needs it of a record that somebody changed: other systems, and the plant or all plants.
pub async fn tell(
    tx: &mut TenantTx,
    plant_id: Option<PlantId>,
    item: MasterItem,
    by: &str,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<(), DbError> {
    let mut outbox = Outbox::default();
    let origin = Origin::of_the_hub(EventId::generate(now, rng), now);
    let data = json!({"plant_id": plant_id, "record": item, "actor": by});
    outbox.publish(origin, "inventory.master-data-changed", data);
    outbox.store(tx).await?;
    feed::push_master(tx, plant_id, item, now).await
}
