//! What a device is: its description, and the filter that chooses among devices.

use super::parameters::parameters;
use super::people::CostCenter;
use crate::state::DeviceDetails;

parameters! {
    /// The description of a device (JDF 1.5, `Device`). Capabilities and modules are kept as they are; the
    /// typed views of [`resource`](crate::resource) look into them.
    Device "Device" {
        /// The name by which messages call it.
        device_id: Option<String> = "DeviceID",
        /// What a person calls it.
        descriptive_name: Option<String> = "DescriptiveName",
        /// The short name for people.
        friendly_name: Option<String> = "FriendlyName",
        /// What it is, in the maker's words.
        device_type: Option<String> = "DeviceType",
        /// The family it belongs to.
        device_family: Option<String> = "DeviceFamily",
        /// What it is, by the names of the specification.
        device_class: Vec<String> = "DeviceClass",
        /// Who made it.
        manufacturer: Option<String> = "Manufacturer",
        /// The maker's site.
        manufacturer_url: Option<String> = "ManufacturerURL",
        /// The model.
        model_name: Option<String> = "ModelName",
        /// The model's number.
        model_number: Option<String> = "ModelNumber",
        /// What the model is.
        model_description: Option<String> = "ModelDescription",
        /// The model's site.
        model_url: Option<String> = "ModelURL",
        /// The number of this one.
        serial_number: Option<String> = "SerialNumber",
        /// The product code.
        upc: Option<String> = "UPC",
        /// The interoperability specifications that it keeps, such as `MISCPS_L1-1.5`.
        ics_versions: Vec<String> = "ICSVersions",
        /// The versions of JDF that it reads, separated by spaces.
        jdf_versions: Option<String> = "JDFVersions",
        /// The languages that it can show.
        known_localizations: Option<String> = "KnownLocalizations",
        /// The sender ID of its messages.
        jmf_sender_id: Option<String> = "JMFSenderID",
        /// Where it takes messages.
        jmf_url: Option<String> = "JMFURL",
        /// Where it takes messages over https.
        secure_jmf_url: Option<String> = "SecureJMFURL",
        /// The hot folder where it takes tickets.
        jdf_input_url: Option<String> = "JDFInputURL",
        /// The folder where it leaves finished tickets.
        jdf_output_url: Option<String> = "JDFOutputURL",
        /// The folder where it leaves tickets that failed.
        jdf_error_url: Option<String> = "JDFErrorURL",
        /// The page that shows it to people.
        presentation_url: Option<String> = "PresentationURL",
        /// Where its files are.
        directory: Option<String> = "Directory",
    }
    + children {
        /// What its cost is charged to.
        cost_center: Option<CostCenter> = "CostCenter",
    }
    + rest {
        /// Everything else: capabilities (`DeviceCap`), modules (`Module`), icons, extensions.
        content = "DeviceCap Module",
    }

    /// Which devices are meant, and how much is to be said about them (JDF 1.5, `KnownDevices`).
    DeviceFilter "DeviceFilter" {
        /// How much is to be said.
        device_details: Option<DeviceDetails> = "DeviceDetails",
        /// The languages in which capabilities are to be described, or `All`.
        localization: Option<String> = "Localization",
    }
    + children {
        /// The devices meant: those that agree with what one of these says. Every device if there is none.
        devices: Vec<Device> = "Device",
    }
}

impl DeviceFilter {
    /// A filter that means every device and asks for this much about each.
    ///
    /// ```
    /// use agog_jdf::{DeviceDetails, jmf::DeviceFilter};
    /// let filter = DeviceFilter::details(DeviceDetails::Brief);
    /// assert_eq!(filter.to_element().to_xml(), r#"<DeviceFilter DeviceDetails="Brief"/>"#);
    /// ```
    pub fn details(details: DeviceDetails) -> Self {
        Self {
            device_details: Some(details),
            ..Self::default()
        }
    }

    /// Whether a device is meant: by its ID, and its type, class or model where the filter names them.
    pub fn matches(&self, device: &Device) -> bool {
        self.devices.is_empty() || self.devices.iter().any(|wanted| agrees(wanted, device))
    }
}

/// Whether a device has everything that another one names.
fn agrees(wanted: &Device, device: &Device) -> bool {
    let same = |field: fn(&Device) -> &Option<String>| {
        field(wanted).is_none() || field(wanted) == field(device)
    };
    let fields: [fn(&Device) -> &Option<String>; 8] = [
        |device| &device.device_id,
        |device| &device.device_type,
        |device| &device.device_family,
        |device| &device.manufacturer,
        |device| &device.model_name,
        |device| &device.model_number,
        |device| &device.serial_number,
        |device| &device.jmf_sender_id,
    ];
    let has_class = |class| device.device_class.contains(class);
    fields.into_iter().all(same) && wanted.device_class.iter().all(has_class)
}
