//! `init`: a commented configuration, the data folder and an empty ledger. What is there already
//! is kept.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_sync::ids::AgentId;
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::Session;
use crate::config::{Config, DEFAULT_FILE};
use crate::data_dir;
use crate::ledger::{Ledger, Reader};

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// Short code of the plant: 2 to 8 capital letters or digits.
    #[arg(long, default_value = "PLANT")]
    plant_code: String,
    /// What people call the plant.
    #[arg(long, default_value = "Our plant")]
    plant_name: String,
    /// What the hub calls this agent.
    #[arg(long, default_value = "edge")]
    name: String,
    /// Where the agent keeps its files; relative to the configuration file.
    #[arg(long, default_value = "/var/lib/agog-edge", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Base URL of the hub.
    #[arg(long, value_name = "URL")]
    hub_url: Option<String>,
    /// Address of the local API.
    #[arg(long, default_value = "127.0.0.1:7410", value_name = "ADDRESS")]
    api_listen: String,
    /// Address for the machines of the plant.
    #[arg(long, default_value = "127.0.0.1:7411", value_name = "ADDRESS")]
    jmf_listen: String,
}

#[derive(Serialize)]
struct Made {
    config: PathBuf,
    config_was_there: bool,
    data_dir: PathBuf,
    agent_id: AgentId,
    plant_code: String,
}

pub(super) fn init(mut session: Session, arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let config_was_there = !write_new(&session.config_path, &filled_in(arguments))?;
    let config = match session.config() {
        Ok(config) => config,
        Err(error) => {
            if !config_was_there {
                // What cannot be read would only stand in the way of the next try.
                std::fs::remove_file(&session.config_path).unwrap_or_default();
            }
            return Err(error.into());
        }
    };
    data_dir::create(&config.agent.data_dir)?;
    let now = session.clock.now();
    data_dir::create_file(&config.ledger_path())?;
    let new_id = AgentId::generate(now, &mut session.rng);
    Ledger::create(&config.ledger_path(), new_id, &config.agent.plant_code, now)?;
    let made = Made {
        agent_id: agent_id(&config)?,
        config: session.config_path.clone(),
        config_was_there,
        plant_code: config.agent.plant_code.clone(),
        data_dir: config.agent.data_dir,
    };
    session.output.show(&made, |made| {
        let kept = if made.config_was_there {
            " (was there, kept as it is)"
        } else {
            ""
        };
        format!(
            "configuration  {}{kept}\ndata folder    {}\nagent          {} of plant {}\n\n\
             Next: look through the configuration, then `agog-edge check`, `agog-edge enroll` and `agog-edge run`.",
            made.config.display(),
            made.data_dir.display(),
            made.agent_id,
            made.plant_code
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn agent_id(config: &Config) -> anyhow::Result<AgentId> {
    let position = Reader::open(&config.ledger_path())?.position()?;
    Ok(AgentId::from_uuid(position.producer.uuid()))
}

fn filled_in(arguments: &InitArguments) -> String {
    let hub_url = match &arguments.hub_url {
        Some(url) => format!("url = \"{}\"", escaped(url)),
        None => "# url = \"https://hub.example.com\"".to_owned(),
    };
    DEFAULT_FILE
        .replace("@NAME@", &escaped(&arguments.name))
        .replace(
            "@DATA_DIR@",
            &escaped(&arguments.data_dir.to_string_lossy()),
        )
        .replace("@PLANT_CODE@", &escaped(&arguments.plant_code))
        .replace("@PLANT_NAME@", &escaped(&arguments.plant_name))
        .replace("@API_LISTEN@", &escaped(&arguments.api_listen))
        .replace("@JMF_LISTEN@", &escaped(&arguments.jmf_listen))
        .replace("@HUB_URL@", &hub_url)
}

/// Text inside a TOML string.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(char::escape_default)
        .collect::<String>()
        .replace("\\'", "'")
}

/// Writes a file that is not there yet; tells whether it did.
fn write_new(path: &Path, text: &str) -> anyhow::Result<bool> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make folder `{}`", folder.display()))?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot write `{}`", path.display())),
    }
}
