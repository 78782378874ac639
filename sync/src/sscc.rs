//! The Serial Shipping Container Code of GS1: the number on the label of a pallet, box or roll cage (GS1 General
//! Specifications, application identifier 00). Eighteen digits: an extension digit, the GS1 company prefix and a serial
//! reference, sixteen together with the extension digit before them, and a check digit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits of an SSCC, its check digit included.
const DIGITS: usize = 18;

/// What a scanner sends before the data of a GS1-128 barcode, and the separator that some send for FNC1.
const SYMBOLOGY: [&str; 2] = ["]C1", "\u{1d}"];

/// The number of a container.
///
/// ```
/// use agog_sync::sscc::Sscc;
/// let printed: Sscc = "340123450000000017".parse().unwrap();
/// for scanned in ["(00)340123450000000017", "00340123450000000017", "]C100340123450000000017", "3401 2345 0000 0000 17"] {
///     assert_eq!(scanned.parse::<Sscc>().unwrap(), printed);
/// }
/// assert_eq!(printed.to_string(), "340123450000000017");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sscc(u64);

/// Why a text is no SSCC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SsccError {
    /// Something else than digits.
    #[error("`{text}` is no SSCC: expected 18 digits, found `{found}`")]
    NotADigit { text: String, found: char },
    /// Too many or too few digits.
    #[error("`{text}` is no SSCC: it has {found} digits, expected 18")]
    Length { text: String, found: usize },
    /// Misread or mistyped.
    #[error("`{text}` is no SSCC: its check digit is {found}, expected {expected}")]
    CheckDigit {
        text: String,
        found: u8,
        expected: u8,
    },
}

impl Sscc {
    /// The SSCC whose first seventeen digits these are; none when they are not seventeen digits.
    pub fn with_check_digit(digits: &str) -> Option<Self> {
        let is_whole =
            digits.len() == DIGITS - 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| is_whole)?;
        Some(Self(number * 10 + u64::from(check_digit(digits))))
    }
}

/// The check digit that follows digits in a number of GS1: weights 3 and 1 in turn from the right, the sum made up to the
/// next ten. Anything else than digits counts as nothing.
///
/// ```
/// assert_eq!(agog_sync::sscc::check_digit("34012345000000001"), 7);
/// assert_eq!(agog_sync::sscc::check_digit("401234512345"), 6);
/// ```
pub fn check_digit(digits: &str) -> u8 {
    let values = digits.bytes().rev().filter(u8::is_ascii_digit);
    let weighted = values.zip([3, 1].into_iter().cycle());
    let sum = weighted.fold(0, |sum, (digit, weight)| {
        (sum + (digit - b'0') * weight) % 10
    });
    (10 - sum) % 10
}

impl FromStr for Sscc {
    type Err = SsccError;

    fn from_str(entered: &str) -> Result<Self, SsccError> {
        let text = || entered.trim().to_owned();
        let mut digits: String = entered
            .chars()
            .filter(|char| !char.is_whitespace())
            .collect();
        for before in SYMBOLOGY {
            if let Some(rest) = digits.strip_prefix(before) {
                digits = rest.to_owned();
            }
        }
        if let Some(rest) = digits.strip_prefix("(00)") {
            digits = rest.to_owned();
        } else if digits.len() == DIGITS + 2
            && let Some(rest) = digits.strip_prefix("00")
        {
            digits = rest.to_owned();
        }
        if let Some(found) = digits.chars().find(|char| !char.is_ascii_digit()) {
            return Err(SsccError::NotADigit {
                text: text(),
                found,
            });
        }
        let found = digits.len();
        if found != DIGITS {
            return Err(SsccError::Length {
                text: text(),
                found,
            });
        }
        let (body, last) = digits.split_at(DIGITS - 1);
        let expected = check_digit(body);
        let read = Self::with_check_digit(body).filter(|sscc| sscc.to_string().ends_with(last));
        read.ok_or_else(|| SsccError::CheckDigit {
            text: text(),
            found: last.bytes().map(|byte| byte - b'0').sum(),
            expected,
        })
    }
}

impl fmt::Display for Sscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$}", self.0)
    }
}

impl TryFrom<String> for Sscc {
    type Error = SsccError;

    fn try_from(text: String) -> Result<Self, SsccError> {
        text.parse()
    }
}

impl From<Sscc> for String {
    fn from(sscc: Sscc) -> Self {
        sscc.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_misread_digit_is_told_with_the_one_that_was_expected() {
        let refused = |text: &str| text.parse::<Sscc>().unwrap_err().to_string();
        assert_eq!(
            refused("340123450000000013"),
            "`340123450000000013` is no SSCC: its check digit is 3, expected 7"
        );
        assert_eq!(
            refused("(00)34012345"),
            "`(00)34012345` is no SSCC: it has 8 digits, expected 18"
        );
        assert_eq!(
            refused("34012345O000000017"),
            "`34012345O000000017` is no SSCC: expected 18 digits, found `O`"
        );
        assert_eq!(refused(""), "`` is no SSCC: it has 0 digits, expected 18");
    }

    #[test]
    fn an_sscc_that_begins_with_zeros_keeps_them() {
        let sscc = Sscc::with_check_digit("00000000000000001").unwrap();
        assert_eq!(sscc.to_string().len(), DIGITS);
        assert_eq!(sscc.to_string().parse(), Ok(sscc));
        assert_eq!(Sscc::with_check_digit("1234"), None);
    }

    #[test]
    fn it_is_text_in_json_and_checked_when_it_is_read() {
        let sscc: Sscc = "340123450000000017".parse().unwrap();
        let json = serde_json::to_string(&sscc).unwrap();
        assert_eq!(json, r#""340123450000000017""#);
        assert_eq!(serde_json::from_str::<Sscc>(&json).unwrap(), sscc);
        let error = serde_json::from_str::<Sscc>(r#""340123450000000018""#).unwrap_err();
        assert!(error.to_string().contains("expected 7"), "{error}");
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_found(number in 0_u64..100_000_000_000_000_000, place in 0_usize..18, add in 1_u8..10) {
            let sscc = Sscc::with_check_digit(&format!("{number:017}")).unwrap();
            prop_assert_eq!(sscc.to_string().parse::<Sscc>().unwrap(), sscc);
            let mut digits = sscc.to_string().into_bytes();
            digits[place] = b'0' + (digits[place] - b'0' + add) % 10;
            let wrong = String::from_utf8(digits).unwrap();
            prop_assert!(wrong.parse::<Sscc>().is_err(), "{wrong}");
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Sscc>();
        }
    }
}
