//! A press that tells its counter in JMF signals and lets none be lost: each is told again until the agent has taken it, as on a
//! reliable channel. One whose answer was lost is told twice, with its ID and its time, and is the same signal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::wait;

/// Between two tries to reach an agent that is away.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// An agent that does not answer for so long is asked again.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A press with something to tell. It is silent when this is dropped.
#[derive(Debug)]
pub struct Signals {
    device: String,
    inbox: UnboundedSender<String>,
    told: u64,
    taken: Arc<AtomicU64>,
    line: JoinHandle<()>,
}

impl Signals {
    /// A press that tells the agent at this address.
    pub fn new(device: &str, jmf_url: String) -> Result<Self> {
        let http = Client::builder()
            .no_proxy()
            .timeout(ANSWER_LIMIT)
            .build()
            .context("cannot make an HTTP client")?;
        let (inbox, signals) = unbounded_channel();
        let taken = Arc::new(AtomicU64::new(0));
        let line = tokio::spawn(tell(http, jmf_url, signals, Arc::clone(&taken)));
        Ok(Self {
            device: device.to_owned(),
            inbox,
            told: 0,
            taken,
            line,
        })
    }

    /// Has the press tell what its counter shows, when the agent has taken all before it.
    pub fn count(&mut self, at: Timestamp, counter: u32) -> Result<()> {
        self.told += 1;
        let device = &self.device;
        let signal = format!(
            "<JMF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" SenderID=\"{device}\" TimeStamp=\"{at}\" Version=\"1.5\">\
             <Signal ID=\"S{}\" Type=\"Status\"><DeviceInfo DeviceID=\"{device}\" DeviceStatus=\"Running\" \
             ProductionCounter=\"{counter}\"/></Signal></JMF>",
            self.told
        );
        self.inbox.send(signal).context("the press is gone")
    }

    /// Waits until the agent has taken everything.
    pub async fn all_told(&self, limit: Duration) -> Result<()> {
        wait::until("the agent to take what a press tells", limit, async || {
            Ok((self.taken.load(Ordering::Relaxed) >= self.told).then_some(()))
        })
        .await
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.line.abort();
    }
}

async fn tell(
    http: Client,
    jmf_url: String,
    mut signals: UnboundedReceiver<String>,
    taken: Arc<AtomicU64>,
) {
    let mut try_every = tokio::time::interval(TRY_EVERY);
    while let Some(signal) = signals.recv().await {
        while !is_taken(&http, &jmf_url, &signal).await {
            try_every.tick().await;
        }
        taken.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the agent has the signal and says that it was well.
async fn is_taken(http: &Client, jmf_url: &str, signal: &str) -> bool {
    let request = http
        .post(jmf_url)
        .header(CONTENT_TYPE, "application/vnd.cip4-jmf+xml")
        .body(signal.to_owned());
    let Ok(answer) = request.send().await else {
        return false;
    };
    let is_success = answer.status().is_success();
    let answer = answer.text().await.unwrap_or_default();
    is_success && answer.contains("ReturnCode=\"0\"")
}
