//! From an event in a ledger to the module that it means something to, and to the plants that
//! have to hear of it.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::event::{Actor, DecodeError, Envelope, Event};
use agog_sync::frame::{FeedBody, FeedEvent};
use agog_sync::ids::{AgentId, PlantId, ProducerId};
use jiff::Timestamp;
use rand::rngs::StdRng;

use super::{ApplyContext, ApplyError, feed};
use crate::db::TenantTx;
use crate::{equipment, exchange, inventory, tenants};

/// Where events come from, and who else may have to hear of them.
pub(super) struct Source {
    producer_id: ProducerId,
    epoch: u64,
    /// None for the office.
    plant_id: Option<PlantId>,
    /// The agents of the tenant but the producer itself.
    listeners: BTreeMap<AgentId, PlantId>,
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
        })
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

/// Applies an event to its module, and puts it into the feeds of the plants that it concerns.
pub(super) async fn apply(
    tx: &mut TenantTx,
    source: &Source,
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
            // never catch up.
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
                source.carry(tx, &concerned, envelope, lots, now).await?;
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

    async fn carry(
        &self,
        tx: &mut TenantTx,
        plants: &BTreeSet<PlantId>,
        envelope: &Envelope,
        lots: Vec<agog_sync::frame::LotSnapshot>,
        now: Timestamp,
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
        // In the order of their ids, so that two transactions never wait for each other's counters.
        for (agent_id, plant_id) in &self.listeners {
            if plants.contains(plant_id) {
                feed::push(tx, *agent_id, &text, now).await?;
            }
        }
        Ok(())
    }
}
