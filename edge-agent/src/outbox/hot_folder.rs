//! Commands to a device that is reached by folders: its tickets. A folder knows no queue, so every other
//! command is refused.

use agog_jdf::jmf::ReturnCode;
use rand::RngExt as _;

use super::send::{Sender, Tried};
use crate::config::{DeviceConfig, FolderConfig};
use crate::devices::package::Submission;
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
        let (folder, data_dir) = (folder.clone(), self.agent.config.agent.data_dir.clone());
        let command_id = command.command_id;
        if command.state == CommandState::Sent {
            // Of an earlier try only the name is missing, or nothing.
            let staged =
                blocking(
                    move || match outgoing::staged(&folder, &data_dir, command_id)? {
                        Some(staged) => outgoing::put(&folder, &data_dir, &staged).map(Some),
                        None => Ok(None),
                    },
                );
            let news = match staged.await {
                Ok(name) => in_place(name),
                Err(error) => News::Unanswered(error.to_string()),
            };
            return self.note(device, command, news).await;
        }
        let (submission, is_held) = match self.to_submit(device, command).await? {
            Ok(ready) => ready,
            Err(news) => return self.note(device, command, news).await,
        };
        let staged = {
            let (folder, data_dir) = (folder.clone(), data_dir.clone());
            let random = self.agent.fork_rng().random();
            self.stage(folder, data_dir, command, submission, is_held, random)
        };
        let staged = match staged.await {
            Ok(staged) => staged,
            Err(error) => {
                let news = News::NotProcessed(error.to_string());
                return self.note(device, command, news).await;
            }
        };
        if !self
            .agent
            .ledger
            .command_news(command_id, News::Trying, None)
            .await?
        {
            return Ok(Tried::Ended);
        }
        let put = blocking(move || outgoing::put(&folder, &data_dir, &staged));
        let news = match put.await {
            Ok(name) => in_place(Some(name)),
            Err(error) => News::Unanswered(error.to_string()),
        };
        self.note(device, command, news).await
    }

    async fn stage(
        &self,
        folder: FolderConfig,
        data_dir: std::path::PathBuf,
        command: &DeviceCommand,
        submission: Submission,
        is_held: bool,
        random: [u8; 16],
    ) -> std::io::Result<Staged> {
        let command_id = command.command_id;
        blocking(move || {
            outgoing::stage(&folder, &data_dir, command_id, &submission, is_held, random)
        })
        .await
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
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)?
}
