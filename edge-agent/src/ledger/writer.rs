//! The writer thread: the only place that changes ledger.db.
//!
//! Group commit is natural: whatever waits when a request comes in shares its commit, and while
//! the disk works the next group gathers. A lone request is committed at once. Each request has a
//! savepoint of its own, so that a refused one leaves nothing behind and does not disturb others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agog_sync::clock::Clock;
use agog_sync::quantity::Material;
use rand::rngs::StdRng;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, watch};
use tracing::{debug, error, warn};

use super::error::{AppendError, LedgerError};
use super::{Appended, Position, Request, append, delivery, feed, reader, schema, upkeep};

/// The most events of one commit: at 0.1 ms each, a commit stays a fraction of a second.
pub const GROUP_EVENTS_MAX: usize = 512;

/// The longest that a group gathers before it is committed.
pub const GROUP_AGE_MAX: Duration = Duration::from_millis(100);

/// What the writer thread owns.
pub(super) struct Writer {
    connection: Connection,
    books: Books,
    published: watch::Sender<Position>,
}

/// What the writer knows besides the file. The position is put back when a commit fails.
pub(super) struct Books {
    pub(super) position: Position,
    pub(super) plant_code: String,
    pub(super) materials: BTreeMap<String, Material>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: StdRng,
    pub(super) upkeep: upkeep::Upkeep,
}

/// Tells one asker, once it is known whether the commit worked.
type Reply = Box<dyn FnOnce(Result<(), LedgerError>)>;

impl Writer {
    /// Opens the file. The position comes from its last commit.
    pub(super) fn open(
        path: &Path,
        materials: BTreeMap<String, Material>,
        clock: Arc<dyn Clock>,
        rng: StdRng,
    ) -> Result<(Self, watch::Receiver<Position>), LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing {
                path: path.to_owned(),
            });
        }
        let connection = schema::open_writer(path)?;
        let position = reader::position(&connection)?;
        let plant_code =
            connection.query_row("select plant_code from meta", [], |row| row.get(0))?;
        let (published, receiver) = watch::channel(position);
        let upkeep = upkeep::Upkeep::default();
        let books = Books {
            position,
            plant_code,
            materials,
            clock,
            rng,
            upkeep,
        };
        Ok((
            Self {
                connection,
                books,
                published,
            },
            receiver,
        ))
    }

    /// Works until the last handle is gone.
    pub(super) fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        while let Some(first) = inbox.blocking_recv() {
            self.commit_group(first, &mut inbox);
        }
        // The file is whole without this; it only makes the next start shorter.
        if let Err(error) = self
            .connection
            .pragma_update(None, "wal_checkpoint", "truncate")
        {
            debug!(
                error = &error as &dyn std::error::Error,
                "no checkpoint at the end"
            );
        }
    }

    fn commit_group(&mut self, first: Request, inbox: &mut mpsc::Receiver<Request>) {
        let started = Instant::now();
        let before = self.books.position;
        let mut replies: Vec<Reply> = Vec::new();
        let begun = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate);
        let result = match begun {
            Ok(mut tx) => {
                let mut events = 0;
                let mut next = Some(first);
                while let Some(request) = next {
                    let (count, reply) = serve(&mut tx, &mut self.books, request);
                    events += count;
                    replies.push(reply);
                    let full = events >= GROUP_EVENTS_MAX || started.elapsed() >= GROUP_AGE_MAX;
                    next = if full { None } else { inbox.try_recv().ok() };
                }
                self.books.upkeep.run_when_due(&tx, self.books.clock.now());
                metrics::counter!("agog_ledger_events_total").increment(events as u64);
                tx.commit().map_err(LedgerError::from)
            }
            Err(error) => {
                replies.push(refuse_unserved(first));
                Err(error.into())
            }
        };
        metrics::histogram!("agog_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
        match &result {
            Ok(()) => {
                let now = self.books.position;
                self.published
                    .send_if_modified(|shown| std::mem::replace(shown, now) != now);
            }
            Err(failure) => {
                self.books.position = before;
                error!(
                    error = failure as &dyn std::error::Error,
                    "{} requests not recorded: the ledger cannot be written",
                    replies.len()
                );
                metrics::counter!("agog_ledger_commit_failures_total").increment(1);
            }
        }
        for reply in replies {
            reply(result.clone());
        }
    }
}

/// Serves one request on a savepoint; what it changed is undone when it fails.
fn serve(tx: &mut Transaction<'_>, books: &mut Books, request: Request) -> (usize, Reply) {
    match request {
        Request::Append { append, answer } => {
            let result = on_savepoint(tx, books, |tx, books| append::append(tx, books, *append));
            let count = result
                .as_ref()
                .map_or(0, |appended: &Appended| appended.events.len());
            if let Err(AppendError::Ledger(error)) = &result {
                warn!(
                    error = error as &dyn std::error::Error,
                    "facts not recorded"
                );
            }
            let reply: Reply = Box::new(move |commit| {
                // An asker that has gone away repeats its request with the same key.
                let _ = answer.send(commit.map_err(AppendError::from).and(result));
            });
            (count, reply)
        }
        Request::Acknowledge { ack, answer } => {
            let result = on_savepoint(tx, books, |tx, books| delivery::acknowledge(tx, books, ack));
            (0, reply(answer, result))
        }
        Request::OpenEpoch { epoch, answer } => {
            let result = on_savepoint(tx, books, |tx, books| {
                delivery::open_epoch(tx, books, epoch)
            });
            (0, reply(answer, result))
        }
        Request::ApplyFeed { item, answer } => {
            let result = on_savepoint(tx, books, |tx, books| feed::apply(tx, books, *item));
            (1, reply(answer, result))
        }
        Request::MoveFeedCursor { n, answer } => {
            let result = on_savepoint(tx, books, |tx, _| feed::move_cursor(tx, n));
            (0, reply(answer, result))
        }
        Request::Ping { answer } => (0, reply(answer, Ok(()))),
    }
}

fn on_savepoint<T, E: From<LedgerError>>(
    tx: &mut Transaction<'_>,
    books: &mut Books,
    work: impl FnOnce(&Connection, &mut Books) -> Result<T, E>,
) -> Result<T, E> {
    let before = books.position;
    let savepoint = tx.savepoint().map_err(LedgerError::from)?;
    match work(&savepoint, books) {
        Ok(done) => {
            savepoint.commit().map_err(LedgerError::from)?;
            Ok(done)
        }
        Err(error) => {
            books.position = before;
            // Dropping rolls back as well, but silently; a failure here must end the group.
            savepoint.finish().map_err(LedgerError::from)?;
            Err(error)
        }
    }
}

fn reply<T: 'static>(
    answer: tokio::sync::oneshot::Sender<Result<T, LedgerError>>,
    result: Result<T, LedgerError>,
) -> Reply {
    Box::new(move |commit| {
        // An asker that has gone away does not need the answer.
        let _ = answer.send(commit.and(result));
    })
}

fn refuse_unserved(request: Request) -> Reply {
    match request {
        Request::Append { answer, .. } => Box::new(move |commit| {
            let failure = commit.err().unwrap_or(LedgerError::Stopped);
            let _ = answer.send(Err(failure.into()));
        }),
        Request::Acknowledge { answer, .. }
        | Request::MoveFeedCursor { answer, .. }
        | Request::Ping { answer } => reply(answer, Err(LedgerError::Stopped)),
        Request::OpenEpoch { answer, .. } => reply(answer, Err(LedgerError::Stopped)),
        Request::ApplyFeed { answer, .. } => reply(answer, Err(LedgerError::Stopped)),
    }
}
