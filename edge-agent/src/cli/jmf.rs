//! `jmf devices` and `jmf send`: the machines of the plant, and tickets for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use agog_sync::ids::RequestId;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Client, Session};
use crate::api::StatusReport;
use crate::health::DeviceHealth;
use crate::jobs::routes::{JobRequest, JobView, OutputRequest};

#[derive(Debug, Subcommand)]
pub(super) enum JmfArguments {
    /// Show the configured devices, and whether they are in contact.
    Devices,
    /// Hand a ticket in for a device. It is submitted as soon as the device answers.
    Send(Box<SendArguments>),
}

#[derive(Debug, Args)]
pub(super) struct SendArguments {
    /// The id of the device.
    #[arg(long)]
    device: String,
    /// The JDF document.
    #[arg(long, value_name = "FILE")]
    ticket: PathBuf,
    /// Number of the job; the `JobID` of the ticket when not given.
    #[arg(long)]
    number: Option<String>,
    /// The customer's order.
    #[arg(long)]
    order: Option<String>,
    #[arg(long)]
    customer: Option<String>,
    /// Number of a lot that the job takes its material from; can be repeated.
    #[arg(long = "input", value_name = "LOT")]
    inputs: Vec<String>,
    /// Number of the lot that the job makes.
    #[arg(long, value_name = "LOT", requires = "output_material")]
    output: Option<String>,
    /// Code of the material that the job makes.
    #[arg(long, value_name = "CODE")]
    output_material: Option<String>,
    /// Why the job's waste is waste, when the device does not say.
    #[arg(long)]
    waste_reason: Option<String>,
}

#[derive(Serialize)]
struct DeviceLine {
    id: String,
    name: Option<String>,
    jmf_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<DeviceHealth>,
}

pub(super) async fn jmf(mut session: Session, arguments: JmfArguments) -> anyhow::Result<ExitCode> {
    match arguments {
        JmfArguments::Devices => devices(&session).await?,
        JmfArguments::Send(arguments) => send(&mut session, *arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn devices(session: &Session) -> anyhow::Result<()> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    let report: StatusReport = client.get(&config, &["api", "v1", "status"], &[]).await?;
    let mut health: BTreeMap<String, DeviceHealth> = report
        .running
        .map(|running| running.surroundings.devices)
        .unwrap_or_default();
    let lines: Vec<DeviceLine> = config
        .devices
        .into_iter()
        .map(|device| DeviceLine {
            health: health.remove(&device.id),
            id: device.id,
            name: device.name,
            jmf_url: device.url,
        })
        .collect();
    session.output.show(&lines, |lines| {
        if lines.is_empty() {
            return "no device is configured".to_owned();
        }
        let mut text = String::new();
        for line in lines {
            let name = line.name.as_deref().unwrap_or(&line.id);
            let state = match &line.health {
                Some(health) if health.in_contact => health
                    .status
                    .clone()
                    .unwrap_or_else(|| "in contact".to_owned()),
                Some(DeviceHealth {
                    last_failure: Some(why),
                    ..
                }) => format!("no contact: {why}"),
                _ => "no contact yet".to_owned(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<12} {name:<20} {state}  ({})",
                line.id, line.jmf_url
            );
        }
        text
    })?;
    Ok(())
}

async fn send(session: &mut Session, arguments: SendArguments) -> anyhow::Result<()> {
    let config = session.config()?;
    let jdf = std::fs::read_to_string(&arguments.ticket)
        .with_context(|| format!("cannot read ticket `{}`", arguments.ticket.display()))?;
    let number = arguments.output;
    let request = JobRequest {
        device: arguments.device,
        jdf,
        number: arguments.number,
        order: arguments.order,
        customer: arguments.customer,
        inputs: arguments.inputs,
        output: arguments
            .output_material
            .map(|material| OutputRequest { number, material }),
        waste_reason: arguments.waste_reason,
    };
    let client = Client::find(&config)?;
    let key = RequestId::generate(session.clock.now(), &mut session.rng).to_string();
    let job: JobView = client
        .post(&config, &["api", "v1", "jobs"], &key, &request)
        .await?;
    session.output.show(&job, |job| {
        format!(
            "job {} for device {}: {}",
            job.number, job.progress.device, job.step
        )
    })?;
    Ok(())
}
