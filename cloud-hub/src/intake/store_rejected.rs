//! The SQL of events that no module could apply. One that was only delivered twice is kept with them and is not shown:
//! its fact has had its effects.

use agog_sync::frame::LedgerMark;
use agog_sync::ids::{EventId, LotId, PlantId, ProducerId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store::{EventRow, from_bigint, to_bigint};
use crate::db::{DbError, Instant, TenantTx};

/// Where the list goes on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Place {
    pub rejected_at: Timestamp,
    pub producer: Uuid,
    pub epoch: i64,
    pub seq: i64,
}

/// An event that waits for a fault to be mended.
#[derive(Debug)]
pub(super) struct RejectedRow {
    pub place: Place,
    pub plant_id: Option<PlantId>,
    pub event: EventRow,
    pub code: String,
    pub reason: String,
    pub tries: i32,
    pub tried_at: Option<Timestamp>,
}

/// Events that were not applied, the oldest rejection first.
pub(super) async fn list(
    tx: &mut TenantTx,
    plant_id: Option<PlantId>,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<RejectedRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select r.producer_id, r.epoch, r.seq, r.code, r.reason, r.tries, p.plant_id,
             r.rejected_at as "rejected_at: Instant", r.tried_at as "tried_at: Instant",
             e.event_id, e.kind, e.version, e.occurred_us, e.recorded_us, e.actor, e.payload, e.prev_hash, e.hash
         from ledger_rejected r
             join ledger_event e on e.tenant_id = r.tenant_id and e.producer_id = r.producer_id
                 and e.epoch = r.epoch and e.seq = r.seq
             join producer p on p.tenant_id = r.tenant_id and p.producer_id = r.producer_id and p.stream = 'ledger'
         where r.tenant_id = $1 and r.applied_at is null and r.code <> 'duplicate-event-id'
             and ($2::uuid is null or p.plant_id = $2)
             and ($3::timestamptz is null or (r.rejected_at, r.producer_id, r.epoch, r.seq) > ($3, $4, $5, $6))
         order by r.rejected_at, r.producer_id, r.epoch, r.seq limit $7"#,
        tenant_id,
        plant_id.map(|plant_id| plant_id.uuid()),
        after.map(|place| Instant(place.rejected_at)) as _,
        after.map(|place| place.producer),
        after.map(|place| place.epoch),
        after.map(|place| place.seq),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RejectedRow {
            place: Place {
                rejected_at: row.rejected_at.into(),
                producer: row.producer_id,
                epoch: row.epoch,
                seq: row.seq,
            },
            plant_id: row.plant_id.map(PlantId::from_uuid),
            event: EventRow {
                seq: row.seq,
                event_id: row.event_id,
                kind: row.kind,
                version: row.version,
                occurred_us: row.occurred_us,
                recorded_us: row.recorded_us,
                actor: row.actor,
                payload: row.payload,
                prev_hash: row.prev_hash,
                hash: row.hash,
            },
            code: row.code,
            reason: row.reason,
            tries: row.tries,
            tried_at: row.tried_at.map(Into::into),
        })
        .collect())
}

/// How many events of a ledger wait for a fault to be mended.
pub(super) async fn count(tx: &mut TenantTx, producer: ProducerId) -> Result<i64, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from ledger_rejected
         where tenant_id = $1 and producer_id = $2 and applied_at is null and code <> 'duplicate-event-id'"#,
        tenant_id,
        producer.uuid(),
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A ledger with events that were not tried since `before`, and the oldest epoch of them.
pub(super) async fn next(
    tx: &mut TenantTx,
    only: Option<&[EventId]>,
    before: Timestamp,
) -> Result<Option<(ProducerId, PlantId, u64)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let only: Option<Vec<Uuid>> = only.map(|events| events.iter().map(EventId::uuid).collect());
    let row = sqlx::query!(
        r#"select r.producer_id, r.epoch, p.plant_id as "plant_id!" from ledger_rejected r
             join producer p on p.tenant_id = r.tenant_id and p.producer_id = r.producer_id and p.stream = 'ledger'
         where r.tenant_id = $1 and r.applied_at is null and r.code <> 'duplicate-event-id'
             and p.plant_id is not null and (r.tried_at is null or r.tried_at < $2)
             and ($3::uuid[] is null or r.event_id = any($3))
         order by r.producer_id, r.epoch limit 1"#,
        tenant_id,
        Instant(before) as _,
        only.as_deref() as _,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok((
            ProducerId::from_uuid(row.producer_id),
            PlantId::from_uuid(row.plant_id),
            from_bigint(row.epoch)?,
        ))
    })
    .transpose()
}

/// Events of one epoch that were not tried since `before`, in the order of the ledger. The caller holds its lock, so
/// that nobody else applies them.
pub(super) async fn waiting(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    only: Option<&[EventId]>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<EventRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let only: Option<Vec<Uuid>> = only.map(|events| events.iter().map(EventId::uuid).collect());
    Ok(sqlx::query_as!(
        EventRow,
        "select e.seq, e.event_id, e.kind, e.version, e.occurred_us, e.recorded_us, e.actor, e.payload,
             e.prev_hash, e.hash
         from ledger_rejected r
             join ledger_event e on e.tenant_id = r.tenant_id and e.producer_id = r.producer_id
                 and e.epoch = r.epoch and e.seq = r.seq
         where r.tenant_id = $1 and r.producer_id = $2 and r.epoch = $3 and r.applied_at is null
             and r.code <> 'duplicate-event-id' and (r.tried_at is null or r.tried_at < $4)
             and ($5::uuid[] is null or r.event_id = any($5))
         order by r.seq limit $6",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
        Instant(before) as _,
        only.as_deref() as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An event that is kept, has had no effect yet, and may be about lots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unapplied {
    pub producer: ProducerId,
    pub at: LedgerMark,
    pub event_id: EventId,
    pub payload: String,
}

/// The events of these ledgers that were not applied and name one of the lots. Whatever form an event has that cannot be
/// read, it names its lots by their ids.
pub(super) async fn unapplied(
    tx: &mut TenantTx,
    producers: &[ProducerId],
    lots: &[LotId],
) -> Result<Vec<Unapplied>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let producers: Vec<_> = producers.iter().map(ProducerId::uuid).collect();
    let lots: Vec<_> = lots.iter().map(LotId::to_string).collect();
    let rows = sqlx::query!(
        "select r.producer_id, r.epoch, r.seq, r.event_id, e.payload
         from ledger_rejected r
             join ledger_event e on e.tenant_id = r.tenant_id and e.producer_id = r.producer_id
                 and e.epoch = r.epoch and e.seq = r.seq
         where r.tenant_id = $1 and r.producer_id = any($2) and r.applied_at is null
             and r.code <> 'duplicate-event-id'
             and exists (select 1 from unnest($3::text[]) as lot where strpos(e.payload, lot) > 0)",
        tenant_id,
        &producers,
        &lots,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Unapplied {
                producer: ProducerId::from_uuid(row.producer_id),
                at: LedgerMark {
                    epoch: from_bigint(row.epoch)?,
                    seq: from_bigint(row.seq)?,
                },
                event_id: EventId::from_uuid(row.event_id),
                payload: row.payload,
            })
        })
        .collect()
}

/// Notes that events were applied.
pub(super) async fn applied(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    seqs: &[i64],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update ledger_rejected set applied_at = $5, tried_at = $5, tries = tries + 1
         where tenant_id = $1 and producer_id = $2 and epoch = $3 and seq = any($4)",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
        seqs,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that an event cannot be applied still, and why.
pub(super) async fn refused_again(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    seq: u64,
    (code, reason): (&str, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update ledger_rejected set code = $5, reason = $6, tried_at = $7, tries = tries + 1
         where tenant_id = $1 and producer_id = $2 and epoch = $3 and seq = $4",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
        to_bigint(seq)?,
        code,
        // PostgreSQL's text holds every character but this one.
        reason.replace('\0', "\u{fffd}"),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that events were applied after all, if any of them were rejected.
pub(super) async fn applied_after_all(
    tx: &mut TenantTx,
    events: &[EventId],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let events: Vec<Uuid> = events.iter().map(EventId::uuid).collect();
    sqlx::query!(
        "update ledger_rejected set applied_at = $3, tried_at = $3, tries = tries + 1
         where tenant_id = $1 and event_id = any($2) and applied_at is null and code <> 'duplicate-event-id'",
        tenant_id,
        &events,
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
