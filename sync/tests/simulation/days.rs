//! Days that are over: what a ledger has of each, counted by `agog_sync::days`, and whether the hub had the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use agog_sync::chain::Hash;
use agog_sync::days::{DayHasher, DayProof, DaySpan, day_of};
use agog_sync::event::Envelope;
use agog_sync::ids::ProducerId;
use jiff::civil::Date;
use serde_json::value::RawValue;

use super::program::computed;

/// Events of one producer by epoch and number, as the rows of a store: under the number of the row.
pub(crate) type Rows = BTreeMap<(u64, u64), Arc<Envelope>>;

/// A day as it was counted when it was over, and what both sides had when they were compared last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) span: DaySpan,
    pub(crate) proof: DayProof,
    pub(crate) compared: Option<Compared>,
}

/// What both sides have of a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) here: DayProof,
    pub(crate) hub: DayProof,
}

impl Counted {
    /// Both sides have what there was when the day was over; none before they were compared.
    pub(crate) fn is_equal(&self) -> Option<bool> {
        let Compared { here, hub } = self.compared?;
        Some(self.proof == here && here.agrees_with(&hub))
    }
}

/// What there is of a span.
pub(crate) fn prove<'e>(
    producer: ProducerId,
    span: &DaySpan,
    rows: impl Iterator<Item = (u64, &'e Envelope)>,
) -> DayProof {
    let mut hasher = DayHasher::new(producer, span.epoch, span.first_seq);
    for (seq, event) in rows {
        let again = computed(event, producer, span.epoch);
        hasher.add(seq, &event.prev_hash, &event.hash, &again);
    }
    hasher.finish(span.last_seq)
}

/// The next span of an epoch: from one number on to the end of its day, at most to another one. None while its day is
/// not over.
pub(crate) fn next_span(
    rows: &Rows,
    epoch: u64,
    (first_seq, limit): (u64, u64),
    today: Option<Date>,
) -> Option<DaySpan> {
    let mut of_span = rows.range((epoch, first_seq)..=(epoch, limit));
    let (_, first) = of_span.next()?;
    let day = day_of(first.recorded_at);
    if Some(day) == today {
        return None;
    }
    let other = of_span.find(|(_, event)| day_of(event.recorded_at) != day);
    Some(DaySpan {
        epoch,
        first_seq,
        last_seq: other.map_or(limit, |((_, seq), _)| seq - 1),
        day,
    })
}

/// What somebody does to a row behind everybody's back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tampering {
    Payload,
    StoredHash,
    Gone,
}

/// Changes a row; none: it is gone.
pub(crate) fn tamper(row: &Envelope, how: Tampering) -> Option<Envelope> {
    let mut row = row.clone();
    match how {
        Tampering::Payload => {
            let text = row.payload.get().replacen('{', "{ ", 1);
            row.payload = RawValue::from_string(text).expect("it is JSON");
        }
        Tampering::StoredHash => {
            let mut bytes = *row.hash.as_bytes();
            bytes[0] ^= 1;
            row.hash = Hash::from_bytes(bytes);
        }
        Tampering::Gone => return None,
    }
    Some(row)
}
