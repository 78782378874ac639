//! Regular expressions of capabilities: written as XML Schema or ECMA expressions, matched in time linear in the text.
//!
//! Limits: a pattern has 4,096 bytes and compiles to 128 KiB; longer texts than 4,096 bytes are not matched; and a check
//! matches 2,000,000 bytes and compiles 2,000 times. What cannot be used says nothing, instead of something wrong.

use std::collections::HashMap;
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

/// Bytes of a pattern, and of a text that is matched with one.
const BYTES_MAX: usize = 4096;

/// Bytes of a compiled pattern, which bounds the time of a match together with [`BYTES_MAX`].
const COMPILED_BYTES_MAX: usize = 128 * 1024;

/// Compiled patterns that are kept: 500. A description with more is slower, not larger.
const KEPT_MAX: usize = 500;

/// Bytes that all matches of a check may take.
const WORK_MAX: usize = 2_000_000;

/// What compiling a pattern counts, in bytes matched.
const COMPILING: usize = 1000;

/// Patterns that were used before.
#[derive(Default)]
pub(super) struct Patterns {
    compiled: HashMap<String, Option<Regex>>,
    work: usize,
}

impl Patterns {
    /// Whether the whole text is matched; `None` if the pattern cannot be used.
    pub(super) fn is_match(&mut self, pattern: &str, text: &str) -> Option<bool> {
        // No expression, but written in the field for anything.
        if pattern.trim() == "*" {
            return Some(true);
        }
        if pattern.len() > BYTES_MAX || text.len() > BYTES_MAX {
            return None;
        }
        let is_new = !self.compiled.contains_key(pattern);
        self.work += text.len() + if is_new { COMPILING } else { 1 };
        if self.work > WORK_MAX {
            return None;
        }
        if is_new && self.compiled.len() >= KEPT_MAX {
            self.compiled.clear();
        }
        let compiled = self
            .compiled
            .entry(pattern.to_owned())
            .or_insert_with(|| compile(pattern));
        Some(compiled.as_ref()?.is_match(text))
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!(r"\A(?:{})\z", translated(pattern)))
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .nest_limit(100)
        .build()
        .ok()
}

/// What differs from XML Schema: its classes of name characters, subtraction of classes, and the characters that mean
/// something in a class only here.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut classes = 0_usize;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let class = match characters.next() {
                    Some('i') => r"[_:\p{L}]",
                    Some('I') => r"[^_:\p{L}]",
                    Some('c') => r"[-._:\p{L}\p{N}]",
                    Some('C') => r"[^-._:\p{L}\p{N}]",
                    Some(other) => {
                        let _ = write!(out, "\\{other}");
                        continue;
                    }
                    None => "\\",
                };
                out.push_str(class);
            }
            '-' if classes > 0 && characters.peek() == Some(&'[') => {
                out.push_str("--[");
                characters.next();
                classes += 1;
            }
            '[' if classes > 0 => out.push_str(r"\["),
            '&' | '~' if classes > 0 => {
                let _ = write!(out, "\\{character}");
            }
            '[' => {
                classes += 1;
                out.push('[');
            }
            ']' => {
                classes = classes.saturating_sub(1);
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts_are_matched_as_xml_schema_does() {
        let mut patterns = Patterns::default();
        for (pattern, text, expected) in [
            ("Sheet[0-9]+", "Sheet12", Some(true)),
            ("Sheet[0-9]+", "Sheet12b", Some(false)),
            ("(file:)(.+)*||(http:)(.+)*", "http://a", Some(true)),
            (r"\i\c*", "n:1", Some(true)),
            (r"\i\c*", "1n", Some(false)),
            ("[a-z-[aeiou]]+", "bcd", Some(true)),
            ("[a-z-[aeiou]]+", "bad", Some(false)),
            ("[[]&&[]]", "[&&[]", Some(false)),
            ("*", "anything", Some(true)),
            ("(", "(", None),
            ("(a{1000}){1000}", "a", None),
        ] {
            assert_eq!(patterns.is_match(pattern, text), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_is_slow_elsewhere_is_fast_here() {
        let text = "a".repeat(4000) + "!";
        assert_eq!(
            Patterns::default().is_match("(a|aa)*(a|aa)*(a*)*", &text),
            Some(false)
        );
    }
}
