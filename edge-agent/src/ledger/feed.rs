//! What comes down from the hub: tickets, commands to jobs, master data, and events of others that touch our lots.

use agog_sync::event::{Actor, Event, JobStep, NewEvent};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, JobTicket, LedgerMark, LotSnapshot};
use agog_sync::ids::EventId;
use agog_sync::lots::{LotEvent, LotOrigin};
use agog_sync::sscc::Sscc;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing::warn;

use super::append::{apply_lot_event, insert_event, seal, store_head};
use super::error::LedgerError;
use super::reader::Reader;
use super::sending::admit;
use super::writer::Books;
use super::{Ledger, Request, book, containers, document, effects, job, master, text, ticket};

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
        adopt_all(connection, next_place(connection)?, item.n, told)?;
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
        return adopt_all(connection, next_place(connection)?, n, item);
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
    leave_out(connection, place, n, &event)?;
    adopt_all(connection, place, n, item)?;
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

/// Notes the lots of an event that were taken in by a later item than the one that brings it: the hub had applied it by
/// then. And those from which a correction takes nothing back.
fn leave_out(
    connection: &Connection,
    place: i64,
    n: u64,
    event: &LotEvent,
) -> Result<(), LedgerError> {
    for lot in event.lots() {
        connection
            .prepare_cached(
                "insert or ignore into left_out (position, lot_id)
                 select ?1, lot_id from adoption where lot_id = ?2 and feed_n > ?3",
            )?
            .execute(params![place, lot.lot_id.to_string(), n])?;
        if let LotEvent::Corrected(correction) = event {
            // What was passed over has had no effect here, and is in those lots alone that came later.
            connection
                .prepare_cached(
                    "insert or ignore into left_out (position, lot_id)
                     select ?1, ?2 from passed_over
                     where json_extract(body, '$.ledger_event.event.event_id') = ?3
                         and not exists (select 1 from adoption where lot_id = ?2 and feed_n > n)",
                )?
                .execute(params![
                    place,
                    lot.lot_id.to_string(),
                    correction.corrects.to_string()
                ])?;
        }
    }
    Ok(())
}

/// Takes in what the hub tells of lots: of each once, when either side knew no more than its name, or when the hub tells it
/// with our own event. From then on both hear of the same events.
fn adopt_all(
    connection: &Connection,
    place: i64,
    n: u64,
    item: &FeedEvent,
) -> Result<(), LedgerError> {
    let is_own: bool = connection
        .prepare_cached("select agent_id = ?1 from meta")?
        .query_row([item.producer.to_string()], |row| row.get(0))?;
    for snapshot in &item.lots {
        let lot_id = snapshot.lot.lot_id.to_string();
        let is_told = connection
            .prepare_cached("select 1 from adoption where lot_id = ?1")?
            .exists([&lot_id])?;
        let known: Option<(String, bool)> = connection
            .prepare_cached("select balance, origin != 'unknown' from lot where lot_id = ?1")?
            .query_row([&lot_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let is_made = known.as_ref().is_some_and(|(_, is_made)| *is_made);
        if is_told || (is_made && snapshot.origin != LotOrigin::Unknown && !is_own) {
            continue;
        }
        let step = match (known, item.seen) {
            (None, _) => Step {
                balance: snapshot.balance,
                shipped: snapshot.shipped,
                packed: snapshot.packed.clone(),
            },
            // A hub that does not say what it had heard from us cannot tell what is missing here.
            (Some(_), None) => continue,
            (Some((here, _)), Some(seen)) => {
                let since = done_since(connection, &lot_id, seen, &item.unapplied)?;
                let shipped = book::shipped(connection, snapshot.lot.lot_id)?;
                let mut packed = snapshot.packed.clone();
                for (sscc, amount) in since.packed {
                    *packed.entry(sscc).or_default() += amount;
                }
                for (sscc, amount) in containers::packed(connection, &lot_id)? {
                    *packed.entry(sscc).or_default() -= amount;
                }
                Step {
                    balance: snapshot.balance + since.balance - text::decimal(&here)?,
                    shipped: snapshot.shipped + since.shipped - shipped,
                    packed,
                }
            }
        };
        adopt(connection, (place, n), snapshot, &step)?;
    }
    Ok(())
}

/// How far a lot moves by what the hub tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub balance: Decimal,
    /// What was shipped and did not come back.
    pub shipped: Decimal,
    /// What is packed, by container.
    pub packed: BTreeMap<Sscc, Decimal>,
}

/// How far our own events have moved a lot by what is not in it as the hub told it.
fn done_since(
    connection: &Connection,
    lot_id: &str,
    seen: LedgerMark,
    unapplied: &[EventId],
) -> Result<Step, LedgerError> {
    let mut query = connection.prepare_cached(
        "select entry.delta, entry.bucket in ('shipped', 'returned'), entry.sscc, fact.event_id from
             (select position, delta, bucket, null as sscc from lot_entry where lot_id = ?1
              union all
              select position, delta, bucket, sscc from container_entry where lot_id = ?1) as entry
             join fact on fact.position = entry.position
             join meta on meta.agent_id = fact.producer_id",
    )?;
    let mut found = query.query([lot_id])?;
    let mut sum = Step::default();
    while let Some(row) = found.next()? {
        let event_id = text::id(&row.get::<_, String>(3)?, "event id")?;
        if is_in(connection, event_id, seen, unapplied)? {
            continue;
        }
        let delta = text::decimal(&row.get::<_, String>(0)?)?;
        if let Some(sscc) = row.get::<_, Option<String>>(2)? {
            *sum.packed.entry(text::id(&sscc, "SSCC")?).or_default() += delta;
            continue;
        }
        sum.balance += delta;
        if row.get(1)? {
            sum.shipped -= delta;
        }
    }
    Ok(sum)
}

/// Whether the effect of one of our events is in a lot as the hub told it: the hub had heard of the event and could apply it,
/// or of another correction of the same event. Which of two corrections came first, and has the effect, is not the same
/// everywhere.
fn is_in(
    connection: &Connection,
    event_id: EventId,
    seen: LedgerMark,
    unapplied: &[EventId],
) -> Result<bool, LedgerError> {
    let mut same = corrections_of_the_same(connection, event_id)?;
    same.push(event_id);
    for event_id in same {
        // An event that was sealed again counts where it stands now. One that a copy of this disk has delivered stands in two
        // epochs, and the hub had it with the first.
        let first: Option<(u64, u64)> = connection
            .prepare_cached(
                "select epoch, seq from event where event_id = ?1 order by epoch, seq limit 1",
            )?
            .query_row([event_id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if first.is_some_and(|first| first <= (seen.epoch, seen.seq))
            && !unapplied.contains(&event_id)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Our other corrections of what an event corrects. Two are recorded where a disk was set back or copied: the second where
/// nothing tells of the first. All stand after what they correct, so the ledger is read from there.
fn corrections_of_the_same(
    connection: &Connection,
    event_id: EventId,
) -> Result<Vec<EventId>, LedgerError> {
    let corrects: Option<String> = connection
        .prepare_cached(
            "select json_extract(payload, '$.corrects') from fact
             where event_id = ?1 and kind = 'lot.corrected'",
        )?
        .query_row([event_id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(corrects) = corrects else {
        return Ok(Vec::new());
    };
    let mut query = connection.prepare_cached(
        "select event_id from event join meta on meta.agent_id = +event.producer_id
         where kind = 'lot.corrected' and json_extract(payload, '$.corrects') = ?1 and event_id <> ?2
           and position > (select coalesce(min(position), 0) from fact where event_id = ?1)",
    )?;
    let mut found = query.query([corrects, event_id.to_string()])?;
    let mut others = Vec::new();
    while let Some(row) = found.next()? {
        others.push(text::id(&row.get::<_, String>(0)?, "event id")?);
    }
    Ok(others)
}
/// The reason that is stored for a hold of which the hub told no more than that it stands.
pub(super) const HELD_WHEN_MET: &str = "held when this plant met the lot";

/// Takes a lot as the hub knew it, before the event at `place` and by the item `feed_n`; `step` is how far it moves here.
/// One that was known by its name alone is filled in.
fn adopt(
    connection: &Connection,
    (place, feed_n): (i64, u64),
    snapshot: &LotSnapshot,
    step: &Step,
) -> Result<(), LedgerError> {
    let lot_id = snapshot.lot.lot_id.to_string();
    connection
        .prepare_cached(
            "insert into lot (lot_id, number, material, material_code, base_unit, balance, origin,
                              made_by_job, attributes, created_at, own)
             values (?1, ?2, ?3, ?4, ?5, '0', ?6, null, ?7, ?8, 0)
             on conflict (lot_id) do update
             set number = excluded.number, material = excluded.material,
                 material_code = excluded.material_code, base_unit = excluded.base_unit,
                 origin = excluded.origin, attributes = excluded.attributes,
                 created_at = excluded.created_at
             where origin = ?9 and excluded.origin != ?9",
        )?
        .execute(params![
            lot_id,
            snapshot.lot.number,
            snapshot.material.as_ref().map(text::to_json),
            snapshot.material.as_ref().map(|material| &material.code),
            snapshot.base_unit.as_str(),
            snapshot.origin.as_str(),
            text::to_json(&snapshot.attributes),
            snapshot.created_at.as_microsecond(),
            LotOrigin::Unknown.as_str(),
        ])?;
    for hold_id in &snapshot.holds {
        connection
            .prepare_cached(
                "insert into lot_hold (lot_id, hold_id, reason, placed_at)
                 values (?1, ?2, ?4, ?3)
                 on conflict (lot_id, hold_id) do update
                 set reason = excluded.reason, placed_at = excluded.placed_at
                 where placed_at is null",
            )?
            .execute(params![
                lot_id,
                hold_id.to_string(),
                snapshot.created_at.as_microsecond(),
                HELD_WHEN_MET
            ])?;
    }
    effects::add_to_balance(connection, snapshot.lot.lot_id, step.balance)?;
    for (sscc, amount) in &step.packed {
        containers::add(connection, snapshot.lot.lot_id, *sscc, *amount)?;
    }
    connection
        .prepare_cached(
            "insert into adoption (lot_id, position, delta, shipped, packed, snapshot, feed_n)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            lot_id,
            place,
            step.balance.to_string(),
            step.shipped.to_string(),
            text::to_json(&step.packed),
            text::to_json(snapshot),
            feed_n
        ])?;
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
