//! What must be known of a device after a restart: which channels were opened where, and what the
//! device can do. One small file per device and pair of addresses in `devices/` of the data
//! folder, so that a device that was moved or removed leaves a record behind whose channels are
//! then stopped.
//!
//! Limits: [`RECORD_BYTES_MAX`] per record, [`CAPABILITY_BYTES_MAX`] per capability.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::introduction::Introduction;
use super::profile::Profile;
use crate::config::DeviceConfig;

/// A hundred times what a record has.
const RECORD_BYTES_MAX: u64 = 1024 * 1024;
/// The largest capability that is kept; those of real presses have some hundred kilobytes.
pub const CAPABILITY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What old readers do with a newer record: leave it alone and ask the device anew.
const VERSION: u32 = 1;

/// One device, as it was reached and as it was told to reach the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    pub device: String,
    /// Where the device takes messages.
    pub url: String,
    /// Where its signals go.
    pub jmf_url: String,
    /// How it is spoken to, also when the configuration no longer says so.
    pub profile: Profile,
    /// The ids of the channels by the type of their signals, written before they are asked for.
    pub channels: Vec<(String, String)>,
    pub introduction: Introduction,
}

impl Record {
    pub fn new(device: &DeviceConfig, jmf_url: &str) -> Self {
        Self {
            version: VERSION,
            device: device.id.clone(),
            url: device.url.clone(),
            jmf_url: jmf_url.to_owned(),
            profile: device.profile(),
            channels: Vec::new(),
            introduction: Introduction::default(),
        }
    }

    /// The id under which a channel was last asked for.
    pub fn channel_id(&self, kind: &str) -> Option<&str> {
        let mut channels = self.channels.iter();
        channels
            .find(|(known, _)| known == kind)
            .map(|(_, id)| id.as_str())
    }

    /// The name of its file: the same device at the same addresses has the same.
    pub fn key(&self) -> String {
        key(&self.device, &self.url, &self.jmf_url)
    }
}

/// The name of the file of a device at these addresses.
pub fn key(device: &str, url: &str, jmf_url: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [device, url, jmf_url] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// The folder of records.
#[derive(Debug, Clone)]
pub struct Records(PathBuf);

impl Records {
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.join("devices"))
    }

    /// All that can be read; what cannot is logged and left where it is.
    pub async fn all(&self) -> io::Result<Vec<Record>> {
        let folder = self.0.clone();
        blocking(move || read_all(&folder)).await
    }

    /// Writes a record; it is on the disk when this returns.
    pub async fn save(&self, record: &Record) -> io::Result<()> {
        let folder = self.0.clone();
        let name = format!("{}.json", record.key());
        let bytes = serde_json::to_vec_pretty(record)?;
        blocking(move || write_whole(&folder, &name, &bytes)).await
    }

    /// Keeps the `Device` element as the device sent it, with everything that it can do.
    pub async fn save_capability(&self, key: &str, xml: String) -> io::Result<()> {
        let folder = self.0.clone();
        let name = format!("{key}.xml");
        blocking(move || write_whole(&folder, &name, xml.as_bytes())).await
    }

    /// The `Device` element; none where the device never told it.
    pub async fn capability(&self, key: &str) -> io::Result<Option<String>> {
        let path = self.0.join(format!("{key}.xml"));
        blocking(move || match std::fs::read_to_string(&path) {
            Ok(xml) => Ok(Some(xml)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Forgets a device.
    pub async fn remove(&self, key: &str) -> io::Result<()> {
        let paths = ["xml", "json"].map(|end| self.0.join(format!("{key}.{end}")));
        blocking(move || {
            for path in paths {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

fn read_all(folder: &Path) -> io::Result<Vec<Record>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        match read(&path) {
            Ok(record) => records.push(record),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "device record `{}` is not understood and not used",
                path.display()
            ),
        }
    }
    Ok(records)
}

fn read(path: &Path) -> io::Result<Record> {
    let mut text = String::new();
    File::open(path)?
        .take(RECORD_BYTES_MAX)
        .read_to_string(&mut text)?;
    let record: Record = serde_json::from_str(&text)?;
    if record.version != VERSION {
        return Err(io::Error::other(format!(
            "version {}, expected {VERSION}",
            record.version
        )));
    }
    Ok(record)
}

/// Written beside and then renamed, so that a reader never sees half.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let new = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, folder.join(name))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(url: &str) -> Record {
        let text = format!("id = \"press-3\"\nurl = \"{url}\"");
        let device: DeviceConfig = toml::from_str(&text).unwrap();
        Record::new(&device, "http://agent/jmf")
    }

    #[tokio::test]
    async fn a_record_is_read_back_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(folder.path());
        assert!(records.all().await.unwrap().is_empty());
        let mut record = record("http://press/jmf");
        record.channels = vec![("Status".to_owned(), "M1".to_owned())];

        records.save(&record).await.unwrap();
        records
            .save_capability(&record.key(), "<Device/>".to_owned())
            .await
            .unwrap();

        assert_eq!(records.all().await.unwrap(), [record.clone()]);
        let kept = records.capability(&record.key()).await.unwrap();
        assert_eq!(kept.as_deref(), Some("<Device/>"));
        records.remove(&record.key()).await.unwrap();
        assert!(records.all().await.unwrap().is_empty());
        assert!(records.capability(&record.key()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_record_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(folder.path());
        let mut later = record("http://press/jmf");
        later.version = VERSION + 1;
        records.save(&later).await.unwrap();

        assert!(records.all().await.unwrap().is_empty());
        assert!(
            folder
                .path()
                .join("devices")
                .join(format!("{}.json", later.key()))
                .exists()
        );
    }

    #[test]
    fn another_address_is_another_record() {
        assert_ne!(record("http://a/").key(), record("http://b/").key());
        assert_ne!(key("a", "bc", "d"), key("ab", "c", "d"));
    }
}
