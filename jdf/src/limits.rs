//! What one document may cost. A ticket comes from a machine on the plant network or from a partner's
//! mail, so every dimension that an attacker could stretch has a bound; the caller may set others.

/// Bytes of one document: 64 MiB. The largest public ticket has under 4 MiB; imposition of long
/// variable-data runs reaches tens.
///
/// These constants are the defaults of [`Limits`]; each says what it was chosen by.
///
/// ```
/// use agog_jdf::{DEPTH_MAX, DOCUMENT_BYTES_MAX, Limits};
/// let for_imposition = Limits { document_bytes: 4 * DOCUMENT_BYTES_MAX, ..Limits::default() };
/// assert_eq!(for_imposition.depth, DEPTH_MAX);
/// ```
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Elements nested in one another: 256. Real tickets stay under 30.
pub const DEPTH_MAX: usize = 256;
/// Attributes of one element: 512. The richest resource of JDF 1.5 has under 100.
pub const ATTRIBUTES_MAX: usize = 512;
/// Bytes of one attribute value: 1 MiB. The Base ICS allows 65,536 octets; the margin is for
/// vendors who put lists of marks or profiles into attributes.
pub const ATTRIBUTE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one name: 1,000. The Base ICS allows 63 characters; this is also within what the tree stores.
pub const NAME_BYTES_MAX: usize = 1000;
/// Bytes of one run of text, CDATA, comment or processing instruction: 16 MiB (embedded previews).
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Elements: 2,000,000, which bounds the memory of a document made of tiny elements (28 bytes each beside
/// their text).
pub const ELEMENTS_MAX: usize = 2_000_000;

/// The bounds that [`Document::parse`](crate::Document::parse) keeps.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let strict = Limits { depth: 3, ..Limits::default() };
/// let error = Document::parse(b"<a><b><c><d/></c></b></a>", &strict).unwrap_err();
/// assert_eq!(error.position.path, "/a/b/c");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document, as it came; see [`DOCUMENT_BYTES_MAX`].
    pub document_bytes: usize,
    /// Elements nested in one another; see [`DEPTH_MAX`].
    pub depth: usize,
    /// Attributes of one element, namespace declarations included; see [`ATTRIBUTES_MAX`].
    pub attributes: usize,
    /// Bytes of one attribute's value, as written; see [`ATTRIBUTE_BYTES_MAX`].
    pub attribute_bytes: usize,
    /// Bytes of one run of text, CDATA, comment or processing instruction; see [`TEXT_BYTES_MAX`].
    pub text_bytes: usize,
    /// Elements of the whole document; see [`ELEMENTS_MAX`].
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: DOCUMENT_BYTES_MAX,
            depth: DEPTH_MAX,
            attributes: ATTRIBUTES_MAX,
            attribute_bytes: ATTRIBUTE_BYTES_MAX,
            text_bytes: TEXT_BYTES_MAX,
            elements: ELEMENTS_MAX,
        }
    }
}
