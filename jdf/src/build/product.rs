//! The product side of a ticket: the customer, the due date, and what is wanted (intents).

use super::job::{JobDescription, JobKind, Product};
use super::media::media_type;
use super::step::StepKind;
use super::ticket::{link, number, parameter, reference, resource, shape};
use crate::element::Element;
use crate::value::write_date_time;

/// Resources with the links of the node that they belong to.
pub(super) type Linked = Vec<(Element, Element)>;

impl JobDescription {
    /// Customer and due date of the job.
    pub(super) fn job_info(&self) -> Linked {
        let customer = self.customer.as_ref().map(|customer| {
            let contact = customer
                .contact
                .as_ref()
                .map(|name| Element::new("Person").with("FamilyName", name));
            let contact = Element::new("Contact")
                .with("ContactTypes", "Customer")
                .child(Element::new("Company").with("OrganizationName", &customer.name))
                .children(contact);
            parameter("CustomerInfo", "r_CustomerInfo")
                .with_some("CustomerID", customer.id.as_ref())
                .with_some("CustomerOrderID", customer.order_number.as_ref())
                .with_some("CustomerJobName", self.name.as_ref())
                .child(contact)
        });
        let due = self
            .due
            .map(|due| parameter("NodeInfo", "r_NodeInfo").with("LastEnd", write_date_time(due)));
        let customer = customer.map(|info| (info, link("CustomerInfo", "Input", "r_CustomerInfo")));
        let due = due.map(|info| (info, link("NodeInfo", "Input", "r_NodeInfo")));
        customer.into_iter().chain(due).collect()
    }

    /// What is wanted of one product.
    pub(super) fn intents(&self, index: usize, product: &Product) -> Linked {
        let mut intents = Linked::new();
        let mut add = |name: &str, fill: &dyn Fn(Element) -> Element| {
            let id = format!("r_P{}_{name}", index + 1);
            let intent = resource(name, &id, "Intent", true);
            intents.push((fill(intent), link(name, "Input", &id)));
        };
        let two_sided = self.sheets.iter().any(|sheet| !sheet.back.is_empty());
        add("LayoutIntent", &|intent| {
            let pages = product
                .pages
                .map(|pages| span("Pages", "IntegerSpan", pages));
            intent
                .with(
                    "Sides",
                    if two_sided {
                        "TwoSidedHeadToHead"
                    } else {
                        "OneSided"
                    },
                )
                .child(span(
                    "FinishedDimensions",
                    "ShapeSpan",
                    shape(product.finished_size),
                ))
                .children(pages)
        });
        if product.artwork.is_some() {
            let artworks = self
                .products
                .iter()
                .filter(|product| product.artwork.is_some());
            let several = artworks.count() > 1;
            add("ArtDeliveryIntent", &|intent| {
                // The files of several products are the runs of one list, in order.
                let before = self.products.iter().take(index);
                let run = before.filter(|product| product.artwork.is_some()).count() + 1;
                let part = several.then(|| Element::new("Part").with("Run", format!("Run{run}")));
                let files = reference("RunList", "r_RunList").children(part);
                let delivery =
                    Element::new("ArtDelivery").with("ArtDeliveryType", "DigitalNetwork");
                intent.child(delivery.child(files))
            });
        }
        if let Some(sheet) = self.sheets.first() {
            add("MediaIntent", &|intent| {
                let media = &sheet.media;
                intent
                    .children(
                        media
                            .flute
                            .as_ref()
                            .map(|flute| span("Flute", "NameSpan", flute)),
                    )
                    .child(span(
                        "MediaType",
                        "EnumerationSpan",
                        media_type(media.kind).0,
                    ))
                    .child(span("StockBrand", "StringSpan", &media.name))
                    .children(
                        media
                            .thickness
                            .map(|value| span("Thickness", "NumberSpan", number(value))),
                    )
                    .children(
                        media
                            .grammage
                            .map(|value| span("Weight", "NumberSpan", number(value))),
                    )
            });
        }
        let colours = self.colours();
        if !colours.is_empty() {
            add("ColorIntent", &|intent| {
                let used = colours
                    .iter()
                    .map(|name| Element::new("SeparationSpec").with("Name", name));
                intent
                    .with("NumColors", colours.len())
                    .child(Element::new("ColorsUsed").children(used))
            });
        }
        let has = |kind| self.steps.iter().any(|step| step.kind == kind);
        if has(StepKind::DieCut) {
            add("ShapeCuttingIntent", &|intent| {
                let cut =
                    Element::new("ShapeCut").child(span("ShapeType", "EnumerationSpan", "Path"));
                intent.child(cut)
            });
        }
        if let Some(fold) = self.steps.iter().find_map(|step| step.fold.as_ref()) {
            add("FoldingIntent", &|intent| {
                intent.child(span("FoldingCatalog", "NameSpan", fold))
            });
        }
        if self.kind == JobKind::Brochure && has(StepKind::Stitch) {
            add("BindingIntent", &|intent| {
                intent.with("BindingOrder", "Collecting").child(span(
                    "BindingType",
                    "EnumerationSpan",
                    "SaddleStitch",
                ))
            });
        }
        if has(StepKind::Laminate) {
            add("LaminatingIntent", &|intent| {
                intent.child(span("Laminated", "OptionSpan", true))
            });
        }
        intents
    }
}

/// What was agreed.
fn span(name: &'static str, data_type: &str, actual: impl std::fmt::Display) -> Element {
    Element::new(name)
        .with("DataType", data_type)
        .with("Actual", actual)
}
