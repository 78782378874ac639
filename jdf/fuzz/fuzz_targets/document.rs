//! The reader: what it takes, it writes back byte for byte; an edited document reads as it was left.
#![no_main]

use agog_jdf::{Document, Element, Limits, Ticket};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut document) = Document::parse(bytes, &Limits::default()) else {
        return;
    };
    assert_eq!(document.to_bytes(), bytes);
    let elements: Vec<_> = std::iter::once(document.root()).chain(document.root().descendants()).map(|element| {
        let _ = (element.text(), element.namespace(), element.position());
        element.attributes().for_each(|attribute| assert_eq!(element.attribute(attribute.name), Some(attribute.value)));
        element.id()
    }).collect();
    if let Ok(ticket) = Ticket::of(&document) {
        let _ = ticket.executable_nodes();
        for node in ticket.nodes() {
            for link in node.links() {
                let _ = link.resource(&ticket).map(|resource| (resource.leaves_with_keys(), resource.effective_attributes()));
            }
        }
    }
    // Some edits, chosen by the input itself.
    for (byte, id) in bytes.iter().zip(elements.iter().cycle().skip(bytes.len() % 7)).take(8) {
        let _ = match byte % 5 {
            0 => document.set_attribute(*id, "Fuzz", "<&\"'\t>"),
            1 => document.append_child(*id, &Element::new("Fuzz").text("]]>")).map(|_| ()),
            2 => document.remove(*id),
            3 => document.insert_before(*id, &Element::new("Fuzz")).map(|_| ()),
            _ => document.set_text(*id, "fuzz & more"),
        };
    }
    let written = document.to_bytes();
    let limits = Limits { depth: 300, elements: usize::MAX, ..Limits::default() };
    let again = Document::parse(&written, &limits).expect("what was written can be read");
    let seen = |document: &Document| -> Vec<String> {
        std::iter::once(document.root()).chain(document.root().descendants()).map(|element| {
            let attributes: Vec<_> = element.attributes().map(|attribute| (attribute.name.to_owned(), attribute.value.to_owned())).collect();
            format!("{} {attributes:?}", element.name())
        }).collect()
    };
    // A code page can lack a character of its own source only as a reference, which is read the same.
    assert_eq!(seen(&again), seen(&document));
});
