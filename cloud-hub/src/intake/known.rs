//! Up to when the hub knows what happened at a plant: a plant that is away records events that are not here yet.

use agog_sync::ids::PlantId;
use jiff::{SignedDuration, Timestamp};

use super::store_watch;
use crate::db::{DbError, TenantTx};
use crate::tenants;

/// An agent that was heard so recently is not away: between two requests that wait for the feed it is silent for half as
/// long.
const PRESENT_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Up to when everything that happened at a plant is here, by what its agent told last: now while it is in contact and gets
/// on; none when no agent of the plant was ever heard.
pub async fn known_until(
    tx: &mut TenantTx,
    plant_id: PlantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let agents = tenants::agents_of_plant(tx, plant_id).await?;
    let agents: Vec<_> = agents.iter().map(|agent| agent.agent_id.uuid()).collect();
    let present = now.saturating_sub(PRESENT_FOR).map_err(DbError::stored)?;
    let known = store_watch::known_until(tx, &agents, present).await?;
    Ok(known.map(|known| if known >= present { now } else { known }))
}
