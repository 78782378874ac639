//! `agog-jdf show`: what a path leads to.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::Selected;
use anyhow::Result;

use crate::output::{self, Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A JDF ticket or JMF message; `-` reads standard input.
    file: PathBuf,
    /// A path such as `/JDF/ResourcePool/Media[2]` or `//Media/@Weight`.
    path: String,
    /// Only how many there are.
    #[arg(long)]
    count: bool,
    /// Line, column and path before each.
    #[arg(long, conflicts_with = "count")]
    places: bool,
}

/// Exit code 1 if the path leads to nothing.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let document = crate::document(&arguments.file)?;
    let selected = document.select(&arguments.path)?;
    if arguments.count {
        output.line(selected.len());
    } else {
        for selected in &selected {
            if output.is_closed() {
                break;
            }
            if arguments.places {
                output.line(place(selected, &arguments.file));
            }
            match selected {
                Selected::Element(element) => output.exact(element.to_xml()),
                Selected::Attribute(_, attribute) => output.exact(attribute.value),
                Selected::Text(_, text) => output.exact(text),
            }
        }
    }
    if selected.is_empty() && !arguments.count {
        output::tell("the path leads to nothing");
    }
    Ok(ExitCode::from(u8::from(selected.is_empty())))
}

fn place(selected: &Selected<'_>, file: &Path) -> String {
    let (element, attribute) = match selected {
        Selected::Element(element) | Selected::Text(element, _) => (element, None),
        Selected::Attribute(element, attribute) => (element, Some(attribute.name)),
    };
    let position = attribute
        .and_then(|name| element.attribute_position(name))
        .unwrap_or_else(|| element.position());
    format!(
        "{}:{}:{}: {}",
        file.display(),
        position.line,
        position.column,
        position.path
    )
}
