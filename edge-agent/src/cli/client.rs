//! Talks to the running agent, which run.json names.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::problem::Problem;
use crate::config::Config;
use crate::run::Addresses;

/// Longer than the agent lets any request take.
const ANSWER_WITHIN: Duration = Duration::from_secs(130);

/// Loopback answers at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// The running agent.
pub struct Client {
    http: reqwest::Client,
    addresses: Addresses,
}

/// The agent is not there to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "the agent is not running on `{data_dir}`{hint}; start it with `agog-edge run`, or as the service"
)]
pub(super) struct NotRunning {
    data_dir: String,
    hint: String,
}

impl Client {
    /// Finds the running agent of this configuration.
    pub fn find(config: &Config) -> anyhow::Result<Self> {
        let path = config.run_file_path();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(not_running(&config.agent.data_dir, String::new()).into());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        };
        let addresses: Addresses = serde_json::from_str(&text)
            .with_context(|| format!("`{}` is not understood", path.display()))?;
        // The agent is on loopback: a proxy of the environment must not see this.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .build()?;
        Ok(Self { http, addresses })
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(
        &self,
        config: &Config,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<T> {
        let request = self.request(Method::GET, segments, query)?;
        Ok(self.send(config, request).await?.json().await?)
    }

    /// Asks for something that is no JSON.
    pub async fn get_bytes(&self, config: &Config, segments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let request = self.request(Method::GET, segments, &[])?;
        Ok(self.send(config, request).await?.bytes().await?.to_vec())
    }

    /// Sends a command under a key, so that it can be repeated.
    pub async fn post<T: DeserializeOwned>(
        &self,
        config: &Config,
        segments: &[&str],
        key: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.keyed(Method::POST, config, segments, key, body).await
    }

    /// Sends a body that is no JSON.
    pub async fn post_body<T: DeserializeOwned>(
        &self,
        config: &Config,
        segments: &[&str],
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<T> {
        let request = self
            .request(Method::POST, segments, &[])?
            .header("content-type", content_type)
            .body(body);
        Ok(self.send(config, request).await?.json().await?)
    }

    /// Changes something under a key, so that it can be repeated.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        config: &Config,
        segments: &[&str],
        key: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.keyed(Method::PATCH, config, segments, key, body).await
    }

    async fn keyed<T: DeserializeOwned>(
        &self,
        method: Method,
        config: &Config,
        segments: &[&str],
        key: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let request = self
            .request(method, segments, &[])?
            .header("idempotency-key", key)
            .json(body);
        Ok(self.send(config, request).await?.json().await?)
    }

    /// Replaces something.
    pub async fn put<T: DeserializeOwned>(
        &self,
        config: &Config,
        segments: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let request = self.request(Method::PUT, segments, &[])?.json(body);
        Ok(self.send(config, request).await?.json().await?)
    }

    /// Removes something.
    pub async fn delete(&self, config: &Config, segments: &[&str]) -> anyhow::Result<()> {
        let request = self.request(Method::DELETE, segments, &[])?;
        self.send(config, request).await.map(drop)
    }

    fn request(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<RequestBuilder> {
        let mut url = reqwest::Url::parse(&self.addresses.api_url)?;
        // Segments are encoded, so that a lot number may hold a slash or a space.
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("run.json names no HTTP address"))?
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url))
    }

    async fn send(&self, config: &Config, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                let hint = format!(
                    " (process {} left run.json behind and does not answer)",
                    self.addresses.pid
                );
                return Err(not_running(&config.agent.data_dir, hint).into());
            }
            Err(error) => return Err(error).context("the agent did not answer"),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        match response.json::<Problem>().await {
            Ok(problem) => bail!("{} ({})", problem.detail, problem.code),
            Err(_) => bail!("the agent answered {status}"),
        }
    }
}

fn not_running(data_dir: &Path, hint: String) -> NotRunning {
    NotRunning {
        data_dir: data_dir.display().to_string(),
        hint,
    }
}
