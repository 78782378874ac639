//! MIME header blocks, read line by line as the bytes come: folded lines, parameters in all their forms.

use super::PackageError;
use super::names::{extended, text_of, without_encoded_words};

/// Pieces that a parameter may be cut into (RFC 2231): far more than any file name needs.
const CONTINUATIONS_MAX: usize = 100;

/// The headers of a block, names in lower case, folded lines joined.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers(Vec<(String, String)>);

/// What the lines so far turned out to be.
pub(super) enum Block {
    /// It may go on.
    Open,
    /// An empty line ended it; it took this many bytes.
    Closed(usize),
    /// A line is no header: this is content from its first byte.
    NoHeaders,
}

/// Reads a block from the beginning of a buffer that grows. Each byte is looked at once.
#[derive(Debug, Default)]
pub(super) struct BlockReader {
    pub(super) headers: Headers,
    line_start: usize,
    searched: usize,
}

impl BlockReader {
    /// Where the line begins that is not complete yet.
    pub(super) fn line_start(&self) -> usize {
        self.line_start
    }

    /// Takes one more line from the buffer, which begins with the block. `None` if it is not complete.
    pub(super) fn line(
        &mut self,
        buffer: &[u8],
        bytes_max: usize,
    ) -> Result<Option<Block>, PackageError> {
        let found = buffer[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|length| self.searched + length);
        let end = match found {
            Some(end) if end < bytes_max => end,
            None if buffer.len() <= bytes_max => {
                self.searched = buffer.len();
                return Ok(None);
            }
            // A long first line without any colon is content; a header must not be without bound.
            _ => {
                let line = String::from_utf8_lossy(&buffer[self.line_start..bytes_max]);
                let is_header = line
                    .split_once(':')
                    .is_some_and(|(name, _)| is_field_name(name));
                return if is_header || !self.headers.0.is_empty() {
                    Err(PackageError::Limit {
                        what: "bytes of part header",
                        limit: bytes_max,
                    })
                } else {
                    Ok(Some(Block::NoHeaders))
                };
            }
        };
        let line = &buffer[self.line_start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (self.line_start, self.searched) = (end + 1, end + 1);
        let text = text_of(line);
        Ok(Some(match (line, self.headers.0.last_mut()) {
            ([], _) => Block::Closed(end + 1),
            ([b' ' | b'\t', ..], Some((_, value))) => {
                value.push(' ');
                value.push_str(text.trim());
                Block::Open
            }
            _ => match text.split_once(':').filter(|(name, _)| is_field_name(name)) {
                Some((name, value)) => {
                    let header = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
                    self.headers.0.push(header);
                    Block::Open
                }
                None => Block::NoHeaders,
            },
        }))
    }
}

impl Headers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a header before its first parameter, in lower case; empty if there is none.
    pub(super) fn main_value(&self, name: &str) -> String {
        self.get(name).map(main_value).unwrap_or_default()
    }

    /// The file name that the sender gave, decoded but not yet safe.
    pub(super) fn file_name(&self) -> Option<String> {
        let named = |header: &str, name: &str| {
            self.get(header)
                .and_then(|header| text_parameter(header, name))
                .filter(|name| !name.trim().is_empty())
        };
        named("content-disposition", "filename").or_else(|| named("content-type", "name"))
    }
}

fn is_field_name(name: &str) -> bool {
    !name.trim_end().is_empty()
        && name
            .trim_end()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The value before the first semicolon, in lower case.
pub(super) fn main_value(header: &str) -> String {
    let value = header.split(';').next().unwrap_or("");
    value.trim().trim_matches('"').to_ascii_lowercase()
}

/// A parameter of a header: `name=value` or `name="quoted \" value"`.
pub(super) fn parameter(header: &str, wanted: &str) -> Option<String> {
    let wanted_of =
        |(name, value): (&str, String)| name.eq_ignore_ascii_case(wanted).then_some(value);
    parameters(header).find_map(wanted_of)
}

/// A parameter that holds text: `name*=UTF-8''…` (RFC 5987), `name*0*=…; name*1=…` (RFC 2231), or `name=`
/// with encoded words (RFC 2047), in this order.
fn text_parameter(header: &str, wanted: &str) -> Option<String> {
    if let Some(value) = parameter(header, &format!("{wanted}*")) {
        return Some(extended(&value));
    }
    let mut joined = String::new();
    let mut is_extended = false;
    for number in 0..CONTINUATIONS_MAX {
        let encoded = parameter(header, &format!("{wanted}*{number}*"));
        is_extended |= encoded.is_some();
        match encoded.or_else(|| parameter(header, &format!("{wanted}*{number}"))) {
            Some(piece) => joined.push_str(&piece),
            None => break,
        }
    }
    if !joined.is_empty() {
        return Some(if is_extended {
            extended(&joined)
        } else {
            joined
        });
    }
    parameter(header, wanted).map(|value| without_encoded_words(&value))
}

fn parameters(header: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = header.split_once(';').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let name = name.rsplit(';').next().unwrap_or(name).trim();
        let after = after.trim_start();
        let (value, remaining) = if let Some(quoted) = after.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim().to_owned(), &after[end..])
        };
        rest = remaining;
        Some((name, value))
    })
}

fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            // A path of Windows is not an escape: only quotes and backslashes are escaped.
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => {
                value.extend(characters.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_quoted_folded_and_bare() {
        for (header, boundary) in [
            ("multipart/related; \tboundary=\"--=_a;b\"", Some("--=_a;b")),
            ("multipart/related; type=x; Boundary=abc ; c=d", Some("abc")),
            ("multipart/related; boundary='x:(y)?=z", Some("'x:(y)?=z")),
            ("multipart/related; ", None),
        ] {
            assert_eq!(
                parameter(header, "boundary").as_deref(),
                boundary,
                "{header}"
            );
        }
        assert_eq!(
            parameter("attachment; filename=\"C:\\jobs\\a.jdf\"", "filename").as_deref(),
            Some("C:\\jobs\\a.jdf")
        );
    }

    #[test]
    fn file_names_are_read_in_every_form() {
        for (header, name) in [
            (
                "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf; filename=\"x.pdf\"",
                "Größe.pdf",
            ),
            (
                "attachment; filename*=iso-8859-1'de'Gr%F6%DFe.pdf",
                "Größe.pdf",
            ),
            (
                "attachment; filename*0*=UTF-8''Gr%C3%B6; filename*1=\"sse\"; filename*2*=%2Epdf",
                "Grösse.pdf",
            ),
            (
                "attachment; filename*0=\"a long \"; filename*1=\"name.pdf\"",
                "a long name.pdf",
            ),
            (
                "attachment; filename=\"=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?=\"",
                "Größe.pdf",
            ),
        ] {
            assert_eq!(
                text_parameter(header, "filename").as_deref(),
                Some(name),
                "{header}"
            );
        }
    }
}
