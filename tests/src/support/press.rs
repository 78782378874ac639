//! A simulated press of a world.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpStream;

use super::ports::free_address;
use super::process::{Process, Program};

const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A press, running or stopped. Its address stays the same over restarts.
#[derive(Debug)]
pub struct Press {
    process: Option<Process>,
    program: Program,
    id: String,
    address: SocketAddr,
    log: PathBuf,
    settings: Vec<String>,
    /// Of how many devices in one process; their ids are `<id>-1` and up.
    count: Option<usize>,
}

impl Press {
    /// `options` are those of `agog-press-sim`, without id, address and broker.
    pub(super) async fn start(
        folder: &std::path::Path,
        id: &str,
        broker: SocketAddr,
        options: &[&str],
    ) -> Result<Self> {
        let address = free_address()?;
        let program = Program::ours("agog-press-sim")?
            .args(["--device-id", id])
            .args(["--listen", &address.to_string()])
            .args(["--mqtt", &broker.to_string()])
            .args(options.iter().copied());
        let mut press = Self {
            process: None,
            program,
            id: id.to_owned(),
            address,
            log: folder.join(format!("{id}.log")),
            settings: Vec::new(),
            count: None,
        };
        press.start_again().await?;
        Ok(press)
    }

    /// The same with `count` devices in one process.
    pub(super) async fn start_many(
        folder: &std::path::Path,
        id: &str,
        count: usize,
        options: &[&str],
    ) -> Result<Self> {
        let address = free_address()?;
        let program = Program::ours("agog-press-sim")?
            .args(["--device-id", id, "--devices", &count.to_string()])
            .args(["--listen", &address.to_string()])
            .args(options.iter().copied());
        let mut press = Self {
            process: None,
            program,
            id: id.to_owned(),
            address,
            log: folder.join(format!("{id}.log")),
            settings: Vec::new(),
            count: Some(count),
        };
        press.start_again().await?;
        Ok(press)
    }

    /// The devices with their addresses.
    pub fn devices(&self) -> Vec<(String, String)> {
        let Some(count) = self.count else {
            return vec![(self.id.clone(), self.jmf_url())];
        };
        (1..=count)
            .map(|n| {
                let id = format!("{}-{n}", self.id);
                let url = self.url(&format!("/jmf/{id}"));
                (id, url)
            })
            .collect()
    }

    /// After [`Press::stop`] or [`Press::kill`]. A press keeps nothing: its queue is empty again.
    pub async fn start_again(&mut self) -> Result<()> {
        let process = self.program.start(&self.log)?;
        process
            .until("the press to listen", START_LIMIT, async || {
                Ok(TcpStream::connect(self.address).await.ok())
            })
            .await?;
        self.process = Some(process);
        Ok(())
    }

    /// In what it differs from its profile at the agent: lines of `[device.settings]`.
    #[must_use]
    pub fn with_settings(mut self, settings: &[&str]) -> Self {
        self.settings = settings.iter().map(ToString::to_string).collect();
        self
    }

    pub(super) fn settings(&self) -> &[String] {
        &self.settings
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn jmf_url(&self) -> String {
        format!("http://{}/jmf", self.address)
    }

    /// Beside the JMF endpoint, for example `/account`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    pub async fn stop(&mut self) -> Result<()> {
        let process = self.process.take().context("the press is not running")?;
        process.stop(STOP_LIMIT).await?;
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.process
            .take()
            .context("the press is not running")?
            .kill();
        Ok(())
    }
}
