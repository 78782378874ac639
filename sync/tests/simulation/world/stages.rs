//! How a world goes: trouble, then a good line, and then what is tried on what has come to rest.

use agog_sync::days::{DaySpan, day_of};
use rand::RngExt as _;

use super::super::agent::Agent;
use super::super::days::Tampering;
use super::{Tally, World, instant};

/// Everything is delivered within so many steps, once nothing fails any more (I7).
const QUIET_WITHIN: usize = 3_000;

/// Some steps more, for what is still on the line.
const QUIET_FOR: usize = 100;

/// Longer than the clock of an agent can be behind, and a day more.
const DAYS_MS: u64 = 3 * 86_400_000;

impl World {
    /// Runs the world, heals it, and tries what can be tried then.
    pub(crate) fn run(mut self, steps: usize) -> Result<Tally, String> {
        for step in 0..steps {
            self.act();
            if self.rng.random_range(0..1_000) < self.faults.trouble {
                self.trouble();
            }
            self.change();
            self.turn();
            self.always(step)
                .map_err(|error| format!("step {step}: {error}"))?;
        }
        self.tally.passed_over = self.passed_over();
        self.heal();
        self.settle()?;
        self.finally()?;
        self.count();
        if self.faults.days {
            self.days().map_err(|error| format!("days: {error}"))?;
        }
        if self.faults.clones {
            self.chosen()
                .map_err(|error| format!("the others are enrolled: {error}"))?;
        }
        Ok(self.tally)
    }

    fn passed_over(&self) -> usize {
        let agents = self.agents.iter();
        agents.map(|agent| agent.disk.file.passed_over.len()).sum()
    }

    fn count(&mut self) {
        let files = || self.agents.iter().map(|agent| &agent.disk.file);
        let fenced = self.agents.iter().filter(|agent| self.is_fenced(agent));
        self.tally.fenced = fenced.count();
        self.tally.repeats = self.hub.repeats;
        self.tally.late = self.hub.late;
        let kept = self.told.keys().filter(|event_id| {
            !self.hub.applied.contains(event_id) && !self.lost.contains(event_id)
        });
        self.tally.kept_by_fenced = kept.count();
        self.tally.waited = files().map(|file| file.papers.waited).sum();
        self.tally.early_holds = self.agents.iter().map(|agent| agent.early).sum();
        self.tally.repaired = self.agents.iter().map(|agent| agent.chores.repaired).sum();
    }

    /// Lets time pass until everything is delivered (I7).
    fn settle(&mut self) -> Result<(), String> {
        let (mut quiet, mut last) = (0, None);
        for step in 0..QUIET_WITHIN {
            self.turn();
            self.decide();
            self.always(step)?;
            last = self.agents.iter().position(|agent| {
                !self.is_delivered(agent) || !(self.is_fenced(agent) || self.has_compared(agent))
            });
            quiet = if last.is_none() { quiet + 1 } else { 0 };
            if quiet > QUIET_FOR {
                return Ok(());
            }
        }
        let last = last.map_or_else(String::new, |index| format!(" by process {index}"));
        Err(format!(
            "I7: with a good line, something is still not delivered{last}"
        ))
    }

    fn has_compared(&self, agent: &Agent) -> bool {
        let today = day_of(instant(self.now_ms, agent.skew_ms));
        !self.faults.days || agent.chores.days_on == Some(today)
    }

    /// Days that are over are equal; a row that somebody changes on one side is found with its number, and is no
    /// difference any more once it is again what it was.
    fn days(&mut self) -> Result<(), String> {
        self.now_ms += DAYS_MS;
        self.settle()?;
        let mut spans: Vec<(usize, DaySpan)> = Vec::new();
        for (index, agent) in self.agents.iter().enumerate() {
            if self.is_fenced(agent) {
                continue;
            }
            let file = &agent.disk.file;
            for (epoch, seq) in file.events.keys() {
                let of = |span: &DaySpan| {
                    span.epoch == *epoch && (span.first_seq..=span.last_seq).contains(seq)
                };
                let mut days = file.days.values().filter(|day| of(&day.span));
                if !days.any(|day| day.is_equal() == Some(true)) {
                    return Err(format!("event {seq} of epoch {epoch} is of no proven day"));
                }
            }
            spans.extend(file.days.values().map(|day| (index, day.span)));
        }
        self.tally.days = spans.len();
        if spans.is_empty() {
            return Ok(());
        }
        let (index, span) = spans[self.rng.random_range(0..spans.len())];
        self.tampered(index, span)
    }

    fn tampered(&mut self, index: usize, span: DaySpan) -> Result<(), String> {
        let seq = self.rng.random_range(span.first_seq..=span.last_seq);
        let place = (span.epoch, seq);
        let how = match self.rng.random_range(0..3) {
            0 => Tampering::Payload,
            1 => Tampering::StoredHash,
            _ => Tampering::Gone,
        };
        let at_hub = self.rng.random_ratio(1, 2);
        let producer = self.agents[index].producer();
        let row = if at_hub {
            self.hub.tamper(producer, place, how)
        } else {
            self.agents[index].disk.file.tamper(place, how)
        };
        let row = row.ok_or("the row is not there")?;
        self.is_tampered = true;
        self.now_ms += DAYS_MS;
        self.settle()?;
        let day = self.agents[index]
            .disk
            .file
            .days
            .get(&(span.epoch, span.first_seq));
        let found = day
            .and_then(|day| day.compared)
            .ok_or("it was not compared")?;
        let (here, hub) = (found.here.fault, found.hub.fault);
        let expected = if at_hub {
            (None, Some(seq))
        } else {
            (Some(seq), None)
        };
        if (here, hub) != expected {
            return Err(format!(
                "{how:?} of event {seq} (at the hub: {at_hub}) is found as {here:?} here, {hub:?} at the hub"
            ));
        }
        if at_hub {
            self.hub.mend(producer, place, row);
        } else {
            self.agents[index].disk.file.mend(place, row);
        }
        self.now_ms += DAYS_MS;
        self.settle()?;
        self.is_tampered = false;
        self.tally.tampered += 1;
        self.finally()
    }

    /// What was recorded on machines that were refused is delivered once a person enrols them, one after the other.
    fn chosen(&mut self) -> Result<(), String> {
        for index in 0..self.agents.len() {
            if self.is_fenced(&self.agents[index]) {
                self.enrol(index);
                self.settle()?;
                self.finally()?;
            }
        }
        let mut told = self.told.keys();
        let missing = told
            .find(|event_id| !self.hub.applied.contains(event_id) && !self.lost.contains(event_id));
        match missing {
            None => Ok(()),
            Some(event_id) => Err(format!("I1: fact {event_id} is not in the hub")),
        }
    }
}
