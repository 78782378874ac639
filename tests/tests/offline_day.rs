//! A plant that is cut off: everything goes on, and afterwards nothing is missing or doubled.

use agog_tests::demo::cast::{Company, LIMIT, drained, lot_at, materials, refused, waiting};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities, same_trace};
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::Result;
use serde_json::json;

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

async fn receive(plant: &Plant, number: &str, quantity: &str) -> Result<()> {
    let arguments = [
        "lot",
        "receive",
        "--number",
        number,
        "--material",
        "BOARD-300",
        "--quantity",
        quantity,
    ];
    plant.command(&arguments).await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_that_starts_with_no_hub_collects_and_delivers_later() -> Result<()> {
    let (mut world, company, mut plant) = world("starts_offline").await?;
    plant.stop().await?;
    world.hub.stop().await?;
    plant.start().await?;
    receive(&plant, "ROLL", "100").await?;
    plant
        .command(&["lot", "split", "ROLL", "--into", "PART=40"])
        .await?;
    for line in [
        "lot pack ROLL=20 PART=30 --sscc (00)340123450000000017",
        "lot pack ROLL=10 --sscc 340123450000000024",
        "lot ship --sscc 340123450000000017 --order Order-1 --customer Acme",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        plant.command(&words).await?;
    }
    let sentence = refused(&plant, &["lot", "consume", "ROLL", "--quantity", "31"]).await?;
    assert!(sentence.contains("340123450000000024"), "{sentence}");
    assert!(waiting(&plant).await? >= 2);
    world.hub.start().await?;
    drained(&plant).await?;
    same_ledger(&world.hub, &plant, &company).await?;
    same_quantities(&world.hub, &plant, &company).await?;
    let path = "/api/v1/containers/340123450000000017";
    let pallet = company.get(&world.hub, path).await?;
    assert_eq!(pallet["status"], "shipped");
    assert_eq!(pallet["shipped"][1]["customer"], "Acme");
    let path = "/api/v1/containers/340123450000000024";
    let pallet = company.get(&world.hub, path).await?;
    assert_eq!(pallet["contents"][0]["quantity"]["amount"], "10");
    Ok(())
}

#[tokio::test]
async fn kill_nine_on_both_sides_under_work_loses_and_doubles_nothing() -> Result<()> {
    let (mut world, company, mut plant) = world("kill_nine").await?;
    receive(&plant, "ROLL", "1000").await?;
    for round in 0..4 {
        for step in 0..5 {
            let job = format!("Job-{round}-{step}");
            plant
                .command(&["lot", "consume", "ROLL", "--quantity", "3", "--job", &job])
                .await?;
        }
        // The hub dies while it may be in the middle of a batch, the agent after it has
        // answered; each comes back with what it has on its disk.
        world.hub.kill()?;
        let waste = [
            "lot",
            "waste",
            "ROLL",
            "--quantity",
            "1",
            "--reason",
            "trim",
        ];
        plant.command(&waste).await?;
        plant.kill()?;
        plant.start().await?;
        world.hub.start().await?;
    }
    drained(&plant).await?;
    let events = same_ledger(&world.hub, &plant, &company).await?;
    assert_eq!(events, 1 + 4 * 6, "one receipt, and six events a round");
    same_quantities(&world.hub, &plant, &company).await?;
    books_balance(&world.hub, &company).await?;
    let roll = lot_at(&plant, "ROLL").await?.expect("the roll is there");
    assert_eq!(roll["on_hand"]["amount"], "936");
    same_trace(&world.hub, &plant, &company, "ROLL", "forward").await?;
    Ok(())
}

#[tokio::test]
async fn an_office_hold_reaches_the_plant_and_blocks_until_it_is_released() -> Result<()> {
    let (world, company, plant) = world("office_hold").await?;
    receive(&plant, "ROLL", "100").await?;
    drained(&plant).await?;
    let path = "/api/v1/inventory/lot/ROLL/hold";
    let held = company
        .post(
            &world.hub,
            path,
            "hold-1",
            &json!({ "reason": "supplier recall" }),
        )
        .await?
        .ok()?;
    let standing = async || {
        let lot = lot_at(&plant, "ROLL").await?;
        anyhow::Ok(lot.map_or(0, |lot| lot["holds"].as_array().map_or(0, Vec::len)))
    };
    wait::until("the hold to reach the plant", LIMIT, async || {
        Ok((standing().await? == 1).then_some(()))
    })
    .await?;
    let sentence = refused(&plant, &["lot", "consume", "ROLL", "--quantity", "1"]).await?;
    assert!(sentence.contains("held"), "{sentence}");
    let path = "/api/v1/inventory/lot/ROLL/release";
    let body = json!({ "hold_id": held["hold_id"], "reason": "tests passed" });
    company
        .post(&world.hub, path, "release-1", &body)
        .await?
        .ok()?;
    wait::until("the release to reach the plant", LIMIT, async || {
        Ok((standing().await? == 0).then_some(()))
    })
    .await?;
    plant
        .command(&["lot", "consume", "ROLL", "--quantity", "1"])
        .await?;
    drained(&plant).await?;
    same_quantities(&world.hub, &plant, &company).await?;
    Ok(())
}

#[tokio::test]
async fn sigterm_under_load_ends_cleanly_and_keeps_every_answered_command() -> Result<()> {
    let (world, company, mut plant) = world("sigterm").await?;
    receive(&plant, "ROLL", "100000").await?;
    let api = plant.api_url()?;
    let client = reqwest::Client::new();
    let mut askers = tokio::task::JoinSet::new();
    for asker in 0..8 {
        let (client, api) = (client.clone(), api.clone());
        askers.spawn(async move {
            let mut answered = 0_u32;
            for step in 0..10_000 {
                let body = json!({ "lot": "ROLL", "quantity": { "amount": "1" } });
                let answer = client
                    .post(format!("{api}/api/v1/lots/consume"))
                    .header("Idempotency-Key", format!("{asker}-{step}"))
                    .json(&body)
                    .send()
                    .await;
                match answer {
                    Ok(answer) if answer.status().is_success() => answered += 1,
                    _ => break,
                }
            }
            answered
        });
    }
    wait::until("a hundred events", LIMIT, async || {
        let status = plant.command(&["status"]).await?;
        Ok(status["ledger"]["head_seq"]
            .as_u64()
            .filter(|seq| *seq > 100))
    })
    .await?;
    plant.stop().await?;
    let answered: u32 = askers.join_all().await.into_iter().sum();
    plant.start().await?;
    let roll = lot_at(&plant, "ROLL").await?.expect("the roll is there");
    let left: u32 = roll["on_hand"]["amount"]
        .as_str()
        .unwrap_or_default()
        .parse()?;
    // A command may have been recorded and its answer cut off; never the other way round.
    assert!(
        100_000 - left >= answered,
        "{answered} answered, {} recorded",
        100_000 - left
    );
    drained(&plant).await?;
    same_ledger(&world.hub, &plant, &company).await?;
    Ok(())
}
