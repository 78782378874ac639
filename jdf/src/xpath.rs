//! Finding elements and attributes by path: the part of XPath 1.0 that people type, and that the paths of
//! findings are written in.
//!
//! Steps: `/JDF/ResourcePool`, `//Media`, `*`, `.`, `..`, at the end `@Weight`, `@*` or `text()`. Conditions:
//! `[2]`, `[last()]`, `[@ID]`, `[@ID='m1']`, `[@ID!='m1']`, `[Part]`. A name means what is written so; where
//! there is no such child, a name without a prefix means the local name in any namespace. Axes by name, functions
//! and operators are refused.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::document::Document;
use crate::view::{AttributeRef, ElementRef};

/// Steps of one path: 100. Each step may look at the whole document.
const STEPS_MAX: usize = 100;

/// What a path leads to; see [`Document::select`].
///
/// ```
/// use agog_jdf::{Document, Limits, Selected};
/// let document = Document::parse(b"<JDF><Comment Name='Job'>urgent</Comment></JDF>", &Limits::default())?;
/// for path in ["//Comment", "//Comment/@Name", "//Comment/text()"] {
///     let shown = match &document.select(path).unwrap()[0] {
///         Selected::Element(element) => element.name().to_owned(),
///         Selected::Attribute(_, attribute) => attribute.value.to_owned(),
///         Selected::Text(_, text) => text.to_string(),
///     };
///     assert!(["Comment", "Job", "urgent"].contains(&shown.as_str()));
/// }
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selected<'d> {
    /// An element; `/` alone means the root.
    Element(ElementRef<'d>),
    /// An attribute, with the element that has it.
    Attribute(ElementRef<'d>, AttributeRef<'d>),
    /// The character data directly inside an element; empty if it has none.
    Text(ElementRef<'d>, Cow<'d, str>),
}

/// A path that cannot be followed, and the character of it where that shows.
///
/// ```
/// use agog_jdf::{Document, Limits};
/// let document = Document::parse(b"<JDF/>", &Limits::default())?;
/// let error = document.select("/JDF/Media[").unwrap_err();
/// assert_eq!((error.column, error.expected), (12, "the name of an element or attribute"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path, character {column}: expected {expected}")]
pub struct PathError {
    /// The character, counted from 1; one behind the last if the path ends too early.
    pub column: usize,
    /// What could have stood there, for people.
    pub expected: &'static str,
}

impl Document {
    /// Everything that a path leads to, in document order; elements that were added by edits come last. What is
    /// understood: steps `/JDF/ResourcePool`, `//Media`, `*`, `.` and `..`, at the end `@Weight`, `@*` or `text()`;
    /// conditions `[2]`, `[last()]`, `[@ID]`, `[@ID='m1']`, `[@ID!='m1']` and `[Part]`. A name without a prefix
    /// means the local name in any namespace, unless a child has exactly this name.
    ///
    /// # Errors
    /// A path beyond that, with the character where it stops being understood.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Selected};
    /// let source = b"<JDF><Pool><Media ID='a' Weight='90'/><Media ID='b' Weight='120'/></Pool></JDF>";
    /// let document = Document::parse(source, &Limits::default())?;
    /// let found = document.select("//Media[@ID='b']/@Weight").unwrap();
    /// assert!(matches!(&found[..], [Selected::Attribute(_, weight)] if weight.value == "120"));
    /// assert_eq!(document.select("/JDF/Pool/Media[2]").unwrap().len(), 1);
    /// assert!(document.select("/JDF[").is_err());
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn select(&self, path: &str) -> Result<Vec<Selected<'_>>, PathError> {
        let (steps, end) = Parser { path, at: 0 }.path()?;
        let mut found: Vec<Option<ElementRef<'_>>> = vec![None];
        for step in &steps {
            found = step.follow(self, &found);
        }
        let mut selected = Vec::new();
        for element in found {
            let element = element.unwrap_or_else(|| self.root());
            match &end {
                End::Element => selected.push(Selected::Element(element)),
                End::Text => selected.push(Selected::Text(element, element.text())),
                End::Attribute(name) => selected.extend(
                    element
                        .attributes()
                        .filter(|attribute| is_named(attribute.name, name))
                        .map(|attribute| Selected::Attribute(element, attribute)),
                ),
            }
        }
        Ok(selected)
    }
}

#[derive(Debug)]
struct Step<'p> {
    /// The step began with `//`.
    any_depth: bool,
    test: Test<'p>,
    conditions: Vec<Condition<'p>>,
}

#[derive(Debug)]
enum Test<'p> {
    Named(&'p str),
    Itself,
    Parent,
}

#[derive(Debug)]
enum Condition<'p> {
    Number(usize),
    Last,
    Child(&'p str),
    Attribute(&'p str),
    Equal(&'p str, &'p str),
    Unequal(&'p str, &'p str),
}

/// What a path ends in.
#[derive(Debug)]
enum End<'p> {
    Element,
    Attribute(&'p str),
    Text,
}

/// `None` in a list of elements is the document itself, above its root.
type Place<'d> = Option<ElementRef<'d>>;

impl Step<'_> {
    fn follow<'d>(&self, document: &'d Document, from: &[Place<'d>]) -> Vec<Place<'d>> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut keep = |place: Place<'d>| {
            if seen.insert(place.map(ElementRef::id)) {
                found.push(place);
            }
        };
        let mut starts = HashSet::new();
        for place in from {
            let children = |place: &Place<'d>| self.children(document, *place);
            match (&self.test, self.any_depth) {
                (Test::Itself, false) => keep(*place),
                (Test::Parent, false) => {
                    if let Some(element) = place {
                        keep(element.parent());
                    }
                }
                (_, false) => children(place).into_iter().for_each(&mut keep),
                (_, true) => {
                    // Below an element that was a start already, everything has been looked at.
                    let top = place.unwrap_or_else(|| document.root());
                    let below = std::iter::once(top).chain(top.descendants()).map(Some);
                    let above = place.is_none().then_some(None);
                    let below = above.into_iter().chain(below);
                    for start in below {
                        if starts.insert(start.map(ElementRef::id)) {
                            children(&start).into_iter().for_each(&mut keep);
                        }
                    }
                }
            }
        }
        // Starts inside one another can find things out of order.
        found.sort_by_key(|place| place.map(ElementRef::order));
        found
    }

    fn children<'d>(&self, document: &'d Document, place: Place<'d>) -> Vec<Place<'d>> {
        let Test::Named(name) = self.test else {
            return Vec::new();
        };
        let mut found: Vec<ElementRef<'d>> = match place {
            None => vec![document.root()],
            Some(element) => element.children().collect(),
        };
        let is_exact = |element: &ElementRef<'d>| element.name() == name;
        if found.iter().any(is_exact) {
            found.retain(is_exact);
        } else {
            found.retain(|element| is_named(element.name(), name));
        }
        for condition in &self.conditions {
            condition.apply(&mut found);
        }
        found.into_iter().map(Some).collect()
    }
}

impl Condition<'_> {
    fn apply(&self, found: &mut Vec<ElementRef<'_>>) {
        let value = |element: &ElementRef<'_>, name: &str| {
            let mut attributes = element.attributes();
            attributes
                .find(|attribute| is_named(attribute.name, name))
                .map(|attribute| attribute.value.to_owned())
        };
        match self {
            Self::Number(number) => {
                let kept = number
                    .checked_sub(1)
                    .and_then(|index| found.get(index).copied());
                *found = kept.into_iter().collect();
            }
            Self::Last => {
                let last = found.len().saturating_sub(1);
                found.drain(..last);
            }
            Self::Child(name) => {
                found
                    .retain(|element| element.children().any(|child| is_named(child.name(), name)));
            }
            Self::Attribute(name) => found.retain(|element| value(element, name).is_some()),
            Self::Equal(name, wanted) => {
                found.retain(|element| value(element, name).as_deref() == Some(wanted));
            }
            Self::Unequal(name, unwanted) => {
                found
                    .retain(|element| value(element, name).is_some_and(|value| value != *unwanted));
            }
        }
    }
}

fn is_named(name: &str, wanted: &str) -> bool {
    wanted == "*"
        || name == wanted
        || (!wanted.contains(':') && crate::name::split(name).1 == wanted)
}

struct Parser<'p> {
    path: &'p str,
    at: usize,
}

impl<'p> Parser<'p> {
    fn path(mut self) -> Result<(Vec<Step<'p>>, End<'p>), PathError> {
        let mut steps = Vec::new();
        let mut any_depth = self.take("//");
        if !any_depth && !self.take("/") {
            return Err(self.expected("`/` or `//` at the beginning"));
        }
        if self.rest().is_empty() && !any_depth {
            return Ok((steps, End::Element));
        }
        loop {
            if steps.len() == STEPS_MAX {
                return Err(self.expected("no more than 100 steps"));
            }
            let is_end = self.rest().starts_with('@') || self.rest().starts_with("text()");
            if is_end {
                if any_depth {
                    steps.push(Step {
                        any_depth,
                        test: Test::Named("*"),
                        conditions: Vec::new(),
                    });
                }
                let end = if self.take("@") {
                    End::Attribute(self.name()?)
                } else {
                    End::Text
                };
                let _ = self.take("text()");
                return if self.rest().is_empty() {
                    Ok((steps, end))
                } else {
                    Err(self.expected("the end of the path"))
                };
            }
            steps.push(self.step(any_depth)?);
            if self.rest().is_empty() {
                return Ok((steps, End::Element));
            }
            any_depth = self.take("//");
            if !any_depth && !self.take("/") {
                return Err(self.expected("`/`, `[` or the end of the path"));
            }
        }
    }

    fn step(&mut self, any_depth: bool) -> Result<Step<'p>, PathError> {
        let test = if !any_depth && self.take("..") {
            Test::Parent
        } else if !any_depth && self.take(".") {
            Test::Itself
        } else {
            Test::Named(self.name()?)
        };
        let mut conditions = Vec::new();
        while self.take("[") {
            self.skip_space();
            conditions.push(self.condition()?);
            self.skip_space();
            if !self.take("]") {
                return Err(self.expected("`]`"));
            }
        }
        if !conditions.is_empty() && !matches!(test, Test::Named(_)) {
            return Err(self.expected("no condition after `.` and `..`"));
        }
        Ok(Step {
            any_depth,
            test,
            conditions,
        })
    }

    fn condition(&mut self) -> Result<Condition<'p>, PathError> {
        if self.take("last()") {
            return Ok(Condition::Last);
        }
        let digits = self.rest().len()
            - self
                .rest()
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        if digits > 0 {
            let number = self.rest()[..digits].parse();
            let number = number.map_err(|_| self.expected("a smaller number"))?;
            self.at += digits;
            return Ok(Condition::Number(number));
        }
        if !self.take("@") {
            return Ok(Condition::Child(self.name()?));
        }
        let name = self.name()?;
        self.skip_space();
        let unequal = self.take("!=");
        if !unequal && !self.take("=") {
            return Ok(Condition::Attribute(name));
        }
        self.skip_space();
        let value = self.quoted()?;
        Ok(if unequal {
            Condition::Unequal(name, value)
        } else {
            Condition::Equal(name, value)
        })
    }

    fn quoted(&mut self) -> Result<&'p str, PathError> {
        let quote = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.expected("a value in quotes"))?;
        let start = self.at + 1;
        let length = self.path[start..]
            .find(quote)
            .ok_or_else(|| self.expected("a closing quote"))?;
        self.at = start + length + 1;
        Ok(&self.path[start..start + length])
    }

    fn name(&mut self) -> Result<&'p str, PathError> {
        if self.take("*") {
            return Ok("*");
        }
        let rest = self.rest();
        let end = rest
            .find(|c: char| c.is_whitespace() || "/[]@=!()'\"*|+<>,$".contains(c))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        if !crate::name::is_name(name) || name.contains("::") || rest[end..].starts_with('(') {
            return Err(self.expected("the name of an element or attribute"));
        }
        self.at += end;
        Ok(name)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'p str {
        &self.path[self.at..]
    }

    fn expected(&self, expected: &'static str) -> PathError {
        PathError {
            column: self.path[..self.at].chars().count() + 1,
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn found(path: &str) -> Vec<String> {
        let source = b"<j:JDF xmlns:j='u' ID='n'><Pool><M ID='a'/><M ID='b'><M ID='c'>text</M></M></Pool><M ID='d'/></j:JDF>";
        let document = Document::parse(source, &Limits::default()).unwrap();
        let selected = document.select(path).unwrap();
        let show = |selected: &Selected<'_>| match selected {
            Selected::Element(element) => {
                element.attribute("ID").unwrap_or(element.name()).to_owned()
            }
            Selected::Attribute(_, attribute) => format!("@{}", attribute.value),
            Selected::Text(_, text) => format!("'{text}'"),
        };
        selected.iter().map(show).collect()
    }

    #[test]
    fn paths_lead_where_xpath_leads() {
        for (path, expected) in [
            ("/", &["n"][..]),
            ("/JDF", &["n"]),
            ("/j:JDF/Pool/M", &["a", "b"]),
            ("//M", &["a", "b", "c", "d"]),
            ("//M[1]", &["a", "c", "d"]),
            ("/JDF/Pool/M[2]/M", &["c"]),
            ("/JDF/Pool/M[last()]/@ID", &["@b"]),
            ("//M[@ID='c']/text()", &["'text'"]),
            ("//M[@ID!='c'][2]", &["b"]),
            ("//M[M]", &["b"]),
            ("//M//M", &["c"]),
            ("/JDF/*/*", &["a", "b"]),
            ("//M[@ID=\"c\"]/../..", &["Pool"]),
            ("//@ID", &["@n", "@a", "@b", "@c", "@d"]),
            ("/k:JDF", &[]),
            ("/JDF/M[7]", &[]),
        ] {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_place() {
        let document = Document::parse(b"<a/>", &Limits::default()).unwrap();
        for (path, column) in [
            ("JDF", 1),
            ("/JDF[", 6),
            ("/JDF[1", 7),
            ("/a | /b", 3),
            ("/ancestor::a", 2),
            ("/a[count(b)]", 4),
            ("/a/@b/c", 6),
            ("//", 3),
            ("/a[@b=c]", 7),
            ("/a[99999999999999999999999]", 4),
        ] {
            assert_eq!(document.select(path).unwrap_err().column, column, "{path}");
        }
    }

    #[test]
    fn the_path_of_every_element_leads_to_it() {
        let source = b"<a><b/><c><b/><b/></c><x:b xmlns:x='u'/></a>";
        let document = Document::parse(source, &Limits::default()).unwrap();
        for element in document.root().descendants() {
            let selected = document.select(&element.path()).unwrap();
            assert_eq!(selected, [Selected::Element(element)], "{}", element.path());
        }
    }
}
