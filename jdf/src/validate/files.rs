//! Files that a document refers to and that are not there. The library opens nothing: the caller says what
//! exists.

use super::report::Report;
use super::{detail, rules, shown};
use crate::document::Document;
use crate::finding::Finding;
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
    let mut report = Report::of(document);
    for reference in references(document) {
        let (rule, message, expected) = if reference.location == Location::Hostile {
            let message = "the URL leads out of its directory or hides where it leads";
            (
                rules::FILE_HOSTILE,
                message,
                "a URL that can be opened safely",
            )
        } else if !reference.is_file || exists(reference.url) {
            continue;
        } else {
            let expected = "a file that exists, or a part of the package";
            (rules::FILE_MISSING, "the file is not there", expected)
        };
        let attribute = Some(reference.attribute);
        let finding = report.add(rule, reference.element, attribute, message.to_owned());
        detail(finding, shown(reference.url), expected);
    }
    report.finish()
}
