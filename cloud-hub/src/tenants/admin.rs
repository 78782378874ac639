//! What the hub's operator does on the command line, as the owner of the schema: make tenants,
//! plants, enrolment codes and tokens, and revoke them.
//!
//! Row security binds the owner too, so each of these works in the transaction of its tenant.

use agog_sync::ids::{AgentId, PlantId, ProducerId, TenantId};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use serde::Serialize;
use uuid::Uuid;

use super::model::{Agent, Plant, Role};
use super::secret::{NoRandomness, Purpose, new_secret};
use super::store;
use crate::db::{DbError, Instant, Pool, SystemTx, TenantTx};
use crate::intake::office;

/// How long an enrolment code is good for: the installer's working day.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("there is a tenant named `{0}` already")]
    TenantExists(String),
    #[error("there is no tenant `{0}`")]
    NoTenant(String),
    #[error("the tenant has a plant with the code `{0}` already")]
    PlantExists(String),
    #[error("`{0}` is not a plant code: 1 to 16 of A-Z, 0-9 and -, for example HAM")]
    PlantCode(String),
    #[error("the tenant has no plant with the code `{0}`")]
    NoPlant(String),
    #[error("the tenant has no active agent `{0}`")]
    NoAgent(AgentId),
    #[error("the tenant has no active token `{0}`")]
    NoToken(Uuid),
    #[error("{0} must not be empty")]
    Empty(&'static str),
    #[error(transparent)]
    Secret(#[from] NoRandomness),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A tenant.
#[derive(Debug, Clone, Serialize)]
pub struct Tenant {
    pub tenant_id: TenantId,
    pub name: String,
}

/// An enrolment code, shown this once.
#[derive(Clone, Serialize)]
pub struct NewCode {
    pub code: String,
    pub plant_code: String,
    pub expires_at: Timestamp,
}

/// A token, shown this once.
#[derive(Clone, Serialize)]
pub struct NewToken {
    pub token: String,
    pub token_id: Uuid,
    pub role: Role,
}

/// Makes a tenant, with its office ledger.
pub async fn tenant_create(
    owner: &Pool,
    name: &str,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Tenant, AdminError> {
    if name.trim().is_empty() {
        return Err(AdminError::Empty("the name of a tenant"));
    }
    let tenant_id = TenantId::generate(now, rng);
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    let inserted = sqlx::query!(
        "insert into tenant (tenant_id, name, created_at) values ($1, $2, $3)",
        tenant_id.uuid(),
        name,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await;
    refused_by(inserted, "tenant_name_key", || {
        AdminError::TenantExists(name.to_owned())
    })?;
    office::open(&mut tx, ProducerId::generate(now, rng), now).await?;
    tx.commit().await?;
    Ok(Tenant {
        tenant_id,
        name: name.to_owned(),
    })
}

/// All tenants, by name.
pub async fn tenant_list(owner: &Pool) -> Result<Vec<Tenant>, AdminError> {
    // No tenant fits: the operator asks which ones there are. The policy `tenant_registry` shows
    // the owner their names, and nothing else of them.
    let mut tx = SystemTx::begin(owner).await?;
    let rows = sqlx::query!("select tenant_id, name from tenant order by name")
        .fetch_all(tx.conn())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Tenant {
            tenant_id: TenantId::from_uuid(row.tenant_id),
            name: row.name,
        })
        .collect())
}

/// Finds a tenant by the id or the name that was typed.
pub async fn tenant_find(owner: &Pool, id_or_name: &str) -> Result<TenantId, AdminError> {
    let tenants = tenant_list(owner).await?;
    let id = id_or_name.parse::<TenantId>().ok();
    tenants
        .into_iter()
        .find(|tenant| Some(tenant.tenant_id) == id || tenant.name == id_or_name)
        .map(|tenant| tenant.tenant_id)
        .ok_or_else(|| AdminError::NoTenant(id_or_name.to_owned()))
}

/// Makes a plant.
pub async fn plant_create(
    owner: &Pool,
    tenant_id: TenantId,
    code: &str,
    name: &str,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Plant, AdminError> {
    if name.trim().is_empty() {
        return Err(AdminError::Empty("the name of a plant"));
    }
    let plant_id = PlantId::generate(now, rng);
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    let inserted = sqlx::query!(
        "insert into plant (tenant_id, plant_id, code, name, created_at) values ($1, $2, $3, $4, $5)",
        tenant_id.uuid(),
        plant_id.uuid(),
        code,
        name,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await;
    let inserted = refused_by(inserted, "plant_code_key", || {
        AdminError::PlantExists(code.to_owned())
    });
    match inserted {
        Err(AdminError::Database(error)) if error.constraint() == Some("plant_code_check") => {
            return Err(AdminError::PlantCode(code.to_owned()));
        }
        other => other?,
    }
    tx.commit().await?;
    Ok(Plant {
        plant_id,
        code: code.to_owned(),
        name: name.to_owned(),
    })
}

/// Makes a code with which one agent can join a plant.
pub async fn code_create(
    owner: &Pool,
    tenant_id: TenantId,
    plant_code: &str,
    now: Timestamp,
) -> Result<NewCode, AdminError> {
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    let plant = store::plant_by_code(&mut tx, plant_code)
        .await?
        .ok_or_else(|| AdminError::NoPlant(plant_code.to_owned()))?;
    let secret = new_secret(Purpose::EnrolmentCode, tenant_id)?;
    let expires_at = now + CODE_LIFETIME;
    sqlx::query!(
        "insert into enrolment_code (tenant_id, plant_id, code_hash, created_at, expires_at)
         values ($1, $2, $3, $4, $5)",
        tenant_id.uuid(),
        plant.plant_id.uuid(),
        &secret.hash[..],
        Instant(now) as _,
        Instant(expires_at) as _,
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    Ok(NewCode {
        code: secret.text,
        plant_code: plant.code,
        expires_at,
    })
}

/// The agents of a tenant, with the codes of their plants.
pub async fn agent_list(
    owner: &Pool,
    tenant_id: TenantId,
) -> Result<Vec<(Agent, String)>, AdminError> {
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    let rows = sqlx::query!(
        r#"select agent_id, a.plant_id, p.code, a.name, version, public_key,
             enrolled_at as "enrolled_at: Instant", revoked_at as "revoked_at: Instant"
         from agent a join plant p using (tenant_id, plant_id)
         where a.tenant_id = $1 order by p.code, agent_id"#,
        tenant_id.uuid(),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let agent = Agent {
                agent_id: AgentId::from_uuid(row.agent_id),
                plant_id: PlantId::from_uuid(row.plant_id),
                name: row.name,
                version: row.version,
                public_key: row.public_key,
                enrolled_at: row.enrolled_at.into(),
                revoked_at: row.revoked_at.map(Into::into),
            };
            (agent, row.code)
        })
        .collect())
}

/// Shuts an agent out, from its next request on.
pub async fn agent_revoke(
    owner: &Pool,
    tenant_id: TenantId,
    agent_id: AgentId,
    now: Timestamp,
) -> Result<(), AdminError> {
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    let revoked = sqlx::query!(
        "update agent set revoked_at = $3 where tenant_id = $1 and agent_id = $2 and revoked_at is null",
        tenant_id.uuid(),
        agent_id.uuid(),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    if revoked.rows_affected() == 0 {
        return Err(AdminError::NoAgent(agent_id));
    }
    Ok(tx.commit().await?)
}

/// Makes a token for the tenant API.
pub async fn token_create(
    owner: &Pool,
    tenant_id: TenantId,
    name: &str,
    role: Role,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<NewToken, AdminError> {
    let secret = new_secret(Purpose::ApiToken, tenant_id)?;
    let token_id = agog_sync::ids::RequestId::generate(now, rng).uuid();
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    sqlx::query!(
        "insert into api_token (tenant_id, token_id, name, role, token_hash, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        tenant_id.uuid(),
        token_id,
        name,
        role.as_str(),
        &secret.hash[..],
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    tx.commit().await?;
    Ok(NewToken {
        token: secret.text,
        token_id,
        role,
    })
}

/// Shuts a token out, from its next request on.
pub async fn token_revoke(
    owner: &Pool,
    tenant_id: TenantId,
    token_id: Uuid,
    now: Timestamp,
) -> Result<(), AdminError> {
    let mut tx = TenantTx::begin(owner, tenant_id).await?;
    let revoked = sqlx::query!(
        "update api_token set revoked_at = $3
         where tenant_id = $1 and token_id = $2 and revoked_at is null",
        tenant_id.uuid(),
        token_id,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    if revoked.rows_affected() == 0 {
        return Err(AdminError::NoToken(token_id));
    }
    Ok(tx.commit().await?)
}

/// A refusal by a named constraint becomes the error that people understand.
fn refused_by<T>(
    result: Result<T, sqlx::Error>,
    constraint: &str,
    refusal: impl FnOnce() -> AdminError,
) -> Result<(), AdminError> {
    match result.map_err(DbError::from) {
        Ok(_) => Ok(()),
        Err(error) if error.constraint() == Some(constraint) => Err(refusal()),
        Err(error) => Err(error.into()),
    }
}
