//! The samples of a block: which of them the hub keeps, and why it does not keep the others.

use std::collections::BTreeMap;

use agog_sync::frame::TelemetryBlock;
use jiff::{SignedDuration, Timestamp};

use crate::config::TelemetryKeep;

/// How far a plant's clock may run ahead of the hub's. More than a day is a wrong date, and each day is a partition.
pub(super) const SAMPLE_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

/// No machine measures more, and sums of what is smaller stay finite.
const VALUE_MAX: f64 = 1e200;

/// Samples that are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub device: Option<String>,
    pub reason: String,
    pub count: u64,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// The samples of a block that the hub keeps, and those that it does not.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Indexes into the columns of the block.
    pub kept: Vec<usize>,
    pub gaps: Vec<Gap>,
}

/// Sorts the samples of a block. Samples whose time no working clock can have meant are not kept, and counted per
/// device, so that stored and missing samples add up (I6).
pub(super) fn sort_samples(block: &TelemetryBlock, keep: TelemetryKeep, now: Timestamp) -> Sorted {
    if let Err(reason) = block.samples() {
        let gap = Gap {
            device: None,
            reason: format!("block {}: {reason}", block.block),
            count: block.value.len() as u64,
            from: now,
            to: now,
        };
        return Sorted {
            kept: Vec::new(),
            gaps: vec![gap],
        };
    }
    let oldest = keep.raw_from(now).as_microsecond();
    let too_old = format!("older than {} days", keep.raw_days);
    let newest = now
        .saturating_add(SAMPLE_AHEAD_MAX)
        .unwrap_or(Timestamp::MAX)
        .as_microsecond();
    let named: Vec<bool> = block
        .series
        .iter()
        .map(|key| is_name(&key.device) && is_name(&key.metric))
        .collect();
    let mut sorted = Sorted::default();
    let mut dropped: BTreeMap<(&str, &str), (u64, i64, i64)> = BTreeMap::new();
    for (index, (&time_us, &series)) in block.time_us.iter().zip(&block.series_index).enumerate() {
        let series = series as usize;
        let reason = if !named[series] {
            "a series without device or metric"
        } else if !block.value[index].is_finite() || block.value[index].abs() > VALUE_MAX {
            "not a number, or beyond 1e200"
        } else if time_us < oldest {
            &too_old
        } else if time_us > newest {
            "more than a day ahead of the hub's clock"
        } else {
            sorted.kept.push(index);
            continue;
        };
        let device = block.series[series].device.as_str();
        let (count, from, to) = dropped
            .entry((device, reason))
            .or_insert((0, time_us, time_us));
        *count += 1;
        *from = (*from).min(time_us);
        *to = (*to).max(time_us);
    }
    sorted.gaps = dropped
        .into_iter()
        .map(|((device, reason), (count, from, to))| Gap {
            device: is_name(device).then(|| device.to_owned()),
            reason: reason.to_owned(),
            count,
            from: clamp(from),
            to: clamp(to),
        })
        .collect();
    sorted
}

/// Text that PostgreSQL stores and a person can read: it has no form for NUL.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

/// The nearest instant that PostgreSQL and we can both write; a broken clock may name any number.
fn clamp(time_us: i64) -> Timestamp {
    Timestamp::from_microsecond(time_us).unwrap_or(if time_us < 0 { EARLIEST } else { LATEST })
}

const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;
const LATEST: Timestamp = Timestamp::MAX;

#[cfg(test)]
mod tests {
    use agog_sync::frame::SeriesKey;

    use super::*;

    #[test]
    fn samples_that_no_clock_can_have_meant_are_counted_and_the_rest_is_kept() {
        let now: Timestamp = "2025-10-16T12:00:00Z".parse().unwrap();
        let days = |days: i64| now.as_microsecond() + days * 86_400_000_000;
        let block = TelemetryBlock {
            block: 1,
            series: vec![SeriesKey {
                device: "press-3".into(),
                metric: "speed".into(),
                unit: None,
            }],
            series_index: vec![0; 6],
            time_us: vec![days(0), days(-89), days(-91), days(2), i64::MAX, 0],
            value: vec![1.0; 6],
        };
        let sorted = sort_samples(&block, TelemetryKeep::default(), now);
        assert_eq!(sorted.kept, [0, 1]);
        let counted: Vec<_> = sorted
            .gaps
            .iter()
            .map(|gap| (gap.reason.as_str(), gap.count))
            .collect();
        assert_eq!(
            counted,
            [
                ("more than a day ahead of the hub's clock", 2),
                ("older than 90 days", 2)
            ]
        );
    }

    #[test]
    fn a_block_that_contradicts_itself_becomes_a_gap_and_never_stops_the_queue() {
        let now = Timestamp::UNIX_EPOCH;
        let block = TelemetryBlock {
            block: 7,
            series: vec![],
            series_index: vec![0],
            time_us: vec![1],
            value: vec![1.0],
        };
        let sorted = sort_samples(&block, TelemetryKeep::default(), now);
        assert!(sorted.kept.is_empty());
        assert_eq!(sorted.gaps[0].count, 1);
    }
}
