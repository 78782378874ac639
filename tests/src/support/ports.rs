//! Loopback ports for servers that must come back at the same address after a restart.
//!
//! They lie below the range from which the kernel serves "any port" and outgoing connections, so that nobody takes
//! one while its server is down. Test processes that run side by side begin at different places.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};

/// Linux serves outgoing connections from 32768 on unless an administrator says otherwise.
const PORTS: Range<u16> = 20_000..32_000;
/// Ports that one process may use before it reaches those of the next.
const PORTS_PER_PROCESS: u16 = 20;

/// A loopback address that was free a moment ago, and that this process has not been given before.
pub fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let blocks = (PORTS.end - PORTS.start) / PORTS_PER_PROCESS;
    let block = u16::try_from(std::process::id() % u32::from(blocks)).unwrap_or_default();
    (0..PORTS.end - PORTS.start)
        .map(|_| {
            let offset = block * PORTS_PER_PROCESS + NEXT.fetch_add(1, Ordering::Relaxed);
            SocketAddr::from((
                Ipv4Addr::LOCALHOST,
                PORTS.start + offset % (PORTS.end - PORTS.start),
            ))
        })
        .find(|address| TcpListener::bind(address).is_ok())
        .context("there is no free port on this machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_once() {
        let first = free_address().unwrap();
        let second = free_address().unwrap();
        assert_ne!(first, second);
        assert!(PORTS.contains(&first.port()));
    }
}
