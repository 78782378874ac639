//! Bytes ↔ text. Documents come in UTF-8, UTF-16, single-byte code pages and the multi-byte ones of East
//! Asia; the tree is always UTF-8, and an edited document goes back out in the encoding it came in.
//!
//! Invariant: what was decoded encodes to the same bytes. Multi-byte pages can write one character in several
//! ways, so for them this is tried while reading, and a document that would change is refused.

use encoding_rs::{DecoderResult, Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::ErrorKind;

/// Room for what a decoder writes at once, so that it always makes progress.
const SPARE_BYTES: usize = 64;

/// How a document was encoded, and whether a byte order mark stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charset {
    encoding: &'static Encoding,
    mark: bool,
}

/// Bytes that are not what the encoding says, and the text before them as far as it is known.
#[derive(Debug)]
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
            Some(encoding) if encoding != REPLACEMENT => of(encoding, false),
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
        let Some(text) = self
            .encoding
            .decode_without_bom_handling_and_without_replacement(content)
        else {
            return Err(DecodingFailed {
                kind: ErrorKind::Decoding(self.encoding.name()),
                valid: self.valid_start(content),
            });
        };
        let is_multi_byte = !self.encoding.is_single_byte()
            && self.encoding != UTF_16LE
            && self.encoding != UTF_16BE;
        if is_multi_byte && *self.encoding.encode(&text).0 != *content {
            return Err(DecodingFailed {
                kind: ErrorKind::NotReversible(self.encoding.name()),
                valid: String::new(),
            });
        }
        Ok(text.into_owned())
    }

    /// The text before the first bytes that are not what the encoding says.
    fn valid_start(self, content: &[u8]) -> String {
        let mut decoder = self.encoding.new_decoder_without_bom_handling();
        let mut valid = String::with_capacity(content.len());
        let mut at = 0;
        loop {
            let (result, read) =
                decoder.decode_to_string_without_replacement(&content[at..], &mut valid, true);
            at += read;
            match result {
                DecoderResult::OutputFull => valid.reserve(content.len() - at + SPARE_BYTES),
                DecoderResult::Malformed(..) | DecoderResult::InputEmpty => return valid,
            }
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
        let gb = b"<?xml version='1.0' encoding='GB18030'?><a b='K\x81\x30\x8B\x32ln'/>".to_vec();
        let documents = [
            "<a b='Köln'/>".as_bytes().to_vec(),
            "\u{FEFF}<a b='Köln'/>".as_bytes().to_vec(),
            utf16("<a b='Köln'/>", u16::to_le_bytes),
            utf16("<a b='Köln'/>", u16::to_be_bytes),
            latin,
            gb,
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
    fn east_asian_pages_are_read_and_written_back() {
        for (label, word, text) in [
            ("Shift_JIS", &b"\x88\xF3\x8D\xFC"[..], "\u{5370}\u{5237}"),
            ("EUC-JP", b"\xB0\xF5\xBA\xFE", "\u{5370}\u{5237}"),
            ("GB2312", b"\xD3\xA1\xCB\xA2", "\u{5370}\u{5237}"),
            ("Big5", b"\xA6\x4C\xA8\xEA", "\u{5370}\u{5237}"),
            ("EUC-KR", b"\xC0\xCE\xBC\xE2", "\u{C778}\u{C1C4}"),
        ] {
            let bytes = [
                format!("<?xml version='1.0' encoding='{label}'?><a b='").as_bytes(),
                word,
                b"'/>",
            ]
            .concat();
            let charset = Charset::detect(&bytes).unwrap();
            let read = charset
                .decode(bytes.clone())
                .map_err(|failure| failure.kind)
                .unwrap();
            assert!(read.contains(text), "{label}: {read}");
            assert_eq!(charset.encode(read), bytes, "{label}");
        }
    }

    #[test]
    fn a_multi_byte_text_that_would_change_is_refused() {
        // NEC's second place for a character: it would be written back as the first.
        let bytes = b"<?xml version='1.0' encoding='Shift_JIS'?><a b='\xED\x40'/>".to_vec();
        let charset = Charset::detect(&bytes).unwrap();
        let refused = charset.decode(bytes).map_err(|failure| failure.kind);
        assert_eq!(refused, Err(ErrorKind::NotReversible("Shift_JIS")));
    }

    #[test]
    fn bytes_that_are_not_of_the_encoding_are_placed() {
        for (source, valid) in [
            (
                &b"<?xml version='1.0' encoding='Shift_JIS'?>\n<a b='\xA0"[..],
                "\n<a b='",
            ),
            (b"\xFF\xFE<\0a\0\x00\xDC", "<a"),
        ] {
            let charset = Charset::detect(source).unwrap();
            let failure = charset.decode(source.to_vec()).unwrap_err();
            assert!(failure.valid.ends_with(valid), "{:?}", failure.valid);
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
