//! Hot folders: of devices without JMF, and of offices that drop tickets.
//!
//! Paths are relative to the configuration file and absolute once they are read. They are compared
//! here as they are written; where symbolic links lead is looked at when a folder is used
//! (`folder::place`).

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Config;
use super::check::Problems;

/// The folders of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// Where tickets for the device are put.
    pub to: PathBuf,
    /// Where the device puts tickets that it has worked on.
    pub from: PathBuf,
    /// Where files go that were taken in; `done` in `from` when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<PathBuf>,
    /// Where files go that cannot be taken in; `failed` in `from` when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<PathBuf>,
    /// Files that were taken in are deleted instead of moved.
    #[serde(default, skip_serializing_if = "is_false")]
    pub delete_done: bool,
    /// A ticket with files goes as one MIME package (`.mjd`), not as files beside each other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub package: bool,
}

/// A folder in which others drop tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxConfig {
    /// Where tickets are dropped.
    pub folder: PathBuf,
    /// The device that they are for.
    pub device: String,
    /// Where the tickets go when the device has returned them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<PathBuf>,
    /// As for devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<PathBuf>,
    /// As for devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<PathBuf>,
    /// As for devices.
    #[serde(default, skip_serializing_if = "is_false")]
    pub delete_done: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// A folder that is looked into, and what becomes of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub folder: PathBuf,
    /// None: what was taken in is deleted.
    pub done: Option<PathBuf>,
    pub failed: PathBuf,
}

impl Watched {
    fn new(
        folder: &Path,
        done: Option<&PathBuf>,
        failed: Option<&PathBuf>,
        delete_done: bool,
    ) -> Self {
        let or =
            |path: Option<&PathBuf>, name: &str| path.cloned().unwrap_or_else(|| folder.join(name));
        Self {
            folder: folder.to_owned(),
            done: (!delete_done).then(|| or(done, "done")),
            failed: or(failed, "failed"),
        }
    }
}

impl FolderConfig {
    /// Makes the paths absolute, relative to the folder of the configuration file.
    pub fn complete(&mut self, base: &Path) {
        for path in [&mut self.to, &mut self.from] {
            *path = absolute(base, path);
        }
        for path in [&mut self.done, &mut self.failed].into_iter().flatten() {
            *path = absolute(base, path);
        }
    }

    /// The folder that the device writes into.
    pub fn watched(&self) -> Watched {
        Watched::new(
            &self.from,
            self.done.as_ref(),
            self.failed.as_ref(),
            self.delete_done,
        )
    }
}

impl InboxConfig {
    pub(super) fn complete(&mut self, base: &Path) {
        self.folder = absolute(base, &self.folder);
        let others = [&mut self.return_to, &mut self.done, &mut self.failed];
        for path in others.into_iter().flatten() {
            *path = absolute(base, path);
        }
    }

    pub fn watched(&self) -> Watched {
        Watched::new(
            &self.folder,
            self.done.as_ref(),
            self.failed.as_ref(),
            self.delete_done,
        )
    }
}

/// An empty path stays as it is, so that the checks can name it.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() {
        return PathBuf::new();
    }
    let joined = base.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

/// One use of a folder.
struct Use<'c> {
    key: String,
    path: &'c Path,
    /// Several may put returned tickets into one folder.
    is_return: bool,
}

/// Whether one path is the other or lies in it.
pub(crate) fn overlap(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Checks all folders. No two may be the same or in each other, because files would go in circles.
pub(super) fn check(config: &Config, data_dir: &Path, found: &mut Problems) {
    let mut uses = Vec::new();
    for (index, device) in config.devices.iter().enumerate() {
        if let Some(folder) = &device.folder {
            let key = |name: &str| format!("device[{index}].folder.{name}");
            of_device(folder, &key, &mut uses, found);
        }
    }
    for (index, inbox) in config.inboxes.iter().enumerate() {
        let key = |name: &str| format!("inbox[{index}].{name}");
        found.name(&inbox.device, key("device"));
        of_inbox(inbox, &key, &mut uses, found);
    }
    apart(&uses, data_dir, found);
}

/// Checks the folders of one device that is added to what there is.
pub(super) fn check_one(
    folder: &FolderConfig,
    config: &Config,
    others: &[super::DeviceConfig],
    found: &mut Problems,
) {
    let mut uses = Vec::new();
    of_device(folder, &|name| format!("folder.{name}"), &mut uses, found);
    let mut taken = Vec::new();
    let mut ignored = Problems::default();
    for other in others {
        if let Some(folder) = &other.folder {
            let key = |name: &str| format!("folder.{name} of device {}", other.id);
            of_device(folder, &key, &mut taken, &mut ignored);
        }
    }
    for (index, inbox) in config.inboxes.iter().enumerate() {
        let key = |name: &str| format!("inbox[{index}].{name}");
        of_inbox(inbox, &key, &mut taken, &mut ignored);
    }
    apart(&uses, &config.agent.data_dir, found);
    for own in &uses {
        for other in &taken {
            found.add(
                overlap(own.path, other.path),
                own.key.as_str(),
                format!("is the same as `{}`, or one is in the other", other.key),
            );
        }
    }
}

fn of_device<'c>(
    folder: &'c FolderConfig,
    key: &dyn Fn(&str) -> String,
    uses: &mut Vec<Use<'c>>,
    found: &mut Problems,
) {
    for (name, path) in [("to", &folder.to), ("from", &folder.from)] {
        usable(path, &key(name), found);
        uses.push(Use {
            key: key(name),
            path,
            is_return: false,
        });
    }
    aside(
        &folder.from,
        [("done", &folder.done), ("failed", &folder.failed)],
        key,
        uses,
        found,
    );
}

fn of_inbox<'c>(
    inbox: &'c InboxConfig,
    key: &dyn Fn(&str) -> String,
    uses: &mut Vec<Use<'c>>,
    found: &mut Problems,
) {
    usable(&inbox.folder, &key("folder"), found);
    uses.push(Use {
        key: key("folder"),
        path: &inbox.folder,
        is_return: false,
    });
    if let Some(path) = &inbox.return_to {
        usable(path, &key("return_to"), found);
        uses.push(Use {
            key: key("return_to"),
            path,
            is_return: true,
        });
    }
    aside(
        &inbox.folder,
        [("done", &inbox.done), ("failed", &inbox.failed)],
        key,
        uses,
        found,
    );
}

/// Folders for what was looked at may lie in the folder that it comes from, and nowhere else.
fn aside<'c>(
    watched: &Path,
    paths: [(&str, &'c Option<PathBuf>); 2],
    key: &dyn Fn(&str) -> String,
    uses: &mut Vec<Use<'c>>,
    found: &mut Problems,
) {
    for (name, path) in paths {
        let Some(path) = path else { continue };
        usable(path, &key(name), found);
        let is_inside = path.starts_with(watched) && path != watched;
        if !is_inside {
            uses.push(Use {
                key: key(name),
                path,
                is_return: false,
            });
        }
    }
}

fn usable(path: &Path, key: &str, found: &mut Problems) {
    let climbs = path.components().any(|part| part == Component::ParentDir);
    found.add(path.as_os_str().is_empty(), key, "must not be empty");
    found.add(
        climbs,
        key,
        format!("is `{}`; write it without `..`", path.display()),
    );
}

fn apart(uses: &[Use<'_>], data_dir: &Path, found: &mut Problems) {
    for (index, one) in uses.iter().enumerate() {
        if one.path.as_os_str().is_empty() {
            continue;
        }
        found.add(
            overlap(one.path, data_dir),
            one.key.as_str(),
            "is the data folder, or one is in the other",
        );
        for other in &uses[..index] {
            let both_return = one.is_return && other.is_return && one.path == other.path;
            found.add(
                !other.path.as_os_str().is_empty() && !both_return && overlap(one.path, other.path),
                one.key.as_str(),
                format!("is the same as `{}`, or one is in the other", other.key),
            );
        }
    }
}
