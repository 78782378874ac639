//! What the elements of a label come to, in the words of the ledger.

use agog_sync::quantity::{Quantity, Unit};
use agog_sync::sscc::Sscc;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Element, Value};

/// A label: which goods, which lot of them, how much, and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The container that bears it.
    pub sscc: Option<Sscc>,
    /// What it is, or what is in the container.
    pub gtin: Option<String>,
    pub lot: Option<String>,
    pub serial: Option<String>,
    pub quantity: Option<Quantity>,
    pub expiry: Option<Date>,
    pub best_before: Option<Date>,
    pub produced: Option<Date>,
}

/// Which AI says the quantity when several do: what is weighed or measured net, then what is counted.
const QUANTITIES: [&str; 7] = ["310", "314", "311", "315", "316", "30", "37"];

impl Label {
    /// Reads the elements of a label.
    pub fn of(elements: &[Element]) -> Self {
        let value = |ai: &str| elements.iter().find(|it| it.ai == ai).map(|it| &it.value);
        let text = |ai: &str| match value(ai)? {
            Value::Text(text) | Value::Gtin(text) => Some(text.clone()),
            _ => None,
        };
        let date = |ai: &str| match value(ai)? {
            Value::Date(date) => Some(*date),
            Value::DateTime(time) => Some(time.date()),
            _ => None,
        };
        let sscc = match value("00") {
            Some(Value::Sscc(sscc)) => Some(*sscc),
            _ => None,
        };
        Self {
            sscc,
            gtin: text("01").or_else(|| text("02")),
            lot: text("10"),
            serial: text("21"),
            quantity: QUANTITIES.iter().find_map(|ai| quantity(elements, ai)),
            expiry: date("17"),
            best_before: date("15"),
            produced: date("11").or_else(|| date("8008")),
        }
    }
}

fn quantity(elements: &[Element], begin: &str) -> Option<Quantity> {
    let said = elements.iter().find(|it| match begin.len() {
        2 => it.ai == begin,
        _ => it.ai.len() == 4 && it.ai.starts_with(begin),
    })?;
    match said.value {
        Value::Count(count) => Some(Quantity::new(Decimal::from(count), Unit::Piece)),
        Value::Measure {
            amount,
            unit: Some(unit),
        } => Some(Quantity::new(amount, unit)),
        _ => None,
    }
}
