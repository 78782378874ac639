//! A real Mosquitto on a free port, that can be killed and started again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS};
use tempfile::TempDir;

use crate::ports::anywhere;
use crate::support::{WAIT_LIMIT, until};

/// More than an agent takes.
const PACKET_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) struct Broker {
    pub(crate) port: u16,
    pub(crate) open_port: u16,
    folder: TempDir,
    child: Child,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::start_with("allow_anonymous true").await
    }

    /// `listener`: settings of the listener at [`Broker::port`]. Whoever publishes uses one that asks for nothing.
    pub(crate) async fn start_with(listener: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, open_port) = (anywhere().port(), anywhere().port());
        // Started by root, Mosquitto would become a user that cannot write the folder of the test;
        // started by anybody else, it takes no notice of `user`.
        let config = format!(
            "user root\nper_listener_settings true\npersistence true\npersistence_location {}/\n\
             autosave_interval 1\nautosave_on_changes true\n\
             listener {open_port} 127.0.0.1\nallow_anonymous true\n\
             listener {port} 127.0.0.1\n{listener}\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let child = spawn(&folder.path().join("mosquitto.conf"));
        let broker = Self {
            port,
            open_port,
            folder,
            child,
        };
        broker.listening().await;
        broker
    }

    /// Publishes, and waits until the broker has acknowledged everything.
    pub(crate) async fn publish(&self, messages: &[(&str, &str)]) {
        let messages = messages.iter();
        let messages =
            messages.map(|(topic, payload)| ((*topic).to_owned(), (*payload).to_owned()));
        publish(self.open_port, messages.collect()).await;
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A new process with the old files, on the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(&self.folder.path().join("mosquitto.conf"));
        self.listening().await;
    }

    async fn listening(&self) {
        let port = self.port;
        until("the broker listens", || async move {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .ok()
        })
        .await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &Path) -> Child {
    let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .unwrap_or("mosquitto");
    Command::new(program)
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("mosquitto is installed (packaging/dev sets it up)")
}

/// Publishes and waits until the broker has acknowledged everything.
pub(crate) async fn publish(port: u16, messages: Vec<(String, String)>) {
    publish_with(port, messages, QoS::AtLeastOnce).await;
}

pub(crate) async fn publish_with(port: u16, messages: Vec<(String, String)>, qos: QoS) {
    let mut options = MqttOptions::new(format!("publisher-{}", messages.len()), "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(5));
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let (client, mut events) = AsyncClient::new(options, 10);
    // Only what is sent with quality of service 1 is acknowledged.
    let count = if qos == QoS::AtMostOnce {
        0
    } else {
        messages.len()
    };
    let sender = tokio::spawn(async move {
        for (topic, payload) in messages {
            client.publish(topic, qos, false, payload).await.unwrap();
        }
        client
    });
    tokio::time::timeout(WAIT_LIMIT, acknowledged(&mut events, count))
        .await
        .expect("published");
    sender.await.unwrap().disconnect().await.unwrap();
    while let Ok(event) = events.poll().await {
        if event == Event::Outgoing(Outgoing::Disconnect) {
            break;
        }
    }
}

async fn acknowledged(events: &mut EventLoop, mut count: usize) {
    while count > 0 {
        if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
            count -= 1;
        }
    }
}
