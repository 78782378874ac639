//! Who waits for whom, as one graph.
//!
//! Its vertices are the nodes that do work, a begin and an end for each node with nodes below it, and hubs: "what is
//! made of this resource", "what is made of these parts of it". Makers lead to a hub and takers come from it, so that
//! edges are as many as links and not as many as pairs of makers and takers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::places;
use crate::amount::PartKeys;
use crate::document::NodeId;
use crate::link::ResourceLink;
use crate::node::{JdfNode, NodeKind, Ticket};
use crate::resource::is_manifold;
use crate::state::Usage;

pub(super) type Vertex = usize;

/// One vertex waits for another.
#[derive(Debug, Clone, Copy)]
struct Edge {
    from: Vertex,
    /// Between two nodes that do work, beyond doubt. Gray boxes and groups may do part of their work before and part
    /// after; and of parts that are ranges it is not looked up whether they meet.
    is_certain: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Graph<'d> {
    nodes: Vec<JdfNode<'d>>,
    places: HashMap<NodeId, usize>,
    /// Of each vertex, those that it waits for. The first vertices are the nodes that do work.
    before: Vec<Vec<Edge>>,
    leaves: Vec<JdfNode<'d>>,
    /// By resource, the nodes that make it and which parts: places in `nodes`, rising.
    makers: HashMap<&'d str, Vec<(usize, Vec<PartKeys>)>>,
}

/// Of one resource: who makes it and who takes it.
#[derive(Default)]
struct Flow<'d> {
    makers: Vec<(usize, Vec<PartKeys>)>,
    takers: Vec<(usize, ResourceLink<'d>)>,
}

/// Where a node of the ticket is in the graph.
#[derive(Clone, Copy)]
struct Place {
    begin: Vertex,
    end: Vertex,
    is_certain: bool,
    /// The place in `Graph::nodes` behind the last node below it.
    after: usize,
}

/// A hub: makers whose parts have these names, seen by the values of some of them.
type HubKey = (Vec<String>, Vec<(String, String)>);

impl<'d> Graph<'d> {
    pub(super) fn of(ticket: &Ticket<'d>) -> Self {
        // In this order, the nodes below a node follow it directly.
        let nodes: Vec<JdfNode<'d>> = ticket.root().subtree().collect();
        let has_children = |node: &JdfNode<'d>| node.children().next().is_some();
        let leaves: Vec<JdfNode<'d>> = nodes
            .iter()
            .copied()
            .filter(|node| !has_children(node))
            .collect();
        let mut graph = Self {
            places: places(&nodes),
            before: vec![Vec::new(); leaves.len()],
            leaves,
            nodes,
            makers: HashMap::new(),
        };
        let place = graph.place();
        let mut flows: HashMap<&'d str, Flow<'d>> = HashMap::new();
        let mut order: Vec<&'d str> = Vec::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            for link in node.links() {
                let rref = link.rref().trim();
                let flow = flows.entry(rref).or_insert_with(|| {
                    order.push(rref);
                    Flow::default()
                });
                match link.usage() {
                    Some(Usage::Output) => flow.makers.push((at, link.parts())),
                    Some(Usage::Input) => flow.takers.push((at, link)),
                    _ => {}
                }
            }
        }
        for rref in order {
            let is_pipe = is_pipe_resource(rref, ticket);
            if let Some(flow) = flows.remove(rref) {
                if !is_pipe {
                    graph.connect(&flow, &place);
                }
                graph.makers.insert(rref, flow.makers);
            }
        }
        graph
    }

    /// Makes the vertices of groups, and their edges to the nodes below them.
    fn place(&mut self) -> Vec<Place> {
        let mut place: Vec<Place> = Vec::with_capacity(self.nodes.len());
        let mut leaf = 0;
        for at in 0..self.nodes.len() {
            let node = self.nodes[at];
            let is_leaf = self
                .leaves
                .get(leaf)
                .is_some_and(|next| next.node_id() == node.node_id());
            let own = if is_leaf {
                leaf += 1;
                let is_certain = node.kind() != NodeKind::GrayBox;
                Place {
                    begin: leaf - 1,
                    end: leaf - 1,
                    is_certain,
                    after: at + 1,
                }
            } else {
                Place {
                    begin: self.vertex(),
                    end: self.vertex(),
                    is_certain: false,
                    after: at + 1,
                }
            };
            place.push(own);
            let parent = node
                .parent()
                .and_then(|parent| self.places.get(&parent.node_id()))
                .copied();
            if let Some(parent) = parent {
                self.wait(own.begin, place[parent].begin, false);
                self.wait(place[parent].end, own.end, false);
            }
        }
        for at in (0..self.nodes.len()).rev() {
            let after = place[at].after;
            let parent = self.nodes[at]
                .parent()
                .and_then(|parent| self.places.get(&parent.node_id()));
            if let Some(parent) = parent {
                place[*parent].after = place[*parent].after.max(after);
            }
        }
        place
    }

    /// The edges from the makers of one resource to its takers.
    fn connect(&mut self, flow: &Flow<'d>, place: &[Place]) {
        let takes: BTreeSet<usize> = flow.takers.iter().map(|(at, _)| *at).collect();
        let makes: BTreeSet<usize> = flow.makers.iter().map(|(at, _)| *at).collect();
        // A group that makes what a node below it makes says nothing more than that node.
        let says_more = |at: usize, others: &BTreeSet<usize>| {
            others.range(at + 1..place[at].after).next().is_none()
        };
        // Those that change the resource have it as input and output, and wait only for those that make it anew.
        let mut anew = Hubs::default();
        let mut all = Hubs::default();
        for (at, parts) in &flow.makers {
            if says_more(*at, &makes) {
                let place = place[*at];
                all.add_maker(self, place, parts);
                if !takes.contains(at) {
                    anew.add_maker(self, place, parts);
                }
            }
        }
        for (at, link) in &flow.takers {
            if is_pipe_link(*link) || !says_more(*at, &takes) {
                continue;
            }
            // What the nodes around or below this one make is no reason to wait.
            let own = place[*at];
            let is_related = makes.range(*at + 1..own.after).next().is_some()
                || self.nodes[*at]
                    .with_ancestors()
                    .skip(1)
                    .filter_map(|node| self.places.get(&node.node_id()))
                    .any(|around| makes.contains(around) && says_more(*around, &makes));
            if is_related {
                continue;
            }
            let hubs = if makes.contains(at) {
                &mut anew
            } else {
                &mut all
            };
            hubs.add_taker(self, own, &link.parts());
        }
    }

    fn vertex(&mut self) -> Vertex {
        self.before.push(Vec::new());
        self.before.len() - 1
    }

    fn wait(&mut self, vertex: Vertex, from: Vertex, is_certain: bool) {
        self.before[vertex].push(Edge { from, is_certain });
    }

    pub(super) fn leaf(&self, vertex: Vertex) -> Option<JdfNode<'d>> {
        self.leaves.get(vertex).copied()
    }

    pub(super) fn makers(&self, rref: &str) -> Vec<JdfNode<'d>> {
        let mut makers: Vec<_> = self.makers_with_parts(rref).map(|(node, _)| node).collect();
        makers.dedup();
        makers
    }

    /// The nodes that make a resource, once for each link, with the parts that the link names.
    pub(super) fn makers_with_parts(
        &self,
        rref: &str,
    ) -> impl Iterator<Item = (JdfNode<'d>, &[PartKeys])> {
        let makers = self.makers.get(rref.trim()).into_iter().flatten();
        makers.map(|(at, parts)| (self.nodes[*at], parts.as_slice()))
    }

    /// Looks through hubs and groups to the nodes behind them.
    pub(super) fn waits_for(&self, node: JdfNode<'d>) -> Vec<JdfNode<'d>> {
        let own = self
            .leaves
            .binary_search_by_key(&self.places.get(&node.node_id()), |leaf| {
                self.places.get(&leaf.node_id())
            });
        let Ok(own) = own else {
            return Vec::new();
        };
        let mut seen = BTreeSet::from([own]);
        let mut stack = vec![own];
        while let Some(vertex) = stack.pop() {
            for edge in &self.before[vertex] {
                if seen.insert(edge.from) && self.leaf(edge.from).is_none() {
                    stack.push(edge.from);
                }
            }
        }
        let others = seen.into_iter().filter(|vertex| *vertex != own);
        others.filter_map(|vertex| self.leaf(vertex)).collect()
    }

    /// All vertices, each after those that it waits for. Where vertices wait for each other, doubtful edges between
    /// them are given up, and if they still do, all edges between them.
    pub(super) fn sorted(&self) -> Vec<Vertex> {
        let circles = self.circles(|_, _| true);
        let within =
            |circles: &[bool], vertex: Vertex, edge: &Edge| circles[vertex] && circles[edge.from];
        let keeps =
            |vertex: Vertex, edge: &Edge| edge.is_certain || !within(&circles, vertex, edge);
        let hard = self.circles(keeps);
        self.free(|vertex, edge| keeps(vertex, edge) && !within(&hard, vertex, edge))
    }

    /// The vertices on circles of certain edges, and between such circles.
    pub(super) fn stuck(&self) -> Vec<Vertex> {
        let circles = self.circles(|_, edge| edge.is_certain);
        let stuck = (0..circles.len()).filter(|vertex| circles[*vertex]);
        stuck.collect()
    }

    /// Of each vertex, whether it is on a circle of the edges that are kept, or between circles.
    fn circles(&self, keeps: impl Fn(Vertex, &Edge) -> bool) -> Vec<bool> {
        let mut is_free = vec![false; self.before.len()];
        for vertex in self.free(&keeps) {
            is_free[vertex] = true;
        }
        // What waits behind a circle is not to blame: it is taken away from the other end.
        let mut waiting = vec![0_usize; self.before.len()];
        for (vertex, edges) in self.before.iter().enumerate() {
            for edge in edges.iter().filter(|edge| keeps(vertex, edge)) {
                waiting[edge.from] += usize::from(!is_free[vertex]);
            }
        }
        let mut last: Vec<Vertex> = (0..self.before.len())
            .filter(|vertex| !is_free[*vertex] && waiting[*vertex] == 0)
            .collect();
        while let Some(vertex) = last.pop() {
            is_free[vertex] = true;
            for edge in self.before[vertex]
                .iter()
                .filter(|edge| keeps(vertex, edge))
            {
                waiting[edge.from] -= 1;
                if waiting[edge.from] == 0 && !is_free[edge.from] {
                    last.push(edge.from);
                }
            }
        }
        is_free.iter().map(|is_free| !is_free).collect()
    }

    /// Takes away, again and again, the vertices that wait for nothing that is left, by the edges that are kept.
    fn free(&self, keeps: impl Fn(Vertex, &Edge) -> bool) -> Vec<Vertex> {
        let mut waiting: Vec<usize> = Vec::with_capacity(self.before.len());
        let mut after: Vec<Vec<Vertex>> = vec![Vec::new(); self.before.len()];
        for (vertex, edges) in self.before.iter().enumerate() {
            let mut count = 0;
            for edge in edges.iter().filter(|edge| keeps(vertex, edge)) {
                after[edge.from].push(vertex);
                count += 1;
            }
            waiting.push(count);
        }
        let mut free: VecDeque<Vertex> = (0..self.before.len())
            .filter(|vertex| waiting[*vertex] == 0)
            .collect();
        let mut taken = Vec::new();
        while let Some(vertex) = free.pop_front() {
            taken.push(vertex);
            for next in &after[vertex] {
                waiting[*next] -= 1;
                if waiting[*next] == 0 {
                    free.push_back(*next);
                }
            }
        }
        taken
    }
}

/// The hubs of one resource.
#[derive(Default)]
struct Hubs {
    /// What makers make of the whole resource, and of any part of it.
    whole: Option<Vertex>,
    any: Option<Vertex>,
    /// Makers by the names of their keys: few, since a resource is divided in one way.
    makers: BTreeMap<Vec<String>, Vec<(Place, PartKeys)>>,
    /// Made when the first taker asks for parts that makers of these names share.
    by_parts: HashMap<HubKey, Vertex>,
    asked: BTreeSet<(Vec<String>, Vec<String>)>,
}

impl Hubs {
    fn add_maker(&mut self, graph: &mut Graph<'_>, place: Place, parts: &[PartKeys]) {
        let any = *self.any.get_or_insert_with(|| graph.vertex());
        graph.wait(any, place.end, place.is_certain);
        if parts.is_empty() {
            let whole = *self.whole.get_or_insert_with(|| graph.vertex());
            graph.wait(whole, place.end, place.is_certain);
        }
        for part in parts {
            let names = part.keys().cloned().collect();
            let makers = self.makers.entry(names).or_default();
            makers.push((place, part.clone()));
        }
    }

    fn add_taker(&mut self, graph: &mut Graph<'_>, place: Place, parts: &[PartKeys]) {
        if parts.is_empty() {
            if let Some(any) = self.any {
                graph.wait(place.begin, any, place.is_certain);
            }
            return;
        }
        if let Some(whole) = self.whole {
            graph.wait(place.begin, whole, place.is_certain);
        }
        let all_names: Vec<Vec<String>> = self.makers.keys().cloned().collect();
        for part in parts {
            for names in &all_names {
                let (exact, is_certain) = exact_names(names, part);
                self.make_hubs(graph, names, &exact);
                let values = exact.iter().map(|name| (name.clone(), part[name].clone()));
                if let Some(hub) = self.by_parts.get(&(names.clone(), values.collect())) {
                    graph.wait(place.begin, *hub, place.is_certain && is_certain);
                }
            }
        }
    }

    /// The makers with these names, by the values of the exact ones among them.
    fn make_hubs(&mut self, graph: &mut Graph<'_>, names: &[String], exact: &[String]) {
        if !self.asked.insert((names.to_vec(), exact.to_vec())) {
            return;
        }
        for (place, part) in self.makers.get(names).into_iter().flatten() {
            let values: Vec<_> = exact
                .iter()
                .map(|name| (name.clone(), part[name].clone()))
                .collect();
            let hub = self.by_parts.entry((names.to_vec(), values));
            let hub = *hub.or_insert_with(|| graph.vertex());
            graph.wait(hub, place.end, place.is_certain);
        }
    }
}

/// The keys that both have and that are equal only if written alike; and whether these are all that both have.
fn exact_names(names: &[String], part: &PartKeys) -> (Vec<String>, bool) {
    let common = names.iter().filter(|name| part.contains_key(*name));
    let (manifold, exact): (Vec<_>, Vec<_>) = common.cloned().partition(|name| is_manifold(name));
    (exact, manifold.is_empty())
}

/// A resource that flows between processes while both run.
fn is_pipe_resource(rref: &str, ticket: &Ticket<'_>) -> bool {
    let attribute = |name| ticket.resource(rref)?.attribute(name);
    attribute("PipeID").is_some() && attribute("PipeProtocol") != Some("None")
}

fn is_pipe_link(link: ResourceLink<'_>) -> bool {
    let protocol = link.element().attribute("PipeProtocol");
    protocol.is_some_and(|protocol| protocol != "None")
}
