//! Attributes of one element as typed values; what cannot be read becomes a finding and no value.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{
    Ranges, Value as _, parse_boolean, parse_date_time, parse_decimal, parse_duration,
    parse_integer,
};
use crate::finding::{Finding, Severity};
use crate::view::ElementRef;

pub(crate) struct Fields<'d, 'f> {
    pub(crate) element: ElementRef<'d>,
    pub(crate) findings: &'f mut Vec<Finding>,
}

impl<'d, 'f> Fields<'d, 'f> {
    pub(crate) fn of(element: ElementRef<'d>, findings: &'f mut Vec<Finding>) -> Self {
        Self { element, findings }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.element.attribute(name).map(str::to_owned)
    }

    /// A text that ought to be there; its absence is a finding, and the value then is empty.
    pub(crate) fn required(&mut self, name: &'static str) -> String {
        if let Some(value) = self.text(name) {
            return value;
        }
        self.remark("attribute-missing", format!("`{name}` is missing"));
        String::new()
    }

    pub(crate) fn tokens(&self, name: &str) -> Vec<String> {
        self.element
            .attribute(name)
            .map(|list| super::tokens(list).map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// A value of an open enumeration.
    pub(crate) fn state<T: for<'a> From<&'a str>>(&self, name: &str) -> Option<T> {
        self.element
            .attribute(name)
            .map(|text| T::from(text.trim()))
    }

    pub(crate) fn required_time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.required(name);
        self.element.attribute(name).and_then(|_| self.time(name))
    }

    pub(crate) fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.element.attribute(name)?;
        let Some(read) = parse_date_time(text) else {
            self.unreadable(name, text, "a date and time");
            return None;
        };
        if let Some(remark) = read.remark {
            self.remark("date-time-form", format!("`{name}=\"{text}\"`: {remark}"));
        }
        Some(read.timestamp)
    }

    pub(crate) fn decimal(&mut self, name: &str) -> Option<Decimal> {
        self.parsed(name, "a number", parse_decimal)
    }

    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        self.parsed(name, "a whole number", parse_integer)
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.parsed(name, "`true` or `false`", parse_boolean)
    }

    pub(crate) fn ranges(&mut self, name: &str) -> Option<Ranges> {
        self.parsed(name, "whole numbers or ranges of them", Ranges::read)
    }

    /// A list of whole numbers; what cannot be read is an empty one.
    pub(crate) fn integers(&mut self, name: &str) -> Vec<i64> {
        self.parsed(name, "whole numbers", Vec::<i64>::own)
            .unwrap_or_default()
    }

    pub(crate) fn duration(&mut self, name: &str) -> Option<SignedDuration> {
        self.parsed(name, "a duration", parse_duration)
    }

    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.element.attribute(name)?;
        let value = parse(text);
        if value.is_none() {
            self.unreadable(name, text, expected);
        }
        value
    }

    fn unreadable(&mut self, name: &str, text: &str, expected: &str) {
        const SHOWN_CHARACTERS: usize = 60;
        let shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
        self.remark(
            "value-unreadable",
            format!("`{name}=\"{shown}\"` is not {expected}"),
        );
    }

    pub(crate) fn remark(&mut self, code: &'static str, message: String) {
        let position = self.element.position();
        self.findings
            .push(Finding::new(Severity::Warning, code, message, position));
    }
}
