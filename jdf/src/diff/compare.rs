//! The walk over two documents in step. Attributes of partitioned resources are compared where they hold, at the
//! parts that have none below them; everything else where it stands.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::facts::{Attribute, Facts, Name, comments, name_of, text};
use super::identity::{is_part, pair};
use super::{DiffOptions, Difference, DifferenceKind, Side};
use crate::document::{Document, NodeId};
use crate::view::ElementRef;

pub(super) fn documents<'d>(
    left: &'d Document,
    right: &'d Document,
    options: DiffOptions,
) -> Vec<Difference<'d>> {
    let mut comparing = Comparing {
        left: Facts::of(left),
        right: Facts::of(right),
        options,
        differences: Vec::new(),
        steps: Vec::new(),
        scopes: Vec::new(),
        moved: HashSet::new(),
        waiting: Vec::new(),
    };
    let (left, right) = (left.root(), right.root());
    if name_of(left) == name_of(right) {
        comparing.steps.push(Step::Enter {
            left,
            right,
            is_in_place: true,
        });
        comparing.run();
    } else {
        comparing.removed(left);
        comparing.added(right);
    }
    comparing.differences
}

enum Step<'d> {
    Enter {
        left: ElementRef<'d>,
        right: ElementRef<'d>,
        /// Whether what is around them has been paired as well, and not only they by their ID.
        is_in_place: bool,
    },
    /// All in a part has been compared: what it said no longer holds.
    Leave {
        left: Vec<Name<'d>>,
        right: Vec<Name<'d>>,
        differing: Vec<Name<'d>>,
        is_whole: bool,
    },
}

/// An attribute of an element, on one side.
struct Said<'d> {
    element: ElementRef<'d>,
    written: &'d str,
    value: &'d str,
    canonical: Cow<'d, str>,
}

/// What holds for the part that is looked at, within one partitioned resource.
#[derive(Default)]
struct Scope<'d> {
    /// What each part on the way down says of an attribute, the innermost last.
    left: HashMap<Name<'d>, Vec<Said<'d>>>,
    right: HashMap<Name<'d>, Vec<Said<'d>>>,
    /// Attributes that differ at parts on the way down, with how many of these. All others are the same for both.
    differing: HashMap<Name<'d>, usize>,
    /// What was told: an attribute said once, around many parts, is one difference.
    told: HashSet<(Name<'d>, Option<NodeId>, Option<NodeId>)>,
}

struct Comparing<'d> {
    left: Facts<'d>,
    right: Facts<'d>,
    options: DiffOptions,
    differences: Vec<Difference<'d>>,
    steps: Vec<Step<'d>>,
    scopes: Vec<Scope<'d>>,
    /// Elements of the left document that were found elsewhere in the right one.
    moved: HashSet<NodeId>,
    /// Elements of the right document that may have come from elsewhere, with those they came from.
    waiting: Vec<(ElementRef<'d>, NodeId)>,
}

impl<'d> Comparing<'d> {
    fn run(&mut self) {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Enter {
                    left,
                    right,
                    is_in_place,
                } => self.enter(left, right, is_in_place),
                Step::Leave {
                    left,
                    right,
                    differing,
                    is_whole,
                } => self.leave(&left, &right, &differing, is_whole),
            }
        }
        // What came from an element that is gone as a whole is new all the same.
        for (element, from) in std::mem::take(&mut self.waiting) {
            if !self.moved.contains(&from) {
                self.added(element);
            }
        }
    }

    fn enter(&mut self, left: ElementRef<'d>, right: ElementRef<'d>, is_in_place: bool) {
        self.attributes(left, right, is_in_place);
        self.text(left, right);
        let paired = pair((&self.left, left), (&self.right, right));
        let mut inside = Vec::with_capacity(paired.pairs.len());
        for pair in paired.pairs {
            if pair.is_moved {
                self.tell_moved(pair.left, pair.right);
            }
            inside.push(Step::Enter {
                left: pair.left,
                right: pair.right,
                is_in_place: true,
            });
        }
        for element in paired.removed {
            match self.left.counterpart(&self.right, element) {
                Some(other) => {
                    self.moved.insert(element.id());
                    self.tell_moved(element, other);
                    inside.push(Step::Enter {
                        left: element,
                        right: other,
                        is_in_place: false,
                    });
                }
                None => self.removed(element),
            }
        }
        for element in paired.added {
            match self.right.counterpart(&self.left, element) {
                Some(other) => self.waiting.push((element, other.id())),
                None => self.added(element),
            }
        }
        self.steps.extend(inside.into_iter().rev());
    }

    fn attributes(&mut self, left: ElementRef<'d>, right: ElementRef<'d>, is_in_place: bool) {
        let (own_left, own_right) = (self.left.attributes(left), self.right.attributes(right));
        let differing = differing(&own_left, &own_right);
        let has_parts = [left, right].map(|element| element.children().any(is_part));
        let is_inside = is_in_place && is_part(left) && is_part(right) && !self.scopes.is_empty();
        if !is_inside && has_parts == [false, false] {
            if differing.is_empty() {
                return;
            }
            let mut scope = Scope::default();
            say(&mut scope.left, left, own_left);
            say(&mut scope.right, right, own_right);
            for name in differing {
                tell(&mut self.differences, &mut scope, name, left, right);
            }
            return;
        }
        if !is_inside {
            self.scopes.push(Scope::default());
        }
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        for name in &differing {
            *scope.differing.entry(*name).or_default() += 1;
        }
        let names_left = say(&mut scope.left, left, own_left);
        let names_right = say(&mut scope.right, right, own_right);
        if has_parts != [true, true] {
            let mut names: Vec<Name<'d>> = scope.differing.keys().copied().collect();
            names.sort_unstable();
            for name in names {
                tell(&mut self.differences, scope, name, left, right);
            }
        }
        self.steps.push(Step::Leave {
            left: names_left,
            right: names_right,
            differing,
            is_whole: !is_inside,
        });
    }

    fn leave(
        &mut self,
        left: &[Name<'d>],
        right: &[Name<'d>],
        differing: &[Name<'d>],
        is_whole: bool,
    ) {
        if is_whole {
            self.scopes.pop();
            return;
        }
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        for (names, said) in [(left, &mut scope.left), (right, &mut scope.right)] {
            for name in names {
                said.get_mut(name).map(Vec::pop);
            }
        }
        for name in differing {
            if let Some(count) = scope.differing.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    scope.differing.remove(name);
                }
            }
        }
    }

    fn text(&mut self, left: ElementRef<'d>, right: ElementRef<'d>) {
        if text(left) != text(right) {
            self.tell_both(
                DifferenceKind::TextChanged,
                (left, left.text()),
                (right, right.text()),
            );
        }
        if self.options.comments {
            let (said_left, said_right) = (comments(left), comments(right));
            if said_left != said_right {
                self.tell_both(
                    DifferenceKind::CommentsChanged,
                    (left, said_left.join("; ").into()),
                    (right, said_right.join("; ").into()),
                );
            }
        }
    }

    fn tell_both(
        &mut self,
        kind: DifferenceKind,
        left: (ElementRef<'d>, Cow<'d, str>),
        right: (ElementRef<'d>, Cow<'d, str>),
    ) {
        let side = |(element, value): (ElementRef<'d>, Cow<'d, str>)| Side {
            element,
            attribute: None,
            value: Some(value),
        };
        self.differences.push(Difference {
            kind,
            left: Some(side(left)),
            right: Some(side(right)),
        });
    }

    fn tell_moved(&mut self, left: ElementRef<'d>, right: ElementRef<'d>) {
        self.differences.push(Difference {
            kind: DifferenceKind::ElementMoved,
            left: Some(whole(left)),
            right: Some(whole(right)),
        });
    }

    fn removed(&mut self, element: ElementRef<'d>) {
        self.differences.push(Difference {
            kind: DifferenceKind::ElementRemoved,
            left: Some(whole(element)),
            right: None,
        });
    }

    fn added(&mut self, element: ElementRef<'d>) {
        self.differences.push(Difference {
            kind: DifferenceKind::ElementAdded,
            left: None,
            right: Some(whole(element)),
        });
    }
}

fn whole(element: ElementRef<'_>) -> Side<'_> {
    Side {
        element,
        attribute: None,
        value: None,
    }
}

/// The attributes that are not the same on both sides, in the order of the left one.
fn differing<'d>(left: &[Attribute<'d>], right: &[Attribute<'d>]) -> Vec<Name<'d>> {
    let values: HashMap<Name<'d>, &Cow<'d, str>> = right
        .iter()
        .map(|attribute| (attribute.name, &attribute.canonical))
        .collect();
    let known: HashSet<Name<'d>> = left.iter().map(|attribute| attribute.name).collect();
    let changed = left
        .iter()
        .filter(|attribute| values.get(&attribute.name) != Some(&&attribute.canonical));
    let added = right
        .iter()
        .filter(|attribute| !known.contains(&attribute.name));
    changed
        .chain(added)
        .map(|attribute| attribute.name)
        .collect()
}

fn say<'d>(
    said: &mut HashMap<Name<'d>, Vec<Said<'d>>>,
    element: ElementRef<'d>,
    attributes: Vec<Attribute<'d>>,
) -> Vec<Name<'d>> {
    let mut names = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        names.push(attribute.name);
        said.entry(attribute.name).or_default().push(Said {
            element,
            written: attribute.written,
            value: attribute.value,
            canonical: attribute.canonical,
        });
    }
    names
}

/// Tells of an attribute, if what holds differs and was not told before.
fn tell<'d>(
    differences: &mut Vec<Difference<'d>>,
    scope: &mut Scope<'d>,
    name: Name<'d>,
    left: ElementRef<'d>,
    right: ElementRef<'d>,
) {
    let holds = |said: &HashMap<Name<'d>, Vec<Said<'d>>>| -> Option<(Side<'d>, Cow<'d, str>)> {
        let said = said.get(&name)?.last()?;
        let side = Side {
            element: said.element,
            attribute: Some(said.written),
            value: Some(Cow::Borrowed(said.value)),
        };
        Some((side, said.canonical.clone()))
    };
    let (old, new) = (holds(&scope.left), holds(&scope.right));
    let kind = match (&old, &new) {
        (None, None) => return,
        (Some((_, old)), Some((_, new))) if old == new => return,
        (Some(_), Some(_)) => DifferenceKind::AttributeChanged,
        (None, Some(_)) => DifferenceKind::AttributeAdded,
        (Some(_), None) => DifferenceKind::AttributeRemoved,
    };
    let place =
        |side: &Option<(Side<'d>, Cow<'d, str>)>| side.as_ref().map(|(side, _)| side.element.id());
    if scope.told.insert((name, place(&old), place(&new))) {
        let side = |found: Option<(Side<'d>, Cow<'d, str>)>, element| {
            found.map_or_else(|| whole(element), |(side, _)| side)
        };
        differences.push(Difference {
            kind,
            left: Some(side(old, left)),
            right: Some(side(new, right)),
        });
    }
}
