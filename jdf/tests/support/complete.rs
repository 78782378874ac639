//! The tickets of the field, and what every finding about them must say. Needs `corpus.rs` beside it.

use std::path::PathBuf;

use agog_jdf::Finding;
use agog_jdf::validate::RuleFacts;

use crate::corpus::corpus_files;

/// Every file of the corpus's tickets with its content; none where the corpus is not.
pub(crate) fn documents() -> Vec<(PathBuf, Vec<u8>)> {
    let files = corpus_files("tickets").into_iter();
    files
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

/// Its code is in the table, no graver than there; it has a place, what was found and expected, and a specification.
pub(crate) fn is_complete(finding: &Finding) {
    let facts = RuleFacts::of(finding.code);
    let facts = facts.unwrap_or_else(|| panic!("`{}` is not in the table", finding.code));
    assert!(finding.severity <= facts.severity, "{finding}");
    assert!(finding.position.path.starts_with('/'), "{finding}");
    assert!(!finding.message.is_empty(), "{finding:?}");
    assert_eq!(
        finding.specification,
        Some(facts.specification),
        "{finding}"
    );
    if finding.code != "more-findings" {
        assert!(
            finding.position.line > 0 && finding.position.column > 0,
            "{finding}"
        );
        assert!(
            finding.found.is_some() && finding.expected.is_some(),
            "{finding}"
        );
    }
}
