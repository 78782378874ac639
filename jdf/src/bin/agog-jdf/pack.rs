//! `agog-jdf pack`: a ticket and its files become one MIME package.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::bundle::Bundle;
use crate::output::{self, Output};
use crate::replace::Replacement;
use crate::submission::Options;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The package to write: `.mjm` begins with messages, `.mjd` with the ticket.
    package: PathBuf,
    /// The ticket. Its references to files that are packed become `cid:`; files below its folder that it refers to are
    /// packed without being named.
    ticket: PathBuf,
    /// More files, wherever they are; those that end in `.jdf` are tickets too.
    files: Vec<PathBuf>,
    /// The messages that go first, instead of a new `SubmitQueueEntry`.
    #[arg(long, value_name = "FILE", conflicts_with = "mjd")]
    jmf: Option<PathBuf>,
    /// No messages, whatever the package is called.
    #[arg(long)]
    mjd: bool,
    #[command(flatten)]
    submission: Options,
    /// Writes over a file that exists.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let package = &arguments.package;
    let is_ticket_first = arguments.mjd
        || arguments.jmf.is_none()
            && package
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("mjd"));
    ensure!(
        !arguments.submission.is_given() || (!is_ticket_first && arguments.jmf.is_none()),
        "options of the submission need a new message: not a package that begins with the ticket, nor `--jmf`"
    );
    let mut bundle = Bundle::collect(
        &arguments.ticket,
        &arguments.files,
        arguments.jmf.as_deref(),
    )?;
    ensure!(
        !bundle.contains(package),
        "`{}` is one of the files to pack",
        package.display()
    );
    ensure!(
        arguments.force || !package.exists(),
        "`{}` exists; --force writes over it",
        package.display()
    );
    if arguments.jmf.is_none() && !is_ticket_first {
        let jmf = arguments.submission.to_jmf(bundle.ticket_url());
        bundle.set_messages(jmf.to_bytes());
    }
    let mut writer = bundle.writer();
    // A file has no HTTP header that could tell the boundary.
    writer.repeat_headers();
    let mut file = Replacement::of(package)?;
    let written = writer.write_to(&mut file);
    written
        .and_then(|bytes| file.finish().map(|()| bytes))
        .with_context(|| format!("cannot write `{}`", package.display()))?;
    list(&bundle, output);
    Ok(ExitCode::SUCCESS)
}

/// Says what is in a package, and what is not though the ticket refers to it.
pub(crate) fn list(bundle: &Bundle, output: &mut Output) {
    for part in bundle.parts() {
        output.line(format_args!(
            "{}  {} bytes  {}  cid {}",
            part.path.display(),
            part.bytes,
            part.content_type,
            part.content_id
        ));
    }
    for remark in &bundle.remarks {
        output::tell(remark);
    }
}
