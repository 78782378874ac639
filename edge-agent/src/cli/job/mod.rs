//! `job`: tickets for the machines of the plant, with their files, and what shall be done with them.
//!
//! `submit` hands a ticket in and comes back at once: it is submitted as soon as its device answers,
//! and `show` says what became of it.

mod print;
mod submit;

use std::process::ExitCode;

use agog_sync::ids::RequestId;
use clap::{Args, Subcommand};

use super::{Client, Session};
use crate::jobs::routes::{CommandRequest, JobView};
use crate::ledger::sending::DeviceCommand;
use crate::outbox::routes::GiveUpRequest;

#[derive(Debug, Subcommand)]
pub(super) enum JobArguments {
    /// Hand a ticket in for a device, with the files that it names.
    Submit(Box<submit::SubmitArguments>),
    /// List the jobs that have not ended.
    List {
        /// Also the newest of those that have ended.
        #[arg(long)]
        all: bool,
    },
    /// Show one job, and what its device was told of it.
    Show {
        /// The number of the job.
        number: String,
    },
    /// The job is not begun until it is resumed.
    Hold(Target),
    /// A held or suspended job goes on.
    Resume(Target),
    /// Interrupt a job that runs.
    Suspend(Target),
    /// End the job; the device returns its ticket. One that was not sent yet is withdrawn.
    Abort(Target),
    /// Take the job out of the queue. One that was not sent yet is withdrawn.
    Remove(Target),
    /// End a job here that its device has lost or will not return. The device is told nothing.
    GiveUp {
        /// The number of the job.
        number: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who says so.
        #[arg(long, value_name = "NAME")]
        operator: Option<String>,
    },
    /// Set the priority in the device's queue.
    Priority {
        #[command(flatten)]
        target: Target,
        /// 0 to 100; the higher ones are first.
        #[arg(value_parser = clap::value_parser!(i64).range(0..=100))]
        priority: i64,
    },
    /// Move the job among those that wait.
    Position {
        #[command(flatten)]
        target: Target,
        /// From 0, the next to run.
        position: u32,
    },
}

#[derive(Debug, Args)]
pub(super) struct Target {
    /// The number of the job.
    number: String,
    /// Who wants it.
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// The same key again is the same command.
    #[arg(long)]
    key: Option<String>,
}

pub(super) async fn job(mut session: Session, arguments: JobArguments) -> anyhow::Result<ExitCode> {
    let (name, target, request) = match arguments {
        JobArguments::Submit(arguments) => return submit::submit(&mut session, *arguments).await,
        JobArguments::List { all } => {
            let config = session.config()?;
            let query = [("ended", all.to_string())];
            let path = ["api", "v1", "jobs"];
            let jobs: Vec<JobView> = Client::find(&config)?.get(&config, &path, &query).await?;
            session.output.show(&jobs, |jobs| print::jobs(jobs))?;
            return Ok(ExitCode::SUCCESS);
        }
        JobArguments::Show { number } => {
            let config = session.config()?;
            let path = ["api", "v1", "jobs", number.as_str()];
            let job: JobView = Client::find(&config)?.get(&config, &path, &[]).await?;
            session.output.show(&job, print::job)?;
            return Ok(ExitCode::SUCCESS);
        }
        JobArguments::GiveUp {
            number,
            reason,
            operator: by,
        } => {
            let request = GiveUpRequest { reason, by };
            return give_up(&mut session, &number, &request).await;
        }
        JobArguments::Hold(target) => ("hold", target, CommandRequest::default()),
        JobArguments::Resume(target) => ("resume", target, CommandRequest::default()),
        JobArguments::Suspend(target) => ("suspend", target, CommandRequest::default()),
        JobArguments::Abort(target) => ("abort", target, CommandRequest::default()),
        JobArguments::Remove(target) => ("remove", target, CommandRequest::default()),
        JobArguments::Priority { target, priority } => {
            let request = CommandRequest {
                priority: Some(priority),
                ..CommandRequest::default()
            };
            ("priority", target, request)
        }
        JobArguments::Position { target, position } => {
            let request = CommandRequest {
                position: Some(position),
                ..CommandRequest::default()
            };
            ("position", target, request)
        }
    };
    command(&mut session, name, target, request).await
}

async fn give_up(
    session: &mut Session,
    number: &str,
    request: &GiveUpRequest,
) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let key = RequestId::generate(session.clock.now(), &mut session.rng).to_string();
    let path = ["api", "v1", "jobs", number, "give-up"];
    let job: JobView = client.post(&config, &path, &key, request).await?;
    session.output.show(&job, print::job)?;
    Ok(ExitCode::SUCCESS)
}

async fn command(
    session: &mut Session,
    name: &str,
    target: Target,
    request: CommandRequest,
) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let new_key = || RequestId::generate(session.clock.now(), &mut session.rng).to_string();
    let key = target.key.unwrap_or_else(new_key);
    let request = CommandRequest {
        by: target.operator,
        ..request
    };
    let path = ["api", "v1", "jobs", target.number.as_str(), name];
    let command: DeviceCommand = client.post(&config, &path, &key, &request).await?;
    session.output.show(&command, |command| {
        format!(
            "{name} of job {0} for device {1}: {2} ({3}); `agog-edge job show {0}` says what becomes of it",
            target.number,
            command.device,
            command.state.as_str(),
            command.command_id
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
