//! The SQL of what is on devices and of what they tell people.

use agog_sync::event::{DeviceNotification, DeviceResource};
use agog_sync::ids::EventId;
use jiff::Timestamp;

use crate::db::{DbError, Instant, TenantTx};
use crate::equipment::model::{DeviceKey, NotificationRow, ResourceRow};

/// Keeps what a device says of a resource; the newest by its own time is the current one.
pub(in crate::equipment) async fn resource_set(
    tx: &mut TenantTx,
    device: DeviceKey,
    resource: &DeviceResource,
    at: Timestamp,
    event_id: EventId,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_resource_entry (tenant_id, device_id, resource, resource_ref, product, lot, location, level,
             available_amount, used_amount, unit, job, event_id, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        tenant_id,
        device.0,
        resource.resource,
        resource.resource_id,
        resource.product_id,
        resource.lot,
        resource.location,
        resource.level,
        resource.available,
        resource.used,
        resource.unit,
        resource.job,
        event_id.uuid(),
        Instant(at) as _,
    )
    .execute(tx.conn())
    .await?;
    let place = resource
        .resource_id
        .as_ref()
        .or(resource.location.as_ref())
        .map_or("", String::as_str);
    sqlx::query!(
        "insert into device_resource as kept (tenant_id, device_id, resource, place, resource_ref, product, lot, location,
             level, available_amount, used_amount, unit, job, event_id, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (tenant_id, device_id, resource, place) do update set
             resource_ref = excluded.resource_ref, product = excluded.product, lot = excluded.lot,
             location = excluded.location, level = excluded.level, available_amount = excluded.available_amount,
             used_amount = excluded.used_amount, unit = excluded.unit, job = excluded.job, event_id = excluded.event_id,
             occurred_at = excluded.occurred_at
         where kept.occurred_at <= excluded.occurred_at",
        tenant_id,
        device.0,
        resource.resource,
        place,
        resource.resource_id,
        resource.product_id,
        resource.lot,
        resource.location,
        resource.level,
        resource.available,
        resource.used,
        resource.unit,
        resource.job,
        event_id.uuid(),
        Instant(at) as _,
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

/// Keeps what a device tells people.
pub(in crate::equipment) async fn notification_add(
    tx: &mut TenantTx,
    device: DeviceKey,
    notification: &DeviceNotification,
    at: Timestamp,
    event_id: EventId,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_notification (tenant_id, device_id, class, type, text, milestone, job, module, event_id,
             occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant_id,
        device.0,
        notification.class,
        notification.notification_type,
        notification.text,
        notification.milestone,
        notification.job,
        notification.module_id,
        event_id.uuid(),
        Instant(at) as _,
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
