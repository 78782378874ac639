//! Real documents of many vendors, where `AGOG_JDF_CORPUS` names the folder that holds them.

use std::path::PathBuf;

/// The files of a folder of the corpus; none, with a word on it, where the corpus is not.
pub(crate) fn corpus_files(folder: &str) -> Vec<PathBuf> {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: corpus test skipped");
        return Vec::new();
    };
    // Tests run in the crate's folder; the variable is relative to the workspace.
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![workspace.join(root).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
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
