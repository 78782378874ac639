//! Enrolment: a one-time code of the hub binds this agent's key to a plant.
//!
//! The agent id was made when the ledger was made, so everything that was recorded before
//! enrolment is delivered under it.

use std::path::Path;

use agog_sync::frame::{EnrolRequest, EnrolResponse};
use agog_sync::ids::{AgentId, RunId};

use super::http::{self, HttpError, Reach};
use super::identity::{self, AgentKey, IdentityError};

/// Why the agent is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error("the agent has no usable key")]
    Identity(#[from] IdentityError),
    #[error("hub does not enrol this agent")]
    Http(#[from] HttpError),
    #[error("hub enrolled agent {hub} instead of this agent {local}; nothing was stored here")]
    OtherAgent { hub: AgentId, local: AgentId },
}

/// Enrols the agent at the hub and stores what the hub says. Safe to repeat with a new code: the hub then serves `run`,
/// the newest of this ledger, and what is started after it, and no copy of this agent any more.
pub async fn enrol(
    hub_url: &str,
    data_dir: &Path,
    agent_id: AgentId,
    agent_name: &str,
    run: Option<RunId>,
    code: &str,
) -> Result<EnrolResponse, EnrolError> {
    let key = AgentKey::load_or_create(data_dir)?;
    let body = EnrolRequest {
        code: code.to_owned(),
        agent_id,
        public_key: key.public_base64(),
        agent_name: agent_name.to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        run,
    };
    let url = format!("{}/sync/v1/enroll", hub_url.trim_end_matches('/'));
    let enrolment: EnrolResponse =
        http::json(http::client(Reach::Hub)?.post(&url).json(&body), &url).await?;
    if enrolment.agent_id != agent_id {
        return Err(EnrolError::OtherAgent {
            hub: enrolment.agent_id,
            local: agent_id,
        });
    }
    identity::store_enrolment(data_dir, &enrolment)?;
    Ok(enrolment)
}
