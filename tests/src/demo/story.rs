//! BRIEF Example 1 as a play: one roll of paper from its supplier through three jobs to three
//! customers, a complaint, and a recall, with the hub killed in the middle.
//!
//! Every figure is BRIEF's own: 50,000 sheets, parts of 10,000, 15,000, 20,000 and 5,000, and
//! 200, 500 and 100 sheets of waste.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::cast::Cast;
use super::say::Narrator;
use super::{checks, ticket};
use crate::support::wait::wait_for;

/// The month of the waste analysis: whatever happens in the play happens now.
fn this_month(cast: &Cast) -> String {
    cast.now().strftime("%Y-%m").to_string()
}

/// Plays all of it.
pub async fn play(cast: &mut Cast, narrator: &mut Narrator) -> Result<()> {
    receive(cast, narrator).await?;
    split_and_first_job(cast, narrator).await?;
    job_on_the_press(cast, narrator).await?;
    hub_killed(cast, narrator).await?;
    hub_back(cast, narrator).await?;
    ship(cast, narrator).await?;
    complaint(cast, narrator).await?;
    waste(cast, narrator).await?;
    recall(cast, narrator).await?;
    office_movement(cast, narrator).await?;
    telemetry(cast, narrator).await?;
    narrator.act("Do agent and hub agree?");
    checks::all(cast, narrator).await
}

async fn receive(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Receiving: a roll of paper arrives in Hamburg");
    let receive = [
        "lot", "receive", "--number", "LOT-2025-001", "--material", "BOARD-300",
        "--quantity", "50000", "--unit", "sheet",
        "--supplier", "Acme Paper Co.", "--supplier-lot", "12345",
        "--location", "Warehouse-A, Aisle-3, Rack-B, Shelf-2",
        "--quality", "moisture=4.2%", "--quality", "brightness=92", "--quality", "inspector=John Doe",
    ];
    cast.hamburg.edge(&receive).await?;
    narrator.line("LOT-2025-001: 50,000 sheets, Acme Paper Co., their roll #12345, moisture 4.2 %, brightness 92");
    narrator.line("Munich receives another pallet of the same roll, Berlin belongs to another company");
    cast.munich
        .edge(&[
            "lot", "receive", "--number", "LOT-2025-002", "--material", "BOARD-300",
            "--quantity", "8000", "--unit", "sheet",
            "--supplier", "Acme Paper Co.", "--supplier-lot", "12345",
        ])
        .await?;
    // The rival happens to use the same lot number for something else.
    cast.berlin
        .edge(&[
            "lot", "receive", "--number", "LOT-2025-001", "--material", "BOARD-300",
            "--quantity", "777", "--unit", "sheet", "--supplier", "Other Mill",
        ])
        .await?;
    cast.wait_until_delivered().await?;
    let lot = cast.nordic.get("/api/v1/inventory/lot/LOT-2025-001").await?;
    narrator.holds(&format!("the office sees it: {}", brief(&lot)));
    Ok(())
}

async fn split_and_first_job(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The roll is split for three jobs; Job-1234 runs on press 1");
    cast.hamburg
        .edge(&[
            "lot", "split", "LOT-2025-001",
            "--into", "LOT-2025-001-A=10000", "--into", "LOT-2025-001-B=15000",
            "--into", "LOT-2025-001-C=20000", "--waste", "LOT-2025-001-WASTE=5000",
        ])
        .await?;
    narrator.line("A 10,000 + B 15,000 + C 20,000 + WASTE 5,000 = 50,000");
    cast.hamburg
        .edge(&["lot", "waste", "LOT-2025-001-WASTE", "--quantity", "5000", "--reason", "damaged outer layers, disposed"])
        .await?;
    let job = [
        "--job", "Job-1234", "--order", "Order-5001", "--customer", "ABC Corp",
        "--device", "press-1", "--operator", "Max Meier",
    ];
    cast.hamburg.edge_with(&["lot", "consume", "LOT-2025-001-A", "--quantity", "9800"], &job).await?;
    cast.hamburg
        .edge_with(&["lot", "waste", "LOT-2025-001-A", "--quantity", "200", "--reason", "misregistration"], &job)
        .await?;
    cast.hamburg
        .edge_with(&["lot", "produce", "--material", "CARTON-A", "--number", "FG-5001", "--quantity", "9800"], &job)
        .await?;
    narrator.line("Job-1234: 9,800 sheets used, 200 wasted (misregistration), carton lot FG-5001");
    let refused = cast
        .hamburg
        .edge_refused(&["lot", "consume", "LOT-2025-001-A", "--quantity", "1", "--job", "Job-1234"])
        .await?;
    narrator.holds(&format!("one sheet more is refused: {refused}"));
    Ok(())
}

async fn job_on_the_press(cast: &mut Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Job-1235 goes from the office to press 3 as a JDF ticket");
    let jdf = ticket::offset_ticket("Job-1235", "Folding cartons for XYZ Inc", "press-3", "LOT-2025-001-B", 15_000, 14_500)?;
    let job = cast
        .nordic
        .post(
            "/api/v1/jobs",
            &json!({
                "number": "Job-1235", "plant": "HAM", "device": "press-3",
                "order": "Order-5002", "customer": "XYZ Inc", "jdf": jdf,
                "inputs": ["LOT-2025-001-B"],
                "output": { "number": "FG-5002", "material": { "code": "CARTON-B", "name": "Carton B", "base_unit": "piece" } },
                "waste_reason": "color issues",
            }),
        )
        .await?;
    let id = job["id"].as_str().context("the answer names the job's id")?.to_owned();
    narrator.line("the ticket travels: office → hub → down feed → agent → press 3 (MIME package, SubmitQueueEntry)");
    let path = format!("/api/v1/jobs/{id}");
    wait_for("press 3 to run Job-1235", cast.limit(), async || {
        let job = cast.nordic.get(&path).await?;
        Ok((job["status"] == "running").then_some(()))
    })
    .await?;
    cast.job_id = Some(id);
    narrator.holds("press 3 signals that it runs the job");
    Ok(())
}

async fn hub_killed(cast: &mut Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The hub is killed while press 3 runs. The plant goes on");
    cast.kill_hub().await?;
    narrator.line("kill -9: the hub is gone");
    let job = [
        "--job", "Job-1236", "--order", "Order-5003", "--customer", "MegaCorp",
        "--device", "press-2", "--operator", "Anna Alt",
    ];
    cast.hamburg.edge_with(&["lot", "consume", "LOT-2025-001-C", "--quantity", "19900"], &job).await?;
    cast.hamburg
        .edge_with(&["lot", "waste", "LOT-2025-001-C", "--quantity", "100", "--reason", "normal trim"], &job)
        .await?;
    narrator.line("Job-1236 on press 2: 19,900 sheets used, 100 wasted (normal trim), still in production");
    wait_for("press 3 to return Job-1235 to the agent", cast.limit(), async || {
        let lots = cast.hamburg.edge(&["lot", "list"]).await?;
        Ok(find_lot(&lots, "FG-5002").is_some().then_some(()))
    })
    .await?;
    narrator.line("press 3 returns its ticket to the agent: 14,500 good, 500 waste (color issues), carton lot FG-5002");
    cast.hamburg.restart().await?;
    narrator.line("the agent is stopped and started again, with no hub: it is collecting again at once");
    let status = cast.hamburg.edge(&["status"]).await?;
    let waiting = waiting_events(&status)?;
    ensure!(waiting > 0, "nothing waits in the outbox although the hub is away: {status}");
    cast.waiting_offline = waiting;
    narrator.holds(&format!("every command succeeded; {waiting} events wait in Hamburg's outbox"));
    Ok(())
}

async fn hub_back(cast: &mut Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The hub comes back");
    let seconds = cast.start_hub_and_drain().await?;
    narrator.holds(&format!(
        "{} events delivered {seconds:.2} s after the hub answered again",
        cast.waiting_offline
    ));
    let id = cast.job_id.clone().context("job B was created")?;
    let job = cast.nordic.get(&format!("/api/v1/jobs/{id}")).await?;
    ensure!(job["status"] == "completed", "Job-1235 is not completed in the hub: {job}");
    narrator.holds("Job-1235 is completed in the hub");
    Ok(())
}

async fn ship(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Shipping");
    for (lot, quantity, order, customer) in
        [("FG-5001", "9800", "Order-5001", "ABC Corp"), ("FG-5002", "14500", "Order-5002", "XYZ Inc")]
    {
        cast.hamburg
            .edge(&["lot", "ship", lot, "--quantity", quantity, "--order", order, "--customer", customer])
            .await?;
        narrator.line(&format!("{lot}: {quantity} cartons to {customer} ({order})"));
    }
    cast.wait_until_delivered().await
}

async fn complaint(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("A customer reports colour banding: where do the cartons come from?");
    let trace = cast.nordic.get("/api/v1/inventory/lot/FG-5002/backward-trace").await?;
    narrator.block(&checks::render(&trace)?);
    let supplier = trace["lots"]
        .as_array()
        .context("a trace lists its lots")?
        .iter()
        .any(|lot| lot["attributes"]["supplier_lot"] == "12345");
    ensure!(supplier, "the backward trace does not reach the supplier's roll");
    narrator.holds("the trace reaches the supplier's roll #12345, press 3 and its operator");
    checks::same_trace(cast, "FG-5002", "backward").await?;
    narrator.holds("the agent prints the same tree (`agog-edge lot trace FG-5002 --direction backward`)");
    Ok(())
}

async fn waste(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Is it the paper or the press?");
    let period = this_month(cast);
    let analysis = cast.nordic.get(&format!("/api/v1/inventory/waste-analysis?period={period}")).await?;
    let presses = checks::waste_by_device(&analysis)?;
    let rows: Vec<Vec<String>> = presses
        .iter()
        .map(|press| {
            vec![
                press.device.clone(),
                press.used.to_string(),
                press.wasted.to_string(),
                format!("{} %", press.percent.round_dp(1)),
            ]
        })
        .collect();
    narrator.table(&["press", "sheets", "waste", "share"], &rows);
    let worst = presses.iter().max_by_key(|press| press.percent).context("there is waste")?;
    ensure!(worst.device == "press-3", "press 3 should stand out, not {}", worst.device);
    narrator.holds(&format!("press 3 stands out ({} %): look at its rollers, not at the paper", worst.percent.round_dp(1)));
    Ok(())
}

async fn recall(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The supplier recalls roll #12345: where did it go?");
    let trace = cast.nordic.get("/api/v1/inventory/lot/LOT-2025-001/forward-trace").await?;
    narrator.block(&checks::render(&trace)?);
    let text = trace.to_string();
    for must in ["Order-5001", "ABC Corp", "Order-5002", "XYZ Inc", "Order-5003", "MegaCorp"] {
        ensure!(text.contains(must), "the recall does not reach {must}");
    }
    narrator.holds("reached: ABC Corp and XYZ Inc (shipped), MegaCorp (in production), the disposed part");
    checks::same_trace(cast, "LOT-2025-001", "forward").await?;
    narrator.holds("the agent prints the same tree");
    for (plant, lot) in [("HAM", "LOT-2025-001-C"), ("MUC", "LOT-2025-002")] {
        cast.nordic
            .post(
                &format!("/api/v1/inventory/lot/{lot}/hold?plant={plant}"),
                &json!({ "reason": "supplier recall of roll #12345" }),
            )
            .await?;
        narrator.line(&format!("the office holds {lot} ({plant})"));
    }
    wait_for("the hold to reach Munich", cast.limit(), async || {
        let lots = cast.munich.edge(&["lot", "list"]).await?;
        Ok(find_lot(&lots, "LOT-2025-002").filter(is_held).map(|_| ()))
    })
    .await?;
    let refused = cast
        .munich
        .edge_refused(&["lot", "consume", "LOT-2025-002", "--quantity", "10", "--job", "Job-2001"])
        .await?;
    narrator.holds(&format!("Munich refuses to use it: {refused}"));
    for lot in ["FG-5002", "LOT-2025-002"] {
        let status = cast.rival.status(&format!("/api/v1/inventory/lot/{lot}/forward-trace")).await?;
        ensure!(status == 404, "the rival company got {status} for {lot}");
    }
    let own = cast.rival.get("/api/v1/inventory/lot/LOT-2025-001").await?;
    ensure!(own.to_string().contains("777"), "the rival does not see its own lot: {own}");
    narrator.holds("the other company gets 404 for these lots, and its own lot under the same number");
    Ok(())
}

async fn office_movement(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("The office sets aside a sample in Munich");
    cast.munich
        .edge(&["lot", "receive", "--number", "LOT-2025-003", "--material", "BOARD-300", "--quantity", "1000", "--unit", "sheet", "--supplier", "Other Mill"])
        .await?;
    cast.wait_until_delivered().await?;
    cast.nordic
        .post(
            "/api/v1/inventory/lot/LOT-2025-003/split",
            &json!({ "parts": [{ "number": "LOT-2025-003-S", "quantity": { "amount": "50", "unit": "sheet" } }] }),
        )
        .await?;
    wait_for("the office's split to reach Munich", cast.limit(), async || {
        let lots = cast.munich.edge(&["lot", "list"]).await?;
        Ok(find_lot(&lots, "LOT-2025-003-S").map(|_| ()))
    })
    .await?;
    cast.munich
        .edge(&["lot", "consume", "LOT-2025-003-S", "--quantity", "5", "--job", "Lab-1"])
        .await?;
    narrator.holds("the plant got LOT-2025-003-S over the down feed and used 5 sheets of it");
    cast.wait_until_delivered().await
}

async fn telemetry(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Telemetry of press 3");
    let (samples, newest) = checks::telemetry_of(cast, "press-3", "speed").await?;
    narrator.holds(&format!("{samples} samples of its speed in the hub, the newest {newest} sheets/h"));
    Ok(())
}

fn brief(lot: &Value) -> String {
    format!("{} {}", lot["number"].as_str().unwrap_or("?"), checks::on_hand_text(lot))
}

pub(super) fn find_lot<'a>(lots: &'a Value, number: &str) -> Option<&'a Value> {
    checks::items(lots).into_iter().find(|lot| checks::number_of(lot) == Some(number))
}

fn is_held(lot: &&Value) -> bool {
    lot["held"] == true || lot["holds"].as_array().is_some_and(|holds| !holds.is_empty())
}

fn waiting_events(status: &Value) -> Result<u64> {
    status["outbox"]["waiting"]
        .as_u64()
        .or_else(|| status["waiting"].as_u64())
        .with_context(|| format!("the status says how many events wait: {status}"))
}
