//! What must hold, by the names of ARCHITECTURE.md: at every moment, and once everything works again.

use agog_sync::ids::EventId;

use super::super::agent::Agent;
use super::super::shelf::Shelf;
use super::World;

impl World {
    /// What must hold at every moment. What adds up a whole replica is done for one of them at each step, in turn.
    pub(super) fn always(&mut self, step: usize) -> Result<(), String> {
        self.hub.fresh_holds()?;
        self.hub.serves_one()?;
        let index = step % (self.agents.len() + 1);
        let papers = match self.agents.get_mut(index) {
            Some(agent) => &mut agent.disk.file.papers,
            None => &mut self.hub.papers,
        };
        papers.say_the_same(&mut self.said)?;
        if let Some(agent) = self.agents.get(index) {
            let file = &agent.disk.file;
            file.shelf.books_close()?;
            self.holds_hold(&file.shelf, |event_id| file.has(event_id))?;
            if !self.is_tampered {
                days_are_equal(agent)?;
            }
        } else {
            let hub = &self.hub;
            hub.shelf.books_close()?;
            self.holds_hold(&hub.shelf, |event_id| hub.applied.contains(&event_id))?;
        }
        self.facts_are_somewhere()
    }

    /// I1: a fact is in the hub, in the outbox of the process that recorded it, or a disk has lost it that alone had it.
    fn facts_are_somewhere(&mut self) -> Result<(), String> {
        let (hub, lost) = (&self.hub, &self.lost);
        self.waiting
            .retain(|event_id| !hub.kept.contains(event_id) && !lost.contains(event_id));
        for event_id in &self.waiting {
            let index = self.told[event_id];
            if !self.agents[index].disk.file.is_waiting(*event_id) {
                return Err(format!(
                    "I1: fact {event_id} of process {index} is neither in the hub nor in the outbox"
                ));
            }
        }
        Ok(())
    }

    /// I5: a hold that a replica has seen, and no release of it, holds there.
    fn holds_hold(&self, replica: &Shelf, has: impl Fn(EventId) -> bool) -> Result<(), String> {
        for hold in &self.holds {
            let mut releases = self.releases.get(&hold.hold_id).into_iter().flatten();
            if !has(hold.by) || releases.any(|by| has(*by)) {
                continue;
            }
            let state = replica.lots.get(&hold.lot_id);
            if !state.is_some_and(|state| state.holds.contains(&hold.hold_id)) {
                return Err(format!(
                    "I5: hold {} does not hold lot {}",
                    hold.hold_id, hold.lot_id
                ));
            }
        }
        Ok(())
    }

    /// What must hold once everything works again and is delivered.
    pub(super) fn finally(&self) -> Result<(), String> {
        self.hub.chains_hold()?;
        self.hub.shelf.books_close()?;
        if !self.hub.rejected.is_empty() {
            return Err("events that can be read are not applied".to_owned());
        }
        for (event_id, index) in &self.told {
            let agent = &self.agents[*index];
            let is_kept = self.is_fenced(agent) && agent.disk.file.is_waiting(*event_id);
            if !self.hub.applied.contains(event_id) && !is_kept && !self.lost.contains(event_id) {
                return Err(format!("I1: fact {event_id} is not in the hub"));
            }
        }
        for (index, agent) in self.agents.iter().enumerate() {
            agent.disk.file.shelf.books_close()?;
            if !self.is_fenced(agent) {
                self.agrees(agent)
                    .map_err(|error| format!("process {index}: {error}"))?;
            }
        }
        self.one_of_each_is_served()
    }

    /// Of all processes with one identity, one is served and the others are fenced.
    fn one_of_each_is_served(&self) -> Result<(), String> {
        for (index, agent) in self.agents.iter().enumerate() {
            let of_plant = self.agents.iter().filter(|one| one.plant == agent.plant);
            let served = of_plant.filter(|one| self.is_served(one)).count();
            if served != 1 || !(self.is_served(agent) || self.is_fenced(agent)) {
                return Err(format!(
                    "process {index}: {served} processes of its plant are served"
                ));
            }
        }
        Ok(())
    }

    /// The hub and the process that it serves have the same.
    fn agrees(&self, agent: &Agent) -> Result<(), String> {
        let file = &agent.disk.file;
        if !file.passed_over.is_empty() {
            return Err("items that can be read are still passed over".to_owned());
        }
        for ((producer, epoch, seq), envelope) in self.hub.all() {
            if producer == file.producer && !file.has(envelope.event_id) {
                return Err(format!("it lacks its own event {seq} of epoch {epoch}"));
            }
        }
        for (lot_id, state) in &file.shelf.lots {
            let (here, there) = (file.shelf.told(*lot_id), self.hub.shelf.told(*lot_id));
            if here != there {
                return Err(format!(
                    "it and the hub differ on lot {} ({}, {:?}): {here:?}, {there:?}",
                    lot_id, state.lot.number, state.origin
                ));
            }
        }
        file.papers.converge(&self.hub.papers, agent.plant)
    }

    pub(super) fn is_served(&self, agent: &Agent) -> bool {
        self.hub.is_served(agent.plant, agent.run())
    }

    pub(super) fn is_fenced(&self, agent: &Agent) -> bool {
        self.hub.is_fenced(agent.plant, agent.run())
    }

    /// Whether a process has delivered and taken in everything, or was told that it shall not.
    pub(super) fn is_delivered(&self, agent: &Agent) -> bool {
        if self.is_fenced(agent) {
            return true;
        }
        let file = &agent.disk.file;
        let hub = self.hub.state(agent.plant);
        // A new epoch in which nothing has happened yet is not told of.
        let is_told = file.head.last_seq == 0 && hub.epoch < file.epoch
            || (hub.epoch, hub.head) == (file.epoch, file.head);
        is_told
            && self.is_served(agent)
            && file.acknowledged == file.head.last_seq
            && self.hub.is_fed(agent.plant, file.feed_cursor)
            && file.fetch_back().is_none()
            && (self.faults.documents == 0
                || file.papers.heads(agent.plant) == self.hub.papers.heads(agent.plant))
    }
}

/// Nobody has changed a row, so no day differs.
fn days_are_equal(agent: &Agent) -> Result<(), String> {
    let mut days = agent.disk.file.days.values();
    match days.find(|day| day.is_equal() == Some(false)) {
        None => Ok(()),
        Some(day) => Err(format!("an untouched day differs: {day:?}")),
    }
}
