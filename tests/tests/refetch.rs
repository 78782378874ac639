//! A plant that comes from before what the hub keeps of its feed, and master data on its way: real processes on real files.

use agog_tests::demo::cast::{Company, LIMIT, drained, lot_at, materials, refused};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

/// From the next start of the hub on every item of a feed is old.
const KEEP_NOTHING: &str = "\n[feed]\nfetched_days = 0\nall_days = 0\n";
/// How often the agent is killed while it takes in what is left.
const KILLS: usize = 4;

const ADA: &str = "/api/v1/master-data/operators/4711";

async fn plant(world: &World, company: &Company, code: &str) -> Result<Plant> {
    let materials = materials();
    let plan = PlantPlan {
        code,
        name: code,
        materials: &materials,
        presses: &[],
    };
    world.plant(&company.tenant, &plan).await
}

async fn receive(plant: &Plant, number: &str) -> Result<()> {
    let command = ["lot", "receive", "--number", number, "--quantity", "1000"];
    let command = [&command[..], &["--material", "BOARD-300"]].concat();
    plant.command(&command).await?;
    Ok(())
}

async fn moved_over_http(plant: &Plant, body: &Value, key: &str) -> Result<Value> {
    let request = reqwest::Client::new()
        .post(format!("{}/api/v1/lots/move", plant.api_url()?))
        .header("Idempotency-Key", key)
        .json(body);
    Ok(request.send().await?.error_for_status()?.json().await?)
}

async fn office(world: &World, company: &Company, path: &str, body: Value) -> Result<Value> {
    let path = format!("/api/v1/inventory/lot/{path}");
    let key = body.to_string();
    company.post(&world.hub, &path, &key, &body).await?.ok()
}

/// Names of the plant's master data, by code.
async fn names(plant: &Plant) -> Result<Vec<(String, String)>> {
    let items = plant.command(&["master", "list"]).await?;
    let items = items.as_array().context("a list")?;
    let text = |item: &Value, key| item[key].as_str().unwrap_or_default().to_owned();
    Ok(items
        .iter()
        .map(|item| (text(item, "code"), text(item, "name")))
        .collect())
}

async fn knows(plant: &Plant, code: &str, name: &str) -> Result<()> {
    wait::until("the plant to hear of the office", LIMIT, async || {
        let known = names(plant).await?;
        let wanted = (code.to_owned(), name.to_owned());
        Ok(known.contains(&wanted).then_some(()))
    })
    .await
}

/// Waits until a lot at a plant is as it should be.
async fn lot_is(plant: &Plant, number: &str, on_hand: &str, held: bool) -> Result<()> {
    wait::until("the lot to be as the office left it", LIMIT, async || {
        let Some(lot) = lot_at(plant, number).await? else {
            return Ok(None);
        };
        let holds = lot["holds"].as_array().context("holds")?.len();
        let is_so = lot["on_hand"]["amount"] == on_hand && (holds > 0) == held;
        Ok(is_so.then_some(()))
    })
    .await
}

/// How many items the hub keeps one by one, and how many it has made smaller.
async fn items(world: &World) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(&world.hub.database().admin_url).await?;
    let counts = "select (select count(*) from feed_item), (select count(*) from feed_told)";
    Ok(sqlx::query_as(counts).fetch_one(&mut connection).await?)
}

#[tokio::test]
async fn a_disk_from_before_what_the_hub_keeps_ends_like_one_that_was_never_away() -> Result<()> {
    let mut world = World::start("refetch").await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let mut ham = plant(&world, &company, "HAM").await?;
    let muc = plant(&world, &company, "MUC").await?;
    receive(&ham, "ROLL").await?;
    receive(&ham, "SECOND").await?;
    receive(&muc, "MUNICH").await?;
    drained(&ham).await?;
    drained(&muc).await?;
    company
        .put(&world.hub, ADA, "1", &json!({"name": "Ada"}))
        .await?;
    knows(&ham, "4711", "Ada").await?;
    ham.stop().await?;
    let backup = world.folder().join("backup");
    ham.backup(&backup)?;
    ham.start().await?;

    // What the plant heard after the backup, and what it did itself.
    let gate = "/api/v1/master-data/locations/GATE?plant=MUC";
    company
        .put(&world.hub, gate, "2", &json!({"name": "Gate of Munich"}))
        .await?;
    let part =
        json!({"parts": [{"number": "PART", "quantity": {"amount": "40", "unit": "sheet"}}]});
    office(&world, &company, "ROLL/split", part).await?;
    let hold = office(
        &world,
        &company,
        "SECOND/hold",
        json!({"reason": "looks bad"}),
    )
    .await?;
    office(&world, &company, "ROLL/hold", json!({"reason": "smells"})).await?;
    let release = json!({"hold_id": hold["hold_id"], "reason": "is good"});
    office(&world, &company, "SECOND/release", release).await?;
    office(
        &world,
        &company,
        "MUNICH/hold",
        json!({"reason": "not yours"}),
    )
    .await?;
    lot_is(&ham, "ROLL", "960", true).await?;
    lot_is(&ham, "PART", "40", false).await?;
    let consume = ["lot", "consume", "PART", "--quantity", "5", "--job", "J"];
    ham.command(&consume).await?;
    company
        .put(&world.hub, ADA, "3", &json!({"name": "Ada Lovelace"}))
        .await?;
    knows(&ham, "4711", "Ada Lovelace").await?;
    drained(&ham).await?;

    // The hub keeps nothing of it item by item any more, and the disk is set back.
    world.hub.configure(KEEP_NOTHING)?;
    world.hub.stop().await?;
    world.hub.start().await?;
    wait::until("the hub to prune its feeds", LIMIT, async || {
        let (kept, told) = items(&world).await?;
        Ok((kept == 0 && told > 0).then_some(()))
    })
    .await?;
    ham.stop().await?;
    ham.restore(&backup)?;
    for _ in 0..KILLS {
        ham.start().await?;
        ham.kill()?;
    }
    ham.start().await?;

    lot_is(&ham, "ROLL", "960", true).await?;
    lot_is(&ham, "PART", "35", false).await?;
    lot_is(&ham, "SECOND", "1000", false).await?;
    knows(&ham, "4711", "Ada Lovelace").await?;
    let refusal = refused(
        &ham,
        &["lot", "consume", "ROLL", "--quantity", "1", "--job", "J"],
    )
    .await?;
    ensure!(refusal.contains("held"), "{refusal}");
    // What is Munich's never came.
    ensure!(
        lot_at(&ham, "MUNICH").await?.is_none(),
        "a lot of another plant"
    );
    let known = names(&ham).await?;
    ensure!(known.len() == 1, "{known:?}");
    knows(&muc, "GATE", "Gate of Munich").await?;
    // The feed goes on.
    office(
        &world,
        &company,
        "SECOND/hold",
        json!({"reason": "once more"}),
    )
    .await?;
    lot_is(&ham, "SECOND", "1000", true).await?;
    drained(&ham).await?;
    for plant in [&ham, &muc] {
        same_ledger(&world.hub, plant, &company).await?;
        same_quantities(&world.hub, plant, &company).await?;
        let proof = plant.command(&["ledger", "verify"]).await?;
        ensure!(proof["problem_count"] == 0, "{proof:#}");
    }
    books_balance(&world.hub, &company).await?;
    Ok(())
}

#[tokio::test]
async fn a_plant_that_joins_later_has_the_master_data_and_is_warned_by_it() -> Result<()> {
    let world = World::start("master_data").await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let film = json!({"name": "Shrink film", "base_unit": "kg"});
    company
        .put(&world.hub, "/api/v1/materials/FILM", "1", &film)
        .await?;
    let reason = json!({"name": "Set-up", "used_for": ["waste"]});
    company
        .put(&world.hub, "/api/v1/master-data/reasons/W-07", "2", &reason)
        .await?;

    let ham = plant(&world, &company, "HAM").await?;
    knows(&ham, "W-07", "Set-up").await?;
    let shelf = json!({"name": "Shelf 1"});
    let path = "/api/v1/master-data/locations/S-1?plant=HAM";
    company.put(&world.hub, path, "3", &shelf).await?;
    knows(&ham, "S-1", "Shelf 1").await?;

    let command = ["lot", "receive", "--number", "F-1", "--quantity", "7"];
    let command = [&command[..], &["--material", "FILM", "--location", "S-1"]].concat();
    let received = ham.command(&command).await?;
    ensure!(received["warnings"].is_null(), "{received}");
    let shown = ham.command_text(&["lot", "show", "F-1"]).await?;
    ensure!(
        shown.contains("S-1 (Shelf 1)") && shown.contains("Shrink film"),
        "{shown}"
    );
    let waste = [
        "lot",
        "waste",
        "F-1",
        "--quantity",
        "1",
        "--reason",
        "whatever",
    ];
    let told = ham.command_text(&waste).await?;
    ensure!(
        told.contains("warning: the office knows no reason `whatever`"),
        "{told}"
    );
    let listed = ham.command_text(&["master", "list"]).await?;
    ensure!(listed.contains("W-07  Set-up, for waste"), "{listed}");
    Ok(())
}

#[tokio::test]
async fn a_plant_that_wants_it_refuses_what_the_office_does_not_know() -> Result<()> {
    let world = World::start("master_data_refused").await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let mut ham = plant(&world, &company, "HAM").await?;
    ham.stop().await?;
    let file = ham.config_file();
    let config = std::fs::read_to_string(&file)?;
    let strict = config.replace("master_data = \"warn\"", "master_data = \"refuse\"");
    ensure!(strict != config, "{config}");
    std::fs::write(&file, strict)?;
    ham.start().await?;
    receive(&ham, "ROLL").await?;
    let to_the_floor = json!({"lot": "ROLL", "to": "floor"});
    moved_over_http(&ham, &to_the_floor, "early").await?;
    let path = "/api/v1/master-data/locations/S-1?plant=HAM";
    company
        .put(&world.hub, path, "1", &json!({"name": "Shelf 1"}))
        .await?;
    knows(&ham, "S-1", "Shelf 1").await?;

    let refusal = refused(&ham, &["lot", "move", "ROLL", "--to", "floor"]).await?;
    ensure!(
        refusal.contains("the office knows no location `floor`"),
        "{refusal}"
    );
    ham.command(&["lot", "move", "ROLL", "--to", "S-1"]).await?;
    // Who repeats a request that was recorded hears so, whatever the office has said since.
    let again = moved_over_http(&ham, &to_the_floor, "early").await?;
    ensure!(again["repeated"] == true, "{again}");
    drained(&ham).await?;
    Ok(())
}
