//! Names that a sender chose: decoded from the forms of MIME headers, and made safe to create a file with.
//!
//! Not here: creating the files (`unpack.rs`).

use std::fmt::Write as _;

/// Characters of a file name. More than enough to tell files apart, and below the limits of old systems.
const NAME_CHARACTERS_MAX: usize = 120;
/// Bytes of a file name: most file systems allow 255, and a suffix must still fit.
const NAME_BYTES_MAX: usize = 200;

/// The last component of whatever path a sender wrote, without anything that a file system, a shell or an
/// eye could misunderstand. `None` if nothing usable is left.
///
/// ```
/// use agog_jdf::package::safe_file_name;
/// assert_eq!(safe_file_name("..\\..\\page 1.pdf").as_deref(), Some("page 1.pdf"));
/// assert_eq!(safe_file_name("NUL.pdf").as_deref(), Some("_NUL.pdf"));
/// assert_eq!(safe_file_name("../.."), None);
/// ```
pub fn safe_file_name(name: &str) -> Option<String> {
    let base = name.rsplit(['/', '\\', ':']).next().unwrap_or("");
    let kept: String = base
        .chars()
        .map(|c| if is_misunderstood(c) { '_' } else { c })
        .collect();
    let trim = |name: &str| {
        name.trim_matches(|c: char| c.is_whitespace() || c == '.')
            .to_owned()
    };
    let kept = trim(&kept);
    // The beginning gives way, so that the ending that tells the type stays.
    let mut from = kept.len();
    for (count, (at, _)) in kept.char_indices().rev().enumerate() {
        if count == NAME_CHARACTERS_MAX || kept.len() - at > NAME_BYTES_MAX {
            break;
        }
        from = at;
    }
    let mut kept = trim(&kept[from..]);
    // A name that begins with a hyphen would be an option to a command.
    if kept.starts_with('-') {
        kept.replace_range(..1, "_");
    }
    if is_device(&kept) {
        kept.insert(0, '_');
    }
    (!kept.is_empty()).then_some(kept)
}

/// Reserved on Windows, invisible, turning the direction of writing, or alike a separator or a dot (some
/// file systems fold those into the real ones).
fn is_misunderstood(c: char) -> bool {
    c.is_control()
        || "<>\"|?*:/\\".contains(c)
        || matches!(
            c,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2024}'..='\u{2026}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2044}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2215}'
                | '\u{2216}'
                | '\u{29F5}'
                | '\u{29F8}'
                | '\u{29F9}'
                | '\u{FE52}'
                | '\u{FE55}'
                | '\u{FE68}'
                | '\u{FEFF}'
                | '\u{FF02}'
                | '\u{FF0A}'
                | '\u{FF0E}'
                | '\u{FF0F}'
                | '\u{FF1A}'
                | '\u{FF1C}'
                | '\u{FF1E}'
                | '\u{FF1F}'
                | '\u{FF3C}'
                | '\u{FF5C}'
                | '\u{FFF9}'..='\u{FFFC}'
        )
}

/// Names that Windows gives to devices, with any ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or("").trim_end();
    let stem = stem.to_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    ["COM", "LPT"].into_iter().any(|port| {
        stem.strip_prefix(port).is_some_and(|number| {
            let mut digits = number.chars();
            matches!(
                (digits.next(), digits.next()),
                (Some('0'..='9' | '¹' | '²' | '³'), None)
            )
        })
    })
}

/// Undoes `%20` and the like; what is malformed stays.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        let escaped = match (first, rest) {
            (b'%', [high, low, ..]) => hex_pair(*high, *low),
            _ => None,
        };
        out.push(escaped.unwrap_or(*first));
        bytes = if escaped.is_some() { &rest[2..] } else { rest };
    }
    out
}

/// Escapes all but the unreserved characters of URLs.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// The byte that two hexadecimal digits mean.
pub(super) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Bytes in a named character set as text; an unknown set is read as UTF-8 or, failing that, Windows-1252.
pub(super) fn text_in(charset: &str, bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_label(charset.trim().as_bytes()) {
        Some(encoding) => encoding.decode(bytes).0.into_owned(),
        None => text_of(bytes),
    }
}

/// Bytes of an unknown character set.
pub(super) fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(),
    }
}

/// An extended value of RFC 5987: `UTF-8'en'%e2%82%ac.pdf`.
pub(super) fn extended(value: &str) -> String {
    let mut fields = value.splitn(3, '\'');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(charset), Some(_), Some(text)) => text_in(charset, &percent_decoded(text)),
        _ => text_of(&percent_decoded(value)),
    }
}

/// Undoes the encoded words of RFC 2047, `=?utf-8?B?…?=` and `=?iso-8859-1?Q?…?=`; what is malformed stays.
pub(super) fn without_encoded_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let Some((word, length)) = encoded_word(&rest[start..]) else {
            out.push_str(&rest[..start + 2]);
            rest = &rest[start + 2..];
            after_word = false;
            continue;
        };
        // White space between two encoded words is not part of the text.
        if !(after_word && rest[..start].trim().is_empty()) {
            out.push_str(&rest[..start]);
        }
        out.push_str(&word);
        rest = &rest[start + length..];
        after_word = true;
    }
    out.push_str(rest);
    out
}

/// The word at the beginning of the text, and how many bytes it takes.
fn encoded_word(text: &str) -> Option<(String, usize)> {
    let mut fields = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, form, tail) = (fields.next()?, fields.next()?, fields.next()?);
    let end = tail.find("?=")?;
    let charset = charset.split('*').next().unwrap_or(charset);
    let bytes = match form {
        "B" | "b" => super::decode::base64(&tail.as_bytes()[..end])?,
        "Q" | "q" => {
            let escaped: String = tail[..end]
                .chars()
                .map(|c| match c {
                    '=' => '%',
                    '_' => ' ',
                    '%' => '\u{FFFD}',
                    c => c,
                })
                .collect();
            percent_decoded(&escaped.replace('\u{FFFD}', "%25"))
        }
        _ => return None,
    };
    let length = 2 + charset_length(text) + 1 + form.len() + 1 + end + 2;
    Some((text_in(charset, &bytes), length))
}

fn charset_length(text: &str) -> usize {
    text[2..].find('?').unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_file_name_loses_what_makes_it_hostile() {
        for (name, safe) in [
            ("../../MyJDF.jdf", Some("MyJDF.jdf")),
            ("..\\..\\boot.ini", Some("boot.ini")),
            ("C:evil.jdf", Some("evil.jdf")),
            ("page.pdf:hidden.exe", Some("hidden.exe")),
            ("page.pdf::$DATA", Some("$DATA")),
            ("/etc/passwd", Some("passwd")),
            ("a\0b\n.jdf", Some("a_b_.jdf")),
            ("a<b>c?.jdf", Some("a_b_c_.jdf")),
            ("..", None),
            ("...", None),
            (". .", None),
            ("", None),
            (".hidden", Some("hidden")),
            ("trailing. . ", Some("trailing")),
            ("-rf", Some("_rf")),
            ("con", Some("_con")),
            ("LPT1.txt", Some("_LPT1.txt")),
            ("COM¹.pdf", Some("_COM¹.pdf")),
            ("nul .tar.gz", Some("_nul .tar.gz")),
            ("COMMON.pdf", Some("COMMON.pdf")),
            ("invoice\u{202E}fdp.exe", Some("invoice_fdp.exe")),
            ("..\u{2215}..\u{FF0F}x.pdf", Some("_.._x.pdf")),
            ("\u{FF0E}\u{FF0E}", Some("__")),
            ("Größe.pdf", Some("Größe.pdf")),
        ] {
            assert_eq!(safe_file_name(name).as_deref(), safe, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = safe_file_name(&("x".repeat(500) + ".jdf")).unwrap();
        assert_eq!((long.len(), long.ends_with("x.jdf")), (120, true));
        let wide = safe_file_name(&("\u{1F5A8}".repeat(500) + ".jdf")).unwrap();
        assert!(
            wide.len() <= NAME_BYTES_MAX && wide.ends_with("\u{1F5A8}.jdf"),
            "{wide}"
        );
    }

    #[test]
    fn encoded_words_are_read() {
        assert_eq!(
            without_encoded_words("=?utf-8?B?R3LDtsOfZQ==?=.pdf"),
            "Größe.pdf"
        );
        assert_eq!(
            without_encoded_words("=?ISO-8859-1?Q?Gr=F6=DFe_1?= =?utf-8?q?.pdf?="),
            "Größe 1.pdf"
        );
        for text in ["=?utf-8?x?abc?=", "=?utf-8?B?abc", "plain =? text", "a%20b"] {
            assert_eq!(without_encoded_words(text), text);
        }
        assert_eq!(without_encoded_words("=?utf-8?Q?50%25=20?="), "50%25 ");
    }
}
