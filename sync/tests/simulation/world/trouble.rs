//! What goes wrong in a world, what is done to its machines, and what people decide.

use agog_sync::ids::EventId;
use rand::RngExt as _;

use super::super::agent::Agent;
use super::super::program::Program;
use super::World;

/// The most processes that have one identity.
const PROCESSES_MAX: usize = 3;

impl World {
    /// Something goes wrong, or works again.
    pub(super) fn trouble(&mut self) {
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
            7 => self.hub.prune(self.agents[index].plant),
            _ => self.backup_or_restore(index),
        }
    }

    /// Somebody copies a disk or brings a program up to date.
    pub(super) fn change(&mut self) {
        let index = self.rng.random_range(0..self.agents.len());
        if self.faults.clones && self.rng.random_ratio(1, 60) {
            self.copy(index);
        }
        if self.faults.clones && self.rng.random_ratio(1, 120) {
            self.choose(index);
        }
        if self.faults.versions && self.rng.random_ratio(1, 80) {
            match self.rng.random_range(0..4) {
                0 => self.hub.program = Program::Newer,
                1 => self.hub.retry(),
                _ => {
                    self.agents[index].program = Program::Newer;
                    if self.agents[index].is_running {
                        self.agents[index].start();
                    }
                }
            }
        }
    }

    fn crash(&mut self, index: usize) {
        self.tally.crashes += 1;
        let agent = &mut self.agents[index];
        agent.is_running = false;
        let survive = match agent.disk.unsynced() {
            unsynced if unsynced > 0 && self.rng.random_ratio(1, 2) => {
                self.rng.random_range(0..unsynced)
            }
            _ => 0,
        };
        let lost = agent.disk.lose_power(survive);
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

    /// The disk of a process is copied, and the copy started. The first one lives on.
    fn copy(&mut self, index: usize) {
        let first = &self.agents[index];
        let plant = first.plant;
        let alive = self.agents.iter().filter(|agent| agent.plant == plant);
        if alive.count() == PROCESSES_MAX {
            return;
        }
        let process = self.agents.len() as u64;
        let mut copy = Agent::new(plant, process, first.program, first.disk.clone());
        copy.compares_days = first.compares_days;
        copy.compares_documents = first.compares_documents;
        self.agents.push(copy);
        self.backups.push(Vec::new());
        self.network.join();
    }

    /// A person enrols a machine that the hub refuses.
    fn choose(&mut self, index: usize) {
        let agent = &self.agents[index];
        if agent.is_running && self.hub_is_up && self.hub.is_fenced(agent.plant, agent.run()) {
            self.enrol(index);
        }
    }

    pub(super) fn enrol(&mut self, index: usize) {
        let agent = &self.agents[index];
        self.hub.enrol(agent.plant, agent.run());
        self.tally.enrolled += 1;
    }

    /// A disk that has forgotten its last start looks like a copy, when that start is heard of late: then a person decides,
    /// when all processes of a plant are refused. An agent whose disk forgets nothing must never need one.
    pub(super) fn decide(&mut self) {
        if !self.faults.lying_disks && !self.faults.restores {
            return;
        }
        for index in 0..self.agents.len() {
            let plant = self.agents[index].plant;
            let mut of_plant = self.agents.iter().filter(|agent| agent.plant == plant);
            if of_plant.all(|agent| self.hub.is_fenced(plant, agent.run())) {
                self.enrol(index);
            }
        }
    }

    /// Everything works again, and every program is the newest.
    pub(super) fn heal(&mut self) {
        self.network.heal();
        self.hub_is_up = true;
        if self.faults.versions {
            self.hub.program = Program::Newer;
            self.hub.retry();
        }
        for agent in &mut self.agents {
            if self.faults.versions && agent.program == Program::Older {
                agent.program = Program::Newer;
                agent.start();
            }
            if !agent.is_running {
                agent.start();
            }
        }
    }
}
