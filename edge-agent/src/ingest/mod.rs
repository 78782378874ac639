//! What machines tell the agent. Every source turns what it hears into ledger events or samples,
//! and acknowledges only what is on disk.
//!
//! - [`jmf`]: the endpoint that JMF devices post to
//! - [`mqtt`]: machine values, by the rules of [`topic_map`]
//! - [`sparkplug`]: machine values of Sparkplug B
//! - [`serial`]: scanners, scales and counters

pub mod jmf;
pub mod mqtt;
pub(crate) mod sampled_log;
pub(crate) mod seen;
pub mod serial;
pub(crate) mod sparkplug;
pub mod topic_map;
