//! Devices that are reached by hot folders, and inboxes of an office: real folders on the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agog_edge::folder;
use agog_edge::ingest::jmf::JmfState;
use agog_edge::jobs::control;
use agog_edge::ledger::sending::{CommandState, DeviceCommand, News};
use agog_edge::lifecycle::Stop;
use agog_sync::event::JobStep;
use agog_sync::frame::{JobAction, JobTicket};
use agog_sync::ids::JobId;

use crate::controller::{Controller, JMF_URL};
use crate::support::{TestAgent, WAIT_LIMIT, until};

/// Folders beside the data folder of an agent.
pub(crate) const DEVICE: &str = "[[device]]\nid = \"gluer-1\"\ntransport = \"folder\"\n\
    folder = { to = \"gluer/in\", from = \"gluer/out\" }\n";
pub(crate) const INBOX: &str =
    "[[inbox]]\nfolder = \"office/in\"\ndevice = \"gluer-1\"\nreturn_to = \"office/back\"\n";

/// An agent with its controller tasks and those of the folders.
pub(crate) struct Plant {
    pub(crate) test: TestAgent,
    controller: Controller,
    stop: Stop,
    folders: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Plant {
    pub(crate) fn start(test: TestAgent) -> Self {
        let controller = Controller::start_at(&test, JMF_URL);
        let state = JmfState {
            agent: test.agent.clone(),
            floor: controller.floor.clone(),
            contacts: controller.contacts.clone(),
            telemetry: test.telemetry.clone(),
        };
        let stop = Stop::new();
        let folders = tokio::spawn(folder::run(state, stop.clone()));
        Self {
            test,
            controller,
            stop,
            folders,
        }
    }

    pub(crate) async fn stop(self) -> TestAgent {
        self.stop.begin();
        self.folders.await.unwrap().unwrap();
        self.controller.stop().await;
        self.test
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.test.folder.path().join(path)
    }

    pub(crate) async fn file(&self, path: &str) -> Vec<u8> {
        let path = self.path(path);
        until("the file is there", || async { std::fs::read(&path).ok() }).await
    }

    pub(crate) async fn gone(&self, path: &str) {
        let path = self.path(path);
        until("the file is gone", || async {
            (!path.exists()).then_some(())
        })
        .await;
    }

    pub(crate) async fn step(&self, number: &str, step: JobStep) {
        until("the job gets to its step", || async {
            let job = self
                .test
                .agent
                .ledger
                .job_by_number(number)
                .await
                .unwrap()?;
            (job.step == step).then_some(())
        })
        .await;
    }
}

/// The names in a folder, without the mark of the agent.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with(".agog-folder"))
        .collect();
    names.sort();
    names
}

pub(crate) fn ticket(job: &str, status: &str, audits: &str) -> String {
    format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="BoxFolding" Status="{status}" Version="1.5" JobID="{job}" JobPartID="P1">
<ResourcePool>
<Component ID="in" Class="Quantity" Status="Available"/>
<Component ID="out" Class="Quantity" Status="Available"/>
</ResourcePool>
<ResourceLinkPool>
<ComponentLink rRef="in" Usage="Input"/>
<ComponentLink rRef="out" Usage="Output"/>
</ResourceLinkPool>
<AuditPool>{audits}</AuditPool></JDF>"#
    )
}

/// A ticket that came back: so many good and waste.
fn returned(job: &str, good: u32, waste: u32) -> String {
    ticket(
        job,
        "Completed",
        &format!(
            r#"<PhaseTime Start="2026-11-26T08:00:00Z" End="2026-11-26T09:00:00Z" Status="InProgress" TimeStamp="2026-11-26T09:00:00Z" AgentName="gluer">
<ComponentLink rRef="out" Usage="Output"><AmountPool>
<PartAmount ActualAmount="{good}"><Part Condition="Good"/></PartAmount>
<PartAmount ActualAmount="{waste}"><Part Condition="Waste"/></PartAmount>
</AmountPool></ComponentLink></PhaseTime>
<ProcessRun Start="2026-11-26T08:00:00Z" End="2026-11-26T09:00:00Z" EndStatus="Completed" TimeStamp="2026-11-26T09:00:00Z" AgentName="gluer"/>"#
        ),
    )
}

/// Puts a file there as programs do that know hot folders.
pub(crate) fn drop_file(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let hidden = path.with_file_name(".being-written");
    std::fs::write(&hidden, content).unwrap();
    std::fs::rename(hidden, path).unwrap();
}

/// Marks a folder as one that the agent has used for the device.
pub(crate) fn mark(test: &TestAgent, folder: &str) {
    let line = format!("{} gluer-1\n", test.agent.ledger.agent_id());
    drop_file(
        &test.folder.path().join(folder).join(".agog-folder"),
        line.as_bytes(),
    );
}

/// The ticket of a command lies in a folder without its name.
pub(crate) fn hide(test: &TestAgent, command: &DeviceCommand, folder: &str) {
    let hidden = format!("{folder}/.agog-{}-Job-7-P1.jdf", command.command_id);
    drop_file(&test.folder.path().join(hidden), b"<JDF/>");
}

/// The ledger knows that the device may have the ticket of a command.
pub(crate) async fn placing(test: &TestAgent, command: &DeviceCommand, folder: &str) {
    let folder = test.folder.path().join(folder);
    let news = News::Placing(folder.to_str().unwrap().to_owned());
    let ledger = &test.agent.ledger;
    assert!(
        ledger
            .command_news(command.command_id, news, None)
            .await
            .unwrap()
    );
}

pub(crate) async fn next_command(test: &TestAgent) -> DeviceCommand {
    let next = test.agent.ledger.command_next("gluer-1").await.unwrap();
    next.expect("a command waits")
}

pub(crate) async fn hand_in(test: &TestAgent, number: &str) {
    hand_in_jdf(test, number, &ticket(number, "Waiting", "")).await;
}

async fn hand_in_jdf(test: &TestAgent, number: &str, jdf: &str) {
    let job_id = JobId::from_uuid(uuid::Uuid::from_u128(7));
    test.hand_in(JobTicket::new(job_id, number, "gluer-1", jdf))
        .await;
}

#[tokio::test]
async fn a_job_goes_out_and_comes_back_through_folders() {
    let plant = Plant::start(TestAgent::new(DEVICE));
    hand_in(&plant.test, "Job-7").await;

    plant.step("Job-7", JobStep::Submitted).await;
    let sent = String::from_utf8(plant.file("gluer/in/Job-7-P1.jdf").await).unwrap();
    assert!(sent.contains("JobID=\"Job-7\""), "{sent}");
    assert_eq!(names(&plant.path("gluer/in")), ["Job-7-P1.jdf"]);

    drop_file(
        &plant.path("gluer/out/Job-7.jdf"),
        returned("Job-7", 950, 50).as_bytes(),
    );

    plant.step("Job-7", JobStep::Completed).await;
    plant.gone("gluer/out/Job-7.jdf").await;
    plant.file("gluer/out/done/Job-7.jdf").await;
    let job = plant
        .test
        .agent
        .ledger
        .job_by_number("Job-7")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.progress.good, Some(950.into()));
    assert_eq!(job.progress.waste, Some(50.into()));
    let device = plant.test.agent.devices.of("gluer-1");
    assert!(device.reachable, "{device:?}");
    plant.stop().await;
}

#[tokio::test]
async fn the_same_returned_file_again_has_no_second_effect() {
    let plant = Plant::start(TestAgent::new(DEVICE));
    hand_in(&plant.test, "Job-7").await;
    plant.step("Job-7", JobStep::Submitted).await;
    let back = returned("Job-7", 950, 50);
    drop_file(&plant.path("gluer/out/a.jdf"), back.as_bytes());
    plant.file("gluer/out/done/a.jdf").await;
    let events = plant.test.kinds().await.len();

    drop_file(&plant.path("gluer/out/a.jdf"), back.as_bytes());

    plant.file("gluer/out/done/a-2.jdf").await;
    assert_eq!(plant.test.kinds().await.len(), events);
    plant.stop().await;
}

#[tokio::test]
async fn a_ticket_is_placed_once_when_the_agent_was_killed_after_the_rename() {
    let test = TestAgent::new(DEVICE);
    hand_in(&test, "Job-7").await;
    let command = next_command(&test).await;
    // As it lies there when the agent is killed between the rename and the record: the device has the
    // ticket and has even taken it away.
    mark(&test, "gluer/in");
    placing(&test, &command, "gluer/in").await;

    let plant = Plant::start(test);

    plant.step("Job-7", JobStep::Submitted).await;
    assert_eq!(names(&plant.path("gluer/in")), Vec::<String>::new());
    plant.stop().await;
}

#[tokio::test]
async fn a_ticket_that_had_only_its_hidden_name_at_the_kill_gets_its_name() {
    let test = TestAgent::new(DEVICE);
    hand_in(&test, "Job-7").await;
    let command = next_command(&test).await;
    hide(&test, &command, "gluer/in");
    placing(&test, &command, "gluer/in").await;

    let plant = Plant::start(test);

    plant.step("Job-7", JobStep::Submitted).await;
    assert_eq!(names(&plant.path("gluer/in")), ["Job-7-P1.jdf"]);
    plant.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_away_is_shown_and_the_ticket_waits_for_it() {
    let test = TestAgent::new(DEVICE);
    let gluer = test.folder.path().join("gluer");
    // A file is where the folders should be, as an empty mount point would be no folder.
    std::fs::write(&gluer, "").unwrap();
    hand_in(&test, "Job-7").await;
    let plant = Plant::start(test);
    until("the device is lost", || async {
        let state = plant.test.agent.devices.of("gluer-1");
        (!state.reachable && state.last_failure.is_some()).then_some(())
    })
    .await;
    until("the device is recorded as lost", || async {
        let kinds = plant.test.kinds().await;
        kinds.contains(&"device.lost".to_owned()).then_some(())
    })
    .await;

    std::fs::remove_file(&gluer).unwrap();

    plant.step("Job-7", JobStep::Submitted).await;
    plant.file("gluer/in/Job-7-P1.jdf").await;
    plant.stop().await;
}

#[tokio::test]
async fn a_folder_takes_no_commands_to_its_queue() {
    let plant = Plant::start(TestAgent::new(DEVICE));
    hand_in(&plant.test, "Job-7").await;
    plant.step("Job-7", JobStep::Submitted).await;
    let job = plant.test.job("Job-7").await;
    control::command(&plant.test.agent, &job, JobAction::Hold, "Jane Smith", None)
        .await
        .unwrap();
    let refused = until("the command has its fate", || async {
        let commands = plant.test.commands().await;
        let command = commands
            .into_iter()
            .find(|it| it.kind == "HoldQueueEntry")?;
        (command.state == CommandState::Refused).then_some(command)
    })
    .await;
    assert!(refused.reason.unwrap().contains("reached by a folder"));
    plant.stop().await;
}

#[tokio::test]
async fn a_half_written_file_is_waited_for() {
    let plant = Plant::start(TestAgent::new(DEVICE));
    hand_in(&plant.test, "Job-7").await;
    plant.step("Job-7", JobStep::Submitted).await;
    let whole = returned("Job-7", 950, 50);
    let path = plant.path("gluer/out/Job-7.jdf");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let read = plant.controller.contacts.next("gluer-1");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    tokio::time::timeout(WAIT_LIMIT, read)
        .await
        .expect("its half is read");
    std::fs::write(&path, &whole).unwrap();

    plant.step("Job-7", JobStep::Completed).await;
    assert_eq!(names(&plant.path("gluer/out/failed")), Vec::<String>::new());
    plant.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_moved_aside_with_a_finding_and_people_are_told() {
    let plant = Plant::start(TestAgent::new(DEVICE));
    drop_file(
        &plant.path("gluer/out/early.jdf"),
        ticket("Job-7", "Waiting", "").as_bytes(),
    );

    let finding = plant.file("gluer/out/failed/early.jdf.finding.txt").await;
    let finding = String::from_utf8(finding).unwrap();
    assert!(
        finding.contains("tells of no run") && finding.contains("Expected:"),
        "{finding}"
    );
    plant.file("gluer/out/failed/early.jdf").await;
    plant.gone("gluer/out/early.jdf").await;
    let events = plant.test.events().await;
    let told = events
        .iter()
        .find(|event| event.kind == "device.notified")
        .unwrap();
    assert!(
        told.payload.get().contains("early.jdf"),
        "{}",
        told.payload.get()
    );
    assert!(
        told.payload.get().contains("Error"),
        "{}",
        told.payload.get()
    );
    plant.stop().await;
}

#[tokio::test]
async fn a_signal_in_a_file_is_a_signal_of_the_device() {
    let plant = Plant::start(TestAgent::new(DEVICE));
    let jmf = r#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="whoever" TimeStamp="2026-11-26T08:00:00Z" Version="1.5">
<Signal ID="S1" Type="Status"><DeviceInfo DeviceStatus="Running" StatusDetails="Gluing"/></Signal></JMF>"#;
    drop_file(&plant.path("gluer/out/status.jmf"), jmf.as_bytes());

    plant.file("gluer/out/done/status.jmf").await;
    let events = plant.test.events().await;
    let changed = events
        .iter()
        .find(|event| event.kind == "device.state-changed")
        .unwrap();
    assert!(
        changed.payload.get().contains("gluer-1") && changed.payload.get().contains("Gluing"),
        "{}",
        changed.payload.get()
    );
    plant.stop().await;
}

#[tokio::test]
async fn what_a_file_says_of_another_device_is_moved_aside_with_a_finding_and_the_rest_is_taken_in()
{
    let other = DEVICE.replace("gluer", "cutter");
    let plant = Plant::start(TestAgent::new(&format!("{DEVICE}{other}")));
    let status = |id: &str, device: &str| {
        format!(
            r#"<Signal ID="{id}" Type="Status"><DeviceInfo {device} DeviceStatus="Running" StatusDetails="Told-{id}"/></Signal>"#
        )
    };
    let file = |sender: &str, signals: &[String]| {
        let signals = signals.concat();
        format!(
            r#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="{sender}" TimeStamp="2026-11-26T08:00:00Z" Version="1.5">{signals}</JMF>"#
        )
    };
    let cutter = "DeviceID=\"cutter-1\"";
    let queue = format!(
        r#"<Signal ID="S4" Type="Status"><DeviceInfo DeviceStatus="Idle" StatusDetails="Told-S4"/><Queue {cutter} Status="Waiting" QueueSize="0"/></Signal>"#
    );
    for (name, sender, signals) in [
        (
            "info",
            "whoever",
            vec![status("S1", cutter), status("S2", "")],
        ),
        ("sender", "cutter-1", vec![status("S3", "")]),
        ("queue", "gluer-1", vec![queue]),
    ] {
        let path = plant.path(&format!("gluer/out/{name}.jmf"));
        drop_file(&path, file(sender, &signals).as_bytes());

        let finding = format!("gluer/out/failed/{name}.jmf.finding.txt");
        let finding = String::from_utf8(plant.file(&finding).await).unwrap();
        assert!(
            finding.contains("speaks for device `cutter-1`") && finding.contains("`gluer-1`"),
            "{finding}"
        );
        plant.gone(&format!("gluer/out/{name}.jmf")).await;
    }

    let events = plant.test.events().await;
    let told = |kind: &str| -> Vec<&str> {
        let events = events.iter().filter(|event| event.kind == kind);
        events.map(|event| event.payload.get()).collect()
    };
    let changes = told("device.state-changed");
    assert!(
        changes.len() == 1 && changes[0].contains("gluer-1") && changes[0].contains("Told-S2"),
        "{changes:?}"
    );
    assert_eq!(told("device.notified").len(), 3);
    plant.stop().await;
}

#[tokio::test]
async fn a_dropped_ticket_becomes_a_job_and_goes_back_to_the_office() {
    let plant = Plant::start(TestAgent::new(&format!("{DEVICE}{INBOX}")));
    drop_file(&plant.path("office/in/art/page.pdf"), b"%PDF-1.7");
    let text = ticket("Job-8", "Waiting", "").replace(
        "</ResourcePool>",
        r#"<RunList ID="r" Class="Parameter" Status="Available"><LayoutElement><FileSpec URL="./art/page.pdf"/></LayoutElement></RunList></ResourcePool>"#,
    );
    drop_file(&plant.path("office/in/eight.jdf"), text.as_bytes());

    plant.step("Job-8", JobStep::Submitted).await;
    plant.file("office/in/done/eight.jdf").await;
    let sent = String::from_utf8(plant.file("gluer/in/Job-8-P1.jdf").await).unwrap();
    let url = sent.split("URL=\"./").nth(1).unwrap();
    let url = url.split('"').next().unwrap();
    assert_eq!(plant.file(&format!("gluer/in/{url}")).await, b"%PDF-1.7");

    let back = returned("Job-8", 10, 1);
    drop_file(&plant.path("gluer/out/8.jdf"), back.as_bytes());
    plant.step("Job-8", JobStep::Completed).await;
    let given = String::from_utf8(plant.file("office/back/eight.jdf").await).unwrap();
    assert_eq!(given, back);
    plant.stop().await;
}

#[tokio::test]
async fn dropped_tickets_that_cannot_be_jobs_are_moved_aside() {
    let plant = Plant::start(TestAgent::new(&format!("{DEVICE}{INBOX}")));
    hand_in_other(&plant.test).await;
    let secret = plant.path("secret.txt");
    std::fs::write(&secret, "secret").unwrap();
    std::fs::create_dir_all(plant.path("office/in")).unwrap();
    std::os::unix::fs::symlink(&secret, plant.path("office/in/link.pdf")).unwrap();
    let naming = |url: &str| {
        ticket("Job-9", "Waiting", "").replace(
            "</ResourcePool>",
            &format!(
                r#"<RunList ID="r" Class="Parameter" Status="Available"><LayoutElement><FileSpec URL="{url}"/></LayoutElement></RunList></ResourcePool>"#
            ),
        )
    };
    drop_file(
        &plant.path("office/in/up.jdf"),
        naming("../secret.txt").as_bytes(),
    );
    drop_file(
        &plant.path("office/in/by-link.jdf"),
        naming("link.pdf").as_bytes(),
    );
    drop_file(
        &plant.path("office/in/taken.jdf"),
        ticket("Job-7", "Waiting", "").as_bytes(),
    );

    for (name, why) in [
        ("up", "out of the inbox"),
        ("by-link", "out of the inbox"),
        ("taken", "job-number-taken"),
    ] {
        let finding = format!("office/in/failed/{name}.jdf.finding.txt");
        let finding = String::from_utf8(plant.file(&finding).await).unwrap();
        assert!(finding.contains(why), "{finding}");
    }
    assert!(
        plant
            .test
            .agent
            .ledger
            .job_by_number("Job-9")
            .await
            .unwrap()
            .is_none()
    );
    plant.stop().await;
}

/// Another ticket under the same number.
async fn hand_in_other(test: &TestAgent) {
    let other = ticket("Job-7", "Waiting", "").replace("BoxFolding", "Gluing");
    hand_in_jdf(test, "Job-7", &other).await;
}

#[tokio::test]
async fn a_file_that_is_there_at_a_restart_is_taken_in_once() {
    let plant = Plant::start(TestAgent::new(&format!("{DEVICE}{INBOX}")));
    let dropped = ticket("Job-8", "Waiting", "");
    drop_file(&plant.path("office/in/eight.jdf"), dropped.as_bytes());
    plant.step("Job-8", JobStep::Submitted).await;
    let taken = plant.path("office/in/done/eight.jdf");
    plant.file("office/in/done/eight.jdf").await;
    let test = plant.stop().await;
    // As it lies there when the agent is killed before it moves the file away.
    std::fs::rename(&taken, test.folder.path().join("office/in/eight.jdf")).unwrap();
    let jobs = |kinds: Vec<String>| kinds.iter().filter(|it| *it == "job.received").count();
    let folder: Arc<_> = test.close();
    let plant = Plant::start(TestAgent::open(folder, &format!("{DEVICE}{INBOX}")));

    plant.file("office/in/done/eight.jdf").await;
    assert_eq!(jobs(plant.test.kinds().await), 1);
    assert_eq!(names(&plant.path("gluer/in")), ["Job-8-P1.jdf"]);
    plant.stop().await;
}

#[tokio::test]
async fn a_link_in_place_of_the_folder_for_what_is_done_is_not_followed() {
    let test = TestAgent::new(DEVICE);
    let elsewhere = test.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::create_dir_all(test.folder.path().join("gluer/out")).unwrap();
    let done = test.folder.path().join("gluer/out/done");
    std::os::unix::fs::symlink(&elsewhere, done).unwrap();
    drop_file(
        &test.folder.path().join("gluer/out/7.jdf"),
        returned("Job-7", 950, 50).as_bytes(),
    );
    let plant = Plant::start(test);

    until("the device is lost", || async {
        let kinds = plant.test.kinds().await;
        kinds.contains(&"device.lost".to_owned()).then_some(())
    })
    .await;

    let state = plant.test.agent.devices.of("gluer-1");
    assert!(state.last_failure.unwrap().contains("leads to"));
    assert_eq!(names(&elsewhere), Vec::<String>::new());
    plant.stop().await;
}
