//! Amounts: how much was planned and how much was used or made, good and waste, and of which lots.
//! Resource links, JMF's `ResourceInfo` and audits share this shape.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::element::Element;
use crate::finding::Finding;
use crate::state::Consumption;
use crate::value::Fields;
use crate::view::ElementRef;

/// A lot that an amount came from or went into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lot {
    pub lot_id: String,
    pub amount: Option<Decimal>,
    pub actual_amount: Option<Decimal>,
    pub consumption: Option<Consumption>,
}

/// The amount of one part: partition keys such as `Condition` or `SheetName`, amounts, lots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartAmount {
    pub part: BTreeMap<String, String>,
    pub amount: Option<Decimal>,
    pub actual_amount: Option<Decimal>,
    pub lots: Vec<Lot>,
}

/// All amounts of one link: its own attributes and lots, and those of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amounts {
    pub amount: Option<Decimal>,
    pub actual_amount: Option<Decimal>,
    pub lots: Vec<Lot>,
    pub parts: Vec<PartAmount>,
}

impl PartAmount {
    /// An amount of good or of waste.
    ///
    /// ```
    /// let waste = agog_jdf::PartAmount::of_condition("Waste").with_actual(35.into());
    /// assert!(waste.is_waste());
    /// ```
    pub fn of_condition(condition: &str) -> Self {
        Self {
            part: BTreeMap::from([("Condition".to_owned(), condition.to_owned())]),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn with_actual(mut self, amount: Decimal) -> Self {
        self.actual_amount = Some(amount);
        self
    }

    #[must_use]
    pub fn with_lot(mut self, lot: Lot) -> Self {
        self.lots.push(lot);
        self
    }

    pub fn condition(&self) -> Option<&str> {
        self.part.get("Condition").map(String::as_str)
    }

    /// What was really used or made: the part's own word, else the sum of its lots.
    pub fn actual(&self) -> Option<Decimal> {
        self.actual_amount.or_else(|| sum_of_lots(&self.lots))
    }

    /// `Waste` and the vendors' finer kinds of it, such as `PaperWaste`.
    pub fn is_waste(&self) -> bool {
        self.condition()
            .is_some_and(|condition| condition.contains("Waste"))
    }
}

impl Amounts {
    /// What was planned: the parts that are not waste if they say, else the link's own amount.
    pub fn planned(&self) -> Option<Decimal> {
        self.sum(false, |part| part.amount).or(self.amount)
    }

    /// What was really used or made and is good: the parts if they say, else the link's own amount or lots.
    pub fn actual_good(&self) -> Option<Decimal> {
        // A total of which some part is known to be waste.
        let rest = || {
            Some(
                self.own_actual()?
                    .saturating_sub(self.actual_waste().unwrap_or_default()),
            )
        };
        self.sum(false, PartAmount::actual).or_else(rest)
    }

    pub fn actual_waste(&self) -> Option<Decimal> {
        self.sum(true, PartAmount::actual)
    }

    /// Good and waste together.
    pub fn actual_total(&self) -> Option<Decimal> {
        match (self.actual_good(), self.actual_waste()) {
            (None, None) => None,
            (good, waste) => Some(
                good.unwrap_or_default()
                    .saturating_add(waste.unwrap_or_default()),
            ),
        }
    }

    fn own_actual(&self) -> Option<Decimal> {
        self.actual_amount.or_else(|| sum_of_lots(&self.lots))
    }

    /// The lots named by the link and by its parts, each with whether it went into waste.
    pub fn all_lots(&self) -> impl Iterator<Item = (&Lot, bool)> {
        let own = self.lots.iter().map(|lot| (lot, false));
        own.chain(
            self.parts
                .iter()
                .flat_map(|part| part.lots.iter().map(|lot| (lot, part.is_waste()))),
        )
    }

    fn sum(&self, waste: bool, of: impl Fn(&PartAmount) -> Option<Decimal>) -> Option<Decimal> {
        self.parts
            .iter()
            .filter(|part| part.is_waste() == waste)
            .filter_map(of)
            .reduce(Decimal::saturating_add)
    }

    pub(crate) fn read(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Self {
        let mut fields = Fields::of(element, findings);
        let (amount, actual_amount) = (fields.decimal("Amount"), fields.decimal("ActualAmount"));
        let lots = read_lots(element, findings);
        let parts = element
            .children_named("AmountPool")
            .flat_map(|pool| pool.children_named("PartAmount"));
        Self {
            amount,
            actual_amount,
            lots,
            parts: parts.map(|part| read_part(part, findings)).collect(),
        }
    }

    /// The amounts as attributes and children of an element that carries them.
    pub(crate) fn write(&self, element: Element) -> Element {
        let element = element
            .with_some("Amount", self.amount)
            .with_some("ActualAmount", self.actual_amount);
        let element = if self.parts.is_empty() {
            element
        } else {
            element.child(
                Element::new("AmountPool").children(self.parts.iter().map(PartAmount::to_element)),
            )
        };
        element.children(self.lots.iter().map(Lot::to_element))
    }
}

fn sum_of_lots(lots: &[Lot]) -> Option<Decimal> {
    lots.iter()
        .filter_map(|lot| lot.actual_amount)
        .reduce(Decimal::saturating_add)
}

pub(crate) fn read_part(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> PartAmount {
    // Some devices repeat the part within one amount; the first says it all.
    let part = element.child("Part").map(read_keys).unwrap_or_default();
    let lots = read_lots(element, findings);
    let mut fields = Fields::of(element, findings);
    PartAmount {
        part,
        amount: fields.decimal("Amount"),
        actual_amount: fields.decimal("ActualAmount"),
        lots,
    }
}

pub(crate) fn read_keys(part: ElementRef<'_>) -> BTreeMap<String, String> {
    let keys = part
        .attributes()
        .filter(|attribute| !attribute.name.starts_with("xmlns") && !attribute.name.contains(':'));
    keys.map(|attribute| (attribute.name.to_owned(), attribute.value.to_owned()))
        .collect()
}

fn read_lots(element: ElementRef<'_>, findings: &mut Vec<Finding>) -> Vec<Lot> {
    element
        .children_named("Lot")
        .map(|lot| {
            let mut fields = Fields::of(lot, findings);
            Lot {
                lot_id: fields.required("LotID"),
                amount: fields.decimal("Amount"),
                actual_amount: fields.decimal("ActualAmount"),
                consumption: fields.state("Consumption"),
            }
        })
        .collect()
}

impl PartAmount {
    pub(crate) fn to_element(&self) -> Element {
        let amount = Element::new("PartAmount")
            .with_some("Amount", self.amount)
            .with_some("ActualAmount", self.actual_amount);
        if self.lots.is_empty() {
            return amount.child(self.part_element());
        }
        // The schema wants a part after every lot; repeating the same one changes nothing.
        let pairs = self
            .lots
            .iter()
            .flat_map(|lot| [lot.to_element(), self.part_element()]);
        amount.children(pairs)
    }

    pub(crate) fn part_element(&self) -> Element {
        keys_element(&self.part)
    }
}

/// A `Part` of these keys.
pub(crate) fn keys_element(keys: &BTreeMap<String, String>) -> Element {
    keys.iter()
        .fold(Element::new("Part"), |part, (key, value)| {
            part.with(key, value)
        })
}

impl Lot {
    pub(crate) fn to_element(&self) -> Element {
        Element::new("Lot")
            .with("LotID", &self.lot_id)
            .with_some("Amount", self.amount)
            .with_some("ActualAmount", self.actual_amount)
            .with_some("Consumption", self.consumption.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_no_press_makes_are_capped_and_do_not_panic() {
        let part = |condition: &str| PartAmount {
            actual_amount: Some(Decimal::MAX),
            ..PartAmount::of_condition(condition)
        };
        let amounts = Amounts {
            parts: vec![part("Good"), part("Good"), part("Waste")],
            ..Amounts::default()
        };
        assert_eq!(amounts.actual_good(), Some(Decimal::MAX));
        assert_eq!(amounts.actual_total(), Some(Decimal::MAX));
    }
}
