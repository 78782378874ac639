//! Access tokens: OAuth 2.0 client credentials with an assertion signed by the agent's key
//! (`private_key_jwt`, RFC 7523).
//!
//! A token is kept until [`RENEW_BEFORE`] its end, so that a request never starts with one that
//! ends on the way.

use std::sync::Arc;

use agog_sync::clock::Clock;
use agog_sync::frame::EnrolResponse;
use agog_sync::ids::{RequestId, RunId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header};
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::http::{self, HttpError};
use super::identity::AgentKey;
use crate::ledger::{Ledger, LedgerError};

/// How long an assertion is valid: enough for a slow line, too short to be worth stealing.
const ASSERTION_SECONDS: i64 = 60;
/// A token is renewed this long before it ends.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// Never ask for tokens more often than this, however short they are.
const KEEP_AT_LEAST: SignedDuration = SignedDuration::from_secs(5);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("cannot sign an assertion")]
    Sign(#[source] jsonwebtoken::errors::Error),
    #[error("hub gives no token")]
    Http(#[from] HttpError),
    #[error("the ledger does not take that the hub knows this run")]
    Ledger(#[from] LedgerError),
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    exp: i64,
    /// Which start of the agent this is, and which ones were before it on its disk, the newest first:
    /// the hub serves one process with an identity (`agog_sync::runs`).
    run: RunId,
    runs_before: &'a [RunId],
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

/// Gets and keeps the access token.
pub(super) struct TokenClient {
    client: reqwest::Client,
    url: String,
    subject: String,
    key: AgentKey,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    // One lock per request of the uplink, never contended for long.
    state: tokio::sync::Mutex<State>,
}

struct State {
    rng: StdRng,
    token: Option<(String, Timestamp)>,
}

impl TokenClient {
    pub(super) fn new(
        client: reqwest::Client,
        hub_url: &str,
        enrolment: &EnrolResponse,
        key: AgentKey,
        ledger: Ledger,
        clock: Arc<dyn Clock>,
        rng: StdRng,
    ) -> Self {
        Self {
            client,
            url: format!("{}/oauth/token", hub_url.trim_end_matches('/')),
            subject: format!("{}.{}", enrolment.tenant_id, enrolment.agent_id),
            key,
            ledger,
            clock,
            state: tokio::sync::Mutex::new(State { rng, token: None }),
        }
    }

    /// A token that is valid for a while.
    pub(super) async fn token(&self) -> Result<String, TokenError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some((token, until)) = &state.token
            && now < *until
        {
            return Ok(token.clone());
        }
        let assertion = self.assertion(now, &mut state.rng)?;
        // Every other character of these values stands for itself in a form.
        let form = format!(
            "grant_type=client_credentials\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={assertion}"
        );
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer: TokenAnswer = http::json(request, &self.url).await?;
        self.ledger.run_answered().await?;
        let lifetime = SignedDuration::from_secs(answer.expires_in) - RENEW_BEFORE;
        let until = now
            .saturating_add(lifetime.max(KEEP_AT_LEAST))
            .unwrap_or(now);
        state.token = Some((answer.access_token.clone(), until));
        Ok(answer.access_token)
    }

    /// The hub did not take the token: the next request asks for a new one.
    pub(super) async fn forget(&self) {
        self.state.lock().await.token = None;
    }

    fn assertion(&self, now: Timestamp, rng: &mut StdRng) -> Result<String, TokenError> {
        let claim = self.ledger.run();
        let claims = Claims {
            iss: &self.subject,
            sub: &self.subject,
            aud: &self.url,
            jti: RequestId::generate(now, rng).to_string(),
            iat: now.as_second(),
            exp: now.as_second() + ASSERTION_SECONDS,
            run: claim.run,
            runs_before: &claim.before,
        };
        jsonwebtoken::encode(
            &Header::new(Algorithm::EdDSA),
            &claims,
            &self.key.signing_key(),
        )
        .map_err(TokenError::Sign)
    }
}
