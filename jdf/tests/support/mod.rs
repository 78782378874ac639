//! The official schema as an oracle for what the crate writes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Validates a document, or says why it cannot and passes: the schema belongs to others and is not part
/// of the project.
pub(crate) fn assert_valid(document: &[u8]) {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: schema validation skipped");
        return;
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = workspace.join(root).join("xsd/JDF_1.5/JDF.xsd");
    let started = Command::new("xmllint")
        .arg("--noout")
        .arg("--schema")
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("xmllint is not installed: schema validation skipped");
        return;
    };
    child.stdin.take().unwrap().write_all(document).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(document);
    assert!(
        output.status.success(),
        "{}\n{text}",
        String::from_utf8_lossy(&output.stderr)
    );
}
