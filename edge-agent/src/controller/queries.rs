//! Questions of others. What is answered is known here already; no device is asked.
//!
//! A query is about the device that `JMF/@DeviceID` names, or about the whole plant. `QueueStatus`
//! without a device is the agent's own queue: the jobs of all devices.

use agog_jdf::jmf::{
    Message, Query, QueryContent, QueueFilter, ResourceInfo, ResourceQuParams, Response as Answer,
    ReturnCode, StatusQuParams,
};
use agog_sync::event::DeviceResource;

use super::{Call, known, show, subscribe};
use crate::config::DeviceConfig;
use crate::devices::client::sender_id;
use crate::ledger::{AppendError, Reader};
use crate::run::Agent;

/// Answers a question, and opens a channel where one is asked for.
pub(crate) async fn query(
    agent: &Agent,
    call: &Call<'_>,
    message: &Message,
    query: &Query,
) -> Result<Answer, AppendError> {
    let device = match named_device(agent, call) {
        Ok(device) => device,
        Err(refusal) => return Ok(*refusal),
    };
    let answer = answer(agent, device.as_ref(), &query.content).await?;
    match &query.subscription {
        Some(subscription) if answer.return_code == ReturnCode::SUCCESS => {
            subscribe::open(agent, call, message, query, subscription, answer).await
        }
        None if matches!(query.content, QueryContent::Notification(_)) => Ok(Answer::refusal(
            ReturnCode::INSUFFICIENT_PARAMETERS,
            "Notification is asked for with a Subscription",
        )),
        _ => Ok(answer),
    }
}

/// The device that `JMF/@DeviceID` names; none where it names nothing or the agent itself.
pub(super) fn named_device(
    agent: &Agent,
    call: &Call<'_>,
) -> Result<Option<DeviceConfig>, Box<Answer>> {
    let Some(name) = call
        .jmf
        .device_id
        .as_deref()
        .filter(|name| !name.is_empty())
    else {
        return Ok(None);
    };
    if name == sender_id(agent) {
        return Ok(None);
    }
    match device(agent, name) {
        Some(device) => Ok(Some(device)),
        None => Err(Box::new(unknown_device(name))),
    }
}

pub(super) fn device(agent: &Agent, id: &str) -> Option<DeviceConfig> {
    agent.known_devices.get(id)
}

pub(super) fn unknown_device(name: &str) -> Answer {
    let reason = format!("device `{name}` is not configured at this agent");
    Answer::refusal(ReturnCode::DEVICE_ID_UNKNOWN, reason)
}

/// What a question alone is answered.
pub(super) async fn answer(
    agent: &Agent,
    device: Option<&DeviceConfig>,
    content: &QueryContent,
) -> Result<Answer, AppendError> {
    Ok(match content {
        QueryContent::KnownMessages(params) => Answer {
            messages: known::messages(agent, params),
            ..Answer::success()
        },
        QueryContent::KnownDevices(filter) => Answer {
            devices: known::devices(agent, filter).await,
            ..Answer::success()
        },
        QueryContent::KnownSubscriptions(filter) => Answer {
            subscriptions: subscribe::known(agent, filter).await?,
            ..Answer::success()
        },
        QueryContent::SubmissionMethods => Answer {
            submission_methods: Some(known::submission_methods(agent)),
            ..Answer::success()
        },
        QueryContent::Status(params) => status(agent, device, params).await?,
        QueryContent::QueueStatus(filter) => queue_status(agent, device, filter).await?,
        QueryContent::Resource(params) => Answer {
            resources: resources(agent, device, params).await?,
            ..Answer::success()
        },
        QueryContent::Notification(_) => Answer::success(),
        other => {
            let reason = format!("Query {} is not implemented here", other.type_name());
            Answer::refusal(ReturnCode::NOT_IMPLEMENTED, reason)
        }
    })
}

/// What devices do, one or all.
async fn status(
    agent: &Agent,
    device: Option<&DeviceConfig>,
    params: &StatusQuParams,
) -> Result<Answer, AppendError> {
    let jobs = show::jobs(agent).await?;
    let known = agent.known_devices.all();
    let devices = known
        .iter()
        .filter(|known| device.is_none_or(|device| device.id == known.id))
        .map(|device| {
            let state = agent.devices.of(&device.id);
            show::device_info(device, &state, params, &jobs)
        })
        .collect();
    let queue = params.queue_info.then(|| match device {
        Some(device) => show::device_queue(device, &agent.devices.of(&device.id), &jobs),
        None => show::own_queue(agent, &jobs),
    });
    Ok(Answer {
        devices,
        queue: queue.map(|queue| QueueFilter::default().show(&queue)),
        ..Answer::success()
    })
}

async fn queue_status(
    agent: &Agent,
    device: Option<&DeviceConfig>,
    filter: &QueueFilter,
) -> Result<Answer, AppendError> {
    let jobs = show::jobs(agent).await?;
    let queue = match device {
        Some(device) => show::device_queue(device, &agent.devices.of(&device.id), &jobs),
        None => show::own_queue(agent, &jobs),
    };
    Ok(Answer {
        queue: Some(filter.show(&queue)),
        ..Answer::success()
    })
}

async fn resources(
    agent: &Agent,
    device: Option<&DeviceConfig>,
    params: &ResourceQuParams,
) -> Result<Vec<ResourceInfo>, AppendError> {
    let told = agent.ledger.read(Reader::resources).await?;
    Ok(told
        .iter()
        .filter(|told| device.is_none_or(|device| device.id == told.device))
        .filter(|told| is_meant(params, told))
        .map(show::resource_info)
        .collect())
}

/// Whether a query or channel is about this resource.
pub(super) fn is_meant(params: &ResourceQuParams, told: &DeviceResource) -> bool {
    let same = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
    (params.resource_names.is_empty() || params.resource_names.contains(&told.resource))
        && same(&params.location, &told.location)
        && same(&params.product_id, &told.product_id)
        && same(&params.resource_id, &told.resource_id)
        && same(&params.lot_id, &told.lot)
        && same(&params.job_id, &told.job)
}
