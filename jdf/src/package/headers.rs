//! MIME header blocks: folded lines, parameters, and file names that a sender may not choose freely.

use super::{PackageError, PackageLimits};

/// The headers of a block, names in lower case, folded lines joined.
#[derive(Debug, Default)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Splits a block of headers from what follows it. `None` if the bytes do not begin with a header
    /// block; an empty line at once is an empty block.
    pub(super) fn split<'b>(
        bytes: &'b [u8],
        limits: &PackageLimits,
    ) -> Result<Option<(Self, &'b [u8])>, PackageError> {
        let limit = limits.header_bytes;
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut rest = bytes;
        loop {
            let Some(end) = rest.iter().take(limit + 1).position(|byte| *byte == b'\n') else {
                let head = String::from_utf8_lossy(&rest[..rest.len().min(limit)]);
                let is_header = head
                    .split_once(':')
                    .is_some_and(|(name, _)| is_field_name(name));
                // Headers may be all there is, as in a part without a body; but not without bound.
                return match (is_header || !headers.is_empty(), rest.len() > limit) {
                    (true, true) => Err(PackageError::Limit {
                        what: "bytes of part header",
                        limit,
                    }),
                    (true, false) if rest.is_empty() => Ok(Some((Self(headers), &[]))),
                    _ => Ok(None),
                };
            };
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            rest = &rest[end + 1..];
            if bytes.len() - rest.len() > limit {
                return Err(PackageError::Limit {
                    what: "bytes of part header",
                    limit,
                });
            }
            let text = String::from_utf8_lossy(line);
            match (line, headers.last_mut()) {
                ([], _) => return Ok(Some((Self(headers), rest))),
                ([b' ' | b'\t', ..], Some((_, value))) => {
                    value.push(' ');
                    value.push_str(text.trim());
                }
                _ => {
                    let Some((name, value)) =
                        text.split_once(':').filter(|(name, _)| is_field_name(name))
                    else {
                        return Ok(None);
                    };
                    headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .trim_end()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The value before the first semicolon, in lower case.
pub(super) fn main_value(header: &str) -> String {
    header
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase()
}

/// A parameter of a header: `name=value` or `name="quoted \" value"`.
pub(super) fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.rsplit(';').next().unwrap_or(name).trim();
        let after = after.trim_start();
        let (value, remaining) = if let Some(quoted) = after.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim().to_owned(), &after[end..])
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = remaining;
    }
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

/// The last component of whatever path a sender wrote, without anything that a file system or a shell
/// could misunderstand. `None` if nothing usable is left.
pub(super) fn safe_file_name(name: &str) -> Option<String> {
    const NAME_CHARACTERS_MAX: usize = 120;
    let base = name.rsplit(['/', '\\', ':']).next().unwrap_or("");
    let kept: String = base
        .chars()
        .map(|c| {
            if c.is_control() || "<>\"|?*\u{FEFF}".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    let kept = kept.trim().trim_matches('.').trim();
    // The beginning gives way, so that the ending that tells the type stays.
    let skip = kept.chars().count().saturating_sub(NAME_CHARACTERS_MAX);
    let kept: String = kept.chars().skip(skip).collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_quoted_folded_and_bare() {
        assert_eq!(
            parameter("multipart/related; \tboundary=\"--=_a;b\"", "boundary").as_deref(),
            Some("--=_a;b")
        );
        assert_eq!(
            parameter("multipart/related; type=x; Boundary=abc ; c=d", "boundary").as_deref(),
            Some("abc")
        );
        assert_eq!(
            parameter("attachment; filename=\"C:\\jobs\\a.jdf\"", "filename").as_deref(),
            Some("C:\\jobs\\a.jdf")
        );
        assert_eq!(parameter("multipart/related; ", "boundary"), None);
    }

    #[test]
    fn a_hostile_file_name_loses_its_path() {
        for (name, safe) in [
            ("../../MyJDF.jdf", Some("MyJDF.jdf")),
            ("..\\..\\boot.ini", Some("boot.ini")),
            ("C:evil.jdf", Some("evil.jdf")),
            ("/etc/passwd", Some("passwd")),
            ("a\0b\n.jdf", Some("a_b_.jdf")),
            ("..", None),
            ("", None),
            (".hidden", Some("hidden")),
        ] {
            assert_eq!(safe_file_name(name).as_deref(), safe, "{name:?}");
        }
        assert_eq!(
            safe_file_name(&("x".repeat(500) + ".jdf")).unwrap().len(),
            120
        );
    }
}
