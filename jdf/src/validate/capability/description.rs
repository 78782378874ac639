//! A description of capabilities, indexed: what has an ID, which modules are there, and how to name a part of it to a
//! person.

use std::collections::HashMap;

use super::Scope;
use crate::resource::{Availability, DevCap, DevCaps, Value as _, View as _};
use crate::validate::shown;
use crate::value::{parse_boolean, parse_integer, tokens};
use crate::view::ElementRef;

/// A `DeviceCap`, or a `MessageService`, which holds the same.
pub(super) struct Description<'c> {
    pub(super) element: ElementRef<'c>,
    ids: HashMap<&'c str, ElementRef<'c>>,
}

/// How many elements a description takes at most.
pub(super) enum Most {
    Unsaid,
    Unbounded,
    Number(usize),
}

/// Why something cannot be used.
pub(super) struct Hindrance {
    pub(super) why: String,
    /// It only has to be enabled.
    pub(super) is_only_now: bool,
}

/// How many there may be.
pub(super) struct Occurs {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

impl<'c> Description<'c> {
    pub(super) fn of(element: ElementRef<'c>) -> Self {
        let mut ids = HashMap::new();
        for inside in element.descendants() {
            if let Some(id) = inside.attribute("ID") {
                ids.entry(id).or_insert(inside);
            }
        }
        Self { element, ids }
    }

    pub(super) fn by_id(&self, id: &str) -> Option<ElementRef<'c>> {
        self.ids.get(id.trim()).copied()
    }

    /// What is said of resources, links and elements.
    pub(super) fn dev_caps(&self) -> impl Iterator<Item = DevCaps<'c>> {
        crate::resource::own(self.element)
    }

    /// The alternatives of a `DevCaps`: its own and those of the pool that it names; and IDs that lead nowhere.
    pub(super) fn alternatives(&self, caps: DevCaps<'c>) -> (Vec<DevCap<'c>>, Vec<&'c str>) {
        self.inside(caps.resource().element(), "DevCapRef")
    }

    /// The descriptions of elements inside a `DevCap`: its own and those of the pool that it names.
    pub(super) fn nested(&self, cap: DevCap<'c>) -> (Vec<DevCap<'c>>, Vec<&'c str>) {
        self.inside(cap.resource().element(), "DevCapRefs")
    }

    fn inside(&self, element: ElementRef<'c>, name: &str) -> (Vec<DevCap<'c>>, Vec<&'c str>) {
        let mut found: Vec<DevCap<'c>> = crate::resource::own(element).collect();
        let mut lost = Vec::new();
        for id in tokens(element.attribute(name).unwrap_or_default()) {
            let named = self.by_id(id).filter(|named| named.is_jdf("DevCap"));
            match named {
                Some(named) => found.push(DevCap::over(crate::Resource::of(named))),
                None => lost.push(id),
            }
        }
        (found, lost)
    }

    /// Why something cannot be used, if it cannot: it or one of its modules is not installed, licensed or enabled. What
    /// is only disabled can be used ever, but not now.
    pub(super) fn unavailable(&self, element: ElementRef<'c>, scope: Scope) -> Option<Hindrance> {
        if let Some(said) = hindrance(element, scope) {
            return Some(Hindrance {
                is_only_now: said == Availability::Disabled,
                why: format!("it is {said}"),
            });
        }
        let modules = tokens(element.attribute("ModuleRefs").unwrap_or_default());
        modules.filter_map(|id| self.by_id(id)).find_map(|module| {
            let said = hindrance(module, scope)?;
            let name = described_as(module).or_else(|| module.attribute("ID"));
            let name = shown(name.unwrap_or_default());
            Some(Hindrance {
                is_only_now: said == Availability::Disabled,
                why: format!("module `{name}` is {said}"),
            })
        })
    }
}

fn hindrance(element: ElementRef<'_>, scope: Scope) -> Option<Availability> {
    let said = element
        .attribute("Availability")
        .and_then(Availability::read)?;
    let hinders = match said {
        Availability::NotInstalled | Availability::NotLicensed => true,
        Availability::Disabled => scope == Scope::Present,
        _ => false,
    };
    hinders.then_some(said)
}

/// How many elements a description takes; `None` where it does not say so itself.
pub(super) fn least(element: ElementRef<'_>) -> Option<usize> {
    let number = parse_integer(element.attribute("MinOccurs")?)?;
    usize::try_from(number).ok()
}

/// The same of the most.
pub(super) fn most(element: ElementRef<'_>) -> Most {
    match element.attribute("MaxOccurs") {
        None => Most::Unsaid,
        Some(text) => parse_integer(text)
            .and_then(|number| usize::try_from(number).ok())
            .map_or(Most::Unbounded, Most::Number),
    }
}

/// What holds for an element inside another, where one is meant if nothing is said.
pub(super) fn occurs(element: ElementRef<'_>) -> Occurs {
    Occurs {
        least: least(element).unwrap_or(1),
        most: match most(element) {
            Most::Unsaid => Some(1),
            Most::Unbounded => None,
            Most::Number(most) => Some(most),
        },
    }
}

pub(super) fn is_required(element: ElementRef<'_>) -> bool {
    element.attribute("Required").and_then(parse_boolean) == Some(true)
}

/// What people call it, in its localised words: English if there are several.
pub(super) fn spoken(element: ElementRef<'_>) -> Option<&str> {
    let is_english = |loc: &ElementRef<'_>| {
        let language = loc.attribute("Lang");
        language.is_some_and(|language| language.starts_with("en"))
    };
    let english = element.children_named("Loc").find(is_english);
    let loc = english.or_else(|| element.child("Loc"))?;
    loc.attribute("Value")
        .or_else(|| loc.attribute("ShortValue"))
}

/// The same, or else the descriptive name, where that is more than a remark of the writer.
pub(super) fn described_as(element: ElementRef<'_>) -> Option<&str> {
    spoken(element).or_else(|| element.attribute("DescriptiveName"))
}

/// How a part of the description is named to a person: by its ID, or by its path.
pub(super) fn named(element: ElementRef<'_>) -> String {
    match element.attribute("ID") {
        Some(id) => format!("`{}`", shown(id)),
        None => element.path(),
    }
}
