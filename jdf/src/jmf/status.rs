//! Status: what a device does and how far the job on it is, the heart of what a plant asks its machines.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::device::Device;
use super::parameters::parameters;
use super::people::{Activity, CostCenter, Employee, MisDetails};
use crate::amount::PartKeys;
use crate::fragment::Fragment;
use crate::resource::Ranges;
use crate::state::{
    Activation, DeadLine, DeviceCondition, DeviceDetails, DeviceOperationMode, DeviceStatus,
    JobDetails, NodeStatus,
};

parameters! {
    /// What a Status query wants to know (JDF 1.5, Status).
    StatusQuParams "StatusQuParams" {
        /// How much about the device.
        device_details: Option<DeviceDetails> = "DeviceDetails",
        /// How much about the job.
        job_details: Option<JobDetails> = "JobDetails",
        /// Whether the queue is wanted too.
        queue_info: bool = "QueueInfo",
        /// Whether the people are wanted too.
        employee_info: bool = "EmployeeInfo",
        /// Only of this job.
        job_id: Option<String> = "JobID",
        /// Only of this part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Only of this queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
    }
    + children {
        /// Only of these parts.
        parts: Vec<PartKeys> = "Part",
    }

    /// The state of a device, with the job phases that run on it (JDF 1.5, Status).
    DeviceInfo "DeviceInfo" {
        /// The device; older writers put it into the `Device` inside, see [`id`](Self::id).
        device_id: Option<String> = "DeviceID",
        /// What it does.
        status: DeviceStatus = "DeviceStatus",
        /// What it does in detail, such as `WashUp`.
        status_details: Option<String> = "StatusDetails",
        /// How well it does.
        condition: Option<DeviceCondition> = "DeviceCondition",
        /// Whether it earns money.
        operation_mode: Option<DeviceOperationMode> = "DeviceOperationMode",
        /// Per hour, in the device's counter unit.
        speed: Option<Decimal> = "Speed",
        /// Since power on or reset.
        production_counter: Option<Decimal> = "ProductionCounter",
        /// Over the life of the device.
        total_production_counter: Option<Decimal> = "TotalProductionCounter",
        /// What the counters count; sheets or copies if nothing is said.
        counter_unit: Option<String> = "CounterUnit",
        /// How long it has worked in its life.
        hour_counter: Option<SignedDuration> = "HourCounter",
        /// When it was switched on.
        power_on_time: Option<Timestamp> = "PowerOnTime",
        /// Since when it has nothing to do.
        idle_start_time: Option<Timestamp> = "IdleStartTime",
    }
    + children {
        /// What is done besides the job.
        activities: Vec<Activity> = "Activity",
        /// What it is.
        device: Option<Device> = "Device",
        /// Who works at it.
        employees: Vec<Employee> = "Employee",
        /// The jobs on it.
        job_phases: Vec<JobPhase> = "JobPhase",
        /// What its modules do.
        module_statuses: Vec<ModuleStatus> = "ModuleStatus",
    }
    + rest {
        /// Everything else: comments, extensions.
        content = "Comment",
    }

    /// How far a job is (JDF 1.5, Status). `amount` counts from the start of the node and leaves waste out;
    /// `phase_amount` and `phase_waste` count from the start of the phase.
    JobPhase "JobPhase" {
        /// What is done.
        status: NodeStatus = "Status",
        /// What is done in detail, such as `MakeReady`.
        status_details: Option<String> = "StatusDetails",
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The entry of the device's queue.
        queue_entry_id: Option<String> = "QueueEntryID",
        /// The spawned ticket that the device works on.
        spawn_id: Option<String> = "SpawnID",
        /// Whether the node is run or only tested.
        activation: Option<Activation> = "Activation",
        /// Good, since the node began.
        amount: Option<Decimal> = "Amount",
        /// Waste, since the node began.
        waste: Option<Decimal> = "Waste",
        /// Good, since the phase began.
        phase_amount: Option<Decimal> = "PhaseAmount",
        /// Waste, since the phase began.
        phase_waste: Option<Decimal> = "PhaseWaste",
        /// How much is to be made.
        total_amount: Option<Decimal> = "TotalAmount",
        /// 0 to 100.
        percent_completed: Option<Decimal> = "PercentCompleted",
        /// Per hour.
        speed: Option<Decimal> = "Speed",
        /// When the node began.
        start_time: Option<Timestamp> = "StartTime",
        /// When the phase began.
        phase_start_time: Option<Timestamp> = "PhaseStartTime",
        /// How long it will still take.
        rest_time: Option<SignedDuration> = "RestTime",
        /// Whether it will be ready in time.
        dead_line: Option<DeadLine> = "DeadLine",
        /// Where the ticket is.
        url: Option<String> = "URL",
    }
    + children {
        /// What is done besides the job.
        activities: Vec<Activity> = "Activity",
        /// What it is charged to.
        cost_center: Option<CostCenter> = "CostCenter",
        /// For costing.
        mis_details: Option<MisDetails> = "MISDetails",
        /// What the modules do for it.
        module_statuses: Vec<ModuleStatus> = "ModuleStatus",
        /// Which parts of the node are worked on, each with all its keys.
        parts: Vec<PartKeys> = "Part",
        /// The ticket itself (`JobDetails` is `Full`).
        tickets: Vec<Fragment> = "JDF",
    }
    + rest {
        /// Everything else: previews, comments, extensions.
        content = "Preview",
    }

    /// What one module of a device does, such as a printing unit (JDF 1.5, Status).
    ModuleStatus "ModuleStatus" {
        /// What the module is, such as `PrintModule`.
        module_type: String = "ModuleType",
        /// What it does.
        status: DeviceStatus = "DeviceStatus",
        /// What it does in detail.
        status_details: Option<String> = "StatusDetails",
        /// Its name, unique in the machine.
        module_id: Option<String> = "ModuleID",
        /// Its places in the machine, from 0.
        module_index: Option<Ranges> = "ModuleIndex",
        /// Which processes of a combined node it runs.
        combined_process_index: Vec<i64> = "CombinedProcessIndex",
    }
    + children {
        /// Who works at it.
        employees: Vec<Employee> = "Employee",
    }
}

impl DeviceInfo {
    /// A device in a state.
    pub fn new(device_id: impl Into<String>, status: DeviceStatus) -> Self {
        Self {
            device_id: Some(device_id.into()),
            status,
            ..Self::default()
        }
    }

    /// The device's ID, from here or from the `Device` inside, where older writers put it.
    pub fn id(&self) -> Option<&str> {
        let inner = || self.device.as_ref()?.device_id.as_deref();
        self.device_id.as_deref().or_else(inner)
    }
}

impl JobPhase {
    /// A phase of a kind.
    pub fn new(status: NodeStatus) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}
