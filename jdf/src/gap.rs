//! What stands between elements: text, CDATA, comments and processing instructions, as the source spells them.

use std::borrow::Cow;

use crate::reader::decode;

/// One piece of a gap, with its markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Text(&'a str),
    CData(&'a str),
    Comment(&'a str),
    Instruction(&'a str),
}

impl<'a> Item<'a> {
    /// The piece as it is written.
    pub(crate) fn source(self) -> &'a str {
        match self {
            Self::Text(source)
            | Self::CData(source)
            | Self::Comment(source)
            | Self::Instruction(source) => source,
        }
    }

    /// The characters that the piece adds to the text of its element; `None` for what is no text.
    pub(crate) fn characters(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(source) => Some(match decode(source, false) {
                Ok(Some(decoded)) => Cow::Owned(decoded),
                _ => Cow::Borrowed(source),
            }),
            Self::CData(source) => Some(Cow::Borrowed(between(source, "<![CDATA[", "]]>"))),
            Self::Comment(_) | Self::Instruction(_) => None,
        }
    }

    /// What a comment says.
    pub(crate) fn comment(self) -> Option<&'a str> {
        match self {
            Self::Comment(source) => Some(between(source, "<!--", "-->")),
            _ => None,
        }
    }
}

fn between<'a>(source: &'a str, start: &str, end: &str) -> &'a str {
    let inner = source.strip_prefix(start).unwrap_or(source);
    inner.strip_suffix(end).unwrap_or(inner)
}

/// The pieces of a gap in order. The reader has checked that each is closed.
pub(crate) fn items(gap: &str) -> impl Iterator<Item = Item<'_>> {
    let mut rest = gap;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (item, length) = if rest.starts_with("<![CDATA[") {
            let length = closed(rest, "<![CDATA[", "]]>");
            (Item::CData(&rest[..length]), length)
        } else if rest.starts_with("<!--") {
            let length = closed(rest, "<!--", "-->");
            (Item::Comment(&rest[..length]), length)
        } else if rest.starts_with('<') {
            let length = closed(rest, "<?", "?>");
            (Item::Instruction(&rest[..length]), length)
        } else {
            let length = rest.find('<').unwrap_or(rest.len());
            (Item::Text(&rest[..length]), length)
        };
        rest = &rest[length..];
        Some(item)
    })
}

/// The length of a piece with its markers, which do not overlap: `<!-->` has only begun.
fn closed(text: &str, start: &str, end: &str) -> usize {
    let inner = text.get(start.len()..).unwrap_or_default();
    let found = inner.find(end);
    found.map_or(text.len(), |at| start.len() + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_do_not_overlap() {
        // Found by fuzzing.
        let gap = "<!-->>!-->text<??>";
        let found: Vec<&str> = items(gap).map(Item::source).collect();
        assert_eq!(found, ["<!-->>!-->", "text", "<??>"]);
    }

    #[test]
    fn a_gap_falls_into_its_pieces() {
        let gap = " a &lt; <!-- > --><?go <x> ?><![CDATA[<y>]]>";
        let found: Vec<Item<'_>> = items(gap).collect();
        assert_eq!(
            found,
            [
                Item::Text(" a &lt; "),
                Item::Comment("<!-- > -->"),
                Item::Instruction("<?go <x> ?>"),
                Item::CData("<![CDATA[<y>]]>"),
            ]
        );
        let text: String = found.iter().filter_map(|item| item.characters()).collect();
        assert_eq!(
            (text.as_str(), found[1].comment()),
            (" a < <y>", Some(" > "))
        );
        let sources: String = found.iter().map(|item| item.source()).collect();
        assert_eq!(sources, gap);
    }
}
