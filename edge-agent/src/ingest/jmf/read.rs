//! From the bytes of a request to its messages and the tickets that came with them.
//!
//! Lenient about packaging, strict about XML: what is not well-formed is refused with its line and
//! column.

use agog_jdf::jmf::{Body as Content, Command, Jmf, Message, ReturnCode, ReturnQueueEntryParams};
use agog_jdf::package::{Package, PackageError, PackageLimits};
use agog_jdf::{Document, ErrorKind, Limits};
use tracing::debug;

use super::{BODY_BYTES_MAX, MESSAGES_MAX};

/// A body that was read: the messages, and the tickets that came with them.
pub(super) struct Received {
    pub(super) jmf: Jmf,
    /// In the order of the messages: the returned ticket of each, where it is a return.
    pub(super) tickets: Vec<Option<Result<Document, UnreadableTicket>>>,
}

/// A returned ticket that is not there or cannot be read.
pub(super) struct UnreadableTicket {
    pub(super) reason: String,
    /// What came instead; empty when nothing did.
    pub(super) body: Vec<u8>,
}

/// Each of them is a document of its own in memory; devices return one at a time.
const RETURNS_MAX: usize = 4;

/// Why a body cannot be answered message by message.
pub(super) struct Unreadable {
    pub(super) code: ReturnCode,
    pub(super) reason: String,
}

impl Received {
    pub(super) fn read(content_type: Option<&str>, body: &[u8]) -> Result<Self, Unreadable> {
        let limits = PackageLimits {
            package_bytes: BODY_BYTES_MAX,
            ..PackageLimits::default()
        };
        let package = match Package::parse(content_type, body, &limits) {
            Ok(package) => Some(package),
            // Not even the beginning of XML: the XML reader says best what is wrong with it.
            Err(PackageError::NotAPackage) => None,
            Err(error) => {
                return Err(Unreadable {
                    code: ReturnCode::XML_PARSER_ERROR,
                    reason: format!("the MIME package cannot be read: {error}"),
                });
            }
        };
        let jmf = package
            .as_ref()
            .and_then(|package| package.jmf().or_else(|| package.parts.first()))
            .map_or(body, |part| part.body());
        let parsed = Jmf::parse(jmf, &Limits::default()).map_err(|error| Unreadable {
            code: match error.kind {
                ErrorKind::WrongRoot { .. } => ReturnCode::XML_VALIDATION_ERROR,
                _ => ReturnCode::XML_PARSER_ERROR,
            },
            reason: format!("the JMF cannot be read: {error}"),
        })?;
        if parsed.jmf.messages.len() > MESSAGES_MAX {
            return Err(Unreadable {
                code: ReturnCode::INVALID_PARAMETERS,
                reason: format!("more than {MESSAGES_MAX} messages in one JMF"),
            });
        }
        let messages = parsed.jmf.messages.iter();
        let is_return = |message: &&Message| {
            matches!(message.body, Content::Command(Command::ReturnQueueEntry(_)))
        };
        if messages.filter(is_return).count() > RETURNS_MAX {
            return Err(Unreadable {
                code: ReturnCode::INVALID_PARAMETERS,
                reason: format!("more than {RETURNS_MAX} returned tickets in one JMF"),
            });
        }
        for finding in &parsed.findings {
            debug!("JMF of {}: {finding}", parsed.jmf.sender_id);
        }
        let ticket = |message: &Message| match &message.body {
            Content::Command(Command::ReturnQueueEntry(params)) => {
                Some(returned_document(params, package.as_ref(), body))
            }
            _ => None,
        };
        let tickets = parsed.jmf.messages.iter().map(ticket).collect();
        Ok(Self {
            jmf: parsed.jmf,
            tickets,
        })
    }
}

fn returned_document(
    params: &ReturnQueueEntryParams,
    package: Option<&Package<'_>>,
    whole: &[u8],
) -> Result<Document, UnreadableTicket> {
    let part = package.and_then(|package| {
        // A device that names its ticket wrongly has sent only one.
        package
            .resolve_cid(&params.url)
            .or_else(|| package.tickets().next())
    });
    let Some(part) = part else {
        return Err(UnreadableTicket {
            reason: format!("the returned ticket `{}` is not in the message", params.url),
            body: whole.to_vec(),
        });
    };
    Document::parse(part.body(), &Limits::default()).map_err(|error| UnreadableTicket {
        reason: format!("the returned ticket cannot be read: {error}"),
        body: part.body().to_vec(),
    })
}
