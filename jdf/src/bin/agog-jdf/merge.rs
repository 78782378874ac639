//! `agog-jdf merge`: a returned ticket back into the one that it came from.

use std::path::PathBuf;
use std::process::ExitCode;

use agog_jdf::spawn::{MergeOptions, merge};
use anyhow::{Context as _, Result};

use crate::output::Output;
use crate::replace;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The ticket that stayed; `-` reads standard input.
    parent: PathBuf,
    /// The ticket that came back.
    returned: PathBuf,
    /// Where the merged ticket goes; standard output if it is not given. May be the file of the parent.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What was done is told on standard error, so that standard output is the ticket alone.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let mut parent = crate::document(&arguments.parent)?;
    let returned = crate::document(&arguments.returned)?;
    let options = MergeOptions::new(crate::now(), "agog-jdf");
    let merging = merge(&mut parent, &returned, &options).with_context(|| {
        let (returned, parent) = (arguments.returned.display(), arguments.parent.display());
        format!("cannot merge `{returned}` into `{parent}`")
    })?;
    match &arguments.output {
        Some(file) => replace::write(file, &parent.to_bytes())?,
        None => output.bytes(&parent.to_bytes()),
    }
    eprintln!(
        "node `{}` is back from spawning `{}`",
        merging.node_id, merging.spawn_id
    );
    if !merging.overwritten.is_empty() {
        eprintln!("resources replaced: {}", merging.overwritten.join(", "));
    }
    for (old, new) in &merging.renamed {
        eprintln!("the ID `{old}` was taken: it is `{new}` now");
    }
    Ok(ExitCode::SUCCESS)
}
