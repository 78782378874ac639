//! What stands in the way in an inbox: it is moved aside or left alone, and the others go on.

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
