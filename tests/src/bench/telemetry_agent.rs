//! The agent's telemetry: what it takes from a broker and has on its disk, on how much processor and memory, beside what the same
//! broker gives a subscriber that does nothing; and how many bytes a sample of a typical press takes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::figures::Row;
use super::measure::{mebibytes, processor_time, rate, resident_kib};
use super::say;
use crate::support::broker::Broker;
use crate::support::folder::Folder;
use crate::support::plant::Plant;
use crate::support::wait;

/// What a press tells in a second; one message tells ten of them.
const METRICS: usize = 30;
const METRICS_PER_MESSAGE: usize = 10;
/// Presses that publish.
const PRESSES: usize = 20;
/// Of each shape of message, when nothing else is asked for.
pub(super) const SAMPLES: usize = 400_000;
/// What does not get on for so long never will.
const STALLED: Duration = Duration::from_secs(20);
/// Messages of a publisher that its broker has not acknowledged yet.
const INFLIGHT: u16 = 200;
/// How often the agent is asked how far it is; each question costs it a millisecond or so.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// The goal that the agent's share of the processor is told for.
const GOAL_PER_S: f64 = 20_000.0;
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

/// Measures with so many samples of each shape.
pub(super) async fn measure(samples: usize) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for shape in [Shape::Ten, Shape::One] {
        let broker = Broker::start_fast().await?;
        let messages = samples.div_ceil(shape.per_message());
        let what = shape.text();
        say(&format!(
            "{messages} messages to a plain subscriber, {what} …"
        ));
        let plain = plain_subscriber(&broker, shape, messages).await?;
        say(&format!("{messages} messages to the agent, {what} …"));
        rows.extend(agent(&broker, shape, messages).await?);
        rows.push(Row::new(
            format!("Mosquitto → a subscriber that only acknowledges, {what}"),
            format!("{plain:.0} samples/s"),
            "the broker's own ceiling",
        ));
    }
    Ok(rows)
}

/// Samples per second that a subscriber gets which only acknowledges.
async fn plain_subscriber(broker: &Broker, shape: Shape, messages: usize) -> Result<f64> {
    let received = Arc::new(AtomicUsize::new(0));
    let (client, mut events) = AsyncClient::new(options(broker, "plain"), 100);
    client.subscribe("bench/#", QoS::AtLeastOnce).await?;
    let counted = Arc::clone(&received);
    let ready = Arc::new(AtomicUsize::new(0));
    let granted = Arc::clone(&ready);
    let (tell_end, end) = oneshot::channel();
    let subscriber: JoinHandle<()> = tokio::spawn(async move {
        let mut tell_end = Some(tell_end);
        // Ends with the connection.
        while let Ok(event) = events.poll().await {
            if matches!(event, Event::Incoming(Packet::Publish(_))) {
                let is_last = counted.fetch_add(1, Ordering::Relaxed) + 1 == messages;
                if let Some(tell_end) = tell_end.take_if(|_| is_last) {
                    // Nobody listens where the measurement was given up.
                    let _ = tell_end.send(Instant::now());
                }
            } else if matches!(event, Event::Incoming(Packet::SubAck(_))) {
                granted.store(1, Ordering::Relaxed);
            }
        }
    });
    wait::until("the subscriber to be there", STALLED, async || {
        Ok((ready.load(Ordering::Relaxed) > 0).then_some(()))
    })
    .await?;
    let start = Instant::now();
    publish(broker, shape, 0..messages).await?;
    reach("messages received", messages, async || {
        Ok(received.load(Ordering::Relaxed))
    })
    .await?;
    let time = end.await?.duration_since(start);
    client.disconnect().await?;
    subscriber.await?;
    Ok(rate(messages * shape.per_message(), time))
}

async fn agent(broker: &Broker, shape: Shape, messages: usize) -> Result<Vec<Row>> {
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
    // Until it has subscribed, what is published goes to nobody.
    wait::until("the agent to take a message", STALLED, async || {
        publish(broker, shape, 0..1).await?;
        Ok((stored(&plant).await? > 0).then_some(()))
    })
    .await?;
    let had = stored(&plant).await?;
    let samples = messages * shape.per_message();
    let (before, start) = (processor_time(pid)?, Instant::now());
    let mut resident = 0;
    let all_stored = reach("samples on the agent's disk", had + samples, async || {
        resident = resident.max(resident_kib(pid)?);
        stored(&plant).await
    });
    tokio::try_join!(publish(broker, shape, 1..messages + 1), all_stored)?;
    let time = start.elapsed();
    let cores = processor_time(pid)?.saturating_sub(before).as_secs_f64() / time.as_secs_f64();
    // What is open becomes a block with the end of the program.
    plant.stop().await?;
    let bytes = bytes_per_sample(&plant.data_dir().join("telemetry.db"))?;
    let what = shape.text();
    let stored = rate(samples, time);
    Ok(vec![
        Row::new(
            format!("MQTT → agent, durable, {what}"),
            format!("{stored:.0} samples/s"),
            "goal 20,000",
        ),
        Row::new(
            "agent: processor and memory at that",
            format!("{cores:.2} cores, {}", mebibytes(resident)),
            format!(
                "limits 1 core for {GOAL_PER_S:.0} samples/s (here {:.2}), 64 MiB",
                cores * GOAL_PER_S / stored
            ),
        ),
        Row::new(
            format!("telemetry on disk and wire, {what}"),
            format!("{bytes:.2} bytes/sample"),
            "limit 3",
        ),
    ])
}

/// Waits until a count is reached, as long as it gets on.
async fn reach(
    what: &str,
    wanted: usize,
    mut count: impl AsyncFnMut() -> Result<usize>,
) -> Result<()> {
    let mut ask = tokio::time::interval(ASK_EVERY);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut best, mut since) = (0, Instant::now());
    loop {
        ask.tick().await;
        let now = count().await?;
        if now >= wanted {
            return Ok(());
        }
        if now > best {
            (best, since) = (now, Instant::now());
        }
        ensure!(
            since.elapsed() < STALLED,
            "{now} of {wanted} {what}, and no more for {} s",
            STALLED.as_secs()
        );
    }
}

fn options(broker: &Broker, name: &str) -> MqttOptions {
    let address = broker.address();
    let mut options = MqttOptions::new(name, address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_mins(1));
    options.set_inflight(INFLIGHT);
    options
}

/// Publishes messages of all presses, second by second, as fast as the broker takes them.
async fn publish(broker: &Broker, shape: Shape, messages: Range<usize>) -> Result<()> {
    let count = messages.len();
    let (client, mut events) = AsyncClient::new(options(broker, "publisher"), 1_000);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&acknowledged);
    let line: JoinHandle<Result<(), rumqttc::ConnectionError>> = tokio::spawn(async move {
        loop {
            match events.poll().await? {
                Event::Incoming(Packet::PubAck(_)) => {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
                _ => {}
            }
        }
    });
    let per_second = PRESSES * METRICS / shape.per_message();
    let told = async {
        for message in messages {
            let (second, place) = (message / per_second, message % per_second);
            let press = place % PRESSES;
            let first = place / PRESSES * shape.per_message();
            let topic = format!("bench/press-{press}/{first}");
            let payload = payload(second, press, first, shape.per_message());
            client
                .publish(topic, QoS::AtLeastOnce, false, payload)
                .await?;
        }
        reach("messages acknowledged by the broker", count, async || {
            Ok(acknowledged.load(Ordering::Relaxed))
        })
        .await?;
        client.disconnect().await?;
        anyhow::Ok(())
    };
    // A connection that breaks ends the measurement: nobody would wait for the rest in vain.
    let line = async { Ok(line.await??) };
    tokio::try_join!(told, line)?;
    Ok(())
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
