//! Messages: each that the line needs is written, valid, and read back as it was; odd ones of the field are
//! read all the same.

mod support;

use agog_jdf::jmf::{
    Body, Command, Device, DeviceFilter, DeviceInfo, Jmf, JobPhase, KnownMsgQuParams, Message,
    MessageService, Notification, NotificationFilter, Query, QueryContent, Queue, QueueEntry,
    QueueFilter, QueueSubmissionParams, ResourceInfo, ResourceQuParams, Response, ReturnCode,
    ReturnQueueEntryParams, Signal, SignalContent, StatusQuParams, StopPersistentChannel,
    Subscription, SubscriptionFilter, SubscriptionInfo, correlate,
};
use agog_jdf::{
    Amounts, DeviceDetails, DeviceStatus, JobDetails, Limits, Lot, NodeStatus, NotificationClass,
    PartAmount, QueueEntryStatus, QueueStatus, Usage,
};
use jiff::Timestamp;

fn at(time: &str) -> Timestamp {
    format!("2025-03-01T{time}Z").parse().unwrap()
}

fn jmf(messages: impl IntoIterator<Item = Message>) -> Jmf {
    let mut jmf = Jmf::new("agog-ham", at("08:00:00"));
    jmf.agent_name = Some("AGOG".to_owned());
    jmf.messages = messages.into_iter().collect();
    jmf
}

/// Writes, validates, reads back and compares; gives the text for a snapshot.
fn check(jmf: &Jmf) -> String {
    let bytes = jmf.to_bytes();
    support::assert_valid(&bytes);
    let read = Jmf::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(read.findings, []);
    assert_eq!(read.document.to_bytes(), bytes);
    let mut back = read.jmf;
    assert!(
        back.messages
            .iter()
            .all(|message| read.document.element(message.element.unwrap()).is_some())
    );
    back.messages
        .iter_mut()
        .for_each(|message| message.element = None);
    back.version = None;
    assert_eq!(&back, jmf);
    String::from_utf8(bytes).unwrap().replace("><", ">\n<")
}

fn queue() -> Queue {
    let mut entry = QueueEntry::new("qe-1", QueueEntryStatus::Running);
    entry.job_id = Some("J-1001".to_owned());
    entry.job_part_id = Some("P1".to_owned());
    entry.priority = Some(50);
    entry.submission_time = Some(at("07:59:00"));
    entry.start_time = Some(at("08:00:00"));
    let waiting = QueueEntry::new("qe-2", QueueEntryStatus::Waiting);
    Queue {
        device_id: "press-3".to_owned(),
        status: QueueStatus::Running,
        queue_size: Some(2),
        entries: vec![entry, waiting],
        ..Queue::default()
    }
}

fn device_info() -> DeviceInfo {
    let mut phase = JobPhase::new(NodeStatus::InProgress);
    phase.job_id = Some("J-1001".to_owned());
    phase.queue_entry_id = Some("qe-1".to_owned());
    phase.amount = Some(5_200.into());
    phase.waste = Some(180.into());
    phase.phase_amount = Some(5_200.into());
    phase.total_amount = Some(14_500.into());
    phase.phase_start_time = Some(at("08:20:00"));
    let mut info = DeviceInfo::new("press-3", DeviceStatus::Running);
    info.speed = Some(12_000.into());
    info.production_counter = Some("5380.5".parse().unwrap());
    info.job_phases = vec![phase];
    info
}

#[test]
fn queries_with_subscriptions() {
    let status = StatusQuParams {
        device_details: Some(DeviceDetails::Full),
        job_details: Some(JobDetails::MIS),
        queue_info: true,
        ..StatusQuParams::default()
    };
    let resource = ResourceQuParams {
        classes: vec!["Consumable".to_owned(), "Quantity".to_owned()],
        exact: true,
        ..ResourceQuParams::default()
    };
    let subscription = || Subscription::to("http://agent:8010/jmf").every_seconds(10);
    let queries = [
        Query::subscribe(QueryContent::Status(status), subscription()),
        Query::subscribe(QueryContent::Resource(resource), subscription()),
        Query::subscribe(
            QueryContent::QueueStatus(QueueFilter::default()),
            subscription(),
        ),
        Query::subscribe(
            QueryContent::Notification(NotificationFilter::default()),
            subscription(),
        ),
        Query::once(QueryContent::QueueStatus(QueueFilter::entry("qe-1"))),
        Query::once(QueryContent::KnownDevices(DeviceFilter::details(
            DeviceDetails::Brief,
        ))),
        Query::once(QueryContent::KnownMessages(KnownMsgQuParams::default())),
        Query::once(QueryContent::KnownSubscriptions(
            SubscriptionFilter::default(),
        )),
    ];
    let messages = (1..)
        .zip(queries)
        .map(|(number, query)| Message::query(format!("Q{number}"), query));
    insta::assert_snapshot!(check(&jmf(messages)));
}

#[test]
fn commands() {
    let submit = QueueSubmissionParams {
        url: "cid:ticket.jdf".to_owned(),
        return_jmf: Some("http://agent:8010/jmf".to_owned()),
        hold: true,
        priority: Some(70),
        ..QueueSubmissionParams::default()
    };
    let give_back = ReturnQueueEntryParams {
        queue_entry_id: "qe-1".to_owned(),
        url: "cid:ticket.jdf".to_owned(),
        completed: vec!["n1".to_owned()],
        ..ReturnQueueEntryParams::default()
    };
    let stop = StopPersistentChannel {
        url: "http://agent:8010/jmf".to_owned(),
        channel_id: Some("Q1".to_owned()),
        ..StopPersistentChannel::default()
    };
    let commands = [
        Command::SubmitQueueEntry(submit),
        Command::ReturnQueueEntry(give_back),
        Command::AbortQueueEntry(QueueFilter::entry("qe-1").into()),
        Command::RemoveQueueEntry(QueueFilter::entry("qe-1")),
        Command::HoldQueueEntry(QueueFilter::entry("qe-1")),
        Command::ResumeQueueEntry(QueueFilter::entry("qe-1")),
        Command::SuspendQueueEntry(QueueFilter::entry("qe-1")),
        Command::StopPersistentChannel(stop),
    ];
    let messages = (1..)
        .zip(commands)
        .map(|(number, command)| Message::command(format!("C{number}"), command));
    insta::assert_snapshot!(check(&jmf(messages)));
}

#[test]
fn signals() {
    let lot = Lot {
        lot_id: "LOT-2025-001".to_owned(),
        actual_amount: Some(5_380.into()),
        ..Lot::default()
    };
    let amounts = Amounts {
        parts: vec![
            PartAmount::of_condition("Good")
                .with_actual(5_380.into())
                .with_lot(lot),
        ],
        ..Amounts::default()
    };
    let resource = ResourceInfo {
        resource_name: Some("Media".to_owned()),
        product_id: Some("BOARD-300".to_owned()),
        usage: Some(Usage::Input),
        lot_controlled: Some(true),
        amounts,
        ..ResourceInfo::default()
    };
    let mut notification = Notification::new(NotificationClass::Warning, "feeder: double sheet");
    notification.timestamp = Some(at("08:30:00"));
    let contents = [
        SignalContent::Status {
            params: StatusQuParams::default(),
            devices: vec![device_info()],
            queue: Some(queue()),
        },
        SignalContent::Resource {
            params: ResourceQuParams::default(),
            resources: vec![resource],
        },
        SignalContent::QueueStatus {
            filter: QueueFilter::default(),
            queue: Some(queue()),
        },
        SignalContent::notification(notification),
    ];
    let messages = (1..).zip(contents).map(|(number, content)| {
        Message::signal(format!("S{number}"), Some("Q1"), content).at(at("08:30:00"))
    });
    insta::assert_snapshot!(check(&jmf(messages)));
}

#[test]
fn responses() {
    let to = |content| Message::query("Q1", Query::once(content));
    let service = MessageService {
        kind: "Status".to_owned(),
        query: true,
        persistent: true,
        ..MessageService::default()
    };
    let info = SubscriptionInfo {
        channel_id: Some("Q1".to_owned()),
        family: Some("Query".to_owned()),
        message_type: Some("Status".to_owned()),
        subscription: Subscription::to("http://agent:8010/jmf"),
        ..SubscriptionInfo::default()
    };
    let mut known = DeviceInfo::new("press-3", DeviceStatus::Idle);
    known.device = Some(Device {
        device_id: Some("press-3".to_owned()),
        descriptive_name: Some("Press 3".to_owned()),
        jmf_url: Some("http://press-3:8010/jmf".to_owned()),
        ..Device::default()
    });
    let submit = Message::command(
        "C1",
        Command::SubmitQueueEntry(QueueSubmissionParams::default()),
    );
    let mut refusal = Response::refusal(
        ReturnCode::QUEUE_CLOSED,
        "the queue takes no jobs until Monday",
    );
    refusal.notifications[0].timestamp = Some(at("08:00:00"));
    let answers = vec![
        (
            to(QueryContent::Status(StatusQuParams::default())),
            Response {
                subscribed: Some(true),
                devices: vec![device_info()],
                ..Response::default()
            },
        ),
        (
            to(QueryContent::KnownDevices(DeviceFilter::default())),
            Response {
                devices: vec![known],
                ..Response::default()
            },
        ),
        (
            to(QueryContent::KnownMessages(KnownMsgQuParams::default())),
            Response {
                messages: vec![service],
                ..Response::default()
            },
        ),
        (
            to(QueryContent::KnownSubscriptions(
                SubscriptionFilter::default(),
            )),
            Response {
                subscriptions: vec![info],
                ..Response::default()
            },
        ),
        (
            to(QueryContent::QueueStatus(QueueFilter::default())),
            Response {
                queue: Some(queue()),
                ..Response::default()
            },
        ),
        (
            submit.clone(),
            Response {
                queue_entry: Some(QueueEntry::new("qe-1", QueueEntryStatus::Waiting)),
                queue: Some(queue()),
                ..Response::default()
            },
        ),
        (submit, refusal),
    ];
    let messages = (1..)
        .zip(answers)
        .map(|(number, (to, response))| Message::response(format!("R{number}"), &to, response));
    insta::assert_snapshot!(check(&jmf(messages)));
}

fn parse(messages: &str) -> Jmf {
    let source = format!(
        "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' SenderID='p' TimeStamp='2025-03-01T08:00:00Z' Version='1.3'>{messages}</JMF>"
    );
    Jmf::parse(source.as_bytes(), &Limits::default())
        .unwrap()
        .jmf
}

#[test]
fn the_older_way_to_name_queue_entries_is_read_too() {
    let old =
        "<Command ID='c' Type='AbortQueueEntry'><QueueEntryDef QueueEntryID='qe-1'/></Command>";
    let new = "<Command ID='c' Type='AbortQueueEntry'><AbortQueueEntryParams><QueueFilter><QueueEntryDef QueueEntryID='qe-1'/>\
        </QueueFilter></AbortQueueEntryParams><QueueEntryDef QueueEntryID='qe-1'/></Command>";
    for command in [old, new] {
        let Body::Command(Command::AbortQueueEntry(abort)) = &parse(command).messages[0].body
        else {
            panic!("{command}")
        };
        assert_eq!(abort, &QueueFilter::entry("qe-1").into());
    }
}

#[test]
fn a_message_of_an_unknown_type_is_kept_and_its_element_found() {
    let source = b"<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:v='urn:v' SenderID='p' Version='1.5'>\
        <Comment/><Query ID='q' Type='v:InkTemperature'><v:Unit Name='4'/></Query></JMF>";
    let read = Jmf::parse(source, &Limits::default()).unwrap();
    let [message] = read.jmf.messages.as_slice() else {
        panic!("one message")
    };
    assert_eq!(
        message.body,
        Body::Query(Query::once(QueryContent::Other(
            "v:InkTemperature".to_owned()
        )))
    );
    let element = read.element(message).unwrap();
    assert_eq!(
        element.children().next().unwrap().attribute("Name"),
        Some("4")
    );
    assert_eq!(read.findings[0].message, "`TimeStamp` is missing");
}

#[test]
fn unknown_states_and_return_codes_are_kept() {
    let jmf = parse(
        "<Response ID='r' Type='Status' refID='q' ReturnCode='501'><DeviceInfo DeviceID='d' DeviceStatus='Warping'/>\
         <Notification Class='Error'><Comment>too  large</Comment><Error ReturnCode='501'/></Notification></Response>",
    );
    let Body::Response(response) = &jmf.messages[0].body else {
        panic!("a response")
    };
    assert_eq!(response.return_code, ReturnCode(501));
    assert_eq!(response.reason(), "too  large");
    assert_eq!(
        response.devices[0].status,
        DeviceStatus::Other("Warping".to_owned())
    );
    assert_eq!(response.notifications[0].error_code(), Some(501));
}

#[test]
fn a_status_signal_of_an_older_device_has_its_id_inside() {
    let jmf = parse(
        "<Signal ID='s' Type='Status'><DeviceInfo DeviceStatus='Idle'><Device DeviceID='d7'/></DeviceInfo></Signal>",
    );
    let Body::Signal(Signal {
        content: SignalContent::Status { devices, .. },
        ..
    }) = &jmf.messages[0].body
    else {
        panic!()
    };
    assert_eq!(devices[0].id(), Some("d7"));
}

#[test]
fn responses_find_their_messages_by_reference_or_by_the_exchange() {
    let sent = [
        Message::query(
            "a",
            Query::once(QueryContent::KnownMessages(KnownMsgQuParams::default())),
        ),
        Message::query(
            "b",
            Query::once(QueryContent::Notification(NotificationFilter::default())),
        ),
        Message::query(
            "c",
            Query::once(QueryContent::KnownSubscriptions(
                SubscriptionFilter::default(),
            )),
        ),
    ];
    let received = parse(
        "<Response ID='1' Type='Notification'/><Response ID='2' Type='Whatever' refID='c'/><Response ID='3' Type='Odd' refID='zzz'/>",
    );
    let answers = correlate(&sent, &received.messages);
    let ids: Vec<_> = answers
        .iter()
        .map(|answer| answer.map(|message| message.id.as_str()))
        .collect();
    assert_eq!(ids, [Some("3"), Some("1"), Some("2")]);
    assert_eq!(correlate(&sent, &[]), [None, None, None]);
}

#[test]
fn what_is_not_jmf_is_refused_with_its_place() {
    let error = Jmf::parse(
        b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'/>",
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a `JMF` document, found `JDF` at line 1, column 1 (/JDF)"
    );
}

#[test]
fn jmf_without_its_namespace_is_told_what_it_lacks() {
    let found = |xml: &str| {
        let refused = Jmf::parse(xml.as_bytes(), &Limits::default());
        refused.unwrap_err().kind.to_string()
    };
    assert_eq!(
        found("<JMF/>"),
        "expected a `JMF` document, found `JMF` without the namespace of JDF, \
         `http://www.CIP4.org/JDFSchema_1_1`"
    );
    assert_eq!(
        found("<JMF xmlns='urn:other'/>"),
        "expected a `JMF` document, found `JMF` in the namespace `urn:other`"
    );
}
