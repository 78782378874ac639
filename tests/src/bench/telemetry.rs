//! The hub's store of telemetry: how fast it takes a backlog beside a bare COPY of the same rows, how fast it answers from
//! years of them, and how fast old ones go.

use std::time::{Duration, Instant};

use agog_sync::clock::{Clock as _, SystemClock};
use agog_sync::frame::{BLOCK_SAMPLES_MAX, SeriesKey, TelemetryBlock};
use agog_sync::telemetry::batch::BATCH_BODIES_MAX;
use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::figures::{Figures, Row, milliseconds};
use super::measure::{LIMIT, mebibytes, rate, resident_kib};
use super::sender::Sender;
use crate::support::hub::Tenant;
use crate::support::process::Program;
use crate::support::world::World;

/// Raw rows of the years when nothing else is asked for; the goals are for 50 million.
pub(super) const ROWS: usize = 5_000_000;
/// Samples of the backlog, or as many as the years have rows when these are fewer: most of a day of a press.
const BACKLOG: usize = 2_000_000;
/// Metrics of a typical press, each told every second.
const METRICS: u32 = 30;
/// Blocks of a batch: as many as an agent sends at once.
const BATCH_BLOCKS: usize = BATCH_BODIES_MAX;
/// Series of the years, and the seconds between two samples of one.
const SERIES: i64 = 200;
const INTERVAL_S: i64 = 10;
const DAY_S: i64 = 24 * 60 * 60;
/// Questions of each kind.
const QUESTIONS: usize = 200;
/// What a question may take.
const QUESTION_MS: u32 = 20;

/// Measures all of it on a hub and a database of its own.
pub(super) async fn measure(rows: usize) -> Result<Vec<Row>> {
    let world = World::start_with_own_postgres("telemetry").await?;
    let tenant = world.hub.tenant("Bench").await?;
    world.hub.plant(&tenant, "HAM", "Hamburg").await?;
    let mut admin = PgConnection::connect(&world.hub.database().admin_url).await?;
    let mut measured = backlog(&world, &tenant, &mut admin, rows.min(BACKLOG)).await?;
    measured.extend(years(&world, &tenant, &mut admin, rows).await?);
    Ok(measured)
}

/// A day without the hub, delivered, and the same rows by psql. Before both of them a first plant delivers the same: files of the
/// log and memory that a new server uses for the first time would be on the account of whoever comes first.
async fn backlog(
    world: &World,
    tenant: &Tenant,
    admin: &mut PgConnection,
    samples: usize,
) -> Result<Vec<Row>> {
    world.hub.plant(tenant, "BRE", "Bremen").await?;
    let backlog: Vec<_> = {
        let mut press = Press::new();
        (0..samples.div_ceil(BLOCK_SAMPLES_MAX * BATCH_BLOCKS))
            .map(|_| (0..BATCH_BLOCKS).map(|_| press.block()).collect())
            .collect()
    };
    let samples = backlog.len() * BATCH_BLOCKS * BLOCK_SAMPLES_MAX;
    delivered(world, tenant, admin, ("BRE", backlog.clone())).await?;

    let file = world.folder().join("samples.copy");
    psql(
        world,
        &format!(
            "\\copy (select * from telemetry.sample) to '{}' (format binary)",
            file.display()
        ),
    )
    .await?;
    run(admin, "truncate telemetry.sample; checkpoint").await?;
    let start = Instant::now();
    psql(
        world,
        &format!(
            "\\copy telemetry.sample from '{}' (format binary)",
            file.display()
        ),
    )
    .await?;
    let bare = start.elapsed();
    std::fs::remove_file(&file).context("cannot remove the file of the COPY")?;
    run(admin, "truncate telemetry.sample").await?;

    let (taken, bytes) = delivered(world, tenant, admin, ("HAM", backlog)).await?;
    let hub = world.hub.process().context("the hub runs")?.pid();
    let resident = resident_kib(hub)?;
    run(admin, "truncate telemetry.sample").await?;
    let (taken, bare) = (rate(samples, taken), rate(samples, bare));
    Ok(vec![
        Row::new(
            format!("telemetry: backlog of {samples} samples to the hub, roll-ups included"),
            format!("{taken:.0} samples/s"),
            format!("{:.0} % of a bare COPY, goal 80 %", 100.0 * taken / bare),
        ),
        Row::new(
            "telemetry: the same rows by psql, binary COPY",
            format!("{bare:.0} samples/s"),
            "baseline",
        ),
        Row::new(
            "telemetry: bytes of a sample on the wire",
            format!(
                "{:.1}",
                rate(bytes, Duration::from_secs(1)) / rate(samples, Duration::from_secs(1))
            ),
            "before TLS",
        ),
        Row::new(
            "telemetry: hub, resident after that",
            mebibytes(resident),
            "limit 256 MiB",
        ),
    ])
}

/// Delivers a backlog of a plant, whose samples are then the only ones; answers how long that took, and its bytes.
async fn delivered(
    world: &World,
    tenant: &Tenant,
    admin: &mut PgConnection,
    (plant, backlog): (&str, Vec<Vec<TelemetryBlock>>),
) -> Result<(Duration, usize)> {
    let samples = backlog.len() * BATCH_BLOCKS * BLOCK_SAMPLES_MAX;
    let mut sender = Sender::enrol(&world.hub, tenant, plant).await?;
    let bodies = backlog.into_iter().map(|blocks| sender.batch(blocks));
    let bodies: Vec<_> = bodies.collect::<Result<_>>()?;
    let bytes = bodies.iter().map(Vec::len).sum();
    run(admin, "checkpoint").await?;
    let start = Instant::now();
    for body in bodies {
        sender.send(body).await?;
    }
    let taken = start.elapsed();
    let kept: i64 = sqlx::query_scalar("select count(*) from telemetry.sample")
        .fetch_one(&mut *admin)
        .await?;
    ensure!(
        usize::try_from(kept)? == samples,
        "{kept} of {samples} samples are here"
    );
    Ok((taken, bytes))
}

/// Years of samples: filled in plain SQL, asked through the API, and a day dropped.
async fn years(
    world: &World,
    tenant: &Tenant,
    admin: &mut PgConnection,
    rows: usize,
) -> Result<Vec<Row>> {
    let per_day = SERIES * DAY_S / INTERVAL_S;
    // One day is dropped at the end.
    let days = i64::try_from(rows)?.div_euclid(per_day).max(1) + 1;
    let start = Instant::now();
    let (device, first) = fill(tenant, admin, days).await?;
    let filled = rate(usize::try_from(days * per_day)?, start.elapsed());
    let token = world.hub.token(tenant, "viewer").await?;
    let mut rng = StdRng::seed_from_u64(7);
    let mut figures = Vec::new();
    for (resolution, span_s, points) in [("minute", DAY_S, 1_440), ("day", 365 * DAY_S, 365)] {
        let mut times = Vec::with_capacity(QUESTIONS);
        for _ in 0..QUESTIONS {
            let series = rng.random_range(1..=SERIES);
            let from = match resolution {
                "minute" => first + rng.random_range(1..days) * DAY_S,
                _ => first + days * DAY_S - span_s,
            };
            let path = format!(
                "/api/v1/equipment/{device}/telemetry?metric=m-{series}&resolution={resolution}&from={}&to={}",
                jiff::Timestamp::from_second(from)?,
                jiff::Timestamp::from_second(from + span_s)?,
            );
            let start = Instant::now();
            let answer: Value = world.hub.get(&token, &path).await?.ok()?;
            times.push(start.elapsed());
            let found = answer["points"].as_array().map_or(0, Vec::len);
            ensure!(found == points, "{path} has {found} points");
        }
        figures.push(Figures::of(times).text_up_to(95));
    }
    let mut server = PgConnection::connect(&world.hub.database().server_url).await?;
    let start = Instant::now();
    let dropped: Option<String> = sqlx::query_scalar(
        "select telemetry.drop_day((to_timestamp($1) at time zone 'UTC')::date)::text",
    )
    .bind(f64::from(i32::try_from(first / DAY_S + 1)?) * 86_400.0)
    .fetch_one(&mut server)
    .await?;
    let drop_time = start.elapsed();
    ensure!(dropped.is_some(), "no day was dropped");
    let goal = format!("goal {QUESTION_MS} ms");
    let rows = days * per_day;
    Ok(vec![
        Row::new(
            format!("telemetry: {rows} raw rows of {SERIES} series, filled by SQL with roll-ups"),
            format!("{filled:.0} rows/s"),
            "",
        ),
        Row::new(
            "telemetry: a day of a series by minute, API",
            &figures[0],
            &goal,
        ),
        Row::new(
            "telemetry: a year of a series by day, API",
            &figures[1],
            &goal,
        ),
        Row::new(
            format!("telemetry: drop a day of {per_day} rows"),
            format!("{:.1} ms", milliseconds(drop_time)),
            "goal 1,000 ms",
        ),
    ])
}

/// Fills raw samples of so many days until yesterday, their minutes and hours, and the days of a year; answers the device's
/// id and the start of the first day in seconds.
async fn fill(tenant: &Tenant, admin: &mut PgConnection, days: i64) -> Result<(String, i64)> {
    let tenant_id = &tenant.id;
    let now = SystemClock.now().as_second();
    let first = now - now.rem_euclid(DAY_S) - days * DAY_S;
    run(admin, &format!(
        "delete from telemetry_day; delete from telemetry_hour; delete from telemetry_minute;
         insert into device (tenant_id, plant_id, code, public_id, last_seen_at, created_at, updated_at)
             select tenant_id, plant_id, 'years', gen_random_uuid(), now(), now(), now() from plant where code = 'HAM';
         insert into telemetry_series (tenant_id, device_id, metric, created_at)
             select tenant_id, device_id, 'm-' || n, now() from device, generate_series(1, {SERIES}) as n
             where code = 'years';
         create temporary view wanted as select series_id from telemetry_series where metric like 'm-%'"
    ))
    .await?;
    for day in 0..days {
        let start = format!("to_timestamp({})", first + day * DAY_S);
        let end = format!("to_timestamp({})", first + (day + 1) * DAY_S);
        let rollup = |table: &str, step: &str, from: &str, columns: &str, next: &str| {
            format!(
                "insert into {table}
                 select '{tenant_id}', series_id, whole, {columns}
                 from (
                     select *, date_trunc('{step}', {next}, 'UTC') as whole, lead({next}) over (
                         partition by series_id, date_trunc('{step}', {next}, 'UTC') order by {next}) as next_at
                     from {from}
                 ) as s
                 group by series_id, whole"
            )
        };
        let raw = "count(*), min(value), max(value), sum(value), min(value), min(at), max(value), max(at),
            coalesce(sum(value * extract(epoch from next_at - at)::float8), 0)";
        let coarser = "sum(sample_count), min(min), max(max), sum(sum), min(first), min(first_at), max(last), max(last_at),
            sum(held) + coalesce(sum(last * extract(epoch from next_at - last_at)::float8), 0)";
        let of_day = |table: &str, time: &str| {
            format!("(select * from {table} where {time} >= {start} and {time} < {end}) as f")
        };
        run(admin, &format!(
            "select telemetry.ensure_day(({start} at time zone 'UTC')::date);
             insert into telemetry.sample (tenant_id, series_id, at, value)
                 select '{tenant_id}', series_id, at, series_id + sin(extract(epoch from at)) from wanted,
                     generate_series({start}, {end} - interval '1 second', interval '{INTERVAL_S} seconds') as at
                 order by series_id, at;
             {};\n{};\n{}",
            rollup("telemetry_minute", "minute", &of_day("telemetry.sample", "at"), raw, "at"),
            rollup("telemetry_hour", "hour", &of_day("telemetry_minute", "bucket"), coarser, "first_at"),
            rollup("telemetry_day", "day", &of_day("telemetry_hour", "bucket"), coarser, "first_at"),
        ))
        .await?;
    }
    run(admin, &format!(
        "insert into telemetry_day
             select '{tenant_id}', series_id, day, 8640, 0, 2, 8640, 1, day, 1, day + interval '86390 seconds', 86390
             from wanted, generate_series(to_timestamp({first}) - interval '365 days', to_timestamp({first}),
                 interval '24 hours') as day
             on conflict do nothing;
         analyze telemetry.sample; analyze telemetry_minute; analyze telemetry_hour; analyze telemetry_day"
    ))
    .await?;
    let device = sqlx::query_scalar("select public_id::text from device where code = 'years'");
    Ok((device.fetch_one(admin).await?, first))
}

/// Runs statements, each in its own transaction.
async fn run(admin: &mut PgConnection, sql: &str) -> Result<()> {
    for statement in sql
        .split(';')
        .filter(|statement| !statement.trim().is_empty())
    {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *admin)
            .await
            .with_context(|| statement.to_owned())?;
    }
    Ok(())
}

/// A command of psql, as the superuser, whom no policy and no default checks.
async fn psql(world: &World, command: &str) -> Result<()> {
    let psql = Program::installed("psql")?
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
        .args(["--command", command, &world.hub.database().admin_url]);
    psql.within(LIMIT).output().await?;
    Ok(())
}

/// A typical press: counters, speeds with noise, temperatures and states, every second with some milliseconds of jitter.
struct Press {
    rng: StdRng,
    next_us: i64,
    metric: u32,
    counter: f64,
}

impl Press {
    fn new() -> Self {
        let seconds = i64::try_from(BACKLOG).unwrap_or(i64::MAX) / i64::from(METRICS) + DAY_S / 8;
        Self {
            rng: StdRng::seed_from_u64(1),
            next_us: (SystemClock.now().as_second() - seconds) * 1_000_000,
            metric: 0,
            counter: 0.0,
        }
    }

    /// The next block of as many samples as a block may have.
    fn block(&mut self) -> TelemetryBlock {
        let mut block = TelemetryBlock {
            block: 0,
            series: (0..METRICS)
                .map(|metric| SeriesKey {
                    device: "press-3".to_owned(),
                    metric: format!("metric-{metric}"),
                    unit: None,
                })
                .collect(),
            series_index: Vec::with_capacity(BLOCK_SAMPLES_MAX),
            time_us: Vec::with_capacity(BLOCK_SAMPLES_MAX),
            value: Vec::with_capacity(BLOCK_SAMPLES_MAX),
        };
        for _ in 0..BLOCK_SAMPLES_MAX {
            block.series_index.push(self.metric);
            block
                .time_us
                .push(self.next_us + self.rng.random_range(0..8_000));
            let noise = f64::from(self.rng.random_range(-20_i32..20));
            block.value.push(match self.metric % 4 {
                0 => self.counter,
                1 => 12_000.0 + noise,
                2 => 24.0 + noise / 10.0,
                _ => 3.0,
            });
            self.metric += 1;
            if self.metric == METRICS {
                self.metric = 0;
                self.counter += 3.0;
                self.next_us += 1_000_000;
            }
        }
        block
    }
}
