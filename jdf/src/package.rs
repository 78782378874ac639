//! MIME packages (`multipart/related`): a JMF, the tickets it submits, and the files they refer to.
//!
//! One reader and one writer of the format, both streaming and without I/O of their own: [`Splitter`] and
//! [`PackageWriter`]. On them: [`unpack`] to disk, the only function of the library that touches files, and [`Package`] and [`Outgoing`] in memory. What documents
//! refer to is in [`references`](fn@references).
//!
//! Reading is lenient, because the most used library of the field writes packages that the RFCs do not
//! allow; writing is strict. Limits: [`PACKAGE_BYTES_MAX`], [`PARTS_MAX`], [`HEADER_BYTES_MAX`],
//! [`NESTING_MAX`], [`UNPACKED_PART_BYTES_MAX`], [`UNPACKED_BYTES_MAX`], [`UNPACKED_MEMORY_BYTES_MAX`].
//!
//! ```
//! use agog_jdf::package::{Outgoing, Package, PackageLimits, cid_url};
//! // The office packs a ticket with a page …
//! let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
//! outgoing.ticket("ticket.jdf", format!(r#"<JDF><FileSpec URL="{}"/></JDF>"#, cid_url("page 1.pdf")).into_bytes());
//! outgoing.file("page 1.pdf", "application/pdf", b"%PDF-1.7".to_vec());
//! let (content_type, body) = outgoing.finish();
//!
//! // … and the plant finds both.
//! let package = Package::parse(Some(&content_type), &body, &PackageLimits::default())?;
//! assert_eq!(package.tickets().count(), 1);
//! assert_eq!(package.resolve_cid(&cid_url("page 1.pdf")).unwrap().body(), b"%PDF-1.7");
//! # Ok::<(), agog_jdf::package::PackageError>(())
//! ```

mod cid;
mod decode;
mod delimiter;
mod event;
mod headers;
mod invariants;
mod names;
mod read;
mod references;
mod split;
mod unpack;
mod write;

use std::borrow::Cow;

pub use cid::{PartIndex, PartName};
pub use event::{Event, PartHead};
pub use invariants::assert_reader_invariants;
pub use names::safe_file_name;
pub use references::{
    CrossCheck, Location, Reference, cross_check, local_path, references, rewrite_references,
};
pub use split::{NESTING_MAX, Splitter};
pub use unpack::{
    UNPACKED_BYTES_MAX, UNPACKED_MEMORY_BYTES_MAX, UNPACKED_PART_BYTES_MAX, UnpackError,
    UnpackLimits, UnpackedPackage, UnpackedPart, unpack,
};
pub use write::{FileHead, Outgoing, PackageReader, PackageWriter, cid_url};

/// Bytes of a whole package that is read in memory: 256 MiB.
///
/// These constants are the defaults of [`PackageLimits`].
///
/// ```
/// use agog_jdf::package::{PARTS_MAX, Package, PackageError, PackageLimits};
/// let limits = PackageLimits { package_bytes: 4, ..PackageLimits::default() };
/// let error = Package::parse(None, b"<JDF/>", &limits).unwrap_err();
/// assert_eq!(error, PackageError::Limit { what: "bytes of package", limit: 4 });
/// assert_eq!(limits.parts, PARTS_MAX);
/// ```
pub const PACKAGE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Parts of a package: 1,000, far above the tickets and pages of one submission.
pub const PARTS_MAX: usize = 1_000;
/// Bytes of the header of one part: 64 KiB.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Media type of a ticket.
///
/// ```
/// use agog_jdf::package::{JDF_TYPE, JMF_TYPE, Package, PackageLimits};
/// let package = Package::parse(Some(JMF_TYPE), b"<JMF/>", &PackageLimits::default())?;
/// assert_eq!(package.parts[0].content_type, JMF_TYPE);
/// assert_ne!(package.parts[0].content_type, JDF_TYPE);
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
pub const JDF_TYPE: &str = "application/vnd.cip4-jdf+xml";
/// Media type of messages.
pub const JMF_TYPE: &str = "application/vnd.cip4-jmf+xml";

/// The bounds that [`Package::parse`] and [`Splitter`] keep.
///
/// ```
/// use agog_jdf::package::{PackageLimits, Package};
/// let one_part = PackageLimits { parts: 1, ..PackageLimits::default() };
/// let body = b"--b\r\n\r\n<JMF/>\r\n--b\r\n\r\n<JDF/>\r\n--b--";
/// let error = Package::parse(Some("multipart/related; boundary=b"), body, &one_part).unwrap_err();
/// assert_eq!(error.to_string(), "more than 1 parts");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageLimits {
    /// Bytes of a package in memory; see [`PACKAGE_BYTES_MAX`]. A [`Splitter`] holds none, so it has no such bound.
    pub package_bytes: usize,
    /// Parts of a package; see [`PARTS_MAX`].
    pub parts: usize,
    /// Bytes of the header of one part; see [`HEADER_BYTES_MAX`].
    pub header_bytes: usize,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self {
            package_bytes: PACKAGE_BYTES_MAX,
            parts: PARTS_MAX,
            header_bytes: HEADER_BYTES_MAX,
        }
    }
}

/// A package that could not be read.
///
/// ```
/// use agog_jdf::package::{Package, PackageError, PackageLimits};
/// let parse = |body| Package::parse(None, body, &PackageLimits::default()).unwrap_err();
/// assert_eq!(parse(b"%PDF-1.7"), PackageError::NotAPackage);
/// let body = b"--b\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin\r\n--b--";
/// assert_eq!(parse(body).to_string(), "part 1 has transfer encoding `x-uuencode`, which is not supported");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// A bound of [`PackageLimits`] is exceeded.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of, such as `parts`.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// The first bytes are neither headers, nor a delimiter, nor XML.
    #[error("the body is neither a MIME package nor XML")]
    NotAPackage,
    /// There are headers that announce parts, but none that divides them.
    #[error("the package has no boundary in its headers")]
    NoBoundary,
    /// There are delimiters and nothing between them.
    #[error("the package has no parts")]
    NoParts,
    /// A `Content-Transfer-Encoding` that is not 7bit, 8bit, binary, base64 or quoted-printable.
    #[error("part {part} has transfer encoding `{encoding}`, which is not supported")]
    TransferEncoding {
        /// The part, counted from 1.
        part: usize,
        /// The encoding, in lower case.
        encoding: String,
    },
    /// Characters that base64 does not have, or something after its padding.
    #[error("part {part} is not valid base64")]
    Base64 {
        /// The part, counted from 1.
        part: usize,
    },
}

/// One part of a package, decoded.
///
/// ```
/// use agog_jdf::package::{Package, PackageLimits};
/// let body = b"--b\r\nContent-ID: <t1@mis>\r\nContent-Disposition: attachment; filename=\"..\\t 1.jdf\"\r\n\
///     Content-Transfer-Encoding: base64\r\n\r\nPEpERi8+\r\n--b--";
/// let package = Package::parse(None, body, &PackageLimits::default())?;
/// let part = &package.parts[0];
/// assert_eq!((part.content_id.as_deref(), part.file_name.as_deref()), (Some("t1@mis"), Some("t 1.jdf")));
/// assert_eq!(part.body(), b"<JDF/>");
/// assert!(part.is_jdf() && !part.is_jmf(), "the content tells, where the sender did not");
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'b> {
    /// As written, without angle brackets.
    pub content_id: Option<String>,
    /// In lower case, without parameters.
    pub content_type: String,
    /// A base name that is safe to create a file with, whatever the sender wrote.
    pub file_name: Option<String>,
    body: Cow<'b, [u8]>,
}

impl Part<'_> {
    /// The content. Borrowed from the package unless a transfer encoding had to be undone.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-Transfer-Encoding: quoted-printable\n\n<JDF ID=3D=22n1=22/>\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// assert_eq!(package.parts[0].body(), br#"<JDF ID="n1"/>"#);
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What references can call the part.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// assert_eq!(package.parts[1].name().content_id, Some("t"));
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn name(&self) -> PartName<'_> {
        PartName {
            content_id: self.content_id.as_deref(),
            file_name: self.file_name.as_deref(),
        }
    }

    /// Whether the part is a ticket, by its content or, where that is vague, by its type.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-Type: text/xml\n\n<?xml version=\"1.0\"?><j:JDF xmlns:j=\"http://www.CIP4.org/JDFSchema_1_1\"/>\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// assert!(package.parts[0].is_jdf(), "whatever the type says");
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn is_jdf(&self) -> bool {
        is_jdf_part(&self.content_type, &self.body)
    }

    /// Whether the part holds messages, by its content or, where that is vague, by its type.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// assert_eq!(package.parts.iter().map(|part| part.is_jmf()).collect::<Vec<_>>(), [true, false]);
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn is_jmf(&self) -> bool {
        is_jmf_part(&self.content_type, &self.body)
    }
}

fn is_jdf_part(content_type: &str, body: &[u8]) -> bool {
    is_xml_of(content_type, body, JDF_TYPE, b"JDF")
}

fn is_jmf_part(content_type: &str, body: &[u8]) -> bool {
    is_xml_of(content_type, body, JMF_TYPE, b"JMF")
}

/// The content tells; where it does not, as in UTF-16, the type does.
fn is_xml_of(content_type: &str, body: &[u8], media_type: &str, root: &[u8]) -> bool {
    match root_name(body) {
        None => content_type == media_type,
        found => found == Some(root),
    }
}

/// A package that was read.
///
/// ```
/// use agog_jdf::package::{Outgoing, Package, PackageLimits};
/// let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
/// outgoing.ticket("ticket.jdf", b"<JDF/>".to_vec());
/// let (content_type, body) = outgoing.finish();
/// let package = Package::parse(Some(&content_type), &body, &PackageLimits::default())?;
/// assert_eq!(package.jmf().unwrap().body(), b"<JMF/>");
/// assert_eq!(package.resolve_cid("cid:TICKET.JDF").unwrap().body(), b"<JDF/>");
/// # Ok::<(), agog_jdf::package::PackageError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package<'b> {
    /// The parts in the order of the package, those of nested packages among them.
    pub parts: Vec<Part<'b>>,
    /// Whether the closing delimiter was there. Without it the transfer may have been cut.
    pub complete: bool,
}

impl<'b> Package<'b> {
    /// Reads the body of an HTTP request or a file. The header is only a hint: the boundary may stand in
    /// a header block inside the body, and a lone JMF or JDF is a package of one part.
    ///
    /// # Errors
    /// What is neither a package nor XML; a package without a boundary or parts; an unknown transfer encoding or
    /// broken base64; a limit that is exceeded. A missing end is no error, see [`Package::complete`].
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n\n<JMF/>\n--x--\n";
    /// let package = Package::parse(Some("application/octet-stream"), body, &PackageLimits::default())?;
    /// assert!(package.complete && package.parts[0].is_jmf(), "the boundary stands inside the body");
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn parse(
        content_type: Option<&str>,
        body: &'b [u8],
        limits: &PackageLimits,
    ) -> Result<Self, PackageError> {
        read::package(content_type, body, limits)
    }

    /// The first part with messages; `None` if the package brings only tickets.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let package = Package::parse(None, b"<JDF/>", &PackageLimits::default())?;
    /// assert!(package.jmf().is_none() && package.tickets().count() == 1);
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn jmf(&self) -> Option<&Part<'b>> {
        self.parts.iter().find(|part| part.is_jmf())
    }

    /// The tickets, in order.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// let ids: Vec<_> = package.tickets().filter_map(|part| part.content_id.as_deref()).collect();
    /// assert_eq!(ids, ["t"]);
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn tickets(&self) -> impl Iterator<Item = &Part<'b>> {
        self.parts.iter().filter(|part| part.is_jdf())
    }

    /// The part that a `cid:` URL means: by content ID without regard to case, brackets and percent
    /// escapes, else by file name. `None` if it dangles or is another kind of URL.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-ID: <page%201@host>\n\n%PDF\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// assert_eq!(package.resolve_cid("CID:page 1@HOST").unwrap().body(), b"%PDF");
    /// assert!(package.resolve_cid("http://host/page").is_none());
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn resolve_cid(&self, url: &str) -> Option<&Part<'b>> {
        self.parts.get(self.index().resolve(url)?)
    }

    /// The parts by their names, to resolve many references.
    ///
    /// ```
    /// use agog_jdf::package::{Package, PackageLimits};
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = Package::parse(None, body, &PackageLimits::default())?;
    /// let index = package.index();
    /// assert_eq!((index.len(), index.resolve("cid:t")), (2, Some(1)));
    /// # Ok::<(), agog_jdf::package::PackageError>(())
    /// ```
    pub fn index(&self) -> PartIndex {
        PartIndex::new(self.parts.iter().map(Part::name))
    }
}

fn bare_id(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<')
        .and_then(|id| id.strip_suffix('>'))
        .unwrap_or(id)
}

/// The local name of the root element, found without parsing; enough to tell messages from tickets.
fn root_name(body: &[u8]) -> Option<&[u8]> {
    const SNIFFED_BYTES_MAX: usize = 64 * 1024;
    let mut rest = &body[..body.len().min(SNIFFED_BYTES_MAX)];
    rest = rest
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(rest)
        .trim_ascii_start();
    loop {
        let skip_to: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', name @ ..] => {
                let end = name
                    .iter()
                    .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
                return name[..end].rsplit(|byte| *byte == b':').next();
            }
            _ => return None,
        };
        let at = rest
            .windows(skip_to.len())
            .position(|window| window == skip_to)?;
        rest = rest[at + skip_to.len()..].trim_ascii_start();
    }
}
