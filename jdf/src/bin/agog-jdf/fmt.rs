//! `agog-jdf fmt`: layout for people, nothing else changes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::output::{self, Output};
use crate::replace;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Tickets, messages or any XML; `-` reads standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Writes nothing; names the files that are laid out otherwise, with exit code 1 if there are any.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Writes the files in place instead of printing them, and names those that changed.
    #[arg(long)]
    write: bool,
}

/// A file that cannot be read is told and the others are done; the exit code is 3 then.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let is_stdin = |file: &PathBuf| file == Path::new("-");
    ensure!(
        !arguments.write || !arguments.files.iter().any(is_stdin),
        "standard input cannot be written in place"
    );
    let (mut changed, mut failed) = (false, false);
    for file in &arguments.files {
        match one(file, arguments, output) {
            Ok(is_changed) => changed |= is_changed,
            Err(error) => {
                output::tell(format_args!("{error:#}"));
                failed = true;
            }
        }
    }
    Ok(ExitCode::from(match (failed, arguments.check && changed) {
        (true, _) => crate::UNREADABLE,
        (false, is_untidy) => u8::from(is_untidy),
    }))
}

/// Whether the file was laid out otherwise.
fn one(file: &Path, arguments: &Arguments, output: &mut Output) -> Result<bool> {
    let document = crate::document(file)?;
    let formatted = document.formatted();
    let is_changed = formatted != document.to_bytes();
    if !arguments.check && !arguments.write {
        output.bytes(&formatted);
    } else if is_changed {
        if arguments.write {
            replace::write(file, &formatted)?;
        }
        output.line(file.display());
    }
    Ok(is_changed)
}
