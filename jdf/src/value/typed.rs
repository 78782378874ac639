//! One small trait by which attributes are read and written as typed values, and the types that need no file of
//! their own: text, numbers, times, lists, and arrays of numbers for points, sizes and shapes.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{
    parse_boolean, parse_date_time, parse_decimal, parse_duration, parse_integer, parse_number,
    tokens,
};
use crate::state::{CostType, DeviceOperationMode, NodeStatus, ResourceStatus, Usage, WorkType};

/// A data type of an attribute. Reading is lenient about white space and says `None` to what it cannot read.
///
/// ```
/// use agog_jdf::value::Value;
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

/// A point or a size: x and y, in points unless the attribute says otherwise (`XYPair`).
///
/// ```
/// use agog_jdf::value::{Value, XyPair};
/// assert_eq!(XyPair::read("595.28 841.89"), Some([595.28, 841.89]));
/// ```
pub type XyPair = [f64; 2];

/// A size with depth: x, y and z, in points unless the attribute says otherwise (`shape`).
///
/// ```
/// use agog_jdf::value::{Shape, Value};
/// assert_eq!(Shape::read("100 50 20"), Some([100.0, 50.0, 20.0]));
/// ```
pub type Shape = [f64; 3];

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
    NodeStatus: |text: &str| Some(Self::from(text.trim())),
    CostType: |text: &str| Some(Self::from(text.trim())),
    DeviceOperationMode: |text: &str| Some(Self::from(text.trim())),
    WorkType: |text: &str| Some(Self::from(text.trim())),
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
/// use agog_jdf::value::{PdfPath, Value};
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
