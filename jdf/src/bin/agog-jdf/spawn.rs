//! `agog-jdf spawn`: a node as a ticket of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::spawn::{SpawnOptions, spawn};
use agog_jdf::{JdfNode, Ticket};
use anyhow::{Context as _, Result, ensure};

use crate::output::{self, Output};
use crate::replace::{self, Replacement};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The ticket; `-` reads standard input.
    file: PathBuf,
    /// The node, by its `ID` or `JobPartID`.
    node: String,
    /// Only this part of the node; may be given several times: keys of one part are separated by commas, as in
    /// `SheetName=S1,Side=Front`.
    #[arg(long = "part", value_name = "KEY=VALUE", value_parser = part)]
    parts: Vec<Part>,
    /// Where the ticket goes that stays, which remembers what was given away. Without this it is not kept, and nothing
    /// can be merged into it later. May be the same file.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the new ticket goes; standard output if it is not given.
    #[arg(long, value_name = "FILE")]
    ticket: Option<PathBuf>,
    /// What the spawning is called; made from the time if it is not given.
    #[arg(long, value_name = "NAME")]
    spawn_id: Option<String>,
    /// Where the new ticket will be sent, for the history.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Debug, Clone)]
struct Part(Vec<(String, String)>);

fn part(text: &str) -> Result<Part, String> {
    let key = |pair: &str| {
        let (name, value) = pair
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| format!("`{pair}` is not of the form KEY=VALUE"))?;
        Ok((name.trim().to_owned(), value.to_owned()))
    };
    text.split(',')
        .map(key)
        .collect::<Result<_, String>>()
        .map(Part)
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let (file, ticket) = (&arguments.file, arguments.ticket.as_deref());
    let is_taken = |of: &Path| ticket.is_some_and(|ticket| replace::is_same(ticket, of));
    ensure!(
        !is_taken(file) && !arguments.output.as_deref().is_some_and(is_taken),
        "the new ticket (--ticket) would be written over the one that stays; give it a file of its own"
    );
    let mut parent = crate::document(&arguments.file)?;
    let (node, lost_parts) = {
        let ticket = Ticket::of(&parent)?;
        let node = ticket.node_by_name(&arguments.node);
        let node = node.with_context(|| unknown_node(&ticket, &arguments.file, &arguments.node))?;
        let lost = |Part(keys): &&Part| !has_part(node, &ticket, &keys.iter().cloned().collect());
        let lost: Vec<&Part> = arguments.parts.iter().filter(lost).collect();
        (node.node_id(), lost)
    };
    let now = crate::now();
    let spawn_id = arguments
        .spawn_id
        .clone()
        .unwrap_or_else(|| format!("Sp{}", now.as_microsecond()));
    let mut options = SpawnOptions::new(spawn_id, now, "agog-jdf");
    options.url.clone_from(&arguments.url);
    for Part(keys) in &arguments.parts {
        options = options.of_part(keys.iter().cloned().collect());
    }
    let spawning = spawn(&mut parent, node, &options)
        .with_context(|| format!("cannot spawn node `{}`", arguments.node))?;
    for Part(keys) in lost_parts {
        let keys = keys.iter().map(|(name, value)| format!("{name}={value}"));
        output::tell(format_args!(
            "no resource of node `{}` has a part {}: there is nothing for it in the new ticket",
            arguments.node,
            keys.collect::<Vec<_>>().join(",")
        ));
    }
    let ticket = spawning.ticket.to_bytes();
    let parent = |file: &PathBuf| Replacement::with(file, &parent.to_bytes());
    let parent = arguments.output.as_ref().map(parent).transpose()?;
    // The parent comes last: it must not tell of a ticket that could not be written.
    if let Some(file) = &arguments.ticket {
        replace::write(file, &ticket)?;
    } else {
        output.bytes(&ticket);
        output.deliver()?;
    }
    if let (Some(parent), Some(file)) = (parent, &arguments.output) {
        let finished = parent.finish();
        finished.with_context(|| format!("cannot write `{}`", file.display()))?;
    } else {
        output::tell(
            "the ticket that stays was not written (--output): nothing can be merged into it",
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether anything that goes in or comes out has such a part; a mistyped name or value shows here.
fn has_part(node: JdfNode<'_>, ticket: &Ticket<'_>, keys: &BTreeMap<String, String>) -> bool {
    let mut resources = node.links().filter_map(|link| ticket.resource(link.rref()));
    resources.any(|resource| resource.select(keys).iter().any(|part| *part != resource))
}

fn unknown_node(ticket: &Ticket<'_>, file: &Path, name: &str) -> String {
    const SHOWN: usize = 10;
    let names = ticket
        .nodes()
        .filter_map(|node| node.job_part_id().or(node.id()));
    let names: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    format!(
        "`{}` has no node with the ID or job part ID `{name}`; it has {}",
        file.display(),
        names.join(", ")
    )
}
