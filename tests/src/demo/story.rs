//! BRIEF Example 1 as a play: one roll of paper from its supplier through three jobs to three
//! customers, a complaint, and a recall, with the hub killed in the middle.
//!
//! Every figure is BRIEF's own: 50,000 sheets, parts of 10,000, 15,000, 20,000 and 5,000, and
//! 200, 500 and 100 sheets of waste.

use agog_jdf::{PrintTicket, TicketMaterial};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::cast::{Cast, LIMIT, lot_at, now, operate, refused, waiting};
use super::checks::same_trace;
use super::say::Narrator;
use crate::support::wait;

/// Plays all of it.
pub(super) async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<()> {
    receive(cast, narrator).await?;
    split_and_first_job(cast, narrator).await?;
    let job = job_on_the_press(cast, narrator).await?;
    let waited = hub_killed(cast, narrator).await?;
    hub_back(cast, narrator, &job, waited).await?;
    ship(cast, narrator).await?;
    complaint(cast, narrator).await?;
    waste(cast, narrator).await?;
    recall(cast, narrator).await?;
    office_movement(cast, narrator).await?;
    telemetry(cast, narrator).await
}

async fn receive(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Receiving: a roll of paper arrives in Hamburg");
    let roll = [
        "--supplier",
        "Acme Paper Co.",
        "--supplier-lot",
        "12345",
        "--material",
        "BOARD-300",
    ];
    operate(
        &cast.hamburg,
        &[
            "lot",
            "receive",
            "--number",
            "LOT-2025-001",
            "--quantity",
            "50000",
            "--unit",
            "sheet",
            "--location",
            "Warehouse-A, Aisle-3, Rack-B, Shelf-2",
            "--quality",
            "moisture=4.2%",
            "--quality",
            "brightness=92",
            "--operator",
            "John Doe",
        ],
        &roll,
    )
    .await?;
    narrator.line("LOT-2025-001: 50,000 sheets from Acme Paper Co., their roll #12345,");
    narrator.line("moisture 4.2 %, brightness 92, in Warehouse-A, Aisle-3, Rack-B, Shelf-2");
    operate(
        &cast.munich,
        &[
            "lot",
            "receive",
            "--number",
            "LOT-2025-002",
            "--quantity",
            "8000",
            "--unit",
            "sheet",
        ],
        &roll,
    )
    .await?;
    narrator.line("LOT-2025-002: Munich gets 8,000 sheets of the same roll");
    operate(
        &cast.berlin,
        &[
            "lot",
            "receive",
            "--number",
            "LOT-2025-001",
            "--quantity",
            "777",
            "--unit",
            "sheet",
        ],
        &["--material", "BOARD-300", "--supplier", "Other Mill"],
    )
    .await?;
    narrator.line("another company in Berlin uses the number LOT-2025-001 for something else");
    cast.drained().await?;
    let lot = cast
        .nordic
        .get(&cast.world.hub, "/api/v1/inventory/lot/LOT-2025-001")
        .await?;
    ensure!(lot["on_hand"]["amount"] == "50000", "the office sees {lot}");
    narrator.holds("the office sees 50,000 sheets of LOT-2025-001");
    Ok(())
}

async fn split_and_first_job(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The roll is split for three jobs; Job-1234 runs on press 1");
    operate(
        &cast.hamburg,
        &[
            "lot",
            "split",
            "LOT-2025-001",
            "--into",
            "LOT-2025-001-A=10000",
            "--into",
            "LOT-2025-001-B=15000",
            "--into",
            "LOT-2025-001-C=20000",
            "--waste",
            "LOT-2025-001-WASTE=5000",
        ],
        &[],
    )
    .await?;
    narrator.line("A 10,000 + B 15,000 + C 20,000 + WASTE 5,000 = 50,000");
    operate(
        &cast.hamburg,
        &["lot", "waste", "LOT-2025-001-WASTE", "--quantity", "5000"],
        &["--reason", "damaged outer layers, disposed"],
    )
    .await?;
    let job = [
        "--job",
        "Job-1234",
        "--order",
        "Order-5001",
        "--customer",
        "ABC Corp",
        "--device",
        "press-1",
        "--operator",
        "Max Meier",
    ];
    let part = "LOT-2025-001-A";
    operate(
        &cast.hamburg,
        &["lot", "consume", part, "--quantity", "9800"],
        &job,
    )
    .await?;
    let waste = [
        "lot",
        "waste",
        part,
        "--quantity",
        "200",
        "--reason",
        "misregistration",
    ];
    operate(&cast.hamburg, &waste, &job).await?;
    let produce = [
        "lot",
        "produce",
        "--material",
        "CARTON-A",
        "--number",
        "FG-5001",
        "--quantity",
        "9800",
    ];
    operate(&cast.hamburg, &produce, &job).await?;
    narrator.line("Job-1234: 9,800 sheets used, 200 wasted (misregistration), output FG-5001");
    let sentence = refused(
        &cast.hamburg,
        &[
            "lot",
            "consume",
            part,
            "--quantity",
            "1",
            "--job",
            "Job-1234",
        ],
    )
    .await?;
    narrator.holds(&format!("one sheet more is refused: {sentence}"));
    Ok(())
}

/// Answers the hub's id of the job.
async fn job_on_the_press(cast: &Cast, narrator: &mut Narrator) -> Result<String> {
    narrator.act("Job-1235 goes from the office to press 3 as a JDF ticket");
    let mut ticket = PrintTicket::new("Job-1235", "1", "press-3", now());
    ticket.description = Some("Cartons for XYZ Inc".to_owned());
    ticket.input = TicketMaterial::named("Board 300 g/m2")
        .amount(15_000.into())
        .lot("LOT-2025-001-B");
    ticket.output = TicketMaterial::named("Printed sheet").amount(14_500.into());
    let jdf = String::from_utf8(ticket.to_bytes()).context("our tickets are UTF-8")?;
    let body = json!({
        "number": "Job-1235", "plant": "HAM", "device": "press-3", "order": "Order-5002",
        "customer": "XYZ Inc", "jdf": jdf, "inputs": ["LOT-2025-001-B"],
        "output": { "number": "FG-5002", "material": "CARTON-B", "unit": "sheet" },
        "waste_reason": "color issues",
    });
    let job = cast
        .nordic
        .post(&cast.world.hub, "/api/v1/jobs", "demo-job-1235", &body)
        .await?
        .ok()?;
    let id = job["id"]
        .as_str()
        .context("the answer names the job's id")?
        .to_owned();
    narrator.line("office → hub → down feed → agent → press 3 (MIME package, SubmitQueueEntry)");
    let path = format!("/api/v1/jobs/{id}");
    wait::until("press 3 to run Job-1235", LIMIT, async || {
        let job = cast.nordic.get(&cast.world.hub, &path).await?;
        Ok((job["job"]["status"] == "running").then_some(()))
    })
    .await?;
    narrator.holds("press 3 signals over JMF that it runs the job");
    Ok(id)
}

/// Answers how many events waited for the hub.
async fn hub_killed(cast: &mut Cast, narrator: &mut Narrator) -> Result<u64> {
    narrator.act("The hub is killed while press 3 runs. The plant goes on");
    cast.world.hub.kill()?;
    narrator.line("kill -9: the hub is gone");
    let job = [
        "--job",
        "Job-1236",
        "--order",
        "Order-5003",
        "--customer",
        "MegaCorp",
        "--device",
        "press-2",
        "--operator",
        "Anna Alt",
    ];
    let part = "LOT-2025-001-C";
    operate(
        &cast.hamburg,
        &["lot", "consume", part, "--quantity", "19900"],
        &job,
    )
    .await?;
    let waste = [
        "lot",
        "waste",
        part,
        "--quantity",
        "100",
        "--reason",
        "normal trim",
    ];
    operate(&cast.hamburg, &waste, &job).await?;
    narrator
        .line("Job-1236 on press 2: 19,900 sheets used, 100 wasted (normal trim), in production");
    wait::until("press 3 to return Job-1235", LIMIT, async || {
        lot_at(&cast.hamburg, "FG-5002").await
    })
    .await?;
    narrator.line("press 3 returns its ticket: 14,500 good, 500 wasted, output FG-5002");
    cast.hamburg.stop().await?;
    cast.hamburg.start().await?;
    narrator.line("the agent is stopped and started, still with no hub: it collects again at once");
    let waited = waiting(&cast.hamburg).await?;
    ensure!(
        waited > 0,
        "nothing waits in the outbox although the hub is away"
    );
    narrator.holds(&format!(
        "every command succeeded; {waited} events wait in Hamburg's outbox"
    ));
    Ok(waited)
}

async fn hub_back(cast: &mut Cast, narrator: &mut Narrator, job: &str, waited: u64) -> Result<()> {
    narrator.act("The hub comes back");
    cast.world.hub.start().await?;
    let took = cast.drained().await?;
    let seconds = took.as_secs_f64();
    narrator.holds(&format!(
        "{waited} events delivered {seconds:.2} s after the hub was ready"
    ));
    let job = cast
        .nordic
        .get(&cast.world.hub, &format!("/api/v1/jobs/{job}"))
        .await?;
    ensure!(
        job["job"]["status"] == "completed",
        "Job-1235 is not completed in the hub: {job}"
    );
    narrator.holds(&format!(
        "Job-1235 is completed in the hub: {} good, {} waste",
        job["job"]["good"].as_str().unwrap_or("?"),
        job["job"]["waste"].as_str().unwrap_or("?")
    ));
    Ok(())
}

async fn ship(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Shipping");
    for (lot, quantity, order, customer) in [
        ("FG-5001", "9800", "Order-5001", "ABC Corp"),
        ("FG-5002", "14500", "Order-5002", "XYZ Inc"),
    ] {
        let ship = ["lot", "ship", lot, "--quantity", quantity];
        operate(
            &cast.hamburg,
            &ship,
            &["--order", order, "--customer", customer],
        )
        .await?;
        narrator.line(&format!("{lot}: {quantity} to {customer} ({order})"));
    }
    cast.drained().await?;
    Ok(())
}

async fn complaint(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("XYZ Inc complains of colour banding: what are its cartons made of?");
    let trace = same_trace(
        &cast.world.hub,
        &cast.hamburg,
        &cast.nordic,
        "FG-5002",
        "backward",
    )
    .await?;
    narrator.block(&trace.render_text());
    let roll = trace
        .lots
        .iter()
        .any(|lot| lot.attributes.supplier_lot.as_deref() == Some("12345"));
    ensure!(
        roll,
        "the backward trace does not reach the supplier's roll"
    );
    narrator.holds("the trace reaches press 3 and the supplier's roll #12345");
    narrator.holds("`agog-edge lot trace FG-5002 --backward` gives the same tree");
    Ok(())
}

async fn waste(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Is it the paper or the press?");
    let period = now().strftime("%Y-%m").to_string();
    let path = format!("/api/v1/inventory/waste-analysis?period={period}");
    let analysis = cast.nordic.get(&cast.world.hub, &path).await?;
    let presses: Vec<&Value> = analysis["views"]["by_press"]
        .as_array()
        .with_context(|| format!("no waste by press: {analysis}"))?
        .iter()
        .filter(|row| row["key"].is_string())
        .collect();
    let cell = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = presses
        .iter()
        .map(|row| {
            let percent = format!("{} %", cell(row, "percent"));
            let mark = if row["outlier"] == true {
                "stands out"
            } else {
                ""
            };
            vec![
                cell(row, "key"),
                cell(row, "consumed"),
                cell(row, "wasted"),
                percent,
                mark.to_owned(),
            ]
        })
        .collect();
    narrator.table(&["press", "used", "wasted", "share", ""], &rows);
    let outliers: Vec<&Value> = presses
        .iter()
        .filter(|row| row["outlier"] == true)
        .map(|row| &row["key"])
        .collect();
    ensure!(
        outliers == ["press-3"],
        "press 3 alone should stand out, not {outliers:?}"
    );
    narrator.holds("press 3 stands out, with the same paper as the others: check its rollers");
    Ok(())
}

async fn recall(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The supplier recalls roll #12345: where did it go?");
    let trace = same_trace(
        &cast.world.hub,
        &cast.hamburg,
        &cast.nordic,
        "LOT-2025-001",
        "forward",
    )
    .await?;
    narrator.block(&trace.render_text());
    let uses = || trace.lots.iter().flat_map(|lot| &lot.uses);
    for (order, customer) in [
        ("Order-5001", "ABC Corp"),
        ("Order-5002", "XYZ Inc"),
        ("Order-5003", "MegaCorp"),
    ] {
        let reached = uses().any(|used| {
            used.order.as_deref() == Some(order) && used.customer.as_deref() == Some(customer)
        });
        ensure!(reached, "the recall does not reach {customer} ({order})");
    }
    narrator.holds("reached: ABC Corp and XYZ Inc (shipped), MegaCorp (in production), the waste");
    for (plant, lot) in [("HAM", "LOT-2025-001-C"), ("MUC", "LOT-2025-002")] {
        let path = format!("/api/v1/inventory/lot/{lot}/hold?plant={plant}");
        let body = json!({ "reason": "supplier recall of roll 12345" });
        cast.nordic
            .post(&cast.world.hub, &path, &format!("demo-hold-{lot}"), &body)
            .await?
            .ok()?;
        narrator.line(&format!("the office holds {lot} in {plant}"));
    }
    for (plant, lot) in [
        (&cast.munich, "LOT-2025-002"),
        (&cast.hamburg, "LOT-2025-001-C"),
    ] {
        wait::until(
            &format!("the hold on {lot} to reach {}", plant.code),
            LIMIT,
            async || {
                let lot = lot_at(plant, lot).await?;
                Ok(lot.filter(|lot| {
                    lot["holds"]
                        .as_array()
                        .is_some_and(|holds| !holds.is_empty())
                }))
            },
        )
        .await?;
    }
    let use_it = [
        "lot",
        "consume",
        "LOT-2025-002",
        "--quantity",
        "10",
        "--job",
        "Job-2001",
    ];
    let sentence = refused(&cast.munich, &use_it).await?;
    narrator.holds(&format!("Munich refuses to use it: {sentence}"));
    let own = cast
        .rival
        .get(&cast.world.hub, "/api/v1/inventory/lot/LOT-2025-001")
        .await?;
    ensure!(
        own["on_hand"]["amount"] == "777",
        "the other company sees {own}"
    );
    let foreign = cast
        .world
        .hub
        .get(
            &cast.rival.token,
            "/api/v1/inventory/lot/FG-5002/backward-trace",
        )
        .await?;
    ensure!(
        foreign.status == 404,
        "the other company gets {} for FG-5002",
        foreign.status
    );
    narrator.holds("Rival Cartons sees its own LOT-2025-001, and 404 for the rest");
    Ok(())
}

async fn office_movement(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The office sets aside a sample of a new lot in Munich");
    operate(
        &cast.munich,
        &[
            "lot",
            "receive",
            "--number",
            "LOT-2025-003",
            "--quantity",
            "1000",
            "--unit",
            "sheet",
        ],
        &["--material", "BOARD-300", "--supplier", "Other Mill"],
    )
    .await?;
    cast.drained().await?;
    let body = json!({
        "parts": [{ "number": "LOT-2025-003-S", "quantity": { "amount": "50", "unit": "sheet" } }]
    });
    let path = "/api/v1/inventory/lot/LOT-2025-003/split";
    for _ in 0..2 {
        cast.nordic
            .post(&cast.world.hub, path, "demo-sample", &body)
            .await?
            .ok()?;
    }
    narrator.line("POST …/lot/LOT-2025-003/split, sent twice with one Idempotency-Key");
    wait::until("the split to reach Munich", LIMIT, async || {
        lot_at(&cast.munich, "LOT-2025-003-S").await
    })
    .await?;
    operate(
        &cast.munich,
        &["lot", "consume", "LOT-2025-003-S", "--quantity", "5"],
        &["--job", "Lab-1", "--operator", "Lea Lang"],
    )
    .await?;
    cast.drained().await?;
    same_trace(
        &cast.world.hub,
        &cast.munich,
        &cast.nordic,
        "LOT-2025-003",
        "forward",
    )
    .await?;
    narrator.holds("Munich has the sample over the down feed, once, and uses 5 sheets of it");
    Ok(())
}

async fn telemetry(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Telemetry of press 3");
    let equipment = cast
        .nordic
        .get(&cast.world.hub, "/api/v1/equipment")
        .await?;
    let press = equipment["items"]
        .as_array()
        .context("equipment has items")?
        .iter()
        .find(|device| device["code"] == "press-3")
        .with_context(|| format!("press 3 is not there: {equipment}"))?;
    let id = press["id"].as_str().context("a device has an id")?;
    narrator.line(&format!(
        "press 3 is {}",
        press["state"].as_str().unwrap_or("unknown")
    ));
    let path = format!("/api/v1/equipment/{id}/telemetry?metric=speed&resolution=raw");
    let points = wait::until("samples of its speed in the hub", LIMIT, async || {
        let series = cast.nordic.get(&cast.world.hub, &path).await?;
        Ok(series["points"]
            .as_array()
            .filter(|points| !points.is_empty())
            .cloned())
    })
    .await?;
    let top = points
        .iter()
        .filter_map(|point| point["value"].as_f64())
        .fold(0.0, f64::max);
    ensure!(top > 0.0, "press 3 never moved, says its telemetry");
    narrator.holds(&format!(
        "{} samples of its speed, at most {top:.0} sheets/h",
        points.len()
    ));
    Ok(())
}
