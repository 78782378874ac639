//! A throw-away MQTT broker: Mosquitto on a loopback port, its sessions and queued messages kept in its folder.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

use super::folder::Folder;
use super::ports::free_address;
use super::process::{Process, Program};
use super::user::{self, User};

/// Address of the broker that serves a whole test run (`agog-services` sets it).
pub const SHARED_ADDRESS: &str = "AGOG_TEST_MQTT";
/// Another program may take the port before the broker does, but hardly this often in a row.
const PORT_TRIES: u32 = 5;
const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What a broker does beside handing on messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// It saves every change and logs every packet: for tests, which kill it and want to know.
    Saves,
    /// Neither: for measurements. Each save writes all that waits, so with a queue it would be the slowest part of all.
    IsFast,
}

/// A broker of our own; it stops and disappears with this value.
///
/// Its queues have no limit. Mosquitto's own is 1,000 messages for each subscriber; beyond it messages are dropped that their
/// publisher was told are taken, and nobody else hears of it.
#[derive(Debug)]
pub struct Broker {
    // Dropped in this order: the server first, then its folder.
    server: Option<Process>,
    address: SocketAddr,
    care: Care,
    user: Option<User>,
    folder: Folder,
}

impl Broker {
    pub async fn start() -> Result<Self> {
        Self::start_with(Care::Saves).await
    }

    /// One that does nothing but hand on messages.
    pub async fn start_fast() -> Result<Self> {
        Self::start_with(Care::IsFast).await
    }

    async fn start_with(care: Care) -> Result<Self> {
        let user = user::unprivileged()?;
        let folder = Folder::new_for("agog-broker-", user.as_ref())?;
        let mut broker = Self {
            server: None,
            address: free_address()?,
            care,
            user,
            folder,
        };
        for _ in 1..PORT_TRIES {
            if broker.start_again().await.is_ok() {
                return Ok(broker);
            }
            broker.address = free_address()?;
        }
        broker.start_again().await?;
        Ok(broker)
    }

    /// After [`Broker::stop`] or [`Broker::kill`]: the same address, the same sessions as far as they were saved.
    pub async fn start_again(&mut self) -> Result<()> {
        let config = self.folder.join("mosquitto.conf");
        let care = match self.care {
            // Saved after what came together was acknowledged: a kill can cost what was acknowledged last.
            Care::Saves => format!(
                "persistence true\npersistence_location {}/\n\
                 autosave_on_changes true\nautosave_interval 1\nlog_type all\n",
                self.folder.path().display()
            ),
            Care::IsFast => "log_type error\nlog_type warning\nlog_type notice\n".to_owned(),
        };
        let settings = format!(
            "listener {port} {host}\nallow_anonymous true\nmax_queued_messages 0\n{care}\
             log_dest stderr\nlog_timestamp_format %Y-%m-%dT%H:%M:%S\n",
            port = self.address.port(),
            host = self.address.ip(),
        );
        std::fs::write(&config, settings).context("cannot write the broker's settings")?;
        let server = Program::installed("mosquitto")?
            .arg("-c")
            .arg(&config)
            .as_user(self.user)
            .start(&self.folder.join("mosquitto.log"))?;
        server
            .until("the broker to take connections", START_LIMIT, async || {
                Ok(TcpStream::connect(self.address).await.ok())
            })
            .await?;
        // The port may have answered for another program while ours was failing to bind it.
        if let Some(status) = server.ended() {
            bail!("the broker has ended with {status}");
        }
        self.server = Some(server);
        Ok(())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn stop(&mut self) -> Result<()> {
        let server = self.server.take().context("the broker is not running")?;
        server.stop(STOP_LIMIT).await?;
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        self.server
            .take()
            .context("the broker is not running")?
            .kill();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_broker_comes_back_at_the_same_address_and_is_gone_after_drop() {
        let mut broker = Broker::start().await.unwrap();
        let address = broker.address();
        assert!(address.ip().is_loopback());

        broker.kill().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
        broker.start_again().await.unwrap();
        assert!(TcpStream::connect(address).await.is_ok());

        let folder = broker.folder.path().to_owned();
        drop(broker);
        assert!(TcpStream::connect(address).await.is_err());
        assert!(!folder.exists());
    }
}
