//! A dropped ticket becomes a job, as one that is handed in over the local API.
//!
//! Files come in the same MIME package (`.mjd`), or lie in folders of the inbox and are named relative to
//! the ticket (`./pages/1.pdf`). They are copied before the ticket is taken in, so that the office may
//! remove them when the ticket is gone from the inbox. References that lead out of the inbox, or
//! through a symbolic link, are refused; `http:` and `file:` stay as they are.
//!
//! Limits: as many files per ticket as the outbox sends; each as large as a file may be there.

use std::fs::File;
use std::io::ErrorKind;

use agog_jdf::package::{Location, Package, PackageError, PackageLimits, local_path, references};
use agog_jdf::{Document, Limits};
use agog_sync::chain::Hash;
use agog_sync::frame::TicketFile;
use tokio_util::io::ReaderStream;

use super::finding::{Outcome, Wrong};
use super::give_back::{self, Marker};
use super::watch::{Dropped, blocking};
use super::{FILE_BYTES_MAX, place};
use crate::api::problem::Problem;
use crate::config::InboxConfig;
use crate::jobs::routes::{JobRequest, take as hand_in};
use crate::ledger::IdempotencyKey;
use crate::outbox::FILES_MAX;
use crate::outbox::files::FileError;
use crate::run::Agent;
use crate::uplink::http::chain;

const TICKET: &str = "a JDF ticket, alone or in a MIME package with its files";

/// Why a file is not taken in, as an early end.
type Stop = Outcome;

/// Takes in one ticket.
pub(super) async fn take(agent: &Agent, inbox: &InboxConfig, dropped: Dropped) -> Outcome {
    match job(agent, inbox, dropped).await {
        Ok(()) => Outcome::Taken,
        Err(stop) => stop,
    }
}

async fn job(agent: &Agent, inbox: &InboxConfig, dropped: Dropped) -> Result<(), Stop> {
    let (jdf, files) = content(agent, inbox, &dropped).await?;
    let request = JobRequest {
        device: inbox.device.clone(),
        jdf,
        number: None,
        order: None,
        customer: None,
        inputs: Vec::new(),
        output: None,
        waste_reason: None,
        files,
        hold: false,
        priority: None,
    };
    // The same file is the same job, also when the agent was killed before it was moved away.
    let key = IdempotencyKey {
        key: format!("inbox {} {}", inbox.folder.display(), dropped.key),
        request: Hash::from_bytes(*blake3::hash(&dropped.bytes).as_bytes()),
    };
    let (_, row) = hand_in(agent, request, Some(key), "inbox")
        .await
        .map_err(problem)?;
    if let Some(job_id) = row.job_id {
        let marker = Marker::new(&inbox.folder, &dropped.name);
        let written = give_back::mark(agent, job_id, marker).await;
        written.map_err(|error| Outcome::Later(error.to_string()))?;
    }
    Ok(())
}

/// What the local API says to the same ticket.
fn problem(problem: Problem) -> Stop {
    if problem.status >= 500 {
        return Outcome::Later(problem.detail);
    }
    let expected = match problem.code.as_str() {
        "unknown-device" => "a device that is configured at this plant",
        "job-number-taken" => "the same ticket again, or a JobID of its own",
        "file-missing" => {
            "the files of the ticket in a folder of the inbox, or in the same MIME package"
        }
        _ => TICKET,
    };
    let what = format!("{} ({})", problem.detail, problem.code);
    Outcome::Refused(Wrong::new(what, expected))
}

/// The ticket and its files, which are stored then.
async fn content(
    agent: &Agent,
    inbox: &InboxConfig,
    dropped: &Dropped,
) -> Result<(String, Vec<TicketFile>), Stop> {
    let unreadable = |what: String| Outcome::Unreadable(Wrong::new(what, TICKET));
    let limits = PackageLimits {
        package_bytes: usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX),
        ..PackageLimits::default()
    };
    let package = match Package::parse(None, &dropped.bytes, &limits) {
        Ok(package) if !package.complete => {
            return Err(unreadable("the MIME package has no end".to_owned()));
        }
        Ok(package) => Some(package),
        Err(PackageError::NotAPackage) => None,
        Err(error) => {
            return Err(unreadable(format!(
                "the MIME package cannot be read: {error}"
            )));
        }
    };
    let ticket = package
        .as_ref()
        .and_then(|package| package.tickets().next());
    let bytes = ticket.map_or(&dropped.bytes[..], |part| part.body());
    let document = Document::parse(bytes, &Limits::default())
        .map_err(|error| Outcome::Unreadable(Wrong::of(&error, TICKET)))?;
    let mut files = beside(agent, inbox, dropped, &document).await?;
    if let Some(package) = &package {
        files.extend(agent.files.of_package(package).await.map_err(store)?);
    }
    // Written again as UTF-8, whatever it came in.
    match String::from_utf8(bytes.to_vec()) {
        Ok(jdf) => Ok((jdf, files)),
        Err(_) => Err(Outcome::Refused(Wrong::new(
            "the ticket is not UTF-8",
            "a ticket that is saved as UTF-8",
        ))),
    }
}

/// The files that the ticket names relative to itself.
async fn beside(
    agent: &Agent,
    inbox: &InboxConfig,
    dropped: &Dropped,
    document: &Document,
) -> Result<Vec<TicketFile>, Stop> {
    let folder = dropped.path.parent().unwrap_or(&inbox.folder);
    let mut files: Vec<TicketFile> = Vec::new();
    for reference in references(document) {
        if !reference.is_file {
            continue;
        }
        let url = reference.url;
        let refused = |what: &str| {
            Err(Outcome::Refused(Wrong {
                what: format!("the ticket names `{url}`, which {what}"),
                position: Some(reference.element.position()),
                expected: "files in a folder of the inbox, or in the same MIME package".to_owned(),
            }))
        };
        match reference.location {
            Location::Relative => {}
            Location::Hostile => return refused("leads out of the inbox"),
            _ => continue,
        }
        let Some(path) = local_path(url) else {
            continue;
        };
        let name = path.trim_start_matches("./").to_owned();
        if files.iter().any(|file| file.name == name) {
            continue;
        }
        if files.len() >= FILES_MAX {
            return refused("is one file too many");
        }
        let opened = {
            let (folder, path) = (folder.to_owned(), path.clone());
            blocking(move || place::open_below(&folder, &path)).await
        };
        let unreadable = |why: String| {
            Err(Outcome::Unreadable(Wrong {
                what: format!("the ticket names `{url}`, which {why}"),
                position: Some(reference.element.position()),
                expected: "the file in the inbox".to_owned(),
            }))
        };
        let file = match opened {
            Ok(Some(file)) => file,
            Ok(None) => return refused("leads out of the inbox, or through a link"),
            // Often it only comes later than the ticket.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return unreadable("is not there".to_owned());
            }
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                return refused("is not a file");
            }
            Err(error) if place::is_of_the_file(&error) => {
                return unreadable(format!("cannot be read: {error}"));
            }
            Err(error) => return Err(Outcome::Later(format!("`{url}`: {error}"))),
        };
        files.push(stored(agent, file, name).await?);
    }
    Ok(files)
}

async fn stored(agent: &Agent, file: File, name: String) -> Result<TicketFile, Stop> {
    let content = ReaderStream::new(tokio::fs::File::from_std(file));
    let stored = agent.files.receive(content, None).await.map_err(store)?;
    Ok(TicketFile {
        content_id: name.clone(),
        media_type: "application/octet-stream".to_owned(),
        name,
        bytes: stored.bytes,
        blake3: stored.blake3,
    })
}

fn store(error: FileError) -> Stop {
    match error {
        FileError::TooLarge => Outcome::Refused(Wrong::new(error.to_string(), "a smaller file")),
        error => Outcome::Later(chain(&error)),
    }
}
