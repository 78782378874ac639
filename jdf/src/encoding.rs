//! Bytes ↔ text. Documents come in UTF-8, UTF-16 and single-byte code pages; the tree is always
//! UTF-8, and an edited document goes back out in the encoding it came in.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::ErrorKind;

/// How a document was encoded, and whether a byte order mark stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charset {
    encoding: &'static Encoding,
    mark: bool,
}

/// Bytes that are not what the encoding says, and the text before them as far as it is known.
pub(crate) struct DecodingFailed {
    pub(crate) kind: ErrorKind,
    pub(crate) valid: String,
}

impl Charset {
    /// Finds the encoding from the byte order mark, the shape of the first bytes, or the XML declaration.
    pub(crate) fn detect(bytes: &[u8]) -> Result<Self, ErrorKind> {
        let of = |encoding, mark| Ok(Self { encoding, mark });
        match bytes {
            [0xEF, 0xBB, 0xBF, ..] => return of(UTF_8, true),
            [0xFE, 0xFF, ..] => return of(UTF_16BE, true),
            [0xFF, 0xFE, ..] => return of(UTF_16LE, true),
            [0, b'<', 0, ..] => return of(UTF_16BE, false),
            [b'<', 0, _, 0, ..] => return of(UTF_16LE, false),
            _ => {}
        }
        let Some(label) = declared(bytes) else {
            return of(UTF_8, false);
        };
        match Encoding::for_label(label) {
            // Text that is plainly ASCII-compatible cannot be UTF-16, whatever a careless writer declared.
            Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => of(UTF_8, false),
            Some(encoding) if encoding == UTF_8 || encoding.is_single_byte() => of(encoding, false),
            _ => Err(ErrorKind::Encoding(
                String::from_utf8_lossy(label).into_owned(),
            )),
        }
    }

    /// The text without its byte order mark. UTF-8 without one is not copied.
    pub(crate) fn decode(self, mut bytes: Vec<u8>) -> Result<String, DecodingFailed> {
        if self.encoding == UTF_8 {
            if self.mark {
                bytes.drain(..3);
            }
            return String::from_utf8(bytes).map_err(|error| {
                let valid = error.utf8_error().valid_up_to();
                DecodingFailed {
                    kind: ErrorKind::Decoding("UTF-8"),
                    valid: String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned(),
                }
            });
        }
        let content = if self.mark { &bytes[2..] } else { &bytes[..] };
        match self
            .encoding
            .decode_without_bom_handling_and_without_replacement(content)
        {
            Some(text) => Ok(text.into_owned()),
            None => Err(DecodingFailed {
                kind: ErrorKind::Decoding(self.encoding.name()),
                valid: String::new(),
            }),
        }
    }

    /// The bytes of a text. A character that a code page lacks becomes a character reference.
    pub(crate) fn encode(self, text: String) -> Vec<u8> {
        if self.encoding == UTF_8 {
            let mut bytes = if self.mark {
                vec![0xEF, 0xBB, 0xBF]
            } else {
                return text.into_bytes();
            };
            bytes.extend_from_slice(text.as_bytes());
            return bytes;
        }
        let unit: fn(u16) -> [u8; 2] = if self.encoding == UTF_16LE {
            u16::to_le_bytes
        } else if self.encoding == UTF_16BE {
            u16::to_be_bytes
        } else {
            return self.encoding.encode(&text).0.into_owned();
        };
        let mark = self.mark.then_some(0xFEFF);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(unit)
            .collect()
    }
}

/// The `encoding` of an XML declaration, if there is one in the first bytes.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    const DECLARATION_BYTES_MAX: usize = 256;
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES_MAX)];
    let head = head.strip_prefix(b"<?xml")?;
    let head = &head[..find(head, b"?>")?];
    let rest = head[find(head, b"encoding")? + 8..].trim_ascii_start();
    let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
    let (quote, rest) = rest.split_first()?;
    let end = rest.iter().position(|byte| byte == quote)?;
    Some(&rest[..end])
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_encoding_gives_back_its_bytes() {
        let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xFEFF)
                .chain(text.encode_utf16())
                .flat_map(unit)
                .collect()
        };
        let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><a b='K\xF6ln'/>".to_vec();
        let documents = [
            "<a b='Köln'/>".as_bytes().to_vec(),
            "\u{FEFF}<a b='Köln'/>".as_bytes().to_vec(),
            utf16("<a b='Köln'/>", u16::to_le_bytes),
            utf16("<a b='Köln'/>", u16::to_be_bytes),
            latin,
        ];
        for bytes in documents {
            let charset = Charset::detect(&bytes).unwrap();
            let text = charset
                .decode(bytes.clone())
                .map_err(|failure| failure.kind)
                .unwrap();
            assert!(text.contains("Köln"), "{text}");
            assert_eq!(charset.encode(text), bytes);
        }
    }

    #[test]
    fn a_character_that_the_code_page_lacks_becomes_a_reference() {
        let charset = Charset::detect(b"<?xml version='1.0' encoding='windows-1252'?>").unwrap();
        assert_eq!(
            charset.encode("<a b='\u{6F22}'/>".to_owned()),
            b"<a b='&#28450;'/>"
        );
    }
}
