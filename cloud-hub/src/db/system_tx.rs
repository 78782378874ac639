//! A transaction that belongs to no tenant: it sees no row of any, except what the role's own
//! policies show.

use agog_sync::ids::TenantId;
use sqlx::{PgConnection, Postgres, Transaction};

use super::error::DbError;
use super::pool::Pool;

/// A transaction without a tenant. Each use carries a comment that says why none fits.
#[derive(Debug)]
pub struct SystemTx(Transaction<'static, Postgres>);

impl SystemTx {
    /// Begins a transaction without a tenant.
    pub async fn begin(pool: &Pool) -> Result<Self, DbError> {
        Ok(Self(pool.connections.begin().await?))
    }

    /// What queries run on.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Makes it happen.
    pub async fn commit(self) -> Result<(), DbError> {
        Ok(self.0.commit().await?)
    }

    /// The tenants of this hub: for work that nobody asks for.
    pub async fn tenant_ids(&mut self) -> Result<Vec<TenantId>, DbError> {
        let ids = sqlx::query_scalar!(r#"select tenant_ids() as "tenant_id!""#)
            .fetch_all(&mut *self.0)
            .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }
}
