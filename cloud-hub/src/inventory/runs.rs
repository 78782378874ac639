//! What a run of a job took and made: the lots whose events name its job and its device, at a time of the run.
//!
//! A press books its lots when a run ends, and people whenever they come to it. So a window lasts from the start of a run
//! to the start of the next one of the job on the device; the first takes also what was booked before it, the last also
//! what is booked after it.

use agog_sync::ids::{LotId, PlantId};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::store::runs;
use crate::db::{DbError, TenantTx};

/// The most lots of each kind that are shown of one run: far beyond the reels of a long run.
pub(super) const LOTS_OF_RUN_MAX: usize = 200;

/// A run, as far as lots know of it.
#[derive(Debug, Clone)]
pub struct RunWindow {
    pub plant_id: PlantId,
    /// The number of the job.
    pub job: String,
    pub device: String,
    /// None for the first run.
    pub from: Option<Timestamp>,
    /// None for the last run.
    pub until: Option<Timestamp>,
}

/// What was taken of a lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TakenByRun {
    #[schema(value_type = Uuid)]
    pub lot_id: LotId,
    pub number: String,
    /// The code of its material, when it is known.
    pub material: Option<String>,
    /// What became part of the product.
    #[schema(value_type = String, example = "14500")]
    pub used: Decimal,
    /// What was spoilt.
    #[schema(value_type = String, example = "500")]
    pub wasted: Decimal,
    /// The base unit of its material.
    #[schema(example = "sheet")]
    pub unit: String,
}

/// A lot that was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MadeByRun {
    #[schema(value_type = Uuid)]
    pub lot_id: LotId,
    pub number: String,
    /// The code of its material, when it is known.
    pub material: Option<String>,
    #[schema(value_type = String, example = "14500")]
    pub quantity: Decimal,
    /// The base unit of its material.
    #[schema(example = "sheet")]
    pub unit: String,
}

/// The lots of a run, by number.
#[derive(Debug, Clone, Default)]
pub struct RunLots {
    pub taken: Vec<TakenByRun>,
    pub made: Vec<MadeByRun>,
    /// There are more than [`LOTS_OF_RUN_MAX`] of one of them.
    pub is_cut: bool,
}

/// The lots of many runs, in the order of the runs.
pub async fn run_lots(tx: &mut TenantTx, windows: &[RunWindow]) -> Result<Vec<RunLots>, DbError> {
    // One more than is shown tells that there are more.
    let limit = i64::try_from(LOTS_OF_RUN_MAX + 1).unwrap_or(i64::MAX);
    let mut found = vec![RunLots::default(); windows.len()];
    for (place, taken) in runs::lots_taken(tx, windows, limit).await? {
        found[place].taken.push(taken);
    }
    for (place, made) in runs::lots_made(tx, windows, limit).await? {
        found[place].made.push(made);
    }
    for lots in &mut found {
        lots.is_cut = lots.taken.len().max(lots.made.len()) > LOTS_OF_RUN_MAX;
        lots.taken.truncate(LOTS_OF_RUN_MAX);
        lots.made.truncate(LOTS_OF_RUN_MAX);
    }
    Ok(found)
}
