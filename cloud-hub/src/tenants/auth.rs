//! Who is asking: the extractors that turn a bearer token into a tenant, and a role or an agent.
//!
//! Tenant, plant and agent come from the token, never from path or body. A token that was
//! revoked is refused from the next request on, because each request looks.

use agog_sync::ids::{AgentId, PlantId, ProducerId, RunId, TenantId};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use uuid::Uuid;

use super::model::Role;
use super::{secret, store};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::ApiError;
use crate::intake::runs;

/// A user of the tenant API. Requests that change something need the role office at least.
#[derive(Debug, Clone)]
pub struct Principal {
    tenant_id: TenantId,
    token_id: Uuid,
    name: String,
    role: Role,
}

impl Principal {
    /// Whose data it may see.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// The token, for audit columns.
    pub fn token_id(&self) -> Uuid {
        self.token_id
    }

    /// What people call the holder of the token.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its token still stands: for requests that go on after they were answered.
    pub async fn stands(&self, app: &App) -> Result<bool, DbError> {
        let mut tx = TenantTx::begin(&app.pool, self.tenant_id).await?;
        store::token_stands(&mut tx, self.token_id).await
    }

    /// Refuses a role below `role`.
    pub fn require(&self, role: Role) -> Result<(), ApiError> {
        if self.role < role {
            return Err(ApiError::forbidden(
                "role-too-weak",
                format!("this takes the role {role}, the token has {}", self.role),
            ));
        }
        Ok(())
    }
}

impl FromRequestParts<App> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let presented =
            secret::read(secret::Purpose::ApiToken, bearer(parts)?).ok_or_else(unknown_token)?;
        let mut tx = TenantTx::begin(&app.pool, presented.tenant_id).await?;
        let (token_id, name, role) = store::token_by_hash(&mut tx, &presented.hash)
            .await?
            .ok_or_else(unknown_token)?;
        let principal = Self {
            tenant_id: presented.tenant_id,
            token_id,
            name,
            role,
        };
        // Whatever changes something takes more than a viewer, here and not in each handler: a
        // new endpoint is closed to viewers before anybody thinks of it.
        if !parts.method.is_safe() {
            principal.require(Role::Office)?;
        }
        Ok(principal)
    }
}

/// An agent that synchronises.
#[derive(Debug, Clone, Copy)]
pub struct AgentPrincipal {
    pub tenant_id: TenantId,
    pub plant_id: PlantId,
    pub agent_id: AgentId,
    /// Which run of the agent; none for an older agent.
    pub run: Option<RunId>,
}

impl AgentPrincipal {
    /// An agent is the producer of its own ledger.
    pub fn producer_id(&self) -> ProducerId {
        self.agent_id.into()
    }
}

impl FromRequestParts<App> for AgentPrincipal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (access, run) = app
            .access_tokens
            .read(bearer(parts)?, app.clock.now())
            .ok_or_else(unknown_token)?;
        let mut tx = TenantTx::begin(&app.pool, access.tenant_id).await?;
        // The plant is read from the row and not from the token, and so is the revocation.
        let agent = store::agent_by_id(&mut tx, access.agent_id)
            .await?
            .ok_or_else(unknown_token)?;
        if agent.revoked_at.is_some() {
            return Err(ApiError::unauthorized(
                "agent-revoked",
                "this agent was revoked",
            ));
        }
        // Writers look once more, with their ledger locked.
        if !runs::is_served(&mut tx, access.agent_id.into(), run).await? {
            return Err(runs::superseded());
        }
        Ok(Self {
            tenant_id: access.tenant_id,
            plant_id: agent.plant_id,
            agent_id: access.agent_id,
            run,
        })
    }
}

fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            ApiError::unauthorized(
                "token-missing",
                "send an Authorization header: Bearer <token>",
            )
        })
}

fn unknown_token() -> ApiError {
    ApiError::unauthorized(
        "token-unknown",
        "the token is not known, has expired or was revoked",
    )
}
