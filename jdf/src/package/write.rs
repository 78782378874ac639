//! Parts → bytes, streaming: the JMF first, then the tickets, then the files; binary, with a boundary that
//! none of them contains.

use std::collections::{HashSet, VecDeque};
use std::io::{self, Cursor, Read, Write};

use super::names::{percent_encoded, safe_file_name};
use super::{JDF_TYPE, JMF_TYPE};

/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// How a file is called in a package.
///
/// ```
/// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter};
/// let mut writer = PackageWriter::new([7; 16]);
/// let head = FileHead { content_id: "page1", content_type: "application/pdf", file_name: Some("/home/me/Größe.pdf") };
/// writer.file(&head, None, &b"%PDF-1.7"[..]);
/// let mut body = Vec::new();
/// writer.write_to(&mut body)?;
/// let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
/// assert_eq!(package.parts[0].file_name.as_deref(), Some("Größe.pdf"), "the path stays at home");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHead<'n> {
    /// What tickets refer to, see [`cid_url`].
    pub content_id: &'n str,
    /// The media type, such as `application/pdf`.
    pub content_type: &'n str,
    /// The name for the receiver's disk; a path is cut off. The content ID if there is none.
    pub file_name: Option<&'n str>,
}

/// The reference to the part that is written with this content ID. An ID with characters that receivers disagree
/// on is written without them and with a few digits that tell it from others.
///
/// ```
/// use agog_jdf::package::cid_url;
/// assert_eq!(cid_url("page1.pdf"), "cid:page1.pdf");
/// assert_ne!(cid_url("Größe.pdf"), cid_url("Grüße.pdf"));
/// ```
pub fn cid_url(content_id: &str) -> String {
    // Receivers disagree on escapes, so neither side may need any.
    format!("cid:{}", plain_id(content_id))
}

fn plain_id(id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '%' | '#');
    if id.chars().all(is_plain) {
        return id.to_owned();
    }
    let hash = blake3::hash(id.as_bytes()).to_hex();
    let (stem, ending) = id.rsplit_once('.').unwrap_or((id, ""));
    let dot = if ending.is_empty() { "" } else { "." };
    let named = format!("{stem}-{}{dot}{ending}", &hash.as_str()[..8]);
    let plain = named.chars().map(|c| if is_plain(c) { c } else { '_' });
    plain.collect()
}

/// Writes a package of any size without holding it: to a [`Write`], or as a [`Read`] for an HTTP body.
///
/// The boundary is made of 128 random bits that the caller passes in, hashed with the heads of the parts. A
/// file of 2 GB cannot be searched before it is sent, and need not be: it existed before the bits were
/// drawn, so it holds the boundary with a chance below 2⁻⁹⁶. Draw new bits for every package, from a
/// source that a sender of files cannot foresee.
///
/// ```
/// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter, cid_url};
/// let mut writer = PackageWriter::new([7; 16]);
/// let page = b"%PDF-1.7";
/// let head = FileHead { content_id: "page1", content_type: "application/pdf", file_name: Some("page 1.pdf") };
/// writer.file(&head, Some(8), &page[..]);
/// writer.jmf(b"<JMF/>".to_vec());
/// let (content_type, length) = (writer.content_type(), writer.content_length());
/// let mut body = Vec::new();
/// writer.write_to(&mut body)?;
/// assert_eq!(length, Some(body.len() as u64));
/// let package = Package::parse(Some(&content_type), &body, &PackageLimits::default()).unwrap();
/// assert!(package.parts[0].is_jmf());
/// assert_eq!(package.resolve_cid(&cid_url("page1")).unwrap().body(), page);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PackageWriter<'r> {
    random: [u8; 16],
    boundary: Option<String>,
    repeats_headers: bool,
    parts: Vec<Entry<'r>>,
}

struct Entry<'r> {
    /// Messages, then tickets, then files.
    rank: u8,
    content_type: String,
    content_id: String,
    file_name: String,
    length: Option<u64>,
    source: Box<dyn Read + Send + 'r>,
}

impl<'r> PackageWriter<'r> {
    /// An empty package. The bits make the boundary, see [`PackageWriter`]: the same bits and parts give the same
    /// package.
    pub fn new(random: [u8; 16]) -> Self {
        Self {
            random,
            boundary: None,
            repeats_headers: false,
            parts: Vec::new(),
        }
    }

    /// Repeats the header block inside the body, for receivers that look for the boundary only there. By
    /// RFC 2046 it is text before the first part, which all others skip.
    ///
    /// ```
    /// let mut writer = agog_jdf::package::PackageWriter::new([7; 16]);
    /// writer.repeat_headers().jmf(b"<JMF/>".to_vec());
    /// let mut body = Vec::new();
    /// writer.write_to(&mut body)?;
    /// assert!(body.starts_with(b"MIME-Version: 1.0\r\nContent-Type: multipart/related;"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn repeat_headers(&mut self) -> &mut Self {
        self.repeats_headers = true;
        self
    }

    /// Adds the messages. They come first, whenever they were added.
    ///
    /// ```
    /// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter};
    /// let mut writer = PackageWriter::new([7; 16]);
    /// writer.ticket("t", b"<JDF/>".to_vec()).jmf(b"<JMF/>".to_vec());
    /// let mut body = Vec::new();
    /// writer.write_to(&mut body)?;
    /// let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    /// assert!(package.parts[0].is_jmf());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn jmf(&mut self, jmf: Vec<u8>) -> &mut Self {
        let length = jmf.len() as u64;
        let head = FileHead {
            content_id: "message.jmf",
            content_type: JMF_TYPE,
            file_name: None,
        };
        self.add(0, &head, Some(length), Box::new(Cursor::new(jmf)))
    }

    /// Adds a ticket. The messages refer to it by [`cid_url`].
    ///
    /// ```
    /// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter, cid_url};
    /// let mut writer = PackageWriter::new([7; 16]);
    /// writer.ticket("job 7", b"<JDF/>".to_vec());
    /// let mut body = Vec::new();
    /// writer.write_to(&mut body)?;
    /// let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    /// assert!(package.resolve_cid(&cid_url("job 7")).is_some(), "spaces do not survive in content IDs, so `cid_url` tells what does");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ticket(&mut self, content_id: &str, jdf: Vec<u8>) -> &mut Self {
        let length = jdf.len() as u64;
        let head = FileHead {
            content_id,
            content_type: JDF_TYPE,
            file_name: None,
        };
        self.add(1, &head, Some(length), Box::new(Cursor::new(jdf)))
    }

    /// Adds a file that a ticket or another file refers to. If its length in bytes is told, it is held to it:
    /// writing fails when the source gives more or less, since the `Content-Length` would lie.
    ///
    /// ```
    /// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter};
    /// let mut writer = PackageWriter::new([7; 16]);
    /// let head = FileHead { content_id: "p1", content_type: "application/pdf", file_name: None };
    /// writer.file(&head, Some(9), &b"%PDF-1.7"[..]);
    /// let error = writer.write_to(&mut std::io::sink()).unwrap_err();
    /// assert!(error.to_string().contains("shorter than was announced"));
    /// ```
    pub fn file(
        &mut self,
        head: &FileHead<'_>,
        length: Option<u64>,
        source: impl Read + Send + 'r,
    ) -> &mut Self {
        self.add(2, head, length, Box::new(source))
    }

    fn add(
        &mut self,
        rank: u8,
        head: &FileHead<'_>,
        length: Option<u64>,
        source: Box<dyn Read + Send + 'r>,
    ) -> &mut Self {
        let content_id = plain_id(head.content_id);
        let is_type = |c: &char| c.is_ascii() && !c.is_control();
        let entry = Entry {
            rank,
            content_type: head.content_type.chars().filter(is_type).collect(),
            file_name: safe_file_name(head.file_name.unwrap_or(&content_id))
                .unwrap_or_else(|| "part".to_owned()),
            content_id,
            length,
            source,
        };
        // Parts of the same kind stay in the order they were added in.
        let at = self.parts.partition_point(|part| part.rank <= rank);
        self.parts.insert(at, entry);
        self
    }

    /// The `Content-Type` for the HTTP header, boundary included. Add all parts first.
    ///
    /// ```
    /// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter};
    /// let mut writer = PackageWriter::new([7; 16]);
    /// writer.jmf(b"<JMF/>".to_vec());
    /// assert!(writer.content_type().starts_with("multipart/related; type=\"application/vnd.cip4-jmf+xml\"; boundary="));
    /// ```
    pub fn content_type(&self) -> String {
        let boundary = self.boundary();
        let root = self
            .parts
            .first()
            .map_or(JMF_TYPE, |part| &part.content_type);
        format!("multipart/related; type=\"{root}\"; boundary=\"{boundary}\"")
    }

    /// Bytes of the whole package; `None` if the length of a part is not known. Add all parts first.
    ///
    /// ```
    /// use agog_jdf::package::{FileHead, Package, PackageLimits, PackageWriter};
    /// let mut writer = PackageWriter::new([7; 16]);
    /// writer.jmf(b"<JMF/>".to_vec());
    /// let length = writer.content_length().unwrap();
    /// assert_eq!(writer.write_to(&mut std::io::sink())?, length);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn content_length(&self) -> Option<u64> {
        let boundary = self.boundary();
        let heads: usize = self
            .parts
            .iter()
            .map(|part| part.head(&boundary).len() + 2)
            .sum();
        let around = self.preamble().len() + heads + closing(&boundary).len();
        self.parts
            .iter()
            .map(|part| part.length)
            .try_fold(around as u64, |sum, length| sum.checked_add(length?))
    }

    /// The package as a reader, for the body of an HTTP request. Reading fails as [`PackageWriter::write_to`] does.
    ///
    /// ```
    /// use agog_jdf::package::PackageWriter;
    /// let mut writer = PackageWriter::new([7; 16]);
    /// writer.jmf(b"<JMF/>".to_vec());
    /// let mut body = Vec::new();
    /// std::io::copy(&mut writer.into_reader(), &mut body)?;
    /// assert!(body.ends_with(b"--\r\n"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_reader(self) -> PackageReader<'r> {
        let boundary = self.boundary();
        let mut segments = VecDeque::with_capacity(self.parts.len() * 2 + 1);
        let mut text = self.preamble();
        for part in self.parts {
            text.push_str(&part.head(&boundary));
            segments.push_back(Segment::Text(Cursor::new(std::mem::take(&mut text))));
            segments.push_back(Segment::Body {
                source: part.source,
                left: part.length,
            });
            text.push_str("\r\n");
        }
        text.push_str(&closing(&boundary));
        segments.push_back(Segment::Text(Cursor::new(text)));
        PackageReader { segments }
    }

    /// Writes the package and tells its length in bytes.
    ///
    /// # Errors
    /// Whatever reading the files or writing the package fails with, and a file that is longer or shorter than was
    /// announced. What was written until then is no package.
    ///
    /// ```
    /// let mut writer = agog_jdf::package::PackageWriter::new([7; 16]);
    /// writer.jmf(b"<JMF/>".to_vec());
    /// let mut body = Vec::new();
    /// let length = writer.write_to(&mut body)?;
    /// assert_eq!(length, body.len() as u64);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_to(self, out: &mut impl Write) -> io::Result<u64> {
        let mut reader = self.into_reader();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut written = 0;
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(written),
                Ok(length) => {
                    out.write_all(&chunk[..length])?;
                    written += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn preamble(&self) -> String {
        if self.repeats_headers {
            format!(
                "MIME-Version: 1.0\r\nContent-Type: {}\r\n\r\n",
                self.content_type()
            )
        } else {
            String::new()
        }
    }

    fn boundary(&self) -> String {
        if let Some(boundary) = &self.boundary {
            return boundary.clone();
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.random);
        for part in &self.parts {
            hasher.update(part.head("").as_bytes());
            hasher.update(&part.length.unwrap_or(u64::MAX).to_le_bytes());
        }
        let hash = hasher.finalize().to_hex();
        format!("=_agog_{}", &hash.as_str()[..32])
    }
}

impl Entry<'_> {
    fn head(&self, boundary: &str) -> String {
        let ascii: String = self
            .file_name
            .chars()
            .map(|c| if c.is_ascii() { c } else { '_' })
            .collect();
        let name = if ascii == self.file_name {
            String::new()
        } else {
            format!("; filename*=UTF-8''{}", percent_encoded(&self.file_name))
        };
        format!(
            "--{boundary}\r\nContent-Type: {}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{}>\r\n\
             Content-Disposition: attachment; filename=\"{ascii}\"{name}\r\n\r\n",
            self.content_type, self.content_id,
        )
    }
}

fn closing(boundary: &str) -> String {
    format!("--{boundary}--\r\n")
}

/// A package as a stream of bytes, from [`PackageWriter::into_reader`].
///
/// ```
/// use std::io::Read as _;
/// let mut writer = agog_jdf::package::PackageWriter::new([7; 16]);
/// writer.jmf(b"<JMF/>".to_vec());
/// let mut text = String::new();
/// writer.into_reader().read_to_string(&mut text)?;
/// assert!(text.contains("\r\n\r\n<JMF/>\r\n--"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PackageReader<'r> {
    segments: VecDeque<Segment<'r>>,
}

enum Segment<'r> {
    Text(Cursor<String>),
    Body {
        source: Box<dyn Read + Send + 'r>,
        left: Option<u64>,
    },
}

impl Read for PackageReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(segment) = self.segments.front_mut() {
            let length = match segment {
                Segment::Text(text) => text.read(out)?,
                Segment::Body { source, left: None } => source.read(out)?,
                Segment::Body {
                    source,
                    left: Some(0),
                } => match source.read(&mut out[..1])? {
                    0 => 0,
                    _ => return Err(length_differs("longer")),
                },
                Segment::Body {
                    source,
                    left: Some(left),
                } => {
                    let wanted =
                        usize::try_from(*left).map_or(out.len(), |left| left.min(out.len()));
                    let length = source.read(&mut out[..wanted])?;
                    if length == 0 {
                        return Err(length_differs("shorter"));
                    }
                    *left -= length as u64;
                    length
                }
            };
            if length > 0 {
                return Ok(length);
            }
            self.segments.pop_front();
        }
        Ok(0)
    }
}

fn length_differs(how: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a file of the package is {how} than was announced"),
    )
}

/// A package to be sent that is small enough for memory. The same parts always give the same bytes.
///
/// ```
/// let mut outgoing = agog_jdf::package::Outgoing::new(b"<JMF/>".to_vec());
/// outgoing.ticket("ticket.jdf", b"<JDF/>".to_vec());
/// let (content_type, body) = outgoing.finish();
/// assert!(content_type.starts_with("multipart/related;"));
/// assert!(body.starts_with(b"--=_agog_"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    jmf: Vec<u8>,
    tickets: Vec<(String, Vec<u8>)>,
    files: Vec<(String, String, Vec<u8>)>,
}

impl Outgoing {
    /// Begins a package with its messages.
    ///
    /// ```
    /// use agog_jdf::package::{Outgoing, Package, PackageLimits};
    /// let (content_type, body) = Outgoing::new(b"<JMF/>".to_vec()).finish();
    /// let package = Package::parse(Some(&content_type), &body, &PackageLimits::default()).unwrap();
    /// assert_eq!((package.parts.len(), package.jmf().unwrap().body()), (1, &b"<JMF/>"[..]));
    /// ```
    pub fn new(jmf: Vec<u8>) -> Self {
        Self {
            jmf,
            ..Self::default()
        }
    }

    /// Adds a ticket; the messages refer to it as `cid:` and this content ID, which is also its file name.
    ///
    /// ```
    /// use agog_jdf::package::{Outgoing, Package, PackageLimits};
    /// let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
    /// outgoing.ticket("j7.jdf", b"<JDF/>".to_vec());
    /// let (_, body) = outgoing.finish();
    /// let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    /// assert_eq!(package.resolve_cid("cid:j7.jdf").unwrap().file_name.as_deref(), Some("j7.jdf"));
    /// ```
    pub fn ticket(&mut self, content_id: &str, jdf: Vec<u8>) -> &mut Self {
        self.tickets.push((content_id.to_owned(), jdf));
        self
    }

    /// Adds a file that a ticket refers to.
    ///
    /// ```
    /// use agog_jdf::package::{Outgoing, Package, PackageLimits};
    /// let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
    /// outgoing.file("p1", "application/pdf", b"%PDF-1.7".to_vec());
    /// let (_, body) = outgoing.finish();
    /// let package = Package::parse(None, &body, &PackageLimits::default()).unwrap();
    /// assert_eq!(package.resolve_cid("cid:p1").unwrap().content_type, "application/pdf");
    /// ```
    pub fn file(&mut self, content_id: &str, content_type: &str, body: Vec<u8>) -> &mut Self {
        self.files
            .push((content_id.to_owned(), content_type.to_owned(), body));
        self
    }

    /// The `Content-Type` of the package, boundary included, and its bytes.
    ///
    /// ```
    /// use agog_jdf::package::Outgoing;
    /// let pack = || Outgoing::new(b"<JMF/>".to_vec()).finish();
    /// assert_eq!(pack(), pack(), "the same parts give the same bytes");
    /// ```
    pub fn finish(self) -> (String, Vec<u8>) {
        let mut writer = PackageWriter::new([0; 16]);
        writer.boundary = Some(self.boundary());
        writer.jmf(self.jmf);
        for (content_id, jdf) in self.tickets {
            writer.ticket(&content_id, jdf);
        }
        for (content_id, content_type, body) in &self.files {
            let head = FileHead {
                content_id,
                content_type,
                file_name: None,
            };
            writer.file(&head, Some(body.len() as u64), body.as_slice());
        }
        let content_type = writer.content_type();
        let mut out = Vec::new();
        let written = writer.write_to(&mut out);
        debug_assert!(
            written.is_ok(),
            "slices have the length they say and a Vec takes them"
        );
        (content_type, out)
    }

    /// The first number that no part contains after the words that every boundary begins with.
    fn boundary(&self) -> String {
        let tickets = self.tickets.iter().map(|(_, body)| body);
        let files = self.files.iter().map(|(_, _, body)| body);
        let bodies = std::iter::once(&self.jmf).chain(tickets).chain(files);
        let used: HashSet<usize> = bodies.flat_map(|body| numbers_after(body)).collect();
        let number = (0..=used.len()).find(|number| !used.contains(number));
        format!(
            "{BOUNDARY_START}{:0DIGITS$}",
            number.expect("of one number more than are used, one is not used")
        )
    }
}

const BOUNDARY_START: &str = "=_agog_";
/// Digits of a boundary; more numbers than a body in memory can hold.
const DIGITS: usize = 12;

/// The numbers that stand after the beginning of a boundary.
fn numbers_after(body: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(body, BOUNDARY_START).filter_map(|at| {
        let digits = body.get(at + BOUNDARY_START.len()..)?.get(..DIGITS)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{Package, PackageLimits};

    #[test]
    fn a_file_that_holds_boundaries_is_packed_with_another_one() {
        let hostile: Vec<u8> = (0..50_000)
            .flat_map(|number| format!("--{BOUNDARY_START}{number:0DIGITS$}\r\n").into_bytes())
            .collect();
        let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
        outgoing.file("page", "application/pdf", hostile.clone());
        let (content_type, body) = outgoing.finish();
        assert!(
            content_type.ends_with("boundary=\"=_agog_000000050000\""),
            "{content_type}"
        );
        let package =
            Package::parse(Some(&content_type), &body, &PackageLimits::default()).unwrap();
        assert_eq!(package.parts[1].body(), hostile);
    }
}
