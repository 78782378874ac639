//! What is packed in containers: as the rules ask for it, as readers see it, and how it changes.

use std::collections::BTreeMap;

use agog_sync::ids::LotId;
use agog_sync::lots::{ContainerBucket, ContainerState, ContainerStatus, LotRef, Use};
use agog_sync::quantity::{Quantity, Unit};
use agog_sync::sscc::Sscc;
use rusqlite::{Connection, OptionalExtension as _, params};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::reader::Reader;
use super::rows::LotEventRow;
use super::text;

/// The newest events that are told of one container.
const CONTAINER_EVENTS_MAX: u32 = 100;

/// How much of a lot is packed in one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedIn {
    pub sscc: Sscc,
    pub quantity: Quantity,
}

/// A container, as far as this plant knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRow {
    pub sscc: Sscc,
    pub status: ContainerStatus,
    /// What is in it.
    pub contents: Vec<Content>,
    /// What left in it, and for whom.
    pub shipped: Vec<ShippedContent>,
    /// The newest events that packed, unpacked or shipped it, newest first.
    pub events: Vec<LotEventRow>,
}

/// What is in a container of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub lot: LotRef,
    /// The material's code; none for a lot that was used before it was seen.
    pub material: Option<String>,
    pub quantity: Quantity,
}

/// What left in a container of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedContent {
    pub lot: LotRef,
    /// How much, to whom and when.
    pub used: Use,
}

impl Reader {
    /// What is known of a container; none when nobody has packed it here.
    pub fn container(&self, sscc: Sscc) -> Result<Option<ContainerRow>, LedgerError> {
        let connection = &self.connection;
        let contents = contents(connection, sscc)?;
        let events = self.events_at(
            "select position from container_entry where sscc = ?1",
            &sscc.to_string(),
            CONTAINER_EVENTS_MAX,
        )?;
        if contents.is_empty() && events.is_empty() {
            return Ok(None);
        }
        let status = state(connection, sscc)?.status();
        Ok(Some(ContainerRow {
            sscc,
            status: status.unwrap_or(ContainerStatus::Emptied),
            contents,
            shipped: shipped(connection, sscc)?,
            events,
        }))
    }
}

/// What is in a container, the oldest lots first.
pub(super) fn contents(connection: &Connection, sscc: Sscc) -> Result<Vec<Content>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select lot.lot_id, lot.number, lot.material_code, content.packed, lot.base_unit
         from container_content as content join lot using (lot_id)
         where content.sscc = ?1 order by lot.created_at, lot.number, lot.lot_id",
    )?;
    let mut found = query.query([sscc.to_string()])?;
    let mut contents = Vec::new();
    while let Some(row) = found.next()? {
        let amount = text::decimal(&row.get::<_, String>(3)?)?;
        contents.push(Content {
            lot: LotRef {
                lot_id: text::id(&row.get::<_, String>(0)?, "lot id")?,
                number: row.get(1)?,
            },
            material: row.get(2)?,
            quantity: Quantity::new(amount, text::id(&row.get::<_, String>(4)?, "unit")?),
        });
    }
    Ok(contents)
}

fn shipped(connection: &Connection, sscc: Sscc) -> Result<Vec<ShippedContent>, LedgerError> {
    let mut query = connection.prepare_cached(
        "select lot.lot_id, lot.number, lot_use.used from lot_use join lot using (lot_id)
         where (lot_use.lot_id, lot_use.position) in
               (select lot_id, position from container_entry where sscc = ?1 and bucket = 'shipped')
           and lot_use.kind = 'shipped' and lot_use.undone_by is null
         order by lot_use.position, lot_use.line",
    )?;
    let mut found = query.query([sscc.to_string()])?;
    let mut shipped = Vec::new();
    while let Some(row) = found.next()? {
        shipped.push(ShippedContent {
            lot: LotRef {
                lot_id: text::id(&row.get::<_, String>(0)?, "lot id")?,
                number: row.get(1)?,
            },
            used: text::json(&row.get::<_, String>(2)?, "use of a lot")?,
        });
    }
    Ok(shipped)
}

/// What the rules want to know of a container before it is packed.
pub(super) fn state(connection: &Connection, sscc: Sscc) -> Result<ContainerState, LedgerError> {
    let mut state = ContainerState::default();
    let mut query = connection.prepare_cached(
        "select lot_id, packed, 0 from container_content where sscc = ?1
         union all
         select lot_id, delta, 1 from container_entry where sscc = ?1 and bucket = 'shipped'",
    )?;
    let mut found = query.query([sscc.to_string()])?;
    while let Some(row) = found.next()? {
        let lot_id: LotId = text::id(&row.get::<_, String>(0)?, "lot id")?;
        let amount = text::decimal(&row.get::<_, String>(1)?)?;
        if row.get(2)? {
            state.add_shipped(lot_id, -amount);
        } else {
            state.add_contents(lot_id, amount);
        }
    }
    Ok(state)
}

/// What is packed of a lot, by container.
pub(super) fn packed(
    connection: &Connection,
    lot_id: &str,
) -> Result<BTreeMap<Sscc, Decimal>, LedgerError> {
    let mut query = connection
        .prepare_cached("select sscc, packed from container_content where lot_id = ?1")?;
    let mut found = query.query([lot_id])?;
    let mut packed = BTreeMap::new();
    while let Some(row) = found.next()? {
        let sscc = text::id(&row.get::<_, String>(0)?, "SSCC")?;
        packed.insert(sscc, text::decimal(&row.get::<_, String>(1)?)?);
    }
    Ok(packed)
}

/// What is packed of a lot, for people.
pub(super) fn packed_in(
    connection: &Connection,
    lot_id: &str,
    unit: Unit,
) -> Result<Vec<PackedIn>, LedgerError> {
    let packed = packed(connection, lot_id)?.into_iter();
    Ok(packed
        .map(|(sscc, amount)| PackedIn {
            sscc,
            quantity: Quantity::new(amount, unit),
        })
        .collect())
}

/// Stores what the event at `place` does to a container.
pub(super) fn changed(
    connection: &Connection,
    (place, line): (i64, i64),
    (sscc, lot_id): (Sscc, LotId),
    bucket: ContainerBucket,
    delta: Quantity,
) -> Result<(), LedgerError> {
    add(connection, lot_id, sscc, delta.amount)?;
    connection
        .prepare_cached(
            "insert into container_entry (position, line, sscc, lot_id, bucket, delta, unit)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            place,
            line,
            sscc.to_string(),
            lot_id.to_string(),
            bucket.as_str(),
            delta.amount.to_string(),
            delta.unit.as_str()
        ])?;
    Ok(())
}

/// Adds to what is in a container of a lot.
pub(super) fn add(
    connection: &Connection,
    lot_id: LotId,
    sscc: Sscc,
    delta: Decimal,
) -> Result<(), LedgerError> {
    let key = [lot_id.to_string(), sscc.to_string()];
    let before: Option<String> = connection
        .prepare_cached("select packed from container_content where lot_id = ?1 and sscc = ?2")?
        .query_row([&key[0], &key[1]], |row| row.get(0))
        .optional()?;
    let before = before.map(|packed| text::decimal(&packed)).transpose()?;
    let packed = (before.unwrap_or_default() + delta).normalize();
    if packed.is_zero() {
        connection
            .prepare_cached("delete from container_content where lot_id = ?1 and sscc = ?2")?
            .execute([&key[0], &key[1]])?;
        return Ok(());
    }
    connection
        .prepare_cached(
            "insert into container_content (lot_id, sscc, packed) values (?1, ?2, ?3)
             on conflict (lot_id, sscc) do update set packed = excluded.packed",
        )?
        .execute([&key[0], &key[1], &packed.to_string()])?;
    Ok(())
}
