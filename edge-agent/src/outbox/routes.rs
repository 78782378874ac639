//! The outbox over the local API: `GET /api/v1/outbox`, `POST /api/v1/outbox/{id}/give-up`; files for
//! tickets: `POST /api/v1/files`; and JMF messages as they are: `POST /api/v1/devices/{id}/jmf`.
//!
//! Limits: [`MESSAGES_MAX`] messages at once; the fate of a command is waited for [`FATE_WITHIN`], then
//! it is shown as it stands.

use std::time::Duration;

use agog_jdf::Limits;
use agog_jdf::jmf::{Body as Content, Jmf, Message, ParsedJmf};
use agog_sync::ids::RequestId;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::files::{FileError, StoredFile};
use crate::api::ApiState;
use crate::api::problem::Problem;
use crate::config::DeviceConfig;
use crate::devices::client::DeviceClient;
use crate::ledger::sending::{CommandFilter, DeviceCommand, MessageOrder, Order};
use crate::ledger::{Append, LedgerError};
use crate::run::Agent;
use crate::uplink::http::{HttpError, chain};

/// Messages of one file.
pub const MESSAGES_MAX: usize = 20;
/// Longer than a device needs that is there; below the time limit of a request.
pub const FATE_WITHIN: Duration = Duration::from_secs(20);

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    agent: Agent,
    client: DeviceClient,
}

/// What came of one message of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SentMessage {
    /// `Query` or `Command`.
    pub family: String,
    pub kind: String,
    /// The command as it stands in the outbox; none for a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<DeviceCommand>,
    /// The return code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<i64>,
    /// The answer to a query, as JMF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The routes, to be merged into those of the local API.
pub fn router(agent: Agent) -> Result<Router<ApiState>, HttpError> {
    let client = DeviceClient::new(&agent)?;
    Ok(Router::new()
        .route("/api/v1/outbox", get(list))
        .route("/api/v1/outbox/{id}/give-up", post(give_up))
        .route("/api/v1/files", post(take_file))
        .route("/api/v1/devices/{id}/jmf", post(send))
        .with_state(Shared { agent, client }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    device: Option<String>,
    /// Also what has ended.
    #[serde(default)]
    ended: bool,
}

async fn list(
    State(shared): State<Shared>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<DeviceCommand>>, Problem> {
    let Query(query) = query.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let unknown = query
        .device
        .clone()
        .filter(|id| !shared.agent.known_devices.contains(id));
    let filter = CommandFilter {
        device: query.device,
        with_ended: query.ended,
    };
    let commands = shared
        .agent
        .ledger
        .read(move |reader| reader.commands(&filter));
    let commands = commands.await?;
    match unknown {
        // What was sent to a device that was removed is still shown.
        Some(id) if commands.is_empty() => Err(unknown_device(&id)),
        _ => Ok(Json(commands)),
    }
}

/// Why a command is given up, and who says so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveUpRequest {
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

async fn give_up(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<DeviceCommand>, Problem> {
    let agent = &shared.agent;
    let request: GiveUpRequest =
        serde_json::from_slice(&body).map_err(|error| Problem::malformed(error.to_string()))?;
    if request.reason.trim().is_empty() {
        return Err(Problem::malformed("the reason is empty"));
    }
    let command_id: RequestId = id
        .parse()
        .map_err(|error: agog_sync::ids::IdError| Problem::malformed(error.to_string()))?;
    let by = request.by.as_deref().unwrap_or("operator");
    let is_given_up = super::give_up(agent, command_id, by, &request.reason).await?;
    let Some(command) = agent.ledger.command_by_id(command_id).await? else {
        let detail = format!("no command {command_id} is in the outbox");
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-command",
            detail,
        ));
    };
    if !is_given_up {
        let detail = format!("command {command_id} has ended: {}", command.state.as_str());
        return Err(Problem::new(StatusCode::CONFLICT, "command-ended", detail));
    }
    Ok(Json(command))
}

/// Takes a file for a ticket that is handed in afterwards.
async fn take_file(
    State(shared): State<Shared>,
    body: Body,
) -> Result<(StatusCode, Json<StoredFile>), Problem> {
    let stored = shared
        .agent
        .files
        .receive(body.into_data_stream(), None)
        .await;
    stored
        .map(|stored| (StatusCode::CREATED, Json(stored)))
        .map_err(|error| {
            let (status, code) = match &error {
                FileError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "file-too-large"),
                FileError::Store(_) => (StatusCode::INSUFFICIENT_STORAGE, "file-not-stored"),
                FileError::OtherLength { .. }
                | FileError::OtherContent { .. }
                | FileError::CutOff(_) => (StatusCode::BAD_REQUEST, "file-incomplete"),
            };
            Problem::new(status, code, chain(&error))
        })
}

fn unknown_device(id: &str) -> Problem {
    let detail = format!("no device `{id}` is configured");
    Problem::new(StatusCode::NOT_FOUND, "device-unknown", detail)
}

async fn send(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Vec<SentMessage>>, Problem> {
    let Some(device) = &shared.agent.known_devices.get(&id) else {
        return Err(unknown_device(&id));
    };
    let unusable =
        |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-message", detail);
    let mut parsed = Jmf::parse(&body, &Limits::default())
        .map_err(|error| unusable(format!("the JMF cannot be read: {error}")))?;
    let messages = parsed.jmf.messages.clone();
    if messages.is_empty() || messages.len() > MESSAGES_MAX {
        let count = messages.len();
        return Err(unusable(format!(
            "{count} messages; 1 to {MESSAGES_MAX} are sent at once"
        )));
    }
    // All of them are looked at before the first one is sent.
    for message in &messages {
        if !matches!(message.body, Content::Query(_) | Content::Command(_)) {
            let (family, kind) = (message.family().as_str(), &message.kind);
            return Err(unusable(format!(
                "{family} {kind}: only queries and commands are sent"
            )));
        }
    }
    if device.folder.is_some() {
        return Err(unusable(format!(
            "device {id} is reached by a folder, which takes tickets only"
        )));
    }
    let mut sent = Vec::new();
    let deadline = Instant::now() + FATE_WITHIN;
    for message in &messages {
        sent.push(match message.body {
            Content::Command(_) => command(&shared, device, &parsed, message, deadline).await?,
            _ => query(&shared, device, &mut parsed, message).await?,
        });
    }
    Ok(Json(sent))
}

async fn command(
    shared: &Shared,
    device: &DeviceConfig,
    parsed: &ParsedJmf,
    message: &Message,
    deadline: Instant,
) -> Result<SentMessage, Problem> {
    let ledger = &shared.agent.ledger;
    let alone = Jmf {
        messages: parsed.verbatim(message).into_iter().collect(),
        ..parsed.jmf.clone()
    };
    let order = MessageOrder {
        device: device.id.clone(),
        kind: message.kind.clone(),
        xml: String::from_utf8_lossy(&alone.to_bytes()).into_owned(),
        by: "operator".to_owned(),
    };
    let mut changes = ledger.commands();
    let append = Append {
        orders: vec![Order::Message(order)],
        ..Append::default()
    };
    let appended = ledger.append(append).await?;
    let command_id = *appended.commands.first().ok_or(LedgerError::Stopped)?;
    let command = loop {
        changes.mark_unchanged();
        let command = ledger.command_by_id(command_id).await?;
        let is_open = command
            .as_ref()
            .is_some_and(|command| command.ended_at.is_none());
        let news = tokio::time::timeout_at(deadline, changes.changed());
        if !is_open || !matches!(news.await, Ok(Ok(()))) {
            break command;
        }
    };
    Ok(SentMessage {
        family: "Command".to_owned(),
        kind: message.kind.clone(),
        return_code: command.as_ref().and_then(|command| command.return_code),
        command,
        answer: None,
        error: None,
    })
}

async fn query(
    shared: &Shared,
    device: &DeviceConfig,
    parsed: &mut ParsedJmf,
    message: &Message,
) -> Result<SentMessage, Problem> {
    let id = shared.client.message_id();
    if let Some(element) = message.element {
        parsed
            .document
            .set_attribute(element, "ID", &id)
            .map_err(|error| Problem::malformed(error.to_string()))?;
    }
    let Some(message) = parsed.verbatim(message) else {
        return Err(Problem::malformed("the message is not of its document"));
    };
    let sent = SentMessage {
        family: "Query".to_owned(),
        kind: message.kind.clone(),
        command: None,
        return_code: None,
        answer: None,
        error: None,
    };
    let answers = shared.client.exchange(device, vec![message.clone()]).await;
    Ok(match answers.map(|mut answers| answers.pop()) {
        Ok(Some(answer)) => {
            let return_code = Some(answer.return_code.number());
            let answer = Message::response(format!("R-{id}"), &message, answer);
            let jmf = Jmf::new(device.id.as_str(), shared.agent.clock.now()).with(answer);
            let answer = String::from_utf8_lossy(&jmf.to_bytes()).into_owned();
            SentMessage {
                return_code,
                answer: Some(answer),
                ..sent
            }
        }
        Ok(None) => sent,
        Err(error) => SentMessage {
            error: Some(chain(&error)),
            ..sent
        },
    })
}
