//! Transfer encodings undone piece by piece: base64, quoted-printable, and those that change nothing.

use super::names::hex_pair;

/// A transfer encoding with what is left over from the bytes before.
#[derive(Debug, Clone)]
pub(super) enum Decoder {
    /// 7bit, 8bit and binary: the bytes themselves.
    Identity,
    Base64 {
        bits: u32,
        count: u32,
        padded: bool,
    },
    QuotedPrintable(Quoted),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Quoted {
    Text,
    Equals,
    EqualsReturn,
    EqualsDigit(u8),
}

/// The bytes are not base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotBase64;

impl Decoder {
    /// The decoder for a `Content-Transfer-Encoding`; `None` if it is unknown.
    pub(super) fn named(encoding: &str) -> Option<Self> {
        match encoding {
            "" | "binary" | "8bit" | "7bit" => Some(Self::Identity),
            "base64" => Some(Self::Base64 {
                bits: 0,
                count: 0,
                padded: false,
            }),
            "quoted-printable" => Some(Self::QuotedPrintable(Quoted::Text)),
            _ => None,
        }
    }

    pub(super) fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Appends what the bytes mean.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), NotBase64> {
        match self {
            Self::Identity => out.extend_from_slice(bytes),
            Self::Base64 {
                bits,
                count,
                padded,
            } => {
                for byte in bytes.iter().filter(|byte| !byte.is_ascii_whitespace()) {
                    // Padding is left out by some writers, and nothing may follow it.
                    if *byte == b'=' {
                        *padded = true;
                        continue;
                    }
                    let sextet = sextet(*byte).filter(|_| !*padded).ok_or(NotBase64)?;
                    *bits = (*bits << 6) | u32::from(sextet);
                    *count += 6;
                    if *count >= 8 {
                        *count -= 8;
                        out.push((*bits >> *count).to_le_bytes()[0]);
                        *bits &= (1 << *count) - 1;
                    }
                }
            }
            Self::QuotedPrintable(state) => bytes
                .iter()
                .for_each(|byte| *state = state.push(*byte, out)),
        }
        Ok(())
    }

    /// Ends a part: what was held back is appended, and the decoder is as new.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), NotBase64> {
        match self {
            // A single character of base64 does not make a byte.
            Self::Base64 { count: 6, .. } => Err(NotBase64),
            Self::Identity | Self::Base64 { .. } => Ok(()),
            Self::QuotedPrintable(state) => {
                state.flush(out);
                *state = Quoted::Text;
                Ok(())
            }
        }
    }
}

impl Quoted {
    /// Undoes `=3D` and soft line breaks; what is malformed is kept as it is.
    fn push(self, byte: u8, out: &mut Vec<u8>) -> Self {
        match (self, byte) {
            (Self::Equals, b'\r') => return Self::EqualsReturn,
            (Self::Equals | Self::EqualsReturn, b'\n') => return Self::Text,
            (Self::Equals, digit) if digit.is_ascii_hexdigit() => return Self::EqualsDigit(digit),
            (Self::EqualsDigit(high), low) => {
                if let Some(value) = hex_pair(high, low) {
                    out.push(value);
                    return Self::Text;
                }
            }
            _ => {}
        }
        self.flush(out);
        if byte == b'=' {
            return Self::Equals;
        }
        out.push(byte);
        Self::Text
    }

    fn flush(self, out: &mut Vec<u8>) {
        match self {
            Self::Text => {}
            Self::Equals => out.push(b'='),
            Self::EqualsReturn => out.extend_from_slice(b"=\r"),
            Self::EqualsDigit(digit) => out.extend_from_slice(&[b'=', digit]),
        }
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// A whole base64 text.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::named("base64")?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    decoder.push(text, &mut out).ok()?;
    decoder.finish(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: &str, text: &[u8]) -> Result<Vec<u8>, NotBase64> {
        let mut decoder = Decoder::named(encoding).unwrap();
        let mut out = Vec::new();
        for byte in text {
            decoder.push(&[*byte], &mut out)?;
        }
        decoder.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn base64_is_undone_with_or_without_padding() {
        for text in ["PEpERi8+YQ==", "PEpE\r\nRi8+YQ", " PEpERi8+YQ= "] {
            assert_eq!(decoded("base64", text.as_bytes()).unwrap(), b"<JDF/>a");
        }
        for text in ["P", "PE==PE", "PE*p"] {
            assert_eq!(decoded("base64", text.as_bytes()), Err(NotBase64), "{text}");
        }
    }

    #[test]
    fn quoted_printable_keeps_what_is_malformed() {
        for (text, meant) in [
            ("a=3D=\r\nb=\nc", "a=bc"),
            ("==3D=", "==="),
            ("=4", "=4"),
            ("=\rx=4Gy", "=\rx=4Gy"),
            ("=3=3D", "=3="),
        ] {
            assert_eq!(
                decoded("quoted-printable", text.as_bytes()).unwrap(),
                meant.as_bytes(),
                "{text:?}"
            );
        }
    }
}
