//! `agog-jdf tree`: the nodes of a ticket, with what goes in and comes out.

use std::path::Path;
use std::process::ExitCode;

use agog_jdf::value::{parse_decimal, tokens};
use agog_jdf::{JdfNode, NodeKind, Resource, ResourceLink, Ticket};
use anyhow::Result;

use crate::output::{Output, clipped};

/// Characters of what a resource says of itself.
const DETAIL_CHARACTERS: usize = 100;

pub(crate) fn run(file: &Path, output: &mut Output) -> Result<ExitCode> {
    let document = crate::document(file)?;
    let ticket = Ticket::of(&document)?;
    let job = job(ticket.root());
    if !job.is_empty() {
        output.line(job);
    }
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

/// Whose job it is, on one line.
fn job(root: JdfNode<'_>) -> String {
    let customer = root.customer();
    let of_customer = |name: fn(&agog_jdf::Customer<'_>) -> Option<String>| {
        customer.as_ref().and_then(name).unwrap_or_default()
    };
    let told = [
        root.job_id()
            .map(|id| format!("Job {id}"))
            .unwrap_or_default(),
        of_customer(|customer| customer.job_name.map(|name| format!("\"{name}\""))),
        of_customer(|customer| {
            let name = customer.company.or(customer.customer_id)?;
            Some(format!("for {name}"))
        }),
        of_customer(|customer| customer.order_id.map(|order| format!("order {order}"))),
        root.version()
            .map(|version| format!("(JDF {version})"))
            .unwrap_or_default(),
    ];
    let told: Vec<String> = told.into_iter().filter(|text| !text.is_empty()).collect();
    told.join(" ")
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
    let mut shown = format!("{name}{usage} {}{described}{amount}{status}", link.rref());
    for told in [parts(link, resource), details(resource)] {
        if !told.is_empty() {
            shown.extend(["; ", &clipped(&told, DETAIL_CHARACTERS)]);
        }
    }
    shown
}

/// Which parts of the resource are meant.
fn parts(link: ResourceLink<'_>, resource: Resource<'_>) -> String {
    match link.parts().as_slice() {
        [] if resource.partitions().next().is_none() => String::new(),
        [] => {
            let leaves = resource.leaves_with_keys().len();
            let keys = resource.part_id_keys().join(" ");
            let noun = if leaves == 1 { "part" } else { "parts" };
            format!("{leaves} {noun} by {keys}")
        }
        [keys] => {
            let keys: Vec<String> = keys
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("only {}", keys.join(" "))
        }
        several => format!("only {} of its parts", several.len()),
    }
}

/// What a person at the press or the platesetter looks for first.
fn details(resource: Resource<'_>) -> String {
    let said = |name: &str| resource.attribute(name).map(str::to_owned);
    let told = match resource.name() {
        "Media" => vec![
            said("MediaType"),
            said("Weight").map(|weight| format!("{weight} g/m2")),
            said("Dimension").and_then(|size| millimetres(&size)),
        ],
        "Device" => vec![said("DeviceID")],
        "NodeInfo" => vec![
            said("Start").map(|time| format!("from {time}")),
            said("End").map(|time| format!("to {time}")),
        ],
        "RunList" => {
            let files = resource.element().descendants();
            let mut urls = files
                .filter(|file| file.is_jdf("FileSpec"))
                .filter_map(|file| file.attribute("URL"));
            let first = urls.next().map(str::to_owned);
            let more = urls.count();
            let more = (more > 0).then(|| format!("and {more} more"));
            vec![
                said("NPage").map(|pages| format!("{pages} pages")),
                first,
                more,
            ]
        }
        _ => Vec::new(),
    };
    told.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A size in points as people measure it.
fn millimetres(size: &str) -> Option<String> {
    let points = tokens(size)
        .map(parse_decimal)
        .collect::<Option<Vec<_>>>()?;
    let [x, y] = points.as_slice() else {
        return None;
    };
    let millimetre = |points: &rust_decimal::Decimal| {
        let tenths = points
            .checked_mul(rust_decimal::Decimal::new(254, 1))?
            .checked_div(72.into())?;
        Some(tenths.round().normalize())
    };
    Some(format!("{} x {} mm", millimetre(x)?, millimetre(y)?))
}
