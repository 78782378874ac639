//! The hub: every request is one transaction, so a crash falls between two of them and loses answers, not facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::chain::ChainHead;
use agog_sync::event::{Actor, Envelope, Event, NewEvent};
use agog_sync::frame::{
    FeedBody, FeedEvent, FeedItem, LedgerAck, LedgerBatch, LedgerMark, LedgerPage, LotSnapshot,
};
use agog_sync::ids::{EventId, LotId, ProducerId, RunId};
use agog_sync::inbox::{Decision, ProducerState, accept};
use agog_sync::lots::{LotEvent, admit};
use agog_sync::runs::{RunClaim, RunDecision, RunState, decide, unmet};
use jiff::Timestamp;

use super::network::{Answer, Ask};
use super::shelf::Shelf;

/// The most items of one page of the feed.
const FEED_PAGE_MAX: usize = 20;

/// The most events that are given back at a time.
const LEDGER_PAGE_MAX: usize = 7;

/// What the hub keeps of one tenant.
#[derive(Debug)]
pub(crate) struct Hub {
    agents: Vec<ProducerId>,
    office: ProducerState,
    producers: BTreeMap<ProducerId, ProducerState>,
    pub(crate) events: BTreeMap<(ProducerId, u64, u64), Arc<Envelope>>,
    pub(crate) applied: BTreeSet<EventId>,
    /// Facts that came a second time, and had no second effect.
    pub(crate) repeats: usize,
    pub(crate) shelf: Shelf,
    /// The agents that hold or have touched a lot.
    met: BTreeMap<LotId, BTreeSet<usize>>,
    feeds: Vec<Vec<Arc<FeedItem>>>,
    /// What is known of the runs of each agent.
    runs: Vec<BTreeMap<RunId, RunState>>,
    /// Up to where each feed is kept no longer item by item.
    pruned: Vec<u64>,
}

impl Hub {
    pub(crate) fn new(office: ProducerId, agents: Vec<ProducerId>) -> Self {
        Self {
            feeds: vec![Vec::new(); agents.len()],
            pruned: vec![0; agents.len()],
            runs: vec![BTreeMap::new(); agents.len()],
            agents,
            office: ProducerState::first(office),
            producers: BTreeMap::new(),
            events: BTreeMap::new(),
            applied: BTreeSet::new(),
            repeats: 0,
            shelf: Shelf::default(),
            met: BTreeMap::new(),
        }
    }

    /// Answers an agent, of which one run is served at a time.
    pub(crate) fn ask(&mut self, agent: usize, run: RunId, ask: &Ask) -> Answer {
        let is_served = match ask {
            Ask::State(claim) => self.serve(agent, claim),
            _ => self.runs[agent].get(&run) == Some(&RunState::Current),
        };
        if !is_served {
            return Answer::Refused;
        }
        match ask {
            Ask::State(_) => Answer::State(self.ack(agent, false)),
            Ask::Push(batch) => self.take(agent, batch),
            Ask::Ledger { epoch, after } => {
                let producer = self.agents[agent];
                let events = self
                    .events
                    .range((producer, *epoch, after + 1)..(producer, epoch + 1, 0))
                    .take(LEDGER_PAGE_MAX)
                    .map(|(_, event)| (**event).clone())
                    .collect();
                Answer::Ledger(Arc::new(LedgerPage {
                    epoch: *epoch,
                    events,
                }))
            }
            Ask::Feed { after } => {
                let items = self.feeds[agent].iter().filter(|item| item.n > *after);
                let holds = if *after < self.pruned[agent] {
                    self.holds_standing(agent)
                } else {
                    Vec::new()
                };
                Answer::Feed {
                    holds,
                    items: items.take(FEED_PAGE_MAX).cloned().collect(),
                }
            }
        }
    }

    /// Whether a run that asks is served from now on.
    fn serve(&mut self, agent: usize, claim: &RunClaim) -> bool {
        let known = &mut self.runs[agent];
        let is_any_served = known.values().any(|state| *state == RunState::Current);
        match decide(claim, is_any_served, |run| known.get(&run).copied()) {
            RunDecision::Serve => {}
            RunDecision::Continue | RunDecision::TakeOver => {
                for run in unmet(claim, |run| known.get(&run).copied()) {
                    known.insert(run, RunState::Superseded);
                }
                self.enrol(agent, claim.run);
            }
            RunDecision::Fence => {
                known.insert(claim.run, RunState::Fenced);
                return false;
            }
        }
        true
    }

    pub(crate) fn is_fenced(&self, agent: usize, run: RunId) -> bool {
        self.runs[agent].get(&run) == Some(&RunState::Fenced)
    }

    /// Serves a run from now on, and no other one.
    pub(crate) fn enrol(&mut self, agent: usize, run: RunId) {
        for other in self.runs[agent].values_mut() {
            if *other == RunState::Current {
                *other = RunState::Superseded;
            }
        }
        self.runs[agent].insert(run, RunState::Current);
    }

    /// Old items are kept no longer one by one. All of them are events, so what is left of them is all that there was.
    pub(crate) fn prune(&mut self, agent: usize) {
        self.pruned[agent] = self.feeds[agent].len() as u64;
    }

    /// The events that placed the holds of others which stand on lots that the agent has met.
    fn holds_standing(&self, agent: usize) -> Vec<Arc<Envelope>> {
        let stands = |envelope: &Envelope| match envelope.event() {
            Ok(Event::Lot(LotEvent::Held(held))) => {
                let lot_id = held.lot.lot_id;
                let met = self.met.get(&lot_id);
                let state = self.shelf.lots.get(&lot_id);
                met.is_some_and(|met| met.contains(&agent))
                    && state.is_some_and(|state| state.holds.contains(&held.hold_id))
            }
            _ => false,
        };
        self.events
            .iter()
            .filter(|((producer, _, _), _)| *producer != self.agents[agent])
            .map(|(_, envelope)| envelope)
            .filter(|envelope| stands(envelope))
            .cloned()
            .collect()
    }

    /// Something that the office does with a lot, when the rules allow it.
    pub(crate) fn office(&mut self, event_id: EventId, at: Timestamp, mut event: LotEvent) -> bool {
        let book = self.shelf.book(&event, event_id);
        event.note(&book);
        if admit(&event, &book, at).is_err() {
            return false;
        }
        let new = NewEvent {
            event_id,
            occurred_at: at,
            recorded_at: at,
            actor: Actor::Operator {
                name: "office".to_owned(),
            },
            event: Event::Lot(event),
        };
        let ProducerState {
            producer,
            epoch,
            head,
        } = self.office;
        let envelope = Arc::new(Envelope::seal(producer, epoch, &head, &new));
        self.office.head = envelope.head();
        self.store(producer, epoch, None, &envelope);
        true
    }

    /// Whether the agent has taken in all of its feed.
    pub(crate) fn is_fed(&self, agent: usize, cursor: u64) -> bool {
        cursor == self.feeds[agent].len() as u64
    }

    pub(crate) fn state(&self, agent: usize) -> ProducerState {
        let producer = self.agents[agent];
        self.producers
            .get(&producer)
            .copied()
            .unwrap_or_else(|| ProducerState::first(producer))
    }

    fn ack(&self, agent: usize, duplicate: bool) -> LedgerAck {
        let state = self.state(agent);
        LedgerAck {
            epoch: state.epoch,
            last_seq: state.head.last_seq,
            hash: state.head.hash,
            duplicate,
        }
    }

    fn take(&mut self, agent: usize, batch: &LedgerBatch) -> Answer {
        match accept(&self.state(agent), batch) {
            Decision::Append { skip, state } => {
                for envelope in &batch.events[skip..] {
                    self.store(
                        state.producer,
                        state.epoch,
                        Some(agent),
                        &Arc::new(envelope.clone()),
                    );
                }
                self.producers.insert(state.producer, state);
                Answer::Taken(self.ack(agent, false))
            }
            Decision::Duplicate { .. } => Answer::Taken(self.ack(agent, true)),
            Decision::Gap { .. } | Decision::Fenced { .. } | Decision::Broken { .. } => {
                Answer::Refused
            }
            Decision::Malformed { detail } | Decision::UnknownProtocol { detail } => {
                panic!("our own batch is malformed: {detail}")
            }
        }
    }

    fn store(
        &mut self,
        producer: ProducerId,
        epoch: u64,
        from: Option<usize>,
        envelope: &Arc<Envelope>,
    ) {
        self.events
            .insert((producer, epoch, envelope.seq), envelope.clone());
        if !self.applied.insert(envelope.event_id) {
            self.repeats += 1;
            return;
        }
        let Ok(Event::Lot(event)) = envelope.event() else {
            return;
        };
        let mut concerned = self.plants(&event);
        // Whoever names a lot that was never told to it learns what it is from its own event.
        let has_met = |lot_id: &LotId| {
            let met = self.met.get(lot_id);
            from.is_none_or(|from| met.is_some_and(|met| met.contains(&from)))
        };
        let named = event.lots().into_iter().map(|named| named.lot_id);
        let new_to_it: BTreeSet<LotId> = named
            .filter(|lot_id| self.shelf.lots.contains_key(lot_id) && !has_met(lot_id))
            .collect();
        let snapshots = self.snapshots(&event);
        self.shelf.apply(envelope, &event);
        concerned.extend(from);
        concerned.extend(self.plants(&event));
        if !self.is_told(&event, envelope.event_id) {
            return;
        }
        for named in event.lots() {
            self.met.entry(named.lot_id).or_default().extend(&concerned);
        }
        for agent in concerned {
            if Some(agent) == from && new_to_it.is_empty() {
                continue;
            }
            // Of its own batch, the hub has what came before this event.
            let state = self.state(agent);
            let seen = if Some(agent) == from {
                LedgerMark {
                    epoch,
                    seq: envelope.seq - 1,
                }
            } else {
                LedgerMark {
                    epoch: state.epoch,
                    seq: state.head.last_seq,
                }
            };
            let mut lots = snapshots.clone();
            if Some(agent) == from {
                lots.retain(|told| new_to_it.contains(&told.lot.lot_id));
            }
            let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
                producer,
                epoch,
                event: (**envelope).clone(),
                lots,
                seen: Some(seen),
            }));
            let n = self.feeds[agent].len() as u64 + 1;
            self.feeds[agent].push(Arc::new(FeedItem { n, body }));
        }
    }

    /// A correction that undoes nothing here is kept to ourselves.
    fn is_told(&self, event: &LotEvent, event_id: EventId) -> bool {
        match event {
            LotEvent::Corrected(event) => {
                self.shelf.corrected.get(&event.corrects) == Some(&event_id)
                    && self.applied.contains(&event.corrects)
            }
            _ => true,
        }
    }

    /// The agents that have had to do with a lot of an event.
    fn plants(&self, event: &LotEvent) -> BTreeSet<usize> {
        let named = event.lots();
        named
            .iter()
            .filter_map(|lot| self.met.get(&lot.lot_id))
            .flatten()
            .copied()
            .collect()
    }

    fn snapshots(&self, event: &LotEvent) -> Vec<LotSnapshot> {
        let named: BTreeSet<LotId> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let states = named
            .iter()
            .filter_map(|lot_id| self.shelf.lots.get(lot_id));
        states
            .map(|state| LotSnapshot {
                lot: state.lot.clone(),
                material: state.material.clone(),
                balance: state.balance,
                shipped: state.shipped,
                packed: state.packed.clone(),
                base_unit: state.base_unit,
                attributes: state.attributes.clone(),
                origin: state.origin,
                holds: state.holds.iter().copied().collect(),
                created_at: state.created_at,
            })
            .collect()
    }

    /// I2: every chain of every producer, from its genesis.
    pub(crate) fn chains_hold(&self) -> Result<(), String> {
        let mut place: Option<(ProducerId, u64)> = None;
        let mut head = None;
        for ((producer, epoch, seq), envelope) in &self.events {
            let before = match head {
                Some(before) if place == Some((*producer, *epoch)) => before,
                _ => ChainHead::genesis(*producer, *epoch),
            };
            if *seq != before.last_seq + 1 {
                return Err(format!(
                    "I2: event {seq} of epoch {epoch} follows {}",
                    before.last_seq
                ));
            }
            envelope
                .verify(*producer, *epoch, &before.hash)
                .map_err(|error| format!("I2: epoch {epoch}: {error}"))?;
            place = Some((*producer, *epoch));
            head = Some(envelope.head());
        }
        Ok(())
    }
}
