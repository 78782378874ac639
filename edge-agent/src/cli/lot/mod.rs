//! `lot`: what warehouse and press crews do with lots. Each command becomes one request to the
//! running agent, under a key, so that it can be repeated without a second movement.

mod arguments;
mod command;
mod parse;
mod print;

use std::process::ExitCode;

use agog_sync::ids::{LotId, RequestId};
use agog_sync::trace::{Direction, Mode, Trace};
use anyhow::{Context as _, bail};

pub(super) use arguments::LotArguments;

use self::arguments::{ListArguments, TraceArguments, TraceMode};
use super::{Client, Session};
use crate::api::LotDetail;
use crate::config::Config;
use crate::ledger::{Appended, ContainerRow, LotCommand, LotPage};

/// How often an unanswered command is sent again, under the same key.
const SENDS_MAX: u32 = 3;

pub(super) async fn lot(session: Session, arguments: LotArguments) -> anyhow::Result<ExitCode> {
    let config = session.config()?;
    let client = Client::find(&config)?;
    match arguments {
        LotArguments::List(arguments) => list(&session, &config, &client, &arguments).await?,
        LotArguments::Show { lot } => {
            let detail: LotDetail = client
                .get(&config, &["api", "v1", "lots", &lot], &[])
                .await?;
            session.output.show(&detail, print::detail)?;
        }
        LotArguments::Container { sscc } => {
            let path = ["api", "v1", "containers", &sscc.to_string()];
            let container: ContainerRow = client.get(&config, &path, &[]).await?;
            session.output.show(&container, print::container)?;
        }
        LotArguments::Trace(arguments) => trace(&session, &config, &client, &arguments).await?,
        moving => {
            let (command, key) = command::command(moving)?;
            record(session, &config, &client, &command, key).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends a command, again when the answer got lost.
async fn record(
    mut session: Session,
    config: &Config,
    client: &Client,
    command: &LotCommand,
    key: Option<String>,
) -> anyhow::Result<()> {
    let key = key
        .unwrap_or_else(|| RequestId::generate(session.clock.now(), &mut session.rng).to_string());
    let (name, body) = command::request(command)?;
    let mut sends = 1;
    let appended: Appended = loop {
        let answer = client
            .post(config, &["api", "v1", "lots", name], &key, &body)
            .await;
        match answer {
            Err(error) if sends < SENDS_MAX && was_cut_off(&error) => sends += 1,
            other => break other?,
        }
    };
    session.output.show(&appended, print::appended)?;
    Ok(())
}

/// The connection ended after it was made: the command may or may not be recorded.
fn was_cut_off(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(|error| error.is_request() && !error.is_connect() && !error.is_timeout())
}

async fn list(
    session: &Session,
    config: &Config,
    client: &Client,
    arguments: &ListArguments,
) -> anyhow::Result<()> {
    let mut lots = Vec::new();
    let mut after: Option<LotId> = None;
    loop {
        let mut query = vec![("with_empty", arguments.all.to_string())];
        query.extend(
            arguments
                .material
                .clone()
                .map(|material| ("material", material)),
        );
        query.extend(after.map(|after| ("after", after.to_string())));
        let page: LotPage = client.get(config, &["api", "v1", "lots"], &query).await?;
        lots.extend(page.lots);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    session.output.show(&lots, |lots| print::lots(lots))?;
    Ok(())
}

async fn trace(
    session: &Session,
    config: &Config,
    client: &Client,
    arguments: &TraceArguments,
) -> anyhow::Result<()> {
    let direction = if arguments.backward {
        Direction::Backward
    } else {
        Direction::Forward
    };
    let mode = match arguments.mode {
        TraceMode::Strict => Mode::Strict,
        TraceMode::Exposure => Mode::Exposure,
    };
    let text_of = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text),
        other => bail!("`{other}` is no query value"),
    };
    let query = [
        ("direction", text_of(serde_json::to_value(direction)?)?),
        ("mode", text_of(serde_json::to_value(mode)?)?),
    ];
    let path = ["api", "v1", "lots", arguments.lot.as_str(), "trace"];
    let trace: Trace = client
        .get(config, &path, &query)
        .await
        .context("no trace")?;
    session.output.show(&trace, Trace::render_text)?;
    Ok(())
}
