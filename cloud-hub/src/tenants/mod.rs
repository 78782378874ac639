//! Tenants, plants, agents and credentials: who there is, and who is asking.
//!
//! Making tenants, plants, codes and tokens is the work of the hub's operator ([`admin`], on the
//! command line, as the owner). Agents enrol and get access tokens over HTTP ([`routes`]).

pub mod admin;
pub mod auth;
pub mod model;
mod routes;
pub mod secret;
mod store;
pub mod tokens;

pub use auth::{AgentPrincipal, Principal};
pub use model::{Plant, Role};
pub use routes::router;
pub use store::{
    agent_plants, agents_of_plant, plant_agents, plant_by_code, plant_by_id, plant_codes,
};
