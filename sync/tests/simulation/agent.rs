//! One agent: records facts at any time, and delivers them as the uplink does, on the protocol's own functions.

use std::sync::Arc;

use agog_sync::event::{Actor, Envelope, Event, NewEvent};
use agog_sync::frame::{LedgerAck, LedgerBatch, LedgerPage, PROTOCOL};
use agog_sync::ids::{EventId, ProducerId, RunId};
use agog_sync::lots::{LotEvent, admit};
use agog_sync::outbox::{LocalLedger, Standing, compare};
use agog_sync::recovery::{Question, Search};
use jiff::Timestamp;

use super::disk::{Commit, Disk};
use super::network::{Answer, Ask};

/// The most events of one batch: small, so that many batches cross.
const BATCH_EVENTS: u64 = 5;

/// An answer that takes longer is given up, in milliseconds of the world.
const TIMEOUT_MS: u64 = 3_000;

/// The wait after a failure, in milliseconds of the world.
const RETRY_MS: u64 = 500;

/// What an agent waits for.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// For the time to try again.
    Resting { until_ms: u64 },
    /// For an answer.
    Asking { request: u64, until_ms: u64 },
    /// For something to do.
    Ready,
}

const START: Phase = Phase::Resting { until_ms: 0 };

/// One agent with its disk.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) disk: Disk,
    pub(crate) is_running: bool,
    /// How wrong its clock is, in milliseconds.
    pub(crate) skew_ms: i64,
    push: Phase,
    /// The hub has everything up to this epoch and number; none before a session has begun.
    after: Option<(u64, u64)>,
    /// Looking for the last event that both have, and what the hub has.
    search: Option<(Search, LedgerAck)>,
    feed: Phase,
    requests: u64,
    /// How often it was started: each start is a run of its own, also when the disk forgets it.
    starts: u128,
    /// Holds that came before their turn.
    pub(crate) early: usize,
}

impl Agent {
    pub(crate) fn new(disk: Disk) -> Self {
        let mut agent = Self {
            disk,
            is_running: false,
            skew_ms: 0,
            push: START,
            after: None,
            search: None,
            feed: START,
            requests: 0,
            starts: 0,
            early: 0,
        };
        agent.start();
        agent
    }

    pub(crate) fn producer(&self) -> ProducerId {
        self.disk.file.producer
    }

    /// The program starts: what it knew in memory is gone.
    pub(crate) fn start(&mut self) {
        self.is_running = true;
        self.starts += 1;
        let run = RunId::from_uuid(uuid::Uuid::from_u128(self.starts));
        self.disk.commit(Commit::Start(run));
        self.push = START;
        self.after = None;
        self.search = None;
        self.feed = START;
    }

    /// Records a fact. Gated ones are refused by the rules; what a machine says is a fact.
    pub(crate) fn record(
        &mut self,
        event_id: EventId,
        at: Timestamp,
        mut event: LotEvent,
        is_gated: bool,
    ) -> bool {
        let book = self.disk.file.shelf.book(&event, event_id);
        event.note(&book);
        if is_gated && admit(&event, &book, at).is_err() {
            return false;
        }
        let new = NewEvent {
            event_id,
            occurred_at: at,
            recorded_at: at,
            actor: Actor::Operator {
                name: "Jane Smith".to_owned(),
            },
            event: Event::Lot(event),
        };
        let file = &self.disk.file;
        let envelope = Envelope::seal(file.producer, file.epoch, &file.head, &new);
        self.disk.commit(Commit::Record(Arc::new(envelope)));
        true
    }

    /// What it asks now.
    pub(crate) fn asks(&mut self, now_ms: u64) -> Vec<(u64, Ask)> {
        let mut asks = Vec::new();
        self.push = Self::due(self.push, now_ms);
        if matches!(self.push, Phase::Ready)
            && let Some(ask) = self.next_push()
        {
            self.push = self.asked(now_ms);
            asks.push((self.requests, ask));
        }
        self.feed = Self::due(self.feed, now_ms);
        // A session begins with what the hub has; nothing is taken from the feed before.
        if matches!(self.feed, Phase::Ready) && self.after.is_some() {
            self.feed = self.asked(now_ms);
            // The feed waits for what comes back.
            let ask = match self.disk.file.fetch_back() {
                Some((epoch, after)) => Ask::Ledger { epoch, after },
                None => Ask::Feed {
                    after: self.disk.file.feed_cursor,
                },
            };
            asks.push((self.requests, ask));
        }
        asks
    }

    /// Takes an answer. One that nobody waits for any more is dropped, as a closed connection does.
    pub(crate) fn answered(&mut self, now_ms: u64, request: u64, answer: Answer) {
        let waits = |phase: Phase| matches!(phase, Phase::Asking { request: asked, .. } if asked == request);
        if waits(self.push) {
            self.push = Phase::Ready;
            self.pushed(now_ms, answer);
        } else if waits(self.feed) {
            self.feed = Phase::Resting {
                until_ms: now_ms + RETRY_MS,
            };
            match answer {
                Answer::Feed { holds, items } => {
                    for hold in holds {
                        self.early += usize::from(!self.disk.file.has(hold.event_id));
                        self.disk.commit(Commit::Early(hold));
                    }
                    for item in items {
                        if item.n == self.disk.file.feed_cursor + 1 {
                            self.disk.commit(Commit::Feed(item));
                            self.feed = Phase::Ready;
                        }
                    }
                }
                Answer::Ledger(page) => {
                    let asked = self.disk.file.fetch_back();
                    if let Some((_, after)) = asked.filter(|(epoch, _)| *epoch == page.epoch)
                        && page
                            .events
                            .first()
                            .is_none_or(|first| first.seq == after + 1)
                    {
                        self.disk.commit(Commit::TakeBack { after, page });
                        self.feed = Phase::Ready;
                    }
                }
                Answer::Refused => self.end_session(),
                Answer::State(_) | Answer::Taken(_) => {}
            }
        }
    }

    fn pushed(&mut self, now_ms: u64, answer: Answer) {
        match answer {
            Answer::State(ack) => self.reconcile(&ack),
            Answer::Taken(ack) => {
                let file = &self.disk.file;
                if file.hash_at(ack.epoch, ack.last_seq) != Some(ack.hash) {
                    self.end_session();
                    self.push = Phase::Resting {
                        until_ms: now_ms + RETRY_MS,
                    };
                    return;
                }
                if ack.epoch == file.epoch {
                    self.disk.commit(Commit::Acknowledge(ack));
                }
                self.after = Some((ack.epoch, ack.last_seq));
            }
            Answer::Refused => self.end_session(),
            Answer::Ledger(page) => self.heard(&page),
            Answer::Feed { .. } => {}
        }
    }

    /// What was asked in it is not waited for any more.
    fn end_session(&mut self) {
        self.after = None;
        self.feed = START;
    }

    fn reconcile(&mut self, ack: &LedgerAck) {
        let file = &self.disk.file;
        let local = LocalLedger {
            epoch: file.epoch,
            head: file.head,
            hash_at_hub: file.hash_at(ack.epoch, ack.last_seq),
        };
        match compare(&local, ack) {
            Standing::InStep { acknowledged } => {
                self.disk.commit(Commit::Acknowledge(*ack));
                self.after = Some((ack.epoch, acknowledged));
            }
            Standing::Behind {
                epoch,
                acknowledged,
            } => self.after = Some((epoch, acknowledged)),
            Standing::NewHere => {
                self.after = Some((file.epoch, 0));
                self.disk.commit(Commit::WantBack(ack.epoch));
            }
            Standing::RolledBack { hub }
            | Standing::Diverged { hub }
            | Standing::Superseded { hub } => {
                let search = Search::new(file.head.last_seq, file.acknowledged);
                self.search = Some((search, hub));
            }
        }
    }

    /// What the hub has of the epoch whose last common event is looked for.
    fn heard(&mut self, page: &LedgerPage) {
        let Some((search, _)) = &mut self.search else {
            return;
        };
        let Question::Ask { after } = search.question() else {
            return;
        };
        let file = &self.disk.file;
        let here = |event: &Envelope| file.hash_at(page.epoch, event.seq) == Some(event.hash);
        let same: Vec<_> = page.events.iter().map(here).collect();
        let same_before = page
            .events
            .first()
            .is_some_and(|first| file.hash_at(page.epoch, after) == Some(first.prev_hash));
        search.heard(after, same_before, &same);
    }

    fn next_push(&mut self) -> Option<Ask> {
        if let Some((search, hub)) = &mut self.search {
            let epoch = self.disk.file.epoch;
            // A search is asked once for each answer.
            match search.clone().question() {
                Question::Ask { after } => return Some(Ask::Ledger { epoch, after }),
                Question::Found { common } => {
                    let hub = *hub;
                    self.search = None;
                    self.disk.commit(Commit::OpenEpoch { hub, common });
                    self.after = Some((self.disk.file.epoch, 0));
                }
            }
        }
        let Some((epoch, after)) = self.after else {
            return Some(Ask::State(self.disk.file.claim()));
        };
        let file = &self.disk.file;
        let events: Vec<_> = file
            .events
            .range((epoch, after + 1)..=(epoch, after + BATCH_EVENTS))
            .map(|(_, event)| (**event).clone())
            .collect();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            if epoch < file.epoch {
                // A hub that has all of this epoch gets the next one.
                let next = file.events.range((epoch + 1, 0)..).next();
                let next = next.map_or(file.epoch, |((epoch, _), _)| *epoch);
                self.after = Some((next, 0));
                return self.next_push();
            }
            return None;
        };
        Some(Ask::Push(Arc::new(LedgerBatch {
            protocol: PROTOCOL,
            producer: file.producer,
            epoch,
            first_seq: first.seq,
            last_seq: last.seq,
            prev_hash: first.prev_hash,
            opened: None,
            events,
        })))
    }

    fn due(phase: Phase, now_ms: u64) -> Phase {
        match phase {
            Phase::Resting { until_ms } if until_ms <= now_ms => Phase::Ready,
            Phase::Asking { until_ms, .. } if until_ms <= now_ms => Phase::Resting {
                until_ms: now_ms + RETRY_MS,
            },
            other => other,
        }
    }

    fn asked(&mut self, now_ms: u64) -> Phase {
        self.requests += 1;
        Phase::Asking {
            request: self.requests,
            until_ms: now_ms + TIMEOUT_MS,
        }
    }
}
