//! Amounts: how much was planned and how much was used or made, good and waste, and of which lots.
//! Resource links, JMF's `ResourceInfo` and audits share this shape.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::element::Element;
use crate::finding::Finding;
use crate::state::Consumption;
use crate::value::Fields;
use crate::view::ElementRef;

/// The keys of one part of a job or resource, such as `SheetName` and `Side`.
///
/// ```
/// use agog_jdf::PartKeys;
/// use agog_jdf::jmf::JobPhase;
/// let sheet = PartKeys::from([("SheetName".to_owned(), "S1".to_owned())]);
/// let phase = JobPhase { parts: vec![sheet], ..JobPhase::default() };
/// assert_eq!(phase.to_element().to_xml(), r#"<JobPhase Status="Waiting"><Part SheetName="S1"/></JobPhase>"#);
/// ```
pub type PartKeys = BTreeMap<String, String>;

/// A lot that an amount came from or went into (JDF 1.5, `Lot`). What was used of it is what genealogy is made of.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Cutting"><ResourceLinkPool><MediaLink rRef="m" Usage="Input">
///   <Lot LotID="R-2025-17" ActualAmount="480" Consumption="Partial"/></MediaLink></ResourceLinkPool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let link = Ticket::of(&document)?.root().inputs().next().unwrap();
/// let lot = &link.amounts(&mut Vec::new()).lots[0];
/// assert_eq!((lot.lot_id.as_str(), lot.actual_amount), ("R-2025-17", Some(480.into())));
/// assert_eq!(lot.consumption, Some(agog_jdf::Consumption::Partial));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lot {
    /// The number that the plant knows the lot by (`LotID`); empty if the document left it out.
    pub lot_id: String,
    /// How much of it was planned, in the unit of the resource.
    pub amount: Option<Decimal>,
    /// How much of it was really used or made, in the unit of the resource.
    pub actual_amount: Option<Decimal>,
    /// Whether it was used up.
    pub consumption: Option<Consumption>,
}

/// The amount of one part (JDF 1.5, `PartAmount`): partition keys such as `Condition` or `SheetName`, amounts,
/// lots.
///
/// ```
/// use agog_jdf::{Lot, PartAmount};
/// let lot = |id: &str, amount: u32| Lot { lot_id: id.to_owned(), actual_amount: Some(amount.into()), ..Lot::default() };
/// let good = PartAmount::of_condition("Good").with_lot(lot("L1", 600)).with_lot(lot("L2", 150));
/// assert_eq!(good.actual(), Some(750.into()), "without an amount of its own, the lots tell it");
/// assert_eq!(good.part["Condition"], "Good");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartAmount {
    /// The keys that say which part is meant, by name; also `Condition`, which tells good from waste.
    pub part: BTreeMap<String, String>,
    /// What was planned, in the unit of the resource.
    pub amount: Option<Decimal>,
    /// What was really used or made, in the unit of the resource.
    pub actual_amount: Option<Decimal>,
    /// The lots that it came from or went into.
    pub lots: Vec<Lot>,
}

/// All amounts of one link (JDF 1.5, `ResourceLink` and `AmountPool`): its own attributes and lots, and those of
/// its parts. The unit is that of the resource: sheets, metres, kilograms, pieces.
///
/// Devices tell good and waste in several ways. The methods here settle which number counts; they add up without
/// overflow, and `None` means that nothing was said, which is not the same as nothing used.
///
/// ```
/// use agog_jdf::{Amounts, PartAmount};
/// let amounts = Amounts {
///     amount: Some(1_000.into()),
///     parts: vec![
///         PartAmount::of_condition("Good").with_actual(980.into()),
///         PartAmount::of_condition("Waste").with_actual(35.into()),
///     ],
///     ..Amounts::default()
/// };
/// assert_eq!((amounts.planned(), amounts.actual_good()), (Some(1_000.into()), Some(980.into())));
/// assert_eq!((amounts.actual_waste(), amounts.actual_total()), (Some(35.into()), Some(1_015.into())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amounts {
    /// What was planned in all (`Amount`).
    pub amount: Option<Decimal>,
    /// What was really used or made in all, good and waste (`ActualAmount`).
    pub actual_amount: Option<Decimal>,
    /// The lots that no part is told of.
    pub lots: Vec<Lot>,
    /// The entries of the `AmountPool`.
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

    /// Says what was really used or made.
    ///
    /// ```
    /// use agog_jdf::PartAmount;
    /// assert_eq!(PartAmount::of_condition("Good").with_actual(980.into()).actual_amount, Some(980.into()));
    /// ```
    #[must_use]
    pub fn with_actual(mut self, amount: Decimal) -> Self {
        self.actual_amount = Some(amount);
        self
    }

    /// Adds a lot that it came from or went into.
    ///
    /// ```
    /// use agog_jdf::{Lot, PartAmount};
    /// let roll = Lot { lot_id: "R-17".to_owned(), ..Lot::default() };
    /// assert_eq!(PartAmount::of_condition("Good").with_lot(roll).lots[0].lot_id, "R-17");
    /// ```
    #[must_use]
    pub fn with_lot(mut self, lot: Lot) -> Self {
        self.lots.push(lot);
        self
    }

    /// The `Condition` among the keys: `Good`, `Waste` or a finer one; `None` if the part does not say.
    ///
    /// ```
    /// use agog_jdf::PartAmount;
    /// assert_eq!(PartAmount::of_condition("PaperWaste").condition(), Some("PaperWaste"));
    /// assert_eq!(PartAmount::default().condition(), None);
    /// ```
    pub fn condition(&self) -> Option<&str> {
        self.part.get("Condition").map(String::as_str)
    }

    /// What was really used or made: the part's own word, else the sum of its lots.
    ///
    /// ```
    /// use agog_jdf::{Lot, PartAmount};
    /// let lot = Lot { lot_id: "L1".to_owned(), actual_amount: Some(40.into()), ..Lot::default() };
    /// let part = PartAmount::of_condition("Good").with_lot(lot);
    /// assert_eq!(part.actual(), Some(40.into()));
    /// assert_eq!(part.with_actual(42.into()).actual(), Some(42.into()));
    /// ```
    pub fn actual(&self) -> Option<Decimal> {
        self.actual_amount.or_else(|| sum_of_lots(&self.lots))
    }

    /// `Waste` and the vendors' finer kinds of it, such as `PaperWaste`.
    ///
    /// ```
    /// use agog_jdf::PartAmount;
    /// assert!(PartAmount::of_condition("PaperWaste").is_waste());
    /// assert!(!PartAmount::of_condition("Good").is_waste() && !PartAmount::default().is_waste());
    /// ```
    pub fn is_waste(&self) -> bool {
        self.condition()
            .is_some_and(|condition| condition.contains("Waste"))
    }
}

impl Amounts {
    /// What was planned: the parts that are not waste if they say, else the link's own amount.
    ///
    /// ```
    /// use agog_jdf::{Amounts, PartAmount};
    /// let sheet = |amount: u32| PartAmount { amount: Some(amount.into()), ..PartAmount::of_condition("Good") };
    /// let amounts = Amounts { amount: Some(900.into()), parts: vec![sheet(500), sheet(250)], ..Amounts::default() };
    /// assert_eq!(amounts.planned(), Some(750.into()));
    /// ```
    pub fn planned(&self) -> Option<Decimal> {
        self.sum(false, |part| part.amount).or(self.amount)
    }

    /// What was really used or made and is good: the parts if they say, else the link's own amount or lots.
    ///
    /// ```
    /// use agog_jdf::{Amounts, PartAmount};
    /// let waste = PartAmount::of_condition("Waste").with_actual(35.into());
    /// let amounts = Amounts { actual_amount: Some(1_000.into()), parts: vec![waste], ..Amounts::default() };
    /// assert_eq!(amounts.actual_good(), Some(965.into()), "the total less what is known to be waste");
    /// ```
    pub fn actual_good(&self) -> Option<Decimal> {
        // A total of which some part is known to be waste. Nothing less than nothing can be good.
        let rest = || {
            let waste = self.actual_waste().unwrap_or_default();
            let good = self.own_actual()?.saturating_sub(waste);
            Some(if waste.is_zero() {
                good
            } else {
                good.max(Decimal::ZERO)
            })
        };
        self.sum(false, PartAmount::actual).or_else(rest)
    }

    /// What was really wasted, of all parts whose condition says so; `None` if none tells an amount.
    ///
    /// ```
    /// use agog_jdf::{Amounts, PartAmount};
    /// let waste = |kind: &str, amount: u32| PartAmount::of_condition(kind).with_actual(amount.into());
    /// let amounts = Amounts { parts: vec![waste("Waste", 20), waste("PaperWaste", 15)], ..Amounts::default() };
    /// assert_eq!(amounts.actual_waste(), Some(35.into()));
    /// ```
    pub fn actual_waste(&self) -> Option<Decimal> {
        self.sum(true, PartAmount::actual)
    }

    /// Good and waste together; `None` if neither is told.
    ///
    /// ```
    /// use agog_jdf::{Amounts, PartAmount};
    /// assert_eq!(Amounts::default().actual_total(), None);
    /// let good = PartAmount::of_condition("Good").with_actual(0.into());
    /// let amounts = Amounts { parts: vec![good], ..Amounts::default() };
    /// assert_eq!(amounts.actual_total(), Some(0.into()), "nothing was made, and that was said");
    /// ```
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
    ///
    /// ```
    /// use agog_jdf::{Amounts, Lot, PartAmount};
    /// let lot = |id: &str| Lot { lot_id: id.to_owned(), ..Lot::default() };
    /// let amounts = Amounts {
    ///     lots: vec![lot("L1")],
    ///     parts: vec![PartAmount::of_condition("Waste").with_lot(lot("L2"))],
    ///     ..Amounts::default()
    /// };
    /// let lots: Vec<_> = amounts.all_lots().map(|(lot, is_waste)| (lot.lot_id.as_str(), is_waste)).collect();
    /// assert_eq!(lots, [("L1", false), ("L2", true)]);
    /// ```
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
            part.with(key.clone(), value)
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

    #[test]
    fn more_waste_than_was_used_in_all_leaves_nothing_good() {
        let amounts = Amounts {
            actual_amount: Some(5.into()),
            parts: vec![PartAmount::of_condition("Waste").with_actual(8.into())],
            ..Amounts::default()
        };
        assert_eq!(amounts.actual_good(), Some(0.into()));
        assert_eq!(amounts.actual_total(), Some(8.into()));
    }
}
