//! The command `agog-jdf` against a press that runs: what a person at the prompt sees of it.

use std::path::Path;
use std::time::Duration;

use agog_tests::support::folder::Folder;
use agog_tests::support::ports::free_address;
use agog_tests::support::process::{Output, Process, Program};
use anyhow::{Context as _, Result, ensure};
use tokio::net::TcpStream;

const START_LIMIT: Duration = Duration::from_secs(20);

async fn press(folder: &Folder) -> Result<(Process, String)> {
    let address = free_address()?;
    let program = Program::ours("agog-press-sim")?
        .args(["--device-id", "press-3", "--speed-up", "600"])
        .args(["--listen", &address.to_string()]);
    let process = program.start(&folder.join("press.log"))?;
    process
        .until("the press to listen", START_LIMIT, async || {
            Ok(TcpStream::connect(address).await.ok())
        })
        .await?;
    Ok((process, format!("http://{address}/jmf")))
}

async fn run(arguments: &[&str]) -> Result<Output> {
    let program = Program::ours("agog-jdf")?.args(arguments.iter().copied());
    program.try_output().await
}

/// What a command that must succeed prints.
async fn said(arguments: &[&str]) -> Result<String> {
    let output = run(arguments).await?;
    ensure!(output.succeeded, "{arguments:?}: {}", output.stderr);
    Ok(output.stdout)
}

/// A sample ticket as a file.
async fn ticket(folder: &Folder) -> Result<String> {
    let path = folder.join("carton.jdf");
    std::fs::write(&path, said(&["new", "folding_carton"]).await?)?;
    text(&path)
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("the path is no text")?.to_owned())
}

#[tokio::test]
async fn a_ticket_is_submitted_to_a_press_and_shows_in_its_queue() -> Result<()> {
    let folder = Folder::new("agog-jdf-command-")?;
    let (_press, url) = press(&folder).await?;
    let ticket = ticket(&folder).await?;

    let accepted = said(&["submit", &url, &ticket, "--hold", "--priority", "80"]).await?;
    assert!(accepted.contains(", Held, priority 80"), "{accepted}");
    let entry = accepted
        .split("queue entry ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .context("no queue entry was told")?;

    let queue = said(&["query", &url, "QueueStatus"]).await?;
    assert!(
        queue.contains("DeviceID=press-3") && queue.contains(entry),
        "{queue}"
    );
    let queue = said(&["query", &url, "QueueStatus", "--json"]).await?;
    let queue: serde_json::Value = serde_json::from_str(&queue)?;
    let attributes = &queue["content"]["children"][0]["children"][0]["attributes"];
    assert_eq!(attributes["QueueEntryID"], entry);
    assert_eq!(attributes["Status"], "Held");
    Ok(())
}

#[tokio::test]
async fn a_press_is_asked_all_that_it_knows_and_what_it_does_not() -> Result<()> {
    let folder = Folder::new("agog-jdf-command-")?;
    let (_press, url) = press(&folder).await?;
    for (message, told) in [
        ("KnownMessages", "SubmitQueueEntry"),
        ("KnownDevices", "Simulated press"),
        ("Status", "DeviceStatus=Idle"),
        ("SubmissionMethods", "Packaging=MIME"),
        ("KnownSubscriptions", "0 (success)"),
        ("Resource", "0 (success)"),
    ] {
        let answer = said(&["query", &url, message]).await?;
        assert!(answer.contains(told), "{message}: {answer}");
    }
    let refused = run(&["query", &url, "Knitting"]).await?;
    assert!(
        !refused.succeeded
            && refused
                .stdout
                .contains("5 (message or query not implemented)"),
        "{}",
        refused.stdout
    );
    Ok(())
}

#[tokio::test]
async fn a_press_that_refuses_says_why() -> Result<()> {
    let folder = Folder::new("agog-jdf-command-")?;
    let (press, url) = press(&folder).await?;
    let refused = run(&["submit", "--no-mime", &url, "http://mis/t.jdf"]).await?;
    assert!(
        !refused.succeeded && refused.stdout.starts_with("refused: 120 ("),
        "{}",
        refused.stdout
    );
    press.kill();
    let ticket = ticket(&folder).await?;
    let unreached = run(&["submit", &url, &ticket]).await?;
    assert!(
        !unreached.succeeded && unreached.stderr.contains("cannot reach"),
        "{}",
        unreached.stderr
    );
    Ok(())
}
