//! What a device allows and what a test asks, in words for a person.

use super::action::Target;
use super::judge::Judge;
use super::limits::{Kind, Limits, Said};
use crate::resource::{Evaluation, ListType, Term, Value as _};
use crate::value::tokens;
use crate::view::ElementRef;

impl Limits<'_> {
    /// What is allowed, for a person.
    pub(super) fn in_words(&self) -> String {
        let mut words = Vec::new();
        let is_of_words = matches!(self.kind, Some(Kind::Words | Kind::Boolean));
        if let Some(list) = self.said("ValueList").or_else(|| self.said("ValueRange")) {
            let how = match self.list_type {
                ListType::CompleteList => "all of ",
                ListType::CompleteOrderedList => "in this order ",
                ListType::ContainedList => "at least ",
                _ if is_of_words && tokens(list).count() > 1 => "one of ",
                _ => "",
            };
            let items: Vec<&str> = tokens(list).collect();
            let list = if is_of_words {
                items.join(", ")
            } else {
                items.join(" ").replace('~', "to")
            };
            words.push(format!("{how}{list}"));
        }
        if !self.values.is_empty() {
            let values = self.values.iter().map(|value| format!("`{value}`"));
            words.push(format!("one of {}", values.collect::<Vec<_>>().join(", ")));
        }
        match (self.said("ValueMin"), self.said("ValueMax")) {
            (Some(least), Some(most)) => words.push(format!("{least} to {most}")),
            (Some(least), None) => words.push(format!("{least} or more")),
            (None, Some(most)) => words.push(format!("{most} or less")),
            (None, None) => {}
        }
        if let Some([step, rest]) = self.said("ValueMod").and_then(<[f64; 2]>::read) {
            words.push(format!("in steps of {step} from {rest}"));
        }
        if let Some([from, to]) = self.length_bounds() {
            words.push(format!("{from} to {to} characters"));
        }
        for (ending, what) in [
            ("RegExp", "matching "),
            ("X", "x "),
            ("Y", "y "),
            ("Z", "z "),
            ("XYRelation", "x to y: "),
            ("HWRelation", "height to width: "),
            ("RotateMod", "turned in steps of "),
            ("Shift", "shifted by "),
            ("Transforms", "turned as one of "),
        ] {
            if let Some(said) = self.said(ending) {
                words.push(format!("{what}{}", said.replace('~', "to")));
            }
        }
        if words.is_empty() {
            let kind = self.element().local_name();
            let kind = kind.strip_suffix("State").unwrap_or(kind);
            let kind = kind.strip_suffix("Evaluation").unwrap_or(kind);
            words.push(format!("a value of the type {kind}"));
        }
        let count = match (&self.said, &self.list_type) {
            (Said::State(..), ListType::UniqueList | ListType::UniqueRangeList) => ", none twice",
            (Said::State(..), ListType::OrderedList | ListType::OrderedRangeList) => ", in order",
            (Said::State(..), ListType::UniqueOrderedList | ListType::UniqueOrderedRangeList) => {
                ", in order and none twice"
            }
            _ => "",
        };
        format!("{}{count}", words.join(", "))
    }
}

impl<'c> Judge<'c, '_, '_> {
    /// A test for a person.
    pub(super) fn in_words(&self, test: ElementRef<'c>) -> String {
        const WORDS_BYTES_MAX: usize = 300;
        let mut words = String::new();
        let mut open: Vec<(ElementRef<'c>, &str)> = Vec::new();
        for element in test.descendants() {
            let Some(term) = Term::of(element) else {
                continue;
            };
            if words.len() > WORDS_BYTES_MAX {
                words.push('…');
                break;
            }
            // Brackets of terms that ended before this one.
            while open
                .last()
                .is_some_and(|(last, _)| Some(*last) != element.parent())
            {
                words.push(')');
                open.pop();
            }
            let is_first = element.parent().is_some_and(|parent| {
                parent.children().find(|child| Term::of(*child).is_some()) == Some(element)
            });
            if let Some((_, join)) = open.last().filter(|_| !is_first) {
                words.push_str(join);
            }
            let (before, join) = match term {
                Term::And(_) => ("(", " and "),
                Term::Or(_) => ("(", " or "),
                Term::Xor(_) => ("one only of (", ", "),
                Term::Not(_) => ("not (", " or "),
                Term::Reference(id) => {
                    words.push_str(id);
                    continue;
                }
                Term::Evaluation(evaluation) => {
                    words.push_str(&self.evaluation_in_words(evaluation));
                    continue;
                }
            };
            words.push_str(before);
            open.push((element, join));
        }
        words.extend(open.iter().map(|_| ')'));
        words
    }

    fn evaluation_in_words(&self, evaluation: Evaluation<'c>) -> String {
        let name = match self.target(evaluation) {
            Some(Target::State(_, state)) => state.name().unwrap_or("text").to_owned(),
            Some(Target::Element(_)) => {
                let named = evaluation
                    .state_ref()
                    .and_then(|id| self.description.by_id(id));
                let name = named.and_then(|named| named.attribute("Name"));
                name.unwrap_or("element").to_owned()
            }
            Some(Target::Path(path)) => path.to_owned(),
            None => evaluation.state_ref().unwrap_or("nothing").to_owned(),
        };
        if evaluation.kind() == "IsPresentEvaluation" {
            return format!("{name} is there");
        }
        format!("{name} is {}", Limits::of_evaluation(evaluation).in_words())
    }
}
