//! The one macro from which the elements inside messages are made: `parameters!` takes a list of fields and
//! makes the struct, its reading, its writing and, for tests, a sample with every field set, so that the
//! four cannot drift apart.
//!
//! ```text
//! parameters! {
//!     /// What the element is.
//!     PipeParams "PipeParams" {
//!         /// Meaning and unit.
//!         pipe_id: String = "PipeID",                  // String and states: required; a finding if missing
//!         status: Option<NodeStatus> = "Status",
//!         hold: bool = "Hold",                         // false if missing; written only if true
//!         names: Vec<String> = "Names",                // a list in one attribute
//!     }
//!     + children {
//!         parts: Vec<PartKeys> = "Part",               // child elements of a name: Option or Vec
//!     }
//!     + ids { entries = "QueueEntryDef" "QueueEntryID", }    // children that hold one attribute each
//!     + rest { content = "Media", }                    // all other children as they are; the word is for samples
//! }
//! ```

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::amount::{Amounts, PartAmount, PartKeys, keys_element, read_keys};
use crate::element::Element;
use crate::finding::{Finding, Severity};
use crate::fragment::Fragment;
use crate::resource::{Ranges, Value};
use crate::state::State;
use crate::value::{
    Fields, parse_boolean, parse_decimal, parse_duration, parse_integer, write_date_time,
    write_duration,
};
use crate::view::ElementRef;

/// One value of an attribute.
pub(crate) trait Scalar: Sized {
    fn parse(text: &str) -> Option<Self>;

    fn write(&self) -> String;

    /// What a finding says was expected.
    const EXPECTED: &'static str;

    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Self> {
        fields.parsed(name, Self::EXPECTED, Self::parse)
    }
}

macro_rules! scalars {
    ($($kind:ty: $expected:literal, $parse:expr, $write:expr;)+) => { $(
        impl Scalar for $kind {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                $parse(text)
            }

            fn write(&self) -> String {
                $write(self)
            }
        }
    )+ };
}

scalars! {
    String: "a text", |text: &str| Some(text.to_owned()), Self::clone;
    Decimal: "a number", parse_decimal, ToString::to_string;
    i64: "a whole number", parse_integer, ToString::to_string;
    bool: "`true` or `false`", parse_boolean, ToString::to_string;
    SignedDuration: "a duration", parse_duration, |duration: &Self| write_duration(*duration);
    Ranges: "whole numbers and ranges", Value::own, Value::write;
}

impl Scalar for Timestamp {
    const EXPECTED: &'static str = "a date and time";

    fn parse(text: &str) -> Option<Self> {
        crate::value::parse_date_time(text).map(|read| read.timestamp)
    }

    fn write(&self) -> String {
        write_date_time(*self)
    }

    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Self> {
        fields.time(name)
    }
}

/// The field of an attribute.
pub(crate) trait Attribute: Sized {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self;
    fn write(&self, element: Element, name: &'static str) -> Element;
}

impl<T: Scalar> Attribute for Option<T> {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
        T::read(fields, name)
    }

    fn write(&self, element: Element, name: &'static str) -> Element {
        element.with_some(name, self.as_ref().map(T::write))
    }
}

/// A list in one attribute. A word that cannot be read is left out, with a finding.
impl<T: Scalar> Attribute for Vec<T> {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
        let words = fields.tokens(name);
        let values: Self = words.iter().filter_map(|word| T::parse(word)).collect();
        if values.len() < words.len() {
            let expected = T::EXPECTED;
            fields.remark(
                "value-unreadable",
                format!("something in the list `{name}` is not {expected}"),
            );
        }
        values
    }

    fn write(&self, element: Element, name: &'static str) -> Element {
        let words: Vec<String> = self.iter().map(T::write).collect();
        element.with_some(name, (!words.is_empty()).then(|| words.join(" ")))
    }
}

impl Attribute for String {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
        fields.required(name)
    }

    fn write(&self, element: Element, name: &'static str) -> Element {
        element.with(name, self)
    }
}

impl Attribute for i64 {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
        fields.required(name);
        fields.integer(name).unwrap_or_default()
    }

    fn write(&self, element: Element, name: &'static str) -> Element {
        element.with(name, self)
    }
}

impl Attribute for bool {
    fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
        fields.boolean(name).unwrap_or(false)
    }

    fn write(&self, element: Element, name: &'static str) -> Element {
        element.with_some(name, self.then_some(true))
    }
}

/// A state set: optional and in lists as any other value, required where it stands alone.
macro_rules! state_fields {
    ($($name:ident)+) => { $(
        impl Scalar for crate::state::$name {
            const EXPECTED: &'static str = "a state";

            fn parse(text: &str) -> Option<Self> {
                Some(Self::from(text.trim()))
            }

            fn write(&self) -> String {
                State::text(self).to_owned()
            }
        }

        impl Attribute for crate::state::$name {
            fn read(fields: &mut Fields<'_, '_>, name: &'static str) -> Self {
                Self::from(fields.required(name).trim())
            }

            fn write(&self, element: Element, name: &'static str) -> Element {
                element.with(name, self)
            }
        }

        #[cfg(test)]
        impl super::samples::SampleValue for crate::state::$name {
            fn sample(source: &mut super::samples::Source, _: &str) -> Self {
                source.one_of(<Self as State>::KNOWN).clone()
            }
        }
    )+ };
}

state_fields! {
    AcknowledgeType Activation AuthenticationReason AuthenticationType ChannelMode CommandResult CommentAction
    CostType DeadLine DeviceCondition DeviceDetails DeviceOperationMode DeviceStatus DispositionAction EndStatus
    ErrorType GangPolicy JmfRole JobDetails LotDetails MilestoneType Modification NodeStatus NotificationClass
    Packaging QueueEntryDetails QueueEntryStatus QueueStatus RepeatPolicy Resend ResourceClass ResourceContext
    ResourceDetails ResourceLevel ResourceOrientation ResourceScope ResourceStatus RetryPolicy ShutDownType
    SubmitPolicy UpdateGranularity UpdateMethod Usage WorkType
}

/// An element that is a struct.
pub(crate) trait Parameters: Sized + Default {
    const ELEMENT: &'static str;
    /// The child elements that have a field.
    const CHILDREN: &'static [&'static [&'static str]] = &[];
    fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self;
    fn to_element(&self) -> Element;
}

impl Parameters for PartKeys {
    const ELEMENT: &'static str = "Part";

    fn read(element: ElementRef<'_>, _: &mut Vec<Finding>) -> Self {
        read_keys(element)
    }

    fn to_element(&self) -> Element {
        keys_element(self)
    }
}

impl Parameters for PartAmount {
    const ELEMENT: &'static str = "PartAmount";

    fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        crate::amount::read_part(element, findings)
    }

    fn to_element(&self) -> Element {
        Self::to_element(self)
    }
}

/// The field of child elements.
pub(crate) trait Children: Sized {
    /// Elements of further names that the field reads.
    const ALSO: &'static [&'static str] = &[];

    fn read(parent: ElementRef<'_>, name: &'static str, findings: &mut Vec<Finding>) -> Self;
    fn write(&self, parent: Element, name: &'static str) -> Element;
}

/// One element; a default if it is not there.
impl<T: Parameters> Children for T {
    fn read(parent: ElementRef<'_>, name: &'static str, findings: &mut Vec<Finding>) -> Self {
        let found = parent.child(name);
        found.map_or_else(T::default, |child| T::read(child, findings))
    }

    fn write(&self, parent: Element, _: &str) -> Element {
        parent.child(self.to_element())
    }
}

impl<T: Parameters> Children for Option<T> {
    fn read(parent: ElementRef<'_>, name: &'static str, findings: &mut Vec<Finding>) -> Self {
        parent.child(name).map(|child| T::read(child, findings))
    }

    fn write(&self, parent: Element, _: &str) -> Element {
        parent.children(self.as_ref().map(T::to_element))
    }
}

impl<T: Parameters> Children for Vec<T> {
    fn read(parent: ElementRef<'_>, name: &'static str, findings: &mut Vec<Finding>) -> Self {
        let children = parent.children_named(name);
        children.map(|child| T::read(child, findings)).collect()
    }

    fn write(&self, parent: Element, _: &str) -> Element {
        parent.children(self.iter().map(T::to_element))
    }
}

/// Elements that hold text; empty ones say nothing.
impl Children for Vec<String> {
    fn read(parent: ElementRef<'_>, name: &'static str, _: &mut Vec<Finding>) -> Self {
        let texts = parent.children_named(name);
        texts
            .map(|child| child.text().trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect()
    }

    fn write(&self, parent: Element, name: &'static str) -> Element {
        parent.children(self.iter().map(|text| Element::new(name).text(text)))
    }
}

/// Elements that are kept as they are.
impl Children for Vec<Fragment> {
    fn read(parent: ElementRef<'_>, name: &'static str, _: &mut Vec<Finding>) -> Self {
        let children = parent.children_named(name);
        children.map(ElementRef::to_fragment).collect()
    }

    fn write(&self, parent: Element, _: &str) -> Element {
        parent.fragments(self.iter().cloned())
    }
}

/// Amounts are attributes and children of the element that has them.
impl Children for Amounts {
    const ALSO: &'static [&'static str] = &["Lot"];

    fn read(parent: ElementRef<'_>, _: &'static str, findings: &mut Vec<Finding>) -> Self {
        Self::read(parent, findings)
    }

    fn write(&self, parent: Element, _: &str) -> Element {
        Self::write(self, parent)
    }
}

/// The child that holds the parameters of a message; what is not there reads as a default.
pub(super) fn child<T: Parameters>(parent: ElementRef<'_>, findings: &mut Vec<Finding>) -> T {
    Children::read(parent, T::ELEMENT, findings)
}

/// The same of parameters that must be there: without them there is a finding, and if there are several, of which a
/// message can mean only the first.
pub(super) fn required<T: Parameters>(parent: ElementRef<'_>, findings: &mut Vec<Finding>) -> T {
    let name = T::ELEMENT;
    let mut children = parent.children_named(name);
    let Some(child) = children.next() else {
        let message = format!("`{name}` is missing");
        let place = parent.position();
        findings.push(Finding::new(
            Severity::Error,
            "element-missing",
            message,
            place,
        ));
        return T::default();
    };
    if let Some(second) = children.next() {
        let message = format!("a second `{name}` is not read");
        let place = second.position();
        findings.push(Finding::new(
            Severity::Warning,
            "element-twice",
            message,
            place,
        ));
    }
    T::read(child, findings)
}

/// All children of a kind.
pub(super) fn all<T: Parameters>(parent: ElementRef<'_>, findings: &mut Vec<Finding>) -> Vec<T> {
    Children::read(parent, T::ELEMENT, findings)
}

/// The children that have no field, vendors' own among them, as they are.
pub(super) fn others<T: Parameters>(parent: ElementRef<'_>) -> Vec<Fragment> {
    let is_typed = |child: &ElementRef<'_>| {
        let mut typed = T::CHILDREN.iter().copied().flatten();
        child.is_of_jdf() && typed.any(|name| *name == child.local_name())
    };
    let children = parent.children().filter(|child| !is_typed(child));
    children.map(ElementRef::to_fragment).collect()
}

/// What one attribute says in each child of a name, each value once.
pub(super) fn ids(parent: ElementRef<'_>, element: &str, attribute: &str) -> Vec<String> {
    let children = parent.children_named(element);
    let mut seen = std::collections::BTreeSet::new();
    children
        .filter_map(|child| child.attribute(attribute))
        .filter(|id| seen.insert(*id))
        .map(str::to_owned)
        .collect()
}

macro_rules! parameters {
    ($(
        $(#[$doc:meta])*
        $name:ident $element:literal {
            $( $(#[$field_doc:meta])* $field:ident : $kind:ty = $attribute:literal, )*
        }
        $(+ children { $( $(#[$child_doc:meta])* $child:ident : $child_kind:ty = $child_element:literal, )* })?
        $(+ ids { $( $(#[$ids_doc:meta])* $ids:ident = $ids_element:literal $ids_attribute:literal, )* })?
        $(+ rest { $(#[$rest_doc:meta])* $rest:ident = $rest_sample:literal, })?
    )+) => { $(
        $(#[$doc])*
        ///
        #[doc = concat!(
            "```\nuse agog_jdf::{Fragment, Limits, jmf::", stringify!($name), "};\n",
            "let written = Fragment::from(", stringify!($name), "::default().to_element());\n",
            "let document = written.to_document(&Limits::default())?;\n",
            "let read = ", stringify!($name), "::read(document.root(), &mut Vec::new());\n",
            "assert_eq!(read, ", stringify!($name), "::default());\n",
            "# Ok::<(), agog_jdf::Error>(())\n```",
        )]
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $kind, )*
            $($( $(#[$child_doc])* pub $child: $child_kind, )*)?
            $($( $(#[$ids_doc])* pub $ids: Vec<String>, )*)?
            $( $(#[$rest_doc])* pub $rest: Vec<crate::Fragment>, )?
        }

        impl $name {
            #[doc = concat!("Reads the element (`", $element, "`); what is missing or unreadable is a finding.")]
            pub fn read(element: crate::ElementRef<'_>, findings: &mut Vec<crate::Finding>) -> Self {
                let mut fields = crate::value::Fields::of(element, findings);
                let _ = &mut fields;
                Self {
                    $( $field: crate::jmf::parameters::Attribute::read(&mut fields, $attribute), )*
                    $($( $child: crate::jmf::parameters::Children::read(element, $child_element, fields.findings), )*)?
                    $($( $ids: crate::jmf::parameters::ids(element, $ids_element, $ids_attribute), )*)?
                    $( $rest: {
                        let _ = $rest_sample;
                        crate::jmf::parameters::others::<Self>(element)
                    }, )?
                }
            }

            #[doc = concat!("The element (`", $element, "`).")]
            pub fn to_element(&self) -> crate::Element {
                self.write(crate::Element::new($element))
            }

            /// Writes what the element holds into another that takes its place.
            pub(in crate::jmf) fn write(&self, element: crate::Element) -> crate::Element {
                $( let element = crate::jmf::parameters::Attribute::write(&self.$field, element, $attribute); )*
                $($( let element = crate::jmf::parameters::Children::write(&self.$child, element, $child_element); )*)?
                $($(
                    let ids = self.$ids.iter();
                    let element = element.children(ids.map(|id| crate::Element::new($ids_element).with($ids_attribute, id)));
                )*)?
                $( let element = element.fragments(self.$rest.iter().cloned()); )?
                element
            }
        }

        impl crate::jmf::parameters::Parameters for $name {
            const ELEMENT: &'static str = $element;
            const CHILDREN: &'static [&'static [&'static str]] = &[
                $($(&[$child_element], <$child_kind as crate::jmf::parameters::Children>::ALSO,)*)?
                $($(&[$ids_element],)*)?
            ];

            fn read(element: crate::ElementRef<'_>, findings: &mut Vec<crate::Finding>) -> Self {
                Self::read(element, findings)
            }

            fn to_element(&self) -> crate::Element {
                Self::to_element(self)
            }
        }

        #[cfg(test)]
        impl crate::jmf::samples::SampleValue for $name {
            fn sample(source: &mut crate::jmf::samples::Source, _: &str) -> Self {
                let _ = &source;
                Self {
                    $( $field: crate::jmf::samples::SampleValue::sample(source, $attribute), )*
                    $($( $child: crate::jmf::samples::SampleChildren::children(source, $child_element), )*)?
                    $($( $ids: crate::jmf::samples::SampleValue::sample(source, $ids_attribute), )*)?
                    $( $rest: source.fragments($rest_sample), )?
                }
            }
        }
    )+ };
}
pub(super) use parameters;
