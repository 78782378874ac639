//! `agog-jdf new`: a ticket from a sample or from a description of one's own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::{JobDescription, JobKind, samples};
use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;

use crate::output::Output;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The kind of job.
    #[arg(value_parser = PossibleValuesParser::new(JobKind::ALL.map(JobKind::as_str)), required_unless_present = "from")]
    kind: Option<String>,
    /// The description of the sample as JSON instead of the ticket: change it and give it back with `--from`.
    #[arg(long, conflicts_with = "from")]
    description: bool,
    /// A description of one's own, as JSON; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "kind")]
    from: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let job: JobDescription = if let Some(file) = &arguments.from {
        let text = if file == Path::new("-") {
            std::io::read_to_string(std::io::stdin().lock())
        } else {
            std::fs::read_to_string(file)
        };
        let text = text.with_context(|| format!("cannot read `{}`", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("`{}` is no job description", file.display()))?
    } else {
        let mut all = samples().iter();
        let sample = all
            .find(|sample| Some(sample.kind.as_str()) == arguments.kind.as_deref())
            .context("there is no sample of this kind")?;
        if arguments.description {
            output.bytes(sample.json.as_bytes());
            return Ok(ExitCode::SUCCESS);
        }
        serde_json::from_str(sample.json).context("the sample is no job description")?
    };
    output.bytes(&job.to_ticket(crate::now())?);
    Ok(ExitCode::SUCCESS)
}
