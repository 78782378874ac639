//! Machines that tell a broker their values and let none be lost on the way to it: what it has not acknowledged is told again
//! on the next connection.
//!
//! So is what it acknowledged last. A broker that is killed has acknowledged messages that it had not saved yet, and a machine cannot
//! know which; told twice, a sample is the same sample.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::wait;

/// Messages on the way to the broker.
const WINDOW: usize = 50;
/// Acknowledged messages that are told again: more than a broker takes between two of its saves.
const TOLD_AGAIN: usize = 2 * WINDOW;
/// Between two tries to reach a broker that is away.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// Of what is told in a test.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    pub topic: String,
    pub payload: String,
}

/// All machines of a plant, on one connection. They are silent when this is dropped.
#[derive(Debug)]
pub struct Machines {
    inbox: UnboundedSender<Message>,
    told: u64,
    acknowledged: Arc<AtomicU64>,
    line: JoinHandle<()>,
}

impl Machines {
    pub fn at(broker: SocketAddr) -> Self {
        let (inbox, messages) = unbounded_channel();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let line = Line {
            broker,
            messages,
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            done: VecDeque::new(),
            acknowledged: Arc::clone(&acknowledged),
        };
        Self {
            inbox,
            told: 0,
            acknowledged,
            line: tokio::spawn(line.run()),
        }
    }

    /// Has a machine tell something, as soon as the broker takes it.
    pub fn tell(&mut self, topic: String, payload: String) -> Result<()> {
        self.told += 1;
        let message = Message { topic, payload };
        self.inbox.send(message).context("the machines are gone")
    }

    /// Waits until the broker has acknowledged everything.
    pub async fn all_told(&self, limit: Duration) -> Result<()> {
        wait::until("the broker to take what machines tell", limit, async || {
            Ok((self.acknowledged.load(Ordering::Relaxed) >= self.told).then_some(()))
        })
        .await
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        self.line.abort();
    }
}

struct Line {
    broker: SocketAddr,
    messages: UnboundedReceiver<Message>,
    /// To be told again before anything new.
    waiting: VecDeque<Message>,
    /// On their way, oldest first; the broker acknowledges them in this order. The flag is of those that count when it does.
    sent: VecDeque<(Message, bool)>,
    /// The newest that were acknowledged.
    done: VecDeque<Message>,
    acknowledged: Arc<AtomicU64>,
}

impl Line {
    async fn run(mut self) {
        let mut try_every = tokio::time::interval(TRY_EVERY);
        loop {
            try_every.tick().await;
            if self.connection().await.is_none() {
                return;
            }
            // The old ones come first, and those of them that were acknowledged do not count again.
            let counted = self.sent.drain(..);
            let (counts, again): (Vec<_>, Vec<_>) = counted.partition(|(_, counts)| *counts);
            self.again(again.into_iter().map(|(message, _)| message).collect());
            for (message, _) in counts.into_iter().rev() {
                self.waiting.push_front(message);
            }
        }
    }

    /// Keeps what was acknowledged once to be told again on the next connection.
    fn again(&mut self, messages: Vec<Message>) {
        self.done.extend(messages);
        let too_many = self.done.len().saturating_sub(TOLD_AGAIN);
        self.done.drain(..too_many);
    }

    /// Tells until the connection breaks; none when nobody has anything more to tell.
    async fn connection(&mut self) -> Option<()> {
        let (host, port) = (self.broker.ip().to_string(), self.broker.port());
        let mut options = MqttOptions::new("machines", host, port);
        options.set_max_packet_size(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
        options.set_inflight(u16::MAX);
        let (client, mut events) = AsyncClient::new(options, TOLD_AGAIN + WINDOW);
        let (acknowledged, mut answers) = unbounded_channel();
        // The poll is never given up in the middle of a write.
        let poll = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                let is_gone = match event {
                    Event::Incoming(Packet::ConnAck(_)) => acknowledged.send(false).is_err(),
                    Event::Incoming(Packet::PubAck(_)) => acknowledged.send(true).is_err(),
                    _ => false,
                };
                if is_gone {
                    return;
                }
            }
        });
        let mut again = std::mem::take(&mut self.done);
        while let Some(message) = again.pop_front() {
            self.send(&client, message, false);
        }
        let ended = loop {
            while self.sent.len() < WINDOW
                && let Some(message) = self.waiting.pop_front()
            {
                self.send(&client, message, true);
            }
            tokio::select! {
                answer = answers.recv() => match answer {
                    None => break Some(()),
                    Some(false) => {}
                    Some(true) => self.acknowledge(),
                },
                message = self.messages.recv(), if self.sent.len() < WINDOW => match message {
                    None => break None,
                    Some(message) => self.send(&client, message, true),
                },
            }
        };
        poll.abort();
        ended
    }

    fn send(&mut self, client: &AsyncClient, message: Message, counts: bool) {
        let Message { topic, payload } = message.clone();
        // The client has room for all that is on its way; what a broken connection loses is in `sent`.
        let _ = client.try_publish(topic, QoS::AtLeastOnce, false, payload);
        self.sent.push_back((message, counts));
    }

    fn acknowledge(&mut self) {
        let Some((message, counts)) = self.sent.pop_front() else {
            return;
        };
        self.again(vec![message]);
        if counts {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}
