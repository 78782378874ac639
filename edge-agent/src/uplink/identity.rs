//! Who this agent is towards the hub: its Ed25519 key (`agent.key`, PKCS#8, mode 0600) and what
//! the hub said when it was enrolled (`enrolment.json`).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use agog_sync::frame::EnrolResponse;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const KEY_FILE: &str = "agent.key";
const ENROLMENT_FILE: &str = "enrolment.json";

/// A step on the agent's key or enrolment failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is not an Ed25519 key in PKCS#8")]
    Key { path: PathBuf },
    #[error("cannot make an Ed25519 key")]
    Generate,
    #[error("`{path}` is not an enrolment")]
    Enrolment {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// The agent's private key. Never printed or sent.
pub struct AgentKey {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

impl AgentKey {
    /// Reads the key of `data_dir`, or makes one.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, IdentityError> {
        if let Some(key) = Self::load(data_dir)? {
            return Ok(key);
        }
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| IdentityError::Generate)?;
        let path = data_dir.join(KEY_FILE);
        write_private(&path, document.as_ref())?;
        Self::from_pkcs8(document.as_ref().to_vec(), &path)
    }

    /// Reads the key of `data_dir`; none before enrolment.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, IdentityError> {
        let path = data_dir.join(KEY_FILE);
        match read(&path)? {
            None => Ok(None),
            Some(pkcs8) => Self::from_pkcs8(pkcs8, &path).map(Some),
        }
    }

    fn from_pkcs8(pkcs8: Vec<u8>, path: &Path) -> Result<Self, IdentityError> {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| IdentityError::Key {
            path: path.to_owned(),
        })?;
        Ok(Self {
            public: pair.public_key().as_ref().to_vec(),
            pkcs8,
        })
    }

    /// The public key as the hub stores it: 32 bytes, base64.
    pub fn public_base64(&self) -> String {
        STANDARD.encode(&self.public)
    }

    pub(super) fn signing_key(&self) -> jsonwebtoken::EncodingKey {
        jsonwebtoken::EncodingKey::from_ed_der(&self.pkcs8)
    }
}

/// What the hub said about this agent; none before enrolment.
pub fn enrolment(data_dir: &Path) -> Result<Option<EnrolResponse>, IdentityError> {
    let path = data_dir.join(ENROLMENT_FILE);
    let Some(text) = read(&path)? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| IdentityError::Enrolment { path, source })
}

/// When the agent was enrolled last, by its file; changes with each enrolment.
pub(super) fn enrolled_at(data_dir: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(data_dir.join(ENROLMENT_FILE))
        .and_then(|file| file.modified())
        .ok()
}

/// Keeps what the hub said.
pub(super) fn store_enrolment(
    data_dir: &Path,
    enrolment: &EnrolResponse,
) -> Result<(), IdentityError> {
    let path = data_dir.join(ENROLMENT_FILE);
    let text = serde_json::to_vec_pretty(enrolment).map_err(|source| IdentityError::Enrolment {
        path: path.clone(),
        source,
    })?;
    write_private(&path, &text)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, IdentityError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let write = || {
        let draft = path.with_extension("new");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    write().map_err(|source| IdentityError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(AgentKey::load(folder.path()).unwrap().is_none());
        let first = AgentKey::load_or_create(folder.path()).unwrap();
        let again = AgentKey::load_or_create(folder.path()).unwrap();
        assert_eq!(first.public_base64(), again.public_base64());
        assert_eq!(STANDARD.decode(first.public_base64()).unwrap().len(), 32);
        let mode = std::fs::metadata(folder.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(KEY_FILE), b"not a key").unwrap();
        let error = AgentKey::load_or_create(folder.path()).err().unwrap();
        assert!(error.to_string().contains("agent.key"), "{error}");
    }
}
