//! Backups of the ledger that are made by themselves (`[ledger.backup]`): a file every so often, the newest ones
//! kept. A failure is an alarm and is tried again; `status` and metrics show the age of the newest one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tracing::{info, warn};

use crate::config::BackupConfig;
use crate::health::BackupHealth;
use crate::ledger::Reader;
use crate::ledger::backup::{self, BackupError, BackupReport, Plan};
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::words;

/// How often it is looked whether a backup is due: a machine that slept notices late.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// A backup that failed is tried again after this time: a share is mounted, a disk is cleared.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// The time in the name of a backup; UTC, so that names sort as times do.
const NAME_TIME: &str = "%Y%m%dT%H%M%SZ";

/// The name of a backup of this plant's ledger.
pub fn name_at(plant_code: &str, at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    format!("ledger-{plant_code}-{}.db", at.strftime(NAME_TIME))
}

/// A backup in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    at: Timestamp,
    path: PathBuf,
}

/// Makes backups until `stop`.
pub async fn run(agent: Agent, stop: Stop) -> anyhow::Result<()> {
    let Some(settings) = agent.config.ledger.backup.clone() else {
        stop.soft().cancelled().await;
        return Ok(());
    };
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut failed_at: Option<Timestamp> = None;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.soft().cancelled() => return Ok(()),
        }
        let now = agent.clock.now();
        if failed_at.is_some_and(|at| now.duration_since(at) < AGAIN_AFTER) {
            continue;
        }
        match backup_when_due(&agent, &settings, now, &stop).await {
            Ok(newest) => {
                failed_at = None;
                agent.health.backup(|health| {
                    health.last_failure = None;
                    health.newest_at = newest.as_ref().map(|found| found.at);
                    health.newest = newest.map(|found| found.path);
                });
            }
            Err(_) if stop.soft().is_cancelled() => return Ok(()),
            Err(error) => {
                if let Some(BackupError::Damaged(_)) = error.downcast_ref() {
                    // Is it the copy, or what was copied? The ledger notes what it finds.
                    let _ = agent.ledger.read(Reader::check_pages).await;
                }
                let text = words::words(&format!("{error:#}"));
                warn!("no backup of the ledger: {text}");
                metrics::counter!("agog_ledger_backup_failures_total").increment(1);
                if failed_at.is_none() {
                    let alarm = format!("no backup of the ledger: {text}");
                    agent.health.alarm(now, alarm);
                }
                failed_at = Some(now);
                agent
                    .health
                    .backup(|health| health.last_failure = Some(text));
            }
        }
    }
}

/// Makes a backup when the newest one is too old, and removes those that are too many. Answers the newest.
async fn backup_when_due(
    agent: &Agent,
    settings: &BackupConfig,
    now: Timestamp,
    stop: &Stop,
) -> anyhow::Result<Option<Found>> {
    let plant_code = agent.config.agent.plant_code.clone();
    let data_dir = agent.config.agent.data_dir.clone();
    let settings = settings.clone();
    let stop = stop.soft().clone();
    tokio::task::spawn_blocking(move || {
        let folder = &settings.folder;
        let found = found_in(folder, &plant_code)
            .with_context(|| format!("cannot look into `{}`", folder.display()))?;
        // One from the future is of a clock that was wrong.
        let due = found
            .last()
            .is_none_or(|newest| now.duration_since(newest.at).abs() >= settings.every);
        if due {
            let target = folder.join(name_at(&plant_code, now));
            let plan = Plan {
                data_dir: &data_dir,
                target: &target,
                with_key: settings.with_key,
            };
            let report = backup::take(&plan, &|| !stop.is_cancelled())?;
            tell(&report);
        }
        prune(folder, &plant_code, settings.keep)
            .with_context(|| format!("cannot remove old backups in `{}`", folder.display()))
    })
    .await?
}

fn tell(report: &BackupReport) {
    info!(
        "backup `{}`: {} events up to event {} of epoch {}, {} bytes, BLAKE3 {}",
        report.file.display(),
        report.contents.events,
        report.contents.head_seq,
        report.contents.epoch,
        report.bytes,
        report.blake3
    );
}

/// The backups of a plant in a folder, oldest first.
fn found_in(folder: &Path, plant_code: &str) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(time) = name
            .to_str()
            .and_then(|name| name.strip_prefix(&format!("ledger-{plant_code}-")))
            .and_then(|name| name.strip_suffix(".db"))
        else {
            continue;
        };
        let Ok(at) = jiff::civil::DateTime::strptime(NAME_TIME, time) else {
            continue;
        };
        if let Ok(at) = at.to_zoned(TimeZone::UTC) {
            found.push(Found {
                at: at.timestamp(),
                path: folder.join(&name),
            });
        }
    }
    found.sort_by_key(|found| found.at);
    Ok(found)
}

/// The backups of a plant in a folder, the newest first.
pub fn newest_first(folder: &Path, plant_code: &str) -> anyhow::Result<Vec<PathBuf>> {
    let found = found_in(folder, plant_code)
        .with_context(|| format!("cannot look into `{}`", folder.display()))?;
    Ok(found.into_iter().rev().map(|found| found.path).collect())
}

/// Removes all but the newest `keep`, with what was copied beside them; answers the newest.
fn prune(folder: &Path, plant_code: &str, keep: u32) -> io::Result<Option<Found>> {
    let mut found = found_in(folder, plant_code)?;
    let too_many = found.len().saturating_sub(keep as usize);
    for old in found.drain(..too_many) {
        backup::remove(&old.path)?;
    }
    Ok(found.pop())
}

impl BackupHealth {
    /// How old the newest backup is, in seconds.
    pub fn age_s(&self, now: Timestamp) -> Option<u64> {
        let age = now.duration_since(self.newest_at?);
        Some(u64::try_from(age.as_secs()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_backups_of_this_plant_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let at = |day: i64| Timestamp::from_second(1_760_000_000 + day * 86_400).unwrap();
        for day in 0..5 {
            fs::write(folder.path().join(name_at("HAM", at(day))), "").unwrap();
        }
        let key = format!("{}.agent.key", name_at("HAM", at(0)));
        for other in [key.as_str(), &name_at("BER", at(0)), "ledger-HAM-old.db"] {
            fs::write(folder.path().join(other), "").unwrap();
        }

        let newest = prune(folder.path(), "HAM", 2).unwrap().unwrap();

        assert_eq!(newest.at, at(4));
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = vec![
            name_at("BER", at(0)),
            name_at("HAM", at(3)),
            name_at("HAM", at(4)),
            "ledger-HAM-old.db".to_owned(),
        ];
        expected.sort();
        assert_eq!(left, expected);
    }
}
