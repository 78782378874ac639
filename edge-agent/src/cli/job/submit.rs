//! `job submit`: the files go to the agent first, streamed, and then the ticket that names them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_sync::frame::TicketFile;
use agog_sync::ids::RequestId;
use anyhow::{Context as _, bail};
use clap::Args;
use tokio_util::io::ReaderStream;

use crate::cli::{Client, Session};
use crate::config::Config;
use crate::jobs::routes::{JobRequest, JobView, OutputRequest};
use crate::outbox::files::StoredFile;

#[derive(Debug, Args)]
pub(in crate::cli) struct SubmitArguments {
    /// The id of the device.
    #[arg(long)]
    device: String,
    /// The JDF document.
    #[arg(long, value_name = "FILE")]
    ticket: PathBuf,
    /// A file that the ticket names by its file name or as `cid:ID`; can be repeated.
    #[arg(long = "file", value_name = "[ID=]FILE")]
    files: Vec<String>,
    /// The job is held in the device's queue until it is resumed.
    #[arg(long)]
    hold: bool,
    /// The priority in the device's queue, 0 to 100; the higher ones are first.
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..=100))]
    priority: Option<i64>,
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

pub(super) async fn submit(
    session: &mut Session,
    arguments: SubmitArguments,
) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let jdf = std::fs::read_to_string(&arguments.ticket)
        .with_context(|| format!("cannot read ticket `{}`", arguments.ticket.display()))?;
    let client = Client::find(&config)?;
    let mut files = Vec::new();
    for file in &arguments.files {
        files.push(upload(&client, &config, file).await?);
    }
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
        files,
        hold: arguments.hold,
        priority: arguments.priority,
    };
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
    Ok(ExitCode::SUCCESS)
}

/// Brings one file to the agent: `ID=FILE`, or a file that goes by its own name.
async fn upload(client: &Client, config: &Config, argument: &str) -> anyhow::Result<TicketFile> {
    let (id, path) = match argument.split_once('=') {
        // A file whose name has an equals sign is meant as it is.
        Some((id, path)) if !Path::new(argument).exists() => (Some(id), Path::new(path)),
        _ => (None, Path::new(argument)),
    };
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        bail!("`{}` names no file", path.display());
    };
    let file = tokio::fs::File::open(path)
        .await
        .with_context(|| format!("cannot read file `{}`", path.display()))?;
    let body = reqwest::Body::wrap_stream(ReaderStream::new(file));
    let stored: StoredFile = client
        .post_body(
            config,
            &["api", "v1", "files"],
            "application/octet-stream",
            body,
        )
        .await
        .with_context(|| format!("file `{}` is not taken", path.display()))?;
    Ok(TicketFile {
        content_id: id.unwrap_or(name).to_owned(),
        name: name.to_owned(),
        media_type: media_type(path).to_owned(),
        bytes: stored.bytes,
        blake3: stored.blake3,
    })
}

fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("pdf") => "application/pdf",
        Some("xml" | "ppf") => "application/xml",
        Some("tif" | "tiff") => "image/tiff",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("icc" | "icm") => "application/vnd.iccprofile",
        _ => "application/octet-stream",
    }
}
