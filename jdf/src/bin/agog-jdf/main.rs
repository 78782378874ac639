//! `agog-jdf`: looks into JDF tickets and JMF messages, checks them and makes new ones. One file per command;
//! what they know is in the library.

mod check;
mod merge;
mod new;
mod output;
mod parts;
mod show;
mod spawn;
mod tree;
mod unpack;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::{Document, Limits, ReadError};
use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::output::Output;

/// Looks into JDF tickets and JMF messages, checks them, and makes new ones.
#[derive(Debug, Parser)]
#[command(name = "agog-jdf", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tells what is wrong in documents. Exit code: 0 nothing or notes, 1 warnings, 2 errors, 3 not readable.
    #[command(after_help = "Example: agog-jdf check --level standard ticket.jdf")]
    Check(check::Arguments),
    /// Prints the nodes of a ticket: what is made of what, in which state, and what a device can run.
    #[command(after_help = "Example: agog-jdf tree ticket.jdf")]
    Tree {
        /// A JDF ticket; `-` reads standard input.
        file: PathBuf,
    },
    /// Prints what a path leads to: elements as XML, attributes and text as values.
    #[command(after_help = "Example: agog-jdf show ticket.jdf \"//Media[@ID='m1']/@Weight\"")]
    Show(show::Arguments),
    /// Prints every part of a partitioned resource with what holds for it, and where that was said.
    #[command(after_help = "Example: agog-jdf parts ticket.jdf r_Plates")]
    Parts {
        /// A JDF ticket; `-` reads standard input.
        file: PathBuf,
        /// The `ID` of the resource.
        id: String,
    },
    /// Unpacks a MIME package: every part becomes a file below the directory, nothing is overwritten.
    #[command(after_help = "Example: agog-jdf unpack job.mjm /tmp/job")]
    Unpack {
        /// The package; `-` reads standard input.
        package: PathBuf,
        /// An existing directory.
        directory: PathBuf,
    },
    /// Prints a sample ticket of a kind of job, or its description as JSON to start from.
    #[command(after_help = "Example: agog-jdf new folding_carton > carton.jdf")]
    New(new::Arguments),
    /// Gives a node away as a ticket of its own, with what it needs.
    #[command(
        after_help = "Example: agog-jdf spawn job.jdf Box.Press --output job.jdf > press.jdf"
    )]
    Spawn(spawn::Arguments),
    /// Puts a ticket that was given away back where it came from.
    #[command(after_help = "Example: agog-jdf merge job.jdf press.jdf --output job.jdf")]
    Merge(merge::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::default();
    let result = match arguments.command {
        Command::Check(arguments) => Ok(check::run(&arguments, &mut output)),
        Command::Tree { file } => tree::run(&file, &mut output),
        Command::Show(arguments) => show::run(&arguments, &mut output),
        Command::Parts { file, id } => parts::run(&file, &id, &mut output),
        Command::Unpack { package, directory } => unpack::run(&package, &directory, &mut output),
        Command::New(arguments) => new::run(&arguments, &mut output),
        Command::Spawn(arguments) => spawn::run(&arguments, &mut output),
        Command::Merge(arguments) => merge::run(&arguments, &mut output),
    };
    output.flush();
    result.unwrap_or_else(|error| {
        eprintln!("agog-jdf: {error:#}");
        ExitCode::from(UNREADABLE)
    })
}

/// The exit code for what cannot be read or done at all.
const UNREADABLE: u8 = 3;

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("cannot write `{}`", file.display()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person at the prompt acts now; nothing here is replayed"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Reads a document from a file or, for `-`, from standard input.
fn document(file: &Path) -> Result<Document> {
    read(file).with_context(|| format!("cannot read `{}`", file.display()))
}

fn read(file: &Path) -> Result<Document, ReadError> {
    let limits = Limits::default();
    if file == Path::new("-") {
        return Document::from_reader(std::io::stdin().lock(), &limits);
    }
    Document::from_reader(std::fs::File::open(file)?, &limits)
}
