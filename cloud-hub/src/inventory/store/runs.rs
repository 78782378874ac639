//! What runs of jobs took and made, for many runs in two statements.

use agog_sync::ids::LotId;

use crate::db::{DbError, Instant, TenantTx};
use crate::inventory::runs::{MadeByRun, RunWindow, TakenByRun};

/// The windows as columns.
struct Columns {
    plant_ids: Vec<uuid::Uuid>,
    jobs: Vec<String>,
    devices: Vec<String>,
    from: Vec<Option<Instant>>,
    until: Vec<Option<Instant>>,
}

impl Columns {
    fn of(windows: &[RunWindow]) -> Self {
        let text = |part: fn(&RunWindow) -> &String| windows.iter().map(part).cloned().collect();
        Self {
            plant_ids: windows.iter().map(|it| it.plant_id.uuid()).collect(),
            jobs: text(|it| &it.job),
            devices: text(|it| &it.device),
            from: windows.iter().map(|it| it.from.map(Instant)).collect(),
            until: windows.iter().map(|it| it.until.map(Instant)).collect(),
        }
    }
}

/// What was taken of which lot, by the place of the window, each lot once; at most `limit` lots of a window, by number.
pub(in crate::inventory) async fn lots_taken(
    tx: &mut TenantTx,
    windows: &[RunWindow],
    limit: i64,
) -> Result<Vec<(usize, TakenByRun)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let columns = Columns::of(windows);
    let rows = sqlx::query!(
        r#"select place as "place!", public_id as "public_id!", number as "number!", material, base_unit as "base_unit!",
               used as "used!", wasted as "wasted!"
           from (
               select w.place, l.public_id, l.number, l.base_unit, (
                       select m.code from material m where m.tenant_id = $1 and m.material_id = l.material_id
                   ) as material,
                   coalesce(sum(u.base_quantity) filter (where u.kind = 'consumed'), 0) as used,
                   coalesce(sum(u.base_quantity) filter (where u.kind = 'wasted'), 0) as wasted,
                   row_number() over (partition by w.place order by l.number, l.lot_id) as n
               from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
                       with ordinality as w (plant_id, job, device, from_at, until_at, place)
                   join lot_use u on u.tenant_id = $1 and u.job = w.job and u.kind in ('consumed', 'wasted')
                       and u.undone_by is null
                       and u.device = w.device and u.plant_id = w.plant_id
                       and (w.from_at is null or u.occurred_at >= w.from_at)
                       and (w.until_at is null or u.occurred_at < w.until_at)
                   join lot l on l.tenant_id = $1 and l.lot_id = u.lot_id
               group by w.place, l.lot_id, l.public_id, l.number, l.base_unit, l.material_id
           ) as taken
           where n <= $7 order by place, n"#,
        tenant_id,
        &columns.plant_ids,
        &columns.jobs,
        &columns.devices,
        columns.from as _,
        columns.until as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let taken = TakenByRun {
                lot_id: LotId::from_uuid(row.public_id),
                number: row.number,
                material: row.material,
                used: row.used.normalize(),
                wasted: row.wasted.normalize(),
                unit: row.base_unit,
            };
            Ok((place(row.place)?, taken))
        })
        .collect()
}

/// Which lots were made, by the place of the window; at most `limit` lots of a window, by number.
pub(in crate::inventory) async fn lots_made(
    tx: &mut TenantTx,
    windows: &[RunWindow],
    limit: i64,
) -> Result<Vec<(usize, MadeByRun)>, DbError> {
    let tenant_id = tx.tenant_id().uuid();
    let columns = Columns::of(windows);
    let rows = sqlx::query!(
        r#"select place as "place!", public_id as "public_id!", number as "number!", base_unit as "base_unit!", (
               select m.code from material m where m.tenant_id = $1 and m.material_id = made.material_id
           ) as material, (
               select coalesce(sum(e.delta), 0) from lot_entry e
               where e.tenant_id = $1 and e.lot_id = made.lot_id and e.bucket = 'produced'
           ) as "quantity!"
           from (
               select w.place, l.lot_id, l.public_id, l.number, l.base_unit, l.material_id,
                   row_number() over (partition by w.place order by l.number, l.lot_id) as n
               from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
                       with ordinality as w (plant_id, job, device, from_at, until_at, place)
                   join lot l on l.tenant_id = $1 and l.work -> 'job' ->> 'number' = w.job and l.origin = 'produced'
                       and l.work ->> 'device' = w.device and l.plant_id = w.plant_id
                       and (w.from_at is null or l.created_at >= w.from_at)
                       and (w.until_at is null or l.created_at < w.until_at)
           ) as made
           where n <= $7 order by place, n"#,
        tenant_id,
        &columns.plant_ids,
        &columns.jobs,
        &columns.devices,
        columns.from as _,
        columns.until as _,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let made = MadeByRun {
                lot_id: LotId::from_uuid(row.public_id),
                number: row.number,
                material: row.material,
                quantity: row.quantity.normalize(),
                unit: row.base_unit,
            };
            Ok((place(row.place)?, made))
        })
        .collect()
}

/// The place in a list of one that is counted from 1.
fn place(ordinality: i64) -> Result<usize, DbError> {
    let place = usize::try_from(ordinality).map_err(DbError::stored)?;
    place
        .checked_sub(1)
        .ok_or_else(|| DbError::stored("places are counted from 1"))
}
