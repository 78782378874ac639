//! Jobs and messages on the command line: the agent and the press simulator as programs.

use agog_edge::jobs::routes::JobView;
use agog_edge::ledger::sending::{CommandState, DeviceCommand};
use agog_edge::outbox::routes::SentMessage;

use crate::devices::{Simulator, configure};
use crate::support::*;

const TICKET: &str = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Type=\"ConventionalPrinting\" \
    Status=\"Waiting\" Version=\"1.5\" JobID=\"JOB-7\"><ResourcePool><RunList ID=\"r\" Class=\"Parameter\" \
    Status=\"Available\"><LayoutElement><FileSpec URL=\"art.pdf\"/></LayoutElement></RunList></ResourcePool></JDF>";

/// An agent with a press, and with a cutter that is switched off.
fn plant() -> (Program, Simulator) {
    let mut program = Program::init();
    let (press, url) = Simulator::start(&program);
    configure(
        &program,
        &format!(
            "\n[[device]]\nid = \"press-3\"\nurl = \"{url}\"\n\
             [[device]]\nid = \"cutter-1\"\nurl = \"http://127.0.0.1:1/jmf\"\n"
        ),
    );
    program.start();
    (program, press)
}

fn file(program: &Program, name: &str, content: &str) -> String {
    let path = program.folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_ticket_that_another_device_has_is_not_taken_for_the_job_that_is_there() {
    let (program, _press) = plant();
    let ticket = file(
        &program,
        "job.jdf",
        &TICKET.replace("art.pdf", "http://x/art.pdf"),
    );
    for _ in 0..2 {
        program.ok(&["job", "submit", "--device", "cutter-1", "--ticket", &ticket]);
    }

    let elsewhere = ["job", "submit", "--device", "press-3", "--ticket", &ticket];
    let error = program.fails(1, &elsewhere);

    assert!(error.contains("job-number-taken"), "{error}");
}

#[test]
fn a_job_that_its_device_will_not_return_is_given_up() {
    let (program, _press) = plant();
    let ticket = file(
        &program,
        "job.jdf",
        &TICKET.replace("art.pdf", "http://x/art.pdf"),
    );
    program.ok(&["job", "submit", "--device", "cutter-1", "--ticket", &ticket]);

    let reason = "the cutter is sold";
    let shown = program.ok(&["job", "give-up", "JOB-7", "--reason", reason]);

    assert!(
        shown.contains("job.removed") && shown.contains(reason),
        "{shown}"
    );
    assert_eq!(program.ok(&["job", "list"]).trim(), "no job is open");
    let again = program.fails(1, &["job", "give-up", "JOB-7", "--reason", reason]);
    assert!(again.contains("job-ended"), "{again}");
}

fn job(program: &Program) -> JobView {
    serde_json::from_str(&program.ok(&["--json", "job", "show", "JOB-7"])).unwrap()
}

fn wait_for_step(program: &Program, step: &str) -> JobView {
    wait_for(step, || {
        let job = job(program);
        (job.step == step).then_some(job)
    })
}

#[test]
fn a_ticket_is_submitted_with_its_file_held_resumed_reordered_and_taken_out() {
    let (program, _press) = plant();
    let ticket = file(&program, "job.jdf", TICKET);
    let art = file(&program, "art.pdf", "%PDF-1.7");
    let submitted = program.ok(&[
        "job",
        "submit",
        "--device",
        "press-3",
        "--ticket",
        &ticket,
        "--file",
        &art,
        "--hold",
        "--priority",
        "40",
        "--order",
        "ORD-7",
    ]);
    assert!(
        submitted.contains("job JOB-7 for device press-3"),
        "{submitted}"
    );
    wait_for_step(&program, "job.held");

    program.ok(&["job", "priority", "JOB-7", "60", "--operator", "Jane Smith"]);
    let raised = wait_for("the priority is set", || {
        let job = job(&program);
        (job.progress.priority == Some(60)).then_some(job)
    });
    assert_eq!(raised.step, "job.held");
    let first: DeviceCommand =
        serde_json::from_str(&program.ok(&["--json", "job", "remove", "JOB-7", "--key", "k1"]))
            .unwrap();
    wait_for_step(&program, "job.removed");
    let again: DeviceCommand =
        serde_json::from_str(&program.ok(&["--json", "job", "remove", "JOB-7", "--key", "k1"]))
            .unwrap();
    assert_eq!(first.command_id, again.command_id);

    let shown = program.ok(&["job", "show", "JOB-7"]);
    for part in ["ORD-7", "SubmitQueueEntry", "RemoveQueueEntry", "answered"] {
        assert!(shown.contains(part), "{part} is missing in: {shown}");
    }
    assert!(program.ok(&["job", "list"]).contains("no job is open"));
    assert!(program.ok(&["job", "list", "--all"]).contains("JOB-7"));
    let late = program.fails(1, &["job", "hold", "JOB-7"]);
    assert!(late.contains("job-ended"), "{late}");
}

#[test]
fn messages_are_sent_as_they_are_and_their_answers_shown() {
    let (program, _press) = plant();
    let messages = file(
        &program,
        "ask.jmf",
        "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"me\" TimeStamp=\"2026-01-05T10:00:00Z\" Version=\"1.5\">\
         <Query ID=\"Q1\" Type=\"QueueStatus\"/><Command ID=\"C1\" Type=\"HoldQueue\"/></JMF>",
    );
    let sent: Vec<SentMessage> = serde_json::from_str(
        &program.ok(&["--json", "jmf", "send", "--device", "press-3", &messages]),
    )
    .unwrap();
    assert_eq!(sent.len(), 2);
    assert!(
        sent[0].answer.as_ref().unwrap().contains("<Queue "),
        "{sent:?}"
    );
    assert_eq!(
        sent[1].command.as_ref().unwrap().state,
        CommandState::Answered
    );

    let again = program.command(&["jmf", "send", "--device", "press-3", &messages]);
    assert_eq!(again.status.code(), Some(1), "the queue is held already");
    let text = text(&again.stdout);
    assert!(
        text.contains("refused") && text.contains("code 113"),
        "{text}"
    );
}

#[test]
fn a_command_that_waits_is_shown_and_given_up() {
    let (program, _press) = plant();
    let ticket = file(
        &program,
        "job.jdf",
        &TICKET.replace("art.pdf", "http://mis/art.pdf"),
    );
    program.ok(&["job", "submit", "--device", "cutter-1", "--ticket", &ticket]);
    let waiting = wait_for("the ticket was tried", || {
        let json = program.ok(&["--json", "jmf", "outbox", "--device", "cutter-1"]);
        let mut commands: Vec<DeviceCommand> = serde_json::from_str(&json).unwrap();
        let command = commands.pop()?;
        command.last_error.is_some().then_some(command)
    });
    let id = waiting.command_id.to_string();
    assert!(program.ok(&["jmf", "outbox"]).contains("waiting"));

    program.ok(&[
        "jmf",
        "give-up",
        &id,
        "--reason",
        "the cutter is sold",
        "--operator",
        "Jane Smith",
    ]);

    assert!(program.ok(&["jmf", "outbox"]).contains("nothing waits"));
    let ended = program.ok(&["jmf", "outbox", "--all"]);
    assert!(
        ended.contains("given up by Jane Smith: the cutter is sold"),
        "{ended}"
    );
    assert_eq!(job(&program).step, "job.refused");
    let again = program.fails(1, &["jmf", "give-up", &id, "--reason", "again"]);
    assert!(again.contains("command-ended"), "{again}");
}

#[test]
fn what_cannot_be_is_named_clearly() {
    let (program, _press) = plant();
    let ticket = file(&program, "job.jdf", TICKET);
    let art = file(&program, "art.pdf", "%PDF-1.7");
    let no_jmf = file(&program, "broken.jmf", "<JMF><Query></JMF>");
    for (code, arguments, part) in [
        (
            1,
            vec![
                "job", "submit", "--device", "press-3", "--ticket", "gone.jdf",
            ],
            "cannot read ticket `gone.jdf`",
        ),
        (
            1,
            vec!["job", "submit", "--device", "press-9", "--ticket", &ticket],
            "unknown-device",
        ),
        (
            1,
            vec!["job", "submit", "--device", "press-3", "--ticket", &art],
            "bad-ticket",
        ),
        (
            1,
            vec![
                "job", "submit", "--device", "press-3", "--ticket", &ticket, "--file", "gone.pdf",
            ],
            "cannot read file `gone.pdf`",
        ),
        (
            2,
            vec![
                "job",
                "submit",
                "--device",
                "press-3",
                "--ticket",
                &ticket,
                "--priority",
                "101",
            ],
            "101",
        ),
        (1, vec!["job", "show", "JOB-9"], "unknown-job"),
        (1, vec!["job", "hold", "JOB-9"], "unknown-job"),
        (2, vec!["job", "priority", "JOB-9", "high"], "high"),
        (
            1,
            vec!["jmf", "send", "--device", "press-3", "gone.jmf"],
            "cannot read `gone.jmf`",
        ),
        (
            1,
            vec!["jmf", "send", "--device", "press-3", &no_jmf],
            "line 1, column",
        ),
        (
            1,
            vec!["jmf", "send", "--device", "press-9", &no_jmf],
            "device-unknown",
        ),
        (
            2,
            vec!["jmf", "give-up", "seven", "--reason", "x"],
            "request id",
        ),
        (
            1,
            vec![
                "jmf",
                "give-up",
                "0198c0de-0000-7000-8000-000000000000",
                "--reason",
                "x",
            ],
            "unknown-command",
        ),
    ] {
        let message = program.fails(code, &arguments);
        assert!(
            message.contains(part),
            "{arguments:?}: {part} is missing in: {message}"
        );
    }
    // Without its file, the device could not find it.
    let submit = ["job", "submit", "--device", "press-3", "--ticket", &ticket];
    let refused = program.fails(1, &submit);
    assert!(refused.contains("`art.pdf`"), "{refused}");
    assert!(refused.contains("file-missing"), "{refused}");
}

#[test]
fn what_no_device_can_be_meant_by_or_answer_is_refused_in_words() {
    let mut program = Program::init();
    let folders = "transport = \"folder\"\nfolder = { to = \"gluer/in\", from = \"gluer/out\" }";
    configure(
        &program,
        &format!("\n[[device]]\nid = \"gluer-1\"\n{folders}\n"),
    );
    program.start();
    let question = "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"me\" Version=\"1.5\">\
                    <Query ID=\"q\" Type=\"Status\"/></JMF>";
    let question = file(&program, "ask.jmf", question);

    for (words, why) in [
        (
            &["jmf", "send", "--device", "gluer-1", &question][..],
            "device gluer-1 is reached by a folder",
        ),
        (
            &["jmf", "outbox", "--device", "nobody"],
            "no device `nobody` is configured",
        ),
        (&["device", "add", "press-9"], "needs --url"),
    ] {
        let error = program.fails(1, words);
        assert!(error.contains(why), "{error}");
    }
}
