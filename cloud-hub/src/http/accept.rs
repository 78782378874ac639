//! In which form an answer is wanted, by its `Accept` (RFC 9110, section 12.5.1).

use std::cmp::Reverse;

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};

use super::error::ApiError;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    /// RFC 4180.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
    Parquet,
}

/// How well a form is liked: by its weight, then by how exactly it is named, then by who is named first.
type Liking = (u16, u8, Reverse<usize>);

impl Form {
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The one of the offered forms that the caller likes best; the first one when the caller does not care.
    pub fn asked(headers: &HeaderMap, offered: &[Self]) -> Result<Self, ApiError> {
        let accepted: Vec<_> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|range| !range.is_empty())
            .collect();
        let liked = offered
            .iter()
            .filter_map(|form| Some((form.liking(&accepted)?, *form)));
        let best = if accepted.is_empty() {
            offered.first().copied()
        } else {
            // Of two that are liked as much the one that is offered first.
            let best = liked.rev().max_by_key(|(liking, _)| *liking);
            best.map(|(_, form)| form)
        };
        best.ok_or_else(|| {
            let kinds: Vec<_> = offered.iter().map(|form| form.media_type()).collect();
            let detail = format!("`Accept` names none of {}", kinds.join(", "));
            ApiError::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail)
        })
    }

    /// By the range that names it most exactly; none when it is not wanted.
    fn liking(self, accepted: &[&str]) -> Option<Liking> {
        let of_range = |(place, range): (usize, &&str)| {
            let mut parts = range.split(';').map(str::trim);
            let exactness = self.named_by(parts.next()?)?;
            let weight = parts.find_map(|part| {
                let (name, weight) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case("q").then_some(weight)
            });
            let weight = weight.map_or(Some(1_000), thousandths).unwrap_or_default();
            Some((exactness, weight, Reverse(place)))
        };
        let ranges = accepted.iter().enumerate().filter_map(of_range);
        let (exactness, weight, place) =
            ranges.max_by_key(|(exactness, _, place)| (*exactness, *place))?;
        (weight > 0).then_some((weight, exactness, place))
    }

    /// How exactly a range names it; none when it does not.
    fn named_by(self, range: &str) -> Option<u8> {
        let media_type = self.media_type();
        let group = media_type.split('/').next().unwrap_or_default();
        if range.eq_ignore_ascii_case(media_type) {
            Some(2)
        } else if range
            .strip_suffix("/*")
            .is_some_and(|range| range.eq_ignore_ascii_case(group))
        {
            Some(1)
        } else {
            (range == "*/*").then_some(0)
        }
    }
}

/// A weight: 0 to 1 with three digits.
fn thousandths(weight: &str) -> Option<u16> {
    let weight: f32 = weight.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1,000"
    )]
    (0.0..=1.0)
        .contains(&weight)
        .then(|| (weight * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(accept: &'static str) -> Result<Form, ApiError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        Form::asked(&headers, &[Form::Json, Form::Csv, Form::Parquet])
    }

    #[test]
    fn a_form_is_for_those_who_name_it_and_json_for_those_who_do_not_care() {
        for (accept, form) in [
            ("text/csv", Form::Csv),
            ("application/json;q=0.5, Text/CSV;q=1", Form::Csv),
            ("text/csv;q=0.1, application/json", Form::Json),
            ("text/csv, */*;q=0.8", Form::Csv),
            ("*/*, text/csv", Form::Csv),
            ("text/*", Form::Csv),
            ("application/vnd.apache.parquet", Form::Parquet),
            ("application/*", Form::Json),
            ("application/*, application/json; q=0.2", Form::Parquet),
            ("*/*", Form::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Json),
            ("", Form::Json),
        ] {
            assert_eq!(asked(accept).unwrap(), form, "{accept}");
        }
        let nobody_said = Form::asked(&HeaderMap::new(), &[Form::Csv]);
        assert_eq!(nobody_said.unwrap(), Form::Csv);
    }

    #[test]
    fn what_is_not_offered_or_not_wanted_is_refused_with_what_there_is() {
        for accept in [
            "text/html",
            "application/vnd.apache.arrow.stream",
            "text/csv;q=0",
            "text/csv;q=many",
            "*/*;q=0",
            "csv",
        ] {
            let error = asked(accept).unwrap_err();
            assert_eq!(error.status(), StatusCode::NOT_ACCEPTABLE, "{accept}");
        }
    }
}
