//! The files that go with jobs, in an object store: a local folder now, a bucket later.
//!
//! A file lies under its tenant and the BLAKE3 hash of its bytes, so the same file is kept once per tenant. It comes in
//! under a name of its own and is moved to its hash when the job that names it is stored; what no job names in the end
//! is swept ([`Files::sweep`]). Who may read a file is decided by the tables that name it, never here.
//!
//! Limits: a file has at most [`FILE_BYTES_MAX`]; pieces of [`PIECE_BYTES`] are written, so that many megabytes per
//! second cost one buffer.

use std::path::Path as FsPath;
use std::sync::Arc;

use agog_sync::chain::Hash;
use agog_sync::ids::{RequestId, TenantId};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _};

/// The most bytes of one file: what a print file of a large packaging job has, with room.
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// How much is collected before it is written. Buckets want at least 5 MiB.
const PIECE_BYTES: usize = 8 * 1024 * 1024;
/// How old a file must be before it can be swept: longer than any upload takes.
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
    #[error("a file has at most {FILE_BYTES_MAX} bytes")]
    TooLarge,
}

/// The file store.
#[derive(Clone)]
pub struct Files(Arc<dyn ObjectStore>);

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
        let store = LocalFileSystem::new_with_prefix(folder)?;
        Ok(Self(Arc::new(store)))
    }

    /// Begins a file.
    pub async fn begin(
        &self,
        tenant_id: TenantId,
        upload: RequestId,
    ) -> Result<Arriving, FileError> {
        let at = Path::from_iter([COMING, &tenant_id.to_string(), &upload.to_string()]);
        let upload = self.0.put_multipart(&at).await?;
        Ok(Arriving {
            at,
            upload,
            piece: Vec::new(),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        })
    }

    /// Moves a file to its hash. The same file again changes nothing.
    pub async fn keep(&self, tenant_id: TenantId, arrived: &Arrived) -> Result<(), FileError> {
        let to = kept(tenant_id, &arrived.blake3);
        Ok(self.0.rename(&arrived.at, &to).await?)
    }

    /// Removes a file that nobody wants. What cannot be removed now is swept later.
    pub async fn discard(&self, arrived: &Arrived) {
        if let Err(error) = self.0.delete(&arrived.at).await {
            tracing::debug!(%error, "an unwanted file stays until the sweep");
        }
    }

    /// The bytes of a file; none when it is not there.
    pub async fn read(
        &self,
        tenant_id: TenantId,
        blake3: &Hash,
    ) -> Result<Option<BoxStream<'static, object_store::Result<Bytes>>>, FileError> {
        match self.0.get(&kept(tenant_id, blake3)).await {
            Ok(found) => Ok(Some(found.into_stream())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what came in and was left behind before `before`, and gives the old files that are kept, by tenant and
    /// hash, for the caller to find out whether a job names them.
    pub async fn sweep(&self, before: Timestamp) -> Result<Vec<(TenantId, Hash)>, FileError> {
        let is_old = |object: &object_store::ObjectMeta| {
            object.last_modified.timestamp() < before.as_second()
        };
        let coming: Vec<_> = self.0.list(Some(&Path::from(COMING))).try_collect().await?;
        for object in coming.iter().filter(|object| is_old(object)) {
            self.0.delete(&object.location).await?;
        }
        let mut old = Vec::new();
        let mut kept = self.0.list(Some(&Path::from(KEPT)));
        while let Some(object) = kept.next().await {
            let object = object?;
            if is_old(&object) {
                old.extend(parsed(&object.location));
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
        match self.0.head(&kept(tenant_id, blake3)).await {
            Ok(object) => Ok(object.last_modified.timestamp() < before.as_second()),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file that is kept.
    pub async fn remove(&self, tenant_id: TenantId, blake3: &Hash) -> Result<(), FileError> {
        Ok(self.0.delete(&kept(tenant_id, blake3)).await?)
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

fn parsed(location: &Path) -> Option<(TenantId, Hash)> {
    let mut parts = location.parts().skip(1);
    let tenant_id = parts.next()?.as_ref().parse().ok()?;
    let blake3 = parts.next()?.as_ref().parse().ok()?;
    Some((tenant_id, blake3))
}
