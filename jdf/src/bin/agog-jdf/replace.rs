//! Files that are there as a whole or not at all: written beside their place under another name, then renamed.
//! Devices and pipes, such as `/dev/null`, are written to as they are.

use std::collections::hash_map::RandomState;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher as _};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// A file on the way to its place. Unless it is finished, nothing of it stays.
pub(crate) struct Replacement {
    file: File,
    /// Empty once it was renamed, and where nothing is to be renamed.
    temporary: PathBuf,
    target: PathBuf,
}

impl Replacement {
    /// Begins a file that will stand at `target`, in place of what is there. A symbolic link stays one: what it
    /// leads to is replaced.
    pub(crate) fn of(target: &Path) -> Result<Self> {
        ensure!(
            target != Path::new("-"),
            "what is written needs the name of a file, not `-`"
        );
        let target = std::fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let old = std::fs::metadata(&target).ok();
        if let Some(old) = old.as_ref().filter(|old| !old.is_file()) {
            ensure!(!old.is_dir(), "`{}` is a folder", target.display());
            let file = OpenOptions::new().write(true).open(&target);
            return Ok(Self {
                file: file.with_context(|| format!("cannot write `{}`", target.display()))?,
                temporary: PathBuf::new(),
                target,
            });
        }
        let name = target
            .file_name()
            .with_context(|| format!("`{}` is no name for a file", target.display()))?;
        let name = format!(".{}.{:032x}.tmp", name.to_string_lossy(), random_bits());
        let temporary = target.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .with_context(|| format!("cannot write beside `{}`", target.display()))?;
        let replacement = Self {
            file,
            temporary,
            target,
        };
        if let Some(old) = old {
            replacement
                .file
                .set_permissions(old.permissions())
                .with_context(|| {
                    format!("cannot write beside `{}`", replacement.target.display())
                })?;
        }
        Ok(replacement)
    }

    /// The same with its content; what is left is to finish it.
    pub(crate) fn with(target: &Path, bytes: &[u8]) -> Result<Self> {
        let mut replacement = Self::of(target)?;
        replacement
            .write_all(bytes)
            .with_context(|| format!("cannot write `{}`", target.display()))?;
        Ok(replacement)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.temporary.as_os_str().is_empty() {
            return self.file.flush();
        }
        self.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.target)?;
        self.temporary = PathBuf::new();
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // The error that is already on its way tells more than one from cleaning up.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a file as a whole or not at all.
pub(crate) fn write(target: &Path, bytes: &[u8]) -> Result<()> {
    let finished = Replacement::with(target, bytes)?.finish();
    finished.with_context(|| format!("cannot write `{}`", target.display()))
}

/// Whether two paths mean one file, be it there or not.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = path.parent().unwrap_or(Path::new("")).join(".");
        path.canonicalize().or_else(|_| {
            let name = path.file_name().unwrap_or_default();
            folder.canonicalize().map(|folder| folder.join(name))
        })
    };
    one == other || matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other)
}

/// Bits that nobody else can foresee: the standard library keys its hash tables with bits from the operating system.
pub(crate) fn random_bits() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    (half() << 64) | half()
}
