//! Orders to the queue of a device are passed on at once, and answered as the device answers.
//!
//! The answer is remembered under the name of the message: the same message again gets it again, and the
//! device is not told twice, also after a restart. Where nobody knows whether the device has carried an
//! order out, a repeat is sent under the message ID that the device has seen. What the device surely has
//! not carried out is not remembered.
//!
//! Limits: answers are kept as long as other repeats (`ledger::upkeep`), and those with more than
//! [`ANSWER_BYTES_MAX`] as their return code and notifications.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use agog_jdf::Limits;
use agog_jdf::jmf::{Body, Command, Jmf, Message, Response as Answer, ReturnCode};
use tracing::info;

use super::queries::named_device;
use super::{Call, submit};
use crate::devices::client::DeviceClient;
use crate::ledger::AppendError;
use crate::ledger::controller::Change;
use crate::run::Agent;
use crate::uplink::http::chain;

/// A queue of some hundred entries.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Orders that are on their way to a device, by name.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<BTreeSet<String>>);

/// An order's place among them, until it is dropped.
struct Turn<'u> {
    under_way: &'u UnderWay,
    name: String,
}

impl UnderWay {
    /// None where the same order is on its way already.
    fn begin(&self, name: &str) -> Option<Turn<'_>> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned()).then(|| Turn {
            under_way: self,
            name: name.to_owned(),
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let names = self.under_way.0.lock();
        names
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}

/// Passes an order on to the device that `JMF/@DeviceID` names.
pub(super) async fn pass_on(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    command: &Command,
) -> Result<Answer, AppendError> {
    let refusal = |code, reason: String| Ok(Answer::refusal(code, reason));
    let device = match named_device(agent, call) {
        Ok(Some(device)) => device,
        Ok(None) => {
            let reason = format!("{} needs a device: name it as DeviceID", message.kind);
            return refusal(ReturnCode::INSUFFICIENT_PARAMETERS, reason);
        }
        Err(refusal) => return Ok(*refusal),
    };
    if device.folder.is_some() {
        let reason = format!(
            "device {} is reached by a folder, which has no queue",
            device.id
        );
        return refusal(ReturnCode::NOT_IMPLEMENTED, reason);
    }
    if let Some(refusal) = super::unnamed(call, message) {
        return Ok(refusal);
    }
    let away = || {
        let reason = format!("device {} does not answer", device.id);
        Answer::refusal(ReturnCode::DEVICE_NOT_AVAILABLE, reason)
    };
    let name = format!("{} {}", message.kind, submit::name_of(call, message));
    let Some(_turn) = agent.desk.under_way.begin(&name) else {
        let reason = "the same order is on its way to the device; ask again".to_owned();
        return refusal(ReturnCode::SERVICE_BUSY, reason);
    };
    let Ok(client) = DeviceClient::new(agent) else {
        return Ok(away());
    };
    let looked_up = name.clone();
    let known = agent
        .ledger
        .read(move |reader| reader.order_passed(&looked_up));
    let message_id = match known.await? {
        Some((_, Some(answer))) => return Ok(stored(&answer).unwrap_or_else(away)),
        Some((message_id, None)) => message_id,
        None => {
            let message_id = client.message_id();
            let passing = Change::Passing {
                message: name.clone(),
                message_id: message_id.clone(),
            };
            agent.ledger.change(passing).await?;
            message_id
        }
    };
    let onwards = Message::command(message_id, command.clone());
    let (answer, change) = match client.exchange(&device, vec![onwards]).await {
        Ok(answers) => {
            let answer = answers.into_iter().next().unwrap_or_else(away);
            let change = match answer.return_code {
                ReturnCode::SERVICE_BUSY | ReturnCode::DEVICE_NOT_AVAILABLE => {
                    Some(Change::NotPassed { message: name })
                }
                _ => Some(Change::Passed {
                    message: name,
                    answer: to_store(message, &answer),
                }),
            };
            (answer, change)
        }
        Err(error) => {
            info!(
                device.id = %device.id,
                "{} not passed on to device {}: {}", message.kind, device.id, chain(&error)
            );
            let is_lost = error.is_not_reached();
            (
                away(),
                is_lost.then_some(Change::NotPassed { message: name }),
            )
        }
    };
    if let Some(change) = change {
        agent.ledger.change(change).await?;
    }
    Ok(answer)
}

fn to_store(message: &Message, answer: &Answer) -> String {
    let xml = |answer: Answer| {
        let jmf = Jmf::default().with(Message::response("R", message, answer));
        String::from_utf8_lossy(&jmf.to_bytes()).into_owned()
    };
    let whole = xml(answer.clone());
    if whole.len() <= ANSWER_BYTES_MAX {
        return whole;
    }
    xml(Answer {
        return_code: answer.return_code,
        notifications: answer.notifications.clone(),
        ..Answer::default()
    })
}

fn stored(answer: &str) -> Option<Answer> {
    let read = Jmf::parse(answer.as_bytes(), &Limits::default()).ok()?;
    match read.jmf.messages.into_iter().next()?.body {
        Body::Response(answer) => Some(answer),
        _ => None,
    }
}
