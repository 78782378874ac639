//! A job that its device runs again after the ticket came back: a run of its own, and what only looks like one.

use agog_jdf::jmf::ReturnCode;
use agog_jdf::package::Outgoing;
use agog_sync::event::{Event, JobEvent, JobStep};
use rust_decimal::Decimal;

use crate::endpoint::{Endpoint, jmf, returned, status};

/// What a press says of the job: its queue entry, its amount, and more attributes.
async fn say(endpoint: &Endpoint, time: &str, entry: &str, phase: &str, more: &str) {
    let phase =
        format!("<JobPhase JobID=\"JOB-B\" QueueEntryID=\"{entry}\" Status=\"{phase}\" {more}/>");
    let time = format!("2026-01-05T{time}Z");
    let signal = status(&format!("s{time}"), &time, "Running", &phase);
    let (_, answers) = endpoint.post_xml(&jmf(&signal)).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

async fn give_back(endpoint: &Endpoint, id: &str, entry: &str, ticket: &str) {
    let answers = endpoint.post_return_of(id, entry, ticket).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

/// The ticket of a second run: two hours later, 1,000 good and 500 waste.
fn second() -> String {
    returned("LOT-1")
        .replace("14500", "1000")
        .replace("T08:", "T10:")
        .replace("T09:30", "T11:00")
}

/// A job that is run.
async fn running() -> Endpoint {
    let endpoint = Endpoint::new();
    endpoint.test.receive("LOT-1", 30_000).await;
    endpoint.ticket(&["LOT-1"]).await;
    say(
        &endpoint,
        "08:00:00",
        "QE-1",
        "InProgress",
        "Amount=\"14500\" Waste=\"500\" StartTime=\"2026-01-05T08:00:00Z\"",
    )
    .await;
    endpoint
}

/// A job that was run, and came back at half past nine.
async fn run_once() -> Endpoint {
    let endpoint = running().await;
    give_back(&endpoint, "c1", "QE-1", &returned("LOT-1")).await;
    endpoint
}

/// Step, entry, good amount and number of differences of what was told of the job after its first end.
async fn told_after(endpoint: &Endpoint) -> Vec<(JobStep, String, Option<Decimal>, usize)> {
    let events = endpoint.test.events().await.into_iter();
    let jobs = events.filter_map(|event| match event.event().unwrap() {
        Event::Job(event) => Some(*event),
        _ => None,
    });
    jobs.skip_while(|event| event.step != JobStep::Completed)
        .skip(1)
        .map(|JobEvent { step, progress }| {
            (
                step,
                progress.queue_entry_id.unwrap(),
                progress.good,
                progress.differences.len(),
            )
        })
        .collect()
}

fn entry(number: u32) -> String {
    format!("QE-{number}")
}

#[tokio::test]
async fn a_job_that_runs_again_under_another_queue_entry_is_begun_and_booked_on_its_own() {
    let endpoint = run_once().await;
    say(
        &endpoint,
        "10:00:00",
        "QE-2",
        "InProgress",
        "Amount=\"1000\" Waste=\"500\"",
    )
    .await;
    let job = endpoint.test.job("JOB-B").await;
    assert_eq!(job.step, JobStep::Started);
    assert_eq!(
        (
            job.progress.queue_entry_id,
            job.progress.ended_at,
            job.progress.detail
        ),
        (Some(entry(2)), None, None)
    );
    let endpoint = endpoint.restarted().await;
    give_back(&endpoint, "c2", "QE-2", &second()).await;
    assert_eq!(
        told_after(&endpoint).await,
        [
            (JobStep::Started, entry(2), Some(1_000.into()), 0),
            (JobStep::Completed, entry(2), Some(1_000.into()), 0),
        ]
    );
    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::from(13_500));

    // Either of them once more, under other message ids, does nothing.
    let count = endpoint.test.kinds().await.len();
    give_back(&endpoint, "c3", "QE-2", &second()).await;
    give_back(&endpoint, "c4", "QE-1", &returned("LOT-1")).await;
    assert_eq!(endpoint.test.kinds().await.len(), count);
}

#[tokio::test]
async fn a_job_that_runs_again_under_its_old_queue_entry_is_known_by_its_beginning() {
    let endpoint = run_once().await;
    say(
        &endpoint,
        "10:00:00",
        "QE-1",
        "Setup",
        "StartTime=\"2026-01-05T10:00:00Z\"",
    )
    .await;
    say(
        &endpoint,
        "10:30:00",
        "QE-1",
        "InProgress",
        "Amount=\"1000\" Waste=\"500\" StartTime=\"2026-01-05T10:00:00Z\"",
    )
    .await;
    give_back(&endpoint, "c2", "QE-1", &second()).await;
    assert_eq!(
        told_after(&endpoint).await,
        [
            (JobStep::Started, entry(1), None, 0),
            (JobStep::Phase, entry(1), Some(1_000.into()), 0),
            (JobStep::Completed, entry(1), Some(1_000.into()), 0),
        ]
    );
}

#[tokio::test]
async fn a_second_run_that_nothing_was_signalled_of_begins_with_its_return() {
    let endpoint = run_once().await;
    give_back(&endpoint, "c2", "QE-2", &second()).await;
    let told = told_after(&endpoint).await;
    assert_eq!(
        told,
        [
            (JobStep::Started, entry(2), None, 0),
            (JobStep::Completed, entry(2), Some(1_000.into()), 0),
        ]
    );
    let events = endpoint.test.events().await;
    let started = events.iter().rfind(|event| event.kind == "job.started");
    assert_eq!(
        started.unwrap().occurred_at.to_string(),
        "2026-01-05T10:00:00Z"
    );
}

#[tokio::test]
async fn a_second_run_whose_ticket_holds_the_first_has_the_amounts_of_its_own() {
    let endpoint = run_once().await;
    let both = returned("LOT-1").replace("14500", "15500").replace(
        "</AuditPool>",
        "<ProcessRun Start=\"2026-01-05T10:00:00Z\" End=\"2026-01-05T11:00:00Z\" EndStatus=\"Completed\"/></AuditPool>",
    );
    say(
        &endpoint,
        "10:00:00",
        "QE-2",
        "InProgress",
        "Amount=\"1000\" Waste=\"0\"",
    )
    .await;
    give_back(&endpoint, "c2", "QE-2", &both).await;
    let told = told_after(&endpoint).await;
    assert_eq!(
        told.last(),
        Some(&(JobStep::Completed, entry(2), Some(1_000.into()), 0))
    );
    let job = endpoint.test.job("JOB-B").await;
    assert_eq!(
        job.progress.started_at.map(|at| at.to_string()),
        Some("2026-01-05T10:00:00Z".to_owned())
    );
    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::from(14_000));
}

#[tokio::test]
async fn a_ticket_that_names_both_runs_with_less_than_the_first_made_tells_of_the_second_alone() {
    let endpoint = run_once().await;
    let second = second().replace(
        "</AuditPool>",
        "<ProcessRun Start=\"2026-01-05T08:00:00Z\" End=\"2026-01-05T09:30:00Z\" EndStatus=\"Completed\"/></AuditPool>",
    );
    give_back(&endpoint, "c2", "QE-2", &second).await;
    assert_eq!(endpoint.test.on_hand("LOT-1").await, Decimal::from(13_500));
}

#[tokio::test]
async fn a_press_that_goes_on_naming_the_returned_job_runs_nothing_again() {
    let endpoint = run_once().await;
    let began = "StartTime=\"2026-01-05T08:00:00Z\"";
    for (time, entry, phase, more) in [
        // Late, and in order; of a device that signals under another entry than it returns.
        ("08:59:00", "0815", "InProgress", "Amount=\"13000\""),
        ("09:00:00", "QE-1", "InProgress", "Amount=\"14000\""),
        ("09:31:00", "QE-1", "InProgress", "Amount=\"14500\""),
        (
            "09:32:00",
            "QE-1",
            "Cleanup",
            "PhaseStartTime=\"2026-01-05T09:32:00Z\"",
        ),
        ("09:33:00", "QE-1", "InProgress", began),
        // It is done, and the next entry waits.
        (
            "09:34:00",
            "QE-1",
            "Completed",
            "StartTime=\"2026-01-05T09:34:00Z\"",
        ),
        ("09:35:00", "QE-2", "Waiting", ""),
    ] {
        say(&endpoint, time, entry, phase, more).await;
    }
    assert_eq!(told_after(&endpoint).await, []);

    // After a second run, late words of the first are no third.
    give_back(&endpoint, "c2", "QE-2", &second()).await;
    say(&endpoint, "11:01:00", "QE-1", "InProgress", began).await;
    say(
        &endpoint,
        "11:02:00",
        "QE-2",
        "InProgress",
        "Amount=\"1000\"",
    )
    .await;
    let steps: Vec<_> = told_after(&endpoint)
        .await
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(steps, [JobStep::Started, JobStep::Completed]);
}

#[tokio::test]
async fn a_returned_job_is_found_again_by_the_job_id_of_its_ticket() {
    let endpoint = run_once().await;
    let ticket = |text: String| text.replace("JOB-B", "Ticket-B");
    let job_id = agog_sync::ids::JobId::from_uuid(uuid::Uuid::from_u128(6));
    let jdf = ticket(returned("LOT-1"));
    let other = agog_sync::frame::JobTicket::new(job_id, "2026-77", "press-3", jdf.clone());
    endpoint.test.hand_in(other).await;
    give_back(&endpoint, "c2", "QE-7", &jdf).await;
    give_back(&endpoint, "c3", "QE-8", &ticket(second())).await;
    let job = endpoint.test.job("2026-77").await;
    assert_eq!(
        (job.step, job.progress.queue_entry_id, job.progress.good),
        (JobStep::Completed, Some(entry(8)), Some(1_000.into()))
    );
}

#[tokio::test]
async fn what_is_signalled_behind_a_return_in_one_message_is_of_the_run_that_begins() {
    let endpoint = running().await;
    let back = "<Command ID=\"c1\" Type=\"ReturnQueueEntry\" xsi:type=\"CommandReturnQueueEntry\">\
         <ReturnQueueEntryParams QueueEntryID=\"QE-1\" URL=\"cid:back.jdf\" Completed=\"n1\"/></Command>";
    let again = "<JobPhase JobID=\"JOB-B\" QueueEntryID=\"QE-1\" Status=\"Setup\" Amount=\"0\" \
                 StartTime=\"2026-01-05T10:00:00Z\"/>";
    let signal = status("s2", "2026-01-05T10:00:00Z", "Running", again);
    let mut package = Outgoing::new(jmf(&format!("{back}{signal}")).into_bytes());
    package.ticket("back.jdf", returned("LOT-1").into_bytes());
    let (content_type, body) = package.finish();
    let (_, answers) = endpoint.post(&content_type, body).await;
    assert_eq!(answers.len(), 2);

    let kinds = endpoint.test.kinds().await;
    let jobs = kinds.into_iter().filter(|kind| kind.starts_with("job."));
    assert_eq!(
        jobs.collect::<Vec<_>>(),
        [
            "job.received",
            "job.started",
            "job.completed",
            "job.started"
        ]
    );
}
