//! Jobs of one `JobID` on one press: whose job a word is about, told by the queue entry.

use agog_edge::devices::contact::Contacts;
use agog_edge::ledger::sending::CommandState;
use agog_edge::lifecycle::Stop;
use agog_edge::outbox;
use agog_jdf::jmf::ReturnCode;
use agog_sync::event::JobStep;
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use rust_decimal::Decimal;

use crate::controller::{JMF_URL, section};
use crate::endpoint::{Endpoint, jmf, returned, status};
use crate::ports::anywhere;
use crate::press::Press;
use crate::support::{TestAgent, until};

/// The ticket of a part of job B.
fn part(part: &str) -> String {
    returned("").replace(
        "JobID=\"JOB-B\"",
        &format!("JobID=\"JOB-B\" JobPartID=\"{part}\""),
    )
}

fn ticket(number: &str, n: u128, jdf: String) -> JobTicket {
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n));
    JobTicket::new(job_id, number, "press-3", jdf)
}

/// Two parts of job B, each a ticket of its own; the press tells no parts.
async fn two_parts(endpoint: &Endpoint) {
    for (number, n, name) in [("2026-1", 1, "P1"), ("2026-2", 2, "P2")] {
        endpoint.test.hand_in(ticket(number, n, part(name))).await;
    }
}

async fn say(endpoint: &Endpoint, time: &str, entry: &str, phase: &str, amount: u32) {
    let phase = format!(
        "<JobPhase JobID=\"JOB-B\" QueueEntryID=\"{entry}\" Status=\"{phase}\" Amount=\"{amount}\"/>"
    );
    let time = format!("2026-01-05T{time}Z");
    let signal = status(&format!("s{time}{entry}"), &time, "Running", &phase);
    let (_, answers) = endpoint.post_xml(&jmf(&signal)).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

async fn list(endpoint: &Endpoint, time: &str, entry: &str, status: &str) {
    let time = format!("2026-01-05T{time}Z");
    let signal = format!(
        "<Signal ID=\"q{time}\" Type=\"QueueStatus\" Time=\"{time}\"><Queue DeviceID=\"press-3\" Status=\"Waiting\">\
         <QueueEntry QueueEntryID=\"{entry}\" JobID=\"JOB-B\" Status=\"{status}\"/></Queue></Signal>"
    );
    let (_, answers) = endpoint.post_xml(&jmf(&signal)).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

async fn give_back(endpoint: &Endpoint, entry: &str, ticket: &str) {
    let answers = endpoint
        .post_return_of(&format!("c{entry}"), entry, ticket)
        .await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

/// The office has handed in the job `2026-1`.
async fn with_ticket() -> Endpoint {
    let endpoint = Endpoint::new();
    endpoint
        .test
        .hand_in(ticket("2026-1", 1, returned("")))
        .await;
    endpoint
}

/// Step, queue entry and good amount of a job.
async fn stands(endpoint: &Endpoint, number: &str) -> (JobStep, Option<String>, Option<Decimal>) {
    let job = endpoint.test.job(number).await;
    (job.step, job.progress.queue_entry_id, job.progress.good)
}

fn entry(id: &str) -> String {
    id.to_owned()
}

#[tokio::test]
async fn a_late_word_of_an_entry_that_came_back_does_not_begin_the_next_job_of_the_same_name() {
    let endpoint = Endpoint::new();
    two_parts(&endpoint).await;
    say(&endpoint, "08:00:00", "QE-1", "InProgress", 100).await;
    give_back(&endpoint, "QE-1", &part("P1")).await;
    let endpoint = endpoint.restarted().await;
    say(&endpoint, "09:29:00", "QE-1", "Cleanup", 14_500).await;
    say(&endpoint, "09:31:00", "QE-1", "Completed", 14_500).await;
    list(&endpoint, "09:32:00", "QE-1", "Removed").await;

    let waits = (JobStep::Received, None, None);
    assert_eq!(stands(&endpoint, "2026-2").await, waits);
    let (step, first, _) = stands(&endpoint, "2026-1").await;
    assert_eq!((step, first), (JobStep::Completed, Some(entry("QE-1"))));

    // Its own entry is told, and it begins.
    say(&endpoint, "10:00:00", "QE-2", "InProgress", 7).await;
    let begun = (JobStep::Started, Some(entry("QE-2")), Some(7.into()));
    assert_eq!(stands(&endpoint, "2026-2").await, begun);
}

#[tokio::test]
async fn a_job_that_is_known_by_its_entry_is_not_meant_by_another_one_of_the_same_name() {
    let endpoint = Endpoint::new();
    two_parts(&endpoint).await;
    say(&endpoint, "08:00:00", "QE-1", "InProgress", 100).await;
    say(&endpoint, "08:10:00", "QE-2", "InProgress", 7).await;
    give_back(&endpoint, "QE-1", &part("P1")).await;
    let begun = (JobStep::Started, Some(entry("QE-2")), Some(7.into()));
    assert_eq!(stands(&endpoint, "2026-2").await, begun);

    say(&endpoint, "09:31:00", "QE-1", "Completed", 14_500).await;
    // A copy that somebody made at the press.
    list(&endpoint, "09:32:00", "QE-9", "Held").await;
    list(&endpoint, "09:33:00", "QE-9", "Removed").await;

    let (_, second, good) = stands(&endpoint, "2026-2").await;
    assert_eq!((second, good), (Some(entry("QE-2")), Some(7.into())));
    let kinds = endpoint.test.kinds().await;
    let job_events = kinds.iter().filter(|kind| kind.starts_with("job."));
    assert!(
        !job_events
            .clone()
            .any(|kind| kind == "job.held" || kind == "job.removed"),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_copy_that_is_run_at_the_press_is_a_job_of_its_own_and_ends_with_its_own_return() {
    let endpoint = with_ticket().await;
    say(&endpoint, "07:00:00", "QE-1", "Setup", 0).await;
    say(&endpoint, "08:00:00", "QE-9", "InProgress", 100).await;
    give_back(&endpoint, "QE-9", &returned("")).await;
    assert_eq!(stands(&endpoint, "2026-1").await.1, Some(entry("QE-1")));
    let (step, copy, _) = stands(&endpoint, "JOB-B").await;
    assert_eq!((step, copy), (JobStep::Completed, Some(entry("QE-9"))));
}

#[tokio::test]
async fn a_job_that_comes_back_under_another_entry_than_was_signalled_ends_all_the_same() {
    let endpoint = with_ticket().await;
    say(&endpoint, "08:00:00", "0815", "InProgress", 100).await;
    give_back(&endpoint, "QE-1", &returned("")).await;
    let ended = (JobStep::Completed, Some(entry("QE-1")), Some(14_500.into()));
    assert_eq!(stands(&endpoint, "2026-1").await, ended);
}

#[tokio::test]
async fn an_entry_id_that_a_restarted_press_gives_again_is_of_the_job_that_began_after_the_return()
{
    let endpoint = with_ticket().await;
    say(&endpoint, "08:00:00", "QE-1", "InProgress", 100).await;
    give_back(&endpoint, "QE-1", &returned("")).await;
    endpoint
        .test
        .hand_in(ticket("2026-2", 2, returned("")))
        .await;
    let idle = status("s8", "2026-01-05T09:45:00Z", "Idle", "");
    endpoint.post_xml(&jmf(&idle)).await;
    let phase = "<JobPhase JobID=\"JOB-B\" QueueEntryID=\"QE-1\" Status=\"InProgress\" Amount=\"3\" \
                 StartTime=\"2026-01-05T10:00:00Z\"/>";
    let signal = status("s9", "2026-01-05T10:00:01Z", "Running", phase);
    endpoint.post_xml(&jmf(&signal)).await;
    let begun = (JobStep::Started, Some(entry("QE-1")), Some(3.into()));
    assert_eq!(stands(&endpoint, "2026-2").await, begun);
}

#[tokio::test]
async fn an_entry_that_was_held_or_removed_before_anybody_heard_of_it_is_not_that_of_an_unsent_job()
{
    for told in ["Held", "Removed"] {
        let endpoint = Endpoint::new();
        endpoint
            .test
            .hand_in(ticket("2026-1", 1, returned("")))
            .await;
        list(&endpoint, "08:00:00", "QE-7", told).await;
        assert_eq!(endpoint.test.kinds().await, ["job.received"], "{told}");
    }
}

#[tokio::test]
async fn a_job_that_is_over_before_it_began_has_not_begun() {
    for told in ["Aborted", "Completed"] {
        let endpoint = Endpoint::new();
        endpoint
            .test
            .hand_in(ticket("2026-1", 1, returned("")))
            .await;
        say(&endpoint, "08:00:00", "QE-1", told, 0).await;
        say(&endpoint, "08:01:00", "QE-1", "Waiting", 0).await;
        let kinds = endpoint.test.kinds().await;
        assert!(
            !kinds.iter().any(|kind| kind == "job.started"),
            "{told}: {kinds:?}"
        );
    }
}

#[tokio::test]
async fn a_ticket_that_was_never_sent_is_sent_whatever_goes_by_its_name_at_the_press() {
    let press = Press::default();
    let on = press.switch_on(anywhere());
    let address = on.address;
    on.off().await;
    let endpoint = Endpoint::of(TestAgent::new(&section(address)));
    let stop = Stop::new();
    let outbox = tokio::spawn(outbox::run(
        endpoint.test.agent.clone(),
        Contacts::default(),
        JMF_URL.to_owned(),
        stop.clone(),
    ));
    endpoint
        .test
        .hand_in(ticket("2026-1", 1, returned("")))
        .await;
    until("the ticket was tried", || async {
        let command = endpoint.test.commands().await.swap_remove(0);
        (command.last_error.is_some() && command.state == CommandState::Waiting).then_some(())
    })
    .await;
    say(&endpoint, "08:00:00", "QE-7", "InProgress", 100).await;
    endpoint.test.step("2026-1", JobStep::Started).await;

    let _on = press.switch_on(address);
    endpoint.test.all_ended().await;
    assert_eq!(press.memory().queue, ["JOB-B"]);
    stop.begin();
    outbox.await.unwrap().unwrap();
}

#[tokio::test]
async fn while_it_cannot_be_read_which_entries_have_ended_a_ticket_is_not_said_to_be_in_the_queue()
{
    let press = Press::default();
    press.memory().lose_answers = 1;
    let on = press.switch_on(anywhere());
    let endpoint = Endpoint::of(TestAgent::new(&section(on.address)));
    endpoint
        .test
        .hand_in(ticket("2026-0", 9, returned("")))
        .await;
    give_back(&endpoint, "QE-0", &returned("")).await;
    let stop = Stop::new();
    let outbox = tokio::spawn(outbox::run(
        endpoint.test.agent.clone(),
        Contacts::default(),
        JMF_URL.to_owned(),
        stop.clone(),
    ));
    endpoint.test.all_ended().await;
    let file = endpoint.test.data_dir().join("ledger.db");
    let other = rusqlite::Connection::open(file).unwrap();
    // A number where there has to be a text.
    let set = |entry: &str| {
        let set = format!(
            "update job set progress = json_set(progress, '$.queue_entry_id', {entry}) where number = '2026-0'"
        );
        assert_eq!(other.execute(&set, []).unwrap(), 1);
    };
    set("5");
    endpoint
        .test
        .hand_in(ticket("2026-1", 1, returned("")))
        .await;
    until(
        "the queue could not be compared with the ledger",
        || async {
            let commands = endpoint.test.commands().await;
            let command = commands
                .iter()
                .find(|it| it.job.as_deref() == Some("2026-1"))?;
            assert_eq!(command.ended_at, None, "{command:?}");
            let error = command.last_error.as_deref()?;
            error.contains("column type").then_some(())
        },
    )
    .await;
    set("'QE-0'");
    endpoint.test.step("2026-1", JobStep::Submitted).await;
    assert_eq!(press.memory().queue, ["JOB-B"], "it was submitted once");
    stop.begin();
    outbox.await.unwrap().unwrap();
}
