//! Resources: what goes into a process and what comes out. A partitioned resource is a tree of elements
//! of one name; a leaf inherits the attributes of those around it.

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
pub use view::{Common, View};

use std::collections::BTreeMap;

use crate::document::NodeId;
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

impl<'d> Resource<'d> {
    pub(crate) fn of(element: ElementRef<'d>) -> Self {
        Self { element }
    }

    pub fn element(self) -> ElementRef<'d> {
        self.element
    }

    pub fn node_id(self) -> NodeId {
        self.element.id()
    }

    /// The kind of resource, such as `Media` or `Component`.
    pub fn name(self) -> &'d str {
        self.element.local_name()
    }

    pub fn id(self) -> Option<&'d str> {
        self.attribute("ID")
    }

    /// An attribute of this partition or, if it has none, of the partition that it is identical with, or of
    /// the nearest one around it.
    pub fn attribute(self, name: &str) -> Option<&'d str> {
        let own = self.element.attribute(name);
        own.or_else(|| {
            let identical = self.identical_for(name)?;
            identical.element.attribute(name)
        })
        .or_else(|| self.around()?.attribute(name))
    }

    /// The identical part, unless the attribute is a key, which says what part this is.
    fn identical_for(self, name: &str) -> Option<Self> {
        // It stands in the place of parts; so a whole with many parts is not searched for it by each of them.
        let mut before_parts = self
            .element
            .children()
            .take_while(|child| child.name() != self.element.name());
        before_parts.find(|child| child.is_jdf("Identical"))?;
        let is_key = self.part_id_keys().contains(&name);
        if is_key { None } else { self.identical() }
    }

    pub fn class(self) -> Option<&'d str> {
        self.attribute("Class")
    }

    pub fn status(self) -> Option<ResourceStatus> {
        self.attribute("Status").map(|text| text.trim().into())
    }

    pub fn descriptive_name(self) -> Option<&'d str> {
        self.attribute("DescriptiveName")
    }

    /// The article number by which the office knows it.
    pub fn product_id(self) -> Option<&'d str> {
        self.attribute("ProductID")
    }

    pub fn partitions(self) -> impl Iterator<Item = Self> {
        let name = self.element.name();
        self.element
            .children()
            .filter(move |child| child.name() == name)
            .map(Self::of)
    }

    /// The partitions that have none below them; the resource itself if it has no partitions.
    pub fn leaves(self) -> Vec<Self> {
        let leaves = self.leaves_with_keys().into_iter();
        leaves.map(|leaf| leaf.resource).collect()
    }

    /// The deepest partition that the keys lead to.
    #[must_use]
    pub fn partition(self, keys: &BTreeMap<String, String>) -> Self {
        let mut found = self;
        while let Some(next) = found
            .partitions()
            .find(|partition| partition.is_within(keys))
        {
            found = next;
        }
        found
    }

    /// The keys of this partition with those of the ones around it.
    pub fn keys(self) -> BTreeMap<String, String> {
        let keys = self.part_id_keys().into_iter();
        keys.filter_map(|name| Some((name.to_owned(), self.attribute(name)?.to_owned())))
            .collect()
    }

    /// Whether this partition's own key is among the keys.
    fn is_within(self, keys: &BTreeMap<String, String>) -> bool {
        let names = self.part_id_keys();
        let mut own = partition::own_keys(self, &names).peekable();
        own.peek().is_some()
            && own.all(|(name, value)| keys.get(name).is_some_and(|wanted| wanted == value))
    }

    fn around(self) -> Option<Self> {
        self.element
            .parent()
            .filter(|parent| parent.name() == self.element.name())
            .map(Self::of)
    }
}
