//! What stands in the way in an inbox: it is moved aside or left alone, and the others go on.

use agog_edge::jobs::control;
use agog_edge::outbox;
use agog_sync::event::JobStep;

use crate::folders::{DEVICE, INBOX, Plant, drop_file, names, ticket};
use crate::support::{TestAgent, until};

fn config() -> String {
    format!("{DEVICE}{INBOX}")
}

/// A ticket that names a file.
fn naming(job: &str, url: &str) -> String {
    let list = format!(
        r#"<RunList ID="r" Class="Parameter" Status="Available"><LayoutElement><FileSpec URL="{url}"/></LayoutElement></RunList></ResourcePool>"#
    );
    ticket(job, "Waiting", "").replace("</ResourcePool>", &list)
}

#[tokio::test]
async fn tickets_that_can_never_be_taken_in_do_not_keep_the_others_out() {
    let test = TestAgent::new(&config());
    let inbox = test.folder.path().join("office/in");
    std::fs::create_dir_all(inbox.join("art")).unwrap();
    // More than are read at a time, each naming a folder where a file should be.
    for number in 0..60 {
        let ticket = naming(&format!("Job-{number}"), "./art");
        drop_file(&inbox.join(format!("{number:02}.jdf")), ticket.as_bytes());
    }
    drop_file(
        &inbox.join("99.jdf"),
        ticket("Job-99", "Waiting", "").as_bytes(),
    );

    let plant = Plant::start(test);

    plant.step("Job-99", JobStep::Submitted).await;
    plant.gone("office/in/00.jdf").await;
    let finding = plant.file("office/in/failed/00.jdf.finding.txt").await;
    let finding = String::from_utf8(finding).unwrap();
    assert!(
        finding.contains("`./art`, which is not a file"),
        "{finding}"
    );
    plant.gone("office/in/59.jdf").await;
    plant.stop().await;
}

#[tokio::test]
async fn a_file_with_a_name_as_long_as_can_be_is_moved_aside_with_its_finding() {
    let plant = Plant::start(TestAgent::new(&config()));
    let name = format!("{}.jdf", "n".repeat(251));
    drop_file(
        &plant.path("office/in").join(&name),
        naming("Job-7", "../secret").as_bytes(),
    );

    plant.gone(&format!("office/in/{name}")).await;

    let failed = names(&plant.path("office/in/failed"));
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed.contains(&name));
    let finding = failed.iter().find(|it| it.ends_with(".finding.txt"));
    let finding = plant.path("office/in/failed").join(finding.unwrap());
    let text = std::fs::read_to_string(finding).unwrap();
    assert!(
        text.contains("out of the inbox") && text.contains(&name),
        "{text}"
    );
    plant.stop().await;
}

#[tokio::test]
async fn the_office_is_told_why_its_ticket_was_refused_or_taken_out() {
    let plant = Plant::start(TestAgent::new(
        "[[device]]\nid = \"press-3\"\nurl = \"http://127.0.0.1:1/jmf\"\n\
         [[inbox]]\nfolder = \"office/in\"\ndevice = \"press-3\"\n",
    ));
    let dropped = |job: &str| ticket(job, "Waiting", "");
    drop_file(
        &plant.path("office/in/lost.jdf"),
        naming("Job-1", "cid:art.pdf").as_bytes(),
    );
    for (name, job) in [("one.jdf", "Job-2"), ("two.jdf", "Job-3")] {
        let path = plant.path("office/in").join(name);
        drop_file(&path, dropped(job).as_bytes());
        plant.step(job, JobStep::Received).await;
    }
    let agent = &plant.test.agent;
    let submission = plant.test.commands().await.swap_remove(0).command_id;
    let is_given_up = outbox::give_up(agent, submission, "Jane Smith", "the press is sold");
    assert!(is_given_up.await.unwrap());
    let job = plant.test.job("Job-3").await;
    let given_up = control::give_up(agent, &job, "Jane Smith", "the order is off");
    given_up.await.unwrap();

    for (name, why) in [
        ("lost.jdf", "which did not come with it"),
        ("one.jdf", "given up by Jane Smith: the press is sold"),
        ("two.jdf", "given up by Jane Smith: the order is off"),
    ] {
        let failed = plant.path("office/in/failed");
        let finding = format!("office/in/failed/{name}.finding.txt");
        let finding = String::from_utf8(plant.file(&finding).await).unwrap();
        assert!(finding.contains(why), "{finding}");
        until("the ticket is beside it", || async {
            names(&failed).contains(&name.to_owned()).then_some(())
        })
        .await;
    }
    assert_eq!(
        plant.file("office/in/failed/one.jdf").await,
        dropped("Job-2").as_bytes()
    );
    plant.stop().await;
}
