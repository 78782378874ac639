//! How well a device used the time that was planned for it, by the terms of ISO 22400-2 (decision 20). No SQL.
//!
//! | here | ISO 22400-2 |
//! |---|---|
//! | planned | planned busy time (PBT): what is planned, less what is planned to be down |
//! | production | actual production time (APT) |
//! | set-up | actual unit setup time (AUST) |
//! | stops | actual unit delay time (ADET) |
//! | idle | actual unit down time (ADOT) |
//! | availability | APT / PBT |
//! | effectiveness | planned run time per item × produced quantity / APT |
//! | quality | good quantity / produced quantity |
//! | OEE | availability × effectiveness × quality |
//!
//! Times are counted in hundredths of a minute, on one grid, so that losses and good time add up to the planned time exactly.
//! What is not known is said and never guessed: a factor is missing with its reason, time of which nothing is known is a loss
//! of its own, and production time that cannot be divided stays undivided.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::calendar::Window;
use super::timeline::{Doing, Segment};

/// A hundredth of a minute, in microseconds.
const HUNDREDTH_US: i64 = 600_000;

/// What a state of a device counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Category {
    /// It makes something.
    Production,
    /// It is set up or cleaned for a job.
    Setup,
    /// It stands although it should work on a job.
    Stop,
    /// It could work and has nothing to do.
    Idle,
    /// It is planned not to work, for maintenance or a break: not part of the planned time.
    PlannedDown,
    /// Nobody can tell.
    Unknown,
}

impl Category {
    /// What a state as JMF names it counts as, when nothing else is set. States of other names have to be set.
    pub(super) fn of_jmf(state: &str) -> Self {
        match state {
            "Running" => Self::Production,
            "Setup" | "Cleanup" => Self::Setup,
            "Stopped" | "Down" => Self::Stop,
            "Idle" => Self::Idle,
            _ => Self::Unknown,
        }
    }
}

/// Hundredths of a minute.
pub(super) type Hundredths = i64;

/// Why something cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Missing {
    /// It is not set when the device is planned to work.
    NoCalendar,
    /// No time was planned.
    NothingPlanned,
    /// Of all planned time nothing is known.
    NothingKnown,
    /// It is not set how fast the device can be.
    NoIdealSpeed,
    /// The device has no such counter.
    NoCounter,
    /// The counter was not told although the device ran.
    NoSamples,
    /// What was made and what was wasted are counted in different units.
    DifferentUnits,
    /// The device never ran.
    NoProduction,
    /// The device made nothing.
    NothingProduced,
}

/// A number, or why there is none.
pub(super) type Known<T> = Result<T, Missing>;

/// A stop, or several for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StopLoss {
    pub state: String,
    pub reason: Option<String>,
    pub time: Hundredths,
    pub count: u32,
}

/// How the planned time was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// Without what was planned to be down.
    pub planned: Hundredths,
    pub planned_down: Hundredths,
    pub production: Hundredths,
    pub setup: Hundredths,
    pub idle: Hundredths,
    pub no_contact: Hundredths,
    pub unknown: Hundredths,
    /// The longest first.
    pub stops: Vec<StopLoss>,
}

impl Times {
    /// Sorts what a device did in the planned windows. The segments follow each other without a hole over all windows.
    pub(super) fn of(
        windows: &[Window],
        segments: &[Segment],
        category: impl Fn(&str) -> Category,
    ) -> Self {
        let mut times = Self::default();
        let mut stops: BTreeMap<(&str, Option<&str>), (Hundredths, u32)> = BTreeMap::new();
        let mut segments = segments.iter().peekable();
        // When the stop began that was counted last: one that lasts through several windows is one stop.
        let mut counted = None;
        for window in windows {
            times.planned += grid(window.to) - grid(window.from);
            while let Some(segment) = segments.peek() {
                let (from, to) = (segment.from.max(window.from), segment.to.min(window.to));
                if from < to {
                    let time = grid(to) - grid(from);
                    if let Some(sum) = times.sum_of(&segment.doing, &category) {
                        *sum += time;
                    } else {
                        let key = (segment.doing.name(), segment.doing.reason());
                        let stop = stops.entry(key).or_default();
                        stop.0 += time;
                        stop.1 += u32::from(counted != Some(segment.from));
                        counted = Some(segment.from);
                    }
                }
                // The rest of it may be in the next window.
                if segment.to > window.to {
                    break;
                }
                segments.next();
            }
        }
        times.planned -= times.planned_down;
        times.stops = stops
            .into_iter()
            .map(|((state, reason), (time, count))| StopLoss {
                state: state.to_owned(),
                reason: reason.map(str::to_owned),
                time,
                count,
            })
            .collect();
        times.stops.sort_by_key(|stop| std::cmp::Reverse(stop.time));
        times
    }

    /// Where time is summed up; none for a stop.
    fn sum_of(
        &mut self,
        doing: &Doing,
        category: &impl Fn(&str) -> Category,
    ) -> Option<&mut Hundredths> {
        let state = match doing {
            Doing::State { state, .. } => state,
            Doing::NoContact => return Some(&mut self.no_contact),
            Doing::Unknown => return Some(&mut self.unknown),
        };
        match category(state) {
            Category::Production => Some(&mut self.production),
            Category::Setup => Some(&mut self.setup),
            Category::Idle => Some(&mut self.idle),
            Category::PlannedDown => Some(&mut self.planned_down),
            Category::Unknown => Some(&mut self.unknown),
            Category::Stop => None,
        }
    }
}

/// How well planned time was used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Oee {
    pub availability: Known<f64>,
    pub effectiveness: Known<f64>,
    pub quality: Known<f64>,
    /// Availability × effectiveness × quality.
    pub index: Known<f64>,
    /// What the production time would have been too long for at the ideal speed.
    pub speed_loss: Option<Hundredths>,
    /// In which, at the ideal speed, waste was made.
    pub quality_loss: Option<Hundredths>,
    /// In which, at the ideal speed, what is good was made.
    pub good: Option<Hundredths>,
    /// Production time of which nobody knows which of the three it was.
    pub undivided: Hundredths,
}

impl Oee {
    /// Of a device of which nobody has said when it is planned to work.
    pub(super) const UNPLANNED: Self = Self {
        availability: Err(Missing::NoCalendar),
        effectiveness: Err(Missing::NoCalendar),
        quality: Err(Missing::NoCalendar),
        index: Err(Missing::NoCalendar),
        speed_loss: None,
        quality_loss: None,
        good: None,
        undivided: 0,
    };

    /// Of the times, of how many units the device can make in an hour, and of what was counted while it was planned.
    pub(super) fn of(
        times: &Times,
        ideal_per_hour: Option<f64>,
        produced: Known<f64>,
        waste: Known<f64>,
    ) -> Self {
        let availability = availability(times);
        // How long the device takes at the ideal speed for what it made.
        let ideal = ideal_per_hour
            .ok_or(Missing::NoIdealSpeed)
            .and_then(|speed| Ok(produced? / speed * 6_000.0));
        let effectiveness = match (ideal, times.production) {
            (Ok(_), 0) => Err(Missing::NoProduction),
            (Ok(ideal), production) => Ok(ideal / to_f64(production)),
            (Err(missing), _) => Err(missing),
        };
        let quality = match (produced, waste) {
            (Err(missing), _) | (_, Err(missing)) => Err(missing),
            (Ok(produced), _) if produced <= 0.0 => Err(Missing::NothingProduced),
            (Ok(produced), Ok(waste)) => Ok(1.0 - (waste / produced).clamp(0.0, 1.0)),
        };
        let index = match availability {
            // Nothing was made, whatever else is not known.
            Ok(availability) if availability <= 0.0 => Ok(0.0),
            _ => availability.and_then(|availability| {
                let effectiveness = effectiveness?;
                // Who made nothing made nothing that is good.
                if effectiveness <= 0.0 {
                    return Ok(0.0);
                }
                Ok(availability * effectiveness * quality?)
            }),
        };
        let mut this = Self {
            availability,
            effectiveness,
            quality,
            index,
            speed_loss: None,
            quality_loss: None,
            good: None,
            undivided: times.production,
        };
        this.divide(times.production, ideal.ok());
        this
    }

    /// Divides the production time as far as it is known how. A device that was faster than its ideal has lost no time by
    /// speed.
    fn divide(&mut self, production: Hundredths, ideal: Option<f64>) {
        let Some(ideal) = ideal else {
            if production == 0 {
                (self.speed_loss, self.quality_loss, self.good) = (Some(0), Some(0), Some(0));
            }
            return;
        };
        let productive = whole(ideal).min(production);
        self.speed_loss = Some(production - productive);
        self.undivided = productive;
        let quality = match self.quality {
            Ok(quality) => quality,
            Err(_) if productive == 0 => 1.0,
            Err(_) => return,
        };
        let good = whole(to_f64(productive) * quality).min(productive);
        self.quality_loss = Some(productive - good);
        self.good = Some(good);
        self.undivided = 0;
    }
}

/// Time of which nothing is known is not production, so this is the least that it was.
fn availability(times: &Times) -> Known<f64> {
    if times.planned <= 0 {
        return Err(Missing::NothingPlanned);
    }
    if times.no_contact + times.unknown == times.planned {
        return Err(Missing::NothingKnown);
    }
    Ok(to_f64(times.production) / to_f64(times.planned))
}

/// The nearest hundredth of a minute. Spans between places of the grid add up, whatever lies between them.
fn grid(at: Timestamp) -> Hundredths {
    (at.as_microsecond() + HUNDREDTH_US / 2).div_euclid(HUNDREDTH_US)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a quarter has 13 million hundredths of a minute, and a float is exact up to 2^53"
)]
pub(super) fn to_f64(hundredths: Hundredths) -> f64 {
    hundredths as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it saturates, and is then cut to the production time"
)]
fn whole(hundredths: f64) -> Hundredths {
    hundredths.max(0.0).round() as Hundredths
}

#[cfg(test)]
mod tests;
