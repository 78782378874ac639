//! Tickets of many vendors, where `AGOG_JDF_CORPUS` names the folder that holds them: what is given away comes back as
//! it was, and what other programs gave away is merged or refused with a reason.

use std::path::{Path, PathBuf};

use agog_jdf::spawn::spawn;
use agog_jdf::{Document, Limits, Ticket};

use super::{attribute, meaning, options, part, take};

fn corpus(ending: &str) -> Vec<PathBuf> {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: corpus test skipped");
        return Vec::new();
    };
    let mut folders = vec![
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(root)
            .join("tickets"),
    ];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "the corpus has no `{ending}`");
    files
}

/// Nodes of one ticket that are tried: the largest tickets have hundreds, all alike.
const NODES_MAX: usize = 12;
/// Larger tickets are tried with fewer nodes.
const BYTES_LARGE: usize = 400_000;

#[test]
fn every_node_of_real_tickets_goes_and_comes_back_as_it_was() {
    let (mut merged, mut refused) = (0, std::collections::BTreeMap::<String, usize>::new());
    for path in corpus(".jdf") {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(whole) = Document::parse(&bytes, &Limits::default()) else {
            continue;
        };
        let Ok(ticket) = Ticket::of(&whole) else {
            continue;
        };
        let nodes_max = if bytes.len() > BYTES_LARGE {
            2
        } else {
            NODES_MAX
        };
        let nodes: Vec<_> = ticket
            .nodes()
            .skip(1)
            .map(agog_jdf::JdfNode::node_id)
            .take(nodes_max)
            .collect();
        let before = if nodes.is_empty() {
            Vec::new()
        } else {
            meaning(&whole)
        };
        for node in nodes {
            let mut parent = whole.clone();
            let options = options("Sp_test_1");
            let away = match spawn(&mut parent, node, &options) {
                Ok(spawning) => spawning.ticket,
                Err(error) => {
                    assert!(parent.to_bytes() == bytes, "{}", path.display());
                    *refused
                        .entry(format!("{error}").split('`').next().unwrap().to_owned())
                        .or_default() += 1;
                    continue;
                }
            };
            let away = Document::parse(&away.to_bytes(), &Limits::default()).unwrap();
            assert_eq!(away.root().attribute("SpawnID"), Some("Sp_test_1"));
            take(&mut parent, &away).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let after = meaning(&parent);
            if let Some(at) =
                (0..before.len().max(after.len())).find(|at| before.get(*at) != after.get(*at))
            {
                panic!(
                    "{}:\n{:?}\n{:?}",
                    path.display(),
                    before.get(at),
                    after.get(at)
                );
            }
            merged += 1;
        }
    }
    eprintln!("{merged} nodes went and came back, refused: {refused:#?}");
}

#[test]
fn parts_of_real_tickets_go_and_come_back_as_they_were() {
    let mut merged = 0;
    for path in corpus(".jdf") {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(whole) = Document::parse(&bytes, &Limits::default()) else {
            continue;
        };
        let Ok(ticket) = Ticket::of(&whole) else {
            continue;
        };
        if bytes.len() > BYTES_LARGE {
            continue;
        }
        // The first part of what a node makes or uses.
        let parts = ticket
            .nodes()
            .filter(|node| node.children().next().is_none())
            .filter_map(|node| {
                let resource = node.links().find_map(|link| {
                    let resource = ticket.resource(link.rref())?;
                    (resource.partitions().next().is_some()
                        && resource.element().attribute("ID").is_some())
                    .then_some(resource)
                })?;
                let leaf = resource.leaves_with_keys().into_iter().next()?;
                let (name, value) = *leaf.keys.first()?;
                Some((node, part(&[(name, value)])))
            });
        for (node, part) in parts.take(NODES_MAX) {
            let mut parent = whole.clone();
            let options = options("Sp_test_1").of_part(part.clone());
            let Ok(spawning) = spawn(&mut parent, node.node_id(), &options) else {
                assert!(parent.to_bytes() == bytes);
                continue;
            };
            let status = node.status_of(&ticket, &part);
            let away = Document::parse(&spawning.ticket.to_bytes(), &Limits::default()).unwrap();
            take(&mut parent, &away).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            // Where the parts stand is said in other words now; everything else is as it was.
            let after = Ticket::of(&parent).unwrap();
            let returned = after.node_by_name(node.id().unwrap()).unwrap();
            assert_eq!(
                returned.status_of(&after, &part),
                status,
                "{} {part:?}",
                path.display()
            );
            let is_status = |line: &String| {
                line.contains(" NodeInfo")
                    || line.contains("StatusPool")
                    || line.contains("PartStatus")
                    || line.contains(" ResourcePool []")
                    || line.contains(" ResourceLinkPool []")
                    || line.contains(" Part [")
                    || line.contains(" JDF [")
            };
            let rest = |document: &Document| {
                meaning(document)
                    .into_iter()
                    .filter(|line| !is_status(line))
                    .collect::<Vec<_>>()
            };
            let (before, after) = (rest(&whole), rest(&parent));
            if let Some(at) =
                (0..before.len().max(after.len())).find(|at| before.get(*at) != after.get(*at))
            {
                panic!(
                    "{} {part:?}:\n{:?}\n{:?}",
                    path.display(),
                    before.get(at),
                    after.get(at)
                );
            }
            merged += 1;
        }
    }
    eprintln!("{merged} parts went and came back");
}

#[test]
fn tickets_that_other_programs_spawned_are_merged_or_refused_with_a_reason() {
    let read = |name: &str| -> Option<Document> {
        let path = corpus(name).into_iter().next()?;
        Document::parse(&std::fs::read(path).unwrap(), &Limits::default()).ok()
    };
    // The pair of one program: the parent knows the spawning by its audit.
    if let (Some(mut parent), Some(away)) = (read("/_bookintent.jdf"), read("/spawned.jdf")) {
        let merging = take(&mut parent, &away).unwrap();
        assert_eq!(merging.overwritten, ["r0017"]);
        assert_eq!(attribute(&parent, "r0017", "SpawnIDs"), None);
        assert_eq!(
            attribute(&parent, "n0016", "Status").as_deref(),
            Some("Waiting")
        );
        assert_eq!(
            take(&mut parent, &away).unwrap_err().to_string(),
            "the spawned ticket `Sp060818_102725549_000009` was merged before"
        );
    }
    if let (Some(mut parent), Some(away)) = (read("/rootMainNest.jdf"), read("/rootSubNest.jdf")) {
        let result = take(&mut parent, &away);
        eprintln!("rootSubNest: {result:?}");
    }
    if let (Some(mut parent), Some(away)) = (
        read("/km4444.jdf"),
        read("Qua0.NSp33486069_000371_37_out.jdf"),
    ) {
        let result = take(&mut parent, &away);
        eprintln!("km4444: {result:?}");
    }
    for name in [
        "/AncestorPoolTest.jdf",
        "/AncestorPoolTest0.jdf",
        "/testMergeJDF2.jdf",
    ] {
        if let (Some(mut parent), Some(other)) = (read("/_bookintent.jdf"), read(name)) {
            let before = parent.to_bytes();
            let error = take(&mut parent, &other).unwrap_err();
            eprintln!("{name}: {error}");
            assert_eq!(parent.to_bytes(), before);
        }
    }
}
