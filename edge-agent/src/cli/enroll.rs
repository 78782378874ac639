//! `enroll`: binds this agent to a plant of the hub with a one-time code. The running agent takes
//! it up by itself.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_sync::ids::AgentId;
use anyhow::{Context as _, bail};
use clap::Args;

use super::Session;
use crate::ledger::Reader;
use crate::uplink::enrol;

/// A code has some twenty characters; a larger file is something else.
const CODE_BYTES_MAX: u64 = 1_024;

#[derive(Debug, Args)]
pub(super) struct EnrollArguments {
    /// File that holds the code and nothing else; without it the code is read from standard input.
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// The code, taken from the environment so that no process list shows it.
    #[arg(long, env = "AGOG_ENROLMENT_CODE", hide = true, hide_env_values = true)]
    code_from_env: Option<String>,
}

pub(super) async fn enroll(
    session: &Session,
    arguments: EnrollArguments,
) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let Some(hub_url) = &config.hub.url else {
        bail!(
            "no hub is configured; set `hub.url` in `{}`",
            session.config_path.display()
        );
    };
    let reader = Reader::open(&config.ledger_path())?;
    let producer = reader.position()?.producer;
    let run = reader.newest_run()?;
    let code = code(arguments)?;
    let enrolment = enrol::enrol(
        hub_url,
        &config.agent.data_dir,
        AgentId::from_uuid(producer.uuid()),
        &config.agent.name,
        run,
        &code,
    )
    .await?;
    session.output.show(&enrolment, |enrolment| {
        let mut text = format!(
            "enrolled agent {} for plant {} ({}) at {hub_url}",
            enrolment.agent_id, enrolment.plant_name, enrolment.plant_code
        );
        if enrolment.plant_code != config.agent.plant_code {
            // Writing to a String cannot fail.
            let _ = write!(text,
                "\nwarning: the configuration says plant_code = \"{}\"; generated lot numbers begin with that",
                config.agent.plant_code);
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn code(arguments: EnrollArguments) -> anyhow::Result<String> {
    let text = match (arguments.code_file, arguments.code_from_env) {
        (Some(path), _) => read_file(&path)?,
        (None, Some(code)) => code,
        (None, None) => ask()?,
    };
    let code = text.trim();
    if code.is_empty() {
        bail!("the enrolment code is empty");
    }
    Ok(code.to_owned())
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    let context = || format!("cannot read code file `{}`", path.display());
    let length = std::fs::metadata(path).with_context(context)?.len();
    if length > CODE_BYTES_MAX {
        bail!(
            "code file `{}` is no code: it has {length} bytes",
            path.display()
        );
    }
    std::fs::read_to_string(path).with_context(context)
}

fn ask() -> anyhow::Result<String> {
    let mut input = std::io::stdin().lock();
    if std::io::stdin().is_terminal() {
        let mut prompt = std::io::stderr();
        write!(prompt, "Enrolment code: ")?;
        prompt.flush()?;
    }
    let mut line = String::new();
    input
        .read_line(&mut line)
        .context("cannot read the enrolment code")?;
    Ok(line)
}
