//! From an event in a ledger to the module that it means something to, and to the plants that
//! have to hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agog_sync::event::{Actor, DecodeError, Envelope, Event};
use agog_sync::frame::{FeedBody, FeedEvent, LedgerMark, LotSnapshot};
use agog_sync::ids::{AgentId, EventId, PlantId, ProducerId};
use agog_sync::lots::LotEvent;
use jiff::Timestamp;
use rand::rngs::StdRng;

use super::store_rejected::{self, Unapplied};
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
    /// Events in these ledgers that are about the lots and have had no effect yet, also those of this batch that cannot be
    /// read (`unreadable`).
    unapplied: Vec<Unapplied>,
    unreadable: Vec<Unapplied>,
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
            unapplied: Vec::new(),
            unreadable: Vec::new(),
            is_late: false,
        })
    }

    /// Some of the events cannot be read, and will be kept.
    pub(super) fn with_unreadable<'e>(self, events: impl Iterator<Item = &'e Envelope>) -> Self {
        let unreadable = events.map(|event| Unapplied {
            producer: self.producer_id,
            at: LedgerMark {
                epoch: self.epoch,
                seq: event.seq,
            },
            event_id: event.event_id,
            payload: event.payload.get().to_owned(),
        });
        Self {
            unreadable: unreadable.collect(),
            ..self
        }
    }

    /// For events that could not be applied when they came.
    pub(super) fn late(self) -> Self {
        Self {
            is_late: true,
            ..self
        }
    }

    /// Looks up what the hub has of the ledgers, and what of that had no effect on the lots.
    async fn look_up(&mut self, tx: &mut TenantTx, lots: &mut LotBatch<'_>) -> Result<(), DbError> {
        let mut producers: Vec<_> = self.listeners.keys().map(|id| (*id).into()).collect();
        producers.push(self.producer_id);
        self.marks = store::ledger_marks(tx, &producers).await?;
        self.unapplied = store_rejected::unapplied(tx, &producers, &lots.known()).await?;
        self.unapplied.extend(self.unreadable.iter().cloned());
        let events: Vec<_> = self.unapplied.iter().map(|kept| kept.event_id).collect();
        if !events.is_empty() {
            lots.look_up_corrections(tx, &events).await?;
        }
        Ok(())
    }

    /// What an agent has done to lots that the hub had seen and not applied before an event. What was corrected by then
    /// has no effect on either side.
    fn unapplied_of(
        &self,
        agent_id: AgentId,
        seen: LedgerMark,
        told: &[LotSnapshot],
        lots: &LotBatch<'_>,
        event_id: EventId,
    ) -> Vec<EventId> {
        let names = |kept: &Unapplied| {
            let mut ids = told.iter().map(|told| told.lot.lot_id.to_string());
            ids.any(|lot_id| kept.payload.contains(&lot_id))
        };
        let of_agent = self.unapplied.iter().filter(|kept| {
            kept.producer == ProducerId::from(agent_id)
                && kept.at <= seen
                && lots
                    .correction_of(kept.event_id)
                    .is_none_or(|by| by == event_id)
                && names(kept)
        });
        of_agent.map(|kept| kept.event_id).collect()
    }

    /// What the hub has of an agent's ledger as its event `seq` comes.
    fn seen_of(&self, agent_id: AgentId, seq: u64) -> LedgerMark {
        let producer_id = ProducerId::from(agent_id);
        // One that is late is itself among what was not applied.
        if producer_id == self.producer_id && !self.is_late {
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
    if let Some(lots) = &mut lots {
        source.look_up(tx, lots).await?;
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
                    let event_id = envelope.event_id;
                    source.unapplied.retain(|kept| kept.event_id != event_id);
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
/// what it works on would never catch up. Its own plant is told of lots that it has not met, whoever else hears of the event.
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
        Some(plant_id) => lots.unmet(event, plant_id),
        None => BTreeSet::new(),
    };
    let snapshots = if !new_to_source.is_empty() || source.hears(&concerned) {
        lots.snapshots(event)
    } else {
        Vec::new()
    };
    lots.apply(ctx, event);
    let is_told = lots.is_told(event, envelope.event_id);
    if new_to_source.is_empty() && (source.listeners.is_empty() || !is_told) {
        return Ok(());
    }
    if is_told {
        concerned.extend(lots.plants(event));
        // Whoever is sent an event has met all of its lots, and hears of each from then on.
        lots.met(event, &concerned);
    } else {
        concerned.clear();
    }
    let hearing = source
        .listeners
        .iter()
        .filter(|(_, plant_id)| concerned.contains(plant_id));
    let mut receivers: Vec<_> = hearing
        .map(|(agent_id, _)| (*agent_id, snapshots.clone()))
        .collect();
    if !new_to_source.is_empty() {
        // What it has met it knows by events, also by its own that are not here yet.
        let mut told = snapshots;
        told.retain(|told| new_to_source.contains(&told.lot.lot_id));
        receivers.push((AgentId::from_uuid(source.producer_id.uuid()), told));
    }
    for (agent_id, told) in receivers {
        let seen = source.seen_of(agent_id, envelope.seq);
        let unapplied = source.unapplied_of(agent_id, seen, &told, lots, envelope.event_id);
        let body = FeedBody::LedgerEvent(Box::new(FeedEvent {
            producer: source.producer_id,
            epoch: source.epoch,
            event: envelope.clone(),
            lots: told,
            seen: Some(seen),
            unapplied,
        }));
        carried.push((agent_id, feed::text(&body)?.into()));
    }
    Ok(())
}

/// Carries once more what had released the holds that these events placed, before they could be applied: who has met such
/// a lot since then has not heard of it, and would hold the lot for ever. Whoever has heard of it passes it over.
pub(super) async fn releases_told_again(
    tx: &mut TenantTx,
    plant_id: PlantId,
    late: &[EventId],
    now: Timestamp,
) -> Result<Carried, ApplyError> {
    let releases = inventory::releases_of(tx, late).await?;
    let mut carried = Carried::new();
    if releases.is_empty() {
        return Ok(carried);
    }
    let agents = tenants::agent_plants(tx).await?;
    for told in store::events_of(tx, &releases).await? {
        let event_id = told.event.event_id;
        let Ok(Event::Lot(event)) = told.event.event() else {
            continue;
        };
        let lots = LotBatch::load(tx, Some(plant_id), &[(event_id, &event)], now).await?;
        let plants = lots.plants(&event);
        let text: Arc<str> = feed::text(&FeedBody::LedgerEvent(Box::new(told)))?.into();
        let hearing = agents.iter().filter(|(_, plant)| plants.contains(plant));
        carried.extend(hearing.map(|(agent_id, _)| (*agent_id, text.clone())));
    }
    Ok(carried)
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
        unapplied: Vec::new(),
    }));
    let text: Arc<str> = feed::text(&body)?.into();
    carried.extend(listeners.map(|(agent_id, _)| (*agent_id, text.clone())));
    Ok(())
}
