//! Files that a document refers to and that are not there. The library opens nothing: the caller says what
//! exists.

use super::FINDINGS_MAX;
use crate::document::Document;
use crate::finding::{Finding, Severity};
use crate::package::{Location, references};

/// What is referred to and does not exist, by the word of the caller, who is asked once for every URL; and what
/// should not be opened at all.
///
/// ```
/// use agog_jdf::validate::missing_files;
/// use agog_jdf::{Document, Limits};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><FileSpec URL="cid:a.pdf"/><FileSpec URL="../../etc/passwd"/></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let findings = missing_files(&document, |url| url != "cid:a.pdf");
/// assert_eq!((findings[0].code, findings[1].code), ("file-missing", "file-hostile"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn missing_files(document: &Document, mut exists: impl FnMut(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for reference in references(document) {
        if findings.len() == FINDINGS_MAX {
            break;
        }
        let position = reference
            .element
            .attribute_position(reference.attribute)
            .unwrap_or_else(|| reference.element.position());
        let finding = if reference.location == Location::Hostile {
            let message = "the URL leads out of its directory or hides where it leads";
            Finding::new(Severity::Error, "file-hostile", message, position)
                .expected("a URL that can be opened safely")
        } else if !reference.is_file || exists(reference.url) {
            continue;
        } else {
            let message = "the file is not there";
            Finding::new(Severity::Error, "file-missing", message, position)
                .expected("a file that exists, or a part of the package")
        };
        findings.push(
            finding
                .found(super::shown(reference.url))
                .specified_in("JDF 1.5, FileSpec: URL"),
        );
    }
    findings
}
