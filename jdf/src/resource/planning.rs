//! When, for whom and why: the planning of a node (`NodeInfo`) and the customer behind a job (`CustomerInfo`, with
//! contacts, companies, addresses and ways to reach them).
//!
//! Since JDF 1.3 both are resources that a node links to; before, they stood in the node itself. The ways to them
//! are [`JdfNode::node_info`](crate::JdfNode::node_info) and
//! [`JdfNode::customer_info`](crate::JdfNode::customer_info).

use jiff::{SignedDuration, Timestamp};

use super::device::{Employee, NewEmployee, NewPerson, Person};
use super::value::enumerations;
use super::view::resources;
use crate::state::{CostType, DeviceOperationMode, NodeStatus, WorkType};

enumerations! {
    /// What happens if the node is late.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::DueLevel::from("Penalty").as_str(), "Penalty");
    /// ```
    DueLevel { Unknown, Trivial, Penalty, JobCancelled }

    /// The kind of a way to reach someone.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ChannelType::from("Pigeon").as_str(), "Pigeon");
    /// ```
    ChannelType { ComputerName, Email, Fax, InstantMessaging, JMF, Mobile, Phone, PrivateDirectory, WWW }
}

resources! {
    /// The planning of a node (JDF 1.5, `NodeInfo`). It may be partitioned, with a status for each part.
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewNodeInfo};
    /// let info = NewNodeInfo { common: Common::id("ni"), job_priority: Some(80), ..Default::default() };
    /// assert!(info.to_element().to_xml().contains(r#"Class="Parameter" Status="Available" JobPriority="80""#));
    /// ```
    NodeInfo, NewNodeInfo, "NodeInfo", class "Parameter" {
        /// When it is planned to begin.
        start: Timestamp = "Start",
        /// When it is planned to end.
        end: Timestamp = "End",
        /// Before this it may not begin.
        first_start: Timestamp = "FirstStart",
        /// By then it must have begun.
        last_start: Timestamp = "LastStart",
        /// Before this it may not end.
        first_end: Timestamp = "FirstEnd",
        /// By then it must have ended: when it is due.
        last_end: Timestamp = "LastEnd",
        /// What happens if it is late.
        due_level: DueLevel = "DueLevel",
        /// 0 to 100, where 100 is the most urgent; 50 if it is not said.
        job_priority: i64 = "JobPriority",
        /// How long making ready takes.
        setup_duration: SignedDuration = "SetupDuration",
        /// How long cleaning up takes.
        cleanup_duration: SignedDuration = "CleanupDuration",
        /// How long all of it takes.
        total_duration: SignedDuration = "TotalDuration",
        /// Where the node, or this part of it, stands, if the status of the node is `Part` (from JDF 1.3).
        node_status: NodeStatus = "NodeStatus",
        /// The same in the maker's words.
        node_status_details: String = "NodeStatusDetails",
        /// Whether this node is where spawned ones are merged.
        merge_target: bool = "MergeTarget",
        /// Where the ticket goes when the node is done.
        target_route: String = "TargetRoute",
        /// Where the ticket goes to be run.
        route: String = "Route",
        /// The number of the step in the office's system (from JDF 1.4).
        work_step_id: String = "WorkStepID",
        /// The language of the people who read it.
        natural_lang: String = "NaturalLang",
    }
    + elements {
        /// Who pays for it.
        mis_details: MISDetails, NewMISDetails,
    }
    + resources {
        /// Who is responsible.
        employees: Employee, NewEmployee,
    }

    /// Who pays for work and why it was done (JDF 1.5, `MISDetails`).
    ///
    /// ```
    /// use agog_jdf::CostType;
    /// use agog_jdf::resource::NewMISDetails;
    /// let details = NewMISDetails { cost_type: Some(CostType::NonChargeable), ..Default::default() };
    /// assert_eq!(details.to_inside().to_xml(), r#"<MISDetails CostType="NonChargeable"/>"#);
    /// ```
    MISDetails, NewMISDetails, "MISDetails" {
        /// Whether the customer pays.
        cost_type: CostType = "CostType",
        /// Whether the device earns money.
        device_operation_mode: DeviceOperationMode = "DeviceOperationMode",
        /// Whether it is planned, changed or done again.
        work_type: WorkType = "WorkType",
        /// The reason.
        work_type_details: String = "WorkTypeDetails",
    }

    /// Who ordered a job, and under which numbers (JDF 1.5, `CustomerInfo`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewCustomerInfo};
    /// let info = NewCustomerInfo { common: Common::id("ci"), customer_order_id: Some("PO-77".into()), ..Default::default() };
    /// assert!(info.to_element().to_xml().contains("PO-77"));
    /// ```
    CustomerInfo, NewCustomerInfo, "CustomerInfo", class "Parameter" {
        /// The customer's number in the office's system.
        customer_id: String = "CustomerID",
        /// The order's number in the customer's system.
        customer_order_id: String = "CustomerOrderID",
        /// What the customer calls the job.
        customer_job_name: String = "CustomerJobName",
        /// The customer's project.
        customer_project_id: String = "CustomerProjectID",
        /// What it is charged to.
        billing_code: String = "BillingCode",
    }
    + resources {
        /// The customer's company (until JDF 1.1; later it is in a contact).
        companies: Company, NewCompany,
        /// The people to talk to.
        contacts: Contact, NewContact,
    }

    /// Someone to talk to, or a place to send something (JDF 1.5, `Contact`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewContact};
    /// let contact = NewContact { common: Common::id("c"), contact_types: Some(vec!["Billing".into()]), ..Default::default() };
    /// assert!(contact.to_element().to_xml().contains(r#"ContactTypes="Billing""#));
    /// ```
    Contact, NewContact, "Contact", class "Parameter" {
        /// What it is for: `Customer`, `Billing`, `Delivery`, `Approver` and others.
        contact_types: Vec<String> = "ContactTypes" or "Customer",
        /// The same in words.
        contact_type_details: String = "ContactTypeDetails",
        /// The name in the office's system.
        user_id: String = "UserID",
    }
    + resources {
        /// The company.
        companies: Company, NewCompany,
        /// The person.
        persons: Person, NewPerson,
        /// Where.
        addresses: Address, NewAddress,
        /// How to reach it.
        com_channels: ComChannel, NewComChannel,
    }

    /// A company (JDF 1.5, `Company`).
    ///
    /// ```
    /// use agog_jdf::resource::NewCompany;
    /// let company = NewCompany { organization_name: Some("Bright Foods".into()), ..Default::default() };
    /// assert_eq!(company.to_inside().to_xml(), r#"<Company OrganizationName="Bright Foods"/>"#);
    /// ```
    Company, NewCompany, "Company", class "Parameter" {
        /// Its name.
        organization_name: String = "OrganizationName" or "Unknown",
    }
    + resources {
        /// The people to talk to.
        contacts: Contact, NewContact,
    }

    /// A postal address (JDF 1.5, `Address`).
    ///
    /// ```
    /// use agog_jdf::resource::NewAddress;
    /// let address = NewAddress { city: Some("Basel".into()), country_code: Some("CH".into()), ..Default::default() };
    /// assert_eq!(address.to_inside().to_xml(), r#"<Address City="Basel" CountryCode="CH"/>"#);
    /// ```
    Address, NewAddress, "Address", class "Parameter" {
        /// The street with its number.
        street: String = "Street",
        /// The post-office box.
        post_box: String = "PostBox",
        /// The postal code.
        postal_code: String = "PostalCode",
        /// The city.
        city: String = "City",
        /// The state or province.
        region: String = "Region",
        /// The country's name.
        country: String = "Country",
        /// The country's two letters.
        country_code: String = "CountryCode",
    }

    /// A way to reach someone (JDF 1.5, `ComChannel`).
    ///
    /// ```
    /// use agog_jdf::resource::{ChannelType, NewComChannel};
    /// let mail = NewComChannel { channel_type: Some(ChannelType::Email), locator: Some("mailto:a@b.ch".into()), ..Default::default() };
    /// assert_eq!(mail.to_inside().to_xml(), r#"<ComChannel ChannelType="Email" Locator="mailto:a@b.ch"/>"#);
    /// ```
    ComChannel, NewComChannel, "ComChannel", class "Parameter" {
        /// What kind of way.
        channel_type: ChannelType = "ChannelType" or "Phone",
        /// The same in words.
        channel_type_details: String = "ChannelTypeDetails",
        /// When to use it, such as `Business` or `Private`.
        channel_usage: Vec<String> = "ChannelUsage",
        /// The number or address.
        locator: String = "Locator" or "unknown",
    }
}

impl NodeInfo<'_> {
    /// When the node is due: the last moment at which it may end, or else its planned end.
    pub fn due(self) -> Option<Timestamp> {
        self.last_end().or_else(|| self.end())
    }

    /// The priority from 0 to 100; 50 if it is not said.
    pub fn priority(self) -> i64 {
        const USUAL: i64 = 50;
        self.job_priority().unwrap_or(USUAL)
    }
}
