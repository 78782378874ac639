//! Questions of an MIS, who may ask, and how often.

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::ReturnCode;
use agog_jdf::package::JMF_TYPE;
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use axum::http::StatusCode;

use crate::desk::{Desk, NEAR, PRESS, answers, document, mis};

#[tokio::test]
async fn every_message_that_is_said_to_be_known_is_implemented_and_no_other() {
    let desk = Desk::new(PRESS);
    let known = desk
        .ask_one("<Query ID=\"Q\" Type=\"KnownMessages\"/>")
        .await;
    for service in &known.messages {
        for (family, has) in [("Query", service.query), ("Command", service.command)] {
            let message = format!("<{family} ID=\"M\" Type=\"{}\"/>", service.kind);
            let code = desk.ask_one(&message).await.return_code;
            let implemented = code != ReturnCode::NOT_IMPLEMENTED;
            assert_eq!(implemented, has, "{family} {}: {code}", service.kind);
        }
    }
    let subscribable: Vec<&str> = known
        .messages
        .iter()
        .filter(|service| service.persistent)
        .map(|service| service.kind.as_str())
        .collect();
    assert_eq!(
        subscribable,
        ["Notification", "QueueStatus", "Resource", "Status"]
    );
    for kind in ["KnownControllers", "NewJDF", "Track", "v:Heat"] {
        let message = format!("<Query ID=\"M\" Type=\"{kind}\"/>");
        let code = desk.ask_one(&message).await.return_code;
        assert_eq!(code, ReturnCode::NOT_IMPLEMENTED, "{kind}");
    }
    desk.close().await;
}

#[tokio::test]
async fn devices_and_their_queues_are_shown_as_they_told_of_themselves() {
    let desk = Desk::new(&format!("{PRESS}name = \"Press 3\"\n"));
    let told = document(
        "press-3",
        "<Signal ID=\"P1\" Type=\"Status\" Time=\"2026-01-05T10:00:00Z\"><StatusQuParams/>\
         <DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\" StatusDetails=\"Good\">\
         <JobPhase JobID=\"J\" QueueEntryID=\"QE-1\" Status=\"InProgress\" Amount=\"12\"/>\
         <ModuleStatus ModuleType=\"PrintModule\" ModuleID=\"PU-1\" DeviceStatus=\"Running\"/></DeviceInfo>\
         <Queue DeviceID=\"press-3\" Status=\"Running\"><QueueEntry QueueEntryID=\"QE-1\" JobID=\"J\" \
         Status=\"Running\"/><QueueEntry QueueEntryID=\"QE-2\" JobID=\"K\" Status=\"Waiting\"/></Queue></Signal>",
    );
    let near = [127, 0, 0, 1].into();
    desk.ask_from(near, &told).await;

    let status = desk
        .ask_one("<Query ID=\"Q\" Type=\"Status\"><StatusQuParams DeviceDetails=\"Modules\" QueueInfo=\"true\"/></Query>")
        .await;
    let device = &status.devices[0];
    assert_eq!(device.status.as_str(), "Running");
    assert_eq!(device.job_phases[0].amount, Some(12.into()));
    assert_eq!(device.module_statuses[0].module_id.as_deref(), Some("PU-1"));
    assert_eq!(status.queue.unwrap().device_id, "agog-edge-HAM");

    let named = |xml: &str| mis(xml).replace("SenderID", "DeviceID=\"press-3\" SenderID");
    let queue =
        named("<Query ID=\"Q\" Type=\"QueueStatus\"><QueueFilter StatusList=\"Waiting\"/></Query>");
    let queue = desk.ask_from(near, &queue).await.remove(0).queue.unwrap();
    assert_eq!((queue.queue_size, queue.entries.len()), (Some(2), 1));
    assert_eq!(queue.entries[0].status, QueueEntryStatus::Waiting);

    let devices = desk
        .ask_one(
            "<Query ID=\"Q\" Type=\"KnownDevices\"><DeviceFilter DeviceDetails=\"Brief\"/></Query>",
        )
        .await
        .devices;
    let described = devices[0].device.as_ref().unwrap();
    assert_eq!(described.descriptive_name.as_deref(), Some("Press 3"));
    let other = "<Query ID=\"Q\" Type=\"KnownDevices\"><DeviceFilter><Device DeviceID=\"x\"/></DeviceFilter></Query>";
    assert!(desk.ask_one(other).await.devices.is_empty());
    let unknown = named("<Query ID=\"Q\" Type=\"Status\"/>").replace("press-3", "press-9");
    let answer = desk.ask_from(near, &unknown).await.remove(0);
    assert_eq!(answer.return_code, ReturnCode::DEVICE_ID_UNKNOWN);
    desk.close().await;
}

#[tokio::test]
async fn a_number_that_people_gave_a_job_names_no_part_of_its_ticket() {
    let desk = Desk::new(PRESS);
    let jdf = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Cutting\" JobID=\"JOB-1\" \
               JobPartID=\"P1\" Status=\"Waiting\"/>";
    for (n, number) in [(1, "JOB-1-Monday"), (2, "JOB-1-P1")] {
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n));
        let ticket = JobTicket::new(job_id, number, "press-3", jdf);
        desk.test.hand_in(ticket).await;
    }

    let answer = desk.ask_one("<Query ID=\"Q\" Type=\"QueueStatus\"/>").await;

    let entries = answer.queue.unwrap().entries;
    let mut parts: Vec<_> = entries
        .iter()
        .map(|entry| (entry.job_id.as_deref(), entry.job_part_id.as_deref()))
        .collect();
    parts.sort_unstable();
    let job = Some("JOB-1");
    assert_eq!(parts, [(job, None), (job, Some("P1"))]);
    desk.close().await;
}

#[tokio::test]
async fn only_known_senders_are_heard_where_they_are_named() {
    let config = "[jmf]\nlisten = \"127.0.0.1:0\"\nknown_senders = [\"mis\", \"10.1.0.0/16\"]\n";
    let desk = Desk::new(&format!("{config}{PRESS}"));
    let question = "<Query ID=\"Q\" Type=\"KnownMessages\"/>";
    let code = |caller: [u8; 4], sender: &str| {
        let xml = document(sender, question);
        let desk = &desk;
        async move { desk.ask_from(caller.into(), &xml).await[0].return_code }
    };
    assert_eq!(code([10, 9, 0, 1], "mis").await, ReturnCode::SUCCESS);
    assert_eq!(code([10, 1, 0, 1], "other").await, ReturnCode::SUCCESS);
    assert_eq!(code([127, 0, 0, 1], "press-3").await, ReturnCode::SUCCESS);
    for (caller, sender) in [
        ([10, 9, 0, 1], "other"),
        ([10, 9, 0, 1], "press-3"),
        ([10, 1, 0, 1], "press-3"),
    ] {
        let denied = code(caller, sender).await;
        assert_eq!(
            denied,
            ReturnCode::AUTHENTICATION_DENIED,
            "{caller:?} {sender}"
        );
    }
    desk.close().await;
}

#[tokio::test]
async fn an_address_that_sends_too_much_is_told_to_come_later() {
    let config = "[jmf]\nlisten = \"127.0.0.1:0\"\nrequests_per_s = 2\n";
    let desk = Desk::new(&format!("{config}{PRESS}"));
    let xml = mis("<Query ID=\"Q\" Type=\"KnownMessages\"/>");
    let mut codes = Vec::new();
    for _ in 0..20 {
        let (status, jmf) = desk
            .post_from([10, 0, 0, 9].into(), JMF_TYPE, xml.clone())
            .await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(jmf.messages[0].ref_id.as_deref(), Some("Q"));
        codes.push(answers(jmf)[0].return_code);
    }
    assert!(codes.contains(&ReturnCode::SERVICE_BUSY), "{codes:?}");
    assert_eq!(codes[0], ReturnCode::SUCCESS);
    let other = desk.ask_from([10, 0, 0, 8].into(), &xml).await;
    assert_eq!(other[0].return_code, ReturnCode::SUCCESS);
    desk.close().await;
}

#[tokio::test]
async fn answers_to_nothing_are_ignored() {
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    let stray = "<Response ID=\"R\" Type=\"Status\" refID=\"nobody\" ReturnCode=\"0\"/>\
                 <Acknowledge ID=\"A\" Type=\"SubmitQueueEntry\" refID=\"nobody\" ReturnCode=\"0\"/>";
    assert!(desk.ask(stray).await.is_empty());
    desk.close().await;
}
