//! Real documents of many vendors, where `AGOG_JDF_CORPUS` names the folder that holds them.

use std::path::{Path, PathBuf};

/// The files of a folder of the corpus; none, with a word on it, where the corpus is not.
pub(crate) fn corpus_files(folder: &str) -> Vec<PathBuf> {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: corpus test skipped");
        return Vec::new();
    };
    // Tests run in the crate's folder; the variable is relative to the workspace.
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    let mut folders = vec![workspace.join(root).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "the corpus folder `{folder}` is empty");
    files
}

pub(crate) fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
