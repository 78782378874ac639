//! The SQL of how agents are.

use agog_sync::ids::{PlantId, ProducerId};
use agog_sync::report::AgentReport;
use jiff::Timestamp;
use uuid::Uuid;

use super::overview::{AgentAlarm, AgentTold};
use super::store::{from_micros, to_bigint};
use crate::db::{DbError, Instant, TenantTx, column};

/// Why an agent is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// It was silent for too long.
    NoContact,
    /// Its events wait, and none was taken for too long.
    NoProgress,
}

impl Alarm {
    /// As it is stored and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoContact => "no-contact",
            Self::NoProgress => "no-progress",
        }
    }

    /// For people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::NoContact => "nothing was heard of it for too long",
            Self::NoProgress => "events wait there and none comes through",
        }
    }
}

/// An agent for which an alarm stands, or is due.
#[derive(Debug)]
pub(super) struct Due {
    pub producer: ProducerId,
    pub plant_id: Option<PlantId>,
    pub alarm: Alarm,
    pub contact: Timestamp,
    pub waiting: i64,
}

/// Keeps what an agent tells of itself.
pub(super) async fn told(
    tx: &mut TenantTx,
    producer: ProducerId,
    report: &AgentReport,
    skew_ms: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    // An agent that has no ledger here yet has nothing to tell.
    sqlx::query!(
        "insert into producer_watch
             (tenant_id, producer_id, told_at, skew_ms, waiting, oldest_waiting_us, waiting_since)
         select tenant_id, producer_id, $3::timestamptz, $4::bigint, $5::bigint, $6::bigint,
             case when $5::bigint > 0 then $3::timestamptz end
         from producer
         where tenant_id = $1 and producer_id = $2 and stream = 'ledger'
         on conflict (tenant_id, producer_id) do update
         set told_at = excluded.told_at, skew_ms = excluded.skew_ms, waiting = excluded.waiting,
             oldest_waiting_us = excluded.oldest_waiting_us,
             waiting_since = case when excluded.waiting > 0
                 then coalesce(producer_watch.waiting_since, excluded.waiting_since) end",
        tenant_id,
        producer.uuid(),
        Instant(now) as _,
        skew_ms,
        to_bigint(report.waiting.min(i64::MAX.unsigned_abs()))?,
        report.oldest_waiting_at.map(Timestamp::as_microsecond),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Which of these agents were silent since `before`, or told each time since then that events wait while none was taken.
pub(super) async fn due(
    tx: &mut TenantTx,
    agents: &[Uuid],
    before: Timestamp,
) -> Result<Vec<Due>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select producer_id as "producer_id!", plant_id, contact as "contact!: Instant", waiting as "waiting!",
             contact < $3 as "is_silent!"
         from (
             select ledger.producer_id, ledger.plant_id, ledger.changed_at as taken_at,
                 greatest(ledger.seen_at, ledger.changed_at, samples.changed_at, watch.told_at) as contact,
                 coalesce(watch.waiting, 0) as waiting, watch.waiting_since
             from producer as ledger
                 left join producer as samples on samples.tenant_id = $1 and samples.producer_id = ledger.producer_id
                     and samples.stream = 'telemetry'
                 left join producer_watch as watch on watch.tenant_id = $1
                     and watch.producer_id = ledger.producer_id
             where ledger.tenant_id = $1 and ledger.stream = 'ledger' and ledger.kind = 'agent'
                 and ledger.producer_id = any($2)
         ) as agent
         where contact < $3 or (waiting > 0 and waiting_since < $3 and taken_at < $3)
         order by producer_id"#,
        tenant_id,
        agents,
        Instant(before) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            producer: ProducerId::from_uuid(row.producer_id),
            plant_id: row.plant_id.map(PlantId::from_uuid),
            alarm: if row.is_silent {
                Alarm::NoContact
            } else {
                Alarm::NoProgress
            },
            contact: row.contact.into(),
            waiting: row.waiting,
        })
        .collect())
}

/// Up to when everything that these agents recorded is here: the last contact with one of them, or the oldest event that
/// waits there, when some were waiting each time since `before`.
pub(super) async fn known_until(
    tx: &mut TenantTx,
    agents: &[Uuid],
    before: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let known = sqlx::query_scalar!(
        r#"select max(case when watch.waiting > 0 and watch.waiting_since < $3 and watch.oldest_waiting_us is not null
                 then to_timestamp(0) + watch.oldest_waiting_us * interval '1 microsecond'
                 else greatest(producer.seen_at, producer.changed_at, watch.told_at) end) as "known: Instant"
         from producer left join producer_watch as watch on watch.tenant_id = $1
             and watch.producer_id = producer.producer_id
         where producer.tenant_id = $1 and producer.producer_id = any($2) and producer.stream = 'ledger'"#,
        tenant_id,
        agents,
        Instant(before) as _,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(known.map(Into::into))
}

/// Raises the alarms that do not stand yet, and answers for whom.
pub(super) async fn raise(
    tx: &mut TenantTx,
    due: &[Due],
    now: Timestamp,
) -> Result<Vec<ProducerId>, DbError> {
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_scalar!(
        "insert into producer_watch (tenant_id, producer_id, alarm, alarm_at)
         select $1, producer_id, alarm, $4 from unnest($2::uuid[], $3::text[]) as due (producer_id, alarm)
         on conflict (tenant_id, producer_id) do update
         set alarm = excluded.alarm, alarm_at = excluded.alarm_at where producer_watch.alarm is null
         returning producer_id",
        tenant_id,
        &column(due, |due| due.producer.uuid()),
        &column(due, |due| due.alarm.as_str().to_owned()),
        Instant(now) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(ProducerId::from_uuid).collect())
}

/// Clears the alarms of all others, and answers whose they were.
pub(super) async fn clear(
    tx: &mut TenantTx,
    due: &[Due],
) -> Result<Vec<(ProducerId, Option<PlantId>)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        "update producer_watch as watch set alarm = null, alarm_at = null
         from producer as ledger
         where watch.tenant_id = $1 and watch.alarm is not null and watch.producer_id <> all($2)
             and ledger.tenant_id = $1 and ledger.producer_id = watch.producer_id and ledger.stream = 'ledger'
         returning watch.producer_id, ledger.plant_id",
        tenant_id,
        &column(due, |due| due.producer.uuid()),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                ProducerId::from_uuid(row.producer_id),
                row.plant_id.map(PlantId::from_uuid),
            )
        })
        .collect())
}

/// What an agent told last, and the alarm that stands for it.
pub(super) async fn shown(
    tx: &mut TenantTx,
    producer: ProducerId,
) -> Result<(Option<AgentTold>, Option<AgentAlarm>), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select told_at as "told_at: Instant", skew_ms, waiting, oldest_waiting_us, alarm,
             alarm_at as "alarm_at: Instant"
         from producer_watch where tenant_id = $1 and producer_id = $2"#,
        tenant_id,
        producer.uuid(),
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else {
        return Ok((None, None));
    };
    let told = match row.told_at.zip(row.skew_ms) {
        None => None,
        Some((told_at, clock_skew_ms)) => Some(AgentTold {
            told_at: told_at.into(),
            clock_skew_ms,
            waiting_events: row.waiting,
            oldest_waiting_at: row.oldest_waiting_us.map(from_micros).transpose()?,
        }),
    };
    let alarm = row
        .alarm
        .zip(row.alarm_at)
        .map(|(reason, since)| AgentAlarm {
            reason,
            since: since.into(),
        });
    Ok((told, alarm))
}
