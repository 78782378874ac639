//! Resource messages: what a device consumes and makes (cumulative amounts, lots, levels), and how a
//! controller changes, schedules and orders resources.

use rust_decimal::Decimal;

use super::parameters::parameters;
use super::people::{CostCenter, MisDetails};
use super::submission::Disposition;
use crate::amount::Amounts;
use crate::amount::PartKeys;
use crate::resource::Ranges;
use crate::state::{
    Activation, CommandResult, LotDetails, RepeatPolicy, ResourceContext, ResourceDetails,
    ResourceLevel, ResourceOrientation, ResourceScope, ResourceStatus, UpdateMethod, Usage,
};

parameters! {
    /// What a Resource query wants to know (JDF 1.5, Resource).
    ResourceQuParams "ResourceQuParams" {
        /// Only of these classes, such as `Consumable` or `Quantity`.
        classes: Vec<String> = "Classes",
        /// Whether the resources themselves are wanted, and not only what is said about them.
        exact: bool = "Exact",
        /// Those of the job, or all that the device has.
        context: Option<ResourceContext> = "Context",
        /// Only of this job.
        job_id: Option<String> = "JobID",
        /// Only of this part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// Only of this queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
        /// Only at this place.
        location: Option<String> = "Location",
        /// How much about lots.
        lot_details: Option<LotDetails> = "LotDetails",
        /// Only of this lot.
        lot_id: Option<String> = "LotID",
        /// Only in this role.
        process_usage: Option<String> = "ProcessUsage",
        /// Only this article.
        product_id: Option<String> = "ProductID",
        /// How much about resources.
        resource_details: Option<ResourceDetails> = "ResourceDetails",
        /// Only the resource with this ID.
        resource_id: Option<String> = "ResourceID",
        /// Only resources of these kinds, such as `Media`.
        resource_names: Vec<String> = "ResourceName",
        /// What there is now, or what can ever be used.
        scope: Option<ResourceScope> = "Scope",
        /// Only what goes this way.
        usage: Option<Usage> = "Usage",
    }
    + children {
        /// Only of these parts.
        parts: Vec<PartKeys> = "Part",
    }

    /// One resource of a job or of a device (JDF 1.5, Resource).
    ResourceInfo "ResourceInfo" {
        /// The kind of resource, such as `Media`.
        resource_name: Option<String> = "ResourceName",
        /// Its ID in the ticket.
        resource_id: Option<String> = "ResourceID",
        /// What a person calls it.
        descriptive_name: Option<String> = "DescriptiveName",
        /// The article number of the office.
        product_id: Option<String> = "ProductID",
        /// Its role in the process.
        process_usage: Option<String> = "ProcessUsage",
        /// Which way it goes.
        usage: Option<Usage> = "Usage",
        /// Whether it can be used.
        status: Option<ResourceStatus> = "Status",
        /// What there is now, or what can ever be used.
        scope: Option<ResourceScope> = "Scope",
        /// The device that has it.
        device_id: Option<String> = "DeviceID",
        /// The module that has it.
        module_id: Option<String> = "ModuleID",
        /// The places of the modules that have it, from 0.
        module_index: Option<Ranges> = "ModuleIndex",
        /// Where it is.
        location: Option<String> = "Location",
        /// Which way it lies.
        orientation: Option<ResourceOrientation> = "Orientation",
        /// How much is left.
        level: Option<ResourceLevel> = "Level",
        /// What the amounts count.
        unit: Option<String> = "Unit",
        /// Whether its lots are recorded.
        lot_controlled: Option<bool> = "LotControlled",
        /// How much there is.
        available_amount: Option<Decimal> = "AvailableAmount",
        /// What the command did that this answers.
        command_result: Option<CommandResult> = "CommandResult",
    }
    + children {
        /// How much was planned, used and made, good and waste, of which lots. Cumulative.
        amounts: Amounts = "AmountPool",
        /// What it is charged to.
        cost_center: Option<CostCenter> = "CostCenter",
        /// For costing.
        mis_details: Option<MisDetails> = "MISDetails",
        /// Which parts of the resource.
        parts: Vec<PartKeys> = "Part",
    }
    + rest {
        /// The resource itself (the query is `Exact`), extensions.
        content = "Media",
    }

    /// How a resource of a device or job is changed (JDF 1.5, Resource command).
    ResourceCmdParams "ResourceCmdParams" {
        /// What happens to the resource that is there: replaced, changed, taken away.
        update_method: Option<UpdateMethod> = "UpdateMethod",
        /// Whether it is done or only tested.
        activation: Option<Activation> = "Activation",
        /// Whether the answer is to hold the resource itself.
        exact: bool = "Exact",
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
        /// The kind of resource, such as `NodeInfo`.
        resource_name: Option<String> = "ResourceName",
        /// Its ID in the ticket.
        resource_id: Option<String> = "ResourceID",
        /// The article.
        product_id: Option<String> = "ProductID",
        /// Its role in the process.
        process_usage: Option<String> = "ProcessUsage",
        /// Which way it goes.
        usage: Option<Usage> = "Usage",
        /// Its new status.
        status: Option<ResourceStatus> = "Status",
        /// The new amount to produce.
        production_amount: Option<Decimal> = "ProductionAmount",
        /// The updates to take over from the ticket.
        update_ids: Vec<String> = "UpdateIDs",
    }
    + children {
        /// For costing.
        mis_details: Option<MisDetails> = "MISDetails",
        /// Which parts of the resource.
        parts: Vec<PartKeys> = "Part",
    }
    + rest {
        /// The resource as it is to be, extensions.
        content = "NodeInfo",
    }

    /// How much is to be made (again) of a resource (JDF 1.5, `ResourcePull`).
    ResourcePullParams "ResourcePullParams" {
        /// The resource.
        resource_id: String = "ResourceID",
        /// How much.
        amount: Option<Decimal> = "Amount",
        /// The job.
        job_id: Option<String> = "JobID",
        /// The entry that made it before.
        queue_entry_id: Option<String> = "QueueEntryID",
        /// How it is made again.
        repeat_policy: Option<RepeatPolicy> = "RepeatPolicy",
        /// Whether the new entry is held until it is resumed.
        hold: bool = "Hold",
        /// 0 to 100, higher is sooner.
        priority: Option<i64> = "Priority",
        /// The entry before the new one.
        prev_queue_entry_id: Option<String> = "PrevQueueEntryID",
        /// The entry after the new one.
        next_queue_entry_id: Option<String> = "NextQueueEntryID",
        /// Where the ticket goes when it is made.
        return_url: Option<String> = "ReturnURL",
        /// Where signals go.
        watch_url: Option<String> = "WatchURL",
    }
    + children {
        /// How long the files are kept.
        disposition: Option<Disposition> = "Disposition",
        /// For costing.
        mis_details: Option<MisDetails> = "MISDetails",
        /// Which parts of the resource.
        parts: Vec<PartKeys> = "Part",
    }
}
