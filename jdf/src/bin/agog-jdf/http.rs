//! One exchange with a device over HTTP: a POST and its answer, both bounded in time and size. Redirects are followed
//! within the same host only, since a ticket must not go where nobody meant to send it.

use std::error::Error as _;
use std::io::{self, Read};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agog_jdf::Limits;
use agog_jdf::jmf::{Jmf, ParsedJmf};
use agog_jdf::package::{JMF_TYPE, Package, PackageLimits};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Client, Response, StatusCode, Url, redirect};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::output::clipped;

/// Redirects that are followed before it counts as a circle.
const REDIRECTS_MAX: usize = 5;
/// Bytes that are read from files at a time, and how many such pieces wait for the line: half a MiB in all. When it is
/// full, reading waits.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_WAITING_MAX: usize = 8;
/// How much of an answer is shown that is no message.
const SHOWN_CHARACTERS: usize = 200;

#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// How long the device may neither take nor send anything.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// What is sent; made anew for each attempt, because a stream can be read once.
pub(crate) struct Outgoing {
    pub(crate) content_type: String,
    /// How long the body is; without it the body is sent in chunks.
    pub(crate) bytes: Option<u64>,
    pub(crate) body: Box<dyn Read + Send>,
}

impl Outgoing {
    /// Messages without a package.
    pub(crate) fn message(jmf: Vec<u8>) -> Self {
        Self {
            content_type: JMF_TYPE.to_owned(),
            bytes: Some(jmf.len() as u64),
            body: Box::new(io::Cursor::new(jmf)),
        }
    }
}

/// What came back.
pub(crate) struct Answer {
    status: StatusCode,
    content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Options {
    /// Posts to a device and waits for its answer.
    pub(crate) fn post(&self, url: &str, outgoing: impl Fn() -> Outgoing) -> Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot set up the network")?;
        runtime.block_on(self.exchange(url, outgoing))
    }

    async fn exchange(&self, url: &str, outgoing: impl Fn() -> Outgoing) -> Result<Answer> {
        let client = Client::builder()
            .user_agent(concat!("agog-jdf/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // A device is spoken to, not the internet.
            .no_proxy()
            .build()
            .context("cannot set up HTTP")?;
        let mut url = Url::parse(url)
            .with_context(|| format!("`{url}` is no URL such as `http://press:8010/jmf`"))?;
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "`{url}` is neither http: nor https:"
        );
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send(&client, &url, outgoing()).await?;
            let status = response.status();
            if !status.is_redirection() {
                let answer = self.answer(response).await;
                return answer.with_context(|| format!("no answer from `{url}`"));
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok())
                .with_context(|| format!("`{url}` answers {status} and does not say where to"))?;
            let is_same = target.host_str() == url.host_str()
                && (target.scheme() == url.scheme() || target.scheme() == "https");
            ensure!(
                is_same,
                "`{url}` redirects to `{target}`; if that is right, give that URL"
            );
            url = target;
        }
        bail!("`{url}` redirects in a circle")
    }

    /// Sends a body and waits for the head of the answer, for as long as there is progress.
    async fn send(&self, client: &Client, url: &Url, outgoing: Outgoing) -> Result<Response> {
        let progress = Arc::new(AtomicU64::new(0));
        let mut request = client
            .post(url.clone())
            .header(CONTENT_TYPE, &outgoing.content_type)
            .body(stream_of(outgoing.body, Arc::clone(&progress)));
        if let Some(bytes) = outgoing.bytes {
            request = request.header(CONTENT_LENGTH, bytes);
        }
        let mut sending = pin!(request.send());
        let mut seen = 0;
        loop {
            if let Ok(sent) = timeout(self.limit(), sending.as_mut()).await {
                return sent.map_err(|error| not_reached(url, &error));
            }
            let now = progress.load(Ordering::Relaxed);
            ensure!(now > seen, "`{url}` did not answer in time (--timeout)");
            seen = now;
        }
    }

    async fn answer(&self, mut response: Response) -> Result<Answer> {
        let limit = Limits::default().document_bytes;
        let status = response.status();
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let mut body = Vec::new();
        loop {
            let chunk = timeout(self.limit(), response.chunk())
                .await
                .context("the answer stopped midway (--timeout)")?;
            let Some(chunk) = chunk.context("the answer broke off")? else {
                break;
            };
            body.extend_from_slice(&chunk);
            ensure!(
                body.len() <= limit,
                "the answer is longer than {limit} bytes"
            );
        }
        Ok(Answer {
            status,
            content_type,
            body,
        })
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// Reads on a thread of its own, since files block, and never further ahead than the channel is long. Counts what the
/// connection has taken.
fn stream_of(mut reader: Box<dyn Read + Send>, progress: Arc<AtomicU64>) -> Body {
    let (sender, mut receiver) = mpsc::channel::<io::Result<Vec<u8>>>(CHUNKS_WAITING_MAX);
    std::thread::spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let read = match reader.read(&mut chunk) {
                Ok(0) => return,
                Ok(length) => {
                    chunk.truncate(length);
                    Ok(chunk)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_end = read.is_err();
            // A connection that has gone needs no more.
            if sender.blocking_send(read).is_err() || is_end {
                return;
            }
        }
    });
    Body::wrap_stream(stream::poll_fn(move |context| {
        let next = receiver.poll_recv(context);
        progress.fetch_add(u64::from(next.is_ready()), Ordering::Relaxed);
        next
    }))
}

/// Says whether the device was reached at all; the cause is at the end of the chain of errors.
fn not_reached(url: &Url, error: &reqwest::Error) -> anyhow::Error {
    let mut cause = None;
    let mut next = error.source();
    while let Some(source) = next {
        cause = Some(source.to_string());
        next = source.source();
    }
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    if error.is_connect() {
        anyhow!("cannot reach `{url}`{cause}")
    } else {
        anyhow!("the exchange with `{url}` failed{cause}")
    }
}

impl Answer {
    /// The messages in the answer, whatever type its header tells: a lone JMF, or one in a MIME package.
    pub(crate) fn messages(&self) -> Result<ParsedJmf> {
        let package = Package::parse(
            self.content_type.as_deref(),
            &self.body,
            &PackageLimits::default(),
        );
        let package = package.map_err(anyhow::Error::from);
        let parsed = package.and_then(|package| {
            let part = package.jmf().context("there are no messages in it")?;
            Ok(Jmf::parse(part.body(), &Limits::default())?)
        });
        parsed.with_context(|| {
            let status = self.status;
            let said = String::from_utf8_lossy(&self.body);
            let said = clipped(said.trim(), SHOWN_CHARACTERS);
            match said.as_str() {
                "" => format!("the device answers HTTP {status} and nothing else"),
                said => format!("the device answers HTTP {status} and no JMF: `{said}`"),
            }
        })
    }
}
