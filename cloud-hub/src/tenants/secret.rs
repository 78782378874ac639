//! Tokens and enrolment codes: random text that is shown once and stored as a hash.
//!
//! The text begins with the tenant's id. That is how a credential finds its tenant: the id says
//! whose rows to look into, and the secret must then be found there, under that tenant's row
//! security like every other query. A wrong id finds nothing. No function and no role that could
//! look across tenants is needed.

use agog_sync::ids::TenantId;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// Random bytes in a credential: nobody guesses 192 bits, so a fast hash is enough.
const SECRET_BYTES: usize = 24;

/// What a credential is for; its first part, so that a leaked one can be recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Enrols one agent.
    EnrolmentCode,
    /// Asks the tenant API.
    ApiToken,
}

impl Purpose {
    const fn prefix(self) -> &'static str {
        match self {
            Self::EnrolmentCode => "agogcode",
            Self::ApiToken => "agogtoken",
        }
    }
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness;

/// A credential that was just made.
#[derive(Clone)]
pub struct NewSecret {
    /// Shown once.
    pub text: String,
    /// Stored.
    pub hash: [u8; 32],
}

/// A credential that somebody presents.
#[derive(Clone, Copy)]
pub struct Presented {
    /// Whose it claims to be.
    pub tenant_id: TenantId,
    /// What must be found among that tenant's.
    pub hash: [u8; 32],
}

/// Makes a credential.
pub fn new_secret(purpose: Purpose, tenant_id: TenantId) -> Result<NewSecret, NoRandomness> {
    let mut random = [0; SECRET_BYTES];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| NoRandomness)?;
    let text = format!(
        "{}_{}_{}",
        purpose.prefix(),
        tenant_id.uuid().simple(),
        URL_SAFE_NO_PAD.encode(random)
    );
    let hash = *blake3::hash(text.as_bytes()).as_bytes();
    Ok(NewSecret { text, hash })
}

/// Reads a credential; none when it has not the form of one.
pub fn read(purpose: Purpose, text: &str) -> Option<Presented> {
    let rest = text.strip_prefix(purpose.prefix())?.strip_prefix('_')?;
    let (tenant, _) = rest.split_once('_')?;
    let tenant_id = TenantId::from_uuid(Uuid::try_parse(tenant).ok()?);
    Some(Presented {
        tenant_id,
        hash: *blake3::hash(text.as_bytes()).as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_leads_to_its_tenant_and_its_hash_and_to_no_other_purpose() {
        let tenant_id = TenantId::from_uuid(Uuid::from_u128(7));
        let secret = new_secret(Purpose::ApiToken, tenant_id).unwrap();
        let presented = read(Purpose::ApiToken, &secret.text).unwrap();
        assert_eq!(
            (presented.tenant_id, presented.hash),
            (tenant_id, secret.hash)
        );
        assert!(read(Purpose::EnrolmentCode, &secret.text).is_none());
        assert!(read(Purpose::ApiToken, "agogtoken_x_y").is_none());
        assert!(read(Purpose::ApiToken, "").is_none());
    }
}
