//! Every public type, trait, function and group of constants is documented with an example that runs.
//!
//! The sources are read as text, which is enough because they are formatted and because the lint
//! `unreachable_pub` keeps `pub` off everything that the crate does not give out. What the macros of the
//! crate declare is found in their invocations. That methods, fields and variants have a sentence each is
//! the work of the lint `missing_docs`.

use std::path::{Path, PathBuf};

/// Macros whose invocations declare public types, each with the documentation before its name.
const DECLARING_MACROS: &[&str] = &["enumerations! {", "resources! {", "states! {"];

/// Words that begin an item after `pub`.
const ITEMS: &[&str] = &[
    "const", "enum", "fn", "macro", "static", "struct", "trait", "type", "union", "async", "unsafe",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Example {
    Needed,
    /// A constant that follows another one: the first of a group shows what all are for.
    InGroup,
}

/// Where a public item is declared, and the documentation above it.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    line: usize,
    declaration: String,
    documentation: Vec<String>,
    example: Example,
}

impl Item {
    fn complaint(&self) -> Option<&'static str> {
        let mut fences = self
            .documentation
            .iter()
            .filter(|line| line.starts_with("```"));
        let runs = fences
            .next()
            .is_some_and(|fence| matches!(fence.as_str(), "```" | "```rust"));
        if self.documentation.is_empty() {
            Some("has no documentation")
        } else if self.example == Example::Needed && !runs {
            Some("has no example")
        } else {
            None
        }
    }
}

/// The public items of one formatted source file.
fn items(source: &str) -> Vec<Item> {
    let lines: Vec<&str> = source.lines().collect();
    let mut items: Vec<Item> = Vec::new();
    let mut in_invocation = false;
    let mut in_macro = false;
    // Where the last constant ended, if no empty line came since.
    let mut constants_until = None;
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("mod tests {") {
            break;
        }
        if line.starts_with('}') {
            (in_invocation, in_macro) = (false, false);
        }
        in_invocation |= DECLARING_MACROS.contains(line);
        in_macro |= line.starts_with("macro_rules!");
        let is_item = if in_invocation {
            is_declared_by_macro(line)
        } else {
            !in_macro && is_public(line)
        };
        if !is_item {
            continue;
        }
        let start = beginning(&lines, at);
        let is_constant = line.starts_with("pub const ") && !line.contains(" fn ");
        let follows = is_constant && constants_until == Some(start);
        let end = lines[at..].iter().position(|line| line.ends_with(';'));
        constants_until = end.filter(|_| is_constant).map(|length| at + length + 1);
        items.push(Item {
            line: at + 1,
            declaration: line.trim().to_owned(),
            documentation: documentation(&lines[start..at]),
            example: if follows {
                Example::InGroup
            } else {
                Example::Needed
            },
        });
    }
    items
}

fn is_public(line: &str) -> bool {
    let word = line
        .strip_prefix("pub ")
        .and_then(|item| item.split([' ', '!']).next());
    word.is_some_and(|word| ITEMS.contains(&word))
}

/// `    Media, NewMedia, "Media" {` or `    MediaUnit { Roll, Sheet }`: a name at the first indentation.
fn is_declared_by_macro(line: &str) -> bool {
    let Some(text) = line.strip_prefix("    ") else {
        return false;
    };
    let name = text
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("");
    let follows = &text[name.len()..];
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && (follows.starts_with(" {") || follows.starts_with(", New"))
}

/// The first line of the documentation and attributes of the item at a line.
fn beginning(lines: &[&str], item: usize) -> usize {
    let mut start = item;
    while let Some(above) = start.checked_sub(1) {
        let line = lines[above].trim_start();
        if line.starts_with("///") || line.starts_with("#[") {
            start = above;
        } else if line.ends_with(")]") {
            // The end of an attribute of several lines.
            let opening = lines[..above]
                .iter()
                .rposition(|line| line.trim_start().starts_with("#["));
            let Some(opening) = opening else { break };
            start = opening;
        } else {
            break;
        }
    }
    start
}

fn documentation(lines: &[&str]) -> Vec<String> {
    let text = |line: &&str| {
        line.trim_start()
            .strip_prefix("///")
            .map(|text| text.trim().to_owned())
    };
    lines.iter().filter_map(text).collect()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of the library: its path below `src`, and its text.
fn library() -> Vec<(String, String)> {
    let root = sources();
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            // The command has no public items.
            if path.is_dir() && below != "bin" {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push((below, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_public_item_is_documented_with_an_example() {
    let mut complaints = Vec::new();
    let mut count = 0;
    for (file, source) in library() {
        for item in items(&source) {
            count += 1;
            if let Some(complaint) = item.complaint() {
                complaints.push(format!(
                    "src/{file}:{}: `{}` {complaint}",
                    item.line, item.declaration
                ));
            }
        }
    }
    assert!(
        count > 300,
        "only {count} public items were found in the sources"
    );
    assert!(
        complaints.is_empty(),
        "{} items\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn every_public_module_begins_with_an_example() {
    let root = std::fs::read_to_string(sources().join("lib.rs")).unwrap();
    let modules = root
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut count = 0;
    for module in modules {
        count += 1;
        let files = [format!("{module}.rs"), format!("{module}/mod.rs")];
        let file = files
            .iter()
            .find(|file| sources().join(file).exists())
            .unwrap();
        let source = std::fs::read_to_string(sources().join(file)).unwrap();
        let shows = source.lines().any(|line| line == "//! ```");
        assert!(shows, "src/{file} has no example");
    }
    assert!(count > 5, "only {count} public modules were found");
}

#[test]
fn what_lacks_an_example_is_told_with_its_line() {
    let source = r#"//! Sizes.
/// The least.
///
/// ```
/// assert_eq!(LEAST, 1);
/// ```
pub const LEAST: u32 = 1;
/// The most.
pub const MOST: u32 = 2;

/// Alone.
pub const ALONE: u32 = 3;

macro_rules! states {
    () => {
pub struct InMacro;
    };
}

states! {
    /// ```
    /// assert_eq!(Shown::A.as_str(), "A");
    /// ```
    Shown { A }
    /// Told only.
    Told {
        A, B,
    }
}

/// ```text
/// not run
/// ```
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "a test"
)]
pub enum Text {
    Variant,
}

pub(crate) fn internal() {}

pub fn bare() {}
"#;
    let found: Vec<_> = items(source)
        .iter()
        .filter_map(|item| Some((item.line, item.complaint()?)))
        .collect();
    assert_eq!(
        found,
        [
            (12, "has no example"),
            (26, "has no example"),
            (39, "has no example"),
            (45, "has no documentation"),
        ]
    );
}

#[test]
fn the_readme_names_every_message_and_every_element_with_a_view() {
    let readme = include_str!("../README.md");
    let names: std::collections::HashSet<&str> =
        readme.split(|c: char| !c.is_alphanumeric()).collect();
    let messages = agog_jdf::jmf::MessageKind::ALL.iter().map(|kind| kind.name);
    let missing: Vec<&str> = messages.filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "messages: {missing:?}");

    let mut missing = Vec::new();
    for (file, source) in library() {
        let views = source.lines().filter(|_| file.starts_with("resource/"));
        // `    Media, NewMedia, "Media", class "Consumable" {`
        let elements = views.filter_map(|line| {
            let (_, rest) = line.strip_prefix("    ")?.split_once(", New")?;
            rest.split('"').nth(1).map(str::to_owned)
        });
        missing.extend(elements.filter(|name| !names.contains(name.as_str())));
    }
    assert!(missing.is_empty(), "elements: {missing:?}");
}
