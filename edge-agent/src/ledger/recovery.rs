//! What the writer does after the disk was set back or copied: a new epoch, and events that come
//! back from the hub. What to do is decided in `agog_sync::recovery`; nothing is overwritten.

use agog_sync::chain::ChainHead;
use agog_sync::event::{Envelope, Event, NewEvent};
use agog_sync::frame::{EpochOpened, LedgerAck};
use agog_sync::lots::LotEvent;
use agog_sync::recovery::{self, Placing};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::append::{apply_lot_event, insert_event, store_head};
use super::error::LedgerError;
use super::reader::Reader;
use super::writer::Books;
use super::{Ledger, Position, Request, days, document, job, reader, resolve, rows, text};

/// More epochs than a plant opens in its life; older ones are not fetched back.
const EPOCHS_MAX: u64 = 10_000;

/// Why and where a new epoch begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEpoch {
    /// What the hub has.
    pub hub: LedgerAck,
    /// The last event of the current epoch that the hub has as well.
    pub common: u64,
    /// As `agog_sync::outbox::Standing::reason` says it, or `salvaged`.
    pub reason: &'static str,
}

/// What is fetched back next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchBack {
    pub epoch: u64,
    /// Up to here the hub has nothing that is not here.
    pub after: u64,
}

/// An epoch that was opened here, and what came back since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochStatus {
    pub epoch: u64,
    pub opened_at: Timestamp,
    /// `rolled-back`, `diverged`, `superseded` or `salvaged`.
    pub reason: String,
}

/// How far events have come back from the hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchStatus {
    /// Events that came back and were not here.
    pub fetched: u64,
    /// Epochs of which there may be more.
    pub epochs_left: u64,
}

impl Reader {
    /// The epochs that were opened here, the newest first.
    pub fn epochs(&self) -> Result<Vec<EpochStatus>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select epoch, opened_at, reason from epoch order by epoch desc limit 20",
        )?;
        let mut found = query.query([])?;
        let mut epochs = Vec::new();
        while let Some(row) = found.next()? {
            epochs.push(EpochStatus {
                epoch: row.get(0)?,
                opened_at: text::instant(row.get(1)?)?,
                reason: row.get(2)?,
            });
        }
        Ok(epochs)
    }

    /// Why an epoch was opened; none for the first, and for one of an older program.
    pub fn epoch_opened(&self, epoch: u64) -> Result<Option<EpochOpened>, LedgerError> {
        let found: Option<(i64, String)> = self
            .connection
            .prepare_cached("select opened_at, reason from epoch where epoch = ?1")?
            .query_row([epoch], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        found
            .map(|(at, reason)| {
                let at = text::instant(at)?;
                Ok(EpochOpened { reason, at })
            })
            .transpose()
    }

    /// What is fetched back next, the oldest epoch first; none when everything is here.
    pub fn fetch_back(&self) -> Result<Option<FetchBack>, LedgerError> {
        Ok(self
            .connection
            .query_row(
                "select epoch, after_seq from fetch_back where finished_at is null
                 order by epoch limit 1",
                [],
                |row| {
                    Ok(FetchBack {
                        epoch: row.get(0)?,
                        after: row.get(1)?,
                    })
                },
            )
            .optional()?)
    }

    /// How far events have come back.
    pub fn fetch_status(&self) -> Result<FetchStatus, LedgerError> {
        Ok(self.connection.query_row(
            "select coalesce(sum(fetched), 0), count(*) filter (where finished_at is null)
             from fetch_back",
            [],
            |row| {
                Ok(FetchStatus {
                    fetched: row.get(0)?,
                    epochs_left: row.get(1)?,
                })
            },
        )?)
    }

    /// The next epoch after `epoch` of which there are events of ours.
    pub fn epoch_after(&self, epoch: u64) -> Result<Option<u64>, LedgerError> {
        let producer = self.position()?.producer.to_string();
        Ok(self.connection.query_row(
            "select min(epoch) from event where producer_id = ?1 and epoch > ?2",
            params![producer, epoch],
            |row| row.get(0),
        )?)
    }
}

impl Ledger {
    /// Opens the epoch after the hub's: the hub knows something under our numbers that we do not.
    /// What the hub does not have is sealed again in the new epoch, under the same event ids, and what
    /// the hub has is to be fetched back; nothing is overwritten.
    pub async fn open_epoch(&self, new: NewEpoch) -> Result<Position, LedgerError> {
        self.ask(|answer| Request::OpenEpoch { new, answer }).await
    }

    /// Has an epoch fetched back, once more if it was before.
    pub async fn want_back(&self, epoch: u64) -> Result<(), LedgerError> {
        self.ask(|answer| Request::WantBack { epoch, answer }).await
    }

    /// What is to be fetched back next; none when everything is here.
    pub async fn fetch_back(&self) -> Result<Option<FetchBack>, LedgerError> {
        self.read(Reader::fetch_back).await
    }

    /// Stores what the hub gave back for `asked`, with all effects, and the place to go on from. The
    /// events are not sent again. An empty page ends the epoch.
    pub async fn take_back(
        &self,
        asked: FetchBack,
        page: Vec<Envelope>,
    ) -> Result<(), LedgerError> {
        self.ask(|answer| Request::TakeBack {
            asked,
            page,
            answer,
        })
        .await
    }
}

/// Opens the epoch after the hub's and seals again in it what the hub does not have; from now on
/// what the hub has and this ledger does not is fetched back.
pub(super) fn open_epoch(
    connection: &Connection,
    books: &mut Books,
    new: &NewEpoch,
) -> Result<Position, LedgerError> {
    let old = books.position;
    let epoch = new.hub.epoch + 1;
    if epoch <= old.epoch {
        return Err(LedgerError::EpochNotNewer {
            asked: epoch,
            current: old.epoch,
        });
    }
    books.position = Position {
        producer: old.producer,
        epoch,
        head: ChainHead::genesis(old.producer, epoch),
        acknowledged: 0,
    };
    let sealed = set_aside(connection, books, old.epoch, new.common + 1)?;
    for wanted in 1.max(epoch.saturating_sub(EPOCHS_MAX))..epoch {
        want_back(connection, books, wanted)?;
    }
    connection.execute(
        "insert into epoch (epoch, opened_at, reason, hub_epoch, hub_seq, common_seq)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            epoch,
            books.clock.now().as_microsecond(),
            new.reason,
            new.hub.epoch,
            new.hub.last_seq,
            new.common
        ],
    )?;
    store_head(connection, books)?;
    warn!(
        "epoch {epoch} opened ({}): epoch {} is shared up to event {} of {}; {sealed} events sealed again",
        new.reason, old.epoch, new.common, old.head.last_seq,
    );
    Ok(books.position)
}

/// Has an epoch fetched back from the end of what is here of it, once more if it was before.
pub(super) fn want_back(
    connection: &Connection,
    books: &Books,
    epoch: u64,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "insert into fetch_back (epoch, after_seq)
             select ?1, coalesce(max(seq), 0) from event where producer_id = ?2 and epoch = ?1
             on conflict (epoch) do update set finished_at = null",
        )?
        .execute(params![epoch, books.position.producer.to_string()])?;
    Ok(())
}

/// Keeps the events of an epoch from `from` on aside, and seals their facts again at the end of the
/// current one, unless that was done before; says how many were sealed.
fn set_aside(
    connection: &Connection,
    books: &mut Books,
    epoch: u64,
    from: u64,
) -> Result<usize, LedgerError> {
    let producer = books.position.producer.to_string();
    let mut sealed = 0;
    for envelope in events_from(connection, &producer, epoch, from)? {
        let elsewhere = connection
            .prepare_cached(
                "select 1 from event where event_id = ?1 and producer_id = ?2 and epoch > ?3",
            )?
            .exists(params![envelope.event_id.to_string(), producer, epoch])?;
        if !elsewhere {
            let again = reseal(books, &envelope)?;
            insert_event(connection, &producer, books.position.epoch, &again, true)?;
            books.position.head = again.head();
            sealed += 1;
        }
    }
    // The rows that were sealed again have higher positions, so that none of these is given twice.
    let which = "producer_id = ?1 and epoch = ?2 and seq >= ?3";
    connection.execute(
        &format!(
            "insert into event_aside (position, producer_id, epoch, seq, event_id, kind, version,
                 occurred_at, recorded_at, actor, payload, prev_hash, hash, resealed)
             select position, producer_id, epoch, seq, event_id, kind, version, occurred_at,
                 recorded_at, actor, payload, prev_hash, hash, resealed
             from event where {which}"
        ),
        params![producer, epoch, from],
    )?;
    connection.execute(
        &format!("delete from event where {which}"),
        params![producer, epoch, from],
    )?;
    days::forget(connection, epoch, from)?;
    Ok(sealed)
}

fn events_from(
    connection: &Connection,
    producer: &str,
    epoch: u64,
    from: u64,
) -> Result<Vec<Envelope>, LedgerError> {
    let mut query = connection.prepare(
        "select seq, event_id, kind, version, occurred_at, recorded_at, actor, payload, prev_hash, hash
         from event where producer_id = ?1 and epoch = ?2 and seq >= ?3 order by seq",
    )?;
    let mut found = query.query(params![producer, epoch, from])?;
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
        .map_err(|error| text::malformed("event", error))?;
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

/// Stores a page of our own events as the hub has them, with the place to go on from. A page that
/// was taken before changes nothing.
pub(super) fn take_back(
    connection: &Connection,
    books: &mut Books,
    asked: FetchBack,
    page: &[Envelope],
) -> Result<(), LedgerError> {
    let FetchBack { epoch, after } = asked;
    let now = books.clock.now().as_microsecond();
    if page.is_empty() {
        connection.execute(
            "update fetch_back set finished_at = ?3
             where epoch = ?1 and after_seq = ?2 and finished_at is null",
            params![epoch, after, now],
        )?;
        return Ok(());
    }
    let producer = books.position.producer;
    let go_on = |after: u64, fetched: u64| {
        connection.execute(
            "update fetch_back set after_seq = ?2, fetched = fetched + ?3 where epoch = ?1",
            params![epoch, after, fetched],
        )
    };
    let head = reader::hash_at(connection, producer, epoch, after)?.map(|hash| ChainHead {
        last_seq: after,
        hash,
    });
    let Some(head) = head else {
        go_on(0, 0)?;
        return Ok(());
    };
    match recovery::verify_page(producer, epoch, &head, page) {
        Ok(_) => {}
        Err(error) if error.parts_earlier(&head) => {
            go_on(0, 0)?;
            return Ok(());
        }
        Err(error) => return Err(LedgerError::CameBackBroken(error)),
    }
    let mut fetched = 0;
    for envelope in page {
        fetched += u64::from(place(connection, books, epoch, envelope)?);
    }
    go_on(after + page.len() as u64, fetched)?;
    store_head(connection, books)
}

/// Stores events of ours that were found behind a hole of their epoch, with their effects, and seals them again at the
/// end of the current one; those of the epoch from `from` on are kept aside. Tells how many were sealed.
pub(super) fn seal_found_again(
    connection: &Connection,
    books: &mut Books,
    epoch: u64,
    from: u64,
    found: &[Envelope],
) -> Result<u64, LedgerError> {
    for envelope in found {
        place(connection, books, epoch, envelope)?;
    }
    let sealed = set_aside(connection, books, epoch, from)?;
    store_head(connection, books)?;
    Ok(sealed as u64)
}

/// Stores one event that came back; says whether it was not here.
fn place(
    connection: &Connection,
    books: &mut Books,
    epoch: u64,
    envelope: &Envelope,
) -> Result<bool, LedgerError> {
    let producer = books.position.producer;
    let here = reader::hash_at(connection, producer, epoch, envelope.seq)?;
    let knows_fact = connection
        .prepare_cached("select 1 from fact where event_id = ?1")?
        .exists([envelope.event_id.to_string()])?;
    let (replaces, event) = match recovery::placing(envelope, here, knows_fact) {
        Placing::Present => return Ok(false),
        Placing::Known { replaces } => (replaces, None),
        // One that cannot be read any more stays without effects.
        Placing::New { replaces } => (replaces, envelope.event().ok()),
    };
    if replaces {
        set_aside(connection, books, epoch, envelope.seq)?;
    }
    let producer = producer.to_string();
    let place = insert_event(connection, &producer, epoch, envelope, event.is_none())?;
    match event {
        Some(Event::Lot(event)) => {
            let named = (&event, envelope.event_id);
            let flags = apply_lot_event(connection, place, named, envelope.occurred_at, true)?;
            for flag in flags {
                warn!(
                    event.id = %envelope.event_id,
                    "event {} of epoch {epoch} that came back, on lot {}: {}",
                    envelope.seq, flag.lot().number, flag.code()
                );
            }
            count_numbers(connection, books, &event)?;
        }
        Some(Event::Job(event)) => {
            // What was recorded here meanwhile is newer.
            let is_overtaken = connection
                .prepare_cached("select 1 from job where job_key = ?1 and updated_at > ?2")?
                .exists(params![
                    job::job_key(&event.progress.job),
                    envelope.occurred_at.as_microsecond()
                ])?;
            if !is_overtaken {
                job::store(connection, &event, envelope.occurred_at)?;
            }
        }
        Some(Event::Document(changed)) => {
            match document::take_in(connection, 0, &changed, books.clock.now()) {
                // The event is kept, as all are; the document goes on without it.
                Err(unusable) if unusable.is_deterministic() => warn!(
                    event.id = %envelope.event_id,
                    "event {} of epoch {epoch} that came back changes no document: {unusable}",
                    envelope.seq
                ),
                taken => taken?,
            }
        }
        // What a device said last it says again when it is asked; gaps have no effect here, and rolls are the hub's.
        Some(Event::Device(_) | Event::Gap(_) | Event::Rolled(_)) | None => {}
    }
    Ok(true)
}

/// Numbers that were given out are not given out again.
fn count_numbers(
    connection: &Connection,
    books: &Books,
    event: &LotEvent,
) -> Result<(), LedgerError> {
    for lot in event.new_lots() {
        if let Some((series, n)) = resolve::series_of(&books.plant_code, &lot.number) {
            connection
                .prepare_cached(
                    "insert into number_series (series, newest) values (?1, ?2)
                     on conflict (series) do update set newest = max(newest, excluded.newest)",
                )?
                .execute(params![series, n])?;
        }
    }
    Ok(())
}
