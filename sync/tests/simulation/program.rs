//! Programs of two versions. The newer one writes some facts and some items of the feed in forms that the older one
//! cannot read; what the older one makes of them is the crate's own answer.

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::{DecodeError, Envelope, Event, NewEvent, SealedParts};
use agog_sync::frame::{FeedBody, FeedEvent};
use agog_sync::ids::ProducerId;
use serde::{Deserialize, Serialize};

/// What stands before a kind that only the newer program knows.
const NEW_KIND: &str = "next.";

/// The version of payloads that only the newer program knows, and the one that both know.
const NEW_VERSION: u16 = 99;
const KNOWN_VERSION: u16 = 1;

/// Of the items that a newer hub tells, each such one is of a new kind.
const NEW_ITEM_EVERY: u64 = 3;

/// Which program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Older,
    Newer,
}

/// How a fact is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Known,
    NewKind,
    NewVersion,
}

/// An item of the feed as the newer hub tells it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NewItem {
    NextLedgerEvent(Box<FeedEvent>),
}

impl Program {
    /// Reads a fact.
    pub(crate) fn read(self, envelope: &Envelope) -> Result<Event, DecodeError> {
        let (mut kind, mut version) = (envelope.kind.as_str(), envelope.version);
        if self == Self::Newer {
            kind = kind.strip_prefix(NEW_KIND).unwrap_or(kind);
            if version == NEW_VERSION {
                version = KNOWN_VERSION;
            }
        }
        Event::decode(kind, version, envelope.payload.get())
    }

    /// Reads an item of the feed, when it and its fact can be read.
    pub(crate) fn read_item(self, body: &FeedBody) -> Option<(FeedEvent, Event)> {
        let told = match body {
            FeedBody::LedgerEvent(told) => (**told).clone(),
            FeedBody::Unknown(unknown) if self == Self::Newer => {
                let NewItem::NextLedgerEvent(told) =
                    serde_json::from_str(unknown.text.get()).expect("our newer hub wrote it");
                *told
            }
            _ => return None,
        };
        let event = self.read(&told.event).ok()?;
        Some((told, event))
    }

    /// Writes an item of the feed, as it is read on the other side. Lots travel in no new kind of item: they are taken in
    /// before anything else happens to them, and whoever cannot read the item could not.
    pub(crate) fn write_item(self, n: u64, told: FeedEvent) -> FeedBody {
        if self == Self::Older || !told.lots.is_empty() || !n.is_multiple_of(NEW_ITEM_EVERY) {
            return FeedBody::LedgerEvent(Box::new(told));
        }
        let item = NewItem::NextLedgerEvent(Box::new(told));
        let text = serde_json::to_string(&item).expect("it has text for keys");
        serde_json::from_str(&text).expect("what cannot be read is kept")
    }
}

/// Seals a fact in one of the forms.
pub(crate) fn seal(
    producer: ProducerId,
    epoch: u64,
    head: &ChainHead,
    new: &NewEvent,
    form: Form,
) -> Envelope {
    let mut envelope = Envelope::seal(producer, epoch, head, new);
    match form {
        Form::Known => return envelope,
        Form::NewKind => envelope.kind.insert_str(0, NEW_KIND),
        Form::NewVersion => envelope.version = NEW_VERSION,
    }
    envelope.hash = computed(&envelope, producer, epoch);
    envelope
}

/// Seals a fact again at another place, written as it was.
pub(crate) fn seal_again(
    producer: ProducerId,
    epoch: u64,
    head: &ChainHead,
    sealed: &Envelope,
) -> Envelope {
    let mut envelope = sealed.clone();
    envelope.seq = head.last_seq + 1;
    envelope.prev_hash = head.hash;
    envelope.hash = computed(&envelope, producer, epoch);
    envelope
}

/// The hash of an event as it follows from its fields.
pub(crate) fn computed(envelope: &Envelope, producer: ProducerId, epoch: u64) -> Hash {
    let parts = SealedParts {
        seq: envelope.seq,
        event_id: envelope.event_id,
        kind: &envelope.kind,
        version: envelope.version,
        occurred_at_us: envelope.occurred_at.as_microsecond(),
        recorded_at_us: envelope.recorded_at.as_microsecond(),
        actor: &envelope.actor,
        payload: envelope.payload.get(),
        prev_hash: &envelope.prev_hash,
    };
    parts.hash(producer, epoch)
}
