//! The connections that machines open: of one address only so many at a time, so that nobody takes the memory of the
//! agent by opening more and more of them. One that is too many is closed at once.
//!
//! Limits: [`CONNECTIONS_PER_ADDRESS_MAX`], this machine excepted.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::debug;

/// A gateway in front of the largest plant has one for each machine. With the largest small body in each
/// (`body`), they take 64 MiB.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_024;

/// How many connections are open, by address.
type Open = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// Accepts connections as the listener inside does, as long as their address has room.
pub struct Limited<L> {
    inner: L,
    most: usize,
    open: Open,
}

/// A connection that counts while it is open.
#[derive(Debug)]
pub struct Counted<C> {
    connection: C,
    _place: Option<Place>,
}

/// One of the connections of an address, until it is dropped.
#[derive(Debug)]
struct Place {
    open: Open,
    address: IpAddr,
}

impl<L> Limited<L> {
    pub fn new(inner: L) -> Self {
        Self::of(inner, CONNECTIONS_PER_ADDRESS_MAX)
    }

    fn of(inner: L, most: usize) -> Self {
        let open = Open::default();
        Self { inner, most, open }
    }

    /// None where the address has all that it may have.
    fn place(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        (*count < self.most).then(|| {
            *count += 1;
            let open = self.open.clone();
            Place { open, address }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

impl<L: Listener<Addr = SocketAddr>> Listener for Limited<L> {
    type Io = Counted<L::Io>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, caller) = self.inner.accept().await;
            let address = caller.ip().to_canonical();
            let place = self.place(address);
            if place.is_none() && !address.is_loopback() {
                metrics::counter!("agog_jmf_refused_total", "reason" => "connections").increment(1);
                debug!(
                    "connection of {address} closed: it has {} already",
                    self.most
                );
                continue;
            }
            let counted = Counted {
                connection,
                _place: place,
            };
            return (counted, caller);
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Counted<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Counted<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().connection).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().connection).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;
    use tokio::sync::mpsc;

    use super::*;

    /// Somebody connects from each address that is sent.
    struct Callers(mpsc::UnboundedReceiver<IpAddr>);

    impl Listener for Callers {
        type Io = DuplexStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (Self::Io, Self::Addr) {
            let address = self.0.recv().await.unwrap();
            (tokio::io::duplex(1).0, SocketAddr::new(address, 40_000))
        }

        fn local_addr(&self) -> io::Result<Self::Addr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 7411)))
        }
    }

    #[tokio::test]
    async fn an_address_has_so_many_connections_others_have_their_own_and_this_machine_any() {
        let (connect, callers) = mpsc::unbounded_channel();
        let mut limited = Limited::of(Callers(callers), 2);
        let press: IpAddr = [10, 1, 0, 7].into();
        let mapped: IpAddr = "::ffff:10.1.0.7".parse().unwrap();
        let (other, here): (IpAddr, IpAddr) = ([10, 1, 0, 8].into(), [127, 0, 0, 1].into());
        for caller in [press, mapped, press, mapped, other, here, here, here] {
            connect.send(caller).unwrap();
        }
        let mut taken = Vec::new();
        for _ in 0..6 {
            taken.push(limited.accept().await);
        }
        let addresses: Vec<_> = taken.iter().map(|(_, caller)| caller.ip()).collect();
        assert_eq!(addresses, [press, mapped, other, here, here, here]);

        // One that ends makes room.
        taken.remove(0);
        connect.send(press).unwrap();
        assert_eq!(limited.accept().await.1.ip(), press);
        taken.clear();
        assert!(limited.open.lock().unwrap().is_empty());
    }
}
