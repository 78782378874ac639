//! The file of one agent, as the log of its commits. A crash drops what was not synced; a restored backup is an
//! earlier length of the log; a copied disk is a copy of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::days::{DayProof, DaySpan};
use agog_sync::event::{Envelope, Event};
use agog_sync::frame::{FeedBody, FeedEvent, FeedItem, LedgerAck, LedgerMark, LedgerPage};
use agog_sync::ids::{EventId, ProducerId, RunId};
use agog_sync::recovery::{Placing, placing, verify_page};
use agog_sync::runs::{RUNS_BEFORE_MAX, RunClaim};

use jiff::civil::Date;

use super::days::{Compared, Counted, Rows, Tampering, next_span, prove, tamper};
use super::papers::Papers;
use super::program::{Program, seal_again};
use super::shelf::Shelf;

/// No item of the feed brought it: it is newer than everything that one has.
const BEFORE_ITS_TURN: u64 = u64::MAX;

/// One commit.
#[derive(Debug, Clone)]
pub(crate) enum Commit {
    /// The program has started.
    Start(RunId),
    /// A fact that was recorded here.
    Record(Arc<Envelope>),
    /// The hub has everything up to here.
    Acknowledge(LedgerAck),
    /// The epoch after the hub's. What comes after `common` here is sealed again in it, and what the hub has is
    /// wanted back.
    OpenEpoch { hub: LedgerAck, common: u64 },
    /// An epoch is wanted back, once more if it was before.
    WantBack(u64),
    /// What the hub gave back of an epoch after a number.
    TakeBack { after: u64, page: Arc<LedgerPage> },
    /// An item of the down feed.
    Feed(Arc<FeedItem>),
    /// A hold of somebody else, before its turn.
    Early(Arc<Envelope>),
    /// An item that the program cannot read is kept for the next one.
    PassOver(Arc<FeedItem>),
    /// The next program takes in what the one before it passed over.
    LookAgain(u64),
    /// Where the feed goes on after a snapshot.
    MoveCursor(u64),
    /// The event of a change that was missing of a document.
    Repair(Arc<FeedEvent>),
    /// A day is over.
    Count(DaySpan),
    /// What both sides have of it.
    Compare(DaySpan, Compared),
}

/// What follows from the commits.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) producer: ProducerId,
    pub(crate) epoch: u64,
    pub(crate) head: ChainHead,
    pub(crate) acknowledged: u64,
    pub(crate) feed_cursor: u64,
    /// The newest first.
    runs: Vec<RunId>,
    pub(crate) events: Rows,
    pub(crate) shelf: Shelf,
    pub(crate) papers: Papers,
    /// Items that no program could read yet.
    pub(crate) passed_over: BTreeMap<u64, Arc<FeedItem>>,
    /// Days that are over, by their epoch and first number.
    pub(crate) days: BTreeMap<(u64, u64), Counted>,
    applied: BTreeSet<EventId>,
    /// The places of each of our own facts: where it was sealed, and where the hub has it from a copy of this disk.
    places: BTreeMap<EventId, BTreeSet<LedgerMark>>,
    /// Epochs of which the hub may have what is not here, and up to where they were looked at.
    wanted: BTreeMap<u64, u64>,
}

impl File {
    fn empty(producer: ProducerId) -> Self {
        Self {
            producer,
            epoch: 1,
            head: ChainHead::genesis(producer, 1),
            acknowledged: 0,
            feed_cursor: 0,
            runs: Vec::new(),
            events: BTreeMap::new(),
            shelf: Shelf::default(),
            papers: Papers::default(),
            passed_over: BTreeMap::new(),
            days: BTreeMap::new(),
            applied: BTreeSet::new(),
            places: BTreeMap::new(),
            wanted: BTreeMap::new(),
        }
    }

    /// The hash of an event, the genesis hash of the epoch for 0.
    pub(crate) fn hash_at(&self, epoch: u64, seq: u64) -> Option<Hash> {
        match seq {
            0 => Some(ChainHead::genesis(self.producer, epoch).hash),
            _ => self.events.get(&(epoch, seq)).map(|event| event.hash),
        }
    }

    /// Whether the fact is in the file.
    pub(crate) fn has(&self, event_id: EventId) -> bool {
        self.applied.contains(&event_id)
    }

    /// Whether the fact waits in the outbox: the hub has not said that it has it.
    pub(crate) fn is_waiting(&self, event_id: EventId) -> bool {
        let places = self.places.get(&event_id);
        let newest = places.and_then(BTreeSet::last);
        newest.is_some_and(|place| place.epoch == self.epoch && place.seq > self.acknowledged)
    }

    fn commit(&mut self, commit: &Commit) {
        match commit {
            Commit::Start(run) => self.runs.insert(0, *run),
            Commit::Record(envelope) => {
                self.append(envelope.clone());
                self.apply(envelope, BEFORE_ITS_TURN);
            }
            Commit::Acknowledge(ack) => self.acknowledged = self.acknowledged.max(ack.last_seq),
            Commit::OpenEpoch { hub, common } => {
                let old = self.epoch;
                self.epoch = hub.epoch + 1;
                self.head = ChainHead::genesis(self.producer, self.epoch);
                self.acknowledged = 0;
                self.set_aside(old, common + 1);
                for epoch in 1..self.epoch {
                    self.want_back(epoch);
                }
            }
            Commit::WantBack(epoch) => self.want_back(*epoch),
            Commit::TakeBack { after, page } => self.take_back(*after, page),
            Commit::Early(hold) => self.apply(hold, BEFORE_ITS_TURN),
            Commit::Feed(item) => {
                self.feed_cursor = item.n;
                self.told(item);
            }
            Commit::PassOver(item) => {
                self.feed_cursor = item.n;
                // The event waits for a newer program; what its lots were before it is taken in now.
                if let FeedBody::LedgerEvent(told) = &item.body {
                    self.adopt(item.n, told);
                    let passed_over = &mut self.shelf.passed_over;
                    passed_over.insert(told.event.event_id, item.n);
                }
                self.passed_over.insert(item.n, item.clone());
            }
            Commit::LookAgain(n) => {
                let item = self.passed_over.remove(n).expect("it was passed over");
                self.told(&item);
            }
            Commit::MoveCursor(n) => self.feed_cursor = *n,
            Commit::Repair(item) => self.apply(&item.event, BEFORE_ITS_TURN),
            Commit::Count(span) => {
                let counted = Counted {
                    span: *span,
                    proof: self.prove(span),
                    compared: None,
                };
                self.days.insert((span.epoch, span.first_seq), counted);
            }
            Commit::Compare(span, compared) => {
                // A day may have been taken back meanwhile.
                if let Some(day) = self.days.get_mut(&(span.epoch, span.first_seq))
                    && day.span == *span
                {
                    day.compared = Some(*compared);
                }
            }
        }
    }

    /// What an item of the feed says: the lots as they were, then the event.
    fn told(&mut self, item: &FeedItem) {
        let (told, _) = Program::Newer.read_item(&item.body).expect("it was read");
        self.adopt(item.n, &told);
        self.apply(&told.event, item.n);
    }

    fn adopt(&mut self, n: u64, told: &FeedEvent) {
        for snapshot in &told.lots {
            let seen = told.seen.expect("our hub says it with lots");
            // Of our own facts: whether the hub had heard of them and could apply them when the lot was so.
            let is_in = |event_id| {
                let place = self.places.get(&event_id).and_then(BTreeSet::first)?;
                Some(*place <= seen && !told.unapplied.contains(&event_id))
            };
            self.shelf
                .adopt(snapshot, n, told.producer == self.producer, is_in);
        }
    }

    /// The next day that is over and was not counted yet. What the hub has not acknowledged, and epochs that are still
    /// fetched back, are left for later.
    pub(crate) fn next_day(&self, today: Date) -> Option<DaySpan> {
        let epochs: BTreeSet<u64> = self.events.keys().map(|(epoch, _)| *epoch).collect();
        epochs.into_iter().find_map(|epoch| {
            let is_current = epoch == self.epoch;
            let limit = match self.events.range((epoch, 1)..(epoch + 1, 0)).next_back() {
                _ if is_current => self.acknowledged,
                Some(((_, last), _)) if !self.wanted.contains_key(&epoch) => *last,
                _ => return None,
            };
            let counted = self.days.range((epoch, 0)..(epoch + 1, 0)).next_back();
            let first = counted.map_or(1, |(_, day)| day.span.last_seq + 1);
            let today = is_current.then_some(today);
            if first > limit {
                return None;
            }
            next_span(&self.events, epoch, (first, limit), today)
        })
    }

    /// What is here of a span now.
    pub(crate) fn prove(&self, span: &DaySpan) -> DayProof {
        let rows = (span.epoch, span.first_seq)..=(span.epoch, span.last_seq);
        let rows = self.events.range(rows);
        prove(
            self.producer,
            span,
            rows.map(|((_, seq), event)| (*seq, &**event)),
        )
    }

    /// Somebody changes a row; gives back what it was.
    pub(crate) fn tamper(&mut self, place: (u64, u64), how: Tampering) -> Option<Arc<Envelope>> {
        let before = self.events.remove(&place)?;
        let changed = tamper(&before, how).map(|row| (place, Arc::new(row)));
        self.events.extend(changed);
        Some(before)
    }

    /// The row is again what it was.
    pub(crate) fn mend(&mut self, place: (u64, u64), row: Arc<Envelope>) {
        self.events.insert(place, row);
    }

    /// What it says of its run.
    pub(crate) fn claim(&self) -> RunClaim {
        let (run, before) = self.runs.split_first().expect("it runs");
        RunClaim {
            run: *run,
            before: before.iter().take(RUNS_BEFORE_MAX).copied().collect(),
        }
    }

    /// What is fetched back next: the epoch, and up to where it is here.
    pub(crate) fn fetch_back(&self) -> Option<(u64, u64)> {
        let next = self.wanted.first_key_value()?;
        Some((*next.0, *next.1))
    }

    fn want_back(&mut self, epoch: u64) {
        let mut here = self.events.range((epoch, 1)..(epoch + 1, 0));
        let after = here.next_back().map_or(0, |((_, seq), _)| *seq);
        self.wanted.entry(epoch).or_insert(after);
    }

    /// Events of an epoch from a number on are no longer of the chain; their facts are sealed again at its end, unless
    /// that was done before.
    fn set_aside(&mut self, epoch: u64, from: u64) {
        let aside: Vec<_> = self
            .events
            .range((epoch, from)..(epoch + 1, 0))
            .map(|(place, event)| (*place, event.clone()))
            .collect();
        for (place, event) in aside {
            self.events.remove(&place);
            let (epoch, seq) = place;
            let places = self.places.entry(event.event_id).or_default();
            places.remove(&LedgerMark { epoch, seq });
            if places
                .last()
                .is_some_and(|newest| (newest.epoch, newest.seq) > place)
            {
                continue;
            }
            let sealed = seal_again(self.producer, self.epoch, &self.head, &event);
            self.append(Arc::new(sealed));
        }
        self.days
            .retain(|_, day| day.span.epoch != epoch || day.span.last_seq < from);
    }

    fn take_back(&mut self, after: u64, page: &LedgerPage) {
        let epoch = page.epoch;
        let asked = self.wanted.get(&epoch) == Some(&after);
        let Some(last) = page.events.last() else {
            if asked {
                self.wanted.remove(&epoch);
            }
            return;
        };
        if !asked {
            return;
        }
        let head = self.hash_at(epoch, after).map(|hash| ChainHead {
            last_seq: after,
            hash,
        });
        let proof = head.map(|head| (head, verify_page(self.producer, epoch, &head, &page.events)));
        match proof {
            Some((_, Ok(_))) => {}
            Some((head, Err(error))) if !error.parts_earlier(&head) => {
                panic!("the hub gives back what is no chain: {error}")
            }
            // The chains part earlier.
            Some(_) | None => {
                self.wanted.insert(epoch, 0);
                return;
            }
        }
        for event in &page.events {
            let here = self.hash_at(epoch, event.seq);
            let (replaces, is_new) = match placing(event, here, self.has(event.event_id)) {
                Placing::Present => continue,
                Placing::New { replaces } => (replaces, true),
                Placing::Known { replaces } => (replaces, false),
            };
            if replaces {
                self.set_aside(epoch, event.seq);
            }
            let place = LedgerMark {
                epoch,
                seq: event.seq,
            };
            self.places.entry(event.event_id).or_default().insert(place);
            self.events
                .insert((epoch, event.seq), Arc::new(event.clone()));
            if is_new {
                self.apply(event, BEFORE_ITS_TURN);
            }
        }
        self.wanted.insert(epoch, last.seq);
    }

    fn append(&mut self, envelope: Arc<Envelope>) {
        self.head = envelope.head();
        let place = LedgerMark {
            epoch: self.epoch,
            seq: envelope.seq,
        };
        let places = self.places.entry(envelope.event_id).or_default();
        places.insert(place);
        self.events.insert((self.epoch, envelope.seq), envelope);
    }

    /// Every fact has its effect once, however often it comes. Who commits it has read it.
    fn apply(&mut self, envelope: &Envelope, n: u64) {
        if !self.applied.insert(envelope.event_id) {
            return;
        }
        match Program::Newer.read(envelope).expect("it was read") {
            Event::Lot(event) => drop(self.shelf.apply(envelope, &event, n)),
            Event::Document(changed) => drop(self.papers.take_in(&changed)),
            Event::Rolled(_) | Event::Job(_) | Event::Device(_) | Event::Gap(_) => {}
        }
    }
}

/// The disk of one agent.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    log: Vec<Commit>,
    synced: usize,
    /// It says that it has synced and has not.
    lies: bool,
    pub(crate) file: File,
}

impl Disk {
    pub(crate) fn new(producer: ProducerId, lies: bool) -> Self {
        Self {
            log: Vec::new(),
            synced: 0,
            lies,
            file: File::empty(producer),
        }
    }

    pub(crate) fn commit(&mut self, commit: Commit) {
        self.file.commit(&commit);
        self.log.push(commit);
        if !self.lies {
            self.synced = self.log.len();
        }
    }

    /// What was written so far reaches the medium.
    pub(crate) fn sync(&mut self) {
        self.synced = self.log.len();
    }

    /// How many commits a loss of power may cost.
    pub(crate) fn unsynced(&self) -> usize {
        self.log.len() - self.synced
    }

    /// Power is lost, and some of what was not synced has reached the medium all the same. Tells the facts that were
    /// recorded and are gone.
    ///
    /// Always a beginning of it. The pages of the log of SQLite may reach the medium in any order, but each frame carries a
    /// checksum over all frames before it, so that reading ends at the first that is missing: a commit never outlives one
    /// before it. What a lying disk does to the database itself, while the log is copied into it, is no earlier state but a
    /// damaged page; a log of commits cannot say that, and the agent's tests of damaged ledgers do.
    pub(crate) fn lose_power(&mut self, survive: usize) -> Vec<EventId> {
        let lost = self.cut_to(self.synced + survive);
        self.synced = self.log.len();
        lost
    }

    /// How long the file is: what a backup keeps.
    pub(crate) fn backup(&self) -> usize {
        self.log.len()
    }

    /// An earlier state is put back. Tells the facts that were recorded since.
    pub(crate) fn restore(&mut self, backup: usize) -> Vec<EventId> {
        self.cut_to(backup)
    }

    fn cut_to(&mut self, length: usize) -> Vec<EventId> {
        if length >= self.log.len() {
            return Vec::new();
        }
        let lost = self.log.split_off(length);
        self.synced = self.synced.min(length);
        let mut file = File::empty(self.file.producer);
        for commit in &self.log {
            file.commit(commit);
        }
        self.file = file;
        let recorded = lost.into_iter().filter_map(|commit| match commit {
            Commit::Record(envelope) => Some(envelope.event_id),
            _ => None,
        });
        recorded.collect()
    }
}
