//! Documents that plant and office edit while they cannot reach each other: both end with the same.

use agog_tests::demo::cast::{Company, LIMIT, drained, materials};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

async fn office_edits(
    world: &World,
    company: &Company,
    path: &str,
    key: &str,
    body: &Value,
) -> Result<Value> {
    let request = world
        .hub
        .request(Method::PATCH, path)
        .bearer_auth(&company.token)
        .header("Idempotency-Key", key)
        .json(body);
    world.hub.send(request).await?.ok()
}

/// Waits until plant and hub have the same heads of a document; gives what each shows.
async fn converged(
    world: &World,
    company: &Company,
    plant: &Plant,
    kind: &str,
    id: &str,
) -> Result<(Value, Value)> {
    let path = format!("/api/v1/documents/{kind}/{id}");
    wait::until("plant and hub to have the same heads", LIMIT, async || {
        let here = plant.command(&["document", "show", kind, id]).await?;
        let there = world.hub.get(&company.token, &path).await?;
        let is_same = there.status == 200 && here["heads"] == there.body["heads"];
        Ok(is_same.then_some((here, there.body)))
    })
    .await
}

/// The document of the order of a press's queue: kind and id.
const QUEUE: (&str, &str) = ("schedule-priority", "HAM:press-3");

/// A plant whose queue has a first rank, the same here and there.
async fn plant_with_a_queue(world: &World) -> Result<(Company, Plant)> {
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let materials = materials();
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &materials,
        presses: &[],
    };
    let plant = world.plant(&company.tenant, &plan).await?;
    let nowhere = "http://127.0.0.1:9/jmf";
    plant
        .command(&["device", "add", "press-3", "--url", nowhere])
        .await?;
    rank(&plant, "JOB-1=1").await?;
    drained(&plant).await?;
    let (kind, queue) = QUEUE;
    converged(world, &company, &plant, kind, queue).await?;
    Ok((company, plant))
}

/// An operator gives a job its place.
async fn rank(plant: &Plant, job: &str) -> Result<()> {
    let edit = ["document", "edit", QUEUE.0, "press-3"];
    let by = ["--operator", "Jane Smith", "--rank", job];
    plant.command(&[edit, by].concat()).await?;
    Ok(())
}

#[tokio::test]
async fn what_both_edit_while_they_are_apart_is_in_the_document_of_both_and_the_conflict_is_seen()
-> Result<()> {
    let mut world = World::start("documents").await?;
    let (company, mut plant) = plant_with_a_queue(&world).await?;
    let (kind, queue) = QUEUE;
    let path = format!("/api/v1/documents/{kind}/{queue}");

    // The plant is dead while the office edits, the hub while the plant does.
    plant.kill()?;
    office_edits(
        &world,
        &company,
        &path,
        "a",
        &json!({"priorities": {"JOB-1": 5, "JOB-2": 2}}),
    )
    .await?;
    world.hub.kill()?;
    plant.start().await?;
    rank(&plant, "JOB-1=0").await?;
    rank(&plant, "JOB-3=9").await?;
    world.hub.start().await?;
    drained(&plant).await?;
    let (here, there) = converged(&world, &company, &plant, kind, queue).await?;
    for shown in [&here, &there] {
        let order: Vec<_> = shown["content"]["priorities"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| (one["job"].clone(), one["rank"].clone()))
            .collect();
        let expected = [("JOB-2", 2), ("JOB-1", 5), ("JOB-3", 9)];
        assert_eq!(
            order,
            expected.map(|(job, rank)| (json!(job), json!(rank))),
            "{shown:#}"
        );
        assert_eq!(shown["conflicts"][0]["field"], "JOB-1", "{shown:#}");
        assert_eq!(shown["conflicts"][0]["losers"][0]["by"], "Jane Smith");
    }
    let history = world
        .hub
        .get(&company.token, &format!("{path}/history"))
        .await?
        .ok()?;
    let merges: Vec<_> = history["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|item| !item["merge"].is_null())
        .collect();
    assert!(!merges.is_empty(), "{history:#}");
    let audited = merges
        .iter()
        .any(|item| item["merge"]["conflicts"] == there["conflicts"]);
    assert!(audited, "{history:#}");

    // The plant decides, and everybody sees it.
    rank(&plant, "JOB-1=1").await?;
    let (here, there) = converged(&world, &company, &plant, kind, queue).await?;
    assert_eq!(
        (&here["conflicts"], &there["conflicts"]),
        (&json!([]), &json!([]))
    );
    plant.stop().await?;
    Ok(())
}

/// After so many edits the document begins anew.
const ROLL_AT: usize = 20;

/// The office edits on while a plant is dead, until the document rolls over, and the plant edits before it hears of it.
#[tokio::test]
async fn a_document_rolls_over_while_a_plant_is_away_and_what_it_adds_meanwhile_is_in_it_once()
-> Result<()> {
    let mut world = World::start("rolling").await?;
    world.hub.kill()?;
    world
        .hub
        .configure(&format!("[sync]\nroll_at = {ROLL_AT}"))?;
    world.hub.start().await?;
    let (company, mut plant) = plant_with_a_queue(&world).await?;
    let (kind, queue) = QUEUE;
    let path = format!("/api/v1/documents/{kind}/{queue}");

    plant.kill()?;
    for n in 0..ROLL_AT {
        let wanted = json!({"priorities": {"JOB-2": n}});
        office_edits(&world, &company, &path, &n.to_string(), &wanted).await?;
    }
    world.hub.kill()?;
    plant.start().await?;
    rank(&plant, "JOB-1=7").await?;
    rank(&plant, "JOB-3=3").await?;
    let shown = plant.command(&["document", "show", kind, queue]).await?;
    assert_eq!(shown["generation"], 1);
    world.hub.start().await?;
    drained(&plant).await?;
    let (here, there) = converged(&world, &company, &plant, kind, queue).await?;
    for shown in [&here, &there] {
        let order: Vec<_> = shown["content"]["priorities"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| (one["job"].clone(), one["rank"].clone(), one["by"].clone()))
            .collect();
        let expected = [
            (json!("JOB-3"), json!(3), json!("Jane Smith")),
            (json!("JOB-1"), json!(7), json!("Jane Smith")),
            (
                json!("JOB-2"),
                json!(ROLL_AT - 1),
                shown["content"]["priorities"][2]["by"].clone(),
            ),
        ];
        assert_eq!(order, expected, "{shown:#}");
        assert_eq!(shown["generation"], 2, "{shown:#}");
        assert_eq!(shown["changes"], ROLL_AT + 3, "{shown:#}");
    }
    rank(&plant, "JOB-1=1").await?;
    converged(&world, &company, &plant, kind, queue).await?;
    plant.stop().await?;
    Ok(())
}
