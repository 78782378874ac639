//! What devices without a network put into their folder, read as if they had sent it: a ticket is a
//! `ReturnQueueEntry`, messages are messages of the device whose folder it is. No folder is shared (`config::folder`):
//! what a message tells in the name of another device of the plant is refused, as it is over the network when it comes
//! from where that device is not.

use agog_jdf::jmf::{
    Body, Command, Jmf, Message, Response as Answer, ReturnCode, ReturnQueueEntryParams,
};
use agog_jdf::package::{Package, PackageError, PackageLimits};
use agog_jdf::{Document, Limits, NodeStatus, ProductionSummary, Ticket};
use axum::http::StatusCode;
use bytes::Bytes;

use super::heard::{Caller, count, speaks_for};
use super::read::Received;
use super::{BODY_BYTES_MAX, JmfState};
use crate::folder::finding::{Outcome, Wrong};

const TICKET: &str = "a JDF ticket or a JMF message, alone or in a MIME package";
const RETURNED: &str = "a ticket that the device has worked on, with its JobID and an AuditPool that says how it ended";

const OWN: &str = "what the device tells of itself; another device tells it in its own folder";

/// What is in a file.
enum Content {
    Ticket(Box<Document>),
    Messages(Box<Received>),
}

impl JmfState {
    /// Takes in a file of a device.
    pub(crate) async fn take_file(&self, device: &str, name: &str, bytes: Vec<u8>) -> Outcome {
        let whole = Bytes::from(bytes);
        let body = whole.clone();
        let read = tokio::task::spawn_blocking(move || content(&body)).await;
        match read {
            Ok(Ok(Content::Ticket(document))) => self.ticket(device, name, *document).await,
            Ok(Ok(Content::Messages(received))) => self.messages(device, *received, &whole).await,
            Ok(Err(wrong)) => Outcome::Unreadable(wrong),
            Err(failed) => Outcome::Later(failed.to_string()),
        }
    }

    async fn ticket(&self, device: &str, name: &str, document: Document) -> Outcome {
        let params = match returned(&document, name) {
            Ok(params) => params,
            Err(wrong) => return Outcome::Refused(wrong),
        };
        let command = Command::ReturnQueueEntry(params.clone());
        let message = Message::command("folder", command);
        let jmf = Jmf::new(device, self.agent.clock.now());
        let ticket = Ok(document);
        let answer = self.returned(&jmf, &message, &params, Some(&ticket));
        match answer.await {
            Ok(answer) => outcome(&[answer], RETURNED),
            Err(error) => Outcome::Later(error.to_string()),
        }
    }

    async fn messages(&self, device: &str, received: Received, body: &Bytes) -> Outcome {
        let (received, foreign) = self.own(device, received);
        let Received { jmf, tickets } = received;
        if let Some(other) = jmf.messages.iter().find(|message| !is_told(message)) {
            let (family, kind) = (other.family().as_str(), &other.kind);
            let what = format!("{family} {kind} asks for an answer, and a folder gives none");
            return Outcome::Refused(Wrong::new(what, TICKET));
        }
        let jmf = of_device(device, jmf);
        let (status, messages) = self
            .answers(Received { jmf, tickets }, Caller::FOLDER, None, body)
            .await;
        if status != StatusCode::OK {
            return Outcome::Later("the ledger does not take it".to_owned());
        }
        let answers: Vec<Answer> = messages
            .into_iter()
            .filter_map(|message| match message.body {
                Body::Response(answer) => Some(answer),
                _ => None,
            })
            .collect();
        match (outcome(&answers, TICKET), foreign) {
            (Outcome::Taken, Some(other)) => {
                let what = format!("it speaks for device `{other}` in the folder of `{device}`");
                Outcome::Refused(Wrong::new(what, OWN))
            }
            (outcome, _) => outcome,
        }
    }

    /// The messages that do not speak for another device of the plant, and for which one the others do.
    fn own(&self, device: &str, received: Received) -> (Received, Option<String>) {
        let Received { mut jmf, tickets } = received;
        let mut foreign = None;
        let messages = std::mem::take(&mut jmf.messages);
        let (messages, tickets) = messages
            .into_iter()
            .zip(tickets)
            .filter(|(message, _)| {
                let sender = message.sender_id.as_deref().unwrap_or(&jmf.sender_id);
                let is_other = |name: &&str| *name != device && self.known(Some(name)).is_some();
                let other = speaks_for(&jmf, message, sender).find(is_other);
                if let Some(other) = other {
                    count("folder");
                    foreign = Some(other.to_owned());
                }
                other.is_none()
            })
            .unzip();
        jmf.messages = messages;
        (Received { jmf, tickets }, foreign)
    }
}

/// A file in the folder of a device is from that device, whatever else it calls itself.
fn of_device(device: &str, mut jmf: Jmf) -> Jmf {
    device.clone_into(&mut jmf.sender_id);
    jmf.device_id = Some(device.to_owned());
    for message in &mut jmf.messages {
        message.sender_id = None;
    }
    jmf
}

/// A message that tells something, and asks for nothing.
fn is_told(message: &Message) -> bool {
    matches!(
        message.body,
        Body::Signal(_)
            | Body::Command(Command::ReturnQueueEntry(_))
            | Body::Acknowledge(_)
            | Body::Response(_)
    )
}

/// What the answers mean for the file; one refusal is enough for a person to look.
fn outcome(answers: &[Answer], expected: &str) -> Outcome {
    let mut refusals = answers
        .iter()
        .filter(|answer| !answer.return_code.is_processed());
    match refusals.next() {
        None => Outcome::Taken,
        Some(answer) if answer.return_code == ReturnCode::SERVICE_BUSY => {
            Outcome::Later(answer.reason())
        }
        Some(answer) => Outcome::Refused(Wrong::new(answer.reason(), expected)),
    }
}

fn content(bytes: &[u8]) -> Result<Content, Wrong> {
    let limits = PackageLimits {
        package_bytes: BODY_BYTES_MAX,
        ..PackageLimits::default()
    };
    let package = match Package::parse(None, bytes, &limits) {
        Ok(package) if !package.complete => {
            let what = "the MIME package has no end";
            return Err(Wrong::new(what, "a whole package"));
        }
        Ok(package) => Some(package),
        // Not even the beginning of XML: the XML reader says best what is wrong with it.
        Err(PackageError::NotAPackage) => None,
        Err(error) => {
            let what = format!("the MIME package cannot be read: {error}");
            return Err(Wrong::new(what, TICKET));
        }
    };
    if package
        .as_ref()
        .is_some_and(|package| package.jmf().is_some())
    {
        let received = Received::read(None, bytes);
        let received = received.map_err(|unreadable| Wrong::new(unreadable.reason, TICKET))?;
        return Ok(Content::Messages(Box::new(received)));
    }
    let ticket = package
        .as_ref()
        .and_then(|package| package.tickets().next());
    let jdf = ticket.map_or(bytes, |part| part.body());
    let document =
        Document::parse(jdf, &Limits::default()).map_err(|error| Wrong::of(&error, TICKET))?;
    Ok(Content::Ticket(Box::new(document)))
}

/// How the ticket says that it ended, as the message would that it came without.
fn returned(document: &Document, name: &str) -> Result<ReturnQueueEntryParams, Wrong> {
    let ticket = Ticket::of(document).map_err(|error| Wrong::of(&error, RETURNED))?;
    if ticket.nodes().all(|node| node.job_id().is_none()) {
        return Err(Wrong::new("the ticket has no JobID", RETURNED));
    }
    let with = |wanted: NodeStatus| {
        let nodes = ticket
            .nodes()
            .filter(move |node| node.status() == Some(wanted.clone()));
        nodes
            .filter_map(|node| node.id().map(str::to_owned))
            .collect()
    };
    let params = ReturnQueueEntryParams {
        url: name.to_owned(),
        completed: with(NodeStatus::Completed),
        aborted: with(NodeStatus::Aborted),
        ..ReturnQueueEntryParams::default()
    };
    let has_run = || {
        let mut nodes = ticket.nodes();
        nodes.any(|node| ProductionSummary::of(node, &ticket).start.is_some())
    };
    if params.completed.is_empty() && params.aborted.is_empty() && !has_run() {
        let what = "the ticket tells of no run, and no node of it is Completed or Aborted";
        return Err(Wrong::new(what, RETURNED));
    }
    Ok(params)
}
