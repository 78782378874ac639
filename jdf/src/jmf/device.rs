//! What a device tells about itself: its state, the phase of the job on it, its description.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::element::Element;
use crate::finding::Finding;
use crate::state::{DeviceCondition, DeviceOperationMode, DeviceStatus, NodeStatus};
use crate::value::{Fields, write_date_time};
use crate::view::ElementRef;

/// The state of a device, with the job phases that run on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    pub device_id: Option<String>,
    pub status: DeviceStatus,
    pub status_details: Option<String>,
    pub condition: Option<DeviceCondition>,
    pub operation_mode: Option<DeviceOperationMode>,
    /// Per hour, in the device's counter unit.
    pub speed: Option<Decimal>,
    /// Since power on or reset.
    pub production_counter: Option<Decimal>,
    /// Over the life of the device.
    pub total_production_counter: Option<Decimal>,
    pub counter_unit: Option<String>,
    pub idle_start_time: Option<Timestamp>,
    pub device: Option<Device>,
    pub job_phases: Vec<JobPhase>,
}

impl DeviceInfo {
    pub fn new(device_id: impl Into<String>, status: DeviceStatus) -> Self {
        Self {
            device_id: Some(device_id.into()),
            status,
            status_details: None,
            condition: None,
            operation_mode: None,
            speed: None,
            production_counter: None,
            total_production_counter: None,
            counter_unit: None,
            idle_start_time: None,
            device: None,
            job_phases: Vec::new(),
        }
    }

    /// The device's ID, from here or from the `Device` inside, where older writers put it.
    pub fn id(&self) -> Option<&str> {
        let inner = || self.device.as_ref()?.device_id.as_deref();
        self.device_id.as_deref().or_else(inner)
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let device = element
            .child("Device")
            .map(|child| Device::read(child, findings));
        let job_phases = element
            .children_named("JobPhase")
            .map(|phase| JobPhase::read(phase, findings))
            .collect();
        let mut fields = Fields::of(element, findings);
        Self {
            device_id: fields.text("DeviceID"),
            status: DeviceStatus::from(fields.required("DeviceStatus").as_str()),
            status_details: fields.text("StatusDetails"),
            condition: fields.state("DeviceCondition"),
            operation_mode: fields.state("DeviceOperationMode"),
            speed: fields.decimal("Speed"),
            production_counter: fields.decimal("ProductionCounter"),
            total_production_counter: fields.decimal("TotalProductionCounter"),
            counter_unit: fields.text("CounterUnit"),
            idle_start_time: fields.time("IdleStartTime"),
            device,
            job_phases,
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("DeviceInfo")
            .with_some("DeviceID", self.device_id.as_ref())
            .with("DeviceStatus", &self.status)
            .with_some("StatusDetails", self.status_details.as_ref())
            .with_some("DeviceCondition", self.condition.as_ref())
            .with_some("DeviceOperationMode", self.operation_mode.as_ref())
            .with_some("Speed", self.speed)
            .with_some("ProductionCounter", self.production_counter)
            .with_some("TotalProductionCounter", self.total_production_counter)
            .with_some("CounterUnit", self.counter_unit.as_ref())
            .with_some("IdleStartTime", self.idle_start_time.map(write_date_time))
            .children(self.device.iter().map(Device::to_element))
            .children(self.job_phases.iter().map(JobPhase::to_element))
    }
}

/// How far a job is. `amount` counts from the start of the node and leaves waste out; `phase_amount`
/// and `phase_waste` count from the start of the phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPhase {
    pub status: NodeStatus,
    pub status_details: Option<String>,
    pub job_id: Option<String>,
    pub job_part_id: Option<String>,
    pub queue_entry_id: Option<String>,
    pub amount: Option<Decimal>,
    pub waste: Option<Decimal>,
    pub phase_amount: Option<Decimal>,
    pub phase_waste: Option<Decimal>,
    pub total_amount: Option<Decimal>,
    pub percent_completed: Option<Decimal>,
    pub speed: Option<Decimal>,
    pub start_time: Option<Timestamp>,
    pub phase_start_time: Option<Timestamp>,
}

impl JobPhase {
    pub fn new(status: NodeStatus) -> Self {
        Self {
            status,
            status_details: None,
            job_id: None,
            job_part_id: None,
            queue_entry_id: None,
            amount: None,
            waste: None,
            phase_amount: None,
            phase_waste: None,
            total_amount: None,
            percent_completed: None,
            speed: None,
            start_time: None,
            phase_start_time: None,
        }
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        Self {
            status: NodeStatus::from(fields.required("Status").as_str()),
            status_details: fields.text("StatusDetails"),
            job_id: fields.text("JobID"),
            job_part_id: fields.text("JobPartID"),
            queue_entry_id: fields.text("QueueEntryID"),
            amount: fields.decimal("Amount"),
            waste: fields.decimal("Waste"),
            phase_amount: fields.decimal("PhaseAmount"),
            phase_waste: fields.decimal("PhaseWaste"),
            total_amount: fields.decimal("TotalAmount"),
            percent_completed: fields.decimal("PercentCompleted"),
            speed: fields.decimal("Speed"),
            start_time: fields.time("StartTime"),
            phase_start_time: fields.time("PhaseStartTime"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("JobPhase")
            .with("Status", &self.status)
            .with_some("StatusDetails", self.status_details.as_ref())
            .with_some("JobID", self.job_id.as_ref())
            .with_some("JobPartID", self.job_part_id.as_ref())
            .with_some("QueueEntryID", self.queue_entry_id.as_ref())
            .with_some("Amount", self.amount)
            .with_some("Waste", self.waste)
            .with_some("PhaseAmount", self.phase_amount)
            .with_some("PhaseWaste", self.phase_waste)
            .with_some("TotalAmount", self.total_amount)
            .with_some("PercentCompleted", self.percent_completed)
            .with_some("Speed", self.speed)
            .with_some("StartTime", self.start_time.map(write_date_time))
            .with_some("PhaseStartTime", self.phase_start_time.map(write_date_time))
    }
}

/// The description of a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    pub device_id: Option<String>,
    pub descriptive_name: Option<String>,
    pub device_type: Option<String>,
    pub manufacturer: Option<String>,
    pub model_name: Option<String>,
    pub serial_number: Option<String>,
    pub jmf_sender_id: Option<String>,
    pub jmf_url: Option<String>,
    pub jdf_versions: Option<String>,
}

impl Device {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let fields = Fields::of(element, findings);
        Self {
            device_id: fields.text("DeviceID"),
            descriptive_name: fields.text("DescriptiveName"),
            device_type: fields.text("DeviceType"),
            manufacturer: fields.text("Manufacturer"),
            model_name: fields.text("ModelName"),
            serial_number: fields.text("SerialNumber"),
            jmf_sender_id: fields.text("JMFSenderID"),
            jmf_url: fields.text("JMFURL"),
            jdf_versions: fields.text("JDFVersions"),
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("Device")
            .with_some("DeviceID", self.device_id.as_ref())
            .with_some("DescriptiveName", self.descriptive_name.as_ref())
            .with_some("DeviceType", self.device_type.as_ref())
            .with_some("Manufacturer", self.manufacturer.as_ref())
            .with_some("ModelName", self.model_name.as_ref())
            .with_some("SerialNumber", self.serial_number.as_ref())
            .with_some("JMFSenderID", self.jmf_sender_id.as_ref())
            .with_some("JMFURL", self.jmf_url.as_ref())
            .with_some("JDFVersions", self.jdf_versions.as_ref())
    }
}
