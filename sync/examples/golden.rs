//! Writes the golden documents of this version into a folder: `cargo run -p agog-sync --example golden -- FOLDER`.
//!
//! Those in `tests/golden` were written once and are never written again: they must be read for ever. A version that
//! saves differently adds files of its own beside them.

use std::path::Path;

use agog_sync::document::{Author, Document, DocumentKey, DocumentKind, Edit, Role};
use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).context("name a folder")?;
    let hold = "01932b9e-7c00-7000-8000-000000000001";
    let ranks = |rank| {
        Edit::Priorities(
            [
                ("JOB-1".to_owned(), Some(rank)),
                ("JOB-2".to_owned(), Some(3)),
            ]
            .into(),
        )
    };
    for kind in DocumentKind::ALL {
        let (key, edits) = match kind {
            DocumentKind::SchedulePriority => {
                (DocumentKey::queue("HAM", "press-3"), [ranks(2), ranks(7)])
            }
            DocumentKind::JobNote => (
                DocumentKey::new(kind, hold),
                [
                    Edit::Text("Ink is low. ".to_owned()),
                    Edit::Text("Zähle die Bögen.".to_owned()),
                ],
            ),
            DocumentKind::HoldDiscussion => (
                DocumentKey::new(kind, hold),
                [
                    Edit::Append("4.2 % moisture".to_owned()),
                    Edit::Append("half of it?".to_owned()),
                ],
            ),
        };
        let mut plant = Document::new(key.clone());
        let mut office = plant.clone();
        let [first, second] = edits;
        let person = |name: &str, role| Author {
            name: name.to_owned(),
            role,
        };
        let at = "2026-11-27T08:00:00Z".parse()?;
        let one = plant.edit(&[1; 16], &person("Jane Smith", Role::Operator), &first, at)?;
        let other = office.edit(&[2; 16], &person("Mary Office", Role::Planner), &second, at)?;
        plant.apply(&other.context("an edit")?)?;
        office.apply(&one.context("an edit")?)?;
        let told = serde_json::json!({
            "heads": plant.heads(),
            "content": plant.content(),
            "conflicts": plant.conflicts(),
            "begins": Document::new(key).heads(),
        });
        let file = |ending: &str| Path::new(&folder).join(format!("{kind}-1.{ending}"));
        std::fs::write(file("automerge"), plant.save())?;
        std::fs::write(
            file("json"),
            format!("{}\n", serde_json::to_string_pretty(&told)?),
        )?;
    }
    Ok(())
}
