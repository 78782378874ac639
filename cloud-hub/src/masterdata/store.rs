//! The SQL of locations, operators and reasons.

use agog_sync::ids::PlantId;
use agog_sync::master::{MasterItem, MasterKind};
use jiff::Timestamp;
use uuid::Uuid;

use super::model::EntryRow;
use crate::db::{DbError, Instant, TenantTx};

/// An entry as it is stored.
struct Stored {
    entry_id: i64,
    kind: String,
    plant_id: Option<Uuid>,
    code: String,
    name: String,
    used_for: Vec<String>,
    retired_at: Option<Instant>,
    updated_at: Instant,
    updated_by: String,
}

impl Stored {
    fn read(self) -> Result<EntryRow, DbError> {
        Ok(EntryRow {
            key: self.entry_id,
            kind: self.kind.parse().map_err(DbError::stored)?,
            plant_id: self.plant_id.map(PlantId::from_uuid),
            code: self.code,
            name: self.name,
            used_for: self.used_for,
            retired_at: self.retired_at.map(Into::into),
            updated_at: self.updated_at.into(),
            updated_by: self.updated_by,
        })
    }
}

/// Entries of a kind by code, after the given one; of one plant and the company, or all.
pub(super) async fn entry_list(
    tx: &mut TenantTx,
    kind: MasterKind,
    plant_id: Option<PlantId>,
    after: Option<(String, i64)>,
    limit: i64,
) -> Result<Vec<EntryRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let (after_code, after_key) = after.unzip();
    let rows = sqlx::query_as!(
        Stored,
        r#"select entry_id, kind, plant_id, code, name, used_for, retired_at as "retired_at: Instant",
             updated_at as "updated_at: Instant", updated_by
         from master_entry
         where tenant_id = $1 and kind = $2 and ($3::uuid is null or plant_id is null or plant_id = $3)
             and ($4::text is null or (code, entry_id) > ($4, $5))
         order by code, entry_id limit $6"#,
        tenant_id,
        kind.as_str(),
        plant_id.map(|plant_id| plant_id.uuid()),
        after_code,
        after_key,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Stored::read).collect()
}

/// What a plant is told of: its own entries and those of the company.
pub(super) async fn entries_of_plant(
    tx: &mut TenantTx,
    plant_id: PlantId,
) -> Result<Vec<MasterItem>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = sqlx::query_as!(
        Stored,
        r#"select entry_id, kind, plant_id, code, name, used_for, retired_at as "retired_at: Instant",
             updated_at as "updated_at: Instant", updated_by
         from master_entry where tenant_id = $1 and (plant_id is null or plant_id = $2) order by kind, code, entry_id"#,
        tenant_id,
        plant_id.uuid(),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| row.read().map(EntryRow::item))
        .collect()
}

/// The entry with a natural key.
pub(super) async fn entry_find(
    tx: &mut TenantTx,
    kind: MasterKind,
    plant_id: Option<PlantId>,
    code: &str,
) -> Result<Option<EntryRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query_as!(
        Stored,
        r#"select entry_id, kind, plant_id, code, name, used_for, retired_at as "retired_at: Instant",
             updated_at as "updated_at: Instant", updated_by
         from master_entry
         where tenant_id = $1 and kind = $2 and plant_id is not distinct from $3 and code = $4"#,
        tenant_id,
        kind.as_str(),
        plant_id.map(|plant_id| plant_id.uuid()),
        code,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Stored::read).transpose()
}

/// What somebody says of an entry.
pub(super) struct Said<'a> {
    pub kind: MasterKind,
    pub plant_id: Option<PlantId>,
    pub code: &'a str,
    pub name: &'a str,
    pub used_for: &'a [String],
    pub retired: bool,
    pub by: &'a str,
}

/// Makes an entry, or changes the one that is there; none when it is so already.
pub(super) async fn entry_put(
    tx: &mut TenantTx,
    said: &Said<'_>,
    now: Timestamp,
) -> Result<Option<EntryRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query_as!(
        Stored,
        r#"insert into master_entry as e (tenant_id, kind, plant_id, code, name, used_for, retired_at, created_at,
             created_by, updated_at, updated_by)
         values ($1, $2, $3, $4, $5, $6, case when $7 then $8::timestamptz end, $8, $9, $8, $9)
         on conflict (tenant_id, kind, plant_id, code) do update
             set name = excluded.name, used_for = excluded.used_for, updated_at = excluded.updated_at,
                 updated_by = excluded.updated_by,
                 retired_at = case when $7 then coalesce(e.retired_at, excluded.retired_at) end
             where (e.name, e.used_for, e.retired_at is not null) is distinct from (excluded.name, excluded.used_for, $7)
         returning entry_id, kind, plant_id, code, name, used_for, retired_at as "retired_at: Instant",
             updated_at as "updated_at: Instant", updated_by"#,
        tenant_id,
        said.kind.as_str(),
        said.plant_id.map(|plant_id| plant_id.uuid()),
        said.code,
        said.name,
        said.used_for,
        said.retired,
        Instant(now) as _,
        said.by,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Stored::read).transpose()
}
