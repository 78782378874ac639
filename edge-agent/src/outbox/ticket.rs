//! A ticket as it is handed to a device: with its `JobID`, its references led to the files that go
//! with it, and checked against what the device says it can do. Pure.
//!
//! Whether a device fetches `http:`, `file:` and other URLs is its own business: they stay as they
//! are. A relative URL means nothing to a device unless it names a file that goes with the ticket.
//!
//! Limits: [`FILES_MAX`] files per ticket; [`REASONS_MAX`] findings are told.

use agog_jdf::jmf::ReturnCode;
use std::fmt::Write as _;

use agog_jdf::package::{
    Location, PartIndex, PartName, cid_url, local_path, references, rewrite_references,
};
use agog_jdf::validate::{Scope, check_capability};
use agog_jdf::{Document, Finding, Limits, Severity};
use agog_sync::frame::{JobTicket, TicketFile};
use tracing::warn;

use super::files::FILE_BYTES_MAX;
use crate::devices::profile::CheckCapability;
use crate::jobs::find::identified;
use crate::ledger::TicketNames;

/// More files with one ticket are a mistake.
pub(crate) const FILES_MAX: usize = 1_000;
/// Findings in the reason of a refusal; the rest are counted.
const REASONS_MAX: usize = 5;

/// A ticket that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) jdf: Vec<u8>,
    /// How the device may name the job.
    pub(super) names: TicketNames,
    /// What the device may not be able to do, where only a warning is wanted.
    pub(super) remark: Option<String>,
}

/// Why a ticket is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) return_code: Option<i64>,
    pub(super) reason: String,
}

impl Unfit {
    fn because(reason: impl Into<String>) -> Self {
        Self {
            return_code: None,
            reason: reason.into(),
        }
    }
}

/// Prepares a ticket. `capability` is the `Device` element that the device told, if it did.
pub(super) fn ready(
    ticket: &JobTicket,
    capability: Option<&str>,
    check: CheckCapability,
) -> Result<Ready, Unfit> {
    let unreadable = |error| Unfit::because(format!("the ticket is no readable JDF: {error}"));
    let (jdf, _) = identified(&ticket.jdf, &ticket.number).map_err(unreadable)?;
    let mut document = Document::parse(jdf.as_bytes(), &Limits::default()).map_err(unreadable)?;
    check_files(&ticket.files)?;
    lead_to_files(&mut document, &ticket.files)?;
    let remark = match (check, capability) {
        (CheckCapability::Off, _) | (_, None) => None,
        (_, Some(device)) => incapable(&document, device),
    };
    if check == CheckCapability::Refuse
        && let Some(reason) = remark
    {
        return Err(Unfit {
            return_code: Some(ReturnCode::DEVICE_INCAPABLE.number()),
            reason,
        });
    }
    Ok(Ready {
        jdf: document.to_bytes(),
        names: TicketNames::of(&jdf),
        remark,
    })
}

/// Why a ticket cannot be sent with these files, as far as that can be said before its device is there: whoever hands it
/// in is told at once.
pub(crate) fn lacks(document: &mut Document, files: &[TicketFile]) -> Option<String> {
    let fits = check_files(files).and_then(|()| lead_to_files(document, files));
    fits.err().map(|unfit| unfit.reason)
}

fn check_files(files: &[TicketFile]) -> Result<(), Unfit> {
    if files.len() > FILES_MAX {
        let reason = format!(
            "{} files go with the ticket, more than {FILES_MAX}",
            files.len()
        );
        return Err(Unfit::because(reason));
    }
    match files.iter().find(|file| file.bytes > FILE_BYTES_MAX) {
        Some(file) => Err(Unfit::because(format!(
            "file `{}` has {} bytes, more than {FILE_BYTES_MAX}",
            file.name, file.bytes
        ))),
        None => Ok(()),
    }
}

/// Every reference to a file that goes with the ticket gets the URL under which it goes.
fn lead_to_files(document: &mut Document, files: &[TicketFile]) -> Result<(), Unfit> {
    let index = PartIndex::new(files.iter().map(|file| PartName {
        content_id: Some(&file.content_id),
        file_name: Some(&file.name),
    }));
    let by_path = |url: &str| {
        let path = local_path(url)?;
        let path = path.trim_start_matches("./");
        files
            .iter()
            .find(|file| file.name == path || file.content_id == path)
    };
    let file = |location: Location, url: &str| match location {
        Location::Cid => index.resolve(url).map(|at| &files[at]),
        Location::Relative => by_path(url),
        _ => None,
    };
    for reference in references(document) {
        let url = reference.url;
        let problem = match reference.location {
            _ if !reference.is_file || file(reference.location, url).is_some() => continue,
            Location::Cid => "did not come with it",
            Location::Relative => {
                "is relative to a folder that the device does not have; send the file with the ticket"
            }
            Location::Hostile => "leads out of its folder",
            Location::Http | Location::File | Location::Absolute | Location::Other => continue,
        };
        return Err(Unfit::because(format!(
            "the ticket names `{url}`, which {problem}"
        )));
    }
    rewrite_references(document, |reference| {
        let file = file(reference.location, reference.url).filter(|_| reference.is_file)?;
        Some(cid_url(&file.content_id))
    })
    .map_err(|error| {
        Unfit::because(format!(
            "the references of the ticket cannot be set: {error}"
        ))
    })?;
    Ok(())
}

/// What the device surely cannot do, as a sentence: what it can never do (`Allowed…`), not what it is
/// not set up for now.
fn incapable(ticket: &Document, device: &str) -> Option<String> {
    let device = match Document::parse(device.as_bytes(), &Limits::default()) {
        Ok(device) => device,
        Err(error) => {
            warn!(
                "what a device told of itself cannot be read, and the ticket is not checked: {error}"
            );
            return None;
        }
    };
    let findings = check_capability(ticket, device.root(), Scope::Allowed);
    let grave: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    let told: Vec<String> = grave
        .iter()
        .take(REASONS_MAX)
        .map(|finding| told(finding))
        .collect();
    let more = grave.len().saturating_sub(REASONS_MAX);
    let end = match more {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    (!told.is_empty()).then(|| format!("{}{end}", told.join("; ")))
}

// Writing to a String cannot fail.
fn told(finding: &Finding) -> String {
    let mut text = finding.to_string();
    if let Some(found) = &finding.found {
        let _ = write!(text, ": {found}");
    }
    if let Some(expected) = &finding.expected {
        let _ = write!(text, ", expected {expected}");
    }
    text
}

#[cfg(test)]
mod tests {
    use agog_sync::chain::Hash;
    use agog_sync::ids::JobId;

    use super::*;

    const PRESS: &str = r#"<Device xmlns="http://www.CIP4.org/JDFSchema_1_1"><DeviceCap Types="ConventionalPrinting">
        <DevCaps Name="Media" LinkUsage="Input"><DevCap MaxOccurs="INF"><NumberState Name="Weight" AllowedValueMin="60"
        AllowedValueMax="400" PresentValueMin="100" PresentValueMax="200"/></DevCap></DevCaps></DeviceCap></Device>"#;

    fn ticket(content: &str, files: &[(&str, &str)]) -> JobTicket {
        let jdf = format!(
            r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="ConventionalPrinting" Status="Waiting" JobID="J-7" JobPartID="P1">{content}</JDF>"#
        );
        let file = |(content_id, name): &(&str, &str)| TicketFile {
            content_id: (*content_id).to_owned(),
            name: (*name).to_owned(),
            media_type: "application/pdf".to_owned(),
            bytes: 8,
            blake3: Hash::from_bytes([7; 32]),
        };
        JobTicket {
            files: files.iter().map(file).collect(),
            ..JobTicket::new(
                JobId::from_uuid(uuid::Uuid::from_u128(1)),
                "7",
                "press-3",
                jdf,
            )
        }
    }

    fn names(url: &str) -> String {
        format!(
            r#"<ResourcePool><RunList ID="r" Class="Parameter" Status="Available"><LayoutElement><FileSpec URL="{url}"/></LayoutElement></RunList></ResourcePool>"#
        )
    }

    fn of_weight(weight: u32) -> JobTicket {
        let content = format!(
            r#"<ResourcePool><Media ID="m" Class="Consumable" Status="Available" Weight="{weight}"/></ResourcePool><ResourceLinkPool><MediaLink rRef="m" Usage="Input"/></ResourceLinkPool>"#
        );
        ticket(&content, &[])
    }

    #[test]
    fn references_lead_to_the_files_that_go_with_the_ticket() {
        for (url, leads_to) in [
            ("cid:page1", "cid:page1"),
            ("cid:art.pdf", "cid:page1"),
            ("./art.pdf", "cid:page1"),
            ("http://mis/art.pdf", "http://mis/art.pdf"),
            ("file:///jobs/art.pdf", "file:///jobs/art.pdf"),
        ] {
            let ticket = ticket(&names(url), &[("page1", "art.pdf")]);
            let ready = ready(&ticket, None, CheckCapability::Refuse).unwrap();
            let jdf = String::from_utf8(ready.jdf).unwrap();
            assert!(jdf.contains(&format!("URL=\"{leads_to}\"")), "{url}: {jdf}");
            assert!(ready.names.parts.contains("P1"));
        }
    }

    #[test]
    fn a_ticket_whose_files_the_device_cannot_get_is_refused_with_the_url() {
        for (url, why) in [
            ("cid:page2", "did not come with it"),
            ("pages/2.pdf", "relative to a folder"),
            ("../../etc/passwd", "out of its folder"),
        ] {
            let ticket = ticket(&names(url), &[("page1", "art.pdf")]);
            let unfit = ready(&ticket, None, CheckCapability::Refuse).unwrap_err();
            assert!(
                unfit.reason.contains(url) && unfit.reason.contains(why),
                "{}",
                unfit.reason
            );
        }
    }

    #[test]
    fn what_the_device_can_never_do_is_refused_and_what_it_is_not_set_up_for_is_not() {
        let refused = ready(&of_weight(500), Some(PRESS), CheckCapability::Refuse).unwrap_err();
        assert_eq!(refused.return_code, Some(101));
        assert!(
            refused.reason.contains("500, expected 60 to 400"),
            "{}",
            refused.reason
        );
        let fits = ready(&of_weight(300), Some(PRESS), CheckCapability::Refuse).unwrap();
        assert_eq!(fits.remark, None);
    }

    #[test]
    fn a_device_may_be_checked_for_a_remark_only_or_not_at_all() {
        let heavy = of_weight(500);
        let warned = ready(&heavy, Some(PRESS), CheckCapability::Warn).unwrap();
        assert!(warned.remark.unwrap().contains("500"));
        let unchecked = ready(&heavy, Some(PRESS), CheckCapability::Off).unwrap();
        assert_eq!(unchecked.remark, None);
        assert!(ready(&heavy, None, CheckCapability::Refuse).is_ok());
    }
}
