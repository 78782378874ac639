//! Instants and durations. JDF wants `2025-03-01T08:00:00+01:00`; the field writes much else.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// An instant that was read, and what was wrong with how it was written.
///
/// ```
/// let read = agog_jdf::value::parse_date_time("1382612345678").unwrap();
/// assert_eq!(read.timestamp.to_string(), "2013-10-24T10:59:05.678Z");
/// assert_eq!(read.remark, Some("a time is written as a number since 1970"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// The instant.
    pub timestamp: Timestamp,
    /// What is odd about the text; `None` if it is as JDF wants it.
    pub remark: Option<&'static str>,
}

/// Reads an instant in any form that was seen on real tickets.
///
/// ```
/// use agog_jdf::value::parse_date_time;
/// let plain = parse_date_time("2025-03-01T08:00:00+01:00").unwrap();
/// assert_eq!((plain.timestamp.to_string().as_str(), plain.remark), ("2025-03-01T07:00:00Z", None));
/// let odd = parse_date_time("2004-09-07T13:49:00:00.887+01:00").unwrap();
/// assert_eq!(odd.timestamp.to_string(), "2004-09-07T12:49:00.887Z");
/// assert!(odd.remark.is_some());
/// ```
pub fn parse_date_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    parse_iso(text)
        .or_else(|| parse_epoch(text))
        .or_else(|| parse_java(text))
}

fn parse_iso(text: &str) -> Option<DateTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let date: Date = date.parse().ok()?;
    if rest.is_empty() {
        return at(
            date,
            Time::midnight(),
            Offset::UTC,
            Some("a date without a time is read as midnight UTC"),
        );
    }
    let clock_and_zone = rest.strip_prefix(['T', 't', ' '])?;
    let zone_start =
        clock_and_zone.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ','));
    let (clock, zone) = clock_and_zone.split_at(zone_start.unwrap_or(clock_and_zone.len()));
    let (offset, zone_remark) = parse_zone(zone.trim())?;
    // XML calls the end of a day 24:00 as well.
    if matches!(clock, "24:00:00" | "24:00") {
        return at(date.tomorrow().ok()?, Time::midnight(), offset, zone_remark);
    }
    let (time, clock_remark) = parse_clock(clock)?;
    at(date, time, offset, clock_remark.or(zone_remark))
}

/// Milliseconds or seconds since 1970, as programs in Java write them: 10 digits are seconds, 13 milliseconds, and
/// in both cases a time between 2001 and 2286.
fn parse_epoch(text: &str) -> Option<DateTime> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    let timestamp = match text.len() {
        10 => Timestamp::from_second(number).ok()?,
        13 => Timestamp::from_millisecond(number).ok()?,
        _ => return None,
    };
    let remark = Some("a time is written as a number since 1970");
    Some(DateTime { timestamp, remark })
}

/// `Thu Oct 12 13:49:00 CEST 2006`, the way Java shows a date to people.
fn parse_java(text: &str) -> Option<DateTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, month, day, clock, zone, year] = words[..] else {
        return None;
    };
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let date = Date::new(year.parse().ok()?, month, number(day)?).ok()?;
    let (time, _) = parse_clock(clock)?;
    let (offset, _) = parse_zone(zone)?;
    at(
        date,
        time,
        offset,
        Some("a time is written for people and not as `2025-03-01T08:00:00Z`"),
    )
}

fn at(date: Date, time: Time, offset: Offset, remark: Option<&'static str>) -> Option<DateTime> {
    let timestamp = offset.to_timestamp(date.to_datetime(time)).ok()?;
    Some(DateTime { timestamp, remark })
}

/// `13:49`, `13:49:00`, `13:49:00.887`, and `13:49:00:00.887` where a writer doubled the seconds.
fn parse_clock(text: &str) -> Option<(Time, Option<&'static str>)> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut remark = text
        .contains(',')
        .then_some("the fraction of a second is written with a comma");
    let mut parts = whole.split(':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second = if let Some(second) = parts.next() {
        number(second)?
    } else {
        remark = Some("a time without seconds");
        0
    };
    if parts.next().is_some() {
        remark = Some("a time has too many parts; those after the seconds are ignored");
    }
    // Nine digits are nanoseconds; what is finer is cut off.
    let digits: String = fraction
        .chars()
        .take_while(char::is_ascii_digit)
        .take(9)
        .collect();
    let nanosecond: i32 = if digits.is_empty() {
        0
    } else {
        format!("{digits:0<9}").parse().ok()?
    };
    // A leap second is written as 60.
    Some((
        Time::new(hour, minute, second.min(59), nanosecond).ok()?,
        remark,
    ))
}

fn number(text: &str) -> Option<i8> {
    if text.is_empty() || text.len() > 2 {
        None
    } else {
        text.parse().ok()
    }
}

/// `Z`, `+01:00`, `+0100`, `+01`, nothing, or one of the names that Java's date formats leave behind.
fn parse_zone(text: &str) -> Option<(Offset, Option<&'static str>)> {
    const NAMED: &str = "the time zone is a name instead of an offset";
    let hours = |hours: i8| Offset::from_hours(hours).ok();
    match text {
        "Z" | "z" => return Some((Offset::UTC, None)),
        "" => return Some((Offset::UTC, Some("a time without a zone is read as UTC"))),
        "UTC" | "GMT" | "UT" => return Some((Offset::UTC, Some(NAMED))),
        "WEST" | "BST" | "CET" | "MEZ" => return Some((hours(1)?, Some(NAMED))),
        "CEST" | "MESZ" | "EET" => return Some((hours(2)?, Some(NAMED))),
        "EEST" => return Some((hours(3)?, Some(NAMED))),
        "EST" | "CDT" => return Some((hours(-5)?, Some(NAMED))),
        "EDT" => return Some((hours(-4)?, Some(NAMED))),
        _ => {}
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hour, minute, remark) = match (digits.split_once(':'), digits.len()) {
        (Some((hour, minute)), _) => (hour, minute, None),
        (None, 4) => {
            let (hour, minute) = digits.split_at_checked(2)?;
            let remark = "the zone is written without a colon";
            (hour, minute, Some(remark))
        }
        (None, _) => (digits, "0", Some("the zone is written without minutes")),
    };
    let (hour, minute) = (i32::from(number(hour)?), i32::from(number(minute)?));
    let offset = Offset::from_seconds(sign * (hour * 3600 + minute * 60)).ok()?;
    Some((offset, remark))
}

/// Writes an instant as JDF wants it, in UTC. Whole seconds have no fraction.
///
/// ```
/// let start = "2025-03-01T08:00:00+01:00".parse().unwrap();
/// assert_eq!(agog_jdf::value::write_date_time(start), "2025-03-01T07:00:00Z");
/// ```
pub fn write_date_time(timestamp: Timestamp) -> String {
    timestamp.to_string()
}

/// Reads a duration such as `PT36S` or `P1DT2H`. A day counts 24 hours; months and years, whose length
/// depends on the calendar, are not durations here.
///
/// ```
/// assert_eq!(agog_jdf::value::parse_duration("P0Y0M0DT1H22M").unwrap().as_mins(), 82);
/// assert_eq!(agog_jdf::value::parse_duration("P1M"), None);
/// ```
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let span: jiff::Span = text.trim().parse().ok()?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return None;
    }
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .ok()
}

/// Writes a duration in seconds and larger units, as ISO 8601 does.
///
/// ```
/// let duration = agog_jdf::value::parse_duration("PT96S").unwrap();
/// assert_eq!(agog_jdf::value::write_duration(duration), "PT1M36S");
/// ```
pub fn write_duration(duration: SignedDuration) -> String {
    duration.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odd_forms_of_the_field_are_read_with_a_remark() {
        for (text, expected, remarked) in [
            ("2025-03-01T08:00:00Z", "2025-03-01T08:00:00Z", false),
            (
                "2025-03-01T08:00:00.5-05:00",
                "2025-03-01T13:00:00.5Z",
                false,
            ),
            ("2009-05-04T10:11:12CEST", "2009-05-04T08:11:12Z", true),
            (
                "2004-09-07T13:49:00:00.887+01:00",
                "2004-09-07T12:49:00.887Z",
                true,
            ),
            ("2025-03-01T08:00:00+0100", "2025-03-01T07:00:00Z", true),
            ("2025-03-01T08:00:00", "2025-03-01T08:00:00Z", true),
            ("2025-03-01 08:00:00,25Z", "2025-03-01T08:00:00.25Z", true),
            ("2025-03-01T08:00Z", "2025-03-01T08:00:00Z", true),
            ("2025-03-01", "2025-03-01T00:00:00Z", true),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", false),
            ("2016-12-31T24:00:00Z", "2017-01-01T00:00:00Z", false),
            ("1382612345678", "2013-10-24T10:59:05.678Z", true),
            ("1382612345", "2013-10-24T10:59:05Z", true),
            (
                "Thu Oct 12 13:49:00 CEST 2006",
                "2006-10-12T11:49:00Z",
                true,
            ),
        ] {
            let read = parse_date_time(text).unwrap_or_else(|| panic!("{text} was not read"));
            assert_eq!(read.timestamp.to_string(), expected, "{text}");
            assert_eq!(read.remark.is_some(), remarked, "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_not_read() {
        for text in [
            "",
            "now",
            "2025-13-01T08:00:00Z",
            "2025-03-01T25:00:00Z",
            "2025-03-01T08:00:00+99:00",
            "20250301",
            "138261234567890",
            "Thu Foo 12 13:49:00 CEST 2006",
            "[:timestamp=now():]",
            "2025-03-01T24:01:00Z",
            "2025-03-01Täh",
            // Found by fuzzing: four bytes of zone that are not four characters.
            "2025-03-01T08:00:00+1\u{20ac}",
        ] {
            assert_eq!(parse_date_time(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        assert_eq!(
            parse_duration("PT1M36S"),
            Some(SignedDuration::from_secs(96))
        );
        assert_eq!(
            parse_duration("P1DT1H"),
            Some(SignedDuration::from_hours(25))
        );
        assert_eq!(
            parse_duration("P0Y0M0DT1H22M"),
            Some(SignedDuration::from_mins(82)),
            "nothing of what depends on the calendar"
        );
        assert_eq!(parse_duration("P1M"), None);
        assert_eq!(write_duration(SignedDuration::from_secs(96)), "PT1M36S");
    }
}
