//! A world: a few agents, a hub and the line between them, driven by one seed. What must always hold is checked on
//! the way, and what must hold in the end once everything works again.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::ids::{EventId, ProducerId};
use agog_sync::lots::LotRef;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::agent::Agent;
use super::disk::Disk;
use super::hub::Hub;
use super::moves;
use super::network::{Message, Network, Quality};

/// How much time passes between two steps, in milliseconds of the world.
const STEP_MS_MAX: u64 = 300;

/// Everything is delivered within so many steps, once nothing fails any more (I7).
const QUIET_WITHIN: usize = 3_000;

/// The wall clock of the world's beginning.
const BEGINNING_MS: u64 = 1_760_515_200_000;

/// What can go wrong in a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    pub(crate) quality: Quality,
    /// Cut lines, crashes of agents and of the hub, feeds that are pruned, out of 1,000 steps.
    pub(crate) trouble: u32,
    /// Disks say that they have synced and have not.
    pub(crate) lying_disks: bool,
    /// Backups are put back.
    pub(crate) restores: bool,
}

/// What was seen in a world, for the report.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) facts: usize,
    pub(crate) crashes: usize,
    pub(crate) repeats: usize,
    pub(crate) early_holds: usize,
    /// How often a person had to say which machine is the right one.
    pub(crate) enrolled: usize,
}

pub(crate) struct World {
    rng: StdRng,
    faults: Faults,
    now_ms: u64,
    network: Network,
    hub: Hub,
    hub_is_up: bool,
    agents: Vec<Agent>,
    backups: Vec<Vec<usize>>,
    /// Facts whose asker was told that they are recorded.
    told: BTreeMap<EventId, ProducerId>,
    /// Those of them that were not in the hub when last looked at.
    waiting: BTreeSet<EventId>,
    /// Facts that only a disk had which has lost them.
    lost: BTreeSet<EventId>,
    tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let producers: Vec<_> = (0..rng.random_range(1..=3))
            .map(|_| ProducerId::from_uuid(moves::any_uuid(&mut rng)))
            .collect();
        let office = ProducerId::from_uuid(moves::any_uuid(&mut rng));
        let agents: Vec<_> = producers
            .iter()
            .map(|producer| {
                let lies = faults.lying_disks && rng.random_ratio(1, 2);
                Agent::new(Disk::new(*producer, lies))
            })
            .collect();
        Self {
            network: Network::new(faults.quality, agents.len()),
            hub: Hub::new(office, producers),
            hub_is_up: true,
            backups: vec![Vec::new(); agents.len()],
            agents,
            rng,
            faults,
            now_ms: BEGINNING_MS,
            told: BTreeMap::new(),
            waiting: BTreeSet::new(),
            lost: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    /// Runs the world, and heals it.
    pub(crate) fn run(mut self, steps: usize) -> Result<Tally, String> {
        for step in 0..steps {
            self.act();
            if self.rng.random_range(0..1_000) < self.faults.trouble {
                self.trouble();
            }
            self.turn();
            self.always(step)
                .map_err(|error| format!("step {step}: {error}"))?;
        }
        self.heal();
        let mut quiet = 0;
        for _ in 0..QUIET_WITHIN {
            self.turn();
            self.decide();
            quiet = if self.is_delivered() { quiet + 1 } else { 0 };
            // Some steps more, for what is still on the line.
            if quiet > 100 {
                break;
            }
        }
        if quiet == 0 {
            return Err("I7: with a good line, something is still not delivered".to_owned());
        }
        self.finally()?;
        self.tally.repeats = self.hub.repeats;
        self.tally.early_holds = self.agents.iter().map(|agent| agent.early).sum();
        Ok(self.tally)
    }

    /// Somebody does something.
    fn act(&mut self) {
        let at = self.now_ms;
        if self.rng.random_ratio(1, 10) {
            let any = moves::any(&mut self.rng, &self.hub.shelf.lots);
            let place = self.rng.random_range(0..self.hub.events.len().max(1));
            let corrected = self.hub.events.values().nth(place);
            let event = match corrected.and_then(|event| moves::correction(event)) {
                Some(event) if self.rng.random_ratio(1, 6) => event,
                _ => any,
            };
            if event.used_lots().is_empty() {
                return;
            }
            let event_id = self.event_id();
            self.hub.office(event_id, instant(at, 0), event);
            return;
        }
        let index = self.rng.random_range(0..self.agents.len());
        if !self.agents[index].is_running {
            return;
        }
        let foreign = self.foreign_lot();
        let event_id = self.event_id();
        let agent = &mut self.agents[index];
        let at = instant(at, agent.skew_ms);
        let recorded = match foreign {
            Some(lot) => agent.record(event_id, at, moves::reported(&mut self.rng, lot), false),
            None if self.rng.random_ratio(1, 12) => {
                let events = &agent.disk.file.events;
                let place = self.rng.random_range(0..events.len().max(1));
                match events
                    .values()
                    .nth(place)
                    .and_then(|event| moves::correction(event))
                {
                    Some(event) => agent.record(event_id, at, event, true),
                    None => false,
                }
            }
            None => {
                let event = moves::any(&mut self.rng, &agent.disk.file.shelf.lots);
                agent.record(event_id, at, event, true)
            }
        };
        if recorded {
            self.told.insert(event_id, agent.producer());
            self.waiting.insert(event_id);
            self.tally.facts += 1;
        }
    }

    /// Now and then, a lot that somebody else may know.
    fn foreign_lot(&mut self) -> Option<LotRef> {
        if !self.rng.random_ratio(1, 20) {
            return None;
        }
        let other = self.rng.random_range(0..self.agents.len());
        moves::choose(&mut self.rng, &self.agents[other].disk.file.shelf.lots)
    }

    fn event_id(&mut self) -> EventId {
        EventId::from_uuid(moves::any_uuid(&mut self.rng))
    }

    /// Something goes wrong, or works again.
    fn trouble(&mut self) {
        let index = self.rng.random_range(0..self.agents.len());
        match self.rng.random_range(0..9) {
            0 | 1 => self.network.cut(index, true),
            2 => self.network.cut(index, false),
            3 => self.crash(index),
            4 => self.agents[index].start(),
            5 => self.hub_is_up = !self.hub_is_up,
            6 => {
                // Clocks are set, forward and back.
                self.agents[index].skew_ms = self.rng.random_range(-86_400_000..86_400_000);
            }
            7 => self.hub.prune(index),
            _ => self.backup_or_restore(index),
        }
    }

    fn crash(&mut self, index: usize) {
        self.tally.crashes += 1;
        self.agents[index].is_running = false;
        let lost = self.agents[index].disk.lose_power();
        self.lose(lost);
    }

    fn backup_or_restore(&mut self, index: usize) {
        if !self.faults.restores {
            return;
        }
        let agent = &mut self.agents[index];
        agent.disk.sync();
        match self.backups[index].pop() {
            Some(backup) if self.rng.random_ratio(1, 3) => {
                agent.is_running = false;
                let lost = agent.disk.restore(backup);
                self.lose(lost);
                // Backups that are younger than what is there now are of another history.
                self.backups[index].retain(|other| *other <= backup);
            }
            taken => {
                self.backups[index].extend(taken);
                let backup = self.agents[index].disk.backup();
                self.backups[index].push(backup);
            }
        }
    }

    /// What a disk has lost is lost, unless the hub has it or will get it from the line.
    fn lose(&mut self, facts: Vec<EventId>) {
        self.lost.extend(facts);
    }

    /// Time passes: messages arrive, and agents ask.
    fn turn(&mut self) {
        self.now_ms += self.rng.random_range(1..STEP_MS_MAX);
        while let Some(message) = self.network.receive(self.now_ms) {
            match message {
                Message::ToHub {
                    agent,
                    run,
                    request,
                    ask,
                } if self.hub_is_up => {
                    let answer = self.hub.ask(agent, run, &ask);
                    let answer = Message::ToAgent {
                        agent,
                        request,
                        answer,
                    };
                    self.network.send(&mut self.rng, self.now_ms, &answer);
                }
                Message::ToAgent {
                    agent,
                    request,
                    answer,
                } if self.agents[agent].is_running => {
                    self.agents[agent].answered(self.now_ms, request, answer);
                }
                _ => {}
            }
        }
        for index in 0..self.agents.len() {
            if !self.agents[index].is_running {
                continue;
            }
            let run = self.agents[index].disk.file.claim().run;
            for (request, ask) in self.agents[index].asks(self.now_ms) {
                let message = Message::ToHub {
                    agent: index,
                    run,
                    request,
                    ask,
                };
                self.network.send(&mut self.rng, self.now_ms, &message);
            }
        }
    }

    fn heal(&mut self) {
        self.network.heal();
        self.hub_is_up = true;
        for agent in &mut self.agents {
            if !agent.is_running {
                agent.start();
            }
        }
    }

    /// A disk that has forgotten its last start looks like a copy, when that start is heard of late: then a person decides.
    /// An agent whose disk forgets nothing must never need one.
    fn decide(&mut self) {
        if !self.faults.lying_disks && !self.faults.restores {
            return;
        }
        for (index, agent) in self.agents.iter().enumerate() {
            let run = agent.disk.file.claim().run;
            if self.hub.is_fenced(index, run) {
                self.hub.enrol(index, run);
                self.tally.enrolled += 1;
            }
        }
    }

    fn is_delivered(&self) -> bool {
        self.agents.iter().enumerate().all(|(index, agent)| {
            let file = &agent.disk.file;
            let hub = self.hub.state(index);
            // A new epoch in which nothing has happened yet is not told of.
            let is_told = file.head.last_seq == 0 && hub.epoch < file.epoch
                || (hub.epoch, hub.head) == (file.epoch, file.head);
            is_told
                && file.acknowledged == file.head.last_seq
                && self.hub.is_fed(index, file.feed_cursor)
                && file.fetch_back().is_none()
        })
    }

    /// What must hold at every moment. The books of the replicas are added up in turn, one at each step.
    fn always(&mut self, step: usize) -> Result<(), String> {
        match self.agents.get(step % (self.agents.len() + 1)) {
            Some(agent) => agent.disk.file.shelf.books_close(),
            None => self.hub.shelf.books_close(),
        }?;
        let (hub, lost, agents) = (&self.hub, &self.lost, &self.agents);
        self.waiting
            .retain(|event_id| !hub.applied.contains(event_id) && !lost.contains(event_id));
        for event_id in &self.waiting {
            let producer = self.told[event_id];
            let mut own = agents.iter().filter(|agent| agent.producer() == producer);
            if !own.any(|agent| agent.disk.file.has(*event_id)) {
                return Err(format!(
                    "I1: fact {event_id} is neither in the hub nor in the outbox"
                ));
            }
        }
        Ok(())
    }

    /// What must hold once everything works again and is delivered.
    fn finally(&self) -> Result<(), String> {
        self.hub.chains_hold()?;
        self.hub.shelf.books_close()?;
        for event_id in self.told.keys() {
            if !self.hub.applied.contains(event_id) && !self.lost.contains(event_id) {
                return Err(format!("I1: fact {event_id} is not in the hub"));
            }
        }
        for (index, agent) in self.agents.iter().enumerate() {
            let file = &agent.disk.file;
            file.shelf.books_close()?;
            for ((producer, epoch, seq), envelope) in &self.hub.events {
                if *producer == file.producer && !file.has(envelope.event_id) {
                    return Err(format!(
                        "agent {index} lacks its own event {seq} of epoch {epoch}"
                    ));
                }
            }
            for (lot_id, state) in &file.shelf.lots {
                let (here, there) = (file.shelf.told(*lot_id), self.hub.shelf.told(*lot_id));
                if here != there {
                    return Err(format!(
                        "agent {index} and the hub differ on lot {} ({}, {:?}): {here:?}, {there:?}",
                        lot_id, state.lot.number, state.origin
                    ));
                }
            }
        }
        Ok(())
    }
}

fn instant(world_ms: u64, skew_ms: i64) -> Timestamp {
    let at = world_ms.saturating_add_signed(skew_ms);
    Timestamp::from_millisecond(i64::try_from(at).expect("the world ends before"))
        .expect("it ends before")
}
