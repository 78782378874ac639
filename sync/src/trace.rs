//! Where a lot came from and where it went, in one form for the agent, the hub and the demo.
//!
//! The stores find the lots that can be reached and the edges between them; this module orders
//! them, leaves out what time forbids, and prints the tree. Both sides therefore give the same
//! answer to the same facts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::LotId;
use crate::lots::{EdgeKind, LotAttributes, LotOrigin, LotRef, Use, UseKind};
use crate::quantity::Quantity;

/// The most lots that one trace answers with. A roll that is in more than this many lots has
/// gone through a whole plant; the answer then says that it is cut.
pub const TRACE_LOTS_MAX: usize = 10_000;

/// Which way to follow the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From a lot to everything it is in.
    Forward,
    /// From a lot to everything in it.
    Backward,
}

/// How to read time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every lot that can be reached, whatever the clocks said. The default, because a recall
    /// that leaves out a lot is worse than one that looks at a lot too many: paperwork lags
    /// behind the press, and clocks differ.
    #[default]
    Exposure,
    /// A way through the graph never goes back in time: what was added to a lot after a part of
    /// it had left is not in that part. Only as good as the clocks of everybody involved.
    Strict,
}

/// One lot of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLot {
    /// Its id and number.
    pub lot: LotRef,
    /// The plant that made or received it, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<String>,
    /// The material's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material: Option<String>,
    /// How it came to be.
    pub origin: LotOrigin,
    /// The job that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by_job: Option<String>,
    /// What is on hand.
    pub on_hand: Quantity,
    /// A hold stands on it.
    pub held: bool,
    /// Supplier, expiry, quality …
    pub attributes: LotAttributes,
    /// When it came to be.
    pub created_at: Timestamp,
    /// What left it for jobs, the bin and customers, oldest first.
    pub uses: Vec<Use>,
}

/// The child contains the parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEdge {
    pub parent: LotId,
    pub child: LotId,
    pub kind: EdgeKind,
    /// How much of the parent, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    pub at: Timestamp,
}

/// The answer to a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The lot that was asked about.
    pub root: LotId,
    pub direction: Direction,
    pub mode: Mode,
    /// Every lot of the answer, the root first, then by time and number.
    pub lots: Vec<TraceLot>,
    /// Every edge between them, by time.
    pub edges: Vec<TraceEdge>,
    /// There were more than [`TRACE_LOTS_MAX`] lots; the rest is left out.
    pub truncated: bool,
}

impl Trace {
    /// Puts together what a store has found: all lots that can be reached from `root`, and all
    /// edges between those lots, in any order; an edge once for each event that says so.
    pub fn build(
        root: LotId,
        direction: Direction,
        mode: Mode,
        lots: Vec<TraceLot>,
        mut edges: Vec<TraceEdge>,
        truncated: bool,
    ) -> Self {
        let amount = |edge: &TraceEdge| edge.quantity.map(|quantity| quantity.amount);
        edges.sort_by_key(|edge| (edge.at, edge.parent, edge.child, edge.kind, amount(edge)));
        let reached = match mode {
            Mode::Strict => reach_in_time(root, direction, &mut edges),
            Mode::Exposure => lots.iter().map(|lot| lot.lot.lot_id).collect(),
        };
        let mut lots: Vec<_> = lots
            .into_iter()
            .filter(|lot| reached.contains(&lot.lot.lot_id))
            .collect();
        for lot in &mut lots {
            lot.uses.sort_by(|a, b| {
                (a.at, a.kind, &a.job, &a.order, a.quantity.amount).cmp(&(
                    b.at,
                    b.kind,
                    &b.job,
                    &b.order,
                    b.quantity.amount,
                ))
            });
        }
        lots.sort_by_cached_key(|lot| {
            (
                lot.lot.lot_id != root,
                lot.created_at,
                lot.lot.number.clone(),
                lot.lot.lot_id,
            )
        });
        // Several events may have said so; the first that counts is shown.
        let mut shown = BTreeSet::new();
        edges.retain(|edge| {
            reached.contains(&edge.parent)
                && reached.contains(&edge.child)
                && shown.insert((edge.parent, edge.child, edge.kind))
        });
        Self {
            root,
            direction,
            mode,
            lots,
            edges,
            truncated,
        }
    }

    /// The trace as an indented tree. A lot that is reached by several ways is printed in full
    /// once and named after that, so that the text grows with the lots and not with the ways.
    pub fn render_text(&self) -> String {
        let lots: HashMap<LotId, &TraceLot> =
            self.lots.iter().map(|lot| (lot.lot.lot_id, lot)).collect();
        let mut next: BTreeMap<LotId, Vec<&TraceEdge>> = BTreeMap::new();
        for edge in &self.edges {
            next.entry(self.near(edge)).or_default().push(edge);
        }
        for edges in next.values_mut() {
            edges.sort_by_key(|edge| {
                lots.get(&self.far(edge))
                    .map(|lot| (lot.created_at, lot.lot.number.as_str()))
            });
        }
        let mut text = String::new();
        let mut printed = BTreeSet::new();
        // (lot, the edge that led to it, the prefix of its line, the prefix of what is below)
        let mut stack = vec![(self.root, None::<&TraceEdge>, String::new(), String::new())];
        while let Some((lot_id, edge, line, below)) = stack.pop() {
            let Some(lot) = lots.get(&lot_id) else {
                continue;
            };
            let first = printed.insert(lot_id);
            let _ = write!(text, "{line}{}", describe(lot, edge));
            if !first {
                text.push_str(" (see above)\n");
                continue;
            }
            text.push('\n');
            let children = next.get(&lot_id).map_or(&[][..], Vec::as_slice);
            let bar = if children.is_empty() { "   " } else { "│  " };
            for detail in details(lot) {
                let _ = writeln!(text, "{below}{bar}{detail}");
            }
            for (index, edge) in children.iter().enumerate().rev() {
                let last = index + 1 == children.len();
                let (branch, stem) = if last {
                    ("└─ ", "   ")
                } else {
                    ("├─ ", "│  ")
                };
                stack.push((
                    self.far(edge),
                    Some(edge),
                    format!("{below}{branch}"),
                    format!("{below}{stem}"),
                ));
            }
        }
        if self.truncated {
            let _ = writeln!(text, "… cut at {TRACE_LOTS_MAX} lots");
        }
        text
    }

    fn near(&self, edge: &TraceEdge) -> LotId {
        if self.direction == Direction::Forward {
            edge.parent
        } else {
            edge.child
        }
    }

    fn far(&self, edge: &TraceEdge) -> LotId {
        if self.direction == Direction::Forward {
            edge.child
        } else {
            edge.parent
        }
    }
}

/// The lots that can be reached without going back in time; edges that cannot be walked are
/// removed. One pass over the edges in the order of time, because a lot that is reached early
/// can be left by every later edge.
fn reach_in_time(root: LotId, direction: Direction, edges: &mut Vec<TraceEdge>) -> BTreeSet<LotId> {
    let mut reached = BTreeSet::from([root]);
    let mut walked = vec![false; edges.len()];
    let ordered: Box<dyn Iterator<Item = usize>> = match direction {
        Direction::Forward => Box::new(0..edges.len()),
        Direction::Backward => Box::new((0..edges.len()).rev()),
    };
    let ordered: Vec<usize> = ordered.collect();
    let mut start = 0;
    while start < ordered.len() {
        // Edges of one instant have no order among themselves: repeat until nothing is new.
        let at = edges[ordered[start]].at;
        let end = ordered[start..]
            .iter()
            .position(|&index| edges[index].at != at)
            .map_or(ordered.len(), |length| start + length);
        loop {
            let mut new = false;
            for &index in &ordered[start..end] {
                let edge = &edges[index];
                let (near, far) = match direction {
                    Direction::Forward => (edge.parent, edge.child),
                    Direction::Backward => (edge.child, edge.parent),
                };
                if !walked[index] && reached.contains(&near) {
                    walked[index] = true;
                    reached.insert(far);
                    new = true;
                }
            }
            if !new {
                break;
            }
        }
        start = end;
    }
    let mut index = 0;
    edges.retain(|_| {
        index += 1;
        walked[index - 1]
    });
    reached
}

fn describe(lot: &TraceLot, edge: Option<&TraceEdge>) -> String {
    let mut text = lot.lot.number.clone();
    if let Some(material) = &lot.material {
        let _ = write!(text, "  {material}");
    }
    match edge.map(|edge| (edge.kind, edge.quantity)) {
        Some((kind, Some(quantity))) => {
            let _ = write!(text, "  [{} {quantity}]", kind.as_str());
        }
        Some((kind, None)) => {
            let _ = write!(text, "  [{}]", kind.as_str());
        }
        None => {}
    }
    let _ = write!(text, "  on hand {}", lot.on_hand);
    if lot.held {
        text.push_str("  HELD");
    }
    text
}

fn details(lot: &TraceLot) -> Vec<String> {
    let mut details = Vec::new();
    let attributes = &lot.attributes;
    if lot.origin == LotOrigin::Received {
        let mut line = format!("received {}", minute(lot.created_at));
        if let Some(supplier) = &attributes.supplier {
            let _ = write!(line, " from {supplier}");
        }
        if let Some(supplier_lot) = &attributes.supplier_lot {
            let _ = write!(line, ", their lot {supplier_lot}");
        }
        details.push(line);
        if !attributes.quality.is_empty() {
            let figures: Vec<_> = attributes
                .quality
                .iter()
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            details.push(format!("quality: {}", figures.join(", ")));
        }
    }
    if let Some(job) = &lot.made_by_job {
        details.push(format!("made by {job} {}", minute(lot.created_at)));
    }
    for used in &lot.uses {
        let mut line = format!("{} {}", used.kind.as_str(), used.quantity);
        for (word, value) in [
            ("for", &used.job),
            ("order", &used.order),
            ("customer", &used.customer),
            ("on", &used.device),
            ("by", &used.operator),
            ("because of", &used.reason),
            ("note", &used.reference),
        ] {
            if let Some(value) = value {
                let _ = write!(line, " {word} {value}");
            }
        }
        if matches!(used.kind, UseKind::Shipped | UseKind::Returned) {
            let _ = write!(line, " on {}", minute(used.at));
        }
        details.push(line);
    }
    details
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
