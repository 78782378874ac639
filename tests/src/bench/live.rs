//! How soon a value that a machine publishes is seen in the office's live view: with nothing else to send, and while a backlog goes up
//! behind it.
//!
//! The backlog is what an agent has kept while its hub was away; it is written by the agent's own code, into its own file, before the
//! agent starts.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agog_edge::telemetry::{Limits, QUEUE_SAMPLES_MAX, Sample, Telemetry};
use agog_sync::clock::{Clock as _, SystemClock};
use agog_sync::frame::SeriesKey;
use anyhow::{Context as _, Result, ensure};
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::{Connection as _, PgConnection};

use super::figures::{Figures, Row};
use super::measure::{LIMIT, rate};
use super::say;
use crate::support::machines::Machines;
use crate::support::plant::{Plant, PlantPlan};
use crate::support::wait;
use crate::support::world::World;

/// An hour at a thousand samples a second.
pub(super) const SAMPLES: usize = 3_600_000;
/// The goal is told for so many.
const DAY_SAMPLES: f64 = 86_400_000.0;
/// Series of the backlog, each with a value at each time.
const SERIES: usize = 100;
const EVERY: SignedDuration = SignedDuration::from_millis(100);
/// Values that are looked for: enough for a p95.
const VALUES: usize = 60;
/// A value that is not seen within this is lost.
const SEEN_WITHIN: Duration = Duration::from_mins(1);
/// Values come at any moment between two deliveries.
const PAUSE_MS: std::ops::Range<u64> = 0..700;

/// Measures on a hub of its own.
pub(super) async fn measure(samples: usize) -> Result<Vec<Row>> {
    let world = World::start_with_own_postgres("live").await?;
    let tenant = world.hub.tenant("Bench").await?;
    let token = world.hub.token(&tenant, "viewer").await?;
    let plan = PlantPlan {
        code: "HAM",
        name: "Hamburg",
        materials: &[],
        presses: &[],
    };
    let mut plant = world.plant_at_rest(&tenant, &plan).await?;
    plant.start().await?;
    let mut seen = Seen::open(&world, &token).await?;
    seen.heard(&plant).await?;
    let alone = Figures::of(seen.values(VALUES).await?);

    plant.stop().await?;
    say(&format!("a backlog of {samples} samples …"));
    fill(&plant, samples).await?;
    say("drain …");
    let start = Instant::now();
    plant.start().await?;
    let is_over = Cell::new(false);
    let drain = async {
        drained(&world, samples).await?;
        is_over.set(true);
        anyhow::Ok(start.elapsed())
    };
    // A value that waits for the whole backlog counts with all of that time.
    let watch = async {
        let mut times = Vec::new();
        while !is_over.get() {
            times.extend(seen.values(1).await?);
        }
        anyhow::Ok(times)
    };
    let (time, times) = tokio::try_join!(drain, watch)?;
    let behind = times.len();
    let busy = Figures::of(times);
    let speed = rate(samples, time);
    Ok(vec![
        Row::new(
            "live: published at the broker until the hub's live view shows it",
            alone.text_up_to(95),
            "limit p95 1,000 ms",
        ),
        Row::new(
            format!("live: the same while a backlog goes up, {behind} values"),
            busy.text_up_to(95),
            "limit p95 2,000 ms",
        ),
        Row::new(
            format!("live: a backlog of {samples} samples from the agent into the hub"),
            format!("{:.1} s, {speed:.0} samples/s", time.as_secs_f64()),
            format!(
                "24 h at 1,000/s would take {:.1} min; limit 15 min",
                DAY_SAMPLES / speed / 60.0
            ),
        ),
    ])
}

/// Writes a backlog into the file of an agent that does not run, up to now.
async fn fill(plant: &Plant, samples: usize) -> Result<()> {
    let path = plant.data_dir().join("telemetry.db");
    let rng = StdRng::seed_from_u64(1);
    // Nothing is dropped, whatever the size.
    let limits = Limits {
        bytes_max: u64::MAX,
        ..Limits::default()
    };
    let (telemetry, thread) = Telemetry::open(&path, limits, Arc::new(SystemClock), rng)?;
    let times = samples.div_ceil(SERIES);
    let mut at = SystemClock.now() - EVERY * i32::try_from(times)?;
    let mut rng = StdRng::seed_from_u64(2);
    let per_record = QUEUE_SAMPLES_MAX as usize / SERIES / 2;
    for first in (0..times).step_by(per_record) {
        let mut values = Vec::with_capacity(per_record * SERIES);
        for _ in first..times.min(first + per_record) {
            for series in 0..SERIES {
                values.push(Sample {
                    series: SeriesKey {
                        device: format!("press-{}", series / 10),
                        metric: format!("metric-{series}"),
                        unit: None,
                    },
                    at,
                    value: f64::from(12_000 + rng.random_range(-30..30_i32)),
                    is_historical: false,
                });
            }
            at += EVERY;
        }
        telemetry.record(values).await?;
    }
    drop(telemetry);
    thread.join();
    Ok(())
}

/// Waits until the hub has so many samples of the backlog.
async fn drained(world: &World, samples: usize) -> Result<()> {
    let mut database = PgConnection::connect(&world.hub.database().admin_url).await?;
    let wanted = i64::try_from(samples)?;
    wait::until("the backlog to be in the hub", LIMIT, async || {
        let there: i64 = sqlx::query_scalar(
            "select coalesce(sum(sample_count), 0)::bigint from telemetry_day
                 join telemetry_series using (tenant_id, series_id) where metric like 'metric-%'",
        )
        .fetch_one(&mut database)
        .await?;
        Ok((there >= wanted).then_some(()))
    })
    .await
}

/// A machine at one end and a live view at the other.
struct Seen {
    machines: Machines,
    stream: reqwest::Response,
    text: String,
    number: u32,
    rng: StdRng,
}

impl Seen {
    async fn open(world: &World, token: &str) -> Result<Self> {
        let url = format!("{}/api/v1/plants/HAM/live", world.hub.url());
        let http = reqwest::Client::builder().no_proxy().build()?;
        let stream = http.get(url).bearer_auth(token).send().await?;
        Ok(Self {
            machines: Machines::at(world.broker.address()),
            stream: stream.error_for_status()?,
            text: String::new(),
            number: 0,
            rng: StdRng::seed_from_u64(3),
        })
    }

    /// Waits until the agent hears the machine: what is published before is for nobody.
    async fn heard(&mut self, plant: &Plant) -> Result<()> {
        let url = format!("{}/api/v1/telemetry/latest", plant.api_url()?);
        wait::until("the agent to hear the machine", SEEN_WITHIN, async || {
            let at = SystemClock.now().as_millisecond();
            let payload = format!("{{\"ts\":{at},\"value\":0}}");
            self.machines.tell("agog/live/heard".to_owned(), payload)?;
            let latest = reqwest::get(&url).await?.text().await?;
            Ok(latest.contains("heard").then_some(()))
        })
        .await
    }

    /// How long each of so many values takes, one after the other.
    async fn values(&mut self, count: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let pause = Duration::from_millis(self.rng.random_range(PAUSE_MS));
            // Whoever watches reads on meanwhile; this value comes never.
            drop(tokio::time::timeout(pause, self.until(f64::NAN)).await);
            self.number += 1;
            let at = SystemClock.now().as_millisecond();
            let payload = format!("{{\"ts\":{at},\"value\":{}}}", self.number);
            let start = Instant::now();
            self.machines.tell("agog/live/number".to_owned(), payload)?;
            let wanted = f64::from(self.number);
            tokio::time::timeout(SEEN_WITHIN, self.until(wanted))
                .await
                .with_context(|| format!("value {wanted} is not seen"))??;
            times.push(start.elapsed());
        }
        Ok(times)
    }

    /// Reads the stream until it shows this value.
    async fn until(&mut self, wanted: f64) -> Result<()> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let mut data = event.lines().filter_map(|line| line.strip_prefix("data: "));
                if data.any(|data| shows(data, wanted)) {
                    return Ok(());
                }
            }
            let chunk = self.stream.chunk().await?;
            let chunk = chunk.context("the live view has ended")?;
            self.text.push_str(std::str::from_utf8(&chunk)?);
            ensure!(!self.text.contains("event: end"), "{}", self.text);
        }
    }
}

/// Whether an event has this value of the machine, wherever in it.
fn shows(data: &str, wanted: f64) -> bool {
    let Ok(data) = serde_json::from_str::<serde_json::Value>(data) else {
        return false;
    };
    let mut open = vec![&data];
    while let Some(value) = open.pop() {
        if value["metric"] == "number" && value["value"] == wanted {
            return true;
        }
        match value {
            serde_json::Value::Array(items) => open.extend(items),
            serde_json::Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    false
}
