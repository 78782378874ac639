//! Resource links: which resource a process uses or makes, how much of it, in which role.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::amount::{Amounts, Lot, PartAmount, read_keys};
use crate::document::{Document, NodeId};
use crate::element::Element;
use crate::error::Error;
use crate::finding::Finding;
use crate::node::{JdfNode, Ticket};
use crate::resource::Resource;
use crate::state::Usage;
use crate::value::{parse_decimal, tokens};
use crate::view::ElementRef;

/// One link, in a node's pool or in an audit.
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

    pub fn element(self) -> ElementRef<'d> {
        self.element
    }

    pub fn node_id(self) -> NodeId {
        self.element.id()
    }

    /// The kind of resource that is linked, such as `Media` for a `MediaLink`.
    pub fn resource_name(self) -> &'d str {
        let name = self.element.local_name();
        name.strip_suffix("Link").unwrap_or(name)
    }

    /// The ID of the resource.
    pub fn rref(self) -> &'d str {
        self.element.attribute("rRef").unwrap_or_default()
    }

    pub fn usage(self) -> Option<Usage> {
        self.element
            .attribute("Usage")
            .map(|text| text.trim().into())
    }

    /// The role among several of a kind, such as `Plate` or `Cover`.
    pub fn process_usage(self) -> Option<&'d str> {
        self.element.attribute("ProcessUsage")
    }

    /// Which processes of a combined node the link belongs to.
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
    pub fn parts(self) -> Vec<BTreeMap<String, String>> {
        self.element.children_named("Part").map(read_keys).collect()
    }

    pub fn amounts(self, findings: &mut Vec<Finding>) -> Amounts {
        Amounts::read(self.element, findings)
    }

    /// The resource, down to the partition that the link names if it names one.
    pub fn resource(self, ticket: &Ticket<'d>) -> Option<Resource<'d>> {
        let resource = ticket.resource(self.rref())?;
        match self.parts().as_slice() {
            [keys] => Some(resource.partition(keys)),
            _ => Some(resource),
        }
    }

    /// How much is planned: what the link says, else the resource's own amount.
    pub fn planned_amount(self, ticket: &Ticket<'d>) -> Option<Decimal> {
        let planned = self.amounts(&mut Vec::new()).planned();
        planned.or_else(|| parse_decimal(self.resource(ticket)?.attribute("Amount")?))
    }
}

impl<'d> JdfNode<'d> {
    /// The link of what is printed on or worked on: the sheets, rolls or components, not plates or inks.
    pub fn main_input(self, ticket: &Ticket<'d>) -> Option<ResourceLink<'d>> {
        let substrates: Vec<_> = self
            .inputs()
            .filter(|link| is_substrate(*link, ticket))
            .collect();
        let with_amount = substrates
            .iter()
            .find(|link| link.planned_amount(ticket).is_some());
        with_amount.or(substrates.first()).copied()
    }

    /// The link of what is made.
    pub fn main_output(self, ticket: &Ticket<'d>) -> Option<ResourceLink<'d>> {
        let outputs: Vec<_> = self
            .outputs()
            .filter(|link| !is_waste(*link, ticket))
            .collect();
        let component = outputs
            .iter()
            .find(|link| link.resource_name() == "Component");
        component.or(outputs.first()).copied()
    }

    pub fn input_amount(self, ticket: &Ticket<'d>) -> Option<Decimal> {
        self.main_input(ticket)?.planned_amount(ticket)
    }

    pub fn output_amount(self, ticket: &Ticket<'d>) -> Option<Decimal> {
        self.main_output(ticket)?.planned_amount(ticket)
    }

    /// The device that the ticket names for this node.
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
            == Some("true")
}

/// Writes what was really used or made to a link: the part amount of each condition gets its
/// `ActualAmount` and lots, everything else of the link stays.
pub fn set_actual_amounts(
    document: &mut Document,
    link: NodeId,
    actual: &[PartAmount],
) -> Result<(), Error> {
    for part in actual {
        let (pool, existing, keys) = {
            let Some(element) = document.element(link) else {
                continue;
            };
            let pool = element.child("AmountPool");
            let amounts = pool
                .into_iter()
                .flat_map(|pool| pool.children_named("PartAmount"));
            let same = |amount: &ElementRef<'_>| {
                amount
                    .child("Part")
                    .and_then(|part| part.attribute("Condition"))
                    == part.condition()
            };
            let mut keys = element.child("Part").map(read_keys).unwrap_or_default();
            keys.extend(part.part.clone());
            (
                pool.map(ElementRef::id),
                amounts.into_iter().find(same).map(ElementRef::id),
                keys,
            )
        };
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
