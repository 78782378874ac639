//! The hub: every request is one transaction, so a crash falls between two of them and loses answers, not facts.

mod compare;
mod feed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::document::{Author, DocumentKey, Edit, Role};
use agog_sync::event::{Actor, Envelope, Event, NewEvent};
use agog_sync::frame::{LedgerAck, LedgerBatch, LedgerPage};
use agog_sync::ids::{EventId, LotId, ProducerId, RunId};
use agog_sync::inbox::{Decision, ProducerState, accept};
use agog_sync::lots::{LotEvent, admit};
use agog_sync::runs::{RunClaim, RunDecision, RunState, decide, unmet};
use jiff::Timestamp;

use super::days::Rows;
use super::network::{Answer, Ask};
use super::papers::Papers;
use super::program::{Form, Program, seal};
use super::shelf::Shelf;
use feed::Told;

/// The most events that are given back at a time.
const LEDGER_PAGE_MAX: usize = 7;

/// Who edits documents in the office: its store never forgets, so that one actor will do.
const OFFICE_ACTOR: [u8; 16] = [0xff; 16];

/// A place in the ledger of a producer.
type Place = (ProducerId, u64, u64);

/// What the hub keeps of one tenant. Each plant has one agent, of which several processes may be alive.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) program: Program,
    agents: Vec<ProducerId>,
    office: ProducerState,
    producers: BTreeMap<ProducerId, ProducerState>,
    events: BTreeMap<ProducerId, Rows>,
    /// The newest event of each epoch, whatever has become of its row.
    ends: BTreeMap<(ProducerId, u64), u64>,
    /// What came since this was looked at last.
    fresh: Vec<Place>,
    /// Facts that are in the ledger, and those of them that have had their effects.
    pub(crate) kept: BTreeSet<EventId>,
    pub(crate) applied: BTreeSet<EventId>,
    /// Events that could not be read when they came.
    pub(crate) rejected: BTreeSet<Place>,
    /// Facts that came a second time, and had no second effect.
    pub(crate) repeats: usize,
    /// Facts that were applied later than they came.
    pub(crate) late: usize,
    pub(crate) shelf: Shelf,
    pub(crate) papers: Papers,
    /// The event that brought each change of a document.
    changes: BTreeMap<Hash, Place>,
    /// The agents that hold or have touched a lot.
    met: BTreeMap<LotId, BTreeSet<usize>>,
    feeds: Vec<Vec<Told>>,
    /// What is known of the runs of each agent.
    runs: Vec<BTreeMap<RunId, RunState>>,
    /// Up to where each feed is kept no longer item by item.
    pruned: Vec<u64>,
}

impl Hub {
    pub(crate) fn new(program: Program, office: ProducerId, agents: Vec<ProducerId>) -> Self {
        Self {
            program,
            feeds: agents.iter().map(|_| Vec::new()).collect(),
            pruned: vec![0; agents.len()],
            runs: vec![BTreeMap::new(); agents.len()],
            agents,
            office: ProducerState::first(office),
            producers: BTreeMap::new(),
            events: BTreeMap::new(),
            ends: BTreeMap::new(),
            fresh: Vec::new(),
            kept: BTreeSet::new(),
            applied: BTreeSet::new(),
            rejected: BTreeSet::new(),
            repeats: 0,
            late: 0,
            shelf: Shelf::default(),
            papers: Papers::default(),
            changes: BTreeMap::new(),
            met: BTreeMap::new(),
        }
    }

    /// Answers a process of an agent, of which one run is served at a time.
    pub(crate) fn ask(&mut self, agent: usize, run: RunId, ask: &Ask) -> Answer {
        let is_served = match ask {
            Ask::State(claim) => self.serve(agent, claim),
            _ => self.is_served(agent, run),
        };
        if !is_served {
            return Answer::Refused;
        }
        match ask {
            Ask::State(_) => Answer::State(self.ack(agent, false)),
            Ask::Push(batch) => self.take(agent, batch),
            Ask::Ledger { epoch, after } => {
                let rows = self.rows(self.agents[agent]);
                let events = rows
                    .range((*epoch, after + 1)..(epoch + 1, 0))
                    .take(LEDGER_PAGE_MAX)
                    .map(|(_, event)| (**event).clone())
                    .collect();
                Answer::Ledger(Arc::new(LedgerPage {
                    epoch: *epoch,
                    events,
                }))
            }
            Ask::Feed { after } => self.feed(agent, *after),
            Ask::Days(request) => Answer::Days(Arc::new(self.days(agent, request))),
            Ask::Heads(request) => Answer::Heads(Arc::new(self.heads(agent, request))),
            Ask::Missing(request) => Answer::Missing(Arc::new(self.missing(agent, request))),
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

    pub(crate) fn is_served(&self, agent: usize, run: RunId) -> bool {
        self.runs[agent].get(&run) == Some(&RunState::Current)
    }

    pub(crate) fn is_fenced(&self, agent: usize, run: RunId) -> bool {
        self.runs[agent].get(&run) == Some(&RunState::Fenced)
    }

    /// A person has decided: this run is served from now on, and no other one.
    pub(crate) fn enrol(&mut self, agent: usize, run: RunId) {
        for other in self.runs[agent].values_mut() {
            if *other == RunState::Current {
                *other = RunState::Superseded;
            }
        }
        self.runs[agent].insert(run, RunState::Current);
    }

    /// One run of an agent is served, or none was heard of yet.
    pub(crate) fn serves_one(&self) -> Result<(), String> {
        for (agent, runs) in self.runs.iter().enumerate() {
            let served = runs.values().filter(|state| **state == RunState::Current);
            let served = served.count();
            if served > 1 || (served == 0 && !runs.is_empty()) {
                return Err(format!("{served} runs of agent {agent} are served"));
            }
        }
        Ok(())
    }

    /// Something that the office does with a lot, when the rules allow it.
    pub(crate) fn office(
        &mut self,
        event_id: EventId,
        at: Timestamp,
        mut event: LotEvent,
        form: Form,
    ) -> bool {
        let book = self.shelf.book(&event, event_id);
        event.note(&book);
        if admit(&event, &book, at).is_err() {
            return false;
        }
        self.say(event_id, at, Event::Lot(event), form);
        true
    }

    /// What somebody in the office writes into a document.
    pub(crate) fn edit(
        &mut self,
        event_id: EventId,
        at: Timestamp,
        key: &DocumentKey,
        edit: &Edit,
    ) {
        let author = Author {
            name: "Mary Office".to_owned(),
            role: Role::Planner,
        };
        let mut document = self.papers.document(key);
        if let Ok(Some(changed)) = document.edit(&OFFICE_ACTOR, &author, edit, at) {
            self.say(
                event_id,
                at,
                Event::Document(Box::new(changed)),
                Form::Known,
            );
        }
    }

    /// The office is a producer as others are.
    fn say(&mut self, event_id: EventId, at: Timestamp, event: Event, form: Form) {
        let new = NewEvent {
            event_id,
            occurred_at: at,
            recorded_at: at,
            actor: Actor::Operator {
                name: "office".to_owned(),
            },
            event,
        };
        let ProducerState {
            producer,
            epoch,
            head,
        } = self.office;
        let envelope = Arc::new(seal(producer, epoch, &head, &new, form));
        self.office.head = envelope.head();
        self.store((producer, epoch), None, &envelope);
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
                    let ledger = (state.producer, state.epoch);
                    self.store(ledger, Some(agent), &Arc::new(envelope.clone()));
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

    /// Keeps an event, and applies it if that fact was not applied before and can be read.
    fn store(&mut self, ledger: (ProducerId, u64), from: Option<usize>, envelope: &Arc<Envelope>) {
        let (producer, epoch) = ledger;
        let rows = self.events.entry(producer).or_default();
        let before = rows.insert((epoch, envelope.seq), envelope.clone());
        assert!(before.is_none(), "I1: a number is taken twice");
        self.ends.insert(ledger, envelope.seq);
        self.fresh.push((producer, epoch, envelope.seq));
        if !self.kept.insert(envelope.event_id) {
            self.repeats += 1;
            return;
        }
        match self.program.read(envelope) {
            Ok(event) => self.effect(ledger, from, envelope, &event, false),
            Err(_) => {
                self.rejected.insert((producer, epoch, envelope.seq));
            }
        }
    }

    /// Tries again what could not be read when it came, in the order of its ledger.
    pub(crate) fn retry(&mut self) {
        for place in self.rejected.clone() {
            let (producer, epoch, seq) = place;
            let envelope = self.events[&producer][&(epoch, seq)].clone();
            let from = self.agents.iter().position(|agent| *agent == producer);
            if let Ok(event) = self.program.read(&envelope) {
                self.late += 1;
                self.effect((producer, epoch), from, &envelope, &event, true);
                self.rejected.remove(&place);
            }
        }
    }

    fn effect(
        &mut self,
        ledger: (ProducerId, u64),
        from: Option<usize>,
        envelope: &Arc<Envelope>,
        event: &Event,
        is_late: bool,
    ) {
        let is_new = self.applied.insert(envelope.event_id);
        assert!(is_new, "I1: a fact has its effects twice");
        match event {
            Event::Lot(event) => self.lot(ledger, from, envelope, event, is_late),
            Event::Document(changed) => {
                if self.papers.take_in(changed) {
                    let place = (ledger.0, ledger.1, envelope.seq);
                    self.changes.insert(changed.hash, place);
                    self.tell_change(ledger, from, envelope, &changed.document);
                }
            }
            Event::Rolled(_) | Event::Job(_) | Event::Device(_) | Event::Gap(_) => {}
        }
    }

    /// The events of a producer.
    fn rows(&self, producer: ProducerId) -> &Rows {
        static NONE: Rows = Rows::new();
        self.events.get(&producer).unwrap_or(&NONE)
    }

    /// Events of all producers, each with the ledger that it stands in.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Place, &Arc<Envelope>)> {
        self.events.iter().flat_map(|(producer, rows)| {
            rows.iter()
                .map(|((epoch, seq), event)| ((*producer, *epoch, *seq), event))
        })
    }

    /// I2, of what came since the last look: each event follows the one before it.
    pub(crate) fn fresh_holds(&mut self) -> Result<(), String> {
        for (producer, epoch, seq) in std::mem::take(&mut self.fresh) {
            self.link_holds(producer, epoch, seq)?;
        }
        Ok(())
    }

    /// I2: every chain of every producer, from its genesis.
    pub(crate) fn chains_hold(&self) -> Result<(), String> {
        for ((producer, epoch, seq), _) in self.all() {
            self.link_holds(producer, epoch, seq)?;
        }
        Ok(())
    }

    fn link_holds(&self, producer: ProducerId, epoch: u64, seq: u64) -> Result<(), String> {
        let rows = self.rows(producer);
        let before = match seq {
            1 => Some(ChainHead::genesis(producer, epoch).hash),
            _ => rows.get(&(epoch, seq - 1)).map(|before| before.hash),
        };
        let Some(before) = before else {
            return Err(format!(
                "I2: nothing stands before event {seq} of epoch {epoch}"
            ));
        };
        rows[&(epoch, seq)]
            .verify(producer, epoch, &before)
            .map_err(|error| format!("I2: epoch {epoch}: {error}"))
    }
}
