//! A line of JSON per event: the envelope as it goes to the hub, with who sealed it and where it stands here.

use std::io::Write;

use agog_sync::event::Envelope;
use agog_sync::ids::ProducerId;
use serde::Serialize;

use super::{Export, ExportError, Summary};
use crate::ledger::Reader;

/// One line. The payload is the exact text that was sealed, so that each line can be proven by its hash.
#[derive(Serialize)]
struct Line<'a> {
    position: i64,
    producer: ProducerId,
    epoch: u64,
    resealed: bool,
    /// The hub has another event under this number; it is sealed again in a newer epoch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    aside: bool,
    event: &'a Envelope,
}

pub(super) fn write(
    export: &Export<'_>,
    reader: &Reader,
    out: &mut impl Write,
) -> Result<Summary, ExportError> {
    let mut summary = Summary::default();
    export.each(reader, &mut summary, |stored, _| {
        let line = Line {
            position: stored.position,
            producer: stored.producer,
            epoch: stored.epoch,
            resealed: stored.resealed,
            aside: stored.aside,
            event: &stored.envelope,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
        Ok(())
    })?;
    Ok(summary)
}
