//! Queries: questions to a device, once or, with a [`Subscription`], from now on.

use super::queue::QueueFilter;
use super::subscription::Subscription;
use crate::element::Element;
use crate::finding::Finding;
use crate::state::{DeviceDetails, JobDetails};
use crate::value::Fields;
use crate::view::ElementRef;

/// A question, and whether to keep answering it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub content: QueryContent,
    pub subscription: Option<Subscription>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryContent {
    Status(StatusQuParams),
    Resource(ResourceQuParams),
    QueueStatus(QueueFilter),
    KnownDevices {
        details: Option<DeviceDetails>,
    },
    KnownMessages,
    KnownSubscriptions,
    Notification,
    /// A type that is not read in detail; its element tells the rest.
    Other(String),
}

impl QueryContent {
    pub fn type_name(&self) -> &str {
        match self {
            Self::Status(_) => "Status",
            Self::Resource(_) => "Resource",
            Self::QueueStatus(_) => "QueueStatus",
            Self::KnownDevices { .. } => "KnownDevices",
            Self::KnownMessages => "KnownMessages",
            Self::KnownSubscriptions => "KnownSubscriptions",
            Self::Notification => "Notification",
            Self::Other(name) => name,
        }
    }
}

/// What a Status query wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusQuParams {
    pub device_details: Option<DeviceDetails>,
    pub job_details: Option<JobDetails>,
    pub queue_info: bool,
    pub employee_info: bool,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub queue_entry_id: Option<String>,
}

impl StatusQuParams {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            device_details: fields.state("DeviceDetails"),
            job_details: fields.state("JobDetails"),
            queue_info: fields.boolean("QueueInfo").unwrap_or(false),
            employee_info: fields.boolean("EmployeeInfo").unwrap_or(false),
            job_id: fields.text("JobID"),
            job_part_id: fields.text("JobPartID"),
            queue_entry_id: fields.text("QueueEntryID"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("StatusQuParams")
            .with_some("DeviceDetails", self.device_details.as_ref())
            .with_some("JobDetails", self.job_details.as_ref())
            .with_some("QueueInfo", self.queue_info.then_some(true))
            .with_some("EmployeeInfo", self.employee_info.then_some(true))
            .with_some("JobID", self.job_id.as_ref())
            .with_some("JobPartID", self.job_part_id.as_ref())
            .with_some("QueueEntryID", self.queue_entry_id.as_ref())
    }
}

/// What a Resource query wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceQuParams {
    /// Such as `Consumable` or `Quantity`.
    pub classes: Vec<String>,
    pub exact: bool,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub queue_entry_id: Option<String>,
}

impl ResourceQuParams {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            classes: fields.tokens("Classes"),
            exact: fields.boolean("Exact").unwrap_or(false),
            job_id: fields.text("JobID"),
            job_part_id: fields.text("JobPartID"),
            queue_entry_id: fields.text("QueueEntryID"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("ResourceQuParams")
            .with_some(
                "Classes",
                (!self.classes.is_empty()).then(|| self.classes.join(" ")),
            )
            .with_some("Exact", self.exact.then_some(true))
            .with_some("JobID", self.job_id.as_ref())
            .with_some("JobPartID", self.job_part_id.as_ref())
            .with_some("QueueEntryID", self.queue_entry_id.as_ref())
    }
}

impl Query {
    pub fn once(content: QueryContent) -> Self {
        Self {
            content,
            subscription: None,
        }
    }

    pub fn subscribe(content: QueryContent, subscription: Subscription) -> Self {
        Self {
            content,
            subscription: Some(subscription),
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, kind: &str, findings: &mut Vec<Finding>) -> Self {
        let content = match kind {
            "Status" => QueryContent::Status(
                element
                    .child("StatusQuParams")
                    .map(|child| StatusQuParams::read(child, findings))
                    .unwrap_or_default(),
            ),
            "Resource" => QueryContent::Resource(
                element
                    .child("ResourceQuParams")
                    .map(|child| ResourceQuParams::read(child, findings))
                    .unwrap_or_default(),
            ),
            "QueueStatus" => QueryContent::QueueStatus(QueueFilter::read(element, findings)),
            "KnownDevices" => QueryContent::KnownDevices {
                details: element
                    .child("DeviceFilter")
                    .and_then(|filter| filter.attribute("DeviceDetails"))
                    .map(Into::into),
            },
            "KnownMessages" => QueryContent::KnownMessages,
            "KnownSubscriptions" => QueryContent::KnownSubscriptions,
            "Notification" => QueryContent::Notification,
            other => QueryContent::Other(other.to_owned()),
        };
        let subscription = element
            .child("Subscription")
            .map(|child| Subscription::read(child, findings));
        Self {
            content,
            subscription,
        }
    }

    pub(crate) fn write(&self, element: Element) -> Element {
        let element = match &self.content {
            QueryContent::Status(params) => element.child(params.to_element()),
            QueryContent::Resource(params) => element.child(params.to_element()),
            QueryContent::QueueStatus(filter) if !filter.is_empty() => {
                element.child(filter.to_element())
            }
            QueryContent::KnownDevices { details } => {
                let filter = details
                    .as_ref()
                    .map(|details| Element::new("DeviceFilter").with("DeviceDetails", details));
                element.children(filter)
            }
            _ => element,
        };
        element.children(self.subscription.as_ref().map(Subscription::to_element))
    }
}
