//! What whole-system tests, demo and benchmark stand on: throw-away servers, processes, worlds.
//!
//! Nothing here touches a server that is already there, and nothing is left behind: processes end with their
//! handles and with this process, folders are removed by a janitor even after `kill -9`.
//! Read `world.rs` first.

pub mod broker;
pub mod folder;
pub mod hub;
pub mod line;
pub mod machines;
pub mod plant;
pub mod ports;
pub mod postgres;
pub mod power;
pub mod press;
pub mod process;
pub mod signals;
mod spawner;
pub mod user;
pub mod wait;
pub mod world;
