//! Room on the disk of the data folder.
//!
//! Telemetry gives way first: below twice the reserve, what waits of it is dropped (each drop a `telemetry.gap`) and its file made
//! small. Then the reserve, a file of a fixed size, is freed, so that facts are recorded as before. Only when that is used up too
//! are new facts refused, before anything is written, with an error that says so; whoever asked keeps what it has and
//! comes again. When there is room again, the reserve is made anew, and everything goes on by itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::durable;
use crate::lifecycle::Stop;
use crate::run::Agent;
use crate::telemetry::Telemetry;

/// How often the disk is looked at while nothing is recorded.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Room that a commit, its write-ahead log and a checkpoint need at least.
const NEEDED_MIN: u64 = 1024 * 1024;

/// Zeros are written in pieces of this size where space cannot be had at once.
const PIECE: usize = 64 * 1024;

/// How much room there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    Ample,
    /// Telemetry that waits is dropped.
    Low,
    /// The reserve is used.
    Reserve,
    /// New facts are refused.
    Full,
}

impl Level {
    /// As people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ample => "ample",
            Self::Low => "low: telemetry is dropped",
            Self::Reserve => "full: the reserve is used",
            Self::Full => "FULL: new facts are refused",
        }
    }
}

/// The disk as it was seen last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskHealth {
    pub level: Level,
    pub free_bytes: u64,
    /// Bytes that the reserve holds now.
    pub reserve_bytes: u64,
}

/// Watches the disk of one folder.
pub struct Disk {
    folder: PathBuf,
    /// The reserve when it is whole; 0: there is none, and nothing is watched.
    wanted: u64,
    seen: Mutex<DiskHealth>,
}

impl Disk {
    /// Takes the disk as it is; the reserve is made by the first look.
    pub fn of(folder: &Path, reserve_bytes: u64) -> Self {
        let seen = DiskHealth {
            reserve_bytes: reserve_len(folder),
            ..DiskHealth::default()
        };
        Self {
            folder: folder.to_owned(),
            wanted: reserve_bytes,
            seen: Mutex::new(seen),
        }
    }

    /// For a ledger whose disk nobody watches.
    pub fn unwatched() -> Self {
        Self::of(Path::new("."), 0)
    }

    /// What was seen last.
    pub fn health(&self) -> DiskHealth {
        *self.lock()
    }

    /// Looks how much room there is, and frees the reserve or makes it anew. One call to the system when all is well.
    pub fn look(&self) -> DiskHealth {
        if self.wanted == 0 {
            return DiskHealth::default();
        }
        let mut seen = self.lock();
        match statvfs(&self.folder) {
            Ok(now) => {
                seen.free_bytes = now.f_bavail.saturating_mul(now.f_frsize);
                self.decide(&mut seen);
            }
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "free space unknown"
            ),
        }
        *seen
    }

    /// The disk took no more: the reserve makes room for the next try, whatever the system says is free.
    pub fn is_full(&self) {
        let mut seen = self.lock();
        if self.wanted > 0 && seen.reserve_bytes > 0 {
            self.free_reserve(&mut seen);
        }
    }

    fn decide(&self, seen: &mut DiskHealth) {
        let needed = (self.wanted / 8).max(NEEDED_MIN);
        let low = self.wanted.saturating_mul(2);
        if seen.reserve_bytes > 0 && seen.free_bytes < needed {
            self.free_reserve(seen);
            if let Ok(now) = statvfs(&self.folder) {
                seen.free_bytes = now.f_bavail.saturating_mul(now.f_frsize);
            }
        } else if seen.reserve_bytes < self.wanted && seen.free_bytes >= low + self.wanted {
            match make_reserve(&self.folder, self.wanted) {
                Ok(()) => {
                    if seen.level > Level::Low {
                        info!("there is room on the disk again: the reserve is made anew");
                    }
                    seen.reserve_bytes = self.wanted;
                    seen.free_bytes = seen.free_bytes.saturating_sub(self.wanted);
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "no reserve on the disk"
                    );
                }
            }
        }
        seen.level = if seen.reserve_bytes == 0 {
            if seen.free_bytes < needed {
                Level::Full
            } else {
                Level::Reserve
            }
        } else if seen.free_bytes < low {
            Level::Low
        } else {
            Level::Ample
        };
    }

    fn free_reserve(&self, seen: &mut DiskHealth) {
        match durable::remove(&reserve(&self.folder)) {
            Ok(()) => {
                error!(
                    "the disk of `{}` is full: the reserve of {} bytes is freed, so that facts can be recorded",
                    self.folder.display(),
                    seen.reserve_bytes
                );
                seen.reserve_bytes = 0;
                seen.level = Level::Reserve;
            }
            Err(error) => error!(
                error = &error as &dyn std::error::Error,
                "reserve not freed"
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, DiskHealth> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reserve(folder: &Path) -> PathBuf {
    folder.join("ledger.reserve")
}

fn reserve_len(folder: &Path) -> u64 {
    reserve(folder)
        .metadata()
        .map_or(0, |reserve| reserve.len())
}

/// Takes the room of the reserve, all of it or none.
fn make_reserve(folder: &Path, bytes: u64) -> io::Result<()> {
    let path = reserve(folder);
    let made = fill(&path, bytes);
    if made.is_err() {
        durable::remove(&path)?;
    }
    made
}

fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    if fallocate(&file, FallocateFlags::empty(), 0, bytes).is_err() {
        write_zeros(&file, bytes)?;
    }
    file.sync_all()
}

/// Some file systems give no room ahead of its use.
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        file.write_all(&zeros[..piece])?;
        left -= piece as u64;
    }
    Ok(())
}

/// Looks at the disk until `stop`, and raises an alarm when room runs out.
pub async fn run(agent: Agent, telemetry: Telemetry, stop: Stop) -> anyhow::Result<()> {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut before = Level::Ample;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.soft().cancelled() => return Ok(()),
        }
        let disk = agent.disk.clone();
        let now = tokio::task::spawn_blocking(move || disk.look()).await?;
        // People are told first: making a file smaller takes its time.
        if now.level > before {
            let alarm = format!(
                "disk of `{}` {}; {} MiB free",
                agent.config.agent.data_dir.display(),
                now.level.as_str(),
                now.free_bytes / 1024 / 1024
            );
            warn!("{alarm}");
            agent.health.alarm(agent.clock.now(), alarm);
        }
        if now.level > Level::Ample
            && let Err(error) = telemetry.make_room(agent.clock.now(), now.free_bytes).await
        {
            warn!(
                error = &error as &dyn std::error::Error,
                "telemetry not dropped"
            );
        }
        before = now.level;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVE: u64 = 16 * 1024 * 1024;
    const NEEDED: u64 = RESERVE / 8;

    /// What is decided when so much is free.
    fn decided(disk: &Disk, free_bytes: u64) -> DiskHealth {
        let mut seen = disk.lock();
        seen.free_bytes = free_bytes;
        disk.decide(&mut seen);
        *seen
    }

    #[test]
    fn the_reserve_is_freed_when_room_runs_out_and_made_anew_when_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path(), RESERVE);
        assert_eq!(decided(&disk, 10 * RESERVE).level, Level::Ample);
        assert_eq!(reserve_len(folder.path()), RESERVE);
        assert_eq!(decided(&disk, 2 * RESERVE - 1).level, Level::Low);
        assert_eq!(decided(&disk, NEEDED).level, Level::Low);
        assert_eq!(reserve_len(folder.path()), RESERVE);

        let freed = decided(&disk, NEEDED - 1);

        assert_eq!((freed.level, freed.reserve_bytes), (Level::Reserve, 0));
        assert_eq!(reserve_len(folder.path()), 0);
        assert_eq!(decided(&disk, NEEDED).level, Level::Reserve);
        assert_eq!(decided(&disk, NEEDED - 1).level, Level::Full);
        // Not as soon as there is a little room: it would go to and fro.
        assert_eq!(decided(&disk, 3 * RESERVE - 1).level, Level::Reserve);
        assert_eq!(decided(&disk, 3 * RESERVE).level, Level::Ample);
        assert_eq!(reserve_len(folder.path()), RESERVE);
    }

    #[test]
    fn a_disk_that_takes_no_more_frees_the_reserve_whatever_the_system_says() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path(), RESERVE);
        assert_eq!(decided(&disk, 10 * RESERVE).reserve_bytes, RESERVE);
        disk.is_full();
        assert_eq!(disk.health().reserve_bytes, 0);
        assert_eq!(reserve_len(folder.path()), 0);
    }

    #[test]
    fn a_reserve_that_was_there_before_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        make_reserve(folder.path(), RESERVE).unwrap();
        let disk = Disk::of(folder.path(), RESERVE);
        assert_eq!(disk.health().reserve_bytes, RESERVE);
    }
}
