//! A world: a few agents, a hub and the line between them, driven by one seed. What must always hold is checked on
//! the way, and what must hold in the end once everything works again.

mod checks;
mod stages;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::days::day_of;
use agog_sync::ids::{EventId, HoldId, LotId, ProducerId};
use agog_sync::lots::{LotEvent, LotRef};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::agent::Agent;
use super::disk::Disk;
use super::hub::Hub;
use super::moves;
use super::network::{Message, Network, Quality};
use super::papers::{self, Said};
use super::program::{Form, Program};

/// How much time passes between two steps, in milliseconds of the world.
const STEP_MS_MAX: u64 = 300;

/// How much passes when nothing happens for a while: a shift, or a weekend.
const WHILE_MS_MAX: u64 = 60 * 3_600_000;

/// The wall clock of the world's beginning.
const BEGINNING_MS: u64 = 1_760_515_200_000;

/// What there is in a world, and what can go wrong.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one more thing that happens or does not"
)]
pub(crate) struct Faults {
    pub(crate) quality: Quality,
    /// Cut lines, crashes of agents and of the hub, feeds that are pruned, out of 1,000 steps.
    pub(crate) trouble: u32,
    /// Disks say that they have synced and have not.
    pub(crate) lying_disks: bool,
    /// Backups are put back.
    pub(crate) restores: bool,
    /// Disks are copied, and the copies started while the first ones live on.
    pub(crate) clones: bool,
    /// Programs of two versions, brought up to date one by one.
    pub(crate) versions: bool,
    /// Documents are edited, out of 1,000 steps.
    pub(crate) documents: u32,
    /// Days go by, and are compared.
    pub(crate) days: bool,
}

/// What was seen in a world, for the report.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) facts: usize,
    pub(crate) crashes: usize,
    pub(crate) repeats: usize,
    pub(crate) early_holds: usize,
    /// How often a person had to say which machine is the right one, or did.
    pub(crate) enrolled: usize,
    /// Processes that were fenced in the end, and facts that waited on their disks.
    pub(crate) fenced: usize,
    pub(crate) kept_by_fenced: usize,
    /// Facts that the hub applied later than they came, and items that agents passed over.
    pub(crate) late: usize,
    pub(crate) passed_over: usize,
    /// Changes of documents that waited for others, and those that came by comparing.
    pub(crate) waited: usize,
    pub(crate) repaired: usize,
    /// Days that were equal on both sides in the end, and rows that somebody changed and that were found.
    pub(crate) days: usize,
    pub(crate) tampered: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.facts += other.facts;
        self.crashes += other.crashes;
        self.repeats += other.repeats;
        self.early_holds += other.early_holds;
        self.enrolled += other.enrolled;
        self.fenced += other.fenced;
        self.kept_by_fenced += other.kept_by_fenced;
        self.late += other.late;
        self.passed_over += other.passed_over;
        self.waited += other.waited;
        self.repaired += other.repaired;
        self.days += other.days;
        self.tampered += other.tampered;
    }
}

/// A hold that somebody placed.
struct Placed {
    lot_id: LotId,
    hold_id: HoldId,
    by: EventId,
}

pub(crate) struct World {
    rng: StdRng,
    faults: Faults,
    now_ms: u64,
    network: Network,
    hub: Hub,
    hub_is_up: bool,
    /// All processes; those of one plant have one identity.
    agents: Vec<Agent>,
    backups: Vec<Vec<usize>>,
    /// Facts whose asker was told that they are recorded, and the process that said so.
    told: BTreeMap<EventId, usize>,
    /// Those of them that were not in the hub when last looked at.
    waiting: BTreeSet<EventId>,
    /// Facts that only a disk had which has lost them.
    lost: BTreeSet<EventId>,
    holds: Vec<Placed>,
    /// The events that release each hold.
    releases: BTreeMap<HoldId, Vec<EventId>>,
    /// What documents say by their heads.
    said: Said,
    /// Somebody has changed a row, or has just mended it.
    is_tampered: bool,
    tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let producers: Vec<_> = (0..rng.random_range(1..=3))
            .map(|_| ProducerId::from_uuid(moves::any_uuid(&mut rng)))
            .collect();
        let office = ProducerId::from_uuid(moves::any_uuid(&mut rng));
        let program = |rng: &mut StdRng| {
            if faults.versions && rng.random_ratio(1, 2) {
                Program::Newer
            } else {
                Program::Older
            }
        };
        let hub = Hub::new(program(&mut rng), office, producers.clone());
        let agents: Vec<_> = producers
            .iter()
            .enumerate()
            .map(|(plant, producer)| {
                let lies = faults.lying_disks && rng.random_ratio(1, 2);
                let program = program(&mut rng);
                let mut agent =
                    Agent::new(plant, plant as u64, program, Disk::new(*producer, lies));
                agent.compares_days = faults.days;
                agent.compares_documents = faults.documents > 0;
                agent
            })
            .collect();
        Self {
            network: Network::new(faults.quality, agents.len()),
            hub,
            hub_is_up: true,
            backups: vec![Vec::new(); agents.len()],
            agents,
            rng,
            faults,
            now_ms: BEGINNING_MS,
            told: BTreeMap::new(),
            waiting: BTreeSet::new(),
            lost: BTreeSet::new(),
            holds: Vec::new(),
            releases: BTreeMap::new(),
            said: Said::new(),
            is_tampered: false,
            tally: Tally::default(),
        }
    }

    /// Somebody does something.
    fn act(&mut self) {
        if self.faults.days && self.rng.random_ratio(1, 40) {
            self.now_ms += self.rng.random_range(0..WHILE_MS_MAX);
        }
        if self.rng.random_range(0..1_000) < self.faults.documents {
            return self.write();
        }
        let at = self.now_ms;
        if self.rng.random_ratio(1, 10) {
            let any = moves::any(&mut self.rng, &self.hub.shelf.lots);
            let place = self.rng.random_range(0..self.hub.kept.len().max(1));
            let event = match self.correction_of_the_office(place) {
                Some(event) if self.rng.random_ratio(1, 6) => event,
                _ => any,
            };
            if event.used_lots().is_empty() {
                return;
            }
            let (event_id, form) = (self.event_id(), self.form(self.hub.program));
            self.note(event_id, &event);
            self.hub.office(event_id, instant(at, 0), event, form);
            return;
        }
        let index = self.rng.random_range(0..self.agents.len());
        if !self.agents[index].is_running {
            return;
        }
        let foreign = self.foreign_lot();
        let (event_id, form) = (self.event_id(), self.form(self.agents[index].program));
        let file = &self.agents[index].disk.file;
        let (event, is_gated) = match foreign {
            Some(lot) => (moves::reported(&mut self.rng, lot), false),
            None if self.rng.random_ratio(1, 12) => {
                let place = self.rng.random_range(0..file.events.len().max(1));
                let corrected = file.events.values().nth(place).and_then(|envelope| {
                    let event = Program::Newer.read(envelope).ok()?;
                    moves::correction(envelope.event_id, &event)
                });
                let Some(event) = corrected else { return };
                (event, true)
            }
            None => (moves::any(&mut self.rng, &file.shelf.lots), true),
        };
        let agent = &mut self.agents[index];
        let at = instant(at, agent.skew_ms);
        self.note(event_id, &event);
        if self.agents[index].record(event_id, at, event, is_gated, form) {
            self.recorded(event_id, index);
        }
    }

    /// Takes back a fact that the hub has applied: of another one there is nothing to undo.
    fn correction_of_the_office(&self, place: usize) -> Option<LotEvent> {
        let (_, envelope) = self.hub.all().nth(place)?;
        if !self.hub.applied.contains(&envelope.event_id) {
            return None;
        }
        let event = self.hub.program.read(envelope).ok()?;
        moves::correction(envelope.event_id, &event)
    }

    /// Somebody writes into a document, at a plant or in the office.
    fn write(&mut self) {
        let index = self.rng.random_range(0..self.agents.len());
        let plant = self.agents[index].plant;
        let [note, discussion, queue] = papers::keys(plant);
        let key = match self.rng.random_range(0..3) {
            0 => note,
            1 => discussion,
            _ => queue,
        };
        let event_id = self.event_id();
        if self.rng.random_ratio(1, 4) {
            let edit = moves::edit(&mut self.rng, &self.hub.papers.document(&key));
            self.hub
                .edit(event_id, instant(self.now_ms, 0), &key, &edit);
            return;
        }
        let agent = &mut self.agents[index];
        if !agent.is_running {
            return;
        }
        let at = instant(self.now_ms, agent.skew_ms);
        let edit = moves::edit(&mut self.rng, &agent.disk.file.papers.document(&key));
        if agent.edit(event_id, at, &key, &edit) {
            self.recorded(event_id, index);
        }
    }

    fn recorded(&mut self, event_id: EventId, index: usize) {
        self.told.insert(event_id, index);
        self.waiting.insert(event_id);
        self.tally.facts += 1;
    }

    /// Remembers what a fact says of holds. One that is refused is seen by nobody.
    fn note(&mut self, event_id: EventId, event: &LotEvent) {
        match event {
            LotEvent::Held(held) => self.holds.push(Placed {
                lot_id: held.lot.lot_id,
                hold_id: held.hold_id,
                by: event_id,
            }),
            LotEvent::Released(released) => {
                let of_hold = self.releases.entry(released.hold_id).or_default();
                of_hold.push(event_id);
            }
            _ => {}
        }
    }

    /// How the program writes the next fact.
    fn form(&mut self, program: Program) -> Form {
        match program {
            Program::Newer if self.rng.random_ratio(1, 6) => Form::NewKind,
            Program::Newer if self.rng.random_ratio(1, 6) => Form::NewVersion,
            _ => Form::Known,
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
                    let answer = self.hub.ask(self.agents[agent].plant, run, &ask);
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
            let agent = &mut self.agents[index];
            if !agent.is_running {
                continue;
            }
            let run = agent.run();
            let today = day_of(instant(self.now_ms, agent.skew_ms));
            for (request, ask) in agent.asks(self.now_ms, today) {
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
}

fn instant(world_ms: u64, skew_ms: i64) -> Timestamp {
    let at = world_ms.saturating_add_signed(skew_ms);
    Timestamp::from_millisecond(i64::try_from(at).expect("the world ends before"))
        .expect("it ends before")
}
