//! The attributes inside a start tag that the reader has checked: where each name and value stands.
//! Nothing is checked again here.

use crate::document::Span;

/// Where one attribute stands; offsets count from the start of the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// From the white space before the name up to and including the closing quote.
    pub(crate) whole: Span,
    pub(crate) name: Span,
    /// Between the quotes, escaped.
    pub(crate) raw: Span,
}

/// The attributes of a start tag such as `<a b="c"/>`, in order.
#[derive(Debug, Clone)]
pub(crate) struct Places<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Places<'t> {
    /// `name_bytes` is the length of the element's name.
    pub(crate) fn of(tag: &'t str, name_bytes: u16) -> Self {
        Self {
            bytes: tag.as_bytes(),
            at: 1 + usize::from(name_bytes),
        }
    }

    /// Where the last attribute that was returned ends, or the element's name.
    pub(crate) fn end(&self) -> usize {
        self.at
    }
}

impl Iterator for Places<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let bytes = self.bytes;
        let find = |from: usize, stop: fn(&u8) -> bool| {
            Some(from + bytes.get(from..)?.iter().position(stop)?)
        };
        let start = self.at;
        let name = find(start, |byte| !byte.is_ascii_whitespace())?;
        if matches!(bytes[name], b'>' | b'/') {
            return None;
        }
        let name_end = find(name, |byte| *byte == b'=' || byte.is_ascii_whitespace())?;
        let quote = find(name_end, |byte| matches!(byte, b'"' | b'\''))?;
        let raw = quote + 1;
        let raw_end = raw + memchr::memchr(bytes[quote], &bytes[raw..])?;
        self.at = raw_end + 1;
        Some(Place {
            whole: Span::new(start, raw_end + 1),
            name: Span::new(name, name_end),
            raw: Span::new(raw, raw_end),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_whatever_their_spacing_and_quotes() {
        let tag = "<a:b c='1'\n\td = \"x>'/\" e=''/>";
        let found: Vec<_> = Places::of(tag, 3)
            .map(|place| (place.name.of(tag), place.raw.of(tag), place.whole.of(tag)))
            .collect();
        assert_eq!(
            found,
            [
                ("c", "1", " c='1'"),
                ("d", "x>'/", "\n\td = \"x>'/\""),
                ("e", "", " e=''"),
            ]
        );
        assert_eq!(Places::of("<a />", 1).next(), None);
        assert_eq!(Places::of("<a>", 1).next(), None);
    }
}
