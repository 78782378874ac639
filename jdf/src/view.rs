//! Reading the tree: elements, their attributes and what is around and below them.

use std::borrow::Cow;

use crate::document::{Document, Node, NodeId};
use crate::error::Position;
use crate::gap::{Item, items};
use crate::name;
use crate::place::SIBLINGS_WALKED_MAX;
use crate::tag::{Place, Places};

/// One element of a document: a view that is cheap to copy and borrows from the document. Two views are equal if
/// they are of the same element of the same document.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Media ID="m" Weight="90"/></ResourcePool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let media = document.root().descendants().find(|element| element.is_jdf("Media")).unwrap();
/// assert_eq!(media.attribute("Weight"), Some("90"));
/// assert_eq!(media.parent(), document.root().child("ResourcePool"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    pub(crate) document: &'a Document,
    pub(crate) id: NodeId,
}

/// One attribute of an element, declarations of namespaces among them.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let document = Document::parse(b"<Company OrganizationName='Smith &amp; Sons'/>", &Limits::default())?;
/// let attribute = document.root().attributes().next().unwrap();
/// assert_eq!((attribute.name, attribute.value), ("OrganizationName", "Smith & Sons"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeRef<'a> {
    /// As written, with its prefix.
    pub name: &'a str,
    /// As the application sees it: references resolved, line ends made spaces.
    pub value: &'a str,
}

impl<'a> ElementRef<'a> {
    /// What edits of the document call this element by.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF><AuditPool/></JDF>", &Limits::default())?;
    /// let pool = document.root().children().next().unwrap();
    /// assert_eq!(document.element(pool.id()), Some(pool));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The document that this is an element of.
    ///
    /// ```
    /// use agog_jdf::{Document, ElementRef, Limits};
    /// fn version_of_job(element: ElementRef<'_>) -> Option<&str> { element.document().root().attribute("Version") }
    /// let document = Document::parse(b"<JDF Version='1.5'><AuditPool/></JDF>", &Limits::default())?;
    /// assert_eq!(version_of_job(document.root().children().next().unwrap()), Some("1.5"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn document(self) -> &'a Document {
        self.document
    }

    /// The name as written, with its prefix.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1'/>", &Limits::default())?;
    /// let root = document.root();
    /// assert_eq!((root.name(), root.prefix(), root.local_name()), ("j:JDF", Some("j"), "JDF"));
    /// assert_eq!(root.namespace(), Some(agog_jdf::name::JDF));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn name(self) -> &'a str {
        let node = self.node();
        let start = node.start as usize + 1;
        &self.document.text[start..start + usize::from(node.name_bytes)]
    }

    /// The name without its prefix.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1'/>", &Limits::default())?;
    /// assert_eq!(document.root().local_name(), "JDF");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn local_name(self) -> &'a str {
        name::split(self.name()).1
    }

    /// The prefix as written; `None` if the name has none. Its meaning is [`ElementRef::namespace`].
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF xmlns:v='urn:vendor'><v:Ticket/></JDF>", &Limits::default())?;
    /// assert_eq!(document.root().prefix(), None);
    /// assert_eq!(document.root().children().next().unwrap().prefix(), Some("v"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn prefix(self) -> Option<&'a str> {
        name::split(self.name()).0
    }

    /// The namespace of the element, whichever way it was declared; `None` if it is in none.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF xmlns:v='urn:vendor'><v:Ticket/></JDF>", &Limits::default())?;
    /// assert_eq!(document.root().namespace(), None);
    /// assert_eq!(document.root().children().next().unwrap().namespace(), Some("urn:vendor"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn namespace(self) -> Option<&'a str> {
        let index = usize::from(self.node().namespace).checked_sub(1)?;
        Some(&self.document.namespaces[index].uri)
    }

    /// Whether this element is of JDF (any of its namespaces) and has this local name.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = b"<JDF xmlns='http://www.cip4.org/JDFSchema_1_1' xmlns:v='urn:vendor'><v:Media/></JDF>";
    /// let document = Document::parse(source, &Limits::default())?;
    /// assert!(document.root().is_jdf("JDF"), "the case of the namespace does not matter");
    /// assert!(!document.root().children().next().unwrap().is_jdf("Media"), "a vendor's Media is another thing");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn is_jdf(self, local_name: &str) -> bool {
        let name = self.name();
        let is_named = name
            .strip_suffix(local_name)
            .is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(':'));
        is_named && self.is_of_jdf()
    }

    /// Whether this element is of JDF at all, and not a vendor's extension.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:v='urn:vendor'><v:Ticket/><AuditPool/></JDF>";
    /// let document = Document::parse(source, &Limits::default())?;
    /// let of_vendor = document.root().children().filter(|element| !element.is_of_jdf()).count();
    /// assert_eq!(of_vendor, 1);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn is_of_jdf(self) -> bool {
        usize::from(self.node().namespace)
            .checked_sub(1)
            .is_some_and(|index| self.document.namespaces[index].is_jdf)
    }

    /// The value of an attribute, by its name as written: references resolved, white space around it kept.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF DescriptiveName='Tea &#38; biscuits'/>", &Limits::default())?;
    /// assert_eq!(document.root().attribute("DescriptiveName"), Some("Tea & biscuits"));
    /// assert_eq!(document.root().attribute("descriptivename"), None);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn attribute(self, name: &str) -> Option<&'a str> {
        let (tag, start) = self.tag();
        let place = self.places(tag).find(|place| place.name.of(tag) == name)?;
        Some(self.value(place, tag, start))
    }

    /// The value of an attribute in a namespace, whatever prefix the writer chose.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, name};
    /// let source = b"<Query xmlns:s='http://www.w3.org/2001/XMLSchema-instance' s:type='QueryStatus'/>";
    /// let document = Document::parse(source, &Limits::default())?;
    /// assert_eq!(document.root().attribute_in(name::XSI, "type"), Some("QueryStatus"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn attribute_in(self, namespace: &str, local_name: &str) -> Option<&'a str> {
        let found = self.attributes().find(|attribute| {
            let (prefix, local) = name::split(attribute.name);
            local == local_name
                && prefix.is_some_and(|prefix| self.resolve(Some(prefix)) == Some(namespace))
        });
        found.map(|attribute| attribute.value)
    }

    /// The attributes in order, those that declare namespaces among them.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<Part SheetName='S1' Side='Front'/>", &Limits::default())?;
    /// let names: Vec<_> = document.root().attributes().map(|attribute| attribute.name).collect();
    /// assert_eq!(names, ["SheetName", "Side"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn attributes(self) -> impl Iterator<Item = AttributeRef<'a>> {
        let (tag, start) = self.tag();
        self.places(tag).map(move |place| AttributeRef {
            name: place.name.of(tag),
            value: self.value(place, tag, start),
        })
    }

    /// The namespace that a prefix (or none) stands for at this element; `None` if it is not declared.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF xmlns:v='urn:vendor'><AuditPool/></JDF>", &Limits::default())?;
    /// let pool = document.root().children().next().unwrap();
    /// assert_eq!((pool.resolve(Some("v")), pool.resolve(None)), (Some("urn:vendor"), None));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn resolve(self, prefix: Option<&str>) -> Option<&'a str> {
        if prefix == Some("xml") {
            return Some(name::XML);
        }
        let binds = |attribute: &AttributeRef<'_>| match prefix {
            None => attribute.name == "xmlns",
            Some(prefix) => attribute.name.strip_prefix("xmlns:") == Some(prefix),
        };
        let mut scopes = std::iter::successors(Some(self), |element| element.parent());
        let uri = scopes
            .find_map(|element| element.attributes().find(binds))?
            .value;
        (!uri.is_empty()).then_some(uri)
    }

    /// The element around this one; `None` for the root.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF><AuditPool><Created/></AuditPool></JDF>", &Limits::default())?;
    /// let created = document.root().descendants().last().unwrap();
    /// let around: Vec<_> = std::iter::successors(created.parent(), |element| element.parent()).map(|element| element.name()).collect();
    /// assert_eq!(around, ["AuditPool", "JDF"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn parent(self) -> Option<Self> {
        let id = self.document.node(self.id).parent?;
        Some(Self {
            document: self.document,
            id,
        })
    }

    /// The child elements of any namespace, in order.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF>text<AuditPool/><!-- no element --><ResourcePool/></JDF>", &Limits::default())?;
    /// let names: Vec<_> = document.root().children().map(|child| child.name()).collect();
    /// assert_eq!(names, ["AuditPool", "ResourcePool"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn children(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        std::iter::successors(self.node().first, |id| document.node(*id).next)
            .map(move |id| Self { document, id })
    }

    /// The first JDF child element of a name.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Comment>urgent</Comment></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// assert_eq!(document.root().child("Comment").unwrap().text(), "urgent");
    /// assert_eq!(document.root().child("AuditPool"), None);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn child(self, local_name: &str) -> Option<Self> {
        self.children_named(local_name).next()
    }

    /// The JDF child elements of a name, in order.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let source = br#"<MediaLink xmlns="http://www.CIP4.org/JDFSchema_1_1"><Part SheetName="S1"/><Lot LotID="a"/><Part SheetName="S2"/></MediaLink>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let sheets: Vec<_> = document.root().children_named("Part").filter_map(|part| part.attribute("SheetName")).collect();
    /// assert_eq!(sheets, ["S1", "S2"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn children_named(self, local_name: &str) -> impl Iterator<Item = Self> {
        self.children()
            .filter(move |child| child.is_jdf(local_name))
    }

    /// Every element below this one, parents before children.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<a><b><c/></b><d/></a>", &Limits::default())?;
    /// let names: Vec<_> = document.root().descendants().map(|element| element.name()).collect();
    /// assert_eq!(names, ["b", "c", "d"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn descendants(self) -> impl Iterator<Item = Self> {
        let document = self.document;
        let top = self.id;
        let mut next = self.node().first;
        std::iter::from_fn(move || {
            let id = next?;
            next = document
                .node(id)
                .first
                .or_else(|| document.following(id, top));
            Some(Self { document, id })
        })
    }

    /// The next element in document order that is not below this one.
    pub(crate) fn after(self) -> Option<Self> {
        let id = self.document.following(self.id, self.document.root)?;
        Some(Self { id, ..self })
    }

    /// The character data directly inside this element, CDATA included.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<Comment>a &lt; b <i>not this</i><![CDATA[& c]]></Comment>", &Limits::default())?;
    /// assert_eq!(document.root().text(), "a < b & c");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn text(self) -> Cow<'a, str> {
        let document = self.document;
        let mut text = Cow::Borrowed("");
        for (gap, _) in document.content(self.id) {
            for piece in items(gap.of(&document.text)).filter_map(Item::characters) {
                if text.is_empty() {
                    text = piece;
                } else {
                    text.to_mut().push_str(&piece);
                }
            }
        }
        text
    }

    /// This element with everything in it, as it is written: its source, with the edits that were made. Prefixes
    /// may be declared further out.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let mut document = Document::parse(b"<JDF><Media  ID='m'/></JDF>", &Limits::default())?;
    /// let media = document.root().children().next().unwrap().id();
    /// document.set_attribute(media, "Weight", "90")?;
    /// assert_eq!(document.element(media).unwrap().to_xml(), "<Media  ID='m' Weight=\"90\"/>");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn to_xml(self) -> String {
        crate::writer::node_text(self.document, self.id)
    }

    /// Where the start tag stands in the source; line and column are 0 for what an edit added.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF>\n  <AuditPool/>\n</JDF>", &Limits::default())?;
    /// let pool = document.root().children().next().unwrap();
    /// assert_eq!(pool.position().to_string(), "line 2, column 3 (/JDF/AuditPool)");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn position(self) -> Position {
        let (line, column) = self.document.line_column(self.node().start as usize);
        Position {
            line,
            column,
            path: self.path(),
        }
    }

    /// Where an attribute stands, with a path such as `/JDF/@ID`; `None` if the element does not have it.
    /// An element whose attributes were edited gives the place of its start tag.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits};
    /// let document = Document::parse(b"<JDF\n  ID='n1'\n  Status='Waiting'/>", &Limits::default())?;
    /// let place = document.root().attribute_position("Status").unwrap();
    /// assert_eq!((place.line, place.column, place.path.as_str()), (3, 3, "/JDF/@Status"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn attribute_position(self, name: &str) -> Option<Position> {
        let (tag, start) = self.tag();
        let place = self.places(tag).find(|place| place.name.of(tag) == name)?;
        let in_source = start == self.node().start as usize;
        let offset = if in_source {
            start + place.name.start as usize
        } else {
            self.node().start as usize
        };
        let (line, column) = self.document.line_column(offset);
        Some(Position {
            line,
            column,
            path: format!("{}/@{name}", self.path()),
        })
    }

    /// Names from the root to here, such as `/JDF/ResourcePool/Media[2]`; the number is given where several
    /// siblings share the name. [`Document::select`] finds the element by it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Selected};
    /// let document = Document::parse(b"<JDF><Comment/><Comment/></JDF>", &Limits::default())?;
    /// let second = document.root().children().nth(1).unwrap();
    /// assert_eq!(second.path(), "/JDF/Comment[2]");
    /// assert_eq!(document.select(&second.path()).unwrap(), [Selected::Element(second)]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn path(self) -> String {
        let mut steps: Vec<String> = std::iter::successors(Some(self), |element| element.parent())
            .map(ElementRef::step)
            .collect();
        steps.reverse();
        steps.concat()
    }

    fn step(self) -> String {
        let name = self.name();
        let Some(parent) = self.parent() else {
            return format!("/{name}");
        };
        let (mut before, mut after, mut seen) = (0, false, false);
        for (walked, sibling) in parent.children().enumerate() {
            if walked == SIBLINGS_WALKED_MAX
                && let Some(number) = self.document.sibling_number(self.id)
            {
                (before, after) = (number.saturating_sub(1), number > 0);
                break;
            }
            if sibling.id == self.id {
                seen = true;
            } else if sibling.name() == name {
                if seen {
                    after = true;
                    break;
                }
                before += 1;
            }
        }
        if before > 0 || after {
            format!("/{name}[{}]", before + 1)
        } else {
            format!("/{name}")
        }
    }

    /// Sorts as the document does, as long as nothing was added to it.
    pub(crate) fn order(self) -> (u32, NodeId) {
        (self.node().start, self.id)
    }

    fn node(self) -> &'a Node {
        self.document.node(self.id)
    }

    /// The start tag and where it begins in the text.
    fn tag(self) -> (&'a str, usize) {
        let span = self.document.open_span(self.id);
        (span.of(&self.document.text), span.start as usize)
    }

    fn places(self, tag: &'a str) -> Places<'a> {
        Places::of(tag, self.node().name_bytes)
    }

    fn value(self, place: Place, tag: &'a str, start: usize) -> &'a str {
        self.document
            .attribute_value(start + place.raw.start as usize, place.raw.of(tag))
    }
}

/// Two views are equal if they are of the same element of the same document.
impl PartialEq for ElementRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.id == other.id
    }
}

impl Eq for ElementRef<'_> {}

impl std::fmt::Debug for ElementRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}> at {}", self.name(), self.position())
    }
}

impl Document {
    /// The next node in document order that is not below `id`, within `top`.
    fn following(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        let mut id = id;
        while id != top {
            if let Some(next) = self.node(id).next {
                return Some(next);
            }
            id = self.node(id).parent?;
        }
        None
    }
}
