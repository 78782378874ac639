//! The types of this module.

use std::fmt;
use std::str::FromStr;

use agog_sync::ids::{AgentId, PlantId};
use jiff::Timestamp;
use serde::Serialize;

/// A site of a company.
#[derive(Debug, Clone, Serialize)]
pub struct Plant {
    pub plant_id: PlantId,
    pub code: String,
    pub name: String,
}

/// The edge process of a plant, as the hub knows it.
#[derive(Debug, Clone)]
pub struct Agent {
    pub agent_id: AgentId,
    pub plant_id: PlantId,
    pub name: String,
    pub version: String,
    pub public_key: Vec<u8>,
    pub enrolled_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What a token may do. Each role may also do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Moves lots and sends jobs.
    Office,
    /// Does everything of its tenant.
    Admin,
}

impl Role {
    const ALL: [Self; 3] = [Self::Viewer, Self::Office, Self::Admin];

    /// As stored and typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Office => "office",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: expected viewer, office or admin")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| RoleError(text.to_owned()))
    }
}
