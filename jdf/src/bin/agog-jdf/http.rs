//! One exchange with a device over HTTP: a POST and its answer, both bounded in time and size. Redirects are followed
//! within the same host only, since a ticket must not go where nobody meant to send it.

use std::error::Error as _;
use std::io::Read as _;
use std::time::Duration;

use agog_jdf::Limits;
use agog_jdf::jmf::{Jmf, ParsedJmf};
use agog_jdf::package::{Package, PackageLimits};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use reqwest::blocking::{Body, Client};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url, redirect};

use crate::output::clipped;

/// Redirects that are followed before it counts as a circle.
const REDIRECTS_MAX: usize = 5;
/// The slowest line on which a package still arrives: each of its bytes adds to the time that is waited.
const BYTES_PER_SECOND_MIN: u64 = 1024 * 1024;
/// How much of an answer is shown that is no message.
const SHOWN_CHARACTERS: usize = 200;

#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// How long to wait for the answer, beside a second for each MiB that is sent.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// What is sent; made anew for each attempt, because a stream can be read once.
pub(crate) struct Outgoing {
    pub(crate) content_type: String,
    pub(crate) bytes: u64,
    pub(crate) body: Body,
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
        let client = Client::builder()
            .user_agent(concat!("agog-jdf/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // A device is spoken to, not the internet.
            .no_proxy()
            .timeout(None)
            .build()
            .context("cannot set up HTTP")?;
        let mut url = Url::parse(url).with_context(|| format!("`{url}` is no URL"))?;
        ensure!(
            matches!(url.scheme(), "http" | "https"),
            "`{url}` is neither http: nor https:"
        );
        for _ in 0..=REDIRECTS_MAX {
            let outgoing = outgoing();
            let extra = outgoing.bytes / BYTES_PER_SECOND_MIN;
            let sent = client
                .post(url.clone())
                .header(CONTENT_TYPE, &outgoing.content_type)
                .timeout(Duration::from_secs(self.timeout + extra))
                .body(outgoing.body)
                .send();
            let response = sent.map_err(|error| not_reached(&url, &error))?;
            let status = response.status();
            if !status.is_redirection() {
                return answer(response).with_context(|| format!("no answer from `{url}`"));
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
}

fn answer(response: reqwest::blocking::Response) -> Result<Answer> {
    let limit = Limits::default().document_bytes;
    let status = response.status();
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut body = Vec::new();
    response
        .take(limit as u64 + 1)
        .read_to_end(&mut body)
        .context("the answer broke off")?;
    ensure!(
        body.len() <= limit,
        "the answer is longer than {limit} bytes"
    );
    Ok(Answer {
        status,
        content_type,
        body,
    })
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
    if error.is_timeout() {
        anyhow!("`{url}` did not answer in time (--timeout)")
    } else if error.is_connect() {
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
