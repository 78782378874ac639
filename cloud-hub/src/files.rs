//! The files that go with jobs, in an object store: a local folder now, a bucket later.
//!
//! A file lies under its tenant and the BLAKE3 hash of its bytes, so the same file is kept once per tenant. It comes in
//! under a name of its own and is moved to its hash when the job that names it is stored; what no job names in the end
//! is swept ([`Files::sweep`]). Who may read a file is decided by the tables that name it, never here.
//!
//! A file is on the disk before the job that names it is: its bytes are synced when it has arrived, the folders when it is
//! moved ([`Files::keep`]), and the job is committed after that.
//!
//! Limits: a file has at most [`FILE_BYTES_MAX`]; pieces of [`PIECE_BYTES`] are written, so that many megabytes per
//! second cost one buffer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use agog_sync::chain::Hash;
use agog_sync::ids::{RequestId, TenantId};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};

/// The most bytes of one file: what a print file of a large packaging job has, with room.
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// How much is collected before it is written. Buckets want at least 5 MiB.
const PIECE_BYTES: usize = 8 * 1024 * 1024;
/// How old a file must be before it can be swept, whole or cut off: longer than any upload takes.
pub const SWEEP_AGE: SignedDuration = SignedDuration::from_hours(24);
/// Where files come in.
const COMING: &str = "coming";
/// Where they stay.
const KEPT: &str = "files";

/// Why a file could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("file store")]
    Store(#[from] object_store::Error),
    #[error("cannot make `{path}`")]
    Folder {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot bring `{path}` to the disk")]
    Sync {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot sweep `{path}`")]
    Sweep {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("a file has at most {FILE_BYTES_MAX} bytes")]
    TooLarge,
}

/// The file store.
#[derive(Clone)]
pub struct Files {
    store: Arc<LocalFileSystem>,
    folder: Arc<FsPath>,
}

/// A file that has come in and belongs to nobody yet.
#[derive(Debug, Clone)]
pub struct Arrived {
    at: Path,
    pub bytes: u64,
    pub blake3: Hash,
}

impl Arrived {
    /// Where it lies, for telling uploads apart.
    pub fn place(&self) -> &str {
        self.at.as_ref()
    }
}

/// A file that is coming in. Dropping it leaves nothing behind that a sweep would not find.
pub struct Arriving {
    at: Path,
    on_disk: PathBuf,
    upload: Box<dyn MultipartUpload>,
    piece: Vec<u8>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Files {
    /// Opens a local folder, and makes it when it is not there.
    pub fn local(folder: &FsPath) -> Result<Self, FileError> {
        std::fs::create_dir_all(folder).map_err(|source| FileError::Folder {
            path: folder.display().to_string(),
            source,
        })?;
        let store = Arc::new(LocalFileSystem::new_with_prefix(folder)?);
        let folder = folder.into();
        Ok(Self { store, folder })
    }

    /// Begins a file.
    pub async fn begin(
        &self,
        tenant_id: TenantId,
        upload: RequestId,
    ) -> Result<Arriving, FileError> {
        let at = Path::from_iter([COMING, &tenant_id.to_string(), &upload.to_string()]);
        let upload = self.store.put_multipart(&at).await?;
        Ok(Arriving {
            on_disk: self.store.path_to_filesystem(&at)?,
            at,
            upload,
            piece: Vec::new(),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        })
    }

    /// Moves a file to its hash; then it is there after a power cut too. The same file again changes nothing.
    pub async fn keep(&self, tenant_id: TenantId, arrived: &Arrived) -> Result<(), FileError> {
        let to = kept(tenant_id, &arrived.blake3);
        self.store.rename(&arrived.at, &to).await?;
        // The folders too: that of the tenant, that of what is kept, and ours. Each may be new.
        let at = self.store.path_to_filesystem(&to)?;
        for folder in at.ancestors().skip(1).take(3) {
            sync(folder.to_owned()).await?;
        }
        Ok(())
    }

    /// Removes a file that nobody wants. What cannot be removed now is swept later.
    pub async fn discard(&self, arrived: &Arrived) {
        if let Err(error) = self.store.delete(&arrived.at).await {
            tracing::debug!(%error, "an unwanted file stays until the sweep");
        }
    }

    /// The bytes of a file; none when it is not there.
    pub async fn read(
        &self,
        tenant_id: TenantId,
        blake3: &Hash,
    ) -> Result<Option<BoxStream<'static, object_store::Result<Bytes>>>, FileError> {
        match self.store.get(&kept(tenant_id, blake3)).await {
            Ok(found) => Ok(Some(found.into_stream())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what came in and was left behind before `before`, and gives the old files that are kept, by tenant, for
    /// the caller to find out whether a job wants them.
    pub async fn sweep(
        &self,
        before: Timestamp,
    ) -> Result<BTreeMap<TenantId, Vec<Hash>>, FileError> {
        let coming = self.folder.join(COMING);
        let path = coming.display().to_string();
        let swept = tokio::task::spawn_blocking(move || sweep_folder(&coming, before.into())).await;
        swept
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| FileError::Sweep { path, source })?;
        let mut old: BTreeMap<TenantId, Vec<Hash>> = BTreeMap::new();
        let mut kept = self.store.list(Some(&Path::from(KEPT)));
        while let Some(object) = kept.next().await {
            let object = object?;
            if object.last_modified.timestamp() < before.as_second()
                && let Some((tenant_id, blake3)) = parsed(&object.location)
            {
                old.entry(tenant_id).or_default().push(blake3);
            }
        }
        Ok(old)
    }

    /// Whether a file that is kept came in before `before`; false when it is gone.
    pub async fn is_older(
        &self,
        tenant_id: TenantId,
        blake3: &Hash,
        before: Timestamp,
    ) -> Result<bool, FileError> {
        match self.store.head(&kept(tenant_id, blake3)).await {
            Ok(object) => Ok(object.last_modified.timestamp() < before.as_second()),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file that is kept.
    pub async fn remove(&self, tenant_id: TenantId, blake3: &Hash) -> Result<(), FileError> {
        Ok(self.store.delete(&kept(tenant_id, blake3)).await?)
    }
}

impl Arriving {
    /// Adds bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > FILE_BYTES_MAX {
            return Err(FileError::TooLarge);
        }
        self.hasher.update(bytes);
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            let piece = std::mem::take(&mut self.piece);
            self.upload.put_part(piece.into()).await?;
        }
        Ok(())
    }

    /// The file is whole.
    pub async fn finish(mut self) -> Result<Arrived, FileError> {
        let piece = std::mem::take(&mut self.piece);
        self.upload.put_part(piece.into()).await?;
        self.upload.complete().await?;
        sync(self.on_disk).await?;
        Ok(Arrived {
            at: self.at,
            bytes: self.bytes,
            blake3: Hash::from_bytes(*self.hasher.finalize().as_bytes()),
        })
    }

    /// The file is not wanted.
    pub async fn abort(mut self) {
        if let Err(error) = self.upload.abort().await {
            tracing::debug!(%error, "an unwanted file stays until the sweep");
        }
    }
}

fn kept(tenant_id: TenantId, blake3: &Hash) -> Path {
    Path::from_iter([KEPT, &tenant_id.to_string(), &blake3.to_string()])
}

/// Waits until a file or folder is on the disk as it is.
async fn sync(path: PathBuf) -> Result<(), FileError> {
    let name = path.display().to_string();
    let synced = tokio::task::spawn_blocking(move || File::open(path)?.sync_all()).await;
    synced
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| FileError::Sync { path: name, source })
}

/// Removes the old files of the folders in a folder. The store lists no upload that was cut off before its end, so the
/// folders are read themselves.
fn sweep_folder(folder: &FsPath, before: SystemTime) -> io::Result<()> {
    let tenants = match std::fs::read_dir(folder) {
        Ok(tenants) => tenants,
        // Nothing ever came.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for tenant in tenants {
        let tenant = tenant?;
        if !tenant.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(tenant.path())? {
            let file = file?;
            let removed = match file.metadata() {
                Ok(known) if known.is_file() && known.modified()? < before => {
                    std::fs::remove_file(file.path())
                }
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            match removed {
                Ok(()) => tracing::info!("an upload that was left behind was removed"),
                // It has arrived, or another hub was first.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn parsed(location: &Path) -> Option<(TenantId, Hash)> {
    let mut parts = location.parts().skip(1);
    let tenant_id = parts.next()?.as_ref().parse().ok()?;
    let blake3 = parts.next()?.as_ref().parse().ok()?;
    Some((tenant_id, blake3))
}
