//! Free loopback ports, for servers that cannot be told "any port" and say which one it became.
//!
//! Between this answer and the server's own bind another program may take the port, so the caller starts
//! its server again with another port when that happens.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};

/// A loopback address that was free a moment ago.
pub fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .context("cannot find a free port")
}
