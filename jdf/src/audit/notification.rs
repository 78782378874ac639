//! Audits of what happened: a notification as it also stands in messages, with where in the job and in the machine
//! it happened (JDF 1.5, Notification).

use super::phase::numbers;
use super::{PartKeys, part_elements, parts};
use crate::element::Element;
use crate::finding::Finding;
use crate::jmf::Notification;
use crate::resource::{Ranges, Value as _};
use crate::value::Fields;
use crate::view::ElementRef;

/// Something that happened while a node ran.
///
/// ```
/// use agog_jdf::NotificationClass;
/// use agog_jdf::audit::NotificationAudit;
/// use agog_jdf::jmf::Notification;
/// let audit = NotificationAudit {
///     module_id: Some("PU3".into()),
///     ..Notification::new(NotificationClass::Warning, "ink low").into()
/// };
/// assert_eq!(audit.notification.text(), "ink low");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationAudit {
    /// What happened. Its time is the time of the audit.
    pub notification: Notification,
    /// Which processes of a combined node it concerns, counted from 0.
    pub combined_process_index: Vec<i64>,
    /// The name of the module.
    pub module_id: Option<String>,
    /// Which modules of the device, counted from 0.
    pub module_index: Option<Ranges>,
    /// What the module is.
    pub module_type: Option<String>,
    /// The parts that it concerns; empty for the whole node.
    pub parts: Vec<PartKeys>,
    /// Who is charged (`CostCenter/@CostCenterID`).
    pub cost_center: Option<String>,
    /// The attributes of the details whose name is the type of the notification, such as `EventID` of an `Event`
    /// or `Code` of a `Barcode`.
    pub details: PartKeys,
}

impl From<Notification> for NotificationAudit {
    fn from(notification: Notification) -> Self {
        Self {
            notification,
            ..Self::default()
        }
    }
}

impl NotificationAudit {
    pub(super) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let notification = Notification::read(element, findings);
        let details = notification
            .kind
            .as_deref()
            .filter(|kind| !is_in_notification(kind))
            .and_then(|kind| element.child(kind))
            .map(crate::amount::read_keys)
            .unwrap_or_default();
        let mut fields = Fields::of(element, findings);
        Self {
            combined_process_index: fields.integers("CombinedProcessIndex"),
            module_id: fields.text("ModuleID"),
            module_index: fields.ranges("ModuleIndex"),
            module_type: fields.text("ModuleType"),
            parts: parts(element),
            cost_center: element
                .child("CostCenter")
                .and_then(|center| center.attribute("CostCenterID"))
                .map(str::to_owned),
            details,
            notification,
        }
    }

    pub(super) fn to_element(&self) -> Element {
        let own = Notification {
            timestamp: None,
            ..self.notification.clone()
        };
        let center = self.cost_center.iter();
        let kind = self.notification.kind.as_deref();
        let details = kind
            .filter(|kind| !is_in_notification(kind) && !self.details.is_empty())
            .map(|kind| {
                let named = Element::new(kind);
                let add =
                    |details: Element, (name, value): (&String, &String)| details.with(name, value);
                self.details.iter().fold(named, add)
            });
        own.to_element(None)
            .with_some(
                "CombinedProcessIndex",
                numbers(&self.combined_process_index),
            )
            .with_some("ModuleID", self.module_id.as_ref())
            .with_some("ModuleIndex", self.module_index.as_ref().map(Ranges::write))
            .with_some("ModuleType", self.module_type.as_ref())
            .children(center.map(|id| Element::new("CostCenter").with("CostCenterID", id)))
            .children(details)
            .children(part_elements(&self.parts))
    }
}

/// Details that the notification itself reads and writes.
fn is_in_notification(kind: &str) -> bool {
    matches!(kind, "Milestone" | "Error")
}
