//! `agog-jdf`: looks into JDF tickets and JMF messages, checks them, makes new ones and speaks to devices. One file per
//! command; what they know is in the library.

mod bundle;
mod check;
mod diff;
mod fmt;
mod http;
mod merge;
mod new;
mod output;
mod pack;
mod parts;
mod query;
mod replace;
mod show;
mod spawn;
mod submission;
mod submit;
mod table;
mod tree;
mod unpack;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::{Document, Limits, ReadError};
use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::output::Output;

/// For people who work with JDF tickets and JMF messages, and for their scripts.
///
/// Reads whatever devices and systems of the trade write, in any encoding, and says with line and column what is odd in
/// it. Files are never changed unless a command says so; what is changed keeps every byte that is not meant.
#[derive(Debug, Parser)]
#[command(name = "agog-jdf", version, arg_required_else_help = true, after_long_help = OVERVIEW)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const OVERVIEW: &str = "\
A ticket came in:
  agog-jdf check ticket.jdf              what is wrong in it
  agog-jdf tree ticket.jdf               what is made of what, and what can run
  agog-jdf parts ticket.jdf r_Plates     every plate with all that holds for it
  agog-jdf show ticket.jdf //Media/@Weight
  agog-jdf unpack job.mjm job/           a MIME package becomes files

It changed:
  agog-jdf diff sent.jdf returned.jdf    what a device changed in it
  agog-jdf fmt --write ticket.jdf        laid out for people, nothing else changes

It goes out:
  agog-jdf new folding_carton > carton.jdf
  agog-jdf pack job.mjm carton.jdf       ticket and files in one package
  agog-jdf submit http://press:8010/jmf carton.jdf --hold

What does the device say:
  agog-jdf query http://press:8010/jmf KnownMessages
  agog-jdf query http://press:8010/jmf QueueStatus --json

Exit codes:
  0  done; for `check` nothing but notes, for `diff` equal, for `submit` and `query` accepted
  1  `check`: warnings; `diff`: different; `fmt --check`: laid out otherwise; `show`: nothing there
  2  `check`: errors; `submit` and `query`: refused by the device; or the command line is wrong
  3  not readable, not reachable, not possible

Commands that only read take `-` for standard input. Each command tells more: agog-jdf help diff";

#[derive(Debug, Subcommand)]
enum Command {
    /// Tells what is wrong in documents. Exit code: 0 nothing or notes, 1 warnings, 2 errors, 3 not readable.
    #[command(after_help = "Example: agog-jdf check --level standard ticket.jdf")]
    Check(check::Arguments),
    /// Prints the nodes of a ticket: what is made of what, in which state, and what a device can run.
    #[command(after_help = "\
Example: agog-jdf tree ticket.jdf

Each node is shown with its processes, status and job part; `<-` is what goes in, `->` what comes out, with ID, name,
amount, status, and for media, files and divided resources what they are.")]
    Tree {
        /// A JDF ticket; `-` reads standard input.
        file: PathBuf,
    },
    /// Prints what a path leads to: elements as XML, attributes and text as values.
    #[command(after_help = "\
Examples:
  agog-jdf show ticket.jdf \"//Media[@ID='m1']/@Weight\"
  agog-jdf show --places ticket.jdf //FileSpec/@URL
  agog-jdf show --count ticket.jdf //ExposedMedia")]
    Show(show::Arguments),
    /// Prints every part of a partitioned resource with what holds for it, and where that was said.
    #[command(after_help = "\
Examples:
  agog-jdf parts ticket.jdf             the resources that have parts
  agog-jdf parts ticket.jdf r_Plates    every plate
  agog-jdf parts --json ticket.jdf r_Plates | jq .keys")]
    Parts(parts::Arguments),
    /// Tells what two documents say differently, whatever their spelling and layout.
    ///
    /// Exit code: 0 equal, 1 different, 3 not readable.
    #[command(after_help = "\
Examples:
  agog-jdf diff sent.jdf returned.jdf
  agog-jdf diff --json a.jmf b.jmf

Equal are: attributes in another order, other quotes and prefixes, 200.0 and 200, Z and +00:00, true and 1, pools in
another order, an attribute at each part or around them. `-` is what the first document says, `+` what the second.")]
    Diff(diff::Arguments),
    /// Lays documents out for people: one element on each line. Prints the result unless told otherwise.
    #[command(after_help = "\
Examples:
  agog-jdf fmt ticket.jdf | less
  agog-jdf fmt --check *.jdf
  agog-jdf fmt --write ticket.jdf

Only white space between elements and attributes changes. Text, mixed content, comments, quotes, entities, encoding and
what is below xml:space=\"preserve\" stay as they are.")]
    Fmt(fmt::Arguments),
    /// Packs a ticket with its files into a MIME package.
    #[command(after_help = "\
Examples:
  agog-jdf pack job.mjm ticket.jdf                       a new SubmitQueueEntry, the ticket, the files below its folder
  agog-jdf pack job.mjm ticket.jdf /jobs/cover.pdf --return-jmf http://mis/jmf
  agog-jdf pack job.mjm --jmf submit.jmf ticket.jdf      with messages of one's own
  agog-jdf pack job.mjd ticket.jdf                       begins with the ticket

A reference to a file that is not there is an error that tells the place, and then nothing is written.")]
    Pack(pack::Arguments),
    /// Unpacks a MIME package: every part becomes a file below the directory, nothing is overwritten.
    ///
    /// Exit code: 0, or 1 if the package was cut off, or 3 if it is none.
    #[command(after_help = "\
Examples:
  agog-jdf unpack job.mjm job/
  agog-jdf unpack --relink job.mjm job/      and pack it again with: agog-jdf pack new.mjm job/ticket.jdf")]
    Unpack(unpack::Arguments),
    /// Prints a sample ticket of a kind of job, or its description as JSON to start from.
    #[command(after_help = "\
Examples:
  agog-jdf new folding_carton > carton.jdf
  agog-jdf new label --description > job.json    edit it, then: agog-jdf new --from job.json > label.jdf")]
    New(new::Arguments),
    /// Puts a ticket with its files into the queue of a device.
    ///
    /// Exit code: 0 accepted, 2 refused, 3 not reachable or no JMF.
    #[command(after_help = "\
Examples:
  agog-jdf submit http://press:8010/jmf ticket.jdf
  agog-jdf submit http://press:8010/jmf ticket.jdf /jobs/cover.pdf --hold --priority 80
  agog-jdf submit http://press:8010/jmf --no-mime http://mis/tickets/7.jdf

The ticket is packed as with `pack` and streamed, however big its files are.")]
    Submit(submit::Arguments),
    /// Asks a device and shows what it answers.
    ///
    /// Exit code: 0 answered, 2 refused, 3 not reachable or no JMF.
    #[command(after_help = "\
Examples:
  agog-jdf query http://press:8010/jmf KnownMessages
  agog-jdf query http://press:8010/jmf Status --device-id press-3
  agog-jdf query http://press:8010/jmf abort.jmf
  agog-jdf query http://press:8010/jmf QueueStatus --json | jq .content")]
    Query(query::Arguments),
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
        Command::Check(arguments) => check::run(&arguments, &mut output),
        Command::Tree { file } => tree::run(&file, &mut output),
        Command::Show(arguments) => show::run(&arguments, &mut output),
        Command::Parts(arguments) => parts::run(&arguments, &mut output),
        Command::Diff(arguments) => diff::run(&arguments, &mut output),
        Command::Fmt(arguments) => fmt::run(&arguments, &mut output),
        Command::Pack(arguments) => pack::run(&arguments, &mut output),
        Command::Submit(arguments) => submit::run(&arguments, &mut output),
        Command::Query(arguments) => query::run(&arguments, &mut output),
        Command::Unpack(arguments) => unpack::run(&arguments, &mut output),
        Command::New(arguments) => new::run(&arguments, &mut output),
        Command::Spawn(arguments) => spawn::run(&arguments, &mut output),
        Command::Merge(arguments) => merge::run(&arguments, &mut output),
    };
    let written = output.finish();
    result
        .and_then(|code| written.map(|()| code))
        .unwrap_or_else(|error| {
            output::tell(format_args!("{error:#}"));
            ExitCode::from(UNREADABLE)
        })
}

/// The exit code for what cannot be read or done at all.
const UNREADABLE: u8 = 3;

/// The exit code for what a device refused.
const REFUSED: u8 = 2;

#[expect(
    clippy::disallowed_methods,
    reason = "a person at the prompt acts now; nothing here is replayed"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Reads a document from a file or, for `-`, from standard input.
fn document(file: &Path) -> Result<Document> {
    let read = match read(file) {
        // The file says it better than the reader that opened it.
        Err(ReadError::Io(error)) => Err(error.into()),
        other => other.map_err(anyhow::Error::from),
    };
    read.with_context(|| {
        let hint = if is_package(file) {
            format!(", {PACKAGE_HINT}")
        } else {
            String::new()
        };
        format!("cannot read `{}`{hint}", file.display())
    })
}

/// What to do with a package where a document is wanted.
const PACKAGE_HINT: &str =
    "which looks like a MIME package: `agog-jdf unpack` makes files of its parts";

/// Whether a file that is no document begins as MIME packages do.
fn is_package(file: &Path) -> bool {
    const LOOKED_AT: u64 = 2048;
    let mut begin = Vec::new();
    let opened = (file != Path::new("-")).then(|| std::fs::File::open(file).ok());
    let Some(opened) = opened.flatten() else {
        return false;
    };
    // What cannot be read is told elsewhere.
    let _ = opened.take(LOOKED_AT).read_to_end(&mut begin);
    let begin = String::from_utf8_lossy(&begin).to_ascii_lowercase();
    begin
        .lines()
        .any(|line| line.starts_with("mime-version:") || line.starts_with("content-type:"))
}

fn read(file: &Path) -> Result<Document, ReadError> {
    let limits = Limits::default();
    if file == Path::new("-") {
        return Document::from_reader(std::io::stdin().lock(), &limits);
    }
    Document::from_reader(std::fs::File::open(file)?, &limits)
}
