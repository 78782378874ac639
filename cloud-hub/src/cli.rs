//! The command line. `serve` runs as the server's role; everything else as the owner of the
//! schema. Data goes to standard output, as a sentence or with `--json` for machines; logs and
//! errors go to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use agog_sync::clock::{Clock as _, SystemClock};
use agog_sync::ids::{AgentId, EventId};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

use crate::config::{Config, Log};
use crate::db::{self, Pool};
use crate::tenants::Role;
use crate::tenants::admin;
use crate::{http, intake, run};

/// The AGOG cloud hub.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        env = "AGOG_HUB_CONFIG",
        default_value = "/etc/agog/hub.toml"
    )]
    config: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve agents and users until SIGTERM.
    Serve,
    /// Make the roles, and bring the schema up to date.
    Migrate,
    /// Companies.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Sites of a company.
    #[command(subcommand)]
    Plant(PlantCommand),
    /// The edge agents of plants.
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Tokens for the API of a company.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Events that are kept and could not be applied.
    #[command(subcommand)]
    Rejected(RejectedCommand),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Make a company.
    Create { name: String },
    /// List all companies.
    List,
}

#[derive(Debug, Subcommand)]
enum PlantCommand {
    /// Make a site.
    Create {
        /// Id or name of the company.
        #[arg(long)]
        tenant: String,
        /// 1 to 16 of A-Z, 0-9 and -; part of the lot numbers that the plant makes.
        #[arg(long)]
        code: String,
        #[arg(long)]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    /// Make a one-time code with which one agent joins a plant within a day.
    Code {
        /// Id or name of the company.
        #[arg(long)]
        tenant: String,
        /// Code of the plant.
        #[arg(long)]
        plant: String,
    },
    /// List the agents of a company.
    List {
        #[arg(long)]
        tenant: String,
    },
    /// Shut an agent out, from its next request on.
    Revoke {
        #[arg(long)]
        tenant: String,
        agent: AgentId,
    },
}

#[derive(Debug, Subcommand)]
enum RejectedCommand {
    /// Apply those that can be applied now, for example after an update of the hub.
    Retry {
        /// Id or name of the company.
        #[arg(long)]
        tenant: String,
        /// Only this event; may be given several times.
        #[arg(long = "event")]
        events: Vec<EventId>,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token. It is shown this once.
    Create {
        /// Id or name of the company.
        #[arg(long)]
        tenant: String,
        /// viewer (reads), office (moves lots, sends jobs) or admin.
        #[arg(long)]
        role: Role,
        /// Who will use it.
        #[arg(long, default_value = "api")]
        name: String,
    },
    /// Shut a token out, from its next request on.
    Revoke {
        #[arg(long)]
        tenant: String,
        token_id: Uuid,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Before the log is set up there is nobody else to tell.
            drop(writeln!(std::io::stderr(), "agog-hub: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn start(arguments: &Arguments) -> anyhow::Result<()> {
    if matches!(arguments.command, Command::Openapi) {
        return print(&http::openapi::document());
    }
    let config = Config::load(&arguments.config, &|name| std::env::var(name).ok())?;
    log(&config.log)?;
    if matches!(arguments.command, Command::Serve) {
        return run::serve(&config).await;
    }
    let answer = administer(&config, &arguments.command).await?;
    if arguments.json {
        print(&format!("{}\n", answer.json))
    } else {
        print(&format!("{}\n", answer.text))
    }
}

/// What a command did, for machines and for people.
struct Answer {
    json: Value,
    text: String,
}

async fn administer(config: &Config, command: &Command) -> anyhow::Result<Answer> {
    let options = config.owner()?;
    if matches!(command, Command::Migrate) {
        db::migrate(&options).await?;
        return Ok(Answer {
            json: json!({"migrated": true}),
            text: "the schema is up to date".to_owned(),
        });
    }
    let owner = Pool::owner(options);
    let answer = match command {
        Command::Tenant(command) => tenant(&owner, command).await,
        Command::Plant(command) => plant(&owner, command).await,
        Command::Agent(command) => agent(&owner, command).await,
        Command::Token(command) => token(&owner, command).await,
        Command::Rejected(command) => rejected(&owner, config.sync.roll_at.get(), command).await,
        Command::Serve | Command::Migrate | Command::Openapi => unreachable!("handled above"),
    };
    owner.close().await;
    answer
}

async fn tenant(owner: &Pool, command: &TenantCommand) -> anyhow::Result<Answer> {
    match command {
        TenantCommand::Create { name } => {
            let now = SystemClock.now();
            let tenant = admin::tenant_create(owner, name, now, &mut run::system_rng()?).await?;
            Ok(Answer {
                text: format!("tenant {} is {}", tenant.name, tenant.tenant_id),
                json: json!(tenant),
            })
        }
        TenantCommand::List => {
            let tenants = admin::tenant_list(owner).await?;
            let lines: Vec<_> = tenants
                .iter()
                .map(|tenant| format!("{}  {}", tenant.tenant_id, tenant.name))
                .collect();
            Ok(Answer {
                text: lines.join("\n"),
                json: json!(tenants),
            })
        }
    }
}

async fn plant(owner: &Pool, command: &PlantCommand) -> anyhow::Result<Answer> {
    let PlantCommand::Create { tenant, code, name } = command;
    let tenant_id = admin::tenant_find(owner, tenant).await?;
    let now = SystemClock.now();
    let plant =
        admin::plant_create(owner, tenant_id, code, name, now, &mut run::system_rng()?).await?;
    Ok(Answer {
        text: format!(
            "plant {} ({}) is {}",
            plant.code, plant.name, plant.plant_id
        ),
        json: json!(plant),
    })
}

async fn agent(owner: &Pool, command: &AgentCommand) -> anyhow::Result<Answer> {
    match command {
        AgentCommand::Code { tenant, plant } => {
            let tenant_id = admin::tenant_find(owner, tenant).await?;
            let code = admin::code_create(owner, tenant_id, plant, SystemClock.now()).await?;
            Ok(Answer {
                text: format!(
                    "{}\nfor one agent of plant {}, until {}",
                    code.code, code.plant_code, code.expires_at
                ),
                json: json!(code),
            })
        }
        AgentCommand::List { tenant } => {
            let tenant_id = admin::tenant_find(owner, tenant).await?;
            let agents = admin::agent_list(owner, tenant_id).await?;
            let line = |(agent, plant): &(_, String)| agent_line(agent, plant);
            let lines: Vec<_> = agents.iter().map(line).collect();
            let list: Vec<_> = agents
                .iter()
                .map(|(agent, plant)| agent_json(agent, plant))
                .collect();
            Ok(Answer {
                text: lines.join("\n"),
                json: json!(list),
            })
        }
        AgentCommand::Revoke { tenant, agent } => {
            let tenant_id = admin::tenant_find(owner, tenant).await?;
            admin::agent_revoke(owner, tenant_id, *agent, SystemClock.now()).await?;
            Ok(Answer {
                text: format!("agent {agent} is shut out"),
                json: json!({"agent_id": agent, "revoked": true}),
            })
        }
    }
}

fn agent_line(agent: &crate::tenants::model::Agent, plant: &str) -> String {
    let state = if agent.revoked_at.is_some() {
        "revoked"
    } else {
        "active"
    };
    format!(
        "{}  {plant}  {state}  {} {}",
        agent.agent_id, agent.name, agent.version
    )
}

fn agent_json(agent: &crate::tenants::model::Agent, plant: &str) -> Value {
    json!({
        "agent_id": agent.agent_id,
        "plant_code": plant,
        "name": agent.name,
        "version": agent.version,
        "enrolled_at": agent.enrolled_at,
        "revoked_at": agent.revoked_at,
    })
}

async fn token(owner: &Pool, command: &TokenCommand) -> anyhow::Result<Answer> {
    match command {
        TokenCommand::Create { tenant, role, name } => {
            let tenant_id = admin::tenant_find(owner, tenant).await?;
            let (now, mut rng) = (SystemClock.now(), run::system_rng()?);
            let token = admin::token_create(owner, tenant_id, name, *role, now, &mut rng).await?;
            Ok(Answer {
                text: format!(
                    "{}\nrole {}, id {}",
                    token.token, token.role, token.token_id
                ),
                json: json!(token),
            })
        }
        TokenCommand::Revoke { tenant, token_id } => {
            let tenant_id = admin::tenant_find(owner, tenant).await?;
            admin::token_revoke(owner, tenant_id, *token_id, SystemClock.now()).await?;
            Ok(Answer {
                text: format!("token {token_id} is shut out"),
                json: json!({"token_id": token_id, "revoked": true}),
            })
        }
    }
}

async fn rejected(
    owner: &Pool,
    roll_at: usize,
    command: &RejectedCommand,
) -> anyhow::Result<Answer> {
    let RejectedCommand::Retry { tenant, events } = command;
    let tenant_id = admin::tenant_find(owner, tenant).await?;
    let only = (!events.is_empty()).then_some(&events[..]);
    let (now, mut rng) = (SystemClock.now(), run::system_rng()?);
    let retried = intake::rejected::retry(owner, tenant_id, only, roll_at, now, &mut rng).await?;
    Ok(Answer {
        text: format!(
            "{} events applied, {} rejected again",
            retried.applied, retried.rejected
        ),
        json: json!(retried),
    })
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")
}

fn log(log: &Log) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG")
        .ok()
        .or_else(|| log.filter.clone())
    {
        Some(filter) => {
            EnvFilter::try_new(&filter).with_context(|| format!("bad log filter `{filter}`"))?
        }
        None => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let set = if log.json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    set.map_err(|error| anyhow::anyhow!(error))
        .context("cannot set up the log")
}
