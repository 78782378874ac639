//! The SQL of what people set of devices.

use jiff::Timestamp;
use sqlx::types::Json;

use crate::db::{DbError, Instant, TenantTx};
use crate::equipment::model::DeviceKey;
use crate::equipment::settings::Settings;

/// Settings as they are stored.
#[derive(Debug, Clone)]
pub(in crate::equipment) struct SettingsRow {
    pub settings: Settings,
    /// 0: nothing was ever set.
    pub version: i64,
    pub updated_at: Option<Timestamp>,
    pub updated_by: Option<String>,
}

/// The settings of a device.
pub(in crate::equipment) async fn settings_of(
    tx: &mut TenantTx,
    device: DeviceKey,
) -> Result<SettingsRow, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query!(
        r#"select settings as "settings: Json<Settings>", version, updated_at as "updated_at: Instant", updated_by
           from device_setting where tenant_id = $1 and device_id = $2"#,
        tenant_id,
        device.0,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map_or_else(
        || SettingsRow {
            settings: Settings::default(),
            version: 0,
            updated_at: None,
            updated_by: None,
        },
        |row| SettingsRow {
            settings: row.settings.0,
            version: row.version,
            updated_at: Some(row.updated_at.0),
            updated_by: Some(row.updated_by),
        },
    ))
}

/// Locks a device, so that its settings change one after the other.
pub(in crate::equipment) async fn device_lock(
    tx: &mut TenantTx,
    device: DeviceKey,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "select device_id from device where tenant_id = $1 and device_id = $2 for no key update",
        tenant_id,
        device.0,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(())
}

/// Keeps the settings of a device, which is locked.
pub(in crate::equipment) async fn settings_put(
    tx: &mut TenantTx,
    device: DeviceKey,
    settings: &Settings,
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "insert into device_setting as kept (tenant_id, device_id, version, settings, updated_at, updated_by)
         values ($1, $2, 1, $3, $4, $5)
         on conflict (tenant_id, device_id) do update set version = kept.version + 1, settings = excluded.settings,
             updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        tenant_id,
        device.0,
        Json(settings) as _,
        Instant(now) as _,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
