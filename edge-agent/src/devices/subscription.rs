//! One task per device: asks who it is, subscribes, and keeps the subscriptions alive.
//!
//! A device sends its Status at least every [`HEARTBEAT_SECONDS`]. When it was silent for
//! [`SILENCE_LIMIT`], it is asked which channels it has: a device that restarted has lost them and
//! gets them anew; one that does not answer is lost, until it answers again.
//!
//! At a stop the channels are left open on purpose: the device goes on queueing what it has to
//! say, and the agent takes the same channels up again at its next start.

use std::time::Duration;

use agog_jdf::jmf::{
    DeviceFilter, Message, Query, QueryContent, QueueFilter, ResourceQuParams, Response,
    StatusQuParams, Subscription, SubscriptionFilter,
};
use agog_jdf::{DeviceDetails, JobDetails};
use agog_sync::backoff::Backoff;
use agog_sync::event::DeviceEvent;
use tracing::{debug, info, warn};

use super::client::{DeviceClient, DeviceError};
use super::contact::Contacts;
use super::floor::Floor;
use crate::config::DeviceConfig;
use crate::run::Agent;
use crate::uplink::http::chain;

/// How often a device repeats its Status without any event.
pub const HEARTBEAT_SECONDS: i64 = 10;
/// Three heartbeats: one may be late, two are a sign.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(30);
const RETRY_BASE: Duration = Duration::from_millis(500);
/// A device that is switched on is found within this.
const RETRY_CAP: Duration = Duration::from_secs(15);

/// What a device is watched with.
pub(super) struct Watch {
    pub(super) agent: Agent,
    pub(super) client: DeviceClient,
    pub(super) contacts: Contacts,
    pub(super) floor: Floor,
    /// Where the device sends its signals.
    pub(super) jmf_url: String,
    pub(super) silence_limit: Duration,
}

/// Watches one device for ever.
pub(super) async fn watch(watch: &Watch, device: &DeviceConfig) -> std::convert::Infallible {
    let mut rng = watch.agent.fork_rng();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    // Nothing is known of the device yet: the first answer is worth an event.
    let mut lost = None;
    loop {
        match subscribe(watch, device).await {
            Ok(()) => {
                backoff.reset();
                if lost != Some(false) {
                    lost = Some(false);
                    contact(watch, device, true, "answers, subscribed").await;
                }
                stay(watch, device).await;
            }
            Err(error) => {
                let text = chain(&error);
                debug!(device.id = %device.id, "device {} cannot be subscribed: {text}", device.id);
                watch.agent.health.device(&device.id, |health| {
                    health.in_contact = false;
                    health.last_failure = Some(text.clone());
                });
                // Restarting takes a device some seconds; only then it is lost.
                if lost != Some(true) && backoff.attempts() >= 3 {
                    lost = Some(true);
                    contact(watch, device, false, &text).await;
                }
                let wait = backoff.next_wait(&mut rng);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    // A device that sends something is there again: no need to wait any longer.
                    () = watch.contacts.next(&device.id) => {}
                }
            }
        }
    }
}

/// Returns when the device has to be subscribed again.
async fn stay(watch: &Watch, device: &DeviceConfig) {
    loop {
        watch
            .contacts
            .silence(&device.id, watch.silence_limit)
            .await;
        match has_channels(watch, device).await {
            Ok(true) => watch.contacts.heard(&device.id),
            Ok(false) => {
                info!(device.id = %device.id, "device {} has lost its subscriptions", device.id);
                return;
            }
            Err(error) => {
                warn!(
                    device.id = %device.id,
                    "device {} is silent: {}", device.id, chain(&error)
                );
                return;
            }
        }
    }
}

async fn subscribe(watch: &Watch, device: &DeviceConfig) -> Result<(), DeviceError> {
    let known = Query::once(QueryContent::KnownDevices(DeviceFilter::details(
        DeviceDetails::Brief,
    )));
    let mut messages = vec![Message::query(watch.client.message_id(), known)];
    for content in channels() {
        let subscription = Subscription::to(&watch.jmf_url).every_seconds(HEARTBEAT_SECONDS);
        let id = watch.client.message_id();
        messages.push(Message::query(id, Query::subscribe(content, subscription)));
    }
    let kinds: Vec<String> = messages
        .iter()
        .map(|message| message.kind.clone())
        .collect();
    let answers = watch.client.exchange(device, messages).await?;
    watch.contacts.heard(&device.id);
    for (kind, answer) in kinds.iter().zip(&answers).skip(1) {
        if !answer.return_code.is_processed() {
            // A device without, for example, Resource signals is still worth its Status.
            warn!(
                device.id = %device.id,
                "device {} refuses a {kind} subscription: {}", device.id, answer.reason()
            );
        }
    }
    let now = watch.agent.clock.now();
    watch.agent.health.device(&device.id, |health| {
        health.in_contact = true;
        health.last_seen = Some(now);
        health.last_failure = wrong_name(device, &answers[0]);
    });
    Ok(())
}

fn channels() -> [QueryContent; 3] {
    [
        QueryContent::Status(StatusQuParams {
            device_details: Some(DeviceDetails::Brief),
            job_details: Some(JobDetails::Brief),
            ..StatusQuParams::default()
        }),
        QueryContent::Resource(ResourceQuParams {
            classes: vec!["Consumable".to_owned(), "Quantity".to_owned()],
            ..ResourceQuParams::default()
        }),
        QueryContent::QueueStatus(QueueFilter::default()),
    ]
}

/// A device that calls itself otherwise would send signals that nobody expects.
fn wrong_name(device: &DeviceConfig, known: &Response) -> Option<String> {
    let mut names = known.devices.iter().filter_map(|info| info.id()).peekable();
    names.peek()?;
    let names: Vec<_> = names.collect();
    (!names.contains(&device.id.as_str()))
        .then(|| format!("calls itself {}, not {}", names.join(", "), device.id))
}

async fn has_channels(watch: &Watch, device: &DeviceConfig) -> Result<bool, DeviceError> {
    let query = Query::once(QueryContent::KnownSubscriptions(
        SubscriptionFilter::default(),
    ));
    let message = Message::query(watch.client.message_id(), query);
    let answers = watch.client.exchange(device, vec![message]).await?;
    Ok(answers
        .iter()
        .flat_map(|answer| &answer.subscriptions)
        .any(|info| {
            info.subscription.url.as_deref() == Some(watch.jmf_url.as_str())
                && info
                    .message_type
                    .as_deref()
                    .is_none_or(|kind| kind == "Status")
        }))
}

async fn contact(watch: &Watch, device: &DeviceConfig, found: bool, detail: &str) {
    let event = agog_sync::event::DeviceContact {
        device: device.id.clone(),
        detail: detail.to_owned(),
    };
    let event = if found {
        DeviceEvent::Found(event)
    } else {
        DeviceEvent::Lost(event)
    };
    if found {
        info!(device.id = %device.id, "device {} found: {detail}", device.id);
    } else {
        warn!(device.id = %device.id, "device {} lost: {detail}", device.id);
    }
    if let Err(error) = watch.floor.contact(event).await {
        warn!(
            error = &error as &dyn std::error::Error,
            "contact with a device not recorded"
        );
    }
}
