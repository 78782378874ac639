//! Bytes → events, in constant memory: the one reader of the MIME format. No input and output here: bytes
//! are pushed as they come, events are taken out.
//!
//! Held at any time: what was pushed last, one header block (at most [`PackageLimits::header_bytes`]), and
//! the few bytes that may turn out to be a delimiter.

use std::ops::Range;

use super::decode::Decoder;
use super::delimiter::{BOUNDARY_BYTES_MAX, Match, at_line_start, of_header};
use super::event::{Event, PartHead, Step};
use super::headers::{Block, BlockReader, Headers, main_value, parameter};
use super::names::safe_file_name;
use super::{PackageError, PackageLimits, bare_id};

/// Packages inside packages: the field nests once (a mail around a package); deeper ones are kept as files.
///
/// ```
/// use agog_jdf::package::{NESTING_MAX, Package, PackageLimits};
/// let head = |level| format!("--b{level}\nContent-Type: multipart/mixed; boundary=b{}\n\n", level + 1);
/// let body: String = (0..NESTING_MAX).map(head).collect();
/// let package = Package::parse(None, body.as_bytes(), &PackageLimits::default())?;
/// assert_eq!(package.parts[0].content_type, "multipart/mixed", "the innermost is a part");
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
pub const NESTING_MAX: usize = 8;

#[derive(Debug)]
enum State {
    Start,
    /// The header block inside the body.
    Lead(BlockReader),
    /// Which boundary is the real one?
    Opening(Headers, usize),
    /// Before the first delimiter, and after a nested package.
    Skip(Scan),
    Head(BlockReader),
    Body(Scan),
    End {
        complete: bool,
    },
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Scan {
    at_line_start: bool,
    /// Bytes of the unread buffer that hold no delimiter.
    searched: usize,
}

const LINE_START: Scan = Scan {
    at_line_start: true,
    searched: 0,
};

enum Found {
    More,
    Content(usize),
    Delimiter {
        level: usize,
        length: usize,
        closing: bool,
    },
    InputEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    No,
    Flush,
    Tell,
}

/// Splits a package that comes in pieces of any size.
///
/// ```
/// use agog_jdf::package::{Event, PackageLimits, Splitter};
/// let mut splitter = Splitter::new(Some("multipart/related; boundary=b"), &PackageLimits::default());
/// let mut bodies: Vec<Vec<u8>> = Vec::new();
/// for chunk in b"--b\r\nContent-ID: <a>\r\n\r\n<JDF/>\r\n--b--\r\n".chunks(7) {
///     splitter.push(chunk);
///     while let Some(event) = splitter.next_event()? {
///         match event {
///             Event::Part(head) => {
///                 assert_eq!(head.content_id.as_deref(), Some("a"));
///                 bodies.push(Vec::new());
///             }
///             Event::Body(bytes) => bodies.last_mut().unwrap().extend_from_slice(bytes),
///             Event::PartEnd | Event::End { .. } => {}
///         }
///     }
/// }
/// splitter.finish();
/// assert!(splitter.next_event()?.is_none(), "the closing delimiter has already ended the package");
/// assert_eq!(bodies, [b"<JDF/>"]);
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
#[derive(Debug)]
pub struct Splitter {
    limits: PackageLimits,
    declared: Option<String>,
    is_multipart: bool,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    read: usize,
    /// Place of the buffer in the whole input.
    offset: usize,
    ended: bool,
    state: State,
    boundaries: Vec<Vec<u8>>,
    container_id: Option<String>,
    parts: usize,
    ending: Ending,
    decoder: Decoder,
    decoded: Vec<u8>,
}

impl Splitter {
    /// Begins with the `Content-Type` of the request or answer, if there is one. It is only a hint.
    ///
    /// ```
    /// use agog_jdf::package::{Event, PackageLimits, Splitter};
    /// let mut splitter = Splitter::new(Some("multipart/related; boundary=wrong"), &PackageLimits::default());
    /// splitter.push(b"--right\n\n<JDF/>\n--right--");
    /// splitter.finish();
    /// assert!(matches!(splitter.next_event(), Ok(Some(Event::Part(_)))), "the body knows better");
    /// ```
    pub fn new(content_type: Option<&str>, limits: &PackageLimits) -> Self {
        Self {
            limits: *limits,
            declared: content_type.and_then(|header| parameter(header, "boundary")),
            is_multipart: content_type
                .is_some_and(|header| main_value(header).starts_with("multipart/")),
            buffer: Vec::new(),
            read: 0,
            offset: 0,
            ended: false,
            state: State::Start,
            boundaries: Vec::new(),
            container_id: None,
            parts: 0,
            ending: Ending::No,
            decoder: Decoder::Identity,
            decoded: Vec::new(),
        }
    }

    /// Adds the next bytes. Take all events before the next push, or the bytes pile up.
    ///
    /// ```
    /// use agog_jdf::package::{Event, PackageLimits, Splitter};
    /// let mut splitter = Splitter::new(None, &PackageLimits::default());
    /// for piece in [b"<J".as_slice(), b"DF/>"] {
    ///     splitter.push(piece);
    ///     while let Some(event) = splitter.next_event()? {
    ///         assert!(matches!(event, Event::Part(_)) || event == Event::Body(piece));
    ///     }
    /// }
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.offset += self.read;
        self.read = 0;
        // What follows the closing delimiter belongs to nobody.
        if !matches!(self.state, State::Over) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Says that nothing follows. Take the last events after it.
    ///
    /// ```
    /// use agog_jdf::package::{Event, PackageLimits, Splitter};
    /// let mut splitter = Splitter::new(None, &PackageLimits::default());
    /// splitter.push(b"<JDF/>");
    /// splitter.finish();
    /// while let Some(event) = splitter.next_event()? {
    ///     assert_ne!(event, Event::End { complete: false }, "a lone document needs no delimiter");
    /// }
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The next event; `None` if more bytes are needed, or after [`Event::End`].
    ///
    /// # Errors
    /// As [`Package::parse`](super::Package::parse), as soon as it shows. Nothing follows an error.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, PackageError> {
        Ok(match self.step()? {
            Step::More | Step::Again => None,
            Step::Part(head) => Some(Event::Part(head)),
            Step::Body(range) => Some(Event::Body(&self.buffer[range])),
            Step::Decoded => Some(Event::Body(&self.decoded)),
            Step::PartEnd => Some(Event::PartEnd),
            Step::End { complete } => Some(Event::End { complete }),
        })
    }

    /// Bytes held in the buffers now.
    ///
    /// ```
    /// use agog_jdf::package::{PackageLimits, Splitter};
    /// let mut splitter = Splitter::new(None, &PackageLimits::default());
    /// for _ in 0..100 {
    ///     splitter.push(&[b'<'; 1000]);
    ///     while splitter.next_event()?.is_some() {}
    /// }
    /// assert!(splitter.held_bytes() <= 2_000, "however long the package is");
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn held_bytes(&self) -> usize {
        self.buffer.len() + self.decoded.len()
    }

    pub(super) fn step(&mut self) -> Result<Step, PackageError> {
        loop {
            match self.advance() {
                Ok(Step::Again) => {}
                Err(error) => {
                    (self.state, self.ending) = (State::Over, Ending::No);
                    return Err(error);
                }
                step => return step,
            }
        }
    }

    /// The place in the whole input of a range that [`Step::Body`] told.
    pub(super) fn absolute(&self, range: &Range<usize>) -> Range<usize> {
        self.offset + range.start..self.offset + range.end
    }

    pub(super) fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    fn advance(&mut self) -> Result<Step, PackageError> {
        match self.ending {
            Ending::No => {}
            Ending::Flush => {
                self.ending = Ending::Tell;
                self.decoded.clear();
                let part = self.parts;
                self.decoder
                    .finish(&mut self.decoded)
                    .map_err(|_| PackageError::Base64 { part })?;
                return Ok(if self.decoded.is_empty() {
                    Step::Again
                } else {
                    Step::Decoded
                });
            }
            Ending::Tell => {
                self.ending = Ending::No;
                return Ok(Step::PartEnd);
            }
        }
        // Each arm puts the state back that follows.
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start => self.start(),
            State::Lead(reader) => self.lead(reader),
            State::Opening(headers, seen) => self.opening(headers, seen),
            State::Skip(scan) => Ok(self.skip(scan)),
            State::Head(reader) => self.head(reader),
            State::Body(scan) => self.body(scan),
            State::End { .. } if self.parts == 0 => Err(PackageError::NoParts),
            State::End { complete } => Ok(Step::End { complete }),
            State::Over => Ok(Step::More),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.read..]
    }

    fn to(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }

    /// XML itself, a header block, or a delimiter?
    fn start(&mut self) -> Result<Step, PackageError> {
        let bytes = self.unread();
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let trimmed = text.trim_ascii_start();
        let is_utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
        if is_utf16 || trimmed.starts_with(b"<") {
            return self.begin(&Headers::default(), 0);
        }
        let skipped = bytes.len() - trimmed.len();
        if trimmed.len() < 3 && !self.ended && skipped <= self.limits.header_bytes {
            return Ok(self.to(State::Start, Step::More));
        }
        if trimmed.is_empty() {
            return Err(PackageError::NotAPackage);
        }
        let next = if trimmed.starts_with(b"--") {
            State::Opening(Headers::default(), 0)
        } else {
            State::Lead(BlockReader::default())
        };
        self.read += skipped;
        Ok(self.to(next, Step::Again))
    }

    fn lead(&mut self, mut reader: BlockReader) -> Result<Step, PackageError> {
        let block = reader.line(self.unread(), self.limits.header_bytes)?;
        let next = match block {
            None if !self.ended => return Ok(self.to(State::Lead(reader), Step::More)),
            Some(Block::Open) => State::Lead(reader),
            Some(Block::Closed(length)) => {
                self.read += length;
                State::Opening(reader.headers, 0)
            }
            Some(Block::NoHeaders) | None => State::Opening(Headers::default(), 0),
        };
        Ok(self.to(next, Step::Again))
    }

    /// Finds the first delimiter: of the boundary that a header tells, else, where no header tells or it
    /// lies, the first line that looks like one.
    fn opening(&mut self, headers: Headers, seen: usize) -> Result<Step, PackageError> {
        let bytes = self.unread();
        let is_full = self.ended || bytes.len() >= self.limits.header_bytes;
        if !is_full && !bytes[seen..].contains(&b'\n') {
            let seen = bytes.len();
            return Ok(self.to(State::Opening(headers, seen), Step::More));
        }
        let inner = headers
            .get("content-type")
            .and_then(|header| parameter(header, "boundary"));
        let known: Vec<Vec<u8>> = [inner.as_deref(), self.declared.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(of_header)
            .collect();
        let window = &bytes[..bytes.len().min(self.limits.header_bytes)];
        let is_document = known.is_empty()
            && !headers.is_empty()
            && !headers.main_value("content-type").starts_with("multipart/")
            && window.trim_ascii_start().starts_with(b"<");
        if is_document {
            return self.begin(&headers, 0);
        }
        let mut chosen = None;
        let mut look_alike = None;
        let mut start = 0;
        while start < window.len() {
            // What lies beyond the window may not have come yet and so must not count.
            let line = &window[start..];
            let end = memchr::memchr(b'\n', line);
            match at_line_start(line, &known, self.ended) {
                Match::Delimiter { level, .. } => {
                    chosen = known.get(level).map(|boundary| (start, boundary.clone()));
                    break;
                }
                Match::No if look_alike.is_none() && (end.is_some() || self.ended) => {
                    let text = line[..end.unwrap_or(line.len())].trim_ascii_end();
                    if text.starts_with(b"--") && (3..=BOUNDARY_BYTES_MAX + 2).contains(&text.len())
                    {
                        look_alike = Some((start, text.to_vec()));
                    }
                }
                Match::No | Match::Open => {}
            }
            match end {
                Some(end) => start += end + 1,
                None => break,
            }
        }
        if chosen.is_none() && (is_full || known.is_empty()) {
            chosen = look_alike;
        }
        if let Some((start, boundary)) = chosen {
            self.read += start;
            self.boundaries.push(boundary);
            return Ok(self.to(State::Skip(LINE_START), Step::Again));
        }
        if !is_full {
            let seen = bytes.len();
            return Ok(self.to(State::Opening(headers, seen), Step::More));
        }
        if !headers.is_empty() || self.is_multipart {
            Err(PackageError::NoBoundary)
        } else {
            Err(PackageError::NotAPackage)
        }
    }

    fn skip(&mut self, scan: Scan) -> Step {
        let mut scan = scan;
        match self.scan(&mut scan) {
            Found::More => self.to(State::Skip(scan), Step::More),
            Found::Content(length) => {
                self.read += length;
                self.to(State::Skip(scan), Step::Again)
            }
            Found::Delimiter {
                level,
                length,
                closing,
            } => self.delimit(level, length, closing),
            Found::InputEnd => self.to(State::End { complete: false }, Step::Again),
        }
    }

    fn head(&mut self, mut reader: BlockReader) -> Result<Step, PackageError> {
        let line = &self.unread()[reader.line_start()..];
        match at_line_start(line, &self.boundaries, self.ended) {
            // An empty line may still come; nothing at all is a delimiter in the making, too.
            Match::Open => return Ok(self.to(State::Head(reader), Step::More)),
            Match::Delimiter { .. } => {
                let length = reader.line_start();
                return self.begin(&reader.headers, length);
            }
            Match::No => {}
        }
        if self.ended && self.unread().is_empty() {
            return Ok(self.to(State::End { complete: false }, Step::Again));
        }
        match reader.line(self.unread(), self.limits.header_bytes)? {
            None if !self.ended => Ok(self.to(State::Head(reader), Step::More)),
            None if reader.line_start() == self.unread().len() => {
                let length = reader.line_start();
                self.begin(&reader.headers, length)
            }
            Some(Block::Open) => Ok(self.to(State::Head(reader), Step::Again)),
            Some(Block::Closed(length)) => self.begin(&reader.headers, length),
            // A part without any headers begins with its content.
            Some(Block::NoHeaders) | None => self.begin(&Headers::default(), 0),
        }
    }

    fn begin(&mut self, headers: &Headers, length: usize) -> Result<Step, PackageError> {
        self.read += length;
        let number = self.parts + 1;
        let encoding = headers.main_value("content-transfer-encoding");
        let Some(decoder) = Decoder::named(&encoding) else {
            return Err(PackageError::TransferEncoding {
                part: number,
                encoding,
            });
        };
        let content_type = headers.main_value("content-type");
        let content_id = headers
            .get("content-id")
            .map(|id| bare_id(id).to_owned())
            .filter(|id| !id.is_empty());
        let nested = headers
            .get("content-type")
            .filter(|_| content_type.starts_with("multipart/") && decoder.is_identity())
            .and_then(|header| parameter(header, "boundary"))
            .and_then(|boundary| of_header(&boundary))
            .filter(|_| (1..NESTING_MAX).contains(&self.boundaries.len()));
        if let Some(boundary) = nested {
            self.boundaries.push(boundary);
            self.container_id = content_id;
            return Ok(self.to(State::Skip(LINE_START), Step::Again));
        }
        if self.parts == self.limits.parts {
            return Err(PackageError::Limit {
                what: "parts",
                limit: self.limits.parts,
            });
        }
        self.parts = number;
        self.decoder = decoder;
        // Who refers to a nested package means its first part (RFC 2387).
        let container_id = self.container_id.take();
        let head = PartHead {
            number,
            content_id: content_id.or(container_id),
            content_type,
            file_name: headers.file_name().as_deref().and_then(safe_file_name),
            content_length: headers
                .get("content-length")
                .and_then(|length| length.parse().ok()),
        };
        Ok(self.to(State::Body(LINE_START), Step::Part(head)))
    }

    fn body(&mut self, mut scan: Scan) -> Result<Step, PackageError> {
        match self.scan(&mut scan) {
            Found::More => Ok(self.to(State::Body(scan), Step::More)),
            Found::Content(length) => {
                let range = self.read..self.read + length;
                self.read += length;
                self.state = State::Body(scan);
                if self.decoder.is_identity() {
                    return Ok(Step::Body(range));
                }
                self.decoded.clear();
                let part = self.parts;
                self.decoder
                    .push(&self.buffer[range], &mut self.decoded)
                    .map_err(|_| PackageError::Base64 { part })?;
                Ok(if self.decoded.is_empty() {
                    Step::Again
                } else {
                    Step::Decoded
                })
            }
            Found::Delimiter {
                level,
                length,
                closing,
            } => {
                self.ending = Ending::Flush;
                Ok(self.delimit(level, length, closing))
            }
            Found::InputEnd => {
                self.ending = Ending::Flush;
                // A lone document has no delimiter to miss.
                let complete = self.boundaries.is_empty();
                Ok(self.to(State::End { complete }, Step::Again))
            }
        }
    }

    fn delimit(&mut self, level: usize, length: usize, closing: bool) -> Step {
        self.read += length;
        self.boundaries.truncate(level + 1);
        if closing {
            self.boundaries.pop();
        }
        let next = match (closing, self.boundaries.is_empty()) {
            (false, _) => State::Head(BlockReader::default()),
            (true, false) => State::Skip(LINE_START),
            (true, true) => State::End { complete: true },
        };
        self.to(next, Step::Again)
    }

    /// Looks for the next delimiter. The line end before it belongs to it.
    fn scan(&self, scan: &mut Scan) -> Found {
        let bytes = self.unread();
        if scan.at_line_start {
            match at_line_start(bytes, &self.boundaries, self.ended) {
                Match::Open => return Found::More,
                Match::Delimiter {
                    level,
                    length,
                    closing,
                } => {
                    return Found::Delimiter {
                        level,
                        length,
                        closing,
                    };
                }
                Match::No => scan.at_line_start = false,
            }
        }
        while let Some(length) = memchr::memchr(b'\n', &bytes[scan.searched..]) {
            let line_feed = scan.searched + length;
            let has_return = line_feed > 0 && bytes[line_feed - 1] == b'\r';
            let content = line_feed - usize::from(has_return);
            let line = line_feed + 1;
            let found = at_line_start(&bytes[line..], &self.boundaries, self.ended);
            if found != Match::No && content > 0 {
                scan.searched = 0;
                return Found::Content(content);
            }
            match found {
                Match::No => scan.searched = line,
                Match::Open => return Found::More,
                Match::Delimiter {
                    level,
                    length,
                    closing,
                } => {
                    return Found::Delimiter {
                        level,
                        length: line + length,
                        closing,
                    };
                }
            }
        }
        scan.searched = 0;
        // A last carriage return may be the beginning of a delimiter.
        let held = usize::from(!self.ended && bytes.ends_with(b"\r"));
        match bytes.len() - held {
            0 if self.ended => Found::InputEnd,
            0 => Found::More,
            length => Found::Content(length),
        }
    }
}
