//! The SQL of gaps: samples that are missing, as they are read.

use agog_sync::ids::PlantId;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx};

/// Samples that are missing.
#[derive(Debug, Clone)]
pub(in crate::equipment) struct GapRow {
    /// Its place in the list.
    pub key: i64,
    /// What the plant calls the device; none when it is not known whose samples they are.
    pub device: Option<String>,
    pub reason: String,
    pub count: i64,
    pub from: Timestamp,
    pub to: Timestamp,
    /// The event with which the plant told of it.
    pub event_id: Option<Uuid>,
    /// The block in which the hub found it.
    pub block: Option<i64>,
    pub recorded_at: Timestamp,
}

/// Which gaps of a plant.
#[derive(Debug, Clone, Copy)]
pub(in crate::equipment) struct GapFilter<'s> {
    pub plant: PlantId,
    pub device: Option<&'s str>,
    /// They reach into this time.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// The newest of them before this one.
    pub before: Option<i64>,
}

/// Gaps, the newest that were heard of first.
pub(in crate::equipment) async fn gap_list(
    tx: &mut TenantTx,
    filter: GapFilter<'_>,
    limit: i64,
) -> Result<Vec<GapRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select gap_id, device, reason, sample_count, from_at as "from_at: Instant", to_at as "to_at: Instant", event_id, block,
               recorded_at as "recorded_at: Instant"
           from telemetry_gap
           where tenant_id = $1 and plant_id = $2 and gap_id < $3
               and ($4::text is null or device = $4)
               and ($5::timestamptz is null or to_at >= $5)
               and ($6::timestamptz is null or from_at < $6)
           order by gap_id desc limit $7"#,
        tenant_id,
        filter.plant.uuid(),
        filter.before.unwrap_or(i64::MAX),
        filter.device,
        filter.from.map(Instant) as _,
        filter.to.map(Instant) as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| GapRow {
            key: row.gap_id,
            device: row.device,
            reason: row.reason,
            count: row.sample_count,
            from: row.from_at.0,
            to: row.to_at.0,
            event_id: row.event_id,
            block: row.block,
            recorded_at: row.recorded_at.0,
        })
        .collect())
}

/// How many samples are missing in a time: of a device, and of its plant without a word of whose they were. What reaches into the
/// time counts as a whole.
pub(in crate::equipment) async fn gaps_counted(
    tx: &mut TenantTx,
    plant_id: PlantId,
    device: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<(i64, i64), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select least(coalesce(sum(sample_count) filter (where device is not null), 0), $6)::bigint as "of_device!",
               least(coalesce(sum(sample_count) filter (where device is null), 0), $6)::bigint as "of_plant!"
           from telemetry_gap
           where tenant_id = $1 and plant_id = $2 and to_at >= $4 and from_at < $5 and (device is null or device = $3)"#,
        tenant_id,
        plant_id.uuid(),
        device,
        Instant(from) as _,
        Instant(to) as _,
        Decimal::from(i64::MAX),
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.of_device, row.of_plant))
}
