//! The demo as a newcomer runs it: the story holds, a ticket without work is explained, and
//! Ctrl-C leaves nothing running.

use std::time::Duration;

use agog_tests::support::process::{Program, Signal};
use anyhow::{Context as _, Result};

/// The play waits for a press; a slow machine gets time.
const LIMIT: Duration = Duration::from_secs(110);

#[tokio::test]
async fn the_story_ends_with_agents_and_hub_agreeing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("demo.log");
    let demo = Program::ours("agog-demo")?.start(&log)?;
    let status = demo.wait(LIMIT).await?;
    let text = std::fs::read_to_string(&log)?;
    assert!(status.success(), "{text}");
    for sentence in [
        "one sheet more is refused",
        "events wait in Hamburg's outbox",
        "press 3 stands out",
        "Munich refuses to use it",
        "each in the hub exactly once, in order, chain unbroken (I1, I2)",
        "(I8)",
        "404 for the other's",
    ] {
        assert!(
            text.contains(sentence),
            "the story does not say `{sentence}`:\n{text}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_ticket_with_nothing_to_execute_gets_a_clear_message() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ticket = folder.path().join("product.jdf");
    std::fs::write(
        &ticket,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="Product" JobID="J1" Status="Waiting" Version="1.5"/>
"#,
    )?;
    let output = Program::ours("agog-demo")?
        .arg("--ticket")
        .arg(&ticket)
        .try_output()
        .await?;
    assert!(!output.succeeded, "{}", output.stdout);
    assert!(
        output.stderr.contains("does not take this ticket") && output.stderr.contains("execut"),
        "{}",
        output.stderr
    );
    Ok(())
}

#[tokio::test]
async fn an_interrupted_demo_leaves_nothing_running() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("demo.log");
    // Everything that the demo starts inherits this mark.
    let mark = format!("AGOG_DEMO_MARK={}", folder.path().display());
    let demo = Program::ours("agog-demo")?
        .env("AGOG_DEMO_MARK", folder.path())
        .start(&log)?;
    demo.until("the second act", LIMIT, async || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        Ok(text.contains("━━ 2.").then_some(()))
    })
    .await?;
    assert!(marked(&mark)? > 1, "the demo's processes carry the mark");
    demo.signal(Signal::INT);
    demo.wait(LIMIT).await?;
    assert_eq!(marked(&mark)?, 0, "processes are left behind");
    Ok(())
}

/// How many processes have `mark` in their environment.
fn marked(mark: &str) -> Result<usize> {
    let mut count = 0;
    for process in std::fs::read_dir("/proc").context("no /proc")? {
        let environment = process?.path().join("environ");
        // A process of another user, or one that has just ended, is none of ours.
        let Ok(environment) = std::fs::read(environment) else {
            continue;
        };
        if environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes())
        {
            count += 1;
        }
    }
    Ok(count)
}
