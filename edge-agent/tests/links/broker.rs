//! A real Mosquitto on a free port, that can be killed and started again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS};
use tempfile::TempDir;

use crate::ports::anywhere;
use crate::support::{WAIT_LIMIT, until};

pub(crate) struct Broker {
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = anywhere().port();
        // Started by root, Mosquitto would become a user that cannot write the folder of the test;
        // started by anybody else, it takes no notice of `user`.
        let config = format!(
            "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n\
             persistence_location {}/\nautosave_interval 1\nautosave_on_changes true\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let child = spawn(&folder.path().join("mosquitto.conf"));
        let broker = Self {
            port,
            folder,
            child,
        };
        broker.listening().await;
        broker
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
    let mut options = MqttOptions::new(format!("publisher-{}", messages.len()), "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = AsyncClient::new(options, 10);
    let count = messages.len();
    let sender = tokio::spawn(async move {
        for (topic, payload) in messages {
            client
                .publish(topic, QoS::AtLeastOnce, false, payload)
                .await
                .unwrap();
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
