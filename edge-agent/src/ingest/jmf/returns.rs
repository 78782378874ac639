//! Tickets that devices give back. One that cannot be read is refused, kept as a file, and told to
//! people as a notification of its device.

use std::net::IpAddr;

use agog_jdf::jmf::{
    Jmf, Message, Notification, Response as Answer, ReturnCode, ReturnQueueEntryParams,
};
use agog_jdf::{Document, NodeStatus, NotificationClass};
use tracing::{debug, error, warn};

use super::kept::{Kept, keep};
use super::read::UnreadableTicket;
use super::{JmfState, unknown_device};
use crate::floor::{Content, FloorError, Report, TicketBack, Told};
use crate::folder::give_back;
use crate::jobs::returned::ReturnedTicket;
use crate::ledger::{AppendError, InboxKey};

impl JmfState {
    pub(super) async fn returned(
        &self,
        jmf: &Jmf,
        message: &Message,
        params: &ReturnQueueEntryParams,
        ticket: Option<&Result<Document, UnreadableTicket>>,
    ) -> Result<Answer, FloorError> {
        let named = message.sender_id.as_deref().unwrap_or(&jmf.sender_id);
        let device = self
            .known(jmf.device_id.as_deref())
            .or_else(|| self.known(Some(named)));
        let Some(device) = device else {
            metrics::counter!("agog_jmf_refused_total", "reason" => "unknown device").increment(1);
            return Ok(unknown_device(named));
        };
        self.contacts.heard(&device);
        let document = match ticket {
            Some(Ok(document)) => document,
            Some(Err(unreadable)) => {
                let code = ReturnCode::INVALID_PARAMETERS;
                let UnreadableTicket { reason, body } = unreadable;
                return self.unreadable(&device, code, reason, body).await;
            }
            None => {
                let code = ReturnCode::INSUFFICIENT_PARAMETERS;
                return Ok(refused_return(named, code, "the message carries no ticket"));
            }
        };
        let is_device = |name: &str| name != device && self.known(Some(name)).is_some();
        let sender = format!("jmf:{device}");
        let returned = match ReturnedTicket::read(&sender, &device, params, document, is_device) {
            Ok(returned) => returned,
            Err(error) => {
                let reason = format!("the returned ticket is no JDF: {error}");
                let code = ReturnCode::INVALID_PARAMETERS;
                let body = document.to_bytes();
                return self.unreadable(&device, code, &reason, &body).await;
            }
        };
        for finding in &returned.summary.findings {
            debug!(device.id = %device, "ticket returned by {device}: {finding}");
        }
        let reported = returned.reported_job();
        // Kept first: what the office waits for must not be lost when the agent is killed here.
        let kept = give_back::keep(&self.agent, &device, &reported, document).await;
        if let Err(error) = kept {
            warn!(
                error = &error as &dyn std::error::Error,
                device.id = %device, "a returned ticket is not kept for its inbox"
            );
            let code = ReturnCode::SERVICE_BUSY;
            return Ok(Answer::refusal(
                code,
                "the ticket could not be stored; send it again",
            ));
        }
        let back = back(params, document, &returned);
        match self.floor.returned(returned, back).await {
            Ok(()) => Ok(Answer::success()),
            Err(FloorError::Append(AppendError::Refused(refused))) => {
                let code = ReturnCode::INVALID_PARAMETERS;
                let reason = refused.to_string();
                let body = document.to_bytes();
                self.unreadable(&device, code, &reason, &body).await
            }
            Err(error) => Err(error),
        }
    }

    /// A whole body that cannot be read, but speaks of a return: what a job has made is in it.
    pub(super) async fn unreadable_body(
        &self,
        caller: Option<IpAddr>,
        body: &[u8],
        reason: &str,
    ) -> Result<(), FloorError> {
        let text = String::from_utf8_lossy(body);
        if !text.contains("ReturnQueueEntry") {
            return Ok(());
        }
        let devices = self.agent.known_devices.all();
        let device = devices.iter().find(|device| {
            ["SenderID", "DeviceID"].iter().any(|name| {
                let id = &device.id;
                text.contains(&format!("{name}=\"{id}\""))
                    || text.contains(&format!("{name}='{id}'"))
            })
        });
        let device = device.map(|device| device.id.clone());
        let Some(device) = device.filter(|device| !self.is_elsewhere(device, caller)) else {
            return Ok(());
        };
        self.keep_and_tell(&device, reason, body).await
    }

    async fn unreadable(
        &self,
        device: &str,
        code: ReturnCode,
        reason: &str,
        body: &[u8],
    ) -> Result<Answer, FloorError> {
        self.keep_and_tell(device, reason, body).await?;
        Ok(refused_return(device, code, reason))
    }

    async fn keep_and_tell(
        &self,
        device: &str,
        reason: &str,
        body: &[u8],
    ) -> Result<(), FloorError> {
        let now = self.agent.clock.now();
        let folder = self.agent.config.agent.data_dir.join("returns");
        let owned = body.to_vec();
        let kept = tokio::task::spawn_blocking(move || keep(&folder, &owned, now)).await;
        let (where_to, hash) = match kept {
            Ok(Ok(Kept { path, hash })) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                (format!("it is kept as returns/{name}"), hash)
            }
            failed => {
                if let Ok(Err(failure)) = failed {
                    error!(
                        error = &failure as &dyn std::error::Error,
                        device.id = %device, "an unreadable ticket of {device} is not kept"
                    );
                }
                ("it could not be kept".to_owned(), now.to_string())
            }
        };
        let text = format!("a returned ticket cannot be read: {reason}; {where_to}");
        let report = Report {
            // Known by what it holds: a device that repeats it makes a new message of it.
            key: InboxKey {
                sender: format!("jmf:{device}"),
                message_id: format!("unreadable return {hash}"),
            },
            device: device.to_owned(),
            at: None,
            told: Told::Signal,
            content: Content::Notifications,
            notifications: vec![Notification {
                kind: Some("Error".to_owned()),
                ..Notification::new(NotificationClass::Error, text)
            }],
        };
        self.floor.report(report).await?.stored().await
    }
}

/// What goes back to whoever submitted the job. Where the device does not say which nodes it is about, it is the root.
fn back(
    params: &ReturnQueueEntryParams,
    document: &Document,
    returned: &ReturnedTicket,
) -> TicketBack {
    let mut back = TicketBack {
        ticket: document.to_bytes(),
        completed: params.completed.clone(),
        aborted: params.aborted.clone(),
    };
    if back.completed.is_empty() && back.aborted.is_empty() {
        let root = document.root().attribute("ID").map(str::to_owned);
        if returned.ended == NodeStatus::Aborted {
            back.aborted.extend(root);
        } else {
            back.completed.extend(root);
        }
    }
    back
}

/// What a job has used and made is lost to the books until somebody looks: this must be seen.
fn refused_return(sender: &str, code: ReturnCode, reason: &str) -> Answer {
    metrics::counter!("agog_jmf_refused_total", "reason" => "return").increment(1);
    warn!("ticket returned by `{sender}` refused: {reason}");
    Answer::refusal(code, reason)
}
