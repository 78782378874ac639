//! `agog-jdf tree`: the nodes of a ticket, with what goes in and comes out.

use std::path::Path;
use std::process::ExitCode;

use agog_jdf::{JdfNode, NodeKind, ResourceLink, Ticket};
use anyhow::Result;

use crate::output::Output;

pub(crate) fn run(file: &Path, output: &mut Output) -> Result<ExitCode> {
    let document = crate::document(file)?;
    let ticket = Ticket::of(&document)?;
    for node in ticket.nodes() {
        if output.is_closed() {
            break;
        }
        let depth = std::iter::successors(node.parent(), |node| node.parent()).count();
        let margin = "  ".repeat(depth);
        output.line(format_args!("{margin}{}", title(node)));
        for (arrow, links) in [
            ("<-", node.inputs().collect()),
            ("->", node.outputs().collect::<Vec<_>>()),
        ] {
            for link in links {
                output.line(format_args!(
                    "{margin}    {arrow} {}",
                    resource(link, &ticket)
                ));
            }
        }
        let obstacle = node.obstacle().filter(|_| node.children().next().is_none());
        if let Some(obstacle) = obstacle {
            output.line(format_args!("{margin}    not to be run: {obstacle}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn title(node: JdfNode<'_>) -> String {
    let kind = match node.kind() {
        NodeKind::Product => "product".to_owned(),
        NodeKind::Group => "group".to_owned(),
        NodeKind::Untyped => "no type".to_owned(),
        NodeKind::GrayBox => format!("gray box {}", node.types().join(" ")),
        NodeKind::Combined | NodeKind::Process => node.types().join(" "),
    };
    let status = node
        .status()
        .map_or_else(|| "no status".to_owned(), |status| status.to_string());
    let part = node
        .job_part_id()
        .map(|part| format!(" part {part}"))
        .unwrap_or_default();
    format!("{} [{kind}] {status}{part}", node.display_name())
}

fn resource(link: ResourceLink<'_>, ticket: &Ticket<'_>) -> String {
    let name = link.resource_name();
    let usage = link
        .process_usage()
        .map(|usage| format!(" ({usage})"))
        .unwrap_or_default();
    let amount = link
        .planned_amount(ticket)
        .map(|amount| format!(" x {}", amount.normalize()))
        .unwrap_or_default();
    let Some(resource) = link.resource(ticket) else {
        return format!("{name}{usage} {}{amount}: not in this ticket", link.rref());
    };
    let described = resource
        .descriptive_name()
        .map(|text| format!(" \"{text}\""))
        .unwrap_or_default();
    let status = resource
        .status()
        .map(|status| format!(", {status}"))
        .unwrap_or_default();
    format!("{name}{usage} {}{described}{amount}{status}", link.rref())
}
