//! The agent as a controller for others: an MIS or a prepress system asks, submits and subscribes
//! here as it would at a device, and stands in front of every device of the plant.
//!
//! - [`gate`]: who may send, and how often
//! - [`queries`]: questions; [`known`]: what the agent and its devices are and can;
//!   [`show`]: devices, jobs and resources in the words of JMF
//! - [`commands`]: orders; [`submit`]: tickets that are handed in; [`entries`]: orders to jobs;
//!   [`passing`]: orders to whole queues
//! - [`subscribe`]: channels that others open; [`channel`]: the task that feeds one;
//!   [`signals`]: ledger events in the words of JMF; [`steps`]: signals of amounts
//! - [`give_back`]: tickets go back to whoever submitted them; [`routes`]: what became of them
//!
//! Who asks gets an answer to each message: an order that cannot be carried out has its return
//! code and a sentence, which names nothing of the agent's inside. Promises (channels, jobs to be
//! given back) are in the ledger before they are made.

mod channel;
mod commands;
mod entries;
pub mod gate;
mod give_back;
mod known;
mod passing;
mod queries;
pub mod routes;
mod show;
mod signals;
mod steps;
mod submit;
mod subscribe;

use std::collections::BTreeMap;
use std::net::IpAddr;

use agog_jdf::jmf::{Jmf, Message, Response, ReturnCode};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

use crate::config::Config;
use crate::devices::Devices;
use crate::fetch::Outward;
use crate::ledger::Reader;
use crate::lifecycle::Stop;
use crate::run::Agent;

pub(crate) use commands::command;
pub use give_back::GIVEN_UP_AFTER_DAYS;
pub(crate) use queries::query;

use gate::Gate;
use passing::UnderWay;

/// What the endpoint and the tasks of the controller share.
pub struct Desk {
    pub gate: Gate,
    pub outward: Outward,
    /// Changes when channels are opened or stopped.
    changed: watch::Sender<u64>,
    under_way: UnderWay,
}

impl Desk {
    pub fn new(config: &Config, devices: Devices) -> Self {
        Self {
            gate: Gate::new(config),
            outward: Outward::new(config, devices),
            changed: watch::channel(0).0,
            under_way: UnderWay::default(),
        }
    }

    /// Channels were opened or stopped.
    fn channels_changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// One request as it came.
pub(crate) struct Call<'c> {
    pub(crate) jmf: &'c Jmf,
    /// The address that it came from, where it is known.
    pub(crate) caller: Option<IpAddr>,
    pub(crate) content_type: Option<&'c str>,
    /// Everything, with the tickets that came along.
    pub(crate) body: &'c Bytes,
}

impl Call<'_> {
    /// Who sends a message.
    fn sender<'m>(&'m self, message: &'m Message) -> &'m str {
        message.sender_id.as_deref().unwrap_or(&self.jmf.sender_id)
    }
}

/// A longer ID or name is none that a program makes; it would be stored, and sent again and again.
const ID_CHARS_MAX: usize = 200;

/// For whoever looks after the agent: the office is only told that its URL is not followed.
fn url_refused(call: &Call<'_>, message: &Message, error: &dyn std::fmt::Display) {
    info!(
        "{} of {} refused: {error}; `[jmf]` of the configuration says where URLs of messages may lead \
         (allowed_schemes, allowed_hosts, allow_loopback)",
        message.kind,
        call.sender(message)
    );
}

/// A refusal of an order whose repeat could not be told from another order, or whose ID or sender is not to
/// be stored.
fn unnamed(call: &Call<'_>, message: &Message) -> Option<Response> {
    if message.id.trim().is_empty() {
        let reason = "the command has no ID, by which a repeat of it is known";
        let code = ReturnCode::INSUFFICIENT_PARAMETERS;
        return Some(Response::refusal(code, reason));
    }
    oversized(call, message)
}

/// A refusal of a message whose ID or sender is not to be stored.
fn oversized(call: &Call<'_>, message: &Message) -> Option<Response> {
    let names = [message.id.as_str(), call.sender(message)];
    let is_long = |name: &&str| name.chars().count() > ID_CHARS_MAX;
    names.iter().any(is_long).then(|| {
        let reason = format!("ID and SenderID have at most {ID_CHARS_MAX} characters");
        Response::refusal(ReturnCode::INVALID_PARAMETERS, reason)
    })
}

/// Feeds every channel and gives tickets back, until the stop.
pub async fn run(agent: Agent, stop: Stop) -> anyhow::Result<()> {
    let soft = stop.soft().clone();
    tokio::select! {
        () = feed_channels(&agent) => {}
        () = give_back::run(&agent) => {}
        // What was not answered is sent again after the next start.
        () = soft.cancelled() => {}
    }
    Ok(())
}

/// One task per channel, as long as its row is there. The tasks end with this one.
async fn feed_channels(agent: &Agent) {
    let mut changed = agent.desk.changed.subscribe();
    let mut tasks = JoinSet::new();
    let mut running: BTreeMap<i64, (String, AbortHandle)> = BTreeMap::new();
    loop {
        changed.mark_unchanged();
        match agent.ledger.read(Reader::channels).await {
            Ok(rows) => {
                running.retain(|channel, (id, task)| {
                    // A channel that its subscriber knows under a new ID goes on with that.
                    let stays = rows
                        .iter()
                        .any(|row| row.channel == *channel && row.asked.channel_id == *id);
                    if !stays {
                        task.abort();
                    }
                    stays
                });
                for row in rows {
                    let id = row.asked.channel_id.clone();
                    running.entry(row.channel).or_insert_with(|| {
                        let task = tasks.spawn(channel::feed(agent.clone(), row));
                        (id, task)
                    });
                }
            }
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "channels of others not read; they are read again with the next change"
            ),
        }
        while tasks.try_join_next().is_some() {}
        // The sender is on the desk, which this task holds.
        let _ = changed.changed().await;
    }
}
