//! The data folder: made by `init`, used by one running agent at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::config::Config;
use crate::ledger::{Ledger, Reader, restore};
use crate::run::Addresses;

/// Only the agent's user reads and writes here.
const FOLDER_MODE: u32 = 0o700;

/// Only the agent's user reads its files.
const FILE_MODE: u32 = 0o600;

/// Held while an agent runs on the folder. The operating system drops it with the process,
/// however that ends.
pub struct DataDirLock(File);

impl DataDirLock {
    /// Takes the folder, or says who has it.
    pub fn take(data_dir: &Path) -> anyhow::Result<Self> {
        if !data_dir.is_dir() {
            bail!(
                "there is no data folder `{}`; run `agog-edge init` first",
                data_dir.display()
            );
        }
        let path = data_dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)
            .with_context(|| format!("cannot open `{}`", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).unwrap_or_default();
                bail!(
                    "another agog-edge (pid {}) runs on `{}`",
                    holder.trim(),
                    data_dir.display()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock `{}`", path.display()));
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self(file))
    }
}

impl Drop for DataDirLock {
    fn drop(&mut self) {
        // The lock goes with the file in any case.
        let _ = self.0.unlock();
    }
}

/// Makes the folder for this user alone; one that is there is closed to others.
pub fn create(data_dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(data_dir)
        .with_context(|| format!("cannot make data folder `{}`", data_dir.display()))?;
    std::fs::set_permissions(data_dir, std::fs::Permissions::from_mode(FOLDER_MODE)).with_context(
        || {
            format!(
                "cannot close data folder `{}` to others",
                data_dir.display()
            )
        },
    )
}

/// Makes a folder below the data folder, for this user alone.
pub(crate) fn create_private(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().mode(FOLDER_MODE).create(folder)
}

/// Finishes a restore that was killed, where no agent runs that has done so.
pub fn finish_restore(data_dir: &Path) -> anyhow::Result<()> {
    if restore::is_begun(data_dir) {
        let _lock = DataDirLock::take(data_dir)?;
        restore::finish(data_dir)?;
    }
    Ok(())
}

/// Makes an empty file for this user alone, where none is; `SQLite` gives its other files the
/// same rights.
pub fn create_file(path: &Path) -> anyhow::Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .open(path)
        .with_context(|| format!("cannot make `{}`", path.display()))?;
    Ok(())
}

/// A ledger belongs to one plant: its generated lot numbers carry the code.
pub async fn check_plant(config: &Config, ledger: &Ledger) -> anyhow::Result<()> {
    let recorded = ledger.read(Reader::plant_code).await?;
    if recorded != config.agent.plant_code {
        bail!(
            "the ledger in `{}` belongs to plant {recorded}, the configuration says {}; \
             set `agent.plant_code` back or use another `agent.data_dir`",
            config.agent.data_dir.display(),
            config.agent.plant_code
        );
    }
    Ok(())
}

/// Says where the agent listens. Written whole and then renamed, so that a reader never sees half.
pub fn write_run_file(path: &Path, addresses: &Addresses) -> anyhow::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&new)
        .with_context(|| format!("cannot write `{}`", new.display()))?;
    serde_json::to_writer_pretty(&mut file, addresses)?;
    file.write_all(b"\n")?;
    std::fs::rename(&new, path).with_context(|| format!("cannot write `{}`", path.display()))
}
