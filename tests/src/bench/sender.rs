//! An agent without the agent: it has joined a plant with a key of its own and delivers telemetry batches over HTTP, as
//! fast as the hub takes them.

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use agog_sync::clock::{Clock as _, SystemClock};
use agog_sync::frame::{EnrolRequest, PROTOCOL, TelemetryBlock};
use agog_sync::ids::{AgentId, RequestId};
use agog_sync::telemetry;
use agog_sync::telemetry::batch;

use crate::support::hub::{Hub, Tenant};

/// How long an assertion is good for.
const ASSERTION_S: i64 = 60;

pub(super) struct Sender {
    http: reqwest::Client,
    url: String,
    agent_id: AgentId,
    token: String,
    last_block: u64,
}

impl Sender {
    /// Joins a plant of the tenant.
    pub(super) async fn enrol(hub: &Hub, tenant: &Tenant, plant: &str) -> Result<Self> {
        let now = SystemClock.now();
        let mut rng = StdRng::seed_from_u64(now.as_microsecond().unsigned_abs());
        let agent_id = AgentId::generate(now, &mut rng);
        let pair = Ed25519KeyPair::generate().context("no key")?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        let request = EnrolRequest {
            code: hub.enrolment_code(tenant, plant).await?,
            agent_id,
            public_key: STANDARD.encode(pair.public_key().as_ref()),
            agent_name: "bench".to_owned(),
            agent_version: "0".to_owned(),
            run: None,
        };
        let enrolled = http
            .post(format!("{}/sync/v1/enroll", hub.url()))
            .json(&request);
        enrolled.send().await?.error_for_status()?;

        let subject = format!("{}.{agent_id}", tenant.id);
        let claims = json!({
            "iss": subject, "sub": subject, "aud": format!("{}/oauth/token", hub.url()),
            "jti": RequestId::generate(now, &mut rng).to_string(),
            "iat": now.as_second(), "exp": now.as_second() + ASSERTION_S,
        });
        let pkcs8 = pair.to_pkcs8().context("no key")?;
        let key = EncodingKey::from_ed_der(pkcs8.as_ref());
        let assertion = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key)
            .context("cannot sign")?;
        let form = format!(
            "grant_type=client_credentials&client_assertion={assertion}&client_assertion_type=\
             urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        );
        let answer = http
            .post(format!("{}/oauth/token", hub.url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer: Value = answer.send().await?.error_for_status()?.json().await?;
        let token = answer["access_token"].as_str().context("no token")?;
        Ok(Self {
            http,
            url: format!("{}/sync/v1/telemetry", hub.url()),
            agent_id,
            token: token.to_owned(),
            last_block: 0,
        })
    }

    /// The bytes of the next batch, as an agent sends them; blocks get their numbers.
    pub(super) fn batch(&mut self, mut blocks: Vec<TelemetryBlock>) -> Result<Vec<u8>> {
        let first_block = self.last_block + 1;
        let mut bodies = Vec::with_capacity(blocks.len());
        for block in &mut blocks {
            self.last_block += 1;
            block.block = self.last_block;
            bodies.push(telemetry::encode(block)?);
        }
        let header = batch::Header {
            protocol: PROTOCOL,
            producer: self.agent_id.into(),
            epoch: 1,
            first_block,
            last_block: self.last_block,
        };
        Ok(batch::write(&header, &bodies)?)
    }

    /// Delivers a batch.
    pub(super) async fn send(&self, body: Vec<u8>) -> Result<()> {
        let answer = self
            .http
            .post(&self.url)
            .bearer_auth(&self.token)
            .header("content-type", batch::MEDIA_TYPE)
            .body(body)
            .send()
            .await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(())
    }
}
