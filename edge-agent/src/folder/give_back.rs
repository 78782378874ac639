//! Returned tickets of jobs that came through an inbox, into the folder of the office (`return_to`).
//!
//! A job from an inbox gets a marker in `inbox/` of the data folder. A ticket that its device returns is
//! written beside the marker before the device is answered, and goes from there into the folder until
//! that has worked; marker and ticket are then removed.
//!
//! A job that ends without a ticket, because it was refused or taken out before it was run, is told to the
//! office in the same way as a file that has failed: the ticket as it was dropped goes to `failed`, with the
//! reason beside it.
//!
//! Limits: tries between [`RETRY_BASE`] and [`RETRY_CAP`]; markers of jobs that never came back are
//! removed after [`MARKERS_KEPT`].

use std::convert::Infallible;
use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use agog_jdf::Document;
use agog_sync::backoff::Backoff;
use agog_sync::event::JobStep;
use agog_sync::ids::JobId;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::finding::Wrong;
use super::place;
use super::watch::{FINDING_ENDING, blocking};
use crate::config::{Config, InboxConfig};
use crate::jobs::find::{self, ReportedJob};
use crate::ledger::LedgerError;
use crate::run::Agent;

/// How soon a returned ticket is looked for.
const RETRY_BASE: Duration = Duration::from_millis(500);
/// A folder that is away is not hurried.
const RETRY_CAP: Duration = Duration::from_secs(30);
/// Nobody at a folder waits for a refusal to the second.
const REFUSALS_EVERY: Duration = Duration::from_secs(2);
/// The longest that a job takes, and some.
const MARKERS_KEPT: Duration = Duration::from_hours(24 * 180);

/// Where a job came from. Stored as JSON; a field that is added is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    version: u32,
    /// The folder of the inbox.
    inbox: PathBuf,
    /// The name of the file that was dropped.
    name: String,
}

impl Marker {
    pub(super) fn new(inbox: &Path, name: &str) -> Self {
        Self {
            version: 1,
            inbox: inbox.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Why a returned ticket is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the ticket cannot be stored")]
    Store(#[source] io::Error),
}

fn folder(agent: &Agent) -> PathBuf {
    agent.config.agent.data_dir.join("inbox")
}

/// Notes that a job came through an inbox.
pub(super) async fn mark(agent: &Agent, job_id: JobId, marker: Marker) -> io::Result<()> {
    let folder = folder(agent);
    let bytes = serde_json::to_vec(&marker)?;
    blocking(move || write(&folder, &format!("{job_id}.json"), &bytes)).await
}

/// Keeps a returned ticket, when its job came through an inbox.
pub(crate) async fn keep(
    agent: &Agent,
    device: &str,
    reported: &ReportedJob,
    document: &Document,
) -> Result<(), KeepError> {
    if agent.config.inboxes.is_empty() {
        return Ok(());
    }
    let job = find::job(&agent.ledger, device, reported).await?;
    let Some(job_id) = job.and_then(|job| job.job_id) else {
        return Ok(());
    };
    let (folder, config) = (folder(agent), agent.config.clone());
    let bytes = document.to_bytes();
    let keep = move || {
        let marker_path = folder.join(format!("{job_id}.json"));
        let Some(marker) = read_marker(&marker_path)? else {
            return Ok(());
        };
        let inbox = inbox_of(&config, &marker);
        if inbox.is_some_and(|inbox| inbox.return_to.is_none()) {
            // The office wants no ticket back.
            return std::fs::remove_file(&marker_path);
        }
        write(&folder, &format!("{job_id}.jdf"), &bytes)
    };
    blocking(keep).await.map_err(KeepError::Store)
}

/// Gives back what was kept, for ever.
pub(super) async fn run(agent: &Agent) -> Infallible {
    let mut rng = agent.fork_rng();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    let mut refusals = tokio::time::interval(REFUSALS_EVERY);
    loop {
        if refusals.tick().now_or_never().is_some()
            && let Err(error) = tell_refused(agent).await
        {
            warn!(
                error = &error as &dyn std::error::Error,
                "what became of a dropped ticket is not told yet"
            );
        }
        let (folder, config) = (folder(agent), agent.config.clone());
        let now: SystemTime = agent.clock.now().into();
        let given = blocking(move || {
            let return_to =
                |marker: &Marker| inbox_of(&config, marker).and_then(|it| it.return_to.clone());
            give_all(&folder, &config.agent.data_dir, now, return_to)
        })
        .await;
        match given {
            Ok(()) => {
                backoff.reset();
                tokio::time::sleep(RETRY_BASE).await;
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "a returned ticket is not given back yet"
                );
                tokio::time::sleep(backoff.next_wait(&mut rng)).await;
            }
        }
    }
}

/// Gives back every ticket that can be; tells of the last one that cannot.
fn give_all(
    kept: &Path,
    data_dir: &Path,
    now: SystemTime,
    return_to: impl Fn(&Marker) -> Option<PathBuf>,
) -> io::Result<()> {
    let entries = match std::fs::read_dir(kept) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut failed = None;
    for entry in entries {
        let path = entry?.path();
        let marker_path = path.with_extension("json");
        match path.extension().and_then(|end| end.to_str()) {
            Some("jdf") => {
                if let Err(error) = give(&path, &marker_path, data_dir, &return_to) {
                    failed = Some(error);
                }
            }
            Some("json") => {
                // Gone when its ticket was given back just now.
                let Ok(metadata) = path.metadata() else {
                    continue;
                };
                let age = now.duration_since(metadata.modified()?);
                if age.is_ok_and(|age| age > MARKERS_KEPT) {
                    std::fs::remove_file(&path)?;
                }
            }
            _ => {}
        }
    }
    failed.map_or(Ok(()), Err)
}

fn give(
    ticket: &Path,
    marker_path: &Path,
    data_dir: &Path,
    return_to: &impl Fn(&Marker) -> Option<PathBuf>,
) -> io::Result<()> {
    let marker: Marker = serde_json::from_slice(&std::fs::read(marker_path)?)?;
    match return_to(&marker) {
        None => warn!(
            "a returned ticket of inbox `{}` is dropped: the inbox is gone",
            marker.inbox.display()
        ),
        Some(folder) => {
            let folder = place::real(&folder, data_dir)?;
            let bytes = std::fs::read(ticket)?;
            let stem = marker
                .name
                .rsplit_once('.')
                .map_or(&*marker.name, |it| it.0);
            if let Some(name) = put(&folder, &place::fitted("", stem, ".jdf"), &bytes)? {
                info!("returned ticket `{name}` is in `{}`", folder.display());
            }
        }
    }
    std::fs::remove_file(ticket)?;
    std::fs::remove_file(marker_path)
}

/// Puts a ticket into a folder of the office; tells its name, unless an earlier try that was killed has put it there.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<Option<String>> {
    let there = place::read(&folder.join(name), bytes.len() as u64);
    if there.is_ok_and(|there| there.as_deref() == Some(bytes)) {
        return Ok(None);
    }
    let hidden = folder.join(place::fitted(place::HIDDEN, name, ""));
    place::write_hidden(&hidden, |file| file.write_all(bytes))?;
    place::name_free(&hidden, folder, name).map(Some)
}

/// Tells the office of jobs that have ended without a ticket.
async fn tell_refused(agent: &Agent) -> Result<(), KeepError> {
    let kept = folder(agent);
    let waiting = {
        let kept = kept.clone();
        blocking(move || waiting(&kept)).await
    };
    for (job_id, marker) in waiting.map_err(KeepError::Store)? {
        let Some(job) = agent.ledger.job_by_id(job_id).await? else {
            continue;
        };
        let Some(inbox) = inbox_of(&agent.config, &marker) else {
            continue;
        };
        let how = match job.step {
            JobStep::Refused => "was refused",
            JobStep::Removed => "was taken out of the queue",
            _ => continue,
        };
        let ticket = agent.ledger.ticket(&job).await?;
        let bytes = ticket.map(|ticket| ticket.jdf).unwrap_or_default();
        let code = job.progress.return_code.filter(|code| *code != 0);
        let code = code.map_or_else(String::new, |code| format!(" (return code {code})"));
        let detail = job
            .progress
            .detail
            .as_deref()
            .unwrap_or("no reason is known");
        let wrong = Wrong::new(
            format!("job {} {how}{code}: {detail}", job.number),
            format!("a ticket that device {} takes", job.progress.device),
        );
        warn!(
            job.number = %job.number, device.id = %job.progress.device,
            "ticket `{}` of inbox `{}` goes back: {wrong}", marker.name, marker.inbox.display()
        );
        let (failed, data_dir) = (inbox.watched().failed, agent.config.agent.data_dir.clone());
        let marker_path = kept.join(format!("{job_id}.json"));
        let told = blocking(move || {
            let failed = place::real(&failed, &data_dir)?;
            let text = wrong.to_text(&marker.name);
            let finding = place::fitted("", &marker.name, FINDING_ENDING);
            // The finding first, so that no ticket is there without one.
            place::write_text(&failed, &finding, &text)?;
            put(
                &failed,
                &place::fitted("", &marker.name, ""),
                bytes.as_bytes(),
            )?;
            std::fs::remove_file(&marker_path)
        });
        told.await.map_err(KeepError::Store)?;
    }
    Ok(())
}

/// The jobs whose ticket did not come back yet.
fn waiting(kept: &Path) -> io::Result<Vec<(JobId, Marker)>> {
    let entries = match std::fs::read_dir(kept) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut waiting = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_marker = path.extension().is_some_and(|end| end == "json");
        let id = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let Some(job_id) = id.filter(|_| is_marker && !path.with_extension("jdf").exists()) else {
            continue;
        };
        if let Some(marker) = read_marker(&path)? {
            waiting.push((job_id, marker));
        }
    }
    Ok(waiting)
}

fn read_marker(path: &Path) -> io::Result<Option<Marker>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The inbox that a job came through, unless it is gone.
fn inbox_of<'c>(config: &'c Config, marker: &Marker) -> Option<&'c InboxConfig> {
    let mut inboxes = config.inboxes.iter();
    inboxes.find(|known| known.folder == marker.inbox)
}

/// Written beside and then renamed, so that a reader never sees half.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let new = folder.join(format!("{name}.new"));
    place::write_hidden(&new, |file| file.write_all(bytes))?;
    std::fs::rename(&new, folder.join(name))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_ticket_goes_to_the_office_once_when_its_folder_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (kept, data, back) = (at("data/inbox"), at("data"), at("back"));
        let marker = serde_json::to_vec(&Marker::new(&at("in"), "job 7.jdf")).unwrap();
        write(&kept, "1.json", &marker).unwrap();
        write(&kept, "1.jdf", b"<JDF/>").unwrap();
        // A file is in the way of the folder.
        std::fs::write(&back, "").unwrap();
        let now = SystemTime::UNIX_EPOCH;
        let give = || give_all(&kept, &data, now, |_| Some(back.clone()));
        assert!(give().is_err());

        std::fs::remove_file(&back).unwrap();
        give().unwrap();
        give().unwrap();

        assert_eq!(std::fs::read(back.join("job 7.jdf")).unwrap(), b"<JDF/>");
        assert_eq!(std::fs::read_dir(&back).unwrap().count(), 1);
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0);
    }

    #[test]
    fn a_ticket_that_was_put_there_before_a_kill_is_not_put_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let marker = serde_json::to_vec(&Marker::new(&at("in"), "7.jdf")).unwrap();
        write(&at("data/inbox"), "1.json", &marker).unwrap();
        write(&at("data/inbox"), "1.jdf", b"<JDF/>").unwrap();
        std::fs::create_dir(at("back")).unwrap();
        std::fs::write(at("back/7.jdf"), b"<JDF/>").unwrap();

        let now = SystemTime::UNIX_EPOCH;
        give_all(&at("data/inbox"), &at("data"), now, |_| Some(at("back"))).unwrap();

        assert_eq!(std::fs::read_dir(at("back")).unwrap().count(), 1);
    }
}
