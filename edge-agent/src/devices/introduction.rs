//! What a device told of itself when it was asked on connection: what it is and can do, and what it
//! did not want to say.

use agog_jdf::jmf::{Device, DeviceInfo, MessageService, Response, SubmissionMethods};
use agog_jdf::{Fragment, Limits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

/// JMF has about fifty message types; vendors add a few.
const MESSAGES_MAX: usize = 200;

/// What a device told of itself when it was asked on connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    pub asked_at: Option<Timestamp>,
    pub device: Option<DeviceFacts>,
    pub messages: Vec<MessageFacts>,
    pub submission_methods: Option<SubmissionFacts>,
    /// The questions that it did not answer, and why.
    pub refused: Vec<Refusal>,
}

/// The device as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    pub descriptive_name: Option<String>,
    pub device_type: Option<String>,
    pub manufacturer: Option<String>,
    pub model_name: Option<String>,
    pub serial_number: Option<String>,
    pub jdf_versions: Option<String>,
    pub ics_versions: Vec<String>,
    /// How many descriptions of what it can do (`DeviceCap`) are kept.
    pub capabilities: usize,
}

/// A message that the device knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    pub kind: String,
    /// In which it is taken or sent, such as `Query` and `Signal`.
    pub families: Vec<String>,
}

/// How the device takes tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionFacts {
    pub packaging: Vec<String>,
    pub url_schemes: Vec<String>,
    pub hot_folder: Option<String>,
}

/// A question without a useful answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: String,
    /// None when it was left unanswered.
    pub return_code: Option<i64>,
    pub detail: String,
}

/// The `Device` element of this device as it was sent, with everything that it can do: a document
/// of its own, in the namespace of JDF, which devices declare further out.
pub(crate) fn capability(device: &str, infos: &[DeviceInfo]) -> Option<String> {
    let told = own(device, infos)?.device.as_ref()?;
    match Fragment::from(told.to_element()).to_document(&Limits::default()) {
        Ok(document) => Some(String::from_utf8_lossy(&document.to_bytes()).into_owned()),
        Err(error) => {
            warn!(
                error = &error as &dyn std::error::Error,
                device.id = device,
                "what device {device} can do is not kept"
            );
            None
        }
    }
}

/// What is said of this device; a device that does not name itself means itself.
pub(super) fn own<'i>(device: &str, infos: &'i [DeviceInfo]) -> Option<&'i DeviceInfo> {
    let named = infos.iter().find(|info| info.id() == Some(device));
    named.or_else(|| infos.iter().find(|info| info.id().is_none()))
}

impl Introduction {
    /// From the answers by the type of their question.
    pub(super) fn read(
        device: &str,
        answers: &[(String, Option<Response>)],
        now: Timestamp,
    ) -> Self {
        let mut read = Self {
            asked_at: Some(now),
            ..Self::default()
        };
        for (kind, answer) in answers {
            let refusal = match answer {
                Some(answer) if answer.return_code.is_processed() => {
                    read.take(device, answer);
                    continue;
                }
                Some(answer) => Refusal {
                    kind: kind.clone(),
                    return_code: Some(answer.return_code.0),
                    detail: answer.reason(),
                },
                None => Refusal {
                    kind: kind.clone(),
                    return_code: None,
                    detail: "left unanswered".to_owned(),
                },
            };
            read.refused.push(refusal);
        }
        read
    }

    fn take(&mut self, device: &str, answer: &Response) {
        if let Some(found) = own(device, &answer.devices).and_then(|info| info.device.as_ref())
            && self.device.is_none()
        {
            self.device = Some(DeviceFacts::from(found));
        }
        if !answer.messages.is_empty() {
            let messages = answer.messages.iter().take(MESSAGES_MAX);
            self.messages = messages.map(MessageFacts::from).collect();
        }
        if let Some(methods) = &answer.submission_methods {
            self.submission_methods = Some(SubmissionFacts::from(methods));
        }
    }
}

impl From<&Device> for DeviceFacts {
    fn from(device: &Device) -> Self {
        Self {
            descriptive_name: device.descriptive_name.clone(),
            device_type: device.device_type.clone(),
            manufacturer: device.manufacturer.clone(),
            model_name: device.model_name.clone(),
            serial_number: device.serial_number.clone(),
            jdf_versions: device.jdf_versions.clone(),
            ics_versions: device.ics_versions.clone(),
            capabilities: device
                .content
                .iter()
                .filter(|part| part.name() == "DeviceCap")
                .count(),
        }
    }
}

impl From<&MessageService> for MessageFacts {
    fn from(service: &MessageService) -> Self {
        let families = [
            ("Query", service.query),
            ("Command", service.command),
            ("Signal", service.signal),
            ("Acknowledge", service.acknowledge),
            ("Registration", service.registration),
        ];
        let has = families.into_iter().filter(|(_, has)| *has);
        Self {
            kind: service.kind.clone(),
            families: has.map(|(family, _)| family.to_owned()).collect(),
        }
    }
}

impl From<&SubmissionMethods> for SubmissionFacts {
    fn from(methods: &SubmissionMethods) -> Self {
        let mut packaging: Vec<String> =
            methods.packaging.iter().map(ToString::to_string).collect();
        // How versions before JDF 1.2 said it.
        if packaging.is_empty() && methods.mime == Some(true) {
            packaging.push("MIME".to_owned());
        }
        Self {
            packaging,
            url_schemes: methods.url_schemes.clone(),
            hot_folder: methods.hot_folder.clone(),
        }
    }
}
