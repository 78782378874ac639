//! Samples for the tests: every struct with every field set, or filled at random, from one source.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::amount::{Amounts, Lot, PartAmount};
use crate::element::Element;
use crate::fragment::Fragment;
use crate::resource::Ranges;
use crate::state::Consumption;

/// Where values come from. A full source sets every field, with values that the schema allows; a random one
/// sets some, with whatever XML can carry.
pub(crate) struct Source {
    /// Which value of each enumeration is taken.
    turn: usize,
    /// Makes texts unique, as IDs must be.
    count: usize,
    random: Option<u64>,
    /// The ID of the last resource, to which links refer.
    resource: String,
}

impl Source {
    pub(crate) fn full(turn: usize) -> Self {
        Self {
            turn,
            count: 0,
            random: None,
            resource: String::new(),
        }
    }

    pub(crate) fn random(seed: u64) -> Self {
        Self {
            random: Some(seed),
            ..Self::full(0)
        }
    }

    /// A number below a limit; the turn, if nothing is random.
    fn below(&mut self, limit: usize) -> usize {
        let Some(state) = &mut self.random else {
            return self.turn % limit;
        };
        // Knuth's generator for 64 bits; its high bits are good enough to choose samples.
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = usize::try_from(*state >> 33).expect("31 bits fit");
        high % limit
    }

    fn is_random(&self) -> bool {
        self.random.is_some()
    }

    /// How many there are of what may be left out: one, if nothing is random.
    fn some(&mut self, most: usize) -> usize {
        if self.is_random() {
            self.below(most + 1)
        } else {
            1
        }
    }

    pub(crate) fn one_of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        let at = self.below(values.len());
        &values[at]
    }

    fn word(&mut self) -> String {
        self.count += 1;
        format!("T{}", self.count)
    }

    fn text(&mut self) -> String {
        let word = self.word();
        if self.is_random() {
            let odd = [
                "",
                " & <b/>",
                "\u{e9}\u{1F5A8}",
                "\"'",
                " \t\n\r ",
                "]]>",
                "a:b",
            ];
            format!("{word}{}{word}", self.one_of(&odd))
        } else {
            word
        }
    }

    /// Elements that are kept as they are: those named, or some at random.
    pub(crate) fn fragments(&mut self, names: &str) -> Vec<Fragment> {
        if !self.is_random() {
            return names.split(' ').map(|name| self.fragment(name)).collect();
        }
        let count = self.below(3);
        (0..count).map(|_| self.foreign()).collect()
    }

    fn foreign(&mut self) -> Fragment {
        let text = self.text();
        let inner = Element::new("v:Inner").with("v:a", &text).text(&text);
        let names = ["v:Thing", "Unknown", "w.w-w:Odd"];
        let element = Element::new(*self.one_of(&names))
            .with("xmlns:v", "urn:v")
            .with("xmlns:w.w-w", "urn:w");
        element.child(inner).into()
    }

    fn fragment(&mut self, name: &str) -> Fragment {
        let element = Element::new(name.to_owned());
        let element = match name {
            "Media" | "NodeInfo" => {
                self.resource = self.word();
                let class = if name == "Media" {
                    "Consumable"
                } else {
                    "Parameter"
                };
                element
                    .with("ID", &self.resource)
                    .with("Class", class)
                    .with("Status", "Available")
            }
            "MediaLink" => element.with("rRef", &self.resource).with("Usage", "Input"),
            "JDF" => element
                .with("ID", self.word())
                .with("Type", "Cutting")
                .with("Status", "Waiting")
                .with("JobPartID", self.word()),
            "DevCaps" => element.with("Name", "Media"),
            "DeviceCap" | "Module" => element,
            "JobPhase" => element.with("Status", "InProgress"),
            "Comment" => element.text(self.word()),
            "Preview" => element.with("URL", self.word()),
            "ComChannel" => element
                .with("ChannelType", "Phone")
                .with("Locator", self.word()),
            name => panic!("no sample of {name}"),
        };
        element.into()
    }
}

/// A value of an attribute or a struct; the name of the attribute decides where the schema has a list that
/// this crate leaves open.
pub(crate) trait SampleValue {
    fn sample(source: &mut Source, name: &str) -> Self;
}

/// What the schema demands, and what a message is written with in any case.
const ALWAYS: [&str; 2] = ["Class", "TimeStamp"];

impl<T: SampleValue> SampleValue for Option<T> {
    fn sample(source: &mut Source, name: &str) -> Self {
        let is_set = ALWAYS.contains(&name) || source.some(1) == 1;
        is_set.then(|| T::sample(source, name))
    }
}

impl SampleValue for String {
    fn sample(source: &mut Source, name: &str) -> Self {
        match name {
            _ if source.is_random() => source.text(),
            "Version" | "JDFVersions" => "1.5".to_owned(),
            "Localization" | "KnownLocalizations" => "en".to_owned(),
            _ => source.word(),
        }
    }
}

/// Words of a list have no white space in them.
impl SampleValue for Vec<String> {
    fn sample(source: &mut Source, name: &str) -> Self {
        let count = source.some(3);
        let word = |source: &mut Source| match name {
            _ if source.is_random() => source.text().split_whitespace().collect(),
            "Classes" => "Consumable".to_owned(),
            "PreviewUsages" => "ThumbNail".to_owned(),
            _ => source.word(),
        };
        (0..count).map(|_| word(source)).collect()
    }
}

/// Lists of anything but texts.
macro_rules! lists {
    ($($kind:ty),+ $(,)?) => { $(
        impl SampleValue for Vec<$kind> {
            fn sample(source: &mut Source, name: &str) -> Self {
                let count = source.some(3);
                (0..count).map(|_| SampleValue::sample(source, name)).collect()
            }
        }
    )+ };
}

lists! {
    i64,
    crate::state::AcknowledgeType,
    crate::state::MilestoneType,
    crate::state::NotificationClass,
    crate::state::Packaging,
    crate::state::QueueEntryStatus,
}

impl SampleValue for i64 {
    fn sample(source: &mut Source, _: &str) -> Self {
        i64::try_from(source.below(100)).expect("it is small")
    }
}

impl SampleValue for Decimal {
    fn sample(source: &mut Source, _: &str) -> Self {
        let number = i64::sample(source, "");
        Self::new(number * 1234 + 1, u32::from(number % 2 == 0))
    }
}

impl SampleValue for bool {
    fn sample(source: &mut Source, _: &str) -> Self {
        !source.is_random() || source.below(2) == 1
    }
}

impl SampleValue for Timestamp {
    fn sample(source: &mut Source, _: &str) -> Self {
        let second = i64::sample(source, "");
        Self::from_second(1_740_816_000 + second * 77_777).expect("it is soon")
    }
}

impl SampleValue for SignedDuration {
    fn sample(source: &mut Source, _: &str) -> Self {
        Self::from_secs(60 + i64::sample(source, ""))
    }
}

impl SampleValue for Ranges {
    fn sample(source: &mut Source, _: &str) -> Self {
        let from = i64::sample(source, "");
        Self(vec![[from, from + 3], [7, 7]])
    }
}

/// A field of child elements.
pub(crate) trait SampleChildren {
    fn children(source: &mut Source, name: &str) -> Self;
}

impl<T: SampleValue + super::parameters::Parameters> SampleChildren for T {
    fn children(source: &mut Source, name: &str) -> Self {
        T::sample(source, name)
    }
}

impl<T: SampleValue + super::parameters::Parameters> SampleChildren for Option<T> {
    fn children(source: &mut Source, name: &str) -> Self {
        (source.some(1) == 1).then(|| T::sample(source, name))
    }
}

impl<T: SampleValue + super::parameters::Parameters> SampleChildren for Vec<T> {
    fn children(source: &mut Source, name: &str) -> Self {
        let count = source.some(2);
        (0..count).map(|_| T::sample(source, name)).collect()
    }
}

/// White space around a text in an element says nothing.
impl SampleChildren for Vec<String> {
    fn children(source: &mut Source, _: &str) -> Self {
        let count = source.some(2);
        (0..count).map(|_| source.text()).collect()
    }
}

impl SampleChildren for Vec<Fragment> {
    fn children(source: &mut Source, name: &str) -> Self {
        if !source.is_random() {
            return source.fragments(name);
        }
        let text = source.text();
        let count = source.below(3);
        let element = || {
            Element::new(name.to_owned())
                .with("v:a", &text)
                .with("xmlns:v", "urn:v")
        };
        (0..count).map(|_| element().into()).collect()
    }
}

impl SampleValue for BTreeMap<String, String> {
    fn sample(source: &mut Source, _: &str) -> Self {
        let sheet = String::sample(source, "SheetName");
        Self::from([("SheetName".to_owned(), sheet)])
    }
}

impl SampleValue for Lot {
    fn sample(source: &mut Source, _: &str) -> Self {
        Self {
            lot_id: String::sample(source, "LotID"),
            amount: SampleValue::sample(source, "Amount"),
            actual_amount: SampleValue::sample(source, "ActualAmount"),
            consumption: Some(source.one_of(Consumption::KNOWN).clone()),
        }
    }
}

impl SampleValue for PartAmount {
    fn sample(source: &mut Source, _: &str) -> Self {
        Self {
            part: SampleValue::sample(source, "Part"),
            amount: SampleValue::sample(source, "Amount"),
            actual_amount: SampleValue::sample(source, "ActualAmount"),
            lots: vec![Lot::sample(source, "Lot"), Lot::sample(source, "Lot")],
        }
    }
}

impl SampleChildren for Amounts {
    fn children(source: &mut Source, _: &str) -> Self {
        Self {
            amount: SampleValue::sample(source, "Amount"),
            actual_amount: SampleValue::sample(source, "ActualAmount"),
            lots: vec![Lot::sample(source, "Lot")],
            parts: SampleChildren::children(source, "PartAmount"),
        }
    }
}
