//! MIME packages (`multipart/related`): a JMF, the tickets it submits, and the files they refer to.
//!
//! One reader and one writer of the format, both streaming and without I/O of their own: [`Splitter`] and
//! [`PackageWriter`]. On them: [`unpack`] to disk, and [`Package`] and [`Outgoing`] in memory. What documents
//! refer to is in [`references`](fn@references).
//!
//! Reading is lenient, because the most used library of the field writes packages that the RFCs do not
//! allow; writing is strict. Limits: [`PACKAGE_BYTES_MAX`], [`PARTS_MAX`], [`HEADER_BYTES_MAX`],
//! [`NESTING_MAX`], [`UNPACKED_PART_BYTES_MAX`], [`UNPACKED_BYTES_MAX`], [`UNPACKED_MEMORY_BYTES_MAX`].

mod cid;
mod decode;
mod delimiter;
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
pub use invariants::assert_reader_invariants;
pub use names::safe_file_name;
pub use references::{
    CrossCheck, Location, Reference, cross_check, local_path, references, rewrite_references,
};
pub use split::{Event, NESTING_MAX, PartHead, Splitter};
pub use unpack::{
    UNPACKED_BYTES_MAX, UNPACKED_MEMORY_BYTES_MAX, UNPACKED_PART_BYTES_MAX, UnpackError,
    UnpackLimits, UnpackedPackage, UnpackedPart, unpack,
};
pub use write::{FileHead, Outgoing, PackageReader, PackageWriter, cid_url};

/// Bytes of a whole package that is read in memory: 256 MiB.
pub const PACKAGE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Parts of a package: 1,000, far above the tickets and pages of one submission.
pub const PARTS_MAX: usize = 1_000;
/// Bytes of the header of one part: 64 KiB.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Media type of a ticket.
pub const JDF_TYPE: &str = "application/vnd.cip4-jdf+xml";
/// Media type of messages.
pub const JMF_TYPE: &str = "application/vnd.cip4-jmf+xml";

/// The bounds that [`Package::parse`] and [`Splitter`] keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageLimits {
    pub package_bytes: usize,
    pub parts: usize,
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    #[error("more than {limit} {what}")]
    Limit { what: &'static str, limit: usize },
    #[error("the body is neither a MIME package nor XML")]
    NotAPackage,
    #[error("the package has no boundary in its headers")]
    NoBoundary,
    #[error("the package has no parts")]
    NoParts,
    #[error("part {part} has transfer encoding `{encoding}`, which is not supported")]
    TransferEncoding { part: usize, encoding: String },
    #[error("part {part} is not valid base64")]
    Base64 { part: usize },
}

/// One part of a package, decoded.
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
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What references can call the part.
    pub fn name(&self) -> PartName<'_> {
        PartName {
            content_id: self.content_id.as_deref(),
            file_name: self.file_name.as_deref(),
        }
    }

    /// Whether the part is a ticket, by its type or, where that is vague, by its content.
    pub fn is_jdf(&self) -> bool {
        is_jdf_part(&self.content_type, &self.body)
    }

    /// Whether the part holds messages.
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
    pub parts: Vec<Part<'b>>,
    /// Whether the closing delimiter was there. Without it the transfer may have been cut.
    pub complete: bool,
}

impl<'b> Package<'b> {
    /// Reads the body of an HTTP request or a file. The header is only a hint: the boundary may stand in
    /// a header block inside the body, and a lone JMF or JDF is a package of one part.
    pub fn parse(
        content_type: Option<&str>,
        body: &'b [u8],
        limits: &PackageLimits,
    ) -> Result<Self, PackageError> {
        read::package(content_type, body, limits)
    }

    /// The first part with messages.
    pub fn jmf(&self) -> Option<&Part<'b>> {
        self.parts.iter().find(|part| part.is_jmf())
    }

    /// The tickets, in order.
    pub fn tickets(&self) -> impl Iterator<Item = &Part<'b>> {
        self.parts.iter().filter(|part| part.is_jdf())
    }

    /// The part that a `cid:` URL means: by content ID without regard to case, brackets and percent
    /// escapes, else by file name. `None` if it dangles or is another kind of URL.
    pub fn resolve_cid(&self, url: &str) -> Option<&Part<'b>> {
        self.parts.get(self.index().resolve(url)?)
    }

    /// The parts by their names, to resolve many references.
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
