//! What a device consumes and makes, as Resource messages tell: cumulative amounts, lots, levels.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::amount::{Amounts, keys_element, read_keys};
use crate::element::Element;
use crate::finding::Finding;
use crate::state::{ResourceStatus, Usage};
use crate::value::Fields;
use crate::view::ElementRef;

/// One resource of a job or of a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceInfo {
    pub resource_name: Option<String>,
    pub resource_id: Option<String>,
    pub descriptive_name: Option<String>,
    pub product_id: Option<String>,
    pub process_usage: Option<String>,
    pub usage: Option<Usage>,
    pub status: Option<ResourceStatus>,
    pub location: Option<String>,
    /// `Empty`, `Low` or `OK`.
    pub level: Option<String>,
    pub unit: Option<String>,
    pub lot_controlled: Option<bool>,
    pub available_amount: Option<Decimal>,
    pub amounts: Amounts,
    pub parts: Vec<BTreeMap<String, String>>,
}

impl ResourceInfo {
    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let amounts = Amounts::read(element, findings);
        let parts = element.children_named("Part").map(read_keys).collect();
        let mut fields = Fields::of(element, findings);
        Self {
            resource_name: fields.text("ResourceName"),
            resource_id: fields.text("ResourceID"),
            descriptive_name: fields.text("DescriptiveName"),
            product_id: fields.text("ProductID"),
            process_usage: fields.text("ProcessUsage"),
            usage: fields.state("Usage"),
            status: fields.state("Status"),
            location: fields.text("Location"),
            level: fields.text("Level"),
            unit: fields.text("Unit"),
            lot_controlled: fields.boolean("LotControlled"),
            available_amount: fields.decimal("AvailableAmount"),
            amounts,
            parts,
        }
    }

    pub(crate) fn to_element(&self) -> Element {
        let element = Element::new("ResourceInfo")
            .with_some("ResourceName", self.resource_name.as_ref())
            .with_some("ResourceID", self.resource_id.as_ref())
            .with_some("DescriptiveName", self.descriptive_name.as_ref())
            .with_some("ProductID", self.product_id.as_ref())
            .with_some("ProcessUsage", self.process_usage.as_ref())
            .with_some("Usage", self.usage.as_ref())
            .with_some("Status", self.status.as_ref())
            .with_some("Location", self.location.as_ref())
            .with_some("Level", self.level.as_ref())
            .with_some("Unit", self.unit.as_ref())
            .with_some("LotControlled", self.lot_controlled)
            .with_some("AvailableAmount", self.available_amount);
        let parts = self.parts.iter();
        let parts = parts.map(keys_element);
        self.amounts.write(element).children(parts)
    }
}
