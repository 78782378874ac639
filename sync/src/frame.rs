//! What travels between agent and hub. Every frame carries the protocol version; unknown fields
//! are ignored, so that a newer side can add some.
//!
//! Bodies are JSON compressed with zstd. No frame type is untagged or flattened: payloads are
//! kept as the exact text that was sealed, which those forms of serde would rewrite.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Read;

use crate::chain::Hash;
use crate::event::Envelope;
use crate::ids::{
    AgentId, EventId, HoldId, JobId, PlantId, ProducerId, RequestId, RunId, TenantId,
};
use crate::lots::{LotAttributes, LotOrigin, LotRef};
use crate::quantity::{Material, Unit};
use crate::sscc::Sscc;

mod body;

pub use body::{FEED_READS, FeedBody, UnknownBody};

/// The version of the frames in this module.
pub const PROTOCOL: u16 = 1;

/// The most events in one batch: enough to make a commit worth its fsync, small enough that a
/// lost answer is cheap to repeat.
pub const LEDGER_BATCH_EVENTS_MAX: usize = 1_000;

/// The most bytes of event payloads in one batch, before compression.
pub const LEDGER_BATCH_BYTES_MAX: usize = 512 * 1024;

/// The most bytes that a body may decompress to. A batch of small payloads is mostly envelope
/// (about 500 bytes an event), hence the room above [`LEDGER_BATCH_BYTES_MAX`].
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most samples in one telemetry block: where longer columns hardly compress better any more.
pub const BLOCK_SAMPLES_MAX: usize = 16_384;

/// Compression level: level 3 is where ledger JSON stops gaining for the time spent.
const ZSTD_LEVEL: i32 = 3;

/// Events of one producer and epoch, in order and without a gap.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LedgerBatch {
    pub protocol: u16,
    /// Must be the producer of the credential that the batch came with.
    pub producer: ProducerId,
    pub epoch: u64,
    pub first_seq: u64,
    pub last_seq: u64,
    /// The hash before the first event.
    pub prev_hash: Hash,
    /// Why this epoch was opened; with the batches of a second or later epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<EpochOpened>,
    pub events: Vec<Envelope>,
}

/// Why an agent opened an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochOpened {
    /// `rolled-back`, `diverged` or `superseded`; a newer agent may have other words.
    pub reason: String,
    /// When, by the agent's clock.
    pub at: jiff::Timestamp,
}

/// Events of an agent as the hub has them, given back to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LedgerPage {
    pub epoch: u64,
    /// In order, without a gap, from the one after the number that was asked; within the limits of
    /// a batch. None: the hub has no more.
    pub events: Vec<Envelope>,
}

/// What the hub has of a producer after a batch, or when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAck {
    pub epoch: u64,
    /// 0 before the first event.
    pub last_seq: u64,
    /// The hash of that event, or the genesis hash of the epoch.
    pub hash: Hash,
    /// The hub had all of the batch before.
    #[serde(default)]
    pub duplicate: bool,
}

/// What the hub has of an agent, asked at each connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {
    pub ledger: LedgerAck,
    pub telemetry: TelemetryAck,
    /// The hub's clock when it answered; an older hub does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<jiff::Timestamp>,
}

/// Telemetry blocks of one producer, in order and without a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelemetryBatch {
    pub protocol: u16,
    pub producer: ProducerId,
    pub epoch: u64,
    pub first_block: u64,
    pub last_block: u64,
    pub blocks: Vec<TelemetryBlock>,
}

/// What the hub has of a producer's telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryAck {
    pub epoch: u64,
    pub last_block: u64,
    #[serde(default)]
    pub duplicate: bool,
}

/// One metric of one device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    pub device: String,
    pub metric: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Samples in columns: `series_index`, `time_us` and `value` have one entry per sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelemetryBlock {
    /// Dense, from 1, per producer and epoch.
    pub block: u64,
    /// The dictionary that `series_index` points into.
    pub series: Vec<SeriesKey>,
    pub series_index: Vec<u32>,
    /// Microseconds since 1970-01-01 UTC.
    pub time_us: Vec<i64>,
    pub value: Vec<f64>,
}

impl TelemetryBlock {
    /// A block without samples: what is left of one that was dropped.
    pub fn empty(block: u64) -> Self {
        Self {
            block,
            series: Vec::new(),
            series_index: Vec::new(),
            time_us: Vec::new(),
            value: Vec::new(),
        }
    }

    /// How many samples, when the columns fit together; otherwise what is wrong.
    pub fn samples(&self) -> Result<usize, &'static str> {
        let samples = self.value.len();
        if self.series_index.len() != samples || self.time_us.len() != samples {
            return Err("columns of a telemetry block differ in length");
        }
        if samples > BLOCK_SAMPLES_MAX {
            return Err("a telemetry block has more than 16,384 samples");
        }
        if self
            .series_index
            .iter()
            .any(|&index| index as usize >= self.series.len())
        {
            return Err("a sample points outside the series of its block");
        }
        Ok(samples)
    }
}

/// What the hub has for an agent, after the counter that the agent named.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedPage {
    pub items: Vec<FeedItem>,
    /// The counter to ask after next time.
    pub next: u64,
    /// The counter asked after is older than what is kept; the agent needs a snapshot.
    #[serde(default)]
    pub must_refetch: bool,
    /// The hub's clock when it answered; an older hub does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<jiff::Timestamp>,
}

/// One item of the down feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedItem {
    /// Dense, from 1, per agent.
    pub n: u64,
    pub body: FeedBody,
}

/// What is left of the feed before what the hub still has item by item: for an agent whose place in it is gone.
///
/// Items keep their numbers and their order; what nobody needs any more is missing: tickets of jobs that have ended, and
/// records of master data that a later item says anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotPage {
    /// Holds of others that stand on lots of the plant, with the page that was asked for them: applied before anything
    /// else, because what is held must not be used meanwhile.
    #[serde(default)]
    pub holds: Vec<FeedEvent>,
    /// In order, after the number that was asked after; numbers may be missing.
    pub items: Vec<FeedItem>,
    /// The number to ask after next time.
    pub next: u64,
    /// Nothing is left of what is gone: the feed goes on after `next`.
    pub complete: bool,
}

/// An event of another producer, with the lots that the plant may not know yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedEvent {
    pub producer: ProducerId,
    pub epoch: u64,
    pub event: Envelope,
    /// Lots that the event names, as the hub knew them before the event.
    #[serde(default)]
    pub lots: Vec<LotSnapshot>,
    /// What the hub had of the receiving agent's own ledger when the lots were so: what the agent has done to them
    /// since comes on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<LedgerMark>,
    /// Events of the receiving agent up to `seen` that the hub keeps and could not apply: what they did to the lots is not
    /// in them, and comes on top as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unapplied: Vec<EventId>,
}

/// A place in one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LedgerMark {
    pub epoch: u64,
    /// 0 before the first event.
    pub seq: u64,
}

/// A lot as the hub knows it, for an agent that has not met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotSnapshot {
    pub lot: LotRef,
    pub material: Option<Material>,
    pub balance: Decimal,
    pub base_unit: Unit,
    /// What was shipped of it and did not come back.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub shipped: Decimal,
    /// What of the balance is packed, by container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub packed: BTreeMap<Sscc, Decimal>,
    pub attributes: LotAttributes,
    pub origin: LotOrigin,
    /// The holds that stand on it.
    #[serde(default)]
    pub holds: Vec<HoldId>,
    pub created_at: jiff::Timestamp,
}

/// A job for a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTicket {
    pub job_id: JobId,
    /// The number that people use.
    pub number: String,
    /// The device's id at the plant.
    pub device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The JDF document, as it was handed in.
    pub jdf: String,
    /// Numbers of the lots that the job takes its material from.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// The lot that the job makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputLot>,
    /// The reason booked for the job's waste; without one, the device's own words, which are often
    /// no more than the name of a phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waste_reason: Option<String>,
    /// Files that the ticket names as `cid:` URLs and that go to the device with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<TicketFile>,
    /// The queue entry is held until somebody resumes it.
    #[serde(default)]
    pub hold: bool,
    /// The priority in the device's queue, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
}

impl JobTicket {
    /// A job of which nothing but its ticket and device is said.
    pub fn new(
        job_id: JobId,
        number: impl Into<String>,
        device: impl Into<String>,
        jdf: impl Into<String>,
    ) -> Self {
        Self {
            job_id,
            number: number.into(),
            device: device.into(),
            order: None,
            customer: None,
            jdf: jdf.into(),
            inputs: Vec::new(),
            output: None,
            waste_reason: None,
            files: Vec::new(),
            hold: false,
            priority: None,
        }
    }
}

/// A file that goes with a ticket. Its bytes are fetched by their hash:
/// `GET /sync/v1/files/{blake3}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketFile {
    /// The content ID by which the ticket names it, without `cid:`.
    pub content_id: String,
    /// A name for people, without a path.
    pub name: String,
    /// The media type, for example `application/pdf`.
    pub media_type: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of the bytes.
    pub blake3: Hash,
}

/// What somebody wants done with a job at its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCommand {
    /// The same command again has no second effect.
    pub command_id: RequestId,
    pub job_id: JobId,
    pub action: JobAction,
    /// Who wants it.
    pub by: String,
}

/// The commands to the queue entry of a job (JMF `HoldQueueEntry`, `ResumeQueueEntry` …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobAction {
    /// It waits, and is not begun.
    Hold,
    /// A held or suspended entry goes on.
    Resume,
    /// What runs is interrupted.
    Suspend,
    /// It is ended, and its ticket returned.
    Abort,
    /// An entry that has not begun is taken out.
    Remove,
    /// From 0 to 100; the higher ones are first.
    Priority(i64),
    /// Its place among the waiting entries, from 0.
    Position(u32),
}

/// The lot that a job makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLot {
    /// Its number; made by the agent when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub material: Material,
}

/// A new agent asks to join a plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The one-time code that the hub gave out for the plant.
    pub code: String,
    /// The id under which the agent has recorded its ledger so far.
    pub agent_id: AgentId,
    /// The raw Ed25519 public key, base64.
    pub public_key: String,
    pub agent_name: String,
    pub agent_version: String,
    /// The newest run of the agent's file. An agent that enrols again is served from this run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// Where the agent belongs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolResponse {
    pub tenant_id: TenantId,
    pub plant_id: PlantId,
    pub plant_code: String,
    pub plant_name: String,
    pub agent_id: AgentId,
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("body is not zstd")]
    Compression(#[source] std::io::Error),
    #[error("body is larger than {0} bytes once decompressed")]
    TooLarge(usize),
    #[error("body is not the expected JSON")]
    Json(#[source] serde_json::Error),
}

/// Writes a frame as compressed JSON.
pub fn encode(frame: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let json = serde_json::to_vec(frame).map_err(FrameError::Json)?;
    zstd::stream::encode_all(&json[..], ZSTD_LEVEL).map_err(FrameError::Compression)
}

/// Reads a frame; never decompresses more than `bytes_max`.
pub fn decode<T: DeserializeOwned>(body: &[u8], bytes_max: usize) -> Result<T, FrameError> {
    let mut json = Vec::new();
    zstd::stream::read::Decoder::new(body)
        .map_err(FrameError::Compression)?
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut json)
        .map_err(FrameError::Compression)?;
    if json.len() > bytes_max {
        return Err(FrameError::TooLarge(bytes_max));
    }
    serde_json::from_slice(&json).map_err(FrameError::Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_decompresses_beyond_the_limit_is_refused_before_it_is_read() {
        let bomb = encode(&"0".repeat(2_000_000)).unwrap();
        assert!(bomb.len() < 2_000);
        assert!(matches!(
            decode::<String>(&bomb, 1_000_000),
            Err(FrameError::TooLarge(1_000_000))
        ));
        assert_eq!(decode::<String>(&bomb, 3_000_000).unwrap().len(), 2_000_000);
    }

    #[test]
    fn garbage_is_an_error_and_not_a_panic() {
        assert!(matches!(
            decode::<String>(b"not zstd", 100),
            Err(FrameError::Compression(_))
        ));
        let json = encode(&7).unwrap();
        assert!(matches!(
            decode::<String>(&json, 100),
            Err(FrameError::Json(_))
        ));
    }

    #[test]
    fn columns_of_a_block_must_fit_together() {
        let mut block = TelemetryBlock {
            block: 1,
            series: vec![SeriesKey {
                device: "press-3".into(),
                metric: "speed".into(),
                unit: None,
            }],
            series_index: vec![0, 0],
            time_us: vec![1, 2],
            value: vec![10.0, 11.0],
        };
        assert_eq!(block.samples(), Ok(2));
        block.series_index[1] = 1;
        assert!(block.samples().is_err());
        block.series_index.pop();
        assert!(block.samples().is_err());
    }
}
