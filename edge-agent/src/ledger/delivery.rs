//! The outbox as the writer sees it: the cursor that the hub's answers move, and new epochs.

use agog_sync::chain::ChainHead;
use agog_sync::event::{Envelope, NewEvent};
use agog_sync::frame::LedgerAck;
use rusqlite::{Connection, params};
use tracing::warn;

use super::append::{insert_event, store_head};
use super::error::LedgerError;
use super::writer::Books;
use super::{Position, reader, rows};

/// Moves the cursor onto what the hub has. Never back, and only for our own events.
pub(super) fn acknowledge(
    connection: &Connection,
    books: &mut Books,
    ack: LedgerAck,
) -> Result<(), LedgerError> {
    let foreign = LedgerError::ForeignAck {
        epoch: ack.epoch,
        seq: ack.last_seq,
    };
    if ack.epoch != books.position.epoch {
        return Err(foreign);
    }
    if reader::hash_at(connection, &books.position, ack.last_seq)? != Some(ack.hash) {
        return Err(foreign);
    }
    if ack.last_seq > books.position.acknowledged {
        books.position.acknowledged = ack.last_seq;
        store_head(connection, books)?;
    }
    Ok(())
}

/// Opens a new epoch and seals again in it what the hub has not acknowledged.
pub(super) fn open_epoch(
    connection: &Connection,
    books: &mut Books,
    epoch: u64,
) -> Result<Position, LedgerError> {
    let old = books.position;
    if epoch <= old.epoch {
        return Err(LedgerError::EpochNotNewer {
            asked: epoch,
            current: old.epoch,
        });
    }
    let waiting = events_after(connection, &old)?;
    books.position = Position {
        producer: old.producer,
        epoch,
        head: ChainHead::genesis(old.producer, epoch),
        acknowledged: 0,
    };
    let producer = old.producer.to_string();
    for envelope in &waiting {
        let sealed = reseal(books, envelope)?;
        insert_event(connection, &producer, epoch, &sealed, true)?;
        books.position.head = sealed.head();
    }
    store_head(connection, books)?;
    warn!(
        "epoch {epoch} opened after epoch {} at event {}; {} events sealed again",
        old.epoch,
        old.head.last_seq,
        waiting.len()
    );
    Ok(books.position)
}

fn events_after(connection: &Connection, old: &Position) -> Result<Vec<Envelope>, LedgerError> {
    let mut query = connection.prepare(
        "select seq, event_id, kind, version, occurred_at, recorded_at, actor, payload, prev_hash, hash
         from event where producer_id = ?1 and epoch = ?2 and seq > ?3 order by seq",
    )?;
    let mut found = query.query(params![
        old.producer.to_string(),
        old.epoch,
        old.acknowledged
    ])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        events.push(rows::envelope(row, 0)?);
    }
    Ok(events)
}

/// The same fact under its own event id, at its place in the new epoch.
fn reseal(books: &Books, envelope: &Envelope) -> Result<Envelope, LedgerError> {
    let event = envelope
        .event()
        .map_err(|error| super::text::malformed("event", error))?;
    let new = NewEvent {
        event_id: envelope.event_id,
        occurred_at: envelope.occurred_at,
        recorded_at: envelope.recorded_at,
        actor: envelope.actor.clone(),
        event,
    };
    let position = &books.position;
    Ok(Envelope::seal(
        position.producer,
        position.epoch,
        &position.head,
        &new,
    ))
}
