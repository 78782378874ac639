//! New content: an element with attributes and children, to be written or added to a document.

use std::fmt::Display;

use crate::fragment::Fragment;
use crate::name;
use crate::writer::{escape_attribute, escape_text};

/// An element to be written. Names come from the program; values may hold anything and are escaped.
///
/// ```
/// use agog_jdf::Element;
/// let media = Element::new("Media").with("Class", "Consumable").with("Brand", "Smith & Sons");
/// assert_eq!(media.to_xml(), r#"<Media Class="Consumable" Brand="Smith &amp; Sons"/>"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Element(Element),
    Text(String),
    Fragment(Fragment),
}

impl Element {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.attributes.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds an attribute if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Content::Element(child));
        self
    }

    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children
            .extend(children.into_iter().map(Content::Element));
        self
    }

    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Content::Text(text.into()));
        self
    }

    /// Adds elements that were kept as they are.
    ///
    /// ```
    /// use agog_jdf::{Element, Fragment};
    /// let kept = Fragment::from(Element::new("Media").with("Weight", 90));
    /// assert_eq!(Element::new("ResourceInfo").fragments([kept]).to_xml(), r#"<ResourceInfo><Media Weight="90"/></ResourceInfo>"#);
    /// ```
    #[must_use]
    pub fn fragments(mut self, fragments: impl IntoIterator<Item = Fragment>) -> Self {
        self.children
            .extend(fragments.into_iter().map(Content::Fragment));
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        self.render(None, &mut out);
        out
    }

    /// A document of this element, in UTF-8 with an XML declaration.
    pub fn to_document(&self) -> Vec<u8> {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.render(None, &mut out);
        out.push('\n');
        out.into_bytes()
    }

    /// Writes the element; names without a prefix get the given one. Recursion is as deep as the program
    /// that built the element nested it, never as deep as an input.
    pub(crate) fn render(&self, prefix: Option<&str>, out: &mut String) {
        let name = match (prefix, name::split(&self.name)) {
            (Some(prefix), (None, local)) => format!("{prefix}:{local}"),
            _ => self.name.clone(),
        };
        out.push('<');
        out.push_str(&name);
        for (attribute, value) in &self.attributes {
            out.push(' ');
            out.push_str(attribute);
            out.push_str("=\"");
            out.push_str(&escape_attribute(value));
            out.push('"');
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Content::Element(element) => element.render(prefix, out),
                Content::Text(text) => out.push_str(&escape_text(text)),
                Content::Fragment(fragment) => fragment.render(prefix.is_some(), out),
            }
        }
        out.push_str("</");
        out.push_str(&name);
        out.push('>');
    }
}
