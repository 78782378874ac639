//! From an event in a ledger to the module that it means something to, and to the plants that
//! have to hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::event::{Actor, DecodeError, Envelope, Event};
use agog_sync::frame::{FeedBody, FeedEvent, LedgerMark};
use agog_sync::ids::{AgentId, EventId, PlantId, ProducerId};
use agog_sync::lots::LotEvent;
use jiff::Timestamp;
use rand::rngs::StdRng;

use super::{ApplyContext, ApplyError, feed, office, store};
use crate::db::{DbError, TenantTx};
use crate::documents::{self, DocumentBatch, Hearers};
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
    /// What the hub has of their ledgers, looked up when the lots are locked that the events are about: what is in these
    /// lots then is in the marks, and what comes later in neither.
    marks: BTreeMap<ProducerId, LedgerMark>,
    /// The events were kept for later: the hub has newer ones of their ledger.
    is_late: bool,
}

/// What plants have to hear of events, in its order. It goes into their feeds after the last event of the batch
/// ([`deliver`]).
pub type Carried = Vec<(AgentId, Arc<str>)>;

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
            marks: BTreeMap::new(),
            is_late: false,
        })
    }

    /// For events that could not be applied when they came. What a lot was before such a one cannot be told to its own
    /// plant: the lot has moved on by newer events of the same ledger.
    pub(super) fn late(self) -> Self {
        Self {
            is_late: true,
            ..self
        }
    }

    /// What the hub has of an agent's ledger as its event `seq` comes.
    fn seen_of(&self, agent_id: AgentId, seq: u64) -> LedgerMark {
        let producer_id = ProducerId::from(agent_id);
        if producer_id == self.producer_id {
            return LedgerMark {
                epoch: self.epoch,
                seq: seq - 1,
            };
        }
        let mark = self.marks.get(&producer_id).copied();
        mark.unwrap_or(LedgerMark { epoch: 1, seq: 0 })
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

/// Locks what events work on until the transaction ends: the office's ledger when they change documents, which may
/// have to be carried over in it ([`documents::settle`]); their jobs, then their lots, then their documents, each in the
/// order of their keys.
///
/// Every transaction locks in one order, so that no two wait for each other: the producer whose ledger it writes, an
/// agent before the office, jobs, lots, documents, devices, materials, the feeds of agents. A batch names jobs, lots and documents in any order, so they are locked before its
/// first event is applied; what goes into feeds goes there after its last.
pub(super) async fn lock(
    tx: &mut TenantTx,
    source: &Source,
    events: impl Iterator<Item = &Event>,
    now: Timestamp,
) -> Result<(), DbError> {
    let (mut jobs, mut lots, mut documents) = (Vec::new(), Vec::new(), BTreeSet::new());
    for event in events {
        match event {
            Event::Job(event) => jobs.push(&event.progress.job),
            Event::Lot(event) => lots.extend(event.lots().iter().map(|lot| lot.lot_id)),
            Event::Document(changed) => {
                documents.insert(&changed.document);
            }
            // No plant says so; it is refused later.
            Event::Rolled(_) | Event::Device(_) | Event::Gap(_) => {}
        }
    }
    // What has not the form of a document is refused later.
    documents.retain(|key| key.has_form());
    if !documents.is_empty() {
        office::lock(tx, now).await?;
    }
    exchange::jobs_lock(tx, source.plant_id, &jobs).await?;
    inventory::lots_lock(tx, &lots).await?;
    documents::documents_lock(tx, &documents, now).await
}

/// Applies events to their modules, all or none, and says what plants have to hear of them. Those of the office come one
/// at a time: each may be about another plant.
pub(super) async fn apply<'e>(
    tx: &mut TenantTx,
    source: &mut Source,
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
    if lots.is_some() && !source.listeners.is_empty() {
        let producers: Vec<_> = source.listeners.keys().map(|id| (*id).into()).collect();
        source.marks = store::ledger_marks(tx, &producers).await?;
    }
    let mut devices = match source.plant_id {
        Some(plant_id) => DeviceBatch::load(tx, plant_id, events, now, rng).await?,
        None => DeviceBatch::default(),
    };
    let mut jobs = JobBatch::default();
    let mut documents = DocumentBatch::default();
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
            Event::Document(changed) => {
                // Boxed, as the next: few batches change documents, and the work of each would have to have room for it.
                let hearers = Box::pin(documents.apply(tx, &mut ctx, changed)).await?;
                document(source, envelope, hearers, &mut carried)?;
            }
            Event::Rolled(rolled) => {
                let hearers = Box::pin(documents.roll(tx, &mut ctx, rolled)).await?;
                document(source, envelope, hearers, &mut carried)?;
            }
        }
    }
    if let Some(lots) = lots {
        lots.store(tx).await?;
    }
    devices.store(tx).await?;
    jobs.store(tx, &mut outbox, now).await?;
    documents.store(tx, now).await?;
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
    // Whoever names a lot that nobody told it of learns by its own event what the lot was before.
    let new_to_source = match source.plant_id {
        Some(plant_id) if !source.is_late => lots.unmet(event, plant_id),
        _ => BTreeSet::new(),
    };
    let snapshots = if !new_to_source.is_empty() || source.hears(&concerned) {
        lots.snapshots(event)
    } else {
        Vec::new()
    };
    lots.apply(ctx, event);
    if (source.listeners.is_empty() && new_to_source.is_empty())
        || !lots.is_told(event, envelope.event_id)
    {
        return Ok(());
    }
    concerned.extend(lots.plants(event));
    // Whoever is sent an event has met all of its lots, and hears of each from then on.
    lots.met(event, &concerned);
    let hearing = source
        .listeners
        .iter()
        .filter(|(_, plant_id)| concerned.contains(plant_id));
    let mut receivers: Vec<_> = hearing
        .map(|(agent_id, _)| (*agent_id, snapshots.clone()))
        .collect();
    if !new_to_source.is_empty() {
        // What it has met it knows by events, also by its own that are not here yet.
        let mut lots = snapshots;
        lots.retain(|told| new_to_source.contains(&told.lot.lot_id));
        receivers.push((AgentId::from_uuid(source.producer_id.uuid()), lots));
    }
    for (agent_id, lots) in receivers {
        let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
            producer: source.producer_id,
            epoch: source.epoch,
            event: envelope.clone(),
            lots,
            seen: Some(source.seen_of(agent_id, envelope.seq)),
        }));
        carried.push((agent_id, feed::text(&body)?.into()));
    }
    Ok(())
}

/// Carries a change or a roll of a document to those who have to hear of it.
fn document(
    source: &Source,
    envelope: &Envelope,
    hearers: Hearers,
    carried: &mut Carried,
) -> Result<(), DbError> {
    let hears = |plant_id: &PlantId| match hearers {
        Hearers::Nobody => false,
        Hearers::Plant(hearer) => *plant_id == hearer,
        Hearers::Everybody => true,
    };
    let mut listeners = source
        .listeners
        .iter()
        .filter(|(_, plant_id)| hears(plant_id))
        .peekable();
    if listeners.peek().is_none() {
        return Ok(());
    }
    let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
        producer: source.producer_id,
        epoch: source.epoch,
        event: envelope.clone(),
        lots: Vec::new(),
        seen: None,
    }));
    let text: Arc<str> = feed::text(&body)?.into();
    carried.extend(listeners.map(|(agent_id, _)| (*agent_id, text.clone())));
    Ok(())
}
