//! `[ledger]`: room for the ledger, what it takes, and copies of it.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde::Deserialize;

use super::check::Problems;

/// More often, copies would follow each other without a pause.
const EVERY_MIN: SignedDuration = SignedDuration::from_mins(1);

/// Copies of the ledger.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// Room that is kept for the time when the disk is full, in MiB; 0: none.
    #[serde(default = "default_reserve")]
    pub reserve_mib: u32,
    /// What becomes of a command that names something which the office's master data does not have, or has retired.
    #[serde(default)]
    pub master_data: MasterData,
    /// Backups that are made by themselves; none when not set.
    #[serde(default)]
    pub backup: Option<BackupConfig>,
}

/// How much the master data of the office counts at this plant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterData {
    /// The command is recorded, and whoever gave it is warned.
    #[default]
    Warn,
    /// The command is refused, unless it is forced with a reason.
    Refuse,
}

/// Backups that are made by themselves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupConfig {
    /// Where to; relative to the configuration file. It must be there.
    pub folder: PathBuf,
    /// How often, as `24h` or `30m`.
    #[serde(default = "every_day")]
    pub every: SignedDuration,
    /// How many of the newest ones stay.
    #[serde(default = "a_week")]
    pub keep: u32,
    /// The agent's key and enrolment are copied with it.
    #[serde(default)]
    pub with_key: bool,
}

/// Some 20,000 movements: a day of a large plant.
const fn default_reserve() -> u32 {
    32
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            reserve_mib: default_reserve(),
            master_data: MasterData::default(),
            backup: None,
        }
    }
}

const fn every_day() -> SignedDuration {
    SignedDuration::from_hours(24)
}

const fn a_week() -> u32 {
    7
}

impl LedgerConfig {
    /// Bytes of the reserve.
    pub fn reserve_bytes(&self) -> u64 {
        u64::from(self.reserve_mib) * 1024 * 1024
    }

    pub(super) fn complete(&mut self, folder: &Path) {
        if let Some(backup) = &mut self.backup {
            backup.folder = folder.join(&backup.folder);
        }
    }

    pub(super) fn check(&self, found: &mut Problems) {
        let Some(backup) = &self.backup else { return };
        found.add(
            backup.folder.as_os_str().is_empty(),
            "ledger.backup.folder",
            "must not be empty",
        );
        found.add(
            backup.every < EVERY_MIN,
            "ledger.backup.every",
            "must be one minute at least",
        );
        found.add(
            backup.keep == 0,
            "ledger.backup.keep",
            "must be greater than zero",
        );
    }
}
