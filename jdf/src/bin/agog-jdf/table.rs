//! Elements as tables for people and as JSON for programs, whatever they are called: siblings of one name without
//! anything in them are the rows of a table, everything else is a line.

use agog_jdf::ElementRef;
use serde_json::{Map, Value, json};

use crate::output::{Output, clipped};

/// Characters of a value that are shown in a table.
const CELL_CHARACTERS: usize = 40;
const TEXT_CHARACTERS: usize = 200;

/// Shows what is in an element, but for notifications and for what the element says of itself.
pub(crate) fn show(element: ElementRef<'_>, output: &mut Output) {
    // The children of each element on the way down, with how many of them were shown.
    let mut stack = vec![(shown(element), 0)];
    loop {
        let depth = stack.len();
        let Some((children, done)) = stack.last_mut() else {
            return;
        };
        let rest = &children[*done..];
        let Some(first) = rest.first().copied() else {
            stack.pop();
            continue;
        };
        let alike = rest
            .iter()
            .take_while(|other| other.local_name() == first.local_name() && is_row(**other))
            .count();
        if alike > 1 {
            table(&rest[..alike], depth, output);
            *done += alike;
        } else {
            output.line(format_args!("{}{}", "  ".repeat(depth), line(first)));
            *done += 1;
            stack.push((shown(first), 0));
        }
    }
}

fn shown(element: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let children = element.children();
    children
        .filter(|child| !child.is_jdf("Notification"))
        .collect()
}

fn is_row(element: ElementRef<'_>) -> bool {
    element.children().next().is_none() && element.text().trim().is_empty()
}

fn line(element: ElementRef<'_>) -> String {
    let mut line = element.local_name().to_owned();
    for (name, value) in attributes(element) {
        line.extend(["  ", name, "=", &clipped(value, TEXT_CHARACTERS)]);
    }
    let text = element.text();
    if !text.trim().is_empty() {
        line.extend(["  \"", &clipped(text.trim(), TEXT_CHARACTERS), "\""]);
    }
    line
}

fn attributes(element: ElementRef<'_>) -> impl Iterator<Item = (&str, &str)> {
    element
        .attributes()
        .filter(|attribute| {
            !attribute.name.starts_with("xmlns") && !attribute.name.starts_with("xsi:")
        })
        .map(|attribute| (attribute.name, attribute.value))
}

/// Rows with one column for each attribute that any of them has.
fn table(rows: &[ElementRef<'_>], depth: usize, output: &mut Output) {
    let mut columns: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| attributes(*row)) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let mut lines = vec![columns.iter().map(|name| (*name).to_owned()).collect()];
    lines.extend(rows.iter().map(|row| -> Vec<String> {
        columns
            .iter()
            .map(|name| clipped(row.attribute(name).unwrap_or("-"), CELL_CHARACTERS))
            .collect()
    }));
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    let margin = "  ".repeat(depth);
    let name = rows.first().map_or("", |row| row.local_name());
    output.line(format_args!("{margin}{name} ({})", rows.len()));
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        output.line(format!("{margin}  {}", cells.join("  ")).trim_end());
    }
}

/// An element with everything in it.
pub(crate) fn as_json(element: ElementRef<'_>) -> Value {
    /// An element whose children are still being gathered.
    struct Open<'e> {
        element: ElementRef<'e>,
        left: std::vec::IntoIter<ElementRef<'e>>,
        done: Vec<Value>,
    }
    fn open(element: ElementRef<'_>) -> Open<'_> {
        Open {
            element,
            left: element.children().collect::<Vec<_>>().into_iter(),
            done: Vec::new(),
        }
    }
    let mut stack = vec![open(element)];
    loop {
        let Some(top) = stack.last_mut() else {
            return Value::Null;
        };
        if let Some(child) = top.left.next() {
            stack.push(open(child));
            continue;
        }
        let Some(closed) = stack.pop() else {
            return Value::Null;
        };
        let attributes: Map<String, Value> = attributes(closed.element)
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let text = closed.element.text();
        let text = Some(text.trim()).filter(|text| !text.is_empty());
        let value = json!({
            "name": closed.element.local_name(),
            "attributes": attributes,
            "text": text,
            "children": closed.done,
        });
        match stack.last_mut() {
            Some(around) => around.done.push(value),
            None => return value,
        }
    }
}
