//! What holds of thinned series, whatever the points are.

use proptest::prelude::*;

use super::*;
use crate::equipment::rollup::Sample;

fn points(samples: &[(i64, f64)]) -> Vec<Point> {
    let point = |&(at_us, value): &(i64, f64)| Point::from(Sample { at_us, value });
    samples.iter().map(point).collect()
}

fn thinned(thin: Thin, points: &[Point], points_max: usize, (from, to): (i64, i64)) -> Vec<Point> {
    let mut thinner = Thinner::new(thin, points_max, from, to);
    for point in points {
        thinner.take(*point);
    }
    let (kept, seen) = thinner.finish();
    assert_eq!(seen, points.len());
    kept
}

/// Points at times that never go back, some at the same time, with values of which many are equal.
fn series() -> impl Strategy<Value = Vec<Point>> {
    let steps = prop::collection::vec((0..50_i64, -20..20_i32), 0..400);
    steps.prop_map(|steps| {
        let mut at_us = 0;
        let mut samples = Vec::with_capacity(steps.len());
        for (step, value) in steps {
            at_us += step;
            samples.push((at_us, f64::from(value)));
        }
        points(&samples)
    })
}

/// Until after the last point.
fn span(points: &[Point]) -> (i64, i64) {
    (0, points.last().map_or(1, |last| last.at_us + 1))
}

proptest! {
    #[test]
    fn the_ends_and_the_order_stay_and_no_point_is_made_up(
        points in series(),
        points_max in POINTS_MIN..120,
        thin in prop::sample::select(vec![Thin::MinMax, Thin::Lttb]),
    ) {
        let kept = thinned(thin, &points, points_max, span(&points));
        prop_assert!(kept.len() <= points_max);
        prop_assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        // Each is found after the one before it.
        let mut rest = points.iter();
        prop_assert!(kept.iter().all(|kept| rest.any(|point| point == kept)));
    }

    #[test]
    fn few_enough_points_are_left_as_they_are(
        points in series(),
        more in 0..5_usize,
        thin in prop::sample::select(vec![Thin::MinMax, Thin::Lttb]),
    ) {
        let kept = thinned(thin, &points, points.len() + more, span(&points));
        if points.len() + more >= POINTS_MIN {
            prop_assert_eq!(kept, points);
        }
    }

    #[test]
    fn the_lowest_and_the_highest_of_each_bucket_stay(points in series(), points_max in POINTS_MIN..120) {
        let (from, to) = span(&points);
        let kept = thinned(Thin::MinMax, &points, points_max, (from, to));
        let buckets = Thinner::new(Thin::MinMax, points_max, from, to).buckets;
        let extremes = |points: &[Point], bucket: usize| {
            let of_bucket = points.iter().filter(|point| buckets.of(point.at_us) == bucket);
            of_bucket.fold((f64::MAX, f64::MIN), |(low, high), point| {
                (low.min(point.value), high.max(point.value))
            })
        };
        for bucket in 0..buckets.count {
            prop_assert_eq!(extremes(&kept, bucket), extremes(&points, bucket));
        }
    }
}

#[test]
fn the_bounds_of_roll_ups_count_and_not_only_their_means() {
    let mut points = points(&(0..1_000).map(|at| (at, 5.0)).collect::<Vec<_>>());
    points[321].max = 900.0;
    points[654].min = -900.0;
    let kept = thinned(Thin::MinMax, &points, 20, (0, 1_000));
    assert!(kept.contains(&points[321]) && kept.contains(&points[654]));
}

#[test]
fn of_a_flat_line_little_is_left_by_min_and_max_and_all_that_was_asked_for_by_lttb() {
    let flat = points(&(0..1_000).map(|at| (at, 5.0)).collect::<Vec<_>>());
    // The first of each bucket, and the last of all.
    assert_eq!(thinned(Thin::MinMax, &flat, 12, (0, 1_000)).len(), 6);
    assert_eq!(thinned(Thin::Lttb, &flat, 12, (0, 1_000)).len(), 12);
}

#[test]
fn lttb_keeps_the_corners_of_a_line() {
    let value = |at: i64| f64::from(u8::from((300..700).contains(&at)));
    let step = points(&(0..1_000).map(|at| (at, value(at))).collect::<Vec<_>>());
    let kept = thinned(Thin::Lttb, &step, 10, (0, 1_000));
    let (up, down) = (kept.iter().filter(|p| p.value > 0.5), kept.windows(2));
    assert!(up.count() >= 2);
    let turns = down.filter(|pair| (pair[0].value - pair[1].value).abs() > 0.5);
    assert_eq!(turns.count(), 2);
}

#[test]
fn nothing_and_little_are_thinned_to_themselves() {
    for thin in [Thin::MinMax, Thin::Lttb] {
        for count in 0..=POINTS_MIN {
            let few: Vec<_> = (0..count).map(|_| (7, 1.0)).collect();
            let few = points(&few);
            assert_eq!(thinned(thin, &few, 0, (7, 7)), few);
        }
    }
}
