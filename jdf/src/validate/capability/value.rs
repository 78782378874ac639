//! Where the value stands that a state describes: an attribute, a span of an intent, the text of an element.

use super::subject::Subject;
use crate::name;
use crate::resource::State;
use crate::view::ElementRef;

/// A value that a state is about, and where it stands.
pub(super) struct Value<'d> {
    pub(super) text: String,
    pub(super) at: ElementRef<'d>,
    pub(super) attribute: Option<String>,
}

/// The value of the attribute, span or text that a state describes.
pub(super) fn value_of<'d>(state: State<'_>, subject: &Subject<'d>) -> Option<Value<'d>> {
    let Some(name) = state.name() else {
        let at = subject.element();
        let text = at.text().trim().to_owned();
        return (!text.is_empty()).then_some(Value {
            text,
            at,
            attribute: None,
        });
    };
    let of = |(text, at): (&'d str, ElementRef<'d>), attribute: &str| Value {
        text: text.to_owned(),
        at,
        attribute: Some(attribute.to_owned()),
    };
    if state.is_span() {
        let span = subject
            .children()
            .into_iter()
            .find(|child| child.is_jdf(name))?;
        return ["Actual", "Preferred"]
            .into_iter()
            .find_map(|side| Some(of((span.attribute(side)?, span), side)));
    }
    let foreign = state
        .element()
        .attribute("DevNS")
        .filter(|uri| !name::is_jdf_namespace(uri));
    if let Some(uri) = foreign {
        return subject.elements().find_map(|element| {
            let found = element.attributes().find(|attribute| {
                let (prefix, local) = name::split(attribute.name);
                local == name && prefix.is_some() && element.resolve(prefix) == Some(uri)
            })?;
            Some(of((found.value, element), found.name))
        });
    }
    subject.attribute(name).map(|found| of(found, name))
}

/// Whether an element is in the namespace that a description says.
pub(super) fn is_in_namespace(said: Option<&str>, element: ElementRef<'_>) -> bool {
    match said {
        Some(uri) if !name::is_jdf_namespace(uri) => element.namespace() == Some(uri),
        _ => element.is_of_jdf(),
    }
}
