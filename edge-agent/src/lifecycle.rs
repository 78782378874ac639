//! Starting and stopping as a service: signals, systemd readiness and watchdog, and the set of
//! tasks of which none may end by itself.
//!
//! Stopping has two steps. Soft: take nothing new, finish, flush. Hard: leave now; it comes with
//! a second signal or after [`SOFT_STOP_LIMIT`].

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::serve::{Listener, ListenerExt as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::ledger::Ledger;

/// How long a soft stop may take: below the 90 s after which systemd kills a unit.
pub const SOFT_STOP_LIMIT: Duration = Duration::from_secs(20);

/// The two steps of stopping; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// Take nothing new, finish, flush.
    pub const fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Leave now.
    pub const fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Asks for a soft stop.
    pub fn begin(&self) {
        self.soft.cancel();
    }

    /// Asks for a hard stop.
    pub fn force(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }
}

/// Turns SIGTERM and SIGINT into a soft stop, and the second one into a hard stop. Ends when the
/// program is asked to stop hard.
pub async fn watch_signals(stop: Stop) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?;
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = stop.hard.cancelled() => return Ok(()),
        };
        if stop.soft.is_cancelled() {
            warn!("{name} again: stopping at once");
            stop.force();
        } else {
            info!("{name}: finishing and stopping");
            stop.begin();
        }
    }
}

/// Tells systemd that the program is ready, or nothing when it was not started by systemd.
pub fn notify_ready() {
    notify(&[sd_notify::NotifyState::Ready]);
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(
            error = &error as &dyn std::error::Error,
            "cannot notify systemd"
        );
    }
}

/// Feeds systemd's watchdog while the ledger makes progress: each beat goes through the writer's
/// inbox and a commit, so a hung disk or writer is noticed.
pub async fn watchdog(ledger: Ledger, stop: Stop) -> anyhow::Result<()> {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        stop.soft.cancelled().await;
        return Ok(());
    };
    let mut beat = tokio::time::interval(limit / 3);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = stop.soft.cancelled() => {
                notify(&[sd_notify::NotifyState::Stopping]);
                return Ok(());
            }
        }
        ledger.ping().await.context("the ledger does not answer")?;
        notify(&[sd_notify::NotifyState::Watchdog]);
    }
}

/// Serves HTTP until a soft stop; requests that are being answered are finished.
pub async fn serve(
    listener: impl Listener<Addr = SocketAddr>,
    router: axum::Router,
    stop: Stop,
) -> anyhow::Result<()> {
    let soft = stop.soft.clone();
    // The endpoint of the machines judges by the address that a request comes from.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // Only of such a listener axum tells the address.
    axum::serve(listener.tap_io(|_| ()), service)
        .with_graceful_shutdown(async move { soft.cancelled().await })
        .await
        .context("cannot serve HTTP")
}

/// The tasks of the program. None of them may end before a stop was asked for.
#[derive(Default)]
pub struct Tasks {
    set: JoinSet<(&'static str, anyhow::Result<()>)>,
}

impl Tasks {
    /// Starts a task.
    pub fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.set.spawn(async move { (name, task.await) });
    }

    /// Waits until a stop is asked for and every task has ended. A task that fails, or ends by
    /// itself, stops the others and makes the program fail.
    pub async fn run_to_end(mut self, stop: Stop) -> anyhow::Result<()> {
        let mut failure = None;
        let limit = soft_stop_limit(stop.clone());
        tokio::pin!(limit);
        loop {
            let ended = tokio::select! {
                ended = self.set.join_next() => ended,
                () = &mut limit => {
                    self.set.shutdown().await;
                    return Err(failure.unwrap_or_else(|| anyhow!("stopped hard, before all tasks had finished")));
                }
            };
            let Some(ended) = ended else { break };
            let problem = match ended {
                Ok((_, Ok(()))) if stop.soft.is_cancelled() => None,
                Ok((name, Ok(()))) => Some(anyhow!("task `{name}` ended by itself")),
                Ok((name, Err(error))) => Some(error.context(format!("task `{name}` failed"))),
                Err(error) => Some(anyhow!(error).context("a task panicked")),
            };
            if let Some(problem) = problem {
                error!("stopping: {problem:#}");
                failure.get_or_insert(problem);
                stop.begin();
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

/// Ends on a hard stop, or [`SOFT_STOP_LIMIT`] after a soft one.
async fn soft_stop_limit(stop: Stop) {
    stop.soft.cancelled().await;
    tokio::select! {
        () = stop.hard.cancelled() => {}
        () = tokio::time::sleep(SOFT_STOP_LIMIT) => {
            warn!("still not stopped after {} s", SOFT_STOP_LIMIT.as_secs());
            stop.force();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_stops_the_program_with_a_failure() {
        let stop = Stop::new();
        let mut tasks = Tasks::default();
        let other = stop.clone();
        tasks.spawn("patient", async move {
            other.soft().cancelled().await;
            Ok(())
        });
        tasks.spawn("leaver", async { Ok(()) });
        let error = tasks.run_to_end(stop).await.unwrap_err();
        assert_eq!(error.to_string(), "task `leaver` ended by itself");
    }

    #[tokio::test]
    async fn a_soft_stop_lets_every_task_finish() {
        let stop = Stop::new();
        let mut tasks = Tasks::default();
        let other = stop.clone();
        tasks.spawn("patient", async move {
            other.soft().cancelled().await;
            Ok(())
        });
        stop.begin();
        tasks.run_to_end(stop).await.unwrap();
    }

    #[tokio::test]
    async fn a_hard_stop_does_not_wait() {
        let stop = Stop::new();
        let mut tasks = Tasks::default();
        tasks.spawn("stuck", std::future::pending());
        stop.force();
        assert!(tasks.run_to_end(stop).await.is_err());
    }
}
