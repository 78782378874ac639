//! How a value is read: numbers, flags and texts that stand for numbers; then scale and offset.

use std::collections::BTreeMap;

use super::record::Scalar;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ingest) struct Reading {
    pub(super) unit: Option<String>,
    scale: Scale,
    offset: f64,
    values: BTreeMap<String, f64>,
    decimal_comma: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Times(f64),
    /// Tenths and hundredths of a counter: 123 / 10 is the float nearest to 12.3, and 123 × 0.1 is not.
    Over(f64),
}

impl Scale {
    fn of(scale: f64) -> Self {
        let inverse = (1.0 / scale).round();
        let is_exact = inverse > 1.0 && (1.0 / inverse).to_bits() == scale.to_bits();
        if is_exact {
            Self::Over(inverse)
        } else {
            Self::Times(scale)
        }
    }
}

impl Reading {
    /// Says which key is wrong, and how.
    pub(in crate::ingest) fn new(
        unit: Option<&String>,
        scale: Option<f64>,
        offset: Option<f64>,
        values: &BTreeMap<String, f64>,
        decimal_comma: bool,
    ) -> Result<Self, (&'static str, &'static str)> {
        let scale = scale.unwrap_or(1.0);
        let offset = offset.unwrap_or(0.0);
        if !scale.is_finite() || scale == 0.0 {
            return Err(("scale", "must be a number other than zero"));
        }
        if !offset.is_finite() {
            return Err(("offset", "must be a number"));
        }
        if values.values().any(|value| !value.is_finite()) {
            return Err(("values", "must be numbers"));
        }
        if unit.is_some_and(|unit| unit.trim().is_empty() || unit.chars().count() > 100) {
            return Err(("unit", "must have 1 to 100 characters"));
        }
        Ok(Self {
            unit: unit.cloned(),
            scale: Scale::of(scale),
            offset,
            values: values.clone(),
            decimal_comma,
        })
    }

    /// The number that is meant; none when there is none, or none that is finite.
    pub(in crate::ingest) fn value(&self, scalar: Scalar<'_>) -> Option<f64> {
        let value = match scalar {
            #[expect(clippy::cast_precision_loss, reason = "a series holds floats")]
            Scalar::Integer(integer) => integer as f64,
            Scalar::Float(float) => float,
            Scalar::Flag(flag) => {
                let word = if flag { "true" } else { "false" };
                let meant = self.values.get(word).copied();
                return meant.or(Some(f64::from(u8::from(flag))));
            }
            Scalar::Text(text) => {
                // Scale and offset are for what is measured, not for what was decided here.
                if let Some(meant) = self.values.get(text.trim()) {
                    return Some(*meant);
                }
                match text.trim() {
                    "true" | "TRUE" | "True" => return Some(1.0),
                    "false" | "FALSE" | "False" => return Some(0.0),
                    text => self.number(text)?,
                }
            }
            Scalar::Other => return None,
        };
        let value = match self.scale {
            Scale::Times(scale) => value * scale,
            Scale::Over(inverse) => value / inverse,
        };
        Some(value + self.offset).filter(|value| value.is_finite())
    }

    /// Whether a field that nobody named is a value: a text only when it is known what it means.
    pub(super) fn is_value(&self, scalar: Scalar<'_>) -> bool {
        match scalar {
            Scalar::Integer(_) | Scalar::Float(_) | Scalar::Flag(_) => true,
            Scalar::Text(text) => self.values.contains_key(text.trim()),
            Scalar::Other => false,
        }
    }

    fn number(&self, text: &str) -> Option<f64> {
        // `inf` and `nan` are floats to Rust; what is not finite is refused above.
        if self.decimal_comma && text.contains(',') {
            return text.replace(',', ".").parse().ok();
        }
        text.parse().ok()
    }

    /// In words, for `check`.
    pub(super) fn describe(&self) -> String {
        let mut parts = Vec::new();
        match self.scale {
            Scale::Times(scale) if scale.to_bits() == 1.0_f64.to_bits() => {}
            Scale::Times(scale) => parts.push(format!("times {scale}")),
            Scale::Over(inverse) => parts.push(format!("over {inverse}")),
        }
        if self.offset != 0.0 {
            parts.push(format!("plus {}", self.offset));
        }
        if let Some(unit) = &self.unit {
            parts.push(format!("in {unit}"));
        }
        if !self.values.is_empty() {
            let words = self.values.iter();
            let words = words.map(|(word, value)| format!("{word} = {value}"));
            parts.push(format!("with {}", words.collect::<Vec<_>>().join(", ")));
        }
        if parts.is_empty() {
            return String::new();
        }
        format!(" ({})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(scale: f64, offset: f64) -> Reading {
        let values = BTreeMap::from([("running".to_owned(), 1.0), ("stopped".to_owned(), 0.0)]);
        Reading::new(None, Some(scale), Some(offset), &values, true).unwrap()
    }

    #[test]
    fn tenths_and_hundredths_are_the_nearest_floats() {
        for (scale, raw, expect) in [
            (0.1, 123, 12.3),
            (0.01, 4_567, 45.67),
            (0.001, 1_001, 1.001),
        ] {
            let value = reading(scale, 0.0).value(Scalar::Integer(raw)).unwrap();
            assert_eq!(value.to_bits(), f64::to_bits(expect), "{value}");
        }
    }

    #[test]
    fn numbers_flags_and_texts_are_values_and_everything_else_is_none() {
        let reading = reading(2.0, -40.0);
        let value = |scalar| reading.value(scalar);
        assert_eq!(value(Scalar::Integer(50)), Some(60.0));
        assert_eq!(value(Scalar::Text("12,5")), Some(-15.0));
        assert_eq!(value(Scalar::Text(" running ")), Some(1.0));
        assert_eq!(value(Scalar::Flag(true)), Some(1.0));
        assert_eq!(value(Scalar::Text("broken")), None);
        assert_eq!(value(Scalar::Text("inf")), None);
        assert_eq!(value(Scalar::Float(f64::MAX)), None);
        assert_eq!(value(Scalar::Other), None);
    }
}
