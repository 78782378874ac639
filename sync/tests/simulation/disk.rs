//! The file of one agent, as the log of its commits. A crash drops what was not synced; a restored backup is an
//! earlier length of the log; a copied disk is a copy of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::{Envelope, Event, NewEvent};
use agog_sync::frame::{FeedBody, FeedItem, LedgerAck, LedgerMark, LedgerPage};
use agog_sync::ids::{EventId, ProducerId, RunId};
use agog_sync::recovery::{Placing, placing, verify_page};
use agog_sync::runs::{RUNS_BEFORE_MAX, RunClaim};

use super::shelf::Shelf;

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
    pub(crate) events: BTreeMap<(u64, u64), Arc<Envelope>>,
    pub(crate) shelf: Shelf,
    applied: BTreeSet<EventId>,
    /// The newest place of each of our own facts.
    places: BTreeMap<EventId, LedgerMark>,
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

    fn commit(&mut self, commit: &Commit) {
        match commit {
            Commit::Start(run) => self.runs.insert(0, *run),
            Commit::Record(envelope) => {
                self.append(envelope.clone());
                self.apply(envelope);
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
            Commit::Early(hold) => self.apply(hold),
            Commit::Feed(item) => {
                self.feed_cursor = item.n;
                if let FeedBody::LedgerEvent(item) = &item.body {
                    let seen = item.seen.expect("our hub says it");
                    for snapshot in &item.lots {
                        // What the hub had not heard from here when the lot was so.
                        let is_since = |event_id| {
                            self.places
                                .get(&event_id)
                                .is_some_and(|place| *place > seen)
                        };
                        self.shelf
                            .adopt(snapshot, item.producer == self.producer, is_since);
                    }
                    self.apply(&item.event);
                }
            }
        }
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
            let newest = self.places[&event.event_id];
            if (newest.epoch, newest.seq) > place {
                continue;
            }
            let new = NewEvent {
                event_id: event.event_id,
                occurred_at: event.occurred_at,
                recorded_at: event.recorded_at,
                actor: event.actor.clone(),
                event: event.event().expect("we wrote it"),
            };
            let sealed = Envelope::seal(self.producer, self.epoch, &self.head, &new);
            self.append(Arc::new(sealed));
        }
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
            let newest = self.places.entry(event.event_id).or_insert(place);
            *newest = place.max(*newest);
            self.events
                .insert((epoch, event.seq), Arc::new(event.clone()));
            if is_new {
                self.apply(event);
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
        self.places.insert(envelope.event_id, place);
        self.events.insert((self.epoch, envelope.seq), envelope);
    }

    /// Every fact has its effect once, however often it comes.
    fn apply(&mut self, envelope: &Envelope) {
        if !self.applied.insert(envelope.event_id) {
            return;
        }
        if let Event::Lot(event) = envelope.event().expect("only known kinds in these worlds") {
            self.shelf.apply(envelope, &event);
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

    /// Power is lost. Tells the facts that were recorded and are gone.
    pub(crate) fn lose_power(&mut self) -> Vec<EventId> {
        self.cut_to(self.synced)
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
