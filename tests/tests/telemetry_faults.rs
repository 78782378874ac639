//! Machines that tell numbered values while everything between them and the hub is killed: the broker, the agent and the hub with
//! `kill -9`, the agent's buffer filled beyond its bound while the hub is away. In the end every sample is in the hub once, or in a
//! recorded gap (I6), and only what the plant holds for least is in gaps. One press tells its counter in JMF signals.
//!
//! What was produced: a sample is its series, time and value. `QoS` 1 brings it to the agent at least once, so what comes twice with a
//! time of its own is one sample, and the sum is exact. A value without a time gets that of its arrival: each delivery is a sample of its
//! own, and the rule is that none is missing.
//!
//! `AGOG_SEED` plays other moments; a run that fails prints its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use agog_sync::clock::{Clock as _, SystemClock};
use agog_tests::demo::cast::drained;
use agog_tests::support::machines::Machines;
use agog_tests::support::plant::{Plant, PlantPlan};
use agog_tests::support::signals::Signals;
use agog_tests::support::wait;
use agog_tests::support::world::World;
use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

/// Something has got stuck when it takes so long.
const LIMIT: Duration = Duration::from_mins(1);
/// Presses that tell one value a message, and the time between two of them in the time that they tell.
const PRESSES: u32 = 3;
const EVERY_MS: i64 = 20;
/// What one message of the sensor tells, and how many messages are more than the buffer takes: of values that look random each is
/// some seven bytes, and the buffer holds one MiB.
const CHANNELS: usize = 200;
const MESSAGES_BEYOND: u32 = 1_100;
/// How many of them are on their way at a time. A broker hands on again what it was not told of in time, and the agent knows the newest
/// 65,536 samples again: no more may be on the way, with what machines tell twice.
const MESSAGES_AT_ONCE: u32 = 50;

/// The smallest buffer; the sensor goes first when it is full.
const BUFFER: &str = "buffer_mib = 1";
const SECTIONS: &str = r#"
[[mqtt.topic]]
filter = "sensor/+"
device = "{1}"
value = "/values"
time = "/ts"

[[mqtt.topic]]
filter = "scale/+"
device = "{1}"
metric = "weight"
value = "/value"

[[telemetry.metric]]
device = "sensor-*"
priority = "low"

# It tells, and nobody can ask it.
[[device]]
id = "press-jmf"
url = "http://127.0.0.1:9/jmf"
"#;

/// What a sample is told by: device, metric, microseconds since 1970, bits of the value.
type Sample = (String, String, i64, u64);

struct Play {
    rng: StdRng,
    machines: Machines,
    signals: Signals,
    now_ms: i64,
    number: u32,
    produced: BTreeSet<Sample>,
    /// Values of the scale, which has no clock.
    untimed: BTreeSet<u64>,
    plant: Plant,
    world: World,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    BrokerKilled,
    BrokerRestarted,
    AgentKilled,
    HubKilled,
    AgentKilledWithoutHub,
}

impl Play {
    async fn begin(seed: u64) -> Result<Self> {
        let world = World::start("telemetry_faults").await?;
        let tenant = world.hub.tenant("Acme Cartons").await?;
        let hamburg = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &[],
            presses: &[],
        };
        let mut plant = world.plant_at_rest(&tenant, &hamburg).await?;
        let file = plant.config_file();
        let config = std::fs::read_to_string(&file).context("no configuration")?;
        let config = config.replace("buffer_mib = 256", BUFFER) + SECTIONS;
        std::fs::write(&file, config).context("cannot write the configuration")?;
        plant.start().await?;
        let mut play = Self {
            rng: StdRng::seed_from_u64(seed),
            machines: Machines::at(world.broker.address()),
            signals: Signals::new("press-jmf", plant.jmf_url()?)?,
            now_ms: SystemClock.now().as_millisecond() - 600_000,
            number: 0,
            produced: BTreeSet::new(),
            untimed: BTreeSet::new(),
            plant,
            world,
        };
        play.subscribed().await?;
        Ok(play)
    }

    /// Waits until the broker has a session for the agent; what comes before belongs to nobody.
    async fn subscribed(&mut self) -> Result<()> {
        let url = format!("{}/api/v1/telemetry/latest", self.plant.api_url()?);
        wait::until("the agent to hear a machine", LIMIT, async || {
            let payload = format!("{{\"ts\":{},\"value\":1}}", self.now_ms);
            self.machines.tell("agog/probe/probe".to_owned(), payload)?;
            let latest = reqwest::get(&url).await?.text().await?;
            Ok(latest.contains("probe").then_some(()))
        })
        .await?;
        // Told many times over, and one sample.
        self.produce("probe", "probe", 1.0);
        self.now_ms += EVERY_MS;
        Ok(())
    }

    fn produce(&mut self, device: &str, metric: &str, value: f64) {
        let at_us = 1_000 * self.now_ms;
        let sample = (device.to_owned(), metric.to_owned(), at_us, value.to_bits());
        self.produced.insert(sample);
    }

    /// Waits until the broker and the agent have taken everything.
    async fn all_told(&self) -> Result<()> {
        self.machines.all_told(LIMIT).await?;
        self.signals.all_told(LIMIT).await
    }

    /// Each press tells its count, and the scale a weight.
    fn work(&mut self, rounds: u32) -> Result<()> {
        for _ in 0..rounds {
            self.number += 1;
            for press in 1..=PRESSES {
                let (device, value) = (format!("press-{press}"), f64::from(self.number));
                let payload = format!("{{\"ts\":{},\"value\":{value}}}", self.now_ms);
                self.machines
                    .tell(format!("agog/{device}/count"), payload)?;
                self.produce(&device, "count", value);
            }
            let at = Timestamp::from_millisecond(self.now_ms)?;
            self.signals.count(at, self.number)?;
            let value = f64::from(self.number);
            self.produce("press-jmf", "jmf.production_counter", value);
            let payload = format!("{{\"value\":{value}}}");
            self.machines.tell("scale/scale-1".to_owned(), payload)?;
            self.untimed.insert(value.to_bits());
            self.now_ms += EVERY_MS;
        }
        Ok(())
    }

    /// The sensor tells what fills a buffer.
    fn measure(&mut self, messages: u32) -> Result<()> {
        for _ in 0..messages {
            let mut payload = format!("{{\"ts\":{},\"values\":{{", self.now_ms);
            for channel in 0..CHANNELS {
                // Of 52 bits that no rule of columns makes fewer of.
                let value = f64::from(self.rng.random::<u32>()) * f64::from(1_u32 << 20)
                    + f64::from(self.rng.random_range(0..1_u32 << 20));
                let comma = if channel == 0 { "" } else { "," };
                write!(payload, "{comma}\"c{channel}\":{value}")?;
                self.produce("sensor-1", &format!("c{channel}"), value);
            }
            payload.push_str("}}");
            self.machines.tell("sensor/sensor-1".to_owned(), payload)?;
            self.now_ms += EVERY_MS;
        }
        Ok(())
    }

    async fn suffer(&mut self, fault: Fault) -> Result<()> {
        let (before, meanwhile) = (self.rng.random_range(20..60), self.rng.random_range(5..30));
        self.work(before)?;
        if self.rng.random_bool(0.5) {
            self.all_told().await?;
        }
        match fault {
            Fault::BrokerKilled => {
                self.world.broker.kill()?;
                self.work(meanwhile)?;
                self.world.broker.start_again().await?;
            }
            Fault::BrokerRestarted => {
                self.world.broker.stop().await?;
                self.work(meanwhile)?;
                self.world.broker.start_again().await?;
            }
            Fault::AgentKilled => {
                self.plant.kill()?;
                self.work(meanwhile)?;
                self.plant.start().await?;
            }
            Fault::HubKilled => {
                self.world.hub.kill()?;
                self.work(meanwhile)?;
                self.world.hub.start().await?;
            }
            Fault::AgentKilledWithoutHub => {
                self.world.hub.kill()?;
                self.work(meanwhile)?;
                self.plant.kill()?;
                self.work(meanwhile)?;
                self.plant.start().await?;
                self.world.hub.start().await?;
            }
        }
        Ok(())
    }

    /// The hub is away for longer than the buffer has room.
    async fn overrun(&mut self) -> Result<()> {
        self.world.hub.stop().await?;
        self.fill(MESSAGES_BEYOND / 4).await?;
        self.plant.kill()?;
        self.work(20)?;
        self.plant.start().await?;
        self.fill(MESSAGES_BEYOND / 4).await?;
        self.measure(MESSAGES_AT_ONCE)?;
        self.machines.all_told(LIMIT).await?;
        self.world.broker.kill()?;
        self.work(20)?;
        self.world.broker.start_again().await?;
        self.fill(MESSAGES_BEYOND / 2).await?;
        let url = format!("{}/metrics", self.plant.api_url()?);
        wait::until("the buffer to be full", LIMIT, async || {
            let metrics = reqwest::get(&url).await?.text().await?;
            let dropped = "agog_telemetry_dropped_total{intentional=\"true\"}";
            Ok(metrics.contains(dropped).then_some(()))
        })
        .await?;
        self.world.hub.start().await
    }

    /// Has the sensor tell as much as the agent takes at a time.
    async fn fill(&mut self, messages: u32) -> Result<()> {
        for _ in 0..messages.div_ceil(MESSAGES_AT_ONCE) {
            self.measure(MESSAGES_AT_ONCE)?;
            self.heard().await?;
        }
        Ok(())
    }

    /// Waits until the agent has the newest of the sensor.
    async fn heard(&self) -> Result<()> {
        let url = format!("{}/api/v1/telemetry/latest", self.plant.api_url()?);
        let newest = Timestamp::from_millisecond(self.now_ms - EVERY_MS)?.to_string();
        wait::until("the agent to hear the sensor", LIMIT, async || {
            let latest: Value = reqwest::get(&url).await?.json().await?;
            let mut latest = latest.as_array().context("no values")?.iter();
            let is_there = latest.any(|it| it["device"] == "sensor-1" && it["at"] == newest);
            Ok(is_there.then_some(()))
        })
        .await
    }

    /// Kills both ends while the backlog goes up.
    async fn drain_with_kills(&mut self) -> Result<()> {
        let mut database = self.database().await?;
        let before = stored_and_missing(&mut database).await?;
        wait::until("the backlog to go up", LIMIT, async || {
            Ok((stored_and_missing(&mut database).await? > before).then_some(()))
        })
        .await?;
        self.plant.kill()?;
        self.work(20)?;
        self.plant.start().await?;
        self.world.hub.kill()?;
        self.work(20)?;
        self.world.hub.start().await?;
        self.all_told().await?;
        let produced = i64::try_from(self.produced.len())?;
        wait::until(
            "every sample to be in the hub or in a gap",
            LIMIT,
            async || {
                let now = stored_and_missing(&mut database).await?;
                Ok((now >= produced).then_some(()))
            },
        )
        .await?;
        drained(&self.plant).await
    }

    async fn database(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.world.hub.database().admin_url).await?)
    }
}

/// Samples with a time of their own that are in the hub, and those that gaps tell of.
async fn stored_and_missing(database: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "select (coalesce((
                 select sum(r.sample_count) from telemetry_day r
                     join telemetry_series using (tenant_id, series_id) join device d using (tenant_id, device_id)
                 where d.code not like 'scale-%'
             ), 0) + coalesce((select sum(g.sample_count) from telemetry_gap g), 0))::bigint",
    )
    .fetch_one(database)
    .await?)
}

#[tokio::test]
async fn every_sample_is_in_the_hub_once_or_in_a_gap_whatever_is_killed() -> Result<()> {
    let seed = match std::env::var("AGOG_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => 1,
    };
    faults(seed)
        .await
        .with_context(|| format!("AGOG_SEED={seed}"))
}

async fn faults(seed: u64) -> Result<()> {
    let mut play = Play::begin(seed).await?;
    let mut faults = [
        Fault::BrokerKilled,
        Fault::BrokerRestarted,
        Fault::AgentKilled,
        Fault::HubKilled,
        Fault::AgentKilledWithoutHub,
    ];
    faults.shuffle(&mut play.rng);
    for fault in faults {
        play.suffer(fault)
            .await
            .with_context(|| format!("{fault:?}"))?;
    }
    play.overrun().await?;
    play.drain_with_kills().await?;

    let mut database = play.database().await?;
    let rows: Vec<(String, String, i64, f64)> = sqlx::query_as(
        "select d.code, s.metric, (extract(epoch from x.at) * 1000000)::bigint, x.value
         from telemetry.sample x join telemetry_series s using (tenant_id, series_id)
             join device d using (tenant_id, device_id)",
    )
    .fetch_all(&mut database)
    .await?;
    let (timed, untimed): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .map(|(device, metric, at_us, value)| (device, metric, at_us, value.to_bits()))
        .partition(|(device, ..)| !device.starts_with("scale-"));
    let count = timed.len();
    let stored: BTreeSet<Sample> = timed.into_iter().collect();
    ensure!(
        stored.len() == count,
        "{} samples are in the hub twice",
        count - stored.len()
    );
    let invented: Vec<_> = stored.difference(&play.produced).take(3).collect();
    ensure!(invented.is_empty(), "nobody told {invented:?}");

    // I6: samples stored + recorded gaps = samples produced.
    let gaps: Vec<(i64, i64, i64, bool)> = sqlx::query_as(
        "select (extract(epoch from from_at) * 1000000)::bigint, (extract(epoch from to_at) * 1000000)::bigint,
             sample_count, event_id is not null from telemetry_gap",
    )
    .fetch_all(&mut database)
    .await?;
    let in_gaps: i64 = gaps.iter().map(|(_, _, count, _)| count).sum();
    let missing: Vec<_> = play.produced.difference(&stored).collect();
    ensure!(
        i64::try_from(missing.len())? == in_gaps,
        "{} samples are missing and gaps tell of {in_gaps}: {gaps:?}",
        missing.len()
    );
    ensure!(in_gaps > 0, "the buffer was never full");
    ensure!(gaps.iter().all(|(.., is_event)| *is_event), "{gaps:?}");
    let mut of_series: BTreeMap<&str, usize> = BTreeMap::new();
    for (device, metric, at_us, _) in &missing {
        *of_series.entry(device).or_default() += 1;
        ensure!(
            gaps.iter()
                .any(|(from, to, ..)| (from..=to).contains(&at_us)),
            "{metric} of {device} is missing at {at_us}, where no gap is: {gaps:?}"
        );
    }
    ensure!(
        of_series.keys().eq(&["sensor-1"]),
        "what matters more than the sensor was dropped: {of_series:?}"
    );

    let weights: BTreeSet<u64> = untimed.iter().map(|(.., value)| *value).collect();
    ensure!(weights == play.untimed, "weights are missing or invented");
    writeln!(
        std::io::stdout(),
        "seed {seed}: {} samples produced, {count} in the hub, {in_gaps} in {} gaps; {} weights, {} of them more than once",
        play.produced.len(),
        gaps.len(),
        weights.len(),
        untimed.len() - weights.len(),
    )
    .context("nobody reads the figures")
}
