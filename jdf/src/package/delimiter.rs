//! The lines between parts: `--boundary`, and `--boundary--` after the last.

/// White space after a boundary that is still waited for; senders add a byte or two if any.
const PADDING_BYTES_MAX: usize = 1024;
/// Bytes of a boundary: RFC 2046 allows 70.
pub(super) const BOUNDARY_BYTES_MAX: usize = 200;

/// What stands at the beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    No,
    /// More bytes are needed to tell.
    Open,
    Delimiter {
        /// Which of the nested boundaries it is.
        level: usize,
        /// With the line end.
        length: usize,
        closing: bool,
    },
}

/// Compares the beginning of a line with the boundaries, which are given with their leading hyphens, the
/// innermost last. `ended` says that no more bytes follow.
pub(super) fn at_line_start(line: &[u8], boundaries: &[Vec<u8>], ended: bool) -> Match {
    if !line.starts_with(&b"--"[..line.len().min(2)]) {
        return Match::No;
    }
    let mut is_open = false;
    for (level, boundary) in boundaries.iter().enumerate().rev() {
        let Some(rest) = line.strip_prefix(boundary.as_slice()) else {
            is_open |= boundary.starts_with(line) && !ended;
            continue;
        };
        if !ended && matches!(rest, [] | [b'-']) {
            is_open = true;
            continue;
        }
        let closing = rest.starts_with(b"--");
        let hyphens = if closing { 2 } else { 0 };
        let tail = &rest[hyphens..];
        let window = &tail[..tail.len().min(PADDING_BYTES_MAX)];
        // A second carriage return comes from a conversion of line ends that was done twice.
        let is_padding = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | 0x0B | 0x0C);
        let padding = window.iter().position(|byte| !is_padding(byte));
        let line_end = match padding {
            Some(at) if tail[at] == b'\n' => at + 1,
            Some(_) => continue,
            None if window.len() == PADDING_BYTES_MAX => continue,
            None if ended => tail.len(),
            None => {
                is_open = true;
                continue;
            }
        };
        if is_open {
            break;
        }
        return Match::Delimiter {
            level,
            length: boundary.len() + hyphens + line_end,
            closing,
        };
    }
    if is_open { Match::Open } else { Match::No }
}

/// The boundary of a header as it stands in the lines.
pub(super) fn of_header(boundary: &str) -> Option<Vec<u8>> {
    let boundary = boundary.trim_end();
    let usable = !boundary.is_empty() && boundary.len() <= BOUNDARY_BYTES_MAX;
    usable.then(|| format!("--{boundary}").into_bytes())
}
