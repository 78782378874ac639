//! What is wrong or odd in a document, as findings with code, grade and place; and what of it a device cannot do.
//!
//! Nothing is refused here: a document that can be read can be checked, and the caller decides what the
//! findings mean. Most tickets of the field break their own schema, so the default level tells only what a
//! reader will stumble over. One pass per topic, each linear in the document; all codes are in [`RULES`].
//! Capabilities are in `capability/`; read `capability/mod.rs` first.
//!
//! ```
//! use agog_jdf::validate::{Level, validate};
//! use agog_jdf::{Document, Limits, Severity};
//! let source = b"<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Cutting' Status='Waiting' Activation='Now'/>";
//! let document = Document::parse(source, &Limits::default())?;
//! assert!(validate(&document, Level::Tolerant).is_empty());
//! let findings = validate(&document, Level::Standard);
//! assert_eq!((findings[0].code, findings[0].found.as_deref()), ("value-unlisted", Some("Now")));
//! # Ok::<(), agog_jdf::Error>(())
//! ```

mod amounts;
mod attributes;
mod capability;
mod children;
mod files;
mod flow;
mod ids;
mod links;
mod messages;
mod partition;
mod parts;
mod references;
mod report;
mod rules;
mod schedule;

use crate::document::Document;
use crate::finding::Finding;
use crate::node::Ticket;
use crate::schema::Version;
use crate::view::ElementRef;

pub use capability::{Scope, check_capability};
pub use files::missing_files;
pub use rules::{RULES, RuleFacts};

use report::Report;
use rules::Rule;

/// Findings of one document: 1,000. Whoever has that many mends the first and looks again. Errors are told before
/// warnings, and those before notes.
///
/// ```
/// use agog_jdf::validate::{FINDINGS_MAX, Level, validate};
/// let links = "<MediaLink rRef='gone' Usage='Input'/>".repeat(FINDINGS_MAX + 5);
/// let source = format!("<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' Type='Cutting' Status='Waiting'>
///   <ResourceLinkPool>{links}</ResourceLinkPool></JDF>");
/// let document = agog_jdf::Document::parse(source.as_bytes(), &agog_jdf::Limits::default())?;
/// let findings = validate(&document, Level::Tolerant);
/// assert_eq!(findings.last().unwrap().message, "there are 5 more findings");
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub const FINDINGS_MAX: usize = 1000;

/// How much is told.
///
/// ```
/// use agog_jdf::validate::Level;
/// assert_eq!(Level::default(), Level::Tolerant);
/// assert!(Level::Tolerant < Level::Strict, "each level tells more");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// What other readers will misunderstand or refuse.
    #[default]
    Tolerant,
    /// And what the specification requires and devices usually forgive.
    Standard,
    /// Everything, also what is only not in the tables of the version that the document names.
    Strict,
}

impl Level {
    /// The word for it: `tolerant`, `standard`, `strict`.
    ///
    /// ```
    /// assert_eq!(agog_jdf::validate::Level::Strict.as_str(), "strict");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tolerant => "tolerant",
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }
}

/// Checks a ticket or a JMF document.
///
/// The tables hold JDF 1.5: elements that they do not know are not checked, and neither are other namespaces.
///
/// ```
/// use agog_jdf::validate::{Level, validate};
/// use agog_jdf::{Document, Limits, Severity};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Cutting" Status="Waiting" Version="1.5">
///   <ResourceLinkPool><MediaLink rRef="m1" Usage="Input"/></ResourceLinkPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let findings = validate(&document, Level::Tolerant);
/// assert_eq!((findings[0].code, findings[0].severity), ("link-target-missing", Severity::Error));
/// assert_eq!(findings[0].position.path, "/JDF/ResourceLinkPool/MediaLink/@rRef");
/// assert_eq!((findings[0].position.line, findings[0].found.as_deref()), (2, Some("m1")));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn validate(document: &Document, level: Level) -> Vec<Finding> {
    let version = document
        .root()
        .attribute("Version")
        .and_then(Version::parse);
    let mut check = Check {
        document,
        level,
        version,
        report: Report::of(document),
    };
    ids::check(&mut check);
    attributes::check(&mut check);
    children::check(&mut check);
    references::check(&mut check);
    parts::check(&mut check);
    schedule::check(&mut check);
    messages::check(&mut check);
    if let Ok(ticket) = Ticket::of(document) {
        links::check(&ticket, &mut check);
        amounts::check(&ticket, &mut check);
        flow::check(&ticket, &mut check);
    }
    check.report.finish()
}

/// What is being checked, and what was found so far.
struct Check<'d> {
    document: &'d Document,
    level: Level,
    /// Of the root; later versions than the tables know are taken for the last one known.
    version: Option<Version>,
    report: Report<'d>,
}

impl<'d> Check<'d> {
    fn tells(&self, level: Level) -> bool {
        self.level >= level
    }

    /// A finding about an element, or about one of its attributes if it has it.
    fn report(
        &mut self,
        rule: Rule,
        at: ElementRef<'d>,
        attribute: Option<&str>,
        message: String,
    ) -> Option<&mut Finding> {
        if self.level < rule.level {
            return None;
        }
        self.report.add(rule, at, attribute, message)
    }
}

/// Sets what was found and expected, where the level tells the finding at all.
fn detail(finding: Option<&mut Finding>, found: impl Into<String>, expected: impl Into<String>) {
    if let Some(finding) = finding {
        finding.found = Some(found.into());
        finding.expected = Some(expected.into());
    }
}

/// Enough of a value to recognise it in a message.
fn shown(value: &str) -> String {
    const SHOWN_CHARACTERS: usize = 80;
    let mut shown: String = value.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}
