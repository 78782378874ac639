//! Which lots a returned amount was taken from. Pure.
//!
//! The device's own word per lot counts. What it leaves open is taken from the lots it names, else
//! from the lots that the ticket declares, in their order and as far as they reach; what is left
//! then comes from the last of them: a press fact is never refused.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// A lot that the device names, with what it says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedLot {
    pub(super) number: String,
    pub(super) amount: Option<Decimal>,
    pub(super) is_waste: bool,
}

/// What was drawn from one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(super) number: String,
    pub(super) good: Decimal,
    pub(super) waste: Decimal,
}

/// Divides `good` and `waste` among lots; empty when no lot is known at all.
pub(super) fn allocate(
    good: Decimal,
    waste: Decimal,
    named: &[NamedLot],
    declared: &[String],
    on_hand: &BTreeMap<String, Decimal>,
) -> Vec<Drawn> {
    let mut drawn: Vec<Drawn> = Vec::new();
    let numbers = named.iter().map(|lot| &lot.number);
    let candidates: Vec<&String> = if named.is_empty() {
        declared.iter().collect()
    } else {
        numbers.collect()
    };
    for number in candidates {
        if !drawn.iter().any(|lot| lot.number == *number) {
            drawn.push(Drawn {
                number: number.clone(),
                good: Decimal::ZERO,
                waste: Decimal::ZERO,
            });
        }
    }
    for lot in named {
        let Some(entry) = drawn.iter_mut().find(|entry| entry.number == lot.number) else {
            continue;
        };
        let amount = lot.amount.unwrap_or_default();
        if lot.is_waste {
            entry.waste += amount;
        } else {
            entry.good += amount;
        }
    }
    let open_good = good - drawn.iter().map(|lot| lot.good).sum::<Decimal>();
    fill(&mut drawn, open_good, on_hand, |lot| &mut lot.good);
    let open_waste = waste - drawn.iter().map(|lot| lot.waste).sum::<Decimal>();
    fill(&mut drawn, open_waste, on_hand, |lot| &mut lot.waste);
    drawn.retain(|lot| lot.good > Decimal::ZERO || lot.waste > Decimal::ZERO);
    drawn
}

fn fill(
    drawn: &mut [Drawn],
    mut open: Decimal,
    on_hand: &BTreeMap<String, Decimal>,
    part: impl Fn(&mut Drawn) -> &mut Decimal,
) {
    for lot in drawn.iter_mut() {
        if open <= Decimal::ZERO {
            return;
        }
        let left = on_hand.get(&lot.number).copied().unwrap_or_default() - lot.good - lot.waste;
        let take = open.min(left.max(Decimal::ZERO));
        *part(lot) += take;
        open -= take;
    }
    if let Some(last) = drawn.last_mut().filter(|_| open > Decimal::ZERO) {
        *part(last) += open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: &str, amount: Option<i64>, is_waste: bool) -> NamedLot {
        NamedLot {
            number: number.to_owned(),
            amount: amount.map(Decimal::from),
            is_waste,
        }
    }

    fn run(
        good: i64,
        waste: i64,
        lots: &[NamedLot],
        declared: &[&str],
        on_hand: &[(&str, i64)],
    ) -> Vec<(String, i64, i64)> {
        let declared: Vec<String> = declared.iter().map(ToString::to_string).collect();
        let on_hand = on_hand
            .iter()
            .map(|(lot, amount)| ((*lot).to_owned(), Decimal::from(*amount)))
            .collect();
        allocate(good.into(), waste.into(), lots, &declared, &on_hand)
            .into_iter()
            .map(|lot| {
                (
                    lot.number,
                    lot.good.try_into().unwrap(),
                    lot.waste.try_into().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_word_of_the_device_counts_lot_by_lot() {
        let lots = [
            named("A", Some(10_000), false),
            named("B", Some(4_500), false),
            named("B", Some(500), true),
        ];
        let drawn = run(14_500, 500, &lots, &["C"], &[]);
        assert_eq!(
            drawn,
            [("A".to_owned(), 10_000, 0), ("B".to_owned(), 4_500, 500)]
        );
    }

    #[test]
    fn without_a_word_the_declared_lots_are_drawn_in_order_and_the_last_takes_the_rest() {
        let on_hand = [("A", 10_000), ("B", 3_000)];
        let drawn = run(14_500, 500, &[], &["A", "B"], &on_hand);
        assert_eq!(
            drawn,
            [("A".to_owned(), 10_000, 0), ("B".to_owned(), 4_500, 500)]
        );
    }

    #[test]
    fn a_lot_that_is_named_without_an_amount_gets_what_is_open() {
        let drawn = run(
            14_500,
            500,
            &[named("A", None, false)],
            &["Z"],
            &[("A", 15_000)],
        );
        assert_eq!(drawn, [("A".to_owned(), 14_500, 500)]);
    }

    #[test]
    fn without_any_lot_nothing_can_be_drawn() {
        assert_eq!(run(14_500, 500, &[], &[], &[]), []);
    }

    #[test]
    fn nothing_is_lost_or_made_whatever_the_lots_hold() {
        for on_hand in [0, 1, 14_499, 14_500, 15_000, 20_000] {
            let drawn = run(14_500, 500, &[], &["A", "B"], &[("A", on_hand), ("B", 700)]);
            let sums = drawn
                .iter()
                .fold((0, 0), |sum, lot| (sum.0 + lot.1, sum.1 + lot.2));
            assert_eq!(sums, (14_500, 500), "{on_hand} on hand: {drawn:?}");
        }
    }
}
