//! `jmf devices`, `jmf subscriptions`, `jmf queue` and `jmf send`: the machines of the plant, what
//! they tell, and tickets for them.

mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use agog_sync::ids::RequestId;
use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Client, Session};
use crate::devices::routes::DeviceView;
use crate::jobs::routes::{JobRequest, JobView, OutputRequest};

#[derive(Debug, Subcommand)]
pub(super) enum JmfArguments {
    /// Show the configured devices: contact, state, jobs, modules, and what they can do.
    Devices(DevicesArguments),
    /// Show which channels the devices have.
    Subscriptions(DevicesArguments),
    /// Show the queues of the devices.
    Queue(DevicesArguments),
    /// Hand a ticket in for a device. It is submitted as soon as the device answers.
    Send(Box<SendArguments>),
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

pub(super) async fn jmf(mut session: Session, arguments: JmfArguments) -> anyhow::Result<ExitCode> {
    match arguments {
        JmfArguments::Devices(arguments) => {
            let devices = devices(&session, arguments).await?;
            let now = session.clock.now();
            session
                .output
                .show(&devices, |devices| show::devices(devices, now))?;
        }
        JmfArguments::Subscriptions(arguments) => {
            let devices = devices(&session, arguments).await?;
            let now = session.clock.now();
            session
                .output
                .show(&show::channels_of(devices), |devices| {
                    show::subscriptions(devices, now)
                })?;
        }
        JmfArguments::Queue(arguments) => {
            let devices = devices(&session, arguments).await?;
            let now = session.clock.now();
            session.output.show(&show::queues_of(devices), |queues| {
                show::queues(queues, now)
            })?;
        }
        JmfArguments::Send(arguments) => send(&mut session, *arguments).await?,
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
