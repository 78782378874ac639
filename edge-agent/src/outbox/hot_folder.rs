//! Commands to a device that is reached by folders: its tickets. A folder knows no queue, so every other
//! command is refused.

use std::io;
use std::path::{Path, PathBuf};

use agog_jdf::jmf::ReturnCode;
use rand::RngExt as _;

use super::send::{Sender, Tried};
use crate::config::{DeviceConfig, FolderConfig};
use crate::devices::package::Submission;
use crate::folder::mark::Mark;
use crate::folder::outgoing::{self, Staged};
use crate::ledger::LedgerError;
use crate::ledger::sending::{CommandEnd, CommandState, Content, DeviceCommand, Fate, News};

impl Sender {
    /// Tries a command once.
    pub(super) async fn to_folder(
        &self,
        device: &DeviceConfig,
        folder: &FolderConfig,
        command: &DeviceCommand,
    ) -> Result<Tried, LedgerError> {
        if command.content != Content::Submit {
            let reason = format!(
                "device {} is reached by a folder, which takes tickets only",
                device.id
            );
            let end = CommandEnd {
                return_code: Some(ReturnCode::NOT_IMPLEMENTED.number()),
                ..CommandEnd::new(Fate::Refused, reason)
            };
            return self.note(device, command, News::Ended(end)).await;
        }
        if command.state == CommandState::Sent {
            // Its device had another transport then, which nobody can ask any more.
            let reason = format!(
                "the ticket was sent to device {} over JMF, and not answered before it was to be reached by \
                 a folder; look whether the device has it, then give this command up",
                device.id
            );
            return self.note(device, command, News::Unanswered(reason)).await;
        }
        let (submission, is_held) = match self.to_submit(device, command).await? {
            Ok(ready) => ready,
            Err(news) => return self.note(device, command, news).await,
        };
        let ready = self.stage(device, folder, command, submission, is_held);
        let (to, staged) = match ready.await {
            Ok(ready) => ready,
            Err(error) => {
                let news = News::NotProcessed(error.to_string());
                return self.note(device, command, news).await;
            }
        };
        let placing = News::Placing(folder.to.to_string_lossy().into_owned());
        let ledger = &self.agent.ledger;
        if !ledger
            .command_news(command.command_id, placing, None)
            .await?
        {
            return Ok(Tried::Ended);
        }
        let put = blocking(move || outgoing::put(&to, &staged));
        let news = match put.await {
            Ok(name) => in_place(Some(name)),
            Err(error) => News::Unanswered(error.to_string()),
        };
        self.note(device, command, news).await
    }

    async fn stage(
        &self,
        device: &DeviceConfig,
        folder: &FolderConfig,
        command: &DeviceCommand,
        submission: Submission,
        is_held: bool,
    ) -> io::Result<(PathBuf, Staged)> {
        let to = Mark::new(&device.id, &folder.to).check(&self.agent).await?;
        let (command_id, as_package) = (command.command_id, folder.package);
        let random = self.agent.fork_rng().random();
        blocking(move || {
            let staged =
                outgoing::stage(&to, as_package, command_id, &submission, is_held, random)?;
            Ok((to, staged))
        })
        .await
    }

    /// What became of a ticket that was staged in a folder by an earlier try: only its name is missing,
    /// or nothing. Where the device is reached otherwise by now, a ticket that it has not seen is taken back.
    pub(super) async fn look_for_staged(
        &self,
        device: &DeviceConfig,
        command: &DeviceCommand,
        staged_in: &str,
    ) -> Result<Tried, LedgerError> {
        let folder = Path::new(staged_in);
        let is_still = device.folder.as_ref().is_some_and(|it| it.to == folder);
        let command_id = command.command_id;
        let to = Mark::new(&device.id, folder).check(&self.agent).await;
        let found = match to {
            Ok(to) => {
                blocking(move || {
                    Ok(match outgoing::staged(&to, command_id)? {
                        None => in_place(None),
                        Some(staged) if is_still => in_place(Some(outgoing::put(&to, &staged)?)),
                        Some(staged) => {
                            outgoing::take_back(&to, &staged)?;
                            let reason = "the device is reached otherwise, and has not seen it yet";
                            News::NotProcessed(reason.to_owned())
                        }
                    })
                })
                .await
            }
            Err(error) => Err(error),
        };
        let news = found.unwrap_or_else(|error| News::Unanswered(error.to_string()));
        self.note(device, command, news).await
    }
}

fn in_place(name: Option<String>) -> News {
    let reason = name.map_or_else(
        || "the device has taken the ticket".to_owned(),
        |name| format!("the ticket is in the folder as `{name}`"),
    );
    News::Ended(CommandEnd::new(Fate::Answered, reason))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
