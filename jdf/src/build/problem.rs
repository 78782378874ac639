//! The problems of a description, each with the path of its field: what `check.rs` finds.

use std::fmt;

/// One field of a description that cannot stay as it is.
///
/// ```
/// use agog_jdf::{JobDescription, samples};
/// let mut job: JobDescription = serde_json::from_str(samples()[0].json).unwrap();
/// job.overs_percent = 80;
/// let problem = &job.check().unwrap_err().problems[0];
/// assert_eq!(problem.to_string(), "overs_percent: 80 is given, expected 0 to 50");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `sheets[0].media.grammage`.
    pub path: String,
    /// What is there and what was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// A description that no ticket can be made from, with all its problems.
///
/// ```
/// use agog_jdf::{JobDescription, samples};
/// let mut job: JobDescription = serde_json::from_str(samples()[0].json).unwrap();
/// job.products[0].quantity = 0;
/// job.sheets[0].size.width = -1.0;
/// let error = job.check().unwrap_err();
/// assert_eq!(error.problems.len(), 2);
/// assert_eq!(error.problems[0].path, "products[0].quantity");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.list())]
pub struct DescriptionError {
    /// In the order of the description.
    pub problems: Vec<Problem>,
}

impl DescriptionError {
    fn list(&self) -> String {
        let lines: Vec<_> = self.problems.iter().map(Problem::to_string).collect();
        lines.join("; ")
    }
}
