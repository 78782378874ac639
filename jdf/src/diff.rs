//! Two documents compared by what they mean: which attributes, elements and texts differ, and where.
//!
//! No difference: order of attributes, quotes, prefixes, layout, spelling of references, CDATA, the spelling of
//! values by the data type that the schema gives them (`200.0` and `200`, `Z` and `+00:00`), the order in pools, and
//! whether an attribute stands at each part of a partitioned resource or at the part around them. Comments count only
//! if asked for.
//!
//! Limits: child elements that parts inherit are compared where they stand; `Identical` is not followed; ranges are
//! compared as they are written (`0 1` is not `0 ~ 1`). Time is linear in the documents but for sorting what moved.
//!
//! ```
//! use agog_jdf::diff::{DiffOptions, diff};
//! use agog_jdf::{Document, Limits};
//! let read = |source: &str| Document::parse(source.as_bytes(), &Limits::default());
//! let left = read(r#"<Media xmlns="http://www.CIP4.org/JDFSchema_1_1" Weight="200.0" Brand="Sun"/>"#)?;
//! let right = read(r#"<Media xmlns='http://www.CIP4.org/JDFSchema_1_1' Brand='Moon' Weight='200'/>"#)?;
//! let found = diff(&left, &right, DiffOptions::default());
//! assert_eq!((found.len(), found[0].kind.as_str()), (1, "attribute-changed"));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod compare;
mod facts;
mod identity;
mod value;

use std::borrow::Cow;

use crate::document::Document;
use crate::error::Position;
use crate::view::ElementRef;

/// What is compared beside elements, attributes and text.
///
/// ```
/// use agog_jdf::diff::DiffOptions;
/// assert!(!DiffOptions::default().comments);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiffOptions {
    /// Comments of XML (`<!-- … -->`); the element `Comment` is content and always compared.
    pub comments: bool,
}

/// How the right document differs from the left one at a place.
///
/// ```
/// use agog_jdf::diff::DifferenceKind;
/// assert_eq!(DifferenceKind::AttributeChanged.as_str(), "attribute-changed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// An attribute has another value.
    AttributeChanged,
    /// An attribute is new.
    AttributeAdded,
    /// An attribute is gone.
    AttributeRemoved,
    /// An element is new, with everything in it.
    ElementAdded,
    /// An element is gone, with everything in it.
    ElementRemoved,
    /// An element stands elsewhere: inside another one, or at another place where order means something. What else
    /// changed of it is told apart.
    ElementMoved,
    /// The text directly inside an element is another.
    TextChanged,
    /// The comments directly inside an element are others.
    CommentsChanged,
}

impl DifferenceKind {
    /// Its name for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttributeChanged => "attribute-changed",
            Self::AttributeAdded => "attribute-added",
            Self::AttributeRemoved => "attribute-removed",
            Self::ElementAdded => "element-added",
            Self::ElementRemoved => "element-removed",
            Self::ElementMoved => "element-moved",
            Self::TextChanged => "text-changed",
            Self::CommentsChanged => "comments-changed",
        }
    }
}

/// One document's side of a difference.
///
/// ```
/// use agog_jdf::diff::{DiffOptions, diff};
/// use agog_jdf::{Document, Limits};
/// let [left, right] = ["<JDF ID='a' JobID='1'/>", "<JDF JobID='2' ID='a'/>"]
///     .map(|source| Document::parse(source.as_bytes(), &Limits::default()).unwrap());
/// let side = diff(&left, &right, DiffOptions::default()).remove(0).right.unwrap();
/// assert_eq!((side.attribute, side.value.as_deref()), (Some("JobID"), Some("2")));
/// assert_eq!(side.position().path, "/JDF/@JobID");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side<'d> {
    /// The element that differs, or has the attribute that differs.
    pub element: ElementRef<'d>,
    /// The name of the attribute as written here; `None` if it is not here, or if none differs.
    pub attribute: Option<&'d str>,
    /// The value of the attribute, the text, or the comments.
    pub value: Option<Cow<'d, str>>,
}

impl Side<'_> {
    /// Line, column and path. A walk along line and siblings, so it is made only when asked for.
    #[must_use]
    pub fn position(&self) -> Position {
        let attribute = self
            .attribute
            .and_then(|name| self.element.attribute_position(name));
        attribute.unwrap_or_else(|| self.element.position())
    }
}

/// One difference between two documents, from [`diff()`].
///
/// ```
/// use agog_jdf::diff::{DiffOptions, DifferenceKind, diff};
/// use agog_jdf::{Document, Limits};
/// let [left, right] = ["<JDF><AuditPool/></JDF>", "<JDF/>"]
///     .map(|source| Document::parse(source.as_bytes(), &Limits::default()).unwrap());
/// let difference = &diff(&left, &right, DiffOptions::default())[0];
/// assert_eq!(difference.kind, DifferenceKind::ElementRemoved);
/// assert!(difference.left.is_some() && difference.right.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'d> {
    /// What differs.
    pub kind: DifferenceKind,
    /// The left document's side; `None` for an element that is new.
    pub left: Option<Side<'d>>,
    /// The right document's side; `None` for an element that is gone.
    pub right: Option<Side<'d>>,
}

/// Compares two documents; the differences come in the order of the left one, those at an element before those in it.
///
/// ```
/// use agog_jdf::diff::{DiffOptions, DifferenceKind, diff};
/// use agog_jdf::{Document, Limits};
/// let left = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n"><ResourcePool>
///   <Media ID="m" Weight="200.0"/><Ink ID="i"/></ResourcePool></JDF>"#;
/// let right = br#"<j:JDF xmlns:j="http://www.CIP4.org/JDFSchema_1_1" ID='n'><j:ResourcePool>
///   <j:Ink ID="i"/><j:Media ID="m" Weight="200" Brand="A"/></j:ResourcePool></j:JDF>"#;
/// let left = Document::parse(left, &Limits::default())?;
/// let right = Document::parse(right, &Limits::default())?;
/// let differences = diff(&left, &right, DiffOptions::default());
/// assert_eq!(differences.len(), 1);
/// assert_eq!(differences[0].kind, DifferenceKind::AttributeAdded);
/// assert_eq!(differences[0].right.as_ref().unwrap().position().line, 2);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn diff<'d>(
    left: &'d Document,
    right: &'d Document,
    options: DiffOptions,
) -> Vec<Difference<'d>> {
    compare::documents(left, right, options)
}
