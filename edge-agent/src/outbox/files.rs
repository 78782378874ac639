//! Files that go to devices with tickets, in `files/` of the data folder, named by their BLAKE3 hash.
//!
//! A file is written under a temporary name while its hash is computed, and gets its own name only
//! when it is whole; what was cut off begins anew. Nothing is ever held in memory but a chunk.
//!
//! Limits: [`FILE_BYTES_MAX`] per file; a file that no open job names is kept for [`UNUSED_KEPT`].

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use agog_jdf::package::Package;
use agog_sync::chain::Hash;
use agog_sync::frame::TicketFile;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tracing::warn;

/// The largest file: print-ready PDFs have up to some gigabytes.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How long a file waits for the job that names it, and outlasts it.
pub const UNUSED_KEPT: Duration = Duration::from_hours(1);
/// The ending of files that are not whole.
const PARTIAL: &str = "part";

/// A file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    pub blake3: Hash,
    pub bytes: u64,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the file has {found} bytes and not the {expected} that were announced")]
    OtherLength { found: u64, expected: u64 },
    #[error("the file has the hash {found} and not {expected}, as was announced")]
    OtherContent { found: Hash, expected: Hash },
    #[error("the file did not come to its end: {0}")]
    CutOff(String),
    #[error("the file cannot be stored")]
    Store(#[source] io::Error),
}

/// The folder of files.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Makes temporary names differ.
    partial: AtomicU64,
    arrived: watch::Sender<u64>,
}

impl Files {
    pub fn new(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join("files"),
            partial: AtomicU64::new(0),
            arrived: watch::channel(0).0,
        }
    }

    pub fn path(&self, hash: Hash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    /// The size of a file; none when it is not there.
    pub async fn size(&self, hash: Hash) -> io::Result<Option<u64>> {
        match tokio::fs::metadata(self.path(hash)).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes when a file has come.
    pub fn arrived(&self) -> watch::Receiver<u64> {
        self.arrived.subscribe()
    }

    /// Takes the files of a MIME package: all parts but tickets and messages.
    pub async fn of_package(&self, package: &Package<'_>) -> Result<Vec<TicketFile>, FileError> {
        let parts = package.parts.iter();
        let parts = parts.filter(|part| !part.is_jdf() && !part.is_jmf());
        let mut files = Vec::new();
        for (index, part) in parts.enumerate() {
            let name = part.file_name.clone();
            let id = part.content_id.clone().or_else(|| name.clone());
            let body = Bytes::copy_from_slice(part.body());
            let stored = self
                .receive(stream::iter([Ok::<_, io::Error>(body)]), None)
                .await?;
            files.push(TicketFile {
                content_id: id.unwrap_or_else(|| format!("part-{index}")),
                name: name.unwrap_or_else(|| format!("part-{index}")),
                media_type: part.content_type.clone(),
                bytes: stored.bytes,
                blake3: stored.blake3,
            });
        }
        Ok(files)
    }

    /// Takes a file from a stream. It is on the disk, whole and with the expected content, when this
    /// returns.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        mut content: impl Stream<Item = Result<Bytes, E>> + Unpin,
        expected: Option<StoredFile>,
    ) -> Result<StoredFile, FileError> {
        let limit = expected.map_or(FILE_BYTES_MAX, |expected| expected.bytes);
        let partial = self.begin().map_err(FileError::Store)?;
        let mut file = tokio::fs::File::create(&partial.0)
            .await
            .map_err(FileError::Store)?;
        let mut hasher = blake3::Hasher::new();
        let mut bytes = 0;
        while let Some(chunk) = content.next().await {
            let chunk = chunk.map_err(|error| FileError::CutOff(error.to_string()))?;
            bytes += chunk.len() as u64;
            if bytes > FILE_BYTES_MAX {
                return Err(FileError::TooLarge);
            }
            if bytes > limit {
                let (found, expected) = (bytes, limit);
                return Err(FileError::OtherLength { found, expected });
            }
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(FileError::Store)?;
        }
        let found = StoredFile {
            blake3: Hash::from_bytes(*hasher.finalize().as_bytes()),
            bytes,
        };
        if let Some(expected) = expected {
            if found.bytes != expected.bytes {
                let (found, expected) = (found.bytes, expected.bytes);
                return Err(FileError::OtherLength { found, expected });
            }
            if found.blake3 != expected.blake3 {
                let (found, expected) = (found.blake3, expected.blake3);
                return Err(FileError::OtherContent { found, expected });
            }
        }
        file.flush().await.map_err(FileError::Store)?;
        file.sync_all().await.map_err(FileError::Store)?;
        drop(file);
        tokio::fs::rename(&partial.0, self.path(found.blake3))
            .await
            .map_err(FileError::Store)?;
        self.arrived.send_modify(|count| *count += 1);
        Ok(found)
    }

    fn begin(&self) -> io::Result<Partial> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let n = self.partial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{n}.{PARTIAL}", std::process::id());
        Ok(Partial(self.folder.join(name)))
    }

    /// Removes the files that no open job needs and that are old enough, and what is left of files
    /// that never came to their end.
    pub fn sweep(&self, needed: &BTreeSet<Hash>, now: SystemTime) -> io::Result<()> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let modified = entry.metadata()?.modified()?;
            // A file of the future: a clock was set back.
            let age = now.duration_since(modified).unwrap_or_default();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_needed = name.parse().is_ok_and(|hash| needed.contains(&hash));
            if is_needed || age < UNUSED_KEPT {
                continue;
            }
            std::fs::remove_file(entry.path())?;
        }
        Ok(())
    }
}

/// A file that is not whole yet; removed when it is dropped before it got its name.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => warn!(
                error = &error as &dyn std::error::Error,
                "part of a file not removed"
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn chunks(
        text: &'static [&'static str],
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
        stream::iter(
            text.iter()
                .map(|part| Ok(Bytes::from_static(part.as_bytes()))),
        )
    }

    fn names(folder: &Path) -> usize {
        std::fs::read_dir(folder.join("files")).unwrap().count()
    }

    #[tokio::test]
    async fn a_file_has_its_name_only_when_it_is_whole_and_as_announced() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        let stored = files
            .receive(chunks(&["%PDF", "-1.7"]), None)
            .await
            .unwrap();
        assert_eq!(stored.bytes, 8);
        assert_eq!(
            std::fs::read(files.path(stored.blake3)).unwrap(),
            b"%PDF-1.7"
        );

        let other = files.receive(chunks(&["%PDF-1.6"]), Some(stored)).await;
        assert!(
            matches!(other, Err(FileError::OtherContent { .. })),
            "{other:?}"
        );
        let longer = files
            .receive(chunks(&["%PDF-1.7", "\n"]), Some(stored))
            .await;
        assert!(
            matches!(longer, Err(FileError::OtherLength { .. })),
            "{longer:?}"
        );
        let cut = stream::iter([Ok(Bytes::from_static(b"%PDF")), Err("gone")]);
        let cut = files.receive(cut, Some(stored)).await;
        assert!(matches!(cut, Err(FileError::CutOff(_))), "{cut:?}");
        assert_eq!(
            names(folder.path()),
            1,
            "nothing is left of what was not taken"
        );
    }

    #[tokio::test]
    async fn a_file_is_kept_while_an_open_job_names_it_and_a_little_longer() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        let stored = files.receive(chunks(&["%PDF-1.7"]), None).await.unwrap();
        let written = std::fs::metadata(files.path(stored.blake3)).unwrap();
        let written = written.modified().unwrap();
        let needed = BTreeSet::from([stored.blake3]);
        let later = written + UNUSED_KEPT;

        files.sweep(&needed, later).unwrap();
        files
            .sweep(&BTreeSet::new(), written + UNUSED_KEPT / 2)
            .unwrap();
        assert_eq!(names(folder.path()), 1);

        files.sweep(&BTreeSet::new(), later).unwrap();
        assert_eq!(names(folder.path()), 0);
    }
}
