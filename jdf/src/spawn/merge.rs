//! The way back: a returned ticket is put where it came from.

use std::collections::{HashMap, HashSet};

use super::mark::{set_marks, spawn_ids};
use super::{MergeError, MergeOptions, Merging, history, ids, partial};
use crate::audit::{Audit, AuditContent, Merged, Spawned};
use crate::document::{Document, NodeId};
use crate::error::Error;
use crate::node::{JdfNode, Ticket};
use crate::resource::Resource;
use crate::value::tokens;
use crate::view::ElementRef;

/// Puts a returned ticket back. The node becomes what came back, resources that were copied to be changed become the
/// returned ones, the marks of the spawning go, audits of both sides are kept, and a new one tells of the merging. Of
/// a node that was given away in parts, what came back of these parts is put among the others.
///
/// New resources stay in the node, unless a resource further up refers to them: then they go where that one is.
///
/// # Errors
/// If the ticket was not spawned from here, or came back before; the parent then is as it was.
///
/// ```
/// use agog_jdf::spawn::{MergeError, MergeOptions, merge};
/// use agog_jdf::{Document, Limits};
/// let read = |source: &[u8]| Document::parse(source, &Limits::default());
/// let mut parent = read(br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n"/>"#)?;
/// let stranger = read(br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="m" SpawnID="Sp9"/>"#)?;
/// let options = MergeOptions::new("2025-03-01T08:00:00Z".parse().unwrap(), "AGOG");
/// assert_eq!(merge(&mut parent, &stranger, &options), Err(MergeError::UnknownSpawn { spawn_id: "Sp9".into() }));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn merge(
    parent: &mut Document,
    returned: &Document,
    options: &MergeOptions,
) -> Result<Merging, MergeError> {
    let origin = Origin::find(parent, returned)?;
    let mut changed = parent.clone();
    let mut back = returned.clone();
    let renamed = origin.rename_taken(parent, &mut back)?;
    let (node, overwritten) = if origin.spawned.parts.is_empty() {
        origin.put_node_back(&mut changed, parent, &mut back)?
    } else {
        let overwritten = partial::put_back(&origin, &mut changed, &back)?;
        (origin.node, overwritten)
    };
    origin.clear_marks(&mut changed, parent)?;
    origin.append_audit(&mut changed, &overwritten, options)?;
    *parent = changed;
    Ok(Merging {
        node,
        node_id: origin.spawned.node_id,
        spawn_id: origin.spawned.new_spawn_id,
        overwritten,
        renamed,
    })
}

/// Where a returned ticket came from.
pub(super) struct Origin {
    /// The node in the parent.
    pub(super) node: NodeId,
    pub(super) spawned: Spawned,
    /// Where the audit of the merging goes.
    audited: NodeId,
    /// IDs of resources that were copied to be changed; their places in the parent.
    pub(super) writable: Vec<(String, NodeId)>,
    /// IDs of all that was copied.
    pub(super) copied: HashSet<String>,
    /// Elements of the parent with the mark of this spawning.
    marked: Vec<NodeId>,
    /// By resource, the spawnings that may change it.
    writers: HashMap<String, HashSet<String>>,
}

impl Origin {
    fn find(parent: &Document, returned: &Document) -> Result<Self, MergeError> {
        let back = Ticket::of(returned)?.root();
        let ticket = Ticket::of(parent)?;
        let spawn_id = back.element().attribute("SpawnID").map(str::trim);
        let spawn_id = spawn_id
            .filter(|id| !id.is_empty())
            .ok_or(MergeError::NotSpawned)?
            .to_owned();
        let mut spawned = None;
        let mut writers: HashMap<String, HashSet<String>> = HashMap::new();
        for node in ticket.nodes() {
            for audit in Audit::read_all(node, &mut Vec::new()) {
                match audit.content {
                    AuditContent::Spawned(found) => {
                        for rref in &found.read_write {
                            let writers = writers.entry(rref.clone()).or_default();
                            writers.insert(found.new_spawn_id.clone());
                        }
                        if found.new_spawn_id == spawn_id {
                            spawned = Some((found, node.node_id()));
                        }
                    }
                    AuditContent::Merged(merged) if merged.merge_id == spawn_id => {
                        return Err(MergeError::AlreadyMerged { spawn_id });
                    }
                    _ => {}
                }
            }
        }
        let Some((spawned, audited)) = spawned else {
            return Err(MergeError::UnknownSpawn { spawn_id });
        };
        let found = back.id().unwrap_or_default();
        if found != spawned.node_id && Some(found) != spawned.destination_id.as_deref() {
            return Err(MergeError::WrongNode {
                spawn_id,
                expected: spawned.node_id,
                found: found.to_owned(),
            });
        }
        let mut nodes = ticket.nodes();
        let Some(node) = nodes.find(|node| node.id() == Some(&spawned.node_id)) else {
            return Err(MergeError::NodeMissing {
                node: spawned.node_id,
            });
        };
        let mut origin = Self {
            node: node.node_id(),
            spawned,
            audited,
            writable: Vec::new(),
            copied: HashSet::new(),
            marked: Vec::new(),
            writers,
        };
        origin.find_copied(&ticket, node);
        origin.find_unmarked(&ticket, back);
        Ok(origin)
    }

    /// What was copied: the audit tells, and so do the marks where the audit of another program does not.
    fn find_copied(&mut self, ticket: &Ticket<'_>, node: JdfNode<'_>) {
        let spawn_id = &self.spawned.new_spawn_id;
        let mut read_write = self.spawned.read_write.clone();
        let mut read_only = self.spawned.read_only.clone();
        let mut known: HashSet<String> = read_write.iter().chain(&read_only).cloned().collect();
        let root = ticket.root().element();
        for element in root.descendants() {
            let marks = element.attribute("SpawnIDs").unwrap_or_default();
            if !tokens(marks).any(|id| id == spawn_id) {
                continue;
            }
            self.marked.push(element.id());
            let Some(id) = Resource::of(element)
                .in_pool()
                .and_then(|whole| whole.element().attribute("ID"))
            else {
                continue;
            };
            let id = id.to_owned();
            if !known.insert(id.clone()) {
                continue;
            }
            if element.attribute("SpawnStatus") == Some("SpawnedRW") {
                read_write.push(id);
            } else {
                read_only.push(id);
            }
        }
        let is_whole = self.spawned.parts.is_empty();
        let mut seen = HashSet::new();
        for id in &read_write {
            let Some(resource) = ticket.by_id(id).filter(|found| is_pooled(*found)) else {
                continue;
            };
            // What is in the node itself comes back with it.
            let mut around = std::iter::successors(Some(resource), |element| element.parent());
            let is_inside = around.any(|element| element == node.element());
            if (!is_whole || !is_inside) && seen.insert(resource.id()) {
                self.writable.push((id.clone(), resource.id()));
            }
        }
        self.copied.extend(read_write.into_iter().chain(read_only));
    }

    /// Programs also send along what neither audit nor mark tells of, such as the planning of the nodes around. What is
    /// the same here as there is a copy, too.
    fn find_unmarked(&mut self, ticket: &Ticket<'_>, back: JdfNode<'_>) {
        let around: HashSet<NodeId> = match ticket.document().element(self.node) {
            Some(node) => JdfNode::of_element(node)
                .with_ancestors()
                .skip(1)
                .map(JdfNode::node_id)
                .collect(),
            None => HashSet::new(),
        };
        for resource in back.resources() {
            let Some(id) = resource.element().attribute("ID") else {
                continue;
            };
            let own = ticket.by_id(id).filter(|own| {
                let pool = own.parent().filter(|pool| pool.is_jdf("ResourcePool"));
                let node = pool.and_then(ElementRef::parent);
                node.is_some_and(|node| around.contains(&node.id()))
            });
            let says = history::fingerprint;
            if !self.copied.contains(id)
                && own.is_some_and(|own| says(own) == says(resource.element()))
            {
                self.copied.insert(id.to_owned());
            }
        }
    }

    fn writable_ids(&self) -> HashSet<&str> {
        self.writable.iter().map(|(id, _)| id.as_str()).collect()
    }

    /// Gives IDs of the returned ticket that the parent has given to something else meanwhile new names.
    fn rename_taken(
        &self,
        parent: &Document,
        back: &mut Document,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut renamed: HashMap<String, String> = HashMap::new();
        let mut order = Vec::new();
        {
            let mut replaced: HashSet<NodeId> = self.writable.iter().map(|(_, at)| *at).collect();
            replaced.insert(self.node);
            let taken = ids::of(parent.root(), &replaced);
            let everything = ids::of(parent.root(), &HashSet::new());
            let index = Ticket::of(back)?;
            // Copies that may only be read are left behind.
            let writable = self.writable_ids();
            let dropped: HashSet<NodeId> = self
                .copied
                .iter()
                .filter(|id| !writable.contains(id.as_str()))
                .filter_map(|id| index.by_id(id))
                .map(ElementRef::id)
                .collect();
            let returned = ids::of(back.root(), &dropped);
            let is_known = |id: &str| everything.contains(id) || returned.contains(id);
            let mut clashing: Vec<&str> = returned
                .iter()
                .copied()
                .filter(|id| taken.contains(id))
                .collect();
            clashing.sort_unstable();
            for id in clashing {
                let new = ids::free(id, is_known);
                order.push((id.to_owned(), new.clone()));
                renamed.insert(id.to_owned(), new);
            }
            // A program that gave the node another ID said so.
            let found = back.root().attribute("ID").unwrap_or_default();
            if found != self.spawned.node_id {
                renamed.insert(found.to_owned(), self.spawned.node_id.clone());
            }
        }
        ids::rename(back, &renamed)?;
        Ok(order)
    }

    /// Replaces the whole node.
    fn put_node_back(
        &self,
        changed: &mut Document,
        parent: &Document,
        back: &mut Document,
    ) -> Result<(NodeId, Vec<String>), Error> {
        let Some(node) = parent.element(self.node) else {
            return Ok((self.node, Vec::new()));
        };
        let mut exchanged: Vec<(NodeId, Option<String>)> = Vec::new();
        let mut overwritten: Vec<(String, NodeId)> = Vec::new();
        let mut moved: Vec<(NodeId, String)> = Vec::new();
        let mut gone: Vec<NodeId> = Vec::new();
        {
            let index = Ticket::of(back)?;
            for (id, at) in &self.writable {
                let original = parent.element(*at);
                if let (Some(original), Some(found)) = (original, index.by_id(id))
                    && is_same_kind(original, found)
                {
                    let xml = found.to_portable_xml(original.parent());
                    exchanged.push((*at, Some(xml)));
                    overwritten.push((id.clone(), *at));
                }
            }
            let pooled = |id: &String| Some(index.resource(id)?.in_pool()?.node_id());
            gone.extend(self.copied.iter().filter_map(pooled));
            let own_ids = ids::of(node, &HashSet::new());
            for (resource, pool) in self.moving(&index, parent, &own_ids) {
                let xml = resource.element().to_portable_xml(parent.element(pool));
                moved.push((pool, xml));
                gone.push(resource.node_id());
            }
        }
        restore(back, node, &gone)?;
        let xml = back.root().to_portable_xml(node.parent());
        exchanged.push((self.node, Some(xml)));
        let new = changed.exchange(exchanged)?;
        for ((id, old), new) in overwritten.iter().zip(&new) {
            if let Some(new) = new {
                self.keep_other_marks(changed, *new, &spawn_ids(parent, *old), id)?;
            }
        }
        for (pool, xml) in moved {
            changed.append_xml(pool, &xml)?;
        }
        let node = new.last().copied().flatten().unwrap_or(self.node);
        Ok((node, overwritten.into_iter().map(|(id, _)| id).collect()))
    }

    /// New resources that those further up refer to, each with the pool where it must be: the one nearest the root,
    /// so that all who refer to it see it.
    fn moving<'d>(
        &self,
        back: &Ticket<'d>,
        parent: &Document,
        own_ids: &HashSet<&str>,
    ) -> Vec<(Resource<'d>, NodeId)> {
        let depth = |id: NodeId| {
            let elements = std::iter::successors(parent.element(id), |element| element.parent());
            elements.count()
        };
        let mut targets: Vec<(usize, NodeId, &str)> = self
            .writable
            .iter()
            .filter_map(|(id, at)| {
                let pool = parent.element(*at)?.parent()?.id();
                Some((depth(pool), pool, id.as_str()))
            })
            .collect();
        targets.sort_by_key(|(depth, ..)| *depth);
        let mut seen: HashSet<NodeId> = HashSet::new();
        let mut moving = Vec::new();
        for (_, pool, id) in targets {
            let mut stack: Vec<Resource<'d>> = back.resource(id).into_iter().collect();
            while let Some(resource) = stack.pop() {
                for id in resource.reference_ids() {
                    let is_new = !self.copied.contains(id) && !own_ids.contains(id);
                    let found = back.resource(id).and_then(Resource::in_pool);
                    if let Some(found) = found.filter(|_| is_new)
                        && seen.insert(found.node_id())
                    {
                        moving.push((found, pool));
                        stack.push(found);
                    }
                }
            }
        }
        moving
    }

    /// Takes the mark of this spawning off an element, and leaves the others that it had.
    pub(super) fn keep_other_marks(
        &self,
        changed: &mut Document,
        at: NodeId,
        before: &[String],
        resource: &str,
    ) -> Result<(), Error> {
        let others: Vec<String> = before
            .iter()
            .filter(|id| **id != self.spawned.new_spawn_id)
            .cloned()
            .collect();
        let nobody = HashSet::new();
        let writers = self.writers.get(resource).unwrap_or(&nobody);
        set_marks(changed, at, &others, writers)
    }

    /// What was not replaced is marked no longer.
    fn clear_marks(&self, changed: &mut Document, parent: &Document) -> Result<(), Error> {
        let writable = self.writable_ids();
        for at in &self.marked {
            let is_there = changed.editable(*at).is_ok();
            let whole = parent
                .element(*at)
                .map(Resource::of)
                .and_then(Resource::in_pool);
            if is_there && let Some(whole) = whole {
                let id = whole.element().attribute("ID").unwrap_or_default();
                self.keep_other_marks(changed, *at, &spawn_ids(parent, *at), id)?;
                if writable.contains(id) {
                    // It was locked only for as long as its copy was away.
                    changed.remove_attribute(*at, "Locked")?;
                }
            }
        }
        Ok(())
    }

    fn append_audit(
        &self,
        changed: &mut Document,
        overwritten: &[String],
        options: &MergeOptions,
    ) -> Result<(), Error> {
        let content = AuditContent::Merged(Merged {
            node_id: self.spawned.node_id.clone(),
            source_id: self.spawned.destination_id.clone(),
            merge_id: self.spawned.new_spawn_id.clone(),
            overwritten: overwritten.to_vec(),
            url: options.url.clone(),
            parts: self.spawned.parts.clone(),
            ..Merged::default()
        });
        let audit = Audit::new(options.timestamp, &options.agent_name, content);
        audit.append_to(changed, self.audited)?;
        Ok(())
    }
}

fn is_pooled(element: ElementRef<'_>) -> bool {
    let pool = element.parent();
    pool.is_some_and(|pool| pool.is_jdf("ResourcePool"))
}

/// Whether what came back under an ID is such a resource as went away under it.
pub(super) fn is_same_kind(original: ElementRef<'_>, found: ElementRef<'_>) -> bool {
    is_pooled(found) && original.local_name() == found.local_name()
}

/// Makes the returned ticket the node that it was: without the copies, and without what a root needs.
fn restore(back: &mut Document, node: ElementRef<'_>, gone: &[NodeId]) -> Result<(), Error> {
    let root = back.root().id();
    let mut removed: Vec<NodeId> = gone.to_vec();
    removed.sort_unstable();
    removed.dedup();
    let ancestors = back.root().children_named("AncestorPool");
    removed.extend(ancestors.map(ElementRef::id));
    back.remove_with_layout(&removed)?;
    let pool = back.root().child("ResourcePool");
    let is_empty = pool.is_some_and(|pool| pool.children().next().is_none());
    if is_empty && node.child("ResourcePool").is_none() {
        let pool = pool.map(ElementRef::id);
        back.remove_with_layout(pool.as_slice())?;
    }
    match node.attribute("SpawnID") {
        Some(own) => back.set_attribute(root, "SpawnID", own)?,
        None => {
            back.remove_attribute(root, "SpawnID")?;
        }
    }
    let around = JdfNode::of_element(node);
    for name in ["JobID", "Version"] {
        let inherited = if name == "JobID" {
            around.job_id()
        } else {
            around.version()
        };
        let is_added = node.attribute(name).is_none() && back.root().attribute(name) == inherited;
        if is_added {
            back.remove_attribute(root, name)?;
        }
    }
    // Below, nodes are found by their IDs.
    let own: Vec<(NodeId, String)> = JdfNode::of_element(back.root())
        .subtree()
        .filter_map(|node| Some((node.node_id(), node.id()?.to_owned())))
        .collect();
    let before: HashMap<&str, ElementRef<'_>> = around
        .subtree()
        .filter_map(|node| Some((node.id()?, node.element())))
        .collect();
    for (own, id) in own {
        if let Some(before) = before.get(id.as_str()) {
            history::unite(back, own, *before)?;
        }
    }
    Ok(())
}
