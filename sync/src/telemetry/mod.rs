//! Telemetry on disk and on the wire: a block as compressed columns, and a batch of such blocks.
//!
//! In memory a block is a [`TelemetryBlock`]. Its body groups the samples by series, in the order in which they came, and
//! keeps every bit of them. Written once by the agent, it is sent as it lies on the disk.
//!
//! A body is one byte, the [`VERSION`], and one zstd frame with a check sum. Inside: the number of series; for each its
//! device, metric and unit (a text is its length and UTF-8; the length of a unit is one more than it is, and 0 without a
//! unit) and its number of samples; then the times of each series, then the values of each (`column.rs`). Numbers are
//! LEB128.
//!
//! Limits: [`BLOCK_SAMPLES_MAX`] samples, [`BLOCK_BYTES_MAX`] bytes unpacked; a decoder takes no memory because of what a
//! body claims. Batches: see [`batch`].
//!
//! ```
//! use agog_sync::frame::{SeriesKey, TelemetryBlock};
//! use agog_sync::telemetry::{decode, encode};
//!
//! let speed = SeriesKey { device: "press-3".into(), metric: "speed".into(), unit: None };
//! let block = TelemetryBlock {
//!     block: 7,
//!     series: vec![speed],
//!     series_index: vec![0, 0],
//!     time_us: vec![1_000_000, 2_000_000],
//!     value: vec![9_000.0, 9_001.5],
//! };
//! assert_eq!(decode(7, &encode(&block)?)?, block);
//! # Ok::<(), agog_sync::telemetry::BodyError>(())
//! ```

use std::io::Read;

use jiff::SignedDuration;

use crate::frame::{BLOCK_SAMPLES_MAX, SeriesKey, TelemetryBlock};

pub mod batch;
mod column;
pub mod metric;

use column::{Reader, put_number};

/// How far the time of a sample may be ahead of now and still be one of now, for agent and hub: clocks of machines are minutes
/// wrong. What is further ahead is stored as it is told, and must not stand against what follows.
pub const AHEAD_OF_NOW_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The form of bodies that this program writes. Later forms get other numbers; this one is read for ever, and no zstd
/// frame begins with it.
pub const VERSION: u8 = 1;

/// The most bytes that a body may unpack to: ten thousand series with long names, and the samples.
pub const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A frame may ask for no larger window to be unpacked: that of [`BLOCK_BYTES_MAX`].
const WINDOW_LOG_MAX: u32 = 22;

/// The columns of a block gain nothing worth the time from higher levels.
const ZSTD_LEVEL: i32 = 3;

/// Why a body cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("telemetry block has form {0}, which is not known here")]
    Version(u8),
    #[error("telemetry block cannot be unpacked")]
    Compression(#[source] std::io::Error),
    #[error("telemetry block is larger than {BLOCK_BYTES_MAX} bytes once unpacked")]
    TooLarge,
    #[error("telemetry block is malformed: {0}")]
    Malformed(&'static str),
}

/// Writes a block. Its number is not part of the body.
pub fn encode(block: &TelemetryBlock) -> Result<Vec<u8>, BodyError> {
    block.samples().map_err(BodyError::Malformed)?;
    let mut times = vec![Vec::new(); block.series.len()];
    let mut values = vec![Vec::new(); block.series.len()];
    for ((index, time_us), value) in block
        .series_index
        .iter()
        .zip(&block.time_us)
        .zip(&block.value)
    {
        times[*index as usize].push(*time_us);
        values[*index as usize].push(*value);
    }
    let mut plain = Vec::new();
    put_number(&mut plain, block.series.len() as u64);
    for (series, times) in block.series.iter().zip(&times) {
        put_text(&mut plain, &series.device, 0);
        put_text(&mut plain, &series.metric, 0);
        match &series.unit {
            None => put_number(&mut plain, 0),
            Some(unit) => put_text(&mut plain, unit, 1),
        }
        put_number(&mut plain, times.len() as u64);
    }
    for index in 0..times.len() {
        column::put_times(&mut plain, &times[..index], &times[index]);
    }
    for values in &values {
        column::put_values(&mut plain, values);
    }
    if plain.len() > BLOCK_BYTES_MAX {
        return Err(BodyError::TooLarge);
    }
    let packed = zstd::bulk::Compressor::new(ZSTD_LEVEL)
        .and_then(|mut zstd| {
            zstd.include_checksum(true)?;
            zstd.compress(&plain)
        })
        .map_err(BodyError::Compression)?;
    let mut body = Vec::with_capacity(1 + packed.len());
    body.push(VERSION);
    body.extend(packed);
    Ok(body)
}

/// Reads the body of a block that has this number.
pub fn decode(block: u64, body: &[u8]) -> Result<TelemetryBlock, BodyError> {
    let (version, packed) = body
        .split_first()
        .ok_or(BodyError::Malformed("it is empty"))?;
    if *version != VERSION {
        return Err(BodyError::Version(*version));
    }
    let plain = unpack(packed)?;
    let mut reader = Reader::new(&plain);
    let (series, counts) = read_series(&mut reader)?;
    let samples = counts.iter().sum();
    let mut told = TelemetryBlock {
        block,
        series,
        series_index: Vec::with_capacity(samples),
        time_us: Vec::with_capacity(samples),
        value: Vec::with_capacity(samples),
    };
    let mut begins = Vec::with_capacity(counts.len());
    for (index, count) in (0_u32..).zip(&counts) {
        begins.push(told.time_us.len());
        told.series_index
            .resize(told.series_index.len() + count, index);
        column::read_times(&mut reader, &mut told.time_us, &begins, *count)?;
    }
    for count in counts {
        column::read_values(&mut reader, &mut told.value, count)?;
    }
    if !reader.is_at_end() {
        return Err(BodyError::Malformed("something follows its last column"));
    }
    Ok(told)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, BodyError> {
    let mut zstd = zstd::stream::read::Decoder::with_buffer(packed)
        .map_err(BodyError::Compression)?
        .single_frame();
    zstd.window_log_max(WINDOW_LOG_MAX)
        .map_err(BodyError::Compression)?;
    let mut plain = Vec::new();
    zstd.by_ref()
        .take(BLOCK_BYTES_MAX as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(BodyError::Compression)?;
    if plain.len() > BLOCK_BYTES_MAX {
        return Err(BodyError::TooLarge);
    }
    if !zstd.finish().is_empty() {
        return Err(BodyError::Malformed("something follows its frame"));
    }
    Ok(plain)
}

/// The names of the series, and how many samples each has: together no more than a block may have.
fn read_series(reader: &mut Reader<'_>) -> Result<(Vec<SeriesKey>, Vec<usize>), BodyError> {
    let mut series = Vec::new();
    let mut counts = Vec::new();
    let mut samples = 0;
    for _ in 0..reader.count(BLOCK_SAMPLES_MAX)? {
        let device = text(reader.number()?, reader)?;
        let metric = text(reader.number()?, reader)?;
        let unit = match reader.number()? {
            0 => None,
            more => Some(text(more - 1, reader)?),
        };
        series.push(SeriesKey {
            device,
            metric,
            unit,
        });
        let count = reader.count(BLOCK_SAMPLES_MAX - samples)?;
        samples += count;
        counts.push(count);
    }
    Ok((series, counts))
}

fn put_text(out: &mut Vec<u8>, text: &str, more: u64) {
    put_number(out, text.len() as u64 + more);
    out.extend(text.as_bytes());
}

fn text(length: u64, reader: &mut Reader<'_>) -> Result<String, BodyError> {
    let length = usize::try_from(length).map_err(|_| column::ENDS_EARLY)?;
    let bytes = reader.bytes(length)?;
    str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| BodyError::Malformed("a name is not UTF-8"))
}
