//! Reads a series page by page, oldest first, however long it is.
//!
//! Each page is a question of its own that begins after the last point of the page before, so that nobody who reads slowly
//! keeps a connection, a transaction or more than a page. What comes late meanwhile is seen when it is ahead.
//!
//! Samples are read through a view that knows no order, so each question would sort all that is still to come. It is therefore
//! asked of a window only: the next minutes that have about a page, by their roll-ups.

use agog_sync::ids::TenantId;
use jiff::Timestamp;

use super::model::SeriesId;
use super::points::Point;
use super::resolution::Resolution;
use super::rollup::Step;
use super::store;
use crate::db::{DbError, Pool, TenantTx};

/// Points of a page: a megabyte, and so many that the questions cost little beside the rows.
const PAGE_ROWS: i64 = 16_384;

/// Minutes of a window: a day, so that a series that is told of seldom is not looked for far ahead.
const WINDOW_MINUTES: i64 = 24 * 60;

/// A series from one instant until before another.
#[derive(Debug, Clone)]
pub(super) struct SeriesReader {
    series: SeriesId,
    step: Option<Step>,
    to: Timestamp,
    now: Timestamp,
    /// Of samples the time and value of the last that was read; of roll-ups the first bucket that was not.
    after: (i64, f64),
    /// The end of the window that is read now.
    window_end: Option<i64>,
    /// The value that stood before the next roll-up; none before the first page.
    before: Option<f64>,
    is_over: bool,
}

impl SeriesReader {
    pub(super) fn new(
        series: SeriesId,
        resolution: Resolution,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Self {
        Self {
            series,
            step: resolution.step(),
            to,
            now,
            // No value is less.
            after: (from.as_microsecond(), f64::NEG_INFINITY),
            window_end: None,
            before: None,
            is_over: false,
        }
    }

    /// The next page, in a transaction of its own; an empty one at the end. When that fails the same page may be asked for
    /// again.
    pub(super) async fn page(
        &mut self,
        pool: &Pool,
        tenant_id: TenantId,
    ) -> Result<Vec<Point>, DbError> {
        let mut tx = TenantTx::begin(pool, tenant_id).await?;
        let mut points = Vec::new();
        while points.is_empty() && !self.is_over {
            points = match self.step {
                None => self.samples(&mut tx).await?,
                Some(step) => self.rollups(&mut tx, step).await?,
            };
        }
        Ok(points)
    }

    /// A page of a window, or none at the end of one.
    async fn samples(&mut self, tx: &mut TenantTx) -> Result<Vec<Point>, DbError> {
        let Some(end_us) = self.window(tx).await? else {
            self.is_over = true;
            return Ok(Vec::new());
        };
        let samples = store::sample_list(tx, self.series, self.after, end_us, PAGE_ROWS).await?;
        match samples.last() {
            Some(last) if is_full(samples.len()) => {
                self.after = (last.at_us, last.value);
                self.window_end = Some(end_us);
            }
            _ => {
                self.after = (end_us, f64::NEG_INFINITY);
                self.window_end = None;
                self.is_over = end_us == self.to.as_microsecond();
            }
        }
        Ok(samples.into_iter().map(Point::from).collect())
    }

    /// Until when samples are read now; none when there are no more.
    async fn window(&self, tx: &mut TenantTx) -> Result<Option<i64>, DbError> {
        if self.window_end.is_some() {
            return Ok(self.window_end);
        }
        let size = (PAGE_ROWS, WINDOW_MINUTES);
        let end = store::samples_window(tx, self.series, self.after.0, self.to, size).await?;
        Ok(end.map(|end_us| end_us.min(self.to.as_microsecond())))
    }

    async fn rollups(&mut self, tx: &mut TenantTx, step: Step) -> Result<Vec<Point>, DbError> {
        let (series, from_us) = (self.series, self.after.0);
        let rollups = store::rollup_list(tx, step, series, from_us, self.to, PAGE_ROWS).await?;
        if let (Some((first, _)), None) = (rollups.first(), self.before) {
            self.before = store::value_before(tx, step, series, *first).await?;
        }
        let mut points = Vec::with_capacity(rollups.len());
        for (bucket_us, rollup) in rollups {
            let before = self.before.replace(rollup.last);
            points.push(Point::of_rollup(step, bucket_us, &rollup, before, self.now));
            self.after.0 = step.end(bucket_us);
        }
        self.is_over = !is_full(points.len());
        Ok(points)
    }
}

/// Whether there may be more than these rows of a page.
fn is_full(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= PAGE_ROWS)
}
