//! Materials: finding them, and keeping what events say of them.

use std::collections::BTreeMap;

use agog_sync::ids::MaterialId;
use agog_sync::quantity::Material;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::lots::unit;
use crate::db::{DbError, Instant, TenantTx, column};
use crate::inventory::model::{Fact, MaterialRow};

/// A material that events make known.
pub(in crate::inventory) struct NewMaterial<'r> {
    pub new_id: MaterialId,
    pub material: &'r Material,
    /// The event that did, and the one that said more of it last.
    pub made: Fact<'r>,
    pub changed: Fact<'r>,
}

/// A material as it is stored.
struct Stored {
    material_id: i64,
    public_id: Uuid,
    code: String,
    name: String,
    base_unit: String,
    width_mm: Option<Decimal>,
    length_mm: Option<Decimal>,
    grammage_g_m2: Option<Decimal>,
    defined_at: Option<Instant>,
    retired_at: Option<Instant>,
}

/// Selects materials as they are stored.
macro_rules! stored {
    ($which:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Stored,
            r#"select material_id, public_id, code, name, base_unit, width_mm, length_mm, grammage_g_m2,
                 defined_at as "defined_at: Instant", retired_at as "retired_at: Instant"
             from material "# + $which,
            $($argument),+
        )
    };
}

impl Stored {
    fn read(self) -> Result<MaterialRow, DbError> {
        Ok(MaterialRow {
            key: self.material_id,
            id: MaterialId::from_uuid(self.public_id),
            material: Material {
                code: self.code,
                name: self.name,
                base_unit: unit(&self.base_unit)?,
                width_mm: self.width_mm.map(|size| size.normalize()),
                length_mm: self.length_mm.map(|size| size.normalize()),
                grammage_g_m2: self.grammage_g_m2.map(|size| size.normalize()),
            },
            defined_at: self.defined_at.map(Into::into),
            retired_at: self.retired_at.map(Into::into),
        })
    }
}

/// Materials by code, after the given one.
pub(in crate::inventory) async fn material_list(
    tx: &mut TenantTx,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<MaterialRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = stored!(
        "where tenant_id = $1 and ($2::text is null or code > $2) order by code limit $3",
        tenant_id,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Stored::read).collect()
}

/// A material by its id or its code.
pub(in crate::inventory) async fn material_find(
    tx: &mut TenantTx,
    text: &str,
) -> Result<Option<MaterialRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = stored!(
        "where tenant_id = $1 and (code = $2 or public_id = $3) order by public_id = $3 desc nulls last limit 1",
        tenant_id,
        text,
        Uuid::parse_str(text).ok(),
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Stored::read).transpose()
}

/// The materials of the given keys.
pub(super) async fn materials_by_key(
    tx: &mut TenantTx,
    keys: &[i64],
) -> Result<BTreeMap<i64, Material>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = stored!(
        "where tenant_id = $1 and material_id = any($2)",
        tenant_id,
        keys,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| row.read().map(|row| (row.key, row.material)))
        .collect()
}

/// The materials of the given codes.
pub(in crate::inventory) async fn materials_by_code(
    tx: &mut TenantTx,
    codes: &[&str],
) -> Result<Vec<MaterialRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = stored!(
        "where tenant_id = $1 and code = any($2::text[])",
        tenant_id,
        codes as _,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Stored::read).collect()
}

/// What the office has said of materials, by code.
pub(in crate::inventory) async fn materials_defined(
    tx: &mut TenantTx,
) -> Result<Vec<MaterialRow>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let rows = stored!(
        "where tenant_id = $1 and defined_at is not null order by code",
        tenant_id,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Stored::read).collect()
}

/// Keeps a material for one writer until the transaction ends: no lot of it is made meanwhile. Gives it, and whether there
/// are lots of it.
pub(in crate::inventory) async fn material_lock(
    tx: &mut TenantTx,
    code: &str,
) -> Result<Option<(MaterialRow, bool)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = stored!(
        "where tenant_id = $1 and code = $2 for update",
        tenant_id,
        code,
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row.map(Stored::read).transpose()? else {
        return Ok(None);
    };
    let has_lots = sqlx::query_scalar!(
        r#"select exists (select from lot where tenant_id = $1 and material_id = $2) as "has_lots!""#,
        tenant_id,
        row.key,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Some((row, has_lots)))
}

/// Says what the office says of a material; makes it when it is not there.
pub(in crate::inventory) async fn material_define(
    tx: &mut TenantTx,
    new_id: MaterialId,
    material: &Material,
    retired: bool,
    (by, now): (&str, Timestamp),
) -> Result<MaterialRow, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let row = sqlx::query_as!(
        Stored,
        r#"insert into material as m (tenant_id, public_id, code, name, base_unit, width_mm, length_mm, grammage_g_m2,
             created_at, created_by, updated_at, updated_by, defined_at, retired_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $10, $9, $10, $9, $10, case when $11 then $10::timestamptz end)
         on conflict (tenant_id, code) do update
             set name = excluded.name, base_unit = excluded.base_unit, width_mm = excluded.width_mm,
                 length_mm = excluded.length_mm, grammage_g_m2 = excluded.grammage_g_m2,
                 updated_at = excluded.updated_at, updated_by = excluded.updated_by, defined_at = excluded.defined_at,
                 retired_at = case when $11 then coalesce(m.retired_at, excluded.retired_at) end
         returning material_id, public_id, code, name, base_unit, width_mm, length_mm, grammage_g_m2,
             defined_at as "defined_at: Instant", retired_at as "retired_at: Instant""#,
        tenant_id,
        new_id.uuid(),
        material.code,
        material.name,
        material.base_unit.as_str(),
        material.width_mm,
        material.length_mm,
        material.grammage_g_m2,
        by,
        Instant(now) as _,
        retired,
    )
    .fetch_one(tx.conn())
    .await?;
    row.read()
}

/// Adds materials in the order of their codes, and gives their keys. Fewer than were asked for when somebody else has made
/// one of them meanwhile.
pub(in crate::inventory) async fn materials_add(
    tx: &mut TenantTx,
    rows: &[NewMaterial<'_>],
) -> Result<BTreeMap<String, i64>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let added = sqlx::query!(
        "insert into material (tenant_id, public_id, code, name, base_unit, width_mm, length_mm, grammage_g_m2,
             created_by, created_at, updated_by, updated_at)
         select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[],
             $8::numeric[], $9::text[], $10::timestamptz[], $11::text[], $12::timestamptz[])
         order by 3
         on conflict (tenant_id, code) do nothing
         returning code, material_id",
        tenant_id,
        &column(rows, |row| row.new_id.uuid()),
        &column(rows, |row| row.material.code.as_str()) as _,
        &column(rows, |row| row.material.name.as_str()) as _,
        &column(rows, |row| row.material.base_unit.as_str()) as _,
        &column(rows, |row| row.material.width_mm) as _,
        &column(rows, |row| row.material.length_mm) as _,
        &column(rows, |row| row.material.grammage_g_m2) as _,
        &column(rows, |row| row.made.actor) as _,
        &column(rows, |row| Instant(row.made.at)) as _,
        &column(rows, |row| row.changed.actor) as _,
        &column(rows, |row| Instant(row.changed.at)) as _,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(added
        .into_iter()
        .map(|row| (row.code, row.material_id))
        .collect())
}

/// Fills in the dimensions that the first definition of a material left open.
pub(in crate::inventory) async fn materials_fill(
    tx: &mut TenantTx,
    rows: &[(&Material, Fact<'_>)],
) -> Result<(), DbError> {
    let tenant_id = tx.tenant_id().uuid();
    sqlx::query!(
        "update material set
             width_mm = coalesce(material.width_mm, e.width_mm),
             length_mm = coalesce(material.length_mm, e.length_mm),
             grammage_g_m2 = coalesce(material.grammage_g_m2, e.grammage_g_m2),
             updated_at = e.said_at,
             updated_by = e.said_by
         from unnest($2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::text[], $7::timestamptz[])
             as e (code, width_mm, length_mm, grammage_g_m2, said_by, said_at)
         where material.tenant_id = $1 and material.code = e.code",
        tenant_id,
        &column(rows, |(material, _)| material.code.as_str()) as _,
        &column(rows, |(material, _)| material.width_mm) as _,
        &column(rows, |(material, _)| material.length_mm) as _,
        &column(rows, |(material, _)| material.grammage_g_m2) as _,
        &column(rows, |(_, fact)| fact.actor) as _,
        &column(rows, |(_, fact)| Instant(fact.at)) as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
