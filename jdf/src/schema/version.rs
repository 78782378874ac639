//! The versions of JDF, 1.0 to 1.9, as table entries and as what a document says.

use std::fmt;

/// A version of JDF 1.x.
///
/// ```
/// use agog_jdf::schema::Version;
/// let version = Version::parse("1.3").unwrap();
/// assert!(version < Version::V1_5);
/// assert_eq!(version.to_string(), "1.3");
/// assert_eq!(Version::parse("2.0"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    minor: u8,
}

impl Version {
    /// JDF 1.0, the first.
    pub const V1_0: Self = Self { minor: 0 };
    /// JDF 1.3, in which planning and customer became resources.
    pub const V1_3: Self = Self { minor: 3 };
    /// JDF 1.5, the version that this library writes and whose facts the tables hold.
    pub const V1_5: Self = Self { minor: 5 };

    /// The version written `1.0` to `1.9`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().as_bytes() {
            [b'1', b'.', minor @ b'0'..=b'9'] => Some(Self {
                minor: minor - b'0',
            }),
            _ => None,
        }
    }

    /// The version of a table entry, where `1.x` is known to be written.
    pub(super) const fn of(text: &str) -> Self {
        let text = text.as_bytes();
        assert!(
            text.len() == 3 && text[0] == b'1' && text[1] == b'.',
            "a version of JDF 1.x"
        );
        Self {
            minor: text[2] - b'0',
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}
