//! Who works, what it is charged to, and why: what status, notifications and audits say about people and cost.

use jiff::Timestamp;

use super::parameters::parameters;
use crate::state::{CostType, DeviceOperationMode, WorkType};

parameters! {
    /// A person who works at a device (JDF 1.5, `Employee`).
    Employee "Employee" {
        /// The number of the person.
        personal_id: Option<String> = "PersonalID",
        /// The number of the person in the office.
        product_id: Option<String> = "ProductID",
        /// What a person calls the person.
        descriptive_name: Option<String> = "DescriptiveName",
        /// What the person does, such as `Operator`.
        roles: Vec<String> = "Roles",
        /// The shift.
        shift: Option<String> = "Shift",
    }
    + children {
        /// What the work is charged to.
        cost_center: Option<CostCenter> = "CostCenter",
        /// The name.
        person: Option<Person> = "Person",
    }
    + rest {
        /// Everything else, such as comments and extensions.
        content = "Comment",
    }

    /// The name of a person (JDF 1.5, `Person`).
    Person "Person" {
        /// The family name.
        family_name: Option<String> = "FamilyName",
        /// The first name.
        first_name: Option<String> = "FirstName",
        /// Further names.
        additional_names: Option<String> = "AdditionalNames",
        /// Titles before the name.
        name_prefix: Option<String> = "NamePrefix",
        /// Titles after the name.
        name_suffix: Option<String> = "NameSuffix",
        /// What the person is in the company.
        job_title: Option<String> = "JobTitle",
    }
    + rest {
        /// Everything else: addresses, telephone numbers (`ComChannel`), extensions.
        content = "ComChannel",
    }

    /// What cost is charged to (JDF 1.5, `CostCenter`).
    CostCenter "CostCenter" {
        /// Its number.
        cost_center_id: String = "CostCenterID",
        /// Its name.
        name: Option<String> = "Name",
    }

    /// What the office wants to know for costing (JDF 1.5, `MISDetails`).
    MisDetails "MISDetails" {
        /// Whether the customer pays.
        cost_type: Option<CostType> = "CostType",
        /// Whether the device earns money.
        device_operation_mode: Option<DeviceOperationMode> = "DeviceOperationMode",
        /// Why the work is done.
        work_type: Option<WorkType> = "WorkType",
        /// Why in detail, such as `CustomerRequest`.
        work_type_details: Option<String> = "WorkTypeDetails",
    }

    /// Something that is being done besides the job, such as changing a shift (JDF 1.5, `Activity`).
    Activity "Activity" {
        /// Its number in the plant.
        activity_id: Option<String> = "ActivityID",
        /// Its name.
        activity_name: Option<String> = "ActivityName",
        /// The number of the person who does it.
        personal_id: Option<String> = "PersonalID",
        /// When it began.
        start_time: Option<Timestamp> = "StartTime",
    }
}
