//! Jobs of several offices that are given back: one office that hangs keeps none of the others waiting.

use std::time::Duration;

use agog_jdf::jmf::ReturnCode;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::desk::{Desk, document};
use crate::mis::Mis;
use crate::ports::anywhere;
use crate::submissions::{TICKET, config, submission};
use crate::support::until;

/// Well below the time after which an office that does not answer is given up.
const SOON: Duration = Duration::from_secs(10);

fn ticket(job: &str) -> String {
    TICKET.replace("JOB-1", job)
}

async fn submit(desk: &Desk, job: &str, url: &str) {
    let message = submission(&format!("C-{job}"), &format!("ReturnJMF=\"{url}\""));
    let taken = desk
        .send_package(&message, "job.jdf", ticket(job).as_bytes())
        .await;
    assert_eq!(taken.return_code, ReturnCode::SUCCESS, "{}", taken.reason());
}

/// The device gives a job back.
async fn end(desk: &Desk, job: &str) {
    let run = "<AuditPool><ProcessRun ID=\"a\" TimeStamp=\"2026-01-05T12:00:00Z\" \
               Start=\"2026-01-05T11:00:00Z\" End=\"2026-01-05T12:00:00Z\" EndStatus=\"Completed\"/></AuditPool>";
    let back = document(
        "press-3",
        &format!(
            "<Command ID=\"R-{job}\" Type=\"ReturnQueueEntry\"><ReturnQueueEntryParams QueueEntryID=\"QE-{job}\" \
             URL=\"cid:back.jdf\" Completed=\"n1\"/></Command>"
        ),
    );
    let ticket = ticket(job).replace("<ResourcePool/>", &format!("{run}<ResourcePool/>"));
    let taken = desk
        .send_package(&back, "back.jdf", ticket.as_bytes())
        .await;
    assert_eq!(taken.return_code, ReturnCode::SUCCESS);
}

#[tokio::test]
async fn an_office_that_does_not_answer_keeps_no_other_office_waiting() {
    let desk = Desk::new(&config());
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}/jmf", silent.local_addr().unwrap());
    // Another name, as of another machine.
    let (office, address) = (Mis::new(), anywhere());
    let _online = office.online(address);
    let url = format!("http://localhost:{}/jmf", address.port());
    for job in ["SLOW-1", "SLOW-2", "SLOW-3"] {
        submit(&desk, job, &silent_url).await;
        end(&desk, job).await;
    }
    // It takes connections, and says nothing.
    let _first = silent.accept().await.unwrap();
    let _second = silent.accept().await.unwrap();
    let began = Instant::now();

    submit(&desk, "JOB-1", &url).await;
    end(&desk, "JOB-1").await;

    until("the other office has its job", || async {
        (!office.came().is_empty()).then_some(())
    })
    .await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    until("only the jobs of the silent office are left", || async {
        let open = desk
            .test
            .agent
            .ledger
            .read(|reader| reader.submissions(false, 100));
        (open.await.unwrap().len() == 3).then_some(())
    })
    .await;
    desk.close().await;
}
