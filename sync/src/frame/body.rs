//! What an item of the down feed says, and how a kind is read that this version does not know.

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::{FeedEvent, JobCommand, JobTicket};
use crate::master::MasterItem;

/// Which kinds of items this version reads: 1 events, tickets and commands; 2 master data as well. An agent says it with
/// each request, and is sent nothing that an older one could not read.
pub const FEED_READS: u16 = 2;

/// What a feed item says.
///
/// ```
/// use agog_sync::frame::FeedBody;
///
/// let body: FeedBody = serde_json::from_str(r#"{"weather":{"rain":true}}"#).unwrap();
/// assert!(matches!(&body, FeedBody::Unknown(unknown) if unknown.kind == "weather"));
/// assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"weather":{"rain":true}}"#);
/// ```
#[derive(Debug, Clone)]
pub enum FeedBody {
    /// An event of another producer that touches lots of this plant.
    LedgerEvent(Box<FeedEvent>),
    /// A ticket for a device of this plant.
    JobTicket(Box<JobTicket>),
    /// Something that the office wants done with a job that it gave out before.
    JobCommand(Box<JobCommand>),
    /// A record of the office's master data, as it is now.
    Master(Box<MasterItem>),
    /// Something of a newer hub, kept as it came.
    Unknown(Box<UnknownBody>),
}

/// A body that cannot be read here.
#[derive(Debug, Clone)]
pub struct UnknownBody {
    /// What the hub calls it.
    pub kind: String,
    /// Why it cannot be read.
    pub why: String,
    /// Its exact text.
    pub text: Box<RawValue>,
}

/// The kinds that are known, as they are written.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Known {
    LedgerEvent(Box<FeedEvent>),
    JobTicket(Box<JobTicket>),
    JobCommand(Box<JobCommand>),
    Master(Box<MasterItem>),
}

impl Serialize for FeedBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = "FeedBody";
        match self {
            Self::LedgerEvent(event) => {
                serializer.serialize_newtype_variant(name, 0, "ledger_event", event)
            }
            Self::JobTicket(ticket) => {
                serializer.serialize_newtype_variant(name, 1, "job_ticket", ticket)
            }
            Self::JobCommand(command) => {
                serializer.serialize_newtype_variant(name, 2, "job_command", command)
            }
            Self::Master(item) => serializer.serialize_newtype_variant(name, 3, "master", item),
            Self::Unknown(unknown) => unknown.text.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for FeedBody {
    /// One item that cannot be read must not cost the others of its page.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(match serde_json::from_str(text.get()) {
            Ok(Known::LedgerEvent(event)) => Self::LedgerEvent(event),
            Ok(Known::JobTicket(ticket)) => Self::JobTicket(ticket),
            Ok(Known::JobCommand(command)) => Self::JobCommand(command),
            Ok(Known::Master(item)) => Self::Master(item),
            Err(error) => Self::Unknown(Box::new(UnknownBody {
                kind: kind_of(&text),
                why: error.to_string(),
                text,
            })),
        })
    }
}

/// The one key of a body.
fn kind_of(text: &RawValue) -> String {
    let keys: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(text.get());
    let first = keys.ok().and_then(|keys| keys.into_keys().next());
    first.unwrap_or_else(|| "unknown".to_owned())
}
