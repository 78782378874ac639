//! A day of a plant with five presses, in fast motion: faults on every line, programs killed at seeded
//! moments. In the end the hub knows every good and wasted sheet that the presses made, and no other.
//!
//! `AGOG_SEED` plays another day; a day that fails prints its seed.

use std::time::Duration;

use agog_jdf::{PrintTicket, TicketMaterial};
use agog_tests::demo::cast::{Company, LIMIT, drained, materials, now};
use agog_tests::demo::checks::{books_balance, same_ledger, same_quantities};
use agog_tests::support::hub::Hub;
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::press::Press;
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

/// Each with the process that it runs.
const PRESSES: [(&str, &str); 5] = [
    ("offset", "ConventionalPrinting"),
    ("die-cutter", "ShapeCutting"),
    ("folder-gluer", "BoxFolding"),
    ("label", "ConventionalPrinting"),
    ("slitter", "Cutting"),
];
const JOBS_PER_PRESS: usize = 3;
/// An hour in a second.
const SPEED_UP: &str = "3600";
/// Every line is bad, and every press has a clock of its own. Late signals are late by the wall clock.
const FAULTS: &str = r#"{"drop_answers": 0.1, "http_500": 0.05, "missing_ref_id": 0.1, "drop_signals": 0.1,
    "repeat_signals": 0.1, "reorder_signals": 0.1, "delay_signals": 0.05, "delay_signal_ms": 150,
    "malformed_returns": 0.3, "malformed_as": "any", "abort_late": 0.2}"#;
/// A day that takes longer has got stuck.
const DAY_LIMIT: Duration = Duration::from_mins(3);
const KILLS: usize = 5;
/// Drawn on the shortest day when every third job is aborted early.
const SHEETS_LEAST: u64 = 50_000;

struct Day {
    world: World,
    company: Company,
    plant: Plant,
    presses: Vec<Press>,
    http: reqwest::Client,
    rng: StdRng,
}

impl Day {
    async fn begin(seed: u64) -> Result<Self> {
        let world = World::start("five_presses").await?;
        let company = Company::found(&world.hub, "Nordic Packaging").await?;
        let mut presses = Vec::new();
        for ((profile, _), n) in PRESSES.iter().zip(1_u64..) {
            let seed = (seed * 10 + n).to_string();
            let state = world.folder().join(format!("{profile}.state"));
            let state = state.to_str().context("a folder with a plain name")?;
            let faults = with_clock(n)?;
            let options = [
                "--profile",
                profile,
                "--speed-up",
                SPEED_UP,
                "--seed",
                &seed,
                "--faults",
                &faults,
                "--state-dir",
                state,
            ];
            let press = world.press(profile, &options).await?;
            // The tickets say little more than amounts; what the machines miss in them is not the point.
            let settings = [
                "heartbeat_s = 1",
                "first_retry_ms = 100",
                "check_capability = \"off\"",
            ];
            presses.push(press.with_settings(&settings));
        }
        let materials = materials();
        let plan = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &materials,
            presses: &presses,
        };
        let plant = world.plant(&company.tenant, &plan).await?;
        Ok(Self {
            world,
            company,
            plant,
            presses,
            http: reqwest::Client::new(),
            rng: StdRng::seed_from_u64(seed),
        })
    }

    /// Gives every press its jobs, in turn.
    async fn order(&mut self) -> Result<Vec<String>> {
        let mut jobs = Vec::new();
        for (press, _) in PRESSES {
            let arguments = ["lot", "receive", "--number", press, "--material"];
            let amount = ["BOARD-300", "--quantity", "1000000"];
            self.plant
                .command(&[&arguments[..], &amount].concat())
                .await?;
        }
        for n in 1..=JOBS_PER_PRESS {
            for (press, process) in PRESSES {
                let number = format!("{press}-{n}");
                let good: u32 = self.rng.random_range(5_000..20_000);
                let waste: u32 = self.rng.random_range(100..800);
                let mut ticket = PrintTicket::new(&number, "1", press, now());
                ticket.input = TicketMaterial::named("Board")
                    .amount((good + waste).into())
                    .lot(press);
                ticket.output = TicketMaterial::named("Cartons").amount(good.into());
                let jdf =
                    String::from_utf8(ticket.to_bytes())?.replace("ConventionalPrinting", process);
                let body = json!({
                    "number": number, "plant": "HAM", "device": press, "jdf": jdf, "inputs": [press],
                    "output": { "number": format!("FG-{number}"), "material": "CARTON-A", "unit": "sheet" },
                });
                let hub = &self.world.hub;
                let job = self.company.post(hub, "/api/v1/jobs", &number, &body);
                jobs.push(
                    job.await?.ok()?["id"]
                        .as_str()
                        .context("a job has an id")?
                        .to_owned(),
                );
            }
        }
        Ok(jobs)
    }

    /// Kills something once the presses have drawn so many sheets.
    async fn kill_something(&mut self, after: u64) -> Result<()> {
        wait::until("production to go on", DAY_LIMIT, async || {
            let mut drawn = 0;
            for press in &self.presses {
                let account = self.account(press).await?;
                drawn += number(&account["good"])? + number(&account["waste"])?;
            }
            Ok((drawn >= after).then_some(()))
        })
        .await?;
        match self.rng.random_range(0..8) {
            0..3 => {
                self.plant.kill()?;
                self.plant.start().await
            }
            3 => {
                self.world.hub.kill()?;
                self.world.hub.start().await
            }
            _ => {
                let which = self.rng.random_range(0..self.presses.len());
                self.presses[which].kill()?;
                self.presses[which].start_again().await
            }
        }
    }

    async fn until_all_ended(&self, jobs: &[String]) -> Result<Vec<Value>> {
        wait::until("all jobs to end", DAY_LIMIT, async || {
            let mut ended = Vec::new();
            for id in jobs {
                let job = job(&self.world.hub, &self.company, id).await?;
                if !matches!(job["status"].as_str(), Some("completed" | "aborted")) {
                    return Ok(None);
                }
                ended.push(job);
            }
            Ok(Some(ended))
        })
        .await
    }

    /// The presses are switched off; what the agent says of that reaches the hub as well.
    async fn close(&mut self) -> Result<()> {
        for press in &mut self.presses {
            press.stop().await?;
        }
        let mut differs = None;
        let equal = wait::until("agent and hub to agree", LIMIT, async || {
            drained(&self.plant).await?;
            let same = same_ledger(&self.world.hub, &self.plant, &self.company).await;
            differs = same.err();
            Ok(differs.is_none().then_some(()))
        });
        let equal = equal.await;
        equal.with_context(|| differs.map_or_else(String::new, |error| format!("{error:#}")))
    }

    /// What a press really made, whatever arrived.
    async fn account(&self, press: &Press) -> Result<Value> {
        let request = self.http.get(press.url("/account"));
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

/// The faults with the clock of the nth press: some are wrong by minutes, some drift.
fn with_clock(n: u64) -> Result<String> {
    let mut faults: Value = serde_json::from_str(FAULTS)?;
    let offset = [0, -90_000, 0, 120_000, -5_000][usize::try_from(n - 1)?];
    faults["clock_offset_ms"] = json!(offset);
    Ok(faults.to_string())
}

async fn job(hub: &Hub, company: &Company, id: &str) -> Result<Value> {
    Ok(company.get(hub, &format!("/api/v1/jobs/{id}")).await?["job"].take())
}

fn number(value: &Value) -> Result<u64> {
    let text = value.as_str().map(str::to_owned);
    let text = text.unwrap_or_else(|| value.to_string());
    text.parse()
        .with_context(|| format!("not a count: {value}"))
}

async fn play(seed: u64) -> Result<()> {
    let mut day = Day::begin(seed).await?;
    let jobs = day.order().await?;
    let mut moments: Vec<u64> = (0..KILLS)
        .map(|_| day.rng.random_range(0..SHEETS_LEAST))
        .collect();
    moments.sort_unstable();
    for after in moments {
        day.kill_something(after).await?;
    }
    let ended = day.until_all_ended(&jobs).await?;
    drained(&day.plant).await?;
    for press in &day.presses {
        let account = day.account(press).await?;
        let made = account["jobs"].as_array().context("an account has jobs")?;
        ensure!(made.len() == JOBS_PER_PRESS, "{account}");
        let mut sums = (0, 0);
        for made in made {
            let job = ended
                .iter()
                .find(|job| job["number"] == made["job_id"])
                .with_context(|| format!("the hub does not know {made}"))?;
            let counts = (number(&job["good"])?, number(&job["waste"])?);
            let truth = (number(&made["good"])?, number(&made["waste"])?);
            ensure!(counts == truth, "the hub says {job:#}, the press {made:#}");
            let status = made["status"].as_str().map(str::to_lowercase);
            ensure!(job["status"].as_str() == status.as_deref(), "{job} {made}");
            sums = (sums.0 + counts.0, sums.1 + counts.1);
        }
        let total = (number(&account["good"])?, number(&account["waste"])?);
        ensure!(sums == total, "{}: {sums:?}, {account:#}", press.id());
    }
    day.close().await?;
    same_quantities(&day.world.hub, &day.plant, &day.company).await?;
    books_balance(&day.world.hub, &day.company).await?;
    Ok(())
}

#[tokio::test]
async fn every_sheet_of_a_bad_day_is_in_the_hub_once() -> Result<()> {
    let seed = match std::env::var("AGOG_SEED") {
        Ok(seed) => seed.parse().context("AGOG_SEED is a number")?,
        Err(_) => 1,
    };
    play(seed)
        .await
        .with_context(|| format!("a day with AGOG_SEED={seed}"))
}
