//! The mark in a folder of a device: a small hidden file that says whose folder it is.
//!
//! A share that is not mounted looks like an empty folder. The mark is written when a folder is used for
//! the first time, and the ledger notes that; from then on a folder without it is not the one that
//! was used: nothing is put there, and nothing that is missing there was taken. Neither is one with
//! the mark of another agent or device.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::place;
use super::watch::blocking;
use crate::durable;
use crate::ledger::controller::Change;
use crate::run::Agent;

/// Device software takes files by their endings, and passes over hidden ones.
pub(crate) const NAME: &str = ".agog-folder";
/// Longer than an agent's id and any device's.
const BYTES_MAX: u64 = 1_024;

/// The folder of a device, by its mark.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    device: String,
    folder: PathBuf,
    /// Whether the folder is known to have been used before.
    is_known: bool,
}

impl Mark {
    pub(crate) fn new(device: &str, folder: &Path) -> Self {
        Self {
            device: device.to_owned(),
            folder: folder.to_owned(),
            is_known: false,
        }
    }

    /// Where the folder really is, if it is the device's; one that was never used becomes it.
    pub(crate) async fn check(&mut self, agent: &Agent) -> io::Result<PathBuf> {
        let text = format!("{} {}\n", agent.ledger.agent_id(), self.device);
        if !self.is_known {
            let (device, folder) = (self.device.clone(), self.name());
            let used = agent
                .ledger
                .read(move |reader| reader.is_folder_used(&device, &folder));
            self.is_known = used.await.map_err(io::Error::other)?;
        }
        let (folder, is_known) = (self.folder.clone(), self.is_known);
        let data_dir = agent.config.agent.data_dir.clone();
        let real = blocking(move || check(&folder, &data_dir, &text, is_known)).await?;
        if !self.is_known {
            let used = Change::FolderUsed {
                device: self.device.clone(),
                folder: self.name(),
            };
            agent.ledger.change(used).await.map_err(io::Error::other)?;
            self.is_known = true;
        }
        Ok(real)
    }

    /// The folder as the ledger names it.
    fn name(&self) -> String {
        self.folder.to_string_lossy().into_owned()
    }
}

fn check(folder: &Path, data_dir: &Path, text: &str, is_known: bool) -> io::Result<PathBuf> {
    let real = if is_known {
        place::existing(folder, data_dir)?
    } else {
        place::real(folder, data_dir)?
    };
    let mark = real.join(NAME);
    match place::read(&mark, BYTES_MAX) {
        Ok(Some(there)) if there == text.as_bytes() => Ok(real),
        Ok(there) => {
            let there = there.unwrap_or_default();
            let whose = String::from_utf8_lossy(&there);
            let text = format!(
                "`{}` is of another agent or device (`{NAME}` in it says `{}`); remove that file if it is not",
                folder.display(),
                whose.trim()
            );
            Err(io::Error::other(text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && is_known => {
            let text = format!(
                "`{}` is not the folder that was used before: `{NAME}` is missing in it. Is the share \
                 mounted? If it is to be used, write `{}` into that file",
                folder.display(),
                text.trim()
            );
            Err(io::Error::new(ErrorKind::NotFound, text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let new = real.join(format!("{NAME}-new"));
            place::write_hidden(&new, |file| file.write_all(text.as_bytes()))?;
            durable::rename_new(&new, &mark)?;
            durable::sync_folder(&real)?;
            Ok(real)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_marked_once_and_another_one_in_its_place_is_not_taken_for_it() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir(at("data")).unwrap();
        let of = |text: &str, is_known| check(&at("in"), &at("data"), text, is_known);
        of("agent-1 gluer-1\n", false).unwrap();
        assert_eq!(
            std::fs::read(at("in").join(NAME)).unwrap(),
            b"agent-1 gluer-1\n"
        );
        of("agent-1 gluer-1\n", true).unwrap();
        for other in ["agent-2 gluer-1\n", "agent-1 gluer-2\n"] {
            let error = of(other, false).unwrap_err().to_string();
            assert!(error.contains("agent-1 gluer-1"), "{error}");
        }

        std::fs::rename(at("in"), at("share")).unwrap();
        let error = of("agent-1 gluer-1\n", true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!at("in").exists(), "a mount point is not made");
        std::fs::create_dir(at("in")).unwrap();
        let error = of("agent-1 gluer-1\n", true).unwrap_err().to_string();
        assert!(error.contains("mounted"), "{error}");
        assert!(!at("in").join(NAME).exists());
    }
}
