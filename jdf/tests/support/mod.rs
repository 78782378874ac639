//! The official schema as an oracle for what the crate writes.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Validates a document, or says why it cannot and passes: the schema belongs to others and is not part
/// of the project.
pub(crate) fn assert_valid(document: &[u8]) {
    assert_all_valid(&[document.to_vec()]);
}

/// Validates documents with one reading of the schema, which takes longer than all the rest.
pub(crate) fn assert_all_valid(documents: &[Vec<u8>]) {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: schema validation skipped");
        return;
    };
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = workspace.join(root).join("xsd/JDF_1.5/JDF.xsd");
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..documents.len())
        .map(|number| folder.path().join(format!("{number}.xml")))
        .collect();
    for (file, document) in files.iter().zip(documents) {
        std::fs::write(file, document).unwrap();
    }
    let output = Command::new("xmllint")
        .arg("--noout")
        .arg("--schema")
        .arg(schema)
        .args(&files)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        eprintln!("xmllint is not installed: schema validation skipped");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let invalid = |file: &&PathBuf| !said.contains(&format!("{} validates", file.display()));
    if let Some(file) = files.iter().find(invalid) {
        let text = std::fs::read_to_string(file).unwrap();
        panic!(
            "{}\n{text}",
            said.lines()
                .filter(|line| !line.ends_with(" validates"))
                .collect::<Vec<_>>()
                .join("\n")
        );
    }
    assert!(output.status.success(), "{said}");
}
