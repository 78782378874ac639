//! Tickets that are fetched from the URL of a submission: redirects, sizes, and where they may not lead.

use std::net::SocketAddr;
use std::sync::Arc;

use agog_jdf::jmf::{Response as Answer, ReturnCode};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::get;
use tokio::sync::Barrier;

use crate::desk::{Desk, NEAR, PRESS};

const TICKET: &str = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" JobID=\"JOB-7\" \
     Type=\"ConventionalPrinting\" Status=\"Waiting\" Version=\"1.5\"/>";

/// A server of tickets, some of whose answers lead elsewhere. `/together` answers two at a time.
async fn store() -> SocketAddr {
    let together = Arc::new(Barrier::new(2));
    let together = get(move || async move {
        together.wait().await;
        TICKET
    });
    let to = |target: &'static str| {
        get(move || async move { (StatusCode::FOUND, [(LOCATION, target)]) })
    };
    let router = Router::new()
        .route("/job.jdf", get(|| async { TICKET }))
        .route("/together", together)
        .route("/moved", to("/job.jdf"))
        .route("/circle", to("/circle"))
        .route("/metadata", to("http://169.254.169.254/latest/meta-data/"))
        .route("/passwords", to("file:///etc/passwd"))
        .route("/plant", to("http://10.9.9.9/secret"))
        .route("/large", get(|| async { vec![b' '; 9 * 1024 * 1024] }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn submission(url: &str) -> String {
    format!(
        "<Command ID=\"C-{}\" Type=\"SubmitQueueEntry\"><QueueSubmissionParams URL=\"{url}\"/></Command>",
        url.len()
    )
}

#[tokio::test]
async fn a_ticket_is_fetched_and_redirects_lead_only_where_a_url_may() {
    let store = store().await;
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    for path in [
        "circle",
        "metadata",
        "passwords",
        "plant",
        "large",
        "nothing",
    ] {
        let answer = desk
            .ask_one(&submission(&format!("http://{store}/{path}")))
            .await;
        assert_eq!(answer.return_code, ReturnCode::URL_NOT_ACCESSIBLE, "{path}");
    }
    assert!(desk.test.kinds().await.is_empty());
    let answer = desk
        .ask_one(&submission(&format!("http://{store}/moved")))
        .await;
    assert_eq!(
        answer.return_code,
        ReturnCode::SUCCESS,
        "{}",
        answer.reason()
    );
    let ledger = &desk.test.agent.ledger;
    let job = ledger.job_by_number("JOB-7").await.unwrap().unwrap();
    assert_eq!(ledger.ticket(&job).await.unwrap().unwrap().jdf, TICKET);
    desk.close().await;
}

#[tokio::test]
async fn a_ticket_on_this_machine_is_not_fetched_unless_the_configuration_says_so() {
    let store = store().await;
    let desk = Desk::new(PRESS);
    let answer = desk
        .ask_one(&submission(&format!("http://{store}/job.jdf")))
        .await;
    assert_eq!(answer.return_code, ReturnCode::URL_NOT_ACCESSIBLE);
    desk.close().await;
}

#[tokio::test]
async fn two_submissions_of_one_job_that_are_fetched_at_the_same_time_make_one_job() {
    let store = store().await;
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    let fetched = |id: &str| {
        submission(&format!("http://{store}/together")).replace("ID=\"C-", &format!("ID=\"{id}-"))
    };
    let (one, two) = (fetched("A"), fetched("B"));
    let (one, two) = tokio::join!(desk.ask_one(&one), desk.ask_one(&two));
    let mut codes = [one.return_code, two.return_code];
    codes.sort();
    assert_eq!(
        codes,
        [ReturnCode::SUCCESS, ReturnCode::QUEUE_ENTRY_EXISTS],
        "{} {}",
        one.reason(),
        two.reason()
    );
    let entry = |answer: &Answer| answer.queue_entry.clone().unwrap().queue_entry_id;
    assert_eq!(entry(&one), entry(&two), "both are told of the one entry");
    assert_eq!(desk.test.kinds().await, ["job.received"]);

    desk.close().await;

    // The same message twice at the same time is one submission.
    let desk = Desk::new(&format!("{NEAR}{PRESS}"));
    let same = fetched("C");
    let (one, two) = tokio::join!(desk.ask_one(&same), desk.ask_one(&same));
    assert_eq!(one.return_code, ReturnCode::SUCCESS, "{}", one.reason());
    assert_eq!(two.return_code, ReturnCode::SUCCESS, "{}", two.reason());
    assert_eq!(entry(&one), entry(&two));
    assert_eq!(desk.test.kinds().await, ["job.received"]);
    desk.close().await;
}
