//! When a machine says that something was: the forms in which times are written.
//!
//! A local time that a time zone has twice (the clock is set back) is taken as the earlier one; one that it does not
//! have is taken as if the clock had not been set forward yet.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::record::Scalar;

/// A way to write times.
#[derive(Debug, Clone)]
pub(super) struct TimeFormat {
    form: Form,
    /// Of times that do not say theirs.
    zone: Option<TimeZone>,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    /// RFC 3339 text or milliseconds.
    Either,
    Rfc3339,
    /// A count since 1970 of so many microseconds each; nanoseconds are a thousandth.
    Unix(Unit),
    /// strftime.
    Pattern(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl TimeFormat {
    /// Says which key is wrong, and how.
    pub(super) fn new(
        format: Option<&str>,
        zone: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        let form = match format {
            None => Form::Either,
            Some("rfc3339") => Form::Rfc3339,
            Some("unix-s") => Form::Unix(Unit::Seconds),
            Some("unix-ms") => Form::Unix(Unit::Millis),
            Some("unix-us") => Form::Unix(Unit::Micros),
            Some("unix-ns") => Form::Unix(Unit::Nanos),
            Some(pattern) if pattern.contains('%') => Form::Pattern(pattern.to_owned()),
            Some(other) => {
                return Err((
                    "time_format",
                    format!(
                        "is `{other}`; expected rfc3339, unix-s, unix-ms, unix-us, unix-ns or a strftime pattern such as %d.%m.%Y %H:%M:%S"
                    ),
                ));
            }
        };
        let zone = zone
            .map(|name| {
                TimeZone::get(name)
                    .or_else(|_| TimeZone::posix(name))
                    .map_err(|_| {
                        (
                            "time_zone",
                            format!("is `{name}`, which this machine does not know; expected a name such as Europe/Berlin (package tzdata)"),
                        )
                    })
            })
            .transpose()?;
        let format = Self { form, zone };
        format.try_out()?;
        Ok(format)
    }

    /// A pattern must give back the time that is written with it.
    fn try_out(&self) -> Result<(), (&'static str, String)> {
        let Form::Pattern(pattern) = &self.form else {
            return Ok(());
        };
        let wrong = |why: String| ("time_format", format!("is `{pattern}`; {why}"));
        let noon = Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let written = strtime::format(pattern, &noon).map_err(|error| wrong(error.to_string()))?;
        let parsed =
            BrokenDownTime::parse(pattern, &written).map_err(|error| wrong(error.to_string()))?;
        if parsed.to_timestamp().is_ok() {
            return Ok(());
        }
        parsed
            .to_datetime()
            .map_err(|_| wrong("it does not say which day and time".to_owned()))?;
        if self.zone.is_none() {
            return Err((
                "time_zone",
                "is missing; times written with this time_format do not say theirs".to_owned(),
            ));
        }
        Ok(())
    }

    pub(super) fn read(&self, written: Scalar<'_>) -> Option<Timestamp> {
        match (&self.form, written) {
            (Form::Either | Form::Rfc3339, Scalar::Text(text)) => self.rfc3339(text),
            (Form::Either, number) => count(Unit::Millis, number),
            (Form::Unix(unit), written) => count(*unit, written),
            (Form::Pattern(pattern), Scalar::Text(text)) => {
                let parsed = BrokenDownTime::parse(pattern, text).ok()?;
                match parsed.to_timestamp() {
                    Ok(at) => Some(at),
                    Err(_) => self.local(parsed.to_datetime().ok()?),
                }
            }
            _ => None,
        }
    }

    fn rfc3339(&self, text: &str) -> Option<Timestamp> {
        match text.parse() {
            Ok(at) => Some(at),
            Err(_) => self.local(text.parse().ok()?),
        }
    }

    fn local(&self, time: DateTime) -> Option<Timestamp> {
        self.zone.as_ref()?.to_timestamp(time).ok()
    }

    /// In words, for `check`.
    pub(super) fn describe(&self) -> String {
        let form = match &self.form {
            Form::Either => "RFC 3339 or milliseconds since 1970",
            Form::Rfc3339 => "RFC 3339",
            Form::Unix(Unit::Seconds) => "seconds since 1970",
            Form::Unix(Unit::Millis) => "milliseconds since 1970",
            Form::Unix(Unit::Micros) => "microseconds since 1970",
            Form::Unix(Unit::Nanos) => "nanoseconds since 1970",
            Form::Pattern(pattern) => pattern,
        };
        let zone = self.zone.as_ref().and_then(TimeZone::iana_name);
        match (zone, &self.zone) {
            (Some(name), _) => format!("{form}, {name}"),
            (None, Some(_)) => format!("{form}, in the zone given"),
            (None, None) => form.to_owned(),
        }
    }
}

fn count(unit: Unit, written: Scalar<'_>) -> Option<Timestamp> {
    match written {
        Scalar::Integer(count) => match unit {
            Unit::Seconds => Timestamp::from_second(count),
            Unit::Millis => Timestamp::from_millisecond(count),
            Unit::Micros => Timestamp::from_microsecond(count),
            Unit::Nanos => Timestamp::from_nanosecond(i128::from(count)),
        }
        .ok(),
        Scalar::Float(count) => {
            let micros = match unit {
                Unit::Seconds => count * 1e6,
                Unit::Millis => count * 1e3,
                Unit::Micros => count,
                Unit::Nanos => count / 1e3,
            };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float beyond saturates and is then no time"
            )]
            let micros = micros.is_finite().then(|| micros.round() as i64)?;
            Timestamp::from_microsecond(micros).ok()
        }
        Scalar::Text(text) => {
            let text = text.trim();
            match text.parse() {
                Ok(count_) => count(unit, Scalar::Integer(count_)),
                Err(_) => count(unit, Scalar::Float(text.parse().ok()?)),
            }
        }
        Scalar::Flag(_) | Scalar::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Option<&str>, zone: Option<&str>, written: Scalar<'_>) -> Option<String> {
        let format = TimeFormat::new(format, zone).unwrap();
        format.read(written).map(|at| at.to_string())
    }

    #[test]
    fn counts_since_1970_are_read_in_every_unit_as_numbers_and_as_text() {
        let at = Some("2025-10-16T14:20:00.25Z".to_owned());
        let seconds = 1_760_624_400;
        for (unit, count) in [
            ("unix-ms", seconds * 1_000 + 250),
            ("unix-us", seconds * 1_000_000 + 250_000),
            ("unix-ns", seconds * 1_000_000_000 + 250_000_000),
        ] {
            assert_eq!(read(Some(unit), None, Scalar::Integer(count)), at, "{unit}");
            let text = count.to_string();
            assert_eq!(read(Some(unit), None, Scalar::Text(&text)), at, "{unit}");
        }
        assert_eq!(
            read(Some("unix-s"), None, Scalar::Float(1_760_624_400.25)),
            at
        );
        assert_eq!(read(None, None, Scalar::Integer(seconds * 1_000 + 250)), at);
        assert_eq!(read(Some("unix-s"), None, Scalar::Integer(i64::MAX)), None);
        assert_eq!(
            read(Some("unix-s"), None, Scalar::Float(f64::INFINITY)),
            None
        );
        assert_eq!(read(Some("unix-s"), None, Scalar::Flag(true)), None);
    }

    #[test]
    fn a_local_time_is_read_in_its_zone_in_summer_and_winter() {
        let pattern = Some("%d.%m.%Y %H:%M:%S");
        let zone = Some("CET-1CEST,M3.5.0,M10.5.0/3");
        let at = |text| read(pattern, zone, Scalar::Text(text));
        assert_eq!(
            at("16.10.2025 16:20:00").as_deref(),
            Some("2025-10-16T14:20:00Z")
        );
        assert_eq!(
            at("16.12.2025 16:20:00").as_deref(),
            Some("2025-12-16T15:20:00Z")
        );
        // The hour that there is twice.
        assert_eq!(
            at("26.10.2025 02:30:00").as_deref(),
            Some("2025-10-26T00:30:00Z")
        );
        assert_eq!(at("yesterday"), None);
        let iso = read(Some("rfc3339"), zone, Scalar::Text("2025-10-16T16:20:00"));
        assert_eq!(iso.as_deref(), Some("2025-10-16T14:20:00Z"));
    }

    #[test]
    fn a_time_that_says_its_offset_needs_no_zone() {
        let written = Scalar::Text("2025/10/16 16:20:00 +0200");
        let at = read(Some("%Y/%m/%d %H:%M:%S %z"), None, written);
        assert_eq!(at.as_deref(), Some("2025-10-16T14:20:00Z"));
        assert_eq!(read(None, None, Scalar::Text("2025-10-16T16:20:00")), None);
    }

    #[test]
    fn formats_that_cannot_be_right_are_refused_with_their_key() {
        let key = |format, zone| TimeFormat::new(format, zone).unwrap_err().0;
        assert_eq!(key(Some("iso"), None), "time_format");
        assert_eq!(key(Some("%H:%M"), Some("UTC")), "time_format");
        assert_eq!(key(Some("%Y-%m-%d %H:%M:%S"), None), "time_zone");
        assert_eq!(key(None, Some("Europe/Hamburg")), "time_zone");
    }
}
