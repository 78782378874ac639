//! The conversation about one command with its device.

use agog_jdf::jmf::{
    Body, Command, DeviceFilter, Jmf, Message, Query, QueryContent, QueueSubmissionParams,
    ReturnCode,
};
use agog_jdf::{AcknowledgeType, DeviceDetails, Limits};
use agog_sync::event::JobStep;
use agog_sync::frame::{JobAction, JobTicket};
use tracing::{info, warn};

use super::queue::{found, queue_command};
use super::ticket::{self, Ready, Unfit};
use super::verdict::verdict;
use crate::config::DeviceConfig;
use crate::devices::client::DeviceClient;
use crate::devices::contact::Contacts;
use crate::devices::introduction::capability;
use crate::devices::package::{PackedFile, Submission, TICKET_URL};
use crate::devices::profile::CheckCapability;
use crate::devices::record::{self, Records};
use crate::ledger::sending::{
    Acknowledge, CommandEnd, CommandState, Content, DeviceCommand, Fate, News,
};
use crate::ledger::{JobRow, LedgerError};
use crate::run::Agent;
use crate::uplink::http::{HttpError, chain};

/// What came of a try.
pub(super) enum Tried {
    /// The command has its fate, or the answer is promised.
    Ended,
    /// It is tried again, for this reason.
    Later(String),
}

/// What can be done about a command now.
enum Step {
    Send(Box<Outgoing>),
    End(CommandEnd),
    Later(String),
}

/// A message, and what goes with it.
struct Outgoing {
    message: Message,
    submission: Option<Submission>,
    /// What is worth knowing when the device takes it.
    remark: Option<String>,
}

/// What all devices share.
pub(super) struct Sender {
    pub(super) agent: Agent,
    pub(super) contacts: Contacts,
    pub(super) client: DeviceClient,
    records: Records,
    jmf_url: String,
}

impl Sender {
    pub(super) fn new(
        agent: Agent,
        contacts: Contacts,
        jmf_url: String,
    ) -> Result<Self, HttpError> {
        Ok(Self {
            client: DeviceClient::new(&agent)?,
            records: Records::new(&agent.config.agent.data_dir),
            agent,
            contacts,
            jmf_url,
        })
    }

    /// Tries a command once.
    pub(super) async fn attempt(
        &self,
        device: &DeviceConfig,
        command: &DeviceCommand,
    ) -> Result<Tried, LedgerError> {
        if command.state == CommandState::Sent
            && let Some(staged) = &command.staged
        {
            return self.look_for_staged(device, command, staged).await;
        }
        if let Some(folder) = &device.folder {
            return self.to_folder(device, folder, command).await;
        }
        // Of an earlier try nobody knows whether the device has processed it.
        let repeated = command.state == CommandState::Sent;
        let step = match &command.content {
            Content::Submit => self.submission(device, command, repeated).await?,
            Content::Job(action) => self.of_job(device, command, *action).await?,
            Content::Message { xml } => self.verbatim(xml, command),
            Content::Unknown => refused("the command was made by a newer program"),
        };
        let outgoing = match step {
            Step::Send(outgoing) => outgoing,
            Step::End(end) => return self.note(device, command, News::Ended(end)).await,
            Step::Later(why) if repeated => {
                return self.note(device, command, News::Unanswered(why)).await;
            }
            Step::Later(why) => {
                return self.note(device, command, News::NotProcessed(why)).await;
            }
        };
        let Outgoing {
            mut message,
            submission,
            remark,
        } = *outgoing;
        if command.acknowledge != Acknowledge::NotAsked {
            message.acknowledge.url = Some(self.jmf_url.clone());
            message.acknowledge.types = vec![AcknowledgeType::Applied];
        }
        let ledger = &self.agent.ledger;
        if !ledger
            .command_news(command.command_id, News::Trying, None)
            .await?
        {
            return Ok(Tried::Ended);
        }
        let answer = match submission {
            Some(submission) => self.client.submit(device, message, submission).await,
            None => self.one(device, message).await,
        };
        let mut news = match answer {
            Ok(answer) => {
                self.contacts.heard(&device.id);
                verdict(&command.content, repeated, &answer)
            }
            Err(error) if error.is_not_reached() && !repeated => News::NotProcessed(chain(&error)),
            Err(error) => News::Unanswered(chain(&error)),
        };
        if let News::Ended(end) = &mut news
            && end.fate == Fate::Answered
        {
            end.reason = end.reason.take().or(remark);
        }
        self.note(device, command, news).await
    }

    /// The ticket of a command for a folder, and whether it must not be begun yet; or what else
    /// is to be noted.
    pub(super) async fn to_submit(
        &self,
        device: &DeviceConfig,
        command: &DeviceCommand,
    ) -> Result<Result<(Submission, bool), News>, LedgerError> {
        Ok(match self.submission(device, command, false).await? {
            Step::Send(outgoing) => {
                let is_held = matches!(
                    &outgoing.message.body,
                    Body::Command(Command::SubmitQueueEntry(params)) if params.hold
                );
                Ok((outgoing.submission.unwrap_or_default(), is_held))
            }
            Step::End(end) => Err(News::Ended(end)),
            Step::Later(why) => Err(News::NotProcessed(why)),
        })
    }

    pub(super) async fn note(
        &self,
        device: &DeviceConfig,
        command: &DeviceCommand,
        news: News,
    ) -> Result<Tried, LedgerError> {
        let tried = match &news {
            News::NotProcessed(why) | News::Unanswered(why) | News::AnswersLater(why) => {
                Tried::Later(why.clone())
            }
            News::Trying | News::Placing(_) | News::Promised | News::Ended(_) => Tried::Ended,
        };
        let end = match &news {
            News::Ended(end) => Some(end.clone()),
            _ => None,
        };
        let is_first = self
            .agent
            .ledger
            .command_news(command.command_id, news, None)
            .await?;
        if let Some(end) = end {
            tell(device, command, &end, is_first);
        }
        Ok(tried)
    }

    async fn submission(
        &self,
        device: &DeviceConfig,
        command: &DeviceCommand,
        repeated: bool,
    ) -> Result<Step, LedgerError> {
        let row = self.agent.ledger.job_of(command).await?;
        let ticket = match &row {
            Some(row) => self.agent.ledger.ticket(row).await?,
            None => None,
        };
        let Some((row, ticket)) = row.zip(ticket) else {
            return Ok(refused("the job has no ticket"));
        };
        if row.step != JobStep::Received && command.state == CommandState::Sent {
            // Its signals were faster than its answer. A ticket that the device surely does not have is
            // sent all the same: what goes by its names there is another one.
            let end = CommandEnd::new(Fate::Answered, "the device has the job");
            return Ok(Step::End(end));
        }
        if row.step.is_end() {
            return Ok(refused(format!("the job has ended ({})", row.step.kind())));
        }
        let check = device.profile().check_capability;
        let capability = match self.capability(device, check).await {
            Ok(capability) => capability,
            Err(why) => return Ok(Step::Later(why)),
        };
        let prepared = {
            let ticket = ticket.clone();
            tokio::task::spawn_blocking(move || {
                ticket::ready(&ticket, capability.as_deref(), check)
            })
        };
        let ready = match prepared.await {
            Ok(Ok(ready)) => ready,
            Ok(Err(Unfit {
                return_code,
                reason,
            })) => {
                return Ok(Step::End(CommandEnd {
                    return_code,
                    ..CommandEnd::new(Fate::Refused, reason)
                }));
            }
            Err(failed) => return Ok(Step::Later(failed.to_string())),
        };
        let files = match self.files(&ticket).await {
            Ok(files) => files,
            Err(why) => return Ok(Step::Later(why)),
        };
        if repeated {
            match self.queued(device, &ready.names).await {
                Ok(Some(entry)) => return Ok(Step::End(found(&entry))),
                Ok(None) => {}
                Err(error) => return Ok(Step::Later(chain(&error))),
            }
        }
        Ok(self.package(command, &ticket, ready, files))
    }

    /// What the device says it can do; none where it does not say. One that was never asked is asked
    /// now: no ticket slips through because it is faster than the introduction.
    async fn capability(
        &self,
        device: &DeviceConfig,
        check: CheckCapability,
    ) -> Result<Option<String>, String> {
        if check == CheckCapability::Off || device.folder.is_some() {
            return Ok(None);
        }
        // Looked at first: what was told is kept before it is known to be.
        let introduction = self.agent.devices.of(&device.id).introduction;
        let key = record::key(&device.id, &device.url, &self.jmf_url);
        let kept = self.records.capability(&key).await;
        let kept = kept.map_err(|error| error.to_string())?;
        if kept.is_some() || introduction.asked_at.is_some() {
            return Ok(kept);
        }
        let all = DeviceFilter::details(DeviceDetails::Capability);
        let question = Query::once(QueryContent::KnownDevices(all));
        let message = Message::query(self.client.message_id(), question);
        match self.one(device, message).await {
            Ok(answer) => Ok(capability(&device.id, &answer.devices)),
            Err(error) if error.is_not_reached() => Err(chain(&error)),
            // One that answers no such question has to judge the ticket itself.
            Err(_) => Ok(None),
        }
    }

    fn package(
        &self,
        command: &DeviceCommand,
        ticket: &JobTicket,
        ready: Ready,
        files: Vec<PackedFile>,
    ) -> Step {
        let params = QueueSubmissionParams {
            url: TICKET_URL.to_owned(),
            return_jmf: Some(self.jmf_url.clone()),
            hold: ticket.hold,
            priority: ticket.priority,
            ..QueueSubmissionParams::default()
        };
        let content = Command::SubmitQueueEntry(params);
        Step::Send(Box::new(Outgoing {
            message: Message::command(&*command.message_id, content),
            submission: Some(Submission {
                jdf: ready.jdf,
                files,
            }),
            remark: ready.remark,
        }))
    }

    /// The files of a ticket, or which of them is not here yet.
    async fn files(&self, ticket: &JobTicket) -> Result<Vec<PackedFile>, String> {
        let mut files = Vec::new();
        for file in &ticket.files {
            match self.agent.files.size(file.blake3).await {
                Ok(Some(bytes)) => files.push(PackedFile {
                    content_id: file.content_id.clone(),
                    name: file.name.clone(),
                    media_type: file.media_type.clone(),
                    path: self.agent.files.path(file.blake3),
                    bytes,
                }),
                Ok(None) => return Err(format!("file `{}` has not come yet", file.name)),
                Err(error) => return Err(format!("file `{}`: {error}", file.name)),
            }
        }
        Ok(files)
    }

    async fn of_job(
        &self,
        device: &DeviceConfig,
        command: &DeviceCommand,
        action: JobAction,
    ) -> Result<Step, LedgerError> {
        let Some(row) = self.agent.ledger.job_of(command).await? else {
            return Ok(refused("the job is not known any more"));
        };
        if row.step.is_end() {
            return self.of_left(command, action, row).await;
        }
        let entry = match &row.progress.queue_entry_id {
            Some(entry) => entry.clone(),
            None => match self.entry_of(device, &row).await {
                Ok(Some(entry)) => entry.queue_entry_id,
                Ok(None) => {
                    let code = ReturnCode::QUEUE_ENTRY_UNKNOWN.number();
                    return Ok(Step::End(CommandEnd {
                        return_code: Some(code),
                        ..CommandEnd::new(Fate::Refused, "the job is not in the device's queue")
                    }));
                }
                Err(error) => return Ok(Step::Later(chain(&error))),
            },
        };
        Ok(to_entries(command, action, vec![entry]))
    }

    /// A command to a job that came back goes to all that its device still has of it.
    async fn of_left(
        &self,
        command: &DeviceCommand,
        action: JobAction,
        row: JobRow,
    ) -> Result<Step, LedgerError> {
        let ended = format!("the job has ended ({})", row.step.kind());
        let left = self
            .agent
            .ledger
            .read(move |reader| reader.entries_left(&row));
        let entries: Vec<String> = left
            .await?
            .into_iter()
            .map(|it| it.queue_entry_id)
            .collect();
        if entries.is_empty() {
            return Ok(refused(ended));
        }
        Ok(to_entries(command, action, entries))
    }

    /// A command as it was handed in, under the message id of its row.
    fn verbatim(&self, xml: &str, command: &DeviceCommand) -> Step {
        let asked = command.acknowledge != Acknowledge::NotAsked;
        let attributes = [
            ("ID", command.message_id.as_str(), true),
            ("AcknowledgeURL", &self.jmf_url, asked),
            ("AcknowledgeType", AcknowledgeType::Applied.as_str(), asked),
        ];
        let message = || {
            let mut parsed = Jmf::parse(xml.as_bytes(), &Limits::default())?;
            let Some(message) = parsed.jmf.messages.first().cloned() else {
                return Ok(None);
            };
            for (name, value, _) in attributes.into_iter().filter(|(.., is_set)| *is_set) {
                if let Some(element) = message.element {
                    parsed.document.set_attribute(element, name, value)?;
                }
            }
            Ok::<_, agog_jdf::Error>(parsed.verbatim(&message))
        };
        match message() {
            Ok(Some(message)) => Step::Send(Box::new(Outgoing {
                message,
                submission: None,
                remark: None,
            })),
            Ok(None) => refused("there is no command in it"),
            Err(error) => refused(format!("the command cannot be read: {error}")),
        }
    }
}

fn to_entries(command: &DeviceCommand, action: JobAction, entries: Vec<String>) -> Step {
    match queue_command(action, entries) {
        Ok(content) => Step::Send(Box::new(Outgoing {
            message: Message::command(&*command.message_id, content),
            submission: None,
            remark: None,
        })),
        Err(entries) => refused(format!(
            "only one entry can have a place, and the job has several: {}",
            entries.join(", ")
        )),
    }
}

fn refused(reason: impl Into<String>) -> Step {
    Step::End(CommandEnd::new(Fate::Refused, reason))
}

fn tell(device: &DeviceConfig, command: &DeviceCommand, end: &CommandEnd, is_first: bool) {
    let about = match &command.job {
        Some(job) => format!("{} of job {job}", command.kind),
        None => command.kind.clone(),
    };
    let reason = end.reason.as_deref().unwrap_or("done");
    if !is_first {
        warn!(
            device.id = %device.id, command.id = %command.command_id,
            "{about}: device {} answered after the command was ended: {reason}", device.id
        );
        return;
    }
    match end.fate {
        Fate::Answered => info!(
            device.id = %device.id, command.id = %command.command_id,
            "{about}: done by device {}", device.id
        ),
        Fate::Refused | Fate::GivenUp => warn!(
            device.id = %device.id, command.id = %command.command_id,
            "{about} refused for device {}: {reason}", device.id
        ),
    }
}
