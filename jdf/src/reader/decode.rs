//! Raw text → value: the five predefined entities, character references, line ends.

use super::{Failure, syntax};
use crate::error::ErrorKind;
use crate::name;

/// Resolves references and line ends. `None` when the raw text already is the value.
pub(crate) fn decode(raw: &str, attribute: bool) -> Result<Option<String>, Failure> {
    let special =
        |byte: &u8| matches!(byte, b'&' | b'\r') || (attribute && matches!(byte, b'\n' | b'\t'));
    if !raw.as_bytes().iter().any(special) {
        return Ok(None);
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let at = raw.len() - rest.len();
        rest = &rest[c.len_utf8()..];
        match c {
            '&' => {
                let Some((reference, after)) = rest.split_once(';') else {
                    return Err((syntax(&"a reference is not closed"), at));
                };
                value.push(resolve(reference).map_err(|kind| (kind, at))?);
                rest = after;
            }
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                value.push(if attribute { ' ' } else { '\n' });
            }
            '\n' | '\t' if attribute => value.push(' '),
            _ => value.push(c),
        }
    }
    Ok(Some(value))
}

/// The character that the text between `&` and `;` stands for.
pub(super) fn resolve(reference: &str) -> Result<char, ErrorKind> {
    let Some(number) = reference.strip_prefix('#') else {
        return match reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ => Err(ErrorKind::Entity(shortened(reference))),
        };
    };
    let code = match number.strip_prefix('x') {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        None if number.starts_with(|c: char| c.is_ascii_digit()) => number.parse().ok(),
        _ => None,
    };
    code.and_then(char::from_u32)
        .filter(|c| name::is_xml_character(*c))
        .ok_or_else(|| ErrorKind::CharacterReference(shortened(reference)))
}

/// Enough of a text to recognise it in a message.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
