//! A tenant with its office and its plants, reached over HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use agog_hub::app::App;
use agog_hub::config::FeedKeep;
use agog_hub::db::TenantTx;
use agog_hub::equipment::live;
use agog_hub::exchange;
use agog_hub::files::Files;
use agog_hub::http;
use agog_hub::intake::{rejected, retention};
use agog_hub::tenants::tokens::AgentSubject;
use agog_hub::tenants::{Role, admin};
use agog_sync::event::{Event, NewEvent};
use agog_sync::frame::{
    self, EnrolRequest, FEED_READS, FeedPage, LedgerAck, SnapshotPage, SyncState, TelemetryAck,
    TelemetryBatch, TelemetryBlock,
};
use agog_sync::ids::{AgentId, EventId, RequestId, TenantId};
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use base64::Engine;
use jiff::{SignedDuration, Timestamp};
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{Connection as _, FromRow, PgConnection, Postgres};
use tower::ServiceExt;

use super::hub::Hub;
use super::{Ledger, NEW_KIND};

/// The office of a new tenant.
pub(crate) struct Shop {
    hub: Arc<Hub>,
    client: Client,
    tenant_id: TenantId,
    token: String,
}

/// A plant with its agent.
pub(crate) struct Plant {
    pub(crate) ledger: Ledger,
    hub: Arc<Hub>,
    client: Client,
    token: String,
}

impl Shop {
    /// A hub and a new tenant on it.
    pub(crate) async fn open() -> Self {
        Self::on(Arc::new(Hub::start().await)).await
    }

    /// Another tenant of the same hub.
    pub(crate) async fn other_tenant(&self) -> Self {
        Self::on(self.hub.clone()).await
    }

    /// The same tenant at another hub of the same database.
    pub(crate) async fn at_another_hub(&self) -> Self {
        Self {
            hub: Arc::new(Hub::start().await),
            client: self.client.clone(),
            tenant_id: self.tenant_id,
            token: self.token.clone(),
        }
    }

    /// Has the hub tell other hubs what happens, and hear of them, as it does while it serves.
    pub(crate) fn run_live(&self) {
        let app = self.hub.app.clone();
        tokio::spawn(live::run(app.clone(), app.stopping));
    }

    /// Revokes the office's token.
    pub(crate) async fn revoke(&self) {
        let tokens = "update api_token set revoked_at = now() where tenant_id = $1";
        self.by_hand(tokens).await;
    }

    /// Begins to read what goes on until somebody ends it.
    pub(crate) async fn open_stream(&self, path: &str) -> reqwest::Response {
        let request = self
            .client
            .get(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token);
        request.send().await.unwrap()
    }

    /// The body of an answer as the hub makes it, with no connection that would hold a part of it.
    pub(crate) async fn stream_in_hand(&self, path: &str, accept: &str) -> BodyDataStream {
        let request = Request::get(path)
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", accept)
            .body(Body::empty())
            .unwrap();
        let router = http::router(self.hub.app.clone());
        let answer = router.oneshot(request).await.unwrap();
        answer.into_body().into_data_stream()
    }

    /// A new tenant of a hub.
    pub(crate) async fn on(hub: Arc<Hub>) -> Self {
        let (now, mut rng) = (hub.app.clock.now(), hub.app.rng());
        let name = format!("tenant {}", TenantId::generate(now, &mut rng));
        let tenant = admin::tenant_create(&hub.owner, &name, now, &mut rng)
            .await
            .unwrap();
        let token = admin::token_create(
            &hub.owner,
            tenant.tenant_id,
            "Mary Office",
            Role::Office,
            now,
            &mut rng,
        )
        .await
        .unwrap();
        Self {
            hub,
            client: Client::new(),
            tenant_id: tenant.tenant_id,
            token: token.token,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.hub.app.clock.now()
    }

    /// A new plant that no agent has joined.
    pub(crate) async fn plant_without_agent(&self, code: &str) {
        let (now, mut rng) = (self.now(), self.hub.app.rng());
        admin::plant_create(&self.hub.owner, self.tenant_id, code, code, now, &mut rng)
            .await
            .unwrap();
    }

    /// A new plant, joined by an agent.
    pub(crate) async fn plant(&self, code: &str) -> Plant {
        self.plant_without_agent(code).await;
        let now = self.now();
        let agent_id = AgentId::generate(now, &mut self.hub.app.rng());
        let code = admin::code_create(&self.hub.owner, self.tenant_id, code, now)
            .await
            .unwrap();
        let request = EnrolRequest {
            code: code.code,
            agent_id,
            public_key: base64::engine::general_purpose::STANDARD
                .encode(&agent_id.to_string().as_bytes()[..32]),
            agent_name: "test".to_owned(),
            agent_version: "0".to_owned(),
            run: None,
        };
        let answer = self
            .client
            .post(format!("{}/sync/v1/enroll", self.hub.url))
            .json(&request)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let subject = AgentSubject {
            tenant_id: self.tenant_id,
            agent_id,
        };
        Plant {
            ledger: Ledger::new(agent_id.into()),
            hub: self.hub.clone(),
            client: self.client.clone(),
            token: self
                .hub
                .app
                .access_tokens
                .issue(subject, None, now)
                .unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = self
            .client
            .get(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token);
        json(request.send().await.unwrap()).await
    }

    /// A table: status, content type and text.
    pub(crate) async fn get_csv(&self, path: &str) -> (u16, String, String) {
        let answer = self.get_as(path, "text/csv").await;
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (answer.status().as_u16(), kind, answer.text().await.unwrap())
    }

    /// An answer in a form of the caller's choice, as it comes.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> reqwest::Response {
        let request = self
            .client
            .get(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token)
            .header("Accept", accept);
        request.send().await.unwrap()
    }

    /// Text that is no JSON.
    pub(crate) async fn get_text(&self, path: &str) -> (u16, String, String) {
        let request = self
            .client
            .get(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (status, kind, answer.text().await.unwrap())
    }

    /// Sends a MIME package.
    pub(crate) async fn upload(
        &self,
        path: &str,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> (u16, Value) {
        let request = self
            .client
            .post(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", key)
            .header("Content-Type", content_type);
        json(request.body(body).send().await.unwrap()).await
    }

    /// How many files wait in the file store for somebody to want them, and how many are kept.
    pub(crate) fn files(&self) -> (usize, usize) {
        let count = |folder: &str| {
            let tenant = self
                .hub
                .files
                .path()
                .join(folder)
                .join(self.tenant_id.to_string());
            std::fs::read_dir(tenant).map_or(0, Iterator::count)
        };
        (count("coming"), count("files"))
    }

    pub(crate) const fn tenant_id(&self) -> TenantId {
        self.tenant_id
    }

    /// Where the hub keeps files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.hub.files.path().to_owned()
    }

    pub(crate) fn file_store(&self) -> Files {
        self.hub.app.files.clone().unwrap()
    }

    /// The hub as it runs in this process.
    pub(crate) fn app(&self) -> &App {
        &self.hub.app
    }

    /// Sweeps the files of the hub as it does every hour.
    pub(crate) async fn sweep(&self, keep: SignedDuration) {
        let files = self.file_store();
        exchange::sweep_once(&self.hub.app, &files, keep)
            .await
            .unwrap();
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self
            .client
            .put(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token);
        // Each is a request of its own.
        let key = RequestId::generate(self.now(), &mut self.hub.app.rng()).to_string();
        let request = request.header("Idempotency-Key", key).json(body);
        json(request.send().await.unwrap()).await
    }

    /// The hub learns the kinds of a newer agent, as by an update, and applies what it could not read before.
    pub(crate) async fn learn(&self) {
        let mut superuser = sqlx::PgConnection::connect_with(&self.hub.database)
            .await
            .unwrap();
        let kinds = "update ledger_event set kind = substr(kind, $2)
                     where tenant_id = $1 and starts_with(kind, $3)";
        sqlx::query(kinds)
            .bind(self.tenant_id.uuid())
            .bind(i32::try_from(NEW_KIND.len()).unwrap() + 1)
            .bind(NEW_KIND)
            .execute(&mut superuser)
            .await
            .unwrap();
        let (app, now, mut rng) = (&self.hub.app, self.now(), self.hub.app.rng());
        let retried = rejected::retry(&app.pool, self.tenant_id, None, app.roll_at, now, &mut rng);
        assert_eq!(retried.await.unwrap().rejected, 0);
    }

    /// Has the feeds of this tenant pruned.
    pub(crate) async fn prune(&self, keep: FeedKeep) -> u64 {
        retention::prune_tenant(&self.hub.app, self.tenant_id, keep)
            .await
            .unwrap()
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self
            .client
            .post(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token);
        json(
            request
                .header("Idempotency-Key", key)
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// Changes something; with the tag that it was read with, when that matters.
    pub(crate) async fn patch(
        &self,
        path: &str,
        key: &str,
        tag: Option<&str>,
        body: &Value,
    ) -> (u16, Value) {
        let mut request = self
            .client
            .patch(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", key);
        if let Some(tag) = tag {
            request = request.header("If-Match", tag);
        }
        json(request.json(body).send().await.unwrap()).await
    }

    /// The tag of what stands at a path.
    pub(crate) async fn tag(&self, path: &str) -> String {
        let request = self
            .client
            .get(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        answer.headers()["etag"].to_str().unwrap().to_owned()
    }

    /// Asks the database as the server does: its role, this tenant.
    pub(crate) async fn as_server<T>(
        &self,
        query: QueryAs<'static, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, sqlx::Error>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let mut tx = TenantTx::begin(&self.hub.app.pool, self.tenant_id)
            .await
            .unwrap();
        query.fetch_all(tx.conn()).await
    }

    /// Somebody changes the hub's database by hand; `$1` is this tenant.
    pub(crate) async fn by_hand(&self, sql: &'static str) {
        let mut superuser = PgConnection::connect_with(&self.hub.database)
            .await
            .unwrap();
        sqlx::query(sql)
            .bind(self.tenant_id.uuid())
            .execute(&mut superuser)
            .await
            .unwrap();
    }
}

impl Plant {
    /// Delivers events as the newest of the plant's ledger, also such as the hub cannot apply.
    pub(crate) async fn deliver(&mut self, events: &[&NewEvent]) {
        let batch = self.ledger.seal(events);
        let ack: LedgerAck = self.send("/sync/v1/ledger", &batch).await;
        assert_eq!(ack.last_seq, batch.last_seq);
    }

    /// Delivers an event that the hub cannot read, and keeps; tells its id.
    pub(crate) async fn push_unread(&mut self, when: &str, event: Event) -> EventId {
        let batch = self.ledger.unread(when, event);
        let ack: LedgerAck = self.send("/sync/v1/ledger", &batch).await;
        assert_eq!(ack.last_seq, batch.last_seq);
        batch.events[0].event_id
    }

    /// Delivers events as the newest of the plant's ledger, after some that the hub cannot read.
    pub(crate) async fn push_after_unread(&mut self, when: &str, event: Event) {
        let batch = self.ledger.batch(vec![(when, event)]);
        let ack: LedgerAck = self.send("/sync/v1/ledger", &batch).await;
        assert_eq!(ack.last_seq, batch.last_seq);
    }

    /// Delivers events as the newest of the plant's ledger.
    pub(crate) async fn push(&mut self, events: Vec<(&str, Event)>) {
        let batch = self.ledger.batch(events);
        let ack: LedgerAck = self.send("/sync/v1/ledger", &batch).await;
        assert_eq!(ack.last_seq, batch.last_seq);
        let rejected = self.rejected().await;
        assert!(rejected.is_empty(), "the hub could not apply: {rejected:?}");
    }

    pub(crate) async fn push_blocks(&mut self, blocks: Vec<TelemetryBlock>) {
        let batch = self.ledger.blocks(blocks);
        self.send_blocks(&batch).await;
    }

    pub(crate) async fn send_blocks(&self, batch: &TelemetryBatch) -> TelemetryAck {
        self.send("/sync/v1/telemetry", batch).await
    }

    /// What the hub says that it has of the plant.
    pub(crate) async fn state(&self) -> SyncState {
        self.ask("/sync/v1/state").await
    }

    /// What waits for the plant.
    pub(crate) async fn feed(&self) -> FeedPage {
        self.ask("/sync/v1/feed?after=0&wait_s=0").await
    }

    /// What its agent reads that knows master data.
    pub(crate) async fn feed_after(&self, after: u64) -> FeedPage {
        let path = format!("/sync/v1/feed?after={after}&wait_s=0&reads={FEED_READS}");
        self.ask(&path).await
    }

    pub(crate) async fn snapshot(&self, after: u64, holds: bool) -> SnapshotPage {
        self.ask(&format!("/sync/v1/snapshot?after={after}&holds={holds}"))
            .await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> T {
        let url = format!("{}{path}", self.hub.url);
        let answer = self
            .client
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Asks for a file as an agent does: the status, the announced size and the bytes.
    pub(crate) async fn file(&self, blake3: &str) -> (u16, Option<u64>, Vec<u8>) {
        let url = format!("{}/sync/v1/files/{blake3}", self.hub.url);
        let request = self.client.get(url).bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let length = answer.content_length();
        (status, length, answer.bytes().await.unwrap().to_vec())
    }

    pub(crate) async fn send<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        let answer = self.framed(path, body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What the hub answers to a frame that it does not take.
    pub(crate) async fn refused(&self, path: &str, body: &impl Serialize) -> (u16, Value) {
        json(self.framed(path, body).await).await
    }

    async fn framed(&self, path: &str, body: &impl Serialize) -> reqwest::Response {
        let request = self
            .client
            .post(format!("{}{path}", self.hub.url))
            .bearer_auth(&self.token)
            .header("Content-Type", "application/json")
            .header("Content-Encoding", "zstd")
            .body(frame::encode(body).unwrap());
        request.send().await.unwrap()
    }

    /// What the hub could not apply: the kinds and reasons.
    pub(crate) async fn rejected(&self) -> Vec<(String, String)> {
        let tenant_id = self
            .hub
            .app
            .access_tokens
            .read(&self.token, self.hub.app.clock.now())
            .unwrap()
            .0
            .tenant_id;
        let mut tx = TenantTx::begin(&self.hub.app.pool, tenant_id)
            .await
            .unwrap();
        sqlx::query_as(
            "select kind, reason from ledger_rejected where producer_id = $1 order by seq",
        )
        .bind(self.ledger.producer.uuid())
        .fetch_all(tx.conn())
        .await
        .unwrap()
    }
}

async fn json(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let kind = answer
        .headers()
        .get("content-type")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let expected = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    assert_eq!(kind, expected);
    (
        status,
        serde_json::from_str(&answer.text().await.unwrap()).unwrap(),
    )
}
