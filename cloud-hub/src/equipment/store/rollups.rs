//! The SQL of roll-ups: three tables of one form, so each statement is written once and checked for each table.

use jiff::Timestamp;

use super::from_us;
use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::model::SeriesId;
use crate::equipment::rollup::{Rollup, Step};

/// A roll-up with its place: whose it is, and the start of its bucket in microseconds.
pub(in crate::equipment) type Placed = ((SeriesId, i64), Rollup);

/// Runs one of the checked macros on the table of a step: the pieces of its SQL, with the table's name between them, and what may
/// follow.
macro_rules! on_table {
    (
        $step:expr,
        $query:ident!($($row:ident,)? [$first:literal $($piece:literal)+ $(+ $end:literal)?] $($arguments:tt)*).$run:ident($conn:expr)
    ) => {
        match $step {
            Step::Minute => {
                sqlx::$query!($($row,)? $first $(+ "telemetry_minute" + $piece)+ $(+ $end)? $($arguments)*).$run($conn).await
            }
            Step::Hour => {
                sqlx::$query!($($row,)? $first $(+ "telemetry_hour" + $piece)+ $(+ $end)? $($arguments)*).$run($conn).await
            }
            Step::Day => {
                sqlx::$query!($($row,)? $first $(+ "telemetry_day" + $piece)+ $(+ $end)? $($arguments)*).$run($conn).await
            }
        }
    };
}

struct Row {
    series_id: i64,
    bucket: Instant,
    sample_count: i64,
    min: f64,
    max: f64,
    sum: f64,
    first: f64,
    first_at: Instant,
    last: f64,
    last_at: Instant,
    held: f64,
}

impl From<Row> for Placed {
    fn from(row: Row) -> Self {
        let rollup = Rollup {
            count: row.sample_count,
            min: row.min,
            max: row.max,
            sum: row.sum,
            first: row.first,
            first_us: row.first_at.0.as_microsecond(),
            last: row.last,
            last_us: row.last_at.0.as_microsecond(),
            held: row.held,
        };
        let bucket_us = row.bucket.0.as_microsecond();
        ((SeriesId(row.series_id), bucket_us), rollup)
    }
}

/// The roll-ups whose buckets begin in stretches of time, of `from` until before `to`, by their places.
pub(in crate::equipment) async fn rollups_within(
    tx: &mut TenantTx,
    step: Step,
    stretches: &[(SeriesId, i64, i64)],
) -> Result<Vec<Placed>, DbError> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let tenant_id = tx.tenant_id().uuid();
    let series = column(stretches, |stretch| stretch.0.0);
    let from = column(stretches, |stretch| from_us(stretch.1));
    let to = column(stretches, |stretch| from_us(stretch.2));
    // Each stretch is a query of its own (`offset 0`), by the table's key: a join could read the whole table.
    let rows = on_table!(
        step,
        query_as!(Row, [r#"select r.series_id as "series_id!", r.bucket as "bucket!: Instant", r.sample_count as "sample_count!",
                   r.min as "min!", r.max as "max!", r.sum as "sum!", r.first as "first!",
                   r.first_at as "first_at!: Instant", r.last as "last!", r.last_at as "last_at!: Instant", r.held as "held!"
               from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[]) as k (series_id, from_at, to_at)
                   cross join lateral (select * from "#
            r#" where tenant_id = $1 and series_id = k.series_id and bucket >= k.from_at and bucket < k.to_at
                       offset 0
                   ) as r"#],
            tenant_id, &series, &from as _, &to as _
        )
        .fetch_all(tx.conn())
    )?;
    let mut rollups: Vec<_> = rows.into_iter().map(Placed::from).collect();
    rollups.sort_unstable_by_key(|(place, _)| *place);
    Ok(rollups)
}

/// Inserts roll-ups, by a statement with this end.
macro_rules! insert {
    ($tx:ident, $step:ident, $rollups:ident, $end:literal) => {{
        if $rollups.is_empty() {
            return Ok(());
        }
        let tenant_id = $tx.tenant_id().uuid();
        let c = Columns::of($rollups);
        on_table!(
            $step,
            query!(["insert into "
                " (tenant_id, series_id, bucket, sample_count, min, max, sum, first, first_at, last, last_at, held)
                 select $1, * from unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::float8[], $6::float8[],
                     $7::float8[], $8::float8[], $9::timestamptz[], $10::float8[], $11::timestamptz[], $12::float8[])"
                + $end],
                tenant_id, &c.series, &c.bucket as _, &c.count, &c.min, &c.max, &c.sum, &c.first, &c.first_at as _,
                &c.last, &c.last_at as _, &c.held
            )
            .execute($tx.conn())
        )?;
        Ok(())
    }};
}

/// Stores roll-ups where none are. It says so to the database, which need not look first: the caller holds the locks of
/// the devices, so what it has not found is not there.
pub(in crate::equipment) async fn rollups_add(
    tx: &mut TenantTx,
    step: Step,
    rollups: &[Placed],
) -> Result<(), DbError> {
    insert!(tx, step, rollups, "")
}

/// Stores roll-ups in the place of those that are there. An upsert, because it finds each by its key whatever the planner
/// knows of the table.
pub(in crate::equipment) async fn rollups_replace(
    tx: &mut TenantTx,
    step: Step,
    rollups: &[Placed],
) -> Result<(), DbError> {
    insert!(
        tx,
        step,
        rollups,
        " on conflict (tenant_id, series_id, bucket) do update set
             sample_count = excluded.sample_count, min = excluded.min, max = excluded.max, sum = excluded.sum,
             first = excluded.first, first_at = excluded.first_at, last = excluded.last,
             last_at = excluded.last_at, held = excluded.held"
    )
}

/// Roll-ups by columns, as statements take them.
struct Columns {
    series: Vec<i64>,
    bucket: Vec<Instant>,
    count: Vec<i64>,
    min: Vec<f64>,
    max: Vec<f64>,
    sum: Vec<f64>,
    first: Vec<f64>,
    first_at: Vec<Instant>,
    last: Vec<f64>,
    last_at: Vec<Instant>,
    held: Vec<f64>,
}

impl Columns {
    fn of(rollups: &[Placed]) -> Self {
        Self {
            series: column(rollups, |(place, _)| place.0.0),
            bucket: column(rollups, |(place, _)| from_us(place.1)),
            count: column(rollups, |(_, rollup)| rollup.count),
            min: column(rollups, |(_, rollup)| rollup.min),
            max: column(rollups, |(_, rollup)| rollup.max),
            sum: column(rollups, |(_, rollup)| rollup.sum),
            first: column(rollups, |(_, rollup)| rollup.first),
            first_at: column(rollups, |(_, rollup)| from_us(rollup.first_us)),
            last: column(rollups, |(_, rollup)| rollup.last),
            last_at: column(rollups, |(_, rollup)| from_us(rollup.last_us)),
            held: column(rollups, |(_, rollup)| rollup.held),
        }
    }
}

/// Roll-ups of a series whose buckets begin from `from` until before `to`, oldest first, with the start of each.
pub(in crate::equipment) async fn rollup_list(
    tx: &mut TenantTx,
    step: Step,
    series: SeriesId,
    from_bucket_us: i64,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<(i64, Rollup)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (from, to) = (from_us(from_bucket_us), Instant(to));
    let rows = on_table!(
        step,
        query_as!(Row, [r#"select series_id, bucket as "bucket: Instant", sample_count, min, max, sum, first,
                   first_at as "first_at: Instant", last, last_at as "last_at: Instant", held
               from "#
            " where tenant_id = $1 and series_id = $2 and bucket >= $3 and bucket < $4 order by bucket limit $5"],
            tenant_id, series.0, from as _, to as _, limit
        )
        .fetch_all(tx.conn())
    )?;
    Ok(rows
        .into_iter()
        .map(Placed::from)
        .map(|((_, bucket_us), rollup)| (bucket_us, rollup))
        .collect())
}

/// How many samples a series has in the buckets from that of `from` until before `to`.
pub(in crate::equipment) async fn samples_counted(
    tx: &mut TenantTx,
    step: Step,
    series: SeriesId,
    from: Timestamp,
    to: Timestamp,
) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (from, to) = (from_us(step.bucket(from.as_microsecond())), Instant(to));
    let counted = on_table!(
        step,
        query_scalar!([r#"select coalesce(sum(sample_count), 0)::bigint as "counted!" from "#
            " where tenant_id = $1 and series_id = $2 and bucket >= $3 and bucket < $4"],
            tenant_id, series.0, from as _, to as _
        )
        .fetch_one(tx.conn())
    )?;
    Ok(counted)
}

/// The end of the minute until which a series has about so many samples from an instant on, or fewer when its next
/// `minutes_max` minutes have fewer; none when there are none before `to`.
pub(in crate::equipment) async fn samples_window(
    tx: &mut TenantTx,
    series: SeriesId,
    from_us: i64,
    to: Timestamp,
    (samples, minutes_max): (i64, i64),
) -> Result<Option<i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let last = sqlx::query_scalar!(
        r#"select max(bucket) as "last: Instant" from (
               select bucket, sum(sample_count) over (order by bucket) - sample_count as before from (
                   select bucket, sample_count from telemetry_minute
                   where tenant_id = $1 and series_id = $2 and bucket >= $3 and bucket < $4 order by bucket limit $5
               ) as next
           ) as summed
           where before < $6::bigint"#,
        tenant_id,
        series.0,
        super::from_us(Step::Minute.bucket(from_us)) as _,
        Instant(to) as _,
        minutes_max,
        samples,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(last.map(|last| Step::Minute.end(last.0.as_microsecond())))
}

/// The value of a series that stood when a bucket began: the last one of the bucket before it that has any.
pub(in crate::equipment) async fn value_before(
    tx: &mut TenantTx,
    step: Step,
    series: SeriesId,
    bucket_us: i64,
) -> Result<Option<f64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let bucket = from_us(bucket_us);
    let value = on_table!(
        step,
        query_scalar!(["select last from "
            " where tenant_id = $1 and series_id = $2 and bucket < $3 order by bucket desc limit 1"],
            tenant_id, series.0, bucket as _
        )
        .fetch_optional(tx.conn())
    )?;
    Ok(value)
}

/// Removes roll-ups whose buckets begin before an instant, at most `limit`; says how many.
pub(in crate::equipment) async fn rollups_remove(
    tx: &mut TenantTx,
    step: Step,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let before = Instant(before);
    // Series by series, because the key does not begin with the time: of each the oldest ones.
    let removed = on_table!(
        step,
        query!(["delete from "
            " as r using (
                 select s.series_id, b.bucket from telemetry_series s
                     cross join lateral (
                         select bucket from "
            " where tenant_id = $1 and series_id = s.series_id and bucket < $2 order by bucket limit $3
                     ) as b
                 where s.tenant_id = $1 limit $3
             ) as old
             where r.tenant_id = $1 and r.series_id = old.series_id and r.bucket = old.bucket"],
            tenant_id, before as _, limit
        )
        .execute(tx.conn())
    )?;
    Ok(removed.rows_affected())
}
