//! One element with everything in it, as text that can stand anywhere: what this crate does not type inside
//! a message (a resource, a ticket, capabilities, a vendor's own) is kept in it and written as it was.
//!
//! Invariants: the text is one well-formed element; every prefix in it is declared in it; a name without a
//! prefix is of JDF unless the fragment itself declares another default. A fragment is text and no tree, so
//! that its depth costs no stack.

use std::collections::BTreeSet;

use crate::document::Document;
use crate::element::Element;
use crate::error::Error;
use crate::limits::Limits;
use crate::name;
use crate::tag::Places;
use crate::view::ElementRef;
use crate::writer::escape_attribute;

/// An element with everything in it, independent of the document it came from.
///
/// ```
/// use agog_jdf::resource::{Media, View};
/// use agog_jdf::{Document, Element, Fragment, Limits};
/// // From a document: declarations that stand further out come along.
/// let source = br#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:v"><Media v:Bin="4" Weight="90"/></JMF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let media = document.root().children().next().unwrap().to_fragment();
/// assert_eq!(media.as_xml(), r#"<Media xmlns:v="urn:v" v:Bin="4" Weight="90"/>"#);
///
/// // As a document again, for the typed views.
/// let document = media.to_document(&Limits::default())?;
/// assert_eq!(Media::of(document.root().into()).unwrap().weight(), Some(90.0));
///
/// // From new content.
/// assert_eq!(Fragment::from(Element::new("Media").with("Weight", 90)).as_xml(), r#"<Media Weight="90"/>"#);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fragment {
    xml: String,
}

impl Fragment {
    /// The element as XML.
    pub fn as_xml(&self) -> &str {
        &self.xml
    }

    /// The name of the element as written, with its prefix.
    pub fn name(&self) -> &str {
        let name = &self.xml[1..];
        let end = name.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
        &name[..end.unwrap_or(name.len())]
    }

    /// A document of this element alone, to look into it.
    pub fn to_document(&self, limits: &Limits) -> Result<Document, Error> {
        let mut xml = String::new();
        self.render(true, &mut xml);
        Document::from_vec(xml.into_bytes(), limits)
    }

    /// Writes the element; where a name without a prefix would not be of JDF, JDF is declared.
    pub(crate) fn render(&self, declare: bool, out: &mut String) {
        let name_end = 1 + self.name().len();
        out.push_str(&self.xml[..name_end]);
        if declare && !self.declares_default() {
            out.push_str(" xmlns=\"");
            out.push_str(name::JDF);
            out.push('"');
        }
        out.push_str(&self.xml[name_end..]);
    }

    fn declares_default(&self) -> bool {
        let name_bytes = u16::try_from(self.name().len()).unwrap_or(u16::MAX);
        Places::of(&self.xml, name_bytes).any(|place| place.name.of(&self.xml) == "xmlns")
    }
}

impl From<Element> for Fragment {
    fn from(element: Element) -> Self {
        Self {
            xml: element.to_xml(),
        }
    }
}

impl ElementRef<'_> {
    /// The element with everything in it, as it would be written, with the namespace declarations that it
    /// needs from further out.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media Weight='90'/></JDF>"#, &Limits::default())?;
    /// assert_eq!(document.root().children().next().unwrap().to_fragment().as_xml(), "<Media Weight='90'/>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn to_fragment(self) -> Fragment {
        let xml = self.to_xml();
        let name_end = 1 + self.name().len();
        let used = prefixes(&xml);
        let own = self.attributes().map(|attribute| attribute.name);
        let mut declared: BTreeSet<&str> = own.filter(|name| is_declaration(name)).collect();
        let mut text = xml[..name_end].to_owned();
        let mut declare = |name: &str, uri: &str| {
            text.extend([" ", name, "=\"", &escape_attribute(uri), "\""]);
        };
        let default = self.resolve(None).unwrap_or_default();
        if declared.insert("xmlns") && default != name::JDF {
            declare("xmlns", default);
        }
        let around = std::iter::successors(self.parent(), |element| element.parent())
            .take_while(|_| !used.is_empty());
        for attribute in around.flat_map(ElementRef::attributes) {
            let prefix = attribute.name.strip_prefix("xmlns:");
            if prefix.is_some_and(|prefix| used.contains(prefix)) && declared.insert(attribute.name)
            {
                declare(attribute.name, attribute.value);
            }
        }
        text.push_str(&xml[name_end..]);
        Fragment { xml: text }
    }
}

/// What may be a prefix in the text of an element: of a name, or inside a value as in `xsi:type`. A word too
/// many costs nothing.
fn prefixes(xml: &str) -> BTreeSet<&str> {
    let is_delimiter = |c: char| c.is_ascii_whitespace() || "<>/=\"'".contains(c);
    let mut pieces: Vec<&str> = xml.split(':').collect();
    // Nothing follows the last piece.
    pieces.pop();
    let words = pieces
        .into_iter()
        .filter_map(|piece| piece.rsplit(is_delimiter).next());
    words.filter(|word| name::is_name(word)).collect()
}

fn is_declaration(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(source: &str, name: &str) -> Fragment {
        let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        let mut elements = document.root().descendants();
        elements
            .find(|element| element.local_name() == name)
            .unwrap()
            .to_fragment()
    }

    #[test]
    fn a_fragment_means_the_same_in_a_document_that_declares_only_jdf() {
        for (source, name, expected) in [
            (
                "<j:JMF xmlns:j='http://www.CIP4.org/JDFSchema_1_1'><j:Media/></j:JMF>",
                "Media",
                "<j:Media xmlns=\"\" xmlns:j=\"http://www.CIP4.org/JDFSchema_1_1\"/>",
            ),
            (
                "<JMF xmlns='http://www.CIP4.org/JDFSchema_1'><Media/></JMF>",
                "Media",
                "<Media xmlns=\"http://www.CIP4.org/JDFSchema_1\"/>",
            ),
            ("<JMF><Media/></JMF>", "Media", "<Media xmlns=\"\"/>"),
            (
                "<a xmlns='urn:a&amp;b' xmlns:x='urn:x' xmlns:y='urn:y'><b><c t='x:T'>y</c></b></a>",
                "c",
                "<c xmlns=\"urn:a&amp;b\" xmlns:x=\"urn:x\" t='x:T'>y</c>",
            ),
            (
                "<a xmlns='urn:a' xmlns:x='urn:outer'><b xmlns:x='urn:inner'><x:c/></b></a>",
                "c",
                "<x:c xmlns=\"urn:a\" xmlns:x=\"urn:inner\"/>",
            ),
        ] {
            let fragment = fragment(source, name);
            assert_eq!(fragment.as_xml(), expected);
            let document = fragment.to_document(&Limits::default()).unwrap();
            // Read from its own document it is itself again.
            assert_eq!(document.root().local_name(), name);
            let nested = format!("<JMF xmlns='{}'>{expected}</JMF>", name::JDF);
            assert_eq!(self::fragment(&nested, name), fragment);
        }
    }

    #[test]
    fn what_looks_like_a_declaration_in_a_value_is_none() {
        let fragment = Fragment::from(Element::new("Media").with("Brand", "a > xmlns=\"x\" b"));
        let document = fragment.to_document(&Limits::default()).unwrap();
        assert!(document.root().is_jdf("Media"));
        assert_eq!(
            document.root().attribute("Brand"),
            Some("a > xmlns=\"x\" b")
        );
    }
}
