//! From an event in a ledger to the module that it means something to, and to the plants that
//! have to hear of it.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::{Actor, DecodeError, Envelope, Event};
use agog_sync::frame::{FeedBody, FeedEvent};
use agog_sync::ids::{AgentId, PlantId, ProducerId};
use jiff::Timestamp;
use rand::rngs::StdRng;

use super::{ApplyContext, ApplyError, feed};
use crate::db::{DbError, TenantTx};
use crate::{equipment, exchange, inventory, tenants};

/// Where events come from, and who else may have to hear of them.
pub(super) struct Source {
    producer_id: ProducerId,
    epoch: u64,
    /// None for the office.
    plant_id: Option<PlantId>,
    /// The agents of the tenant but the producer itself.
    listeners: BTreeMap<AgentId, PlantId>,
    /// What they have to hear, in its order; it goes into their feeds with [`Source::deliver`].
    carried: Vec<(AgentId, String)>,
}

impl Source {
    /// Looks up the listeners, once per batch.
    pub(super) async fn load(
        tx: &mut TenantTx,
        producer_id: ProducerId,
        epoch: u64,
        plant_id: Option<PlantId>,
    ) -> Result<Self, ApplyError> {
        let mut listeners = tenants::agent_plants(tx).await?;
        listeners.retain(|agent_id, _| ProducerId::from(*agent_id) != producer_id);
        Ok(Self {
            producer_id,
            epoch,
            plant_id,
            listeners,
            carried: Vec::new(),
        })
    }

    /// How much is carried: what came later can be dropped again.
    pub(super) fn mark(&self) -> usize {
        self.carried.len()
    }

    /// Drops what was carried since a mark, because the events behind it were undone.
    pub(super) fn drop_since(&mut self, mark: usize) {
        self.carried.truncate(mark);
    }

    /// Puts what is carried into the feeds, in the order of the agents' ids.
    pub(super) async fn deliver(
        &mut self,
        tx: &mut TenantTx,
        now: Timestamp,
    ) -> Result<(), DbError> {
        self.carried.sort_by_key(|(agent_id, _)| *agent_id);
        for (agent_id, text) in self.carried.drain(..) {
            feed::push(tx, agent_id, &text, now).await?;
        }
        Ok(())
    }
}

/// Reads what an event says. An event of a newer agent is refused here and kept as it came.
pub(super) fn decode(envelope: &Envelope) -> Result<Event, ApplyError> {
    envelope.event().map_err(|error| {
        let code = match &error {
            DecodeError::UnknownKind(_) => "unknown-kind",
            DecodeError::UnknownVersion { .. } => "unknown-version",
            DecodeError::Malformed { .. } => "malformed-payload",
        };
        ApplyError::Refused {
            code,
            detail: crate::http::error::chain(&error),
        }
    })
}

/// Locks what events work on until the transaction ends: their jobs, then their lots, each in the order of their keys.
///
/// Every transaction locks in one order, so that no two wait for each other: the producer whose ledger it writes, jobs,
/// lots, the feeds of agents. A batch names jobs and lots in any order, so they are locked before its first event is
/// applied; what goes into feeds goes there after its last.
pub(super) async fn lock(
    tx: &mut TenantTx,
    source: &Source,
    events: impl Iterator<Item = &Event>,
) -> Result<(), DbError> {
    let (mut jobs, mut lots) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Job(event) => jobs.push(&event.progress.job),
            Event::Lot(event) => lots.extend(event.lots().iter().map(|lot| lot.lot_id)),
            Event::Device(_) | Event::Gap(_) => {}
        }
    }
    exchange::jobs_lock(tx, source.plant_id, &jobs).await?;
    inventory::lots_lock(tx, &lots).await
}

/// Applies an event to its module, and carries it to the plants that it concerns.
pub(super) async fn apply(
    tx: &mut TenantTx,
    source: &mut Source,
    envelope: &Envelope,
    event: &Event,
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<(), ApplyError> {
    let actor = match &envelope.actor {
        Actor::Operator { name } => name,
        Actor::Device { device } => device,
        Actor::System { component } => component,
    };
    let mut ctx = ApplyContext {
        producer_id: source.producer_id,
        plant_id: source.plant_id,
        event_id: envelope.event_id,
        kind: &envelope.kind,
        actor,
        occurred_at: envelope.occurred_at,
        now,
        rng,
    };
    match event {
        Event::Lot(lot_event) => {
            let lot_ids: Vec<_> = lot_event.lots().iter().map(|lot| lot.lot_id).collect();
            // The plants that knew the lots before get the event, and so do those that know them
            // through it. What they may not know yet is told as it was before the event, and stays
            // so until the event is applied: a plant that got it and not the one before would
            // never catch up. The lots are locked by the batch, but for those that were made since.
            inventory::lots_lock(tx, &lot_ids).await?;
            let mut concerned = BTreeSet::new();
            let mut lots = Vec::new();
            if !source.listeners.is_empty() {
                concerned.extend(inventory::lot_plants(tx, &lot_ids).await?);
                if source.hears(&concerned) {
                    lots = inventory::lot_snapshots(tx, &lot_ids).await?;
                }
            }
            inventory::lot_event(tx, &mut ctx, lot_event).await?;
            if !source.listeners.is_empty() {
                concerned.extend(inventory::lot_plants(tx, &lot_ids).await?);
                // Whoever is sent an event has met all of its lots, and hears of each from then on.
                inventory::lots_met(tx, &lot_ids, &concerned).await?;
                source.carry(&concerned, envelope, lots)?;
            }
            Ok(())
        }
        Event::Job(job_event) => exchange::job_event(tx, &mut ctx, job_event).await,
        Event::Device(device_event) => {
            let plant_id = source.plant()?;
            Ok(equipment::device_event(tx, &mut ctx, plant_id, device_event).await?)
        }
        Event::Gap(gap) => {
            let plant_id = source.plant()?;
            Ok(equipment::telemetry_gap(tx, &mut ctx, plant_id, gap).await?)
        }
    }
}

impl Source {
    fn plant(&self) -> Result<PlantId, ApplyError> {
        self.plant_id.ok_or_else(|| ApplyError::Refused {
            code: "no-plant",
            detail: "the office has no devices".to_owned(),
        })
    }

    fn hears(&self, plants: &BTreeSet<PlantId>) -> bool {
        self.listeners
            .values()
            .any(|plant_id| plants.contains(plant_id))
    }

    fn carry(
        &mut self,
        plants: &BTreeSet<PlantId>,
        envelope: &Envelope,
        lots: Vec<agog_sync::frame::LotSnapshot>,
    ) -> Result<(), ApplyError> {
        if !self.hears(plants) {
            return Ok(());
        }
        let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
            producer: self.producer_id,
            epoch: self.epoch,
            event: envelope.clone(),
            lots,
        }));
        let text = feed::text(&body)?;
        for (agent_id, plant_id) in &self.listeners {
            if plants.contains(plant_id) {
                self.carried.push((*agent_id, text.clone()));
            }
        }
        Ok(())
    }
}
