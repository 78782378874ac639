//! The two signed tokens of agents: the assertion that an agent signs with its own key
//! (RFC 7523, `private_key_jwt`), and the short access token that the hub signs.
//!
//! One algorithm each, pinned here: what a token's header asks for does not matter. Times are
//! checked against the [`Clock`](agog_sync::clock::Clock) of the hub, as numbers only.
//!
//! Limits: an access token lives [`ACCESS_TOKEN_LIFETIME`], an assertion at most
//! [`ASSERTION_LIFETIME_MAX`], and clocks may differ by [`CLOCK_SKEW`].

use agog_sync::ids::{AgentId, RunId, TenantId};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// How long an access token is good for.
pub const ACCESS_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// The longest that an assertion may be good for.
pub const ASSERTION_LIFETIME_MAX: SignedDuration = SignedDuration::from_secs(60);
/// How far the clock of a plant may be off. Plants without NTP drift by seconds a day.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// The longest id of an assertion that is remembered; a UUID has 36 bytes.
const JTI_BYTES_MAX: usize = 128;
/// Whoever signs access tokens, and for what.
const ACCESS_ISSUER: &str = "agog-hub";
const ACCESS_AUDIENCE: &str = "agog-hub/sync";

/// Whose agent a token speaks for: the subject `<tenant id>.<agent id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentSubject {
    pub tenant_id: TenantId,
    pub agent_id: AgentId,
}

impl AgentSubject {
    fn read(text: &str) -> Option<Self> {
        let (tenant, agent) = text.split_once('.')?;
        Some(Self {
            tenant_id: tenant.parse().ok()?,
            agent_id: agent.parse().ok()?,
        })
    }

    fn write(self) -> String {
        format!("{}.{}", self.tenant_id, self.agent_id)
    }
}

/// Signs and reads access tokens.
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    /// The run that it was given out to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
}

impl AccessTokens {
    /// Takes the secret that all hubs of one database share.
    pub fn new(secret: &[u8]) -> Self {
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        }
    }

    /// Makes a token for a run of an agent; none for an agent that tells of none.
    pub fn issue(
        &self,
        subject: AgentSubject,
        run: Option<RunId>,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = AccessClaims {
            iss: ACCESS_ISSUER.to_owned(),
            aud: ACCESS_AUDIENCE.to_owned(),
            sub: subject.write(),
            iat: now.as_second(),
            exp: (now + ACCESS_TOKEN_LIFETIME).as_second(),
            run,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// Says for whom a token is, and for which run; none when it is not one of ours, or old.
    pub fn read(&self, token: &str, now: Timestamp) -> Option<(AgentSubject, Option<RunId>)> {
        let mut validation = validation(Algorithm::HS256, ACCESS_AUDIENCE);
        validation.set_issuer(&[ACCESS_ISSUER]);
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &self.decoding, &validation)
            .ok()?
            .claims;
        if claims.exp <= now.as_second() {
            return None;
        }
        Some((AgentSubject::read(&claims.sub)?, claims.run))
    }
}

/// Why an assertion is refused. The texts are for the agent's operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    #[error("the assertion is not a JWT with iss, sub, aud, iat, exp and jti")]
    Malformed,
    #[error("the assertion is not signed by the agent's key with EdDSA, for this hub")]
    Signature,
    #[error("the assertion has expired, or the agent's clock is behind")]
    Expired,
    #[error("the assertion lies in the future: the agent's clock is ahead")]
    Future,
    #[error("an assertion may be good for 60 seconds at most")]
    TooLong,
}

/// What an assertion says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AssertionClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub jti: String,
    pub iat: i64,
    pub exp: i64,
    /// The run of the agent that asks; an older agent tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The runs before it on its disk, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs_before: Vec<RunId>,
}

/// Whose key an assertion must be checked with. Nothing that it says is believed yet.
pub fn assertion_subject(assertion: &str) -> Result<AgentSubject, AssertionError> {
    let claims = jsonwebtoken::dangerous::insecure_decode::<AssertionClaims>(assertion)
        .map_err(|_| AssertionError::Malformed)?
        .claims;
    AgentSubject::read(&claims.sub).ok_or(AssertionError::Malformed)
}

/// Checks an assertion with the agent's key: signature, algorithm, issuer, subject, audience and
/// times. The caller still has to see that its `jti` is new.
pub fn assertion_check(
    assertion: &str,
    subject: AgentSubject,
    public_key: &[u8],
    audience: &str,
    now: Timestamp,
) -> Result<AssertionClaims, AssertionError> {
    let mut validation = validation(Algorithm::EdDSA, audience);
    let name = subject.write();
    validation.set_issuer(&[&name]);
    validation.sub = Some(name);
    let key = DecodingKey::from_ed_der(public_key);
    let claims = jsonwebtoken::decode::<AssertionClaims>(assertion, &key, &validation)
        .map_err(|_| AssertionError::Signature)?
        .claims;
    let (now, skew) = (now.as_second(), CLOCK_SKEW.as_secs());
    if claims.exp <= now - skew {
        return Err(AssertionError::Expired);
    }
    if claims.iat > now + skew {
        return Err(AssertionError::Future);
    }
    let lifetime = claims
        .exp
        .checked_sub(claims.iat)
        .ok_or(AssertionError::Malformed)?;
    if lifetime > ASSERTION_LIFETIME_MAX.as_secs() {
        return Err(AssertionError::TooLong);
    }
    if claims.jti.is_empty() || claims.jti.len() > JTI_BYTES_MAX || claims.jti.contains('\0') {
        return Err(AssertionError::Malformed);
    }
    Ok(claims)
}

/// The checks that both kinds share. `exp` is left to the callers, who have the hub's clock.
fn validation(algorithm: Algorithm, audience: &str) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    validation
}
