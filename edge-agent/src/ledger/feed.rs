//! What comes down from the hub: tickets, commands to jobs, master data, and events of others that touch our lots.

use agog_sync::event::{Actor, Event, JobStep, NewEvent};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, JobTicket};
use agog_sync::ids::EventId;
use agog_sync::lots::LotEvent;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::sync::Arc;
use tracing::warn;

use super::append::{apply_lot_event, insert_event, seal, store_head};
use super::error::LedgerError;
use super::reader::Reader;
use super::sending::admit;
use super::writer::Books;
use super::{Ledger, Request, adoption, document, job, master, text, ticket};

/// What became of an item of the down feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedOutcome {
    /// It is stored and applied, and the cursor stands on it.
    Applied,
    /// It was there before.
    Repeated,
}

/// How an item comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// As the next one of the feed.
    Next,
    /// Out of a snapshot: in order, with gaps.
    Snapshot,
    /// Before its turn; the cursor stays.
    Early,
    /// After its turn; the cursor stays.
    Late,
}

impl Ledger {
    /// Stores and applies one item of the down feed and moves the feed cursor onto it. A ticket
    /// becomes a job with a `job.received` event; an event of another producer is verified by
    /// its hash and changes balances as our own do.
    pub async fn apply_feed(&self, item: FeedItem) -> Result<FeedOutcome, LedgerError> {
        self.take_in(item, Arrival::Next).await
    }

    /// As [`Ledger::apply_feed`], however the item comes.
    pub async fn take_in(&self, item: FeedItem, how: Arrival) -> Result<FeedOutcome, LedgerError> {
        self.ask(|answer| Request::ApplyFeed {
            item: Box::new(item),
            how,
            answer,
        })
        .await
    }

    /// Keeps an item that cannot be applied for a program that can, and moves the feed cursor onto it.
    pub async fn pass_over(&self, item: FeedItem, why: String) -> Result<(), LedgerError> {
        self.ask(|answer| Request::PassOver {
            item: Box::new(item),
            why,
            answer,
        })
        .await
    }

    /// Moves the feed cursor without an item: to where the hub says that the feed goes on.
    pub async fn move_feed_cursor(&self, n: u64) -> Result<(), LedgerError> {
        self.ask(|answer| Request::MoveFeedCursor { n, answer })
            .await
    }

    /// The counter of the newest feed item that is applied.
    pub async fn feed_cursor(&self) -> Result<u64, LedgerError> {
        self.read(Reader::feed_cursor).await
    }
}

/// Stores and applies one item, and moves the cursor onto it.
pub(super) fn apply(
    connection: &Connection,
    books: &mut Books,
    item: FeedItem,
    how: Arrival,
) -> Result<FeedOutcome, LedgerError> {
    let cursor = cursor(connection)?;
    let is_in_turn = matches!(how, Arrival::Next | Arrival::Snapshot);
    if is_in_turn && item.n <= cursor {
        return Ok(FeedOutcome::Repeated);
    }
    if how == Arrival::Next && item.n != cursor + 1 {
        return Err(LedgerError::FeedOutOfOrder {
            found: item.n,
            expected: cursor + 1,
        });
    }
    match item.body {
        FeedBody::LedgerEvent(event) => {
            foreign_event(connection, item.n, &event, books.clock.now())?;
        }
        FeedBody::JobTicket(ticket) => job_ticket(connection, books, &ticket)?,
        FeedBody::JobCommand(command) => admit::of_the_hub(connection, books, &command)?,
        FeedBody::Master(record) => master::store(connection, &record)?,
        FeedBody::Unknown(unknown) => {
            return Err(LedgerError::FeedKindUnknown {
                n: item.n,
                kind: unknown.kind,
                why: unknown.why,
            });
        }
    }
    if is_in_turn {
        put_cursor(connection, item.n)?;
    }
    Ok(FeedOutcome::Applied)
}

fn cursor(connection: &Connection) -> Result<u64, LedgerError> {
    Ok(connection.query_row("select feed_cursor from meta", [], |row| row.get(0))?)
}

fn put_cursor(connection: &Connection, n: u64) -> Result<(), LedgerError> {
    connection.execute("update meta set feed_cursor = ?1", [n])?;
    Ok(())
}

/// Moves the cursor without an item. A hub that was set back gives numbers out again: what a lot was taken in by has
/// none any more.
pub(super) fn move_cursor(connection: &Connection, n: u64) -> Result<(), LedgerError> {
    if n < cursor(connection)? {
        connection.execute("update adoption set feed_n = 0 where feed_n > ?1", [n])?;
    }
    put_cursor(connection, n)
}

/// Keeps an item that could not be applied, and moves the cursor onto it. Of an event that cannot be read, the lots as they
/// were before it are taken in now: what comes next happens to them, and the event comes on top once it can be read.
pub(super) fn pass_over(
    connection: &Connection,
    item: &FeedItem,
    why: &str,
    now: Timestamp,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "insert into passed_over (n, body, why, version, passed_at) values (?1, ?2, ?3, ?4, ?5)
             on conflict (n) do update set body = excluded.body, why = excluded.why, version = excluded.version",
        )?
        .execute(params![
            item.n,
            text::to_json(&item.body),
            why,
            VERSION,
            now.as_microsecond()
        ])?;
    if let FeedBody::LedgerEvent(told) = &item.body
        && is_sealed(told)
        && told.event.event().is_err()
    {
        adoption::adopt_all(connection, next_place(connection)?, item.n, told)?;
    }
    if item.n > cursor(connection)? {
        put_cursor(connection, item.n)?;
    }
    Ok(())
}

fn is_sealed(told: &FeedEvent) -> bool {
    let envelope = &told.event;
    let verified = envelope.verify(told.producer, told.epoch, &envelope.prev_hash);
    verified.is_ok()
}

/// The place of the event that comes next.
fn next_place(connection: &Connection) -> Result<i64, LedgerError> {
    Ok(connection
        .prepare_cached("select coalesce(max(position), 0) + 1 from fact")?
        .query_row([], |row| row.get(0))?)
}

/// This program, as it says that it has tried.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Items that another program passed over, in their order.
pub(super) fn passed_over_before(connection: &Connection) -> Result<Vec<FeedItem>, LedgerError> {
    let mut query =
        connection.prepare("select n, body from passed_over where version != ?1 order by n")?;
    let mut found = query.query([VERSION])?;
    let mut items = Vec::new();
    while let Some(row) = found.next()? {
        items.push(FeedItem {
            n: row.get(0)?,
            body: text::json(&row.get::<_, String>(1)?, "feed item")?,
        });
    }
    Ok(items)
}

/// Tries an item again that another program passed over.
pub(super) fn look_again(
    connection: &Connection,
    books: &mut Books,
    item: FeedItem,
) -> Result<(), LedgerError> {
    let n = item.n;
    apply(connection, books, item, Arrival::Late)?;
    connection.execute("delete from passed_over where n = ?1", [n])?;
    Ok(())
}

/// Notes that this program can do no more with what the one before it passed over.
pub(super) fn looked_again(connection: &Connection) -> Result<(), LedgerError> {
    connection.execute("update passed_over set version = ?1", [VERSION])?;
    Ok(())
}

/// A ticket becomes a job of this plant. A ticket that is here already changes nothing. Of a job that came back from
/// the hub after the disk was set back, the ticket is kept; its device may have it, and is asked before it is sent.
fn job_ticket(
    connection: &Connection,
    books: &mut Books,
    handed_over: &JobTicket,
) -> Result<(), LedgerError> {
    let known = connection
        .prepare_cached("select 1 from job where job_key = ?1")?
        .exists([handed_over.job_id.to_string()])?;
    if known {
        if ticket::of(connection, handed_over.job_id)?.is_none() {
            ticket::store(connection, handed_over)?;
            let row = job::by_key(connection, &handed_over.job_id.to_string())?;
            if row.is_some_and(|row| row.step == JobStep::Received) {
                admit::submission_that_may_be_done(connection, books, handed_over)?;
            }
        }
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
fn foreign_event(
    connection: &Connection,
    n: u64,
    item: &FeedEvent,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let envelope = &item.event;
    // The events between are not for us, so only the seal itself can be checked, not the chain.
    envelope
        .verify(item.producer, item.epoch, &envelope.prev_hash)
        .map_err(|source| LedgerError::FeedBroken { n, source })?;
    let producer = item.producer.to_string();
    let here = connection
        .prepare_cached("select 1 from fact where event_id = ?1")?
        .exists([envelope.event_id.to_string()])?;
    if here {
        // Our own event about a lot that others had named before: it is told what the lot was. That is taken in after the
        // newest event that is here.
        return adoption::adopt_all(connection, next_place(connection)?, n, item);
    }
    let event = envelope
        .event()
        .map_err(|source| LedgerError::FeedUnknown {
            n,
            source: Arc::new(source),
        })?;
    let place = insert_event(connection, &producer, item.epoch, envelope, false)?;
    let event = match event {
        Event::Lot(event) => event,
        Event::Document(changed) => return document::take_in(connection, n, &changed, now),
        Event::Rolled(rolled) => return document::roll(connection, n, &rolled, now),
        _ => return Ok(()),
    };
    adoption::leave_out(connection, place, n, &event)?;
    adoption::adopt_all(connection, place, n, item)?;
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

/// What the office makes out of a lot of this plant is a lot of this plant.
fn touches_own(connection: &Connection, event: &LotEvent) -> Result<bool, LedgerError> {
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
