//! A bad line between an agent and the hub: a TCP relay that cuts, slows, keeps silent and swallows answers, on demand.
//!
//! It forwards bytes and understands none of them. What it does is decided anew for each connection and each piece of
//! data, so a fault hits connections that are open already.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

/// How much is forwarded at a time; a slow line forwards so much per [`SLOW_EVERY`].
const PIECE_BYTES: usize = 16 * 1024;
const SLOW_PIECE_BYTES: usize = 512;
const SLOW_EVERY: Duration = Duration::from_millis(10);

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It works.
    None,
    /// Nobody gets a connection, and open ones break.
    Cut,
    /// About 50 kB a second.
    Slow,
    /// Connections stay open, and nothing arrives: a firewall that forgot them.
    HalfOpen,
    /// Requests arrive; answers break off after so many bytes, and the connection with them.
    Answers { bytes: usize },
}

/// A line to one address. It ends with its value.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    broken: Arc<AtomicU64>,
    relay: AbortHandle,
}

impl Line {
    /// Opens a line to `target`.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no port for a line")?;
        let address = listener.local_addr().context("a line has an address")?;
        let (fault, shown) = watch::channel(Fault::None);
        let broken = Arc::new(AtomicU64::new(0));
        let relay = tokio::spawn(relay(listener, target, shown, broken.clone())).abort_handle();
        Ok(Self {
            address,
            fault,
            broken,
            relay,
        })
    }

    /// The near end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Connections that a fault has broken so far.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn relay(
    listener: TcpListener,
    target: SocketAddr,
    fault: watch::Receiver<Fault>,
    broken: Arc<AtomicU64>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // A connection that cannot be taken is one more fault of the line.
        let Ok((near, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        if *fault.borrow() == Fault::Cut {
            continue;
        }
        let (fault, broken) = (fault.clone(), broken.clone());
        connections.spawn(async move {
            let Ok(far) = TcpStream::connect(target).await else {
                return;
            };
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            let ended = tokio::select! {
                ended = forward(near_read, far_write, fault.clone(), false) => ended,
                ended = forward(far_read, near_write, fault, true) => ended,
            };
            if ended == Ended::Broken {
                broken.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// One side has closed it.
    Closed,
    /// The line has.
    Broken,
}

/// One direction of a connection. When it ends, both sides are dropped.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    is_answer: bool,
) -> Ended {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut passed = 0;
    let mut pace = tokio::time::interval(SLOW_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = *fault.borrow_and_update();
        let (piece, is_slow) = match now {
            Fault::Cut => return Ended::Broken,
            Fault::HalfOpen => {
                if fault.changed().await.is_err() {
                    return Ended::Broken;
                }
                continue;
            }
            Fault::Slow => (SLOW_PIECE_BYTES, true),
            Fault::Answers { bytes } if is_answer => match bytes.saturating_sub(passed) {
                0 => return Ended::Broken,
                left => (left.min(PIECE_BYTES), false),
            },
            Fault::None | Fault::Answers { .. } => (PIECE_BYTES, false),
        };
        let read = tokio::select! {
            read = from.read(&mut buffer[..piece]) => read,
            changed = fault.changed() => {
                if changed.is_err() {
                    return Ended::Broken;
                }
                continue;
            }
        };
        match read {
            Ok(0) | Err(_) => return Ended::Closed,
            Ok(bytes) => {
                if to.write_all(&buffer[..bytes]).await.is_err() {
                    return Ended::Closed;
                }
                passed += bytes;
            }
        }
        if is_slow {
            pace.tick().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each byte with a hundred.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        stream.write_all(&[byte; 100]).await.unwrap_or_default();
                    }
                });
            }
        });
        address
    }

    async fn connect(line: &Line) -> TcpStream {
        TcpStream::connect(line.address).await.unwrap()
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
        stream.write_all(&[7]).await?;
        let mut answer = vec![0; 100];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_good_line_passes_everything_on() {
        let line = Line::to(echo().await).await.unwrap();
        let mut stream = connect(&line).await;
        assert_eq!(ask(&mut stream).await.unwrap(), [7; 100]);
        line.set(Fault::Slow);
        assert_eq!(ask(&mut stream).await.unwrap(), [7; 100]);
        assert_eq!(line.broken(), 0);
    }

    #[tokio::test]
    async fn a_cut_line_breaks_what_is_open_and_works_again_afterwards() {
        let line = Line::to(echo().await).await.unwrap();
        let mut stream = connect(&line).await;
        ask(&mut stream).await.unwrap();
        line.set(Fault::Cut);
        assert!(ask(&mut stream).await.is_err());
        line.set(Fault::None);
        ask(&mut connect(&line).await).await.unwrap();
    }

    #[tokio::test]
    async fn answers_break_off_after_the_request_has_arrived() {
        let line = Line::to(echo().await).await.unwrap();
        line.set(Fault::Answers { bytes: 40 });
        let mut stream = connect(&line).await;
        stream.write_all(&[7]).await.unwrap();
        let mut answer = Vec::new();
        // The end of a broken connection may be an error or a plain end.
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, [7; 40]);
    }

    #[tokio::test]
    async fn a_half_open_line_keeps_what_was_sent_until_it_works_again() {
        let line = Line::to(echo().await).await.unwrap();
        let mut stream = connect(&line).await;
        ask(&mut stream).await.unwrap();
        line.set(Fault::HalfOpen);
        stream.write_all(&[9]).await.unwrap();
        let mut byte = [0];
        let silence =
            tokio::time::timeout(Duration::from_millis(100), stream.read_exact(&mut byte)).await;
        assert!(silence.is_err(), "something came over a half-open line");
        line.set(Fault::None);
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, [9]);
    }
}
