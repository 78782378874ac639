//! Whole-system tests, the demo and the benchmark, with real parts: PostgreSQL, a broker, and AGOG's own programs.

pub mod bench;
pub mod demo;
pub mod support;
