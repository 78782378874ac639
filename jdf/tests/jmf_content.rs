//! What messages of the field say, read in detail; and which answer belongs to which message.

use agog_jdf::jmf::{
    Body, Command, DeviceFilter, Jmf, Message, ParsedJmf, Query, QueryContent, QueueEntry,
    QueueFilter, QueueSubmissionParams, Response, SignalContent, correlate, referred,
};
use agog_jdf::resource::{DevCaps, View};
use agog_jdf::{
    AcknowledgeType, ChannelMode, DeadLine, EndStatus, GangPolicy, Limits, MilestoneType,
    QueueEntryStatus, RetryPolicy, UpdateGranularity, UpdateMethod,
};
use rust_decimal::Decimal;

fn parse(messages: &str) -> ParsedJmf {
    let source = format!(
        "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' SenderID='p' TimeStamp='2025-03-01T08:00:00Z' Version='1.4' \
         ICSVersions='Base_L2-1.4 JMF_L2-1.4'>{messages}</JMF>"
    );
    Jmf::parse(source.as_bytes(), &Limits::default()).unwrap()
}

fn command(source: &str) -> (Command, Message) {
    let mut read = parse(source);
    let message = read.jmf.messages.remove(0);
    let Body::Command(command) = message.body.clone() else {
        panic!("{source}")
    };
    (command, message)
}

#[test]
fn a_command_says_how_it_wants_to_be_acknowledged_and_what_belongs_to_it() {
    let (command, message) = command(
        "<Command ID='c' Type='SubmitQueueEntry' AcknowledgeURL='http://a' AcknowledgeType='Received Completed' \
         AcknowledgeFormat='%s' AcknowledgeTemplate='i' TransactionID='t' RelatedCommands='c d'>\
         <QueueSubmissionParams URL='cid:t' GangName='G7' GangPolicy='GangAndForce' PrevQueueEntryID='q1' refID='r'>\
         <Disposition DispositionAction='Archive' MinDuration='P2D'/></QueueSubmissionParams>\
         <QueueFilter MaxEntries='0'/></Command>",
    );
    assert_eq!(message.acknowledge.url.as_deref(), Some("http://a"));
    assert_eq!(
        message.acknowledge.types,
        [AcknowledgeType::Received, AcknowledgeType::Completed]
    );
    assert_eq!(message.transaction_id.as_deref(), Some("t"));
    assert_eq!(message.related_commands, ["c", "d"]);
    assert_eq!(message.queue_filter.unwrap().max_entries, Some(0));
    let Command::SubmitQueueEntry(QueueSubmissionParams {
        gang_policy,
        disposition,
        ..
    }) = command
    else {
        panic!("a submission")
    };
    assert_eq!(gang_policy, Some(GangPolicy::GangAndForce));
    assert_eq!(disposition.unwrap().min_duration.unwrap().as_hours(), 48);
}

#[test]
fn parameters_that_stand_twice_are_read_once_and_told() {
    let read = parse(
        "<Command ID='c' Type='SubmitQueueEntry'><QueueSubmissionParams URL='cid:a' DescriptiveName='Leaflet'/>\
         <QueueSubmissionParams URL='cid:b'/></Command>",
    );
    let Body::Command(Command::SubmitQueueEntry(params)) = &read.jmf.messages[0].body else {
        panic!("a submission")
    };
    assert_eq!(params.url, "cid:a");
    assert_eq!(params.descriptive_name.as_deref(), Some("Leaflet"));
    let told = &read.findings[0];
    assert_eq!(
        (told.code, told.message.as_str()),
        (
            "element-twice",
            "a second `QueueSubmissionParams` is not read"
        )
    );
    assert_eq!(read.findings.len(), 1);
}

#[test]
fn a_filter_of_the_answer_is_not_taken_for_the_entries_meant() {
    // JMF 1.2: the entry stands bare, and the filter says what of the queue to show.
    let (hold, message) = command(
        "<Command ID='c' Type='HoldQueueEntry'><QueueEntryDef QueueEntryID='q1'/><QueueFilter StatusList='Held'/></Command>",
    );
    assert_eq!(hold, Command::HoldQueueEntry(QueueFilter::entry("q1")));
    assert_eq!(
        message.queue_filter.unwrap().statuses,
        [QueueEntryStatus::Held]
    );
    // A writer who means the entries by it says nothing else.
    let (hold, _) = command(
        "<Command ID='c' Type='HoldQueueEntry'><QueueFilter><QueueEntryDef QueueEntryID='q1'/></QueueFilter></Command>",
    );
    assert_eq!(hold, Command::HoldQueueEntry(QueueFilter::entry("q1")));
    let (abort, _) = command(
        "<Command ID='c' Type='AbortQueueEntry'><AbortQueueEntryParams EndStatus='Completed'><QueueFilter GangNames='G7'/>\
         </AbortQueueEntryParams></Command>",
    );
    let Command::AbortQueueEntry(abort) = abort else {
        panic!("an abort")
    };
    assert_eq!(abort.end_status, EndStatus::Completed);
    assert_eq!(abort.filter.gang_names, ["G7"]);
}

#[test]
fn filters_choose_entries_by_everything_they_name() {
    let entry = |id: &str, hour: i8| QueueEntry {
        submission_time: Some(format!("2025-03-01T{hour:02}:00:00Z").parse().unwrap()),
        gang_name: Some("G7".to_owned()),
        device_id: Some("press-3".to_owned()),
        ..QueueEntry::new(id, QueueEntryStatus::Waiting)
    };
    let read = parse(
        "<Query ID='q' Type='QueueStatus'><QueueFilter OlderThan='2025-03-01T09:00:00Z' NewerThan='2025-03-01T07:00:00Z' \
         GangNames='G7 G8' UpdateGranularity='ChangesOnly' QueueEntryDetails='JobPhase'><Device DeviceID='press-3'/>\
         </QueueFilter></Query>",
    );
    let Body::Query(Query {
        content: QueryContent::QueueStatus(filter),
        ..
    }) = &read.jmf.messages[0].body
    else {
        panic!("of the queue")
    };
    assert_eq!(
        filter.update_granularity,
        Some(UpdateGranularity::ChangesOnly)
    );
    assert!(filter.matches(&entry("q1", 8)));
    assert!(!filter.matches(&entry("q1", 9)) && !filter.matches(&entry("q1", 7)));
    let of_other_gang = QueueEntry {
        gang_name: None,
        ..entry("q1", 8)
    };
    let of_other_device = QueueEntry {
        device_id: Some("press-4".to_owned()),
        ..entry("q1", 8)
    };
    assert!(!filter.matches(&of_other_gang) && !filter.matches(&of_other_device));
}

#[test]
fn a_subscription_has_all_its_traits() {
    let read = parse(
        "<Query ID='q' Type='Status'><StatusQuParams JobID='J'><Part SheetName='S1'/></StatusQuParams><Subscription URL='http://a' \
         RepeatTime='2.5' RepeatStep='100' MinDelayTime='PT3S' ChannelMode='Reliable' RetryPolicy='RetryForever' Format='%s' \
         Template='i'><ObservationTarget ObservationPath='DeviceInfo/@DeviceStatus'/></Subscription></Query>",
    );
    assert_eq!(read.jmf.ics_versions, ["Base_L2-1.4", "JMF_L2-1.4"]);
    let Body::Query(query) = &read.jmf.messages[0].body else {
        panic!("a query")
    };
    let subscription = query.subscription.as_ref().unwrap();
    assert_eq!(subscription.channel_mode, Some(ChannelMode::Reliable));
    assert_eq!(subscription.retry_policy, Some(RetryPolicy::RetryForever));
    assert_eq!(subscription.min_delay_time.unwrap().as_secs(), 3);
    assert_eq!(
        subscription.observation_targets[0]
            .observation_path
            .as_deref(),
        Some("DeviceInfo/@DeviceStatus")
    );
    let QueryContent::Status(params) = &query.content else {
        panic!("of status")
    };
    assert_eq!(params.parts[0]["SheetName"], "S1");
}

#[test]
fn a_status_signal_is_read_down_to_the_modules() {
    let read = parse(
        "<Signal ID='s' Type='Status' refID='q' LastRepeat='true'><DeviceInfo DeviceStatus='Running' HourCounter='PT400H' \
         PowerOnTime='2025-03-01T06:00:00Z'><JobPhase Status='InProgress' DeadLine='Late' RestTime='PT90M' SpawnID='sp' \
         PhaseAmount='12.5'><Part SheetName='S1' Side='Front'/><MISDetails CostType='Chargeable'/><ModuleStatus \
         ModuleType='PrintModule' ModuleIndex='0~3 7' DeviceStatus='Stopped'/><JDF ID='n' Type='Cutting'/></JobPhase>\
         <Employee PersonalID='E7'/><Activity ActivityName='Shift'/></DeviceInfo>\
         <Trigger RepeatTime='10'><ChangedPath Path='x' Modification='Modify'/></Trigger></Signal>",
    );
    assert_eq!(read.findings, []);
    let Body::Signal(signal) = &read.jmf.messages[0].body else {
        panic!("a signal")
    };
    let SignalContent::Status { devices, .. } = &signal.content else {
        panic!("of status")
    };
    assert!(signal.last_repeat);
    assert_eq!(
        signal.trigger.as_ref().unwrap().repeat_time,
        Some(Decimal::TEN)
    );
    let phase = &devices[0].job_phases[0];
    assert_eq!(phase.dead_line, Some(DeadLine::Late));
    assert_eq!(phase.rest_time.unwrap().as_mins(), 90);
    assert_eq!(phase.parts[0]["Side"], "Front");
    assert_eq!(
        phase.module_statuses[0].module_index.as_ref().unwrap().0,
        [[0, 3], [7, 7]]
    );
    let ticket = phase.tickets[0].to_document(&Limits::default()).unwrap();
    assert_eq!(ticket.root().attribute("Type"), Some("Cutting"));
    assert_eq!(devices[0].employees[0].personal_id.as_deref(), Some("E7"));
    assert_eq!(devices[0].hour_counter.unwrap().as_hours(), 400);
}

#[test]
fn a_resource_command_carries_the_resource() {
    let (command, _) = command(
        "<Command ID='c' Type='Resource'><ResourceCmdParams UpdateMethod='Incremental' JobID='J' ResourceName='NodeInfo' \
         UpdateIDs='u1 u2' ProductionAmount='500'><NodeInfo Start='2025-03-01T10:00:00Z'/></ResourceCmdParams></Command>",
    );
    let Command::Resource(params) = command else {
        panic!("of a resource")
    };
    assert_eq!(params.update_method, Some(UpdateMethod::Incremental));
    assert_eq!(params.update_ids, ["u1", "u2"]);
    assert_eq!(params.production_amount, Some(Decimal::from(500)));
    assert_eq!(params.content[0].name(), "NodeInfo");
}

#[test]
fn capabilities_are_reached_from_devices_and_from_message_services() {
    let read = parse(
        "<Response ID='r' Type='KnownMessages' refID='q'><MessageService Type='Resource' Command='true' JMFRole='Receiver' \
         URLSchemes='http https' GenericAttributes='ID'><DevCaps Name='ResourceCmdParams'><DevCap Name='ResourceCmdParams'/>\
         </DevCaps></MessageService></Response>\
         <Response ID='s' Type='KnownDevices' refID='p'><DeviceList><DeviceInfo DeviceStatus='Idle' DeviceID='d'>\
         <Device DeviceID='d' DeviceType='Press' DeviceClass='Press Printer'><DeviceCap/></Device></DeviceInfo></DeviceList></Response>",
    );
    let [Body::Response(messages), Body::Response(devices)] =
        [&read.jmf.messages[0].body, &read.jmf.messages[1].body]
    else {
        panic!("responses")
    };
    let service = &messages.messages[0];
    assert_eq!(service.url_schemes, ["http", "https"]);
    let document = service.content[0].to_document(&Limits::default()).unwrap();
    let capability = DevCaps::of(document.root().into()).unwrap();
    assert_eq!(capability.name(), Some("ResourceCmdParams"));
    let device = devices.devices[0].device.as_ref().unwrap();
    assert_eq!(device.content[0].name(), "DeviceCap");
    // The same device in a filter means it; another type means another device.
    let filter = |kind: &str| {
        let source = format!(
            "<Query ID='q' Type='KnownDevices'><DeviceFilter DeviceDetails='Full'><Device DeviceClass='Printer' DeviceType='{kind}'/>\
             </DeviceFilter></Query>"
        );
        match parse(&source).jmf.messages.remove(0).body {
            Body::Query(Query {
                content: QueryContent::KnownDevices(filter),
                ..
            }) => filter,
            _ => panic!("{source}"),
        }
    };
    assert!(filter("Press").matches(device) && !filter("Cutter").matches(device));
    assert!(DeviceFilter::default().matches(device));
}

#[test]
fn a_milestone_and_an_error_are_read_in_detail() {
    let read = parse(
        "<Signal ID='s' Type='Notification'><NotificationFilter Classes='Event Error'/><Notification Class='Event' Type='Milestone' \
         TimeStamp='2025-03-01T08:00:00Z' JobID='J'><Milestone MilestoneType='PressCompleted' TypeAmount='2'/></Notification>\
         <Notification Class='Error' Type='Error' TimeStamp='2025-03-01T08:00:00Z'><Error ErrorID='17' Resend='Prohibited'>\
         <Comment>paper</Comment><ErrorData ErrorType='Missing' Path='/JDF'/></Error></Notification></Signal>",
    );
    assert_eq!(read.findings, []);
    let Body::Signal(signal) = &read.jmf.messages[0].body else {
        panic!("a signal")
    };
    let SignalContent::Notification {
        filter,
        notification,
    } = &signal.content
    else {
        panic!("of a notification")
    };
    assert_eq!(filter.classes.len(), 2);
    let milestone = notification.milestone.as_ref().unwrap();
    assert_eq!(milestone.kind, Some(MilestoneType::PressCompleted));
    let error = &signal.notifications[0];
    assert_eq!(error.error_code(), Some(17));
    assert_eq!(error.text(), "paper; Missing");
}

/// The IDs of the answers, in the order of what was sent.
fn answers<'r>(sent: &[Message], received: &'r ParsedJmf) -> Vec<Option<&'r str>> {
    correlate(sent, &received.jmf.messages)
        .into_iter()
        .map(|answer| answer.map(|message| message.id.as_str()))
        .collect()
}

#[test]
fn an_answer_without_a_reference_takes_no_place_that_another_one_names() {
    let sent = [
        Message::query("a", Query::once(QueryContent::SubmissionMethods)),
        Message::command("b", Command::HoldQueue),
        Message::command("c", Command::OpenQueue),
    ];
    // The one of an odd type comes first, but the others fit better; a second answer to `a` is nobody's.
    let received = parse(
        "<Response ID='1' Type='Odd'/><Response ID='2' Type='SubmissionMethods' refID='a'/>\
         <Response ID='3' Type='OpenQueue'/><Response ID='4' Type='HoldQueue' refID='a'/>",
    );
    assert_eq!(answers(&sent, &received), [Some("2"), Some("1"), Some("3")]);
    let received =
        parse("<Response ID='4' Type='HoldQueue' refID='a'/><Signal ID='5' Type='Status'/>");
    assert_eq!(answers(&sent, &received), [Some("4"), None, None]);
    // An answer is not answered.
    let sent = [Message::response("r", &sent[0], Response::success())];
    assert_eq!(
        answers(&sent, &parse("<Response ID='1' Type='SubmissionMethods'/>")),
        [None]
    );
}

#[test]
fn an_acknowledge_belongs_to_the_command_that_it_names() {
    let sent = [
        Message::command("a", Command::HoldQueue),
        Message::command("b", Command::HoldQueue),
    ];
    let read = parse(
        "<Acknowledge ID='1' Type='HoldQueue' refID='b' AcknowledgeType='Applied Completed' ReturnCode='8'/>\
         <Acknowledge ID='2' Type='HoldQueue' refID='z'/>",
    );
    assert_eq!(read.findings, []);
    let [known, unknown] = read.jmf.messages.as_slice() else {
        panic!("two")
    };
    assert_eq!(referred(known, &sent), Some(&sent[1]));
    assert_eq!(referred(unknown, &sent), None);
    let Body::Acknowledge(body) = &known.body else {
        panic!("an acknowledge")
    };
    assert_eq!(body.return_code.number(), 8);
    assert_eq!(
        body.acknowledge_types,
        [AcknowledgeType::Applied, AcknowledgeType::Completed]
    );
    // It is no response: the exchange does not place it.
    assert_eq!(answers(&sent, &read), [None, None]);
}
