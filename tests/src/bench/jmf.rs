//! The agent as the partner of many machines: signals stored durably, questions answered, states on
//! their way to the hub, and what 200 machines cost.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use agog_sync::clock::{Clock as _, SystemClock};
use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::figures::{Figures, Row};
use super::measure::processor_time;
use crate::demo::cast::{drained, materials};
use crate::support::plant::{Plant, PlantPlan};
use crate::support::press::Press;
use crate::support::wait;
use crate::support::world::World;

/// A large plant.
const DEVICES: usize = 200;
/// How long the plant at work is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// Machines that send at the same time; each keeps its connection.
const SENDERS: usize = 64;
const SIGNALS: usize = 50_000;
const QUESTIONS: usize = 100_000;
/// States that are followed to the hub.
const FOLLOWED: usize = 60;
const LIMIT: Duration = Duration::from_mins(2);

/// A hub, and a plant with 200 simulated machines.
pub(super) struct Shop {
    plant: Plant,
    token: String,
    press: Press,
    world: World,
}

impl Shop {
    pub(super) async fn assemble() -> Result<Self> {
        let world = World::start_with_own_postgres("bench_jmf").await?;
        let tenant = world.hub.tenant("Bench").await?;
        let token = world.hub.token(&tenant, "office").await?;
        let press = world
            .many_presses("device", DEVICES, &["--profile", "offset"])
            .await?;
        let presses = [press.with_settings(&["heartbeat_s = 1"])];
        let materials = materials();
        let plan = PlantPlan {
            code: "HAM",
            name: "Hamburg",
            materials: &materials,
            presses: &presses,
        };
        let plant = world.plant(&tenant, &plan).await?;
        let [press] = presses;
        Ok(Self {
            plant,
            token,
            press,
            world,
        })
    }

    /// 200 machines, each with a Status of all its modules every second.
    pub(super) async fn many_devices(&self) -> Result<Vec<Row>> {
        wait::until("all devices to signal", LIMIT, async || {
            let devices = self.plant.command(&["jmf", "devices"]).await?;
            let devices = devices.as_array().context("a list of devices")?;
            let signals = |device: &&Value| !device["state"]["last_signal_at"].is_null();
            Ok((devices.iter().filter(signals).count() == DEVICES).then_some(()))
        })
        .await?;
        let pid = self.plant.process().context("the agent runs")?.pid();
        let (before, start) = (processor_time(pid)?, Instant::now());
        wait::until("the watch to be over", LIMIT, async || {
            Ok((start.elapsed() >= WATCHED).then_some(()))
        })
        .await?;
        let used = processor_time(pid)?.saturating_sub(before);
        let share = used.as_secs_f64() / start.elapsed().as_secs_f64();
        Ok(vec![
            Row::new(
                format!("agent: {DEVICES} devices, a Status each per second"),
                format!("{:.1} % of a core", share * 100.0),
                "limit 10 %",
            ),
            Row::new(
                "agent: resident at that",
                format!("{:.1} MiB", resident_mebibytes(pid)?),
                "limit 64 MiB",
            ),
        ])
    }

    /// A state that a machine reports, until the office sees it at the hub.
    pub(super) async fn to_the_hub(&self) -> Result<Vec<Row>> {
        let mut line = self.line().await?;
        line.post(&status(1, "F", "Followed", 0)).await?;
        let path = self.path_at_hub("device-1").await?;
        let mut times = Vec::new();
        for n in 0..FOLLOWED {
            let detail = format!("Followed-{n}");
            let start = Instant::now();
            line.post(&status(1, &format!("F{n}"), &detail, n)).await?;
            wait::until("the state to be at the hub", LIMIT, async || {
                let answer = self.world.hub.get(&self.token, &path).await?;
                Ok(answer.text.contains(&format!("\"{detail}\"")).then_some(()))
            })
            .await?;
            times.push(start.elapsed());
        }
        let figures = Figures::of(times);
        let p95 = figures.percentile(95).as_secs_f64() * 1_000.0;
        Ok(vec![Row::new(
            "signal received → visible in the hub",
            format!("{}, p95 {p95:.0} ms", figures.text()),
            "limit p95 1,000 ms",
        )])
    }

    /// Where the hub shows a device.
    async fn path_at_hub(&self, code: &str) -> Result<String> {
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/equipment?limit=100{after}");
            let page = self.world.hub.get(&self.token, &path).await?.ok()?;
            let devices = page["items"].as_array().context("a page has items")?;
            if let Some(device) = devices.iter().find(|device| device["code"] == code) {
                let id = device["id"].as_str().context("a device has an id")?;
                return Ok(format!("/api/v1/equipment/{id}"));
            }
            let next = page["next"].as_str().context("the hub knows the device")?;
            after = format!("&cursor={next}");
        }
    }

    /// The machines are switched off, and all that there is to say of it has been said.
    pub(super) async fn switch_off(&mut self) -> Result<()> {
        self.press.kill()?;
        wait::until("all devices to be lost", LIMIT, async || {
            let devices = self.plant.command(&["jmf", "devices"]).await?;
            let devices = devices.as_array().context("a list of devices")?;
            Ok(devices
                .iter()
                .all(|device| device["state"]["reachable"] == false)
                .then_some(()))
        })
        .await?;
        drained(&self.plant).await
    }

    /// The hub is away: in a plant, agent and hub are not on the same processors.
    pub(super) async fn cut_off(&mut self) -> Result<()> {
        drained(&self.plant).await?;
        self.world.hub.stop().await
    }

    /// Status signals of running machines, each answered after it is on the disk.
    pub(super) async fn signals(&self) -> Result<Vec<Row>> {
        let body = |sender: usize, n: usize| {
            let device = sender % DEVICES + 1;
            status(device, &format!("S{sender}-{n}"), "Good", n)
        };
        let load = self.load(SIGNALS, body).await?;
        Ok(vec![Row::new(
            format!("agent: Status signals, {SENDERS} connections, durable and answered"),
            load.text(),
            "goal 5,000/s, p99 50 ms",
        )])
    }

    pub(super) async fn questions(&self) -> Result<Vec<Row>> {
        let body = |sender: usize, n: usize| {
            envelope(&format!(
                r#"<Query ID="Q{sender}-{n}" Type="KnownMessages"/>"#
            ))
        };
        let load = self.load(QUESTIONS, body).await?;
        Ok(vec![Row::new(
            format!("agent: KnownMessages, {SENDERS} connections"),
            load.text(),
            "goal 15,000/s",
        )])
    }

    /// Posts `count` messages over all connections.
    async fn load(
        &self,
        count: usize,
        body: impl Fn(usize, usize) -> String + Send + Sync + 'static,
    ) -> Result<Load> {
        let pid = self.plant.process().context("the agent runs")?.pid();
        let used_before = processor_time(pid)?;
        let (body, next) = (Arc::new(body), Arc::new(AtomicUsize::new(0)));
        let mut senders = JoinSet::new();
        let start = Instant::now();
        for sender in 0..SENDERS {
            let mut line = self.line().await?;
            let (body, next) = (Arc::clone(&body), Arc::clone(&next));
            senders.spawn(async move {
                let mut times = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return anyhow::Ok(times);
                    }
                    let body = body(sender, n);
                    let start = Instant::now();
                    line.post(&body).await?;
                    times.push(start.elapsed());
                }
            });
        }
        let mut times = Vec::with_capacity(count);
        while let Some(done) = senders.join_next().await {
            times.extend(done.context("a sender panicked")??);
        }
        let elapsed = start.elapsed().as_secs_f64();
        let count = u32::try_from(count).map_or(f64::MAX, f64::from);
        let used = processor_time(pid)?.saturating_sub(used_before);
        Ok(Load {
            rate: count / elapsed,
            agent_us: used.as_secs_f64() * 1e6 / count,
            figures: Figures::of(times),
        })
    }

    async fn line(&self) -> Result<Line> {
        let url = self.plant.jmf_url()?;
        let host = url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default();
        let address: SocketAddr = host.parse().context("the agent's JMF address")?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Line {
            sender,
            host: host.to_owned(),
        })
    }
}

/// What a load came to.
struct Load {
    /// Messages a second.
    rate: f64,
    /// Processor time of the agent for each message, in microseconds.
    agent_us: f64,
    figures: Figures,
}

impl Load {
    fn text(&self) -> String {
        let Self {
            rate,
            agent_us,
            figures,
        } = self;
        format!(
            "{rate:.0}/s, {}, agent {agent_us:.0} µs each",
            figures.text()
        )
    }
}

/// A connection that is kept.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Line {
    async fn post(&mut self, body: &str) -> Result<()> {
        let request = Request::post("/jmf")
            .header("host", &self.host)
            .header("content-type", "application/vnd.cip4-jmf+xml")
            .body(Full::new(Bytes::from(body.to_owned())))?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let answer = answer.into_body().collect().await?.to_bytes();
        let refused = |code: &[u8]| answer.windows(code.len()).any(|found| found == code);
        ensure!(
            status.is_success() && !refused(b"<Notification"),
            "{status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(())
    }
}

fn envelope(messages: &str) -> String {
    let now = SystemClock.now();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="bench" TimeStamp="{now}" Version="1.5">{messages}</JMF>"#
    )
}

/// What a running press says of itself and its job.
fn status(device: usize, id: &str, detail: &str, amount: usize) -> String {
    let mut modules = String::new();
    for unit in 1..=4 {
        // Writing to a string cannot fail.
        let _ = write!(
            modules,
            r#"<ModuleStatus ModuleID="unit-{unit}" ModuleType="PrintModule" DeviceStatus="Running"/>"#
        );
    }
    envelope(&format!(
        r#"<Signal ID="{id}" Type="Status" refID="C1"><StatusQuParams/><DeviceInfo DeviceID="device-{device}" DeviceStatus="Running" StatusDetails="{detail}" Speed="13000" ProductionCounter="{amount}"><JobPhase JobID="JOB-{device}" JobPartID="1" Status="InProgress" StatusDetails="{detail}" Amount="{amount}" Waste="12" PercentCompleted="40"/>{modules}</DeviceInfo></Signal>"#
    ))
}

fn resident_mebibytes(pid: u32) -> Result<f64> {
    let kib = super::measure::resident_kib(pid)?;
    Ok(Duration::from_secs(kib).as_secs_f64() / 1024.0)
}
