//! Percentiles of a series of times, and the table that the benchmark prints.

use std::fmt::Write as _;
use std::time::Duration;

/// One line of the table.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) figure: String,
    /// What to hold the figure against: a limit, or a baseline of the same run.
    pub(super) beside: String,
}

impl Row {
    pub(super) fn new(
        what: impl Into<String>,
        figure: impl Into<String>,
        beside: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            figure: figure.into(),
            beside: beside.into(),
        }
    }
}

/// Times of one operation, sorted.
pub(super) struct Figures(Vec<Duration>);

impl Figures {
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that `percent` of the operations did not exceed.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let index = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(index).copied().unwrap_or_default()
    }

    /// `p50 … ms, p99 … ms`.
    pub(super) fn text(&self) -> String {
        self.text_up_to(99)
    }

    /// The same with another percentile, for a series that is too short for p99.
    pub(super) fn text_up_to(&self, percent: usize) -> String {
        format!(
            "p50 {:.2} ms, p{percent} {:.2} ms",
            milliseconds(self.percentile(50)),
            milliseconds(self.percentile(percent))
        )
    }
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The rows as aligned text.
pub(super) fn table(rows: &[Row]) -> String {
    let width = |cell: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| cell(row).chars().count())
            .max()
            .unwrap_or_default()
    };
    let (what, figure) = (width(|row| &row.what), width(|row| &row.figure));
    let mut text = String::new();
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<what$}  {:<figure$}  {}",
            row.what, row.figure, row.beside
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let figures = Figures::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(figures.percentile(50), Duration::from_millis(100));
        assert_eq!(figures.percentile(99), Duration::from_millis(198));
        assert_eq!(figures.text(), "p50 100.00 ms, p99 198.00 ms");
        assert_eq!(Figures::of(vec![]).percentile(50), Duration::ZERO);
    }
}
