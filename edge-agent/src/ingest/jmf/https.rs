//! The endpoint of the machines over HTTPS, when `jmf.tls` is configured.
//!
//! Limits: a handshake has [`HANDSHAKE_LIMIT`], and at most [`HANDSHAKES_MAX`] are made at a time, so that
//! machines that connect and say nothing keep nobody out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::connections::{Counted, Limited};
use crate::config::TlsConfig;

/// The slowest embedded controllers take some seconds.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// All machines of a large plant may connect at once after a power cut.
const HANDSHAKES_MAX: usize = 256;

/// Accepts connections and makes their handshakes side by side.
pub struct TlsListener {
    tcp: Limited<TcpListener>,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<Counted<TcpStream>>, SocketAddr)>>,
}

impl TlsListener {
    /// Reads certificate and key; says which file cannot be used.
    pub fn new(tcp: TcpListener, tls: &TlsConfig) -> anyhow::Result<Self> {
        let cert = &tls.cert_file;
        let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .with_context(|| format!("cannot read certificate `{}`", cert.display()))?;
        let key = PrivateKeyDer::from_pem_file(&tls.key_file)
            .with_context(|| format!("cannot read key `{}`", tls.key_file.display()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| format!("certificate `{}` does not fit its key", cert.display()))?;
        Ok(Self {
            tcp: Limited::new(tcp),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshakes: JoinSet::new(),
        })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<Counted<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.handshakes.len() < HANDSHAKES_MAX;
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                (stream, address) = Listener::accept(&mut self.tcp), if has_room => {
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move {
                        match tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await {
                            Ok(Ok(stream)) => Some((stream, address)),
                            Ok(Err(error)) => {
                                debug!("no TLS with {address}: {error}");
                                None
                            }
                            Err(_) => None,
                        }
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
