//! The attributes of one start tag: checked once, so that whoever looks at the tag later need not; their
//! prefixes bound, their references resolved.

use std::collections::HashSet;

use super::decode::decode;
use super::scope::bound_prefix;
use super::{Failure, Reading, check_length, is_space, syntax};
use crate::document::{DecodedValue, Span, saturate};
use crate::error::ErrorKind;
use crate::name;

/// Above this many attributes, duplicates are found through a set instead of by comparing all pairs.
const PAIRWISE_ATTRIBUTES_MAX: usize = 16;

/// Enough of a wrong name to recognise it in a message.
const SHOWN_CHARACTERS: usize = 100;

/// What a byte means in a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InName {
    No,
    /// May begin a name.
    Start,
    /// May stand inside a name.
    Inside,
    /// Part of a character beyond ASCII, which has to be looked at.
    Wide,
}

const IN_NAME: [InName; 256] = {
    let mut table = [InName::No; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 255")]
        let value = byte as u8;
        table[byte] = match value {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | b':' => InName::Start,
            b'0'..=b'9' | b'-' | b'.' => InName::Inside,
            128.. => InName::Wide,
            _ => InName::No,
        };
        byte += 1;
    }
    table
};

/// The length of the name that a text begins with. An error gives the whole word that should have been one.
pub(super) fn name_length(text: &str) -> Result<usize, ErrorKind> {
    let mut wide = false;
    let name_end = text
        .bytes()
        .position(|byte| {
            let class = IN_NAME[usize::from(byte)];
            wide |= class == InName::Wide;
            class == InName::No
        })
        .unwrap_or(text.len());
    let begins_well = text
        .bytes()
        .next()
        .is_some_and(|byte| matches!(IN_NAME[usize::from(byte)], InName::Start | InName::Wide));
    let ends_well = text[name_end..]
        .chars()
        .next()
        .is_none_or(|c| is_space(c) || c == '=');
    if begins_well && ends_well && (!wide || name::is_name(&text[..name_end])) {
        return Ok(name_end);
    }
    let word = text.split(|c| is_space(c) || c == '=').next();
    let shown = word.unwrap_or_default().chars().take(SHOWN_CHARACTERS);
    Err(ErrorKind::Name(shown.collect()))
}

impl Reading<'_, '_> {
    /// Reads ` name="value"` pairs between two offsets, binds prefixes and refuses doubles.
    pub(super) fn read_attributes(&mut self, from: usize, to: usize) -> Result<(), Failure> {
        let text = &self.text[..to];
        let bytes = text.as_bytes();
        let skip_space = |mut at: usize| {
            while at < to && is_space(bytes[at].into()) {
                at += 1;
            }
            at
        };
        let mut names = std::mem::take(&mut self.attribute_names);
        names.clear();
        let mut many = HashSet::new();
        let mut at = from;
        loop {
            let name_start = skip_space(at);
            if name_start == to {
                break;
            }
            if name_start == at {
                return Err((syntax(&"no white space before an attribute"), at));
            }
            let limit = self.document.limits.attributes;
            if names.len() == limit {
                let what = "attributes of one element";
                return Err((ErrorKind::Limit { what, limit }, name_start));
            }
            let name_end =
                name_start + name_length(&text[name_start..]).map_err(|kind| (kind, name_start))?;
            let name = &text[name_start..name_end];
            self.check_name_length(name, name_start)?;
            let equals = skip_space(name_end);
            if bytes.get(equals) != Some(&b'=') {
                let message = syntax(&format_args!("attribute `{name}` has no value"));
                return Err((message, name_start));
            }
            let quote_at = skip_space(equals + 1);
            let Some(quote @ (b'"' | b'\'')) = bytes.get(quote_at).copied() else {
                let message = syntax(&format_args!("the value of `{name}` is not quoted"));
                return Err((message, quote_at));
            };
            let raw_start = quote_at + 1;
            let Some(length) = memchr::memchr(quote, &bytes[raw_start..]) else {
                let message = syntax(&format_args!("the value of `{name}` is not closed"));
                return Err((message, quote_at));
            };
            let raw_end = raw_start + length;
            let limit = self.document.limits.attribute_bytes;
            check_length("bytes of attribute", length, limit, raw_start)?;
            let is_double = if names.len() < PAIRWISE_ATTRIBUTES_MAX {
                names.iter().any(|known| known.of(text) == name)
            } else {
                if many.is_empty() {
                    many.extend(names.iter().map(|known| known.of(text)));
                }
                !many.insert(name)
            };
            if is_double {
                return Err((ErrorKind::AttributeTwice(name.to_owned()), name_start));
            }
            names.push(Span::new(name_start, name_end));
            let decoded = self.decode_value(raw_start, raw_end)?;
            if let Some(prefix) = bound_prefix(name) {
                let uri = decoded.as_deref().unwrap_or(&text[raw_start..raw_end]);
                let namespace = self.scope.intern(self.document, uri);
                let namespace = namespace.map_err(|kind| (kind, name_start))?;
                self.scope.bind(prefix, namespace);
            }
            at = raw_end + 1;
        }
        self.attribute_names = names;
        Ok(())
    }

    /// Checks a value and keeps its decoded form if that differs from the text.
    fn decode_value(&mut self, start: usize, end: usize) -> Result<Option<String>, Failure> {
        let raw = &self.text[start..end];
        let is_special = |byte| matches!(byte, b'<' | b'&' | b'\t' | b'\n' | b'\r');
        if !raw.bytes().any(is_special) {
            return Ok(None);
        }
        if let Some(less) = raw.find('<') {
            return Err((syntax(&"`<` in an attribute value"), start + less));
        }
        let decoded = decode(raw, true).map_err(|(kind, at)| (kind, start + at))?;
        if let Some(decoded) = &decoded {
            let value = self.document.keep_decoded(decoded);
            self.document.values.push(DecodedValue {
                raw_start: saturate(self.base + start),
                value,
            });
        }
        Ok(decoded)
    }
}
