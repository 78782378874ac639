//! The SQL of tenants, plants, agents and credentials.

use std::collections::BTreeMap;

use agog_sync::ids::{AgentId, PlantId};
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{Agent, Plant, Role};
use crate::db::{DbError, Instant, TenantTx};

/// The codes of all plants.
pub async fn plant_codes(tx: &mut TenantTx) -> Result<BTreeMap<PlantId, String>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select plant_id, code from plant where tenant_id = $1",
        tenant_id
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (PlantId::from_uuid(row.plant_id), row.code))
        .collect())
}

/// The plant with a code.
pub async fn plant_by_code(tx: &mut TenantTx, code: &str) -> Result<Option<Plant>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select plant_id, code, name from plant where tenant_id = $1 and code = $2",
        tenant_id,
        code,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Plant {
        plant_id: PlantId::from_uuid(row.plant_id),
        code: row.code,
        name: row.name,
    }))
}

/// The plant with an id.
pub async fn plant_by_id(tx: &mut TenantTx, plant_id: PlantId) -> Result<Option<Plant>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select plant_id, code, name from plant where tenant_id = $1 and plant_id = $2",
        tenant_id,
        plant_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Plant {
        plant_id: PlantId::from_uuid(row.plant_id),
        code: row.code,
        name: row.name,
    }))
}

/// The agents of a plant that are not revoked, by id.
pub async fn plant_agents(tx: &mut TenantTx, plant_id: PlantId) -> Result<Vec<AgentId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_scalar!(
        "select agent_id from agent where tenant_id = $1 and plant_id = $2 and revoked_at is null
         order by agent_id",
        tenant_id,
        plant_id.uuid(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(AgentId::from_uuid).collect())
}

/// All agents that a plant has had, the active one first.
pub async fn agents_of_plant(tx: &mut TenantTx, plant_id: PlantId) -> Result<Vec<Agent>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select agent_id, name, version, public_key, enrolled_at as "enrolled_at: Instant",
             revoked_at as "revoked_at: Instant"
         from agent where tenant_id = $1 and plant_id = $2
         order by revoked_at is not null, revoked_at desc, agent_id"#,
        tenant_id,
        plant_id.uuid(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Agent {
            agent_id: AgentId::from_uuid(row.agent_id),
            plant_id,
            name: row.name,
            version: row.version,
            public_key: row.public_key,
            enrolled_at: row.enrolled_at.into(),
            revoked_at: row.revoked_at.map(Into::into),
        })
        .collect())
}

/// The agents of a plant that were revoked.
pub(super) async fn agents_revoked(
    tx: &mut TenantTx,
    plant_id: PlantId,
) -> Result<Vec<AgentId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_scalar!(
        "select agent_id from agent where tenant_id = $1 and plant_id = $2 and revoked_at is not null",
        tenant_id,
        plant_id.uuid(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(AgentId::from_uuid).collect())
}

/// All agents that are not revoked, each with its plant.
pub async fn agent_plants(tx: &mut TenantTx) -> Result<BTreeMap<AgentId, PlantId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "select agent_id, plant_id from agent where tenant_id = $1 and revoked_at is null",
        tenant_id,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                AgentId::from_uuid(row.agent_id),
                PlantId::from_uuid(row.plant_id),
            )
        })
        .collect())
}

/// An agent, revoked or not.
pub(super) async fn agent_by_id(
    tx: &mut TenantTx,
    agent_id: AgentId,
) -> Result<Option<Agent>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select plant_id, name, version, public_key, enrolled_at as "enrolled_at: Instant",
             revoked_at as "revoked_at: Instant"
         from agent where tenant_id = $1 and agent_id = $2"#,
        tenant_id,
        agent_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Agent {
        agent_id,
        plant_id: PlantId::from_uuid(row.plant_id),
        name: row.name,
        version: row.version,
        public_key: row.public_key,
        enrolled_at: row.enrolled_at.into(),
        revoked_at: row.revoked_at.map(Into::into),
    }))
}

/// Makes an agent known.
pub(super) async fn agent_create(tx: &mut TenantTx, agent: &Agent) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into agent (tenant_id, agent_id, plant_id, name, version, public_key, enrolled_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant_id,
        agent.agent_id.uuid(),
        agent.plant_id.uuid(),
        agent.name,
        agent.version,
        agent.public_key,
        Instant(agent.enrolled_at) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An enrolment code that was presented.
#[derive(Debug, Clone)]
pub(super) struct StoredCode {
    pub code_id: i64,
    pub plant_id: PlantId,
    pub expires_at: Timestamp,
    pub used_by: Option<AgentId>,
}

/// Finds a code and keeps it locked, so that it is used once.
pub(super) async fn code_take(
    tx: &mut TenantTx,
    code_hash: &[u8; 32],
) -> Result<Option<StoredCode>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select code_id, plant_id, expires_at as "expires_at: Instant", used_by
         from enrolment_code where tenant_id = $1 and code_hash = $2 for no key update"#,
        tenant_id,
        &code_hash[..],
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| StoredCode {
        code_id: row.code_id,
        plant_id: PlantId::from_uuid(row.plant_id),
        expires_at: row.expires_at.into(),
        used_by: row.used_by.map(AgentId::from_uuid),
    }))
}

/// Marks a code as used.
pub(super) async fn code_use(
    tx: &mut TenantTx,
    code_id: i64,
    agent_id: AgentId,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update enrolment_code set used_at = $3, used_by = $4 where tenant_id = $1 and code_id = $2",
        tenant_id,
        code_id,
        Instant(now) as _,
        agent_id.uuid(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Remembers an assertion; false when it was exchanged before. Forgets those that have expired.
pub(super) async fn assertion_use(
    tx: &mut TenantTx,
    agent_id: AgentId,
    jti: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "delete from agent_assertion where tenant_id = $1 and agent_id = $2 and expires_at < $3",
        tenant_id,
        agent_id.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    let inserted = sqlx::query!(
        "insert into agent_assertion (tenant_id, agent_id, jti, expires_at)
         values ($1, $2, $3, $4) on conflict do nothing",
        tenant_id,
        agent_id.uuid(),
        jti,
        Instant(expires_at) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The token with a hash, unless it is revoked.
pub(super) async fn token_by_hash(
    tx: &mut TenantTx,
    token_hash: &[u8; 32],
) -> Result<Option<(Uuid, String, Role)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        "select token_id, name, role from api_token
         where tenant_id = $1 and token_hash = $2 and revoked_at is null",
        tenant_id,
        &token_hash[..],
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok((
            row.token_id,
            row.name,
            row.role.parse().map_err(DbError::stored)?,
        ))
    })
    .transpose()
}

/// Whether a token is not revoked.
pub(super) async fn token_stands(tx: &mut TenantTx, token_id: Uuid) -> Result<bool, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let stands = sqlx::query_scalar!(
        r#"select revoked_at is null as "stands!" from api_token where tenant_id = $1 and token_id = $2"#,
        tenant_id,
        token_id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(stands.unwrap_or(false))
}
