//! Resource links: which resource a process uses or makes, how much of it, in which role.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::amount::{Amounts, Lot, PartAmount, read_keys};
use crate::document::{Document, NodeId};
use crate::element::Element;
use crate::error::{Error, ErrorKind, Position};
use crate::finding::Finding;
use crate::node::{JdfNode, Ticket};
use crate::resource::Resource;
use crate::state::Usage;
use crate::value::{parse_boolean, parse_decimal, tokens};
use crate::view::ElementRef;

/// One link (JDF 1.5, `ResourceLink`), in a node's pool or in an audit: which resource is meant, in which role,
/// and how much of it.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket, Usage};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="ConventionalPrinting">
///   <ResourcePool><Media ID="m" Class="Consumable" Amount="1100"/></ResourcePool>
///   <ResourceLinkPool><MediaLink rRef="m" Usage="Input" ProcessUsage="Cover"/></ResourceLinkPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let ticket = Ticket::of(&document)?;
/// let link = ticket.root().links().next().unwrap();
/// assert_eq!((link.resource_name(), link.rref(), link.usage()), ("Media", "m", Some(Usage::Input)));
/// assert_eq!(link.process_usage(), Some("Cover"));
/// assert_eq!(link.planned_amount(&ticket), Some(1_100.into()));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLink<'d> {
    element: ElementRef<'d>,
}

impl<'d> ResourceLink<'d> {
    /// `None` if the element is no link: links end in `Link` and name a resource.
    pub(crate) fn of(element: ElementRef<'d>) -> Option<Self> {
        let is_link = element.local_name().ends_with("Link") && element.attribute("rRef").is_some();
        is_link.then_some(Self { element })
    }

    /// The element seen.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool><MediaLink rRef="m" v:Tray="2" xmlns:v="urn:vendor"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let link = Ticket::of(&document)?.root().links().next().unwrap();
    /// assert_eq!(link.element().attribute_in("urn:vendor", "Tray"), Some("2"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn element(self) -> ElementRef<'d> {
        self.element
    }

    /// The place in the document, for edits.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool><MediaLink rRef="m" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let link = Ticket::of(&document)?.root().links().next().unwrap();
    /// assert_eq!(document.element(link.node_id()), Some(link.element()));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn node_id(self) -> NodeId {
        self.element.id()
    }

    /// The kind of resource that is linked, such as `Media` for a `MediaLink`.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool><ConventionalPrintingParamsLink rRef="p" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let link = Ticket::of(&document)?.root().links().next().unwrap();
    /// assert_eq!(link.resource_name(), "ConventionalPrintingParams");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn resource_name(self) -> &'d str {
        let name = self.element.local_name();
        name.strip_suffix("Link").unwrap_or(name)
    }

    /// The ID of the resource (`rRef`); whether there is such a resource is [`ResourceLink::resource`]'s to say.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool><MediaLink rRef="m1" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let link = Ticket::of(&document)?.root().links().next().unwrap();
    /// assert_eq!(link.rref(), "m1");
    /// assert!(link.resource(&Ticket::of(&document)?).is_none(), "it leads nowhere");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn rref(self) -> &'d str {
        self.element.attribute("rRef").unwrap_or_default()
    }

    /// Whether the resource goes in or comes out; `None` if the link does not say, as links in audits may.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool><ComponentLink rRef="c" Usage="Output"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let link = Ticket::of(&document)?.root().links().next().unwrap();
    /// assert_eq!(link.usage(), Some(agog_jdf::Usage::Output));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn usage(self) -> Option<Usage> {
        self.element
            .attribute("Usage")
            .map(|text| text.trim().into())
    }

    /// The role among several of a kind, such as `Plate` or `Cover`.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool><MediaLink rRef="m" Usage="Input" ProcessUsage="Cover"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let link = Ticket::of(&document)?.root().links().next().unwrap();
    /// assert_eq!(link.process_usage(), Some("Cover"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn process_usage(self) -> Option<&'d str> {
        self.element.attribute("ProcessUsage")
    }

    /// Which processes of a combined node the link belongs to.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Combined" Types="ConventionalPrinting Varnishing Cutting">
    ///   <ResourceLinkPool><InkLink rRef="i" Usage="Input" CombinedProcessIndex="0 1"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let node = Ticket::of(&document)?.root();
    /// let indexes = node.links().next().unwrap().combined_process_index();
    /// let processes: Vec<_> = indexes.iter().map(|index| node.types()[*index]).collect();
    /// assert_eq!(processes, ["ConventionalPrinting", "Varnishing"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn combined_process_index(self) -> Vec<usize> {
        let text = self
            .element
            .attribute("CombinedProcessIndex")
            .unwrap_or_default();
        tokens(text)
            .filter_map(|index| index.parse().ok())
            .collect()
    }

    /// The partitions that are meant; empty for the whole resource.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool>
    ///   <ExposedMediaLink rRef="p" Usage="Input"><Part SheetName="S1" Side="Front"/></ExposedMediaLink></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let parts = Ticket::of(&document)?.root().links().next().unwrap().parts();
    /// assert_eq!((parts.len(), parts[0]["Side"].as_str()), (1, "Front"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn parts(self) -> Vec<BTreeMap<String, String>> {
        self.element.children_named("Part").map(read_keys).collect()
    }

    /// The amounts of the link with its lots and parts; what cannot be read is added to the findings.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourceLinkPool>
    ///   <MediaLink rRef="m" Usage="Input" Amount="1000" ActualAmount="about 1000"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let mut findings = Vec::new();
    /// let amounts = Ticket::of(&document)?.root().links().next().unwrap().amounts(&mut findings);
    /// assert_eq!((amounts.amount, amounts.actual_amount), (Some(1_000.into()), None));
    /// assert_eq!(findings[0].code, "value-unreadable");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn amounts(self, findings: &mut Vec<Finding>) -> Amounts {
        Amounts::read(self.element, findings)
    }

    /// The resource, down to the partition that the link names if it names exactly one; `None` if the ticket has no
    /// such resource.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1">
    ///   <ResourcePool><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1" Weight="90"/><Media SheetName="S2" Weight="300"/></Media></ResourcePool>
    ///   <ResourceLinkPool><MediaLink rRef="m" Usage="Input"><Part SheetName="S2"/></MediaLink></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// let cover = ticket.root().links().next().unwrap().resource(&ticket).unwrap();
    /// assert_eq!(cover.attribute("Weight"), Some("300"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn resource(self, ticket: &Ticket<'d>) -> Option<Resource<'d>> {
        let resource = ticket.resource(self.rref())?;
        match self.parts().as_slice() {
            [keys] => Some(resource.partition(keys)),
            _ => Some(resource),
        }
    }

    /// How much is planned: what the link says, else the resource's own amount.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Media ID="m" Amount="900"/></ResourcePool><ResourceLinkPool><MediaLink rRef="m" Usage="Input" Amount="500"/><MediaLink rRef="m" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// let planned: Vec<_> = ticket.root().links().map(|link| link.planned_amount(&ticket)).collect();
    /// assert_eq!(planned, [Some(500.into()), Some(900.into())]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn planned_amount(self, ticket: &Ticket<'d>) -> Option<Decimal> {
        let planned = self.amounts(&mut Vec::new()).planned();
        planned.or_else(|| parse_decimal(self.resource(ticket)?.attribute("Amount")?))
    }
}

impl<'d> JdfNode<'d> {
    /// The link of what is printed on or worked on: the sheets, rolls or components, not plates or inks.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="ConventionalPrinting">
    ///   <ResourcePool><Media ID="m" MediaType="Paper" Amount="500"/><Media ID="p" MediaType="Plate" Amount="4"/></ResourcePool>
    ///   <ResourceLinkPool><MediaLink rRef="p" Usage="Input"/><MediaLink rRef="m" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// assert_eq!(ticket.root().main_input(&ticket).unwrap().rref(), "m");
    /// assert_eq!(ticket.root().input_amount(&ticket), Some(500.into()));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn main_input(self, ticket: &Ticket<'d>) -> Option<ResourceLink<'d>> {
        let substrates = || self.inputs().filter(|link| is_substrate(*link, ticket));
        let with_amount = substrates().find(|link| link.planned_amount(ticket).is_some());
        with_amount.or_else(|| substrates().next())
    }

    /// The link of what is made: the first component that is not waste, else the first output.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Cutting"><ResourceLinkPool>
    ///   <ComponentLink rRef="rest" Usage="Output" ProcessUsage="Waste"/><ComponentLink rRef="blank" Usage="Output" Amount="480"/>
    /// </ResourceLinkPool><ResourcePool><Component ID="rest"/><Component ID="blank"/></ResourcePool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// assert_eq!(ticket.root().main_output(&ticket).unwrap().rref(), "blank");
    /// assert_eq!(ticket.root().output_amount(&ticket), Some(480.into()));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn main_output(self, ticket: &Ticket<'d>) -> Option<ResourceLink<'d>> {
        let is_good = |link: &ResourceLink<'_>| !is_waste(*link, ticket);
        let mut components = self
            .outputs()
            .filter(|link| link.resource_name() == "Component");
        components
            .find(is_good)
            .or_else(|| self.outputs().find(is_good))
    }

    /// How much of the main input is planned, in its unit.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Media ID="m" Amount="900"/></ResourcePool><ResourceLinkPool><MediaLink rRef="m" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// assert_eq!(ticket.root().input_amount(&ticket), Some(900.into()));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn input_amount(self, ticket: &Ticket<'d>) -> Option<Decimal> {
        self.main_input(ticket)?.planned_amount(ticket)
    }

    /// How much of the main output is planned, in its unit.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Component ID="c"/></ResourcePool><ResourceLinkPool><ComponentLink rRef="c" Usage="Output" Amount="450"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// assert_eq!(ticket.root().output_amount(&ticket), Some(450.into()));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn output_amount(self, ticket: &Ticket<'d>) -> Option<Decimal> {
        self.main_output(ticket)?.planned_amount(ticket)
    }

    /// The device that the ticket names for this node (JDF 1.5, `Device`), as its `DeviceID`.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Device ID="d" DeviceID="press-3"/></ResourcePool><ResourceLinkPool><DeviceLink rRef="d" Usage="Input"/></ResourceLinkPool></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let ticket = Ticket::of(&document)?;
    /// assert_eq!(ticket.root().device_id(&ticket), Some("press-3"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn device_id(self, ticket: &Ticket<'d>) -> Option<&'d str> {
        let device = self
            .inputs()
            .find(|link| link.resource_name() == "Device")?
            .resource(ticket)?;
        device
            .leaves()
            .into_iter()
            .chain([device])
            .find_map(|leaf| leaf.attribute("DeviceID"))
    }
}

fn is_substrate(link: ResourceLink<'_>, ticket: &Ticket<'_>) -> bool {
    let is_tool = link
        .process_usage()
        .is_some_and(|usage| matches!(usage, "Plate" | "Proof" | "Cylinder" | "Sleeve"));
    match link.resource_name() {
        "Component" => !is_tool,
        "Media" => {
            let kind = link
                .resource(ticket)
                .and_then(|resource| resource.attribute("MediaType"));
            !is_tool
                && !matches!(
                    kind,
                    Some(
                        "Plate"
                            | "Film"
                            | "Sleeve"
                            | "EmbossingFoil"
                            | "MountingTape"
                            | "Blanket"
                            | "Screen"
                    )
                )
        }
        _ => false,
    }
}

fn is_waste(link: ResourceLink<'_>, ticket: &Ticket<'_>) -> bool {
    link.process_usage() == Some("Waste")
        || link
            .resource(ticket)
            .and_then(|resource| resource.attribute("IsWaste"))
            .and_then(parse_boolean)
            == Some(true)
}

/// Writes what was really used or made to a link: the part amount of the same part gets its `ActualAmount` and
/// lots, everything else of the link stays. The part amount is the one with just these keys, else the only one
/// that has them among others; where several could be meant, or none, a new one is added.
///
/// # Errors
/// As [`Document::append_child`] and [`Document::set_attribute`]; [`ErrorKind::NotAnElement`] if the link is not in
/// the document.
///
/// ```
/// use agog_jdf::{Document, Limits, PartAmount, set_actual_amounts};
/// let source = br#"<MediaLink xmlns="http://www.CIP4.org/JDFSchema_1_1" rRef="m"><AmountPool><PartAmount Amount="1000"><Part Condition="Good"/></PartAmount></AmountPool></MediaLink>"#;
/// let mut document = Document::parse(source, &Limits::default())?;
/// let actual = [PartAmount::of_condition("Good").with_actual(980.into())];
/// let link = document.root().id();
/// set_actual_amounts(&mut document, link, &actual)?;
/// let written = String::from_utf8(document.to_bytes()).unwrap();
/// assert!(written.contains(r#"<PartAmount Amount="1000" ActualAmount="980"><Part Condition="Good"/>"#));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub fn set_actual_amounts(
    document: &mut Document,
    link: NodeId,
    actual: &[PartAmount],
) -> Result<(), Error> {
    for part in actual {
        let Some(element) = document.element(link) else {
            return Err(Error {
                kind: ErrorKind::NotAnElement,
                position: Position::default(),
            });
        };
        let own = element.child("Part").map(read_keys).unwrap_or_default();
        let mut keys = own.clone();
        keys.extend(part.part.clone());
        let pool = element.child("AmountPool").map(ElementRef::id);
        let existing = same_part(element, &own, &keys).map(ElementRef::id);
        let part = PartAmount {
            part: keys,
            ..part.clone()
        };
        let pool = match pool {
            Some(pool) => pool,
            None => document.append_child(link, &Element::new("AmountPool"))?,
        };
        let Some(existing) = existing else {
            document.append_child(pool, &part.to_element())?;
            continue;
        };
        if let Some(amount) = part.actual_amount {
            document.set_attribute(existing, "ActualAmount", &amount.to_string())?;
        }
        for lot in &part.lots {
            set_actual_lot(document, existing, &part, lot)?;
        }
    }
    Ok(())
}

/// The part amount of a link that these keys mean; what the link says of its part goes for all of them.
fn same_part<'d>(
    link: ElementRef<'d>,
    own: &BTreeMap<String, String>,
    keys: &BTreeMap<String, String>,
) -> Option<ElementRef<'d>> {
    let amounts = link
        .children_named("AmountPool")
        .flat_map(|pool| pool.children_named("PartAmount"));
    let mut candidates: Vec<(ElementRef<'d>, usize)> = amounts
        .filter_map(|amount| {
            let mut found = own.clone();
            found.extend(amount.child("Part").map(read_keys).unwrap_or_default());
            let has_all = keys
                .iter()
                .all(|(name, value)| found.get(name) == Some(value));
            has_all.then_some((amount, found.len()))
        })
        .collect();
    if let Some((amount, _)) = candidates.iter().find(|(_, count)| *count == keys.len()) {
        return Some(*amount);
    }
    let only = candidates.pop()?;
    candidates.is_empty().then_some(only.0)
}

/// A lot that the plan named gets its actual amount; another one is added, with the part that the schema
/// wants after it.
pub(crate) fn set_actual_lot(
    document: &mut Document,
    amount: NodeId,
    part: &PartAmount,
    lot: &Lot,
) -> Result<(), Error> {
    let planned = document.element(amount).and_then(|amount| {
        let mut lots = amount.children_named("Lot");
        lots.find(|planned| planned.attribute("LotID") == Some(lot.lot_id.as_str()))
            .map(ElementRef::id)
    });
    match (planned, lot.actual_amount) {
        (Some(planned), Some(actual)) => {
            document.set_attribute(planned, "ActualAmount", &actual.to_string())
        }
        (Some(_), None) => Ok(()),
        (None, _) => {
            document.append_child(amount, &lot.to_element())?;
            document.append_child(amount, &part.part_element())?;
            Ok(())
        }
    }
}
