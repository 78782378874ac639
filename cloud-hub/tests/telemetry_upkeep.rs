//! What is done to the telemetry of all tenants at once, each test on a database of its own: the migration of an older
//! hub's, and what is dropped when it is old.

mod shop;

use std::sync::Arc;

use agog_hub::db::migrate;
use agog_hub::equipment;
use agog_sync::clock::{ManualClock, SystemClock};
use agog_sync::frame::{SeriesKey, TelemetryBlock};
use jiff::{SignedDuration, Timestamp};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use shop::Shop;
use shop::hub::{Hub, own_database, remove_database};

/// The newest migration before the roll-ups by hour and day.
const BEFORE_ROLLUPS: &str = "20261128000600";
/// The newest before metrics may be told in several units.
const BEFORE_UNITS: &str = "20261128000860";

/// One sample of each day.
fn block(days: &[Timestamp]) -> TelemetryBlock {
    TelemetryBlock {
        block: 0,
        series: vec![SeriesKey {
            device: "press-3".to_owned(),
            metric: "speed".to_owned(),
            unit: None,
        }],
        series_index: vec![0; days.len()],
        time_us: days.iter().map(|day| day.as_microsecond()).collect(),
        value: vec![1.0; days.len()],
    }
}

async fn count(shop: &Shop, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("select count(*) from {table}"));
    let counted: Vec<(i64,)> = shop.as_server(sqlx::query_as(sql)).await.unwrap();
    counted[0].0
}

#[tokio::test]
async fn old_samples_go_by_whole_days_and_rollups_when_their_own_time_is_over() {
    let start: Timestamp = "2025-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let hub = Hub::start_forgetful("retention", clock.clone()).await;
    let database = hub.database.clone();
    let shop = Shop::on(Arc::new(hub)).await;
    let mut ham = shop.plant("HAM").await;
    let day = |days: i64| start - SignedDuration::from_hours(24 * days);
    ham.push_blocks(vec![block(&[day(29), day(20), day(0)])])
        .await;

    let tables = [
        "telemetry_sample",
        "telemetry_minute",
        "telemetry_hour",
        "telemetry_day",
    ];
    // (days later, what is left of each)
    let mut passed = 0;
    for (days, expected) in [
        (0, [3, 3, 3, 3]),
        (1, [3, 3, 3, 3]),
        (2, [2, 3, 3, 3]),
        (32, [0, 2, 2, 3]),
        (92, [0, 0, 0, 0]),
    ] {
        clock.advance(SignedDuration::from_hours(24 * (days - passed)));
        passed = days;
        assert_eq!(equipment::retain_once(shop.app()).await, 0);
        for (table, expected) in tables.into_iter().zip(expected) {
            assert_eq!(
                count(&shop, table).await,
                expected,
                "{table} after {days} days"
            );
        }
    }
    let partitions =
        "select count(*) from pg_inherits where inhparent = 'telemetry.sample'::regclass";
    let partitions: Vec<(i64,)> = shop.as_server(sqlx::query_as(partitions)).await.unwrap();
    // Today and the three days that come.
    assert_eq!(partitions, [(4,)]);
    remove_database(&database).await;
}

#[tokio::test]
async fn a_day_that_somebody_reads_for_long_stays_and_all_else_that_is_old_goes() {
    let start: Timestamp = "2025-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let hub = Hub::start_forgetful("blocked", clock.clone()).await;
    let database = hub.database.clone();
    let shop = Shop::on(Arc::new(hub)).await;
    let mut ham = shop.plant("HAM").await;
    ham.push_blocks(vec![block(&[start])]).await;
    clock.advance(SignedDuration::from_hours(24 * 100));
    let mut reader = PgConnection::connect_with(&database).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    sqlx::query("select count(*) from telemetry.sample")
        .execute(&mut *reading)
        .await
        .unwrap();

    assert_eq!(equipment::retain_once(shop.app()).await, 1);

    let left = async || {
        let (samples, minutes) = (
            count(&shop, "telemetry_sample"),
            count(&shop, "telemetry_minute"),
        );
        (
            samples.await,
            minutes.await,
            count(&shop, "telemetry_day").await,
        )
    };
    assert_eq!(left().await, (1, 0, 0));
    reading.rollback().await.unwrap();
    assert_eq!(equipment::retain_once(shop.app()).await, 0);
    assert_eq!(left().await, (0, 0, 0));
    reader.close().await.unwrap();
    remove_database(&database).await;
}

#[tokio::test]
async fn plants_that_are_the_first_of_a_day_at_once_all_deliver() {
    let database = own_database("days").await;
    migrate(&database.clone().username("agog_owner"))
        .await
        .unwrap();
    let hub = Arc::new(Hub::start_on(database.clone(), Arc::new(SystemClock)).await);
    let now = hub.app.clock.now();
    let mut plants = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut ham = Shop::on(hub.clone()).await.plant("HAM").await;
        plants.spawn(async move {
            for days in 1..20 {
                let day = now - SignedDuration::from_hours(24 * days);
                ham.push_blocks(vec![block(&[day])]).await;
            }
        });
    }
    while let Some(delivered) = plants.join_next().await {
        delivered.unwrap();
    }
    remove_database(&database).await;
}

#[tokio::test]
async fn samples_of_today_are_not_dropped_whoever_asks() {
    let shop = Shop::open().await;
    let tomorrow = "select telemetry.drop_day(current_date + 1)::text";
    let refused: Result<Vec<(Option<String>,)>, _> = shop.as_server(sqlx::query_as(tomorrow)).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("samples of today"), "{error}");
}

#[tokio::test]
async fn telemetry_of_an_older_hub_is_told_anew_from_its_samples_and_kept_where_these_are_gone() {
    // Its series has two minutes, of one of which the samples are here.
    let (database, mut superuser) = of_an_older_hub(
        "migration",
        BEFORE_ROLLUPS,
        "insert into telemetry_series (tenant_id, device_id, metric, created_at)
             select tenant_id, device_id, 'speed', now() from device;
         select telemetry.ensure_day('2025-03-01');
         insert into telemetry.sample select tenant_id, series_id, at::timestamptz, value
             from telemetry_series, (values ('2025-03-01 10:00:15Z', 4), ('2025-03-01 10:00:45Z', 8)) as s (at, value);
         insert into telemetry_minute (tenant_id, series_id, minute, sample_count, sum, min, max, last, last_at)
             select tenant_id, series_id, minute::timestamptz, 2, 12, 4, 8, 8, minute::timestamptz + interval '45 seconds'
             from telemetry_series, (values ('2025-03-01 10:00Z'), ('2025-01-01 10:00Z')) as m (minute);",
    )
    .await;
    migrate(&owner_of(&database)).await.unwrap();

    // The mean, 6, stood for 45 seconds; 4 stood for 30 seconds.
    let expected = [
        told(6.0, "2025-01-01 10:00:00", "2025-01-01 10:00:45", 270.0),
        told(4.0, "2025-03-01 10:00:15", "2025-03-01 10:00:45", 120.0),
    ];
    for table in ["telemetry_minute", "telemetry_hour", "telemetry_day"] {
        let sql = format!(
            "select sample_count, min, max, sum, first, (first_at at time zone 'UTC')::text as first_at, last,
                 (last_at at time zone 'UTC')::text as last_at, held
             from {table} order by bucket"
        );
        let rows: Vec<Told> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut superuser)
            .await
            .unwrap();
        assert_eq!(rows, expected, "{table}");
    }
    superuser.close().await.unwrap();
    remove_database(&database).await;
}

fn owner_of(database: &PgConnectOptions) -> PgConnectOptions {
    database.clone().username("agog_owner")
}

/// A database as an older hub left it: up to one of the migrations, with a tenant that has a device, and with more rows. Answers its
/// superuser, too.
async fn of_an_older_hub(
    name: &str,
    newest: &str,
    rows: &'static str,
) -> (PgConnectOptions, PgConnection) {
    let database = own_database(name).await;
    migrate_until(&owner_of(&database), newest).await;
    let mut superuser = PgConnection::connect_with(&database).await.unwrap();
    let tenant = "insert into tenant values ('00000000-0000-7000-8000-000000000001', 'Old', now());
         insert into plant select tenant_id, tenant_id, 'OLD', 'Old', now() from tenant;
         insert into device (tenant_id, plant_id, code, public_id, last_seen_at, created_at, updated_at)
             select tenant_id, tenant_id, 'press-3', tenant_id, now(), now(), now() from tenant;";
    for sql in [tenant, rows] {
        sqlx::raw_sql(sql).execute(&mut superuser).await.unwrap();
    }
    (database, superuser)
}

/// Brings a database up to one of the migrations, as an older hub did.
async fn migrate_until(owner: &PgConnectOptions, newest: &str) {
    let older = tempfile::tempdir().unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if &file.file_name().to_str().unwrap()[..14] <= newest {
            std::fs::copy(file.path(), older.path().join(file.file_name())).unwrap();
        }
    }
    let mut connection = PgConnection::connect_with(owner).await.unwrap();
    let older = Migrator::new(older.path()).await.unwrap();
    older.run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn alarms_of_an_older_hub_are_in_the_units_that_their_metrics_had() {
    let (database, mut superuser) = of_an_older_hub(
        "units",
        BEFORE_UNITS,
        "insert into telemetry_series (tenant_id, device_id, metric, unit, created_at)
             select tenant_id, device_id, metric, unit, now()
             from device, (values ('heat', '°C'), ('speed', null)) as m (metric, unit);
         insert into device_alarm (tenant_id, event_id, device_id, source, key, class, metric, raised_at, last_at, created_at)
             select tenant_id, gen_random_uuid(), device_id, 'threshold', metric, 'Error', metric, now(), now(), now()
             from telemetry_series;
         insert into device_alarm (tenant_id, event_id, device_id, source, key, class, raised_at, last_at, created_at)
             select tenant_id, gen_random_uuid(), device_id, 'device', 'told', 'Fatal', now(), now(), now() from device;",
    )
    .await;

    migrate(&owner_of(&database)).await.unwrap();

    let units = "select metric, unit from device_alarm order by metric";
    let units: Vec<(Option<String>, Option<String>)> = sqlx::query_as(units)
        .fetch_all(&mut superuser)
        .await
        .unwrap();
    let (heat, speed) = (Some("heat".to_owned()), Some("speed".to_owned()));
    let expected = [(heat, Some("°C".to_owned())), (speed, None), (None, None)];
    assert_eq!(units, expected);
    let forced = "select count(*) from pg_class
        where relname in ('device_alarm', 'telemetry_series') and relforcerowsecurity";
    let forced: i64 = sqlx::query_scalar(forced)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(forced, 2);
    superuser.close().await.unwrap();
    remove_database(&database).await;
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Told {
    sample_count: i64,
    min: f64,
    max: f64,
    sum: f64,
    first: f64,
    first_at: String,
    last: f64,
    last_at: String,
    held: f64,
}

/// Two samples, 4 or what stands for it, and 8.
fn told(first: f64, first_at: &str, last_at: &str, held: f64) -> Told {
    Told {
        sample_count: 2,
        min: 4.0,
        max: 8.0,
        sum: 12.0,
        first,
        first_at: first_at.to_owned(),
        last: 8.0,
        last_at: last_at.to_owned(),
        held,
    }
}
