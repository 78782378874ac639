//! The server: what is made at start, and in which order it stops.
//!
//! It starts while the database is away: `/readyz` says so, and requests are answered 503 until
//! it is back. SIGTERM and SIGINT stop it softly: no new connections, waiting feed requests are
//! answered at once, others may finish for `server.stop_limit_s`; a second signal ends it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agog_sync::clock::SystemClock;
use anyhow::{Context as _, anyhow};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::{App, Seeds};
use crate::config::Config;
use crate::db::Pool;
use crate::equipment::live::{self, Live};
use crate::equipment::{self, Exports};
use crate::exchange;
use crate::files::Files;
use crate::http::{self, PatientListener};
use crate::intake::{retention, watch};
use crate::tenants::tokens::AccessTokens;

/// Upper bounds of the request histogram, in seconds: a cached read, a batch, a large trace, a
/// waiting feed request.
const REQUEST_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// How long connections may take to come back once no request is left.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Serves until it is asked to stop.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let database = config.server()?;
    Pool::check_role(&database).await?;
    let pool = Pool::server(database, config.database.connections_max);
    let secret = config.token_secret()?;
    let listen = config.server.listen;
    // Before anybody can know that it is ready: whoever asks it to stop at once gets an orderly end as well.
    let mut signals = Signals::listen()?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr().context("cannot tell the address")?;
    let app = App {
        pool: pool.clone(),
        live: Live::default(),
        exports: Exports::default(),
        clock: Arc::new(SystemClock),
        public_url: config.server.public_url(address).into(),
        access_tokens: Arc::new(AccessTokens::new(&secret)),
        metrics: PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &REQUEST_SECONDS)
            .and_then(PrometheusBuilder::install_recorder)
            .context("cannot set up metrics")?,
        seeds: Seeds::new(system_rng()?),
        files: match &config.files.dir {
            Some(dir) => Some(Files::local(dir).context("cannot open the folder of `files.dir`")?),
            None => None,
        },
        roll_at: config.sync.roll_at.get(),
        telemetry: config.telemetry,
        stopping: CancellationToken::new(),
    };
    if let Some(path) = &config.server.address_file {
        write_address(path, address)?;
    }
    info!("listening on http://{address} as {}", app.public_url);
    notify(sd_notify::NotifyState::Ready);

    let stopping = app.stopping.clone();
    if let Some(files) = app.files.clone() {
        let keep = config.files.keep();
        tokio::spawn(exchange::sweep(app.clone(), files, keep, stopping.clone()));
    }
    tokio::spawn(live::run(app.clone(), stopping.clone()));
    tokio::spawn(retention::prune(app.clone(), config.feed, stopping.clone()));
    tokio::spawn(equipment::retain(app.clone(), stopping.clone()));
    let after = config.sync.alarm_after();
    tokio::spawn(watch::watch(app.clone(), after, stopping.clone()));
    let soft = stopping.clone();
    let listener = PatientListener::new(listener, stopping.clone());
    let mut server = tokio::spawn(
        axum::serve(listener, http::router(app))
            .with_graceful_shutdown(async move { soft.cancelled().await })
            .into_future(),
    );
    tokio::select! {
        ended = &mut server => {
            return Err(match ended {
                Ok(Err(error)) => anyhow!(error).context("the server ended"),
                Ok(Ok(())) => anyhow!("the server ended by itself"),
                Err(error) => anyhow!(error).context("the server panicked"),
            });
        }
        name = signals.next() => info!("{name}: finishing requests and stopping"),
    }
    notify(sd_notify::NotifyState::Stopping);
    stopping.cancel();
    tokio::select! {
        ended = &mut server => ended.context("the server panicked")?.context("the server failed")?,
        () = tokio::time::sleep(config.server.stop_limit()) => {
            warn!("requests are still running after the limit; stopping at once");
            server.abort();
        }
        name = signals.next() => {
            warn!("{name} again: stopping at once");
            server.abort();
        }
    }
    // A connection that does not come back belongs to a request that was cut off above; the
    // database rolls its transaction back.
    if tokio::time::timeout(CLOSE_LIMIT, pool.close())
        .await
        .is_err()
    {
        warn!("connections to the database were cut");
    }
    info!("stopped");
    Ok(())
}

/// A generator seeded by the operating system.
pub fn system_rng() -> anyhow::Result<StdRng> {
    let mut seed = [0; 32];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| anyhow!("the operating system gives no random numbers"))?;
    Ok(StdRng::from_seed(seed))
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Written beside and moved into place, so that a reader never finds half an address.
fn write_address(path: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let draft = path.with_extension("tmp");
    std::fs::write(&draft, format!("http://{address}\n"))
        .and_then(|()| std::fs::rename(&draft, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "systemd does not listen");
    }
}
