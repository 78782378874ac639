//! Which namespace each prefix stands for at the place that is read.

use std::collections::HashMap;

use crate::document::{Document, Namespace, NamespaceId};
use crate::error::ErrorKind;
use crate::name;

/// Different namespaces of one document: as many as a [`NamespaceId`] can tell apart. Real tickets have
/// under ten.
const NAMESPACES_MAX: usize = NamespaceId::MAX as usize - 1;

/// The prefixes in force. A look-up costs the same whatever the depth: what a declaration hides is kept
/// in `hidden` until its element ends.
#[derive(Default)]
pub(super) struct Scope {
    /// Most names have no prefix.
    default: NamespaceId,
    prefixed: HashMap<String, NamespaceId>,
    hidden: Vec<(String, NamespaceId)>,
    known: HashMap<String, NamespaceId>,
}

impl Scope {
    /// The id of a namespace in the document.
    pub(super) fn intern(
        &mut self,
        document: &mut Document,
        uri: &str,
    ) -> Result<NamespaceId, ErrorKind> {
        if uri.is_empty() {
            return Ok(0);
        }
        if self.known.is_empty() {
            self.known.extend(
                (1..)
                    .zip(&document.namespaces)
                    .map(|(id, namespace)| (namespace.uri.clone(), id)),
            );
        }
        if let Some(id) = self.known.get(uri) {
            return Ok(*id);
        }
        let count = document.namespaces.len();
        let id = NamespaceId::try_from(count + 1)
            .ok()
            .filter(|_| count < NAMESPACES_MAX)
            .ok_or(ErrorKind::Limit {
                what: "namespaces",
                limit: NAMESPACES_MAX,
            })?;
        document.namespaces.push(Namespace {
            uri: uri.to_owned(),
            is_jdf: name::is_jdf_namespace(uri),
        });
        self.known.insert(uri.to_owned(), id);
        Ok(id)
    }

    pub(super) fn bind(&mut self, prefix: &str, namespace: NamespaceId) {
        let before = if prefix.is_empty() {
            std::mem::replace(&mut self.default, namespace)
        } else {
            self.prefixed
                .insert(prefix.to_owned(), namespace)
                .unwrap_or(0)
        };
        self.hidden.push((prefix.to_owned(), before));
    }

    pub(super) fn look_up(&self, prefix: Option<&str>) -> NamespaceId {
        match prefix {
            None => self.default,
            Some(prefix) => self.prefixed.get(prefix).copied().unwrap_or(0),
        }
    }

    pub(super) fn mark(&self) -> usize {
        self.hidden.len()
    }

    pub(super) fn release(&mut self, mark: usize) {
        while self.hidden.len() > mark {
            let Some((prefix, before)) = self.hidden.pop() else {
                return;
            };
            if prefix.is_empty() {
                self.default = before;
            } else {
                self.prefixed.insert(prefix, before);
            }
        }
    }
}

/// The prefix that a declaration binds: empty for `xmlns`.
pub(super) fn bound_prefix(attribute: &str) -> Option<&str> {
    match attribute.strip_prefix("xmlns")? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}
