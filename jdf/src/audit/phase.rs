//! Audits of time: what a node, its modules and its people did from when to when (JDF 1.5, `PhaseTime`).

use jiff::Timestamp;

use super::result::read_links;
use super::{
    AuditAmount, PartKeys, Reading, employee_elements, employees, named, part_elements, parts,
};
use crate::element::Element;
use crate::jmf::{Activity, MisDetails};
use crate::resource::{Ranges, Value as _};
use crate::state::{DeviceStatus, NodeStatus};
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

/// A stretch of time in which the status did not change.
///
/// ```
/// use agog_jdf::NodeStatus;
/// use agog_jdf::audit::PhaseTime;
/// let start = "2025-03-01T08:00:00Z".parse().unwrap();
/// let phase = PhaseTime { end: None, ..PhaseTime::new(NodeStatus::Setup, start, start) };
/// assert!(phase.amounts.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseTime {
    /// When it began.
    pub start: Option<Timestamp>,
    /// Open while the phase lasts.
    pub end: Option<Timestamp>,
    /// The status during the phase.
    pub status: NodeStatus,
    /// The status in the maker's words, such as `FormChange`.
    pub status_details: Option<String>,
    /// The devices that worked.
    pub device_ids: Vec<String>,
    /// Personnel numbers, or names where there is no number.
    pub employees: Vec<String>,
    /// What was used and made in this phase alone.
    pub amounts: Vec<AuditAmount>,
    /// The parts that were worked on; empty for the whole node.
    pub parts: Vec<PartKeys>,
    /// What modules of a device did meanwhile.
    pub modules: Vec<ModulePhase>,
    /// What people did meanwhile (from JDF 1.5).
    pub activities: Vec<Activity>,
    /// Who pays for the time.
    pub mis_details: Option<MisDetails>,
}

/// What one module of a device did in a phase.
///
/// ```
/// use agog_jdf::audit::ModulePhase;
/// let phase = ModulePhase { device_id: "press-3".into(), module_type: "PrintModule".into(), ..ModulePhase::default() };
/// assert!(phase.module_index.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModulePhase {
    /// The device.
    pub device_id: String,
    /// What the module is, such as `PrintModule`.
    pub module_type: String,
    /// The name of the module in its device (from JDF 1.3).
    pub module_id: Option<String>,
    /// Which modules of the device, counted from 0.
    pub module_index: Option<Ranges>,
    /// What it did.
    pub device_status: Option<DeviceStatus>,
    /// What it did, in the maker's words.
    pub status_details: Option<String>,
    /// Which processes of a combined node it carried out, counted from 0.
    pub combined_process_index: Vec<i64>,
    /// When it began (until JDF 1.3: then phases are as long as the phase around them).
    pub start: Option<Timestamp>,
    /// When it ended (until JDF 1.3).
    pub end: Option<Timestamp>,
    /// Who worked at it.
    pub employees: Vec<String>,
}

impl PhaseTime {
    /// A phase from start to end.
    pub fn new(status: NodeStatus, start: Timestamp, end: Timestamp) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
            status,
            status_details: None,
            device_ids: Vec::new(),
            employees: Vec::new(),
            amounts: Vec::new(),
            parts: Vec::new(),
            modules: Vec::new(),
            activities: Vec::new(),
            mis_details: None,
        }
    }

    pub(super) fn read(element: ElementRef<'_>, reading: &mut Reading<'_, '_, '_>) -> Self {
        let amounts = read_links(element, reading.findings);
        let device_ids = named(element, "Device", reading.ticket, |device| {
            device.attribute("DeviceID")
        });
        let employees = employees(element, reading.ticket);
        let modules = element.children_named("ModulePhase");
        let modules = modules
            .map(|module| ModulePhase::read(module, reading))
            .collect();
        let activities = element.children_named("Activity");
        let activities = activities
            .map(|activity| Activity::read(activity, reading.findings))
            .collect();
        let details = element.child("MISDetails");
        let details = details.map(|details| MisDetails::read(details, reading.findings));
        let mut fields = Fields::of(element, reading.findings);
        Self {
            start: fields.time("Start"),
            end: fields.time("End"),
            status: NodeStatus::from(fields.required("Status").trim()),
            status_details: fields.text("StatusDetails"),
            device_ids,
            employees,
            amounts,
            parts: parts(element),
            modules,
            activities,
            mis_details: details,
        }
    }

    pub(super) fn write(&self, element: Element) -> Element {
        let devices = self.device_ids.iter();
        element
            .with_some("Start", self.start.map(write_date_time))
            .with_some("End", self.end.map(write_date_time))
            .with("Status", &self.status)
            .with_some("StatusDetails", self.status_details.as_ref())
            .children(devices.map(|id| Element::new("Device").with("DeviceID", id)))
            .children(employee_elements(&self.employees))
            .children(self.activities.iter().map(Activity::to_element))
            .children(self.mis_details.iter().map(MisDetails::to_element))
            .children(self.modules.iter().map(ModulePhase::to_element))
            .children(part_elements(&self.parts))
            .children(self.amounts.iter().map(AuditAmount::to_element))
    }
}

impl ModulePhase {
    fn read(element: ElementRef<'_>, reading: &mut Reading<'_, '_, '_>) -> Self {
        let employees = employees(element, reading.ticket);
        let mut fields = Fields::of(element, reading.findings);
        Self {
            device_id: fields.required("DeviceID"),
            module_type: fields.required("ModuleType"),
            module_id: fields.text("ModuleID"),
            module_index: fields.ranges("ModuleIndex"),
            device_status: fields.state("DeviceStatus"),
            status_details: fields.text("StatusDetails"),
            combined_process_index: fields.integers("CombinedProcessIndex"),
            start: fields.time("Start"),
            end: fields.time("End"),
            employees,
        }
    }

    fn to_element(&self) -> Element {
        Element::new("ModulePhase")
            .with("DeviceID", &self.device_id)
            .with("ModuleType", &self.module_type)
            .with_some("ModuleID", self.module_id.as_ref())
            .with_some("ModuleIndex", self.module_index.as_ref().map(Ranges::write))
            .with_some("DeviceStatus", self.device_status.as_ref())
            .with_some("StatusDetails", self.status_details.as_ref())
            .with_some(
                "CombinedProcessIndex",
                numbers(&self.combined_process_index),
            )
            .with_some("Start", self.start.map(write_date_time))
            .with_some("End", self.end.map(write_date_time))
            .children(employee_elements(&self.employees))
    }
}

/// A list of whole numbers; nothing for an empty one.
pub(super) fn numbers(list: &[i64]) -> Option<String> {
    (!list.is_empty()).then(|| list.to_vec().write())
}
