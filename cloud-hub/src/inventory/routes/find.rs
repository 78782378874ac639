//! From the number on a label to one lot.

use agog_sync::ids::PlantId;
use serde_json::json;

use crate::db::TenantTx;
use crate::http::ApiError;
use crate::inventory::model::Candidate;
use crate::inventory::store::lots as lot_store;
use crate::tenants;

/// Finds the one lot that is meant. A number that several lots have is answered with all of them (409), because
/// nobody may be led to the wrong roll.
pub(in crate::inventory) async fn lot_find(
    tx: &mut TenantTx,
    number: &str,
    plant: Option<&str>,
) -> Result<Candidate, ApiError> {
    let plant_id = match plant {
        Some(code) => Some(plant_find(tx, code).await?),
        None => None,
    };
    let candidates = lot_store::lot_candidates(tx, number, plant_id).await?;
    match candidates[..] {
        [] => Err(ApiError::not_found("lot")),
        [candidate] => Ok(candidate),
        _ => {
            let plants = tenants::plant_codes(tx).await?;
            let named: Vec<_> = candidates
                .iter()
                .map(|lot| json!({"lot_id": lot.lot_id, "plant": plants.get(&lot.plant_id)}))
                .collect();
            Err(ApiError::conflict(
                "ambiguous-lot-number",
                format!(
                    "{} lots have the number `{number}`: name the plant or the lot's id",
                    named.len()
                ),
            )
            .with("candidates", json!(named)))
        }
    }
}

/// Finds a plant by its code.
pub(super) async fn plant_find(tx: &mut TenantTx, code: &str) -> Result<PlantId, ApiError> {
    tenants::plant_by_code(tx, code)
        .await?
        .map(|plant| plant.plant_id)
        .ok_or_else(|| ApiError::not_found("plant"))
}
