//! Documents of which the hub has lost something while its ledgers are whole, or not even those: made the same again by the
//! plant, or told once.

use agog_tests::demo::cast::{Company, LIMIT, drained, materials};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

const KIND: &str = "schedule-priority";
const QUEUE: &str = "HAM:press-3";
const PATH: &str = "/api/v1/documents/schedule-priority/HAM:press-3";

/// A plant and a hub that have the same queue, edited at the plant, in the office, and at the plant.
async fn edited(name: &str) -> Result<(World, Company, Plant)> {
    let world = World::start(name).await?;
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
    same(&world, &company, &plant).await?;
    let request = world
        .hub
        .request(Method::PATCH, PATH)
        .bearer_auth(&company.token)
        .header("Idempotency-Key", "a")
        .json(&json!({"priorities": {"JOB-2": 2}}));
    world.hub.send(request).await?.ok()?;
    same(&world, &company, &plant).await?;
    rank(&plant, "JOB-3=3").await?;
    same(&world, &company, &plant).await?;
    Ok((world, company, plant))
}

async fn rank(plant: &Plant, rank: &str) -> Result<()> {
    let command = [
        "document",
        "edit",
        KIND,
        "press-3",
        "--operator",
        "Jane Smith",
        "--rank",
        rank,
    ];
    plant.command(&command).await?;
    drained(plant).await
}

/// Waits until both have the same heads; gives what the hub shows.
async fn same(world: &World, company: &Company, plant: &Plant) -> Result<Value> {
    wait::until("plant and hub to have the same heads", LIMIT, async || {
        let here = plant.command(&["document", "show", KIND, QUEUE]).await?;
        let there = world.hub.get(&company.token, PATH).await?;
        let is_same = there.status == 200 && here["heads"] == there.body["heads"];
        Ok(is_same.then_some(there.body))
    })
    .await
}

/// Somebody changes the hub's database by hand after the hub has died; the plant connects anew when it is back.
async fn by_hand(world: &mut World, statements: &'static [&'static str]) -> Result<()> {
    world.hub.kill()?;
    let mut superuser = PgConnection::connect(&world.hub.database().admin_url).await?;
    for sql in statements {
        sqlx::raw_sql(*sql).execute(&mut superuser).await?;
    }
    world.hub.start().await
}

/// How often the agent has compared its documents, with this outcome.
async fn compared(plant: &Plant, outcome: &str) -> Result<u64> {
    let url = format!("{}/metrics", plant.api_url()?);
    let text = reqwest::get(url).await?.text().await?;
    let name = format!("agog_documents_compared_total{{outcome=\"{outcome}\"}} ");
    let count = text.lines().find_map(|line| line.strip_prefix(&name));
    Ok(count.unwrap_or("0").parse()?)
}

async fn alarms(plant: &Plant) -> Result<Vec<String>> {
    let status = plant.command(&["status"]).await?;
    let alarms = status["running"]["surroundings"]["alarms"].as_array();
    let alarms = alarms.context("alarms in the status")?.iter();
    let texts = alarms.map(|alarm| alarm["text"].as_str().unwrap_or_default().to_owned());
    Ok(texts.filter(|text| text.contains(QUEUE)).collect())
}

const FORGOTTEN: &[&str] = &["delete from document_change", "delete from document"];

#[tokio::test]
async fn a_document_that_the_hub_has_lost_is_there_again_after_the_next_connect() -> Result<()> {
    let (mut world, company, mut plant) = edited("document_lost").await?;
    let before = company.get(&world.hub, PATH).await?;

    by_hand(&mut world, FORGOTTEN).await?;

    let again = same(&world, &company, &plant).await?;
    assert_eq!(again["content"], before["content"], "{again:#}");
    let history = company.get(&world.hub, &format!("{PATH}/history")).await?;
    let told: Vec<_> = history["items"]
        .as_array()
        .context("a history")?
        .iter()
        .map(|item| item["role"].clone())
        .collect();
    assert_eq!(told, ["operator", "planner", "operator"], "{history:#}");
    assert_eq!(alarms(&plant).await?, Vec::<String>::new());
    // A document that is whole again is edited as ever.
    rank(&plant, "JOB-1=9").await?;
    same(&world, &company, &plant).await?;
    plant.stop().await
}

/// A hub that was set back to before an edit of the office, whose ledger nobody else has.
#[tokio::test]
async fn what_the_hub_has_lost_with_its_own_ledger_is_told_once() -> Result<()> {
    const SET_BACK: &[&str] = &[
        "delete from document_change",
        "delete from document",
        "delete from ledger_event e using producer p
         where p.producer_id = e.producer_id and p.kind = 'office'",
    ];
    let (mut world, company, mut plant) = edited("document_set_back").await?;
    by_hand(&mut world, SET_BACK).await?;
    let differ = async |times| {
        wait::until("the documents to be compared", LIMIT, async || {
            Ok((compared(&plant, "differ").await? >= times).then_some(()))
        })
        .await
    };
    differ(1).await?;
    let told = alarms(&plant).await?;
    assert_eq!(told.len(), 1, "{told:#?}");
    let cause = "2 changes of it cannot be brought there";
    assert!(told[0].contains(cause), "{told:#?}");
    assert!(
        told[0].contains("no ledger here has this event"),
        "{told:#?}"
    );
    // What the plant said first, before it knew of the office, is there again.
    let there = company.get(&world.hub, PATH).await?;
    assert_eq!(there["content"]["priorities"][0]["job"], "JOB-1");

    by_hand(&mut world, &[]).await?;
    differ(2).await?;
    assert_eq!(alarms(&plant).await?, told);
    plant.stop().await
}
