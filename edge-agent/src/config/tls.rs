//! TLS on the plant network: whom the agent trusts there, and what it shows.
//!
//! The hub is reached with the authorities of the system; a plant often has one of its own. Files are
//! PEM, paths relative to the configuration file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::check::Problems;

/// For URLs of devices and of the office in the plant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlantTlsConfig {
    /// Certificates of authorities that are trusted in addition to those of the system.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate, with its chain, for devices that ask for one.
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate.
    pub key_file: Option<PathBuf>,
}

/// What a listener shows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate, with its chain.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}

impl PlantTlsConfig {
    pub(super) fn complete(&mut self, base: &Path) {
        let paths = [&mut self.ca_file, &mut self.cert_file, &mut self.key_file];
        for path in paths.into_iter().flatten() {
            *path = base.join(&*path);
        }
    }

    pub(super) fn check(&self, found: &mut Problems) {
        for (name, is_lonely) in [
            (
                "cert_file",
                self.cert_file.is_some() && self.key_file.is_none(),
            ),
            (
                "key_file",
                self.key_file.is_some() && self.cert_file.is_none(),
            ),
        ] {
            found.add(
                is_lonely,
                format!("plant_tls.{name}"),
                "needs both cert_file and key_file",
            );
        }
    }
}

impl TlsConfig {
    pub(super) fn complete(&mut self, base: &Path) {
        self.cert_file = base.join(&self.cert_file);
        self.key_file = base.join(&self.key_file);
    }
}
