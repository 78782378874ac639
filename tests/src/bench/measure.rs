//! The measurements, each a small experiment with the real programs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::figures::{Figures, Row, milliseconds};
use crate::demo::cast::materials;
use crate::support::hub::Tenant;
use crate::support::plant::{Plant, PlantPlan};
use crate::support::process::Program;
use crate::support::wait;
use crate::support::world::World;

/// Ten of them are beyond the p99.
const SAMPLES: usize = 1_000;

/// What the disk is asked for: a page, as SQLite's log writes it.
const PAGE_BYTES: usize = 4096;

/// The roll is split, and each part of it again.
const ROLL_PARTS: usize = 37;
const PART_PARTS: usize = 26;
/// The roll, its parts and theirs: 1,000.
const TRACE_LOTS: usize = 1 + ROLL_PARTS * (1 + PART_PARTS);

/// A measurement that takes longer has failed.
pub(super) const LIMIT: Duration = Duration::from_mins(15);

/// The disk's own time for one durable write, in the folder where worlds live.
pub(super) fn disk() -> Result<Figures> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut file = File::create(folder.path().join("fsync")).context("no file to write to")?;
    let page = [7_u8; PAGE_BYTES];
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let start = Instant::now();
        file.write_all(&page).context("cannot write")?;
        file.sync_data().context("cannot fsync")?;
        times.push(start.elapsed());
    }
    Ok(Figures::of(times))
}

/// Movements at the ledger itself, in a program that is nothing else: what the disk and the writer take.
async fn ledger_alone(folder: &Path) -> Result<Figures> {
    let file = folder.join("alone.db");
    let output = Program::ours("examples/append")?
        .args([file.as_os_str(), SAMPLES.to_string().as_ref()])
        .within(LIMIT)
        .output()
        .await?;
    let times = output
        .lines()
        .map(|line| Ok(Duration::from_nanos(line.parse()?)));
    Ok(Figures::of(
        times
            .collect::<Result<_>>()
            .context("the times of movements")?,
    ))
}

/// A hub and one plant to measure on.
pub(super) struct Bench {
    pub(super) plant: Plant,
    pub(super) tenant_id: String,
    pub(super) token: String,
    pub(super) http: reqwest::Client,
    pub(super) world: World,
}

impl Bench {
    pub(super) async fn assemble() -> Result<Self> {
        let world = World::start_with_own_postgres("bench").await?;
        let tenant: Tenant = world.hub.tenant("Bench").await?;
        let token = world.hub.token(&tenant, "office").await?;
        let materials = materials();
        let plan = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &materials,
            presses: &[],
        };
        let plant = world.plant_at_rest(&tenant, &plan).await?;
        let http = reqwest::Client::builder().timeout(LIMIT).build()?;
        Ok(Self {
            plant,
            tenant_id: tenant.id,
            token,
            http,
            world,
        })
    }

    /// From nothing to collecting with no hub and no broker, and what it takes at rest.
    pub(super) async fn start_and_rest(&mut self) -> Result<Vec<Row>> {
        self.world.hub.kill()?;
        let mut times = Vec::new();
        for round in 0..5 {
            let start = Instant::now();
            self.plant.start().await?;
            self.healthy().await?;
            times.push(start.elapsed());
            if round < 4 {
                self.plant.stop().await?;
            }
        }
        let slowest = times.iter().max().copied().unwrap_or_default();
        let start = format!("at most {:.0} ms of 5", slowest.as_secs_f64() * 1_000.0);
        let rss = self.resident_kib()?;
        Ok(vec![
            Row::new("agent: ready to collect, no network", start, "limit 500 ms"),
            Row::new("agent: resident at rest", mebibytes(rss), "limit 40 MiB"),
        ])
    }

    /// One operator, one movement after the other: asked of the ledger, and as a command over HTTP; durable and answered.
    pub(super) async fn ledger_append(&mut self, disk: &Figures) -> Result<Vec<Row>> {
        let at_the_ledger = ledger_alone(self.world.folder()).await?;
        self.receive("BENCH", "1000000").await?;
        let mut times = Vec::with_capacity(SAMPLES);
        for index in 0..SAMPLES {
            let start = Instant::now();
            self.consume_one(index).await?;
            times.push(start.elapsed());
        }
        let one_and_a_bit = milliseconds(disk.percentile(50) + Duration::from_millis(1));
        let five = milliseconds(disk.percentile(50) * 5);
        Ok(vec![
            Row::new(
                "agent: one movement appended to the ledger, durable",
                at_the_ledger.text(),
                format!(
                    "limits {one_and_a_bit:.2} ms (one fsync + 1 ms), {five:.2} ms (five fsyncs)"
                ),
            ),
            Row::new(
                "agent: one movement as a command over HTTP, durable and answered",
                Figures::of(times).text(),
                format!("limit {one_and_a_bit:.2} ms (one fsync + 1 ms)"),
            ),
        ])
    }

    /// A roll that went into a thousand lots.
    pub(super) async fn traces(&mut self) -> Result<Vec<Row>> {
        self.receive("ROLL", "1000000").await?;
        self.split("ROLL", ROLL_PARTS, "100").await?;
        for part in 0..ROLL_PARTS {
            self.split(&format!("ROLL.{part}"), PART_PARTS, "3").await?;
        }
        wait::until("the lots to reach the hub", LIMIT, async || {
            Ok((self.waiting().await? == 0).then_some(()))
        })
        .await?;
        let api = self.plant.api_url()?;
        let hub = self.world.hub.url();
        let local = self
            .http
            .get(format!("{api}/api/v1/lots/ROLL/trace?direction=forward"));
        let office = self
            .http
            .get(format!("{hub}/api/v1/inventory/lot/ROLL/forward-trace"))
            .bearer_auth(&self.token);
        Ok(vec![
            self.trace_row(
                "agent: trace over 1,000 lots, HTTP and JSON included",
                local,
            )
            .await?,
            self.trace_row("hub: trace over 1,000 lots, HTTP and JSON included", office)
                .await?,
        ])
    }

    async fn trace_row(&self, what: &str, request: reqwest::RequestBuilder) -> Result<Row> {
        let mut times = Vec::new();
        for _ in 0..50 {
            let request = request.try_clone().context("a request without a body")?;
            let start = Instant::now();
            let answer: Value = request.send().await?.error_for_status()?.json().await?;
            times.push(start.elapsed());
            let lots = answer["lots"].as_array().map_or(0, Vec::len);
            ensure!(lots == TRACE_LOTS, "the trace has {lots} lots");
        }
        Ok(Row::new(what, Figures::of(times).text(), ""))
    }

    async fn split(&self, lot: &str, parts: usize, amount: &str) -> Result<()> {
        let into: Vec<Value> = (0..parts)
            .map(|part| {
                json!({ "number": format!("{lot}.{part}"), "quantity": { "amount": amount } })
            })
            .collect();
        self.command("split", &json!({ "lot": lot, "into": into }))
            .await
    }

    pub(super) async fn receive(&self, number: &str, amount: &str) -> Result<()> {
        let body = json!({
            "number": number, "material": "BOARD-300", "quantity": { "amount": amount },
        });
        self.command("receive", &body).await
    }

    async fn consume_one(&self, index: usize) -> Result<()> {
        let request = self
            .consumption()
            .header("Idempotency-Key", format!("single-{index}"));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    fn consumption(&self) -> reqwest::RequestBuilder {
        // The address was there when the agent was started.
        let api = self.plant.api_url().unwrap_or_default();
        self.http
            .post(format!("{api}/api/v1/lots/consume"))
            .json(&json!({
                "lot": "BENCH", "quantity": { "amount": "1" }, "details": { "job": "Bench-1" },
            }))
    }

    pub(super) async fn command(&self, name: &str, body: &Value) -> Result<()> {
        let api = self.plant.api_url()?;
        let answer = self
            .http
            .post(format!("{api}/api/v1/lots/{name}"))
            .json(body)
            .send()
            .await?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "{name}: {status} {}",
            answer.text().await?
        );
        Ok(())
    }

    async fn healthy(&self) -> Result<()> {
        let url = format!("{}/healthz", self.plant.api_url()?);
        wait::until("the agent to be healthy", LIMIT, async || {
            let answer = self.http.get(&url).send().await;
            Ok(answer
                .is_ok_and(|answer| answer.status().is_success())
                .then_some(()))
        })
        .await
    }

    pub(super) fn resident_kib(&self) -> Result<u64> {
        resident_kib(self.plant.process().context("the agent runs")?.pid())
    }
}

/// The memory that a process holds.
pub(super) fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .context("cannot read the agent's status in /proc")?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .context("no VmRSS in the agent's status")
}

/// User and system time of a process so far.
pub(super) fn processor_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .context("cannot read the times of a process in /proc")?;
    // The name of the program may hold blanks; the fields after its bracket do not.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
    let mut fields = fields.unwrap_or_default().split_whitespace().skip(11);
    let mut ticks = || -> Result<u64> { Ok(fields.next().context("no times in stat")?.parse()?) };
    let ticks = ticks()? + ticks()?;
    // Linux counts in hundredths of a second for programs, whatever its own clock does.
    Ok(Duration::from_millis(ticks * 10))
}

pub(super) fn mebibytes(kib: u64) -> String {
    format!("{:.1} MiB", Duration::from_secs(kib).as_secs_f64() / 1024.0)
}

pub(super) fn rate(count: usize, time: Duration) -> f64 {
    let count = u32::try_from(count).map_or(f64::MAX, f64::from);
    count / time.as_secs_f64()
}
