//! What is odd or wrong in a document that was read all the same: a [`Finding`] names the rule, the place,
//! what stands there and what was expected.

use std::fmt;

use crate::error::Position;

/// How grave a finding is. Severities can be compared, so that a caller can set a threshold.
///
/// ```
/// use agog_jdf::Severity;
/// let strictest_allowed = Severity::Warning;
/// assert!(Severity::Note < strictest_allowed && Severity::Error > strictest_allowed);
/// assert_eq!(Severity::Error.as_str(), "error");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nobody will stumble over it.
    Note,
    /// Read leniently: another reader may understand it otherwise or not at all.
    Warning,
    /// Against the specification: what the document means here is lost or a guess.
    Error,
}

impl Severity {
    /// The word in messages: `note`, `warning`, `error`.
    ///
    /// ```
    /// assert_eq!(agog_jdf::Severity::Note.as_str(), "note");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A remark about a document: it did not stop the reading.
///
/// ```
/// use agog_jdf::{Finding, Position, Severity};
/// let finding = Finding::new(Severity::Warning, "value-unreadable", "`Weight` is not a number", Position::default())
///     .found("heavy")
///     .expected("a number");
/// assert_eq!(finding.code, "value-unreadable");
/// assert_eq!(finding.expected.as_deref(), Some("a number"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// Stable name of the rule, such as `date-time-form`.
    pub code: &'static str,
    /// What is the matter, in a sentence without a full stop.
    pub message: String,
    /// Line, column and XPath.
    pub position: Position,
    /// What stands there, if one value is to blame.
    pub found: Option<String>,
    /// What would have been right.
    pub expected: Option<String>,
    /// Where the rule is written, such as `JDF 1.5, 3.10.2 ResourceLink`.
    pub specification: Option<&'static str>,
}

impl Finding {
    /// A finding without the details that the other functions add. The code is a stable name of the rule, in small
    /// letters with hyphens; the message is for people.
    ///
    /// ```
    /// use agog_jdf::{Finding, Position, Severity};
    /// let finding = Finding::new(Severity::Note, "amounts-differ", "link and audit disagree", Position::default());
    /// assert_eq!(finding.to_string(), "link and audit disagree at line 0, column 0 [amounts-differ]");
    /// ```
    pub fn new(
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        position: Position,
    ) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            position,
            found: None,
            expected: None,
            specification: None,
        }
    }

    /// Says what stands there.
    ///
    /// ```
    /// use agog_jdf::{Finding, Position, Severity};
    /// let finding = Finding::new(Severity::Error, "value-unreadable", "no number", Position::default()).found("heavy");
    /// assert_eq!(finding.found.as_deref(), Some("heavy"));
    /// ```
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Says what would have been right.
    ///
    /// ```
    /// use agog_jdf::{Finding, Position, Severity};
    /// let finding = Finding::new(Severity::Error, "value-unreadable", "no number", Position::default()).expected("a number");
    /// assert_eq!(finding.expected.as_deref(), Some("a number"));
    /// ```
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says where the rule is written.
    ///
    /// ```
    /// use agog_jdf::{Finding, Position, Severity};
    /// let finding = Finding::new(Severity::Error, "link-dangling", "`rRef` leads nowhere", Position::default())
    ///     .found("m7")
    ///     .specified_in("JDF 1.5, ResourceLink");
    /// assert_eq!(finding.specification, Some("JDF 1.5, ResourceLink"));
    /// ```
    #[must_use]
    pub fn specified_in(mut self, section: &'static str) -> Self {
        self.specification = Some(section);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} [{}]", self.message, self.position, self.code)
    }
}
