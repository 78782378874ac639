//! `device add|change|remove|list`: devices that are added while the agent runs. Those of the
//! configuration file are listed, and changed there.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Client, Session};
use crate::config::{DeviceConfig, FolderConfig, Transport};
use crate::devices::known::Origin;
use crate::devices::profile::{ProfileName, Settings};
use crate::devices::routes::DeviceView;

const PATH: [&str; 3] = ["api", "v1", "devices"];

#[derive(Debug, Subcommand)]
pub(super) enum DeviceArguments {
    /// Add a device; it is watched at once.
    Add(WrittenArguments),
    /// Change a device; what is not given stays as it is.
    Change(WrittenArguments),
    /// Remove a device; its channels are stopped as soon as it answers.
    Remove {
        /// The id of the device.
        id: String,
    },
    /// List the devices of the configuration file and those that were added.
    List,
}

#[derive(Debug, Args)]
pub(super) struct WrittenArguments {
    /// Its id, as it names itself in JMF.
    id: String,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    /// Where it takes JMF messages.
    #[arg(long, conflicts_with_all = ["to", "from"])]
    url: Option<String>,
    /// From where its messages come, when that is not the address in its URL: an address or a network;
    /// may be given several times.
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// The folder that it takes tickets from.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// The folder that it puts tickets into.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// The partner profile that fits it.
    #[arg(long)]
    profile: Option<String>,
    /// In what it differs from its profile, for example `heartbeat_s=20`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

pub(super) async fn device(
    session: &Session,
    arguments: DeviceArguments,
) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    match arguments {
        DeviceArguments::Add(arguments) => {
            let device = applied(empty(&arguments.id), arguments)?;
            if device.url.is_empty() && device.folder.is_none() {
                bail!("a device needs --url, or --to and --from");
            }
            let view: DeviceView = client
                .post_body(
                    &config,
                    &PATH,
                    "application/json",
                    serde_json::to_vec(&device)?,
                )
                .await?;
            show(session, &view, "added")?;
        }
        DeviceArguments::Change(arguments) => {
            let path = [PATH.as_slice(), &[arguments.id.as_str()]].concat();
            let view: DeviceView = client.get(&config, &path, &[]).await?;
            let known = view
                .config
                .context("the agent does not tell how the device is written")?;
            let id = arguments.id.clone();
            let device = applied(known, arguments)?;
            let path = [PATH.as_slice(), &[id.as_str()]].concat();
            let view: DeviceView = client.put(&config, &path, &device).await?;
            show(session, &view, "changed")?;
        }
        DeviceArguments::Remove { id } => {
            let path = [PATH.as_slice(), &[id.as_str()]].concat();
            client.delete(&config, &path).await?;
            let removed = serde_json::json!({ "removed": id });
            session
                .output
                .show(&removed, |_| format!("device {id} removed"))?;
        }
        DeviceArguments::List => {
            let devices: Vec<DeviceView> = client.get(&config, &PATH, &[]).await?;
            session.output.show(&devices, |devices| list(devices))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn empty(id: &str) -> DeviceConfig {
    DeviceConfig {
        id: id.to_owned(),
        name: None,
        url: String::new(),
        addresses: Vec::new(),
        transport: Transport::Jmf,
        folder: None,
        profile: ProfileName::default(),
        settings: Settings::default(),
    }
}

/// The device with what the arguments say of it.
fn applied(mut device: DeviceConfig, arguments: WrittenArguments) -> anyhow::Result<DeviceConfig> {
    device.name = arguments.name.or(device.name);
    if let Some(url) = arguments.url {
        device.url = url;
        device.transport = Transport::Jmf;
        device.folder = None;
    }
    if !arguments.addresses.is_empty() {
        device.addresses = arguments.addresses;
    }
    if arguments.to.is_some() || arguments.from.is_some() {
        let known = device.folder.take();
        let both = "a device with folders needs --to and --from";
        let to = arguments
            .to
            .or_else(|| known.as_ref().map(|it| it.to.clone()));
        let from = arguments
            .from
            .or_else(|| known.as_ref().map(|it| it.from.clone()));
        device.folder = Some(FolderConfig {
            to: to.context(both)?,
            from: from.context(both)?,
            done: known.as_ref().and_then(|it| it.done.clone()),
            failed: known.as_ref().and_then(|it| it.failed.clone()),
            delete_done: known.as_ref().is_some_and(|it| it.delete_done),
            package: known.as_ref().is_some_and(|it| it.package),
        });
        device.url.clear();
        device.transport = Transport::Folder;
    }
    if let Some(profile) = arguments.profile {
        device.profile = serde_json::from_value(Value::String(profile))?;
    }
    if !arguments.settings.is_empty() {
        let mut settings = serde_json::to_value(&device.settings)?;
        for setting in &arguments.settings {
            let Some((key, value)) = setting.split_once('=') else {
                bail!("--set {setting}: expected KEY=VALUE");
            };
            // A number or truth value where the setting is one, else text: `jmf_version=1.3` is text.
            settings[key] = Value::String(value.to_owned());
            if let Ok(said) = serde_json::from_str(value) {
                let mut as_said = settings.clone();
                as_said[key] = said;
                if serde_json::from_value::<Settings>(as_said.clone()).is_ok() {
                    settings = as_said;
                }
            }
        }
        device.settings = serde_json::from_value(settings).context("--set")?;
    }
    Ok(device)
}

fn show(session: &Session, view: &DeviceView, what: &str) -> std::io::Result<()> {
    session.output.show(view, |view| {
        let place = view
            .config
            .as_ref()
            .map_or_else(|| view.url.clone(), DeviceConfig::place);
        format!("device {} {what} ({place})", view.id)
    })
}

fn list(devices: &[DeviceView]) -> String {
    if devices.is_empty() {
        return "no device is configured".to_owned();
    }
    let mut text = String::new();
    for device in devices {
        let place = device
            .config
            .as_ref()
            .map_or_else(|| device.url.clone(), DeviceConfig::place);
        let origin = match device.origin {
            Origin::File => "configuration file",
            Origin::Api => "added",
        };
        let name = device.name.as_deref().unwrap_or(&device.id);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<12} {name:<20} {place}  profile {}  {origin}",
            device.id, device.profile.name
        );
    }
    text
}
