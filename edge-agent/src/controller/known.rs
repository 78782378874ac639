//! What the agent and its devices are and can: `KnownMessages`, `KnownDevices`,
//! `SubmissionMethods`.

use agog_jdf::jmf::{
    Device, DeviceFilter, DeviceInfo, KnownMsgQuParams, MessageService, SubmissionMethods,
};
use agog_jdf::{ChannelMode, DeviceDetails, DeviceStatus, Document, Fragment, Limits, Packaging};

use crate::config::DeviceConfig;
use crate::devices::picture::DeviceState;
use crate::devices::record::Records;
use crate::run::Agent;

/// What is asked here, and whether it can be subscribed.
const QUERIES: [(&str, bool); 8] = [
    ("KnownDevices", false),
    ("KnownMessages", false),
    ("KnownSubscriptions", false),
    ("Notification", true),
    ("QueueStatus", true),
    ("Resource", true),
    ("Status", true),
    ("SubmissionMethods", false),
];
/// What is ordered here.
const COMMANDS: [&str; 16] = [
    "AbortQueueEntry",
    "CloseQueue",
    "FlushQueue",
    "HoldQueue",
    "HoldQueueEntry",
    "OpenQueue",
    "RemoveQueueEntry",
    "ResubmitQueueEntry",
    "ResumeQueue",
    "ResumeQueueEntry",
    "ReturnQueueEntry",
    "SetQueueEntryPosition",
    "SetQueueEntryPriority",
    "StopPersistentChannel",
    "SubmitQueueEntry",
    "SuspendQueueEntry",
];

/// The messages that are taken and sent, as many as are asked for.
pub(super) fn messages(agent: &Agent, params: &KnownMsgQuParams) -> Vec<MessageService> {
    let url_schemes = agent.desk.outward.schemes();
    let wanted = |list: Option<bool>| list != Some(false);
    let mut services: Vec<MessageService> = QUERIES
        .iter()
        .map(|(kind, persistent)| MessageService {
            kind: (*kind).to_owned(),
            query: wanted(params.list_queries),
            signal: *persistent && wanted(params.list_signals),
            persistent: *persistent,
            channel_mode: persistent.then_some(ChannelMode::Reliable),
            url_schemes: if *persistent {
                web(&url_schemes)
            } else {
                Vec::new()
            },
            ..MessageService::default()
        })
        .collect();
    services.extend(COMMANDS.iter().map(|kind| MessageService {
        kind: (*kind).to_owned(),
        command: wanted(params.list_commands),
        url_schemes: match *kind {
            "SubmitQueueEntry" | "ResubmitQueueEntry" => submission_schemes(&url_schemes),
            _ => Vec::new(),
        },
        ..MessageService::default()
    }));
    services.retain(|service| {
        (service.query || service.command || service.signal)
            && (!params.persistent || service.persistent)
    });
    services.sort_by(|a, b| a.kind.cmp(&b.kind));
    services
}

/// How tickets are handed in.
pub(super) fn submission_methods(agent: &Agent) -> SubmissionMethods {
    SubmissionMethods {
        packaging: vec![Packaging::MIME],
        url_schemes: submission_schemes(&agent.desk.outward.schemes()),
        ..SubmissionMethods::default()
    }
}

/// Signals and returned tickets go nowhere but to web addresses.
fn web(schemes: &[String]) -> Vec<String> {
    let web = schemes.iter().filter(|scheme| *scheme != "file");
    web.cloned().collect()
}

fn submission_schemes(schemes: &[String]) -> Vec<String> {
    let inside = ["cid".to_owned()];
    inside.iter().chain(schemes).cloned().collect()
}

/// The devices of the plant, with as much about each as is asked for.
pub(super) async fn devices(agent: &Agent, filter: &DeviceFilter) -> Vec<DeviceInfo> {
    let mut infos = Vec::new();
    for device in agent.known_devices.all().iter() {
        let state = agent.devices.of(&device.id);
        let described = described(device, &state);
        if filter.matches(&described) {
            infos.push(info(agent, device, &state, described, filter).await);
        }
    }
    infos
}

async fn info(
    agent: &Agent,
    device: &DeviceConfig,
    state: &DeviceState,
    described: Device,
    filter: &DeviceFilter,
) -> DeviceInfo {
    let status = state.status.as_deref().filter(|_| state.reachable);
    let bare = DeviceInfo::new(
        &device.id,
        status.map_or(DeviceStatus::Unknown, DeviceStatus::from),
    );
    let details = filter.device_details.as_ref();
    if details == Some(&DeviceDetails::None) {
        return bare;
    }
    if details.is_some_and(|details| *details >= DeviceDetails::Capability)
        && let Some(sent) = capability(agent, device).await
    {
        // As the device sent it: nothing of what it can do gets lost on the way.
        return DeviceInfo {
            content: vec![sent],
            ..bare
        };
    }
    DeviceInfo {
        device: Some(described),
        ..bare
    }
}

fn described(device: &DeviceConfig, state: &DeviceState) -> Device {
    let told = state.introduction.device.as_ref();
    let text = |field: fn(&crate::devices::introduction::DeviceFacts) -> &Option<String>| {
        told.and_then(|facts| field(facts).clone())
    };
    Device {
        device_id: Some(device.id.clone()),
        descriptive_name: device
            .name
            .clone()
            .or_else(|| text(|facts| &facts.descriptive_name)),
        device_type: text(|facts| &facts.device_type),
        manufacturer: text(|facts| &facts.manufacturer),
        model_name: text(|facts| &facts.model_name),
        serial_number: text(|facts| &facts.serial_number),
        jdf_versions: text(|facts| &facts.jdf_versions),
        ics_versions: told
            .map(|facts| facts.ics_versions.clone())
            .unwrap_or_default(),
        ..Device::default()
    }
}

/// The `Device` element that the device sent when it was connected.
async fn capability(agent: &Agent, device: &DeviceConfig) -> Option<Fragment> {
    let records = Records::new(&agent.config.agent.data_dir);
    let record = agent.devices.of(&device.id).record?;
    let xml = records.capability(&record).await.ok()??;
    let document = Document::parse(xml.as_bytes(), &Limits::default()).ok()?;
    Some(document.root().to_fragment())
}
