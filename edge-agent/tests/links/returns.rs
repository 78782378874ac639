//! Tickets that come back: against what was signalled, with errors, unreadable, and never booked twice.

use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{DeviceEvent, Event, JobStep};
use rust_decimal::Decimal;

use crate::endpoint::{Endpoint, jmf, phase, returned, status};
use crate::support::TestAgent;

async fn signal(endpoint: &Endpoint, id: &str, time: &str, state: &str, phase: &str) {
    let time = format!("2026-01-05T{time}Z");
    let (_, answers) = endpoint
        .post_xml(&jmf(&status(id, &time, state, phase)))
        .await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

#[tokio::test]
async fn where_signals_and_the_returned_ticket_differ_the_ticket_counts_and_the_difference_is_told()
{
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 15_000).await;
    endpoint.ticket(&["LOT-1"]).await;
    signal(
        &endpoint,
        "s1",
        "08:00:00",
        "Running",
        &phase("InProgress", 14_480),
    )
    .await;

    endpoint.post_return("c1", &returned("LOT-1")).await;
    signal(
        &endpoint,
        "s2",
        "09:29:00",
        "Stopped",
        &phase("Stopped", 14_490),
    )
    .await;
    signal(&endpoint, "s3", "09:31:00", "Idle", "").await;

    let ledger = &endpoint.test.agent.ledger;
    let job = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    assert_eq!(job.step, JobStep::Completed);
    assert_eq!(job.progress.good, Some(Decimal::from(14_500)));
    let told: Vec<_> = job
        .progress
        .differences
        .iter()
        .map(|d| {
            (
                d.what.as_str(),
                d.signalled.as_deref(),
                d.returned.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("good", Some("14480"), Some("14500")),
            ("waste", Some("12"), Some("500")),
        ]
    );
    let detail = job.progress.detail.unwrap();
    assert!(
        detail.contains("signalled 14480, returned 14500"),
        "{detail}"
    );
    let kinds = endpoint.test.kinds().await;
    let last_of_job = kinds.iter().rfind(|kind| kind.starts_with("job."));
    assert_eq!(last_of_job.map(String::as_str), Some("job.completed"));
}

#[tokio::test]
async fn signals_that_agree_with_the_ticket_leave_no_difference() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 15_000).await;
    endpoint.ticket(&["LOT-1"]).await;
    let all = phase("InProgress", 14_500).replace("\"12\"", "\"500\"");
    signal(&endpoint, "s1", "08:00:00", "Running", &all).await;
    signal(&endpoint, "s2", "09:30:00", "Idle", "").await;
    endpoint.post_return("c1", &returned("LOT-1")).await;
    let ledger = &endpoint.test.agent.ledger;
    let job = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    assert_eq!(job.progress.differences, []);
    assert_eq!(job.progress.detail, None);
}

#[tokio::test]
async fn a_ticket_that_tells_no_amounts_leaves_what_was_signalled() {
    let endpoint = Endpoint::new();
    endpoint.ticket(&[]).await;
    let all = phase("InProgress", 14_500);
    signal(&endpoint, "s1", "08:00:00", "Running", &all).await;
    let ticket = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="ConventionalPrinting" Status="Completed"
        Version="1.5" JobID="JOB-B"><AuditPool><ProcessRun EndStatus="Completed" Start="2026-01-05T08:00:00Z"
        End="2026-01-05T09:30:00Z" TimeStamp="2026-01-05T09:30:00Z"/></AuditPool></JDF>"#;

    endpoint.post_return("c1", ticket).await;

    let ledger = &endpoint.test.agent.ledger;
    let job = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    assert_eq!(job.step, JobStep::Completed);
    let amounts = (job.progress.good, job.progress.waste);
    assert_eq!(amounts, (Some(14_500.into()), Some(12.into())));
    assert_eq!(job.progress.differences, []);
    let told = job.progress.detail.as_deref();
    assert_eq!(
        told,
        Some("the ticket tells no amounts: nothing is drawn from lots")
    );
}

#[tokio::test]
async fn an_error_that_the_ticket_tells_of_ends_the_job_with_its_code_and_words() {
    let endpoint = Endpoint::new();
    endpoint.ticket(&[]).await;
    let ticket = returned("")
        .replace("EndStatus=\"Completed\"", "EndStatus=\"Aborted\"")
        .replace(
            "</AuditPool>",
            "<Notification Class=\"Error\" Type=\"Error\" TimeStamp=\"2026-01-05T09:30:00Z\"><Error ErrorID=\"x\" \
             ReturnCode=\"101\"/><Comment>blanket torn</Comment></Notification></AuditPool>",
        );
    endpoint.post_return("c1", &ticket).await;
    let ledger = &endpoint.test.agent.ledger;
    let job = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    assert_eq!(job.step, JobStep::Aborted);
    assert_eq!(job.progress.return_code, Some(101));
    let detail = job.progress.detail.unwrap();
    assert!(detail.contains("blanket torn"), "{detail}");
}

#[tokio::test]
async fn a_returned_ticket_that_cannot_be_read_is_kept_and_people_are_told_once() {
    let endpoint = Endpoint::new();
    let broken = returned("").replace("</JDF>", "");
    for message in ["c1", "c2"] {
        let answers = endpoint.post_return(message, &broken).await;
        assert_eq!(answers[0].return_code, ReturnCode::INVALID_PARAMETERS);
    }
    let events = endpoint.test.events().await;
    assert_eq!(events.len(), 1);
    let Event::Device(DeviceEvent::Notified(told)) = events[0].event().unwrap() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (told.device.as_str(), told.class.as_str()),
        ("press-3", "Error")
    );
    let kept: Vec<_> = std::fs::read_dir(endpoint.test.data_dir().join("returns"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    assert_eq!(kept.len(), 1);
    let name = kept[0].file_name().into_string().unwrap();
    assert!(told.text.unwrap().contains(&name));
    assert_eq!(std::fs::read_to_string(kept[0].path()).unwrap(), broken);
}

/// A ticket with two nodes, of which one device ran the first and another the second.
fn two_nodes(first: &str, second: &str) -> String {
    let node = |id: &str, device: &str, start: &str, end: &str, used: u32| {
        format!(
            "<JDF ID=\"{id}\" Type=\"Cutting\" JobPartID=\"{id}\" Status=\"Completed\"><AuditPool>\
             <PhaseTime Start=\"2026-01-05T{start}Z\" End=\"2026-01-05T{end}Z\" Status=\"InProgress\">\
             <Device DeviceID=\"{device}\"/></PhaseTime>\
             <ResourceAudit><MediaLink rRef=\"M1\" Usage=\"Input\"><AmountPool><PartAmount ActualAmount=\"{used}\">\
             <Part Condition=\"Good\"/><Lot LotID=\"LOT-{id}\" ActualAmount=\"{used}\"/></PartAmount></AmountPool>\
             </MediaLink></ResourceAudit>\
             <ProcessRun Start=\"2026-01-05T{start}Z\" End=\"2026-01-05T{end}Z\" EndStatus=\"Completed\"/></AuditPool>\
             <ResourceLinkPool><MediaLink rRef=\"M1\" Usage=\"Input\"/></ResourceLinkPool></JDF>"
        )
    };
    format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"ProcessGroup\" JobID=\"JOB-B\" \
         Status=\"InProgress\" Version=\"1.5\"><ResourcePool><Media ID=\"M1\" Class=\"Consumable\" \
         Status=\"Available\"/></ResourcePool>{}{}</JDF>",
        node("P1", first, "08:00:00", "09:00:00", 600),
        node("P2", second, "10:00:00", "11:00:00", 400)
    )
}

#[tokio::test]
async fn what_another_device_did_with_the_ticket_before_is_not_booked_again() {
    let devices = "[[device]]\nid = \"press-3\"\njmf_url = \"http://127.0.0.1:1/jmf\"\n\
                   [[device]]\nid = \"cutter-1\"\njmf_url = \"http://127.0.0.1:2/jmf\"\n";
    let endpoint = Endpoint::of(TestAgent::new(devices));
    endpoint.test.receive("LOT-P1", 1_000).await;
    endpoint.test.receive("LOT-P2", 1_000).await;

    endpoint
        .post_return("c1", &two_nodes("cutter-1", "press-3"))
        .await;

    assert_eq!(endpoint.test.on_hand("LOT-P1").await, Decimal::from(1_000));
    assert_eq!(endpoint.test.on_hand("LOT-P2").await, Decimal::from(600));
}

#[tokio::test]
async fn a_ticket_that_comes_back_with_a_run_that_is_booked_books_only_what_is_new() {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 30_000).await;
    endpoint.ticket(&["LOT-1"]).await;
    endpoint.post_return("c1", &returned("LOT-1")).await;
    let endpoint = endpoint.restarted().await;
    // The press ran it again: the audits of both runs are in the ticket, and the sums with them.
    let more = returned("LOT-1").replace("14500", "15500").replace(
        "</AuditPool>",
        "<ProcessRun Start=\"2026-01-05T10:00:00Z\" End=\"2026-01-05T11:00:00Z\" EndStatus=\"Completed\"/></AuditPool>",
    );
    endpoint.post_return("c2", &more).await;
    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::from(14_000));
}
