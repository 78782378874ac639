//! `agog-jdf diff`: what two documents say differently.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agog_jdf::Position;
use agog_jdf::diff::{DiffOptions, Difference, DifferenceKind, Side, diff};
use anyhow::{Result, ensure};
use serde_json::json;

use crate::output::{self, Output, clipped};

/// Characters of a value or an element that are shown.
const SHOWN_CHARACTERS: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The document as it was; `-` reads standard input.
    left: PathBuf,
    /// The document as it is.
    right: PathBuf,
    /// Compares comments of XML as well.
    #[arg(long)]
    comments: bool,
    /// One JSON object per difference and line.
    #[arg(long)]
    json: bool,
    /// How many differences are shown; 0 for all. Finding the place of each takes a walk.
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    limit: usize,
}

/// Exit code 1 if there are differences.
pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode> {
    let is_stdin = |file: &Path| file == Path::new("-");
    ensure!(
        !is_stdin(&arguments.left) || !is_stdin(&arguments.right),
        "standard input can be one of the two documents, not both"
    );
    let left = crate::document(&arguments.left)?;
    let right = crate::document(&arguments.right)?;
    let options = DiffOptions {
        comments: arguments.comments,
    };
    let differences = diff(&left, &right, options);
    let limit = match arguments.limit {
        0 => differences.len(),
        limit => limit.min(differences.len()),
    };
    let mut place = None;
    for difference in &differences[..limit] {
        if output.is_closed() {
            break;
        }
        let left = difference.left.as_ref().map(Side::position);
        let right = difference.right.as_ref().map(Side::position);
        if arguments.json {
            output.exact(as_json(difference, left.as_ref(), right.as_ref()));
            continue;
        }
        // What differs at one element stands under one heading.
        let here = around(difference);
        if place != Some(here) {
            if place.is_some() {
                output.line("");
            }
            let id = here.attribute("ID").map(|id| format!("  (ID {id})"));
            output.line(format_args!("{}{}", here.path(), id.unwrap_or_default()));
            place = Some(here);
        }
        show(difference, left.as_ref(), right.as_ref(), output);
    }
    if !arguments.json && !differences.is_empty() {
        let hidden = differences.len() - limit;
        let more = if hidden > 0 {
            format!(", {hidden} of them not shown (--limit 0 shows all)")
        } else {
            String::new()
        };
        let count = differences.len();
        let noun = if count == 1 {
            "difference"
        } else {
            "differences"
        };
        output.line(format_args!("\n{count} {noun}{more}"));
    }
    Ok(ExitCode::from(u8::from(!differences.is_empty())))
}

/// The element under which a difference is shown: the one that has the attribute or text, or the one around what came
/// or went.
fn around<'d>(difference: &Difference<'d>) -> agog_jdf::ElementRef<'d> {
    let own = [&difference.left, &difference.right]
        .into_iter()
        .flatten()
        .find(|side| side.attribute.is_some())
        .or(difference.left.as_ref())
        .or(difference.right.as_ref())
        .map(|side| side.element);
    let own = own.expect("a difference has at least one side");
    match difference.kind {
        DifferenceKind::ElementAdded
        | DifferenceKind::ElementRemoved
        | DifferenceKind::ElementMoved => own.parent().unwrap_or(own),
        _ => own,
    }
}

fn show(
    difference: &Difference<'_>,
    left: Option<&Position>,
    right: Option<&Position>,
    output: &mut Output,
) {
    if difference.kind == DifferenceKind::ElementMoved
        && let (Some(side), Some(left), Some(right)) = (&difference.left, left, right)
    {
        output.line(format_args!(
            "  > {}  moved from line {} to line {}, {}",
            start_tag(side),
            left.line,
            right.line,
            right.path
        ));
        return;
    }
    for (sign, side, position) in [
        ("-", &difference.left, left),
        ("+", &difference.right, right),
    ] {
        let (Some(side), Some(position)) = (side, position) else {
            continue;
        };
        let text = match (side.attribute, &side.value) {
            (Some(name), Some(value)) => format!("{name}=\"{}\"", shown(value)),
            (None, Some(value)) => format!("\"{}\"", shown(value)),
            (_, None) if is_of_element(difference.kind) => start_tag(side),
            // The other side has the attribute, this one has not.
            (_, None) => continue,
        };
        output.line(format_args!("  {sign} {text}  (line {})", position.line));
    }
}

fn is_of_element(kind: DifferenceKind) -> bool {
    matches!(
        kind,
        DifferenceKind::ElementAdded | DifferenceKind::ElementRemoved
    )
}

/// The start tag on one line, and whether there is more in it.
fn start_tag(side: &Side<'_>) -> String {
    let element = side.element;
    let inside = element.descendants().count();
    let end = match inside {
        0 if element.text().trim().is_empty() => "/>".to_owned(),
        0 => format!(">{}", element.text().trim()),
        1 => "> with 1 element in it".to_owned(),
        _ => format!("> with {inside} elements in it"),
    };
    shown(&output::start_tag(element, &end))
}

fn shown(text: &str) -> String {
    clipped(text, SHOWN_CHARACTERS)
}

fn as_json(
    difference: &Difference<'_>,
    left: Option<&Position>,
    right: Option<&Position>,
) -> serde_json::Value {
    let side = |side: &Option<Side<'_>>, position: Option<&Position>| {
        let (side, position) = (side.as_ref()?, position?);
        let xml = side.value.is_none() && difference.kind != DifferenceKind::ElementMoved;
        Some(json!({
            "line": position.line,
            "column": position.column,
            "path": position.path,
            "value": side.value,
            "xml": (xml && is_of_element(difference.kind)).then(|| side.element.to_xml()),
        }))
    };
    json!({
        "kind": difference.kind.as_str(),
        "left": side(&difference.left, left),
        "right": side(&difference.right, right),
    })
}
