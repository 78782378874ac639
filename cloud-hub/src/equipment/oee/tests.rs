//! Tests of [`super`]: what the factors are, and that losses and good time are the planned time.

use proptest::prelude::*;

use super::*;

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// Hundredths of a minute.
fn minutes(minutes: i64) -> Hundredths {
    minutes * 100
}

fn window(from: i64, to: i64) -> Window {
    Window {
        from: minute(from),
        to: minute(to),
    }
}

fn segment(from: i64, to: i64, state: &str, reason: Option<&str>) -> Segment {
    let doing = match state {
        "no-contact" => Doing::NoContact,
        "unknown" => Doing::Unknown,
        state => Doing::State {
            state: state.to_owned(),
            reason: reason.map(str::to_owned),
            job: None,
        },
    };
    Segment {
        from: minute(from),
        to: minute(to),
        doing,
    }
}

fn times(windows: &[Window], segments: &[Segment]) -> Times {
    Times::of(windows, segments, Category::of_jmf)
}

/// A shift of eight hours with everything in it.
fn shift() -> Times {
    let segments = [
        segment(0, 60, "Running", None),
        segment(60, 90, "Setup", None),
        segment(90, 390, "Running", None),
        segment(390, 420, "Stopped", Some("paper jam")),
        segment(420, 450, "Idle", None),
        segment(450, 470, "no-contact", None),
        segment(470, 480, "Stopped", Some("paper jam")),
        segment(480, 540, "Cleanup", None),
        segment(540, 600, "Running", None),
    ];
    times(&[window(60, 540)], &segments)
}

/// Everything that the planned time is divided into.
fn sum(times: &Times, oee: &Oee) -> Hundredths {
    let stops: Hundredths = times.stops.iter().map(|stop| stop.time).sum();
    let parts = [oee.speed_loss, oee.quality_loss, oee.good];
    let divided: Hundredths = parts.into_iter().flatten().sum();
    times.setup + times.idle + times.no_contact + times.unknown + stops + divided + oee.undivided
}

#[test]
fn a_shift_is_told_in_the_terms_of_the_standard() {
    let times = shift();
    assert_eq!(times.planned, minutes(480));
    assert_eq!(times.production, minutes(300));
    assert_eq!(
        (times.setup, times.idle, times.no_contact),
        (minutes(90), minutes(30), minutes(20))
    );
    assert_eq!(
        times.stops,
        [StopLoss {
            state: "Stopped".to_owned(),
            reason: Some("paper jam".to_owned()),
            time: minutes(40),
            count: 2
        }]
    );

    // 5 hours at 10,000 an hour would be 50,000; 40,000 were made, 2,000 of them waste.
    let oee = Oee::of(&times, Some(10_000.0), Ok(40_000.0), Ok(2_000.0));

    assert_eq!(oee.availability, Ok(0.625));
    assert_eq!(oee.effectiveness, Ok(0.8));
    assert_eq!(oee.quality, Ok(0.95));
    assert!((oee.index.unwrap() - 0.475).abs() < 1e-12);
    assert_eq!(oee.speed_loss, Some(minutes(60)));
    assert_eq!(
        (oee.quality_loss, oee.good),
        (Some(minutes(12)), Some(minutes(228)))
    );
    assert_eq!(sum(&times, &oee), minutes(480));
}

#[test]
fn a_stop_over_a_weekend_is_one_stop_and_its_time_is_the_planned_one() {
    let day = 24 * 60;
    // From 6 to 22 o'clock; Friday and Monday.
    let windows = [360, 3 * day + 360].map(|from| window(from, from + 960));
    let (stopped, monday) = (21 * 60 + 50, 3 * day + 370);
    let segments = [
        segment(0, stopped, "Running", None),
        segment(stopped, monday, "Stopped", Some("paper jam")),
        segment(monday, monday + 30, "Running", None),
        segment(monday + 30, monday + 50, "Stopped", Some("paper jam")),
        segment(monday + 50, 4 * day, "Running", None),
    ];
    let times = times(&windows, &segments);
    let stop = &times.stops[0];
    assert_eq!((stop.count, stop.time), (2, minutes(40)));
}

#[test]
fn what_is_planned_to_be_down_is_not_part_of_the_planned_time() {
    let segments = [
        segment(0, 30, "Running", None),
        segment(30, 60, "Maintenance", None),
    ];
    let category = |state: &str| match state {
        "Maintenance" => Category::PlannedDown,
        state => Category::of_jmf(state),
    };
    let times = Times::of(&[window(0, 60)], &segments, category);
    assert_eq!(
        (times.planned, times.planned_down),
        (minutes(30), minutes(30))
    );
    let oee = Oee::of(
        &times,
        None,
        Err(Missing::NoCounter),
        Err(Missing::NoCounter),
    );
    assert_eq!(oee.availability, Ok(1.0));
}

#[test]
fn a_state_that_nobody_has_set_is_unknown_and_never_production() {
    let times = times(&[window(0, 60)], &[segment(0, 60, "Printing", None)]);
    assert_eq!((times.unknown, times.production), (minutes(60), 0));
}

#[test]
fn what_is_not_known_is_missing_with_its_reason_and_the_rest_is_told() {
    let times = shift();
    let none = Oee::of(&times, None, Ok(40_000.0), Ok(0.0));
    assert_eq!(none.effectiveness, Err(Missing::NoIdealSpeed));
    assert_eq!(
        (none.quality, none.index),
        (Ok(1.0), Err(Missing::NoIdealSpeed))
    );
    assert_eq!((none.speed_loss, none.undivided), (None, minutes(300)));
    assert_eq!(sum(&times, &none), minutes(480));

    let no_waste = Oee::of(
        &times,
        Some(10_000.0),
        Ok(40_000.0),
        Err(Missing::NoCounter),
    );
    assert_eq!(
        (no_waste.effectiveness, no_waste.index),
        (Ok(0.8), Err(Missing::NoCounter))
    );
    assert_eq!(
        (no_waste.speed_loss, no_waste.good, no_waste.undivided),
        (Some(minutes(60)), None, minutes(240))
    );
    assert_eq!(sum(&times, &no_waste), minutes(480));
}

#[test]
fn a_device_that_never_ran_has_an_oee_of_nothing() {
    let stopped = times(&[window(0, 60)], &[segment(0, 60, "Down", None)]);
    let oee = Oee::of(
        &stopped,
        None,
        Err(Missing::NoCounter),
        Err(Missing::NoCounter),
    );
    assert_eq!((oee.availability, oee.index), (Ok(0.0), Ok(0.0)));
    assert_eq!(sum(&stopped, &oee), minutes(60));
}

#[test]
fn time_of_which_nothing_is_known_has_no_availability() {
    let unknown = times(&[window(0, 60)], &[segment(0, 60, "unknown", None)]);
    let oee = Oee::of(&unknown, Some(1.0), Ok(0.0), Ok(0.0));
    assert_eq!(oee.availability, Err(Missing::NothingKnown));
    assert_eq!(oee.index, Err(Missing::NothingKnown));
    let nothing = times(&[], &[segment(0, 60, "Running", None)]);
    let oee = Oee::of(&nothing, Some(1.0), Ok(0.0), Ok(0.0));
    assert_eq!(oee.availability, Err(Missing::NothingPlanned));
}

#[test]
fn a_device_that_was_faster_than_its_ideal_lost_no_time_by_speed() {
    let times = shift();
    let oee = Oee::of(&times, Some(10_000.0), Ok(60_000.0), Ok(90_000.0));
    assert_eq!(oee.effectiveness, Ok(1.2));
    assert_eq!((oee.speed_loss, oee.quality), (Some(0), Ok(0.0)));
    assert_eq!((oee.good, oee.quality_loss), (Some(0), Some(minutes(300))));
    assert_eq!(sum(&times, &oee), minutes(480));
}

prop_compose! {
    /// Segments without a hole over 10,000 seconds, with ends at any microsecond.
    fn any_segments()(
        cuts in prop::collection::vec((0_i64..10_000_000_000, 0_usize..8), 0..30)
    ) -> Vec<Segment> {
        const STATES: [&str; 8] =
            ["Running", "Setup", "Stopped", "Idle", "no-contact", "unknown", "Down", "Odd"];
        let mut cuts = cuts;
        cuts.sort_unstable();
        cuts.dedup_by_key(|cut| cut.0);
        cuts.push((10_000_000_000, 0));
        let mut from = 0;
        let mut segments = Vec::new();
        for (to, state) in cuts {
            if to > from {
                let mut segment = segment(0, 0, STATES[state], Some("a reason"));
                segment.from = Timestamp::from_microsecond(from).unwrap();
                segment.to = Timestamp::from_microsecond(to).unwrap();
                segments.push(segment);
                from = to;
            }
        }
        segments
    }
}

prop_compose! {
    fn any_windows()(ends in prop::collection::btree_set(0_i64..10_000_000_000, 0..12)) -> Vec<Window> {
        let ends: Vec<_> = ends.into_iter().map(|us| Timestamp::from_microsecond(us).unwrap()).collect();
        ends.chunks_exact(2).map(|pair| Window { from: pair[0], to: pair[1] }).collect()
    }
}

fn any_quantity() -> impl Strategy<Value = Known<f64>> {
    prop_oneof![
        3 => (0.0..1e7_f64).prop_map(Ok),
        1 => Just(Ok(0.0)),
        1 => Just(Err(Missing::NoCounter)),
    ]
}

proptest! {
    #[test]
    fn losses_and_good_time_are_the_planned_time_exactly_and_nothing_is_negative(
        segments in any_segments(), windows in any_windows(),
        speed in prop::option::of(0.1..100_000.0_f64), produced in any_quantity(), waste in any_quantity(),
    ) {
        let times = times(&windows, &segments);
        let oee = Oee::of(&times, speed, produced, waste);
        prop_assert_eq!(sum(&times, &oee), times.planned);
        let parts = [oee.speed_loss, oee.quality_loss, oee.good, Some(oee.undivided)];
        prop_assert!(parts.into_iter().flatten().all(|part| part >= 0));
        for factor in [oee.availability, oee.effectiveness, oee.quality, oee.index] {
            prop_assert!(factor.is_err() || factor.is_ok_and(|factor| factor >= 0.0 && factor.is_finite()));
        }
        prop_assert!(oee.availability.is_err() || oee.availability.is_ok_and(|share| share <= 1.0));
        prop_assert!(oee.quality.is_err() || oee.quality.is_ok_and(|share| share <= 1.0));
    }

    #[test]
    fn the_oee_is_the_share_of_good_time_while_the_device_is_not_faster_than_its_ideal(
        segments in any_segments(), windows in any_windows(),
        speed in 1_000.0..100_000.0_f64, produced in 0.0..1e5_f64, waste_share in 0.0..1.0_f64,
    ) {
        let times = times(&windows, &segments);
        let oee = Oee::of(&times, Some(speed), Ok(produced), Ok(produced * waste_share));
        if let (Ok(share), Some(good)) = (oee.index, oee.good)
            && oee.effectiveness.is_ok_and(|effectiveness| effectiveness <= 1.0)
        {
            // Each of the two roundings is half a hundredth of a minute.
            prop_assert!((share * to_f64(times.planned) - to_f64(good)).abs() <= 1.0);
        }
    }
}
