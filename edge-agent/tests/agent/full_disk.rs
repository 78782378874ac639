//! The real agent on a small disk that fills up and is cleared again.
//!
//! The disk is a tmpfs in a mount namespace of the agent's own, which needs root (or user namespaces). Without, this says so;
//! what is decided about the reserve is tested in `disk.rs`, and a file that takes no more in `ledger/writer.rs`.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use agog_edge::ledger::Verification;
use agog_edge::run::Addresses;

use crate::support::*;

const DISK: &str = "48m";

/// An agent on a disk of its own.
struct SmallDisk {
    program: Program,
    child: Child,
    /// The data folder, as it is seen from here.
    data: PathBuf,
}

impl SmallDisk {
    /// None where nobody may mount.
    fn start() -> Option<Self> {
        let may_mount = Command::new("unshare")
            .args([
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                "mount -t tmpfs tmpfs /mnt",
            ])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !may_mount {
            return None;
        }
        let program = Program::init();
        let config = std::fs::read_to_string(program.config_path()).unwrap();
        let config = config.replace("reserve_mib = 32", "reserve_mib = 8")
            + "\n[[device]]\nid = \"press-9\"\nurl = \"http://127.0.0.1:9/\"\n";
        std::fs::write(program.config_path(), &config).unwrap();
        let script = format!(
            "cp -a data seed && mount -t tmpfs -o size={DISK},mode=700 tmpfs data && cp -a seed/. data/ && exec '{}' \
             --config agog-edge.toml run",
            env!("CARGO_BIN_EXE_agog-edge")
        );
        let log = File::create(program.folder.path().join("agent.log")).unwrap();
        let child = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .current_dir(program.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let root = PathBuf::from(format!("/proc/{}/root", child.id()));
        let data = root.join(program.data_dir().strip_prefix("/").unwrap());
        let disk = Self {
            program,
            child,
            data,
        };
        wait_for("run.json", || disk.addresses());
        std::fs::copy(disk.program.config_path(), disk.inside_config()).unwrap();
        // Commands find the agent from outside.
        let config = config.replace("\"data\"", &format!("\"{}\"", disk.data.display()));
        std::fs::write(disk.program.config_path(), config).unwrap();
        Some(disk)
    }

    fn inside_config(&self) -> PathBuf {
        self.program.folder.path().join("inside.toml")
    }

    /// Runs a command that reads the files, which only a process of the same namespace can open.
    fn inside(&self, arguments: &[&str]) -> String {
        let output = Command::new("nsenter")
            .args(["--user", "--mount", "--preserve-credentials", "--target"])
            .arg(self.child.id().to_string())
            .arg(env!("CARGO_BIN_EXE_agog-edge"))
            .arg("--config")
            .arg(self.inside_config())
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    fn addresses(&self) -> Option<Addresses> {
        let text = std::fs::read_to_string(self.data.join("run.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn receive(&self, number: &str) -> std::process::Output {
        self.program.command(&[
            "lot",
            "receive",
            "--number",
            number,
            "--material",
            "BOARD-300",
            "--quantity",
            "100",
        ])
    }

    /// Writes until nothing more fits.
    fn fill(&self, name: &str) {
        let mut file = File::create(self.data.join(name)).unwrap();
        let piece = [7_u8; 16 * 1024];
        while file.write_all(&piece).is_ok() {}
    }

    fn wait_for_status(&self, words: &str) -> String {
        wait_for(words, || {
            let status = self.program.ok(&["status"]);
            status.contains(words).then_some(status)
        })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reserve_len(data: &Path) -> u64 {
    data.join("ledger.reserve")
        .metadata()
        .map_or(0, |file| file.len())
}

/// Status and body of an answer.
fn ask(url: &str, body: Option<String>) -> (u16, String) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let client = reqwest::Client::new();
            let request = match body {
                Some(body) => client
                    .post(url)
                    .header("content-type", "application/vnd.cip4-jmf+xml")
                    .body(body),
                None => client.get(url),
            };
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
}

fn signal(id: &str, at: &str) -> String {
    format!(
        r#"<JMF xmlns="http://www.CIP4.org/JDFSchema_1_1" SenderID="press-9" TimeStamp="{at}" Version="1.5">
             <Signal ID="{id}" Type="Notification" Time="{at}">
               <Notification Class="Warning" Type="Event"><Comment>roll {id}</Comment></Notification>
             </Signal></JMF>"#
    )
}

#[test]
fn a_full_disk_loses_nothing_that_was_answered_and_everything_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::start() else {
        eprintln!(
            "not run: a small disk needs the right to mount; see the unit tests of disk.rs and writer.rs"
        );
        return;
    };
    let addresses = disk.addresses().unwrap();
    let healthz = format!("{}/healthz", addresses.api_url);
    let mut received = Vec::new();
    let mut must_receive = |number: &str| {
        let output = disk.receive(number);
        assert!(
            output.status.success(),
            "{number}: {}",
            text(&output.stderr)
        );
        received.push(number.to_owned());
    };
    disk.wait_for_status("disk     ample");
    must_receive("BEFORE-1");
    assert_eq!(reserve_len(&disk.data), 8 * 1024 * 1024);
    assert_eq!(
        ask(
            &addresses.jmf_url,
            Some(signal("S-1", "2026-11-27T10:00:00Z"))
        )
        .0,
        200
    );

    // Full: the reserve goes, and recording goes on.
    disk.fill("ballast-1");
    disk.wait_for_status("the reserve is used");
    disk.wait_for_status("ALARM");
    assert_eq!(reserve_len(&disk.data), 0);
    for n in 0..5 {
        must_receive(&format!("RESERVE-{n}"));
    }
    assert_eq!(ask(&healthz, None).0, 200);

    // Full again: now it is said, and nothing is taken.
    disk.fill("ballast-2");
    disk.wait_for_status("new facts are refused");
    let refused = disk.receive("FULL-1");
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("disk is full") && said.contains("(disk-full)"),
        "{said}"
    );
    let (status, body) = ask(&healthz, None);
    assert!(
        status == 507 && body.contains("disk-full"),
        "{status} {body}"
    );
    let late = signal("S-2", "2026-11-27T10:01:00Z");
    let (status, body) = ask(&addresses.jmf_url, Some(late.clone()));
    assert_eq!(status, 503, "{body}");
    let metrics = ask(&format!("{}/metrics", addresses.api_url), None).1;
    assert!(metrics.contains("agog_disk_level 3"), "{metrics}");

    // Room again.
    std::fs::remove_file(disk.data.join("ballast-1")).unwrap();
    std::fs::remove_file(disk.data.join("ballast-2")).unwrap();
    disk.wait_for_status("disk     ample");
    assert_eq!(reserve_len(&disk.data), 8 * 1024 * 1024);
    must_receive("FULL-1");
    assert_eq!(ask(&addresses.jmf_url, Some(late)).0, 200);

    let verified: Verification =
        serde_json::from_str(&disk.inside(&["ledger", "verify", "--json"])).unwrap();
    assert_eq!(verified.problems, vec![]);
    assert_eq!(verified.lots, received.len() as u64);
    let log = disk.inside(&["ledger", "export"]);
    for number in &received {
        assert_eq!(
            log.matches(&format!("\"number\":\"{number}\"")).count(),
            1,
            "{number}"
        );
    }
    for id in ["roll S-1", "roll S-2"] {
        assert_eq!(log.matches(id).count(), 1, "{id}: {log}");
    }
}
