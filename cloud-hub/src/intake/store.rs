//! The SQL of producers, ledgers and rejected events.

use std::collections::{BTreeMap, BTreeSet};

use agog_sync::chain::{ChainHead, Hash};
use agog_sync::event::{Actor, Envelope};
use agog_sync::frame::{FeedEvent, LEDGER_BATCH_BYTES_MAX, LEDGER_BATCH_EVENTS_MAX, LedgerMark};
use agog_sync::ids::{EventId, PlantId, ProducerId};
use agog_sync::inbox::ProducerState;
use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx};

/// The end of an agent's ledger, made when it is not there, and locked until the transaction
/// ends.
pub(super) async fn ledger_lock(
    tx: &mut TenantTx,
    producer: ProducerId,
    plant_id: Option<PlantId>,
    now: Timestamp,
) -> Result<ProducerState, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let first = ProducerState::first(producer);
    sqlx::query!(
        "insert into producer
             (tenant_id, producer_id, stream, kind, plant_id, epoch, last_seq, last_hash, changed_at)
         values ($1, $2, 'ledger', case when $3::uuid is null then 'office' else 'agent' end,
             $3, $4, 0, $5, $6)
         on conflict do nothing",
        tenant_id,
        producer.uuid(),
        plant_id.map(|plant_id| plant_id.uuid()),
        to_bigint(first.epoch)?,
        &first.head.hash.as_bytes()[..],
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        r#"select epoch, last_seq, last_hash as "last_hash!" from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger' for no key update"#,
        tenant_id,
        producer.uuid(),
    )
    .fetch_one(tx.conn())
    .await?;
    ledger_state(producer, row.epoch, row.last_seq, &row.last_hash)
}

/// The end of a ledger as it is now.
pub(super) async fn ledger_find(
    tx: &mut TenantTx,
    producer: ProducerId,
) -> Result<Option<ProducerState>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select epoch, last_seq, last_hash as "last_hash!" from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger'"#,
        tenant_id,
        producer.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| ledger_state(producer, row.epoch, row.last_seq, &row.last_hash))
        .transpose()
}

/// What is here of several ledgers.
pub(super) async fn ledger_marks(
    tx: &mut TenantTx,
    producers: &[ProducerId],
) -> Result<BTreeMap<ProducerId, LedgerMark>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let producers: Vec<_> = producers.iter().map(ProducerId::uuid).collect();
    let rows = sqlx::query!(
        "select producer_id, epoch, last_seq from producer
         where tenant_id = $1 and producer_id = any($2) and stream = 'ledger'",
        tenant_id,
        &producers,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let mark = LedgerMark {
                epoch: from_bigint(row.epoch)?,
                seq: from_bigint(row.last_seq)?,
            };
            Ok((ProducerId::from_uuid(row.producer_id), mark))
        })
        .collect()
}

fn ledger_state(
    producer: ProducerId,
    epoch: i64,
    last_seq: i64,
    last_hash: &[u8],
) -> Result<ProducerState, DbError> {
    let hash = Hash::try_from(last_hash).map_err(DbError::stored)?;
    let head = ChainHead {
        last_seq: from_bigint(last_seq)?,
        hash,
    };
    Ok(ProducerState {
        producer,
        epoch: from_bigint(epoch)?,
        head,
    })
}

/// The id of the tenant's office ledger.
pub(super) async fn office_find(tx: &mut TenantTx) -> Result<Option<ProducerId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query_scalar!(
        "select producer_id from producer
         where tenant_id = $1 and stream = 'ledger' and kind = 'office'",
        tenant_id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(ProducerId::from_uuid))
}

/// Moves the end of a ledger. The caller holds its lock.
pub(super) async fn ledger_move(
    tx: &mut TenantTx,
    state: &ProducerState,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let moved = sqlx::query!(
        "update producer set epoch = $3, last_seq = $4, last_hash = $5, changed_at = $6
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger'",
        tenant_id,
        state.producer.uuid(),
        to_bigint(state.epoch)?,
        to_bigint(state.head.last_seq)?,
        &state.head.hash.as_bytes()[..],
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(DbError::stored(format!(
            "producer {} is gone",
            state.producer
        )))
    }
}

/// Stores events as they came.
pub(super) async fn events_add(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    events: &[Envelope],
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let mut columns = Columns::default();
    for event in events {
        columns.push(event)?;
    }
    sqlx::query!(
        "insert into ledger_event (tenant_id, producer_id, epoch, seq, event_id, kind, version, occurred_us,
             recorded_us, actor, payload, prev_hash, hash, received_at)
         select $1, $2, $3, *, $4 from unnest($5::bigint[], $6::uuid[], $7::text[], $8::integer[], $9::bigint[],
             $10::bigint[], $11::text[], $12::text[], $13::bytea[], $14::bytea[])",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
        Instant(now) as _,
        &columns.seq,
        &columns.event_id,
        &columns.kind,
        &columns.version,
        &columns.occurred_us,
        &columns.recorded_us,
        &columns.actor,
        &columns.payload,
        &columns.prev_hash,
        &columns.hash,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Events by column, for one statement per batch.
#[derive(Default)]
struct Columns {
    seq: Vec<i64>,
    event_id: Vec<Uuid>,
    kind: Vec<String>,
    version: Vec<i32>,
    occurred_us: Vec<i64>,
    recorded_us: Vec<i64>,
    actor: Vec<String>,
    payload: Vec<String>,
    prev_hash: Vec<Vec<u8>>,
    hash: Vec<Vec<u8>>,
}

impl Columns {
    fn push(&mut self, event: &Envelope) -> Result<(), DbError> {
        self.seq.push(to_bigint(event.seq)?);
        self.event_id.push(event.event_id.uuid());
        self.kind.push(event.kind.clone());
        self.version.push(i32::from(event.version));
        self.occurred_us.push(event.occurred_at.as_microsecond());
        self.recorded_us.push(event.recorded_at.as_microsecond());
        self.actor
            .push(serde_json::to_string(&event.actor).map_err(DbError::stored)?);
        self.payload.push(event.payload.get().to_owned());
        self.prev_hash.push(event.prev_hash.as_bytes().to_vec());
        self.hash.push(event.hash.as_bytes().to_vec());
        Ok(())
    }
}

/// Which of these events are here already, from whatever producer and epoch.
pub(super) async fn events_known(
    tx: &mut TenantTx,
    events: &[Envelope],
) -> Result<Vec<EventId>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let event_ids: Vec<Uuid> = events.iter().map(|event| event.event_id.uuid()).collect();
    let rows = sqlx::query_scalar!(
        "select event_id from ledger_event where tenant_id = $1 and event_id = any($2)",
        tenant_id,
        &event_ids,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(EventId::from_uuid).collect())
}

/// An event as it came.
#[derive(Debug)]
pub struct KeptEvent {
    pub kind: String,
    pub version: u16,
    pub payload: Box<RawValue>,
    /// No module could apply it.
    pub is_rejected: bool,
}

/// An event by its id, from whatever producer; as it came first.
pub(super) async fn event_find(
    tx: &mut TenantTx,
    event_id: EventId,
) -> Result<Option<KeptEvent>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select e.kind, e.version, e.payload, exists (
               select from ledger_rejected r
               where r.tenant_id = $1 and r.producer_id = e.producer_id and r.epoch = e.epoch and r.seq = e.seq
           ) as "is_rejected!"
           from ledger_event e where e.tenant_id = $1 and e.event_id = $2
           order by e.received_at, e.epoch, e.seq limit 1"#,
        tenant_id,
        event_id.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(KeptEvent {
            kind: row.kind,
            version: u16::try_from(row.version).map_err(DbError::stored)?,
            payload: RawValue::from_string(row.payload).map_err(DbError::stored)?,
            is_rejected: row.is_rejected,
        })
    })
    .transpose()
}

/// The events of a ledger after a place, as they came, as many as a batch may have.
pub(super) async fn events_after(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    after: u64,
) -> Result<Vec<Envelope>, DbError> {
    let rows = event_rows_after(tx, producer, epoch, after).await?;
    rows.into_iter().map(EventRow::envelope).collect()
}

/// The same as they stand in their rows.
pub(super) async fn event_rows_after(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    after: u64,
) -> Result<Vec<EventRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    Ok(sqlx::query_as!(
        EventRow,
        r#"select seq as "seq!", event_id as "event_id!", kind as "kind!", version as "version!",
             occurred_us as "occurred_us!", recorded_us as "recorded_us!", actor as "actor!", payload as "payload!",
             prev_hash as "prev_hash!", hash as "hash!"
         from (
             select *, row_number() over page as place, sum(octet_length(payload)) over page as bytes
             from (
                 select * from ledger_event
                 where tenant_id = $1 and producer_id = $2 and epoch = $3 and seq > $4
                 order by seq limit $5
             ) as next window page as (order by seq)
         ) as counted
         where place = 1 or bytes <= $6 order by seq"#,
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
        to_bigint(after)?,
        i64::try_from(LEDGER_BATCH_EVENTS_MAX).map_err(DbError::stored)?,
        i64::try_from(LEDGER_BATCH_BYTES_MAX).map_err(DbError::stored)?,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The plants of producers; none for the office.
pub(super) async fn producer_plants(
    tx: &mut TenantTx,
    producers: &BTreeSet<ProducerId>,
) -> Result<BTreeMap<ProducerId, Option<PlantId>>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let producers: Vec<_> = producers.iter().map(ProducerId::uuid).collect();
    let rows = sqlx::query!(
        "select producer_id, plant_id from producer
         where tenant_id = $1 and producer_id = any($2) and stream = 'ledger'",
        tenant_id,
        &producers,
    )
    .fetch_all(tx.conn())
    .await?;
    let plants = rows.into_iter().map(|row| {
        let producer = ProducerId::from_uuid(row.producer_id);
        (producer, row.plant_id.map(PlantId::from_uuid))
    });
    Ok(plants.collect())
}

/// The columns of an event as it came.
#[derive(Debug)]
pub(super) struct EventRow {
    pub seq: i64,
    pub event_id: Uuid,
    pub kind: String,
    pub version: i32,
    pub occurred_us: i64,
    pub recorded_us: i64,
    pub actor: String,
    pub payload: String,
    pub prev_hash: Vec<u8>,
    pub hash: Vec<u8>,
}

impl EventRow {
    pub(super) fn envelope(self) -> Result<Envelope, DbError> {
        let actor: Actor = serde_json::from_str(&self.actor).map_err(DbError::stored)?;
        Ok(Envelope {
            seq: from_bigint(self.seq)?,
            event_id: EventId::from_uuid(self.event_id),
            kind: self.kind,
            version: u16::try_from(self.version).map_err(DbError::stored)?,
            occurred_at: from_micros(self.occurred_us)?,
            recorded_at: from_micros(self.recorded_us)?,
            actor,
            payload: RawValue::from_string(self.payload).map_err(DbError::stored)?,
            prev_hash: Hash::try_from(&self.prev_hash[..]).map_err(DbError::stored)?,
            hash: Hash::try_from(&self.hash[..]).map_err(DbError::stored)?,
        })
    }
}

/// Events by their ids, in the order of the ids, as they go into feeds. One that was sealed again in a newer epoch is
/// told as it was sealed last.
pub async fn events_of(tx: &mut TenantTx, events: &[EventId]) -> Result<Vec<FeedEvent>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let event_ids: Vec<Uuid> = events.iter().map(EventId::uuid).collect();
    let rows = sqlx::query!(
        r#"select l.producer_id, l.epoch, l.seq, l.event_id, l.kind, l.version, l.occurred_us, l.recorded_us, l.actor,
             l.payload, l.prev_hash, l.hash
         from unnest($2::uuid[]) with ordinality as e (event_id, place)
             cross join lateral (
                 select * from ledger_event
                 where tenant_id = $1 and event_id = e.event_id order by epoch desc limit 1
             ) as l
         order by place"#,
        tenant_id,
        &event_ids,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let producer = ProducerId::from_uuid(row.producer_id);
            let epoch = from_bigint(row.epoch)?;
            let row = EventRow {
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
            };
            Ok(FeedEvent {
                producer,
                epoch,
                event: row.envelope()?,
                lots: Vec::new(),
                seen: None,
                unapplied: Vec::new(),
            })
        })
        .collect()
}

/// Keeps why an event was not applied.
pub(super) async fn rejected_add(
    tx: &mut TenantTx,
    producer: ProducerId,
    epoch: u64,
    event: &Envelope,
    code: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into ledger_rejected
             (tenant_id, producer_id, epoch, seq, event_id, kind, code, reason, rejected_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant_id,
        producer.uuid(),
        to_bigint(epoch)?,
        to_bigint(event.seq)?,
        event.event_id.uuid(),
        event.kind,
        code,
        // PostgreSQL's text holds every character but this one.
        reason.replace('\0', "\u{fffd}"),
        Instant(now) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) fn to_bigint(number: u64) -> Result<i64, DbError> {
    i64::try_from(number).map_err(DbError::stored)
}

pub(super) fn from_bigint(number: i64) -> Result<u64, DbError> {
    u64::try_from(number).map_err(DbError::stored)
}

pub(super) fn from_micros(micros: i64) -> Result<Timestamp, DbError> {
    Timestamp::from_microsecond(micros).map_err(DbError::stored)
}
