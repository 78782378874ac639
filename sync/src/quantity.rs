//! Quantities: exact decimals with a unit, and the conversions that paper and board need.
//!
//! A lot is counted in the base unit of its material. What a person or a press entered is kept
//! beside the base quantity ([`Measured`]), so that nothing is lost by conversion.
//!
//! Limits: at most [`SCALE_MAX`] decimals and amounts below [`amount_max`], so that every amount
//! fits `numeric(20,6)` in PostgreSQL.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Decimals kept after the point. Six is finer than any scale or counter in a plant.
pub const SCALE_MAX: u32 = 6;

/// Amounts stay below this, the room of `numeric(20,6)`.
pub fn amount_max() -> Decimal {
    Decimal::new(100_000_000_000_000, 0)
}

/// A unit of measure of the print shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// Sheets.
    #[serde(rename = "sheet")]
    Sheet,
    /// Square metres.
    #[serde(rename = "m2")]
    SquareMetre,
    /// Kilograms.
    #[serde(rename = "kg")]
    Kilogram,
    /// Linear metres of a web.
    #[serde(rename = "m")]
    Metre,
    /// Countable pieces: cartons, labels, plates.
    #[serde(rename = "piece")]
    Piece,
    /// Litres: varnish, solvents.
    #[serde(rename = "l")]
    Litre,
}

impl Unit {
    /// Every unit, in the order in which error messages list them.
    pub const ALL: [Self; 6] = [
        Self::Sheet,
        Self::SquareMetre,
        Self::Kilogram,
        Self::Metre,
        Self::Piece,
        Self::Litre,
    ];

    /// The text form used on the wire, in the API and on labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sheet => "sheet",
            Self::SquareMetre => "m2",
            Self::Kilogram => "kg",
            Self::Metre => "m",
            Self::Piece => "piece",
            Self::Litre => "l",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Unit {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.as_str() == text)
            .ok_or_else(|| QuantityError::UnknownUnit(text.to_owned()))
    }
}

/// Why an amount or a unit was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The unit is none of ours.
    #[error("unknown unit `{0}`: expected one of sheet, m2, kg, m, piece, l")]
    UnknownUnit(String),
    /// The amount is not a decimal number.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// More decimals than are kept.
    #[error("`{0}` has more than {SCALE_MAX} decimals")]
    TooFine(Decimal),
    /// Larger than can be stored.
    #[error("`{0}` is too large: amounts stay below 100,000,000,000,000")]
    TooLarge(Decimal),
    /// Two units where one was expected.
    #[error("cannot combine `{left}` with `{right}`")]
    UnitsDiffer { left: Unit, right: Unit },
}

/// An amount with its unit.
///
/// ```
/// use agog_sync::quantity::{Quantity, Unit};
/// let roll = Quantity::parse("50000", "sheet").unwrap();
/// let drawn = Quantity::parse("10000", "sheet").unwrap();
/// assert_eq!(roll.checked_sub(drawn).unwrap().to_string(), "40000 sheet");
/// assert!(roll.checked_sub(Quantity::parse("1", "kg").unwrap()).is_err());
/// ```
///
/// Reading one from JSON checks the limits of this module, so that sums of what was read cannot
/// overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Quantity {
    /// The number; on the wire a string, so that no reader turns it into a float.
    pub amount: Decimal,
    /// What is counted.
    pub unit: Unit,
}

/// A quantity as it stands in JSON.
#[derive(Deserialize)]
struct Unchecked {
    amount: Decimal,
    unit: Unit,
}

impl TryFrom<Unchecked> for Quantity {
    type Error = QuantityError;

    fn try_from(read: Unchecked) -> Result<Self, QuantityError> {
        Self::new(read.amount, read.unit).checked()
    }
}

impl Quantity {
    /// An amount of a unit; not checked against the limits, for amounts that we computed.
    pub const fn new(amount: Decimal, unit: Unit) -> Self {
        Self { amount, unit }
    }

    /// Reads an amount and a unit as people enter them, within the limits of this module.
    pub fn parse(amount: &str, unit: &str) -> Result<Self, QuantityError> {
        let parsed = Decimal::from_str_exact(amount.trim())
            .map_err(|_| QuantityError::NotANumber(amount.to_owned()))?;
        Self::new(parsed, unit.parse()?).checked()
    }

    /// The same quantity, when it is within the limits of this module.
    pub fn checked(self) -> Result<Self, QuantityError> {
        if self.amount.normalize().scale() > SCALE_MAX {
            return Err(QuantityError::TooFine(self.amount));
        }
        if self.amount.abs() >= amount_max() {
            return Err(QuantityError::TooLarge(self.amount));
        }
        Ok(Self {
            amount: self.amount.normalize(),
            unit: self.unit,
        })
    }

    /// Adds a quantity of the same unit.
    pub fn checked_add(self, other: Self) -> Result<Self, QuantityError> {
        self.same_unit(other)?;
        Self::new(self.amount + other.amount, self.unit).checked()
    }

    /// Takes away a quantity of the same unit; the result may be negative.
    pub fn checked_sub(self, other: Self) -> Result<Self, QuantityError> {
        self.same_unit(other)?;
        Self::new(self.amount - other.amount, self.unit).checked()
    }

    fn same_unit(self, other: Self) -> Result<(), QuantityError> {
        if self.unit == other.unit {
            Ok(())
        } else {
            Err(QuantityError::UnitsDiffer {
                left: self.unit,
                right: other.unit,
            })
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount.normalize(), self.unit)
    }
}

/// A quantity as it was entered and in the base unit of its material. Both are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// What the person or the machine said.
    pub entered: Quantity,
    /// The same in the material's base unit.
    pub base: Quantity,
}

impl Measured {
    /// A quantity that was entered in the base unit.
    pub const fn in_base(quantity: Quantity) -> Self {
        Self {
            entered: quantity,
            base: quantity,
        }
    }
}

/// A kind of material, with the dimensions that conversion needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// The company's article code.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// The unit in which lots of it are counted.
    pub base_unit: Unit,
    /// Width of a sheet or web in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_mm: Option<Decimal>,
    /// Length of a sheet in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_mm: Option<Decimal>,
    /// Grammage in grams per square metre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammage_g_m2: Option<Decimal>,
}

/// Why a quantity cannot be expressed in the base unit of a material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// The two units measure different things.
    #[error("`{material}` is counted in {base}; {entered} cannot be converted to it")]
    Incompatible {
        material: String,
        entered: Unit,
        base: Unit,
    },
    /// A dimension of the material is not known.
    #[error(
        "`{material}` is counted in {base}; to convert {entered} its {missing} must be set on the material"
    )]
    DimensionMissing {
        material: String,
        entered: Unit,
        base: Unit,
        missing: &'static str,
    },
    /// The converted amount cannot be stored.
    #[error(transparent)]
    Amount(#[from] QuantityError),
}

impl Material {
    /// A material without dimensions: everything is entered in its base unit.
    pub fn simple(code: impl Into<String>, base_unit: Unit) -> Self {
        let code = code.into();
        Self {
            name: code.clone(),
            code,
            base_unit,
            width_mm: None,
            length_mm: None,
            grammage_g_m2: None,
        }
    }

    /// Expresses `entered` in the base unit, rounded half to even at [`SCALE_MAX`] decimals.
    ///
    /// Sheets, square metres, kilograms and linear metres convert through the area: a sheet is
    /// width × length, a linear metre is width, a kilogram is 1000 / grammage.
    ///
    /// ```
    /// use agog_sync::quantity::{Material, Quantity, Unit};
    /// let board = Material {
    ///     width_mm: Some(1000.into()), length_mm: Some(700.into()), grammage_g_m2: Some(300.into()),
    ///     ..Material::simple("BOARD-300", Unit::Sheet)
    /// };
    /// let weighed = Quantity::parse("210", "kg").unwrap();
    /// assert_eq!(board.to_base(weighed).unwrap().base.to_string(), "1000 sheet");
    /// ```
    pub fn to_base(&self, entered: Quantity) -> Result<Measured, ConversionError> {
        let entered = entered.checked()?;
        if entered.unit == self.base_unit {
            return Ok(Measured::in_base(entered));
        }
        let area_of_entered = self.area_of_one(entered.unit, entered.unit)?;
        let area_of_base = self.area_of_one(self.base_unit, entered.unit)?;
        let amount = entered
            .amount
            .checked_mul(area_of_entered)
            .and_then(|area| area.checked_div(area_of_base))
            .ok_or(QuantityError::TooLarge(entered.amount))?
            .round_dp(SCALE_MAX);
        let base = Quantity::new(amount, self.base_unit).checked()?;
        Ok(Measured { entered, base })
    }

    /// The square metres in one `unit` of this material.
    fn area_of_one(&self, unit: Unit, entered: Unit) -> Result<Decimal, ConversionError> {
        let millimetres = Decimal::from(1000);
        match unit {
            Unit::SquareMetre => Ok(Decimal::ONE),
            Unit::Sheet => Ok(
                self.dimension(self.width_mm, "width", entered)? / millimetres
                    * (self.dimension(self.length_mm, "length", entered)? / millimetres),
            ),
            Unit::Metre => Ok(self.dimension(self.width_mm, "width", entered)? / millimetres),
            Unit::Kilogram => {
                Ok(millimetres / self.dimension(self.grammage_g_m2, "grammage", entered)?)
            }
            Unit::Piece | Unit::Litre => Err(ConversionError::Incompatible {
                material: self.code.clone(),
                entered,
                base: self.base_unit,
            }),
        }
    }

    fn dimension(
        &self,
        value: Option<Decimal>,
        missing: &'static str,
        entered: Unit,
    ) -> Result<Decimal, ConversionError> {
        value.filter(|value| *value > Decimal::ZERO).ok_or_else(|| {
            ConversionError::DimensionMissing {
                material: self.code.clone(),
                entered,
                base: self.base_unit,
                missing,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn board() -> Material {
        Material {
            width_mm: Some(1000.into()),
            length_mm: Some(700.into()),
            grammage_g_m2: Some(300.into()),
            ..Material::simple("BOARD-300", Unit::Sheet)
        }
    }

    #[test]
    fn paper_converts_between_sheet_area_weight_and_length() {
        for (amount, unit, sheets) in [
            ("0.7", "m2", "1"),
            ("0.21", "kg", "1"),
            ("0.7", "m", "1"),
            ("12", "sheet", "12"),
        ] {
            let measured = board()
                .to_base(Quantity::parse(amount, unit).unwrap())
                .unwrap();
            assert_eq!(
                measured.base.to_string(),
                format!("{sheets} sheet"),
                "{amount} {unit}"
            );
            assert_eq!(measured.entered.to_string(), format!("{amount} {unit}"));
        }
    }

    #[test]
    fn a_missing_dimension_and_a_foreign_unit_are_named() {
        let bare = Material::simple("BOARD-300", Unit::Sheet);
        let error = bare
            .to_base(Quantity::parse("1", "kg").unwrap())
            .unwrap_err();
        assert!(
            error.to_string().contains("its grammage must be set"),
            "{error}"
        );
        let error = board()
            .to_base(Quantity::parse("1", "l").unwrap())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`BOARD-300` is counted in sheet; l cannot be converted to it"
        );
    }

    #[test]
    fn amounts_beyond_what_can_be_stored_are_refused() {
        assert!(matches!(
            Quantity::parse("0.1234567", "kg"),
            Err(QuantityError::TooFine(_))
        ));
        assert!(matches!(
            Quantity::parse("100000000000000", "kg"),
            Err(QuantityError::TooLarge(_))
        ));
        assert!(matches!(
            Quantity::parse("1e3", "kg"),
            Err(QuantityError::NotANumber(_))
        ));
        assert!(matches!(
            Quantity::parse("ten", "kg"),
            Err(QuantityError::NotANumber(_))
        ));
        assert!(matches!(
            Quantity::parse("1", "stone"),
            Err(QuantityError::UnknownUnit(_))
        ));
    }

    #[test]
    fn an_amount_beyond_the_limits_is_not_read_from_json() {
        let absurd = r#"{"amount":"50000000000000000000000000000","unit":"sheet"}"#;
        let error = serde_json::from_str::<Quantity>(absurd).unwrap_err();
        assert!(error.to_string().contains("too large"), "{error}");
    }

    proptest! {
        #[test]
        fn amounts_survive_json_exactly(units in -1_000_000_000_000_i64..1_000_000_000_000, scale in 0_u32..=6) {
            let quantity = Quantity::new(Decimal::new(units, scale), Unit::Kilogram);
            let text = serde_json::to_string(&quantity).unwrap();
            let read: Quantity = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, quantity);
        }

        #[test]
        fn sheets_to_area_and_back_is_the_same_number_of_sheets(sheets in 1_i64..1_000_000) {
            let area = Material { base_unit: Unit::SquareMetre, ..board() };
            let there = area.to_base(Quantity::new(sheets.into(), Unit::Sheet)).unwrap();
            let back = board().to_base(there.base).unwrap();
            prop_assert_eq!(back.base.amount, Decimal::from(sheets));
        }
    }
}
