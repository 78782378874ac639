//! The processes inside a node, in the order in which they run, with the links of each (JDF 1.5, Combined Process
//! Nodes). What one of them hands to a later one is linked twice: as output of the one and input of the other.

use crate::link::ResourceLink;
use crate::node::JdfNode;
use crate::schema;
use crate::state::Usage;

/// One process of a node.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Combined" Types="Cutting Folding"><ResourceLinkPool>
///   <ComponentLink rRef="sheet" Usage="Input" CombinedProcessIndex="0"/>
///   <ComponentLink rRef="cut" Usage="Output" CombinedProcessIndex="0"/><ComponentLink rRef="cut" Usage="Input" CombinedProcessIndex="1"/>
///   <FoldingParamsLink rRef="fold" Usage="Input"/></ResourceLinkPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let steps = Ticket::of(&document)?.root().steps();
/// assert_eq!((steps[1].process, steps[1].links.len()), ("Folding", 2));
/// assert_eq!(steps[1].takes_from(&steps[0]), ["cut"]);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Step<'d> {
    /// Its place among the processes of the node, counted from 0.
    pub index: usize,
    /// Which process it is.
    pub process: &'d str,
    /// What goes into it and comes out of it. A link that does not say which process it belongs to belongs to all
    /// that take or make such a resource; if there is none, an input to the first and an output to the last.
    pub links: Vec<ResourceLink<'d>>,
}

impl<'d> Step<'d> {
    /// The resources that another step makes and this one takes.
    pub fn takes_from(&self, other: &Self) -> Vec<&'d str> {
        let of = |step: &Self, usage: &Usage| -> Vec<&'d str> {
            let links = step.links.iter();
            let used = links.filter(|link| link.usage().as_ref() == Some(usage));
            used.map(|link| link.rref()).collect()
        };
        let made = of(other, &Usage::Output);
        let taken = of(self, &Usage::Input);
        taken
            .into_iter()
            .filter(|rref| made.contains(rref))
            .collect()
    }
}

impl<'d> JdfNode<'d> {
    /// The processes of this node in the order in which they run: those of a combined node or a gray box as `Types`
    /// lists them, otherwise the one process that the node is.
    pub fn steps(self) -> Vec<Step<'d>> {
        let mut steps: Vec<Step<'d>> = self
            .types()
            .into_iter()
            .enumerate()
            .map(|(index, process)| Step {
                index,
                process,
                links: Vec::new(),
            })
            .collect();
        let last = steps.len().saturating_sub(1);
        for link in self.links() {
            let mut indices = link.combined_process_index();
            if indices.is_empty() {
                let named = link.element().attribute("CombinedProcessType");
                let belongs = |step: &&Step<'_>| match named {
                    Some(process) => step.process == process.trim(),
                    None => has_port(step.process, link),
                };
                indices = steps
                    .iter()
                    .filter(belongs)
                    .map(|step| step.index)
                    .collect();
            }
            if indices.is_empty() {
                let is_output = link.usage() == Some(Usage::Output);
                indices.push(if is_output { last } else { 0 });
            }
            for index in indices {
                if let Some(step) = steps.get_mut(index) {
                    step.links.push(link);
                }
            }
        }
        steps
    }
}

/// Whether a process takes or makes such a resource by itself.
fn has_port(process: &str, link: ResourceLink<'_>) -> bool {
    let Some(facts) = schema::process(process) else {
        return false;
    };
    let ports = match link.usage() {
        Some(Usage::Output) => facts.outputs,
        _ => facts.inputs,
    };
    let is_port = |port: &schema::Port| {
        port.resource == link.resource_name() && port.process_usage == link.process_usage()
    };
    ports.iter().any(is_port)
}
