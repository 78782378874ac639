//! The smallest ticket: one press run, from a material to a printed component, for simulators and tests.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::JDF_VERSION;
use crate::amount::{Amounts, Lot, PartAmount};
use crate::element::Element;
use crate::name;
use crate::value::write_date_time;

/// A JDF 1.5 ticket for one run of a press.
///
/// ```
/// use agog_jdf::{Document, Limits, PrintTicket, Ticket, TicketMaterial};
/// let mut ticket = PrintTicket::new("J-1001", "P1", "press-3", "2025-03-01T08:00:00Z".parse().unwrap());
/// ticket.input = TicketMaterial::named("Board 300 g/m2").amount(15_000.into()).lot("LOT-2025-001");
/// ticket.output = TicketMaterial::named("Printed sheet").amount(14_500.into());
/// let document = Document::parse(&ticket.to_bytes(), &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let node = ticket.executable_nodes().unwrap()[0];
/// assert_eq!(node.output_amount(&ticket), Some(14_500.into()));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintTicket {
    /// The number of the job (`JobID`).
    pub job_id: String,
    /// The part of the job that this run is (`JobPartID`).
    pub job_part_id: String,
    /// What people call the run.
    pub description: Option<String>,
    /// The press (`DeviceID`).
    pub device_id: String,
    /// When the ticket was made.
    pub created: Timestamp,
    /// The program that makes it; `AGOG` if nothing else is set.
    pub agent_name: String,
    /// The version of that program.
    pub agent_version: Option<String>,
    /// The company that ordered.
    pub customer: Option<String>,
    /// The number of the customer's order.
    pub order: Option<String>,
    /// What is printed on.
    pub input: TicketMaterial,
    /// The input is paper or board; otherwise it is a component that an earlier process made.
    pub input_is_media: bool,
    /// What comes off the press.
    pub output: TicketMaterial,
}

/// What goes into a run or comes out of it.
///
/// ```
/// use agog_jdf::TicketMaterial;
/// let board = TicketMaterial::named("Board 300 g/m2").product("ART-300").amount(15_000.into()).lot("L-1").lot("L-2");
/// assert_eq!((board.product_id.as_deref(), board.lots.len()), (Some("ART-300"), 2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketMaterial {
    /// What people call it.
    pub name: String,
    /// The article number of the office.
    pub product_id: Option<String>,
    /// How much is planned, good pieces only: sheets of the input, sheets of the output.
    pub amount: Option<Decimal>,
    /// The lots that are to be used or made. A single lot takes the whole amount.
    pub lots: Vec<String>,
}

impl TicketMaterial {
    /// A material without an article number, amount or lot.
    ///
    /// ```
    /// assert_eq!(agog_jdf::TicketMaterial::named("Board").name, "Board");
    /// ```
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Says the article number.
    ///
    /// ```
    /// use agog_jdf::TicketMaterial;
    /// assert_eq!(TicketMaterial::named("Board").product("ART-300").product_id.as_deref(), Some("ART-300"));
    /// ```
    #[must_use]
    pub fn product(mut self, product_id: impl Into<String>) -> Self {
        self.product_id = Some(product_id.into());
        self
    }

    /// Says how much is planned.
    ///
    /// ```
    /// use agog_jdf::TicketMaterial;
    /// assert_eq!(TicketMaterial::named("Board").amount(15_000.into()).amount, Some(15_000.into()));
    /// ```
    #[must_use]
    pub fn amount(mut self, amount: Decimal) -> Self {
        self.amount = Some(amount);
        self
    }

    /// Adds a lot by its number.
    ///
    /// ```
    /// use agog_jdf::TicketMaterial;
    /// assert_eq!(TicketMaterial::named("Board").lot("L-1").lot("L-2").lots, ["L-1", "L-2"]);
    /// ```
    #[must_use]
    pub fn lot(mut self, number: impl Into<String>) -> Self {
        self.lots.push(number.into());
        self
    }

    /// The planned amount is one of good pieces. A single lot takes it whole; how several share it is
    /// known only when they were used.
    fn amounts(&self) -> Amounts {
        let each = self.amount.filter(|_| self.lots.len() == 1);
        let lots = self.lots.iter().map(|number| Lot {
            lot_id: number.clone(),
            amount: each,
            ..Lot::default()
        });
        let part = PartAmount {
            amount: self.amount,
            lots: lots.collect(),
            ..PartAmount::of_condition("Good")
        };
        Amounts {
            amount: self.amount,
            parts: vec![part],
            ..Amounts::default()
        }
    }

    fn describe(&self, element: Element) -> Element {
        element
            .with_some("ProductID", self.product_id.as_ref())
            .with("DescriptiveName", &self.name)
    }
}

impl PrintTicket {
    /// A ticket for one part of a job on one press, from paper to printed sheets; everything else can be set
    /// afterwards.
    ///
    /// ```
    /// use agog_jdf::PrintTicket;
    /// let mut ticket = PrintTicket::new("J-1001", "P1", "press-3", "2025-03-01T08:00:00Z".parse().unwrap());
    /// ticket.customer = Some("Honey & Co".to_owned());
    /// let xml = String::from_utf8(ticket.to_bytes()).unwrap();
    /// assert!(xml.contains(r#"OrganizationName="Honey &amp; Co""#) && xml.contains(r#"DeviceID="press-3""#));
    /// ```
    pub fn new(
        job_id: impl Into<String>,
        job_part_id: impl Into<String>,
        device_id: impl Into<String>,
        created: Timestamp,
    ) -> Self {
        Self {
            job_id: job_id.into(),
            job_part_id: job_part_id.into(),
            description: None,
            device_id: device_id.into(),
            created,
            agent_name: "AGOG".to_owned(),
            agent_version: None,
            customer: None,
            order: None,
            input: TicketMaterial::named("Sheets"),
            input_is_media: true,
            output: TicketMaterial::named("Printed sheets"),
        }
    }

    /// The ticket as a document in UTF-8. The same fields give the same bytes.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, PrintTicket, Ticket};
    /// let ticket = PrintTicket::new("J-1001", "P1", "press-3", "2025-03-01T08:00:00Z".parse().unwrap());
    /// let document = Document::from_vec(ticket.to_bytes(), &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// assert_eq!(ticket.node_by_part("P1").unwrap().device_id(&ticket), Some("press-3"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let root = Element::new("JDF")
            .with("xmlns", name::JDF)
            .with("xmlns:xsi", name::XSI)
            .with("xsi:type", "ConventionalPrinting")
            .with("ID", "n1")
            .with("Type", "ConventionalPrinting")
            .with("JobID", &self.job_id)
            .with("JobPartID", &self.job_part_id)
            .with_some("DescriptiveName", self.description.as_ref())
            .with("Status", "Waiting")
            .with("Activation", "Active")
            .with("Version", JDF_VERSION)
            .with("MaxVersion", JDF_VERSION);
        root.child(self.audits())
            .child(self.resources())
            .child(self.links())
            .to_document()
    }

    fn audits(&self) -> Element {
        let created = Element::new("Created")
            .with("TimeStamp", write_date_time(self.created))
            .with("AgentName", &self.agent_name)
            .with_some("AgentVersion", self.agent_version.as_ref());
        Element::new("AuditPool").child(created)
    }

    fn resources(&self) -> Element {
        let resource = |name: &'static str, id: &str, class: &str, status: &str| {
            Element::new(name)
                .with("ID", id)
                .with("Class", class)
                .with("Status", status)
        };
        let input = if self.input_is_media {
            resource("Media", "r_in", "Consumable", "Available")
                .with("MediaType", "Paper")
                .with("MediaUnit", "Sheet")
        } else {
            resource("Component", "r_in", "Quantity", "Available")
                .with("ComponentType", "Sheet PartialProduct")
        };
        let output = resource("Component", "r_out", "Quantity", "Unavailable")
            .with("ComponentType", "Sheet PartialProduct");
        let customer = resource("CustomerInfo", "r_customer", "Parameter", "Available")
            .with_some("CustomerOrderID", self.order.as_ref())
            .children(self.customer.iter().map(|name| {
                let contact = Element::new("Contact").with("ContactTypes", "Customer");
                contact.child(Element::new("Company").with("OrganizationName", name))
            }));
        Element::new("ResourcePool")
            .child(self.input.describe(input))
            .child(
                resource(
                    "ConventionalPrintingParams",
                    "r_params",
                    "Parameter",
                    "Available",
                )
                .with("PrintingType", "SheetFed"),
            )
            .child(
                resource("Device", "r_device", "Implementation", "Available")
                    .with("DeviceID", &self.device_id),
            )
            .children(self.has_customer().then_some(customer))
            .child(self.output.describe(output))
    }

    fn links(&self) -> Element {
        let link = |name: &str, usage: &str, rref: &str| {
            Element::new(format!("{name}Link"))
                .with("Usage", usage)
                .with("rRef", rref)
        };
        let input = if self.input_is_media {
            "Media"
        } else {
            "Component"
        };
        Element::new("ResourceLinkPool")
            .child(self.input.amounts().write(link(input, "Input", "r_in")))
            .child(link("ConventionalPrintingParams", "Input", "r_params"))
            .child(link("Device", "Input", "r_device"))
            .children(
                self.has_customer()
                    .then(|| link("CustomerInfo", "Input", "r_customer")),
            )
            .child(
                self.output
                    .amounts()
                    .write(link("Component", "Output", "r_out")),
            )
    }

    fn has_customer(&self) -> bool {
        self.customer.is_some() || self.order.is_some()
    }
}
