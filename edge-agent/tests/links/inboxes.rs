//! What stands in the way in an inbox: it is moved aside or left alone, and the others go on.

use agog_edge::jobs::control;
use agog_sync::event::JobStep;

use crate::folders::{DEVICE, INBOX, Plant, drop_file, names, ticket};
use crate::support::TestAgent;

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
    let plant = Plant::start(TestAgent::new(&config()));
    let missing = naming("Job-1", "cid:art.pdf");
    drop_file(&plant.path("office/in/one.jdf"), missing.as_bytes());
    plant.step("Job-1", JobStep::Refused).await;
    drop_file(
        &plant.path("office/in/two.jdf"),
        ticket("Job-2", "Waiting", "").as_bytes(),
    );
    plant.step("Job-2", JobStep::Submitted).await;
    let job = plant.test.job("Job-2").await;
    control::give_up(&plant.test.agent, &job, "Jane Smith", "the order is off")
        .await
        .unwrap();

    for (name, why) in [
        ("one.jdf", "which did not come with it"),
        ("two.jdf", "given up by Jane Smith: the order is off"),
    ] {
        let finding = plant
            .file(&format!("office/in/failed/{name}.finding.txt"))
            .await;
        let finding = String::from_utf8(finding).unwrap();
        assert!(finding.contains(why), "{finding}");
        plant.file(&format!("office/in/failed/{name}")).await;
    }
    assert_eq!(
        std::fs::read_to_string(plant.path("office/in/failed/one.jdf")).unwrap(),
        missing
    );
    plant.stop().await;
}
