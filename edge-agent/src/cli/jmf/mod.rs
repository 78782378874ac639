//! `jmf devices`, `jmf subscriptions`, `jmf queue`: the machines of the plant and what they tell;
//! `jmf send`, `jmf outbox`, `jmf give-up`: what is to be sent to them; `jmf submissions`: jobs that an
//! MIS has handed in, and whether it took them back.

pub(super) mod show;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::jmf::ReturnCode;
use agog_jdf::package::JMF_TYPE;
use agog_sync::ids::{JobId, RequestId};
use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Client, Session};
use crate::controller::routes::SubmissionView;
use crate::devices::routes::DeviceView;
use crate::ledger::sending::{CommandState, DeviceCommand};
use crate::outbox::routes::{GiveUpRequest, SentMessage};

#[derive(Debug, Subcommand)]
pub(super) enum JmfArguments {
    /// Show the configured devices: contact, state, jobs, modules, and what they can do.
    Devices(DevicesArguments),
    /// Show which channels the devices have.
    Subscriptions(DevicesArguments),
    /// Show the queues of the devices.
    Queue(DevicesArguments),
    /// Send the messages of a JMF file: queries at once, commands through the outbox.
    Send(SendArguments),
    /// Show what is to be sent to devices, in order.
    Outbox(OutboxArguments),
    /// Give up a command that waits, so that those behind it go on.
    GiveUp(GiveUpArguments),
    /// Show the jobs that an MIS has handed in and not taken back yet.
    Submissions(SubmissionsArguments),
}

#[derive(Debug, Args)]
pub(super) struct DevicesArguments {
    /// The id of a device; all when not given.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SendArguments {
    /// The id of the device.
    #[arg(long)]
    device: String,
    /// The JMF document; `-` reads it from standard input.
    #[arg(value_name = "FILE.jmf")]
    messages: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct OutboxArguments {
    /// The id of a device; all when not given.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Also commands that have ended.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct GiveUpArguments {
    /// The id of the command, as `jmf outbox` shows it.
    id: RequestId,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SubmissionsArguments {
    /// Also those that were given back or given up.
    #[arg(long)]
    all: bool,
    /// Print the ticket of one of them as it goes back.
    #[arg(long, value_name = "ID")]
    ticket: Option<JobId>,
}

pub(super) async fn jmf(session: &Session, arguments: JmfArguments) -> anyhow::Result<ExitCode> {
    match arguments {
        JmfArguments::Devices(arguments) => {
            let devices = devices(session, arguments).await?;
            let now = session.clock.now();
            session
                .output
                .show(&devices, |devices| show::devices(devices, now))?;
        }
        JmfArguments::Subscriptions(arguments) => {
            let devices = devices(session, arguments).await?;
            let now = session.clock.now();
            session
                .output
                .show(&show::channels_of(devices), |devices| {
                    show::subscriptions(devices, now)
                })?;
        }
        JmfArguments::Queue(arguments) => {
            let devices = devices(session, arguments).await?;
            let now = session.clock.now();
            session.output.show(&show::queues_of(devices), |queues| {
                show::queues(queues, now)
            })?;
        }
        JmfArguments::Send(arguments) => return send(session, arguments).await,
        JmfArguments::Outbox(arguments) => outbox(session, arguments).await?,
        JmfArguments::GiveUp(arguments) => give_up(session, arguments).await?,
        JmfArguments::Submissions(arguments) => submissions(session, arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn devices(
    session: &Session,
    arguments: DevicesArguments,
) -> anyhow::Result<Vec<DeviceView>> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let path = ["api", "v1", "devices"];
    match arguments.device {
        None => client.get(&config, &path, &[]).await,
        Some(id) => {
            let path = [path.as_slice(), &[id.as_str()]].concat();
            Ok(vec![client.get(&config, &path, &[]).await?])
        }
    }
}

/// Sends messages; fails when one of them did not work.
async fn send(session: &Session, arguments: SendArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let read = if arguments.messages == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(&arguments.messages)
    };
    let jmf = read.with_context(|| format!("cannot read `{}`", arguments.messages.display()))?;
    let client = Client::find(&config)?;
    let path = ["api", "v1", "devices", arguments.device.as_str(), "jmf"];
    let sent: Vec<SentMessage> = client.post_body(&config, &path, JMF_TYPE, jmf).await?;
    session.output.show(&sent, |sent| show::sent(sent))?;
    let failed = sent.iter().any(|message| {
        let refused = message.command.as_ref().is_some_and(|command| {
            matches!(command.state, CommandState::Refused | CommandState::GivenUp)
        });
        let code = message.return_code.map(ReturnCode);
        refused || message.error.is_some() || code.is_some_and(|code| !code.is_processed())
    });
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn outbox(session: &Session, arguments: OutboxArguments) -> anyhow::Result<()> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let mut query = vec![("ended", arguments.all.to_string())];
    query.extend(arguments.device.map(|device| ("device", device)));
    let commands: Vec<DeviceCommand> = client
        .get(&config, &["api", "v1", "outbox"], &query)
        .await?;
    session
        .output
        .show(&commands, |commands| show::outbox(commands))?;
    Ok(())
}

async fn give_up(session: &Session, arguments: GiveUpArguments) -> anyhow::Result<()> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let id = arguments.id.to_string();
    let request = GiveUpRequest {
        reason: arguments.reason,
        by: arguments.operator,
    };
    let path = ["api", "v1", "outbox", id.as_str(), "give-up"];
    let command: DeviceCommand = client.post(&config, &path, &id, &request).await?;
    session.output.show(&command, show::command)?;
    Ok(())
}

async fn submissions(session: &Session, arguments: SubmissionsArguments) -> anyhow::Result<()> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let path = ["api", "v1", "submissions"];
    if let Some(id) = arguments.ticket {
        let id = id.to_string();
        let path = [path.as_slice(), &[id.as_str(), "ticket"]].concat();
        let ticket = client.get_bytes(&config, &path).await?;
        std::io::stdout().lock().write_all(&ticket)?;
        return Ok(());
    }
    let query = [("settled", arguments.all.to_string())];
    let submissions: Vec<SubmissionView> = client.get(&config, &path, &query).await?;
    session
        .output
        .show(&submissions, |submissions| show::submissions(submissions))?;
    Ok(())
}
