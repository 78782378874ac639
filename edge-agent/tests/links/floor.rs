//! What devices signal, through the endpoint into the ledger: over restarts, out of order, many at once.

use agog_jdf::jmf::ReturnCode;
use agog_sync::event::{DeviceEvent, Event, JobEvent};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;
use rust_decimal::Decimal;

use crate::endpoint::{Endpoint, jmf, phase, status};
use crate::support::TestAgent;

/// Posts one Status and expects it to be taken.
async fn say(endpoint: &Endpoint, id: &str, time: &str, state: &str, phase: &str) {
    let time = format!("2026-01-05T{time}Z");
    let (_, answers) = endpoint
        .post_xml(&jmf(&status(id, &time, state, phase)))
        .await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

async fn post(endpoint: &Endpoint, messages: &str) -> Vec<ReturnCode> {
    let (_, answers) = endpoint.post_xml(&jmf(messages)).await;
    answers.iter().map(|answer| answer.return_code).collect()
}

async fn facts(endpoint: &Endpoint) -> Vec<Event> {
    let events = endpoint.test.events().await;
    events.iter().map(|event| event.event().unwrap()).collect()
}

/// Times and states of the device, as they were recorded.
async fn states(endpoint: &Endpoint) -> Vec<(String, String)> {
    let events = endpoint.test.events().await;
    let state = |event: &agog_sync::event::Envelope| match event.event().unwrap() {
        Event::Device(DeviceEvent::StateChanged(state)) => {
            let time = event.occurred_at.strftime("%H:%M:%S").to_string();
            Some((time, state.status))
        }
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

async fn job_events(endpoint: &Endpoint) -> Vec<JobEvent> {
    let job = |fact| match fact {
        Event::Job(job) => Some(*job),
        _ => None,
    };
    facts(endpoint).await.into_iter().filter_map(job).collect()
}

#[tokio::test]
async fn after_a_restart_a_repeated_state_is_no_news_and_the_amounts_are_known() {
    let endpoint = Endpoint::new();
    say(
        &endpoint,
        "s1",
        "10:00:00",
        "Running",
        &phase("InProgress", 100),
    )
    .await;
    say(
        &endpoint,
        "s2",
        "10:00:10",
        "Running",
        &phase("InProgress", 700),
    )
    .await;

    let endpoint = endpoint.restarted().await;
    say(
        &endpoint,
        "s3",
        "10:00:20",
        "Running",
        &phase("InProgress", 700),
    )
    .await;
    assert_eq!(
        endpoint.test.kinds().await,
        ["device.state-changed", "job.started"]
    );
    say(&endpoint, "s4", "10:00:30", "Idle", "").await;

    let jobs = job_events(&endpoint).await;
    let closed = jobs[1].progress.closed_phase.as_ref().unwrap();
    assert_eq!(closed.status, "InProgress");
    assert_eq!(
        closed.good,
        Some(Decimal::from(600)),
        "100 were made before it was seen"
    );
    assert_eq!(jobs[1].progress.good, Some(Decimal::from(700)));
}

#[tokio::test]
async fn every_signal_of_a_jmf_has_its_answer_and_a_bad_one_does_not_spoil_the_others() {
    let endpoint = Endpoint::new();
    let codes = post(
        &endpoint,
        &[
            status("s1", "2026-01-05T10:00:00Z", "Running", ""),
            "<Signal ID=\"s2\" Type=\"Status\" Time=\"2026-01-05T10:00:01Z\"/>".to_owned(),
            "<Signal ID=\"s3\" Type=\"Vendor:Coffee\"/>".to_owned(),
            status("s4", "2026-01-05T10:00:02Z", "Stopped", ""),
        ]
        .concat(),
    )
    .await;
    let (ok, lacks, unknown) = (
        ReturnCode::SUCCESS,
        ReturnCode::INSUFFICIENT_PARAMETERS,
        ReturnCode::NOT_IMPLEMENTED,
    );
    assert_eq!(codes, [ok, lacks, unknown, ok]);
    let states = states(&endpoint).await;
    assert_eq!(
        states
            .iter()
            .map(|(_, state)| state.as_str())
            .collect::<Vec<_>>(),
        ["Running", "Stopped"]
    );
}

#[tokio::test]
async fn a_stop_that_was_overtaken_is_recorded_and_the_job_stays_as_it_is() {
    let endpoint = Endpoint::new();
    say(
        &endpoint,
        "s1",
        "10:00:00",
        "Running",
        &phase("InProgress", 100),
    )
    .await;
    say(
        &endpoint,
        "s3",
        "10:00:20",
        "Running",
        &phase("InProgress", 300),
    )
    .await;
    say(
        &endpoint,
        "s2",
        "10:00:10",
        "Stopped",
        &phase("Stopped", 200),
    )
    .await;
    say(
        &endpoint,
        "s4",
        "10:00:30",
        "Running",
        &phase("InProgress", 400),
    )
    .await;

    assert_eq!(
        states(&endpoint).await,
        [
            told("10:00:00", "Running"),
            told("10:00:10", "Stopped"),
            told("10:00:20", "Running"),
        ]
    );
    let ledger = &endpoint.test.agent.ledger;
    let job = ledger.job_by_number("JOB-B").await.unwrap().unwrap();
    assert_eq!(job.progress.status.as_deref(), Some("InProgress"));
    assert_eq!(job_events(&endpoint).await.len(), 3);
}

fn told(time: &str, state: &str) -> (String, String) {
    (time.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_state_that_comes_an_hour_late_finds_its_place_and_the_newest_one_stays() {
    let endpoint = Endpoint::new();
    say(&endpoint, "s1", "10:00:00", "Running", "").await;
    say(&endpoint, "s2", "09:00:10", "Stopped", "").await;
    say(&endpoint, "s3", "10:00:20", "Idle", "").await;

    assert_eq!(
        states(&endpoint).await,
        [
            told("10:00:00", "Running"),
            told("09:00:10", "Stopped"),
            told("10:00:20", "Idle"),
        ]
    );
    let shown = endpoint.test.agent.devices.of("press-3");
    assert_eq!(shown.status.as_deref(), Some("Idle"));
}

#[tokio::test]
async fn a_state_that_is_sent_again_minutes_later_moves_no_clock() {
    let endpoint = Endpoint::new();
    say(&endpoint, "s1", "10:00:00", "Running", "").await;
    say(&endpoint, "s2", "10:04:00", "Running", "").await;
    say(&endpoint, "s1", "10:00:00", "Running", "").await;
    say(&endpoint, "s3", "10:04:10", "Stopped", "").await;

    assert_eq!(
        states(&endpoint).await,
        [told("10:00:00", "Running"), told("10:04:10", "Stopped")]
    );
}

#[tokio::test]
async fn of_two_states_of_one_second_the_first_does_not_hold_again_when_it_is_sent_again() {
    let endpoint = Endpoint::new();
    for (id, time, state) in [
        ("s1", "10:00:00", "Running"),
        ("s2", "10:00:10", "Running"),
        ("s3", "10:00:10", "Idle"),
        ("s2", "10:00:10", "Running"),
        ("s3", "10:00:10", "Idle"),
    ] {
        say(&endpoint, id, time, state, "").await;
    }
    let told = |time: &str, state: &str| (time.to_owned(), state.to_owned());
    assert_eq!(
        states(&endpoint).await,
        [told("10:00:00", "Running"), told("10:00:10", "Idle")]
    );
}

#[tokio::test]
async fn words_for_people_that_are_sent_again_change_nothing_of_what_was_said() {
    let endpoint = Endpoint::new();
    let jam = "<Signal ID=\"n1\" Type=\"Notification\" Time=\"2026-01-05T10:00:30Z\">\
               <Notification Class=\"Warning\" Type=\"Event\"/></Signal>";
    say(&endpoint, "s1", "10:00:00", "Running", "").await;
    say(&endpoint, "s2", "10:00:20", "Running", "").await;
    assert_eq!(post(&endpoint, jam).await, [ReturnCode::SUCCESS]);
    assert_eq!(post(&endpoint, jam).await, [ReturnCode::SUCCESS]);

    // What was overtaken interrupts what was told on both sides of it, also after the repetition.
    say(&endpoint, "s3", "10:00:10", "Stopped", "").await;
    assert_eq!(
        states(&endpoint).await,
        [
            told("10:00:00", "Running"),
            told("10:00:10", "Stopped"),
            told("10:00:20", "Running"),
        ]
    );
}

fn resource(id: &str, second: u32, lot: &str, level: &str) -> String {
    format!(
        "<Signal ID=\"{id}\" Type=\"Resource\" Time=\"2026-01-05T10:00:{second:02}Z\">\
         <ResourceQuParams JobID=\"JOB-B\"/><ResourceInfo ResourceName=\"Ink\" ModuleID=\"PU-1\" Usage=\"Input\" \
         Unit=\"kg\" Level=\"{level}\" AvailableAmount=\"2.5\"><AmountPool><PartAmount ActualAmount=\"1.25\">\
         <Part Condition=\"Good\"/><Lot LotID=\"{lot}\" ActualAmount=\"1.25\"/></PartAmount></AmountPool>\
         </ResourceInfo></Signal>"
    )
}

#[tokio::test]
async fn another_lot_on_the_press_and_a_low_level_are_facts_and_the_amounts_are_samples() {
    let endpoint = Endpoint::new();
    for (id, second, lot, level) in [
        ("r1", 0, "INK-1", "OK"),
        ("r2", 10, "INK-1", "OK"),
        ("r3", 20, "INK-1", "Low"),
        ("r4", 30, "INK-2", "OK"),
    ] {
        post(&endpoint, &resource(id, second, lot, level)).await;
    }
    let told: Vec<_> = facts(&endpoint)
        .await
        .into_iter()
        .map(|fact| match fact {
            Event::Device(DeviceEvent::ResourceChanged(told)) => {
                (told.lot.unwrap(), told.level.unwrap())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let pair = |lot: &str, level: &str| (lot.to_owned(), level.to_owned());
    assert_eq!(
        told,
        [
            pair("INK-1", "OK"),
            pair("INK-1", "Low"),
            pair("INK-2", "OK")
        ]
    );
    let latest = endpoint.test.telemetry.latest();
    let value = |metric: &str| {
        latest
            .iter()
            .find(|value| value.metric == metric)
            .unwrap()
            .value
    };
    assert!((value("jmf.resource.Ink.PU-1.available") - 2.5).abs() < f64::EPSILON);
    assert!((value("jmf.resource.Ink.PU-1.used") - 1.25).abs() < f64::EPSILON);
}

#[tokio::test]
async fn what_a_device_tells_people_is_a_fact_once_and_a_milestone_is_named() {
    let endpoint = Endpoint::new();
    let jam = "<Signal ID=\"n1\" Type=\"Notification\" Time=\"2026-01-05T10:00:00Z\"><Notification Class=\"Warning\" \
        Type=\"Event\" JobID=\"JOB-B\" ModuleID=\"PU-1\"><Comment>paper jam</Comment></Notification></Signal>";
    let done = "<Signal ID=\"n2\" Type=\"Notification\" Time=\"2026-01-05T10:00:05Z\"><Notification Class=\"Event\" \
        Type=\"Milestone\"><Milestone MilestoneType=\"PressCompleted\"/></Notification></Signal>";
    for message in [jam, jam, done] {
        assert_eq!(post(&endpoint, message).await, [ReturnCode::SUCCESS]);
    }
    let facts = facts(&endpoint).await;
    let [
        Event::Device(DeviceEvent::Notified(jam)),
        Event::Device(DeviceEvent::Notified(done)),
    ] = facts.as_slice()
    else {
        panic!("{facts:?}");
    };
    assert_eq!(
        (
            jam.class.as_str(),
            jam.text.as_deref(),
            jam.job.as_deref(),
            jam.module_id.as_deref()
        ),
        ("Warning", Some("paper jam"), Some("JOB-B"), Some("PU-1"))
    );
    assert_eq!(done.milestone.as_deref(), Some("PressCompleted"));
}

#[tokio::test]
async fn what_people_do_at_the_queue_of_the_press_happens_to_the_job() {
    let endpoint = Endpoint::new();
    endpoint.ticket(&[]).await;
    let queue = |second: u32, status: &str, priority: u32| {
        format!(
            "<Signal ID=\"q{second}\" Type=\"QueueStatus\" Time=\"2026-01-05T10:00:{second:02}Z\">\
             <Queue DeviceID=\"press-3\" Status=\"Waiting\"><QueueEntry QueueEntryID=\"QE-1\" JobID=\"JOB-B\" \
             Status=\"{status}\" Priority=\"{priority}\"/></Queue></Signal>"
        )
    };
    for (second, status, priority) in [
        (0, "Waiting", 50),
        (10, "Held", 50),
        (20, "Held", 50),
        (30, "Waiting", 50),
        (40, "Waiting", 80),
        (35, "Held", 50),
        (50, "Removed", 80),
    ] {
        post(&endpoint, &queue(second, status, priority)).await;
    }
    let kinds = endpoint.test.kinds().await;
    let expected = [
        "job.received",
        "job.held",
        "job.resumed",
        "job.requeued",
        "job.removed",
    ];
    assert_eq!(kinds, expected);
    let jobs = job_events(&endpoint).await;
    assert_eq!(jobs[3].progress.priority, Some(80));
}

#[tokio::test]
async fn many_signals_at_once_are_each_answered_and_none_is_lost() {
    const DEVICES: usize = 20;
    const SIGNALS: usize = 20;
    let section = |n| format!("[[device]]\nid = \"m-{n}\"\njmf_url = \"http://127.0.0.1:1/jmf\"\n");
    let sections: Vec<String> = (0..DEVICES).map(section).collect();
    let endpoint = Endpoint::of(TestAgent::new(&sections.concat()));
    let machines = (0..DEVICES).map(|machine| {
        let endpoint = &endpoint;
        async move {
            for n in 0..SIGNALS {
                let state = if n % 2 == 0 { "Running" } else { "Stopped" };
                let time = format!("2026-01-05T10:00:{n:02}Z");
                let message = jmf(&status(&format!("s{n}"), &time, state, ""));
                let message = message.replace("press-3", &format!("m-{machine}"));
                let (_, answers) = endpoint.post_xml(&message).await;
                assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
            }
        }
    });
    futures_util::future::join_all(machines).await;
    let endpoint = endpoint.restarted().await;
    assert_eq!(states(&endpoint).await.len(), DEVICES * SIGNALS);
}

#[tokio::test]
async fn a_part_of_a_job_that_went_out_as_a_ticket_of_its_own_is_not_taken_for_another_part() {
    let endpoint = Endpoint::new();
    for (n, part) in [(1, "P1"), (2, "P2")] {
        let jdf = format!(
            "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n{n}\" Type=\"Cutting\" JobID=\"JOB-X\" JobPartID=\"{part}\"/>"
        );
        let job_id = JobId::from_uuid(uuid::Uuid::from_u128(n));
        let ticket = JobTicket::new(job_id, format!("2026-{n}"), "press-3", jdf);
        endpoint.test.hand_in(ticket).await;
    }
    let second =
        phase("InProgress", 7).replace("JobID=\"JOB-B\"", "JobID=\"JOB-X\" JobPartID=\"P2\"");
    say(&endpoint, "s1", "10:00:00", "Running", &second).await;
    let first = second.replace("\"P2\"", "\"P1\"").replace("\"7\"", "\"5\"");
    say(&endpoint, "s2", "10:00:10", "Running", &first).await;

    let ledger = &endpoint.test.agent.ledger;
    let good = async |number: &str| {
        let job = ledger.job_by_number(number).await.unwrap().unwrap();
        (job.progress.good, job.progress.job_part_id)
    };
    assert_eq!(
        good("2026-1").await,
        (Some(5.into()), Some("P1".to_owned()))
    );
    assert_eq!(
        good("2026-2").await,
        (Some(7.into()), Some("P2".to_owned()))
    );
}
