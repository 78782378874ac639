//! Resources: what goes into a process and what comes out. A partitioned resource is a tree of elements
//! of one name; a leaf inherits the attributes of those around it.
//!
//! [`Resource`] is any of them, by its attributes. On it are typed views, such as [`Media`] or [`CuttingParams`], and
//! for each a builder, such as [`NewMedia`]:
//!
//! ```
//! use agog_jdf::resource::{Common, Media, NewMedia, View};
//! use agog_jdf::{Document, Element, name};
//! let board = NewMedia { common: Common::id("m1").named("Board"), weight: Some(300.0), ..Default::default() };
//! let pool = Element::new("ResourcePool").child(board.to_element());
//! let document = Document::from_element(&Element::new("JDF").with("xmlns", name::JDF).child(pool))?;
//! let media = Media::all_in(document.root()).next().unwrap();
//! assert_eq!((media.weight(), media.resource().descriptive_name()), (Some(300.0), Some("Board")));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod capability;
mod color;
mod component;
mod content;
mod converting;
mod cutting;
mod device;
mod expression;
mod gluing;
mod layout;
mod media;
mod partition;
mod planning;
mod press;
mod quality;
mod state;
#[cfg(test)]
mod tests;
mod value;
mod view;

pub use crate::value::{PdfPath, Ranges, Value};
pub use capability::*;
pub use color::*;
pub use component::*;
pub use content::*;
pub use converting::*;
pub use cutting::*;
pub use device::*;
pub use expression::*;
pub use gluing::*;
pub use layout::*;
pub use media::*;
pub use partition::{Effective, Leaf, Origin, PartUsage};
pub(crate) use partition::{is_manifold, keys_overlap};
pub use planning::*;
pub use press::*;
pub use quality::*;
pub use state::*;
pub(crate) use view::own;
pub use view::{Common, View};

use std::collections::BTreeMap;

use crate::document::NodeId;
use crate::schema;
use crate::state::ResourceStatus;
use crate::view::ElementRef;

/// A resource or one partition of it.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool>
///   <Media ID="m" Class="Consumable" Weight="90" PartIDKeys="SheetName"><Media SheetName="S1" Weight="120"/></Media>
/// </ResourcePool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let media = Ticket::of(&document)?.resource("m").unwrap();
/// let sheet = media.partition(&[("SheetName".to_owned(), "S1".to_owned())].into());
/// assert_eq!((media.attribute("Weight"), sheet.attribute("Weight")), (Some("90"), Some("120")));
/// assert_eq!(sheet.attribute("Class"), Some("Consumable"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'d> {
    element: ElementRef<'d>,
}

/// An element seen as a resource, such as the root of a [`Fragment`](crate::Fragment).
impl<'d> From<ElementRef<'d>> for Resource<'d> {
    fn from(element: ElementRef<'d>) -> Self {
        Self::of(element)
    }
}

impl<'d> Resource<'d> {
    pub(crate) fn of(element: ElementRef<'d>) -> Self {
        Self { element }
    }

    /// The element seen.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" v:Tray="2" xmlns:v="urn:vendor"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.element().attribute("v:Tray"), Some("2"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn element(self) -> ElementRef<'d> {
        self.element
    }

    /// The place in the document, for edits.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m"/></JDF>"#;
    /// let mut document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap().node_id();
    /// document.set_attribute(media, "Status", "Available")?;
    /// assert_eq!(document.element(media).unwrap().attribute("Status"), Some("Available"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn node_id(self) -> NodeId {
        self.element.id()
    }

    /// The kind of resource, such as `Media` or `Component`.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.name(), "Media");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn name(self) -> &'d str {
        self.element.local_name()
    }

    /// The `ID` of the whole resource, by which links and references mean it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.leaves()[0].id(), Some("m"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn id(self) -> Option<&'d str> {
        self.attribute("ID")
    }

    /// An attribute of this partition or, if it has none, of the partition that it is identical with, or of
    /// the nearest one around it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" Brand="A" PartIDKeys="SheetName"><Media SheetName="S1" Weight="90"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let sheet = Ticket::of(&document)?.resource("m").unwrap().leaves()[0];
    /// assert_eq!((sheet.attribute("Weight"), sheet.attribute("Brand")), (Some("90"), Some("A")));
    /// assert_eq!(sheet.element().attribute("Brand"), None, "the element alone knows nothing of what is around it");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn attribute(self, name: &str) -> Option<&'d str> {
        std::iter::successors(Some(self), |part| part.around()).find_map(|part| {
            let own = part.element.attribute(name);
            own.or_else(|| part.identical_attribute(name))
        })
    }

    /// What the identical part says, unless the attribute is a key, which says what part this is.
    fn identical_attribute(self, name: &str) -> Option<&'d str> {
        // It stands in the place of parts; so a whole with many parts is not searched for it by each of them.
        let name_of_parts = self.element.name();
        let mut before_parts = self
            .element
            .children()
            .take_while(|child| child.name() != name_of_parts);
        before_parts.find(|child| child.is_jdf("Identical"))?;
        if self.part_id_keys().contains(&name) {
            return None;
        }
        let mut parts = self.identical_parts();
        parts.find_map(|part| part.element.attribute(name))
    }

    /// The class of the resource, such as `Consumable` (JDF 1.5, Resources); what is known of each kind is in
    /// [`schema`].
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" Class="Consumable"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.class(), Some("Consumable"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn class(self) -> Option<&'d str> {
        self.attribute("Class")
    }

    /// Whether the resource, or this part of it, can be used.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" Status="Available" PartIDKeys="SheetName"><Media SheetName="S1" Status="InUse"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.status(), Some(agog_jdf::ResourceStatus::Available));
    /// assert_eq!(media.leaves()[0].status(), Some(agog_jdf::ResourceStatus::InUse));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn status(self) -> Option<ResourceStatus> {
        self.attribute("Status").map(|text| text.trim().into())
    }

    /// What people call it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" DescriptiveName="Board 300"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.descriptive_name(), Some("Board 300"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn descriptive_name(self) -> Option<&'d str> {
        self.attribute("DescriptiveName")
    }

    /// The article number by which the office knows it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" ProductID="ART-300"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.product_id(), Some("ART-300"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn product_id(self) -> Option<&'d str> {
        self.attribute("ProductID")
    }

    /// The parts directly below this one, in order. [`Resource::leaves`] goes all the way down.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1"/><Media SheetName="S2"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// let sheets: Vec<_> = media.partitions().filter_map(|sheet| sheet.attribute("SheetName")).collect();
    /// assert_eq!(sheets, ["S1", "S2"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn partitions(self) -> impl Iterator<Item = Self> {
        let name = self.element.name();
        self.element
            .children()
            .filter(move |child| child.name() == name)
            .map(Self::of)
    }

    /// The partitions that have none below them; the resource itself if it has no partitions.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName Side">
    ///   <Media SheetName="S1"><Media Side="Front"/><Media Side="Back"/></Media><Media SheetName="S2"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!((media.partitions().count(), media.leaves().len()), (2, 3));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn leaves(self) -> Vec<Self> {
        let leaves = self.leaves_with_keys().into_iter();
        leaves.map(|leaf| leaf.resource).collect()
    }

    /// The deepest partition that the keys lead to; the resource itself if they lead nowhere. Which parts a `Part`
    /// means by the rules of `PartUsage`, ranges and lists, is [`Resource::select`]'s to say.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ExposedMedia ID="p" PartIDKeys="SheetName Side">
    ///   <ExposedMedia SheetName="S1"><ExposedMedia Side="Front" ProductID="f"/></ExposedMedia></ExposedMedia></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let plates = Ticket::of(&document)?.resource("p").unwrap();
    /// let keys = [("SheetName", "S1"), ("Side", "Back")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    /// let found = plates.partition(&keys.into());
    /// assert_eq!(found.keys().len(), 1, "there is no back, so the sheet is what was found");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    #[must_use]
    pub fn partition(self, keys: &BTreeMap<String, String>) -> Self {
        self.descend(keys, &self.part_id_keys())
    }

    /// Follows the parts whose own keys, of these names, are all among the keys.
    fn descend(self, keys: &BTreeMap<String, String>, names: &[&'d str]) -> Self {
        let leads_on = |part: &Self| {
            let mut own = partition::own_keys(*part, names).peekable();
            own.peek().is_some()
                && own.all(|(name, value)| keys.get(name).is_some_and(|wanted| wanted == value))
        };
        let mut found = self;
        while let Some(next) = found.partitions().find(leads_on) {
            found = next;
        }
        found
    }

    /// The keys of this partition with those of the ones around it.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName Side"><Media SheetName="S1"><Media Side="Front"/></Media></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let keys = Ticket::of(&document)?.resource("m").unwrap().leaves()[0].keys();
    /// assert_eq!((keys["SheetName"].as_str(), keys["Side"].as_str()), ("S1", "Front"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn keys(self) -> BTreeMap<String, String> {
        let keys = self.part_id_keys().into_iter();
        keys.filter_map(|name| Some((name.to_owned(), self.attribute(name)?.to_owned())))
            .collect()
    }

    /// Whether it is a thing that is used up, handled or made, by its own class or that of its kind.
    pub(crate) fn is_physical(self) -> bool {
        match self.class().map(str::trim) {
            Some(class) => matches!(class, "Consumable" | "Handling" | "Quantity"),
            None => schema::element(self.name())
                .and_then(schema::ElementFacts::class)
                .is_some_and(schema::ResourceClass::is_physical),
        }
    }

    fn around(self) -> Option<Self> {
        self.element
            .parent()
            .filter(|parent| parent.name() == self.element.name())
            .map(Self::of)
    }
}
