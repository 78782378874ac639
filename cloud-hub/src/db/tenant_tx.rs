//! A transaction that sees the rows of one tenant.

use std::collections::BTreeSet;

use agog_sync::ids::{AgentId, PlantId, TenantId};
use sqlx::{PgConnection, Postgres, Transaction};

use super::error::DbError;
use super::plants::PlantBell;
use super::pool::{Bell, Pool};

/// Plans are made again when the tables have so many times the rows for which they were made.
const PLAN_AGAIN_GROWTH: u64 = 2;

/// A transaction of one tenant. It is rolled back unless [`TenantTx::commit`] is called.
#[derive(Debug)]
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    tenant_id: TenantId,
    bell: Bell,
    rung: Vec<AgentId>,
    plant_bell: PlantBell,
    plants_rung: BTreeSet<PlantId>,
}

impl TenantTx {
    /// Begins a transaction of a tenant. This is the one place that sets `app.tenant_id`, the
    /// setting that every policy compares with; it ends with the transaction, so a connection
    /// that goes back to the pool carries nobody's tenant.
    pub async fn begin(pool: &Pool, tenant_id: TenantId) -> Result<Self, DbError> {
        let mut tx = pool.connections.begin().await?;
        sqlx::query("select set_config('app.tenant_id', $1, true)")
            .bind(tenant_id.to_string())
            .execute(&mut *tx)
            .await?;
        Ok(Self {
            tx,
            tenant_id,
            bell: pool.bell.clone(),
            rung: Vec::new(),
            plant_bell: pool.plant_bell.clone(),
            plants_rung: BTreeSet::new(),
        })
    }

    /// Whose rows it sees. Every statement names the tenant as well.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// What queries run on.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Wakes the feed requests of an agent once this is committed.
    pub(crate) fn ring(&mut self, agent: AgentId) {
        self.rung.push(agent);
    }

    /// Has those look again who watch a plant, once this is committed.
    pub(crate) fn ring_plant(&mut self, plant: PlantId) {
        self.plants_rung.insert(plant);
    }

    /// Makes it happen.
    pub async fn commit(self) -> Result<(), DbError> {
        self.tx.commit().await?;
        for agent in self.rung {
            self.bell.ring(agent);
        }
        let tenant_id = self.tenant_id;
        let plants = self.plants_rung.into_iter();
        self.plant_bell.ring(plants.map(|plant| (tenant_id, plant)));
        Ok(())
    }

    /// Has what follows planned anew when the tables may have grown much since this connection made its plans. `rows` is
    /// how many the largest of them has at least.
    ///
    /// A connection keeps its plans, also those with which foreign keys are checked. Made while a table was nearly empty,
    /// when any index is as good as another, they may read all rows of the tenant for each row that is checked, until
    /// PostgreSQL has looked at the table itself: a minute in which a new hub takes in a backlog ten times slower. To plan
    /// anew costs some milliseconds, so it is done when the rows have doubled; the connection itself remembers for how many
    /// it has planned.
    pub(crate) async fn plan_for(&mut self, rows: u64) -> Result<(), DbError> {
        let planned: Option<String> =
            sqlx::query_scalar("select current_setting('app.planned_for', true)")
                .fetch_one(&mut *self.tx)
                .await?;
        let planned = planned.and_then(|rows| rows.parse::<u64>().ok());
        if planned.is_some_and(|planned| rows / PLAN_AGAIN_GROWTH <= planned) {
            return Ok(());
        }
        sqlx::raw_sql("discard plans")
            .execute(&mut *self.tx)
            .await?;
        sqlx::query("select set_config('app.planned_for', $1, false)")
            .bind(rows.to_string())
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Marks the place that [`TenantTx::rollback_to_savepoint`] goes back to. There is one at a
    /// time; a new one takes the place of the last.
    pub(crate) async fn savepoint(&mut self) -> Result<(), DbError> {
        sqlx::raw_sql("savepoint one_event")
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Takes the savepoint away and keeps what was done since.
    pub(crate) async fn release_savepoint(&mut self) -> Result<(), DbError> {
        sqlx::raw_sql("release savepoint one_event")
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    /// Undoes what was done since the savepoint.
    pub(crate) async fn rollback_to_savepoint(&mut self) -> Result<(), DbError> {
        sqlx::raw_sql("rollback to savepoint one_event; release savepoint one_event")
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}
