//! What the hub tells its plants: the events of others that touch their lots, and the changes of documents.

use std::collections::BTreeSet;
use std::sync::Arc;

use agog_sync::document::DocumentKey;
use agog_sync::event::{Envelope, Event};
use agog_sync::frame::{FeedEvent, FeedItem, LedgerMark, LotSnapshot};
use agog_sync::ids::{EventId, LotId, ProducerId};
use agog_sync::lots::LotEvent;

use super::super::network::Answer;
use super::super::papers::plant_of;
use super::Hub;

/// The most items of one page of the feed.
const FEED_PAGE_MAX: usize = 20;

/// An item of a feed.
#[derive(Debug)]
pub(super) struct Told {
    item: Arc<FeedItem>,
    /// It is dropped when it is old: whoever lacks it finds out by comparing documents.
    is_change: bool,
}

impl Hub {
    /// Items after a number. From before what is kept one by one, what is left of them.
    pub(super) fn feed(&self, agent: usize, after: u64) -> Answer {
        let (feed, pruned) = (&self.feeds[agent], self.pruned[agent]);
        let later = feed.iter().filter(|told| told.item.n > after);
        if after >= pruned {
            let items = later.take(FEED_PAGE_MAX).map(|told| told.item.clone());
            return Answer::Feed {
                holds: Vec::new(),
                items: items.collect(),
                goes_on_after: None,
            };
        }
        let left = later.filter(|told| told.item.n <= pruned && !told.is_change);
        let left = left.take(FEED_PAGE_MAX).map(|told| told.item.clone());
        let items: Vec<_> = left.collect();
        let goes_on_after = match items.last() {
            Some(last) if items.len() == FEED_PAGE_MAX => last.n,
            _ => pruned,
        };
        Answer::Feed {
            holds: self.holds_standing(agent),
            items,
            goes_on_after: Some(goes_on_after),
        }
    }

    /// Whether the agent has taken in all of its feed.
    pub(crate) fn is_fed(&self, agent: usize, cursor: u64) -> bool {
        cursor == self.feeds[agent].len() as u64
    }

    /// Old items are kept no longer one by one.
    pub(crate) fn prune(&mut self, agent: usize) {
        self.pruned[agent] = self.feeds[agent].len() as u64;
    }

    /// The events that placed the holds of others which stand on lots that the agent has met.
    fn holds_standing(&self, agent: usize) -> Vec<Arc<Envelope>> {
        let stands = |envelope: &Envelope| match self.program.read(envelope) {
            Ok(Event::Lot(LotEvent::Held(held))) => {
                let lot_id = held.lot.lot_id;
                let met = self.met.get(&lot_id);
                let state = self.shelf.lots.get(&lot_id);
                met.is_some_and(|met| met.contains(&agent))
                    && state.is_some_and(|state| state.holds.contains(&held.hold_id))
            }
            _ => false,
        };
        self.all()
            .filter(|((producer, _, _), _)| *producer != self.agents[agent])
            .map(|(_, envelope)| envelope)
            .filter(|envelope| stands(envelope))
            .cloned()
            .collect()
    }

    /// Applies an event about lots, and tells it to the plants that it concerns. One that is late was kept since it came.
    pub(super) fn lot(
        &mut self,
        (producer, epoch): (ProducerId, u64),
        from: Option<usize>,
        envelope: &Arc<Envelope>,
        event: &LotEvent,
        is_late: bool,
    ) {
        let mut concerned = self.plants(event);
        // Whoever names a lot that was never told to it learns what it is from its own event.
        let has_met = |lot_id: &LotId| {
            let met = self.met.get(lot_id);
            from.is_none_or(|from| met.is_some_and(|met| met.contains(&from)))
        };
        let named = event.lots().into_iter().map(|named| named.lot_id);
        let new_to_it: BTreeSet<LotId> = named
            .filter(|lot_id| self.shelf.lots.contains_key(lot_id) && !has_met(lot_id))
            .collect();
        let snapshots = self.snapshots(event);
        let released_before = self.shelf.apply(envelope, event, u64::MAX);
        if self.is_told(event, envelope.event_id) {
            concerned.extend(self.plants(event));
        } else {
            concerned.clear();
        }
        concerned.extend(from);
        for named in event.lots() {
            self.met.entry(named.lot_id).or_default().extend(&concerned);
        }
        for agent in concerned.iter().copied() {
            let is_own = Some(agent) == from;
            if is_own && new_to_it.is_empty() {
                continue;
            }
            // Of its own batch, the hub has what came before this event. One that is late is among what was not applied.
            let state = self.state(agent);
            let seen = if is_own && !is_late {
                LedgerMark {
                    epoch,
                    seq: envelope.seq - 1,
                }
            } else {
                LedgerMark {
                    epoch: state.epoch,
                    seq: state.head.last_seq,
                }
            };
            let mut lots = snapshots.clone();
            if is_own {
                lots.retain(|told| new_to_it.contains(&told.lot.lot_id));
            }
            let unapplied = self.unapplied(agent, seen, &lots, envelope.event_id);
            let told = FeedEvent {
                producer,
                epoch,
                event: (**envelope).clone(),
                lots,
                seen: Some(seen),
                unapplied,
            };
            self.tell(agent, told, false);
        }
        // Whoever met a lot after its hold was released has heard of neither.
        if is_late {
            self.tell_again(&released_before, &concerned);
        }
    }

    /// Tells events once more that some of these agents may not have heard.
    fn tell_again(&mut self, events: &BTreeSet<EventId>, agents: &BTreeSet<usize>) {
        let again = self
            .all()
            .filter(|(_, envelope)| events.contains(&envelope.event_id));
        let again: Vec<_> = again
            .map(|((producer, epoch, _), envelope)| FeedEvent {
                producer,
                epoch,
                event: (**envelope).clone(),
                lots: Vec::new(),
                seen: None,
                unapplied: Vec::new(),
            })
            .collect();
        for (told, agent) in again
            .iter()
            .flat_map(|told| agents.iter().map(move |agent| (told, agent)))
        {
            self.tell(*agent, told.clone(), false);
        }
    }

    /// Tells a change to the plants that have to do with the document.
    pub(super) fn tell_change(
        &mut self,
        (producer, epoch): (ProducerId, u64),
        from: Option<usize>,
        envelope: &Arc<Envelope>,
        key: &DocumentKey,
    ) {
        let of = plant_of(key);
        for agent in 0..self.agents.len() {
            if Some(agent) != from && of.is_none_or(|of| of == agent) {
                let told = FeedEvent {
                    producer,
                    epoch,
                    event: (**envelope).clone(),
                    lots: Vec::new(),
                    seen: None,
                    unapplied: Vec::new(),
                };
                self.tell(agent, told, true);
            }
        }
    }

    fn tell(&mut self, agent: usize, told: FeedEvent, is_change: bool) {
        let n = self.feeds[agent].len() as u64 + 1;
        let body = self.program.write_item(n, told);
        let item = Arc::new(FeedItem { n, body });
        self.feeds[agent].push(Told { item, is_change });
    }

    /// The events of an agent up to a place that name one of these lots and could not be applied. One that was corrected
    /// before `event_id` has no effect on either side.
    fn unapplied(
        &self,
        agent: usize,
        seen: LedgerMark,
        lots: &[LotSnapshot],
        event_id: EventId,
    ) -> Vec<EventId> {
        let producer = self.agents[agent];
        let rows = self.rows(producer);
        let until = (producer, seen.epoch, seen.seq + 1);
        let rejected = self.rejected.range((producer, 1, 0)..until);
        let events = rejected.map(|(_, epoch, seq)| &rows[&(*epoch, *seq)]);
        let names = |event: &Envelope, told: &LotSnapshot| {
            event.payload.get().contains(&told.lot.lot_id.to_string())
        };
        events
            .filter(|event| {
                let by = self.shelf.corrected.get(&event.event_id);
                by.is_none_or(|by| *by == event_id)
            })
            .filter(|event| lots.iter().any(|told| names(event, told)))
            .map(|event| event.event_id)
            .collect()
    }

    /// A correction that undoes nothing here is kept to ourselves, and so is what had been corrected when it was applied.
    fn is_told(&self, event: &LotEvent, event_id: EventId) -> bool {
        match event {
            LotEvent::Corrected(event) => {
                self.shelf.corrected.get(&event.corrects) == Some(&event_id)
                    && self.applied.contains(&event.corrects)
            }
            _ => !self.shelf.corrected.contains_key(&event_id),
        }
    }

    /// The agents that have had to do with a lot of an event.
    fn plants(&self, event: &LotEvent) -> BTreeSet<usize> {
        let named = event.lots();
        named
            .iter()
            .filter_map(|lot| self.met.get(&lot.lot_id))
            .flatten()
            .copied()
            .collect()
    }

    fn snapshots(&self, event: &LotEvent) -> Vec<LotSnapshot> {
        let named: BTreeSet<LotId> = event.lots().iter().map(|lot| lot.lot_id).collect();
        let states = named
            .iter()
            .filter_map(|lot_id| self.shelf.lots.get(lot_id));
        states
            .map(|state| LotSnapshot {
                lot: state.lot.clone(),
                material: state.material.clone(),
                balance: state.balance,
                shipped: state.shipped,
                packed: state.packed.clone(),
                base_unit: state.base_unit,
                attributes: state.attributes.clone(),
                origin: state.origin,
                holds: state.holds.iter().copied().collect(),
                created_at: state.created_at,
            })
            .collect()
    }
}
