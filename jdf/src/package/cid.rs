//! Which part a `cid:` URL means, however either side wrote it.

use std::collections::HashMap;

use super::bare_id;
use super::names::percent_decoded;

/// What a part can be called by.
///
/// ```
/// use agog_jdf::package::{PartIndex, PartName};
/// let page = PartName { content_id: None, file_name: Some("page1.pdf") };
/// assert_eq!(PartIndex::new([page]).resolve("cid:page1.pdf"), Some(0), "a file name will do");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartName<'p> {
    /// The `Content-ID`, with or without angle brackets.
    pub content_id: Option<&'p str>,
    /// The name that the sender gave the file.
    pub file_name: Option<&'p str>,
}

/// The parts of a package by their names. A content ID goes before a file name, an exact match before one
/// with percent escapes undone, the first part before the second; case never matters.
///
/// ```
/// use agog_jdf::package::{PartIndex, PartName};
/// let parts = [PartName { content_id: Some("The%20JDF@host"), file_name: Some("t.jdf") }];
/// let index = PartIndex::new(parts);
/// assert_eq!(index.resolve("cid:the jdf@HOST"), Some(0));
/// assert_eq!(index.resolve("cid://<T.jdf>"), Some(0));
/// assert_eq!(index.resolve("t.jdf"), None, "that is a relative URL");
/// ```
#[derive(Debug, Clone, Default)]
pub struct PartIndex {
    parts: usize,
    exact: HashMap<String, usize>,
    decoded: HashMap<String, usize>,
    file_names: HashMap<String, usize>,
}

impl PartIndex {
    /// Numbers the parts from 0 in the order given.
    ///
    /// ```
    /// use agog_jdf::package::{PartIndex, PartName};
    /// let ids = ["message", "ticket", "page1"];
    /// let index = PartIndex::new(ids.map(|id| PartName { content_id: Some(id), file_name: None }));
    /// assert_eq!(index.resolve("cid:page1"), Some(2));
    /// ```
    pub fn new<'p>(parts: impl IntoIterator<Item = PartName<'p>>) -> Self {
        let mut index = Self::default();
        for (number, part) in parts.into_iter().enumerate() {
            index.parts = number + 1;
            if let Some(id) = part.content_id {
                index.exact.entry(folded(id)).or_insert(number);
                index.decoded.entry(decoded(id)).or_insert(number);
            }
            if let Some(name) = part.file_name {
                index.file_names.entry(folded(name)).or_insert(number);
            }
        }
        index
    }

    /// How many parts there are.
    ///
    /// ```
    /// use agog_jdf::package::{PartIndex, PartName};
    /// let nameless = PartName { content_id: None, file_name: None };
    /// assert_eq!(PartIndex::new([nameless]).len(), 1, "also a part that nothing can refer to counts");
    /// ```
    pub fn len(&self) -> usize {
        self.parts
    }

    /// Whether there is none.
    ///
    /// ```
    /// assert!(agog_jdf::package::PartIndex::new([]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.parts == 0
    }

    /// The number of the part that a URL means; `None` if it dangles or is no `cid:` URL.
    ///
    /// ```
    /// use agog_jdf::package::{PartIndex, PartName};
    /// let index = PartIndex::new([PartName { content_id: Some("<t1@mis>"), file_name: None }]);
    /// assert_eq!((index.resolve("cid:T1@MIS"), index.resolve("cid:t2@mis")), (Some(0), None));
    /// ```
    pub fn resolve(&self, url: &str) -> Option<usize> {
        let id = cid(url)?;
        let (exact, decoded) = (folded(id), decoded(id));
        self.exact
            .get(&exact)
            .or_else(|| self.decoded.get(&decoded))
            .or_else(|| self.file_names.get(&exact))
            .or_else(|| self.file_names.get(&decoded))
            .copied()
    }
}

/// What follows `cid:` or `cid://`, as written.
pub(super) fn cid(url: &str) -> Option<&str> {
    let url = url.trim();
    let scheme = url
        .get(..4)
        .filter(|scheme| scheme.eq_ignore_ascii_case("cid:"))?;
    Some(url[scheme.len()..].trim_start_matches('/'))
}

fn folded(id: &str) -> String {
    bare_id(id).to_lowercase()
}

fn decoded(id: &str) -> String {
    let text = String::from_utf8_lossy(&percent_decoded(id)).into_owned();
    bare_id(&text).to_lowercase()
}
