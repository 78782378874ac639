//! The outbox as the writer sees it: the cursor that the hub's answers move.

use agog_sync::frame::LedgerAck;
use rusqlite::Connection;

use super::append::store_head;
use super::error::LedgerError;
use super::reader;
use super::writer::Books;

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
    let here = reader::hash_at(connection, books.position.producer, ack.epoch, ack.last_seq)?;
    if here != Some(ack.hash) {
        return Err(foreign);
    }
    if ack.last_seq > books.position.acknowledged {
        books.position.acknowledged = ack.last_seq;
        store_head(connection, books)?;
    }
    Ok(())
}
