//! A description of capabilities, indexed: what has an ID, which modules are there, and how to name a part of it to a
//! person.

use std::collections::HashMap;

use super::Scope;
use crate::resource::{Availability, DevCap, DevCaps, Value as _, View as _};
use crate::validate::report::Paths;
use crate::validate::shown;
use crate::value::{parse_boolean, parse_integer, tokens};
use crate::view::ElementRef;

/// A `DeviceCap`, or a `MessageService`, which holds the same.
pub(super) struct Description<'c> {
    pub(super) element: ElementRef<'c>,
    ids: HashMap<&'c str, ElementRef<'c>>,
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
    pub(super) fn unavailable(&self, element: ElementRef<'c>, scope: Scope) -> Option<String> {
        let hinders = |element: ElementRef<'c>| {
            let said = element
                .attribute("Availability")
                .and_then(Availability::read)?;
            let hinders = match said {
                Availability::NotInstalled | Availability::NotLicensed => true,
                Availability::Disabled => scope == Scope::Present,
                _ => false,
            };
            hinders.then_some(said)
        };
        if let Some(said) = hinders(element) {
            return Some(format!("it is {said}"));
        }
        let modules = tokens(element.attribute("ModuleRefs").unwrap_or_default());
        modules.filter_map(|id| self.by_id(id)).find_map(|module| {
            let said = hinders(module)?;
            let name = spoken(module).or_else(|| module.attribute("ID"));
            Some(format!(
                "module `{}` is {said}",
                shown(name.unwrap_or_default())
            ))
        })
    }
}

/// How many elements a description takes; `None` where it does not say so itself.
pub(super) fn least(element: ElementRef<'_>) -> Option<usize> {
    let number = parse_integer(element.attribute("MinOccurs")?)?;
    usize::try_from(number).ok()
}

/// The same of the most: `None` if nothing is said, `Some(None)` if there is no end.
pub(super) fn most(element: ElementRef<'_>) -> Option<Option<usize>> {
    let text = element.attribute("MaxOccurs")?;
    Some(parse_integer(text).and_then(|number| usize::try_from(number).ok()))
}

/// What holds for an element inside another, where one is meant if nothing is said.
pub(super) fn occurs(element: ElementRef<'_>) -> Occurs {
    Occurs {
        least: least(element).unwrap_or(1),
        most: most(element).unwrap_or(Some(1)),
    }
}

pub(super) fn is_required(element: ElementRef<'_>) -> bool {
    element.attribute("Required").and_then(parse_boolean) == Some(true)
}

/// What people call it: its localised words, English if there are several, or its descriptive name.
pub(super) fn spoken(element: ElementRef<'_>) -> Option<&str> {
    let is_english = |loc: &ElementRef<'_>| {
        let language = loc.attribute("Lang");
        language.is_some_and(|language| language.starts_with("en"))
    };
    let english = element.children_named("Loc").find(is_english);
    let loc = english.or_else(|| element.child("Loc"));
    let words = loc.and_then(|loc| {
        loc.attribute("Value")
            .or_else(|| loc.attribute("ShortValue"))
    });
    words.or_else(|| element.attribute("DescriptiveName"))
}

/// How a part of the description is named to a person: by its ID, or by its path.
pub(super) fn named(element: ElementRef<'_>, paths: &mut Paths) -> String {
    match element.attribute("ID") {
        Some(id) => format!("`{}`", shown(id)),
        None => paths.path(element),
    }
}
