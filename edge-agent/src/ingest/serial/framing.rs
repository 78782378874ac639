//! Bytes → lines. Pure.
//!
//! Limit: [`LINE_BYTES_MAX`] per line; of a longer one everything up to its end is left out, and it is told once.

use crate::config::Framing;

/// The longest barcode is a QR code of 7,089 digits; scales and counters send a few dozen characters.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// What [`mt`](super::scale) continuous output has between STX and CR.
const MT_BYTES: usize = 15;

/// How lines are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    By(Framing),
    /// STX, 15 characters, CR, and one more with a checksum: it can look like any of the others.
    MtContinuous {
        checksum: bool,
    },
}

/// What bytes turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Without what marks its ends.
    Line(Vec<u8>),
    /// A line with more than [`LINE_BYTES_MAX`].
    TooLong,
    /// So many bytes that belong to no line.
    Stray(usize),
}

/// Collects the bytes of a port.
#[derive(Debug)]
pub(crate) struct Framer {
    how: How,
    held: Vec<u8>,
    /// STX was there.
    is_inside: bool,
    /// The line is too long; its end is waited for.
    is_skipping: bool,
    stray: usize,
}

impl Framer {
    pub(crate) const fn new(how: How) -> Self {
        Self {
            how,
            held: Vec::new(),
            is_inside: false,
            is_skipping: false,
            stray: 0,
        }
    }

    /// Takes in bytes as they come.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for byte in bytes {
            match self.how {
                How::By(Framing::StxEtx) => self.between(*byte, &mut frames),
                How::By(framing) => self.line(framing, *byte, &mut frames),
                How::MtContinuous { checksum } => self.counted(checksum, *byte, &mut frames),
            }
        }
        frames
    }

    fn line(&mut self, framing: Framing, byte: u8, frames: &mut Vec<Frame>) {
        let is_end = match framing {
            Framing::Cr => byte == CR,
            Framing::Lf => byte == LF,
            Framing::Crlf => byte == LF && self.held.last() == Some(&CR),
            Framing::Line | Framing::StxEtx => byte == CR || byte == LF,
        };
        if !is_end {
            self.hold(byte, frames);
            return;
        }
        if framing == Framing::Crlf {
            self.held.pop();
        }
        self.end(frames);
    }

    fn between(&mut self, byte: u8, frames: &mut Vec<Frame>) {
        match (byte, self.is_inside) {
            (STX, _) => {
                // A line that never ended.
                self.stray += std::mem::take(&mut self.held).len();
                self.tell_stray(frames);
                self.is_inside = true;
                self.is_skipping = false;
            }
            (ETX, true) => {
                self.is_inside = false;
                self.end(frames);
            }
            (_, true) => self.hold(byte, frames),
            (CR | LF, false) => {}
            (_, false) => self.stray += 1,
        }
    }

    fn counted(&mut self, checksum: bool, byte: u8, frames: &mut Vec<Frame>) {
        let is_start = byte & 0x7f == STX;
        if !self.is_inside {
            if is_start {
                self.is_inside = true;
                self.tell_stray(frames);
            } else if byte != CR && byte != LF {
                self.stray += 1;
            }
            return;
        }
        // An STX where there can be none: the line before it was cut off.
        if is_start && self.held.len() <= MT_BYTES {
            self.stray += std::mem::take(&mut self.held).len();
            self.tell_stray(frames);
            return;
        }
        self.held.push(byte);
        if self.held.len() == MT_BYTES + 1 && byte & 0x7f != CR {
            self.is_inside = false;
            self.stray += std::mem::take(&mut self.held).len();
        } else if self.held.len() == MT_BYTES + 1 + usize::from(checksum) {
            self.is_inside = false;
            self.end(frames);
        }
    }

    fn hold(&mut self, byte: u8, frames: &mut Vec<Frame>) {
        if self.is_skipping {
            // Only what the end of a line may need is kept.
            self.held.clear();
            self.held.push(byte);
        } else if self.held.len() == LINE_BYTES_MAX {
            self.is_skipping = true;
            self.held.clear();
            self.held.push(byte);
            frames.push(Frame::TooLong);
        } else {
            self.held.push(byte);
        }
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        self.tell_stray(frames);
        let line = std::mem::take(&mut self.held);
        if !std::mem::take(&mut self.is_skipping) && !line.is_empty() {
            frames.push(Frame::Line(line));
        }
    }

    fn tell_stray(&mut self, frames: &mut Vec<Frame>) {
        let stray = std::mem::take(&mut self.stray);
        if stray > 0 {
            frames.push(Frame::Stray(stray));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(how: How, bytes: &[u8]) -> Vec<Frame> {
        Framer::new(how).push(bytes)
    }

    fn line(text: &str) -> Frame {
        Frame::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn a_line_ends_with_cr_lf_or_both_and_empty_ones_are_none() {
        let found = frames(How::By(Framing::Line), b"a\rb\nc\r\n\r\n\nd");
        assert_eq!(found, [line("a"), line("b"), line("c")]);
    }

    #[test]
    fn an_end_that_was_chosen_is_the_only_one() {
        for (framing, expected) in [
            (Framing::Cr, vec![line("a\nb"), line("\nc")]),
            (Framing::Lf, vec![line("a"), line("b\r")]),
            (Framing::Crlf, vec![line("a\nb")]),
        ] {
            assert_eq!(frames(How::By(framing), b"a\nb\r\nc\r"), expected);
        }
    }

    #[test]
    fn between_stx_and_etx_and_what_is_outside_is_told() {
        let found = frames(
            How::By(Framing::StxEtx),
            b"zz\x02one\x03\r\n\x02two\x02thr\ree\x03",
        );
        let expected = [
            Frame::Stray(2),
            line("one"),
            Frame::Stray(3),
            line("thr\ree"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_the_next_one_is_whole() {
        for how in [How::By(Framing::Line), How::By(Framing::Crlf)] {
            let mut framer = Framer::new(how);
            let mut found = framer.push(&vec![b'x'; 3 * LINE_BYTES_MAX]);
            found.extend(framer.push(b"\r\nnext\r\n"));
            assert_eq!(found, [Frame::TooLong, line("next")]);
            assert_eq!(framer.push(&vec![b'x'; LINE_BYTES_MAX]), []);
        }
    }

    #[test]
    fn continuous_output_is_found_again_after_a_cut() {
        let whole = b"\x0252  12345   678\r";
        let mut bytes = b"   678\r".to_vec();
        bytes.extend_from_slice(whole);
        bytes.extend_from_slice(&whole[..9]);
        bytes.extend_from_slice(whole);
        let expected = [
            Frame::Stray(6),
            line("52  12345   678\r"),
            Frame::Stray(8),
            line("52  12345   678\r"),
        ];
        let how = How::MtContinuous { checksum: false };
        assert_eq!(frames(how, &bytes), expected);
    }

    #[test]
    fn a_checksum_that_looks_like_a_start_is_none() {
        let how = How::MtContinuous { checksum: true };
        let found = frames(how, b"\x0252  12345   678\r\x02\x0252  12345   678\r\r");
        assert_eq!(
            found,
            [line("52  12345   678\r\x02"), line("52  12345   678\r\r")]
        );
    }

    proptest! {
        #[test]
        fn bytes_mean_the_same_in_whatever_pieces_they_come(
            bytes in prop::collection::vec(prop::sample::select(b"\x02\x03\r\nab1".to_vec()), 0..200),
            cut in 0_usize..200,
        ) {
            let cut = cut.min(bytes.len());
            for how in [
                How::By(Framing::Line), How::By(Framing::Cr), How::By(Framing::Lf), How::By(Framing::Crlf),
                How::By(Framing::StxEtx), How::MtContinuous { checksum: true }, How::MtContinuous { checksum: false },
            ] {
                let mut framer = Framer::new(how);
                let mut found = framer.push(&bytes[..cut]);
                found.extend(framer.push(&bytes[cut..]));
                prop_assert_eq!(found, frames(how, &bytes));
            }
        }
    }
}
