//! One task per device: connects, keeps its channels alive, and notices its silence.
//!
//! A device repeats its Status every heartbeat. When it was silent for two, it is asked: one that
//! restarted has lost its channels and gets them anew; one that does not answer within the margin
//! is lost, until it answers again. In between its channels are verified every
//! [`VERIFY_HEARTBEATS`]; when the same device was told to stop them under an earlier spelling of its URL, it is connected
//! anew at once.
//!
//! At a stop the channels are left open on purpose: the device goes on queueing what it has to
//! say, and the agent takes the same channels up again at its next start.

use std::pin::pin;
use std::time::Duration;

use agog_sync::backoff::Backoff;
use agog_sync::event::{DeviceContact, DeviceEvent};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::budget::Budget;
use super::client::DeviceClient;
use super::connect::{Look, Session};
use super::contact::Contacts;
use super::picture::Picture;
use super::record::{Record, Records};
use crate::config::DeviceConfig;
use crate::floor::Floor;
use crate::run::Agent;
use crate::uplink::http::chain;

/// A device that is switched on is found within this.
const RETRY_CAP: Duration = Duration::from_secs(15);
/// Restarting takes a device some seconds; one that was there is lost only after so many tries.
const TRIES_BEFORE_LOST: u32 = 3;
/// Often enough to find a channel that was lost while others send, and no burden.
pub(super) const VERIFY_HEARTBEATS: u32 = 6;

/// What a device is watched with.
pub(super) struct Watch {
    pub(super) agent: Agent,
    pub(super) client: DeviceClient,
    pub(super) contacts: Contacts,
    pub(super) floor: Floor,
    pub(super) records: Records,
    /// Where the device sends its signals.
    pub(super) jmf_url: String,
    /// What was told to stop its channels, because nothing here names it as it was named before.
    pub(super) retired: broadcast::Sender<Retired>,
}

/// A device as it was named before.
#[derive(Debug, Clone)]
pub(super) struct Retired {
    pub(super) device: String,
    pub(super) url: String,
}

/// Retirements that one device may not have looked at yet; beyond that it looks whatever they were.
const RETIRED_MAX: usize = 64;

/// Returns when a device that may be this one under another spelling was told to stop its channels.
async fn stopped(retired: &mut broadcast::Receiver<Retired>, device: &DeviceConfig) {
    loop {
        match retired.recv().await {
            Ok(before) if before.device != device.id && before.url != device.url => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // Its sender lives as long as this.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Watch {
    /// Where retirements are told.
    pub(super) fn retirements() -> broadcast::Sender<Retired> {
        broadcast::Sender::new(RETIRED_MAX)
    }

    pub(super) fn picture(&self) -> &Picture {
        &self.agent.devices
    }

    /// Something is wrong with a device that answers.
    pub(super) fn fault(&self, device: &DeviceConfig, text: &str) {
        self.picture().change(&device.id, |state| {
            state.last_failure = Some(text.to_owned());
        });
        self.agent.health.device(&device.id, |health| {
            health.last_failure = Some(text.to_owned());
        });
    }

    fn away(&self, device: &DeviceConfig, text: &str) {
        self.fault(device, text);
        self.picture()
            .change(&device.id, |state| state.reachable = false);
        self.agent
            .health
            .device(&device.id, |health| health.in_contact = false);
    }
}

/// Why a connected device is connected anew.
enum Left {
    Channels,
    Silent(String),
}

/// Watches one device for ever.
pub(super) async fn watch(
    watch: &Watch,
    device: &DeviceConfig,
    known: Option<Record>,
) -> std::convert::Infallible {
    let mut rng = watch.agent.fork_rng();
    // From before it is asked for its channels: what is stopped after that is looked for again.
    let mut retired = watch.retired.subscribe();
    let mut session = Session::new(watch, device, known);
    let mut backoff = Backoff::new(session.profile.first_retry(), RETRY_CAP);
    let mut budget = Budget::default();
    // Nothing is known of the device yet: the first answer is worth an event.
    let mut lost = None;
    let missed_after = session.profile.silence_limit() + session.profile.margin();
    let mut in_contact_until = Instant::now();
    loop {
        budget.take().await;
        match session.connect().await {
            Ok(()) => {
                backoff.reset();
                if lost != Some(false) {
                    lost = Some(false);
                    contact(watch, device, true, "answers, subscribed").await;
                }
                let left = stay(watch, device, &mut session, &mut retired).await;
                in_contact_until = Instant::now();
                match left {
                    Left::Channels => info!(
                        device.id = %device.id,
                        "channels of device {} are lost or doubled and are renewed", device.id
                    ),
                    Left::Silent(text) => {
                        watch.away(device, &text);
                        session.forget();
                        lost = Some(true);
                        contact(watch, device, false, &text).await;
                    }
                }
            }
            Err(error) => {
                let text = chain(&error);
                debug!(device.id = %device.id, "device {} cannot be subscribed: {text}", device.id);
                watch.away(device, &text);
                let is_missed = backoff.attempts() >= TRIES_BEFORE_LOST
                    || in_contact_until.elapsed() >= missed_after;
                if lost != Some(true) && is_missed {
                    lost = Some(true);
                    session.forget();
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

/// Returns when the device has to be connected again.
async fn stay(
    watch: &Watch,
    device: &DeviceConfig,
    session: &mut Session<'_>,
    retired: &mut broadcast::Receiver<Retired>,
) -> Left {
    let limit = session.profile.silence_limit();
    let margin = session.profile.margin();
    let every = session.profile.heartbeat() * VERIFY_HEARTBEATS;
    let mut verify_at = Instant::now() + every;
    loop {
        let mut silence = pin!(watch.contacts.silence(&device.id, limit));
        loop {
            tokio::select! {
                () = &mut silence => break,
                () = sleep_until(verify_at) => {}
                // A device that cannot list its channels gets them anew as well.
                () = stopped(retired, device) => return Left::Channels,
            }
            verify_at = Instant::now() + every;
            // An answer is a sign of life; without one the silence goes on being counted.
            let look = tokio::select! {
                () = &mut silence => break,
                look = session.look(false) => look,
            };
            match look {
                Ok(Look::Good) => {}
                Ok(Look::Renew) => return Left::Channels,
                Err(error) => {
                    let text = format!("sends, but does not answer: {}", chain(&error));
                    debug!(device.id = %device.id, "device {} {text}", device.id);
                    watch.fault(device, &text);
                }
            }
        }
        match timeout(margin, session.look(true)).await {
            Ok(Ok(Look::Good)) => {}
            Ok(Ok(Look::Renew)) => return Left::Channels,
            Ok(Err(error)) => return Left::Silent(chain(&error)),
            Err(_) => {
                return Left::Silent(format!(
                    "silent for {} s, and no answer within {} s",
                    limit.as_secs(),
                    margin.as_secs_f32()
                ));
            }
        }
    }
}

async fn contact(watch: &Watch, device: &DeviceConfig, found: bool, detail: &str) {
    let event = DeviceContact {
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
