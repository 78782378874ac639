//! Which namespace each prefix stands for at the place that is read.

use std::collections::HashMap;

use crate::document::{Document, Namespace, saturate};
use crate::name;

/// The prefixes in force: for each, a stack of namespaces, so that a look-up is one hash whatever the depth.
#[derive(Default)]
pub(super) struct Scope {
    bound: HashMap<String, Vec<Option<u32>>>,
    order: Vec<String>,
    known: HashMap<String, u32>,
}

impl Scope {
    pub(super) fn intern(&mut self, document: &mut Document, uri: &str) -> Option<u32> {
        if uri.is_empty() {
            return None;
        }
        if self.known.is_empty() {
            self.known.extend(
                (0..)
                    .zip(&document.namespaces)
                    .map(|(index, namespace)| (namespace.uri.clone(), index)),
            );
        }
        if let Some(index) = self.known.get(uri) {
            return Some(*index);
        }
        let index = saturate(document.namespaces.len());
        document.namespaces.push(Namespace {
            uri: uri.to_owned(),
            is_jdf: name::is_jdf_namespace(uri),
        });
        self.known.insert(uri.to_owned(), index);
        Some(index)
    }

    pub(super) fn bind(&mut self, prefix: &str, namespace: Option<u32>) {
        self.bound
            .entry(prefix.to_owned())
            .or_default()
            .push(namespace);
        self.order.push(prefix.to_owned());
    }

    pub(super) fn look_up(&self, prefix: &str) -> Option<u32> {
        *self.bound.get(prefix)?.last()?
    }

    pub(super) fn mark(&self) -> usize {
        self.order.len()
    }

    pub(super) fn release(&mut self, mark: usize) {
        for prefix in self.order.drain(mark..) {
            if let Some(stack) = self.bound.get_mut(&prefix) {
                stack.pop();
            }
        }
    }
}

/// The prefix that a declaration binds: empty for `xmlns`.
pub(super) fn bound_prefix(attribute: &str) -> Option<&str> {
    if attribute == "xmlns" {
        Some("")
    } else {
        attribute.strip_prefix("xmlns:")
    }
}
