//! Tickets that devices give back.

use agog_jdf::Document;
use agog_jdf::jmf::{Jmf, Message, Response as Answer, ReturnCode, ReturnQueueEntryParams};
use tracing::{debug, warn};

use super::{JmfState, unknown_device};
use crate::controller::keep;
use crate::devices::floor::FloorError;
use crate::jobs::returned::ReturnedTicket;

impl JmfState {
    pub(super) async fn returned(
        &self,
        jmf: &Jmf,
        message: &Message,
        params: &ReturnQueueEntryParams,
        ticket: Option<Result<Document, String>>,
    ) -> Result<Answer, FloorError> {
        let named = message.sender_id.as_deref().unwrap_or(&jmf.sender_id);
        let document = match ticket {
            Some(Ok(document)) => document,
            Some(Err(reason)) => {
                return Ok(refused_return(
                    named,
                    ReturnCode::INVALID_PARAMETERS,
                    &reason,
                ));
            }
            None => {
                let code = ReturnCode::INSUFFICIENT_PARAMETERS;
                return Ok(refused_return(named, code, "the message carries no ticket"));
            }
        };
        let device = self
            .known(jmf.device_id.as_deref())
            .or_else(|| self.known(Some(named)));
        let Some(device) = device else {
            metrics::counter!("agog_jmf_refused_total", "reason" => "unknown device").increment(1);
            return Ok(unknown_device(named));
        };
        self.contacts.heard(&device);
        let returned =
            match ReturnedTicket::read(&format!("jmf:{device}"), &device, params, &document) {
                Ok(returned) => returned,
                Err(error) => {
                    let reason = format!("the returned ticket is no JDF: {error}");
                    let code = ReturnCode::INVALID_PARAMETERS;
                    return Ok(refused_return(&device, code, &reason));
                }
            };
        for finding in &returned.summary.findings {
            debug!(device.id = %device, "ticket returned by {device}: {finding}");
        }
        keep(
            &self.agent,
            &device,
            &returned.reported_job(),
            params,
            &document,
        )
        .await?;
        self.floor.returned(returned).await?;
        Ok(Answer::success())
    }
}

/// What a job has used and made is lost to the books until somebody looks: this must be seen.
fn refused_return(sender: &str, code: ReturnCode, reason: &str) -> Answer {
    metrics::counter!("agog_jmf_refused_total", "reason" => "return").increment(1);
    warn!("ticket returned by `{sender}` refused: {reason}");
    Answer::refusal(code, reason)
}
