//! However a ledger is cut into batches, its effect is the same: what a batch does in memory is what its events would have
//! done one after the other, and an event that cannot be stored takes no other with it.

mod shop;

use std::collections::BTreeMap;

use agog_sync::event::{
    Actor, DeviceContact, DeviceEvent, DeviceNotification, DeviceResource, DeviceState, Event,
    JobEvent, JobProgress, JobStep, NewEvent,
};
use agog_sync::ids::{EventId, HoldId, LotId};
use agog_sync::lots::{
    JobRef, LotAdjusted, LotAttributes, LotConsumed, LotCorrected, LotEvent, LotMoved, LotReceived,
    LotRef, LotReleased, LotReturned, NewLot,
};
use agog_sync::quantity::{Material, Measured, Quantity, Unit};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use shop::world::Plant;
use shop::{
    Shop, at, consumed, held, merged, packed, produced, shipped, shipped_in, split, unpacked,
    wasted, work,
};

/// Each is another plant's day; a failing one is named.
const SEEDS: std::ops::Range<u64> = 0..4;
const EVENTS: usize = 70;

/// Everything that events leave behind, by names that two tenants share. Rows that are only ever added stand in the order in
/// which they were.
const LEFT_BEHIND: [(&str, &str); 19] = [
    (
        "lots",
        "select l.public_id::text || concat_ws('|', l.number, p.code, m.code, l.base_unit, l.balance, l.supplier, l.expiry,
             l.location, l.quality, l.origin, l.work, l.origin_event_id, l.created_at)
         from lot l join plant p using (tenant_id, plant_id) left join material m using (tenant_id, material_id) order by l.lot_id",
    ),
    (
        "materials",
        "select concat_ws('|', code, name, base_unit, width_mm, length_mm, grammage_g_m2, created_by, created_at, updated_at)
         from material order by 1",
    ),
    (
        "entries",
        "select concat_ws('|', e.event_id, l.public_id, e.bucket, e.delta, e.base_unit, e.entered_amount, e.entered_unit,
             e.kind, e.actor, e.occurred_at)
         from lot_entry e join lot l using (tenant_id, lot_id) order by e.entry_id",
    ),
    (
        "edges",
        "select concat_ws('|', p.public_id, c.public_id, e.kind, e.base_quantity, e.base_unit, e.event_id, e.occurred_at)
         from lot_edge e join lot p on p.lot_id = e.parent_id join lot c on c.lot_id = e.child_id order by 1",
    ),
    (
        "edges said again",
        "select concat_ws('|', p.public_id, c.public_id, e.kind, e.base_quantity, e.base_unit, e.event_id, e.occurred_at)
         from lot_edge_again e join lot p on p.lot_id = e.parent_id join lot c on c.lot_id = e.child_id order by 1",
    ),
    (
        "corrections",
        "select concat_ws('|', event_id, corrected_by) from lot_correction order by 1",
    ),
    (
        "uses",
        "select concat_ws('|', u.event_id, l.public_id, u.kind, u.base_quantity, u.base_unit, u.job, u.order_number,
             u.customer, u.device, u.operator, u.reason, u.reference, u.sscc, p.code, u.occurred_at, u.undone_by)
         from lot_use u join lot l using (tenant_id, lot_id) join plant p on p.plant_id = u.plant_id order by u.use_id",
    ),
    (
        "changes of containers",
        "select concat_ws('|', e.event_id, l.public_id, e.sscc, e.bucket, e.delta, e.base_unit, e.kind, e.actor, e.occurred_at)
         from container_entry e join lot l using (tenant_id, lot_id) order by e.container_entry_id",
    ),
    (
        "contents of containers",
        "select concat_ws('|', c.sscc, l.public_id, c.packed)
         from container_content c join lot l using (tenant_id, lot_id) order by 1",
    ),
    (
        "holds",
        "select concat_ws('|', l.public_id, h.hold_id, h.reason, h.placed_at, h.placed_by, h.placed_event_id, '/',
             h.released_at, h.released_by, h.released_reason, h.released_event_id)
         from lot_hold h join lot l using (tenant_id, lot_id) order by 1",
    ),
    (
        "flags",
        "select concat_ws('|', f.event_id, l.public_id, f.code, f.data, f.occurred_at)
         from lot_flag f join lot l using (tenant_id, lot_id) order by f.flag_id",
    ),
    (
        "plants of lots",
        "select concat_ws('|', l.public_id, p.code)
         from lot_plant x join lot l using (tenant_id, lot_id) join plant p on p.plant_id = x.plant_id order by 1",
    ),
    (
        "devices",
        "select concat_ws('|', p.code, d.code, d.name, d.state, d.state_detail, d.state_job, d.state_since, d.is_lost,
             d.last_seen_at, d.condition, d.operators, d.modules)
         from device d join plant p using (tenant_id, plant_id) order by 1",
    ),
    (
        "what devices told",
        "select concat_ws('|', d.code, s.event_id, s.state, s.detail, s.job, s.occurred_at, s.operators, s.modules)
         from device_state s join device d using (tenant_id, device_id)
         union all
         select concat_ws('|', d.code, r.event_id, r.resource, r.lot, r.location, r.available_amount, r.occurred_at)
         from device_resource_entry r join device d using (tenant_id, device_id)
         union all
         select concat_ws('|', 'now', d.code, r.event_id, r.resource, r.place, r.lot, r.available_amount, r.occurred_at)
         from device_resource r join device d using (tenant_id, device_id)
         union all
         select concat_ws('|', d.code, n.event_id, n.class, n.text, n.milestone, n.occurred_at)
         from device_notification n join device d using (tenant_id, device_id) order by 1",
    ),
    (
        "jobs",
        "select concat_ws('|', p.code, j.number, j.device, j.order_number, j.customer, j.status, j.status_at, j.good_amount,
             j.waste_amount, j.started_at, j.ended_at, j.priority, j.error, o.place, o.status, o.device, o.operators,
             o.good_amount, o.waste_amount, o.started_at, o.ended_at)
         from job j join plant p using (tenant_id, plant_id) join work_order o using (tenant_id, job_id) order by 1",
    ),
    (
        "runs and steps",
        "select concat_ws('|', 'run', p.code, j.number, r.run, r.device, r.operators, r.status, r.good_amount,
             r.waste_amount, r.error, r.started_at, r.ended_at)
         from job_run r join job j using (tenant_id, job_id) join plant p on p.plant_id = r.plant_id
         union all
         select concat_ws('|', 'step', j.number, e.event_id, e.kind, e.actor, e.device, e.detail, e.occurred_at)
         from job_event e join job j using (tenant_id, job_id) order by 1",
    ),
    // A run is told of once its batch is known, with what later events of the batch say of it.
    (
        "domain events",
        "select concat_ws('|', topic, event_id, data - 'plant_id', occurred_at) from event_outbox
         where topic <> 'production.run-completed' order by outbox_id",
    ),
    (
        "feeds",
        "select concat_ws('|', p.code, f.n, f.body::json -> 'ledger_event' -> 'event' ->> 'event_id',
             f.body::json -> 'ledger_event' -> 'lots')
         from feed_item f join agent a using (tenant_id, agent_id) join plant p using (tenant_id, plant_id)
         order by p.code, f.n",
    ),
    (
        "rejected",
        "select concat_ws('|', event_id, kind, code) from ledger_rejected order by 1",
    ),
];

#[tokio::test]
async fn the_effect_of_a_ledger_does_not_depend_on_how_it_is_cut_into_batches() {
    let first = Shop::open().await;
    let mut rows = BTreeMap::new();
    for seed in SEEDS {
        let mut rng = StdRng::seed_from_u64(seed);
        let events = events(&mut rng);
        let singly = first.other_tenant().await;
        let mut plants = [singly.plant("HAM").await, singly.plant("LEI").await];
        for (plant, event) in &events {
            plants[*plant].deliver(&[event]).await;
        }
        let batched = first.other_tenant().await;
        let mut plants = [batched.plant("HAM").await, batched.plant("LEI").await];
        // One plant at a time, in the same order, as many events at once as come.
        for run in events.chunk_by(|left, right| left.0 == right.0) {
            let told: Vec<_> = run.iter().map(|(_, event)| event).collect();
            plants[run[0].0].deliver(&told).await;
        }
        for (what, query) in LEFT_BEHIND {
            let one = left_behind(&singly, query).await;
            let many = left_behind(&batched, query).await;
            assert_eq!(one, many, "seed {seed}: {what}");
            *rows.entry(what).or_default() += one.len();
        }
    }
    // What never happens in these days would not be tested.
    let missing: Vec<(&str, usize)> = rows.into_iter().filter(|(_, rows)| *rows < 5).collect();
    assert_eq!(missing, []);
}

async fn left_behind(shop: &Shop, query: &'static str) -> Vec<String> {
    let rows: Vec<(String,)> = shop.as_server(sqlx::query_as(query)).await.unwrap();
    rows.into_iter().map(|(row,)| row).collect()
}

/// A long morning at two plants that exchange lots, with everything that goes wrong: lots used before they are made, numbers
/// given twice, holds that are released first, late news, and words that no table takes.
fn events(rng: &mut StdRng) -> Vec<(usize, NewEvent)> {
    let start = at("2025-10-20T08:00:00Z");
    let lots: Vec<LotRef> = (0..14)
        .map(|n| LotRef {
            lot_id: LotId::generate(start, rng),
            // Twelve numbers for fourteen lots.
            number: format!("LOT-{}", n % 12),
        })
        .collect();
    let holds: Vec<_> = (0..4).map(|_| HoldId::generate(start, rng)).collect();
    let mut plant = 0;
    let mut told: Vec<(usize, NewEvent)> = Vec::new();
    for n in 0..EVENTS {
        // Plants speak in turns of some ten events.
        if rng.random_range(0..10) == 0 {
            plant = 1 - plant;
        }
        let n = i64::try_from(n).unwrap();
        let late = SignedDuration::from_secs(rng.random_range(0..300));
        let occurred_at = start + SignedDuration::from_secs(60 * n) - late;
        let event = match rng.random_range(0..8) {
            0..=1 => Event::Device(device(rng)),
            2 => Event::Job(Box::new(job(rng))),
            3 => correction(rng, &told).unwrap_or_else(|| movement(rng, &lots, &holds)),
            _ => movement(rng, &lots, &holds),
        };
        let event = NewEvent {
            event_id: EventId::generate(occurred_at, rng),
            occurred_at,
            recorded_at: occurred_at,
            actor: Actor::Operator {
                name: format!("Operator {}", rng.random_range(0..3)),
            },
            event,
        };
        told.push((plant, event));
    }
    told
}

/// Of any event that was told before, also of such as were corrected or could not be applied; none when it cannot be corrected.
fn correction(rng: &mut StdRng, told: &[(usize, NewEvent)]) -> Option<Event> {
    let (_, wrong) = told.get(rng.random_range(0..told.len().max(1)))?;
    let payload = wrong.event.payload();
    let event = (wrong.event.kind(), wrong.event.version(), &*payload);
    let corrected = LotCorrected::new(wrong.event_id, event, "typed wrong".to_owned(), None);
    Some(Event::Lot(LotEvent::Corrected(corrected.ok()?)))
}

fn movement(rng: &mut StdRng, lots: &[LotRef], holds: &[HoldId]) -> Event {
    let mut any = || lots[rng.random_range(0..lots.len())].clone();
    let (lot, other, third) = (any(), any(), any());
    let amount = rng.random_range(1..2_000);
    let hold = holds[rng.random_range(0..holds.len())];
    let work = work("Job-1", "Order-1", "ABC Corp", "press-3");
    let container = shop::sscc(rng.random_range(0..4));
    match rng.random_range(0..21) {
        0..=2 => Event::Lot(LotEvent::Received(LotReceived {
            lot: NewLot {
                material: material(rng),
                quantity: sheets(amount * 20),
                attributes: LotAttributes {
                    supplier: Some("Acme Paper Co.".to_owned()),
                    location: Some("A-3".to_owned()),
                    ..LotAttributes::default()
                },
                lot,
            },
        })),
        3..=4 => split(&lot, &[(&other, amount, false), (&third, 10, true)]),
        5 => merged(&[(&lot, amount), (&other, 5)], &third),
        6 => consumed(&lot, amount, &work),
        // Paperwork that lags: few pairs, so that each is told again.
        14..=15 => Event::Lot(LotEvent::Consumed(LotConsumed {
            draw: shop::draw(&lots[usize::from(amount % 2 == 0)], amount),
            into: vec![lots[2].clone()],
            work,
            forced: None,
        })),
        7 => wasted(&lot, amount, "misregistration", &work),
        8 => produced(&lot, amount, &[&other, &third], &work),
        9 => shipped(&lot, amount, "Order-1", "ABC Corp"),
        16 => Event::Lot(LotEvent::Returned(LotReturned {
            lot,
            quantity: sheets(amount / 2),
            order: "Order-1".to_owned(),
            customer: "ABC Corp".to_owned(),
            reason: "wrong colour".to_owned(),
            reference: None,
            hold: (amount % 3 == 0).then_some(hold),
            forced: None,
        })),
        17..=18 => packed(container, &[(&lot, amount), (&other, 5)]),
        19 => unpacked(container, &[(&lot, amount / 2)]),
        20 => shipped_in(container, &lot, amount / 3 + 1, "Order-1", "ABC Corp"),
        10 => held(&lot, hold, "colour is off"),
        11 => Event::Lot(LotEvent::Released(LotReleased {
            hold_id: hold,
            lot,
            reason: "checked".to_owned(),
        })),
        12 => Event::Lot(LotEvent::Moved(LotMoved {
            forced: None,
            lot,
            to: format!("Rack-{amount}"),
            from: None,
        })),
        // Now and then with a character that PostgreSQL's text has no room for.
        _ => Event::Lot(LotEvent::Adjusted(LotAdjusted {
            lot: LotRef {
                number: format!("LOT{}-A", if amount % 2 == 0 { "\0" } else { "" }),
                lot_id: if amount % 2 == 0 {
                    LotId::generate(Timestamp::UNIX_EPOCH, rng)
                } else {
                    lot.lot_id
                },
            },
            delta: sheets(amount - 1_000),
            reason: "counted".to_owned(),
            forced: None,
        })),
    }
}

/// Two materials; the first is described better and in another unit now and then.
fn material(rng: &mut StdRng) -> Material {
    match rng.random_range(0..4) {
        0 => Material::simple("FOIL", Unit::Metre),
        1 => Material::simple("BOARD-300", Unit::Kilogram),
        2 => Material {
            grammage_g_m2: Some(300.into()),
            ..Material::simple("BOARD-300", Unit::Sheet)
        },
        _ => Material::simple("BOARD-300", Unit::Sheet),
    }
}

fn sheets(amount: i64) -> Measured {
    Measured::in_base(Quantity::new(amount.into(), Unit::Sheet))
}

fn job(rng: &mut StdRng) -> JobEvent {
    let steps = [
        JobStep::Received,
        JobStep::Submitted,
        JobStep::Started,
        JobStep::Phase,
        JobStep::Phase,
        JobStep::Suspended,
        JobStep::Requeued,
        JobStep::Completed,
        JobStep::Aborted,
    ];
    let mut progress = JobProgress::of(
        JobRef {
            number: format!("Job-{}", rng.random_range(0..3)),
            job_id: None,
            order: (rng.random_range(0..2) == 0).then(|| "Order-1".to_owned()),
            customer: None,
        },
        "press-1",
    );
    progress.good = (rng.random_range(0..2) == 0).then(|| rng.random_range(0..9_000).into());
    progress.priority = Some(rng.random_range(0..100));
    progress.operators = vec!["Jane".to_owned(); rng.random_range(0..2)];
    JobEvent {
        step: steps[rng.random_range(0..steps.len())],
        progress,
    }
}

fn device(rng: &mut StdRng) -> DeviceEvent {
    let device = ["press-1", "press-2", ""][usize::from(rng.random_range(0u8..20) / 9)].to_owned();
    let contact = DeviceContact {
        device: device.clone(),
        detail: "awaited for 60 s".to_owned(),
    };
    match rng.random_range(0..10) {
        0 => DeviceEvent::Lost(contact),
        1 => DeviceEvent::Found(contact),
        2..=3 => DeviceEvent::ResourceChanged(DeviceResource {
            device,
            resource: "Ink".to_owned(),
            location: Some(["Cyan", "Black"][rng.random_range(0..2)].to_owned()),
            lot: Some(format!("INK-{}", rng.random_range(0..5))),
            available: Some(rng.random_range(0..100).into()),
            ..DeviceResource::default()
        }),
        4 => DeviceEvent::Notified(DeviceNotification {
            device,
            class: ["Event", "Warning"][rng.random_range(0..2)].to_owned(),
            text: Some("paper jam".to_owned()),
            milestone: (rng.random_range(0..2) == 0).then(|| "PressCompleted".to_owned()),
            ..DeviceNotification::default()
        }),
        _ => DeviceEvent::StateChanged(DeviceState {
            device,
            name: (rng.random_range(0..5) == 0)
                .then(|| format!("Press {}", rng.random_range(0..9))),
            status: ["Running", "Stopped", "Stopped", "Idle"][rng.random_range(0..4)].to_owned(),
            status_details: (rng.random_range(0..2) == 0).then(|| "jam".to_owned()),
            operators: vec!["Jane".to_owned(); rng.random_range(0..3)],
            ..DeviceState::default()
        }),
    }
}

#[tokio::test]
async fn of_a_batch_with_bad_events_only_those_are_left_out() {
    let shop = Shop::open().await;
    let mut plant: Plant = shop.plant("HAM").await;
    let start = at("2025-10-20T08:00:00Z");
    let mut rng = StdRng::seed_from_u64(1);
    let events: Vec<NewEvent> = (0..500)
        .map(|n| {
            let bad = [0, 17, 18, 499].contains(&n);
            let lot = LotRef {
                lot_id: LotId::generate(start, &mut rng),
                number: format!("LOT-{n}{}", if bad { "\0" } else { "" }),
            };
            NewEvent {
                event_id: EventId::generate(start, &mut rng),
                occurred_at: start,
                recorded_at: start,
                actor: Actor::Operator {
                    name: "Jane Smith".to_owned(),
                },
                event: shop::received(&lot, 100),
            }
        })
        .collect();

    plant.deliver(&events.iter().collect::<Vec<_>>()).await;

    let rejected: Vec<(i64,)> = shop
        .as_server(sqlx::query_as(
            "select seq from ledger_rejected order by seq",
        ))
        .await
        .unwrap();
    assert_eq!(rejected, [(1,), (18,), (19,), (500,)]);
    let kept: Vec<(i64, Option<String>)> = shop
        .as_server(sqlx::query_as(
            "select count(*), sum(balance)::text from lot",
        ))
        .await
        .unwrap();
    assert_eq!(kept, [(496, Some("49600.000000".to_owned()))]);
}
