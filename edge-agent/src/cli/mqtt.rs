//! `mqtt tail`: what arrives at a broker, and how the topic map understands it. Needs no running agent, and is not noticed
//! by one.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::Session;
use crate::config::{Config, MqttConfig};
use crate::ingest::mqtt::tail::{Seen, Tail};

#[derive(Debug, Subcommand)]
pub(super) enum MqttArguments {
    /// Show each message that arrives, and the samples that the topic map makes of it.
    Tail(TailArguments),
}

#[derive(Debug, Args)]
pub(super) struct TailArguments {
    /// The name of the broker; may be left out when there is one.
    #[arg(long, value_name = "NAME")]
    broker: Option<String>,
    /// A topic filter instead of those of the topic map.
    #[arg(long, value_name = "FILTER")]
    topic: Option<String>,
    /// End after so many messages.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

pub(super) async fn mqtt(session: Session, arguments: MqttArguments) -> anyhow::Result<ExitCode> {
    match arguments {
        MqttArguments::Tail(arguments) => tail(session, arguments).await,
    }
}

async fn tail(mut session: Session, arguments: TailArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let broker = broker(&config, arguments.broker.as_deref())?;
    let plant = &config.agent.plant_code;
    let mut tail = Tail::new(broker, plant, arguments.topic.as_deref(), &mut session.rng)?;
    tail.connect().await?;
    let mut left = arguments.count;
    while left != Some(0) {
        let seen = tokio::select! {
            seen = tail.next(&*session.clock) => seen?,
            _ = tokio::signal::ctrl_c() => break,
        };
        match session.output.line(&seen, lines) {
            // `agog-edge mqtt tail | head` is not an error.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            other => other?,
        }
        left = left.map(|left| left - 1);
    }
    Ok(ExitCode::SUCCESS)
}

fn broker<'a>(config: &'a Config, name: Option<&str>) -> anyhow::Result<&'a MqttConfig> {
    let names: Vec<_> = config.mqtt.iter().map(|it| it.name.as_str()).collect();
    let names = names.join(", ");
    match (name, config.mqtt.as_slice()) {
        (_, []) => bail!("no broker is configured; see [[mqtt]] in the configuration"),
        (None, [only]) => Ok(only),
        (None, _) => bail!("there are several brokers, name one with --broker: {names}"),
        (Some(name), brokers) => match brokers.iter().find(|it| it.name == name) {
            Some(broker) => Ok(broker),
            None => bail!("there is no broker {name}; there are: {names}"),
        },
    }
}

fn lines(seen: &Seen) -> String {
    let kept = if seen.retained { ", retained" } else { "" };
    let mut text = format!(
        "{} {} ({} bytes{kept}): {}\n",
        seen.at.strftime("%H:%M:%S%.3f"),
        seen.topic,
        seen.bytes,
        seen.payload
    );
    for sample in &seen.samples {
        let unit = sample.unit.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "    {} {} = {} {unit} at {}",
            sample.device, sample.metric, sample.value, sample.at
        );
    }
    match &seen.fault {
        Some(fault) => {
            let _ = writeln!(text, "    BAD: {fault}");
        }
        None if seen.samples.is_empty() => {
            text.push_str("    no samples in it, or retained and without a time of its own\n");
        }
        None => {}
    }
    text
}
