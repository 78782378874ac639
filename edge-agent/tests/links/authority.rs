//! A certificate authority that the test makes, and certificates of it.

use std::path::PathBuf;

use agog_edge::config::{PlantTlsConfig, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// A plant's authority, in PEM files.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { folder, issuer }
    }

    /// A certificate for 127.0.0.1 that ends with `last_year`.
    pub(crate) fn certificate(&self, last_year: i32) -> TlsConfig {
        self.issue("127.0.0.1", last_year)
    }

    /// A certificate for this name or address that ends with `last_year`.
    pub(crate) fn issue(&self, name: &str, last_year: i32) -> TlsConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        // Not the authority's, or it would look as if it had signed itself.
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let cert_file = self.folder.path().join(format!("{name}-{last_year}.pem"));
        let key_file = self.folder.path().join(format!("{name}-{last_year}.key"));
        std::fs::write(&cert_file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        TlsConfig {
            cert_file,
            key_file,
        }
    }

    pub(crate) fn trust(&self) -> PlantTlsConfig {
        PlantTlsConfig {
            ca_file: Some(self.folder.path().join("ca.pem")),
            ..PlantTlsConfig::default()
        }
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}
