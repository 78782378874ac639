//! The SQL of what is on devices and of what they tell people.

use std::collections::BTreeMap;

use agog_sync::event::{DeviceNotification, DeviceResource};
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx, column};
use crate::equipment::apply::Told;
use crate::equipment::model::{DeviceKey, NotificationRow, ResourceRow};

/// Keeps what devices say of resources; the newest by its own time is the current one.
pub(in crate::equipment) async fn resources_add(
    tx: &mut TenantTx,
    resources: &[Told<'_, DeviceResource>],
) -> Result<(), DbError> {
    entries_add(tx, resources).await?;
    let mut newest: BTreeMap<_, &Told<'_, DeviceResource>> = BTreeMap::new();
    for told in resources {
        let what = told.what;
        let place = what.resource_id.as_deref().or(what.location.as_deref());
        let kept = newest
            .entry((
                told.device,
                what.resource.as_str(),
                place.unwrap_or_default(),
            ))
            .or_insert(told);
        if kept.at <= told.at {
            *kept = told;
        }
    }
    current_put(tx, &newest.into_iter().collect::<Vec<_>>()).await
}

async fn entries_add(tx: &mut TenantTx, rows: &[Told<'_, DeviceResource>]) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_resource_entry (tenant_id, device_id, resource, resource_ref, product, lot, location, level,
             available_amount, used_amount, unit, job, event_id, occurred_at)
         select $1, device_id, resource, resource_ref, product, lot, location, level, available_amount, used_amount, unit,
             job, event_id, occurred_at
         from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::numeric[],
             $10::numeric[], $11::text[], $12::text[], $13::uuid[], $14::timestamptz[]) with ordinality
             as e (device_id, resource, resource_ref, product, lot, location, level, available_amount, used_amount, unit, job,
                 event_id, occurred_at, place)
         order by place",
        tenant_id,
        &column(rows, |row| row.device.0),
        &column(rows, |row| row.what.resource.as_str()) as _,
        &column(rows, |row| row.what.resource_id.as_deref()) as _,
        &column(rows, |row| row.what.product_id.as_deref()) as _,
        &column(rows, |row| row.what.lot.as_deref()) as _,
        &column(rows, |row| row.what.location.as_deref()) as _,
        &column(rows, |row| row.what.level.as_deref()) as _,
        &column(rows, |row| row.what.available) as _,
        &column(rows, |row| row.what.used) as _,
        &column(rows, |row| row.what.unit.as_deref()) as _,
        &column(rows, |row| row.what.job.as_deref()) as _,
        &column(rows, |row| row.event_id.uuid()),
        &column(rows, |row| Instant(row.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A place on a device, and what is said to be there.
type Placed<'r, 'e> = ((DeviceKey, &'e str, &'e str), &'r Told<'e, DeviceResource>);

async fn current_put(tx: &mut TenantTx, rows: &[Placed<'_, '_>]) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_resource as kept (tenant_id, device_id, resource, place, resource_ref, product, lot, location,
             level, available_amount, used_amount, unit, job, event_id, occurred_at)
         select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
             $9::text[], $10::numeric[], $11::numeric[], $12::text[], $13::text[], $14::uuid[], $15::timestamptz[])
         on conflict (tenant_id, device_id, resource, place) do update set
             resource_ref = excluded.resource_ref, product = excluded.product, lot = excluded.lot,
             location = excluded.location, level = excluded.level, available_amount = excluded.available_amount,
             used_amount = excluded.used_amount, unit = excluded.unit, job = excluded.job, event_id = excluded.event_id,
             occurred_at = excluded.occurred_at
         where kept.occurred_at <= excluded.occurred_at",
        tenant_id,
        &column(rows, |((device, ..), _)| device.0),
        &column(rows, |((_, resource, _), _)| *resource) as _,
        &column(rows, |((.., place), _)| *place) as _,
        &column(rows, |(_, row)| row.what.resource_id.as_deref()) as _,
        &column(rows, |(_, row)| row.what.product_id.as_deref()) as _,
        &column(rows, |(_, row)| row.what.lot.as_deref()) as _,
        &column(rows, |(_, row)| row.what.location.as_deref()) as _,
        &column(rows, |(_, row)| row.what.level.as_deref()) as _,
        &column(rows, |(_, row)| row.what.available) as _,
        &column(rows, |(_, row)| row.what.used) as _,
        &column(rows, |(_, row)| row.what.unit.as_deref()) as _,
        &column(rows, |(_, row)| row.what.job.as_deref()) as _,
        &column(rows, |(_, row)| row.event_id.uuid()),
        &column(rows, |(_, row)| Instant(row.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What is on a device now, by resource and place, after the given one.
pub(in crate::equipment) async fn resource_list(
    tx: &mut TenantTx,
    device: DeviceKey,
    after: Option<(String, String)>,
    limit: i64,
) -> Result<Vec<ResourceRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (after_resource, after_place) = after.unzip();
    let rows = sqlx::query!(
        r#"select resource, place, resource_ref, product, lot, location, level, available_amount, used_amount, unit, job,
               occurred_at as "occurred_at: Instant"
           from device_resource
           where tenant_id = $1 and device_id = $2 and ($3::text is null or (resource, place) > ($3, $4::text))
           order by resource, place limit $5"#,
        tenant_id,
        device.0,
        after_resource,
        after_place,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ResourceRow {
            key: (row.resource.clone(), row.place),
            entry: 0,
            resource: row.resource,
            resource_id: row.resource_ref,
            product: row.product,
            lot: row.lot,
            location: row.location,
            level: row.level,
            available: row.available_amount.map(|amount| amount.normalize()),
            used: row.used_amount.map(|amount| amount.normalize()),
            unit: row.unit,
            job: row.job,
            at: row.occurred_at.0,
        })
        .collect())
}

/// What was on a device before the given entry, newest first.
pub(in crate::equipment) async fn resource_entries(
    tx: &mut TenantTx,
    device: DeviceKey,
    before: Option<(Timestamp, i64)>,
    limit: i64,
) -> Result<Vec<ResourceRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select entry_id, resource, resource_ref, product, lot, location, level, available_amount, used_amount, unit, job,
               occurred_at as "occurred_at: Instant"
           from device_resource_entry
           where tenant_id = $1 and device_id = $2 and ($3::timestamptz is null or (occurred_at, entry_id) < ($3, $4))
           order by occurred_at desc, entry_id desc limit $5"#,
        tenant_id,
        device.0,
        before.map(|(at, _)| Instant(at)) as _,
        before.map(|(_, entry)| entry),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ResourceRow {
            key: (String::new(), String::new()),
            entry: row.entry_id,
            resource: row.resource,
            resource_id: row.resource_ref,
            product: row.product,
            lot: row.lot,
            location: row.location,
            level: row.level,
            available: row.available_amount.map(|amount| amount.normalize()),
            used: row.used_amount.map(|amount| amount.normalize()),
            unit: row.unit,
            job: row.job,
            at: row.occurred_at.0,
        })
        .collect())
}

/// Keeps what devices tell people.
pub(in crate::equipment) async fn notifications_add(
    tx: &mut TenantTx,
    rows: &[Told<'_, DeviceNotification>],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_notification (tenant_id, device_id, class, type, text, milestone, job, module, event_id,
             occurred_at)
         select $1, device_id, class, type, text, milestone, job, module, event_id, occurred_at
         from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[],
             $10::timestamptz[]) with ordinality
             as e (device_id, class, type, text, milestone, job, module, event_id, occurred_at, place)
         order by place",
        tenant_id,
        &column(rows, |row| row.device.0),
        &column(rows, |row| row.what.class.as_str()) as _,
        &column(rows, |row| row.what.notification_type.as_deref()) as _,
        &column(rows, |row| row.what.text.as_deref()) as _,
        &column(rows, |row| row.what.milestone.as_deref()) as _,
        &column(rows, |row| row.what.job.as_deref()) as _,
        &column(rows, |row| row.what.module_id.as_deref()) as _,
        &column(rows, |row| row.event_id.uuid()),
        &column(rows, |row| Instant(row.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a device told people before the given entry, newest first.
pub(in crate::equipment) async fn notification_list(
    tx: &mut TenantTx,
    device: DeviceKey,
    before: Option<(Timestamp, i64)>,
    limit: i64,
) -> Result<Vec<NotificationRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query!(
        r#"select entry_id, class, type, text, milestone, job, module, event_id, occurred_at as "occurred_at: Instant"
           from device_notification
           where tenant_id = $1 and device_id = $2 and ($3::timestamptz is null or (occurred_at, entry_id) < ($3, $4))
           order by occurred_at desc, entry_id desc limit $5"#,
        tenant_id,
        device.0,
        before.map(|(at, _)| Instant(at)) as _,
        before.map(|(_, entry)| entry),
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NotificationRow {
            entry: row.entry_id,
            class: row.class,
            notification_type: row.r#type,
            text: row.text,
            milestone: row.milestone,
            job: row.job,
            module: row.module,
            event_id: row.event_id,
            at: row.occurred_at.0,
        })
        .collect())
}
