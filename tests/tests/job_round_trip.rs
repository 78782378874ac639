//! A ticket from the office to a press and back, with things going wrong on the way.

use agog_jdf::{PrintTicket, TicketMaterial};
use agog_tests::demo::cast::{Company, LIMIT, drained, lot_at, materials, now};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities, same_trace};
use agog_tests::support::hub::Hub;
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::press::Press;
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

async fn world(name: &str, speed_up: &str) -> Result<(World, Company, Plant, Press)> {
    let world = World::start(name).await?;
    let company = Company::found(&world.hub, "Nordic Packaging").await?;
    let press = world
        .press("press-3", &["--speed-up", speed_up, "--seed", "3"])
        .await?;
    let materials = materials();
    let presses = [press];
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &materials,
        presses: &presses,
    };
    let plant = world.plant(&company.tenant, &plan).await?;
    let roll = [
        "lot",
        "receive",
        "--number",
        "ROLL",
        "--material",
        "BOARD-300",
    ];
    plant
        .command(&[&roll[..], &["--quantity", "20000"]].concat())
        .await?;
    drained(&plant).await?;
    let [press] = presses;
    Ok((world, company, plant, press))
}

async fn send_job(hub: &Hub, company: &Company, number: &str) -> Result<String> {
    let mut ticket = PrintTicket::new(number, "1", "press-3", now());
    ticket.input = TicketMaterial::named("Board")
        .amount(1_000.into())
        .lot("ROLL");
    ticket.output = TicketMaterial::named("Printed sheet").amount(960.into());
    let body = json!({
        "number": number, "plant": "HAM", "device": "press-3", "order": "Order-1",
        "customer": "XYZ Inc", "jdf": String::from_utf8(ticket.to_bytes())?, "inputs": ["ROLL"],
        "output": { "number": format!("FG-{number}"), "material": "CARTON-B", "unit": "sheet" },
        "waste_reason": "make-ready",
    });
    let job = company
        .post(hub, "/api/v1/jobs", number, &body)
        .await?
        .ok()?;
    Ok(job["id"].as_str().context("a job has an id")?.to_owned())
}

async fn status_of(hub: &Hub, company: &Company, id: &str) -> Result<Value> {
    Ok(company.get(hub, &format!("/api/v1/jobs/{id}")).await?["job"].take())
}

async fn until_status(hub: &Hub, company: &Company, id: &str, status: &str) -> Result<Value> {
    wait::until(&format!("the job to be {status}"), LIMIT, async || {
        let job = status_of(hub, company, id).await?;
        Ok((job["status"] == status).then_some(job))
    })
    .await
}

#[tokio::test]
async fn a_returned_ticket_books_exactly_what_the_press_used_and_made() -> Result<()> {
    let (world, company, plant, _press) = world("round_trip", "2000").await?;
    let id = send_job(&world.hub, &company, "J1").await?;
    let job = until_status(&world.hub, &company, &id, "completed").await?;
    assert_eq!(
        (&job["good"], &job["waste"]),
        (&json!("960"), &json!("40")),
        "{job}"
    );
    let roll = lot_at(&plant, "ROLL").await?.context("the roll")?;
    assert_eq!(roll["on_hand"]["amount"], "19000");
    let output = lot_at(&plant, "FG-J1").await?.context("the output")?;
    assert_eq!(output["on_hand"]["amount"], "960");
    let trace = same_trace(&world.hub, &plant, &company, "ROLL", "forward").await?;
    let uses: Vec<_> = trace
        .lots
        .iter()
        .flat_map(|lot| &lot.uses)
        .map(|used| {
            (
                used.kind.as_str(),
                used.quantity.amount.to_string(),
                used.job.as_deref(),
                used.device.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        uses,
        [
            ("consumed", "960".to_owned(), Some("J1"), Some("press-3")),
            ("wasted", "40".to_owned(), Some("J1"), Some("press-3")),
        ]
    );
    books_balance(&world.hub, &company).await?;
    Ok(())
}

#[tokio::test]
async fn a_ticket_waits_for_a_press_that_is_away() -> Result<()> {
    let (world, company, plant, mut press) = world("press_away", "2000").await?;
    press.kill()?;
    let id = send_job(&world.hub, &company, "J1").await?;
    wait::until("the ticket to reach the plant", LIMIT, async || {
        let status = plant.command(&["status"]).await?;
        Ok((status["ledger"]["jobs_open"] == 1).then_some(()))
    })
    .await?;
    press.start_again().await?;
    until_status(&world.hub, &company, &id, "completed").await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_killed_while_the_press_runs_books_the_return_once() -> Result<()> {
    let (world, company, mut plant, _press) = world("agent_killed", "200").await?;
    let id = send_job(&world.hub, &company, "J1").await?;
    until_status(&world.hub, &company, &id, "running").await?;
    plant.kill()?;
    plant.start().await?;
    until_status(&world.hub, &company, &id, "completed").await?;
    drained(&plant).await?;
    let roll = lot_at(&plant, "ROLL").await?.context("the roll")?;
    assert_eq!(roll["on_hand"]["amount"], "19000");
    same_ledger(&world.hub, &plant, &company).await?;
    same_quantities(&world.hub, &plant, &company).await?;
    Ok(())
}
