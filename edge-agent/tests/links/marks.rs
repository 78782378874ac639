//! Folders of devices that are not what they were: shares that are not mounted, and devices that are
//! reached otherwise while a ticket is on its way.

use agog_edge::ledger::sending::News;
use agog_jdf::jmf::Response as Answer;
use agog_sync::event::JobStep;

use crate::folders::{DEVICE, Plant, hand_in, hide, mark, names, next_command, placing};
use crate::peer::Peer;
use crate::support::{TestAgent, until};

/// An agent that was stopped when the ticket of Job-7 was about to get its name in the folder.
async fn stopped_while_a_ticket_is_put_there() -> TestAgent {
    let plant = Plant::start(TestAgent::new(DEVICE));
    until("the folder is marked, and that is recorded", || async {
        let state = plant.test.agent.devices.of("gluer-1");
        state.reachable.then_some(())
    })
    .await;
    let test = plant.stop().await;
    hand_in(&test, "Job-7").await;
    let command = next_command(&test).await;
    hide(&test, &command, "gluer/in");
    placing(&test, &command, "gluer/in").await;
    test
}

#[tokio::test]
async fn a_share_that_is_not_mounted_has_taken_nothing() {
    let test = stopped_while_a_ticket_is_put_there().await;
    // Unmounted: the mount point is an empty folder.
    let at = |path: &str| test.folder.path().join(path);
    let (folder, share) = (at("gluer/in"), at("share"));
    std::fs::rename(&folder, &share).unwrap();
    std::fs::create_dir(&folder).unwrap();

    let plant = Plant::start(test);
    until("the device is lost and its command waits", || async {
        let state = plant.test.agent.devices.of("gluer-1");
        let waits = next_command(&plant.test).await.last_error?;
        let is_told = |text: &str| text.contains("Is the share mounted?");
        (!state.reachable && is_told(&state.last_failure?) && is_told(&waits)).then_some(())
    })
    .await;
    assert_eq!(plant.test.job("Job-7").await.step, JobStep::Received);
    assert_eq!(names(&folder), Vec::<String>::new(), "nothing is put there");

    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&share, &folder).unwrap();
    plant.step("Job-7", JobStep::Submitted).await;
    assert_eq!(names(&folder), ["Job-7-P1.jdf"]);
    plant.stop().await;
}

#[tokio::test]
async fn a_ticket_that_was_staged_in_another_folder_goes_to_the_new_one_once() {
    let test = stopped_while_a_ticket_is_put_there().await;
    let folder = test.close();
    let moved = DEVICE.replace("gluer/in", "gluer/new");

    let plant = Plant::start(TestAgent::open(folder, &moved));

    plant.step("Job-7", JobStep::Submitted).await;
    assert_eq!(names(&plant.path("gluer/new")), ["Job-7-P1.jdf"]);
    assert_eq!(names(&plant.path("gluer/in")), Vec::<String>::new());
    plant.stop().await;
}

#[tokio::test]
async fn a_ticket_that_its_device_has_not_seen_in_the_folder_is_sent_over_jmf() {
    let peer = Peer::start(|_| Some(Answer::success()));
    let test = TestAgent::new(DEVICE);
    hand_in(&test, "Job-7").await;
    let command = next_command(&test).await;
    mark(&test, "gluer/in");
    hide(&test, &command, "gluer/in");
    placing(&test, &command, "gluer/in").await;
    let folder = test.close();

    let plant = Plant::start(TestAgent::open(folder, &peer.section("gluer-1", "")));

    plant.step("Job-7", JobStep::Submitted).await;
    assert_eq!(submissions(&peer), 1);
    assert_eq!(names(&plant.path("gluer/in")), Vec::<String>::new());
    plant.stop().await;
}

#[tokio::test]
async fn a_ticket_that_its_device_has_taken_from_the_folder_is_not_sent_over_jmf() {
    let peer = Peer::start(|_| Some(Answer::success()));
    let test = TestAgent::new(DEVICE);
    hand_in(&test, "Job-7").await;
    let command = next_command(&test).await;
    mark(&test, "gluer/in");
    placing(&test, &command, "gluer/in").await;
    let folder = test.close();

    let plant = Plant::start(TestAgent::open(folder, &peer.section("gluer-1", "")));

    plant.step("Job-7", JobStep::Submitted).await;
    assert_eq!(submissions(&peer), 0);
    plant.stop().await;
}

/// Tickets that the device was sent.
fn submissions(peer: &Peer) -> usize {
    peer.seen(|seen| {
        let messages = seen.iter().flat_map(|it| &it.jmf.messages);
        messages.filter(|it| it.kind == "SubmitQueueEntry").count()
    })
}

#[tokio::test]
async fn a_ticket_that_went_over_jmf_before_does_not_count_as_taken_from_a_folder() {
    let test = TestAgent::new(DEVICE);
    hand_in(&test, "Job-7").await;
    let command = next_command(&test).await;
    let ledger = &test.agent.ledger;
    ledger
        .command_news(command.command_id, News::Trying, None)
        .await
        .unwrap();

    let plant = Plant::start(test);

    let waits = until("the command says why it waits", || async {
        next_command(&plant.test).await.last_error
    })
    .await;
    assert!(waits.contains("over JMF"), "{waits}");
    assert_eq!(plant.test.job("Job-7").await.step, JobStep::Received);
    assert_eq!(names(&plant.path("gluer/in")), Vec::<String>::new());
    plant.stop().await;
}
