//! Why there is no connection to a broker, in words for people.

use std::error::Error;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, mqttbytes};
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::options::PACKET_BYTES_MAX;
use crate::uplink::http::chain;

pub(crate) fn words(error: &ConnectionError) -> String {
    if let Some(tls) = tls_error(error) {
        return of_tls(tls);
    }
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword => {
                "the broker refuses user name or password".to_owned()
            }
            ConnectReturnCode::NotAuthorized => {
                "the broker does not authorize this agent (user name, password, client certificate)"
                    .to_owned()
            }
            ConnectReturnCode::BadClientId => "the broker refuses the client id".to_owned(),
            other => format!("the broker refuses the connection: {other:?}"),
        },
        ConnectionError::MqttState(StateError::Deserialization(
            mqttbytes::Error::PayloadSizeLimitExceeded(bytes),
        )) => format!(
            "the broker sends a packet of {bytes} bytes and no more than {PACKET_BYTES_MAX} are taken; limit the size of messages at the broker, and drop that one"
        ),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            "the broker closed the connection (does another client use the same client id?)"
                .to_owned()
        }
        ConnectionError::NetworkTimeout => "the broker does not answer".to_owned(),
        other => chain(other),
    }
}

/// I/O errors hide what they were made of from `source`.
fn tls_error(error: &ConnectionError) -> Option<&TlsError> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<TlsError>() {
            return Some(tls);
        }
        let io = error.downcast_ref::<std::io::Error>();
        let inner = io.and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn of_tls(error: &TlsError) -> String {
    let reason = match error {
        TlsError::InvalidCertificate(reason) => reason,
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::HandshakeFailure,
        ) => {
            return format!(
                "the broker refuses the certificate of the agent (tls.cert_file), or wants one: {error}"
            );
        }
        other => return format!("no TLS with the broker: {other}"),
    };
    let why = match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its issuer is not trusted here; name the authority of the broker in tls.ca_file"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name than that in `broker`".to_owned()
        }
        other => other.to_string(),
    };
    format!("the certificate of the broker is refused: {why}")
}
