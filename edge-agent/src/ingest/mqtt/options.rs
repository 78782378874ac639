//! How a broker is connected to: address, session, sizes, and the secrets, which are in files and nowhere else.
//!
//! Everything is read again before each try, so that a new password or certificate needs no restart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rumqttc::{MqttOptions, TlsConfiguration, Transport};

use super::tls;
use crate::config::{MESSAGE_KIB_MAX, MqttConfig};

/// The largest MQTT packet that the connection takes (rumqttc's own default of 10 KiB loses larger ones). Messages above
/// `message_kib_max` are dropped after that and acknowledged: MQTT 3.1.1 has no way to tell the broker a limit, and one
/// that is not acknowledged would come again for ever.
pub(super) const PACKET_BYTES_MAX: usize = MESSAGE_KIB_MAX as usize * 1024 + 64 * 1024;
/// A silent connection is noticed within one and a half of this.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A password is one line.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Why a broker cannot be connected to as it is configured. It is tried again: the files may come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MqttSetupError {
    #[error("cannot read `{path}`: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("`{path}` cannot be used for TLS: {reason}")]
    Tls { path: PathBuf, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] tokio_rustls::rustls::Error),
    #[error(
        "this machine has no certificate authorities; name one in tls.ca_file (package ca-certificates)"
    )]
    NoAuthorities,
    #[error("`{0}` is not host:port")]
    Broker(String),
}

/// Which session at the broker.
#[derive(Debug, Clone)]
pub(crate) enum Session {
    /// The agent's: the broker keeps for it what it has not acknowledged.
    Kept(String),
    /// One that is forgotten with the connection.
    Passing(String),
}

/// Blocking: reads files.
pub(super) fn options(
    config: &MqttConfig,
    session: Session,
) -> Result<MqttOptions, MqttSetupError> {
    let wrong = || MqttSetupError::Broker(config.broker.clone());
    let (host, port) = config.address().ok_or_else(wrong)?;
    let is_kept = matches!(session, Session::Kept(_));
    let (Session::Kept(client_id) | Session::Passing(client_id)) = session;
    let mut options = MqttOptions::new(client_id, host, port);
    options
        .set_clean_session(!is_kept)
        .set_manual_acks(is_kept)
        .set_keep_alive(KEEP_ALIVE)
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let username = match (&config.username, &config.username_file) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(file)) => Some(secret(file)?),
        (None, None) => None,
    };
    if let Some(username) = username {
        let password = config.password_file.as_deref().map(secret).transpose()?;
        options.set_credentials(username, password.unwrap_or_default());
    }
    if let Some(tls) = &config.tls {
        let client = tls::client_config(tls)?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(client)));
    }
    Ok(options)
}

/// As [`options`], off the runtime's threads.
pub(crate) async fn options_read(
    config: &MqttConfig,
    session: Session,
) -> Result<MqttOptions, MqttSetupError> {
    let config = config.clone();
    let read = tokio::task::spawn_blocking(move || options(&config, session));
    read.await
        .unwrap_or_else(|panic| Err(MqttSetupError::Broker(panic.to_string())))
}

/// What is wrong with the files of a broker, for `check`.
pub(crate) fn problem(config: &MqttConfig) -> Option<String> {
    let tried = options(config, Session::Kept("check".to_owned()));
    tried.err().map(|error| error.to_string())
}

/// The first line of a file.
fn secret(path: &Path) -> Result<String, MqttSetupError> {
    let wrong = |reason: String| MqttSetupError::File {
        path: path.to_owned(),
        reason,
    };
    let length = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if length.len() > SECRET_BYTES_MAX {
        return Err(wrong("it is too large for a name or password".to_owned()));
    }
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| wrong(error.to_string()))
}
