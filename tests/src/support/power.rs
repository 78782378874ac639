//! What a power cut leaves of a program's files.
//!
//! The real program runs under `strace`, which notes in order what it writes, syncs and answers. From such a record,
//! [`after_cut`] makes the files as a disk may hold them when the power fails at any moment: whatever was synced before is
//! there; of what was not, each piece of a sector is there or is not. `kill -9` alone proves nothing of that kind, because
//! the kernel keeps what was written.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rand::RngExt as _;
use rand::rngs::StdRng;

/// What a disk writes whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// The longest piece that is noted whole.
const STRING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The system calls that are noted.
const CALLS: &str = "pwrite64,write,writev,sendto,fdatasync,fsync,ftruncate,unlink,unlinkat";

/// The arguments of `strace` with which a program is run; its own command line follows. The program stays the child of
/// whoever starts it.
pub fn strace_arguments(record: &Path) -> Result<Vec<String>> {
    let record = record.to_str().context("a record has a plain name")?;
    let length = STRING_BYTES_MAX.to_string();
    let arguments = [
        "-D", "-f", "-y", "-xx", "-s", &length, "-e", CALLS, "-o", record, "--",
    ];
    Ok(arguments.map(str::to_owned).to_vec())
}

/// One thing that the program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    /// What the first `covers` steps have written to the file is on the disk now.
    Sync {
        file: String,
        covers: usize,
    },
    Truncate {
        file: String,
        length: usize,
    },
    Remove {
        file: String,
    },
    /// Something was said over a connection.
    Said(Vec<u8>),
}

/// Reads a record; of files, those whose path begins with `folder`, by their names.
pub fn read(record: &str, folder: &Path) -> Result<Vec<Step>> {
    let folder = folder.to_str().context("a folder with a plain name")?;
    let mut steps = Vec::new();
    // A sync counts when it has returned, for what was written when it began.
    let mut syncing: BTreeMap<&str, (String, usize)> = BTreeMap::new();
    for line in record.lines() {
        let (thread, call) = line
            .trim_start()
            .split_once(' ')
            .with_context(|| format!("not a line of strace: {line}"))?;
        let call = call.trim_start();
        if call.starts_with("<... fdatasync resumed") || call.starts_with("<... fsync resumed") {
            if let Some((file, covers)) = syncing.remove(thread)
                && call.ends_with("= 0")
            {
                steps.push(Step::Sync { file, covers });
            }
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        if call.starts_with("<...") {
            continue;
        }
        let target = path_of(arguments)?;
        let file = target.as_deref().and_then(|path| path.strip_prefix(folder));
        let file = file.map(|name| name.trim_start_matches('/').to_owned());
        match (name, file) {
            ("pwrite64", Some(file)) => {
                let numbers = arguments.rsplit_once('"').context("pwrite64 has bytes")?.1;
                let mut numbers = numbers
                    .split([',', ' ', ')'])
                    .filter(|part| !part.is_empty());
                let at = numbers.nth(1).context("pwrite64 has a place")?.parse()?;
                let bytes = strings_of(arguments)?;
                steps.push(Step::Write { file, at, bytes });
            }
            ("fdatasync" | "fsync", Some(file)) => {
                let covers = steps.len();
                if call.ends_with("<unfinished ...>") {
                    syncing.insert(thread, (file, covers));
                } else if call.ends_with("= 0") {
                    steps.push(Step::Sync { file, covers });
                }
            }
            ("ftruncate", Some(file)) => {
                let length = arguments
                    .split([',', ' ', ')'])
                    .filter(|part| !part.is_empty())
                    .nth(1);
                let length = length.context("ftruncate has a length")?.parse()?;
                steps.push(Step::Truncate { file, length });
            }
            ("unlink" | "unlinkat", _) => {
                let path = String::from_utf8(strings_of(arguments)?)?;
                if let Some(name) = path.strip_prefix(folder) {
                    let file = name.trim_start_matches('/').to_owned();
                    steps.push(Step::Remove { file });
                }
            }
            ("write" | "writev" | "sendto", None)
                if target
                    .as_deref()
                    .is_some_and(|path| path.contains("socket:") || path.contains("TCP")) =>
            {
                steps.push(Step::Said(strings_of(arguments)?));
            }
            ("write" | "writev", Some(file)) if file.contains("ledger.db") => {
                bail!("`{file}` is written without a place, which this reader does not follow")
            }
            _ => {}
        }
    }
    Ok(steps)
}

/// The files as the disk may hold them when the power fails after these steps, on a disk that was empty before.
pub fn after_cut(steps: &[Step], rng: &mut StdRng) -> BTreeMap<String, Vec<u8>> {
    let mut synced: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps {
        if let Step::Sync { file, covers } = step {
            synced.insert(file, *covers);
        }
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (place, step) in steps.iter().enumerate() {
        match step {
            Step::Write { file, at, bytes } => {
                let is_safe = synced
                    .get(file.as_str())
                    .is_some_and(|synced| place < *synced);
                let content = files.entry(file.clone()).or_default();
                for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                    if is_safe || rng.random_ratio(1, 2) {
                        put(content, at + index * SECTOR_BYTES, sector);
                    }
                }
            }
            // The file system's journal keeps the order of what happens to whole files.
            Step::Truncate { file, length } => {
                files.entry(file.clone()).or_default().resize(*length, 0);
            }
            Step::Remove { file } => {
                files.remove(file);
            }
            Step::Sync { .. } | Step::Said(_) => {}
        }
    }
    files
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

/// What stands behind the first descriptor: `9</path>` with `-y`.
fn path_of(arguments: &str) -> Result<Option<String>> {
    let before_comma = arguments.split(',').next().unwrap_or_default();
    let Some((_, rest)) = before_comma.split_once('<') else {
        return Ok(None);
    };
    let Some((path, _)) = rest.split_once('>') else {
        return Ok(None);
    };
    Ok(Some(
        String::from_utf8_lossy(&unescaped(path)?).into_owned(),
    ))
}

/// All strings of a call, one after the other.
fn strings_of(arguments: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for string in arguments.split('"').skip(1).step_by(2) {
        bytes.extend(unescaped(string)?);
    }
    Ok(bytes)
}

/// With `-xx`, every byte is `\xNN`; what strace says itself is plain.
fn unescaped(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let [b'\\', b'x', high, low, after @ ..] = rest {
            let digits = [*high, *low];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const RECORD: &str = r#"101 pwrite64(9<\x2f\x64\x2f\x61>, "\x68\x69", 2, 512) = 2
102 fdatasync(9<\x2f\x64\x2f\x61> <unfinished ...>
101 pwrite64(9<\x2f\x64\x2f\x61>, "\x21", 1, 0 <unfinished ...>
102 <... fdatasync resumed>) = 0
101 <... pwrite64 resumed>) = 1
101 writev(12<\x73\x6f\x63\x6b\x65\x74\x3a\x5b\x31\x5d>, [{iov_base="\x6f", iov_len=1}, {iov_base="\x6b", iov_len=1}], 2) = 2
101 ftruncate(9<\x2f\x64\x2f\x61>, 514) = 0
101 write(2<\x2f\x65\x6c\x73\x65>, "\x6f", 1) = 1
101 unlink("\x2f\x64\x2f\x62") = 0
"#;

    #[test]
    fn a_record_is_read_in_the_order_of_what_was_done() {
        let file = "a".to_owned();
        let steps = read(RECORD, Path::new("/d")).unwrap();
        let expected = [
            Step::Write {
                file: file.clone(),
                at: 512,
                bytes: b"hi".to_vec(),
            },
            Step::Write {
                file: file.clone(),
                at: 0,
                bytes: b"!".to_vec(),
            },
            Step::Sync {
                file: file.clone(),
                covers: 1,
            },
            Step::Said(b"ok".to_vec()),
            Step::Truncate { file, length: 514 },
            Step::Remove {
                file: "b".to_owned(),
            },
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn what_was_synced_is_there_and_what_was_not_may_be_gone() {
        let file = "a".to_owned();
        let write = |at, byte| Step::Write {
            file: file.clone(),
            at,
            bytes: vec![byte; 1024],
        };
        let sync = Step::Sync {
            file: file.clone(),
            covers: 1,
        };
        let steps = [write(0, 1), sync, write(1024, 2)];
        let mut torn = 0;
        for seed in 0..20 {
            let files = after_cut(&steps, &mut StdRng::seed_from_u64(seed));
            assert_eq!(files["a"][..1024], [1; 1024]);
            let has = |at: usize| files["a"].get(at) == Some(&2);
            torn += usize::from(has(1024) != has(1536));
        }
        assert!(torn > 0, "no sector was ever lost alone");
    }
}
