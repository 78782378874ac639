//! Disks that were set back or copied, on real files with real processes: what was acknowledged is in the hub exactly
//! once and in the books of the plant that goes on, people are told, and a copy is fenced.

use agog_tests::demo::cast::{Company, LIMIT, drained, lot_at, materials, waiting};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// What sixteen askers do each, so that several pages of events come back.
const MOVES_PER_ASKER: i64 = 200;

async fn world(name: &str) -> Result<(World, Company, Plant)> {
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
    Ok((world, company, plant))
}

/// A roll of 1,000 sheets of which ten were used; all of it is in the hub.
async fn begun(plant: &Plant) -> Result<()> {
    receive(plant, "ROLL", "1000").await?;
    consume(plant, "10").await?;
    drained(plant).await
}

async fn receive(plant: &Plant, number: &str, quantity: &str) -> Result<()> {
    let (material, quantity) = (["--material", "BOARD-300"], ["--quantity", quantity]);
    let number = ["lot", "receive", "--number", number];
    let arguments: Vec<&str> = number.into_iter().chain(material).chain(quantity).collect();
    plant.command(&arguments).await?;
    Ok(())
}

async fn consume(plant: &Plant, quantity: &str) -> Result<()> {
    let command = [
        "lot",
        "consume",
        "ROLL",
        "--quantity",
        quantity,
        "--job",
        "J",
    ];
    plant.command(&command).await?;
    Ok(())
}

/// The work of a day after the backup: three events, two new lots, a hold.
async fn day(plant: &Plant) -> Result<()> {
    consume(plant, "20").await?;
    plant
        .command(&["lot", "split", "ROLL", "--into", "PART=40"])
        .await?;
    receive(plant, "SECOND", "500").await?;
    plant
        .command(&["lot", "hold", "PART", "--reason", "smells"])
        .await?;
    drained(plant).await
}

async fn status(plant: &Plant) -> Result<Value> {
    plant.command(&["status"]).await
}

fn alarms(status: &Value) -> String {
    status["running"]["surroundings"]["alarms"].to_string()
}

/// Waits until the plant is in a new epoch, has back what the hub has, and has delivered everything.
async fn recovered(plant: &Plant, epoch: u64) -> Result<Value> {
    let status = wait::until(
        "the plant to have back what the hub has",
        LIMIT,
        async || {
            let status = status(plant).await?;
            let ledger = &status["ledger"];
            let is_complete = ledger["epoch"] == epoch && ledger["fetch_back"]["epochs_left"] == 0;
            Ok(is_complete.then_some(status))
        },
    )
    .await?;
    drained(plant).await?;
    Ok(status)
}

async fn on_hand(plant: &Plant, number: &str) -> Result<String> {
    let lot = lot_at(plant, number).await?;
    let lot = lot.with_context(|| format!("lot {number} is not at the plant"))?;
    Ok(lot["on_hand"]["amount"].to_string().replace('"', ""))
}

/// The facts that the hub has, each once but for those that are noted as delivered twice.
async fn facts(world: &World) -> Result<i64> {
    let mut connection = PgConnection::connect(&world.hub.database().admin_url).await?;
    let (facts, doubled): (i64, i64) = sqlx::query_as(
        "select count(distinct event_id),
                count(*) - count(distinct event_id)
                    - (select count(*) from ledger_rejected where code = 'duplicate-event-id')
         from ledger_event",
    )
    .fetch_one(&mut connection)
    .await?;
    ensure!(doubled == 0, "{doubled} facts have had their effects twice");
    Ok(facts)
}

/// Agent and hub agree, and the books balance.
async fn all_is_well(world: &World, plant: &Plant, company: &Company) -> Result<()> {
    same_ledger(&world.hub, plant, company).await?;
    same_quantities(&world.hub, plant, company).await?;
    books_balance(&world.hub, company).await?;
    let rejected = company.get(&world.hub, "/api/v1/rejected-events").await?;
    ensure!(rejected["items"] == serde_json::json!([]), "{rejected}");
    Ok(())
}

async fn at_hub(world: &World, company: &Company) -> Result<Value> {
    let shown = company.get(&world.hub, "/api/v1/plants/HAM/sync").await?;
    Ok(shown["agents"][0].clone())
}

#[tokio::test]
async fn a_restored_backup_gets_back_what_was_delivered_since() -> Result<()> {
    let (world, company, mut plant) = world("restored_backup").await?;
    begun(&plant).await?;
    plant.stop().await?;
    let backup = world.folder().join("backup");
    plant.backup(&backup)?;
    plant.start().await?;
    day(&plant).await?;
    plant.stop().await?;

    plant.restore(&backup)?;
    plant.start().await?;

    let status = recovered(&plant, 2).await?;
    assert!(alarms(&status).contains("epoch 2 was opened"), "{status:#}");
    assert_eq!(status["ledger"]["fetch_back"]["fetched"], 4);
    assert_eq!(on_hand(&plant, "ROLL").await?, "930");
    assert_eq!(on_hand(&plant, "SECOND").await?, "500");
    all_is_well(&world, &plant, &company).await?;
    consume(&plant, "30").await?;
    drained(&plant).await?;
    all_is_well(&world, &plant, &company).await?;
    assert_eq!(facts(&world).await?, 7);
    let shown = at_hub(&world, &company).await?;
    assert_eq!(shown["epochs"][0]["reason"], "rolled-back", "{shown:#}");
    assert_eq!(shown["runs"][0]["reason"], "took-over", "{shown:#}");
    // A restart is nothing special any more.
    plant.stop().await?;
    plant.start().await?;
    consume(&plant, "1").await?;
    drained(&plant).await?;
    let shown = at_hub(&world, &company).await?;
    assert_eq!(shown["runs"][0]["reason"], "continued", "{shown:#}");
    Ok(())
}

#[tokio::test]
async fn what_a_restored_backup_recorded_before_its_first_contact_is_delivered_too() -> Result<()> {
    let (mut world, company, mut plant) = world("restored_offline").await?;
    begun(&plant).await?;
    plant.stop().await?;
    let backup = world.folder().join("backup");
    plant.backup(&backup)?;
    plant.start().await?;
    day(&plant).await?;
    plant.stop().await?;
    world.hub.stop().await?;

    plant.restore(&backup)?;
    plant.start().await?;
    consume(&plant, "7").await?;
    receive(&plant, "THIRD", "300").await?;
    plant.kill()?;
    plant.start().await?;
    consume(&plant, "3").await?;
    world.hub.start().await?;

    recovered(&plant, 2).await?;
    assert_eq!(on_hand(&plant, "ROLL").await?, "920");
    assert_eq!(on_hand(&plant, "THIRD").await?, "300");
    all_is_well(&world, &plant, &company).await?;
    assert_eq!(facts(&world).await?, 2 + 4 + 3);
    let proof = plant.command(&["ledger", "verify"]).await?;
    assert_eq!(proof["aside_events"], 3);
    Ok(())
}

#[tokio::test]
async fn a_disk_that_loses_what_it_said_it_had_is_found() -> Result<()> {
    let (world, company, mut plant) = world("lying_disk").await?;
    begun(&plant).await?;
    plant.stop().await?;
    plant.start().await?;
    day(&plant).await?;
    // Everything since the start is in the write-ahead log, which the disk had promised to keep.
    plant.kill()?;
    for file in ["ledger.db-wal", "ledger.db-shm"] {
        std::fs::remove_file(plant.data_dir().join(file))
            .with_context(|| format!("cannot remove {file}"))?;
    }

    plant.start().await?;

    let status = recovered(&plant, 2).await?;
    assert!(
        alarms(&status).contains("the disk was set back"),
        "{status:#}"
    );
    assert_eq!(on_hand(&plant, "ROLL").await?, "930");
    all_is_well(&world, &plant, &company).await?;
    assert_eq!(facts(&world).await?, 6);
    Ok(())
}

#[tokio::test]
async fn a_kill_while_events_come_back_costs_nothing() -> Result<()> {
    let (world, company, mut plant) = world("killed_fetch").await?;
    begun(&plant).await?;
    plant.stop().await?;
    let backup = world.folder().join("backup");
    plant.backup(&backup)?;
    plant.start().await?;
    let api = plant.api_url()?;
    let client = reqwest::Client::new();
    let mut askers = tokio::task::JoinSet::new();
    for asker in 0..16 {
        let (client, url) = (client.clone(), format!("{api}/api/v1/lots/move"));
        askers.spawn(async move {
            for n in 0..MOVES_PER_ASKER {
                let body = serde_json::json!({ "lot": "ROLL", "to": format!("A-{asker}-{n}") });
                let key = format!("{asker}-{n}");
                let request = client.post(&url).header("Idempotency-Key", key).json(&body);
                request.send().await?.error_for_status()?;
            }
            anyhow::Ok(())
        });
    }
    for asked in askers.join_all().await {
        asked?;
    }
    day(&plant).await?;
    plant.stop().await?;
    plant.restore(&backup)?;

    let mut killed_in_the_middle = 0;
    for _ in 0..20 {
        plant.start().await?;
        let ledger = wait::until("events to come back", LIMIT, async || {
            let ledger = status(&plant).await?["ledger"].clone();
            Ok((ledger["epoch"] == 2).then_some(ledger))
        })
        .await?;
        plant.kill()?;
        if ledger["fetch_back"]["epochs_left"] == 0 {
            break;
        }
        killed_in_the_middle += 1;
    }
    plant.start().await?;

    recovered(&plant, 2).await?;
    assert!(
        killed_in_the_middle > 0,
        "it was never killed in the middle"
    );
    assert_eq!(on_hand(&plant, "ROLL").await?, "930");
    all_is_well(&world, &plant, &company).await?;
    assert_eq!(facts(&world).await?, 2 + 16 * MOVES_PER_ASKER + 4);
    Ok(())
}

#[tokio::test]
async fn of_a_machine_and_its_copy_one_is_fenced_until_a_person_decides() -> Result<()> {
    let (world, company, mut plant) = world("copied_disk").await?;
    begun(&plant).await?;
    plant.stop().await?;
    let mut copy = plant.copy(world.folder().join("copy"))?;
    plant.start().await?;
    day(&plant).await?;

    copy.start().await?;
    recovered(&copy, 2).await?;
    let fenced = async |plant: &Plant| {
        wait::until("one of the two to be fenced", LIMIT, async || {
            let status = status(plant).await?;
            let state = &status["running"]["surroundings"]["hub"]["state"];
            Ok((state == "fenced").then_some(status))
        })
        .await
    };
    let status = fenced(&plant).await?;
    assert!(
        alarms(&status).contains("another agent with this identity"),
        "{status:#}"
    );
    // Both go on recording; only one delivers.
    consume(&copy, "5").await?;
    drained(&copy).await?;
    consume(&plant, "7").await?;
    plant.kill()?;
    plant.start().await?;
    fenced(&plant).await?;
    consume(&plant, "1").await?;
    assert_eq!(waiting(&plant).await?, 2);
    assert_eq!(
        status_epoch(&plant).await?,
        1,
        "a fenced copy opens no epochs"
    );
    let shown = at_hub(&world, &company).await?;
    assert_eq!(
        (&shown["fenced"], &shown["epoch"]),
        (&true.into(), &2.into()),
        "{shown:#}"
    );
    assert_eq!(facts(&world).await?, 7);

    // The original is the right one.
    let code = world.hub.enrolment_code(&company.tenant, "HAM").await?;
    plant.enroll(&code).await?;
    recovered(&plant, 3).await?;
    fenced(&copy).await?;
    copy.stop().await?;
    assert_eq!(on_hand(&plant, "ROLL").await?, "917");
    all_is_well(&world, &plant, &company).await?;
    assert_eq!(facts(&world).await?, 9);
    Ok(())
}

async fn status_epoch(plant: &Plant) -> Result<u64> {
    let status = status(plant).await?;
    status["ledger"]["epoch"].as_u64().context("an epoch")
}

/// The database of the hub as it is now, to be put back later; the hub is stopped meanwhile.
async fn database_copy(world: &World, from: &str, to: &str) -> Result<()> {
    let url = &world.hub.database().admin_url;
    let name = database_name(world);
    let mut admin = PgConnection::connect(&url.replace(&format!("/{name}?"), "/postgres?")).await?;
    for sql in [
        format!("drop database if exists \"{to}\" with (force)"),
        format!("create database \"{to}\" template \"{from}\" owner agog_owner"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut admin)
            .await?;
    }
    Ok(())
}

fn database_name(world: &World) -> String {
    let url = &world.hub.database().admin_url;
    let path = url.split('?').next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_hub_that_was_set_back_gets_again_what_it_lost_over_several_epochs() -> Result<()> {
    let (mut world, company, mut plant) = world("hub_set_back").await?;
    begun(&plant).await?;
    plant.stop().await?;
    let backup = world.folder().join("backup");
    plant.backup(&backup)?;
    plant.start().await?;
    consume(&plant, "1").await?;
    drained(&plant).await?;
    world.hub.stop().await?;
    let name = database_name(&world);
    let kept = format!("{name}_kept");
    database_copy(&world, &name, &kept).await?;
    world.hub.start().await?;
    day(&plant).await?;
    plant.stop().await?;
    plant.restore(&backup)?;
    plant.start().await?;
    recovered(&plant, 2).await?;
    consume(&plant, "2").await?;
    drained(&plant).await?;

    world.hub.stop().await?;
    database_copy(&world, &kept, &name).await?;
    world.hub.start().await?;

    consume(&plant, "3").await?;
    wait::until("the hub to have everything again", LIMIT, async || {
        Ok((facts(&world).await? == 2 + 1 + 4 + 2).then_some(()))
    })
    .await?;
    drained(&plant).await?;
    assert_eq!(status_epoch(&plant).await?, 2, "no new epoch was due");
    assert_eq!(on_hand(&plant, "ROLL").await?, "924");
    all_is_well(&world, &plant, &company).await?;
    Ok(())
}
