//! The ledger: what happened at this plant, append only and hash chained, and what follows from
//! it (balances, edges, uses, holds, the outbox).
//!
//! One writer thread owns the file. Whoever asks is answered after the commit that holds the
//! event, its effects, its inbox or idempotency key and the outbox position; many askers share
//! one commit. Readers have connections of their own, some of which are kept.
//!
//! Limits: [`INBOX_REQUESTS_MAX`] requests wait for the writer, then askers wait in line;
//! a commit holds at most [`writer::GROUP_EVENTS_MAX`] events or [`writer::GROUP_AGE_MAX`] of work.
//! Not for: samples (see `telemetry`), rules about lots (see `agog_sync::lots`).

mod adoption;
mod append;
mod asking;
pub mod backup;
mod book;
mod chain_check;
pub mod command;
pub mod containers;
pub mod controller;
mod controller_reader;
pub mod damage;
pub mod days;
mod delivery;
pub mod document;
mod effects;
pub mod error;
pub mod export;
mod feed;
pub(crate) mod job;
pub mod lacking;
mod left;
pub mod master;
mod reader;
mod readers;
mod recovery;
mod resolve;
pub mod restore;
pub mod rows;
mod runs;
mod said;
pub mod salvage;
mod schema;
pub mod sending;
pub mod sums;
mod text;
mod ticket;
mod trace;
mod untold;
mod upkeep;
pub mod verify;
pub mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::clock::Clock;
use agog_sync::event::{Actor, Envelope, Event};
use agog_sync::frame::{FeedEvent, FeedItem, JobTicket, LedgerAck};
use agog_sync::ids::{AgentId, EventId, ProducerId, RequestId, RunId};
use agog_sync::lots::Flag;
use agog_sync::quantity::Material;
use agog_sync::runs::RunClaim;
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

pub use append::EVENT_BYTES_MAX;
pub use command::LotCommand;
pub use containers::ContainerRow;
use controller::{Change, NewChannel, NewReturn, NewSubmission, Opening};
pub use controller_reader::EventPage;
use damage::Damage;
pub use error::{AppendError, LedgerError, Refused};
pub use feed::{Arrival, FeedOutcome};
pub use left::LeftEntry;
pub use master::MasterWarning;
pub use reader::{JobLots, LotFilter, LotPage, Outbox, PAGE_LOTS_MAX, Reader};
use readers::Readers;
pub use recovery::{EpochStatus, FetchBack, FetchStatus, NewEpoch};
pub use rows::{JobRow, LotEventRow, LotRow};
use sending::{News, Order};
pub use sums::MaterialSum;
pub use ticket::{TicketHead, TicketNames};
pub(crate) use untold::Untold;
pub use verify::Verification;
use writer::Writer;

use crate::config::MasterData;
use crate::disk::Disk;
use crate::words;

/// Requests that wait for the writer. When full, askers wait in line: a press or an operator
/// waits for a disk that is behind, and nothing is dropped.
pub const INBOX_REQUESTS_MAX: usize = 1_024;

/// How long the end of the program waits for the writer: a group, a commit and a checkpoint.
const WRITER_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The epoch of a new ledger.
const FIRST_EPOCH: u64 = 1;

/// Facts to be recorded together: all of them or none.
#[derive(Debug, Clone, Default)]
pub struct Append {
    /// In the order in which they happened.
    pub facts: Vec<Fact>,
    /// The message of a machine that said so. Recorded with the facts; a repeated message has no
    /// second effect. Facts may be empty: the message is then only remembered.
    pub inbox: Option<InboxKey>,
    /// What devices are to be told, recorded with the facts.
    pub orders: Vec<Order>,
    /// The key of a client that may repeat its request.
    pub idempotency: Option<IdempotencyKey>,
    /// What devices have said with it, to be known after a restart.
    pub said: Vec<SaidRow>,
    /// How the one ticket among the facts came, where an MIS submitted it over JMF. A repeated message
    /// has no second effect.
    pub submission: Option<Box<NewSubmission>>,
    /// Channels that are opened with it, as far as there is room.
    pub channels: Vec<NewChannel>,
    /// The ticket that says so, to be given back where its job came from an MIS.
    pub returned: Option<Box<NewReturn>>,
    /// How much the master data of the office counts for lot commands; it is not asked when not set.
    pub master_data: Option<MasterData>,
}

/// One fact, not recorded yet.
#[derive(Debug, Clone)]
pub struct Fact {
    /// When it happened; now when not known.
    pub occurred_at: Option<Timestamp>,
    /// Who says so.
    pub actor: Actor,
    /// What happened.
    pub what: What,
}

/// What happened: a finished event, or something that the writer turns into one.
#[derive(Debug, Clone)]
pub enum What {
    Event(Event),
    /// An event that newer ones of its job have overtaken: the job stays as they left it.
    Overtaken(Event),
    Lot(LotCommand),
    /// An edit of a document; it becomes a `document.changed` event, or none when everything is so already.
    Document(Box<document::DocumentEdit>),
    /// A ticket that was handed in here; it becomes a job with a `job.received` event, unless a job of
    /// its number has not ended.
    Ticket(Box<JobTicket>),
}

/// A message of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxKey {
    /// Who sent it, for example `jmf:press-3`.
    pub sender: String,
    /// Its id, unique for the sender.
    pub message_id: String,
}

impl InboxKey {
    /// A key that takes no more room than a usual one, whatever the machine made of its id.
    pub fn new(sender: impl Into<String>, message_id: String) -> Self {
        Self {
            sender: sender.into(),
            message_id: words::message_id(message_id),
        }
    }
}

/// Something that a device said, for whoever asks what it said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidRow {
    /// The device's id.
    pub device: String,
    /// The key of the row, unique for the device.
    pub what: String,
    /// None takes the row away.
    pub value: Option<String>,
}

/// A client's key for a request that it may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key as the client sent it.
    pub key: String,
    /// Hash of the request, so that a key used for another request is noticed.
    pub request: Hash,
}

/// What was recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Appended {
    pub events: Vec<RecordedEvent>,
    /// The lots that the events name, as they are now.
    pub lots: Vec<LotRow>,
    /// What should not have been and was forced.
    pub flags: Vec<Flag>,
    /// The commands that the orders became.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<RequestId>,
    /// What the master data says against it; recorded all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<MasterWarning>,
    /// The message or key was seen before: nothing was recorded now.
    pub repeated: bool,
}

/// An event that is in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    pub epoch: u64,
    pub seq: u64,
    pub event_id: EventId,
    pub kind: String,
    pub occurred_at: Timestamp,
    pub hash: Hash,
}

/// Where the ledger and its delivery stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub producer: ProducerId,
    pub epoch: u64,
    pub head: ChainHead,
    /// The hub has everything of this epoch up to here.
    pub acknowledged: u64,
}

/// A handle on the ledger; cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    inbox: mpsc::Sender<Request>,
    position: watch::Receiver<Position>,
    commands: watch::Receiver<u64>,
    run: Arc<RunClaim>,
    readers: Arc<Readers>,
    disk: Arc<Disk>,
    damage: Arc<Damage>,
}

/// What the writer is asked.
pub(crate) enum Request {
    Append {
        append: Box<Append>,
        answer: oneshot::Sender<Result<Appended, AppendError>>,
    },
    Acknowledge {
        ack: LedgerAck,
        answer: Answer<()>,
    },
    OpenEpoch {
        new: NewEpoch,
        answer: Answer<Position>,
    },
    WantBack {
        epoch: u64,
        answer: Answer<()>,
    },
    /// Events of ours that came back from the hub.
    TakeBack {
        asked: FetchBack,
        page: Vec<Envelope>,
        answer: Answer<()>,
    },
    RunAnswered {
        run: RunId,
        answer: Answer<()>,
    },
    ApplyFeed {
        item: Box<FeedItem>,
        how: Arrival,
        answer: Answer<FeedOutcome>,
    },
    PassOver {
        item: Box<FeedItem>,
        why: String,
        answer: Answer<()>,
    },
    RepairDocument {
        item: Box<FeedEvent>,
        answer: Answer<()>,
    },
    MoveFeedCursor {
        n: u64,
        answer: Answer<()>,
    },
    CommandNews {
        command_id: RequestId,
        news: Box<News>,
        by: Option<String>,
        answer: Answer<bool>,
    },
    /// What was promised to an MIS.
    Controller {
        change: Box<Change>,
        answer: Answer<Opening>,
    },
    Days {
        news: Vec<days::DayNews>,
        answer: Answer<()>,
    },
    Ping {
        answer: Answer<()>,
    },
}

type Answer<T> = oneshot::Sender<Result<T, LedgerError>>;

/// The writer thread; joined when the program ends, so that its last commit is done.
pub struct LedgerThread(std::sync::mpsc::Receiver<()>);

impl LedgerThread {
    /// Waits for the writer, which ends when the last [`Ledger`] is dropped. A handle that is
    /// held somewhere costs [`WRITER_ENDS_WITHIN`] and no data: whatever was answered is on disk.
    pub fn join(self) {
        // The writer says nothing: its end closes the channel.
        if self.0.recv_timeout(WRITER_ENDS_WITHIN) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the ledger's writer still runs: a handle on it is held");
        }
    }
}

/// Facts that were submitted.
pub struct Receipt(oneshot::Receiver<Result<Appended, AppendError>>);

impl Receipt {
    /// Answers after the commit.
    pub async fn committed(self) -> Result<Appended, AppendError> {
        self.0.await.map_err(|_| LedgerError::Stopped)?
    }
}

impl Ledger {
    /// Makes an empty ledger for a new agent. A ledger that is there already is left as it is.
    pub fn create(
        path: &Path,
        agent_id: AgentId,
        plant_code: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let connection = schema::open_writer(path)?;
        let genesis = ChainHead::genesis(agent_id.into(), FIRST_EPOCH);
        connection.execute(
            "insert into meta (meta_id, agent_id, plant_code, epoch, head_seq, head_hash,
                               acknowledged_seq, feed_cursor, created_at)
             values (1, ?1, ?2, ?3, 0, ?4, 0, 0, ?5) on conflict do nothing",
            rusqlite::params![
                agent_id.to_string(),
                plant_code,
                FIRST_EPOCH,
                genesis.hash.as_bytes(),
                now.as_microsecond()
            ],
        )?;
        Ok(())
    }

    /// Opens a ledger whose disk nobody watches, and starts its writer.
    pub fn open(
        path: &Path,
        materials: BTreeMap<String, Material>,
        clock: Arc<dyn Clock>,
        rng: StdRng,
    ) -> Result<(Self, LedgerThread), LedgerError> {
        Self::open_watched(path, materials, clock, rng, Arc::new(Disk::unwatched()))
    }

    /// Opens the ledger and starts its writer, which frees the reserve of `disk` when it needs it.
    pub fn open_watched(
        path: &Path,
        materials: BTreeMap<String, Material>,
        clock: Arc<dyn Clock>,
        rng: StdRng,
        disk: Arc<Disk>,
    ) -> Result<(Self, LedgerThread), LedgerError> {
        let damage = Arc::new(Damage::of(path));
        let opened = Writer::open(path, materials, clock, rng, disk.clone(), damage.clone());
        let (writer, published) = opened.map_err(|failure| {
            damage.look(&failure);
            damage.refusal().unwrap_or(failure)
        })?;
        let (inbox, requests) = mpsc::channel(INBOX_REQUESTS_MAX);
        let (running, ended) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                writer.run(requests);
                drop(running);
            })
            .map_err(|error| LedgerError::Thread(Arc::new(error)))?;
        Ok((
            Self {
                inbox,
                position: published.position,
                commands: published.commands,
                run: Arc::new(published.run),
                readers: Arc::new(Readers::of(path, damage.clone())),
                disk,
                damage,
            },
            LedgerThread(ended),
        ))
    }

    /// The disk that it lies on.
    pub fn disk(&self) -> Arc<Disk> {
        self.disk.clone()
    }

    /// Comes back when the file is found to be damaged: nothing is written to it any more.
    pub async fn is_damaged(&self) -> LedgerError {
        self.damage.is_found().await
    }

    /// The agent that writes this ledger: made by `init`, kept by enrolment.
    pub fn agent_id(&self) -> AgentId {
        AgentId::from_uuid(self.position.borrow().producer.uuid())
    }

    /// Records facts. Answers after the commit.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.submit(append).await?.committed().await
    }

    /// Puts facts into the writer's queue, waiting while it is full. What is submitted later is
    /// committed later or with it; the receipt says when.
    pub async fn submit(&self, append: Append) -> Result<Receipt, AppendError> {
        let (answer, receive) = oneshot::channel();
        let request = Request::Append {
            append: Box::new(append),
            answer,
        };
        self.inbox
            .send(request)
            .await
            .map_err(|_| LedgerError::Stopped)?;
        Ok(Receipt(receive))
    }

    /// What devices said last.
    pub async fn said(&self) -> Result<Vec<SaidRow>, LedgerError> {
        self.read(Reader::said).await
    }

    /// Where the ledger and its delivery stand; changes after each commit that moved them.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }

    /// The next events of an epoch of ours after `seq`: at most `events_max`, and no more than
    /// fit `bytes_max` of payload, but always one where there is one.
    pub async fn outbox_after(
        &self,
        epoch: u64,
        seq: u64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Envelope>, LedgerError> {
        self.read(move |reader| reader.outbox_after(epoch, seq, events_max, bytes_max))
            .await
    }

    /// The hash of an event of an epoch of ours, the genesis hash for 0; none when there is no
    /// such event.
    pub async fn hash_at(&self, epoch: u64, seq: u64) -> Result<Option<Hash>, LedgerError> {
        self.read(move |reader| reader.hash_at(epoch, seq)).await
    }

    /// The hub has everything up to `ack`. The cursor moves only when the epoch is the current
    /// one and the hash is ours, and never back.
    pub async fn acknowledge(&self, ack: LedgerAck) -> Result<(), LedgerError> {
        self.ask(|answer| Request::Acknowledge { ack, answer })
            .await
    }

    /// Comes back when the writer has committed what was before it: the proof of progress for
    /// the watchdog.
    pub async fn ping(&self) -> Result<(), LedgerError> {
        self.ask(|answer| Request::Ping { answer }).await
    }

    /// Changes what was promised to an MIS. Answers after the commit.
    pub(crate) async fn change(&self, change: Change) -> Result<Opening, LedgerError> {
        self.ask(|answer| Request::Controller {
            change: Box::new(change),
            answer,
        })
        .await
    }

    /// Runs a read on a connection that nobody else uses, off the runtime threads.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.read(read))
            .await
            .map_err(|_| LedgerError::Stopped)?
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, LedgerError> {
        let (answer, receive) = oneshot::channel();
        self.inbox
            .send(request(answer))
            .await
            .map_err(|_| LedgerError::Stopped)?;
        receive.await.map_err(|_| LedgerError::Stopped)?
    }
}
