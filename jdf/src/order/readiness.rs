//! What a node waits for right now (JDF 1.5, Execution Model: a node can run when its inputs are available, it is
//! active, and it is not with someone else).

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use jiff::Timestamp;

use super::Order;
use crate::amount::PartKeys;
use crate::document::NodeId;
use crate::link::ResourceLink;
use crate::node::{JdfNode, Obstacle};
use crate::resource::{Leaf, Resource, is_manifold, keys_overlap};
use crate::state::{NodeStatus, ResourceStatus};

/// Whether a node can be run.
///
/// ```
/// use agog_jdf::order::Readiness;
/// assert_ne!(Readiness::Ready, Readiness::Waits(Vec::new()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness<'d> {
    /// It can begin.
    Ready,
    /// It has begun.
    UnderWay(NodeStatus),
    /// Nothing more will be done for it.
    Done(NodeStatus),
    /// It cannot begin before all of these are gone.
    Waits(Vec<Wait<'d>>),
    /// Its parts stand at different places.
    Parts(Vec<PartReadiness<'d>>),
}

/// Whether some parts of a node can be run.
///
/// ```
/// use agog_jdf::order::{PartReadiness, Readiness};
/// let part = PartReadiness { parts: Vec::new(), readiness: Readiness::Ready };
/// assert!(part.parts.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartReadiness<'d> {
    /// The parts; empty for all that nothing else is said of.
    pub parts: Vec<PartKeys>,
    /// Where they stand; never [`Readiness::Parts`].
    pub readiness: Readiness<'d>,
}

/// One thing that a node waits for.
///
/// ```
/// use agog_jdf::Obstacle;
/// use agog_jdf::order::Wait;
/// assert_eq!(Wait::Node(Obstacle::NoType).to_string(), "the node has no `Type`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait<'d> {
    /// The node itself cannot be run.
    Node(Obstacle),
    /// The node around it was given away and has not come back.
    SpawnedAround(JdfNode<'d>),
    /// The planning says that it may not begin earlier (`NodeInfo/@FirstStart`).
    NotBefore(Timestamp),
    /// A test run failed.
    TestRunFailed,
    /// The ticket does not have a resource that the node links to.
    ResourceMissing(ResourceLink<'d>),
    /// A resource, or a part of it, cannot be used yet.
    Resource {
        /// How the node is linked to it.
        link: ResourceLink<'d>,
        /// The resource or the part.
        resource: Resource<'d>,
        /// The keys of the part; empty for the whole resource.
        keys: PartKeys,
        /// Where it stands; `None` if it does not say, and someone has yet to make it.
        status: Option<ResourceStatus>,
        /// The nodes that make it and are not done.
        makers: Vec<JdfNode<'d>>,
    },
}

impl fmt::Display for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(obstacle) => write!(f, "the node {obstacle}"),
            Self::SpawnedAround(node) => {
                let name = node.display_name();
                write!(f, "node `{name}` around it was spawned and is not back")
            }
            Self::NotBefore(time) => write!(f, "the node may not begin before {time}"),
            Self::TestRunFailed => f.write_str("a test run of the node failed"),
            Self::ResourceMissing(link) => {
                write!(f, "resource `{}` is not in the ticket", link.rref())
            }
            Self::Resource {
                link,
                keys,
                status,
                makers,
                ..
            } => {
                write!(f, "resource `{}`", link.rref())?;
                for (name, value) in keys {
                    write!(f, " {name}={value}")?;
                }
                match status {
                    Some(status) => write!(f, " is {status}")?,
                    None => f.write_str(" is not made yet")?,
                }
                let names: Vec<String> = makers
                    .iter()
                    .map(|node| format!("`{}`", node.display_name()))
                    .collect();
                match names.len() {
                    0 => Ok(()),
                    1 => write!(f, ", to be made by node {}", names[0]),
                    _ => write!(f, ", to be made by nodes {}", names.join(", ")),
                }
            }
        }
    }
}

/// Of which parts of a node something is asked.
#[derive(Clone, Copy)]
struct Meant<'p> {
    /// Empty for all but those of which it is not asked.
    parts: &'p [PartKeys],
    except: &'p [PartKeys],
}

impl Meant<'_> {
    fn holds(self, keys: &PartKeys) -> bool {
        let overlaps = |part: &PartKeys| keys_overlap(part, keys);
        // What names none of these keys, all parts share.
        let is_other =
            |part: &PartKeys| overlaps(part) && part.keys().all(|name| keys.contains_key(name));
        let is_named = self.parts.is_empty() || self.parts.iter().any(overlaps);
        is_named && !self.except.iter().any(is_other)
    }
}

impl<'d> Order<'_, 'd> {
    /// Whether a node can be run. With `now`, it also waits for the time that the planning sets.
    ///
    /// Only what the node links to can hold it back (JDF 1.5, Execution Model). What such a resource refers to (`…Ref`)
    /// is not asked: it may have served its time, as the paper of a proof, while the resource itself can be used.
    ///
    /// Costs what the node's links and the parts of their resources are; each part that cannot be used yet also
    /// costs a look at every node that makes some of the resource.
    pub fn readiness(&self, node: JdfNode<'d>, now: Option<Timestamp>) -> Readiness<'d> {
        let statuses = node.part_statuses(self.ticket);
        // What holds all parts back is found out once, and only if a part has not begun.
        let held = OnceCell::new();
        let held = || held.get_or_init(|| self.waits(node, now)).as_slice();
        if statuses.is_empty() {
            let all = Meant {
                parts: &[],
                except: &[],
            };
            return readiness_of(node.status().as_ref(), all, held);
        }
        let named: Vec<PartKeys> = statuses
            .iter()
            .flat_map(|said| said.parts.clone())
            .collect();
        let part = |said: crate::node::PartStatus<'d>| {
            let meant = Meant {
                parts: &said.parts,
                except: if said.parts.is_empty() { &named } else { &[] },
            };
            PartReadiness {
                readiness: readiness_of(Some(&said.status), meant, held),
                parts: said.parts,
            }
        };
        Readiness::Parts(statuses.into_iter().map(part).collect())
    }

    /// Everything that a node waits for, but for its own status.
    fn waits(&self, node: JdfNode<'d>, now: Option<Timestamp>) -> Vec<Wait<'d>> {
        let mut waits = Vec::new();
        let obstacle = node.obstacle();
        waits.extend(
            obstacle
                .filter(|obstacle| !matches!(obstacle, Obstacle::Done(_)))
                .map(Wait::Node),
        );
        let spawned = node
            .with_ancestors()
            .skip(1)
            .find(|around| around.status() == Some(NodeStatus::Spawned));
        waits.extend(spawned.map(Wait::SpawnedAround));
        let info = node.node_info(self.ticket);
        let first_start = info.and_then(crate::resource::NodeInfo::first_start);
        waits.extend(
            first_start
                .filter(|start| now.is_some_and(|now| now < *start))
                .map(Wait::NotBefore),
        );
        for link in node.inputs() {
            self.input(node, link, &mut waits);
        }
        waits
    }

    /// The parts of one input that cannot be used yet.
    fn input(&self, node: JdfNode<'d>, link: ResourceLink<'d>, waits: &mut Vec<Wait<'d>>) {
        let Some(resource) = self.ticket.resource(link.rref().trim()) else {
            waits.push(Wait::ResourceMissing(link));
            return;
        };
        let needed = needed(link);
        let unfinished = self.graph.makers_with_parts(link.rref());
        let unfinished: Vec<_> = unfinished
            .filter(|(maker, _)| {
                let is_final = maker.status().is_some_and(|status| status.is_final());
                *maker != node && !is_final
            })
            .collect();
        for leaf in linked_leaves(resource, &link.parts()) {
            let status = leaf.resource.status();
            let is_enough = |status| is_enough(status, needed, leaf.resource);
            if status.as_ref().is_some_and(is_enough) {
                continue;
            }
            let keys = leaf.owned_keys();
            let makes_it = |made: &[PartKeys]| {
                made.is_empty() || made.iter().any(|part| keys_overlap(part, &keys))
            };
            let mut makers: Vec<JdfNode<'d>> = unfinished
                .iter()
                .filter(|(_, made)| makes_it(made))
                .map(|(maker, _)| *maker)
                .collect();
            makers.dedup();
            if status.is_none() && makers.is_empty() {
                continue;
            }
            waits.push(Wait::Resource {
                link,
                resource: leaf.resource,
                keys,
                status,
                makers,
            });
        }
    }
}

fn readiness_of<'d, 'w>(
    status: Option<&NodeStatus>,
    meant: Meant<'_>,
    held: impl Fn() -> &'w [Wait<'d>],
) -> Readiness<'d>
where
    'd: 'w,
{
    let own = match status {
        Some(status @ (NodeStatus::Completed | NodeStatus::Aborted)) => {
            return Readiness::Done(status.clone());
        }
        Some(
            status @ (NodeStatus::InProgress
            | NodeStatus::Setup
            | NodeStatus::Cleanup
            | NodeStatus::TestRunInProgress
            | NodeStatus::Suspended
            | NodeStatus::Stopped),
        ) => return Readiness::UnderWay(status.clone()),
        Some(NodeStatus::FailedTestRun) => Some(Wait::TestRunFailed),
        Some(status @ NodeStatus::Spawned) => Some(Wait::Node(Obstacle::Done(status.clone()))),
        _ => None,
    };
    let is_meant = |wait: &&Wait<'d>| match wait {
        Wait::Resource { keys, .. } => meant.holds(keys),
        _ => true,
    };
    let held = held().iter().filter(is_meant).cloned();
    let waits: Vec<Wait<'d>> = own.into_iter().chain(held).collect();
    if waits.is_empty() {
        Readiness::Ready
    } else {
        Readiness::Waits(waits)
    }
}

/// The leaves of a resource that a link means, each once. A part that has the very keys of leaves is found by them;
/// only what is written otherwise is looked for through the whole resource.
pub(crate) fn linked_leaves<'d>(resource: Resource<'d>, parts: &[PartKeys]) -> Vec<Leaf<'d>> {
    let leaves = resource.leaves_with_keys();
    if parts.is_empty() {
        return leaves;
    }
    let mut by_names: BTreeMap<Vec<&str>, HashMap<Vec<&str>, Vec<usize>>> = BTreeMap::new();
    let mut is_found: Vec<bool> = vec![false; parts.len()];
    for (at, part) in parts.iter().enumerate() {
        if !part.keys().any(|name| is_manifold(name)) {
            let names = part.keys().map(String::as_str).collect();
            let values = part.values().map(String::as_str).collect();
            let same: &mut Vec<usize> = by_names
                .entry(names)
                .or_default()
                .entry(values)
                .or_default();
            same.push(at);
        }
    }
    let mut chosen: Vec<Leaf<'d>> = Vec::new();
    let mut seen: HashSet<NodeId> = HashSet::new();
    for leaf in leaves {
        let own: HashMap<&str, &str> = leaf.keys.iter().copied().collect();
        let mut is_chosen = false;
        for (names, by_values) in &by_names {
            let values: Option<Vec<&str>> =
                names.iter().map(|name| own.get(name).copied()).collect();
            for at in values
                .and_then(|values| by_values.get(&values))
                .into_iter()
                .flatten()
            {
                is_found[*at] = true;
                is_chosen = true;
            }
        }
        if is_chosen && seen.insert(leaf.resource.node_id()) {
            chosen.push(leaf);
        }
    }
    for (part, _) in parts
        .iter()
        .zip(&is_found)
        .filter(|(_, is_found)| !**is_found)
    {
        let selected = resource.select(part).into_iter();
        for leaf in selected.flat_map(Resource::leaves_with_keys) {
            if seen.insert(leaf.resource.node_id()) {
                chosen.push(leaf);
            }
        }
    }
    chosen
}

/// The least that a link wants of a resource.
fn needed(link: ResourceLink<'_>) -> u8 {
    let attribute = |name| link.element().attribute(name).map(str::trim);
    if let Some(rank) = attribute("MinStatus").and_then(|text| rank(&text.into())) {
        return rank;
    }
    let draft = attribute("DraftOK").and_then(crate::value::parse_boolean);
    let least = if draft == Some(true) {
        ResourceStatus::Draft
    } else {
        ResourceStatus::Available
    };
    rank(&least).unwrap_or_default()
}

/// The order of the specification, from nothing to all that can be wanted.
fn rank(status: &ResourceStatus) -> Option<u8> {
    Some(match status {
        ResourceStatus::Incomplete => 0,
        ResourceStatus::Rejected => 1,
        ResourceStatus::Unavailable => 2,
        ResourceStatus::InUse => 3,
        ResourceStatus::Draft => 4,
        ResourceStatus::Complete => 5,
        ResourceStatus::Available => 6,
        ResourceStatus::Other(_) => return None,
    })
}

fn is_enough(status: &ResourceStatus, needed: u8, resource: Resource<'_>) -> bool {
    // Settings that are complete can be used; a thing that is complete may be somewhere else.
    if *status == ResourceStatus::Complete && !resource.is_physical() {
        return true;
    }
    // What a status of a vendor's own means, only the vendor knows: it is no reason to wait.
    rank(status).is_none_or(|rank| rank >= needed)
}
