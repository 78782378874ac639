//! `agog-jdf submit` and `query` against a device made by hand that answers as badly as devices can. Against a press
//! that behaves they run in the workspace's `tests/`.

#[path = "support/cli.rs"]
mod cli;
#[path = "support/device.rs"]
mod device;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use agog_jdf::Limits;
use agog_jdf::jmf::{Body, Command, Jmf};
use agog_jdf::package::{Package, PackageLimits};
use cli::{Desk, Ended};
use device::{Device, answer, raw};

const JMF: &str = "application/vnd.cip4-jmf+xml";
const TICKET: &str =
    "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\"><FileSpec URL=\"page.pdf\"/></JDF>";

/// A JMF with this inside.
fn jmf(messages: &str) -> String {
    format!(
        "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"press\" TimeStamp=\"2025-03-01T08:00:00Z\" Version=\"1.5\">{messages}</JMF>"
    )
}

/// A response to `QueueStatus` that gives no refID, as some devices do.
fn queue(attributes: &str) -> String {
    jmf(&format!(
        "<Response ID=\"R\" Type=\"QueueStatus\" {attributes}><Queue DeviceID=\"press\" Status=\"Waiting\">\
         <QueueEntry QueueEntryID=\"q1\" Status=\"Running\" JobID=\"J-1\"/><QueueEntry QueueEntryID=\"q22\" Status=\"Waiting\" Priority=\"5\"/>\
         </Queue></Response>"
    ))
}

fn desk() -> Desk {
    Desk::with(&[("t.jdf", TICKET), ("page.pdf", "PAGE")])
}

fn query(device: &Device, message: &str) -> Ended {
    desk().run(&["query", &device.url(), message])
}

#[test]
fn an_answer_is_shown_as_a_table() {
    let device = Device::answering("200 OK", JMF, &queue("ReturnCode=\"0\" refID=\"x\""));
    let ended = query(&device, "QueueStatus");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(ended.out, @r"
    Response QueueStatus from press: 0 (success)
      Queue  DeviceID=press  Status=Waiting
        QueueEntry (2)
          QueueEntryID  Status   JobID  Priority
          q1            Running  J-1    -
          q22           Waiting  -      5
    ");
    let requests = device.requests();
    assert_eq!(requests[0].line, "POST /jmf HTTP/1.1\r\n");
    assert_eq!(requests[0].content_type, JMF);
    let asked = Jmf::parse(&requests[0].body, &Limits::default())
        .unwrap()
        .jmf;
    assert_eq!(
        (asked.messages[0].kind.as_str(), asked.sender_id.as_str()),
        ("QueueStatus", "agog-jdf")
    );
}

#[test]
fn answers_are_understood_however_they_are_wrapped() {
    let lone = queue("");
    let package = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: {JMF}\r\n\r\n{lone}\r\n--b--\r\n"
    );
    for (status, content_type, body) in [
        ("200 OK", "text/html; charset=iso-8859-1", &lone),
        ("200 OK", "multipart/related; boundary=nowhere", &lone),
        ("200 OK", "multipart/related; ", &package),
        ("200 OK", JMF, &package),
        ("500 Internal Server Error", JMF, &lone),
    ] {
        let device = Device::answering(status, content_type, body);
        let ended = query(&device, "QueueStatus");
        assert_eq!(
            ended.code,
            Some(0),
            "{status}, {content_type}: {}",
            ended.err
        );
        assert!(ended.out.contains("q22"), "{}", ended.out);
    }
}

#[test]
fn a_refusal_is_told_with_code_name_and_text() {
    let refusal = jmf(
        "<Response ID=\"R\" Type=\"Nonsense\" xsi:type=\"ResponseNothing\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ReturnCode=\"5\">\
        <Notification Class=\"Error\"><Comment>never heard of it</Comment></Notification></Response>",
    );
    let device = Device::answering("200 OK", JMF, &refusal);
    let ended = query(&device, "acme:Special");
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.out, @r"
    Response Nonsense from press: 5 (message or query not implemented): never heard of it
    ");
    let body = String::from_utf8(device.requests().remove(0).body).unwrap();
    assert!(body.contains("Type=\"acme:Special\""), "{body}");
}

#[test]
fn programs_get_json_and_whoever_doubts_the_bytes() {
    let device = Device::answering("200 OK", JMF, &queue("ReturnCode=\"0\""));
    let ended = desk().run(&["query", "--json", &device.url(), "QueueStatus"]);
    let answer: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&answer["type"], &answer["return_code"]),
        (&"QueueStatus".into(), &0.into())
    );
    assert_eq!(
        answer["content"]["children"][0]["children"][1]["attributes"]["Priority"],
        "5"
    );
    let device = Device::answering("200 OK", JMF, &queue(""));
    let ended = desk().run(&["query", "--raw", &device.url(), "QueueStatus"]);
    assert_eq!(ended.out, queue(""));
    let device = Device::answering("404 Not Found", "text/plain", "nobody here");
    let ended = desk().run(&["query", "--raw", &device.url(), "QueueStatus"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), "nobody here"));
}

#[test]
fn messages_from_a_file_are_sent_as_they_are() {
    let own = jmf("<Command ID=\"C\" Type=\"HoldQueue\"/>");
    let desk = Desk::with(&[("own.jmf", &own), ("t.jdf", TICKET)]);
    let device = Device::answering(
        "200 OK",
        JMF,
        &jmf("<Response ID=\"R\" refID=\"C\" Type=\"HoldQueue\"/>"),
    );
    let ended = desk.run(&["query", &device.url(), "own.jmf"]);
    assert_eq!(
        ended.out,
        "Response HoldQueue from press: 0 (success)\n  (no more than that)\n"
    );
    assert_eq!(device.requests()[0].body, own.as_bytes());
    for (message, said) in [
        ("t.jdf", "holds no messages"),
        ("none.jmf", "cannot read"),
        ("a b", "neither a file nor the type"),
    ] {
        let ended = desk.run(&["query", "http://127.0.0.1:9/", message]);
        assert!(
            ended.code == Some(3) && ended.err.contains(said),
            "{}",
            ended.err
        );
    }
}

#[test]
fn what_is_no_answer_is_told_with_what_came_instead() {
    for (answer, said) in [
        (
            answer(
                "503 Service Unavailable",
                "text/html",
                "<html><body>busy</body></html>",
            ),
            "HTTP 503 Service Unavailable and no JMF: `<html><body>busy</body></html>`: there are no messages in it",
        ),
        (
            answer("204 No Content", JMF, ""),
            "HTTP 204 No Content and nothing else",
        ),
        (
            answer("200 OK", JMF, &jmf("")),
            "a JMF that holds no message",
        ),
        (
            answer("200 OK", JMF, "<JMF><Response"),
            "no JMF: `<JMF><Response`",
        ),
        (answer("200 OK", JMF, TICKET), "no JMF"),
        (
            raw(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}",
                queue("")
            )),
            "the answer broke off",
        ),
        (raw("220 this is a mail server\r\n".to_owned()), "failed"),
        (raw(String::new()), "failed"),
    ] {
        let device = Device::new(vec![answer]);
        let ended = query(&device, "QueueStatus");
        assert!(
            ended.code == Some(3) && ended.out.is_empty(),
            "{said}: {}",
            ended.out
        );
        assert!(
            ended.err.contains(said),
            "expected `{said}` in: {}",
            ended.err
        );
    }
}

#[test]
fn an_endless_answer_is_cut_off() {
    let endless = Box::new(|_: &device::Request, stream: &mut std::net::TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let chunk = vec![b' '; 1 << 20];
        // It ends when the command has had enough and hangs up.
        while stream.write_all(&chunk).is_ok() {}
    });
    let device = Device::new(vec![endless]);
    let ended = query(&device, "QueueStatus");
    assert_eq!(ended.code, Some(3));
    assert!(
        ended
            .err
            .contains("the answer is longer than 67108864 bytes"),
        "{}",
        ended.err
    );
}

#[test]
fn a_device_that_says_nothing_is_left_in_time() {
    let silent = Box::new(|_: &device::Request, stream: &mut std::net::TcpStream| {
        // Waits until the command hangs up.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    });
    let device = Device::new(vec![silent]);
    let ended = desk().run(&["query", "--timeout", "1", &device.url(), "Status"]);
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.err.contains("did not answer in time (--timeout)"),
        "{}",
        ended.err
    );
    assert_eq!(device.requests().len(), 1);
}

#[test]
fn a_refusal_before_the_ticket_has_arrived_is_understood() {
    let desk = desk();
    let file = std::fs::File::create(desk.path("page.pdf")).unwrap();
    file.set_len(64 << 20).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jmf", listener.local_addr().unwrap());
    let device = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
        let refused = jmf("<Response ID=\"R\" Type=\"SubmitQueueEntry\" ReturnCode=\"501\"/>");
        let head = format!(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            refused.len()
        );
        stream.write_all((head + &refused).as_bytes()).unwrap();
        // Goes on taking until the command hangs up, as polite devices do.
        let mut chunk = vec![0; 1 << 20];
        while stream.read(&mut chunk).is_ok_and(|length| length > 0) {}
    });
    let ended = desk.run(&["submit", &url, "t.jdf"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(2), "refused: 501 (unknown code)\n"),
        "{}",
        ended.err
    );
    device.join().unwrap();
}

#[test]
fn nobody_at_the_address_is_told_as_such() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{address}/jmf");
    let ended = desk().run(&["query", &url, "Status"]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(
        ended.err,
        format!("agog-jdf: cannot reach `{url}`: Connection refused (os error 111)\n")
    );
    for url in ["press", "ftp://press/jmf"] {
        assert_eq!(desk().run(&["query", url, "Status"]).code, Some(3));
    }
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

#[test]
fn a_redirect_is_followed_within_the_host_and_the_ticket_sent_again() {
    let accepted = jmf(
        "<Response ID=\"R\" Type=\"SubmitQueueEntry\"><QueueEntry QueueEntryID=\"q7\" Status=\"Waiting\"/></Response>",
    );
    let device = Device::new(vec![
        raw(redirect("/jmf/press-3")),
        answer("200 OK", JMF, &accepted),
    ]);
    let ended = desk().run(&["submit", &device.url(), "t.jdf"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let requests = device.requests();
    assert_eq!(requests[1].line, "POST /jmf/press-3 HTTP/1.1\r\n");
    assert_eq!(requests[0].bytes, requests[1].bytes);

    let device = Device::new(vec![raw(redirect("http://elsewhere.example/jmf"))]);
    let ended = query(&device, "Status");
    assert!(
        ended.code == Some(3)
            && ended
                .err
                .contains("redirects to `http://elsewhere.example/jmf`; if that is right"),
        "{}",
        ended.err
    );

    let device = Device::new((0..6).map(|_| raw(redirect("/jmf"))).collect());
    let ended = query(&device, "Status");
    assert!(
        ended.code == Some(3) && ended.err.contains("redirects in a circle"),
        "{}",
        ended.err
    );
}

#[test]
fn a_ticket_is_submitted_with_its_files_and_the_entry_is_told() {
    let accepted = jmf(
        "<Response ID=\"R\" Type=\"SubmitQueueEntry\"><QueueEntry QueueEntryID=\"q7\" Status=\"Held\" Priority=\"80\"/></Response>",
    );
    let device = Device::answering("200 OK", JMF, &accepted);
    let ended = desk().run(&[
        "submit",
        &device.url(),
        "t.jdf",
        "--hold",
        "--priority",
        "80",
        "--return-jmf",
        "http://mis/jmf",
        "--device-id",
        "press-3",
    ]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (
            Some(0),
            "accepted `t.jdf`: queue entry q7, Held, priority 80\n"
        )
    );
    let request = device.requests().remove(0);
    let package = Package::parse(
        Some(&request.content_type),
        &request.body,
        &PackageLimits::default(),
    )
    .unwrap();
    assert!(
        package.complete && request.body.starts_with(b"--"),
        "the boundary is in the header only"
    );
    let sent = Jmf::parse(package.jmf().unwrap().body(), &Limits::default())
        .unwrap()
        .jmf;
    let Body::Command(Command::SubmitQueueEntry(params)) = &sent.messages[0].body else {
        panic!("{sent:?}");
    };
    assert_eq!(sent.device_id.as_deref(), Some("press-3"));
    assert_eq!(
        (params.hold, params.priority, params.return_jmf.as_deref()),
        (true, Some(80), Some("http://mis/jmf"))
    );
    let ticket = package.resolve_cid(&params.url).unwrap();
    assert_eq!(
        ticket.body(),
        TICKET.replace("page.pdf", "cid:page.pdf").as_bytes()
    );
    assert_eq!(package.resolve_cid("cid:page.pdf").unwrap().body(), b"PAGE");
}

#[test]
fn a_refused_ticket_is_told_with_the_reason() {
    let refused = jmf(
        "<Response ID=\"R\" Type=\"SubmitQueueEntry\" ReturnCode=\"112\"><Notification Class=\"Error\"><Comment>come back tomorrow</Comment></Notification></Response>",
    );
    let device = Device::answering("200 OK", JMF, &refused);
    let ended = desk().run(&["submit", &device.url(), "t.jdf"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(
        ended.out,
        "refused: 112 (queue is closed or blocked and does not accept entries): come back tomorrow\n"
    );
    let device = Device::answering("200 OK", JMF, &refused);
    let ended = desk().run(&["submit", "--json", &device.url(), "t.jdf"]);
    let answer: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&answer["accepted"], &answer["return_code"]),
        (&false.into(), &112.into())
    );
}

#[test]
fn a_device_may_fetch_the_ticket_itself() {
    let accepted = jmf(
        "<Response ID=\"R\" Type=\"SubmitQueueEntry\" ReturnCode=\"12\" Acknowledged=\"true\"/>",
    );
    let device = Device::answering("200 OK", JMF, &accepted);
    let ended = desk().run(&["submit", "--no-mime", &device.url(), "http://mis/t.jdf"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(ended.out, @r"
    accepted `http://mis/t.jdf`: the device names no queue entry
      with a warning: 12 (asynchronous acknowledge not possible, message processed)
      the device will tell later whether it could do it (Acknowledge)
    ");
    let request = device.requests().remove(0);
    assert_eq!(request.content_type, JMF);
    let sent = String::from_utf8(request.body).unwrap();
    assert!(sent.contains("URL=\"http://mis/t.jdf\""), "{sent}");
}

#[test]
fn a_package_that_would_not_be_whole_is_not_sent() {
    let desk = Desk::with(&[("t.jdf", TICKET)]);
    // Nobody listens there: had it been sent, the error would be another.
    let ended = desk.run(&["submit", "http://127.0.0.1:9/", "t.jdf"]);
    assert_eq!(
        (ended.code, desk.names()),
        (Some(3), vec!["t.jdf".to_owned()])
    );
    assert!(
        ended
            .err
            .contains("t.jdf:1:65: /JDF/FileSpec/@URL: the file `page.pdf` is not there"),
        "{}",
        ended.err
    );
}

#[test]
fn messages_without_a_response_are_no_acceptance() {
    let device = Device::answering("200 OK", JMF, &jmf("<Signal ID=\"S\" Type=\"Status\"/>"));
    let ended = desk().run(&["submit", &device.url(), "t.jdf"]);
    assert!(
        ended.code == Some(3) && ended.err.contains("none is a response"),
        "{}",
        ended.err
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_file_is_sent_in_little_memory() {
    const FILE_BYTES: u64 = 200 << 20;
    const PEAK_KIBIBYTES_MAX: u64 = 64 << 10;
    let desk = desk();
    let file = std::fs::File::create(desk.path("page.pdf")).unwrap();
    file.set_len(FILE_BYTES).unwrap();
    let (tell, told) = std::sync::mpsc::channel::<u32>();
    let accepted = jmf("<Response ID=\"R\" Type=\"SubmitQueueEntry\"/>");
    let (peak_out, peak_in) = std::sync::mpsc::channel();
    let look = Box::new(
        move |request: &device::Request, stream: &mut std::net::TcpStream| {
            // The command has sent everything and waits for the answer.
            let status =
                std::fs::read_to_string(format!("/proc/{}/status", told.recv().unwrap())).unwrap();
            let line = status
                .lines()
                .find(|line| line.starts_with("VmHWM:"))
                .unwrap();
            let peak: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            peak_out.send(peak).unwrap();
            answer("200 OK", JMF, &accepted)(request, stream);
        },
    );
    let device = Device::new(vec![look]);
    let mut command = desk.command(&["submit", &device.url(), "t.jdf"]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    tell.send(child.id()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(device.requests()[0].bytes > FILE_BYTES);
    let peak = peak_in.recv().unwrap();
    assert!(peak < PEAK_KIBIBYTES_MAX, "{peak} KiB");
}

#[test]
fn a_device_tells_as_much_of_itself_as_is_asked() {
    let device = Device::answering("200 OK", JMF, &queue("ReturnCode=\"0\""));
    let url = device.url();
    let ended = desk().run(&["query", &url, "KnownDevices", "--details", "Full"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let body = String::from_utf8(device.requests().remove(0).body).unwrap();
    assert!(body.contains("DeviceDetails=\"Full\""), "{body}");
}

#[test]
fn what_a_device_says_stays_on_its_line_and_cannot_steer_the_terminal() {
    let refusal = jmf(
        "<Response ID=\"R\" Type=\"Status\" ReturnCode=\"5\"><Notification Class=\"Error\"><Comment>one&#10;two &#x9b;31m</Comment></Notification></Response>",
    );
    let device = Device::answering("200 OK", JMF, &refusal);
    let ended = query(&device, "Status");
    insta::assert_snapshot!(ended.out, @"Response Status from press: 5 (message or query not implemented): one two  31m");
}
