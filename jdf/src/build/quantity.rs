//! How much each step needs: counted backwards from what is ordered, in whole pieces, sheets and metres.

use super::job::{JobDescription, JobKind, Sheet};
use super::step::StepKind;

/// What the count needs to know of one step.
///
/// ```
/// use agog_jdf::build::{LaneStep, StepAmounts, amounts_of_lane};
/// let die_cut = LaneStep { setup_waste: 10, run_waste_permille: 5, per_piece: Some((8, 1)) };
/// let amounts = amounts_of_lane(10_000, &[die_cut]);
/// assert_eq!(amounts, [StepAmounts { input_good: 1_250, waste: 17, output_good: 10_000 }]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStep {
    /// Waste of making ready, in what goes in.
    pub setup_waste: u64,
    /// Waste of the run, in thousandths of the good input.
    pub run_waste_permille: u32,
    /// Where the step separates sheets or web: `(pieces, length)`. With a length of 1, so many pieces come from one
    /// sheet; with any other, from a repeat of so many micrometres of web, and what goes in is counted in whole
    /// metres. `None` where the count stays.
    pub per_piece: Option<(u64, u64)>,
}

/// The amounts of one step, in what goes into it and comes out of it: pieces, sheets, or metres of web.
///
/// ```
/// use agog_jdf::build::{LaneStep, amounts_of_lane};
/// let print = LaneStep { setup_waste: 250, run_waste_permille: 20, per_piece: None };
/// let amounts = amounts_of_lane(10_000, &[print])[0];
/// assert_eq!((amounts.input_good, amounts.waste, amounts.output_good), (10_000, 450, 10_000));
/// assert_eq!(amounts.input(), 10_450, "what is to be fetched from the store");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAmounts {
    /// What goes in and becomes good output.
    pub input_good: u64,
    /// What goes in and becomes waste.
    pub waste: u64,
    /// What comes out good.
    pub output_good: u64,
}

impl StepAmounts {
    /// All that goes in.
    ///
    /// ```
    /// use agog_jdf::build::StepAmounts;
    /// assert_eq!(StepAmounts { input_good: 1_250, waste: 17, output_good: 10_000 }.input(), 1_267);
    /// ```
    pub fn input(self) -> u64 {
        self.input_good.saturating_add(self.waste)
    }
}

/// Counts backwards through the steps of one sheet or web, in their order:
/// 1. the last step puts out `wanted` good pieces, every other one what the next takes in;
/// 2. a step that separates needs the sheets (or metres) that hold as many pieces, rounded up; every other
///    step needs as many as it puts out;
/// 3. on top comes waste: the permille of the run, rounded up, and making ready.
///
/// Counts saturate instead of overflowing; a description that is checked stays far below.
///
/// ```
/// use agog_jdf::build::{LaneStep, amounts_of_lane};
/// let print = LaneStep { setup_waste: 250, run_waste_permille: 20, per_piece: None };
/// let cut = LaneStep { setup_waste: 0, run_waste_permille: 0, per_piece: Some((4, 1)) };
/// let amounts = amounts_of_lane(1_001, &[print, cut]);
/// assert_eq!((amounts[1].input(), amounts[0].waste, amounts[0].input()), (251, 256, 507));
/// ```
pub fn amounts_of_lane(wanted: u64, steps: &[LaneStep]) -> Vec<StepAmounts> {
    let mut output_good = wanted;
    let mut amounts: Vec<_> = steps
        .iter()
        .rev()
        .map(|step| {
            let input_good = match step.per_piece {
                None => output_good,
                Some((pieces, 1)) => output_good.div_ceil(pieces.max(1)),
                Some((pieces, micrometres)) => {
                    let repeats = u128::from(output_good.div_ceil(pieces.max(1)));
                    narrow((repeats * u128::from(micrometres)).div_ceil(MICROMETRES_PER_METRE))
                }
            };
            let run = (u128::from(input_good) * u128::from(step.run_waste_permille)).div_ceil(1000);
            let step = StepAmounts {
                input_good,
                waste: narrow(run).saturating_add(step.setup_waste),
                output_good,
            };
            output_good = step.input();
            step
        })
        .collect();
    amounts.reverse();
    amounts
}

const MICROMETRES_PER_METRE: u128 = 1_000_000;

fn narrow(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl JobDescription {
    /// What is planned of a product: ordered and overs.
    pub(super) fn planned(&self, quantity: u64) -> u64 {
        let overs = (u128::from(quantity) * u128::from(self.overs_percent)).div_ceil(100);
        quantity.saturating_add(narrow(overs))
    }

    /// The step at which sheets or web become pieces.
    pub(super) fn separates_at(&self) -> Option<usize> {
        let separates = |kind| match kind {
            StepKind::Slit => self.kind.is_web(),
            StepKind::DieCut | StepKind::Cut => !self.kind.is_web(),
            _ => false,
        };
        self.steps.iter().position(|step| separates(step.kind))
    }

    /// Good sheets that a gang needs: as many as the product that needs most of them.
    pub(super) fn gang_sheets(&self) -> u64 {
        let of = self.products.iter().map(|product| {
            let ups = u64::from(product.ups.unwrap_or(1)).max(1);
            self.planned(product.quantity).div_ceil(ups)
        });
        of.max().unwrap_or(0)
    }

    /// The amounts of every step but plate making, which counts nothing; one entry per step, for one sheet.
    pub(super) fn amounts(&self, sheet: &Sheet) -> Vec<StepAmounts> {
        let separates = self.separates_at();
        let gang = self.kind == JobKind::GangSheet;
        let steps: Vec<_> = self
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                let per_piece = (Some(index) == separates).then(|| {
                    let length = if self.kind.is_web() {
                        micrometres(sheet.size.height)
                    } else {
                        1
                    };
                    // All pieces of a gang come from the sheet together: they are counted as sheets.
                    (if gang { 1 } else { u64::from(self.ups(sheet)) }, length)
                });
                let counts = step.kind != StepKind::Plates;
                LaneStep {
                    setup_waste: if counts { step.setup_waste } else { 0 },
                    run_waste_permille: if counts { step.run_waste_permille } else { 0 },
                    per_piece,
                }
            })
            .collect();
        let product = self.products.first();
        let wanted = if gang {
            self.gang_sheets()
        } else {
            self.planned(product.map_or(0, |product| product.quantity))
        };
        amounts_of_lane(wanted, &steps)
    }
}

/// Whole micrometres of a length that was checked to be a positive number of millimetres.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a checked length is positive and at most some metres; anything else saturates"
)]
fn micrometres(millimetres: f64) -> u64 {
    ((millimetres * 1000.0).round() as u64).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(setup_waste: u64, run_waste_permille: u32, per_piece: Option<(u64, u64)>) -> LaneStep {
        LaneStep {
            setup_waste,
            run_waste_permille,
            per_piece,
        }
    }

    #[test]
    fn every_step_puts_out_what_the_next_takes_in() {
        let amounts = amounts_of_lane(
            10_000,
            &[
                step(200, 20, None),
                step(30, 5, Some((8, 1))),
                step(50, 10, None),
            ],
        );
        assert_eq!(amounts[2].input(), 10_150);
        assert_eq!(amounts[1].output_good, 10_150);
        assert_eq!(amounts[1].input_good, 1_269);
        assert_eq!(amounts[1].waste, 37);
        assert_eq!(amounts[0].output_good, 1_306);
        assert_eq!(amounts[0].input(), 1_306 + 27 + 200);
    }

    #[test]
    fn a_web_is_counted_in_whole_metres() {
        // 1,001 labels, 4 on a repeat of 304.8 mm: 251 repeats, 76.5 m.
        let amounts = amounts_of_lane(1_001, &[step(0, 0, Some((4, 304_800)))]);
        assert_eq!(amounts[0].input_good, 77);
    }

    #[test]
    fn absurd_counts_saturate() {
        let amounts = amounts_of_lane(u64::MAX, &[step(u64::MAX, 500, Some((1, u64::MAX)))]);
        assert_eq!(amounts[0].input(), u64::MAX);
    }
}
