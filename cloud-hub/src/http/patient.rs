//! Connections whose clients must take what they are sent.
//!
//! Nothing more of an answer is made while its connection is full, so a client that reads nothing and does not hang up would
//! keep the answer, and what that holds, for ever, and each stop of the hub would wait for it.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A client that takes nothing for so long is gone: lines that are worth a try come back sooner.
const TAKE_LIMIT: Duration = Duration::from_mins(1);
/// The same once the hub stops: longer than what is on its way takes, far shorter than `server.stop_limit_s`.
const TAKE_LIMIT_STOPPING: Duration = Duration::from_secs(2);

/// Accepts connections.
#[derive(Debug)]
pub struct PatientListener {
    listener: TcpListener,
    stopping: CancellationToken,
}

impl PatientListener {
    pub fn new(listener: TcpListener, stopping: CancellationToken) -> Self {
        Self { listener, stopping }
    }
}

impl Listener for PatientListener {
    type Io = PatientStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (PatientStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let stream = PatientStream::new(stream, self.stopping.clone(), TAKE_LIMIT);
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection; writing fails when the client takes nothing for too long.
#[derive(Debug)]
pub struct PatientStream {
    stream: TcpStream,
    limit: Duration,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    is_stopping: bool,
    /// When the patience ends; none while the client takes what it is sent.
    end: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    fn new(stream: TcpStream, stopping: CancellationToken, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stopping: Box::pin(stopping.cancelled_owned()),
            is_stopping: false,
            end: None,
        }
    }

    /// What became of a try to write, or that the client has had its time.
    fn waited<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        if !self.is_stopping && self.stopping.as_mut().poll(cx).is_ready() {
            self.is_stopping = true;
            self.limit = self.limit.min(TAKE_LIMIT_STOPPING);
            self.end = None;
        }
        let limit = self.limit;
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(limit)));
        if end.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        tracing::warn!("a client took nothing for {limit:?}, and is cut off");
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.waited(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.waited(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Sends to a client that reads nothing until that fails.
    async fn send_to_nobody(stopping: CancellationToken, limit: Duration) -> ErrorKind {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let mut stream = PatientStream::new(accepted.unwrap().0, stopping, limit);
        let sending = async {
            loop {
                // More than any socket holds, at some time.
                if let Err(error) = stream.write_all(&[0; 8_192]).await {
                    return error.kind();
                }
            }
        };
        let sent = tokio::time::timeout(Duration::from_secs(30), sending).await;
        drop(client.unwrap());
        sent.expect("it ends")
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off_and_does_not_hold_up_a_stop() {
        let soon = Duration::from_millis(50);
        let running = send_to_nobody(CancellationToken::new(), soon);
        assert_eq!(running.await, ErrorKind::TimedOut);
        let stopping = CancellationToken::new();
        stopping.cancel();
        let long = Duration::from_hours(1);
        let stopped = send_to_nobody(stopping, long);
        assert_eq!(stopped.await, ErrorKind::TimedOut);
    }
}
