//! The agent's telemetry: what it takes from a broker and has on its disk, on how much processor and memory, beside what the same
//! broker gives a subscriber that does nothing; and how many bytes a sample of a typical press takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::task::JoinHandle;

use super::figures::Row;
use super::measure::{mebibytes, processor_time, rate, resident_kib};
use crate::support::broker::Broker;
use crate::support::folder::Folder;
use crate::support::plant::Plant;
use crate::support::wait;

/// What a press tells in a second; one message tells ten of them.
const METRICS: usize = 30;
const METRICS_PER_MESSAGE: usize = 10;
/// Presses that publish.
const PRESSES: usize = 20;
/// Of each shape of message.
const SAMPLES: usize = 400_000;
const LIMIT: Duration = Duration::from_mins(5);
/// Messages of a publisher that its broker has not acknowledged yet.
const INFLIGHT: u16 = 200;
/// In the time that the messages tell.
const START_MS: u64 = 1_760_000_000_000;

/// How many values one message has.
#[derive(Debug, Clone, Copy)]
enum Shape {
    One,
    Ten,
}

impl Shape {
    fn per_message(self) -> usize {
        match self {
            Self::One => 1,
            Self::Ten => METRICS_PER_MESSAGE,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::One => "a value per message",
            Self::Ten => "ten values per message",
        }
    }
}

pub(super) async fn measure() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for shape in [Shape::Ten, Shape::One] {
        let broker = Broker::start().await?;
        let plain = plain_subscriber(&broker, shape).await?;
        rows.extend(agent(&broker, shape, plain).await?);
    }
    Ok(rows)
}

/// Samples per second that a subscriber gets which only acknowledges.
async fn plain_subscriber(broker: &Broker, shape: Shape) -> Result<f64> {
    let received = Arc::new(AtomicUsize::new(0));
    let (client, mut events) = AsyncClient::new(options(broker, "plain"), 100);
    client.subscribe("bench/#", QoS::AtLeastOnce).await?;
    let counted = Arc::clone(&received);
    let ready = Arc::new(AtomicUsize::new(0));
    let granted = Arc::clone(&ready);
    let subscriber: JoinHandle<()> = tokio::spawn(async move {
        // Ends with the connection.
        while let Ok(event) = events.poll().await {
            if matches!(event, Event::Incoming(Packet::Publish(_))) {
                counted.fetch_add(1, Ordering::Relaxed);
            } else if matches!(event, Event::Incoming(Packet::SubAck(_))) {
                granted.store(1, Ordering::Relaxed);
            }
        }
    });
    wait::until("the subscriber to be there", LIMIT, async || {
        Ok((ready.load(Ordering::Relaxed) > 0).then_some(()))
    })
    .await?;
    let start = Instant::now();
    publish(broker, shape, SAMPLES / shape.per_message()).await?;
    wait::until("all messages to be received", LIMIT, async || {
        let samples = received.load(Ordering::Relaxed) * shape.per_message();
        Ok((samples >= SAMPLES).then_some(()))
    })
    .await?;
    let time = start.elapsed();
    client.disconnect().await?;
    subscriber.await?;
    Ok(rate(SAMPLES, time))
}

async fn agent(broker: &Broker, shape: Shape, plain: f64) -> Result<Vec<Row>> {
    let folder = Folder::new("agog-bench-")?;
    let section = format!(
        "\n[mqtt]\nbroker = \"{}\"\nclient_id = \"agent\"\n\n\
         [[mqtt.topic]]\nfilter = \"bench/+/+\"\ndevice = \"{{1}}\"\nvalue = \"/values\"\ntime = \"/ts\"\n",
        broker.address()
    );
    let edit = |config: String| config + &section;
    let mut plant = Plant::alone(folder.join("HAM"), "HAM", edit).await?;
    plant.start().await?;
    let pid = plant.process().context("the agent runs")?.pid();
    wait::until("the agent to have subscribed", LIMIT, async || {
        publish(broker, shape, 1).await?;
        Ok((stored(&plant).await? > 0).then_some(()))
    })
    .await?;
    let had = stored(&plant).await?;
    let (before, start) = (processor_time(pid)?, Instant::now());
    publish(broker, shape, SAMPLES / shape.per_message()).await?;
    let mut resident = 0;
    wait::until("all samples to be on the disk", LIMIT, async || {
        resident = resident.max(resident_kib(pid)?);
        Ok((stored(&plant).await? >= had + SAMPLES).then_some(()))
    })
    .await?;
    let time = start.elapsed();
    let cores = processor_time(pid)?.saturating_sub(before).as_secs_f64() / time.as_secs_f64();
    // What is open becomes a block with the end of the program.
    plant.stop().await?;
    let bytes = bytes_per_sample(&plant.data_dir().join("telemetry.db"))?;
    let what = shape.text();
    Ok(vec![
        Row::new(
            format!("MQTT → agent, durable, {what}"),
            format!("{:.0} samples/s", rate(SAMPLES, time)),
            format!("goal 20,000; a plain subscriber {plain:.0}"),
        ),
        Row::new(
            "agent: processor and memory at that",
            format!("{cores:.2} cores, {}", mebibytes(resident)),
            "limits 1 core, 64 MiB",
        ),
        Row::new(
            format!("telemetry on disk and wire, {what}"),
            format!("{bytes:.2} bytes/sample"),
            "limit 3",
        ),
    ])
}

fn options(broker: &Broker, name: &str) -> MqttOptions {
    let address = broker.address();
    let mut options = MqttOptions::new(name, address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_mins(1));
    options.set_inflight(INFLIGHT);
    options
}

/// Publishes messages of all presses, second by second, as fast as the broker takes them.
async fn publish(broker: &Broker, shape: Shape, messages: usize) -> Result<()> {
    let (client, mut events) = AsyncClient::new(options(broker, "publisher"), 1_000);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&acknowledged);
    let line: JoinHandle<()> = tokio::spawn(async move {
        while let Ok(event) = events.poll().await {
            if matches!(event, Event::Incoming(Packet::PubAck(_))) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let per_second = PRESSES * METRICS / shape.per_message();
    for message in 0..messages {
        let (second, place) = (message / per_second, message % per_second);
        let press = place % PRESSES;
        let first = place / PRESSES * shape.per_message();
        let topic = format!("bench/press-{press}/{first}");
        let payload = payload(second, press, first, shape.per_message());
        client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await?;
    }
    wait::until("the broker to have all messages", LIMIT, async || {
        Ok((acknowledged.load(Ordering::Relaxed) >= messages).then_some(()))
    })
    .await?;
    client.disconnect().await?;
    Ok(line.await?)
}

/// A message of a press: its clock is some milliseconds off each second.
fn payload(second: usize, press: usize, first: usize, count: usize) -> String {
    let noise = noise(second, press, first);
    let at = START_MS + 1_000 * second as u64 + noise % 10;
    let values = (first..first + count).map(|metric| {
        let value = value(metric, second, press);
        format!("\"{}-{metric}\":{value}", name(metric))
    });
    let values: Vec<_> = values.collect();
    format!("{{\"ts\":{at},\"values\":{{{}}}}}", values.join(","))
}

fn name(metric: usize) -> &'static str {
    match metric {
        0..6 => "counter",
        6..12 => "speed",
        12..22 => "temperature",
        22..26 => "pressure",
        _ => "state",
    }
}

/// Counters, speeds with noise, temperatures that creep, pressures, and states that seldom change.
fn value(metric: usize, second: usize, press: usize) -> String {
    let noise = noise(second, press, metric);
    let second = second as u64;
    match name(metric) {
        "counter" => format!("{}", 1_000_000 + 3 * second + second / 3 + noise % 2),
        "speed" => format!("{}", 12_000 + noise % 61 - 30),
        "temperature" => format!(
            "{}.{}",
            40 + second / 100 % 5,
            (second / 10 + noise % 2) % 10
        ),
        "pressure" => format!("6.{:02}", noise % 12),
        _ => format!("{}", second / 500 % 5),
    }
}

/// A number that looks random and is the same in each run.
fn noise(second: usize, press: usize, metric: usize) -> u64 {
    let seed = (second * 1_009 + press * 101 + metric) as u64;
    (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

/// How many samples the agent has on its disk.
async fn stored(plant: &Plant) -> Result<usize> {
    let url = format!("{}/metrics", plant.api_url()?);
    let text = reqwest::get(url).await?.text().await?;
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("agog_telemetry_samples_total "));
    Ok(count.unwrap_or("0").trim().parse()?)
}

fn bytes_per_sample(file: &Path) -> Result<f64> {
    let file = rusqlite::Connection::open(file).context("cannot open the buffer")?;
    let query = "select 1.0 * sum(length(body)) / sum(sample_count) from block";
    file.query_row(query, [], |row| row.get(0))
        .context("no blocks in the buffer")
}
