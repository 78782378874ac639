//! New content: an element with attributes and children, to be written or added to a document.

use std::borrow::Cow;
use std::fmt::Display;

use crate::fragment::Fragment;
use crate::name;
use crate::writer::{escape_attribute, escape_text};

/// Room for most messages, so that few are moved while they grow.
const DOCUMENT_BYTES: usize = 2_048;

/// An element to be written. Names come from the program; values may hold anything and are escaped.
///
/// ```
/// use agog_jdf::Element;
/// let media = Element::new("Media").with("Class", "Consumable").with("Brand", "Smith & Sons");
/// assert_eq!(media.to_xml(), r#"<Media Class="Consumable" Brand="Smith &amp; Sons"/>"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: Cow<'static, str>,
    attributes: Vec<(Cow<'static, str>, String)>,
    children: Vec<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Element(Element),
    Text(String),
    Fragment(Fragment),
}

impl Element {
    /// An empty element. The name may have a prefix; without one it takes that of the document that it is added
    /// to, see [`Document::append_child`](crate::Document::append_child).
    ///
    /// ```
    /// use agog_jdf::Element;
    /// assert_eq!(Element::new("xyz:Ticket").to_xml(), "<xyz:Ticket/>");
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Adds an attribute after those that are there. Nothing is replaced: a name that is given twice makes a
    /// document that no reader takes.
    ///
    /// ```
    /// use agog_jdf::Element;
    /// let link = Element::new("MediaLink").with("rRef", "m1").with("Amount", 1_500);
    /// assert_eq!(link.to_xml(), r#"<MediaLink rRef="m1" Amount="1500"/>"#);
    /// ```
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Display) -> Self {
        self.attributes.push((name.into(), value.to_string()));
        self
    }

    /// Adds an attribute if there is a value.
    ///
    /// ```
    /// use agog_jdf::Element;
    /// let media = Element::new("Media").with_some("Brand", Some("Invercote")).with_some("Weight", None::<f64>);
    /// assert_eq!(media.to_xml(), r#"<Media Brand="Invercote"/>"#);
    /// ```
    #[must_use]
    pub fn with_some(
        self,
        name: impl Into<Cow<'static, str>>,
        value: Option<impl Display>,
    ) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds an element as the last one inside.
    ///
    /// ```
    /// use agog_jdf::Element;
    /// let pool = Element::new("AuditPool").child(Element::new("Created"));
    /// assert_eq!(pool.to_xml(), "<AuditPool><Created/></AuditPool>");
    /// ```
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Content::Element(child));
        self
    }

    /// Adds elements in their order, behind what is inside already. An `Option` is a list of one or none.
    ///
    /// ```
    /// use agog_jdf::Element;
    /// let plates = ["Cyan", "Black"].map(|name| Element::new("ExposedMedia").with("Separation", name));
    /// let waste = None;
    /// let set = Element::new("ExposedMedia").children(plates).children(waste);
    /// assert_eq!(set.to_xml().matches("Separation").count(), 2);
    /// ```
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children
            .extend(children.into_iter().map(Content::Element));
        self
    }

    /// Adds character data behind what is inside already; it is escaped.
    ///
    /// ```
    /// use agog_jdf::Element;
    /// assert_eq!(Element::new("Comment").text("A < B").to_xml(), "<Comment>A &lt; B</Comment>");
    /// ```
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

    /// The name as it was given, with its prefix if it has one.
    ///
    /// ```
    /// assert_eq!(agog_jdf::Element::new("AuditPool").with("rRefs", "n1").name(), "AuditPool");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The element as XML on one line, without a declaration.
    ///
    /// ```
    /// let audit = agog_jdf::Element::new("Notification").with("Class", "Event");
    /// assert_eq!(audit.to_xml(), r#"<Notification Class="Event"/>"#);
    /// ```
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        self.render(None, &mut out);
        out
    }

    /// A document of this element, in UTF-8 with an XML declaration.
    ///
    /// ```
    /// let bytes = agog_jdf::Element::new("JMF").to_document();
    /// assert_eq!(bytes, b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<JMF/>\n");
    /// ```
    pub fn to_document(&self) -> Vec<u8> {
        let mut out = String::with_capacity(DOCUMENT_BYTES);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.render(None, &mut out);
        out.push('\n');
        out.into_bytes()
    }

    /// Writes the element; names without a prefix get the given one. Recursion is as deep as the program
    /// that built the element nested it, never as deep as an input.
    pub(crate) fn render(&self, prefix: Option<&str>, out: &mut String) {
        let name = match (prefix, name::split(&self.name)) {
            (Some(prefix), (None, local)) => Cow::Owned(format!("{prefix}:{local}")),
            _ => Cow::Borrowed(&*self.name),
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
