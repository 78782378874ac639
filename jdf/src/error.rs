//! Where something is in a document, and what stopped its reading there. What did not stop it is a
//! [`Finding`](crate::Finding).

use std::fmt;

/// A place in a document: line and column from 1, the column in characters, and the elements around it.
///
/// Content that an edit added has line and column 0: it is in no source file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    pub line: u32,
    pub column: u32,
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {position}")]
pub struct Error {
    pub kind: ErrorKind,
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
    #[error("cannot read the document")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Document(#[from] Error),
}

/// What stopped the reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    #[error("document type definitions are refused")]
    DocumentType,
    #[error("entity `&{0};` is not one of the five predefined ones")]
    Entity(String),
    #[error("character reference `&{0};` names no XML character")]
    CharacterReference(String),
    #[error("character U+{0:04X} is not allowed in XML")]
    Character(u32),
    #[error("encoding `{0}` is not supported")]
    Encoding(String),
    #[error("the bytes are not valid {0}")]
    Decoding(&'static str),
    #[error("the text cannot be written back in {0} byte for byte; save the document as UTF-8")]
    NotReversible(&'static str),
    #[error("not well-formed: {0}")]
    Syntax(String),
    #[error("attribute `{0}` is given twice")]
    AttributeTwice(String),
    #[error("the document has no root element")]
    NoRoot,
    #[error("there is content after the root element")]
    AfterRoot,
    #[error("more than {limit} {what}")]
    Limit { what: &'static str, limit: usize },
    #[error("expected a `{expected}` document, found `{found}`")]
    WrongRoot {
        expected: &'static str,
        found: String,
    },
    #[error("the root element cannot be removed")]
    RemoveRoot,
    #[error("`{0}` is not an XML name")]
    Name(String),
    #[error("this node is not an element of the document")]
    NotAnElement,
}
