//! Jobs that an MIS submits at the agent: taken once, ordered about, and given back.

use std::sync::atomic::{AtomicU64, Ordering};

use agog_edge::controller::GIVEN_UP_AFTER_DAYS;
use agog_edge::ledger::controller::{ChannelRow, NewSubmission, SUBMISSIONS_PER_SENDER_MAX};
use agog_edge::ledger::{Append, AppendError, Fact, Reader, Refused, What};
use agog_jdf::jmf::{Body as Content, Command, Response as Answer, ReturnCode};
use agog_jdf::{NodeStatus, QueueEntryStatus};
use agog_sync::event::{Actor, JobStep};
use agog_sync::frame::JobTicket;
use agog_sync::ids::JobId;

use crate::desk::{Desk, NEAR, PRESS, document, mis};
use crate::mis::{Mis, Mood};
use crate::ports::anywhere;
use crate::support::until;

/// Written so that a writer of XML would write it otherwise.
pub(crate) const TICKET: &str = "<?xml version='1.0'?>\n<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\"  ID='n1' \
     JobID=\"JOB-1\" JobPartID='P1' Type=\"ConventionalPrinting\" Status=\"Waiting\" Version=\"1.5\">\n\
     <ResourcePool/><ResourceLinkPool/></JDF>\n";

pub(crate) fn config() -> String {
    format!("{NEAR}{PRESS}")
}

pub(crate) fn submission(id: &str, more: &str) -> String {
    mis(&format!(
        "<Command ID=\"{id}\" Type=\"SubmitQueueEntry\"><QueueSubmissionParams \
         URL=\"cid:job.jdf\" {more}/></Command>"
    ))
}

pub(crate) async fn submit(desk: &Desk, id: &str, more: &str) -> Answer {
    let message = submission(id, more);
    desk.send_package(&message, "job.jdf", TICKET.as_bytes())
        .await
}

pub(crate) fn entry_id(answer: &Answer) -> String {
    answer.queue_entry.as_ref().unwrap().queue_entry_id.clone()
}

fn returned() -> String {
    let run = "<AuditPool><ProcessRun ID=\"a\" TimeStamp=\"2026-01-05T12:00:00Z\" \
               Start=\"2026-01-05T11:00:00Z\" End=\"2026-01-05T12:00:00Z\" EndStatus=\"Completed\"/></AuditPool>";
    TICKET.replace("<ResourcePool/>", &format!("{run}<ResourcePool/>"))
}

#[tokio::test]
async fn the_files_of_a_submitted_ticket_go_with_its_job() {
    let desk = Desk::new(&config());
    let page = "<RunList ID=\"r\"><LayoutElement><FileSpec URL=\"cid:page.pdf\"/></LayoutElement></RunList>";
    let ticket = TICKET.replace(
        "<ResourcePool/>",
        &format!("<ResourcePool>{page}</ResourcePool>"),
    );
    let pdf = b"%PDF-1.7 a page";
    let files: [(&str, &[u8]); 1] = [("page.pdf", pdf)];
    let answer = desk
        .send_files(&submission("C1", ""), "job.jdf", ticket.as_bytes(), &files)
        .await;
    assert_eq!(answer.return_code, ReturnCode::SUCCESS);
    let agent = &desk.test.agent;
    let job = agent.ledger.job_by_number("JOB-1-P1").await.unwrap();
    let ticket = agent.ledger.ticket(&job.unwrap()).await.unwrap();
    let files = ticket.unwrap().files;
    assert_eq!(files.len(), 1);
    assert_eq!(
        (files[0].content_id.as_str(), files[0].media_type.as_str()),
        ("page.pdf", "application/pdf")
    );
    let kept = tokio::fs::read(agent.files.path(files[0].blake3)).await;
    assert_eq!(kept.unwrap(), pdf);
}

#[tokio::test]
async fn a_submitted_ticket_becomes_one_job_and_goes_back_as_the_device_returned_it() {
    let (office, address) = (Mis::new(), anywhere());
    let desk = Desk::new(&config());
    let wishes = format!("Hold=\"true\" Priority=\"77\" ReturnJMF=\"http://{address}/jmf\"");

    let answer = submit(&desk, "C1", &wishes).await;
    assert_eq!(answer.return_code, ReturnCode::SUCCESS);
    let entry = answer.queue_entry.clone().unwrap();
    assert_eq!(entry.status, QueueEntryStatus::Held);
    assert_eq!(
        (entry.job_id.as_deref(), entry.job_part_id.as_deref()),
        (Some("JOB-1"), Some("P1"))
    );
    let ledger = &desk.test.agent.ledger;
    let job = ledger.job_by_number("JOB-1-P1").await.unwrap().unwrap();
    let ticket = ledger.ticket(&job).await.unwrap().unwrap();
    assert_eq!((ticket.hold, ticket.priority), (true, Some(77)));
    assert_eq!(ticket.jdf, TICKET);
    let id = entry_id(&answer);

    // The same message has no second effect; another one finds the job there.
    let repeated = submit(&desk, "C1", &wishes).await;
    assert_eq!(repeated.return_code, ReturnCode::SUCCESS);
    assert_eq!(entry_id(&repeated), id);
    let other = submit(&desk, "C2", "").await;
    assert_eq!(other.return_code, ReturnCode::QUEUE_ENTRY_EXISTS);
    assert_eq!(entry_id(&other), id);
    assert_eq!(desk.test.kinds().await, ["job.received"]);

    // The device returns it while the office is away; the agent is restarted before it is back.
    give_back_as_device(&desk).await;
    let folder = desk.close().await;
    office.set(Mood::LosesAnswers);
    let online = office.online(address);
    let desk = Desk::open(folder, &config());
    until("the ticket came and was not answered", || async {
        (!office.came().is_empty()).then_some(())
    })
    .await;
    office.set(Mood::Answers);
    all_settled(&desk).await;
    for came in office.came() {
        assert_eq!(came.message.id, office.came()[0].message.id);
        let Content::Command(Command::ReturnQueueEntry(params)) = came.message.body else {
            panic!("not a return");
        };
        assert_eq!(
            (params.queue_entry_id.as_str(), params.completed),
            (id.as_str(), vec!["n1".to_owned()])
        );
        assert_eq!(came.ticket.unwrap(), returned().as_bytes(), "byte for byte");
    }
    let job = desk
        .test
        .agent
        .ledger
        .job_by_number("JOB-1-P1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.step, JobStep::Completed);
    online.off().await;
    desk.close().await;
}

#[tokio::test]
async fn a_watched_job_tells_its_phases_and_no_others() {
    let (office, address) = (Mis::new(), anywhere());
    let _online = office.online(address);
    let desk = Desk::new(&config());
    let answer = submit(&desk, "C1", &format!("WatchURL=\"http://{address}/jmf\"")).await;
    let id = entry_id(&answer);
    let phase = |number: u32, job: &str| {
        document(
            "press-3",
            &format!(
                "<Signal ID=\"P{number}\" Type=\"Status\" Time=\"2026-01-05T10:{number:02}:00Z\"><StatusQuParams/>\
                 <DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\"><JobPhase JobID=\"{job}\" \
                 Status=\"InProgress\" Amount=\"{number}\"/></DeviceInfo></Signal>"
            ),
        )
    };
    for (number, job) in [(1, "OTHER"), (2, "JOB-1")] {
        desk.ask_from([127, 0, 0, 1].into(), &phase(number, job))
            .await;
    }
    let signal = until("the phase is told", || async {
        office.came().first().cloned()
    })
    .await;
    let Content::Signal(signal) = signal.message.body else {
        panic!("not a signal");
    };
    let agog_jdf::jmf::SignalContent::Status { devices, .. } = signal.content else {
        panic!("not a status");
    };
    let phase = &devices[0].job_phases[0];
    assert_eq!(phase.queue_entry_id.as_deref(), Some(id.as_str()));
    assert_eq!(phase.job_id.as_deref(), Some("JOB-1"));
    assert_eq!(phase.job_part_id.as_deref(), Some("P1"));
    assert_eq!(
        (phase.status.clone(), phase.amount),
        (NodeStatus::InProgress, Some(2.into()))
    );
    let asked = desk.ask_one("<Query ID=\"Q\" Type=\"QueueStatus\"><QueueFilter QueueEntryDetails=\"JobPhase\"/></Query>").await;
    let entries = asked.queue.unwrap().entries;
    let entry = entries.iter().find(|it| it.queue_entry_id == id).unwrap();
    let inside = &entry.job_phases[0];
    assert_eq!(
        (&inside.job_id, &inside.job_part_id),
        (&phase.job_id, &phase.job_part_id),
        "an entry names its job as signals do"
    );
    desk.close().await;
}

async fn channels(desk: &Desk) -> Vec<ChannelRow> {
    let read = desk.test.agent.ledger.read(Reader::channels);
    read.await.unwrap()
}

async fn give_back_as_device(desk: &Desk) {
    give_back_under(desk, "R1", "QE-1", &returned()).await;
}

async fn give_back_under(desk: &Desk, id: &str, entry: &str, ticket: &str) {
    let back = document(
        "press-3",
        &format!(
            "<Command ID=\"{id}\" Type=\"ReturnQueueEntry\"><ReturnQueueEntryParams QueueEntryID=\"{entry}\" \
             URL=\"cid:back.jdf\" Completed=\"n1\"/></Command>"
        ),
    );
    let taken = desk
        .send_package(&back, "back.jdf", ticket.as_bytes())
        .await;
    assert_eq!(taken.return_code, ReturnCode::SUCCESS);
}

/// The ticket of a second run, two hours later.
fn returned_again() -> String {
    returned().replace("T12:", "T14:").replace("T11:", "T13:")
}

/// Waits until everything was given back.
async fn all_settled(desk: &Desk) {
    until("the returns are settled", || async {
        let open = desk
            .test
            .agent
            .ledger
            .read(|reader| reader.submissions(false, 100));
        open.await.unwrap().is_empty().then_some(())
    })
    .await;
}

/// Waits until everything was given back; tells message ids and tickets in the order in which they came.
async fn given_back(desk: &Desk, office: &Mis) -> Vec<(String, String)> {
    all_settled(desk).await;
    let came = office.came().into_iter().map(|came| {
        let ticket = String::from_utf8(came.ticket.unwrap()).unwrap();
        (came.message.id, ticket)
    });
    came.collect()
}

#[tokio::test]
async fn a_second_run_goes_back_to_the_mis_too_whether_it_was_signalled_or_not_and_only_once() {
    for is_signalled in [false, true] {
        let (office, address) = (Mis::new(), anywhere());
        let _online = office.online(address);
        let desk = Desk::new(&config());
        submit(&desk, "C1", &format!("ReturnJMF=\"http://{address}/jmf\"")).await;
        give_back_as_device(&desk).await;
        assert_eq!(given_back(&desk, &office).await.len(), 1);
        if is_signalled {
            let signal = "<Signal ID=\"S1\" Type=\"Status\" Time=\"2026-01-05T13:00:00Z\"><StatusQuParams/>\
                 <DeviceInfo DeviceID=\"press-3\" DeviceStatus=\"Running\"><JobPhase JobID=\"JOB-1\" JobPartID=\"P1\" \
                 QueueEntryID=\"QE-2\" Status=\"InProgress\" Amount=\"7\"/></DeviceInfo></Signal>";
            desk.ask_from([127, 0, 0, 1].into(), &document("press-3", signal))
                .await;
            let job = desk.test.job("JOB-1-P1").await;
            assert_eq!(job.step, JobStep::Started);
        }

        give_back_under(&desk, "R2", "QE-2", &returned_again()).await;

        let came = given_back(&desk, &office).await;
        let tickets: Vec<&str> = came.iter().map(|(_, ticket)| ticket.as_str()).collect();
        assert_eq!(tickets, [returned(), returned_again()], "{is_signalled}");
        assert_ne!(came[0].0, came[1].0, "the second is not the first again");

        // A device that lost our answers returns both once more.
        give_back_under(&desk, "R3", "QE-2", &returned_again()).await;
        give_back_under(&desk, "R4", "QE-1", &returned()).await;
        assert_eq!(given_back(&desk, &office).await.len(), 2);
        desk.close().await;
    }
}

#[tokio::test]
async fn two_runs_that_the_mis_was_away_for_go_back_in_their_order() {
    let (office, address) = (Mis::new(), anywhere());
    let desk = Desk::new(&config());
    submit(&desk, "C1", &format!("ReturnJMF=\"http://{address}/jmf\"")).await;
    give_back_as_device(&desk).await;
    give_back_under(&desk, "R2", "QE-2", &returned_again()).await;
    let desk = Desk::open(desk.close().await, &config());

    let _online = office.online(address);

    let came = given_back(&desk, &office).await;
    let tickets: Vec<&str> = came.iter().map(|(_, ticket)| ticket.as_str()).collect();
    assert_eq!(tickets, [returned(), returned_again()]);
    desk.close().await;
}

#[tokio::test]
async fn the_channels_of_a_watched_job_go_when_it_was_given_back_and_everything_was_told() {
    let (watcher, watching) = (Mis::new(), anywhere());
    let _online = watcher.online(watching);
    let (office, address) = (Mis::new(), anywhere());
    let desk = Desk::new(&config());
    let wishes = format!("WatchURL=\"http://{watching}/jmf\" ReturnJMF=\"http://{address}/jmf\"");
    let first = entry_id(&submit(&desk, "C1", &wishes).await);
    // A command with the same ID, for another job, has channels of its own.
    let later = submission("C1", &wishes).replace("10:00:00", "11:00:00");
    let other = TICKET.replace("JOB-1", "JOB-2");
    let second = desk.send_package(&later, "job.jdf", other.as_bytes()).await;
    assert_eq!(second.return_code, ReturnCode::SUCCESS);
    assert_eq!(channels(&desk).await.len(), 4);

    give_back_as_device(&desk).await;
    until("the end is told", || async {
        let came = watcher.came();
        let has_ended = |came: &crate::mis::Came| match &came.message.body {
            Content::Signal(signal) => format!("{signal:?}").contains("Completed"),
            _ => false,
        };
        came.iter().any(has_ended).then_some(())
    })
    .await;
    let folder = desk.close().await;
    let desk = Desk::open(folder, &config());
    assert_eq!(channels(&desk).await.len(), 4, "it was not given back yet");

    let _online = office.online(address);
    let left = until("the channels of the job are closed", || async {
        let left = channels(&desk).await;
        (left.len() == 2).then_some(left)
    })
    .await;
    for channel in &left {
        let job_id = channel.asked.job_id.unwrap().to_string();
        assert_eq!(job_id, entry_id(&second));
        assert_ne!(job_id, first);
    }
    desk.close().await;
}

fn handed_in(number: &str, sender: Option<&str>) -> Append {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(count.into()));
    let submission = |sender: &str| NewSubmission {
        message: format!("{sender} {job_id}"),
        sender: sender.to_owned(),
        ..NewSubmission::default()
    };
    Append {
        facts: vec![Fact {
            occurred_at: None,
            actor: Actor::System {
                component: "test".to_owned(),
            },
            what: What::Ticket(Box::new(JobTicket::new(job_id, number, "press-3", TICKET))),
        }],
        submission: sender.map(|sender| Box::new(submission(sender))),
        ..Append::default()
    }
}

#[tokio::test]
async fn a_number_that_is_taken_is_refused_where_it_is_recorded() {
    let desk = Desk::new(&config());
    let ledger = &desk.test.agent.ledger;
    ledger.append(handed_in("JOB-1-P1", None)).await.unwrap();
    for sender in [None, Some("mis")] {
        let refused = ledger.append(handed_in("JOB-1-P1", sender)).await;
        let taken = AppendError::Refused(Refused::NumberTaken("JOB-1-P1".to_owned()));
        assert_eq!(refused.unwrap_err().to_string(), taken.to_string());
    }
    assert_eq!(desk.test.kinds().await, ["job.received"]);
    let open = ledger
        .read(|reader| reader.submissions(false, 100))
        .await
        .unwrap();
    assert!(open.is_empty(), "nothing of the refused one is left");
    desk.close().await;
}

#[tokio::test]
async fn a_sender_whose_jobs_nobody_takes_back_does_not_lock_out_the_others() {
    let desk = Desk::new(&config());
    let ledger = &desk.test.agent.ledger;
    let fill = (0..SUBMISSIONS_PER_SENDER_MAX)
        .map(|n| ledger.append(handed_in(&format!("N-{n}"), Some("mis"))));
    for result in futures_util::future::join_all(fill).await {
        result.unwrap();
    }
    let refused = submit(&desk, "C1", "").await;
    assert_eq!(refused.return_code, ReturnCode::SERVICE_BUSY);
    assert!(
        refused.reason().contains("500 jobs of this sender"),
        "{}",
        refused.reason()
    );
    let other = submission("C1", "").replace("SenderID=\"mis\"", "SenderID=\"prepress\"");
    let taken = desk
        .send_package(&other, "job.jdf", TICKET.as_bytes())
        .await;
    assert_eq!(taken.return_code, ReturnCode::SUCCESS, "{}", taken.reason());
    desk.close().await;
}

#[tokio::test]
async fn a_job_that_nobody_takes_back_is_given_up_after_a_long_time_and_its_ticket_kept() {
    let address = anywhere();
    let desk = Desk::new(&config());
    let wishes = format!("ReturnJMF=\"http://{address}/jmf\" WatchURL=\"http://{address}/jmf\"");
    let id = entry_id(&submit(&desk, "C1", &wishes).await);
    give_back_as_device(&desk).await;
    let rows = |desk: &Desk| {
        let ledger = desk.test.agent.ledger.clone();
        async move {
            ledger
                .read(|reader| reader.submissions(true, 10))
                .await
                .unwrap()
        }
    };
    let failing = until("giving back fails", || async {
        rows(&desk)
            .await
            .pop()
            .filter(|row| row.failing_since.is_some())
    })
    .await;
    assert!(failing.last_error.is_some() && failing.settled_at.is_none());
    assert_eq!(failing.failed_days, 1);
    let folder = desk.close().await;
    let file = rusqlite::Connection::open(folder.path().join("data/ledger.db")).unwrap();
    // The clock was wrong: it was one day of failure all the same.
    file.execute_batch("update submission set failing_since = 0, counted_at = 0")
        .unwrap();
    let desk = Desk::open(folder, &config());
    until("another day of failure is counted", || async {
        let row = rows(&desk).await.pop();
        row.filter(|row| row.failed_days == 2 && row.settled_at.is_none())
    })
    .await;
    // Days go by.
    let folder = desk.close().await;
    file.execute(
        "update submission set failed_days = ?1, counted_at = 0",
        [GIVEN_UP_AFTER_DAYS],
    )
    .unwrap();
    drop(file);

    let desk = Desk::open(folder, &config());
    let row = until("it is given up", || async {
        rows(&desk)
            .await
            .pop()
            .filter(|row| row.settled_at.is_some())
    })
    .await;
    assert!(row.given_up && row.return_code.is_none());
    let events = desk.test.events().await;
    let told = events
        .iter()
        .rfind(|event| event.kind == "device.notified")
        .unwrap();
    let text = told.payload.get();
    assert!(text.contains("JOB-1-P1 is not given back to mis"), "{text}");
    let job_id = id.parse().unwrap();
    let ticket = desk
        .test
        .agent
        .ledger
        .read(move |reader| reader.return_next(job_id));
    let kept = ticket.await.unwrap().unwrap().ticket;
    assert_eq!(kept, returned().as_bytes());
    until("nothing is watched any more", || async {
        channels(&desk).await.is_empty().then_some(())
    })
    .await;
    desk.close().await;
}

#[tokio::test]
async fn submissions_that_cannot_be_taken_are_refused_and_leave_nothing() {
    let desk = Desk::new(&config());
    let package = |message: String, ticket: &'static str| {
        let desk = &desk;
        async move {
            let answer = desk
                .send_package(&message, "job.jdf", ticket.as_bytes())
                .await;
            assert!(!answer.reason().is_empty());
            answer.return_code
        }
    };
    let bare = submission("C1", "");
    let named = bare.replace("SenderID", "DeviceID=\"press-9\" SenderID");
    assert_eq!(package(named, TICKET).await, ReturnCode::DEVICE_ID_UNKNOWN);
    let lost = bare.replace("cid:job.jdf", "");
    assert_eq!(
        package(lost, TICKET).await,
        ReturnCode::INSUFFICIENT_PARAMETERS
    );
    assert_eq!(
        package(bare.clone(), "<JDF").await,
        ReturnCode::XML_PARSER_ERROR
    );
    assert_eq!(
        package(bare.clone(), "<a/>").await,
        ReturnCode::XML_VALIDATION_ERROR
    );
    let nameless = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"Product\"/>";
    assert_eq!(
        package(bare.clone(), nameless).await,
        ReturnCode::INSUFFICIENT_PARAMETERS
    );
    let paged = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" JobID=\"J\" Type=\"Product\"><ResourcePool>\
                 <RunList ID=\"r\"><LayoutElement><FileSpec URL=\"cid:page.pdf\"/></LayoutElement></RunList></ResourcePool></JDF>";
    assert_eq!(
        package(bare.clone(), paged).await,
        ReturnCode::INVALID_PARAMETERS
    );
    let high = submission("C1", "Priority=\"101\"");
    assert_eq!(package(high, TICKET).await, ReturnCode::INVALID_PARAMETERS);
    let endless = submission(&"C".repeat(1_000), "");
    let code = package(endless, TICKET).await;
    assert_eq!(code, ReturnCode::INVALID_PARAMETERS);
    for url in [
        "file:///etc/passwd",
        "http://10.9.9.9/job.jdf",
        "ftp://127.0.0.1/job.jdf",
    ] {
        let fetched = bare.replace("cid:job.jdf", url);
        assert_eq!(
            package(fetched, TICKET).await,
            ReturnCode::URL_NOT_ACCESSIBLE,
            "{url}"
        );
        let away = submission("C1", &format!("ReturnJMF=\"{url}\""));
        assert_eq!(
            package(away, TICKET).await,
            ReturnCode::URL_NOT_ACCESSIBLE,
            "{url}"
        );
    }
    assert!(desk.test.kinds().await.is_empty());
    desk.close().await;
}
