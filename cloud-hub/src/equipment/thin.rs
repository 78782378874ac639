//! Fewer points of a series, such that a chart of them looks like one of all of them. Pure rules, no SQL.
//!
//! Points come one after the other, oldest first, and are never all held: [`Thinner`] keeps of each of equal stretches of
//! time (buckets) the lowest and the highest, so no peak is lost. LTTB (S. Steinarsson, 2013) takes those with which the line
//! keeps its shape; it must know all points, so it is given what is left of [`LTTB_FROM`] times as many buckets.
//!
//! What holds of both: the first and the last point are kept, the order too, no point is made up, and there are never more
//! than was asked for. Few enough points are left as they are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::points::Point;

/// LTTB chooses among so many times the points that it keeps. With more of them the line hardly changes (Van Der Donckt
/// and others, 2023), and memory does.
const LTTB_FROM: usize = 4;

/// The fewest points that a series can be thinned to: its ends, and the extremes between them.
pub(super) const POINTS_MIN: usize = 4;

/// Which points stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Thin {
    /// The lowest and the highest of each stretch of time: every peak is there.
    #[default]
    MinMax,
    /// Those that keep the shape of the line (Largest Triangle Three Buckets): a short peak may be missing.
    Lttb,
}

/// Takes points of a span of time, oldest first, and keeps at most so many.
#[derive(Debug)]
pub(super) struct Thinner {
    thin: Thin,
    points_max: usize,
    /// So many are held at most.
    held_max: usize,
    /// Points that are held: all while they are few enough, then those of buckets that are over.
    kept: Vec<Point>,
    seen: usize,
    buckets: Buckets,
    /// What is known of the bucket in which the newest point is; none while all points are kept.
    bucket: Option<Bucket>,
}

/// How a span is divided.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    from_us: i64,
    span_us: i64,
    count: usize,
}

/// The points of a bucket that matter, with how many there were before each.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    index: usize,
    low: (usize, Point),
    high: (usize, Point),
    newest: (usize, Point),
}

impl Thinner {
    /// Of points from `from_us` until before `to_us`, at most `points_max` of them but no fewer than [`POINTS_MIN`].
    pub(super) fn new(thin: Thin, points_max: usize, from_us: i64, to_us: i64) -> Self {
        let points_max = points_max.max(POINTS_MIN);
        let held_max = match thin {
            Thin::MinMax => points_max,
            Thin::Lttb => points_max * LTTB_FROM,
        };
        Self {
            thin,
            points_max,
            held_max,
            kept: Vec::new(),
            seen: 0,
            buckets: Buckets {
                from_us,
                span_us: (to_us - from_us).max(1),
                // Two of each, and the first and the last of all.
                count: (held_max - 2) / 2,
            },
            bucket: None,
        }
    }

    /// Takes the next point.
    pub(super) fn take(&mut self, point: Point) {
        if self.bucket.is_some() {
            self.sort_in(self.seen, point);
        } else if self.kept.len() < self.held_max {
            self.kept.push(point);
        } else {
            // One too many: from here on only what is left of each bucket is held.
            let all = std::mem::take(&mut self.kept);
            self.kept.extend(all.first());
            for (place, point) in all.into_iter().chain([point]).enumerate() {
                self.sort_in(place, point);
            }
        }
        self.seen += 1;
    }

    /// The points that stay, and how many there were.
    pub(super) fn finish(mut self) -> (Vec<Point>, usize) {
        if let Some(bucket) = self.bucket.take() {
            let (place, newest) = bucket.newest;
            self.close(&bucket);
            if bucket.low.0 != place && bucket.high.0 != place {
                self.kept.push(newest);
            }
        }
        let points = match self.thin {
            Thin::MinMax => self.kept,
            Thin::Lttb => lttb(self.kept, self.points_max),
        };
        (points, self.seen)
    }

    fn sort_in(&mut self, place: usize, point: Point) {
        let (index, point) = (self.buckets.of(point.at_us), (place, point));
        match &mut self.bucket {
            Some(bucket) if bucket.index == index => {
                if point.1.min < bucket.low.1.min {
                    bucket.low = point;
                }
                if point.1.max > bucket.high.1.max {
                    bucket.high = point;
                }
                bucket.newest = point;
            }
            _ => {
                let over = self.bucket.replace(Bucket {
                    index,
                    low: point,
                    high: point,
                    newest: point,
                });
                if let Some(over) = over {
                    self.close(&over);
                }
            }
        }
    }

    /// Keeps the extremes of a bucket; the first point of all is kept already.
    fn close(&mut self, bucket: &Bucket) {
        let mut extremes = [bucket.low, bucket.high];
        extremes.sort_unstable_by_key(|(place, _)| *place);
        let [(early, first), (late, second)] = extremes;
        if early != 0 {
            self.kept.push(first);
        }
        if late != early {
            self.kept.push(second);
        }
    }
}

impl Buckets {
    /// In which bucket an instant is.
    fn of(self, at_us: i64) -> usize {
        let passed = i128::from(
            at_us
                .saturating_sub(self.from_us)
                .clamp(0, self.span_us - 1),
        );
        let count = i128::try_from(self.count).unwrap_or(i128::MAX);
        usize::try_from(passed * count / i128::from(self.span_us)).unwrap_or(0)
    }
}

/// At most so many of the points, by LTTB: of each of equal parts of them the one that makes the largest triangle with the
/// one that was chosen before it and the mean of the next part.
fn lttb(points: Vec<Point>, points_max: usize) -> Vec<Point> {
    let [first, middle @ .., last] = points.as_slice() else {
        return points;
    };
    if points.len() <= points_max {
        return points;
    }
    let parts = points_max - 2;
    let part =
        |index: usize| &middle[index * middle.len() / parts..(index + 1) * middle.len() / parts];
    let mut chosen = Vec::with_capacity(points_max);
    chosen.push(*first);
    let mut before = *first;
    for index in 0..parts {
        let next = if index + 1 < parts {
            mean(part(index + 1), first.at_us)
        } else {
            place(last, first.at_us)
        };
        let from = place(&before, first.at_us);
        let area = |point: &Point| {
            let at = place(point, first.at_us);
            ((from.0 - next.0) * (at.1 - from.1) - (from.0 - at.0) * (next.1 - from.1)).abs()
        };
        let largest = part(index).iter().reduce(|best, point| {
            if area(point) > area(best) {
                point
            } else {
                best
            }
        });
        if let Some(point) = largest {
            chosen.push(*point);
            before = *point;
        }
    }
    chosen.push(*last);
    chosen
}

/// Where a point is drawn: seconds since `start_us`, and its value.
fn place(point: &Point, start_us: i64) -> (f64, f64) {
    (super::rollup::seconds(point.at_us - start_us), point.value)
}

fn mean(points: &[Point], start_us: i64) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "a part has some points")]
    let count = points.len().max(1) as f64;
    let sum = points
        .iter()
        .map(|point| place(point, start_us))
        .fold((0.0, 0.0), |sum, place| (sum.0 + place.0, sum.1 + place.1));
    (sum.0 / count, sum.1 / count)
}

#[cfg(test)]
mod tests;
