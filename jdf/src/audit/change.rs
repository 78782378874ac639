//! Audits of the ticket itself: what was made, changed, taken away, given away and given back (JDF 1.5, Created,
//! Modified, Deleted, Spawned, Merged).

use super::{PartKeys, part_elements, parts};
use crate::element::Element;
use crate::finding::Finding;
use crate::state::NodeStatus;
use crate::value::Fields;
use crate::view::ElementRef;

/// Something was made: the node, or what `element_id` or `xpath` names.
///
/// ```
/// use agog_jdf::audit::Created;
/// let created = Created { xpath: Some("ResourcePool/Media".into()), ..Created::default() };
/// assert!(created.element_id.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Created {
    /// The `ID` of what was made (`ref`).
    pub element_id: Option<String>,
    /// The template from which it was made.
    pub template_id: Option<String>,
    /// The version of that template.
    pub template_version: Option<String>,
    /// Where what was made stands, seen from the node.
    pub xpath: Option<String>,
}

/// Something in the node was changed.
///
/// ```
/// use agog_jdf::audit::Modified;
/// assert_eq!(Modified::default().node_id, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Modified {
    /// The `ID` of the changed node (`jRef`, until JDF 1.1).
    pub node_id: Option<String>,
    /// What was changed, seen from the node.
    pub xpath: Option<String>,
}

/// Something in the node was taken away.
///
/// ```
/// use agog_jdf::audit::Deleted;
/// let deleted = Deleted { xpath: Some("ResourcePool/Media[2]".into()) };
/// assert!(deleted.xpath.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// What was taken away, seen from the node as it was.
    pub xpath: Option<String>,
}

/// A node was given away as a ticket of its own. The audit is in the node above it.
///
/// ```
/// use agog_jdf::audit::Spawned;
/// let spawned = Spawned { node_id: "n4".into(), new_spawn_id: "Sp1".into(), ..Spawned::default() };
/// assert!(spawned.read_only.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spawned {
    /// The `ID` of the node (`jRef`).
    pub node_id: String,
    /// The `ID` of the node in the new ticket, if it was changed (`jRefDestination`, until JDF 1.4).
    pub destination_id: Option<String>,
    /// What this spawning is called; the new ticket and its resources carry it too.
    pub new_spawn_id: String,
    /// Whether the new ticket stands for itself and will not come back (until JDF 1.4).
    pub independent: Option<bool>,
    /// The resources that were copied and may only be read there (`rRefsROCopied`).
    pub read_only: Vec<String>,
    /// The resources that were copied and may be changed there (`rRefsRWCopied`).
    pub read_write: Vec<String>,
    /// The status of the node before.
    pub status: Option<NodeStatus>,
    /// Where the new ticket was sent.
    pub url: Option<String>,
    /// The parts that were given away; empty for the whole node.
    pub parts: Vec<PartKeys>,
}

/// A ticket that was given away came back into this one.
///
/// ```
/// use agog_jdf::audit::Merged;
/// let merged = Merged { node_id: "n4".into(), merge_id: "Sp1".into(), ..Merged::default() };
/// assert_eq!(merged.merge_id, "Sp1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The `ID` of the node (`jRef`).
    pub node_id: String,
    /// The `ID` of the node in the returned ticket, if it was another (`jRefSource`, until JDF 1.4).
    pub source_id: Option<String>,
    /// The spawning that came back (`MergeID`): its [`Spawned::new_spawn_id`].
    pub merge_id: String,
    /// Whether the returned ticket stood for itself (until JDF 1.4).
    pub independent: Option<bool>,
    /// The resources that the returned ones replaced (`rRefsOverwritten`).
    pub overwritten: Vec<String>,
    /// Where the returned ticket came from.
    pub url: Option<String>,
    /// The parts that came back; empty for the whole node.
    pub parts: Vec<PartKeys>,
}

impl Created {
    pub(super) fn read(element: ElementRef<'_>) -> Self {
        Self {
            element_id: text(element, "ref"),
            template_id: text(element, "TemplateID"),
            template_version: text(element, "TemplateVersion"),
            xpath: text(element, "XPath"),
        }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        element
            .with_some("ref", self.element_id.as_ref())
            .with_some("TemplateID", self.template_id.as_ref())
            .with_some("TemplateVersion", self.template_version.as_ref())
            .with_some("XPath", self.xpath.as_ref())
    }
}

impl Modified {
    pub(super) fn read(element: ElementRef<'_>) -> Self {
        Self {
            node_id: text(element, "jRef"),
            xpath: text(element, "XPath"),
        }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        element
            .with_some("jRef", self.node_id.as_ref())
            .with_some("XPath", self.xpath.as_ref())
    }
}

impl Deleted {
    pub(super) fn read(element: ElementRef<'_>) -> Self {
        let xpath = text(element, "XPath");
        Self { xpath }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        element.with_some("XPath", self.xpath.as_ref())
    }
}

impl Spawned {
    pub(super) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            node_id: fields.required("jRef"),
            destination_id: fields.text("jRefDestination"),
            new_spawn_id: fields.required("NewSpawnID"),
            independent: fields.boolean("Independent"),
            read_only: fields.tokens("rRefsROCopied"),
            read_write: fields.tokens("rRefsRWCopied"),
            status: fields.state("Status"),
            url: fields.text("URL"),
            parts: parts(element),
        }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        element
            .with("jRef", &self.node_id)
            .with_some("jRefDestination", self.destination_id.as_ref())
            .with("NewSpawnID", &self.new_spawn_id)
            .with_some("Independent", self.independent)
            .with_some("rRefsROCopied", list(&self.read_only))
            .with_some("rRefsRWCopied", list(&self.read_write))
            .with_some("Status", self.status.as_ref())
            .with_some("URL", self.url.as_ref())
            .children(part_elements(&self.parts))
    }
}

impl Merged {
    pub(super) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            node_id: fields.required("jRef"),
            source_id: fields.text("jRefSource"),
            merge_id: fields.required("MergeID"),
            independent: fields.boolean("Independent"),
            overwritten: fields.tokens("rRefsOverwritten"),
            url: fields.text("URL"),
            parts: parts(element),
        }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        element
            .with("jRef", &self.node_id)
            .with_some("jRefSource", self.source_id.as_ref())
            .with("MergeID", &self.merge_id)
            .with_some("Independent", self.independent)
            .with_some("rRefsOverwritten", list(&self.overwritten))
            .with_some("URL", self.url.as_ref())
            .children(part_elements(&self.parts))
    }
}

fn text(element: ElementRef<'_>, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}

/// An empty list of IDs is no value by the schema, so it is left out.
fn list(ids: &[String]) -> Option<String> {
    (!ids.is_empty()).then(|| ids.join(" "))
}
