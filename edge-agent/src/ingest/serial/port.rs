//! The task of one port: opens it, turns lines into samples and scans, asks where it has to ask, and opens it again after it was
//! unplugged.

use std::sync::Arc;
use std::time::Duration;

use agog_sync::backoff::Backoff;
use agog_sync::clock::Clock;
use metrics::{Counter, Gauge, counter, gauge};
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::framing::{Frame, Framer};
use super::heard::{Lines, Origin};
use super::keep::Inlet;
use super::open::{lost_words, open};
use super::understand::{BadLine, Understand, Understood, Unused};
use crate::config::{PollConfig, SerialConfig};
use crate::health::{Health, PortHealth};
use crate::ingest::sampled_log::SampledLog;
use crate::run::Agent;

const RETRY_BASE: Duration = Duration::from_millis(250);
/// A scanner that was plugged in again works within this.
const RETRY_CAP: Duration = Duration::from_secs(5);
/// Bytes of one read.
const READ_BYTES: usize = 4_096;
/// A request is a few characters; a port that does not take them is of no use.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// Whoever is in the middle of a line goes on sooner than this, down to 300 baud.
const MIDDLE_OF_A_LINE: Duration = Duration::from_millis(100);

pub(super) struct Port {
    config: SerialConfig,
    understand: Understand,
    inlet: Inlet,
    lines: Lines,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    rng: StdRng,
    metrics: Metrics,
    bad_log: SampledLog,
    lost_log: SampledLog,
    /// The device was lost because it said nothing, and has said nothing since: that its port can be opened does not bring it back.
    is_silent: bool,
}

/// Made once: some scales send ten lines a second.
struct Metrics {
    lines: Counter,
    bad: Counter,
    samples: Counter,
    scans: Counter,
    unused: Counter,
    open: Gauge,
}

impl Metrics {
    fn of(port: &str) -> Self {
        let name = || port.to_owned();
        Self {
            lines: counter!("agog_serial_lines_total", "port" => name()),
            bad: counter!("agog_serial_bad_lines_total", "port" => name(), "intentional" => "true"),
            samples: counter!("agog_serial_samples_total", "port" => name()),
            scans: counter!("agog_serial_scans_total", "port" => name()),
            unused: counter!("agog_serial_unused_lines_total", "port" => name(), "intentional" => "true"),
            open: gauge!("agog_serial_open", "port" => name()),
        }
    }
}

/// What happens at an open port.
enum Step {
    Read(std::io::Result<usize>),
    Poll,
    Silent,
}

impl Port {
    pub(super) fn new(
        agent: &Agent,
        config: &SerialConfig,
        inlet: Inlet,
        lines: Lines,
    ) -> Result<Self, BadLine> {
        let now = agent.clock.now();
        agent.health.serial(&config.name, |port| {
            *port = PortHealth {
                path: config.path.clone(),
                device: config.device().to_owned(),
                away_since: Some(now),
                ..PortHealth::default()
            };
        });
        Ok(Self {
            understand: Understand::new(config)?,
            metrics: Metrics::of(&config.name),
            config: config.clone(),
            inlet,
            lines,
            clock: agent.clock.clone(),
            health: agent.health.clone(),
            rng: agent.fork_rng(),
            bad_log: SampledLog::default(),
            lost_log: SampledLog::default(),
            is_silent: false,
        })
    }

    /// Runs until the stop.
    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        while !stop.is_cancelled() {
            let why = match open(&self.config).await {
                Ok(mut stream) => {
                    if !self.is_silent {
                        self.opened();
                    }
                    let why = tokio::select! {
                        why = self.listen(&mut stream, &mut backoff) => why,
                        () = stop.cancelled() => "the agent stops".to_owned(),
                    };
                    // Closing would wait half a minute for what a device that is away does not take.
                    let _ = stream.clear(ClearBuffer::Output);
                    why
                }
                Err(why) => {
                    self.is_silent = false;
                    why
                }
            };
            if stop.is_cancelled() {
                return;
            }
            self.away(why);
            let wait = backoff.next_wait(&mut self.rng);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Until the port is of no use; says why.
    async fn listen(&mut self, stream: &mut SerialStream, backoff: &mut Backoff) -> String {
        let opened_at = Instant::now();
        let poll = self.config.poll.clone();
        let mut polls = poll.as_ref().map(every);
        let silent = self
            .config
            .silent_s()
            .map(|s| Duration::from_secs(s.into()));
        let mut heard_at = opened_at;
        let mut framer = Framer::new(self.understand.framing(&self.config));
        let mut buffer = [0; READ_BYTES];
        let mut is_first = true;
        let mut is_cut = false;
        loop {
            let step = tokio::select! {
                result = stream.read(&mut buffer) => Step::Read(result),
                () = tick(&mut polls) => Step::Poll,
                () = at(silent.map(|silent| heard_at + silent)) => Step::Silent,
            };
            let count = match step {
                Step::Read(Ok(count)) if count > 0 => count,
                // 0 is the end of a file to others; here it is an adapter that is not there any more.
                Step::Read(lost) => {
                    self.is_silent = false;
                    return lost_words(&lost);
                }
                Step::Silent => {
                    self.is_silent = true;
                    let seconds = silent.unwrap_or_default().as_secs();
                    return format!("nothing came for {seconds} s; is the device on?");
                }
                Step::Poll => {
                    if let Some(poll) = &poll
                        && let Err(why) = ask(stream, poll).await
                    {
                        self.is_silent = true;
                        return why;
                    }
                    continue;
                }
            };
            if std::mem::take(&mut is_first) {
                is_cut =
                    self.understand.takes_any_beginning() && opened_at.elapsed() < MIDDLE_OF_A_LINE;
            }
            for frame in framer.push(buffer.get(..count).unwrap_or_default()) {
                heard_at = Instant::now();
                if self.frame(frame, std::mem::take(&mut is_cut)) {
                    backoff.reset();
                }
            }
        }
    }

    /// Takes in a line; whether it was understood.
    fn frame(&mut self, frame: Frame, is_cut: bool) -> bool {
        if std::mem::take(&mut self.is_silent) {
            self.opened();
        }
        let now = self.clock.now();
        let fault = |fault| Understood {
            fault: Some(fault),
            ..Understood::default()
        };
        let (line, understood) = match frame {
            Frame::Line(line) if is_cut => {
                let unused = Some(Unused::Cut);
                let cut = Understood {
                    unused,
                    ..Understood::default()
                };
                (line, cut)
            }
            Frame::Line(line) => {
                let understood = self.understand.line(&line, now);
                (line, understood)
            }
            Frame::TooLong => (Vec::new(), fault(BadLine::TooLong)),
            Frame::Stray(bytes) => (Vec::new(), fault(BadLine::Stray(bytes))),
        };
        let origin = Origin {
            port: &self.config.name,
            kind: self.config.kind,
            device: self.config.device(),
            at: now,
        };
        let fault = understood.fault_shown();
        self.lines.tell(&origin, &line, &understood, fault.clone());
        self.metrics.lines.increment(1);
        let samples = understood.samples.len() as u64;
        self.metrics.samples.increment(samples);
        let scans = u64::from(understood.scan.is_some());
        self.metrics.scans.increment(scans);
        let unused = u64::from(understood.unused.is_some());
        self.metrics.unused.increment(unused);
        let lost = understood.samples.into_iter();
        let lost = lost
            .filter(|sample| !self.inlet.put(sample.clone()))
            .count() as u64;
        let name = &self.config.name;
        self.health.serial(name, |port| {
            port.last_line = Some(now);
            port.lines += 1;
            port.samples += samples;
            port.scans += scans;
            port.unused_lines += unused;
            port.lost_samples += lost;
            if let Some(unused) = understood.unused {
                port.last_unused = Some(unused.as_str().to_owned());
            }
            if let Some(fault) = &fault {
                port.bad_lines += 1;
                port.last_bad = Some(fault.clone());
            }
        });
        let Some(fault) = fault else {
            return true;
        };
        self.metrics.bad.increment(1);
        if let Some(left_out) = self.bad_log.admit(now) {
            warn!(
                serial.port = name,
                "a line of serial port {name} is bad: {fault} ({left_out} like it not logged)"
            );
        }
        false
    }

    fn opened(&self) {
        let name = &self.config.name;
        info!(
            serial.port = name,
            "serial port {name} is open: {}",
            self.config.path.display()
        );
        self.metrics.open.set(1.0);
        let now = self.clock.now();
        self.health.serial(name, |port| {
            port.open_since = Some(now);
            port.away_since = None;
            port.last_failure = None;
            port.opened += 1;
        });
    }

    fn away(&mut self, why: String) {
        let name = &self.config.name;
        let now = self.clock.now();
        if let Some(left_out) = self.lost_log.admit(now) {
            warn!(
                serial.port = name,
                "no device at serial port {name}: {why} ({left_out} tries not logged)"
            );
        }
        self.metrics.open.set(0.0);
        self.health.serial(name, |port| {
            port.open_since = None;
            port.away_since.get_or_insert(now);
            port.last_failure = Some(why);
        });
    }
}

fn every(poll: &PollConfig) -> Interval {
    let mut every = tokio::time::interval(Duration::from_millis(poll.every_ms.into()));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}

async fn tick(polls: &mut Option<Interval>) {
    match polls {
        Some(polls) => drop(polls.tick().await),
        None => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn ask(stream: &mut SerialStream, poll: &PollConfig) -> Result<(), String> {
    let request = [poll.command.as_bytes(), poll.end.as_bytes()].concat();
    match tokio::time::timeout(WRITE_LIMIT, stream.write_all(&request)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(lost_words(&Err(error))),
        Err(_) => Err("it takes no request; is the flow control right?".to_owned()),
    }
}
