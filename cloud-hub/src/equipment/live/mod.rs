//! Live views of plants: a stream for each watcher, and one task for each plant that is watched.
//!
//! The task looks at its plant when any hub has told that something happened there, at most once in [`LOOK_EVERY_MIN`], and
//! after [`LOOK_EVERY_MAX`] in any case. Watchers share each picture; one who reads slowly gets what differs between the one that
//! was sent last and the newest, so that it misses what was in between and never what is.
//!
//! Limits: [`STREAMS_MAX`] streams of a process and [`STREAMS_OF_TENANT_MAX`] of a tenant in it; those of a picture. A stream
//! holds on to one picture beside the newest.

mod picture;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agog_sync::ids::{PlantId, TenantId};
use axum::http::StatusCode;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub(super) use picture::{LiveMessage, Picture};

use crate::app::App;
use crate::db::{DbError, PlantKey, Pool, TenantTx};
use crate::http::{ApiError, error::chain};

/// No value is sent more often. Agents send what is new every half second, and an operator's value shall be seen within one.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(250);
/// How long what nobody told of may go unseen: a plant that went silent, or a message that a crash has lost.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(15);
/// What happens at plants is told to the other hubs at most so often.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// How long to wait before listening again when the database was away.
const LISTEN_AGAIN: Duration = Duration::from_secs(10);
/// The most streams of a process: each is a connection and a task.
const STREAMS_MAX: usize = 1_000;
/// The most streams of a tenant in a process, so that none takes all.
const STREAMS_OF_TENANT_MAX: usize = 100;

/// What watchers see of a plant; none before the first look.
type Look = Option<Arc<Picture>>;

/// The plants that are watched in this process.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Watched>>);

#[derive(Debug, Default)]
struct Watched {
    plants: BTreeMap<PlantKey, Plant>,
    streams: BTreeMap<TenantId, usize>,
}

/// A plant that is watched.
#[derive(Debug)]
struct Plant {
    look: watch::Receiver<Look>,
    again: Arc<Notify>,
    streams: usize,
    /// Ends its task.
    stop: CancellationToken,
}

/// One watcher of a plant.
#[derive(Debug)]
pub(super) struct Watcher {
    live: Live,
    plant: PlantKey,
    pub look: watch::Receiver<Look>,
}

impl Live {
    /// Begins to watch a plant.
    pub(super) fn watch(&self, app: &App, plant: PlantKey) -> Result<Watcher, ApiError> {
        let mut watched = self.watched();
        if watched.streams.values().sum::<usize>() >= STREAMS_MAX {
            let detail = "this hub has as many live views as it can serve";
            return Err(ApiError::unavailable("too-many-streams", detail));
        }
        let of_tenant = watched.streams.entry(plant.0).or_default();
        if *of_tenant >= STREAMS_OF_TENANT_MAX {
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-streams",
                format!("a company has at most {STREAMS_OF_TENANT_MAX} live views; close others"),
            ));
        }
        *of_tenant += 1;
        metrics::gauge!("agog_hub_live_streams").increment(1);
        let entry = watched
            .plants
            .entry(plant)
            .or_insert_with(|| Plant::begin(app, plant));
        entry.streams += 1;
        let look = entry.look.clone();
        Ok(Watcher {
            live: self.clone(),
            plant,
            look,
        })
    }

    /// Has those look again who watch a plant, or all plants.
    fn look_again(&self, plant: Option<PlantKey>) {
        let watched = self.watched();
        let plants = watched.plants.iter();
        for (_, entry) in plants.filter(|(key, _)| plant.is_none_or(|plant| plant == **key)) {
            entry.again.notify_one();
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Counts of streams are changed in one step each; a panic elsewhere leaves none half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        metrics::gauge!("agog_hub_live_streams").decrement(1);
        let mut watched = self.live.watched();
        if let Some(of_tenant) = watched.streams.get_mut(&self.plant.0) {
            *of_tenant -= 1;
            if *of_tenant == 0 {
                watched.streams.remove(&self.plant.0);
            }
        }
        if let Some(entry) = watched.plants.get_mut(&self.plant) {
            entry.streams -= 1;
            if entry.streams == 0 {
                entry.stop.cancel();
                watched.plants.remove(&self.plant);
            }
        }
    }
}

impl Plant {
    /// Begins to look at a plant, until nobody watches it any more.
    fn begin(app: &App, plant: PlantKey) -> Self {
        let (sender, look) = watch::channel(None);
        let (again, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let task = follow(app.clone(), plant, sender, again.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(task));
        Self {
            look,
            again,
            streams: 0,
            stop,
        }
    }
}

/// Looks at a plant again and again.
async fn follow(app: App, plant: PlantKey, look: watch::Sender<Look>, again: Arc<Notify>) {
    loop {
        match take(&app, plant).await {
            Ok(picture) => {
                look.send_replace(Some(Arc::new(picture)));
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "a plant could not be looked at");
            }
        }
        tokio::time::sleep(LOOK_EVERY_MIN).await;
        // Late is as good as woken.
        drop(tokio::time::timeout(LOOK_EVERY_MAX, again.notified()).await);
    }
}

async fn take(app: &App, (tenant_id, plant_id): (TenantId, PlantId)) -> Result<Picture, DbError> {
    let mut tx = TenantTx::begin(&app.pool, tenant_id).await?;
    Picture::take(&mut tx, plant_id, app.clock.now()).await
}

/// Tells other hubs what happened here, and hears what happened there, until it is asked to stop.
pub async fn run(app: App, stop: CancellationToken) {
    let both = async { tokio::join!(tell(&app.pool), listen(&app.pool, &app.live)) };
    stop.run_until_cancelled(both).await;
}

async fn tell(pool: &Pool) {
    loop {
        let plants = pool.plant_bell().rung().await;
        if let Err(error) = pool.plants_tell(&plants).await {
            tracing::warn!(
                error = chain(&error),
                "live views of other hubs were not told"
            );
        }
        tokio::time::sleep(TELL_EVERY).await;
    }
}

async fn listen(pool: &Pool, live: &Live) {
    loop {
        if let Err(error) = hear(pool, live).await {
            tracing::warn!(
                error = chain(&error),
                "live views hear nothing; trying again"
            );
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn hear(pool: &Pool, live: &Live) -> Result<(), DbError> {
    let mut listener = pool.plants_listen().await?;
    // Nobody listened until now.
    live.look_again(None);
    loop {
        live.look_again(listener.heard().await?);
    }
}
