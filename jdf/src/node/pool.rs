//! The resources of a node: those in its pool, those it can reach through links and references, and the references
//! themselves. Every walk is linear in what it visits and uses no call stack.

use std::collections::HashMap;

use super::{JdfNode, Ticket};
use crate::amount::PartKeys;
use crate::amount::read_keys;
use crate::document::NodeId;
use crate::resource::Resource;
use crate::state::Usage;
use crate::value::tokens;
use crate::view::ElementRef;

/// A reference from inside one resource to another: an element whose name ends in `Ref`.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool>
///   <Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1" Weight="90"/></Media>
///   <Component ID="c"><MediaRef rRef="m"><Part SheetName="S1"/></MediaRef></Component></ResourcePool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let reference = ticket.resource("c").unwrap().references().next().unwrap();
/// assert_eq!((reference.resource_name(), reference.rref()), ("Media", "m"));
/// assert_eq!(reference.resources(&ticket)[0].attribute("Weight"), Some("90"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'d> {
    element: ElementRef<'d>,
}

impl<'d> Reference<'d> {
    fn of(element: ElementRef<'d>) -> Option<Self> {
        let is_reference = element.is_of_jdf()
            && element.local_name().ends_with("Ref")
            && element.attribute("rRef").is_some();
        is_reference.then_some(Self { element })
    }

    /// The place in the document.
    pub fn element(self) -> ElementRef<'d> {
        self.element
    }

    /// The kind of resource that is meant, such as `Media` for a `MediaRef`.
    pub fn resource_name(self) -> &'d str {
        let name = self.element.local_name();
        name.strip_suffix("Ref").unwrap_or(name)
    }

    /// The `ID` of the resource.
    pub fn rref(self) -> &'d str {
        self.element.attribute("rRef").unwrap_or_default().trim()
    }

    /// The parts that are meant; empty for the whole resource.
    pub fn parts(self) -> Vec<PartKeys> {
        self.element.children_named("Part").map(read_keys).collect()
    }

    /// What is meant: the parts, by the `PartUsage` of the resource, or the whole resource. Empty if the ticket does
    /// not have it.
    pub fn resources(self, ticket: &Ticket<'d>) -> Vec<Resource<'d>> {
        let Some(resource) = ticket.resource(self.rref()) else {
            return Vec::new();
        };
        let parts = self.parts();
        if parts.is_empty() {
            return vec![resource];
        }
        parts
            .iter()
            .flat_map(|keys| resource.select(keys))
            .collect()
    }
}

/// A resource that a node needs.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Media ID="m"/><Component ID="c"><MediaRef rRef="m"/></Component></ResourcePool>
///   <JDF ID="n"><ResourceLinkPool><ComponentLink rRef="c" Usage="Output"/></ResourceLinkPool></JDF></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let reached = ticket.root().children().next().unwrap().reached(&ticket);
/// assert_eq!(reached.iter().map(|reached| reached.resource.id().unwrap()).collect::<Vec<_>>(), ["c", "m"]);
/// assert!(reached[0].is_output && !reached[1].is_output);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached<'d> {
    /// The whole resource.
    pub resource: Resource<'d>,
    /// Whether the node, or one below it, makes or changes it.
    pub is_output: bool,
    /// Whether the node, or one below it, links to it; otherwise something that it links to refers to it.
    pub is_linked: bool,
}

impl<'d> JdfNode<'d> {
    /// The resources in this node's own pool, in order.
    pub fn resources(self) -> impl Iterator<Item = Resource<'d>> {
        let pools = self.element().children_named("ResourcePool");
        pools.flat_map(ElementRef::children).map(Resource::of)
    }

    /// This node and every one below it, parents before children.
    pub fn subtree(self) -> impl Iterator<Item = Self> {
        // A JDF inside a resource or message is another ticket, so the walk goes from node to node.
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let node = stack.pop()?;
            let first = stack.len();
            stack.extend(node.children());
            stack[first..].reverse();
            Some(node)
        })
    }

    /// Every resource that this node and those below it need: what they link to, what that refers to, and so on;
    /// also what audits, `NodeInfo` and `CustomerInfo` in the nodes refer to. In the order in which they are met.
    pub fn reached(self, ticket: &Ticket<'d>) -> Vec<Reached<'d>> {
        self.reached_with(ticket, std::iter::empty())
    }

    /// The same with what further elements refer to.
    pub(crate) fn reached_with(
        self,
        ticket: &Ticket<'d>,
        also: impl Iterator<Item = ElementRef<'d>>,
    ) -> Vec<Reached<'d>> {
        let mut reached: Vec<Reached<'d>> = Vec::new();
        let mut places: HashMap<NodeId, usize> = HashMap::new();
        let mut visit = |id: &str, is_linked: bool, is_output: bool, reached: &mut Vec<_>| {
            let Some(resource) = ticket.resource(id.trim()).and_then(Resource::in_pool) else {
                return;
            };
            let at = *places.entry(resource.node_id()).or_insert_with(|| {
                reached.push(Reached {
                    resource,
                    is_output: false,
                    is_linked: false,
                });
                reached.len() - 1
            });
            reached[at].is_linked |= is_linked;
            reached[at].is_output |= is_output;
        };
        for node in self.subtree() {
            for link in node.links() {
                let is_output = link.usage() == Some(Usage::Output);
                visit(link.rref(), true, is_output, &mut reached);
            }
            let inside = node.element().children().filter(|child| {
                !child.is_jdf("JDF")
                    && !child.is_jdf("ResourceLinkPool")
                    && !child.is_jdf("AncestorPool")
            });
            for child in inside {
                for id in reference_ids(child) {
                    visit(id, false, false, &mut reached);
                }
            }
        }
        for id in also.flat_map(reference_ids) {
            visit(id, false, false, &mut reached);
        }
        let mut next = 0;
        while let Some(found) = reached.get(next) {
            let element = found.resource.element();
            for id in reference_ids(element) {
                visit(id, false, false, &mut reached);
            }
            next += 1;
        }
        reached
    }
}

impl<'d> Resource<'d> {
    /// The references inside this resource and its parts, in order.
    pub fn references(self) -> impl Iterator<Item = Reference<'d>> {
        self.element().descendants().filter_map(Reference::of)
    }

    /// The IDs that this resource names: of its references, and those listed in `rRefs` that have no reference. Each
    /// comes as often as it is named.
    pub fn reference_ids(self) -> impl Iterator<Item = &'d str> {
        reference_ids(self.element())
    }

    /// The resource in a pool around whatever this is: an element inside a resource may have an ID of its own.
    pub(crate) fn in_pool(self) -> Option<Self> {
        std::iter::successors(Some(self.element()), |element| element.parent())
            .find(|element| {
                element
                    .parent()
                    .is_some_and(|pool| pool.is_jdf("ResourcePool"))
            })
            .map(Self::of)
    }
}

/// What an element and everything in it refers to.
pub(crate) fn reference_ids(element: ElementRef<'_>) -> impl Iterator<Item = &str> {
    std::iter::once(element)
        .chain(element.descendants())
        .filter(|element| element.is_of_jdf())
        .flat_map(|element| {
            let listed = element.attribute("rRefs").unwrap_or_default();
            let own = element.attribute("rRef").map(str::trim);
            own.into_iter().chain(tokens(listed))
        })
}
