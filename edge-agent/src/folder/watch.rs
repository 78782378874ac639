//! Looks into one folder again and again, and takes in what is whole.
//!
//! A file that was taken in is moved to `done` or deleted; one that has failed is moved to `failed` with a
//! finding beside it, and people are told (`device.notified`). Both only after what follows from it is
//! committed: a file that is still there after a restart is taken in again, without a second effect.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use agog_sync::event::{Actor, DeviceContact, DeviceEvent, DeviceNotification, Event};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::finding::{Outcome, Wrong};
use super::mark::Mark;
use super::place::{self, Entry};
use super::settle::{Settling, Turn};
use super::{FILE_BYTES_MAX, FILES_PER_LOOK, FILES_SEEN_MAX, LOOK_EVERY, inbox};
use crate::config::{DeviceConfig, FolderConfig, InboxConfig, Watched};
use crate::ingest::jmf::JmfState;
use crate::ledger::{Append, AppendError, Fact, InboxKey, What};
use crate::run::Agent;
use crate::uplink::http::chain;

/// What devices put into their folder.
const DEVICE_ENDINGS: [&str; 4] = ["jdf", "mjd", "jmf", "mjm"];
/// What is dropped into an inbox.
const INBOX_ENDINGS: [&str; 2] = ["jdf", "mjd"];
/// A network folder that is away for a moment is not lost.
const TRIES_BEFORE_LOST: u32 = 3;
/// Behind the name of a file that has failed.
pub(super) const FINDING_ENDING: &str = ".finding.txt";
/// What people are told of a failure; the whole of it lies beside the file.
const TEXT_CHARS_MAX: usize = 500;

/// A file that is to be taken in.
pub(super) struct Dropped {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// The same file again has the same.
    pub(super) key: String,
}

/// Whose folder it is.
enum Owner {
    Device(Box<DeviceConfig>, FolderConfig),
    Inbox(InboxConfig),
}

impl Owner {
    fn device(&self) -> &str {
        match self {
            Self::Device(device, _) => &device.id,
            Self::Inbox(inbox) => &inbox.device,
        }
    }

    fn endings(&self) -> &'static [&'static str] {
        match self {
            Self::Device(..) => &DEVICE_ENDINGS,
            Self::Inbox(_) => &INBOX_ENDINGS,
        }
    }
}

/// The folder of one owner, and what was seen in it.
struct Watch {
    state: Arc<JmfState>,
    owner: Owner,
    watched: Watched,
    /// Of the folder that a device takes tickets from.
    mark: Option<Mark>,
    settling: Settling,
    /// None before the first look.
    is_reached: Option<bool>,
    misses: u32,
}

/// Takes in what a device puts into its folder, for ever.
pub(super) async fn device(state: Arc<JmfState>, device: DeviceConfig) {
    let Some(folder) = device.folder.clone() else {
        return;
    };
    let watched = folder.watched();
    let owner = Owner::Device(Box::new(device), folder);
    match Watch::new(state, owner, watched).run().await {}
}

/// Takes in what is dropped into an inbox, for ever.
pub(super) async fn inbox(state: Arc<JmfState>, inbox: InboxConfig) {
    let watched = inbox.watched();
    match Watch::new(state, Owner::Inbox(inbox), watched).run().await {}
}

impl Watch {
    fn new(state: Arc<JmfState>, owner: Owner, watched: Watched) -> Self {
        let mark = match &owner {
            Owner::Device(device, folder) => Some(Mark::new(&device.id, &folder.to)),
            Owner::Inbox(_) => None,
        };
        Self {
            state,
            owner,
            watched,
            mark,
            settling: Settling::default(),
            is_reached: None,
            misses: 0,
        }
    }

    fn agent(&self) -> &Agent {
        &self.state.agent
    }

    async fn run(mut self) -> Infallible {
        let mut every = interval(LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            match self.look().await {
                Ok(entries) => {
                    self.reached().await;
                    self.take_in(entries).await;
                }
                Err(error) => self.missed(&error).await,
            }
        }
    }

    /// The files that are there. All folders of the owner must be usable.
    async fn look(&mut self) -> io::Result<Vec<Entry>> {
        if let Some(mark) = &mut self.mark {
            mark.check(&self.state.agent).await?;
        }
        let watched = self.watched.clone();
        let to = match &self.owner {
            Owner::Device(_, folder) => Some(folder.to.clone()),
            Owner::Inbox(inbox) => inbox.return_to.clone(),
        };
        let data_dir = self.agent().config.agent.data_dir.clone();
        let endings = self.owner.endings();
        blocking(move || {
            let folder = place::real(&watched.folder, &data_dir)?;
            for other in [Some(&watched.failed), watched.done.as_ref(), to.as_ref()] {
                let Some(other) = other else { continue };
                let real = place::real(other, &data_dir).map_err(|error| {
                    io::Error::new(error.kind(), format!("`{}`: {error}", other.display()))
                })?;
                // Where links lead is not seen in the configuration, and whoever may write into a
                // folder may put links there.
                let is_inside = other.starts_with(&watched.folder);
                if real == folder || (is_inside && !real.starts_with(&folder)) {
                    let text = format!("`{}` leads to `{}`", other.display(), real.display());
                    return Err(io::Error::other(text));
                }
            }
            place::look(&folder, endings, FILES_SEEN_MAX)
        })
        .await
    }

    async fn take_in(&mut self, entries: Vec<Entry>) {
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        self.settling.keep(|name| names.contains(name));
        let mut reads = 0;
        for entry in entries {
            if reads >= FILES_PER_LOOK {
                break;
            }
            let now = Instant::now();
            let Turn::Read { is_last } = self.settling.see(&entry.name, entry.stamp, now) else {
                continue;
            };
            reads += 1;
            let (outcome, key) = self.read(&entry).await;
            match outcome {
                Outcome::Taken => self.done(&entry).await,
                Outcome::Refused(wrong) => self.failed(&entry, &key, &wrong).await,
                Outcome::Unreadable(wrong) if is_last => {
                    self.failed(&entry, &key, &wrong).await;
                }
                // It may be half-written.
                Outcome::Unreadable(_) => {}
                Outcome::Later(why) => self.put_off(&entry, &why),
            }
        }
    }

    async fn read(&self, entry: &Entry) -> (Outcome, String) {
        let path = entry.path.clone();
        let read = blocking(move || place::read(&path, FILE_BYTES_MAX)).await;
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let what = format!("the file has more than {FILE_BYTES_MAX} bytes");
                let wrong = Wrong::new(what, "a smaller file");
                return (Outcome::Refused(wrong), format!("{} large", entry.name));
            }
            Err(error) if place::is_of_the_file(&error) => {
                let wrong = Wrong::new(
                    format!("the file cannot be read: {error}"),
                    "a file that the agent may read",
                );
                return (
                    Outcome::Unreadable(wrong),
                    format!("{} unreadable", entry.name),
                );
            }
            Err(error) => return (Outcome::Later(error.to_string()), String::new()),
        };
        let modified = entry.stamp.modified.duration_since(std::time::UNIX_EPOCH);
        let key = format!(
            "{} {} {}",
            entry.name,
            modified.unwrap_or_default().as_micros(),
            blake3::hash(&bytes).to_hex()
        );
        let outcome = match &self.owner {
            Owner::Device(device, _) => {
                self.state.contacts.heard(&device.id);
                self.state.take_file(&device.id, &entry.name, bytes).await
            }
            Owner::Inbox(inbox) => {
                let dropped = Dropped {
                    name: entry.name.clone(),
                    path: entry.path.clone(),
                    bytes,
                    key: key.clone(),
                };
                inbox::take(self.agent(), inbox, dropped).await
            }
        };
        (outcome, key)
    }

    async fn done(&mut self, entry: &Entry) {
        let moved = {
            let (path, name, done) = (
                entry.path.clone(),
                entry.name.clone(),
                self.watched.done.clone(),
            );
            blocking(move || match done {
                Some(done) => place::move_to(&path, &done, &name).map(drop),
                None => std::fs::remove_file(&path),
            })
        };
        match moved.await {
            Ok(()) => info!(
                device.id = %self.owner.device(), "`{}` taken in", entry.path.display()
            ),
            Err(error) => self.put_off(entry, &format!("taken in, and cannot be moved: {error}")),
        }
    }

    /// People are told before the file is moved: a failure is never silent.
    async fn failed(&mut self, entry: &Entry, key: &str, wrong: &Wrong) {
        if !self.settling.is_put_off(&entry.name) {
            metrics::counter!("agog_folder_failed_total").increment(1);
            warn!(
                device.id = %self.owner.device(),
                "`{}` has failed: {wrong}", entry.path.display()
            );
        }
        if let Err(error) = self.notify(entry, key, wrong).await {
            self.put_off(
                entry,
                &format!("its failure is not recorded: {}", chain(&error)),
            );
            return;
        }
        let (entry_path, name) = (entry.path.clone(), entry.name.clone());
        let (failed, text) = (self.watched.failed.clone(), wrong.to_text(&entry.name));
        let moved = blocking(move || {
            // The finding first, so that no file is there without one.
            place::write_text(&failed, &place::fitted("", &name, FINDING_ENDING), &text)?;
            place::move_to(&entry_path, &failed, &name).map(drop)
        });
        if let Err(error) = moved.await {
            self.put_off(
                entry,
                &format!("cannot be moved to where failed files go: {error}"),
            );
        }
    }

    /// Leaves a file where it is and goes on with the others. People are told once.
    fn put_off(&mut self, entry: &Entry, why: &str) {
        if self.settling.put_off(&entry.name, Instant::now()) {
            warn!(
                device.id = %self.owner.device(),
                "`{}` stays where it is for now: {why}", entry.path.display()
            );
        }
    }

    async fn notify(&self, entry: &Entry, key: &str, wrong: &Wrong) -> Result<(), AppendError> {
        let text = format!("file {} has failed: {wrong}", entry.name);
        let notification = DeviceNotification {
            device: self.owner.device().to_owned(),
            class: "Error".to_owned(),
            notification_type: Some("Error".to_owned()),
            text: Some(text.chars().take(TEXT_CHARS_MAX).collect()),
            ..DeviceNotification::default()
        };
        let append = Append {
            facts: vec![Fact {
                occurred_at: None,
                actor: system(),
                what: What::Event(Event::Device(DeviceEvent::Notified(notification))),
            }],
            inbox: Some(InboxKey {
                sender: format!("folder:{}", self.watched.folder.display()),
                message_id: format!("failed {key}"),
            }),
            ..Append::default()
        };
        self.agent().ledger.append(append).await.map(drop)
    }

    async fn reached(&mut self) {
        self.misses = 0;
        let now = self.agent().clock.now();
        let Owner::Device(device, _) = &self.owner else {
            self.is_reached = Some(true);
            return;
        };
        self.agent().devices.change(&device.id, |state| {
            state.reachable = true;
            state.last_answer_at = Some(now);
            state.last_failure = None;
        });
        self.agent().health.device(&device.id, |health| {
            health.in_contact = true;
            health.last_failure = None;
        });
        if self.is_reached != Some(true) {
            self.is_reached = Some(true);
            self.contact(true, "its folders are there").await;
        }
    }

    async fn missed(&mut self, error: &io::Error) {
        self.misses += 1;
        let text = format!("`{}`: {}", self.watched.folder.display(), chain(error));
        if let Owner::Device(device, _) = &self.owner {
            self.agent().devices.change(&device.id, |state| {
                state.reachable = false;
                state.last_failure = Some(text.clone());
            });
            self.agent().health.device(&device.id, |health| {
                health.in_contact = false;
                health.last_failure = Some(text.clone());
            });
        }
        if self.misses == TRIES_BEFORE_LOST && self.is_reached != Some(false) {
            self.is_reached = Some(false);
            self.contact(false, &text).await;
        }
    }

    async fn contact(&self, is_found: bool, detail: &str) {
        let device = self.owner.device();
        let Owner::Device(..) = &self.owner else {
            warn!(device.id = %device, "inbox for device {device}: {detail}");
            return;
        };
        let event = DeviceContact {
            device: device.to_owned(),
            detail: detail.to_owned(),
        };
        let event = if is_found {
            info!(device.id = %device, "folders of device {device} are there");
            DeviceEvent::Found(event)
        } else {
            warn!(device.id = %device, "folders of device {device} are lost: {detail}");
            DeviceEvent::Lost(event)
        };
        if let Err(error) = self.state.floor.contact(event).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "contact with a device not recorded"
            );
        }
    }
}

pub(super) fn system() -> Actor {
    Actor::System {
        component: "folder".to_owned(),
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
