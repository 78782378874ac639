//! Hot folders: tickets for devices without JMF are put into a folder, what they give back is taken
//! from another one; offices drop tickets into inboxes.
//!
//! - [`outgoing`]: a ticket with its files → a folder, under a name that was free
//! - [`watch`]: one task per device with folders and per inbox, that looks for files
//! - [`mark`]: whether a folder is the one that was used before, or a mount point without its share
//! - [`settle`]: which files are whole (pure); [`place`]: the file operations
//! - [`inbox`]: a dropped ticket → a job; [`give_back`]: returned tickets → the office's folder
//! - [`finding`]: what was wrong with a file, for people
//!
//! What a device returns goes the same way as over JMF (`ingest::jmf::folder`), so that the books do not
//! depend on how it came.
//!
//! Limits: a look at least every [`LOOK_EVERY`], in which [`FILES_PER_LOOK`] files are read, the oldest
//! first, of the [`FILES_SEEN_MAX`] oldest; files up to [`FILE_BYTES_MAX`]. A file is read when it did not change for `settle::SETTLED_AFTER`,
//! and has failed when it cannot be read `settle::UNREADABLE_AFTER` after its last change.

pub(crate) mod finding;
pub(crate) mod give_back;
mod inbox;
pub(crate) mod mark;
pub(crate) mod outgoing;
mod place;
mod settle;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;

use crate::devices::known::Running;
use crate::ingest::jmf::JmfState;
use crate::lifecycle::Stop;

/// How often a folder is looked into.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The rest waits for the next look.
pub const FILES_PER_LOOK: usize = 50;
/// More than a plant leaves lying for a year; each costs some memory while it is there.
pub const FILES_SEEN_MAX: usize = 10_000;
/// As much as a message of a device may have.
pub const FILE_BYTES_MAX: u64 = crate::ingest::jmf::BODY_BYTES_MAX as u64;

/// Watches the folders of devices, as devices come and go, and the inboxes, until the stop.
pub async fn run(state: JmfState, stop: Stop) -> anyhow::Result<()> {
    let state = Arc::new(state);
    let mut changes = state.agent.known_devices.changes();
    let mut running = Running::default();
    let devices = async {
        loop {
            let mut wanted = changes.borrow_and_update().to_vec();
            wanted.retain(|device| device.folder.is_some());
            for ended in running.end(&wanted).await {
                state.agent.forget_device(&ended);
            }
            running.start(&wanted, |device| watch::device(state.clone(), device));
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let inboxes = state.agent.config.inboxes.clone();
    let inboxes: Vec<_> = inboxes
        .into_iter()
        .map(|inbox| watch::inbox(state.clone(), inbox))
        .collect();
    let inboxes = futures_util::future::join_all(inboxes);
    let back = give_back::run(&state.agent);
    tokio::select! {
        ((), _) = join(devices, join(inboxes, back)) => Ok(()),
        () = stop.soft().cancelled() => Ok(()),
    }
}
