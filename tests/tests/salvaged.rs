//! A plant whose ledger file was damaged: what is left of the file, what the hub has, and exactly what is lost, with real
//! processes and real files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;

use agog_tests::demo::cast::{Company, LIMIT, drained, materials};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

const PAGE: usize = 4_096;

async fn moves(plant: &Plant, names: &str, count: u32) -> Result<()> {
    let url = format!("{}/api/v1/lots/move", plant.api_url()?);
    let client = reqwest::Client::builder().no_proxy().build()?;
    for n in 0..count {
        let body = serde_json::json!({ "lot": "ROLL", "to": format!("{names}-{n}") });
        let request = client
            .post(&url)
            .header("Idempotency-Key", format!("{names}-{n}"))
            .json(&body);
        request.send().await?.error_for_status()?;
    }
    Ok(())
}

/// The events of the stopped plant's ledger: number and id, and the pages on which each stands.
fn recorded(plant: &Plant) -> Result<BTreeMap<u64, (String, BTreeSet<usize>)>> {
    let path = plant.data_dir().join("ledger.db");
    let bytes = std::fs::read(&path)?;
    let file = rusqlite::Connection::open(&path)?;
    let mut query = file.prepare("select seq, event_id, hash from event where epoch = 1")?;
    let rows = query.query_map([], |row| {
        Ok((row.get(0)?, (row.get(1)?, row.get::<_, Vec<u8>>(2)?)))
    })?;
    let events: Vec<(u64, (String, Vec<u8>))> = rows.collect::<Result<_, _>>()?;
    Ok(events
        .into_iter()
        .map(|(seq, (event_id, hash))| {
            let on = |page: &[u8]| page.windows(hash.len()).any(|at| at == hash);
            let pages = (0..).zip(bytes.chunks(PAGE)).filter(|(_, page)| on(page));
            (seq, (event_id, pages.map(|(n, _)| n).collect()))
        })
        .collect())
}

async fn at_hub(world: &World) -> Result<BTreeSet<String>> {
    let mut connection = PgConnection::connect(&world.hub.database().admin_url).await?;
    let sql = "select distinct event_id::text from ledger_event";
    let ids: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await?;
    Ok(ids.into_iter().collect())
}

fn numbers(loss: &Value) -> Result<BTreeSet<u64>> {
    let mut numbers = BTreeSet::new();
    for range in loss["ranges"].as_array().context("no ranges")? {
        let end = |n: usize| range[n].as_u64().context("no number");
        numbers.extend(end(0)?..=end(1)?);
    }
    Ok(numbers)
}

#[tokio::test]
async fn what_the_hub_has_comes_back_and_what_nobody_has_is_stated_exactly() -> Result<()> {
    let mut world = World::start("salvaged").await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let materials = materials();
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &materials,
        presses: &[],
    };
    let mut plant = world.plant(&company.tenant, &plan).await?;
    let receive = [
        "lot",
        "receive",
        "--number",
        "ROLL",
        "--material",
        "BOARD-300",
    ];
    plant
        .command(&[&receive[..], &["--quantity", "1000"]].concat())
        .await?;
    moves(&plant, "delivered", 150).await?;
    drained(&plant).await?;
    world.hub.stop().await?;
    moves(&plant, "waiting", 150).await?;
    plant.stop().await?;
    let events = recorded(&plant)?;
    assert_eq!(events.len(), 301);

    // Some pages are lost: of what was delivered, and of what was not.
    let pages: BTreeSet<usize> = [60, 61, 200, 250, 251, 252]
        .iter()
        .flat_map(|seq| events[seq].1.iter().copied())
        .collect();
    let path = plant.data_dir().join("ledger.db");
    let file = OpenOptions::new().write(true).open(&path)?;
    for page in pages.iter().copied().chain([0]) {
        file.write_all_at(&[0x5a; PAGE], (page * PAGE) as u64)?;
    }
    drop(file);
    ensure!(plant.start().await.is_err(), "it started on a damaged file");

    let report = plant.command(&["ledger", "salvage"]).await?;

    assert_eq!(report["was_whole"], false, "{report:#}");
    let missing = numbers(&report["loss"]["epochs"][0])?;
    for seq in [60, 61, 200, 250, 251, 252] {
        assert!(missing.contains(&seq), "{report:#}");
    }
    world.hub.start().await?;
    plant.start().await?;
    let status = wait::until("what the hub has to come back", LIMIT, async || {
        let status = plant.command(&["status"]).await?;
        let left = &status["ledger"]["fetch_back"]["epochs_left"];
        // People are told once everything is back.
        let alarms = status["running"]["surroundings"]["alarms"].to_string();
        let is_told = alarms.contains("are lost: they were in a ledger that was damaged");
        Ok((*left == 0 && is_told).then_some(status))
    })
    .await?;
    drained(&plant).await?;

    // What is said to be lost is what nobody has, and nothing else.
    let salvage = &status["ledger"]["salvage"];
    assert_eq!(salvage["end_known"], true, "{salvage:#}");
    let told = &salvage["epochs"][0];
    assert_eq!(told["is_final"], true, "{salvage:#}");
    let lost = numbers(told)?;
    let here = at_hub(&world).await?;
    let nowhere: BTreeSet<u64> = events
        .iter()
        .filter(|(_, (event_id, _))| !here.contains(event_id))
        .map(|(seq, _)| *seq)
        .collect();
    assert_eq!(lost, nowhere);
    assert!(lost.iter().all(|seq| *seq > 151), "the hub had {lost:?}");
    for seq in [200, 250, 251, 252] {
        assert!(lost.contains(&seq), "{lost:?}");
    }
    assert_eq!(here.len(), 301 - lost.len());
    same_ledger(&world.hub, &plant, &company).await?;
    same_quantities(&world.hub, &plant, &company).await?;
    books_balance(&world.hub, &company).await?;
    let proof = plant.command(&["ledger", "verify"]).await?;
    assert_eq!(proof["problem_count"], 0, "{proof:#}");
    moves(&plant, "after", 3).await?;
    drained(&plant).await?;
    Ok(())
}
