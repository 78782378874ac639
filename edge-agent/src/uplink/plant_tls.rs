//! Trust on the plant network: the plant's own certificate authority, and what is told when a
//! certificate is no good.
//!
//! The authorities of the system stay trusted; those of `plant_tls.ca_file` come in addition, for URLs of
//! devices and of the office only, never for the hub.

use std::error::Error as _;
use std::path::Path;

use reqwest::{Certificate, ClientBuilder, Identity};
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use super::http::HttpError;
use crate::config::PlantTlsConfig;

/// Adds what is trusted and shown in the plant.
pub(super) fn trusting(
    mut builder: ClientBuilder,
    tls: &PlantTlsConfig,
) -> Result<ClientBuilder, HttpError> {
    if let Some(path) = &tls.ca_file {
        let certificates = Certificate::from_pem_bundle(&read(path)?);
        let certificates = certificates.map_err(|error| unusable(path, &error))?;
        if certificates.is_empty() {
            return Err(unusable(path, &"there is no certificate in it"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        let mut pem = read(key)?;
        pem.push(b'\n');
        pem.extend(read(cert)?);
        let identity = Identity::from_pem(&pem).map_err(|error| unusable(cert, &error))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<Vec<u8>, HttpError> {
    std::fs::read(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> HttpError {
    HttpError::TlsFile {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// What is wrong with the certificate of the other side, when that is why there is no connection.
pub(super) fn distrust(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<TlsError>().or_else(|| within(error)) {
            return Some(text(tls));
        }
        cause = error.source();
    }
    None
}

/// I/O errors hide what they were made of from `source`, one in the other.
fn within<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e TlsError> {
    let mut inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    loop {
        if let Some(tls) = inner.downcast_ref::<TlsError>() {
            return Some(tls);
        }
        inner = inner.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}

fn text(error: &TlsError) -> String {
    let TlsError::InvalidCertificate(reason) = error else {
        return error.to_string();
    };
    match reason {
        CertificateError::UnknownIssuer => {
            "its issuer is not trusted here; for a device, name the plant's own authority in plant_tls.ca_file"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name than that of the URL".to_owned()
        }
        other => other.to_string(),
    }
}
