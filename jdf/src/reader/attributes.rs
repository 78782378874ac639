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

/// May begin a name.
const NAME_START: u8 = 1;
/// May stand in a name after its first character.
const NAME_INSIDE: u8 = 2;
/// Divides prefix and local name.
const COLON: u8 = 4;
/// Part of a character beyond ASCII, which has to be looked at as a whole.
const WIDE: u8 = 8;
/// Makes a value differ from its text, or is forbidden in it.
const SPECIAL: u8 = 16;
const IN_NAME: u8 = NAME_START | NAME_INSIDE | COLON | WIDE;

/// What each byte may mean in a start tag. One look-up for each byte of a ticket is what reading costs here.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => NAME_START,
            b'0'..=b'9' | b'-' | b'.' => NAME_INSIDE,
            b':' => NAME_START | COLON,
            128.. => WIDE,
            b'<' | b'&' | b'\t' | b'\n' | b'\r' => SPECIAL,
            _ => 0,
        };
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// A name that was found and checked.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) bytes: usize,
    pub(super) has_colon: bool,
}

/// The name that a text begins with. An error gives the whole word that should have been one.
pub(super) fn read_name(text: &str) -> Result<Name, ErrorKind> {
    let bytes = text.as_bytes();
    let (mut length, mut seen) = (0, 0);
    while let Some(byte) = bytes.get(length)
        && class(*byte) & IN_NAME != 0
    {
        seen |= class(*byte);
        length += 1;
    }
    let begins_well = bytes
        .first()
        .is_some_and(|byte| class(*byte) & (NAME_START | WIDE) != 0);
    let ends_well = bytes
        .get(length)
        .is_none_or(|byte| matches!(byte, b'=' | b' ' | b'\t' | b'\n' | b'\r'));
    if begins_well && ends_well && (seen & WIDE == 0 || name::is_name(&text[..length])) {
        return Ok(Name {
            bytes: length,
            has_colon: seen & COLON != 0,
        });
    }
    let word = text.split(|c| is_space(c) || c == '=').next();
    let shown = word.unwrap_or_default().chars().take(SHOWN_CHARACTERS);
    Err(ErrorKind::Name(shown.collect()))
}

/// Most names differ in their length or their last letter, which is cheaper to see than to compare them.
fn is_same_name(known: Span, name: &str, bytes: &[u8]) -> bool {
    let known = &bytes[known.start as usize..known.end as usize];
    known.len() == name.len() && known.last() == name.as_bytes().last() && known == name.as_bytes()
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
            let found = read_name(&text[name_start..]).map_err(|kind| (kind, name_start))?;
            let name_end = name_start + found.bytes;
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
            let limit = self.document.limits.attribute_bytes;
            let mut is_special = false;
            let mut raw_end = raw_start;
            loop {
                let Some(byte) = bytes.get(raw_end) else {
                    let message = syntax(&format_args!("the value of `{name}` is not closed"));
                    return Err((message, quote_at));
                };
                if *byte == quote {
                    break;
                }
                is_special |= class(*byte) & SPECIAL != 0;
                raw_end += 1;
            }
            check_length("bytes of attribute", raw_end - raw_start, limit, raw_start)?;
            let is_double = if names.len() < PAIRWISE_ATTRIBUTES_MAX {
                names.iter().any(|known| is_same_name(*known, name, bytes))
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
            let decoded = if is_special {
                self.decode_value(raw_start, raw_end)?
            } else {
                None
            };
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
