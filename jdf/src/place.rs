//! Where things are: line and column of a byte, and the number of an element among its siblings.
//!
//! A document may have a finding at each of a million elements, and may stand on one line. So what a position costs
//! must depend neither on how long its line is nor on how many siblings an element has: beyond a short walk both
//! are looked up in tables, which are made when they are first needed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::document::{Document, NodeId, saturate};

/// Bytes of a line that are counted one by one before the table is asked.
const BLOCK_BYTES: usize = 4096;
/// Siblings that are looked at one by one before the table is asked.
pub(crate) const SIBLINGS_WALKED_MAX: usize = 16;

/// Where each line of a text begins, and how many characters stand before each block.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<u32>,
    characters: Vec<u32>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let starts = std::iter::once(0)
            .chain(memchr::memchr_iter(b'\n', bytes).map(|at| saturate(at + 1)))
            .collect();
        let counted = bytes.chunks(BLOCK_BYTES).scan(0, |before, block| {
            let characters = *before;
            *before += characters_in(block);
            Some(saturate(characters))
        });
        Self {
            starts,
            characters: counted.collect(),
        }
    }

    /// Line and column, both from 1, of a byte of the text that this was made of.
    pub(crate) fn line_column(&self, text: &str, offset: usize) -> (u32, u32) {
        let line = self
            .starts
            .partition_point(|start| *start as usize <= offset);
        let start = line
            .checked_sub(1)
            .map_or(0, |index| self.starts[index] as usize);
        let column = if offset - start <= BLOCK_BYTES {
            characters_in(&text.as_bytes()[start..offset])
        } else {
            self.before(text, offset) - self.before(text, start)
        };
        (saturate(line), saturate(column + 1))
    }

    /// The bytes of a line, counted from 1, with its end.
    pub(crate) fn line(&self, line: u32, text_bytes: usize) -> Option<std::ops::Range<usize>> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let next = self.starts.get(index + 1);
        Some(start..next.map_or(text_bytes, |next| *next as usize))
    }

    /// Characters before a byte.
    fn before(&self, text: &str, offset: usize) -> usize {
        let block = offset / BLOCK_BYTES;
        let counted = self
            .characters
            .get(block)
            .map_or(0, |count| *count as usize);
        counted + characters_in(&text.as_bytes()[block * BLOCK_BYTES..offset])
    }
}

/// Characters that begin in a piece of UTF-8.
fn characters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

/// For every element that shares its name with a sibling its number among those, from 1; 0 for the others.
pub(crate) fn sibling_numbers(document: &Document) -> Vec<u32> {
    let mut numbers = vec![0; document.nodes.len()];
    let mut of_name: HashMap<&str, (NodeId, u32)> = HashMap::new();
    let root = document.root();
    for parent in std::iter::once(root).chain(root.descendants()) {
        of_name.clear();
        for child in parent.children() {
            match of_name.entry(child.name()) {
                Entry::Vacant(entry) => {
                    entry.insert((child.id(), 1));
                }
                Entry::Occupied(mut entry) => {
                    let (first, count) = entry.get_mut();
                    *count = count.saturating_add(1);
                    numbers[first.index()] = 1;
                    numbers[child.id().index()] = *count;
                }
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ElementRef, Limits};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn columns_count_characters_on_lines_of_any_length(pieces in prop::collection::vec("[aä€🖨]{0,900}[\nbcdefg]", 0..20)) {
            let text = pieces.concat();
            let lines = Lines::of(&text);
            let (mut line, mut column) = (1, 1);
            for (offset, c) in text.char_indices() {
                prop_assert_eq!(lines.line_column(&text, offset), (line, column));
                (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
        }
    }

    #[test]
    fn among_many_siblings_an_element_is_numbered_as_among_few() {
        use std::fmt::Write as _;
        let mut source = String::from("<Pool><Ink/>");
        for number in 0..200 {
            write!(source, "<Media>{number}</Media>").unwrap();
        }
        source.push_str("<Plate/><Ink/><x:Media xmlns:x='u'/></Pool>");
        let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        for (index, child) in document.root().children().enumerate() {
            let expected = match index {
                0 => "/Pool/Ink[1]".to_owned(),
                1..=200 => format!("/Pool/Media[{index}]"),
                201 => "/Pool/Plate".to_owned(),
                202 => "/Pool/Ink[2]".to_owned(),
                _ => "/Pool/x:Media".to_owned(),
            };
            assert_eq!(child.path(), expected);
        }
    }

    #[test]
    fn after_an_edit_the_numbers_are_those_of_now() {
        let source = format!("<Pool>{}</Pool>", "<Media/>".repeat(200));
        let mut document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        let (first, last) = (
            document.root().children().next().unwrap(),
            document.root().children().last().unwrap(),
        );
        assert_eq!(last.path(), "/Pool/Media[200]");
        let (first, last) = (first.id(), last.id());
        document.remove(first).unwrap();
        assert_eq!(document.element(last).unwrap().path(), "/Pool/Media[199]");
    }

    #[test]
    fn a_position_for_each_of_many_elements_on_one_line_takes_linear_time() {
        const COUNT: usize = 30_000;
        let source = format!("<Pool>{}</Pool>", "<Lot/>".repeat(COUNT));
        let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        let last = document
            .root()
            .children()
            .map(ElementRef::position)
            .last()
            .unwrap();
        assert_eq!((last.line, last.column as usize), (1, 7 + (COUNT - 1) * 6));
        assert_eq!(last.path, format!("/Pool/Lot[{COUNT}]"));
    }
}
