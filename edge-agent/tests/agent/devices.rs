//! Devices on the command line and the local API: the agent and the press simulator as programs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use agog_edge::devices::routes::DeviceView;
use agog_edge::run::Addresses;

use crate::simulator_program::simulator_program;
use crate::support::*;

/// A running simulator; killed when it is dropped.
pub(crate) struct Simulator(Child);

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Simulator {
    pub(crate) fn start(program: &Program) -> (Self, String) {
        let file = program.folder.path().join("press.json");
        let press = Command::new(simulator_program())
            .args(["--device-id", "press-3", "--listen", "127.0.0.1:0"])
            .arg("--address-file")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let press = Self(press);
        let url = wait_for("the press listens", || {
            let text = std::fs::read_to_string(&file).ok()?;
            let json: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(json["jmf_url"].as_str()?.to_owned())
        });
        (press, url)
    }
}

pub(crate) fn configure(program: &Program, more: &str) {
    let mut config = std::fs::read_to_string(program.config_path()).unwrap();
    config.push_str(more);
    std::fs::write(program.config_path(), config).unwrap();
}

/// The answer of the local API, head and body.
fn get(addresses: &Addresses, path: &str) -> String {
    let host = addresses.api_url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn devices_their_channels_and_queues_are_shown() {
    let mut program = Program::init();
    let (_press, url) = Simulator::start(&program);
    configure(
        &program,
        &format!(
            "\n[[device]]\nid = \"press-3\"\nname = \"Press 3\"\nurl = \"{url}\"\n\
             [device.settings]\nheartbeat_s = 1\n\
             [[device]]\nid = \"cutter-1\"\njmf_url = \"http://127.0.0.1:1/jmf\"\nprofile = \"jdf-1-3\"\n"
        ),
    );
    let explained = program.ok(&["check"]);
    assert!(
        explained.contains("missed after 2.5 s") && explained.contains("profile jdf-1-3"),
        "{explained}"
    );
    let addresses = program.start();
    wait_for("the press signals", || {
        let json = program.ok(&["--json", "jmf", "devices", "--device", "press-3"]);
        let devices: Vec<DeviceView> = serde_json::from_str(&json).unwrap();
        let press = &devices[0];
        let mut channels = press.state.subscriptions.iter();
        let is_verified =
            channels.any(|channel| channel.kind == "Status" && channel.verified_at.is_some());
        (press.last_signal_age_s.is_some() && is_verified).then_some(())
    });

    let devices = program.ok(&["jmf", "devices"]);
    for part in [
        "press-3",
        "Press 3",
        "Idle",
        "last signal",
        "takes",
        "cutter-1",
        "no contact",
    ] {
        assert!(devices.contains(part), "{part} is missing in: {devices}");
    }
    let channels = program.ok(&["jmf", "subscriptions", "--device", "press-3"]);
    assert!(
        channels.contains("Status") && channels.contains("every 1 s"),
        "{channels}"
    );
    let queues = program.ok(&["jmf", "queue"]);
    assert!(
        queues.contains("0 entries") && queues.contains("cutter-1     has told no queue"),
        "{queues}"
    );
    let capability = get(&addresses, "/api/v1/devices/press-3/capability");
    assert!(
        capability.contains("200 OK") && capability.contains("<Device "),
        "{capability}"
    );
    let none = get(&addresses, "/api/v1/devices/cutter-1/capability");
    assert!(none.contains("capability-unknown"), "{none}");
    let unknown = program.fails(1, &["jmf", "queue", "--device", "press-9"]);
    assert!(unknown.contains("device-unknown"), "{unknown}");
}
