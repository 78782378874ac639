//! The SQL of the inventory, by what it is for: [`made`] writes lots, [`materials`] what they are made of, [`facts`] the
//! rows that say what events did, [`corrections`] those that take them back, [`containers`] what is packed; [`lots`] finds lots and what is known of them, [`runs`] what runs of jobs took and made,
//! [`trace`] walks the graph, [`stock`] adds up.
//!
//! Every function takes a [`TenantTx`](crate::db::TenantTx) and names `tenant_id` in every statement, beside row
//! security: the planner then uses the indexes that start with it, and a sharded database can route.

pub(super) mod containers;
pub(super) mod corrections;
pub(super) mod facts;
pub(super) mod lots;
pub(super) mod made;
pub(super) mod materials;
pub(super) mod runs;
pub(super) mod stock;
pub(super) mod trace;

use agog_sync::ids::LotId;

use crate::db::DbError;

/// The column of the internal keys of lots.
fn key_of(keys: &facts::Keys, lots: impl Iterator<Item = LotId>) -> Result<Vec<i64>, DbError> {
    lots.map(|lot_id| {
        // The rules make every lot that they name, so only a fault of the rules ends here.
        let key = keys.get(&lot_id).ok_or_else(|| {
            DbError::stored(format!("lot {lot_id} has effects and was never made"))
        })?;
        Ok(key.0)
    })
    .collect()
}
