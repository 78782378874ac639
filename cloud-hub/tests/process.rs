//! The program itself: it starts while the database is away, and stops when it is told to.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Far above what a start takes, far below a test that hangs.
const SOON: Duration = Duration::from_secs(20);

/// Ends with the test, whatever happens.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn configure(folder: &Path) {
    std::fs::write(folder.join("secret"), "0123456789abcdef0123456789abcdef").unwrap();
    // Nobody listens in this folder.
    let database = format!(
        "postgres://agog_server@localhost/agog?host={}",
        folder.display()
    );
    let config = format!(
        "token_secret_file = \"secret\"\n[server]\nlisten = \"127.0.0.1:0\"\naddress_file = \"address\"\n\
         [database]\nserver_url = \"{database}\"\nowner_url = \"{database}\"\n"
    );
    std::fs::write(folder.join("hub.toml"), config).unwrap();
}

fn hub(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agog-hub"));
    command.arg("--config").arg(folder.join("hub.toml"));
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("AGOG_HUB") || name.starts_with("PG"))
    {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    (output, errors)
}

#[tokio::test]
async fn a_hub_whose_database_is_away_starts_says_so_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let child = hub(folder.path())
        .arg("serve")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server(child);
    let started = Instant::now();
    let url = loop {
        assert!(started.elapsed() < SOON, "the hub does not listen");
        if let Ok(address) = std::fs::read_to_string(folder.path().join("address")) {
            break address.trim().to_owned();
        }
        tokio::task::yield_now().await;
    };

    let client = reqwest::Client::new();
    let live = client.get(format!("{url}/healthz")).send().await.unwrap();
    let ready = client.get(format!("{url}/readyz")).send().await.unwrap();
    let token = format!("agogtoken_{}_x", "0".repeat(32));
    let stock = client
        .get(format!("{url}/api/v1/inventory/stock-levels"))
        .bearer_auth(token);
    let stock = stock.send().await.unwrap();

    assert_eq!(live.status(), 200);
    assert_eq!(ready.status(), 503);
    assert_eq!(
        (
            stock.status().as_u16(),
            stock.headers()["retry-after"].to_str().unwrap()
        ),
        (503, "1")
    );
    assert!(stock.text().await.unwrap().contains("database-unavailable"));
    let pid = server.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let status = loop {
        assert!(started.elapsed() < SOON * 2, "the hub does not stop");
        if let Some(status) = server.0.try_wait().unwrap() {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert!(status.success(), "{status}");
}

#[test]
fn commands_that_cannot_work_say_why_and_fail() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let (output, errors) = run(hub(folder.path()).arg("migrate"));
    assert!(!output.status.success());
    assert!(errors.contains("cannot connect as the owner: "), "{errors}");

    std::fs::write(folder.path().join("hub.toml"), "[server]\nlissten = 1\n").unwrap();
    let (output, errors) = run(hub(folder.path()).arg("serve"));
    assert!(!output.status.success());
    assert!(
        errors.contains("line 2") && errors.contains("lissten"),
        "{errors}"
    );

    let (output, errors) =
        run(hub(folder.path()).args(["token", "create", "--tenant", "x", "--role", "king"]));
    assert!(!output.status.success());
    assert!(
        errors.contains("expected viewer, office or admin"),
        "{errors}"
    );
}
