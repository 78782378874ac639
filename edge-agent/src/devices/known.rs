//! Which devices the plant has: those of the configuration file, and those that were added over the
//! API while the agent ran. Whoever needs a device asks here; whoever works for each device follows
//! the changes ([`Running`]).
//!
//! Devices of the API lie in `devices.json` of the data folder, written whole before they take effect.
//! A device of the file cannot be changed here, and wins over one of the API with the same id.
//!
//! Limits: [`DEVICES_MAX`] devices, [`FILE_BYTES_MAX`] for the file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::config::{Config, DeviceConfig, Problem};

/// More devices than the largest plant has.
pub const DEVICES_MAX: usize = 1_000;
/// Room for so many devices with all their settings.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What a reader does with a newer file: it says so and does not start.
const VERSION: u32 = 1;

/// Where a device is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// In the configuration file.
    File,
    /// Over the API.
    Api,
}

/// Why the devices are not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("device {id} is written in `{file}`; change it there and restart the agent")]
    InFile { id: String, file: String },
    #[error("there is a device {0} already")]
    Exists(String),
    #[error("no device {0} is known")]
    Unknown(String),
    #[error("there are {DEVICES_MAX} devices already")]
    Full,
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Problem>),
    #[error("`devices.json` cannot be written")]
    Store(#[source] io::Error),
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    version: u32,
    devices: Vec<DeviceConfig>,
}

/// A cheap handle.
#[derive(Debug, Clone)]
pub struct Devices(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Arc<Config>,
    /// Held while the devices are changed.
    of_api: Mutex<Vec<DeviceConfig>>,
    all: watch::Sender<Arc<[DeviceConfig]>>,
}

impl Devices {
    /// The devices of the file; [`Self::load`] adds the others.
    pub fn new(config: Arc<Config>) -> Self {
        let all = watch::channel(config.devices.as_slice().into()).0;
        Self(Arc::new(Shared {
            config,
            of_api: Mutex::default(),
            all,
        }))
    }

    /// Reads the devices that were added over the API before.
    pub fn load(&self) -> io::Result<()> {
        let path = self.path();
        let mut devices = match read(&path) {
            Ok(stored) => stored.devices,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let text = format!("`{}`: {error}", path.display());
                return Err(io::Error::new(error.kind(), text));
            }
        };
        devices.retain(|device| {
            let is_hidden = self.is_in_file(&device.id);
            if is_hidden {
                warn!(
                    device.id = %device.id,
                    "device {} of the API is not used: the configuration file has one of its own",
                    device.id
                );
            }
            !is_hidden
        });
        let mut of_api = self.lock();
        *of_api = devices;
        self.publish(&of_api);
        Ok(())
    }

    /// All devices as they are now.
    pub fn all(&self) -> Arc<[DeviceConfig]> {
        self.0.all.borrow().clone()
    }

    pub fn get(&self, id: &str) -> Option<DeviceConfig> {
        let all = self.0.all.borrow();
        all.iter().find(|device| device.id == id).cloned()
    }

    /// What people call a device.
    pub fn name_of(&self, id: &str) -> Option<String> {
        let all = self.0.all.borrow();
        all.iter().find(|device| device.id == id)?.name.clone()
    }

    pub fn contains(&self, id: &str) -> bool {
        self.0.all.borrow().iter().any(|device| device.id == id)
    }

    /// Whether that is a device that sends messages. One with folders does so only where it is said from where.
    pub fn speaks_jmf(&self, id: &str) -> bool {
        let all = self.0.all.borrow();
        let device = all.iter().find(|device| device.id == id);
        device.is_some_and(DeviceConfig::speaks_jmf)
    }

    /// Whether that is a device whose messages do not come from this address.
    pub fn is_elsewhere(&self, id: &str, address: Option<IpAddr>) -> bool {
        let must_be_known = self.must_be_known();
        let all = self.0.all.borrow();
        let device = all.iter().find(|device| device.id == id);
        device.is_some_and(|device| !device.is_at(address, must_be_known))
    }

    /// Whether the messages of some device may come from this address.
    pub fn may_call(&self, address: Option<IpAddr>) -> bool {
        let must_be_known = self.must_be_known();
        let all = self.0.all.borrow();
        all.iter()
            .filter(|device| device.speaks_jmf())
            .any(|device| device.is_at(address, must_be_known))
    }

    fn must_be_known(&self) -> bool {
        !self.0.config.jmf.known_senders.is_empty()
    }

    /// Changes whenever a device was added, changed or removed.
    pub fn changes(&self) -> watch::Receiver<Arc<[DeviceConfig]>> {
        self.0.all.subscribe()
    }

    pub fn origin(&self, id: &str) -> Origin {
        if self.is_in_file(id) {
            Origin::File
        } else {
            Origin::Api
        }
    }

    /// Adds a device. Blocks.
    pub fn add(&self, device: DeviceConfig) -> Result<(), ChangeError> {
        self.change(|of_api| {
            if self.is_in_file(&device.id) || of_api.iter().any(|known| known.id == device.id) {
                return Err(ChangeError::Exists(device.id));
            }
            self.check(&device, of_api)?;
            if of_api.len() + self.0.config.devices.len() >= DEVICES_MAX {
                return Err(ChangeError::Full);
            }
            of_api.push(device);
            Ok(())
        })
    }

    /// Replaces a device that was added over the API. Blocks.
    pub fn replace(&self, device: DeviceConfig) -> Result<(), ChangeError> {
        self.change(|of_api| {
            let at = self.position(of_api, &device.id)?;
            let before = of_api.remove(at);
            if let Err(error) = self.check(&device, of_api) {
                of_api.insert(at, before);
                return Err(error);
            }
            of_api.insert(at, device);
            Ok(())
        })
    }

    /// Removes a device that was added over the API. Blocks.
    pub fn remove(&self, id: &str) -> Result<(), ChangeError> {
        self.change(|of_api| {
            let at = self.position(of_api, id)?;
            of_api.remove(at);
            Ok(())
        })
    }

    /// The change takes effect when it is on the disk, and not at all when it cannot be written.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<DeviceConfig>) -> Result<(), ChangeError>,
    ) -> Result<(), ChangeError> {
        let mut of_api = self.lock();
        let mut changed = of_api.clone();
        change(&mut changed)?;
        let stored = Stored {
            version: VERSION,
            devices: changed,
        };
        write(&self.path(), &stored).map_err(ChangeError::Store)?;
        *of_api = stored.devices;
        self.publish(&of_api);
        Ok(())
    }

    fn position(&self, of_api: &[DeviceConfig], id: &str) -> Result<usize, ChangeError> {
        if self.is_in_file(id) {
            return Err(ChangeError::InFile {
                id: id.to_owned(),
                file: self.0.config.path.display().to_string(),
            });
        }
        let at = of_api.iter().position(|device| device.id == id);
        at.ok_or_else(|| ChangeError::Unknown(id.to_owned()))
    }

    fn check(&self, device: &DeviceConfig, of_api: &[DeviceConfig]) -> Result<(), ChangeError> {
        let others: Vec<_> = self
            .0
            .config
            .devices
            .iter()
            .chain(of_api)
            .cloned()
            .collect();
        let problems = self.0.config.problems_of(device, &others);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ChangeError::Wrong(problems))
        }
    }

    fn is_in_file(&self, id: &str) -> bool {
        let mut devices = self.0.config.devices.iter();
        devices.any(|device| device.id == id)
    }

    fn publish(&self, of_api: &[DeviceConfig]) {
        let devices = self.0.config.devices.iter().chain(of_api);
        self.0.all.send_replace(devices.cloned().collect());
    }

    fn path(&self) -> PathBuf {
        self.0.config.agent.data_dir.join("devices.json")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<DeviceConfig>> {
        self.0.of_api.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<Stored> {
    let mut text = String::new();
    File::open(path)?
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)?;
    let stored: Stored = serde_json::from_str(&text)?;
    if stored.version != VERSION {
        let text = format!("version {}, expected {VERSION}", stored.version);
        return Err(io::Error::other(text));
    }
    Ok(stored)
}

/// Written beside and then renamed, so that a reader never sees half.
fn write(path: &Path, stored: &Stored) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    serde_json::to_writer_pretty(&mut file, stored)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// One task per device: started when the device comes, ended when it goes or is changed.
#[derive(Default)]
pub(crate) struct Running(BTreeMap<String, (DeviceConfig, AbortOnDropHandle<()>)>);

impl Running {
    /// Ends the tasks of devices that are gone or changed; they have ended when this tells which.
    pub(crate) async fn end(&mut self, wanted: &[DeviceConfig]) -> Vec<String> {
        let is_wanted = |device: &DeviceConfig| wanted.contains(device);
        let ended: Vec<String> = self
            .0
            .iter()
            .filter(|(_, (device, _))| !is_wanted(device))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &ended {
            if let Some((_, task)) = self.0.remove(id) {
                task.abort();
                // Nobody waits for what it says: it works for ever.
                let _ = task.await;
            }
        }
        ended
    }

    /// Starts a task for each device that has none.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        wanted: &[DeviceConfig],
        mut task: impl FnMut(DeviceConfig) -> F,
    ) {
        for device in wanted {
            if !self.0.contains_key(&device.id) {
                let handle = AbortOnDropHandle::new(tokio::spawn(task(device.clone())));
                self.0.insert(device.id.clone(), (device.clone(), handle));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(folder: &Path) -> Devices {
        let path = folder.join("agog-edge.toml");
        let text = "[agent]\ndata_dir = \"data\"\nplant_code = \"HAM\"\nplant_name = \"Hamburg\"\n\
                    [[device]]\nid = \"press-1\"\nurl = \"http://press-1/\"\n";
        std::fs::write(&path, text).unwrap();
        std::fs::create_dir_all(folder.join("data")).unwrap();
        let devices = Devices::new(Arc::new(Config::load(&path).unwrap()));
        devices.load().unwrap();
        devices
    }

    fn device(text: &str) -> DeviceConfig {
        toml::from_str(text).unwrap()
    }

    fn ids(devices: &Devices) -> Vec<String> {
        devices.all().iter().map(|it| it.id.clone()).collect()
    }

    #[test]
    fn devices_of_the_api_are_there_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let before = devices(folder.path());
        let added = device(
            "id = \"cutter-1\"\nurl = \"http://cutter/\"\nprofile = \"strict\"\n[settings]\nheartbeat_s = 3\n",
        );
        before.add(added.clone()).unwrap();
        before
            .add(device("id = \"gluer-1\"\nurl = \"http://gluer/\""))
            .unwrap();
        before.remove("gluer-1").unwrap();

        let after = devices(folder.path());
        assert_eq!(ids(&after), ["press-1", "cutter-1"]);
        assert_eq!(after.get("cutter-1"), Some(added));
        assert_eq!(after.origin("cutter-1"), Origin::Api);
    }

    #[test]
    fn a_device_of_the_file_is_not_changed_and_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices(folder.path());
        let error = devices.remove("press-1").unwrap_err().to_string();
        assert!(error.contains("agog-edge.toml"), "{error}");
        let again = device("id = \"press-1\"\nurl = \"http://other/\"");
        assert!(matches!(devices.add(again), Err(ChangeError::Exists(_))));
    }

    #[test]
    fn wrong_values_are_named_and_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices(folder.path());
        let wrong = device("id = \"x\"\nurl = \"ftp://x\"\n[settings]\nheartbeat_s = 0\n");
        let error = devices.add(wrong).unwrap_err().to_string();
        assert!(
            error.contains("`url`") && error.contains("`settings.heartbeat_s`"),
            "{error}"
        );
        let inside = device(&format!(
            "id = \"y\"\ntransport = \"folder\"\nfolder = {{ to = \"{0}/data/in\", from = \"{0}/out\" }}",
            folder.path().display()
        ));
        let error = devices.add(inside).unwrap_err().to_string();
        assert!(
            error.contains("`folder.to`") && error.contains("data folder"),
            "{error}"
        );
        assert_eq!(ids(&devices), ["press-1"]);
        assert!(!folder.path().join("data/devices.json").exists());
    }

    #[test]
    fn a_file_of_a_later_version_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices(folder.path());
        let path = folder.path().join("data/devices.json");
        std::fs::write(path, "{\"version\":2,\"devices\":[]}").unwrap();
        assert!(
            devices
                .load()
                .unwrap_err()
                .to_string()
                .contains("version 2")
        );
    }
}
