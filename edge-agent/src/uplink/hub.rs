//! The hub's sync endpoints as functions.

use agog_sync::chain::Hash;
use agog_sync::days::{DaysAnswer, DaysRequest};
use agog_sync::document::repair::{
    HeadsAnswer, HeadsRequest, MissingAnswer, MissingRequest, RepairAnswer, RepairRequest,
};
use agog_sync::frame::{
    self, FEED_READS, FeedPage, FrameError, LedgerAck, LedgerPage, SnapshotPage, SyncState,
    TelemetryAck,
};
use agog_sync::report::{AgentReport, REPORT_HEADER};
use agog_sync::telemetry::batch::{BatchError, MEDIA_TYPE};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::http::{self, HttpError, Problem};
use super::token::{TokenClient, TokenError};

/// How long the hub may hold a feed request while it has nothing.
pub(super) const FEED_WAIT_SECONDS: u32 = 25;

/// Why a request to the hub did not work.
#[derive(Debug, thiserror::Error)]
pub(super) enum HubError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("cannot write a batch")]
    Frame(#[from] FrameError),
    #[error("cannot write a batch of telemetry")]
    Batch(#[from] BatchError),
}

impl HubError {
    /// The hub does not take a batch because of what it already has: a gap, a broken chain, or
    /// another agent under this identity.
    pub(super) fn is_disagreement(&self) -> bool {
        let Some((status, problem)) = self.problem() else {
            return false;
        };
        (status == StatusCode::FORBIDDEN && problem.code == "fenced")
            || (status == StatusCode::CONFLICT
                && matches!(problem.code.as_str(), "gap" | "chain-broken"))
    }

    /// The credential is not accepted: trying again does not help, a person must act.
    pub(super) fn is_refused_for_good(&self) -> bool {
        self.any_problem().is_some_and(|(status, _)| {
            matches!(
                status,
                StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            )
        })
    }

    /// The hub serves another process with this identity.
    pub(super) fn is_cloned(&self) -> bool {
        self.any_problem().is_some_and(|(status, problem)| {
            status == StatusCode::FORBIDDEN && problem.code == "cloned"
        })
    }

    /// The hub has no such path.
    fn is_not_found(&self) -> bool {
        self.problem()
            .is_some_and(|(status, _)| status == StatusCode::NOT_FOUND)
    }

    /// The hub's clock, where it refused because of ours.
    pub(super) fn hub_clock(&self) -> Option<Timestamp> {
        let (_, problem) = self.any_problem()?;
        problem.at.as_ref()?.parse().ok()
    }

    /// The problem that the hub named, also that of a request for a token.
    fn any_problem(&self) -> Option<(StatusCode, &Problem)> {
        match self {
            Self::Token(TokenError::Http(error)) => error.problem(),
            _ => self.problem(),
        }
    }

    /// The hub is away: it costs nobody anything to look for it again soon.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            Self::Http(error) | Self::Token(TokenError::Http(error)) => error.is_unreachable(),
            Self::Token(TokenError::Sign(_) | TokenError::Ledger(_))
            | Self::Frame(_)
            | Self::Batch(_) => false,
        }
    }

    pub(super) fn problem(&self) -> Option<(StatusCode, &Problem)> {
        match self {
            Self::Http(error) => error.problem(),
            Self::Token(_) | Self::Frame(_) | Self::Batch(_) => None,
        }
    }
}

/// The hub, as one agent sees it.
pub(super) struct Hub {
    client: reqwest::Client,
    base: String,
    tokens: TokenClient,
}

impl Hub {
    pub(super) fn new(client: reqwest::Client, hub_url: &str, tokens: TokenClient) -> Self {
        Self {
            client,
            base: hub_url.trim_end_matches('/').to_owned(),
            tokens,
        }
    }

    pub(super) async fn state(&self, report: &AgentReport) -> Result<SyncState, HubError> {
        self.get("/sync/v1/state", report).await
    }

    /// Pushes a batch of the ledger that was written as a frame before.
    pub(super) async fn push_ledger(&self, frame: Vec<u8>) -> Result<LedgerAck, HubError> {
        self.post_written("/sync/v1/ledger", frame).await
    }

    /// Pushes a batch of telemetry that was written before. Its blocks are compressed as they are.
    pub(super) async fn push_telemetry(&self, batch: Vec<u8>) -> Result<TelemetryAck, HubError> {
        let url = format!("{}/sync/v1/telemetry", self.base);
        let request = self.client.post(&url).header("content-type", MEDIA_TYPE);
        self.answer(request.body(batch), &url).await
    }

    /// What comes after a number; `wait_s` is how long the hub may wait for something.
    pub(super) async fn feed(
        &self,
        after: u64,
        wait_s: u32,
        report: &AgentReport,
    ) -> Result<FeedPage, HubError> {
        let path = format!("/sync/v1/feed?after={after}&wait_s={wait_s}&reads={FEED_READS}");
        self.get(&path, report).await
    }

    /// What the hub has of these days.
    pub(super) async fn days(&self, request: &DaysRequest) -> Result<DaysAnswer, HubError> {
        self.post("/sync/v1/days", request).await
    }

    /// What is left of the feed before the part that the hub keeps item by item; none when the hub is too old to say.
    pub(super) async fn snapshot(
        &self,
        after: u64,
        with_holds: bool,
    ) -> Result<Option<SnapshotPage>, HubError> {
        let url = format!(
            "{}/sync/v1/snapshot?after={after}&holds={with_holds}",
            self.base
        );
        match self.answer(self.client.get(&url), &url).await {
            Ok(page) => Ok(Some(page)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Our own events of an epoch as the hub has them, after a number.
    pub(super) async fn ledger_page(&self, epoch: u64, after: u64) -> Result<LedgerPage, HubError> {
        let url = format!("{}/sync/v1/ledger?epoch={epoch}&after={after}", self.base);
        let token = self.tokens.token().await?;
        let result = http::frame(self.client.get(&url).bearer_auth(token), &url).await;
        self.forget_refused_token(&result).await;
        Ok(result?)
    }

    /// Whether our documents are those of the hub.
    pub(super) async fn document_heads(
        &self,
        request: &HeadsRequest,
    ) -> Result<HeadsAnswer, HubError> {
        self.post_documents("/sync/v1/documents/heads", request)
            .await
    }

    /// The events of changes that we lack.
    pub(super) async fn document_missing(
        &self,
        request: &MissingRequest,
    ) -> Result<MissingAnswer, HubError> {
        self.post_documents("/sync/v1/documents/missing", request)
            .await
    }

    /// Has the hub apply events once more whose changes it lacks.
    pub(super) async fn document_repair(
        &self,
        request: &RepairRequest,
    ) -> Result<RepairAnswer, HubError> {
        self.post_documents("/sync/v1/documents/repair", request)
            .await
    }

    async fn post_documents<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, HubError> {
        let frame = frame::encode(request)?;
        metrics::counter!("agog_documents_requests_total").increment(1);
        metrics::counter!("agog_documents_bytes_total").increment(frame.len() as u64);
        self.post_written(path, frame).await
    }

    /// The bytes of a file, to be read as they come.
    pub(super) async fn file(&self, hash: Hash) -> Result<reqwest::Response, HubError> {
        let url = format!("{}/sync/v1/files/{hash}", self.base);
        let token = self.tokens.token().await?;
        let request = self.client.get(&url).bearer_auth(token);
        let result = http::open(request, &url).await;
        self.forget_refused_token(&result).await;
        Ok(result?)
    }

    /// Asks, and tells how the agent is.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        report: &AgentReport,
    ) -> Result<T, HubError> {
        let url = format!("{}{path}", self.base);
        let request = self.client.get(&url);
        self.answer(request.header(REPORT_HEADER, report.to_header()), &url)
            .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        frame: &impl Serialize,
    ) -> Result<T, HubError> {
        self.post_written(path, frame::encode(frame)?).await
    }

    async fn post_written<T: DeserializeOwned>(
        &self,
        path: &str,
        frame: Vec<u8>,
    ) -> Result<T, HubError> {
        let url = format!("{}{path}", self.base);
        let request = self
            .client
            .post(&url)
            .header("content-type", "application/json")
            .header("content-encoding", "zstd")
            .body(frame);
        self.answer(request, &url).await
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        url: &str,
    ) -> Result<T, HubError> {
        let token = self.tokens.token().await?;
        let result = http::json(request.bearer_auth(token), url).await;
        self.forget_refused_token(&result).await;
        Ok(result?)
    }

    /// The next request starts with a new token.
    async fn forget_refused_token<T>(&self, result: &Result<T, HttpError>) {
        if let Err(HttpError::Refused {
            status: StatusCode::UNAUTHORIZED,
            ..
        }) = result
        {
            self.tokens.forget().await;
        }
    }
}
