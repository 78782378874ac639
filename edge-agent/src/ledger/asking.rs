//! What the parts of the agent ask of the ledger about jobs, lots and commands to devices.

use agog_sync::frame::JobTicket;
use agog_sync::ids::{JobId, RequestId};
use tokio::sync::watch;

use super::error::LedgerError;
use super::reader::Reader;
use super::rows::{JobRow, LotRow};
use super::sending::{DeviceCommand, News};
use super::{Ledger, Request};

impl Ledger {
    /// Changes after each commit that made or ended commands to devices.
    pub fn commands(&self) -> watch::Receiver<u64> {
        self.commands.clone()
    }

    /// Notes what became of a command to a device; `by` is who gave it up. False when it had ended
    /// before: then nothing changes.
    pub async fn command_news(
        &self,
        command_id: RequestId,
        news: News,
        by: Option<String>,
    ) -> Result<bool, LedgerError> {
        self.ask(|answer| Request::CommandNews {
            command_id,
            news: Box::new(news),
            by,
            answer,
        })
        .await
    }

    /// The command that a device is sent next, or that it has to answer.
    pub async fn command_next(&self, device: &str) -> Result<Option<DeviceCommand>, LedgerError> {
        let device = device.to_owned();
        self.read(move |reader| reader.command_next(&device)).await
    }

    /// One command by its id.
    pub async fn command_by_id(
        &self,
        command_id: RequestId,
    ) -> Result<Option<DeviceCommand>, LedgerError> {
        self.read(move |reader| reader.command_by_id(command_id))
            .await
    }

    /// The job that a command is about.
    pub async fn job_of(&self, command: &DeviceCommand) -> Result<Option<JobRow>, LedgerError> {
        let Some(key) = command.job_key.clone() else {
            return Ok(None);
        };
        self.read(move |reader| reader.job_by_key(&key)).await
    }

    /// Jobs on a device that have not ended, oldest first.
    pub async fn jobs_open_on(&self, device: &str) -> Result<Vec<JobRow>, LedgerError> {
        let device = device.to_owned();
        self.read(move |reader| reader.jobs_open_on(&device)).await
    }

    /// The ticket of a job; none for a job that only a device knows.
    pub async fn ticket(&self, job: &JobRow) -> Result<Option<JobTicket>, LedgerError> {
        let Some(job_id) = job.job_id else {
            return Ok(None);
        };
        self.read(move |reader| reader.ticket(job_id)).await
    }

    /// Jobs that have not ended, oldest first.
    pub async fn jobs_open(&self) -> Result<Vec<JobRow>, LedgerError> {
        self.read(Reader::jobs_open).await
    }

    /// One job by the hub's id.
    pub async fn job_by_id(&self, job_id: JobId) -> Result<Option<JobRow>, LedgerError> {
        self.read(move |reader| reader.job_by_id(job_id)).await
    }

    /// The newest job of that number.
    pub async fn job_by_number(&self, number: &str) -> Result<Option<JobRow>, LedgerError> {
        let number = number.to_owned();
        self.read(move |reader| reader.job_by_number(&number)).await
    }

    /// One lot by its number, with what the ledger knows of it.
    pub async fn lot_by_number(&self, number: &str) -> Result<Vec<LotRow>, LedgerError> {
        let number = number.to_owned();
        self.read(move |reader| reader.lots_by_number(&number))
            .await
    }
}
