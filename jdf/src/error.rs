//! Where something is in a document, and what stopped its reading there. What did not stop it is a
//! [`Finding`](crate::Finding).

use std::fmt;

/// A place in a document: line and column from 1, the column in characters, and the elements around it.
///
/// Content that an edit added has line and column 0: it is in no source file.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let document = Document::parse("<JDF>\n<!-- ä --><AuditPool/></JDF>".as_bytes(), &Limits::default())?;
/// let place = document.root().children().next().unwrap().position();
/// assert_eq!((place.line, place.column, place.path.as_str()), (2, 11, "/JDF/AuditPool"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Counted from 1; 0 for what is in no source.
    pub line: u32,
    /// In characters, counted from 1; 0 for what is in no source.
    pub column: u32,
    /// The elements from the root to the place, such as `/JDF/ResourcePool/Media[2]`; empty if none is open there.
    pub path: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, " ({})", self.path)?;
        }
        Ok(())
    }
}

/// A document that could not be read or edited, and where.
///
/// ```
/// use agog_jdf::{Document, ErrorKind, Limits};
/// let error = Document::parse(b"<JDF ID='n1' ID='n2'/>", &Limits::default()).unwrap_err();
/// assert_eq!(error.kind, ErrorKind::AttributeTwice("ID".to_owned()));
/// assert_eq!(error.to_string(), "attribute `ID` is given twice at line 1, column 14");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {position}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where reading stopped, or the element that could not be edited.
    pub position: Position,
}

/// A document that could not be read from a stream.
///
/// ```
/// use agog_jdf::{Document, Limits, ReadError};
/// let error = Document::from_reader("<a><b></a>".as_bytes(), &Limits::default()).unwrap_err();
/// assert!(matches!(error, ReadError::Document(error) if error.position.line == 1));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream failed.
    #[error("cannot read the document")]
    Io(#[from] std::io::Error),
    /// The bytes came but are no document.
    #[error(transparent)]
    Document(#[from] Error),
}

/// What stopped the reading, or why an edit was refused.
///
/// ```
/// use agog_jdf::{Document, ErrorKind, Limits};
/// let bomb = b"<!DOCTYPE JDF [<!ENTITY a 'aaaa'>]><JDF>&a;</JDF>";
/// let error = Document::parse(bomb, &Limits::default()).unwrap_err();
/// assert_eq!(error.kind, ErrorKind::DocumentType);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// There is a `<!DOCTYPE …>`. It could define entities and name files to read, and JDF has none.
    #[error("document type definitions are refused")]
    DocumentType,
    /// A reference to something else than `lt`, `gt`, `amp`, `apos` and `quot`, by its name.
    #[error("entity `&{0};` is not one of the five predefined ones")]
    Entity(String),
    /// A reference by number that is no number or no character of XML 1.0, without `&` and `;`.
    #[error("character reference `&{0};` names no XML character")]
    CharacterReference(String),
    /// A control or non-character in the text, by its code point.
    #[error("character U+{0:04X} is not allowed in XML")]
    Character(u32),
    /// The declared encoding is unknown, or has several bytes to a character and is not UTF-8 or UTF-16.
    #[error("encoding `{0}` is not supported")]
    Encoding(String),
    /// The bytes are not text in the encoding named here.
    #[error("the bytes are not valid {0}")]
    Decoding(&'static str),
    /// A multi-byte encoding can write a character of this text in several ways, so it would come back changed.
    #[error("the text cannot be written back in {0} byte for byte; save the document as UTF-8")]
    NotReversible(&'static str),
    /// Not well-formed XML, in words.
    #[error("not well-formed: {0}")]
    Syntax(String),
    /// Two attributes of one element have this name.
    #[error("attribute `{0}` is given twice")]
    AttributeTwice(String),
    /// There is no element at all.
    #[error("the document has no root element")]
    NoRoot,
    /// There is an element or text behind the root element, or one was to be added beside it.
    #[error("there is content after the root element")]
    AfterRoot,
    /// A bound of [`Limits`](crate::Limits), or one that the tree itself has.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of, such as `nested elements`.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// The document is another one than was asked for, see [`Document::expect_root`](crate::Document::expect_root).
    #[error("expected a `{expected}` document, found `{found}`")]
    WrongRoot {
        /// `JDF` or `JMF`.
        expected: &'static str,
        /// The name of the root element, as written.
        found: String,
    },
    /// A document cannot be without its root element.
    #[error("the root element cannot be removed")]
    RemoveRoot,
    /// A text that was to be a name, in a document or in an edit; also a namespace declaration that an edit was to
    /// change.
    #[error("`{0}` is not an XML name")]
    Name(String),
    /// The id is of another document, or its element was removed.
    #[error("this node is not an element of the document")]
    NotAnElement,
}
