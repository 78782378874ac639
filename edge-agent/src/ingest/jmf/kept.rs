//! Returned tickets that cannot be read are kept as files, so that a person can see what a job has
//! used and made.
//!
//! A file is named by the time of its arrival and the hash of what it holds; the same body is kept
//! once. Limits: [`FILES_MAX`] files and [`BYTES_MAX`]; the oldest are dropped, which is counted.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// More than a person looks through.
const FILES_MAX: usize = 100;
/// Two of the largest bodies, or many of the usual ones.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// As much of the hash as tells bodies apart.
const HASH_CHARS: usize = 16;

/// A body that is kept.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) hash: String,
}

/// Keeps `body` in the folder of returns. Blocks.
pub(super) fn keep(folder: &Path, body: &[u8], now: Timestamp) -> std::io::Result<Kept> {
    std::fs::create_dir_all(folder)?;
    let hash = blake3::hash(body).to_hex()[..HASH_CHARS].to_owned();
    let mut files = files(folder)?;
    let same = |(path, _): &&(PathBuf, u64)| {
        let name = path.file_stem().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(&hash))
    };
    if let Some((path, _)) = files.iter().find(same) {
        return Ok(Kept {
            path: path.clone(),
            hash,
        });
    }
    let stamp = now.strftime("%Y%m%dT%H%M%S%6fZ");
    let path = folder.join(format!("{stamp}-{hash}.bin"));
    // Whole before it has its name: what is cut off here must not pass for it later.
    let partial = folder.join(format!("{hash}.new"));
    let mut file = std::fs::File::create(&partial)?;
    file.write_all(body)?;
    file.sync_all()?;
    std::fs::rename(&partial, &path)?;
    files.push((path.clone(), body.len() as u64));
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let mut count = files.len();
    for (old, size) in &files {
        if (count <= FILES_MAX && bytes <= BYTES_MAX) || *old == path {
            break;
        }
        std::fs::remove_file(old)?;
        metrics::counter!("agog_jmf_kept_returns_dropped_total").increment(1);
        bytes -= size;
        count -= 1;
    }
    Ok(Kept { path, hash })
}

/// The kept files with their sizes.
fn files(folder: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|it| it == "bin") {
            files.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_same_body_is_kept_once_and_the_oldest_is_dropped_when_there_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let returns = folder.path().join("returns");
        let first = keep(&returns, b"first", at(1)).unwrap();
        assert_eq!(keep(&returns, b"first", at(2)).unwrap().path, first.path);
        for n in 0..FILES_MAX {
            let body = format!("body {n}");
            keep(
                &returns,
                body.as_bytes(),
                at(10 + i64::try_from(n).unwrap()),
            )
            .unwrap();
        }
        assert!(!first.path.exists());
        assert_eq!(files(&returns).unwrap().len(), FILES_MAX);
    }
}
