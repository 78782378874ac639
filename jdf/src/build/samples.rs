//! A sample description of each kind of job, to start from.

use super::job::JobKind;

/// A description as JSON, to start from.
///
/// ```
/// use agog_jdf::{JobKind, samples};
/// let carton = samples().iter().find(|sample| sample.kind == JobKind::FoldingCarton).unwrap();
/// assert!(carton.json.contains("\"kind\": \"folding_carton\""));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The kind of job; [`JobKind::as_str`] is its name.
    pub kind: JobKind,
    /// The description.
    pub json: &'static str,
}

/// One sample of each kind, in the order of [`JobKind::ALL`].
///
/// ```
/// for sample in agog_jdf::samples() {
///     let job: agog_jdf::JobDescription = serde_json::from_str(sample.json).unwrap();
///     assert_eq!(job.kind, sample.kind);
/// }
/// ```
pub fn samples() -> &'static [Sample] {
    macro_rules! sample {
        ($kind:ident, $file:literal) => {
            Sample {
                kind: JobKind::$kind,
                json: include_str!(concat!("../../../fixtures/jobs/", $file, ".json")),
            }
        };
    }
    const {
        &[
            sample!(FoldingCarton, "folding_carton"),
            sample!(CorrugatedBox, "corrugated_box"),
            sample!(Label, "label"),
            sample!(FlexibleFilm, "flexible_film"),
            sample!(Brochure, "brochure"),
            sample!(GangSheet, "gang_sheet"),
        ]
    }
}
