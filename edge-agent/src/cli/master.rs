//! `master list`: what the office says of materials, locations, operators and reasons.

use std::fmt::Write as _;
use std::process::ExitCode;

use agog_sync::master::{MasterItem, MasterKind};
use clap::Subcommand;

use super::{Client, Session};

#[derive(Debug, Subcommand)]
pub(super) enum MasterArguments {
    /// List the records, by kind and code.
    List {
        /// materials, locations, operators or reasons; all when not said.
        kind: Option<MasterKind>,
    },
}

pub(super) async fn master(
    session: &Session,
    arguments: MasterArguments,
) -> anyhow::Result<ExitCode> {
    let MasterArguments::List { kind } = arguments;
    let config = session.config()?;
    let client = Client::find(&config)?;
    let query: Vec<_> = kind
        .map(|kind| ("kind", kind.to_string()))
        .into_iter()
        .collect();
    let items: Vec<MasterItem> = client
        .get(&config, &["api", "v1", "master-data"], &query)
        .await?;
    session.output.show(&items, |items| lines(items))?;
    Ok(ExitCode::SUCCESS)
}

fn lines(items: &[MasterItem]) -> String {
    if items.is_empty() {
        return "the office has said nothing yet".to_owned();
    }
    let code_width = items
        .iter()
        .map(|item| item.code.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for item in items {
        let _ = write!(
            text,
            "{:9}  {:code_width$}  {}",
            item.kind.as_str(),
            item.code,
            item.name
        );
        if let Some(material) = &item.material {
            let _ = write!(text, ", counted in {}", material.base_unit);
        }
        if !item.used_for.is_empty() {
            let _ = write!(text, ", for {}", item.used_for.join(", "));
        }
        if item.retired {
            text.push_str("  RETIRED");
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}
