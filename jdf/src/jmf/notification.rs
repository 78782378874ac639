//! Notifications: events, warnings and errors, in signals, responses and audit pools alike.

use jiff::Timestamp;

use crate::element::Element;
use crate::finding::Finding;
use crate::state::NotificationClass;
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

/// Something that happened, for a person to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    pub class: Option<NotificationClass>,
    /// What kind of details follow, such as `Error`, `Milestone`, `Barcode`.
    pub kind: Option<String>,
    pub timestamp: Option<Timestamp>,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    /// The texts of all comments.
    pub comments: Vec<String>,
    /// The name of a milestone, such as `PressCompleted`.
    pub milestone: Option<String>,
    /// The code inside an `Error` element.
    pub error_code: Option<i64>,
}

impl Notification {
    pub fn new(class: NotificationClass, comment: impl Into<String>) -> Self {
        Self {
            class: Some(class),
            comments: vec![comment.into()],
            ..Self::default()
        }
    }

    /// The comments as one text.
    pub fn text(&self) -> String {
        self.comments.join("; ")
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let error = element.child("Error");
        // Comments stand beside the error or, from some writers, inside it.
        let places = [Some(element), error];
        let comments = places
            .into_iter()
            .flatten()
            .flat_map(|place| place.children_named("Comment"));
        let mut texts: Vec<String> = comments
            .map(|comment| comment.text().trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        let error_code = error.and_then(|error| {
            Fields::of(error, findings)
                .integer("ErrorID")
                .or_else(|| Fields::of(error, findings).integer("ReturnCode"))
        });
        let data = error.map(|error| {
            error
                .children_named("ErrorData")
                .filter_map(|data| data.attribute("ErrorType"))
        });
        texts.extend(data.into_iter().flatten().map(str::to_owned));
        let mut fields = Fields::of(element, findings);
        Self {
            class: fields.state("Class"),
            kind: fields.text("Type"),
            timestamp: fields.time("TimeStamp"),
            job_id: fields.text("JobID"),
            job_part_id: fields.text("JobPartID"),
            comments: texts,
            milestone: element
                .child("Milestone")
                .and_then(|milestone| milestone.attribute("MilestoneType"))
                .map(str::to_owned),
            error_code,
        }
    }

    /// `sent` is the time of the message, for a notification that has none of its own: the schema wants one.
    pub(crate) fn to_element(&self, sent: Option<Timestamp>) -> Element {
        let milestone = self
            .milestone
            .as_ref()
            .map(|kind| Element::new("Milestone").with("MilestoneType", kind));
        Element::new("Notification")
            .with(
                "Class",
                self.class
                    .as_ref()
                    .unwrap_or(&NotificationClass::Information),
            )
            .with_some("Type", self.kind.as_ref())
            .with_some("TimeStamp", self.timestamp.or(sent).map(write_date_time))
            .with_some("JobID", self.job_id.as_ref())
            .with_some("JobPartID", self.job_part_id.as_ref())
            .children(
                self.comments
                    .iter()
                    .map(|text| Element::new("Comment").text(text)),
            )
            .children(milestone)
    }
}
