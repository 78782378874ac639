//! The file operations of hot folders. They block.
//!
//! Names come from outside, so only direct entries of a folder are ever touched, symbolic links are not
//! followed, and nothing that is there is overwritten. A folder itself may be a symbolic link; where it
//! leads is looked at before each use.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::settle::Stamp;
use crate::config::overlap;
use crate::durable;

/// The longest name that file systems take.
const NAME_BYTES_MAX: usize = 255;
/// Before the name of a file that is being written.
pub(super) const HIDDEN: &str = ".agog-";
/// More files of one name are a program that went wild.
const NAMES_MAX: u32 = 10_000;

/// A file in a folder that is looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// Makes a folder where there is none, and says where it really is. `data_dir` must be apart from it.
pub(super) fn real(folder: &Path, data_dir: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    existing(folder, data_dir)
}

/// The same for a folder that must be there.
pub(super) fn existing(folder: &Path, data_dir: &Path) -> io::Result<PathBuf> {
    let real = folder.canonicalize()?;
    if overlap(&real, &data_dir.canonicalize()?) {
        let text = "the folder leads to the data folder of the agent";
        return Err(io::Error::other(text));
    }
    Ok(real)
}

/// The files with one of these endings, the oldest first, at most `count`. Hidden ones are passed over:
/// they are being written.
pub(super) fn look(folder: &Path, endings: &[&str], count: usize) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let ending = Path::new(&name).extension().and_then(|end| end.to_str());
        let is_meant = ending.is_some_and(|end| {
            endings
                .iter()
                .any(|wanted| end.eq_ignore_ascii_case(wanted))
        });
        if name.starts_with('.') || !is_meant {
            continue;
        }
        let path = entry.path();
        let metadata = match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata,
            // Gone since, or no file.
            _ => continue,
        };
        let stamp = Stamp {
            bytes: metadata.len(),
            modified: metadata.modified()?,
        };
        entries.push(Entry { name, path, stamp });
    }
    entries.sort_by(|a, b| (a.stamp.modified, &a.name).cmp(&(b.stamp.modified, &b.name)));
    entries.truncate(count);
    Ok(entries)
}

/// Opens a file, if it is one and no link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    regular(File::from(openat(CWD, path, FILE_FLAGS, Mode::empty())?))
}

/// Opens a file that is named relative to a folder; none when the name leads out of it, or through a
/// link: what is opened is checked step by step, so that nothing can be put in its place meanwhile.
pub(super) fn open_below(folder: &Path, name: &str) -> io::Result<Option<File>> {
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return Ok(None),
        }
    }
    let Some(file) = parts.pop() else {
        return Ok(None);
    };
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, folder, flags, Mode::empty())?;
    for part in parts {
        at = match openat(&at, part, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(next) => next,
            Err(error) => return unless_link(&at, part, error),
        };
    }
    match openat(&at, file, FILE_FLAGS, Mode::empty()) {
        Ok(file) => regular(File::from(file)).map(Some),
        Err(error) => unless_link(&at, file, error),
    }
}

// NONBLOCK: a pipe that somebody puts there must not stop the agent.
const FILE_FLAGS: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(ErrorKind::IsADirectory, "is not a file"))
}

fn unless_link(at: &OwnedFd, name: &OsStr, error: Errno) -> io::Result<Option<File>> {
    let is_link = statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink());
    if is_link { Ok(None) } else { Err(error.into()) }
}

/// Whether an error is about the file itself, so that another try alone helps nobody.
pub(super) fn is_of_the_file(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidFilename
    ) || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// The content of a file of at most `limit` bytes; none when it has more.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Writes a hidden file that is on the disk, whole, when this returns.
pub(super) fn write_hidden(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // What a killed program left there is begun anew; it was ours.
    let _ = std::fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let result = write(&mut file).and_then(|()| file.sync_all());
    if result.is_err() {
        let _ = std::fs::remove_file(path);
    }
    result
}

/// Gives a file its name in a folder, or with a number behind it where that is taken. Tells the name.
pub(super) fn name_free(from: &Path, folder: &Path, name: &str) -> io::Result<String> {
    for count in 1..NAMES_MAX {
        let name = numbered(name, count);
        match durable::rename_new(from, &folder.join(&name)) {
            Ok(()) => {
                durable::sync_folder(folder)?;
                return Ok(name);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("too many files named `{name}`")))
}

/// Moves a file into another folder, under a name that is free there. Tells the name.
pub(super) fn move_to(path: &Path, folder: &Path, name: &str) -> io::Result<String> {
    match name_free(path, folder, name) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let hidden = folder.join(fitted(HIDDEN, name, ""));
            let mut source = open(path)?;
            write_hidden(&hidden, |file| io::copy(&mut source, file).map(drop))?;
            let name = name_free(&hidden, folder, name)?;
            std::fs::remove_file(path)?;
            Ok(name)
        }
        result => result,
    }
}

/// Writes a small text into a folder, unless it is there already.
pub(super) fn write_text(folder: &Path, name: &str, text: &str) -> io::Result<String> {
    let there = read(&folder.join(name), text.len() as u64);
    if there.is_ok_and(|there| there.is_some_and(|it| it == text.as_bytes())) {
        return Ok(name.to_owned());
    }
    let hidden = folder.join(fitted(HIDDEN, name, ""));
    write_hidden(&hidden, |file| file.write_all(text.as_bytes()))?;
    name_free(&hidden, folder, name)
}

/// `job.jdf`, `job-2.jdf`, `job-3.jdf` …
fn numbered(name: &str, count: u32) -> String {
    if count == 1 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => fitted("", stem, &format!("-{count}.{ending}")),
        _ => fitted("", name, &format!("-{count}")),
    }
}

/// One name of three parts; the middle is cut where the name would be too long for a file.
pub(super) fn fitted(prefix: &str, stem: &str, suffix: &str) -> String {
    let room = NAME_BYTES_MAX.saturating_sub(prefix.len() + suffix.len());
    let mut end = stem.len().min(room);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{prefix}{}{suffix}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_folders_hidden_files_and_other_endings_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b.JDF"), "x").unwrap();
        std::fs::write(at("a.jdf"), "x").unwrap();
        std::fs::write(at(".c.jdf"), "x").unwrap();
        std::fs::write(at("d.txt"), "x").unwrap();
        std::fs::create_dir(at("e.jdf")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("f.jdf")).unwrap();
        let same = std::time::SystemTime::UNIX_EPOCH;
        for name in ["a.jdf", "b.JDF"] {
            let file = File::options().write(true).open(at(name)).unwrap();
            file.set_modified(same).unwrap();
        }
        let names = |count| -> Vec<String> {
            let found = look(folder.path(), &["jdf"], count).unwrap();
            found.into_iter().map(|entry| entry.name).collect()
        };
        assert_eq!(names(9), ["a.jdf", "b.JDF"]);
        assert_eq!(names(1), ["a.jdf"]);
        assert!(open(&at("f.jdf")).is_err());
    }

    #[test]
    fn files_are_opened_below_a_folder_and_through_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join("in").join(name);
        std::fs::create_dir_all(at("art/deep")).unwrap();
        std::fs::write(at("art/deep/page.pdf"), "page").unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(folder.path(), at("out")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("art"), at("within")).unwrap();
        let open = |name: &str| open_below(&folder.path().join("in"), name);

        let mut page = String::new();
        let mut file = open("./art/./deep/page.pdf").unwrap().unwrap();
        file.read_to_string(&mut page).unwrap();
        assert_eq!(page, "page");
        for outside in [
            "../secret",
            "/etc/passwd",
            "out/secret",
            "link",
            "within/deep/page.pdf",
            ".",
        ] {
            assert!(open(outside).unwrap().is_none(), "{outside}");
        }
        for (name, kind) in [
            ("art", ErrorKind::IsADirectory),
            ("art/none", ErrorKind::NotFound),
            ("none/none", ErrorKind::NotFound),
            ("art/deep/page.pdf/x", ErrorKind::NotADirectory),
        ] {
            assert_eq!(open(name).unwrap_err().kind(), kind, "{name}");
        }
        let endless = open(&"x".repeat(300)).unwrap_err();
        assert!(is_of_the_file(&endless), "{endless}");
    }

    #[test]
    fn names_are_cut_to_what_a_file_system_takes() {
        let long = "ü".repeat(200);
        let name = fitted(HIDDEN, &long, ".finding.txt");
        assert!(name.len() <= 255 && name.len() >= 253, "{}", name.len());
        assert!(name.starts_with(".agog-ü") && name.ends_with("ü.finding.txt"));
        assert_eq!(numbered(&format!("{}.jdf", "x".repeat(251)), 12).len(), 255);
        assert_eq!(fitted("", "a", ".b"), "a.b");
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("job.jdf"), "of somebody else").unwrap();
        std::fs::write(at(".new"), "ours").unwrap();
        let name = name_free(&at(".new"), folder.path(), "job.jdf").unwrap();
        assert_eq!(name, "job-2.jdf");
        assert_eq!(std::fs::read(at("job.jdf")).unwrap(), b"of somebody else");
        assert_eq!(std::fs::read(at("job-2.jdf")).unwrap(), b"ours");
    }

    #[test]
    fn a_file_above_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jdf");
        std::fs::write(&path, [b'x'; 11]).unwrap();
        assert_eq!(read(&path, 10).unwrap(), None);
        assert_eq!(read(&path, 11).unwrap().map(|bytes| bytes.len()), Some(11));
    }

    #[test]
    fn a_folder_that_leads_to_the_data_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let link = folder.path().join("in");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        assert!(real(&link, &data).is_err());
        assert!(real(&folder.path().join("made/here"), &data).is_ok());
    }
}
