//! The movements of lots as one EPCIS 2.0 document in JSON-LD (GS1 EPCIS 2.0 and CBV 2.0, 2022).

use std::io::Write;

use agog_sync::event::{DecodeError, Event};

use super::mapping::Mapping;
use super::names::Names;
use super::{Export, ExportError, Summary};
use crate::ledger::Reader;

/// The vocabulary of the standard.
const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// Our own: what EPCIS has no word for.
const EXTENSION: &str = "urn:agog:epcis:";

pub(super) fn write(
    export: &Export<'_>,
    reader: &Reader,
    out: &mut impl Write,
) -> Result<Summary, ExportError> {
    let mut summary = Summary::default();
    let own = reader.position()?.producer;
    let mapping = Mapping {
        names: Names::new(export.config, reader),
        reader,
        zone: &export.zone,
    };
    write!(
        out,
        "{{\"@context\":[\"{CONTEXT}\",{{\"agog\":\"{EXTENSION}\"}}],\"type\":\"EPCISDocument\",\
         \"schemaVersion\":\"2.0\",\"creationDate\":\"{}\",\"epcisBody\":{{\"eventList\":[",
        export.now
    )?;
    let mut first = true;
    export.each(reader, &mut summary, |stored, summary| {
        let kind = &stored.envelope.kind;
        if stored.resealed {
            summary.leave_out(format!("{kind}: sealed again, told under its older number"));
            return Ok(());
        }
        if stored.producer != own {
            summary.leave_out(format!(
                "{kind}: recorded by others, who tell it themselves"
            ));
            return Ok(());
        }
        let event = match stored.envelope.event() {
            Ok(Event::Lot(event)) => event,
            Ok(_) => {
                summary.leave_out(format!("{kind}: no movement of lots"));
                return Ok(());
            }
            Err(DecodeError::UnknownKind(_) | DecodeError::UnknownVersion { .. }) => {
                summary.leave_out(format!("{kind}: NOT KNOWN to this program"));
                return Ok(());
            }
            Err(source) => {
                let position = stored.position;
                return Err(ExportError::Unreadable { position, source });
            }
        };
        let told = mapping.events(stored, &event)?;
        if told.is_empty() {
            summary.leave_out(format!("{kind}: of an event that is not in this ledger"));
        }
        for event in told {
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            serde_json::to_writer(&mut *out, &event)?;
        }
        Ok(())
    })?;
    out.write_all(b"\n]}}\n")?;
    Ok(summary)
}
