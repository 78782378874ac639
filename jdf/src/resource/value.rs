//! How attributes of resources are read and written: one small trait, and the macro for the enumerations
//! of this folder. Lists are `Vec`, points, sizes, boxes and matrices are arrays of numbers.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::element::Element;
use crate::resource::view::Place;
use crate::state::{ResourceStatus, Usage};
use crate::value::{
    parse_boolean, parse_date_time, parse_decimal, parse_duration, parse_integer, tokens,
};

/// A data type of an attribute. Reading is lenient about white space and says `None` to what it cannot read.
///
/// ```
/// use agog_jdf::resource::Value;
/// assert_eq!(<[f64; 2]>::read(" 720  1020.5"), Some([720.0, 1020.5]));
/// assert_eq!(<[f64; 2]>::read("720"), None);
/// assert_eq!(Value::write(&[720.0, 1020.5]), "720 1020.5");
/// assert_eq!(Vec::<String>::read("Cut Fold"), Some(vec!["Cut", "Fold"]));
/// ```
pub trait Value: Sized {
    /// What a view gives: text and lists of text borrow from the document.
    type View<'d>;
    /// The value of a text, or nothing if it cannot be read.
    fn read(text: &str) -> Option<Self::View<'_>>;
    /// The same for a builder.
    fn own(text: &str) -> Option<Self>;
    /// The text as it is written.
    fn write(&self) -> String;
}

/// Of a builder: what an attribute says.
pub(crate) fn owned<T: Value>(text: &str) -> Option<T> {
    T::own(text)
}

/// Adds an attribute; one that JDF requires is written even if nothing is known of it, except in a
/// partition, which inherits it.
pub(crate) fn write<T: Value>(
    element: Element,
    name: &str,
    value: Option<&T>,
    default: Option<&str>,
    place: Place,
) -> Element {
    let default = default.filter(|_| place != Place::Partition);
    let text = value.map(T::write).or(default.map(str::to_owned));
    element.with_some(name, text)
}

impl Value for String {
    type View<'d> = &'d str;

    fn read(text: &str) -> Option<&str> {
        Some(text)
    }

    fn own(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

macro_rules! plain {
    ($($kind:ty: $read:expr),+ $(,)?) => { $(
        impl Value for $kind {
            type View<'d> = Self;

            fn read(text: &str) -> Option<Self> {
                $read(text)
            }

            fn own(text: &str) -> Option<Self> {
                $read(text)
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )+ };
}

plain! {
    f64: parse_number,
    i64: parse_integer,
    bool: parse_boolean,
    Decimal: parse_decimal,
    Timestamp: |text: &str| parse_date_time(text).map(|read| read.timestamp),
    SignedDuration: parse_duration,
    Usage: |text: &str| Some(Self::from(text.trim())),
    ResourceStatus: |text: &str| Some(Self::from(text.trim())),
}

/// A finite number. Rust alone would also read `nan` and `infinity`.
fn parse_number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

impl<T: Value> Value for Vec<T> {
    type View<'d> = Vec<T::View<'d>>;

    fn read(text: &str) -> Option<Self::View<'_>> {
        tokens(text).map(T::read).collect()
    }

    fn own(text: &str) -> Option<Self> {
        tokens(text).map(T::own).collect()
    }

    fn write(&self) -> String {
        let items: Vec<String> = self.iter().map(T::write).collect();
        items.join(" ")
    }
}

impl<const N: usize> Value for [f64; N] {
    type View<'d> = Self;

    fn read(text: &str) -> Option<Self> {
        Vec::<f64>::own(text)?.try_into().ok()
    }

    fn own(text: &str) -> Option<Self> {
        Self::read(text)
    }

    fn write(&self) -> String {
        self.map(|number| number.to_string()).join(" ")
    }
}

/// A path in the operators of PDF (`m`, `l`, `c`, `v`, `y`, `re`, `h`), as written.
///
/// ```
/// use agog_jdf::resource::{PdfPath, Value};
/// assert_eq!(PdfPath::read("0 0 m 10 0 l h").unwrap().0, "0 0 m 10 0 l h");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PdfPath(pub String);

impl Value for PdfPath {
    type View<'d> = Self;

    fn read(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }

    fn own(text: &str) -> Option<Self> {
        Self::read(text)
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

/// Whole numbers and ranges of them, such as `0 ~ 3 7 -1`; negative ones count from the end.
///
/// ```
/// use agog_jdf::resource::{Ranges, Value};
/// assert_eq!(Ranges::read("0~3 7"), Some(Ranges(vec![[0, 3], [7, 7]])));
/// assert_eq!(Ranges(vec![[0, 3], [7, 7]]).write(), "0 ~ 3 7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(pub Vec<[i64; 2]>);

impl Value for Ranges {
    type View<'d> = Self;

    fn read(text: &str) -> Option<Self> {
        let spaced = text.replace('~', " ~ ");
        let mut words = tokens(&spaced).peekable();
        let mut ranges = Vec::new();
        while let Some(word) = words.next() {
            let from = bound(word)?;
            let to = match words.next_if(|word| *word == "~") {
                Some(_) => bound(words.next()?)?,
                None => from,
            };
            ranges.push([from, to]);
        }
        Some(Self(ranges))
    }

    fn own(text: &str) -> Option<Self> {
        Self::read(text)
    }

    fn write(&self) -> String {
        let write = |[from, to]: &[i64; 2]| {
            if from == to {
                from.to_string()
            } else {
                format!("{from} ~ {to}")
            }
        };
        self.0.iter().map(write).collect::<Vec<_>>().join(" ")
    }
}

/// `INF` means without end.
fn bound(word: &str) -> Option<i64> {
    match word {
        "INF" => Some(i64::MAX),
        "-INF" => Some(i64::MIN),
        _ => parse_integer(word),
    }
}

/// Open enumerations: a value that the specification does not list is kept in `Other`.
macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident $(= $text:literal)?),+ $(,)? })+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $(
                #[doc = concat!("`", crate::resource::value::text_of!($variant $($text)?), "`")]
                $variant,
            )+
            /// Not in the specification; kept as written.
            Other(String),
        }

        impl $name {
            /// The value as written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => crate::resource::value::text_of!($variant $($text)?),)+
                    Self::Other(text) => text,
                }
            }

            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $(crate::resource::value::text_of!($variant $($text)?) => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::resource::Value for $name {
            type View<'d> = Self;

            fn read(text: &str) -> Option<Self> {
                Some(text.trim().into())
            }

            fn own(text: &str) -> Option<Self> {
                Self::read(text)
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }

        #[cfg(test)]
        impl crate::resource::tests::SampleValue for $name {
            fn sample(turn: usize) -> Self {
                Self::ALL[turn % Self::ALL.len()].clone()
            }
        }
    )+ };
}

/// The text of a variant: its name, unless another is given.
macro_rules! text_of {
    ($variant:ident) => {
        stringify!($variant)
    };
    ($variant:ident $text:literal) => {
        $text
    };
}
pub(crate) use {enumerations, text_of};
