//! Takes samples in: finds which of them are new, stores those, and brings the roll-ups up to date.
//!
//! A sample is known by series, time and value. The roll-up of its minute says from when until when there are samples:
//! outside of that it is new without a look. Inside, the samples of the minute are read, what is here already is left
//! out, and the minute is told anew. Hours and days are merged with what is new where one lies after the other, and told
//! anew from minutes and hours where they overlap. The result is the same in whatever order samples come, and however
//! often. The caller holds the locks of the devices, so what was read stays true until it is written.

use std::collections::{BTreeMap, BTreeSet};

use super::model::SeriesId;
use super::rollup::{Rollup, Sample, Step};
use super::store::{self, Placed};
use crate::db::{DbError, TenantTx};

/// A series and the start of a bucket, in microseconds.
type Place = (SeriesId, i64);

/// Stores what is new of samples that are sorted by series, time and value, each only once; says how many that were.
pub(super) async fn samples_take(
    tx: &mut TenantTx,
    samples: &[(SeriesId, Sample)],
) -> Result<usize, DbError> {
    let minutes: BTreeMap<Place, Vec<Sample>> = by_place(Step::Minute, samples);
    let known = known(tx, Step::Minute, minutes.keys()).await?;
    let is_doubtful = |place: &Place, new: &[Sample]| {
        let kept = known.get(place);
        kept.is_some_and(|kept| new.iter().any(|new| kept.spans(new.at_us)))
    };
    let doubtful: BTreeSet<Place> = minutes
        .iter()
        .filter(|(place, new)| is_doubtful(place, new))
        .map(|(place, _)| *place)
        .collect();
    let stretches = stretches(Step::Minute, &doubtful);
    let mut here = by_place(Step::Minute, &store::samples_within(tx, &stretches).await?);
    let mut fresh = Vec::with_capacity(samples.len());
    let mut changed = Vec::with_capacity(minutes.len());
    for (place, mut new) in minutes {
        let rollup = match known.get(&place) {
            None => Rollup::of(&new),
            Some(kept) if !doubtful.contains(&place) => {
                let (before, after) =
                    new.split_at(new.partition_point(|s| s.at_us < kept.first_us));
                let parts = [Rollup::of(before), Some(*kept), Rollup::of(after)];
                Rollup::chain(parts.into_iter().flatten())
            }
            Some(_) => {
                let mut all = here.remove(&place).unwrap_or_default();
                new.retain(|new| all.binary_search_by(|had| had.order(new)).is_err());
                all.extend(&new);
                all.sort_unstable_by(Sample::order);
                all.dedup_by(|a, b| a.order(b).is_eq());
                Rollup::of(&all)
            }
        };
        if !new.is_empty() {
            changed.extend(rollup.map(|rollup| (place, rollup)));
            fresh.extend(new.into_iter().map(|sample| (place.0, sample)));
        }
    }
    if fresh.is_empty() {
        return Ok(0);
    }
    store::samples_copy(tx, &fresh).await?;
    put(tx, Step::Minute, changed, &known).await?;
    tell(tx, Step::Hour, Step::Minute, &fresh).await?;
    tell(tx, Step::Day, Step::Hour, &fresh).await?;
    Ok(fresh.len())
}

/// Brings the roll-ups of a step up to date with new samples, when those of the finer step are.
async fn tell(
    tx: &mut TenantTx,
    step: Step,
    finer: Step,
    fresh: &[(SeriesId, Sample)],
) -> Result<(), DbError> {
    let new = by_place(step, fresh);
    let known = known(tx, step, new.keys()).await?;
    let mut changed: Vec<Placed> = Vec::with_capacity(new.len());
    let mut overlapping = BTreeSet::new();
    for (place, samples) in &new {
        let piece = Rollup::of(samples);
        let both = match known.get(place) {
            None => piece,
            Some(kept) => piece.and_then(|piece| kept.joined(piece)),
        };
        match both {
            Some(rollup) => changed.push((*place, rollup)),
            None => {
                overlapping.insert(*place);
            }
        }
    }
    let parts = store::rollups_within(tx, finer, &stretches(step, &overlapping)).await?;
    let of_one = |a: &Placed, b: &Placed| bucket_of(step, a) == bucket_of(step, b);
    for parts in parts.chunk_by(of_one) {
        let rollup = Rollup::chain(parts.iter().map(|(_, rollup)| *rollup));
        changed.extend(rollup.map(|rollup| (bucket_of(step, &parts[0]), rollup)));
    }
    put(tx, step, changed, &known).await
}

/// Stores roll-ups: those of places where none were, and those that are now others than the known ones.
async fn put(
    tx: &mut TenantTx,
    step: Step,
    rollups: Vec<Placed>,
    known: &BTreeMap<Place, Rollup>,
) -> Result<(), DbError> {
    let (replaced, added): (Vec<_>, Vec<_>) = rollups
        .into_iter()
        .partition(|(place, _)| known.contains_key(place));
    store::rollups_add(tx, step, &added).await?;
    store::rollups_replace(tx, step, &replaced).await
}

fn bucket_of(step: Step, ((series, bucket_us), _): &Placed) -> Place {
    (*series, step.bucket(*bucket_us))
}

/// The roll-ups that are here of some places.
async fn known(
    tx: &mut TenantTx,
    step: Step,
    places: impl Iterator<Item = &Place>,
) -> Result<BTreeMap<Place, Rollup>, DbError> {
    let stretches = stretches(step, places);
    let rollups = store::rollups_within(tx, step, &stretches).await?;
    Ok(rollups.into_iter().collect())
}

/// The time of places that are in their order. Each stretch is a query, so buckets that follow each other are one.
fn stretches<'a>(
    step: Step,
    places: impl IntoIterator<Item = &'a Place>,
) -> Vec<(SeriesId, i64, i64)> {
    let mut stretches: Vec<(SeriesId, i64, i64)> = Vec::new();
    for (series, bucket_us) in places {
        match stretches.last_mut() {
            Some((last, _, end_us)) if last == series && end_us == bucket_us => {
                *end_us = step.end(*bucket_us);
            }
            _ => stretches.push((*series, *bucket_us, step.end(*bucket_us))),
        }
    }
    stretches
}

/// Samples that are sorted by series and time, by their places.
fn by_place(step: Step, samples: &[(SeriesId, Sample)]) -> BTreeMap<Place, Vec<Sample>> {
    let place = |(series, sample): &(SeriesId, Sample)| (*series, step.bucket(sample.at_us));
    samples
        .chunk_by(|a, b| place(a) == place(b))
        .map(|of_one| {
            let samples = of_one.iter().map(|(_, sample)| *sample);
            (place(&of_one[0]), samples.collect())
        })
        .collect()
}
