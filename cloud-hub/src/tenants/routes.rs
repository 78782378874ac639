//! How an agent joins a plant, and how it gets a short token for each quarter of an hour.

use agog_sync::frame::{EnrolRequest, EnrolResponse};
use agog_sync::ids::{PlantId, RunId};
use agog_sync::runs::{RunClaim, RunDecision};
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::{Json, http::StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::Agent;
use super::secret::{self, Purpose};
use super::store;
use super::tokens::{self, ACCESS_TOKEN_LIFETIME, AgentSubject, AssertionError};
use crate::app::App;
use crate::db::{DbError, TenantTx};
use crate::http::ApiError;
use crate::intake::{feed, runs};

/// An enrolment and an assertion are under 2 KiB.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// The length of a raw Ed25519 public key.
const PUBLIC_KEY_BYTES: usize = 32;
/// The longest name or version that an agent may give itself.
const NAME_CHARS_MAX: usize = 200;
const GRANT_TYPE: &str = "client_credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The routes of this module.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(enroll))
        .routes(routes!(token))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Lets an agent join the plant that its one-time code is bound to. An agent that lost the
/// answer may repeat the request with the same key. An agent that has joined before may do so again with a new code and
/// the same key: from then on its run is served, and no copy of it.
#[utoipa::path(post, path = "/sync/v1/enroll", tag = "sync", security(()),
    request_body(content = Object, description = "code, agent_id, public_key, agent_name, agent_version"),
    responses((status = 200, description = "Where the agent belongs", body = Object),
        (status = 401, description = "code-unknown"), (status = 409, description = "agent-known, plant-has-agent"),
        (status = 422, description = "bad-key, bad-name")))]
async fn enroll(
    State(app): State<App>,
    Json(request): Json<EnrolRequest>,
) -> Result<Json<EnrolResponse>, ApiError> {
    let presented =
        secret::read(Purpose::EnrolmentCode, request.code.trim()).ok_or_else(code_unknown)?;
    let now = app.clock.now();
    let new = agent_of(&request, now)?;
    let mut tx = TenantTx::begin(&app.pool, presented.tenant_id).await?;
    let code = store::code_take(&mut tx, &presented.hash)
        .await?
        .ok_or_else(code_unknown)?;
    let known = store::agent_by_id(&mut tx, request.agent_id).await?;
    if code.used_by.is_some() {
        // The same agent with the same key asks again: it did not get the answer.
        let is_repetition = code.used_by == Some(request.agent_id)
            && known.is_some_and(|agent| {
                agent.public_key == new.public_key && agent.revoked_at.is_none()
            });
        if !is_repetition {
            return Err(code_unknown());
        }
    } else {
        if code.expires_at <= now {
            return Err(code_unknown());
        }
        if let Some(known) = known {
            // A code must not be a way to take over an agent that is there. The agent itself, by its key, may join its
            // plant again: that is how a person says which of two copies is the right one.
            let is_itself = known.public_key == new.public_key
                && known.plant_id == code.plant_id
                && known.revoked_at.is_none();
            if !is_itself {
                return Err(agent_known());
            }
            store::code_use(&mut tx, code.code_id, request.agent_id, now).await?;
        } else {
            join(&mut tx, code.code_id, code.plant_id, new, now).await?;
        }
        let producer = request.agent_id.into();
        runs::enrolled(&mut tx, producer, code.plant_id, request.run, now).await?;
    }
    let plant = store::plant_by_id(&mut tx, code.plant_id)
        .await?
        .ok_or_else(|| ApiError::not_found("plant"))?;
    tx.commit().await?;
    tracing::info!(
        agent.id = %request.agent_id, plant.id = %plant.plant_id,
        "agent {} joined plant {}", request.agent_id, plant.code,
    );
    Ok(Json(EnrolResponse {
        tenant_id: presented.tenant_id,
        plant_id: plant.plant_id,
        plant_code: plant.code,
        plant_name: plant.name,
        agent_id: request.agent_id,
    }))
}

/// Makes a new agent the one of its plant.
async fn join(
    tx: &mut TenantTx,
    code_id: i64,
    plant_id: PlantId,
    new: Agent,
    now: Timestamp,
) -> Result<(), ApiError> {
    let agent = Agent { plant_id, ..new };
    store::agent_create(tx, &agent).await.map_err(not_joined)?;
    store::code_use(tx, code_id, agent.agent_id, now).await?;
    let earlier = store::agents_revoked(tx, plant_id).await?;
    let taken = feed::take_over(tx, &earlier, agent.agent_id, now).await?;
    if taken > 0 {
        tracing::info!(
            agent.id = %agent.agent_id, plant.id = %plant_id,
            "agent {} takes over {taken} items that the agent before it never fetched", agent.agent_id,
        );
    }
    Ok(())
}

/// The agent that a request describes; its plant comes from the code.
fn agent_of(request: &EnrolRequest, now: Timestamp) -> Result<Agent, ApiError> {
    let public_key = STANDARD
        .decode(&request.public_key)
        .ok()
        .filter(|key| key.len() == PUBLIC_KEY_BYTES)
        .ok_or_else(|| {
            ApiError::unprocessable("bad-key", "a public key is 32 bytes of Ed25519 in base64")
                .at("/public_key", "not 32 bytes in base64")
        })?;
    let is_name = |text: &str| text.chars().count() <= NAME_CHARS_MAX && !text.contains('\0');
    if !is_name(&request.agent_name) || !is_name(&request.agent_version) {
        return Err(ApiError::unprocessable(
            "bad-name",
            format!("names and versions have at most {NAME_CHARS_MAX} characters"),
        ));
    }
    Ok(Agent {
        agent_id: request.agent_id,
        plant_id: agog_sync::ids::PlantId::from_uuid(uuid::Uuid::nil()),
        name: request.agent_name.clone(),
        version: request.agent_version.clone(),
        public_key,
        enrolled_at: now,
        revoked_at: None,
    })
}

/// What the agents that are there say against another one. Those that join at the same moment are
/// told apart by the database.
fn not_joined(error: DbError) -> ApiError {
    match error.constraint() {
        Some("agent_plant") => ApiError::conflict(
            "plant-has-agent",
            "this plant has an agent; revoke it first with `agog-hub agent revoke`",
        ),
        Some("agent_pkey") => agent_known(),
        _ => error.into(),
    }
}

fn agent_known() -> ApiError {
    ApiError::conflict(
        "agent-known",
        "this agent has enrolled before; a machine that replaces it starts with `agog-edge init`",
    )
}

/// One answer for every code that does not work, so that nobody learns which ones exist.
fn code_unknown() -> ApiError {
    ApiError::unauthorized(
        "code-unknown",
        "the code is not known, was used or has expired",
    )
}

/// A token request (RFC 6749 section 4.4 with RFC 7523 section 2.2).
#[derive(Deserialize, ToSchema)]
struct TokenRequest {
    /// `client_credentials`
    grant_type: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    client_assertion_type: String,
    /// A JWT signed by the agent's key with `EdDSA`.
    client_assertion: String,
}

/// A short token for the sync endpoints.
#[derive(Serialize, ToSchema)]
struct TokenAnswer {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
}

/// Exchanges an assertion that the agent signed for an access token. Each assertion works once.
#[utoipa::path(post, path = "/oauth/token", tag = "sync", security(()),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenAnswer), (status = 400, description = "unsupported-grant"),
        (status = 401, description = "assertion-refused, agent-revoked"),
        (status = 403, description = "cloned: another process of this agent is served")))]
async fn token(
    State(app): State<App>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<TokenAnswer>, ApiError> {
    if request.grant_type != GRANT_TYPE || request.client_assertion_type != ASSERTION_TYPE {
        return Err(ApiError::bad_request(
            "unsupported-grant",
            "expected client_credentials with a client assertion (RFC 7523)",
        )
        .with("error", json!("unsupported_grant_type")));
    }
    let now = app.clock.now();
    let assertion = &request.client_assertion;
    // The subject says whose key to check with; what else it says counts after that check.
    let subject = tokens::assertion_subject(assertion).map_err(refused)?;
    let mut tx = TenantTx::begin(&app.pool, subject.tenant_id).await?;
    let agent = store::agent_by_id(&mut tx, subject.agent_id)
        .await?
        .ok_or_else(|| refused("the assertion names no agent of this hub"))?;
    let audience = format!("{}/oauth/token", app.public_url);
    let claims = tokens::assertion_check(assertion, subject, &agent.public_key, &audience, now)
        .map_err(|error| match error {
            // The agent shows how far its clock is off.
            AssertionError::Expired | AssertionError::Future => {
                refused(error).with("at", json!(now))
            }
            _ => refused(error),
        })?;
    if agent.revoked_at.is_some() {
        return Err(
            ApiError::unauthorized("agent-revoked", "this agent was revoked")
                .with("error", json!("invalid_client")),
        );
    }
    let is_new = store::assertion_use(
        &mut tx,
        subject.agent_id,
        &claims.jti,
        remember_until(&claims),
        now,
    )
    .await?;
    if !is_new {
        return Err(refused("the assertion was used before"));
    }
    if let Some(run) = claims.run {
        let claim = RunClaim {
            run,
            before: claims.runs_before,
        };
        let (producer, mut rng) = (subject.agent_id.into(), app.rng());
        let decision =
            runs::claim(&mut tx, producer, agent.plant_id, &claim, now, &mut rng).await?;
        if decision == RunDecision::Fence {
            // That it is refused for good is kept.
            tx.commit().await?;
            return Err(runs::cloned().with("error", json!("unauthorized_client")));
        }
    }
    tx.commit().await?;
    Ok(Json(TokenAnswer {
        access_token: access_token(&app, subject, claims.run, now)?,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_LIFETIME.as_secs(),
    }))
}

/// Until when an assertion could be presented again.
fn remember_until(claims: &tokens::AssertionClaims) -> Timestamp {
    Timestamp::from_second(claims.exp)
        .and_then(|expires_at| expires_at.checked_add(tokens::CLOCK_SKEW * 2))
        .unwrap_or(Timestamp::MAX)
}

fn access_token(
    app: &App,
    subject: AgentSubject,
    run: Option<RunId>,
    now: Timestamp,
) -> Result<String, ApiError> {
    app.access_tokens.issue(subject, run, now).map_err(|error| {
        tracing::error!(%error, "cannot sign an access token");
        ApiError::internal()
    })
}

fn refused(reason: impl std::fmt::Display) -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "assertion-refused",
        reason.to_string(),
    )
    .with("error", json!("invalid_client"))
}
