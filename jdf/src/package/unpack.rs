//! A package from a stream to files below one directory, hashed on the way, in constant memory.
//!
//! Invariants: nothing outside the directory is written, nothing that exists is overwritten (every file is
//! made by exclusive creation, which follows no symbolic link), and an unpack that fails leaves nothing.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use super::event::{Event, PartHead};
use super::names::{hex_pair, percent_encoded};
use super::read::content_type;
use super::split::Splitter;
use super::{PackageError, PackageLimits, PartIndex, PartName, is_jdf_part, is_jmf_part};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// Beginning of a part that tells what it is, before its file is made.
const SNIFFED_BYTES: usize = 4096;
/// Bytes of one part: 64 GiB, above any page file and below what fills a disk unnoticed.
///
/// These constants are the defaults of [`UnpackLimits`].
///
/// ```
/// use agog_jdf::package::{UNPACKED_BYTES_MAX, UNPACKED_PART_BYTES_MAX, UnpackLimits};
/// let limits = UnpackLimits::default();
/// assert_eq!((limits.part_bytes, limits.total_bytes), (UNPACKED_PART_BYTES_MAX, UNPACKED_BYTES_MAX));
/// ```
pub const UNPACKED_PART_BYTES_MAX: u64 = 64 << 30;
/// Bytes of all parts: 128 GiB.
pub const UNPACKED_BYTES_MAX: u64 = 128 << 30;
/// Bytes of messages and tickets that are kept in memory beside their files: 8 MiB together, twice the
/// largest ticket that common presses take.
pub const UNPACKED_MEMORY_BYTES_MAX: usize = 8 << 20;
/// Names that are tried for one part, in a directory where all the first ones are taken.
const NAMES_TRIED_MAX: u32 = 10_000;

/// The bounds that [`unpack`] keeps.
///
/// ```
/// use agog_jdf::package::{UnpackLimits, unpack};
/// let directory = std::env::temp_dir().join(format!("agog-limits-{}", std::process::id()));
/// std::fs::create_dir_all(&directory)?;
/// let limits = UnpackLimits { part_bytes: 3, ..UnpackLimits::default() };
/// let error = unpack(&b"<JDF/>"[..], None, &directory, &limits).unwrap_err();
/// assert_eq!(error.to_string(), "more than 3 bytes in a part");
/// assert_eq!(std::fs::read_dir(&directory)?.count(), 0, "nothing is left");
/// std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Its bound on parts and header blocks; the bytes in memory do not apply.
    pub package: PackageLimits,
    /// Bytes of one part, decoded.
    pub part_bytes: u64,
    /// Bytes of all parts together, decoded.
    pub total_bytes: u64,
    /// Bytes of messages and tickets that are also kept in memory, together.
    pub memory_bytes: usize,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            package: PackageLimits::default(),
            part_bytes: UNPACKED_PART_BYTES_MAX,
            total_bytes: UNPACKED_BYTES_MAX,
            memory_bytes: UNPACKED_MEMORY_BYTES_MAX,
        }
    }
}

/// A package that could not be unpacked. Nothing of it is left on disk.
///
/// ```
/// use agog_jdf::package::{PackageError, UnpackError, UnpackLimits, unpack};
/// let error = unpack(&b"%PDF-1.7"[..], None, &std::env::temp_dir(), &UnpackLimits::default()).unwrap_err();
/// assert!(matches!(error, UnpackError::Package(PackageError::NotAPackage)));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The stream failed.
    #[error("cannot read the package")]
    Read(#[source] io::Error),
    /// The bytes came but are no package.
    #[error("the package is malformed")]
    Package(
        #[from]
        #[source]
        PackageError,
    ),
    /// A bound of [`UnpackLimits`] is exceeded.
    #[error("more than {limit} bytes in {what}")]
    Limit {
        /// What is too big: a part or the package.
        what: &'static str,
        /// How many bytes are allowed.
        limit: u64,
    },
    /// The disk is full, the directory is missing, or it must not be written to.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file that was to be made or written.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// One part of a package, on disk.
///
/// ```
/// use agog_jdf::package::{UnpackLimits, unpack};
/// let directory = std::env::temp_dir().join(format!("agog-part-{}", std::process::id()));
/// std::fs::create_dir_all(&directory)?;
/// let package = unpack(&b"<JDF/>"[..], None, &directory, &UnpackLimits::default()).unwrap();
/// let part = &package.parts[0];
/// assert_eq!((part.bytes, part.path.file_name().unwrap().to_str()), (6, Some("part-1.jdf")));
/// assert_eq!(part.content.as_deref(), Some(&b"<JDF/>"[..]), "a ticket is at hand without reading its file");
/// std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedPart {
    /// As written, without angle brackets.
    pub content_id: Option<String>,
    /// In lower case, without parameters; by the content if the sender told none.
    pub content_type: String,
    /// A safe form of the name that the sender gave. The name on disk may differ, see `path`.
    pub file_name: Option<String>,
    /// The file, directly below the directory that was given.
    pub path: PathBuf,
    /// Length of the content.
    pub bytes: u64,
    /// The BLAKE3 hash of the content.
    pub blake3: [u8; 32],
    /// The MD5 hash of the content: what `FileSpec/@CheckSum` holds (JDF 1.5,
    /// `FileSpec`). It tells an accident, not an attack.
    pub md5: [u8; 16],
    /// The content of messages and tickets, as far as [`UnpackLimits::memory_bytes`] goes.
    pub content: Option<Vec<u8>>,
    is_messages: bool,
    is_ticket: bool,
}

impl UnpackedPart {
    /// Whether the part holds messages, by its content or, where that is vague, by its type.
    pub fn is_jmf(&self) -> bool {
        self.is_messages
    }

    /// Whether the part is a ticket, by its content or, where that is vague, by its type.
    pub fn is_jdf(&self) -> bool {
        self.is_ticket
    }

    /// What references can call the part.
    pub fn name(&self) -> PartName<'_> {
        PartName {
            content_id: self.content_id.as_deref(),
            file_name: self.file_name.as_deref(),
        }
    }

    /// The relative URL of the file, for a document in the same directory.
    pub fn relative_url(&self) -> Option<String> {
        let name = self.path.file_name()?.to_str()?;
        Some(format!("./{}", percent_encoded(name)))
    }

    /// Whether the content has this check sum (`FileSpec/@CheckSum`, hexadecimal, any case).
    ///
    /// ```
    /// use agog_jdf::package::{UnpackLimits, unpack};
    /// let directory = std::env::temp_dir().join(format!("agog-unpacked1-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let body = b"<JDF/>";
    /// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
    /// let sum = "6375435d14344a50c6f3834eb03b9867";
    /// assert!(package.parts[0].has_check_sum(sum) && !package.parts[0].has_check_sum(&sum[2..]));
    /// std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn has_check_sum(&self, check_sum: &str) -> bool {
        let mut digits = check_sum.trim().as_bytes().chunks(2);
        let is_equal = |byte: &u8| matches!(digits.next(), Some([high, low]) if hex_pair(*high, *low) == Some(*byte));
        self.md5.iter().all(is_equal) && digits.next().is_none()
    }
}

/// A package on disk, from [`unpack`].
///
/// ```
/// use agog_jdf::package::{Outgoing, UnpackLimits, unpack};
/// let mut outgoing = Outgoing::new(b"<JMF/>".to_vec());
/// outgoing.ticket("t.jdf", b"<JDF/>".to_vec()).file("page-1.pdf", "application/pdf", b"%PDF-1.7".to_vec());
/// let (content_type, body) = outgoing.finish();
/// let directory = std::env::temp_dir().join(format!("agog-package-{}", std::process::id()));
/// std::fs::create_dir_all(&directory)?;
/// let package = unpack(&body[..], Some(&content_type), &directory, &UnpackLimits::default()).unwrap();
/// assert!(package.complete && package.jmf().is_some() && package.tickets().count() == 1);
/// assert_eq!(package.relative_url("cid:page-1.pdf").as_deref(), Some("./page-1.pdf"));
/// std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedPackage {
    /// The parts in the order of the package, those of nested packages among them.
    pub parts: Vec<UnpackedPart>,
    /// Whether the closing delimiter was there. Without it the transfer may have been cut.
    pub complete: bool,
}

impl UnpackedPackage {
    /// The first part with messages.
    ///
    /// ```
    /// use agog_jdf::package::{UnpackLimits, unpack};
    /// let directory = std::env::temp_dir().join(format!("agog-unpacked2-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
    /// assert_eq!(package.jmf().unwrap().content_id.as_deref(), Some("m"));
    /// std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn jmf(&self) -> Option<&UnpackedPart> {
        self.parts.iter().find(|part| part.is_messages)
    }

    /// The tickets, in order.
    ///
    /// ```
    /// use agog_jdf::package::{UnpackLimits, unpack};
    /// let directory = std::env::temp_dir().join(format!("agog-unpacked3-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
    /// assert_eq!(package.tickets().count(), 1);
    /// std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tickets(&self) -> impl Iterator<Item = &UnpackedPart> {
        self.parts.iter().filter(|part| part.is_ticket)
    }

    /// The part that a `cid:` URL means, by the rules of [`PartIndex`].
    ///
    /// ```
    /// use agog_jdf::package::{UnpackLimits, unpack};
    /// let directory = std::env::temp_dir().join(format!("agog-unpacked4-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
    /// let ticket = package.resolve_cid("cid:T").unwrap();
    /// assert_eq!(std::fs::read(&ticket.path)?, b"<JDF/>");
    /// std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn resolve_cid(&self, url: &str) -> Option<&UnpackedPart> {
        self.parts.get(self.index().resolve(url)?)
    }

    /// The relative URL of the file that a `cid:` URL means, for a ticket in the same directory.
    ///
    /// `None` if the URL leads to no part.
    ///
    /// ```
    /// use agog_jdf::package::{UnpackLimits, unpack};
    /// let directory = std::env::temp_dir().join(format!("agog-unpacked5-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let body = b"--b\nContent-ID: <p1>\nContent-Disposition: attachment; filename=\"page 1.pdf\"\n\n%PDF\n--b--";
    /// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
    /// assert_eq!(package.relative_url("cid:p1").as_deref(), Some("./page%201.pdf"));
    /// std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn relative_url(&self, url: &str) -> Option<String> {
        self.resolve_cid(url)?.relative_url()
    }

    /// The parts by their names, to resolve many references.
    ///
    /// ```
    /// use agog_jdf::package::{UnpackLimits, unpack};
    /// let directory = std::env::temp_dir().join(format!("agog-unpacked6-{}", std::process::id()));
    /// std::fs::create_dir_all(&directory)?;
    /// let body = b"--b\nContent-ID: <m>\n\n<JMF/>\n--b\nContent-ID: <t>\n\n<JDF/>\n--b--";
    /// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
    /// assert_eq!(package.index().resolve("cid:t"), Some(1));
    /// std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn index(&self) -> PartIndex {
        PartIndex::new(self.parts.iter().map(UnpackedPart::name))
    }
}

/// Reads a package and writes each part to a file of its own directly below the directory, which must
/// exist. The files are not synced to disk; who needs that syncs them.
///
/// ```
/// use agog_jdf::package::{UnpackLimits, unpack};
/// let directory = std::env::temp_dir().join(format!("agog-unpack-{}", std::process::id()));
/// std::fs::create_dir_all(&directory)?;
/// let body = b"--b\r\nContent-ID: <a>\r\nContent-Disposition: x; filename=../a.jdf\r\n\r\n<JDF/>\r\n--b--";
/// let package = unpack(&body[..], None, &directory, &UnpackLimits::default()).unwrap();
/// let part = package.resolve_cid("cid:a").unwrap();
/// assert_eq!(std::fs::read(&part.path)?, b"<JDF/>");
/// assert!(part.path.starts_with(&directory) && part.has_check_sum("6375435D14344A50C6F3834EB03B9867"));
/// std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// A stream that fails, a malformed package, a limit that is exceeded, a file that cannot be made. What was
/// written until then is removed again.
pub fn unpack(
    mut reader: impl Read,
    content_type: Option<&str>,
    directory: &Path,
    limits: &UnpackLimits,
) -> Result<UnpackedPackage, UnpackError> {
    let mut unpacking = Unpacking {
        directory,
        limits,
        total_bytes: 0,
        memory_left: limits.memory_bytes,
        names: HashMap::new(),
        open: None,
        package: UnpackedPackage {
            parts: Vec::new(),
            complete: false,
        },
        created: Created(Vec::new()),
    };
    let mut splitter = Splitter::new(content_type, &limits.package);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = match reader.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UnpackError::Read(error)),
        };
        splitter.push(&chunk[..length]);
        if length == 0 {
            splitter.finish();
        }
        while let Some(event) = splitter.next_event()? {
            match event {
                Event::Part(head) => unpacking.open = Some(Open::new(head)),
                Event::Body(bytes) => unpacking.body(bytes)?,
                Event::PartEnd => unpacking.part_end()?,
                Event::End { complete } => unpacking.package.complete = complete,
            }
        }
        if length == 0 {
            unpacking.created.0.clear();
            return Ok(unpacking.package);
        }
    }
}

/// The files that were made; removed again unless the package is whole.
struct Created(Vec<PathBuf>);

impl Drop for Created {
    fn drop(&mut self) {
        for path in &self.0 {
            // The error that is already on its way tells more than one from cleaning up.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The fields are dropped in order: the open file is closed before it is removed.
struct Unpacking<'u> {
    directory: &'u Path,
    limits: &'u UnpackLimits,
    total_bytes: u64,
    memory_left: usize,
    /// The next number for a name that was already given.
    names: HashMap<String, u32>,
    open: Option<Open>,
    package: UnpackedPackage,
    created: Created,
}

/// The part that is being written.
struct Open {
    head: PartHead,
    /// Until it is known what the part is; then, for messages and tickets, their content.
    held: Vec<u8>,
    file: Option<(File, UnpackedPart)>,
    bytes: u64,
    blake3: blake3::Hasher,
    md5: Md5,
}

impl Open {
    fn new(head: PartHead) -> Self {
        Self {
            head,
            held: Vec::new(),
            file: None,
            bytes: 0,
            blake3: blake3::Hasher::new(),
            md5: Md5::new(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        match &mut self.file {
            Some((file, part)) => file.write_all(bytes).map_err(|source| UnpackError::Write {
                path: part.path.clone(),
                source,
            }),
            None => Ok(()),
        }
    }
}

impl Unpacking<'_> {
    fn body(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.bytes += bytes.len() as u64;
        self.total_bytes += bytes.len() as u64;
        for (what, found, limit) in [
            ("a part", open.bytes, self.limits.part_bytes),
            ("the package", self.total_bytes, self.limits.total_bytes),
        ] {
            if found > limit {
                return Err(UnpackError::Limit { what, limit });
            }
        }
        open.blake3.update(bytes);
        open.md5.update(bytes);
        if open.file.is_none() {
            let lacking = SNIFFED_BYTES
                .saturating_sub(open.held.len())
                .min(bytes.len());
            open.held.extend_from_slice(&bytes[..lacking]);
            if open.held.len() == SNIFFED_BYTES {
                self.create(&mut open)?;
            }
            if lacking < bytes.len() {
                self.append(&mut open, &bytes[lacking..])?;
            }
        } else {
            self.append(&mut open, bytes)?;
        }
        self.open = Some(open);
        Ok(())
    }

    /// Writes what follows the beginning.
    fn append(&mut self, open: &mut Open, bytes: &[u8]) -> Result<(), UnpackError> {
        open.write(bytes)?;
        if let Some((_, part)) = &mut open.file
            && let Some(content) = &mut part.content
        {
            if bytes.len() > self.memory_left {
                self.memory_left += content.len();
                part.content = None;
            } else {
                self.memory_left -= bytes.len();
                content.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn part_end(&mut self) -> Result<(), UnpackError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        if open.file.is_none() {
            self.create(&mut open)?;
        }
        if let Some((_, mut part)) = open.file {
            part.bytes = open.bytes;
            part.blake3 = *open.blake3.finalize().as_bytes();
            part.md5 = open.md5.finalize().into();
            self.package.parts.push(part);
        }
        Ok(())
    }

    /// Makes the file, when the beginning of the part is known, and writes the beginning.
    fn create(&mut self, open: &mut Open) -> Result<(), UnpackError> {
        let content_type = content_type(&open.head.content_type, &open.held);
        let is_messages = is_jmf_part(&content_type, &open.held);
        let is_ticket = is_jdf_part(&content_type, &open.held);
        let name = open.head.file_name.clone().unwrap_or_else(|| {
            let ending = match content_type.as_str() {
                _ if is_messages => "jmf",
                _ if is_ticket => "jdf",
                "application/pdf" => "pdf",
                "application/xml" | "text/xml" => "xml",
                "application/vnd.iccprofile" => "icc",
                "image/png" => "png",
                "image/jpeg" => "jpg",
                "image/tiff" => "tif",
                _ => "bin",
            };
            format!("part-{}.{ending}", open.head.number)
        });
        let (path, file) = self.exclusive_file(&name)?;
        self.created.0.push(path.clone());
        let held = std::mem::take(&mut open.held);
        let is_kept = (is_messages || is_ticket) && held.len() <= self.memory_left;
        let part = UnpackedPart {
            content_id: open.head.content_id.take(),
            content_type,
            file_name: open.head.file_name.take(),
            path,
            bytes: 0,
            blake3: [0; 32],
            md5: [0; 16],
            content: None,
            is_messages,
            is_ticket,
        };
        open.file = Some((file, part));
        open.write(&held)?;
        if let Some((_, part)) = &mut open.file
            && is_kept
        {
            self.memory_left -= held.len();
            part.content = Some(held);
        }
        Ok(())
    }

    /// A new file of this name, or of the name with the first number that is free.
    fn exclusive_file(&mut self, name: &str) -> Result<(PathBuf, File), UnpackError> {
        let (stem, ending) = match name.rfind('.') {
            Some(at) if at > 0 => name.split_at(at),
            _ => (name, ""),
        };
        let next = self.names.entry(name.to_lowercase()).or_insert(1);
        loop {
            let path = self.directory.join(if *next == 1 {
                name.to_owned()
            } else {
                format!("{stem} ({next}){ending}")
            });
            *next += 1;
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && *next <= NAMES_TRIED_MAX => {
                }
                Err(source) => return Err(UnpackError::Write { path, source }),
            }
        }
    }
}
