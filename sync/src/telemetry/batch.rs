//! A batch of telemetry blocks on the wire: a line of JSON that says what it is, then the bodies as they lie on the disk of the
//! agent, each behind its length in four bytes (little-endian). A block that was dropped has no body, and length 0.
//!
//! Limits: [`BATCH_BLOCKS_MAX`] blocks, [`BATCH_BYTES_MAX`] bytes on the wire, [`BATCH_UNPACKED_MAX`] unpacked.

use serde::{Deserialize, Serialize};

use super::{BLOCK_BYTES_MAX, BodyError, decode};
use crate::frame::{TelemetryBatch, TelemetryBlock};
use crate::ids::ProducerId;

/// The media type of such a batch.
pub const MEDIA_TYPE: &str = "application/vnd.agog.telemetry";

/// The most blocks of one batch, those without a body included.
pub const BATCH_BLOCKS_MAX: usize = 256;

/// The most blocks of one batch that have a body.
pub const BATCH_BODIES_MAX: usize = 8;

/// The most bytes of one batch.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most bytes that all bodies of a batch may unpack to.
pub const BATCH_UNPACKED_MAX: usize = BATCH_BODIES_MAX * BLOCK_BYTES_MAX;

/// The first line is no longer than this; it has about 150 bytes.
const HEADER_BYTES_MAX: usize = 1_024;

/// What a batch is. Unknown fields are ignored, as in all frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub protocol: u16,
    pub producer: ProducerId,
    pub epoch: u64,
    pub first_block: u64,
    pub last_block: u64,
}

/// Why a batch cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("telemetry batch has no header")]
    NoHeader,
    #[error("header of a telemetry batch is not understood")]
    Header(#[source] serde_json::Error),
    #[error("telemetry batch ends early")]
    EndsEarly,
    #[error("telemetry batch has more than {BATCH_BLOCKS_MAX} blocks or {BATCH_BODIES_MAX} bodies")]
    TooMany,
    #[error("telemetry batch is larger than {BATCH_BYTES_MAX} bytes")]
    TooLarge,
    #[error("block {block} of a telemetry batch cannot be read")]
    Body {
        block: u64,
        #[source]
        source: BodyError,
    },
}

/// Writes a batch of the blocks from `header.first_block` on; an empty body is that of a dropped block.
pub fn write(header: &Header, bodies: &[Vec<u8>]) -> Result<Vec<u8>, BatchError> {
    let mut batch = serde_json::to_vec(header).map_err(BatchError::Header)?;
    batch.push(b'\n');
    for body in bodies {
        let length = u32::try_from(body.len()).map_err(|_| BatchError::TooLarge)?;
        batch.extend(length.to_le_bytes());
        batch.extend(body);
    }
    Ok(batch)
}

/// Reads a batch.
pub fn read(batch: &[u8]) -> Result<TelemetryBatch, BatchError> {
    if batch.len() > BATCH_BYTES_MAX {
        return Err(BatchError::TooLarge);
    }
    let line = batch
        .iter()
        .take(HEADER_BYTES_MAX)
        .position(|byte| *byte == b'\n')
        .ok_or(BatchError::NoHeader)?;
    let header: Header = serde_json::from_slice(&batch[..line]).map_err(BatchError::Header)?;
    let mut rest = &batch[line + 1..];
    let mut blocks = Vec::new();
    let mut bodies = 0;
    // Numbers beyond the largest are found to be wrong with the rest of the batch's rule.
    let mut block = header.first_block;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().ok_or(BatchError::EndsEarly)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (body, after) = after
            .split_at_checked(length)
            .ok_or(BatchError::EndsEarly)?;
        rest = after;
        bodies += usize::from(length > 0);
        if blocks.len() == BATCH_BLOCKS_MAX || bodies > BATCH_BODIES_MAX {
            return Err(BatchError::TooMany);
        }
        blocks.push(if body.is_empty() {
            TelemetryBlock::empty(block)
        } else {
            decode(block, body).map_err(|source| BatchError::Body { block, source })?
        });
        block = block.saturating_add(1);
    }
    Ok(TelemetryBatch {
        protocol: header.protocol,
        producer: header.producer,
        epoch: header.epoch,
        first_block: header.first_block,
        last_block: header.last_block,
        blocks,
    })
}
