//! Tickets from an office through a hot folder to a device and back, with the agent killed on the way
//! whenever something is half done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agog_tests::demo::cast::lot_at;
use agog_tests::support::folder::Folder;
use agog_tests::support::plant::Plant;
use agog_tests::support::wait;
use anyhow::{Context as _, Result};
use serde_json::json;

const LIMIT: Duration = Duration::from_mins(1);
const JOBS: usize = 6;

const SECTIONS: &str = r#"
[[material]]
code = "BOARD-300"
base_unit = "sheet"

[[device]]
id = "gluer-1"
transport = "folder"
folder = { to = "gluer/in", from = "gluer/out" }

[[inbox]]
folder = "office/in"
device = "gluer-1"
return_to = "office/back"
"#;

/// Everything lies in one folder: what the office drops, what the device takes and gives back.
struct Yard {
    plant: Plant,
    folder: PathBuf,
}

impl Yard {
    /// The tickets in one of the folders.
    fn tickets(&self, folder: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.join(folder)).into_iter();
        let paths = entries.flatten().flatten().map(|entry| entry.path());
        // Hidden files are none yet.
        let is_ticket = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".jdf") && !name.starts_with('.')
        };
        paths.filter(is_ticket).collect()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        wait::until(what, LIMIT, async || Ok(holds(self).then_some(()))).await
    }

    async fn killed(&mut self) -> Result<()> {
        self.plant.kill()?;
        self.plant.start().await
    }

    /// Puts a file there as programs do that know hot folders.
    fn put(&self, folder: &str, name: &str, content: &str) -> Result<()> {
        let folder = self.folder.join(folder);
        let hidden = folder.join(".being-written");
        std::fs::write(&hidden, content)?;
        std::fs::rename(hidden, folder.join(name))?;
        Ok(())
    }
}

fn number(n: usize) -> String {
    format!("Job-{n}")
}

fn ticket(job: &str, status: &str, audits: &str) -> String {
    format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="BoxFolding" Status="{status}" Version="1.5" JobID="{job}">
<AuditPool>{audits}</AuditPool>
<ResourcePool><Media ID="M1" Class="Consumable" Status="Available"/><Component ID="C1" Class="Quantity" Status="Available"/></ResourcePool>
<ResourceLinkPool><MediaLink rRef="M1" Usage="Input"/><ComponentLink rRef="C1" Usage="Output"/></ResourceLinkPool></JDF>"#
    )
}

/// 960 good and 40 waste of the roll.
fn returned(job: &str) -> String {
    let amounts = |lot: &str| {
        let lot = |amount: u32| match lot {
            "" => String::new(),
            lot => format!("<Lot LotID=\"{lot}\" ActualAmount=\"{amount}\"/>"),
        };
        let (good, waste) = (lot(960), lot(40));
        format!(
            "<AmountPool><PartAmount ActualAmount=\"960\"><Part Condition=\"Good\"/>{good}</PartAmount>\
             <PartAmount ActualAmount=\"40\"><Part Condition=\"Waste\"/>{waste}</PartAmount></AmountPool>"
        )
    };
    let (used, made) = (amounts("ROLL"), amounts(""));
    let audits = format!(
        r#"<ResourceAudit Reason="ProcessResult"><MediaLink rRef="M1" Usage="Input">{used}</MediaLink></ResourceAudit>
<ResourceAudit Reason="ProcessResult"><ComponentLink rRef="C1" Usage="Output">{made}</ComponentLink></ResourceAudit>
<ProcessRun Start="2026-11-26T08:00:00Z" End="2026-11-26T09:00:00Z" EndStatus="Completed"/>"#
    );
    ticket(job, "Completed", &audits)
}

fn job_of(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path)?;
    let rest = text.split("JobID=\"").nth(1).context("no JobID")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_agent_that_is_killed_again_and_again_takes_each_ticket_out_and_back_once() -> Result<()>
{
    let folder = Folder::new("agog-folders-")?;
    let sections = |config: String| config + SECTIONS;
    let plant = Plant::alone(folder.join("plant"), "HAM", sections).await?;
    let mut yard = Yard {
        plant,
        folder: folder.join("plant"),
    };
    yard.plant.start().await?;
    let roll = [
        "lot",
        "receive",
        "--number",
        "ROLL",
        "--material",
        "BOARD-300",
    ];
    let roll = [&roll[..], &["--quantity", "20000"]].concat();
    yard.plant.command(&roll).await?;

    for n in 0..JOBS {
        let job = number(n);
        yard.put(
            "office/in",
            &format!("{job}.jdf"),
            &ticket(&job, "Waiting", ""),
        )?;
    }
    let is_taken_in = |yard: &Yard| !yard.tickets("office/in/done").is_empty();
    yard.until("a ticket was taken in", is_taken_in).await?;
    yard.killed().await?;
    let is_out = |yard: &Yard| !yard.tickets("gluer/in").is_empty();
    yard.until("a ticket lies before the device", is_out)
        .await?;
    yard.killed().await?;

    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    while taken.len() < JOBS {
        yard.until("a ticket lies before the device", is_out)
            .await?;
        for path in yard.tickets("gluer/in") {
            *taken.entry(job_of(&path)?).or_default() += 1;
            std::fs::remove_file(path)?;
        }
        // Whatever was under way when the device took some of them.
        yard.killed().await?;
    }

    for job in taken.keys() {
        yard.put("gluer/out", &format!("{job}.jdf"), &returned(job))?;
    }
    let is_booked = |yard: &Yard| !yard.tickets("gluer/out/done").is_empty();
    yard.until("a returned ticket was taken", is_booked).await?;
    yard.killed().await?;
    let is_back = |yard: &Yard| !yard.tickets("office/back").is_empty();
    yard.until("a ticket is back in the office", is_back)
        .await?;
    yard.killed().await?;
    let are_back = |yard: &Yard| {
        yard.tickets("office/back").len() >= JOBS && yard.tickets("gluer/out").is_empty()
    };
    yard.until("every ticket is back", are_back).await?;

    let expected: BTreeMap<String, usize> = (0..JOBS).map(|n| (number(n), 1)).collect();
    assert_eq!(taken, expected, "each went to the device once");
    let mut back: BTreeMap<String, usize> = BTreeMap::new();
    for path in yard.tickets("office/back") {
        *back.entry(job_of(&path)?).or_default() += 1;
    }
    assert_eq!(back, expected, "each came back once");
    let jobs = yard.plant.command(&["job", "list", "--all"]).await?;
    let jobs = jobs.as_array().context("a list of jobs")?;
    assert_eq!(jobs.len(), JOBS);
    for job in jobs {
        let progress = &job["progress"];
        assert_eq!(
            (&job["step"], &progress["good"], &progress["waste"]),
            (&json!("job.completed"), &json!("960"), &json!("40")),
            "{job}"
        );
    }
    let roll = lot_at(&yard.plant, "ROLL").await?.context("the roll")?;
    assert_eq!(roll["on_hand"]["amount"], "14000");
    let verified = yard.plant.command(&["ledger", "verify"]).await?;
    assert_eq!(verified["problems"], json!([]), "{verified}");
    yard.plant.stop().await
}
