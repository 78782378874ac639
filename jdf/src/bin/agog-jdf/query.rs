//! `agog-jdf query`: asks a device, or sends it messages from a file, and shows what it says.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::JobDetails;
use agog_jdf::jmf::{
    Body, DeviceFilter, Jmf, Message, ParsedJmf, Query, QueryContent, Response, StatusQuParams,
};
use anyhow::{Context as _, Result, ensure};
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::REFUSED;
use crate::http::{self, Outgoing};
use crate::output::{Output, clipped};
use crate::submission::new_id;
use crate::table;

/// The levels of JDF 1.5, `DeviceDetails`.
const DETAILS: [&str; 6] = ["None", "Brief", "Modules", "Details", "Capability", "Full"];

/// Characters of what a device says in words that are shown on one line.
const TEXT_CHARACTERS: usize = 500;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the device takes JMF.
    url: String,
    /// What is asked: `KnownMessages`, `KnownDevices`, `Status`, `QueueStatus`, `SubmissionMethods`,
    /// `KnownSubscriptions`, `Resource` or any other type of query; or a file with messages of one's own (`-`: standard
    /// input), sent as it is.
    message: String,
    /// The device that is meant, where one URL serves several.
    #[arg(long, value_name = "ID")]
    device_id: Option<String>,
    /// Who asks.
    #[arg(long, value_name = "ID", default_value = "agog-jdf")]
    sender_id: String,
    /// How much the device tells of itself, in answer to `KnownDevices` and `Status`.
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(DETAILS), default_value = "Details")]
    details: String,
    #[command(flatten)]
    http: http::Options,
    /// The answer as JSON, one object per message and line.
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// The answer as it came.
    #[arg(long)]
    raw: bool,
}

/// Exit code 2 if any of the answers is a refusal.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let jmf = arguments.messages()?;
    let answer = arguments
        .http
        .post(&arguments.url, || Outgoing::message(jmf.clone()))?;
    let read = match answer.messages() {
        Ok(read) => read,
        Err(error) => {
            if arguments.raw {
                output.bytes(&answer.body);
            }
            return Err(error);
        }
    };
    ensure!(
        arguments.raw || !read.jmf.messages.is_empty(),
        "the device answers with a JMF that holds no message"
    );
    if arguments.raw {
        output.bytes(&answer.body);
    }
    let mut is_refused = false;
    for message in &read.jmf.messages {
        if let Body::Response(response) | Body::Acknowledge(response) = &message.body {
            is_refused |= !response.return_code.is_processed();
        }
        if arguments.json {
            output.exact(as_json(message, &read));
        } else if !arguments.raw {
            show(message, &read, output);
        }
    }
    Ok(if is_refused {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    })
}

impl Arguments {
    fn messages(&self) -> Result<Vec<u8>> {
        let path = Path::new(&self.message);
        let is_file = self.message == "-"
            || path.extension().is_some()
            || self.message.contains(std::path::is_separator)
            || path.is_file();
        if is_file {
            let document = crate::document(&PathBuf::from(&self.message))?;
            document
                .expect_root("JMF")
                .with_context(|| format!("`{}` holds no messages", self.message))?;
            return Ok(document.to_bytes());
        }
        ensure!(
            self.message.starts_with(|c: char| c.is_ascii_alphabetic())
                && self
                    .message
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_-:".contains(c)),
            "`{}` is neither a file nor the type of a message",
            self.message
        );
        let content = match self.message.as_str() {
            "Status" => QueryContent::Status(StatusQuParams {
                device_details: Some(self.details.as_str().into()),
                job_details: Some(JobDetails::Brief),
                ..StatusQuParams::default()
            }),
            "KnownDevices" => QueryContent::KnownDevices(DeviceFilter {
                device_details: Some(self.details.as_str().into()),
                ..DeviceFilter::default()
            }),
            other => QueryContent::Other(other.to_owned()),
        };
        let query = Message::query(new_id('Q'), Query::once(content));
        let mut jmf = Jmf::new(self.sender_id.as_str(), crate::now()).with(query);
        jmf.device_id.clone_from(&self.device_id);
        Ok(jmf.to_bytes())
    }
}

fn show(message: &Message, read: &ParsedJmf, output: &mut Output) {
    let family = message.family().as_str();
    let from = message.sender_id.as_deref().unwrap_or(&read.jmf.sender_id);
    let from = match from {
        "" => String::new(),
        from => format!(" from {from}"),
    };
    let kind = &message.kind;
    match &message.body {
        Body::Response(response) | Body::Acknowledge(response) => {
            let said = texts(response);
            let said = match said.as_str() {
                "" => String::new(),
                said => format!(": {said}"),
            };
            let code = response.return_code;
            output.line(format_args!("{family} {kind}{from}: {code}{said}"));
        }
        _ => output.line(format_args!("{family} {kind}{from}")),
    }
    if let Some(element) = read.element(message) {
        if element.children().next().is_none() {
            output.line("  (no more than that)");
        }
        table::show(element, output);
    }
}

/// What the notifications say; they are left out of the table.
pub(crate) fn texts(response: &Response) -> String {
    let texts: Vec<String> = response
        .notifications
        .iter()
        .map(|notification| clipped(&notification.text(), TEXT_CHARACTERS))
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("; ")
}

fn as_json(message: &Message, read: &ParsedJmf) -> serde_json::Value {
    let response = match &message.body {
        Body::Response(response) | Body::Acknowledge(response) => Some(response),
        _ => None,
    };
    json!({
        "family": message.family().as_str(),
        "type": message.kind,
        "sender_id": message.sender_id.as_ref().unwrap_or(&read.jmf.sender_id),
        "ref_id": message.ref_id,
        "return_code": response.map(|response| response.return_code.number()),
        "meaning": response.and_then(|response| response.return_code.meaning()),
        "text": response.map(texts).filter(|text| !text.is_empty()),
        "content": read.element(message).map(table::as_json),
    })
}
