//! Jobs of an MIS on the command line: the agent as a program, and an MIS on the wire.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use agog_edge::controller::routes::{SubmissionState, SubmissionView};
use agog_edge::run::Addresses;
use agog_jdf::package::Outgoing;

use crate::devices::configure;
use crate::support::*;

const TICKET: &str = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"ConventionalPrinting\" \
    Status=\"Waiting\" Version=\"1.5\" JobID=\"JOB-7\"/>";

/// Hands a ticket in as an MIS does; tells the answer as it came.
fn submit(addresses: &Addresses) -> String {
    let jmf = "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"mis\" \
        TimeStamp=\"2026-01-05T10:00:00Z\" Version=\"1.5\"><Command ID=\"C1\" \
        Type=\"SubmitQueueEntry\"><QueueSubmissionParams URL=\"cid:job.jdf\"/></Command></JMF>";
    let mut package = Outgoing::new(jmf.as_bytes().to_vec());
    package.ticket("job.jdf", TICKET.as_bytes().to_vec());
    let (content_type, body) = package.finish();
    let address = addresses.jmf_url.trim_start_matches("http://");
    let address = address.split('/').next().unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "POST /jmf HTTP/1.1\r\nhost: {address}\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .unwrap();
    connection.write_all(&body).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_an_mis_has_handed_in_is_shown_with_its_ticket() {
    let mut program = Program::init();
    configure(
        &program,
        "\n[[device]]\nid = \"cutter-1\"\nurl = \"http://127.0.0.1:1/jmf\"\n",
    );
    let addresses = program.start();
    let none = program.ok(&["jmf", "submissions"]);
    assert!(none.contains("no job waits to be given back"), "{none}");
    let answer = submit(&addresses);
    assert!(answer.contains("ReturnCode=\"0\""), "{answer}");

    let list = |all: &[&str]| -> Vec<SubmissionView> {
        let arguments = [&["--json", "jmf", "submissions"], all].concat();
        serde_json::from_str(&program.ok(&arguments)).unwrap()
    };
    let open = list(&[]);
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].job.as_str(), open[0].state),
        ("JOB-7", SubmissionState::Open)
    );
    let id = open[0].job_id.to_string();
    let ticket = program.ok(&["jmf", "submissions", "--ticket", &id]);
    assert_eq!(ticket, TICKET);
    let other = "018f0000-0000-7000-8000-000000000000";
    let unknown = program.fails(1, &["jmf", "submissions", "--ticket", other]);
    assert!(unknown.contains("unknown-submission"), "{unknown}");

    program.ok(&["job", "remove", "JOB-7"]);
    let ended = wait_for("the submission is settled", || {
        list(&["--all"]).pop().filter(|it| it.settled_at.is_some())
    });
    assert_eq!(ended.state, SubmissionState::Ended, "nobody wants it back");
    assert!(list(&[]).is_empty());
    let shown = program.ok(&["jmf", "submissions", "--all"]);
    for part in [&id, "JOB-7", "cutter-1", "mis", "ended"] {
        assert!(shown.contains(part), "{part} is missing in: {shown}");
    }
}
