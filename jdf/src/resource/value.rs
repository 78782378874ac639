//! How the attributes of resources become fields: what the macro `resources!` calls, and the macro for the
//! enumerations of this folder. The data types themselves are in `crate::value`.

use crate::element::Element;
use crate::resource::view::Place;
use crate::value::Value;

/// Of a builder: what an attribute says.
pub(crate) fn owned<T: Value>(text: &str) -> Option<T> {
    T::own(text)
}

/// Adds an attribute; one that JDF requires is written even if nothing is known of it, except in a
/// partition, which inherits it.
pub(crate) fn write<T: Value>(
    element: Element,
    name: &'static str,
    value: Option<&T>,
    default: Option<&str>,
    place: Place,
) -> Element {
    let default = default.filter(|_| place != Place::Partition);
    let text = value.map(T::write).or(default.map(str::to_owned));
    element.with_some(name, text)
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
