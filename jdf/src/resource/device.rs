//! Who and what does the work: devices with their modules, and employees.

use super::capability::{DeviceCap, NewDeviceCap};
use super::planning::{Address, ComChannel, NewAddress, NewComChannel};
use super::value::enumerations;
use super::view::resources;

enumerations! {
    /// The versions of JDF that a device reads.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::KnownVersion::from("1.4"), agog_jdf::resource::KnownVersion::V1_4);
    /// ```
    KnownVersion { V1_0 = "1.0", V1_1 = "1.1", V1_2 = "1.2", V1_3 = "1.3", V1_4 = "1.4", V1_5 = "1.5" }
}

resources! {
    /// A press, a machine, a work station (JDF 1.5, `Device`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewDevice};
    /// let press = NewDevice { common: Common::id("d"), device_id: Some("press-3".into()), ..Default::default() };
    /// assert!(press.to_element().to_xml().contains(r#"Class="Implementation""#));
    /// ```
    Device, NewDevice, "Device", class "Implementation" {
        /// The name by which messages call it.
        device_id: String = "DeviceID",
        /// The name for people.
        friendly_name: String = "FriendlyName",
        /// What it is, in the maker's words.
        device_type: String = "DeviceType",
        /// The family it belongs to.
        device_family: String = "DeviceFamily",
        /// What it is, by the names of the specification.
        device_class: Vec<String> = "DeviceClass",
        /// Who made it.
        manufacturer: String = "Manufacturer",
        /// The maker's site.
        manufacturer_url: String = "ManufacturerURL",
        /// The model.
        model_name: String = "ModelName",
        /// The model's number.
        model_number: String = "ModelNumber",
        /// What the model is.
        model_description: String = "ModelDescription",
        /// The model's site.
        model_url: String = "ModelURL",
        /// The number of this one.
        serial_number: String = "SerialNumber",
        /// The version of each interoperability specification that it keeps, such as `MISCPS_L1-1.5`.
        ics_versions: Vec<String> = "ICSVersions",
        /// The versions of JDF that it reads.
        jdf_versions: Vec<KnownVersion> = "JDFVersions",
        /// The sender ID of its messages.
        jmf_sender_id: String = "JMFSenderID",
        /// Where it takes messages.
        jmf_url: String = "JMFURL",
        /// Where it takes messages over https.
        secure_jmf_url: String = "SecureJMFURL",
        /// The hot folder where it takes tickets.
        jdf_input_url: String = "JDFInputURL",
        /// The folder where it leaves finished tickets.
        jdf_output_url: String = "JDFOutputURL",
        /// The folder where it leaves tickets that failed.
        jdf_error_url: String = "JDFErrorURL",
        /// The page that shows it to people.
        presentation_url: String = "PresentationURL",
        /// Where its files are.
        directory: String = "Directory",
    }
    + elements {
        /// Its modules: printing units, coaters, feeders.
        modules: Module, NewModule,
        /// What it can do.
        device_caps: DeviceCap, NewDeviceCap,
    }

    /// A unit of a machine: a printing unit, a coater, a feeder (JDF 1.5, `Module`).
    ///
    /// ```
    /// use agog_jdf::resource::NewModule;
    /// let unit = NewModule { module_id: Some("PU1".into()), module_index: Some(0), ..Default::default() };
    /// assert_eq!(unit.to_element().to_xml(), r#"<Module ModuleID="PU1" ModuleIndex="0"/>"#);
    /// ```
    Module, NewModule, "Module" {
        /// Its name, unique in the machine.
        module_id: String = "ModuleID",
        /// Its place in the machine, from 0.
        module_index: i64 = "ModuleIndex",
        /// Its place in the module around it, from 0.
        sub_module_index: i64 = "SubModuleIndex",
        /// What it is, such as `PrintModule`.
        module_type: String = "ModuleType",
        /// What it is, in the maker's words.
        device_type: String = "DeviceType",
        /// Who made it.
        manufacturer: String = "Manufacturer",
        /// The model.
        model_name: String = "ModelName",
        /// The model's number.
        model_number: String = "ModelNumber",
        /// The number of this one.
        serial_number: String = "SerialNumber",
    }
    + elements {
        /// The modules inside it.
        modules: Module, NewModule,
    }

    /// A person who works (JDF 1.5, `Employee`).
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewEmployee};
    /// let operator = NewEmployee { common: Common::id("e"), personal_id: Some("E-17".into()), ..Default::default() };
    /// assert!(operator.to_element().to_xml().contains("E-17"));
    /// ```
    Employee, NewEmployee, "Employee", class "Implementation" {
        /// The number of the person.
        personal_id: String = "PersonalID",
        /// What the person does, such as `Operator`.
        roles: Vec<String> = "Roles",
        /// The shift.
        shift: String = "Shift",
    }
    + elements {
        /// Name and address.
        persons: Person, NewPerson,
    }

    /// A person: name, and where to find it (JDF 1.5, `Person`).
    ///
    /// ```
    /// use agog_jdf::resource::NewPerson;
    /// let person = NewPerson { family_name: Some("Lovelace".into()), ..Default::default() };
    /// assert_eq!(person.to_inside().to_xml(), r#"<Person FamilyName="Lovelace"/>"#);
    /// ```
    Person, NewPerson, "Person", class "Parameter" {
        /// The family name.
        family_name: String = "FamilyName",
        /// The first name.
        first_name: String = "FirstName",
        /// Titles before the name.
        name_prefix: String = "NamePrefix",
        /// Titles after the name.
        name_suffix: String = "NameSuffix",
        /// What the person is in the company.
        job_title: String = "JobTitle",
        /// Further names.
        additional_names: String = "AdditionalNames",
        /// The languages that the person speaks, the best first.
        languages: Vec<String> = "Languages",
    }
    + resources {
        /// Where the person is.
        addresses: Address, NewAddress,
        /// How to reach the person.
        com_channels: ComChannel, NewComChannel,
    }
}
