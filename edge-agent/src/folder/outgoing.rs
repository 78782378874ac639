//! A ticket with its files into the folder of a device. Blocks.
//!
//! The ticket is first written under a hidden name that holds the id of its command, then the ledger notes
//! that the device may have it, then it gets its name in one step. So whatever is killed in between,
//! the hidden name tells whether the device has the ticket: it is put there once.
//!
//! Files go into a folder of their own beside the ticket, which names them as `./<folder>/<file>`, or
//! with the ticket in one MIME package (`.mjd`). Nothing is held in memory but the ticket.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use agog_jdf::package::{
    FileHead, Location, PackageWriter, PartIndex, PartName, rewrite_references, safe_file_name,
};
use agog_jdf::{Document, Limits};
use agog_sync::ids::RequestId;

use super::{mark, place};
use crate::devices::package::{PackedFile, Submission};
use crate::durable;

const TICKET_ID: &str = "ticket.jdf";
/// A name for a ticket that says nothing of itself.
const UNNAMED: &str = "ticket";

/// A ticket that lies in the folder under its hidden name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staged {
    hidden: String,
    name: String,
}

/// Writes the ticket and its files, in a MIME package where `as_package` says so; the device does not see
/// them as a ticket yet. All of it is on the disk when this returns.
pub(crate) fn stage(
    to: &Path,
    as_package: bool,
    command_id: RequestId,
    submission: &Submission,
    is_held: bool,
    random: [u8; 16],
) -> io::Result<Staged> {
    let mut document = Document::parse(&submission.jdf, &Limits::default())
        .map_err(|error| io::Error::other(error.to_string()))?;
    let stem = stem(&document);
    if is_held {
        let root = document.root().id();
        // A folder knows no held entries; the ticket itself says that it must not be begun.
        document
            .set_attribute(root, "Activation", "Held")
            .map_err(|error| io::Error::other(error.to_string()))?;
    }
    let is_package = as_package && !submission.files.is_empty();
    let staged = Staged::new(command_id, &stem, if is_package { "mjd" } else { "jdf" });
    let hidden = to.join(&staged.hidden);
    if is_package {
        let mut package = PackageWriter::new(random);
        package.repeat_headers();
        package.ticket(TICKET_ID, document.to_bytes());
        for file in &submission.files {
            let head = FileHead {
                content_id: &file.content_id,
                content_type: &file.media_type,
                file_name: Some(&file.name),
            };
            package.file(&head, Some(file.bytes), File::open(&file.path)?);
        }
        place::write_hidden(&hidden, |out| package.write_to(out).map(drop))?;
        durable::sync_folder(to)?;
        return Ok(staged);
    }
    if !submission.files.is_empty() {
        let beside = format!("{stem}-{}", tail(command_id));
        let names = put_files(&to.join(&beside), &submission.files)?;
        lead_beside(&mut document, &beside, &submission.files, &names)?;
    }
    place::write_hidden(&hidden, |out| out.write_all(&document.to_bytes()))?;
    // Without its hidden name after a power cut it would count as taken.
    durable::sync_folder(to)?;
    Ok(staged)
}

/// The ticket of a command that has not got its name yet; none when it has, seen together with the mark of
/// the folder.
pub(crate) fn staged(to: &Path, command_id: RequestId) -> io::Result<Option<Staged>> {
    let prefix = prefix(command_id);
    let mut is_marked = false;
    for entry in std::fs::read_dir(to)? {
        let Ok(hidden) = entry?.file_name().into_string() else {
            continue;
        };
        if let Some(name) = hidden.strip_prefix(&prefix) {
            let name = name.to_owned();
            return Ok(Some(Staged { hidden, name }));
        }
        is_marked |= hidden == mark::NAME;
    }
    if !is_marked {
        let text = format!("`{}` was taken away while it was looked at", to.display());
        return Err(io::Error::other(text));
    }
    // The name that it got is as lasting as what is written about it.
    durable::sync_folder(to)?;
    Ok(None)
}

/// Gives the ticket its name: from now on the device has it. Tells the name.
pub(crate) fn put(to: &Path, staged: &Staged) -> io::Result<String> {
    place::name_free(&to.join(&staged.hidden), to, &staged.name)
}

/// Takes back a ticket that has no name yet: the device has not seen it.
pub(crate) fn take_back(to: &Path, staged: &Staged) -> io::Result<()> {
    std::fs::remove_file(to.join(&staged.hidden))?;
    durable::sync_folder(to)
}

impl Staged {
    fn new(command_id: RequestId, stem: &str, ending: &str) -> Self {
        let name = format!("{stem}.{ending}");
        Self {
            hidden: format!("{}{name}", prefix(command_id)),
            name,
        }
    }
}

fn prefix(command_id: RequestId) -> String {
    format!(".agog-{command_id}-")
}

/// The random end of an id: no two folders of files have the same name.
fn tail(command_id: RequestId) -> String {
    let id = command_id.to_string();
    id[id.len().saturating_sub(8)..].to_owned()
}

/// `<JobID>-<JobPartID>`, as a name that no folder is left by.
fn stem(document: &Document) -> String {
    let names = ["JobID", "JobPartID"].map(|name| document.root().attribute(name));
    let parts: Vec<String> = names
        .into_iter()
        .flatten()
        .map(|name| name.replace(['/', '\\'], "_"))
        .collect();
    let name = safe_file_name(&parts.join("-")).unwrap_or_else(|| UNNAMED.to_owned());
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        UNNAMED.to_owned()
    } else {
        name.to_owned()
    }
}

/// Copies files into a folder that is ours alone; tells their names there.
fn put_files(folder: &Path, files: &[PackedFile]) -> io::Result<Vec<String>> {
    std::fs::create_dir_all(folder)?;
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let safe = safe_file_name(&file.name).filter(|name| !name.starts_with('.'));
        let name = match safe.filter(|name| taken.insert(name.to_lowercase())) {
            Some(name) => name,
            None => format!("file-{index}"),
        };
        let path = folder.join(&name);
        // Of an earlier try that was cut off.
        let _ = std::fs::remove_file(&path);
        let mut out = File::create_new(&path)?;
        let copied = io::copy(&mut File::open(&file.path)?, &mut out)?;
        if copied != file.bytes {
            let text = format!("file `{}` is not as long as it was", file.name);
            return Err(io::Error::other(text));
        }
        out.sync_all()?;
        names.push(name);
    }
    durable::sync_folder(folder)?;
    Ok(names)
}

/// The references that led into a package lead to the files beside the ticket.
fn lead_beside(
    document: &mut Document,
    folder: &str,
    files: &[PackedFile],
    names: &[String],
) -> io::Result<()> {
    let index = PartIndex::new(files.iter().map(|file| PartName {
        content_id: Some(&file.content_id),
        file_name: Some(&file.name),
    }));
    rewrite_references(document, |reference| {
        if reference.location != Location::Cid {
            return None;
        }
        let name = &names[index.resolve(reference.url)?];
        Some(format!("./{}/{}", encoded(folder), encoded(name)))
    })
    .map_err(|error| io::Error::other(error.to_string()))?;
    Ok(())
}

/// As it stands in a URL (RFC 3986).
fn encoded(name: &str) -> String {
    let mut url = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn command() -> RequestId {
        RequestId::from_uuid(uuid::Uuid::from_u128(7))
    }

    struct Place {
        folder: tempfile::TempDir,
        to: PathBuf,
        as_package: bool,
    }

    impl Place {
        fn new(as_package: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let to = folder.path().join("in");
            std::fs::create_dir(&to).unwrap();
            std::fs::write(to.join(mark::NAME), "ours").unwrap();
            Self {
                folder,
                to,
                as_package,
            }
        }

        fn stage(&self, submission: &Submission, is_held: bool) -> Staged {
            let (to, package) = (&self.to, self.as_package);
            stage(to, package, command(), submission, is_held, [7; 16]).unwrap()
        }

        fn visible(&self) -> Vec<String> {
            let mut names: Vec<String> = std::fs::read_dir(&self.to)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| !name.starts_with('.'))
                .collect();
            names.sort();
            names
        }
    }

    fn submission(job: &str, with_file: Option<&Path>) -> Submission {
        let jdf = format!(
            r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" JobID="{job}" JobPartID="P1"><FileSpec URL="cid:page1"/></JDF>"#
        );
        let files = with_file.map(|path| PackedFile {
            content_id: "page1".to_owned(),
            name: "../page 1.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            path: path.to_owned(),
            bytes: std::fs::metadata(path).unwrap().len(),
        });
        Submission {
            jdf: jdf.into_bytes(),
            files: files.into_iter().collect(),
        }
    }

    #[test]
    fn a_ticket_is_hidden_until_it_gets_its_name_and_then_there_once() {
        let place = Place::new(false);
        let first = place.stage(&submission("J-7", None), false);
        assert_eq!(place.visible(), Vec::<String>::new());
        let found = staged(&place.to, command()).unwrap();
        assert_eq!(found.as_ref(), Some(&first));

        assert_eq!(put(&place.to, &first).unwrap(), "J-7-P1.jdf");

        assert_eq!(place.visible(), ["J-7-P1.jdf"]);
        assert_eq!(staged(&place.to, command()).unwrap(), None);
    }

    #[test]
    fn a_ticket_is_not_missing_in_a_folder_without_the_mark() {
        let place = Place::new(false);
        place.stage(&submission("J-7", None), false);
        std::fs::remove_file(place.to.join(mark::NAME)).unwrap();
        let found = staged(&place.to, command()).unwrap().unwrap();
        take_back(&place.to, &found).unwrap();
        assert!(staged(&place.to, command()).is_err());
    }

    #[test]
    fn a_hostile_job_id_does_not_leave_the_folder() {
        let place = Place::new(false);
        for job in ["../../etc/cron", "..", "/etc/passwd", ".hidden"] {
            let staged = place.stage(&submission(job, None), false);
            let name = put(&place.to, &staged).unwrap();
            assert!(!name.contains('/') && !name.starts_with('.'), "{name}");
            assert!(place.to.join(&name).is_file());
        }
    }

    #[test]
    fn files_go_beside_the_ticket_and_it_leads_to_them() {
        let place = Place::new(false);
        let page = place.folder.path().join("page");
        std::fs::write(&page, "%PDF").unwrap();
        let staged = place.stage(&submission("J-7", Some(&page)), true);
        put(&place.to, &staged).unwrap();

        let names = place.visible();
        let jdf = std::fs::read_to_string(place.to.join("J-7-P1.jdf")).unwrap();
        let beside = names.iter().find(|name| !name.contains(".jdf")).unwrap();
        assert!(
            jdf.contains(&format!("URL=\"./{beside}/page%201.pdf\"")),
            "{jdf}"
        );
        assert!(jdf.contains("Activation=\"Held\""), "{jdf}");
        let copied = std::fs::read(place.to.join(beside).join("page 1.pdf")).unwrap();
        assert_eq!(copied, b"%PDF");
    }

    #[test]
    fn a_package_holds_the_ticket_first_and_its_files() {
        let place = Place::new(true);
        let page = place.folder.path().join("page");
        std::fs::write(&page, "%PDF").unwrap();
        let staged = place.stage(&submission("J-7", Some(&page)), false);
        let name = put(&place.to, &staged).unwrap();
        assert_eq!(name, "J-7-P1.mjd");
        let bytes = std::fs::read(place.to.join(name)).unwrap();
        let limits = agog_jdf::package::PackageLimits::default();
        let package = agog_jdf::package::Package::parse(None, &bytes, &limits).unwrap();
        assert!(package.parts[0].is_jdf() && package.complete);
        assert_eq!(package.resolve_cid("cid:page1").unwrap().body(), b"%PDF");
    }
}
