//! The demo: AGOG's main job with real parts, told as a story, checked at the end.
//!
//! Read [`story`] next: it is BRIEF Example 1, act by act.

pub mod cast;
pub mod checks;
mod say;
mod story;
mod ticket;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use cast::{Cast, STORY_SPEED_UP, TICKET_SPEED_UP};
use say::Narrator;

/// Plays AGOG's main job with real parts: a press, three agents, a hub, one lot traced end to end.
#[derive(Debug, Parser)]
#[command(name = "agog-demo")]
pub struct Options {
    /// Run this JDF ticket on the press instead of the story.
    #[arg(long)]
    ticket: Option<PathBuf>,
    /// Leave everything up at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Plays it. Whatever was started has ended when this returns.
pub async fn run(options: &Options) -> Result<()> {
    let mut narrator = Narrator::new();
    narrator.act("Setting the stage");
    let speed_up = if options.ticket.is_some() {
        TICKET_SPEED_UP
    } else {
        STORY_SPEED_UP
    };
    let mut cast = Cast::assemble(speed_up).await?;
    narrator.line(
        "PostgreSQL, Mosquitto, one hub; Nordic Packaging with plants in Hamburg and Munich,",
    );
    narrator.line("Rival Cartons with a plant in Berlin; press 3 in Hamburg speaks JMF and MQTT");
    match &options.ticket {
        Some(path) => ticket::play(&cast, &mut narrator, path).await?,
        None => story::play(&mut cast, &mut narrator).await?,
    }
    narrator.act("Do agents and hub agree?");
    for sentence in checks::all(&cast).await? {
        narrator.holds(&sentence);
    }
    narrator.line(&format!(
        "the whole play took {:.1} s",
        narrator.elapsed_seconds()
    ));
    if options.keep {
        keep(&cast, &mut narrator).await?;
    }
    Ok(())
}

async fn keep(cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Everything stays up until Ctrl-C");
    let url = cast.world.hub.url();
    let lot = if cast::lot_at(&cast.hamburg, "LOT-2025-001").await?.is_some() {
        "LOT-2025-001"
    } else {
        "PAPER"
    };
    narrator.line(&format!("hub            {url}  ({url}/openapi.json)"));
    narrator.line(&format!(
        "Hamburg        {}  (local API, no token)",
        cast.hamburg.api_url()?
    ));
    narrator.line(&format!("press 3        {}", cast.press.jmf_url()));
    narrator.line(&format!("files and logs {}", cast.world.folder().display()));
    narrator.line("the office's token:");
    narrator.block(&cast.nordic.token);
    narrator.line("to try:");
    for path in [
        format!("/api/v1/inventory/lot/{lot}/forward-trace"),
        "/api/v1/inventory/stock-levels".to_owned(),
        "/api/v1/equipment".to_owned(),
    ] {
        narrator.block(&format!(
            "curl -s -H 'Authorization: Bearer {}' {url}{path}",
            cast.nordic.token
        ));
    }
    std::future::pending().await
}
