//! `agog-jdf submit`: puts a ticket into the queue of a device.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::jmf::{Body as Content, Response, correlate};
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::bundle::Bundle;
use crate::http::{self, Outgoing};
use crate::output::{self, Output};
use crate::query::texts;
use crate::{REFUSED, submission};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the device takes JMF.
    url: String,
    /// The ticket, sent as with `pack`; with `--no-mime` the URL at which the device fetches it.
    ticket: PathBuf,
    /// More files, as with `pack`.
    files: Vec<PathBuf>,
    /// Sends the message alone.
    #[arg(long, conflicts_with_all = ["files", "repeat_headers"])]
    no_mime: bool,
    /// Writes the header of the package inside the body as well, for devices that look for the boundary there.
    #[arg(long)]
    repeat_headers: bool,
    #[command(flatten)]
    submission: submission::Options,
    #[command(flatten)]
    http: http::Options,
    /// The answer as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Exit code 0 if the ticket was accepted, 2 if it was refused.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let (jmf, bundle) = if arguments.no_mime {
        let url = arguments
            .ticket
            .to_str()
            .context("the URL of the ticket is no text")?;
        (arguments.submission.to_jmf(url.to_owned()), None)
    } else {
        let mut bundle = Bundle::collect(&arguments.ticket, &arguments.files, None)?;
        let jmf = arguments.submission.to_jmf(bundle.ticket_url());
        bundle.set_messages(jmf.to_bytes());
        for remark in &bundle.remarks {
            output::tell(remark);
        }
        (jmf, Some(bundle))
    };
    let answer = arguments.http.post(&arguments.url, || match &bundle {
        Some(bundle) => package(bundle, arguments.repeat_headers),
        None => Outgoing::message(jmf.to_bytes()),
    })?;
    let read = answer.messages()?;
    let answers = correlate(&jmf.messages, &read.jmf.messages);
    let response = answers.first().copied().flatten();
    let Some(Content::Response(response)) = response.map(|message| &message.body) else {
        anyhow::bail!("the device answers with messages, but none is a response");
    };
    let is_accepted = response.return_code.is_processed();
    if arguments.json {
        output.exact(as_json(response, is_accepted));
    } else {
        show(response, is_accepted, &arguments.ticket, output);
    }
    Ok(if is_accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(REFUSED)
    })
}

fn package(bundle: &Bundle, repeats_headers: bool) -> Outgoing {
    let mut writer = bundle.writer();
    if repeats_headers {
        writer.repeat_headers();
    }
    let content_type = writer.content_type();
    Outgoing {
        content_type,
        bytes: writer.content_length(),
        body: Box::new(writer.into_reader()),
    }
}

fn show(response: &Response, is_accepted: bool, ticket: &Path, output: &mut Output) {
    let said = match texts(response).as_str() {
        "" => String::new(),
        said => format!(": {said}"),
    };
    if !is_accepted {
        output.line(format_args!("refused: {}{said}", response.return_code));
        return;
    }
    let entry = response.queue_entry.as_ref().map_or_else(
        || "the device names no queue entry".to_owned(),
        |entry| {
            let priority = entry
                .priority
                .map(|priority| format!(", priority {priority}"))
                .unwrap_or_default();
            format!(
                "queue entry {}, {}{priority}",
                entry.queue_entry_id, entry.status
            )
        },
    );
    output.line(format_args!(
        "accepted `{}`: {entry}{said}",
        ticket.display()
    ));
    if response.return_code.number() != 0 {
        output.line(format_args!("  with a warning: {}", response.return_code));
    }
    if response.acknowledged {
        output.line("  the device will tell later whether it could do it (Acknowledge)");
    }
}

fn as_json(response: &Response, is_accepted: bool) -> serde_json::Value {
    let entry = response.queue_entry.as_ref();
    json!({
        "accepted": is_accepted,
        "return_code": response.return_code.number(),
        "meaning": response.return_code.meaning(),
        "text": response.reason(),
        "queue_entry_id": entry.map(|entry| &entry.queue_entry_id),
        "status": entry.map(|entry| entry.status.to_string()),
        "acknowledged": response.acknowledged,
    })
}
