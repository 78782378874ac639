//! Who wastes more than the others: shares of waste by press, job, lot, operator and reason, and how each compares
//! with its peers.
//!
//! Not for trends over time and not for money. A share is waste ÷ (consumed + wasted), in the base unit of the
//! material; amounts of different units are never added up.

use std::collections::BTreeMap;

use agog_sync::quantity::Unit;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

/// A share from this many times the median of the peers on is called an outlier. Twice the normal waste is what a
/// production manager acts on.
pub(super) const OUTLIER_RATIO: Decimal = Decimal::TWO;

/// The most rows that one view answers with, most waste first.
pub(super) const ROWS_MAX: usize = 100;

/// Decimals of percentages and ratios.
const RATE_SCALE: u32 = 2;

/// A calendar month in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    from: Timestamp,
    to: Timestamp,
}

/// The text was not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a period: expected a month as YYYY-MM, for example 2025-10")]
pub(super) struct PeriodError(String);

impl std::str::FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let refused = || PeriodError(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(refused)?;
        let digits =
            |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(refused());
        }
        let year = year.parse().map_err(|_| refused())?;
        let month = month.parse().map_err(|_| refused())?;
        let first_day = Date::new(year, month, 1).map_err(|_| refused())?;
        let next_month = first_day
            .last_of_month()
            .tomorrow()
            .map_err(|_| refused())?;
        let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        match (start(first_day), start(next_month)) {
            (Ok(from), Ok(to)) => Ok(Self { from, to }),
            _ => Err(refused()),
        }
    }
}

impl Period {
    /// The first instant of the month and the first instant after it.
    pub(super) const fn bounds(self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }
}

/// By what the waste is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    Press,
    Job,
    Lot,
    Operator,
    Reason,
}

/// What was consumed and wasted under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amounts {
    pub view: View,
    /// The press, job, lot, operator or reason; none where the fact did not say.
    pub key: Option<String>,
    pub unit: Unit,
    pub consumed: Decimal,
    pub wasted: Decimal,
}

/// One row of the analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct WasteRow {
    /// The press, job, lot, operator or reason; null where the facts do not say.
    pub key: Option<String>,
    #[schema(value_type = String, example = "sheet")]
    pub unit: Unit,
    #[schema(value_type = String, example = "14500")]
    pub consumed: Decimal,
    #[schema(value_type = String, example = "500")]
    pub wasted: Decimal,
    /// Waste as a percentage of consumed + wasted.
    #[schema(value_type = String, example = "3.33")]
    pub percent: Decimal,
    /// The percentage, divided by the median of the other rows of the same unit; null where there is nothing to
    /// compare with.
    #[schema(value_type = Option<String>, example = "2.67")]
    pub ratio_to_peers: Option<Decimal>,
    /// The ratio is 2 or more.
    pub outlier: bool,
}

/// The views of the analysis.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct WasteViews {
    pub by_press: Vec<WasteRow>,
    pub by_job: Vec<WasteRow>,
    pub by_lot: Vec<WasteRow>,
    pub by_operator: Vec<WasteRow>,
    /// Reasons are only given for waste, so here the percentage is of all that was consumed and wasted.
    pub by_reason: Vec<WasteRow>,
    /// A view had more than 100 rows; those with the least waste are left out.
    pub truncated: bool,
}

/// Compares each row with its peers.
pub(super) fn analyse(amounts: &[Amounts]) -> WasteViews {
    let mut totals: BTreeMap<Unit, Decimal> = BTreeMap::new();
    for row in amounts.iter().filter(|row| row.view == View::Press) {
        *totals.entry(row.unit).or_default() += row.consumed + row.wasted;
    }
    let mut views = WasteViews::default();
    for view in [
        View::Press,
        View::Job,
        View::Lot,
        View::Operator,
        View::Reason,
    ] {
        let of_view: Vec<_> = amounts.iter().filter(|row| row.view == view).collect();
        let mut rates: BTreeMap<Unit, Vec<Decimal>> = BTreeMap::new();
        for row in &of_view {
            rates.entry(row.unit).or_default().extend(rate(row));
        }
        for rates in rates.values_mut() {
            rates.sort_unstable();
        }
        let mut rows: Vec<_> = of_view
            .iter()
            .map(|row| {
                let all = totals.get(&row.unit).copied().unwrap_or_default();
                compare(row, all, &rates[&row.unit])
            })
            .filter(|row| view != View::Reason || !row.wasted.is_zero())
            .collect();
        rows.sort_by(|a, b| b.wasted.cmp(&a.wasted).then_with(|| a.key.cmp(&b.key)));
        views.truncated |= rows.len() > ROWS_MAX;
        rows.truncate(ROWS_MAX);
        match view {
            View::Press => views.by_press = rows,
            View::Job => views.by_job = rows,
            View::Lot => views.by_lot = rows,
            View::Operator => views.by_operator = rows,
            View::Reason => views.by_reason = rows,
        }
    }
    views
}

fn compare(row: &Amounts, all: Decimal, rates: &[Decimal]) -> WasteRow {
    let base = if row.view == View::Reason {
        all
    } else {
        row.consumed + row.wasted
    };
    let ratio = rate(row).and_then(|own| own.checked_div(median_of_others(rates, own)?));
    WasteRow {
        key: row.key.clone(),
        unit: row.unit,
        consumed: row.consumed.normalize(),
        wasted: row.wasted.normalize(),
        percent: percent(row.wasted, base).round_dp(RATE_SCALE).normalize(),
        ratio_to_peers: ratio.map(|ratio| ratio.round_dp(RATE_SCALE).normalize()),
        outlier: ratio.is_some_and(|ratio| ratio >= OUTLIER_RATIO),
    }
}

/// The share that can be compared. A lot that was only thrown away and waste that names nobody have none: they
/// say nothing about how well anybody works.
fn rate(row: &Amounts) -> Option<Decimal> {
    (row.key.is_some() && row.consumed > Decimal::ZERO)
        .then(|| percent(row.wasted, row.consumed + row.wasted))
}

fn percent(part: Decimal, whole: Decimal) -> Decimal {
    (part * Decimal::ONE_HUNDRED)
        .checked_div(whole)
        .unwrap_or_default()
}

/// The median of `rates`, which are sorted, without one that equals `own`.
fn median_of_others(rates: &[Decimal], own: Decimal) -> Option<Decimal> {
    let left_out = rates.partition_point(|rate| *rate < own);
    let other = |index: usize| {
        rates
            .get(if index < left_out { index } else { index + 1 })
            .copied()
    };
    let others = rates.len().checked_sub(1)?;
    let middle = other(others / 2)?;
    if others % 2 == 1 {
        return Some(middle);
    }
    Some((other((others / 2).checked_sub(1)?)? + middle) / Decimal::TWO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: Option<&str>, consumed: i64, wasted: i64) -> Amounts {
        Amounts {
            view: View::Press,
            key: key.map(str::to_owned),
            unit: Unit::Sheet,
            consumed: consumed.into(),
            wasted: wasted.into(),
        }
    }

    #[test]
    fn the_press_that_wastes_twice_as_much_as_its_peers_stands_out() {
        let views = analyse(&[
            press(Some("press-1"), 9_800, 200),
            press(Some("press-2"), 19_900, 100),
            press(Some("press-3"), 14_500, 500),
            press(None, 0, 5_000),
        ]);
        let rows: Vec<_> = views
            .by_press
            .iter()
            .map(|row| (row.key.as_deref(), row.percent.to_string(), row.outlier))
            .collect();
        assert_eq!(
            rows,
            [
                (None, "100".to_owned(), false),
                (Some("press-3"), "3.33".to_owned(), true),
                (Some("press-1"), "2".to_owned(), false),
                (Some("press-2"), "0.5".to_owned(), false),
            ]
        );
        assert_eq!(
            views.by_press[1].ratio_to_peers.unwrap().to_string(),
            "2.67"
        );
    }

    #[test]
    fn a_press_alone_has_nothing_to_be_compared_with() {
        let views = analyse(&[press(Some("press-1"), 90, 10)]);
        assert_eq!(views.by_press[0].ratio_to_peers, None);
    }

    #[test]
    fn a_period_is_a_month_and_anything_else_is_refused_with_what_was_expected() {
        let (from, to) = "2025-12".parse::<Period>().unwrap().bounds();
        assert_eq!(from.to_string(), "2025-12-01T00:00:00Z");
        assert_eq!(to.to_string(), "2026-01-01T00:00:00Z");
        for text in [
            "2025",
            "2025-13",
            "2025-1",
            "last month",
            "2025-10-01",
            "+025-10",
            "9999-12x",
        ] {
            let error = text.parse::<Period>().unwrap_err().to_string();
            assert!(error.contains("expected a month as YYYY-MM"), "{error}");
        }
    }
}
