//! What can go wrong in the ledger, and why a command is refused.

use std::path::PathBuf;
use std::sync::Arc;

use agog_sync::document::{ChangeRefused, EditRefused, RollRefused};
use agog_sync::event::{ChainError, DecodeError};
use agog_sync::ids::{EventId, HoldId};
use agog_sync::lots;
use agog_sync::quantity::{ConversionError, QuantityError, Unit};
use agog_sync::sscc::Sscc;
use rusqlite::ErrorCode;

use super::append::EVENT_BYTES_MAX;
use super::sending::OrderRefused;

/// The store failed. Nothing of the request was recorded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be opened.
    #[error("cannot open ledger `{path}`")]
    Open {
        path: PathBuf,
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The file was written by a newer program.
    #[error("ledger has schema {found}, this program knows up to {known}; use a newer agog-edge")]
    TooNew { found: u32, known: u32 },
    /// There is no ledger yet.
    #[error("there is no ledger at `{path}`; run `agog-edge init` first")]
    Missing { path: PathBuf },
    /// SQLite refused.
    #[error("ledger storage failed")]
    Storage(#[source] Arc<rusqlite::Error>),
    /// A stored value is not of its form: the file was changed by something else.
    #[error("ledger holds a malformed {what}: {detail}")]
    Malformed { what: &'static str, detail: String },
    /// The hub acknowledged something that we did not send.
    #[error("acknowledgement of event {seq} in epoch {epoch} is not for this ledger")]
    ForeignAck { epoch: u64, seq: u64 },
    /// An epoch must be higher than the current one.
    #[error("epoch {asked} is not higher than the current epoch {current}")]
    EpochNotNewer { asked: u64, current: u64 },
    /// Events of ours that the hub gave back are not those that were delivered.
    #[error("the hub gave back events that do not fit")]
    CameBackBroken(#[source] agog_sync::recovery::PageError),
    /// Items of the feed come in order.
    #[error("feed item {found} does not follow {expected}")]
    FeedOutOfOrder { found: u64, expected: u64 },
    /// An event of another producer was changed on its way.
    #[error("feed item {n} carries a broken event")]
    FeedBroken {
        n: u64,
        #[source]
        source: ChainError,
    },
    /// An event of another producer is of a kind that this program does not know.
    #[error("feed item {n} cannot be read; this program may be too old")]
    FeedUnknown {
        n: u64,
        #[source]
        source: Arc<DecodeError>,
    },
    /// An item is of a kind that this program does not know.
    #[error("feed item {n} of kind `{kind}` cannot be read; this program may be too old: {why}")]
    FeedKindUnknown { n: u64, kind: String, why: String },
    /// A change of a document is not what it should be.
    #[error("feed item {n} carries a change that is not taken in")]
    FeedDocument {
        n: u64,
        #[source]
        source: Arc<ChangeRefused>,
    },
    /// A document cannot begin anew as it should.
    #[error("feed item {n} begins a document in a way that is not taken in")]
    FeedRoll {
        n: u64,
        #[source]
        source: Arc<RollRefused>,
    },
    /// An event would be larger than the hub takes.
    #[error(
        "event `{kind}` of {bytes} bytes is larger than an event may be ({EVENT_BYTES_MAX} bytes)"
    )]
    EventTooLarge { kind: String, bytes: usize },
    /// The disk is full, and so is the reserve.
    #[error(
        "the disk is full ({} KiB free) and the ledger's reserve is used: nothing was recorded; make room and try again",
        free_bytes / 1024
    )]
    DiskFull { free_bytes: u64 },
    /// The file is damaged. Nothing is written to it any more.
    #[error(
        "the ledger is damaged ({what}) and takes nothing more, so that what is left can be saved: stop the agent, leave \
         `ledger.db` as it is, and run `agog-edge ledger salvage`"
    )]
    Damaged { what: String },
    /// The machine has no room for a thread.
    #[error("cannot start the ledger's writer thread")]
    Thread(#[source] Arc<std::io::Error>),
    /// The writer has ended.
    #[error("ledger is stopped")]
    Stopped,
}

impl LedgerError {
    /// There is no room; there may be later.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::Storage(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }

    /// The same request would fail again: it is to blame, and not the state of disk or machine.
    pub fn is_deterministic(&self) -> bool {
        match self {
            Self::Storage(error) => matches!(
                error.sqlite_error_code(),
                None | Some(
                    ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig
                )
            ),
            Self::Malformed { .. }
            | Self::ForeignAck { .. }
            | Self::EpochNotNewer { .. }
            | Self::CameBackBroken(_)
            | Self::FeedOutOfOrder { .. }
            | Self::FeedBroken { .. }
            | Self::FeedUnknown { .. }
            | Self::FeedKindUnknown { .. }
            | Self::FeedDocument { .. }
            | Self::FeedRoll { .. }
            | Self::EventTooLarge { .. } => true,
            Self::Open { .. }
            | Self::TooNew { .. }
            | Self::Missing { .. }
            | Self::DiskFull { .. }
            | Self::Damaged { .. }
            | Self::Thread(_)
            | Self::Stopped => false,
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// Why facts were not recorded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// A rule says no. Nothing was recorded.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store failed. Nothing was recorded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// Why a command was refused. The sentence is for people, the code for programs.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// One of the lot rules.
    #[error(transparent)]
    Rule(#[from] lots::Refusal),
    /// No lot has that number.
    #[error("lot {0} is not known here")]
    UnknownLot(String),
    /// Several lots have that number, for example one that came from another plant.
    #[error("{count} lots have the number {number}; name one by its id: {}", ids.join(", "))]
    AmbiguousLot {
        number: String,
        count: usize,
        ids: Vec<String>,
    },
    /// There is nothing in the container.
    #[error("container {0} holds nothing here")]
    EmptyContainer(Sscc),
    /// A series of SSCCs is used up.
    #[error("no SSCC is left that begins with {0}: set another `epcis.sscc_prefix`")]
    NoSsccLeft(String),
    /// Neither the office nor the configuration knows the material.
    #[error("material {code} is not configured; known are: {}", known.join(", "))]
    UnknownMaterial { code: String, known: Vec<String> },
    /// The unit cannot be converted to the material's.
    #[error("{source}; units that fit: {}", units(fitting))]
    WrongUnit {
        source: ConversionError,
        fitting: Vec<Unit>,
    },
    /// The amount is not one.
    #[error(transparent)]
    Amount(#[from] QuantityError),
    /// The lot's material is not known here yet.
    #[error("the material of lot {0} is not known here yet")]
    MaterialUnknown(String),
    /// Several holds stand, or none.
    #[error("{}", which_hold(lot, holds))]
    WhichHold { lot: String, holds: Vec<HoldId> },
    /// No event has that id.
    #[error("event {0} is not known here")]
    UnknownEvent(EventId),
    /// The event is not one that a correction undoes.
    #[error(transparent)]
    NotCorrectable(Arc<lots::NotCorrectable>),
    /// The command lacks something.
    #[error("{0}")]
    Incomplete(&'static str),
    /// A command to a device cannot be carried out.
    #[error(transparent)]
    Order(#[from] OrderRefused),
    /// An edit of a document cannot be made.
    #[error(transparent)]
    Edit(#[from] EditRefused),
    /// Planners work in the office.
    #[error("nobody edits as planner at a plant; the hub is where planners work")]
    PlannerAtPlant,
    /// A job of that number has not ended; a number belongs to one job at a time.
    #[error("job {0} is here already and has not ended; give another one its own number")]
    NumberTaken(String),
    /// Too many submitted jobs were not given back yet.
    #[error(
        "{own} jobs of this sender wait to be given back, {all} of all; send the ticket again later"
    )]
    SubmissionsFull { own: u32, all: u32 },
    /// An event would be larger than the hub takes.
    #[error(
        "event `{kind}` of {bytes} bytes is larger than an event may be ({EVENT_BYTES_MAX} bytes)"
    )]
    EventTooLarge { kind: String, bytes: usize },
    /// The office keeps such records and has none of that name in use, and the plant is strict.
    #[error("{0}")]
    NotInMasterData(String),
    /// The key was used for another request.
    #[error("Idempotency-Key `{0}` was used for another request")]
    KeyReused(String),
}

impl Refused {
    /// The stable code, for the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rule(refusal) => refusal.code(),
            Self::UnknownLot(_) => "unknown-lot",
            Self::AmbiguousLot { .. } => "ambiguous-lot",
            Self::EmptyContainer(_) => "empty-container",
            Self::NoSsccLeft(_) => "no-sscc-left",
            Self::UnknownMaterial { .. } => "unknown-material",
            Self::WrongUnit { .. } => "wrong-unit",
            Self::Amount(_) => "bad-amount",
            Self::MaterialUnknown(_) => "material-unknown",
            Self::WhichHold { .. } => "which-hold",
            Self::UnknownEvent(_) => "unknown-event",
            Self::NotCorrectable(_) => "not-correctable",
            Self::Incomplete(_) => "incomplete",
            Self::Order(refused) => refused.code(),
            Self::Edit(refused) => refused.code(),
            Self::PlannerAtPlant => "planner-at-plant",
            Self::NumberTaken(_) => "job-number-taken",
            Self::SubmissionsFull { .. } => "too-many-submissions",
            Self::EventTooLarge { .. } => "event-too-large",
            Self::NotInMasterData(_) => "not-in-master-data",
            Self::KeyReused(_) => "idempotency-key-reused",
        }
    }
}

fn units(fitting: &[Unit]) -> String {
    fitting
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn which_hold(lot: &str, holds: &[HoldId]) -> String {
    if holds.is_empty() {
        return format!("no hold stands on lot {lot}");
    }
    let ids: Vec<_> = holds.iter().map(ToString::to_string).collect();
    format!(
        "{} holds stand on lot {lot}; name one: {}",
        holds.len(),
        ids.join(", ")
    )
}
