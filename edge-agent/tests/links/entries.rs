//! What an MIS and the hub are told of entries that wait or run, and of a device that is lost.

use agog_edge::ledger::{Append, Fact, What};
use agog_jdf::jmf::{Body as Content, ReturnCode, SignalContent};
use agog_sync::event::{Actor, DeviceContact, DeviceEvent, Event, JobEvent, JobProgress, JobStep};
use agog_sync::frame::{JobAction, JobTicket};
use agog_sync::ids::JobId;

use crate::commands::{obliging, order};
use crate::controller::Controller;
use crate::desk::{Desk, NEAR, PRESS, document};
use crate::mis::{Mis, told_status};
use crate::peer::Peer;
use crate::ports::anywhere;
use crate::support::{TestAgent, until};

fn ticket(number: &str) -> JobTicket {
    let jdf = format!(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\" JobID=\"{number}\"/>"
    );
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(1));
    JobTicket::new(job_id, number, "press-3", jdf)
}

async fn record(test: &TestAgent, event: Event) {
    let fact = Fact {
        occurred_at: None,
        actor: Actor::System {
            component: "test".to_owned(),
        },
        what: What::Event(event),
    };
    let append = Append {
        facts: vec![fact],
        ..Append::default()
    };
    test.agent.ledger.append(append).await.unwrap();
}

/// A step of a job of which nothing else is known.
async fn step(test: &TestAgent, number: &str, step: JobStep) {
    let job = test.job(number).await.progress.job;
    let progress = JobProgress::of(job, "press-3");
    record(test, Event::Job(Box::new(JobEvent { step, progress }))).await;
}

async fn press_says(desk: &Desk, messages: &str) {
    let message = document("press-3", messages);
    let answers = desk.ask_from([127, 0, 0, 1].into(), &message).await;
    assert_eq!(answers[0].return_code, ReturnCode::SUCCESS);
}

fn queue(minute: u32, job: &str, status: &str, priority: u32) -> String {
    format!(
        "<Signal ID=\"q{minute}\" Type=\"QueueStatus\" Time=\"2026-01-05T10:{minute:02}:00Z\">\
         <Queue DeviceID=\"press-3\" Status=\"Waiting\"><QueueEntry QueueEntryID=\"QE-{job}\" JobID=\"{job}\" \
         Status=\"{status}\" Priority=\"{priority}\"/></Queue></Signal>"
    )
}

#[tokio::test]
async fn an_mis_is_told_of_entries_what_they_are_and_of_a_lost_device_no_address() {
    let (mis, address) = (Mis::new(), anywhere());
    let _online = mis.online(address);
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    for kind in ["Status", "QueueStatus", "Notification"] {
        let query = format!(
            "<Query ID=\"{kind}\" Type=\"{kind}\"><Subscription URL=\"http://{address}/jmf\" \
             ChannelMode=\"Reliable\"/></Query>"
        );
        assert_eq!(desk.ask_one(&query).await.subscribed, Some(true), "{kind}");
    }
    desk.test.hand_in(ticket("J-1")).await;
    for (minute, status, priority) in [
        (1, "Waiting", 50),
        (2, "Held", 50),
        (3, "Held", 60),
        (4, "Waiting", 60),
    ] {
        press_says(&desk, &queue(minute, "J-1", status, priority)).await;
    }
    step(&desk.test, "J-1", JobStep::Aborted).await;
    press_says(
        &desk,
        "<Signal ID=\"s5\" Type=\"Status\" Time=\"2026-01-05T10:05:00Z\"><DeviceInfo DeviceID=\"press-3\" \
         DeviceStatus=\"Running\"><JobPhase JobID=\"J-2\" QueueEntryID=\"QE-J-2\" Status=\"InProgress\" \
         StartTime=\"2026-01-05T10:05:00Z\"/></DeviceInfo></Signal>",
    )
    .await;
    for (minute, priority) in [(6, 50), (7, 70)] {
        press_says(&desk, &queue(minute, "J-2", "Running", priority)).await;
    }
    let lost = DeviceContact {
        device: "press-3".to_owned(),
        detail: "`http://10.1.2.3:9000/jmf` cannot be reached; see /srv/press".to_owned(),
    };
    record(&desk.test, Event::Device(DeviceEvent::Lost(lost))).await;

    let told = |of: &'static str| {
        let came = mis.came().into_iter().map(|came| came.message);
        came.filter(move |message| message.ref_id.as_deref() == Some(of))
    };
    let statuses = until("the lost contact is told", || async {
        let statuses: Vec<_> = told("Status").filter_map(|it| told_status(&it)).collect();
        (statuses.last().map(String::as_str) == Some("Unknown")).then_some(statuses)
    })
    .await;
    // That an entry waits, is held or goes says nothing of what its device does.
    assert_eq!(statuses, ["Running", "Running", "Unknown"]);
    let entries = until("the entries are told", || async {
        let mut entries = Vec::new();
        for message in told("QueueStatus") {
            if let Content::Signal(signal) = message.body
                && let SignalContent::QueueStatus { queue, .. } = signal.content
            {
                let entry = queue.unwrap().entries.remove(0);
                entries.push(format!("{} {}", entry.job_id.unwrap(), entry.status));
            }
        }
        (entries.len() == 7).then_some(entries)
    })
    .await;
    assert_eq!(
        entries,
        [
            "J-1 Waiting",
            "J-1 Held",
            "J-1 Held",
            "J-1 Waiting",
            "J-1 Aborted",
            "J-2 Running",
            "J-2 Running",
        ]
    );
    let words = until("people are told", || async {
        let message = told("Notification").next()?;
        let Content::Signal(signal) = message.body else {
            return None;
        };
        let SignalContent::Notification { notification, .. } = signal.content else {
            return None;
        };
        Some(notification.text())
    })
    .await;
    assert_eq!(words, "press-3: no contact with the device");
    desk.close().await;
}

#[tokio::test]
async fn a_command_that_moves_an_entry_tells_whether_it_is_held_waits_or_runs() {
    let peer = Peer::start(|message| Some(obliging(message)));
    let test = TestAgent::new(&peer.section("press-3", ""));
    test.hand_in(ticket("J-1")).await;
    for action in [JobAction::Hold, JobAction::Priority(90), JobAction::Resume] {
        order(&test, "J-1", action).await;
    }
    let controller = Controller::start(&test);
    test.all_ended().await;
    step(&test, "J-1", JobStep::Started).await;
    order(&test, "J-1", JobAction::Priority(70)).await;
    test.all_ended().await;

    let events = test.events().await;
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event.event().unwrap() {
            Event::Job(told) if matches!(told.step, JobStep::Requeued | JobStep::Resumed) => {
                Some((told.step, told.progress.entry_status.unwrap_or_default()))
            }
            _ => None,
        })
        .collect();
    let step = |step: JobStep, status: &str| (step, status.to_owned());
    assert_eq!(
        told,
        [
            step(JobStep::Requeued, "Held"),
            step(JobStep::Resumed, "Waiting"),
            step(JobStep::Requeued, "Running"),
        ]
    );
    controller.stop().await;
}
