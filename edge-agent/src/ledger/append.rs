//! Recording facts: the repeat check, the gate, the seal, the effects, and what the asker is
//! told, all on one savepoint.

use std::collections::BTreeSet;

use agog_sync::clock::to_micros;
use agog_sync::event::{Envelope, Event, NewEvent};
use agog_sync::frame::LEDGER_BATCH_BYTES_MAX;
use agog_sync::ids::{EventId, LotId};
use agog_sync::lots::{self, Flag, LotEvent};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::{AppendError, LedgerError, Refused};
use super::sending::admit;
use super::writer::Books;
use super::{
    Append, Appended, Fact, IdempotencyKey, InboxKey, RecordedEvent, What, book, controller,
    document, effects, job, master, resolve, rows, said, text, ticket,
};

/// The largest payload of an event: a device with all its units, each with the longest names, has 350 KiB.
/// A batch has room for one at least.
pub const EVENT_BYTES_MAX: usize = 384 * 1024;
const _: () = assert!(EVENT_BYTES_MAX < LEDGER_BATCH_BYTES_MAX);

/// Records all facts of `append`, or none.
pub(super) fn append(
    connection: &Connection,
    books: &mut Books,
    append: Append,
) -> Result<Appended, AppendError> {
    let now = books.clock.now();
    if let Some(answer) = answered_before(connection, append.idempotency.as_ref())? {
        return Ok(answer);
    }
    if let Some(submission) = &append.submission
        && controller::is_submitted(connection, &submission.message)?
    {
        return Ok(Appended {
            repeated: true,
            ..Appended::default()
        });
    }
    if !is_new_message(connection, append.inbox.as_ref(), now)? {
        return Ok(Appended {
            repeated: true,
            ..Appended::default()
        });
    }
    said::store(connection, &append.said)?;
    if let Some(returned) = &append.returned {
        controller::keep_return(connection, returned)?;
    }
    let mut appended = Appended::default();
    if append.facts.is_empty() && append.orders.is_empty() && append.idempotency.is_none() {
        // The head stays where it is.
        return Ok(appended);
    }
    let mut named = BTreeSet::new();
    if let Some(submission) = &append.submission {
        let ticket = append.facts.iter().find_map(|fact| match &fact.what {
            What::Ticket(ticket) => Some(ticket.job_id),
            _ => None,
        });
        if let Some(job_id) = ticket {
            controller::store_submission(connection, job_id, submission, now)?;
        }
    }
    for fact in append.facts {
        let What::Lot(command) = fact.what else {
            record_fact(connection, books, fact, now, &mut appended, &mut named)?;
            continue;
        };
        if let Some(counts) = append.master_data {
            let warnings = master::against(connection, &command, counts)?;
            appended.warnings.extend(warnings);
        }
        for part in resolve::parts(connection, command)? {
            let fact = Fact {
                occurred_at: fact.occurred_at,
                actor: fact.actor.clone(),
                what: What::Lot(part),
            };
            record_fact(connection, books, fact, now, &mut appended, &mut named)?;
        }
    }
    for channel in &append.channels {
        controller::open(connection, channel, now)?;
    }
    for order in append.orders {
        let command_id = admit::order(connection, books, order)?;
        appended.commands.push(command_id);
    }
    store_head(connection, books)?;
    appended.lots = lot_rows(connection, &named)?;
    remember_answer(connection, append.idempotency.as_ref(), &appended, now)?;
    Ok(appended)
}

fn record_fact(
    connection: &Connection,
    books: &mut Books,
    fact: Fact,
    now: Timestamp,
    appended: &mut Appended,
    named: &mut BTreeSet<LotId>,
) -> Result<(), AppendError> {
    let at = to_micros(fact.occurred_at.unwrap_or(now));
    let mut handed_over = None;
    let is_overtaken = matches!(fact.what, What::Overtaken(_));
    let (mut event, gated) = match fact.what {
        What::Event(event) | What::Overtaken(event) => (event, false),
        What::Lot(command) => (
            Event::Lot(resolve::event(connection, books, &command, at)?),
            true,
        ),
        What::Document(wanted) => match document::edit(connection, books, &wanted, at)? {
            Some(event) => (event, false),
            None => return Ok(()),
        },
        What::Ticket(handed_in) => {
            if job::is_open(connection, &handed_in.number)? {
                return Err(Refused::NumberTaken(handed_in.number).into());
            }
            let event = Event::Job(Box::new(job::received(&handed_in)));
            handed_over = Some(handed_in);
            (event, false)
        }
    };
    let event_id = EventId::generate(now, &mut books.rng);
    let outcome = match &mut event {
        Event::Lot(event) => {
            let book = book::load(connection, event, event_id)?;
            event.note(&book);
            if gated {
                lots::admit(event, &book, at).map_err(Refused::from)?;
            }
            named.extend(event.lots().into_iter().map(|lot| lot.lot_id));
            Some(lots::apply(event, event_id, &book, at))
        }
        _ => None,
    };
    let new = NewEvent {
        event_id,
        occurred_at: at,
        recorded_at: now,
        actor: fact.actor,
        event,
    };
    let (envelope, position) = seal(connection, books, &new).map_err(|error| match error {
        LedgerError::EventTooLarge { kind, bytes } => {
            AppendError::Refused(Refused::EventTooLarge { kind, bytes })
        }
        other => other.into(),
    })?;
    if let Some(outcome) = outcome {
        effects::store(connection, position, &outcome.effects, true)?;
        appended.flags.extend(outcome.flags);
    }
    if let Event::Job(event) = &new.event
        && !is_overtaken
    {
        job::store(connection, event, at)?;
    }
    if let Some(handed_over) = handed_over {
        ticket::store(connection, &handed_over)?;
        admit::submission(connection, books, &handed_over)?;
    }
    appended.events.push(RecordedEvent {
        epoch: books.position.epoch,
        seq: envelope.seq,
        event_id: envelope.event_id,
        kind: envelope.kind,
        occurred_at: envelope.occurred_at,
        hash: envelope.hash,
    });
    Ok(())
}

/// Seals an event as the next of our chain and stores it; tells its place in the file. One that the hub could
/// not take would keep everything behind it here, and is refused.
pub(super) fn seal(
    connection: &Connection,
    books: &mut Books,
    new: &NewEvent,
) -> Result<(Envelope, i64), LedgerError> {
    let Books { position, .. } = books;
    let envelope = Envelope::seal(position.producer, position.epoch, &position.head, new);
    let bytes = envelope.payload.get().len();
    if bytes > EVENT_BYTES_MAX {
        let kind = envelope.kind;
        return Err(LedgerError::EventTooLarge { kind, bytes });
    }
    let place = insert_event(
        connection,
        &position.producer.to_string(),
        position.epoch,
        &envelope,
        false,
    )?;
    position.head = envelope.head();
    Ok((envelope, place))
}

/// Stores a sealed event of any producer; tells its place in the file.
pub(super) fn insert_event(
    connection: &Connection,
    producer: &str,
    epoch: u64,
    envelope: &Envelope,
    resealed: bool,
) -> Result<i64, LedgerError> {
    connection
        .prepare_cached(
            "insert into event (producer_id, epoch, seq, event_id, kind, version, occurred_at,
                                recorded_at, actor, payload, prev_hash, hash, resealed)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            producer,
            epoch,
            envelope.seq,
            envelope.event_id.to_string(),
            envelope.kind,
            envelope.version,
            envelope.occurred_at.as_microsecond(),
            envelope.recorded_at.as_microsecond(),
            text::to_json(&envelope.actor),
            envelope.payload.get(),
            envelope.prev_hash.as_bytes(),
            envelope.hash.as_bytes(),
            resealed,
        ])?;
    Ok(connection.last_insert_rowid())
}

/// Writes the position of the ledger, as part of the same commit.
pub(super) fn store_head(connection: &Connection, books: &Books) -> Result<(), LedgerError> {
    let position = &books.position;
    connection
        .prepare_cached(
            "update meta set epoch = ?1, head_seq = ?2, head_hash = ?3, acknowledged_seq = ?4",
        )?
        .execute(params![
            position.epoch,
            position.head.last_seq,
            position.head.hash.as_bytes(),
            position.acknowledged
        ])?;
    Ok(())
}

fn answered_before(
    connection: &Connection,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Appended>, AppendError> {
    let Some(key) = key else { return Ok(None) };
    let found: Option<(Vec<u8>, String)> = connection
        .prepare_cached("select request_hash, answer from idempotency where idempotency_key = ?1")?
        .query_row([&key.key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((request, answer)) = found else {
        return Ok(None);
    };
    if request != key.request.as_bytes() {
        return Err(Refused::KeyReused(key.key.clone()).into());
    }
    let answer: Appended = text::json(&answer, "stored answer")?;
    Ok(Some(Appended {
        repeated: true,
        ..answer
    }))
}

fn remember_answer(
    connection: &Connection,
    key: Option<&IdempotencyKey>,
    answer: &Appended,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let Some(key) = key else { return Ok(()) };
    connection
        .prepare_cached(
            "insert into idempotency (idempotency_key, request_hash, answer, recorded_at)
             values (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            key.key,
            key.request.as_bytes(),
            text::to_json(answer),
            now.as_microsecond()
        ])?;
    Ok(())
}

fn is_new_message(
    connection: &Connection,
    key: Option<&InboxKey>,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let Some(key) = key else { return Ok(true) };
    let stored = connection
        .prepare_cached(
            "insert into inbox_message (sender, message_id, recorded_at)
             values (?1, ?2, ?3) on conflict do nothing",
        )?
        .execute(params![key.sender, key.message_id, now.as_microsecond()])?;
    Ok(stored == 1)
}

fn lot_rows(
    connection: &Connection,
    named: &BTreeSet<LotId>,
) -> Result<Vec<rows::LotRow>, LedgerError> {
    let mut found = Vec::new();
    for lot_id in named {
        found.extend(rows::lot_by_id(connection, *lot_id)?);
    }
    found.sort_by(|a, b| (a.created_at, &a.lot.number).cmp(&(b.created_at, &b.lot.number)));
    Ok(found)
}

/// What an event of ours, resealed or foreign, does to lots; used where nothing can be refused. A lot that was taken in
/// with the event in it is left as it is.
pub(super) fn apply_lot_event(
    connection: &Connection,
    place: i64,
    (event, event_id): (&LotEvent, EventId),
    at: Timestamp,
    own: bool,
) -> Result<Vec<Flag>, LedgerError> {
    let book = book::load(connection, event, event_id)?;
    let mut outcome = lots::apply(event, event_id, &book, at);
    let left_out = left_out(connection, place)?;
    outcome
        .effects
        .retain(|effect| !effects::came_with_its_lot(effect, &left_out));
    effects::store(connection, place, &outcome.effects, own)?;
    Ok(outcome.flags)
}

fn left_out(connection: &Connection, place: i64) -> Result<Vec<LotId>, LedgerError> {
    let mut query = connection.prepare_cached("select lot_id from left_out where position = ?1")?;
    let mut found = query.query([place])?;
    let mut lots = Vec::new();
    while let Some(row) = found.next()? {
        lots.push(text::id(&row.get::<_, String>(0)?, "lot id")?);
    }
    Ok(lots)
}
