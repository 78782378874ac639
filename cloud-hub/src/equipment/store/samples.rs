//! The SQL of raw samples: copied in, read through the barrier view, and counted where they are missing.

use std::collections::BTreeSet;

use agog_sync::ids::{EventId, PlantId};
use jiff::Timestamp;

use super::from_us;
use crate::db::{DbError, Instant, SystemTx, TenantTx, column};
use crate::equipment::block::Gap;
use crate::equipment::copy;
use crate::equipment::model::SeriesId;
use crate::equipment::rollup::{Sample, Step};

/// Stores samples, all of them new.
pub(in crate::equipment) async fn samples_copy(
    tx: &mut TenantTx,
    rows: &[(SeriesId, Sample)],
) -> Result<(), DbError> {
    let days: BTreeSet<i64> = rows
        .iter()
        .map(|(_, sample)| Step::Day.bucket(sample.at_us))
        .collect();
    let days: Vec<_> = days.into_iter().map(from_us).collect();
    // Made ahead but for samples that come late; nothing happens to those that are there.
    sqlx::query!(
        "select count(telemetry.ensure_day((day at time zone 'UTC')::date)) as days
         from unnest($1::timestamptz[]) as d (day)",
        &days as _,
    )
    .fetch_one(tx.conn())
    .await?;
    let mut copy = tx.conn().copy_in_raw(copy::STATEMENT).await?;
    for chunk in copy::chunks(rows) {
        copy.send(chunk).await?;
    }
    copy.finish().await?;
    Ok(())
}

/// The samples of series in stretches of time, each of `from` until before `to`: by series, time and value.
pub(in crate::equipment) async fn samples_within(
    tx: &mut TenantTx,
    stretches: &[(SeriesId, i64, i64)],
) -> Result<Vec<(SeriesId, Sample)>, DbError> {
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let tenant_id = tx.tenant_id().uuid();
    // Each stretch is a query of its own (`offset 0` keeps the planner from joining them to one): it reads the index of
    // the days that it touches, however many others there are.
    let rows = sqlx::query!(
        r#"select k.series_id as "series_id!", s.at as "at!: Instant", s.value as "value!"
           from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[]) as k (series_id, from_at, to_at)
               cross join lateral (
                   select at, value from telemetry_sample
                   where tenant_id = $1 and series_id = k.series_id and at >= k.from_at and at < k.to_at
                   offset 0
               ) as s"#,
        tenant_id,
        &column(stretches, |stretch| stretch.0.0),
        &column(stretches, |stretch| from_us(stretch.1)) as _,
        &column(stretches, |stretch| from_us(stretch.2)) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    let mut samples: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let sample = Sample::new(row.at.0.as_microsecond(), row.value);
            (SeriesId(row.series_id), sample)
        })
        .collect();
    samples.sort_unstable_by(|(a, left), (b, right)| a.cmp(b).then_with(|| left.order(right)));
    Ok(samples)
}

/// Samples of a series after the one of that time and value, until before `to`: by time and value.
pub(in crate::equipment) async fn sample_list(
    tx: &mut TenantTx,
    series: SeriesId,
    (after_us, after_value): (i64, f64),
    to_us: i64,
    limit: i64,
) -> Result<Vec<Sample>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // The time by itself as well: it is what the index and the days are found by. The view keeps the planner from reading
    // in the order of the index: all that is asked for is sorted, so ask for little.
    let rows = sqlx::query!(
        r#"select at as "at!: Instant", value as "value!" from telemetry_sample
           where tenant_id = $1 and series_id = $2 and at >= $3 and (at, value) > ($3, $4) and at < $5
           order by at, value limit $6"#,
        tenant_id,
        series.0,
        from_us(after_us) as _,
        after_value,
        from_us(to_us) as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Sample {
            at_us: row.at.0.as_microsecond(),
            value: row.value,
        })
        .collect())
}

/// Keeps that samples are missing.
pub(in crate::equipment) async fn gap_add(
    tx: &mut TenantTx,
    plant_id: PlantId,
    gap: &Gap,
    event_id: Option<EventId>,
    block: Option<u64>,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into telemetry_gap (tenant_id, plant_id, device, reason, sample_count, from_at, to_at, event_id, block,
             recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant_id,
        plant_id.uuid(),
        gap.device,
        gap.reason,
        i64::try_from(gap.count).unwrap_or(i64::MAX),
        Instant(gap.from) as _,
        Instant(gap.to) as _,
        event_id.map(|event_id| event_id.uuid()),
        block.map(|block| i64::try_from(block).unwrap_or(i64::MAX)),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes the partitions of days that come.
pub(in crate::equipment) async fn days_ahead(
    tx: &mut SystemTx,
    from: Timestamp,
    to: Timestamp,
) -> Result<(), DbError> {
    sqlx::query!(
        "select count(telemetry.ensure_day((day at time zone 'UTC')::date)) as days
         from generate_series($1::timestamptz, $2::timestamptz, interval '24 hours') as d (day)",
        Instant(from) as _,
        Instant(to) as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(())
}

/// Drops the oldest day before an instant, with the samples of all tenants; says whether there was one.
pub(in crate::equipment) async fn day_drop(
    tx: &mut SystemTx,
    before: Timestamp,
) -> Result<bool, DbError> {
    let dropped = sqlx::query_scalar!(
        r#"select telemetry.drop_day(($1::timestamptz at time zone 'UTC')::date) is not null as "dropped!""#,
        Instant(before) as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(dropped)
}
