//! `agog-services -- COMMAND…` runs a command beside a throw-away PostgreSQL cluster and a broker.
//!
//! The command finds them in `AGOG_TEST_POSTGRES` and `AGOG_TEST_MQTT`. They are stopped and removed when the command has
//! ended, and so is the command when this program is told to end. The exit code is the command's.
//!
//! With `AGOG_TEST_DATABASE_URL` no cluster is started: the command finds that server, on which it leaves databases whose
//! names begin with `agog_test_` and `t_`.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use agog_tests::support::broker::{self, Broker};
use agog_tests::support::postgres::{self, Durability, Postgres};
use agog_tests::support::process::{Process, Program, Signal};
use agog_tests::support::wait;
use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// A command has no limit of its own: a test run takes as long as it takes.
const FOREVER: Duration = Duration::from_hours(24);

/// Runs a command beside a throw-away PostgreSQL cluster and a broker.
#[derive(Debug, Parser)]
struct Arguments {
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("agog-services: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;

    let given = std::env::var(postgres::GIVEN_URL).ok();
    let postgres = async {
        Ok(match given {
            Some(url) => Postgres::Shared { url },
            None => Postgres::own(Durability::ProcessCrash).await?,
        })
    };
    let servers = async { tokio::try_join!(postgres, Broker::start()) };
    let (postgres, broker) = tokio::select! {
        servers = servers => servers?,
        _ = interrupt.recv() => return Ok(code_of_signal(Signal::INT)),
        _ = terminate.recv() => return Ok(code_of_signal(Signal::TERM)),
        _ = hang_up.recv() => return Ok(code_of_signal(Signal::HUP)),
    };

    let (name, rest) = arguments.command.split_first().context("no command")?;
    let command = Program::installed(name)?
        .args(rest)
        .env(postgres::SHARED_URL, postgres.admin_url())
        .env(broker::SHARED_ADDRESS, broker.address().to_string())
        .on_parent_death("TERM")
        .in_foreground()
        .start_here()?;

    let status = loop {
        tokio::select! {
            status = wait_for(&command) => break status?,
            // Ctrl-C on a terminal has reached the command too; it ends as it sees fit.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => command.signal(Signal::TERM),
            _ = hang_up.recv() => command.signal(Signal::HUP),
        }
    };
    Ok(code_of(status))
}

async fn wait_for(command: &Process) -> Result<ExitStatus> {
    wait::until("the command to end", FOREVER, async || Ok(command.ended())).await
}

fn code_of(status: ExitStatus) -> ExitCode {
    // As shells do it: 128 and the signal's number.
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

fn code_of_signal(signal: Signal) -> ExitCode {
    u8::try_from(128 + signal.as_raw()).map_or(ExitCode::FAILURE, ExitCode::from)
}
