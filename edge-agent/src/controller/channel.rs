//! The task that feeds one channel: the signals of new events in their order, and the heartbeat.
//!
//! A reliable channel sends its oldest unanswered signals again until each has a Response, also
//! after a restart: its row names the last event that was answered. A subscriber that is away is
//! tried with growing waits; one that is busy (return codes 8 and 10) is tried again, and any other
//! answer counts. With `RetryPolicy="DiscardAtNextSignal"` an unanswered signal is given up when
//! there is a newer one. A channel of fire and forget tries each signal once.
//!
//! The channel of a job that was submitted here (`WatchURL`) is closed when the job was given back and
//! everything before that was told.
//!
//! The heartbeat shows what is known at its moment. It is never sent again, goes after the signals
//! that wait when it is due, no sooner than `MinDelayTime` allows, and is left out while the subscriber does not
//! answer: it would overtake them. It keeps to the clock of its first beat. So it is with the signals
//! of a `RepeatStep`.
//!
//! Limits: [`SIGNALS_PER_POST_MAX`], waits between [`RETRY_BASE`] and [`RETRY_CAP`].

use std::net::IpAddr;
use std::time::Duration;

use agog_jdf::jmf::{
    Body, Jmf, Message, Query, QueryContent, ReturnCode, SignalContent, Subscription, Trigger,
    correlate,
};
use agog_jdf::package::{JMF_TYPE, Package, PackageLimits};
use agog_jdf::{ChannelMode, Limits, RetryPolicy};
use agog_sync::backoff::Backoff;
use agog_sync::event::{Envelope, Event};
use rust_decimal::prelude::ToPrimitive as _;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tracing::{debug, info, warn};

use super::signals::{self, Channel, Names};
use super::steps::{self, Steps};
use super::{queries, subscribe};
use crate::devices::client::sender_id;
use crate::ledger::LedgerError;
use crate::ledger::controller::{Change, ChannelRow};
use crate::run::Agent;
use crate::uplink::http::chain;

/// Events whose signals share a message; a subscriber that is behind catches up in such steps.
pub(super) const SIGNALS_PER_POST_MAX: usize = 20;
/// The shortest time between two looks into the ledger: what comes together goes together, and many
/// channels on a busy ledger read twenty times a second and not with every commit.
const GATHER: Duration = Duration::from_millis(50);
/// Events that are read at a time; most of them are not for a channel of one job.
const EVENTS_PER_READ: usize = 200;
/// The first wait after a subscriber did not answer.
pub(super) const RETRY_BASE: Duration = Duration::from_millis(500);
/// The longest wait.
pub(super) const RETRY_CAP: Duration = Duration::from_mins(1);
/// The cursor is written at the latest after so many places without signals, so that a restart
/// does not read everything again.
const UNWRITTEN_PLACES_MAX: i64 = 10_000;

/// Feeds a channel until it is stopped from outside.
pub(super) async fn feed(agent: Agent, row: ChannelRow) {
    let Some(query) = subscribe::query_of(&row) else {
        warn!(
            "channel {} to {} is not understood",
            row.channel, row.asked.url
        );
        return;
    };
    let subscription = query.subscription.clone().unwrap_or_default();
    let mut feeder = Feeder {
        caller: row.asked.caller.as_deref().and_then(|it| it.parse().ok()),
        written: row.position,
        position: row.position,
        agent,
        row,
        query,
        subscription,
    };
    feeder.run().await;
}

struct Feeder {
    agent: Agent,
    row: ChannelRow,
    query: Query,
    subscription: Subscription,
    caller: Option<IpAddr>,
    /// Everything up to there was answered.
    position: i64,
    /// The position of the row.
    written: i64,
}

/// What came of looking for signals and sending them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Nothing waits.
    Done,
    /// There may be more.
    More,
    /// The subscriber did not answer.
    Unanswered,
    /// Nothing waits, and the job of the channel was given back: there is nothing more to tell.
    Over,
}

/// Signals that go together.
struct Batch {
    /// The place of each event, and how many of the signals are its own.
    events: Vec<(i64, usize)>,
    signals: Vec<Message>,
    /// The position once all of them are answered.
    end: i64,
    /// Whether more may wait after them.
    more: bool,
    /// Whether another event with signals is known to wait after them.
    newer: bool,
    /// Whether the job of the channel was given back before the events were read.
    is_settled: bool,
}

impl Batch {
    /// What comes after all of it was answered.
    fn after(&self) -> Round {
        if self.more {
            Round::More
        } else if self.is_settled {
            Round::Over
        } else {
            Round::Done
        }
    }
}

impl Feeder {
    async fn run(&mut self) {
        let mut rng = self.agent.fork_rng();
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        let mut moved = self.agent.ledger.position();
        let mut settled = self.agent.desk.changed.subscribe();
        let period = heartbeat(&self.subscription);
        let every = period.unwrap_or(RETRY_CAP);
        // Aligned to the start: a late beat does not make the next ones late.
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut steps = Steps::of(&self.query);
        let mut step = interval(steps::LOOK_EVERY);
        step.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = true;
        let mut failing = false;
        // A heartbeat that is due.
        let mut owed: Option<Trigger> = None;
        let apart = min_delay(&self.subscription).max(GATHER);
        let mut resume = Instant::now();
        loop {
            if due && Instant::now() >= resume {
                moved.mark_unchanged();
                settled.mark_unchanged();
                let written = self.written;
                let round = self.round().await.unwrap_or_else(|error| {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "events for channel {} to {} not read",
                        self.row.asked.channel_id,
                        self.row.asked.url
                    );
                    Round::Unanswered
                });
                if round == Round::Over && self.close().await {
                    return;
                }
                failing = round == Round::Unanswered;
                due = !matches!(round, Round::Done | Round::Over);
                if failing {
                    owed = None;
                }
                resume = Instant::now();
                resume += if failing {
                    backoff.next_wait(&mut rng)
                } else {
                    backoff.reset();
                    let has_sent = self.written != written;
                    if has_sent { apart } else { GATHER }
                };
                continue;
            }
            if !due
                && Instant::now() >= resume
                && let Some(trigger) = owed.take()
            {
                self.beat(trigger).await;
                resume = Instant::now() + apart;
                continue;
            }
            tokio::select! {
                _ = beat.tick(), if period.is_some() => {
                    if !failing {
                        // What was recorded until now goes first.
                        owed.get_or_insert_default().repeat_time = self.subscription.repeat_time;
                        due |= moved.has_changed().unwrap_or(true);
                    }
                }
                _ = step.tick(), if steps.is_some() => {
                    let look = |steps: &mut Steps| {
                        steps.look(&self.agent, self.device(), &self.query)
                    };
                    if steps.as_mut().is_some_and(look) && !failing {
                        owed.get_or_insert_default().repeat_step = self.subscription.repeat_step;
                        due |= moved.has_changed().unwrap_or(true);
                    }
                }
                () = tokio::time::sleep_until(resume), if due || owed.is_some() => {}
                changed = moved.changed(), if !due => {
                    // The ledger ends with the program.
                    if changed.is_err() {
                        return;
                    }
                    due = true;
                }
                _ = settled.changed(), if !due && self.row.asked.job_id.is_some() => due = true,
            }
        }
    }

    /// Closes the channel of a job that was given back. When that does not work, it is tried again with
    /// the next event.
    async fn close(&self) -> bool {
        let url = &self.row.asked.url;
        let stopped = self
            .agent
            .ledger
            .change(Change::Stop(vec![self.row.channel]));
        match stopped.await {
            Ok(_) => {
                info!("the channel of a job to {url} is closed: the job was given back");
                true
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the channel of a job to {url} not closed yet"
                );
                false
            }
        }
    }

    /// Sends what waits, as much as goes into one message.
    async fn round(&mut self) -> Result<Round, LedgerError> {
        let batch = self.batch().await?;
        if batch.signals.is_empty() {
            self.position = batch.end;
            if self.position - self.written >= UNWRITTEN_PLACES_MAX {
                self.write_position().await?;
            }
            return Ok(batch.after());
        }
        let answered = self.post(batch.signals.clone()).await;
        let is_reliable = subscribe::mode(&self.subscription) == ChannelMode::Reliable;
        if !is_reliable || answered >= batch.signals.len() {
            self.position = batch.end;
            self.write_position().await?;
            return Ok(batch.after());
        }
        let mut left = answered;
        for (place, signals) in &batch.events {
            if *signals > left {
                break;
            }
            left -= signals;
            self.position = *place;
        }
        if self.discards() && batch.newer {
            debug!(
                "a signal for {} is given up for a newer one",
                self.row.asked.url
            );
            metrics::counter!("agog_jmf_signals_discarded_total").increment(1);
            self.position = batch.end;
        }
        self.write_position().await?;
        Ok(Round::Unanswered)
    }

    /// The oldest signals that wait.
    async fn batch(&self) -> Result<Batch, LedgerError> {
        let (position, job_id) = (self.position, self.row.asked.job_id);
        let (page, names, is_settled) = self
            .agent
            .ledger
            .read(move |reader| {
                let settled = job_id.map(|job_id| reader.is_settled(job_id)).transpose()?;
                let page = reader.events_after(position, EVENTS_PER_READ)?;
                let mut names = Names::new();
                for (_, envelope) in &page.events {
                    if let Some(job_id) = job_of(envelope)
                        && !names.contains_key(&job_id)
                    {
                        let known = reader.submission_of_job(job_id)?;
                        let of_ticket = known.map(|known| {
                            let submitted = known.submitted;
                            (submitted.ticket_job_id, submitted.ticket_job_part_id)
                        });
                        names.insert(job_id, of_ticket.unwrap_or_default());
                    }
                }
                Ok((page, names, settled == Some(true)))
            })
            .await?;
        let channel = self.channel(subscribe::mode(&self.subscription));
        let most = if self.discards() {
            1
        } else {
            SIGNALS_PER_POST_MAX
        };
        let full_page = page.events.len() >= EVENTS_PER_READ;
        let mut batch = Batch {
            events: Vec::new(),
            signals: Vec::new(),
            end: page.end,
            more: full_page,
            newer: false,
            is_settled,
        };
        let mut last = position;
        for (place, envelope) in &page.events {
            let signals = signals::of_event(&channel, envelope, &names);
            if !signals.is_empty() && batch.signals.len() >= most {
                batch.end = last;
                batch.more = true;
                batch.newer = true;
                break;
            }
            last = *place;
            if !signals.is_empty() {
                batch.events.push((*place, signals.len()));
                batch.signals.extend(signals);
            }
        }
        Ok(batch)
    }

    fn channel(&self, mode: ChannelMode) -> Channel<'_> {
        Channel {
            number: self.row.channel,
            id: &self.row.asked.channel_id,
            device: self.device(),
            query: &self.query,
            mode,
        }
    }

    /// The device that the channel is about, unless it is the agent itself.
    fn device(&self) -> Option<&str> {
        let device = self.row.asked.device.as_deref();
        device.filter(|device| *device != sender_id(&self.agent))
    }

    fn discards(&self) -> bool {
        self.subscription.retry_policy == Some(RetryPolicy::DiscardAtNextSignal)
    }

    async fn write_position(&mut self) -> Result<(), LedgerError> {
        if self.position > self.written {
            let advance = Change::Advance {
                channel: self.row.channel,
                position: self.position,
            };
            self.agent.ledger.change(advance).await?;
            self.written = self.position;
        }
        Ok(())
    }

    /// Tells what is known now, and why it is told.
    async fn beat(&mut self, trigger: Trigger) {
        let device = self
            .device()
            .and_then(|id| queries::device(&self.agent, id));
        let answer = match queries::answer(&self.agent, device.as_ref(), &self.query.content).await
        {
            Ok(answer) => answer,
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "no heartbeat for {}", self.row.asked.url
                );
                return;
            }
        };
        let content = match &self.query.content {
            QueryContent::Status(params) => SignalContent::Status {
                params: params.clone(),
                devices: answer.devices,
                queue: answer.queue,
            },
            QueryContent::QueueStatus(filter) => SignalContent::QueueStatus {
                filter: filter.clone(),
                queue: answer.queue,
            },
            QueryContent::Resource(params) => SignalContent::Resource {
                params: params.clone(),
                resources: answer.resources,
            },
            // Nothing happened, so there is nothing to notify of.
            _ => return,
        };
        let now = self.agent.clock.now();
        let id = format!("H{}-{}", self.row.channel, now.as_microsecond());
        let channel = self.channel(ChannelMode::FireAndForget);
        let mut signal = channel.signal(id, content).at(now);
        if let Body::Signal(signal) = &mut signal.body {
            signal.trigger = Some(trigger);
        }
        self.post(vec![signal]).await;
    }

    /// Posts signals; tells how many of them, from the first on, were answered.
    async fn post(&self, signals: Vec<Message>) -> usize {
        let mut jmf = Jmf::new(sender_id(&self.agent), self.agent.clock.now());
        jmf.agent_name = Some("AGOG".to_owned());
        jmf.agent_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        jmf.messages = signals;
        let url = &self.row.asked.url;
        let sent = self
            .agent
            .desk
            .outward
            .post(url, self.caller, JMF_TYPE, jmf.to_bytes());
        match sent.await {
            Ok((_, answer)) => answered(url, &jmf.messages, &answer),
            Err(error) => {
                debug!("signals for {url} not delivered: {}", chain(&error));
                0
            }
        }
    }
}

/// How many signals, from the first on, an answer settles.
fn answered(url: &str, sent: &[Message], answer: &[u8]) -> usize {
    // Some subscribers pack their answers.
    let package = Package::parse(None, answer, &PackageLimits::default()).ok();
    let jmf = package
        .as_ref()
        .and_then(Package::jmf)
        .map_or(answer, |part| part.body());
    let Ok(read) = Jmf::parse(jmf, &Limits::default()) else {
        return 0;
    };
    let answers = correlate(sent, &read.jmf.messages);
    let settled = answers.iter().zip(sent).take_while(|(answer, signal)| {
        let Some(Body::Response(response)) = answer.map(|answer| &answer.body) else {
            return false;
        };
        match response.return_code {
            ReturnCode::SERVICE_BUSY | ReturnCode::DEVICE_NOT_AVAILABLE => false,
            code => {
                if !code.is_processed() {
                    metrics::counter!("agog_jmf_signals_refused_total").increment(1);
                    info!(
                        "signal {} refused by {url}: {code}, {}",
                        signal.id,
                        response.reason()
                    );
                }
                true
            }
        }
    });
    settled.count()
}

fn job_of(envelope: &Envelope) -> Option<agog_sync::ids::JobId> {
    match envelope.event() {
        Ok(Event::Job(event)) => event.progress.job.job_id,
        _ => None,
    }
}

fn heartbeat(subscription: &Subscription) -> Option<Duration> {
    let seconds = subscription.repeat_time?.to_f64()?;
    (seconds >= f64::from(subscribe::REPEAT_SECONDS_MIN)
        && seconds <= f64::from(subscribe::REPEAT_SECONDS_MAX))
    .then(|| Duration::from_secs_f64(seconds))
}

fn min_delay(subscription: &Subscription) -> Duration {
    let delay = subscription.min_delay_time.unwrap_or_default();
    let delay = Duration::try_from(delay).unwrap_or_default();
    delay.min(Duration::from_secs(subscribe::REPEAT_SECONDS_MAX.into()))
}
