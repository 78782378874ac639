//! One agent: records facts at any time, and delivers them as the uplink does, on the protocol's own functions.

mod chores;

use std::sync::Arc;

use agog_sync::document::{Author, DocumentKey, Edit, Role};
use agog_sync::event::{Actor, Envelope, Event, NewEvent};
use agog_sync::frame::{FeedItem, LedgerAck, LedgerBatch, LedgerPage, PROTOCOL};
use agog_sync::ids::{EventId, ProducerId, RunId};
use agog_sync::lots::{LotEvent, admit};
use agog_sync::outbox::{LocalLedger, Standing, compare};
use agog_sync::recovery::{Question, Search};
use jiff::Timestamp;
use jiff::civil::Date;

use super::disk::{Commit, Disk};
use super::network::{Answer, Ask};
use super::program::{Form, Program, seal};
pub(crate) use chores::Chores;

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

/// One process of an agent, with its disk.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Whose agent it is: more than one process may be alive with one identity.
    pub(crate) plant: usize,
    pub(crate) program: Program,
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
    pub(crate) chores: Chores,
    pub(crate) compares_days: bool,
    pub(crate) compares_documents: bool,
    requests: u64,
    /// Which process it is, and how often it was started: each start is a run of its own, also when the disk forgets it.
    process: u64,
    starts: u64,
    /// Holds that came before their turn.
    pub(crate) early: usize,
}

impl Agent {
    pub(crate) fn new(plant: usize, process: u64, program: Program, disk: Disk) -> Self {
        let mut agent = Self {
            plant,
            program,
            disk,
            is_running: false,
            skew_ms: 0,
            push: START,
            after: None,
            search: None,
            feed: START,
            chores: Chores::default(),
            compares_days: false,
            compares_documents: false,
            requests: 0,
            process,
            starts: 0,
            early: 0,
        };
        agent.start();
        agent
    }

    pub(crate) fn producer(&self) -> ProducerId {
        self.disk.file.producer
    }

    pub(crate) fn run(&self) -> RunId {
        self.disk.file.claim().run
    }

    /// The program starts: what it knew in memory is gone. What the one before it could not read is tried again.
    pub(crate) fn start(&mut self) {
        self.is_running = true;
        self.starts += 1;
        let run = RunId::from_uuid(uuid::Uuid::from_u128(self.started()));
        self.disk.commit(Commit::Start(run));
        self.push = START;
        self.after = None;
        self.search = None;
        self.feed = START;
        self.chores = Chores::default();
        for (n, item) in self.disk.file.passed_over.clone() {
            if self.program.read_item(&item.body).is_some() {
                self.disk.commit(Commit::LookAgain(n));
            }
        }
    }

    /// Like no other start of any process.
    fn started(&self) -> u128 {
        u128::from(self.process) << 64 | u128::from(self.starts)
    }

    /// Records a fact about lots. Gated ones are refused by the rules; what a machine says is a fact.
    pub(crate) fn record(
        &mut self,
        event_id: EventId,
        at: Timestamp,
        mut event: LotEvent,
        is_gated: bool,
        form: Form,
    ) -> bool {
        let book = self.disk.file.shelf.book(&event, event_id);
        event.note(&book);
        if is_gated && admit(&event, &book, at).is_err() {
            return false;
        }
        self.seal(event_id, at, Event::Lot(event), form);
        true
    }

    /// Edits a document, as an actor that is new with each start.
    pub(crate) fn edit(
        &mut self,
        event_id: EventId,
        at: Timestamp,
        key: &DocumentKey,
        edit: &Edit,
    ) -> bool {
        let role = match self.plant {
            0 => Role::ShiftLead,
            _ => Role::Operator,
        };
        let author = Author {
            name: format!("crew {}", self.process),
            role,
        };
        let mut document = self.disk.file.papers.document(key);
        let actor = self.started().to_be_bytes();
        let Ok(Some(changed)) = document.edit(&actor, &author, edit, at) else {
            return false;
        };
        let event = Event::Document(Box::new(changed));
        self.seal(event_id, at, event, Form::Known);
        true
    }

    fn seal(&mut self, event_id: EventId, at: Timestamp, event: Event, form: Form) {
        let new = NewEvent {
            event_id,
            occurred_at: at,
            recorded_at: at,
            actor: Actor::Operator {
                name: "Jane Smith".to_owned(),
            },
            event,
        };
        let file = &self.disk.file;
        let envelope = seal(file.producer, file.epoch, &file.head, &new, form);
        self.disk.commit(Commit::Record(Arc::new(envelope)));
    }

    /// What it asks now.
    pub(crate) fn asks(&mut self, now_ms: u64, today: Date) -> Vec<(u64, Ask)> {
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
        self.chores.phase = Self::due(self.chores.phase, now_ms);
        // Nothing is compared while something comes back.
        if matches!(self.chores.phase, Phase::Ready)
            && self.after.is_some()
            && self.disk.file.fetch_back().is_none()
            && let Some(ask) = self.next_chore(now_ms, today)
        {
            self.chores.phase = self.asked(now_ms);
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
                Answer::Feed {
                    holds,
                    items,
                    goes_on_after,
                } => self.told(holds, items, goes_on_after),
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
                _ => {}
            }
        } else if waits(self.chores.phase) {
            self.chores.phase = Phase::Ready;
            match answer {
                Answer::Refused => self.end_session(),
                answer => self.chore_done(now_ms, answer),
            }
        }
    }

    /// Takes in what the feed has. What this program cannot read is kept for the next one.
    fn told(
        &mut self,
        holds: Vec<Arc<Envelope>>,
        items: Vec<Arc<FeedItem>>,
        goes_on_after: Option<u64>,
    ) {
        let before = self.disk.file.feed_cursor;
        for hold in holds {
            if self.program.read(&hold).is_ok() {
                self.early += usize::from(!self.disk.file.has(hold.event_id));
                self.disk.commit(Commit::Early(hold));
            }
        }
        self.chores.is_fed = items.is_empty() && goes_on_after.is_none();
        for item in items {
            let cursor = self.disk.file.feed_cursor;
            let is_next = item.n == cursor + 1;
            // Only what is left of old items has gaps.
            if is_next || (goes_on_after.is_some() && item.n > cursor) {
                self.disk.commit(match self.program.read_item(&item.body) {
                    Some(_) => Commit::Feed(item),
                    None => Commit::PassOver(item),
                });
            }
        }
        if let Some(next) = goes_on_after.filter(|next| *next > self.disk.file.feed_cursor) {
            self.disk.commit(Commit::MoveCursor(next));
        }
        if goes_on_after.is_some() {
            self.chores.compare_again();
        }
        if self.disk.file.feed_cursor > before {
            self.feed = Phase::Ready;
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
            _ => {}
        }
    }

    /// What was asked in it is not waited for any more.
    fn end_session(&mut self) {
        self.after = None;
        self.search = None;
        self.feed = START;
        self.chores.phase = START;
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
