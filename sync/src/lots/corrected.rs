//! The correction: an event that undoes one earlier movement of lots.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::kinds::LotEvent;
use crate::event::{DecodeError, Event};
use crate::ids::EventId;

/// An earlier event was wrong: its effect is undone.
///
/// It carries the event that it undoes, word for word, so that whoever hears of it can undo the effect without having that
/// event at hand. What really happened is recorded anew, as an event of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct LotCorrected {
    /// The event that is undone.
    pub corrects: EventId,
    /// Why.
    pub reason: String,
    /// Why the rules were overruled.
    pub forced: Option<String>,
    version: u16,
    payload: String,
    undone: Box<LotEvent>,
}

/// How a correction is stored and sent.
#[derive(Serialize, Deserialize)]
struct Form {
    corrects: EventId,
    kind: String,
    version: u16,
    payload: Box<RawValue>,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forced: Option<String>,
}

/// Why an event cannot be corrected.
#[derive(Debug, thiserror::Error)]
pub enum NotCorrectable {
    /// The kind is not a movement of lots.
    #[error(
        "an event of kind `{0}` cannot be corrected: a hold is released, a lot that was released is held again, \
         and what a correction undid is recorded anew"
    )]
    Kind(String),
    /// The event cannot be read.
    #[error("the event to correct cannot be read")]
    Unreadable(#[source] DecodeError),
}

impl LotCorrected {
    /// Undoes the event with the given id, kind, version and payload.
    pub fn new(
        corrects: EventId,
        (kind, version, payload): (&str, u16, &RawValue),
        reason: String,
        forced: Option<String>,
    ) -> Result<Self, NotCorrectable> {
        // Asked before the payload is read: a correction in a correction would be read as deep as somebody likes.
        if !LotEvent::is_correctable(kind) {
            return Err(NotCorrectable::Kind(kind.to_owned()));
        }
        match Event::decode(kind, version, payload.get()).map_err(NotCorrectable::Unreadable)? {
            Event::Lot(undone) => Ok(Self {
                corrects,
                reason,
                forced,
                version,
                payload: payload.get().to_owned(),
                undone: Box::new(undone),
            }),
            _ => Err(NotCorrectable::Kind(kind.to_owned())),
        }
    }

    /// The event that is undone.
    pub fn undone(&self) -> &LotEvent {
        &self.undone
    }
}

impl TryFrom<Form> for LotCorrected {
    type Error = NotCorrectable;

    fn try_from(form: Form) -> Result<Self, NotCorrectable> {
        let event = (form.kind.as_str(), form.version, &*form.payload);
        Self::new(form.corrects, event, form.reason, form.forced)
    }
}

impl From<LotCorrected> for Form {
    fn from(corrected: LotCorrected) -> Self {
        Self {
            corrects: corrected.corrects,
            kind: corrected.undone.kind().to_owned(),
            version: corrected.version,
            payload: RawValue::from_string(corrected.payload)
                .expect("it was JSON when the correction was made"),
            reason: corrected.reason,
            forced: corrected.forced,
        }
    }
}
