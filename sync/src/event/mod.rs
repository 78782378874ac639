//! Ledger events: the envelope that every fact travels in, and the kinds of facts.
//!
//! An event is sealed once, where it happened, and never changed. The payload is kept as the
//! exact JSON text that was sealed, from SQLite over the wire to PostgreSQL, because the hash
//! covers its bytes. A kind that a reader does not know is kept as it came ([`DecodeError`]).

mod device;
mod job;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chain::{CanonicalHasher, ChainHead, Hash};
use crate::clock::to_micros;
use crate::document::{DocumentChanged, DocumentRolled, FIRST_GENERATION};
use crate::frame::SeriesKey;
use crate::ids::{EventId, ProducerId};
use crate::lots::LotEvent;

pub use device::{
    DeviceContact, DeviceEvent, DeviceNotification, DeviceResource, DeviceState, ModuleState,
};
pub use job::{Difference, JobEvent, JobProgress, JobStep, PhaseAmounts};

/// One sealed event of a ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Dense, from 1, per producer and epoch.
    pub seq: u64,
    /// Made and stored before anything is sent.
    pub event_id: EventId,
    /// What happened, for example `lot.split`.
    pub kind: String,
    /// The version of the payload's form.
    pub version: u16,
    /// Wall clock of when it happened.
    pub occurred_at: Timestamp,
    /// Wall clock of when it was recorded.
    pub recorded_at: Timestamp,
    /// Who or what says so.
    pub actor: Actor,
    /// The fact, as the exact JSON text that was sealed.
    pub payload: Box<RawValue>,
    /// The hash of the event before, or the genesis hash.
    pub prev_hash: Hash,
    /// The hash of this event.
    pub hash: Hash,
}

impl PartialEq for Envelope {
    /// The hash covers every field, so equal hashes are equal events.
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// Who or what caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// A person at the plant or in the office.
    Operator { name: String },
    /// A press, finisher or scale, by its device id.
    Device { device: String },
    /// AGOG itself, by the part that acted.
    System { component: String },
}

/// An event that is not sealed yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The id, made before the event is stored.
    pub event_id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it is recorded.
    pub recorded_at: Timestamp,
    /// Who says so.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

/// Why an envelope does not fit its chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The event does not follow the one before it.
    #[error("event {seq} names {found} as the hash before it, expected {expected}")]
    Unlinked {
        seq: u64,
        found: Hash,
        expected: Hash,
    },
    /// The event was changed after it was sealed.
    #[error("event {seq} hashes to {computed}, but says {found}")]
    Altered {
        seq: u64,
        found: Hash,
        computed: Hash,
    },
}

impl Envelope {
    /// Seals an event as the next one after `head`.
    pub fn seal(producer: ProducerId, epoch: u64, head: &ChainHead, new: &NewEvent) -> Self {
        let mut envelope = Self {
            seq: head.last_seq + 1,
            event_id: new.event_id,
            kind: new.event.kind().to_owned(),
            version: new.event.version(),
            occurred_at: to_micros(new.occurred_at),
            recorded_at: to_micros(new.recorded_at),
            actor: new.actor.clone(),
            payload: new.event.payload(),
            prev_hash: head.hash,
            hash: head.hash,
        };
        envelope.hash = envelope.compute_hash(producer, epoch);
        envelope
    }

    /// The chain's head once this event is its newest.
    pub fn head(&self) -> ChainHead {
        ChainHead {
            last_seq: self.seq,
            hash: self.hash,
        }
    }

    /// Checks that this event follows `prev_hash` and was not changed since it was sealed.
    pub fn verify(
        &self,
        producer: ProducerId,
        epoch: u64,
        prev_hash: &Hash,
    ) -> Result<(), ChainError> {
        if self.prev_hash != *prev_hash {
            return Err(ChainError::Unlinked {
                seq: self.seq,
                found: self.prev_hash,
                expected: *prev_hash,
            });
        }
        let computed = self.compute_hash(producer, epoch);
        if computed != self.hash {
            return Err(ChainError::Altered {
                seq: self.seq,
                found: self.hash,
                computed,
            });
        }
        Ok(())
    }

    /// Reads the fact.
    pub fn event(&self) -> Result<Event, DecodeError> {
        Event::decode(&self.kind, self.version, self.payload.get())
    }

    fn compute_hash(&self, producer: ProducerId, epoch: u64) -> Hash {
        SealedParts {
            seq: self.seq,
            event_id: self.event_id,
            kind: &self.kind,
            version: self.version,
            occurred_at_us: self.occurred_at.as_microsecond(),
            recorded_at_us: self.recorded_at.as_microsecond(),
            actor: &self.actor,
            payload: self.payload.get(),
            prev_hash: &self.prev_hash,
        }
        .hash(producer, epoch)
    }
}

/// The fields of an envelope that its hash covers, as they stand in a store: to prove millions of events without making
/// an [`Envelope`] of each.
#[derive(Debug, Clone, Copy)]
pub struct SealedParts<'a> {
    /// As [`Envelope::seq`].
    pub seq: u64,
    /// As [`Envelope::event_id`].
    pub event_id: EventId,
    /// As [`Envelope::kind`].
    pub kind: &'a str,
    /// As [`Envelope::version`].
    pub version: u16,
    /// Microseconds since 1970-01-01 UTC.
    pub occurred_at_us: i64,
    /// Microseconds since 1970-01-01 UTC.
    pub recorded_at_us: i64,
    /// As [`Envelope::actor`].
    pub actor: &'a Actor,
    /// The exact JSON text that was sealed.
    pub payload: &'a str,
    /// As [`Envelope::prev_hash`].
    pub prev_hash: &'a Hash,
}

impl SealedParts<'_> {
    /// BLAKE3 over the canonical bytes: every field with its length, integers little-endian,
    /// instants in microseconds, actor and payload as JSON text.
    pub fn hash(&self, producer: ProducerId, epoch: u64) -> Hash {
        let mut hasher = CanonicalHasher::new("agog ledger event 1");
        hasher.field(producer.uuid().as_bytes());
        hasher.field(&epoch.to_le_bytes());
        hasher.field(&self.seq.to_le_bytes());
        hasher.field(self.event_id.uuid().as_bytes());
        hasher.field(self.kind.as_bytes());
        hasher.field(&self.version.to_le_bytes());
        hasher.field(&self.occurred_at_us.to_le_bytes());
        hasher.field(&self.recorded_at_us.to_le_bytes());
        let (actor_kind, actor_name) = match self.actor {
            Actor::Operator { name } => ("operator", name),
            Actor::Device { device } => ("device", device),
            Actor::System { component } => ("system", component),
        };
        hasher.field(actor_kind.as_bytes());
        hasher.field(actor_name.as_bytes());
        hasher.field(self.payload.as_bytes());
        hasher.field(self.prev_hash.as_bytes());
        hasher.finish()
    }
}

/// A fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A movement of lots.
    Lot(LotEvent),
    /// A step of a job on a device.
    Job(Box<JobEvent>),
    /// A change of a device's state.
    Device(DeviceEvent),
    /// Telemetry that was produced and is not kept.
    Gap(TelemetryGap),
    /// A change of a document that both sides edit.
    Document(Box<DocumentChanged>),
    /// A document begins anew from what it says.
    Rolled(Box<DocumentRolled>),
}

/// Samples that were produced and are not kept: never silent (I6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryGap {
    /// The series, or none when a whole block of several series was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesKey>,
    /// The oldest dropped sample.
    pub from: Timestamp,
    /// The newest dropped sample.
    pub to: Timestamp,
    /// How many samples.
    pub count: u64,
    /// Why, for people.
    pub reason: String,
}

/// Why a payload could not be read. The envelope stays valid; the hub keeps it with this reason.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A kind of a newer producer.
    #[error("unknown event kind `{0}`")]
    UnknownKind(String),
    /// A version of a newer producer.
    #[error("`{kind}` has version {version}, this reader knows up to {known}")]
    UnknownVersion {
        kind: String,
        version: u16,
        known: u16,
    },
    /// The payload is not of the kind's form.
    #[error("payload of `{kind}` is malformed")]
    Malformed {
        kind: String,
        #[source]
        source: serde_json::Error,
    },
}

/// The kind of a [`TelemetryGap`].
const GAP_KIND: &str = "telemetry.gap";

/// The kind of a [`DocumentChanged`].
const DOCUMENT_KIND: &str = "document.changed";

/// The kind of a [`DocumentRolled`].
const ROLLED_KIND: &str = "document.rolled";

/// The version of every payload form so far but one: fields were only ever added, and readers ignore what
/// they do not know.
const PAYLOAD_VERSION: u16 = 1;

/// The version of a change of a later generation of a document. A reader that knows of no generations would take it for one
/// of the first.
const GENERATION_VERSION: u16 = 2;

impl Event {
    /// The kind, as stored and sent.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lot(event) => event.kind(),
            Self::Job(event) => event.step.kind(),
            Self::Device(event) => event.kind(),
            Self::Gap(_) => GAP_KIND,
            Self::Document(_) => DOCUMENT_KIND,
            Self::Rolled(_) => ROLLED_KIND,
        }
    }

    /// The version of the payload's form.
    pub fn version(&self) -> u16 {
        match self {
            Self::Document(changed) if changed.generation > FIRST_GENERATION => GENERATION_VERSION,
            _ => PAYLOAD_VERSION,
        }
    }

    /// The payload as JSON text.
    pub fn payload(&self) -> Box<RawValue> {
        match self {
            Self::Lot(event) => event.payload(),
            Self::Job(event) => raw(&event.progress),
            Self::Device(event) => event.payload(),
            Self::Gap(gap) => raw(gap),
            Self::Document(changed) => raw(changed),
            Self::Rolled(rolled) => raw(rolled),
        }
    }

    /// Reads a fact from its stored form; `payload` is the JSON text that was sealed.
    pub fn decode(kind: &str, version: u16, payload: &str) -> Result<Self, DecodeError> {
        let step = JobStep::of_kind(kind);
        let known = step.is_some()
            || DeviceEvent::is_kind(kind)
            || LotEvent::is_kind(kind)
            || [GAP_KIND, DOCUMENT_KIND, ROLLED_KIND].contains(&kind);
        let newest = if kind == DOCUMENT_KIND {
            GENERATION_VERSION
        } else {
            PAYLOAD_VERSION
        };
        if !known {
            return Err(DecodeError::UnknownKind(kind.to_owned()));
        }
        if !(PAYLOAD_VERSION..=newest).contains(&version) {
            return Err(DecodeError::UnknownVersion {
                kind: kind.to_owned(),
                version,
                known: newest,
            });
        }
        if let Some(step) = step {
            return Ok(Self::Job(Box::new(JobEvent {
                step,
                progress: typed(kind, payload)?,
            })));
        }
        if DeviceEvent::is_kind(kind) {
            return Ok(Self::Device(DeviceEvent::decode(kind, payload)?));
        }
        if kind == GAP_KIND {
            return Ok(Self::Gap(typed(kind, payload)?));
        }
        if kind == DOCUMENT_KIND {
            return Ok(Self::Document(Box::new(typed(kind, payload)?)));
        }
        if kind == ROLLED_KIND {
            return Ok(Self::Rolled(Box::new(typed(kind, payload)?)));
        }
        Ok(Self::Lot(LotEvent::decode(kind, payload)?))
    }
}

pub(crate) fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value)
        .expect("payload types have string keys and no failing serializers")
}

pub(crate) fn typed<T: DeserializeOwned>(kind: &str, payload: &str) -> Result<T, DecodeError> {
    serde_json::from_str(payload).map_err(|source| DecodeError::Malformed {
        kind: kind.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn gap(count: u64) -> NewEvent {
        let at = Timestamp::from_second(1_760_000_000).unwrap();
        NewEvent {
            event_id: EventId::generate(at, &mut StdRng::seed_from_u64(count)),
            occurred_at: at,
            recorded_at: at,
            actor: Actor::System {
                component: "telemetry".to_owned(),
            },
            event: Event::Gap(TelemetryGap {
                series: None,
                from: at,
                to: at,
                count,
                reason: "buffer full".to_owned(),
            }),
        }
    }

    fn producer() -> ProducerId {
        ProducerId::generate(Timestamp::UNIX_EPOCH, &mut StdRng::seed_from_u64(9))
    }

    #[test]
    fn sealed_events_form_a_chain_that_survives_the_wire() {
        let producer = producer();
        let genesis = ChainHead::genesis(producer, 1);
        let first = Envelope::seal(producer, 1, &genesis, &gap(1));
        let second = Envelope::seal(producer, 1, &first.head(), &gap(2));
        assert_eq!((first.seq, second.seq), (1, 2));
        let wire = serde_json::to_string(&second).unwrap();
        let read: Envelope = serde_json::from_str(&wire).unwrap();
        read.verify(producer, 1, &first.hash).unwrap();
        assert_eq!(read.event().unwrap(), gap(2).event);
    }

    #[test]
    fn a_changed_event_and_a_foreign_place_in_the_chain_are_found() {
        let producer = producer();
        let genesis = ChainHead::genesis(producer, 1);
        let sealed = Envelope::seal(producer, 1, &genesis, &gap(1));
        let mut altered = sealed.clone();
        altered.payload = gap(2).event.payload();
        assert!(matches!(
            altered.verify(producer, 1, &genesis.hash),
            Err(ChainError::Altered { seq: 1, .. })
        ));
        assert!(matches!(
            sealed.verify(producer, 2, &genesis.hash),
            Err(ChainError::Altered { seq: 1, .. })
        ));
        assert!(matches!(
            sealed.verify(producer, 1, &sealed.hash),
            Err(ChainError::Unlinked { seq: 1, .. })
        ));
    }

    #[test]
    fn an_unknown_kind_or_version_is_said_and_not_guessed() {
        let payload = gap(1).event.payload();
        assert!(matches!(
            Event::decode("lot.teleported", 1, payload.get()),
            Err(DecodeError::UnknownKind(_))
        ));
        assert!(matches!(
            Event::decode("telemetry.gap", 2, payload.get()),
            Err(DecodeError::UnknownVersion { version: 2, .. })
        ));
        assert!(matches!(
            Event::decode("lot.split", 1, payload.get()),
            Err(DecodeError::Malformed { .. })
        ));
    }

    #[test]
    fn the_hash_of_version_one_never_changes() {
        let producer = ProducerId::from_uuid(uuid::Uuid::from_u128(1));
        let mut new = gap(7);
        new.event_id = EventId::from_uuid(uuid::Uuid::from_u128(2));
        let sealed = Envelope::seal(producer, 1, &ChainHead::genesis(producer, 1), &new);
        insta::assert_snapshot!(sealed.hash, @"83cd9f9a6f0a4e435095ddfc2b7ec4ec92b82b0db4e9ee1d44751899441c2dea");
    }
}
