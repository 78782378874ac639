//! What the plants say about their devices: states, contact, consumables and what they tell people, in the transaction that
//! moves the producer's cursor.

use std::collections::BTreeMap;

use agog_sync::event::{
    DeviceEvent, DeviceNotification, DeviceResource, DeviceState, Envelope, Event,
};
use agog_sync::ids::{EventId, PlantId};
use jiff::Timestamp;
use rand::rngs::StdRng;
use serde_json::json;

use super::model::{DeviceKey, is_stop};
use super::{alarms, store};
use crate::db::{DbError, TenantTx};
use crate::events;
use crate::intake::{ApplyContext, ApplyError};

/// An event of a device, and when it happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'e, What> {
    pub device: DeviceKey,
    pub at: Timestamp,
    pub event_id: EventId,
    pub what: &'e What,
}

/// The devices that the events of a batch are about, and the rows to add.
#[derive(Default)]
pub struct DeviceBatch<'e> {
    plant_id: Option<PlantId>,
    devices: BTreeMap<String, DeviceKey>,
    /// What was stored before each stop of the batch: when, state and reason.
    before: BTreeMap<EventId, Before>,
    states: Vec<Told<'e, DeviceState>>,
    resources: Vec<Told<'e, DeviceResource>>,
    notifications: Vec<Told<'e, DeviceNotification>>,
    /// Whether contact with a device was lost or found last.
    contacts: BTreeMap<DeviceKey, bool>,
    /// Each time that it was.
    contact_history: Vec<store::Contact>,
    /// States that devices told since then: whoever tells of a new state is there.
    heard: BTreeMap<DeviceKey, Vec<EventId>>,
    now: Timestamp,
}

/// A state that is stored.
pub(super) struct Before {
    pub place: (Timestamp, EventId),
    pub state: String,
    pub detail: Option<String>,
}

impl<'e> DeviceBatch<'e> {
    /// Makes the devices known that events of a plant name, and loads what is needed of them.
    pub async fn load(
        tx: &mut TenantTx,
        plant_id: PlantId,
        events: &[(&'e Envelope, &'e Event)],
        now: Timestamp,
        rng: &mut StdRng,
    ) -> Result<Self, DbError> {
        let mut batch = Self {
            plant_id: Some(plant_id),
            now,
            ..Self::default()
        };
        let mut seen: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for (envelope, event) in events {
            if let Event::Device(event) = event
                && !event.device().is_empty()
            {
                let newest = seen.entry(event.device()).or_insert(envelope.occurred_at);
                *newest = envelope.occurred_at.max(*newest);
            }
        }
        if seen.is_empty() {
            return Ok(batch);
        }
        batch.devices = store::devices_ensure(tx, plant_id, &seen, now, rng).await?;
        let mut stops = Vec::new();
        for (envelope, event) in events {
            if let Event::Device(DeviceEvent::StateChanged(state)) = event
                && is_stop(&state.status)
                && let Some(device) = batch.devices.get(&state.device)
            {
                stops.push((*device, envelope.occurred_at, envelope.event_id));
            }
        }
        if !stops.is_empty() {
            batch.before = store::states_before(tx, &stops).await?;
        }
        Ok(batch)
    }

    /// Applies a device event.
    pub fn apply(
        &mut self,
        ctx: &mut ApplyContext<'_, '_>,
        event: &'e DeviceEvent,
    ) -> Result<(), ApplyError> {
        let plant_id = plant_of(ctx)?;
        let device = self.device(event.device())?;
        match event {
            DeviceEvent::StateChanged(state) => {
                let data = json!({"plant_id": plant_id, "device": state.device, "state": state.status,
                    "detail": state.status_details, "job": state.job});
                let told = told(ctx, device, state);
                if is_stop(&state.status) && !self.goes_on(&told) {
                    events::publish(ctx, "equipment.stopped", data.clone());
                }
                self.states.push(told);
                self.heard.entry(device).or_default().push(ctx.event_id);
                events::publish(ctx, "equipment.state-changed", data);
            }
            DeviceEvent::ResourceChanged(resource) => {
                self.resources.push(told(ctx, device, resource));
                let data = json!({"plant_id": plant_id, "resource": resource});
                events::publish(ctx, "equipment.resource-changed", data);
            }
            DeviceEvent::Notified(notification) => {
                self.notifications.push(told(ctx, device, notification));
                let data = json!({"plant_id": plant_id, "notification": notification});
                if notification.milestone.is_some() {
                    events::publish(ctx, "production.milestone", data.clone());
                }
                if alarms::is_alarm(notification) {
                    events::publish(ctx, "equipment.alarm", data);
                }
            }
            DeviceEvent::Lost(contact) | DeviceEvent::Found(contact) => {
                let is_lost = matches!(event, DeviceEvent::Lost(_));
                self.contacts.insert(device, is_lost);
                self.contact_history.push(store::Contact {
                    device,
                    event_id: ctx.event_id,
                    is_lost,
                    at: ctx.occurred_at,
                });
                self.heard.remove(&device);
                let topic = if is_lost {
                    "equipment.no-contact"
                } else {
                    "equipment.device-found"
                };
                let data = json!({"plant_id": plant_id, "device": contact.device, "detail": contact.detail});
                events::publish(ctx, topic, data);
            }
        }
        Ok(())
    }

    fn device(&self, code: &str) -> Result<DeviceKey, ApplyError> {
        if code.is_empty() {
            return Err(ApplyError::Refused {
                code: "device-unnamed",
                detail: "the event names no device".to_owned(),
            });
        }
        let known = self.devices.get(code).copied();
        known
            .ok_or_else(|| DbError::stored("a device that was just made known is not there").into())
    }

    /// Whether the device was in this state for this reason just before, by the times of the states.
    fn goes_on(&self, told: &Told<'_, DeviceState>) -> bool {
        let place = (told.at, told.event_id);
        let of_batch = self
            .states
            .iter()
            .filter(|state| state.device == told.device);
        let of_batch = of_batch
            .map(|state| ((state.at, state.event_id), state.what))
            .filter(|(before, _)| *before < place)
            .max_by_key(|(before, _)| *before);
        let stored = self.before.get(&told.event_id);
        match (of_batch, stored) {
            (Some((at, _)), Some(stored)) if stored.place > at => stored.says(told.what),
            (Some((_, state)), _) => {
                state.status == told.what.status && state.status_details == told.what.status_details
            }
            (None, stored) => stored.is_some_and(|stored| stored.says(told.what)),
        }
    }

    /// Stores what the devices told.
    pub async fn store(self, tx: &mut TenantTx) -> Result<(), DbError> {
        if self.devices.is_empty() {
            return Ok(());
        }
        if let Some(plant_id) = self.plant_id {
            tx.ring_plant(plant_id);
        }
        if !self.contacts.is_empty() {
            store::contacts_add(tx, &self.contact_history).await?;
            store::devices_contact(tx, &self.contacts, self.now).await?;
        }
        if !self.states.is_empty() {
            let heard: Vec<_> = self.heard.into_values().flatten().collect();
            store::states_add(tx, &self.states).await?;
            store::devices_tell(tx, &self.states, &heard, self.now).await?;
        }
        if !self.resources.is_empty() {
            store::resources_add(tx, &self.resources).await?;
        }
        if !self.notifications.is_empty() {
            store::notifications_add(tx, &self.notifications).await?;
            alarms::alarms_told(tx, &self.notifications, self.now).await?;
        }
        Ok(())
    }
}

impl Before {
    fn says(&self, state: &DeviceState) -> bool {
        self.state == state.status && self.detail == state.status_details
    }
}

fn told<'e, What>(ctx: &ApplyContext<'_, '_>, device: DeviceKey, what: &'e What) -> Told<'e, What> {
    Told {
        device,
        at: ctx.occurred_at,
        event_id: ctx.event_id,
        what,
    }
}

/// The plant that an event comes from.
pub(super) fn plant_of(ctx: &ApplyContext<'_, '_>) -> Result<PlantId, ApplyError> {
    ctx.plant_id.ok_or_else(|| ApplyError::Refused {
        code: "no-plant",
        detail: "the office has no devices".to_owned(),
    })
}
