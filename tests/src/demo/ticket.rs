//! `make demo TICKET=file`: any JDF ticket, from the office to the press and back.

use std::path::Path;

use agog_jdf::{Document, Limits};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::cast::{Cast, LIMIT, lot_at, operate};
use super::checks;
use super::say::Narrator;
use crate::support::wait;

/// More than any ticket of the field asks for.
const SHEETS: &str = "10000000";

/// Runs the ticket at `path`, or says why it cannot run.
pub(super) async fn play(cast: &Cast, narrator: &mut Narrator, path: &Path) -> Result<()> {
    narrator.act(&format!("The ticket {}", path.display()));
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let document = Document::parse(&bytes, &Limits::default())
        .with_context(|| format!("`{}` is not a ticket", path.display()))?;
    let jdf = String::from_utf8(bytes).with_context(|| {
        format!(
            "`{}` is not UTF-8, which the jobs API takes",
            path.display()
        )
    })?;
    narrator.line(&format!("root element {}", document.root().name()));
    operate(
        &cast.hamburg,
        &[
            "lot",
            "receive",
            "--number",
            "PAPER",
            "--material",
            "BOARD-300",
            "--quantity",
            SHEETS,
        ],
        &["--supplier", "Acme Paper Co."],
    )
    .await?;
    cast.drained().await?;
    let body = json!({
        "number": "TICKET-1", "plant": "HAM", "device": "press-3", "jdf": jdf,
        "inputs": ["PAPER"],
        "output": { "number": "OUTPUT", "material": "CARTON-A", "unit": "sheet" },
    });
    let answer = cast
        .nordic
        .post(&cast.world.hub, "/api/v1/jobs", "demo-ticket", &body)
        .await?;
    if answer.status == 422 {
        bail!(
            "the hub does not take this ticket: {}",
            text(&answer.body["detail"])
        );
    }
    let job = answer.ok()?;
    let id = job["id"]
        .as_str()
        .context("the answer names the job's id")?;
    narrator.line("the hub takes the ticket; it travels to the plant and into the press's queue");
    let path = format!("/api/v1/jobs/{id}");
    let answer = wait::until("the press to return the ticket", LIMIT, async || {
        let answer = cast.nordic.get(&cast.world.hub, &path).await?;
        let ended = ["job.completed", "job.aborted", "job.refused"];
        let ended = ended.iter().any(|kind| has_step(&answer, kind));
        Ok(ended.then_some(answer))
    })
    .await?;
    let job = &answer["job"];
    if !has_step(&answer, "job.completed") {
        bail!("press 3 {}: {}", text(&job["status"]), last_words(&answer));
    }
    if job["status"] != "completed" {
        narrator.line("the ticket has more steps, which are for other devices: the job goes on");
    }
    narrator.holds(&format!(
        "completed: {} good, {} waste",
        text(&job["good"]),
        text(&job["waste"])
    ));
    if lot_at(&cast.hamburg, "OUTPUT").await?.is_none() {
        ensure!(
            job["good"] == "0",
            "the press made {} and no lot came out of it: {}",
            text(&job["good"]),
            last_words(&answer)
        );
        narrator
            .line("the node that ran makes nothing that is counted, so there is no lot to trace");
        return Ok(());
    }
    let trace = checks::same_trace(
        &cast.world.hub,
        &cast.hamburg,
        &cast.nordic,
        "OUTPUT",
        "backward",
    )
    .await?;
    narrator.block(&trace.render_text());
    Ok(())
}

fn has_step(answer: &Value, kind: &str) -> bool {
    let timeline = answer["timeline"].as_array().map_or(&[][..], Vec::as_slice);
    timeline.iter().any(|step| step["kind"] == kind)
}

/// Why a job ended as it did, in the words of the device or the agent.
fn last_words(answer: &Value) -> String {
    let timeline = answer["timeline"].as_array().map_or(&[][..], Vec::as_slice);
    let details = timeline
        .iter()
        .rev()
        .filter_map(|step| step["detail"]["detail"].as_str());
    details
        .map(str::to_owned)
        .next()
        .unwrap_or_else(|| answer.to_string())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
