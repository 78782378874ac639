//! What comes down from the hub: tickets, commands to jobs, and events of others that touch our lots.

use agog_sync::event::{Actor, Event, NewEvent};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, JobTicket, LotSnapshot};
use agog_sync::ids::EventId;
use agog_sync::lots::LotEvent;
use rusqlite::{Connection, params};
use std::sync::Arc;
use tracing::warn;

use super::append::{apply_lot_event, insert_event, seal, store_head};
use super::error::LedgerError;
use super::sending::admit;
use super::writer::Books;
use super::{FeedOutcome, job, text, ticket};

/// Stores and applies one item, and moves the cursor onto it.
pub(super) fn apply(
    connection: &Connection,
    books: &mut Books,
    item: FeedItem,
) -> Result<FeedOutcome, LedgerError> {
    let cursor: u64 = connection.query_row("select feed_cursor from meta", [], |row| row.get(0))?;
    if item.n <= cursor {
        return Ok(FeedOutcome::Repeated);
    }
    if item.n != cursor + 1 {
        return Err(LedgerError::FeedOutOfOrder {
            found: item.n,
            expected: cursor + 1,
        });
    }
    match item.body {
        FeedBody::LedgerEvent(event) => foreign_event(connection, item.n, &event)?,
        FeedBody::JobTicket(ticket) => job_ticket(connection, books, &ticket)?,
        FeedBody::JobCommand(command) => admit::of_the_hub(connection, books, &command)?,
    }
    move_cursor(connection, item.n)?;
    Ok(FeedOutcome::Applied)
}

/// Moves the cursor without an item.
pub(super) fn move_cursor(connection: &Connection, n: u64) -> Result<(), LedgerError> {
    connection.execute("update meta set feed_cursor = ?1", [n])?;
    Ok(())
}

/// A ticket becomes a job of this plant. A ticket that is here already changes nothing.
fn job_ticket(
    connection: &Connection,
    books: &mut Books,
    handed_over: &JobTicket,
) -> Result<(), LedgerError> {
    let known = connection
        .prepare_cached("select 1 from job where job_key = ?1")?
        .exists([handed_over.job_id.to_string()])?;
    if known {
        return Ok(());
    }
    let now = books.clock.now();
    let event = job::received(handed_over);
    job::store(connection, &event, now)?;
    ticket::store(connection, handed_over)?;
    admit::submission(connection, books, handed_over)?;
    let new = NewEvent {
        event_id: EventId::generate(now, &mut books.rng),
        occurred_at: now,
        recorded_at: now,
        actor: Actor::System {
            component: "uplink".to_owned(),
        },
        event: Event::Job(Box::new(event)),
    };
    seal(connection, books, &new)?;
    store_head(connection, books)
}

/// An event of another producer: kept as it came, and applied as our own are.
fn foreign_event(connection: &Connection, n: u64, item: &FeedEvent) -> Result<(), LedgerError> {
    let envelope = &item.event;
    // The events between are not for us, so only the seal itself can be checked, not the chain.
    envelope
        .verify(item.producer, item.epoch, &envelope.prev_hash)
        .map_err(|source| LedgerError::FeedBroken { n, source })?;
    let producer = item.producer.to_string();
    let here = connection
        .prepare_cached("select 1 from event where event_id = ?1")?
        .exists([envelope.event_id.to_string()])?;
    if here {
        return Ok(());
    }
    let event = envelope
        .event()
        .map_err(|source| LedgerError::FeedUnknown {
            n,
            source: Arc::new(source),
        })?;
    let place = insert_event(connection, &producer, item.epoch, envelope, false)?;
    let Event::Lot(event) = event else {
        return Ok(());
    };
    for snapshot in &item.lots {
        adopt(connection, place, snapshot)?;
    }
    let own = touches_own(connection, &event)?;
    let named = (&event, envelope.event_id);
    let flags = apply_lot_event(connection, place, named, envelope.occurred_at, own)?;
    for flag in flags {
        warn!(
            event.id = %envelope.event_id,
            "event {} of producer {} on lot {}: {}",
            envelope.seq, item.producer, flag.lot().number, flag.code()
        );
    }
    Ok(())
}

/// Takes a lot that we have not met as the hub knew it.
pub(super) fn adopt(
    connection: &Connection,
    place: i64,
    snapshot: &LotSnapshot,
) -> Result<(), LedgerError> {
    let lot_id = snapshot.lot.lot_id.to_string();
    let known = connection
        .prepare_cached("select 1 from lot where lot_id = ?1")?
        .exists([&lot_id])?;
    if known {
        return Ok(());
    }
    connection
        .prepare_cached(
            "insert into lot_snapshot (lot_id, position, snapshot) values (?1, ?2, ?3)",
        )?
        .execute(params![lot_id, place, text::to_json(snapshot)])?;
    connection
        .prepare_cached(
            "insert into lot (lot_id, number, material, material_code, base_unit, balance, origin,
                              made_by_job, attributes, created_at, own)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, null, ?8, ?9, 0)",
        )?
        .execute(params![
            lot_id,
            snapshot.lot.number,
            snapshot.material.as_ref().map(text::to_json),
            snapshot.material.as_ref().map(|material| &material.code),
            snapshot.base_unit.as_str(),
            snapshot.balance.normalize().to_string(),
            snapshot.origin.as_str(),
            text::to_json(&snapshot.attributes),
            snapshot.created_at.as_microsecond(),
        ])?;
    for hold_id in &snapshot.holds {
        connection
            .prepare_cached(
                "insert into lot_hold (lot_id, hold_id, reason, placed_at)
                 values (?1, ?2, 'held when this plant met the lot', ?3) on conflict do nothing",
            )?
            .execute(params![
                lot_id,
                hold_id.to_string(),
                snapshot.created_at.as_microsecond()
            ])?;
    }
    Ok(())
}

/// What the office makes out of a lot of this plant is a lot of this plant.
pub(super) fn touches_own(connection: &Connection, event: &LotEvent) -> Result<bool, LedgerError> {
    for lot in event.used_lots() {
        let own = connection
            .prepare_cached("select 1 from lot where lot_id = ?1 and own")?
            .exists([lot.lot_id.to_string()])?;
        if own {
            return Ok(true);
        }
    }
    Ok(false)
}
