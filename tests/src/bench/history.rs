//! An agent with years behind it: how fast it starts, traces and proves its ledger.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::figures::{Figures, Row};
use super::measure::{LIMIT, rate};
use crate::support::folder::Folder;
use crate::support::plant::Plant;
use crate::support::process::Program;
use crate::support::wait;

/// What a usual run takes the time for: a busy plant's year or two.
pub(super) const EVENTS: usize = 1_000_000;

/// Events of one job, of which a third are movements of lots: see `edge-agent/examples/history.rs`.
const JOB_EVENTS: usize = 30;
/// Its roll, what was split off, what was spoilt with it, and the cartons.
const JOB_LOTS: usize = 4;

/// Starts, and traces of different rolls.
const STARTS: usize = 5;
const TRACES: usize = 200;

/// Measures an agent without a hub that has recorded so many events.
pub(super) async fn measure(events: usize) -> Result<Vec<Row>> {
    let folder = Folder::new("history")?;
    let mut plant = Plant::alone(folder.join("plant"), "HAM", |config| config).await?;
    plant.start().await?;
    plant.stop().await?;
    let file = plant.data_dir().join("ledger.db");
    let start = Instant::now();
    Program::ours("examples/history")?
        .args([file.as_os_str(), events.to_string().as_ref()])
        .within(LIMIT)
        .output()
        .await?;
    let filled = start.elapsed();
    let bytes = std::fs::metadata(&file).context("no ledger")?.len();

    let http = reqwest::Client::builder().timeout(LIMIT).build()?;
    let mut starts = Vec::with_capacity(STARTS);
    for round in 0..STARTS {
        let start = Instant::now();
        plant.start().await?;
        let url = format!("{}/healthz", plant.api_url()?);
        wait::until("the agent to be healthy", LIMIT, async || {
            let answer = http.get(&url).send().await;
            Ok(answer
                .is_ok_and(|answer| answer.status().is_success())
                .then_some(()))
        })
        .await?;
        starts.push(start.elapsed());
        if round + 1 < STARTS {
            plant.stop().await?;
        }
    }
    let jobs = events / JOB_EVENTS;
    ensure!(jobs >= TRACES, "too few events for {TRACES} traces");
    let mut traces = Vec::with_capacity(TRACES);
    for index in 0..TRACES {
        let roll = format!("R{}", index * (jobs / TRACES));
        let url = format!(
            "{}/api/v1/lots/{roll}/trace?direction=forward",
            plant.api_url()?
        );
        let start = Instant::now();
        let answer: Value = http
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        traces.push(start.elapsed());
        let lots = answer["lots"].as_array().map_or(0, Vec::len);
        ensure!(lots == JOB_LOTS, "the trace of {roll} has {lots} lots");
    }
    plant.stop().await?;
    let start = Instant::now();
    let verify = plant.program()?.args(["ledger", "verify", "--json"]);
    let proof = verify.within(LIMIT).output().await?;
    let verified = start.elapsed();
    let proof: Value = serde_json::from_str(&proof).context("the proof is not JSON")?;
    ensure!(
        proof["problem_count"] == 0 && proof["events"] == events,
        "the ledger is not proven: {proof}"
    );
    let mebibytes = bytes / (1024 * 1024);
    Ok(vec![
        Row::new(
            format!("history: {events} events, a third of lots, recorded in groups"),
            format!("{:.0} events/s, {mebibytes} MiB", rate(events, filled)),
            "",
        ),
        Row::new(
            "history: agent ready to collect",
            Figures::of(starts).text(),
            "goal 2,000 ms",
        ),
        Row::new(
            "history: trace of a roll, HTTP and JSON included",
            Figures::of(traces).text(),
            "goal 10 ms",
        ),
        Row::new(
            "history: ledger verify",
            format!(
                "{:.0} events/s, {:.1} s",
                rate(events, verified),
                verified.as_secs_f64()
            ),
            "goal 300,000",
        ),
    ])
}
