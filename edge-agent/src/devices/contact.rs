//! When each device was last heard, by whatever way. In memory only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Cheap to clone; shared by the endpoint that hears devices and the tasks that watch them.
#[derive(Clone, Default)]
pub struct Contacts(Arc<Mutex<BTreeMap<String, watch::Sender<Option<Instant>>>>>);

impl Contacts {
    /// The device was heard just now.
    pub fn heard(&self, device: &str) {
        self.of(device).send_replace(Some(Instant::now()));
    }

    /// Returns once the device was silent for `limit`, counted from now at the earliest.
    pub async fn silence(&self, device: &str, limit: Duration) {
        let mut heard = self.of(device).subscribe();
        let mut since = Instant::now();
        loop {
            match tokio::time::timeout_at(since + limit, heard.changed()).await {
                Ok(Ok(())) => since = heard.borrow_and_update().unwrap_or(since),
                // The sender is in our own map, so only the silence ends the wait.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Returns when the device is heard the next time.
    pub async fn next(&self, device: &str) {
        let mut heard = self.of(device).subscribe();
        heard.mark_unchanged();
        // Only a device that is forgotten closes the channel, and none is.
        let _ = heard.changed().await;
    }

    fn of(&self, device: &str) -> watch::Sender<Option<Instant>> {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        devices
            .entry(device.to_owned())
            .or_insert_with(|| watch::channel(None).0)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_sign_of_life() {
        let contacts = Contacts::default();
        let started = Instant::now();
        let watcher = contacts.clone();
        let silence = tokio::spawn(async move {
            watcher.silence("press-3", Duration::from_secs(30)).await;
            Instant::now()
        });
        tokio::time::advance(Duration::from_secs(20)).await;
        tokio::task::yield_now().await;
        contacts.heard("press-3");
        contacts.heard("press-4");
        assert_eq!(silence.await.unwrap() - started, Duration::from_secs(50));
    }
}
