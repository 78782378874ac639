//! Which descriptions of a device fit a node: by its processes, their order, and how they are combined.

use super::pattern::Patterns;
use crate::node::{JdfNode, NodeKind};
use crate::resource::{CombinedMethod, DeviceCap, TypeOrder, View as _};
use crate::value::tokens;

/// What a node asks to be run.
pub(super) struct Wanted<'d> {
    node: JdfNode<'d>,
    kind: NodeKind,
    types: Vec<&'d str>,
}

impl<'d> Wanted<'d> {
    pub(super) fn of(node: JdfNode<'d>) -> Self {
        let mut types = node.types();
        if types.is_empty() {
            // A product that a device takes whole, or a group that is its nodes.
            types = match node.kind() {
                NodeKind::Product => vec!["Product"],
                NodeKind::Group => node.children().flat_map(JdfNode::types).collect(),
                _ => types,
            };
        }
        Self {
            node,
            kind: node.kind(),
            types,
        }
    }

    /// The processes, for a person.
    pub(super) fn in_words(&self) -> String {
        if self.types.is_empty() {
            return self.node.process_type().unwrap_or("no `Type`").to_owned();
        }
        self.types.join(" ")
    }

    /// Whether a description is of nodes like this.
    pub(super) fn fits(&self, cap: DeviceCap<'_>, patterns: &mut Patterns) -> bool {
        self.has_types(cap, patterns) && self.is_combined_so(cap)
    }

    /// JDF 1.5 knows one method; descriptions of older versions list several.
    fn is_combined_so(&self, cap: DeviceCap<'_>) -> bool {
        let said = cap.resource().element().attribute("CombinedMethod");
        if said.is_none()
            && cap.resource().element().attribute("Types").is_none()
            && cap.type_expression().is_none()
        {
            return true;
        }
        let methods: Vec<CombinedMethod> = tokens(said.unwrap_or("None"))
            .map(CombinedMethod::from)
            .collect();
        let is_one_of =
            |fitting: &[CombinedMethod]| methods.iter().any(|method| fitting.contains(method));
        match self.kind {
            NodeKind::Process | NodeKind::Product | NodeKind::Untyped => true,
            // One process is not combined with anything, however it is written.
            NodeKind::Combined if self.types.len() == 1 => true,
            NodeKind::Combined => is_one_of(&[
                CombinedMethod::Combined,
                CombinedMethod::CombinedProcessGroup,
            ]),
            NodeKind::GrayBox => is_one_of(&[CombinedMethod::GrayBox]),
            NodeKind::Group => is_one_of(&[
                CombinedMethod::ProcessGroup,
                CombinedMethod::CombinedProcessGroup,
            ]),
        }
    }

    fn has_types(&self, cap: DeviceCap<'_>, patterns: &mut Patterns) -> bool {
        let described = cap.resource().element();
        let says = |name: &str| described.attribute(name).is_some();
        // What says nothing about processes is about all of them.
        if !says("Types") && !says("TypeExpression") && !says("Type") {
            return true;
        }
        if self.types.is_empty() {
            return false;
        }
        if let Some(expression) = cap.type_expression()
            && let Some(fits) = patterns.is_match(expression, &self.types.join(" "))
        {
            return fits;
        }
        let optional = cap.optional_combined_types().unwrap_or_default();
        let mut listed = cap.types().unwrap_or_default();
        if listed.is_empty() {
            listed.extend(cap.node_type());
        }
        let is_listed = |name: &&str| listed.contains(name);
        // Alone, each of the processes is meant.
        if self.types.len() == 1 && self.kind == NodeKind::Process {
            return listed.contains(&self.types[0]);
        }
        match cap.type_order() {
            Some(TypeOrder::Unrestricted) => self.types.iter().all(is_listed),
            Some(TypeOrder::Unordered) => {
                let mut left = listed.clone();
                let takes = |name: &&str| {
                    let at = left.iter().position(|listed| listed == name);
                    at.map(|at| left.swap_remove(at)).is_some()
                };
                self.types.iter().all(takes) && left.iter().all(|name| optional.contains(name))
            }
            _ => {
                let mut wanted = self.types.iter().peekable();
                for name in &listed {
                    if wanted.next_if(|wanted| *wanted == name).is_none()
                        && !optional.contains(name)
                    {
                        return false;
                    }
                }
                wanted.next().is_none()
            }
        }
    }
}

/// What a description runs, for a person.
pub(super) fn runs(cap: DeviceCap<'_>) -> String {
    let types = cap.types().map(|types| types.join(" "));
    let types = types.filter(|types| !types.is_empty());
    let expression = cap
        .type_expression()
        .map(|text| format!("types matching {text}"));
    let words = expression.or(types).or(cap.node_type().map(str::to_owned));
    words.unwrap_or_else(|| "anything".to_owned())
}
