//! What is news, report by report, without a ledger; and that the order of reports does not matter.

use std::collections::BTreeMap;

use agog_jdf::jmf::{
    DeviceInfo, JobPhase, ModuleStatus, Queue, QueueEntry, ResourceInfo, ResourceQuParams,
};
use agog_jdf::{
    Amounts, DeviceCondition, DeviceStatus, Lot, NodeStatus, PartAmount, QueueEntryStatus,
    ResourceLevel, Usage,
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::news::{News, Noted, Status, status};
use super::said::DeviceSaid;
use super::{ToldQueue, queue, resource};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn phase(status: NodeStatus, good: i64, own: i64) -> JobPhase {
    JobPhase {
        job_id: Some("JOB-1".to_owned()),
        queue_entry_id: Some("QE-1".to_owned()),
        amount: Some(good.into()),
        phase_amount: Some(own.into()),
        ..JobPhase::new(status)
    }
}

fn device(status: DeviceStatus, phases: Vec<JobPhase>) -> DeviceInfo {
    DeviceInfo {
        job_phases: phases,
        ..DeviceInfo::new("press-3", status)
    }
}

fn tell(said: &mut DeviceSaid, second: i64, info: &DeviceInfo) -> Vec<Noted> {
    status(
        said,
        &Status {
            device: "press-3",
            name: None,
            info,
            at: at(second),
            is_whole: true,
        },
    )
}

/// News in short: the time, and the state or the phase.
fn short(news: &[Noted]) -> Vec<String> {
    let line = |noted: &Noted| {
        let late = if noted.late { " late" } else { "" };
        let what = match &noted.news {
            News::State(state) => state.status.clone(),
            News::Phase(phase) => {
                let closed = phase.closed.as_ref().map_or_else(String::new, |closed| {
                    let good = closed.good.unwrap_or_default();
                    format!(" after {good} of {}", closed.status)
                });
                let now = phase.phase.as_ref();
                format!(
                    "{}{closed}",
                    now.map_or("left", |phase| phase.status.as_str())
                )
            }
            other => format!("{other:?}"),
        };
        format!("{}{late} {what}", noted.at.as_second())
    };
    news.iter().map(line).collect()
}

#[test]
fn a_job_is_told_by_its_phases_with_what_each_came_to_and_by_its_end() {
    let mut said = DeviceSaid::default();
    let mut news = Vec::new();
    for (second, info) in [
        (1, device(DeviceStatus::Idle, vec![])),
        (
            2,
            device(DeviceStatus::Setup, vec![phase(NodeStatus::Setup, 0, 0)]),
        ),
        (
            3,
            device(DeviceStatus::Setup, vec![phase(NodeStatus::Setup, 0, 0)]),
        ),
        (
            4,
            device(
                DeviceStatus::Running,
                vec![phase(NodeStatus::InProgress, 0, 0)],
            ),
        ),
        (
            5,
            device(
                DeviceStatus::Running,
                vec![phase(NodeStatus::InProgress, 400, 400)],
            ),
        ),
        (
            6,
            device(
                DeviceStatus::Running,
                vec![phase(NodeStatus::InProgress, 900, 900)],
            ),
        ),
        (
            6,
            device(
                DeviceStatus::Stopped,
                vec![phase(NodeStatus::Stopped, 900, 0)],
            ),
        ),
        (
            7,
            device(
                DeviceStatus::Running,
                vec![phase(NodeStatus::InProgress, 910, 10)],
            ),
        ),
        (8, device(DeviceStatus::Idle, vec![])),
        (9, device(DeviceStatus::Idle, vec![])),
    ] {
        news.extend(tell(&mut said, second, &info));
    }
    assert_eq!(
        short(&news),
        [
            "1 Idle",
            "2 Setup",
            "2 Setup",
            "4 Running",
            "4 InProgress after 0 of Setup",
            "6 Stopped",
            "6 Stopped after 900 of InProgress",
            "7 Running",
            "7 InProgress after 0 of Stopped",
            "8 Idle",
            "8 left after 10 of InProgress",
        ]
    );
}

#[test]
fn another_operator_part_or_beginning_is_another_phase_and_more_sheets_are_not() {
    let mut said = DeviceSaid::default();
    let running = |change: &dyn Fn(&mut JobPhase)| {
        let mut told = phase(NodeStatus::InProgress, 100, 100);
        change(&mut told);
        device(DeviceStatus::Running, vec![told])
    };
    tell(&mut said, 1, &running(&|_| {}));
    assert!(
        tell(
            &mut said,
            2,
            &running(&|told| told.amount = Some(500.into()))
        )
        .is_empty()
    );
    let part = BTreeMap::from([("SheetName".to_owned(), "S2".to_owned())]);
    let other_part = running(&|told| told.parts = vec![part.clone()]);
    assert_eq!(tell(&mut said, 3, &other_part).len(), 1);
    let began = |second| {
        running(&|told: &mut JobPhase| {
            told.parts = vec![part.clone()];
            told.phase_start_time = Some(at(second));
        })
    };
    assert_eq!(tell(&mut said, 4, &began(4)).len(), 1);
    assert!(
        tell(&mut said, 5, &began(5)).is_empty(),
        "computed anew, a second off"
    );
    assert_eq!(tell(&mut said, 60, &began(60)).len(), 1);
    let mut other_crew = began(60);
    other_crew.employees = vec![agog_jdf::jmf::Employee {
        personal_id: Some("Jane Smith".to_owned()),
        ..Default::default()
    }];
    let news = tell(&mut said, 61, &other_crew);
    let News::Phase(told) = &news[1].news else {
        panic!("{news:?}");
    };
    assert_eq!(told.phase.as_ref().unwrap().operators, ["Jane Smith"]);
}

#[test]
fn a_unit_that_stops_and_a_condition_are_news_and_what_a_report_leaves_out_is_not() {
    let mut said = DeviceSaid::default();
    let with = |unit: DeviceStatus, condition| DeviceInfo {
        condition,
        module_statuses: vec![ModuleStatus {
            module_type: "PrintModule".to_owned(),
            module_id: Some("PU-1".to_owned()),
            status: unit,
            ..ModuleStatus::default()
        }],
        ..device(DeviceStatus::Running, vec![])
    };
    tell(
        &mut said,
        1,
        &with(DeviceStatus::Running, Some(DeviceCondition::OK)),
    );
    let news = tell(
        &mut said,
        2,
        &with(DeviceStatus::Stopped, Some(DeviceCondition::OK)),
    );
    let News::State(state) = &news[0].news else {
        panic!("{news:?}");
    };
    assert_eq!(state.modules[0].status, "Stopped");
    assert_eq!(
        tell(
            &mut said,
            3,
            &with(DeviceStatus::Stopped, Some(DeviceCondition::Failure))
        )
        .len(),
        1
    );
    assert!(tell(&mut said, 4, &with(DeviceStatus::Stopped, None)).is_empty());
    assert!(tell(&mut said, 5, &device(DeviceStatus::Running, vec![])).is_empty());
}

#[test]
fn a_stop_that_was_overtaken_is_recorded_with_the_return_to_what_seemed_unbroken() {
    let mut said = DeviceSaid::default();
    let running = device(
        DeviceStatus::Running,
        vec![phase(NodeStatus::InProgress, 10, 10)],
    );
    let stopped = device(
        DeviceStatus::Stopped,
        vec![phase(NodeStatus::Stopped, 10, 0)],
    );
    tell(&mut said, 1, &running);
    tell(&mut said, 5, &running);
    assert_eq!(
        short(&tell(&mut said, 3, &stopped)),
        [
            "3 late Stopped",
            "3 late Stopped",
            "5 late Running",
            "5 late InProgress"
        ]
    );
    assert!(tell(&mut said, 3, &stopped).is_empty(), "once");
    assert!(
        tell(&mut said, 6, &running).is_empty(),
        "what came after is as it was"
    );
}

#[test]
fn what_was_said_is_known_again_from_its_rows() {
    let mut said = DeviceSaid::default();
    let running = device(
        DeviceStatus::Running,
        vec![phase(NodeStatus::InProgress, 10, 10)],
    );
    tell(&mut said, 1, &running);
    let mut rows = said.take_rows("press-3");
    let more = device(
        DeviceStatus::Running,
        vec![phase(NodeStatus::InProgress, 70, 70)],
    );
    assert!(tell(&mut said, 2, &more).is_empty());
    for row in said.take_rows("press-3") {
        rows.retain(|known| known.what != row.what);
        rows.push(row);
    }
    let mut said = super::said::load(rows).remove("press-3").unwrap();
    assert!(tell(&mut said, 3, &more).is_empty());
    let gone = tell(&mut said, 4, &device(DeviceStatus::Idle, vec![]));
    assert_eq!(short(&gone), ["4 Idle", "4 left after 70 of InProgress"]);
}

#[test]
fn amounts_that_are_told_again_after_newer_ones_change_nothing_also_after_a_restart() {
    let mut said = DeviceSaid::default();
    let running = |good| {
        device(
            DeviceStatus::Running,
            vec![phase(NodeStatus::InProgress, good, good)],
        )
    };
    for (second, good) in [(10, 100), (20, 200)] {
        tell(&mut said, second, &running(good));
    }
    let rows = said.take_rows("press-3");
    let mut said = super::said::load(rows).remove("press-3").unwrap();

    assert!(tell(&mut said, 10, &running(100)).is_empty());

    assert!(!said.has_changes());
    let counted = said.counted.values().next().unwrap();
    assert_eq!(counted.good.total, Some(200.into()));
}

fn ink(lot: &str, level: ResourceLevel, used: i64) -> ResourceInfo {
    let mut part = PartAmount::of_condition("Good");
    part.lots = vec![Lot {
        lot_id: lot.to_owned(),
        actual_amount: Some(used.into()),
        ..Lot::default()
    }];
    ResourceInfo {
        resource_name: Some("Ink".to_owned()),
        module_id: Some("PU-1".to_owned()),
        usage: Some(Usage::Input),
        level: Some(level),
        amounts: Amounts {
            parts: vec![part],
            ..Amounts::default()
        },
        ..ResourceInfo::default()
    }
}

#[test]
fn another_lot_or_level_of_an_ink_is_news_and_more_of_it_used_is_not() {
    let mut said = DeviceSaid::default();
    let params = ResourceQuParams {
        job_id: Some("JOB-1".to_owned()),
        ..ResourceQuParams::default()
    };
    let mut tell = |second, info: ResourceInfo| {
        let news = resource::resources("press-3", &mut said, &params, &[info], at(second));
        news.into_iter()
            .map(|noted| match noted.news {
                News::Resource(told) => (told.lot.unwrap(), told.level.unwrap(), told.used),
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    let told = |lot: &str, level: &str, used: i64| {
        vec![(lot.to_owned(), level.to_owned(), Some(used.into()))]
    };
    assert_eq!(
        tell(1, ink("L1", ResourceLevel::OK, 1)),
        told("L1", "OK", 1)
    );
    assert_eq!(tell(2, ink("L1", ResourceLevel::OK, 2)), []);
    assert_eq!(
        tell(3, ink("L1", ResourceLevel::Low, 3)),
        told("L1", "Low", 3)
    );
    assert_eq!(tell(2, ink("L1", ResourceLevel::OK, 2)), [], "overtaken");
    assert_eq!(
        tell(4, ink("L2", ResourceLevel::OK, 1)),
        told("L2", "OK", 1)
    );
}

/// The entries of a list that are news: how they stood, and how they stand.
fn tell_queue(
    said: &mut DeviceSaid,
    second: i64,
    entries: &[(String, QueueEntryStatus)],
    is_whole: bool,
) -> Vec<(Option<String>, String)> {
    let entry = |(id, status): &(String, QueueEntryStatus)| QueueEntry::new(id, status.clone());
    let told = ToldQueue {
        queue: Queue {
            entries: entries.iter().map(entry).collect(),
            ..Queue::default()
        },
        is_whole,
    };
    let change = |noted: Noted| match noted.news {
        News::Entry(change) => (change.before.map(|before| before.status), change.now.status),
        other => panic!("{other:?}"),
    };
    let news = queue::queue(said, &told, at(second)).into_iter();
    news.map(change).collect()
}

fn entries(
    range: std::ops::Range<usize>,
    status: &QueueEntryStatus,
) -> Vec<(String, QueueEntryStatus)> {
    let entry = |n| (format!("QE-{n}"), status.clone());
    range.map(entry).collect()
}

#[test]
fn an_entry_is_news_when_it_is_not_as_it_was_and_an_older_queue_is_not() {
    let mut said = DeviceSaid::default();
    let mut tell = |second, status: QueueEntryStatus| {
        tell_queue(&mut said, second, &entries(1..2, &status), true).len()
    };
    assert_eq!(tell(1, QueueEntryStatus::Waiting), 1);
    assert_eq!(tell(2, QueueEntryStatus::Waiting), 0);
    assert_eq!(tell(4, QueueEntryStatus::Held), 1);
    assert_eq!(tell(3, QueueEntryStatus::Waiting), 0);
}

#[test]
fn thousands_of_entries_that_are_done_or_removed_hide_none_that_is_not() {
    let mut said = DeviceSaid::default();
    for over in [QueueEntryStatus::Completed, QueueEntryStatus::Removed] {
        let mut list = entries(0..5_000, &over);
        list.extend(entries(9_000..9_001, &QueueEntryStatus::Waiting));
        tell_queue(&mut said, 1, &list, true);
        list[5_000].1 = QueueEntryStatus::Held;
        let held = (Some("Waiting".to_owned()), "Held".to_owned());
        assert!(tell_queue(&mut said, 2, &list, true) == [held], "{over:?}");
        assert!(tell_queue(&mut said, 3, &list, true).is_empty());
        said = DeviceSaid::default();
    }
}

#[test]
fn what_a_part_of_the_queue_leaves_out_is_as_it_was_and_what_the_whole_leaves_out_is_forgotten() {
    let mut said = DeviceSaid::default();
    let (held, waiting) = (QueueEntryStatus::Held, QueueEntryStatus::Waiting);
    tell_queue(&mut said, 1, &entries(1..3, &held), true);
    tell_queue(&mut said, 2, &entries(2..3, &waiting), false);
    let resumed = (Some("Held".to_owned()), "Waiting".to_owned());
    assert_eq!(
        tell_queue(&mut said, 3, &entries(1..2, &waiting), false),
        [resumed]
    );
    tell_queue(&mut said, 4, &entries(2..3, &waiting), true);
    let new = (None, "Held".to_owned());
    assert_eq!(
        tell_queue(&mut said, 5, &entries(1..2, &held), false),
        [new]
    );
}

#[test]
fn entries_that_nobody_tells_of_any_more_make_room_for_new_ones() {
    let mut said = DeviceSaid::default();
    let waiting = QueueEntryStatus::Waiting;
    for second in 0..30 {
        let n = usize::try_from(second).unwrap() * 100;
        let told = tell_queue(&mut said, second, &entries(n..n + 100, &waiting), false);
        assert_eq!(told.len(), 100);
    }
    assert_eq!(said.entries.len(), 1_000);
    assert_eq!(
        tell_queue(&mut said, 40, &entries(2_900..3_000, &waiting), false),
        []
    );
}

/// What the device says at one time, drawn from few states and phases so that they come again.
fn any_report() -> impl Strategy<Value = DeviceInfo> {
    let status = prop_oneof![
        Just(DeviceStatus::Idle),
        Just(DeviceStatus::Running),
        Just(DeviceStatus::Stopped)
    ];
    let job = |name: &'static str| {
        let status = prop_oneof![
            Just(NodeStatus::Setup),
            Just(NodeStatus::InProgress),
            Just(NodeStatus::Waiting),
            Just(NodeStatus::Completed)
        ];
        prop::option::of(status.prop_map(move |status| JobPhase {
            job_id: Some(name.to_owned()),
            ..JobPhase::new(status)
        }))
    };
    (status, job("JOB-1"), job("JOB-2"))
        .prop_map(|(status, one, two)| device(status, one.into_iter().chain(two).collect()))
}

/// By device and job, what holds from when on. Waiting and done is not being worked on.
fn timeline(news: &[Noted]) -> BTreeMap<String, Vec<(Timestamp, String)>> {
    let mut told: BTreeMap<String, Vec<(Timestamp, String)>> = BTreeMap::new();
    for noted in news {
        let (of, what) = match &noted.news {
            News::State(state) => ("device".to_owned(), state.status.clone()),
            News::Phase(phase) => {
                let now = phase.phase.as_ref().map(|phase| phase.status.clone());
                let now = now.filter(|status| status != "Completed" && status != "Waiting");
                (
                    phase.job.job_id.clone().unwrap(),
                    now.unwrap_or_else(|| "off".to_owned()),
                )
            }
            other => panic!("{other:?}"),
        };
        told.entry(of).or_default().push((noted.at, what));
    }
    for (of, steps) in &mut told {
        // What was told later of the same time holds.
        steps.sort_by_key(|(at, _)| *at);
        let mut last: Vec<(Timestamp, String)> = Vec::new();
        for step in steps.drain(..) {
            match last.last_mut() {
                Some(before) if before.0 == step.0 => *before = step,
                _ => last.push(step),
            }
        }
        if of != "device" {
            last.insert(0, (at(0), "off".to_owned()));
        }
        last.dedup_by(|next, before| next.1 == before.1);
        *steps = last;
    }
    // A job that was only ever waiting or done was never there.
    told.retain(|of, steps| of == "device" || steps.len() > 1);
    told
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_the_reports_of_a_device_gives_the_same_timeline(
        reports in prop::collection::vec(any_report(), 1..24),
        order in prop::collection::vec(any::<prop::sample::Index>(), 48),
    ) {
        let mut in_order = DeviceSaid::default();
        let mut expected = Vec::new();
        for (n, info) in (1..).zip(&reports) {
            expected.extend(tell(&mut in_order, n, info));
        }
        let mut any_order = DeviceSaid::default();
        let mut found = Vec::new();
        let drawn = order.iter().map(|index| index.index(reports.len()));
        // Those that were not drawn come last, latest first.
        for n in drawn.chain((0..reports.len()).rev()) {
            let second = i64::try_from(n).unwrap() + 1;
            found.extend(tell(&mut any_order, second, &reports[n]));
        }
        prop_assert_eq!(timeline(&found), timeline(&expected));
    }
}

#[test]
fn a_resource_beyond_the_limit_is_told_and_what_is_longest_unchanged_is_forgotten() {
    let mut said = DeviceSaid::default();
    let mut tell = |second: i64, number: i64, level: ResourceLevel| {
        let info = ResourceInfo {
            resource_name: Some("Ink".to_owned()),
            resource_id: Some(format!("R{number}")),
            level: Some(level),
            ..ResourceInfo::default()
        };
        let params = ResourceQuParams::default();
        resource::resources("press-3", &mut said, &params, &[info], at(second)).len()
    };
    let most = i64::try_from(resource::RESOURCES_MAX).unwrap();
    for number in 0..most {
        assert_eq!(tell(number, number, ResourceLevel::OK), 1);
    }
    assert_eq!(tell(200, 0, ResourceLevel::Low), 1);

    assert_eq!(tell(300, most, ResourceLevel::OK), 1);

    // The first has changed since it was told of, so that the second made room.
    for number in [0, 2, most] {
        let level = if number == 0 {
            ResourceLevel::Low
        } else {
            ResourceLevel::OK
        };
        assert_eq!(tell(301, number, level), 0, "{number}");
    }
    assert_eq!(tell(302, 1, ResourceLevel::OK), 1);
}
