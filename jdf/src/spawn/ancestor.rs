//! Where a spawned ticket comes from: the nodes around the one that was given away (JDF 1.5, `AncestorPool`).

use crate::amount::PartKeys;
use crate::document::Document;
use crate::element::Element;
use crate::error::Error;
use crate::node::JdfNode;
use crate::resource::{NewCompany, NewCustomerInfo};
use crate::view::ElementRef;

/// Tells a new ticket of the nodes around the one that it is, the root first, and of the parts that it is about.
pub(super) fn add(
    ticket: &mut Document,
    node: JdfNode<'_>,
    parts: &[PartKeys],
) -> Result<(), Error> {
    let root = ticket.root().id();
    // A ticket that was itself spawned has the ancestors of its own way here.
    let before = node.element().document().root().child("AncestorPool");
    let existing = ticket.root().child("AncestorPool").map(ElementRef::id);
    ticket.remove_with_layout(existing.as_slice())?;
    let first = ticket.root().children().next().map(ElementRef::id);
    let pool = Element::new("AncestorPool");
    let pool = match first {
        Some(first) => ticket.insert_before(first, &pool)?,
        None => ticket.append_child(root, &pool)?,
    };
    for ancestor in ancestors(before) {
        let target = ticket.element(pool);
        let xml = ancestor.to_portable_xml(target);
        ticket.append_xml(pool, &xml)?;
    }
    let mut around: Vec<JdfNode<'_>> = node.with_ancestors().collect();
    if parts.is_empty() {
        // Of a node that was given away in parts, the rest is an ancestor too.
        around.remove(0);
    }
    for around in around.into_iter().rev() {
        let element = ticket.append_child(pool, &ancestor(around))?;
        for own in told_inside(around) {
            let xml = own.to_portable_xml(ticket.element(element));
            ticket.append_xml(element, &xml)?;
        }
        if let Some(customer) = pooled_customer(around) {
            ticket.append_child(element, &customer)?;
        }
    }
    let earlier = before
        .into_iter()
        .flat_map(|pool| pool.children_named("Part"));
    let earlier: Vec<PartKeys> = earlier.map(crate::amount::read_keys).collect();
    let parts = if parts.is_empty() { &earlier } else { parts };
    for part in parts {
        ticket.append_child(pool, &crate::amount::keys_element(part))?;
    }
    Ok(())
}

/// What of the nodes around is written into the new ticket as it is, and may refer to resources.
pub(super) fn copied(node: JdfNode<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    let before = node.element().document().root().child("AncestorPool");
    let around = node.with_ancestors().skip(1);
    ancestors(before).chain(around.flat_map(told_inside))
}

fn ancestors(pool: Option<ElementRef<'_>>) -> impl Iterator<Item = ElementRef<'_>> {
    pool.into_iter()
        .flat_map(|pool| pool.children_named("Ancestor"))
}

/// The customer and the planning of a node in the form of older tickets, directly in it.
fn told_inside(node: JdfNode<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    ["CustomerInfo", "NodeInfo"]
        .into_iter()
        .filter_map(move |name| node.element().child(name))
}

/// What the new ticket says of a node around it (JDF 1.5, Ancestor).
fn ancestor(node: JdfNode<'_>) -> Element {
    const COPIED: [&str; 18] = [
        "Activation",
        "DescriptiveName",
        "ICSVersions",
        "JobID",
        "JobPartID",
        "MaxVersion",
        "ProjectID",
        "RelatedJobID",
        "RelatedJobPartID",
        "SpawnID",
        "Status",
        "StatusDetails",
        "Template",
        "TemplateID",
        "TemplateVersion",
        "Type",
        "Types",
        "Version",
    ];
    let id = node.id().unwrap_or_default();
    COPIED.iter().fold(
        Element::new("Ancestor").with("NodeID", id),
        |ancestor, name| ancestor.with_some(*name, node.element().attribute(name)),
    )
}

/// The customer, where it is a resource of the ancestor: an ancestor has it as a plain element. The numbers, the name
/// and the company are what people look for.
fn pooled_customer(node: JdfNode<'_>) -> Option<Element> {
    let pool = node.element().child("ResourcePool")?;
    pool.child("CustomerInfo")?;
    let customer = node.customer()?;
    let text = |text: Option<&str>| text.map(str::to_owned);
    let company = customer.company.map(|name| NewCompany {
        organization_name: Some(name.to_owned()),
        ..NewCompany::default()
    });
    let info = NewCustomerInfo {
        customer_id: text(customer.customer_id),
        customer_order_id: text(customer.order_id),
        customer_job_name: text(customer.job_name),
        companies: company.into_iter().collect(),
        ..NewCustomerInfo::default()
    };
    Some(info.to_inside())
}
