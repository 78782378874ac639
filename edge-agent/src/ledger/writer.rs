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
use agog_sync::document::Actor;
use agog_sync::ids::{RequestId, RunId};
use agog_sync::quantity::Material;
use agog_sync::runs::RunClaim;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, watch};
use tracing::{debug, error, warn};

use super::damage::Damage;
use super::error::{AppendError, LedgerError};
use super::sending::fate;
use super::{
    Appended, Position, Request, append, controller, days, delivery, document, feed, reader,
    recovery, runs, schema, upkeep,
};
use crate::disk::{Disk, Level};

/// The most events of one commit: at 0.1 ms each, a commit stays a fraction of a second.
pub const GROUP_EVENTS_MAX: usize = 512;

/// The longest that a group gathers before it is committed.
pub const GROUP_AGE_MAX: Duration = Duration::from_millis(100);

/// What the writer thread owns.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) books: Books,
    published: watch::Sender<Position>,
    commands: watch::Sender<u64>,
    disk: Arc<Disk>,
    damage: Arc<Damage>,
}

/// What others see of the writer's progress.
pub(super) struct Published {
    pub(super) position: watch::Receiver<Position>,
    /// Counts changes of the commands to devices.
    pub(super) commands: watch::Receiver<u64>,
    /// The run that began with the opening.
    pub(super) run: RunClaim,
}

/// What the writer knows besides the file. The position is put back when a commit fails.
pub(super) struct Books {
    pub(super) position: Position,
    pub(super) plant_code: String,
    pub(super) materials: BTreeMap<String, Material>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: StdRng,
    /// Who edits documents here: other bytes for each start, never used again, also when the disk is set back.
    pub(super) document_actor: Actor,
    pub(super) upkeep: upkeep::Upkeep,
    /// Counts what was done to commands to devices; too much after a failed commit does no harm.
    pub(super) commands: u64,
    /// Free bytes of a disk that takes no new facts.
    full: Option<u64>,
}

impl Books {
    /// A message id that no other message of this agent has; a name in the sense of XML.
    pub(super) fn message_id(&mut self) -> String {
        format!("M{}", RequestId::generate(self.clock.now(), &mut self.rng))
    }
}

/// Tells one asker, once it is known whether the commit worked.
type Reply = Box<dyn FnOnce(Result<(), LedgerError>)>;

/// A request that was worked on, before the commit.
struct Served {
    events: usize,
    reply: Reply,
    /// Set when the store failed, not when a rule refused.
    failure: Option<LedgerError>,
}

impl Writer {
    /// Opens the file. The position comes from its last commit.
    pub(super) fn open(
        path: &Path,
        materials: BTreeMap<String, Material>,
        clock: Arc<dyn Clock>,
        mut rng: StdRng,
        disk: Arc<Disk>,
        damage: Arc<Damage>,
    ) -> Result<(Self, Published), LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing {
                path: path.to_owned(),
            });
        }
        let mut connection = schema::open_writer(path)?;
        let position = reader::position(&connection)?;
        let (epoch, head) = (position.epoch, position.head);
        if reader::hash_at(&connection, position.producer, epoch, head.last_seq)? != Some(head.hash)
        {
            let what = format!(
                "event {} of epoch {epoch}, which was recorded last, is not there",
                head.last_seq
            );
            schema::leave_log(&connection, true)?;
            return Err(LedgerError::Damaged { what });
        }
        let plant_code =
            connection.query_row("select plant_code from meta", [], |row| row.get(0))?;
        let run = RunId::generate(clock.now(), &mut rng);
        let run = runs::begin(&connection, run, clock.now()).unwrap_or_else(|error| {
            // A full disk keeps nobody from starting. The hub may take the next start for a copy.
            warn!(
                error = &error as &dyn std::error::Error,
                "this start is not noted in the ledger"
            );
            RunClaim {
                run,
                before: Vec::new(),
            }
        });
        let (commands, commands_receiver) = watch::channel(0);
        let upkeep = upkeep::Upkeep::default();
        let mut books = Books {
            position,
            plant_code,
            materials,
            clock,
            document_actor: rng.random(),
            rng,
            upkeep,
            commands: 0,
            full: None,
        };
        if let Err(error) = look_again(&mut connection, &mut books) {
            warn!(
                error = &error as &dyn std::error::Error,
                "what the program before this one passed over stays for the next start"
            );
        }
        let (published, receiver) = watch::channel(books.position);
        Ok((
            Self {
                connection,
                books,
                published,
                commands,
                disk,
                damage,
            },
            Published {
                position: receiver,
                commands: commands_receiver,
                run,
            },
        ))
    }

    /// Works until the last handle is gone.
    pub(super) fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        while let Some(first) = inbox.blocking_recv() {
            self.commit_group(first, &mut inbox);
        }
        if self.damage.refusal().is_some() {
            // What cannot be said is no more than what the end would do.
            let _ = schema::leave_log(&self.connection, true);
            return;
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
        if let Some(damaged) = self.damage.refusal() {
            return refuse_unserved(first)(Err(damaged));
        }
        let started = Instant::now();
        let before = self.books.position;
        let disk = self.disk.look();
        self.books.full = (disk.level == Level::Full).then_some(disk.free_bytes);
        let mut replies: Vec<Reply> = Vec::new();
        let begun = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate);
        let result = match begun {
            Ok(mut tx) => {
                let mut events = 0;
                let mut undone = None;
                let mut next = Some(first);
                while let Some(request) = next {
                    let served = serve(&mut tx, &mut self.books, request);
                    events += served.events;
                    replies.push(served.reply);
                    let is_damaged = |failure: &LedgerError| failure.damage().is_some();
                    if tx.is_autocommit() || served.failure.as_ref().is_some_and(is_damaged) {
                        // A full or failing disk made SQLite undo the whole group. A request that
                        // was served now would be in a transaction of its own. And nothing more is written to a
                        // damaged file.
                        undone = served.failure;
                        break;
                    }
                    let full = events >= GROUP_EVENTS_MAX || started.elapsed() >= GROUP_AGE_MAX;
                    next = if full { None } else { inbox.try_recv().ok() };
                }
                if let Some(failure) = undone {
                    Err(failure)
                } else {
                    self.books.upkeep.run_when_due(&tx, self.books.clock.now());
                    // Fails when there is no transaction any more.
                    tx.commit().map_err(LedgerError::from).map(|()| {
                        metrics::counter!("agog_ledger_events_total").increment(events as u64);
                    })
                }
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
                let commands = self.books.commands;
                self.commands
                    .send_if_modified(|shown| std::mem::replace(shown, commands) != commands);
            }
            Err(failure) => {
                self.books.position = before;
                self.damage.look(failure);
                if failure.is_disk_full() {
                    self.disk.is_full();
                }
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

/// Tries what another program passed over: after an update this one may know it.
fn look_again(connection: &mut Connection, books: &mut Books) -> Result<(), LedgerError> {
    let items = feed::passed_over_before(connection)?;
    if items.is_empty() {
        return Ok(());
    }
    let before = books.position;
    let mut tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for item in items {
        let n = item.n;
        match on_savepoint(&mut tx, books, |tx, books| {
            feed::look_again(tx, books, item)
        }) {
            Ok(()) => debug!("feed item {n}, passed over before, is taken in"),
            Err(error) if error.is_deterministic() => {}
            Err(error) => {
                books.position = before;
                return Err(error);
            }
        }
    }
    feed::looked_again(&tx)?;
    tx.commit().inspect_err(|_| books.position = before)?;
    Ok(())
}

/// Serves one request on a savepoint; what it changed is undone when it fails.
fn serve(tx: &mut Transaction<'_>, books: &mut Books, request: Request) -> Served {
    match request {
        Request::Append { append, answer } => {
            let result = match books.full {
                Some(free_bytes) => Err(LedgerError::DiskFull { free_bytes }.into()),
                None => on_savepoint(tx, books, |tx, books| append::append(tx, books, *append)),
            };
            let events = result
                .as_ref()
                .map_or(0, |appended: &Appended| appended.events.len());
            let failure = match &result {
                Err(AppendError::Ledger(error)) => Some(error.clone()),
                _ => None,
            };
            if let Some(error) = &failure {
                warn!(
                    error = error as &dyn std::error::Error,
                    "facts not recorded"
                );
            }
            let reply: Reply = Box::new(move |commit| {
                // An asker that has gone away repeats its request with the same key.
                let _ = answer.send(commit.map_err(AppendError::from).and(result));
            });
            Served {
                events,
                reply,
                failure,
            }
        }
        Request::Acknowledge { ack, answer } => {
            let result = on_savepoint(tx, books, |tx, books| delivery::acknowledge(tx, books, ack));
            served(0, answer, result)
        }
        Request::OpenEpoch { new, answer } => {
            let result = on_savepoint(tx, books, |tx, books| recovery::open_epoch(tx, books, &new));
            served(0, answer, result)
        }
        Request::WantBack { epoch, answer } => {
            let result = on_savepoint(tx, books, |tx, books| recovery::want_back(tx, books, epoch));
            served(0, answer, result)
        }
        Request::TakeBack {
            asked,
            page,
            answer,
        } => {
            let result = on_savepoint(tx, books, |tx, books| {
                recovery::take_back(tx, books, asked, &page)
            });
            served(page.len(), answer, result)
        }
        Request::RunAnswered { run, answer } => {
            let result = on_savepoint(tx, books, |tx, books| {
                runs::answered(tx, run, books.clock.now())
            });
            served(0, answer, result)
        }
        Request::ApplyFeed { item, how, answer } => {
            let result = on_savepoint(tx, books, |tx, books| feed::apply(tx, books, *item, how));
            served(1, answer, result)
        }
        Request::PassOver { item, why, answer } => {
            let result = on_savepoint(tx, books, |tx, books| {
                feed::pass_over(tx, &item, &why, books.clock.now())
            });
            served(0, answer, result)
        }
        Request::RepairDocument { item, answer } => {
            let result = on_savepoint(tx, books, |tx, books| document::repair(tx, books, &item));
            served(1, answer, result)
        }
        Request::MoveFeedCursor { n, answer } => {
            let result = on_savepoint(tx, books, |tx, _| feed::move_cursor(tx, n));
            served(0, answer, result)
        }
        Request::CommandNews {
            command_id,
            news,
            by,
            answer,
        } => {
            let result = on_savepoint(tx, books, |tx, books| {
                fate::note(tx, books, command_id, *news, by)
            });
            served(1, answer, result)
        }
        Request::Controller { change, answer } => {
            let result = on_savepoint(tx, books, |tx, books| {
                controller::change(tx, *change, books.clock.now())
            });
            served(0, answer, result)
        }
        Request::Days { news, answer } => {
            let result = on_savepoint(tx, books, |tx, books| {
                days::keep(tx, &news, books.clock.now())
            });
            served(0, answer, result)
        }
        Request::Ping { answer } => served(0, answer, Ok(())),
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
            if savepoint.is_autocommit() {
                // The savepoint is gone with its transaction; the cause says more than that.
                return Err(error);
            }
            // Dropping rolls back as well, but silently; a failure here must end the group.
            savepoint.finish().map_err(LedgerError::from)?;
            Err(error)
        }
    }
}

fn served<T: 'static>(
    events: usize,
    answer: tokio::sync::oneshot::Sender<Result<T, LedgerError>>,
    result: Result<T, LedgerError>,
) -> Served {
    Served {
        events,
        failure: result.as_ref().err().cloned(),
        reply: reply(answer, result),
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
        | Request::PassOver { answer, .. }
        | Request::WantBack { answer, .. }
        | Request::TakeBack { answer, .. }
        | Request::RunAnswered { answer, .. }
        | Request::RepairDocument { answer, .. }
        | Request::Days { answer, .. }
        | Request::Ping { answer } => reply(answer, Err(LedgerError::Stopped)),
        Request::OpenEpoch { answer, .. } => reply(answer, Err(LedgerError::Stopped)),
        Request::CommandNews { answer, .. } => reply(answer, Err(LedgerError::Stopped)),
        Request::ApplyFeed { answer, .. } => reply(answer, Err(LedgerError::Stopped)),
        Request::Controller { answer, .. } => reply(answer, Err(LedgerError::Stopped)),
    }
}

#[cfg(test)]
mod tests {
    use agog_sync::clock::ManualClock;
    use agog_sync::event::Actor;
    use agog_sync::ids::AgentId;
    use agog_sync::quantity::Unit;
    use rand::SeedableRng;
    use tokio::sync::oneshot;

    use super::super::command::{Amount, Details, LotCommand, Receive};
    use super::super::{Append, Fact, Ledger, Reader, What};
    use super::*;

    type Answer = oneshot::Receiver<Result<Appended, AppendError>>;

    fn receive(number: &str, location: &str) -> (Request, Answer) {
        let command = LotCommand::Receive(Receive {
            number: Some(number.to_owned()),
            material: "BOARD".to_owned(),
            quantity: Amount::of(100.into()),
            supplier: None,
            supplier_lot: None,
            expiry: None,
            location: Some(location.to_owned()),
            quality: BTreeMap::new(),
            details: Details::default(),
        });
        let append = Append {
            facts: vec![Fact {
                occurred_at: None,
                actor: Actor::System {
                    component: "test".to_owned(),
                },
                what: What::Lot(command),
            }],
            ..Append::default()
        };
        let (answer, receive) = oneshot::channel();
        let append = Box::new(append);
        (Request::Append { append, answer }, receive)
    }

    /// Has the writer take all requests as one group.
    fn group(writer: &mut Writer, requests: Vec<Request>) {
        let (sender, mut inbox) = mpsc::channel(16);
        for request in requests {
            sender.try_send(request).unwrap();
        }
        drop(sender);
        while let Ok(first) = inbox.try_recv() {
            writer.commit_group(first, &mut inbox);
        }
    }

    #[test]
    fn a_disk_that_fills_up_within_a_group_undoes_the_group_and_no_later_request_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let clock = Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse().unwrap()));
        let mut rng = StdRng::seed_from_u64(1);
        let agent_id = AgentId::generate(clock.now(), &mut rng);
        Ledger::create(&path, agent_id, "HAM", clock.now()).unwrap();
        let material = Material::simple("BOARD", Unit::Sheet);
        let materials = BTreeMap::from([("BOARD".to_owned(), material)]);
        let (disk, damage) = (Arc::new(Disk::unwatched()), Arc::new(Damage::of(&path)));
        let (mut writer, _position) =
            Writer::open(&path, materials, clock, rng, disk, damage).unwrap();
        let (first, mut first_answer) = receive("LOT-1", "A");
        group(&mut writer, vec![first]);
        first_answer.try_recv().unwrap().unwrap();
        let head = writer.books.position;

        let pages: i64 = writer
            .connection
            .query_row("pragma page_count", [], |row| row.get(0))
            .unwrap();
        writer
            .connection
            .query_row(
                &format!("pragma max_page_count = {}", pages + 2),
                [],
                |_| Ok(()),
            )
            .unwrap();
        let (small, mut small_answer) = receive("LOT-2", "A");
        let (large, mut large_answer) = receive("LOT-3", &"A".repeat(300_000));
        let (served, mut served_answer) = receive("LOT-4", "A");
        group(&mut writer, vec![small, large, served]);

        for answer in [&mut small_answer, &mut large_answer] {
            let error = answer.try_recv().unwrap().unwrap_err();
            let AppendError::Ledger(LedgerError::Storage(cause)) = error else {
                panic!("{error}");
            };
            assert_eq!(
                cause.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DiskFull)
            );
        }
        let served = served_answer.try_recv().unwrap().unwrap();
        assert_eq!(served.events[0].seq, head.head.last_seq + 1);

        writer
            .connection
            .query_row("pragma max_page_count = 100000", [], |_| Ok(()))
            .unwrap();
        let (again, mut again_answer) = receive("LOT-3", "A");
        group(&mut writer, vec![again]);
        again_answer.try_recv().unwrap().unwrap();
        assert!(writer.connection.is_autocommit());
        let found = Reader::open(&path).unwrap().verify().unwrap();
        assert_eq!(found.problems, vec![]);
        assert_eq!(found.events, 3);
        let numbers: String = writer
            .connection
            .query_row(
                "select group_concat(number, ' ' order by number) from lot",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(numbers, "LOT-1 LOT-3 LOT-4");
        assert_eq!(writer.books.position.head, found.head);
    }
}
