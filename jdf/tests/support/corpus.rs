//! The tickets of the field, and what every finding must say.

use std::path::PathBuf;

use agog_jdf::Finding;
use agog_jdf::validate::RuleFacts;

/// Every file of the corpus's tickets, or `None` with a word if there is no corpus.
pub(crate) fn documents() -> Option<Vec<(PathBuf, Vec<u8>)>> {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: the tickets of the field are not read");
        return None;
    };
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![workspace.join(root).join("tickets")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    Some(found)
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
