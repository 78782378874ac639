//! The attributes of one start tag: split, checked, their prefixes bound.

use std::collections::HashSet;

use super::scope::bound_prefix;
use super::{Failure, Reading, check_length, is_space, syntax};
use crate::document::{Attribute, Value};
use crate::error::ErrorKind;

/// Above this many attributes, duplicates are found through a set instead of by comparing all pairs.
const PAIRWISE_ATTRIBUTES_MAX: usize = 12;

impl Reading<'_, '_> {
    /// Reads ` name="value"` pairs between two offsets, binds prefixes and refuses doubles.
    pub(super) fn read_attributes(&mut self, from: usize, to: usize) -> Result<(), Failure> {
        let text = self.text;
        let bytes = text.as_bytes();
        let skip_space = |mut at: usize| {
            while at < to && is_space(bytes[at].into()) {
                at += 1;
            }
            at
        };
        let limit = self.document.limits.attributes;
        let first = self.document.attributes.len();
        let mut seen = HashSet::new();
        let mut at = from;
        loop {
            let name_start = skip_space(at);
            if name_start == to {
                return Ok(());
            }
            if name_start == at {
                return Err((syntax(&"no white space before an attribute"), at));
            }
            if self.document.attributes.len() - first == limit {
                return Err((
                    ErrorKind::Limit {
                        what: "attributes of one element",
                        limit,
                    },
                    name_start,
                ));
            }
            let rest = &text[name_start..to];
            let name_end =
                name_start + rest.find(|c| c == '=' || is_space(c)).unwrap_or(rest.len());
            let name = &text[name_start..name_end];
            self.check_name(name, name_start)?;
            let equals = skip_space(name_end);
            if bytes[equals..to].first() != Some(&b'=') {
                return Err((
                    syntax(&format_args!("attribute `{name}` has no value")),
                    name_start,
                ));
            }
            let quote_at = skip_space(equals + 1);
            let quote = match bytes[quote_at..to].first() {
                Some(quote @ (b'"' | b'\'')) => char::from(*quote),
                _ => {
                    return Err((
                        syntax(&format_args!("the value of `{name}` is not quoted")),
                        quote_at,
                    ));
                }
            };
            let raw_start = quote_at + 1;
            let Some(length) = text[raw_start..to].find(quote) else {
                return Err((
                    syntax(&format_args!("the value of `{name}` is not closed")),
                    quote_at,
                ));
            };
            let raw_end = raw_start + length;
            check_length(
                "bytes of attribute",
                length,
                self.document.limits.attribute_bytes,
                raw_start,
            )?;
            if let Some(less) = text[raw_start..raw_end].find('<') {
                return Err((syntax(&"`<` in an attribute value"), raw_start + less));
            }
            let known = self.document.attributes.len() - first;
            let double = if known < PAIRWISE_ATTRIBUTES_MAX {
                let base = self.base;
                let same = |attribute: &Attribute| {
                    &text[attribute.name.start as usize - base..attribute.name.end as usize - base]
                        == name
                };
                self.document.attributes[first..].iter().any(same)
            } else {
                if seen.is_empty() {
                    seen.extend(self.document.attributes[first..].iter().map(|attribute| {
                        &text[attribute.name.start as usize - self.base
                            ..attribute.name.end as usize - self.base]
                    }));
                }
                !seen.insert(name)
            };
            if double {
                return Err((ErrorKind::AttributeTwice(name.to_owned()), name_start));
            }
            let value = self.value(raw_start, raw_end, true)?;
            if let Some(prefix) = bound_prefix(name) {
                let uri = match value {
                    Value::Raw(_) => text[raw_start..raw_end].to_owned(),
                    Value::Decoded(span) => span.of(&self.document.decoded).to_owned(),
                };
                let index = self.scope.intern(self.document, &uri);
                self.scope.bind(prefix, index);
            }
            self.document.attributes.push(Attribute {
                whole: self.span(at, raw_end + 1),
                name: self.span(name_start, name_end),
                raw: self.span(raw_start, raw_end),
                value,
                edited: false,
                removed: false,
            });
            at = raw_end + 1;
        }
    }
}
