//! The SQL of what was reported of a device: its states, and contact lost and found, in the order of their own times.

use agog_sync::ids::{DeviceId, EventId, PlantId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::model::DeviceKey;
use crate::equipment::timeline::{Doing, Report, Timeline};

/// How many reports are read at a time.
const REPORTS_READ: usize = 1_000;

/// Contact with a device, lost or found.
pub(in crate::equipment) struct Contact {
    pub device: DeviceKey,
    pub event_id: EventId,
    pub is_lost: bool,
    pub at: Timestamp,
}

/// Keeps when contact was lost and found.
pub(in crate::equipment) async fn contacts_add(
    tx: &mut TenantTx,
    contacts: &[Contact],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_contact (tenant_id, device_id, event_id, is_lost, occurred_at)
         select $1, * from unnest($2::bigint[], $3::uuid[], $4::boolean[], $5::timestamptz[])",
        tenant_id,
        &column(contacts, |contact| contact.device.0),
        &column(contacts, |contact| contact.event_id.uuid()),
        &column(contacts, |contact| contact.is_lost),
        &column(contacts, |contact| Instant(contact.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest report from before `before`.
async fn report_before(
    tx: &mut TenantTx,
    device: DeviceKey,
    before: Timestamp,
) -> Result<Option<Report>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select at as "at!: Instant", state, detail, job, is_lost from (
             (select occurred_at as at, event_id, state, detail, job, null::boolean as is_lost from device_state
              where tenant_id = $1 and device_id = $2 and occurred_at < $3 order by occurred_at desc, event_id desc limit 1)
             union all
             (select occurred_at, event_id, null, null, null, is_lost from device_contact
              where tenant_id = $1 and device_id = $2 and occurred_at < $3 order by occurred_at desc, event_id desc limit 1)
         ) r order by at desc, event_id desc limit 1"#,
        tenant_id,
        device.0,
        Instant(before) as _,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.and_then(|row| report(row.at.0, row.state, row.detail, row.job, row.is_lost)))
}

/// What a device does now, as far as it was reported.
pub(in crate::equipment) struct DoingNow {
    pub device: DeviceKey,
    pub id: DeviceId,
    pub code: String,
    pub doing: Doing,
    /// Since when: the first state of that kind after the last one of another kind and after the last change of contact.
    pub since: Option<Timestamp>,
    /// When the newest report was.
    pub reported_at: Option<Timestamp>,
}

/// What the devices of a plant do now, or only one of them.
pub(in crate::equipment) async fn doing_now(
    tx: &mut TenantTx,
    plant_id: PlantId,
    device: Option<DeviceKey>,
    limit: i64,
) -> Result<Vec<DoingNow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select d.device_id, d.public_id, d.code, r.at as "at?: Instant", r.state as "state?", r.detail as "detail?",
               r.job as "job?", r.is_lost as "is_lost?", s.occurred_at as "since?: Instant"
           from device d
           left join lateral (
               select * from (
                   (select occurred_at as at, event_id, state, detail, job, null::boolean as is_lost from device_state
                    where tenant_id = $1 and device_id = d.device_id order by occurred_at desc, event_id desc limit 1)
                   union all
                   (select occurred_at, event_id, null, null, null, is_lost from device_contact
                    where tenant_id = $1 and device_id = d.device_id order by occurred_at desc, event_id desc limit 1)
               ) newest order by at desc, event_id desc limit 1
           ) r on true
           left join lateral (
               select occurred_at from device_state
               where tenant_id = $1 and device_id = d.device_id and occurred_at >= d.state_since and occurred_at >= coalesce((
                   select occurred_at from device_contact where tenant_id = $1 and device_id = d.device_id
                   order by occurred_at desc, event_id desc limit 1
               ), d.state_since)
               order by occurred_at, event_id limit 1
           ) s on true
           where d.tenant_id = $1 and d.plant_id = $2 and ($3::bigint is null or d.device_id = $3)
           order by d.device_id limit $4"#,
        tenant_id,
        plant_id.uuid(),
        device.map(|device| device.0),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let at = row.at.map(|at| at.0);
            let report = at.and_then(|at| report(at, row.state, row.detail, row.job, row.is_lost));
            let doing = report.map_or(Doing::Unknown, |report| report.doing);
            let since = match doing {
                Doing::State { .. } => row.since.map(|since| since.0),
                Doing::NoContact | Doing::Unknown => at,
            };
            DoingNow {
                device: DeviceKey(row.device_id),
                id: DeviceId::from_uuid(row.public_id),
                code: row.code,
                doing,
                since,
                reported_at: at,
            }
        })
        .collect())
}

impl DoingNow {
    /// The same as far as it is known: what a plant has not told yet may be anything.
    pub(in crate::equipment) fn known(
        self,
        known_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let reported_at = self.reported_at;
        let is_told = |known| known >= now || reported_at.is_some_and(|at| at > known);
        if known_until.is_some_and(is_told) {
            return self;
        }
        Self {
            doing: Doing::Unknown,
            since: known_until.max(reported_at),
            ..self
        }
    }
}

/// What a device did from `from` until before `to`, as far as it was reported: until all reports are read, or more than
/// `segments_max` segments are complete.
pub(in crate::equipment) async fn timeline(
    tx: &mut TenantTx,
    device: DeviceKey,
    from: Timestamp,
    to: Timestamp,
    segments_max: usize,
) -> Result<Timeline, DbError> {
    let before = report_before(tx, device, from).await?;
    let mut timeline = Timeline::begin(from, before);
    let tenant_id = tx.tenant_id().uuid();
    let limit = i64::try_from(REPORTS_READ).unwrap_or(i64::MAX);
    let mut place = (Instant(from), Uuid::nil());
    while timeline.len() <= segments_max {
        let rows = sqlx::query!(
            r#"select at as "at!: Instant", event_id as "event_id!", state, detail, job, is_lost from (
                 (select occurred_at as at, event_id, state, detail, job, null::boolean as is_lost from device_state
                  where tenant_id = $1 and device_id = $2 and (occurred_at, event_id) > ($3, $4) and occurred_at < $5
                  order by occurred_at, event_id limit $6)
                 union all
                 (select occurred_at, event_id, null, null, null, is_lost from device_contact
                  where tenant_id = $1 and device_id = $2 and (occurred_at, event_id) > ($3, $4) and occurred_at < $5
                  order by occurred_at, event_id limit $6)
             ) r order by at, event_id limit $6"#,
            tenant_id,
            device.0,
            place.0 as _,
            place.1,
            Instant(to) as _,
            limit,
        )
        .fetch_all(tx.conn())
        .await?;
        let is_end = rows.len() < REPORTS_READ;
        for row in rows {
            place = (row.at, row.event_id);
            if let Some(report) = report(row.at.0, row.state, row.detail, row.job, row.is_lost) {
                timeline.push(report);
            }
        }
        if is_end {
            break;
        }
    }
    Ok(timeline)
}

fn report(
    at: Timestamp,
    state: Option<String>,
    reason: Option<String>,
    job: Option<String>,
    is_lost: Option<bool>,
) -> Option<Report> {
    match (state, is_lost) {
        (Some(state), _) => Some(Report::state(at, state, reason, job)),
        (None, Some(is_lost)) => Some(Report::contact(at, is_lost)),
        (None, None) => None,
    }
}
