//! `serial tail`: what arrives at serial ports, and how it was understood. Asks the running agent, because only one process can have a
//! port open.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::{Client, Session};
use crate::config::Config;
use crate::ingest::serial::routes::HeardLines;
use crate::ingest::serial::{Heard, ScanForm};

/// Sooner than somebody looks from the scanner to the screen.
const LOOK_EVERY: Duration = Duration::from_millis(300);

#[derive(Debug, Subcommand)]
pub(super) enum SerialArguments {
    /// Show the newest lines, then each one that arrives, and what was made of it.
    Tail(TailArguments),
}

#[derive(Debug, Args)]
pub(super) struct TailArguments {
    /// Only this port.
    #[arg(long, value_name = "NAME")]
    port: Option<String>,
    /// End after so many lines.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

pub(super) async fn serial(
    session: &Session,
    arguments: SerialArguments,
) -> anyhow::Result<ExitCode> {
    match arguments {
        SerialArguments::Tail(arguments) => tail(session, arguments).await,
    }
}

async fn tail(session: &Session, arguments: TailArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    check_port(&config, arguments.port.as_deref())?;
    let client = Client::find(&config)?;
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut seen = 0;
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
        let mut query = vec![("after", seen.to_string())];
        query.extend(arguments.port.clone().map(|port| ("port", port)));
        let path = ["api", "v1", "serial", "lines"];
        let heard: HeardLines = client.get(&config, &path, &query).await?;
        for line in &heard.lines {
            match session.output.line(line, lines) {
                // `agog-edge serial tail | head` is not an error.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                other => other?,
            }
            left -= 1;
            if left == 0 {
                return Ok(ExitCode::SUCCESS);
            }
        }
        // An agent that was restarted counts from the beginning.
        seen = heard.newest;
    }
}

fn check_port(config: &Config, name: Option<&str>) -> anyhow::Result<()> {
    let names: Vec<_> = config.serial.iter().map(|it| it.name.as_str()).collect();
    match name {
        _ if names.is_empty() => {
            bail!("no serial port is configured; see [[serial]] in the configuration")
        }
        Some(name) if !names.contains(&name) => {
            bail!("there is no port {name}; there are: {}", names.join(", "))
        }
        _ => Ok(()),
    }
}

fn lines(heard: &Heard) -> String {
    let mut text = format!(
        "{} {}: {}\n",
        heard.at.strftime("%H:%M:%S%.3f"),
        heard.port,
        heard.text
    );
    if let Some(scan) = &heard.scan {
        let _ = match scan.form {
            ScanForm::Plain => writeln!(text, "    code {}", scan.code),
            ScanForm::Gs1 => writeln!(text, "    GS1 {}", scan.code),
        };
        for element in &scan.elements {
            let _ = writeln!(
                text,
                "    ({}) {} {}",
                element.ai, element.name, element.data
            );
        }
        if let Some(quantity) = &scan.label.quantity {
            let _ = writeln!(text, "    quantity {quantity}");
        }
        if let Some(expiry) = &scan.label.expiry {
            let _ = writeln!(text, "    expires {expiry}");
        }
    }
    for sample in &heard.samples {
        let unit = sample.unit.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "    {} {} = {} {unit}",
            sample.device, sample.metric, sample.value
        );
    }
    if let Some(unused) = &heard.unused {
        let _ = writeln!(text, "    no sample: {unused}");
    }
    if let Some(fault) = &heard.fault {
        let _ = writeln!(text, "    BAD: {fault}");
    }
    text
}
