//! The power fails while an agent records: whatever it had confirmed is in its ledger afterwards, at whatever moment and
//! whatever the disk had kept of what was not synced.

use std::path::Path;
use std::time::Duration;

use agog_tests::support::folder::Folder;
use agog_tests::support::plant::Plant;
use agog_tests::support::power::{self, Step};
use agog_tests::support::wait;
use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

/// Movements that are recorded under the eyes of strace.
const MOVEMENTS: u64 = 60;
/// Moments at which the power fails, drawn from the record.
const CUTS: u64 = 40;
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_was_confirmed_survives_a_power_cut_at_any_moment() -> Result<()> {
    let folder = Folder::new("agog-power-")?;
    let material =
        "\n[[material]]\ncode = \"BOARD-300\"\nname = \"Board\"\nbase_unit = \"sheet\"\n";
    let mut plant = Plant::alone(folder.join("plant"), "HAM", |config| config + material).await?;
    let empty = folder.join("empty");
    copy(&plant.data_dir(), &empty)?;
    let record = folder.join("record");
    let arguments = power::strace_arguments(&record)?;
    plant.start_under("strace", arguments).await?;
    book(&plant).await?;
    plant.kill()?;
    // strace ends after the program, and writes its last lines then.
    let text = wait::until("the end of the record", LIMIT, async || {
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        Ok(text.contains("+++ killed by SIGKILL +++").then_some(text))
    })
    .await?;
    let steps = power::read(&text, &plant.data_dir())?;
    let syncs = steps
        .iter()
        .filter(|step| matches!(step, Step::Sync { .. }))
        .count();
    ensure!(syncs > 0, "no sync was noted");
    ensure!(
        confirmed(&steps) == MOVEMENTS,
        "{} of {MOVEMENTS} answers were noted",
        confirmed(&steps)
    );

    let seed = match std::env::var("AGOG_SEED") {
        Ok(seed) => seed.parse().context("AGOG_SEED is a number")?,
        Err(_) => 1,
    };
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..CUTS {
        let moment = rng.random_range(0..=steps.len());
        let files = power::after_cut(&steps[..moment], &mut rng);
        copy(&empty, &plant.data_dir())?;
        for (name, content) in files
            .iter()
            .filter(|(name, _)| name.starts_with("ledger.db"))
        {
            std::fs::write(plant.data_dir().join(name), content)
                .with_context(|| format!("cannot write `{name}`"))?;
        }
        // The index of the log lies in shared memory, and is gone with the power.
        let _ = std::fs::remove_file(plant.data_dir().join("ledger.db-shm"));
        check(&plant, confirmed(&steps[..moment]))
            .await
            .with_context(|| format!("AGOG_SEED={seed}, power fails after step {moment}"))?;
    }
    Ok(())
}

/// Books movements one after the other, each confirmed before the next.
async fn book(plant: &Plant) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let api = plant.api_url()?;
    for n in 0..MOVEMENTS {
        let body = json!({ "number": format!("CUT-{n}"), "material": "BOARD-300", "quantity": { "amount": "10" } });
        let answer = http
            .post(format!("{api}/api/v1/lots/receive"))
            .json(&body)
            .send()
            .await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
    }
    Ok(())
}

/// How many receipts were confirmed by what was said. Each was asked for after the one before was confirmed, so the
/// ledger has at least so many events, and these first.
fn confirmed(steps: &[Step]) -> u64 {
    let answers = steps.iter().filter(|step| match step {
        Step::Said(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            text.starts_with("HTTP/1.1 2") && text.contains("\"CUT-")
        }
        _ => false,
    });
    answers.count() as u64
}

/// The agent's own proof, and the lots that were confirmed.
async fn check(plant: &Plant, confirmed: u64) -> Result<()> {
    let proof = plant.command(&["ledger", "verify"]).await?;
    ensure!(
        proof["problem_count"] == 0,
        "the ledger has problems: {proof}"
    );
    for what in ["events", "lots"] {
        let left = proof[what]
            .as_u64()
            .with_context(|| format!("a proof counts {what}"))?;
        ensure!(
            left >= confirmed,
            "{left} {what} are left of {confirmed} that were confirmed"
        );
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
