//! From an event in a ledger to the module that it means something to, and to the plants that
//! have to hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::event::{Actor, DecodeError, Envelope, Event};
use agog_sync::frame::{FeedBody, FeedEvent};
use agog_sync::ids::{AgentId, EventId, PlantId, ProducerId};
use agog_sync::lots::LotEvent;
use jiff::Timestamp;
use rand::rngs::StdRng;

use super::{ApplyContext, ApplyError, feed};
use crate::db::{DbError, TenantTx};
use crate::equipment::DeviceBatch;
use crate::events::Outbox;
use crate::exchange::JobBatch;
use crate::inventory::LotBatch;
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

/// What plants have to hear of events, in its order. It goes into their feeds after the last event of the batch
/// ([`deliver`]).
pub(super) type Carried = Vec<(AgentId, Arc<str>)>;

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

    fn hears(&self, plants: &BTreeSet<PlantId>) -> bool {
        self.listeners
            .values()
            .any(|plant_id| plants.contains(plant_id))
    }
}

/// Puts what is carried into the feeds, in the order of the agents' ids.
pub(super) async fn deliver(
    tx: &mut TenantTx,
    carried: Carried,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut feeds: BTreeMap<AgentId, Vec<Arc<str>>> = BTreeMap::new();
    for (agent_id, text) in carried {
        feeds.entry(agent_id).or_default().push(text);
    }
    for (agent_id, texts) in feeds {
        feed::push(tx, agent_id, &texts, now).await?;
    }
    Ok(())
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
/// lots, devices, materials, the feeds of agents. A batch names jobs and lots in any order, so they are locked before its
/// first event is applied; what goes into feeds goes there after its last.
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

/// Applies events to their modules, all or none, and says what plants have to hear of them. Those of the office come one
/// at a time: each may be about another plant.
pub(super) async fn apply<'e>(
    tx: &mut TenantTx,
    source: &Source,
    events: &[(&'e Envelope, &'e Event)],
    now: Timestamp,
    rng: &mut StdRng,
) -> Result<Carried, ApplyError> {
    let mut outbox = Outbox::default();
    let mut carried = Carried::new();
    let mut lots = match &of_lots(events)[..] {
        [] => None,
        events => Some(LotBatch::load(tx, source.plant_id, events, now).await?),
    };
    let mut devices = match source.plant_id {
        Some(plant_id) => DeviceBatch::load(tx, plant_id, events, now, rng).await?,
        None => DeviceBatch::default(),
    };
    let mut jobs = JobBatch::default();
    for &(envelope, event) in events {
        let actor = match &envelope.actor {
            Actor::Operator { name } => name,
            Actor::Device { device } => device,
            Actor::System { component } => component,
        };
        let mut ctx = ApplyContext {
            producer_id: source.producer_id,
            plant_id: source.plant_id,
            seq: envelope.seq,
            event_id: envelope.event_id,
            kind: &envelope.kind,
            actor,
            occurred_at: envelope.occurred_at,
            now,
            rng,
            outbox: &mut outbox,
        };
        match event {
            Event::Lot(lot_event) => {
                if let Some(lots) = &mut lots {
                    lot(lots, source, &mut ctx, envelope, lot_event, &mut carried)?;
                }
            }
            Event::Job(job_event) => jobs.apply(tx, &mut ctx, job_event).await?,
            Event::Device(device_event) => devices.apply(&mut ctx, device_event)?,
            Event::Gap(gap) => equipment::telemetry_gap(tx, &mut ctx, gap).await?,
        }
    }
    if let Some(lots) = lots {
        lots.store(tx).await?;
    }
    devices.store(tx).await?;
    jobs.store(tx, &mut outbox, now).await?;
    outbox.store(tx).await?;
    Ok(carried)
}

fn of_lots<'e>(events: &[(&'e Envelope, &'e Event)]) -> Vec<(EventId, &'e LotEvent)> {
    let of_lots = events.iter().filter_map(|(envelope, event)| match event {
        Event::Lot(event) => Some((envelope.event_id, event)),
        _ => None,
    });
    of_lots.collect()
}

/// Applies a lot event, and carries it to the plants that it concerns: those that knew its lots before, and those that know
/// them through it. What they may not know yet is told as it was before the event: a plant that got the event and not
/// what it works on would never catch up.
fn lot<'e>(
    lots: &mut LotBatch<'e>,
    source: &Source,
    ctx: &mut ApplyContext<'e, '_>,
    envelope: &Envelope,
    event: &LotEvent,
    carried: &mut Carried,
) -> Result<(), ApplyError> {
    let mut concerned = lots.plants(event);
    let snapshots = if source.hears(&concerned) {
        lots.snapshots(event)
    } else {
        Vec::new()
    };
    lots.apply(ctx, event);
    if source.listeners.is_empty() || !lots.is_told(event) {
        return Ok(());
    }
    concerned.extend(lots.plants(event));
    // Whoever is sent an event has met all of its lots, and hears of each from then on.
    lots.met(event, &concerned);
    if !source.hears(&concerned) {
        return Ok(());
    }
    let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
        producer: source.producer_id,
        epoch: source.epoch,
        event: envelope.clone(),
        lots: snapshots,
    }));
    let text: Arc<str> = feed::text(&body)?.into();
    for (agent_id, plant_id) in &source.listeners {
        if concerned.contains(plant_id) {
            carried.push((*agent_id, text.clone()));
        }
    }
    Ok(())
}
