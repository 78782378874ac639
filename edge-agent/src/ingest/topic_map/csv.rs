//! Lines of CSV: cells between delimiters, quoted where they hold one. A quoted cell does not go over a line.

use std::borrow::Cow;

/// The cells of a line.
pub(in crate::ingest) fn cells(line: &str, delimiter: char) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted, delimiter),
            None => match rest.split_once(delimiter) {
                Some((cell, after)) => (Cow::Borrowed(cell.trim()), Some(after)),
                None => (Cow::Borrowed(rest.trim()), None),
            },
        };
        cells.push(cell);
        match after {
            Some(after) => rest = after,
            None => return cells,
        }
    }
}

/// What follows an opening quote; a closing one that is missing is taken as the end of the line.
fn quoted_cell(quoted: &str, delimiter: char) -> (Cow<'_, str>, Option<&str>) {
    let mut cell = String::new();
    let mut rest = quoted;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            cell.push_str(rest);
            return (Cow::Owned(cell), None);
        };
        cell.push_str(before);
        let Some(after) = after.strip_prefix('"') else {
            let next = after.split_once(delimiter).map(|(_, next)| next);
            return (Cow::Owned(cell), next);
        };
        cell.push('"');
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_trimmed_and_quoted_ones_keep_their_delimiters() {
        assert_eq!(cells("a; b ;;c", ';'), ["a", "b", "", "c"]);
        assert_eq!(
            cells(r#""a,1","say ""hi""",3"#, ','),
            ["a,1", r#"say "hi""#, "3"]
        );
        assert_eq!(cells(r#""open,1"#, ','), ["open,1"]);
        assert_eq!(cells("", ','), [""]);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(wanted in prop::collection::vec("[a\",;x]{0,6}", 1..6)) {
            let quoted: Vec<_> = wanted
                .iter()
                .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
                .collect();
            let line = quoted.join(";");
            prop_assert_eq!(cells(&line, ';'), wanted);
        }
    }
}
