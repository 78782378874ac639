//! Every message of every family, with every field set: it is valid by the schema and reads back equal; so
//! does any other one, whatever its texts hold.

use jiff::Timestamp;
use proptest::prelude::*;

use super::samples::{SampleChildren, SampleValue, Source};
use super::*;
use crate::oracle;
use crate::{AcknowledgeType, Activation, DeviceDetails, EndStatus};

/// More than the longest state set, so that every value is written once.
const TURNS: usize = 15;

fn sample<T: SampleValue>(source: &mut Source) -> T {
    T::sample(source, "")
}

fn some<T: SampleChildren>(source: &mut Source) -> T {
    T::children(source, "")
}

/// The schema has a narrower set of details here than in a device filter.
fn status_params(source: &mut Source) -> StatusQuParams {
    let mut params: StatusQuParams = sample(source);
    if params.device_details == Some(DeviceDetails::NamedFeature) {
        params.device_details = Some(DeviceDetails::Full);
    }
    params
}

/// The schema has a narrower set of activations here than at a node.
fn resource_command(source: &mut Source) -> ResourceCmdParams {
    let mut params: ResourceCmdParams = sample(source);
    if let Some(Activation::Inactive | Activation::Informative) = params.activation {
        params.activation = Some(Activation::Held);
    }
    params
}

fn query(name: &str, source: &mut Source) -> QueryContent {
    match name {
        "Status" => QueryContent::Status(status_params(source)),
        "Resource" => QueryContent::Resource(sample(source)),
        "QueueStatus" => QueryContent::QueueStatus(sample(source)),
        "KnownDevices" => QueryContent::KnownDevices(sample(source)),
        "KnownMessages" => QueryContent::KnownMessages(sample(source)),
        "KnownSubscriptions" => QueryContent::KnownSubscriptions(sample(source)),
        "SubmissionMethods" => QueryContent::SubmissionMethods,
        "Notification" => QueryContent::Notification(sample(source)),
        "FlushQueue" => QueryContent::FlushQueue(sample(source)),
        "NewJDF" => QueryContent::NewJdf(sample(source)),
        "ForceGang" => QueryContent::ForceGang(sample(source)),
        "GangStatus" => QueryContent::GangStatus(sample(source)),
        "RequestForAuthentication" => QueryContent::RequestForAuthentication(sample(source)),
        name => QueryContent::Other(name.to_owned()),
    }
}

fn command(name: &str, source: &mut Source) -> Command {
    match name {
        "SubmitQueueEntry" => Command::SubmitQueueEntry(sample(source)),
        "ResubmitQueueEntry" => Command::ResubmitQueueEntry(sample(source)),
        "ReturnQueueEntry" => Command::ReturnQueueEntry(sample(source)),
        "RequestQueueEntry" => Command::RequestQueueEntry(sample(source)),
        "AbortQueueEntry" => Command::AbortQueueEntry(AbortQueueEntry {
            filter: sample(source),
            end_status: source
                .one_of(&[EndStatus::Aborted, EndStatus::Completed])
                .clone(),
        }),
        "RemoveQueueEntry" => Command::RemoveQueueEntry(sample(source)),
        "HoldQueueEntry" => Command::HoldQueueEntry(sample(source)),
        "ResumeQueueEntry" => Command::ResumeQueueEntry(sample(source)),
        "SuspendQueueEntry" => Command::SuspendQueueEntry(sample(source)),
        "SetQueueEntryPriority" => Command::SetQueueEntryPriority(sample(source)),
        "SetQueueEntryPosition" => Command::SetQueueEntryPosition(sample(source)),
        "CloseQueue" => Command::CloseQueue,
        "OpenQueue" => Command::OpenQueue,
        "HoldQueue" => Command::HoldQueue,
        "ResumeQueue" => Command::ResumeQueue,
        "FlushQueue" => Command::FlushQueue(sample(source)),
        "ForceGang" => Command::ForceGang(sample(source)),
        "StopPersistentChannel" => Command::StopPersistentChannel(sample(source)),
        "Resource" => Command::Resource(resource_command(source)),
        "ResourcePull" => Command::ResourcePull(sample(source)),
        "PipePull" => Command::PipePull(sample(source)),
        "PipePush" => Command::PipePush(sample(source)),
        "PipePause" => Command::PipePause(sample(source)),
        "PipeClose" => Command::PipeClose(sample(source)),
        "NewJDF" => Command::NewJdf(sample(source)),
        "ModifyNode" => Command::ModifyNode(sample(source)),
        "UpdateJDF" => Command::UpdateJdf(sample(source)),
        "ShutDown" => Command::ShutDown(sample(source)),
        "WakeUp" => Command::WakeUp(sample(source)),
        "RequestForAuthentication" => Command::RequestForAuthentication(sample(source)),
        name => Command::Other(name.to_owned()),
    }
}

fn registration(name: &str, source: &mut Source) -> RegistrationContent {
    match name {
        "Resource" => RegistrationContent::Resource(resource_command(source)),
        "ResourcePull" => RegistrationContent::ResourcePull(sample(source)),
        "PipePull" => RegistrationContent::PipePull(sample(source)),
        "PipePush" => RegistrationContent::PipePush(sample(source)),
        name => RegistrationContent::Other(name.to_owned()),
    }
}

fn signal(name: &str, source: &mut Source) -> SignalContent {
    match name {
        "Status" => SignalContent::Status {
            params: status_params(source),
            devices: some(source),
            queue: some(source),
        },
        "Resource" => SignalContent::Resource {
            params: sample(source),
            resources: some(source),
        },
        "QueueStatus" => SignalContent::QueueStatus {
            filter: sample(source),
            queue: some(source),
        },
        "Notification" => SignalContent::Notification {
            filter: sample(source),
            notification: sample(source),
        },
        "KnownDevices" => SignalContent::KnownDevices {
            filter: sample(source),
            devices: some(source),
        },
        "KnownMessages" => SignalContent::KnownMessages {
            params: sample(source),
            messages: some(source),
        },
        "KnownSubscriptions" => SignalContent::KnownSubscriptions {
            subscriptions: some(source),
        },
        "FlushQueue" => SignalContent::FlushQueue {
            filter: sample(source),
            queue: some(source),
            info: some(source),
        },
        "NewJDF" => SignalContent::NewJdf {
            params: sample(source),
            ids: some(source),
        },
        "ModifyNode" => SignalContent::ModifyNode(sample(source)),
        "UpdateJDF" => SignalContent::UpdateJdf(sample(source)),
        "GangStatus" => SignalContent::GangStatus {
            filter: sample(source),
            gangs: some(source),
        },
        "ShutDown" => SignalContent::ShutDown {
            devices: some(source),
            queue: some(source),
        },
        "WakeUp" => SignalContent::WakeUp {
            params: sample(source),
            devices: some(source),
        },
        "RequestForAuthentication" => SignalContent::RequestForAuthentication {
            params: sample(source),
            response: some(source),
        },
        name => SignalContent::Other(name.to_owned()),
    }
}

/// The answer of a type, with everything that it may hold.
fn response(name: &str, family: Family, source: &mut Source) -> Response {
    let mut response = Response {
        notifications: some(source),
        ..Response::default()
    };
    if family == Family::Acknowledge {
        response.acknowledge_types = AcknowledgeType::KNOWN.to_vec();
    } else {
        response.acknowledged = true;
        response.subscribed = Some(true);
    }
    match name {
        "Status" | "ShutDown" => {
            response.devices = some(source);
            response.queue = some(source);
        }
        "KnownDevices" | "WakeUp" => response.devices = some(source),
        "Resource" => response.resources = some(source),
        "KnownMessages" => response.messages = some(source),
        "KnownSubscriptions" => response.subscriptions = some(source),
        "SubmissionMethods" => response.submission_methods = some(source),
        "NewJDF" => response.ids = some(source),
        "ModifyNode" => response.modify_node = some(source),
        "UpdateJDF" => response.update_jdf = some(source),
        "ForceGang" | "GangStatus" => response.gangs = some(source),
        "RequestForAuthentication" => response.authentication = some(source),
        "PipePull" | "PipePush" | "PipePause" | "PipeClose" => response.job_phases = some(source),
        "SubmitQueueEntry" | "ResourcePull" => {
            response.queue_entry = some(source);
            response.queue = some(source);
        }
        "FlushQueue" => {
            response.queue = some(source);
            response.flush_queue = some(source);
        }
        "Notification" | "ReturnQueueEntry" | "RequestQueueEntry" | "StopPersistentChannel" => {}
        _ => response.queue = some(source),
    }
    response
}

fn message(id: String, kind: &MessageKind, family: Family, source: &mut Source) -> Message {
    let mut message = match family {
        Family::Query => {
            let content = query(kind.name, source);
            // The schema knows no subscription of these.
            let is_once = matches!(kind.name, "ForceGang" | "RequestForAuthentication");
            let subscription = if is_once { None } else { some(source) };
            Message::query(
                id,
                Query {
                    content,
                    subscription,
                },
            )
        }
        Family::Command => {
            let mut message = Message::command(id, command(kind.name, source));
            message.transaction_id = sample(source);
            message.related_commands = sample(source);
            message
        }
        Family::Registration => {
            let content = registration(kind.name, source);
            let subscription = some(source);
            Message::registration(
                id,
                Registration {
                    content,
                    subscription,
                },
            )
        }
        Family::Signal => {
            let signal = Signal {
                content: signal(kind.name, source),
                channel_mode: sample(source),
                last_repeat: sample(source),
                trigger: some(source),
                notifications: some(source),
            };
            Message::signal(id, Some("Q1"), signal)
        }
        Family::Response | Family::Acknowledge => {
            let body = response(kind.name, family, source);
            let asked = Message::query("Q1", Query::once(query(kind.name, source)));
            let mut message = Message::acknowledge(id, &asked, body.clone());
            if family == Family::Response {
                message.body = Body::Response(body);
            }
            message
        }
    };
    if matches!(family, Family::Query | Family::Command) {
        message.acknowledge = sample(source);
    }
    if shows_queue(kind.name, family) {
        message.queue_filter = some(source);
    }
    message.origin = sample(source);
    message.sender_id = sample(source);
    message.time = sample(source);
    message
}

/// Whether the answer shows the queue, so that the message may say which part of it.
fn shows_queue(name: &str, family: Family) -> bool {
    let of_queue = matches!(name, "ResourcePull" | "ShutDown" | "FlushQueue")
        || (name.ends_with("Queue") || name.contains("QueueEntry"))
            && !matches!(name, "ReturnQueueEntry" | "RequestQueueEntry");
    match family {
        Family::Command | Family::Registration => of_queue && name != "Resource",
        Family::Query => name == "FlushQueue",
        _ => false,
    }
}

fn every_message(source: &mut Source) -> Vec<Message> {
    let in_use = MessageKind::ALL.iter().filter(|kind| !kind.is_legacy);
    let pairs = in_use.flat_map(|kind| kind.families.iter().map(move |family| (kind, *family)));
    pairs
        .enumerate()
        .map(|(number, (kind, family))| message(format!("M{number}"), kind, family, source))
        .collect()
}

fn jmf(messages: Vec<Message>) -> Jmf {
    let now: Timestamp = "2025-03-01T08:00:00Z".parse().unwrap();
    Jmf {
        device_id: Some("press-3".to_owned()),
        agent_name: Some("AGOG".to_owned()),
        agent_version: Some("1.0".to_owned()),
        version: Some("1.5".to_owned()),
        max_version: Some("1.5".to_owned()),
        response_url: Some("http://agent:8010/jmf".to_owned()),
        ics_versions: vec!["Base_L2-1.5".to_owned(), "JMF_L2-1.5".to_owned()],
        employees: some(&mut Source::full(0)),
        messages,
        ..Jmf::new("agent", now)
    }
}

fn without_people(jmf: Jmf) -> Jmf {
    Jmf {
        employees: Vec::new(),
        ..jmf
    }
}

/// What is read from what is written, without the places in the document.
fn read_back(jmf: &Jmf) -> Jmf {
    let bytes = jmf.to_bytes();
    let read = Jmf::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(read.findings, [], "{}", String::from_utf8_lossy(&bytes));
    let mut back = read.jmf;
    back.messages
        .iter_mut()
        .for_each(|message| message.element = None);
    back
}

#[test]
fn every_message_with_every_field_is_valid_by_the_schema() {
    let documents: Vec<Vec<u8>> = (0..TURNS)
        .map(|turn| {
            let mut messages = every_message(&mut Source::full(turn));
            // The specification allows people in every message; the types of the schema leave them out, and want
            // those of the whole document written as resources of a ticket.
            let origins = messages.iter_mut().map(|message| &mut message.origin);
            origins.for_each(|origin| origin.employees.clear());
            without_people(jmf(messages)).to_bytes()
        })
        .collect();
    oracle::assert_all_valid(&documents);
    oracle::assert_valid(&without_people(jmf(Vec::new())).to_bytes());
}

#[test]
fn every_message_with_every_field_reads_back_equal() {
    for turn in 0..TURNS {
        let jmf = jmf(every_message(&mut Source::full(turn)));
        let back = read_back(&jmf);
        for (back, message) in back.messages.iter().zip(&jmf.messages) {
            assert_eq!(back, message);
        }
        assert_eq!(back, jmf);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_message_reads_back_equal(seed: u64) {
        let jmf = jmf(every_message(&mut Source::random(seed)));
        for (back, message) in read_back(&jmf).messages.iter().zip(&jmf.messages) {
            prop_assert_eq!(back, message);
        }
    }
}
