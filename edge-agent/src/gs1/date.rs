//! Dates of element strings: YYMMDD (GS1 General Specifications 7.12), and with a time YYMMDDHH, MM and SS optional.

use jiff::civil::{Date, DateTime, Time};

/// The day that six digits mean, seen from `today`. Day 00 is the last one of its month.
pub(super) fn date(digits: &str, today: Date) -> Option<Date> {
    let year = year(two(digits, 0)?, today.year())?;
    let month = two(digits, 2)?;
    let day = two(digits, 4)?;
    let first = Date::new(year, month, 1).ok()?;
    match day {
        0 => Some(first.last_of_month()),
        _ => Date::new(year, month, day).ok(),
    }
}

/// As [`date`] with hours, and minutes and seconds where they are said.
pub(super) fn date_time(digits: &str, today: Date) -> Option<DateTime> {
    let date = date(digits.get(..6)?, today)?;
    let minutes = if digits.len() > 8 { two(digits, 8)? } else { 0 };
    let seconds = if digits.len() > 10 {
        two(digits, 10)?
    } else {
        0
    };
    let time = Time::new(two(digits, 6)?, minutes, seconds, 0).ok()?;
    Some(date.to_datetime(time))
}

/// A year of two digits is at most 49 years back or 50 ahead.
fn year(two_digits: i8, this_year: i16) -> Option<i16> {
    let century = this_year - this_year % 100;
    let year = century + i16::from(two_digits);
    Some(match i16::from(two_digits) - this_year % 100 {
        51..=99 => year.checked_sub(100)?,
        -99..=-50 => year.checked_add(100)?,
        _ => year,
    })
}

fn two(digits: &str, from: usize) -> Option<i8> {
    digits.get(from..from + 2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(digits: &str, today: &str) -> Option<String> {
        date(digits, today.parse().unwrap()).map(|date| date.to_string())
    }

    #[test]
    fn a_year_is_the_one_within_49_back_and_50_ahead() {
        for (digits, today, expected) in [
            ("261231", "2026-11-28", "2026-12-31"),
            ("761231", "2026-11-28", "2076-12-31"),
            ("770101", "2026-11-28", "1977-01-01"),
            ("010101", "2060-05-01", "2101-01-01"),
            ("100101", "2060-05-01", "2110-01-01"),
            ("110101", "2060-05-01", "2011-01-01"),
            ("990101", "2001-05-01", "1999-01-01"),
        ] {
            assert_eq!(read(digits, today).as_deref(), Some(expected), "{digits}");
        }
    }

    #[test]
    fn day_zero_is_the_last_of_its_month() {
        assert_eq!(read("280200", "2026-11-28").as_deref(), Some("2028-02-29"));
        assert_eq!(read("270200", "2026-11-28").as_deref(), Some("2027-02-28"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for digits in ["260230", "261301", "260001", "26", "2a0101"] {
            assert_eq!(read(digits, "2026-11-28"), None, "{digits}");
        }
    }

    #[test]
    fn minutes_and_seconds_may_be_left_out() {
        let read = |digits| date_time(digits, "2026-11-28".parse().unwrap());
        for (digits, expected) in [
            ("26112807", "2026-11-28T07:00:00"),
            ("2611280730", "2026-11-28T07:30:00"),
            ("261128073059", "2026-11-28T07:30:59"),
        ] {
            assert_eq!(read(digits).unwrap().to_string(), expected);
        }
        assert_eq!(read("2611282530"), None);
    }
}
