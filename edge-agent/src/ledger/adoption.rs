//! Lots that the hub tells of: taken in as they were there, with what was done here since on top, and what was in them
//! already left out.

use std::collections::BTreeMap;

use agog_sync::frame::{FeedEvent, LedgerMark, LotSnapshot};
use agog_sync::ids::EventId;
use agog_sync::lots::{LotEvent, LotOrigin};
use agog_sync::sscc::Sscc;
use rusqlite::{Connection, OptionalExtension as _, params};
use rust_decimal::Decimal;

use super::error::LedgerError;
use super::{book, containers, effects, text};

/// Notes the lots of an event that were taken in by a later item than the one that brings it: the hub had applied it by
/// then. And those from which a correction takes nothing back.
pub(super) fn leave_out(
    connection: &Connection,
    place: i64,
    n: u64,
    event: &LotEvent,
) -> Result<(), LedgerError> {
    for lot in event.lots() {
        connection
            .prepare_cached(
                "insert or ignore into left_out (position, lot_id)
                 select ?1, lot_id from adoption where lot_id = ?2 and feed_n > ?3",
            )?
            .execute(params![place, lot.lot_id.to_string(), n])?;
        if let LotEvent::Corrected(correction) = event {
            // What was passed over has had no effect here, and is in those lots alone that came later.
            connection
                .prepare_cached(
                    "insert or ignore into left_out (position, lot_id)
                     select ?1, ?2 from passed_over
                     where json_extract(body, '$.ledger_event.event.event_id') = ?3
                         and not exists (select 1 from adoption where lot_id = ?2 and feed_n > n)",
                )?
                .execute(params![
                    place,
                    lot.lot_id.to_string(),
                    correction.corrects.to_string()
                ])?;
        }
    }
    Ok(())
}

/// Takes in what the hub tells of lots: of each once, when either side knew no more than its name, or when the hub tells it
/// with our own event. From then on both hear of the same events.
pub(super) fn adopt_all(
    connection: &Connection,
    place: i64,
    n: u64,
    item: &FeedEvent,
) -> Result<(), LedgerError> {
    let is_own: bool = connection
        .prepare_cached("select agent_id = ?1 from meta")?
        .query_row([item.producer.to_string()], |row| row.get(0))?;
    for snapshot in &item.lots {
        let lot_id = snapshot.lot.lot_id.to_string();
        let is_told = connection
            .prepare_cached("select 1 from adoption where lot_id = ?1")?
            .exists([&lot_id])?;
        let known: Option<(String, bool)> = connection
            .prepare_cached("select balance, origin != 'unknown' from lot where lot_id = ?1")?
            .query_row([&lot_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let is_made = known.as_ref().is_some_and(|(_, is_made)| *is_made);
        if is_told || (is_made && snapshot.origin != LotOrigin::Unknown && !is_own) {
            continue;
        }
        let step = match (known, item.seen) {
            (None, _) => Step {
                balance: snapshot.balance,
                shipped: snapshot.shipped,
                packed: snapshot.packed.clone(),
            },
            // A hub that does not say what it had heard from us cannot tell what is missing here.
            (Some(_), None) => continue,
            (Some((here, _)), Some(seen)) => {
                let since = done_since(connection, &lot_id, seen, &item.unapplied)?;
                let shipped = book::shipped(connection, snapshot.lot.lot_id)?;
                let mut packed = snapshot.packed.clone();
                for (sscc, amount) in since.packed {
                    *packed.entry(sscc).or_default() += amount;
                }
                for (sscc, amount) in containers::packed(connection, &lot_id)? {
                    *packed.entry(sscc).or_default() -= amount;
                }
                Step {
                    balance: snapshot.balance + since.balance - text::decimal(&here)?,
                    shipped: snapshot.shipped + since.shipped - shipped,
                    packed,
                }
            }
        };
        adopt(connection, (place, n), snapshot, &step)?;
    }
    Ok(())
}

/// How far a lot moves by what the hub tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub balance: Decimal,
    /// What was shipped and did not come back.
    pub shipped: Decimal,
    /// What is packed, by container.
    pub packed: BTreeMap<Sscc, Decimal>,
}

/// How far our own events have moved a lot by what is not in it as the hub told it.
fn done_since(
    connection: &Connection,
    lot_id: &str,
    seen: LedgerMark,
    unapplied: &[EventId],
) -> Result<Step, LedgerError> {
    let mut query = connection.prepare_cached(
        "select entry.delta, entry.bucket in ('shipped', 'returned'), entry.sscc, fact.event_id from
             (select position, delta, bucket, null as sscc from lot_entry where lot_id = ?1
              union all
              select position, delta, bucket, sscc from container_entry where lot_id = ?1) as entry
             join fact on fact.position = entry.position
             join meta on meta.agent_id = fact.producer_id",
    )?;
    let mut found = query.query([lot_id])?;
    let mut sum = Step::default();
    while let Some(row) = found.next()? {
        let event_id = text::id(&row.get::<_, String>(3)?, "event id")?;
        if is_in(connection, event_id, seen, unapplied)? {
            continue;
        }
        let delta = text::decimal(&row.get::<_, String>(0)?)?;
        if let Some(sscc) = row.get::<_, Option<String>>(2)? {
            *sum.packed.entry(text::id(&sscc, "SSCC")?).or_default() += delta;
            continue;
        }
        sum.balance += delta;
        if row.get(1)? {
            sum.shipped -= delta;
        }
    }
    Ok(sum)
}

/// Whether the effect of one of our events is in a lot as the hub told it: the hub had heard of the event and could apply it,
/// or of another correction of the same event. Which of two corrections came first, and has the effect, is not the same
/// everywhere.
fn is_in(
    connection: &Connection,
    event_id: EventId,
    seen: LedgerMark,
    unapplied: &[EventId],
) -> Result<bool, LedgerError> {
    let mut same = corrections_of_the_same(connection, event_id)?;
    same.push(event_id);
    for event_id in same {
        // An event that was sealed again counts where it stands now. One that a copy of this disk has delivered stands in two
        // epochs, and the hub had it with the first.
        let first: Option<(u64, u64)> = connection
            .prepare_cached(
                "select epoch, seq from event where event_id = ?1 order by epoch, seq limit 1",
            )?
            .query_row([event_id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if first.is_some_and(|first| first <= (seen.epoch, seen.seq))
            && !unapplied.contains(&event_id)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Our other corrections of what an event corrects. Two are recorded where a disk was set back or copied: the second where
/// nothing tells of the first. All stand after what they correct, so the ledger is read from there.
fn corrections_of_the_same(
    connection: &Connection,
    event_id: EventId,
) -> Result<Vec<EventId>, LedgerError> {
    let corrects: Option<String> = connection
        .prepare_cached(
            "select json_extract(payload, '$.corrects') from fact
             where event_id = ?1 and kind = 'lot.corrected'",
        )?
        .query_row([event_id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(corrects) = corrects else {
        return Ok(Vec::new());
    };
    let mut query = connection.prepare_cached(
        "select event_id from event join meta on meta.agent_id = +event.producer_id
         where kind = 'lot.corrected' and json_extract(payload, '$.corrects') = ?1 and event_id <> ?2
           and position > (select coalesce(min(position), 0) from fact where event_id = ?1)",
    )?;
    let mut found = query.query([corrects, event_id.to_string()])?;
    let mut others = Vec::new();
    while let Some(row) = found.next()? {
        others.push(text::id(&row.get::<_, String>(0)?, "event id")?);
    }
    Ok(others)
}
/// The reason that is stored for a hold of which the hub told no more than that it stands.
pub(super) const HELD_WHEN_MET: &str = "held when this plant met the lot";

/// Takes a lot as the hub knew it, before the event at `place` and by the item `feed_n`; `step` is how far it moves here.
/// One that was known by its name alone is filled in.
fn adopt(
    connection: &Connection,
    (place, feed_n): (i64, u64),
    snapshot: &LotSnapshot,
    step: &Step,
) -> Result<(), LedgerError> {
    let lot_id = snapshot.lot.lot_id.to_string();
    connection
        .prepare_cached(
            "insert into lot (lot_id, number, material, material_code, base_unit, balance, origin,
                              made_by_job, attributes, created_at, own)
             values (?1, ?2, ?3, ?4, ?5, '0', ?6, null, ?7, ?8, 0)
             on conflict (lot_id) do update
             set number = excluded.number, material = excluded.material,
                 material_code = excluded.material_code, base_unit = excluded.base_unit,
                 origin = excluded.origin, attributes = excluded.attributes,
                 created_at = excluded.created_at
             where origin = ?9 and excluded.origin != ?9",
        )?
        .execute(params![
            lot_id,
            snapshot.lot.number,
            snapshot.material.as_ref().map(text::to_json),
            snapshot.material.as_ref().map(|material| &material.code),
            snapshot.base_unit.as_str(),
            snapshot.origin.as_str(),
            text::to_json(&snapshot.attributes),
            snapshot.created_at.as_microsecond(),
            LotOrigin::Unknown.as_str(),
        ])?;
    for hold_id in &snapshot.holds {
        connection
            .prepare_cached(
                "insert into lot_hold (lot_id, hold_id, reason, placed_at)
                 values (?1, ?2, ?4, ?3)
                 on conflict (lot_id, hold_id) do update
                 set reason = excluded.reason, placed_at = excluded.placed_at
                 where placed_at is null",
            )?
            .execute(params![
                lot_id,
                hold_id.to_string(),
                snapshot.created_at.as_microsecond(),
                HELD_WHEN_MET
            ])?;
    }
    effects::add_to_balance(connection, snapshot.lot.lot_id, step.balance)?;
    for (sscc, amount) in &step.packed {
        containers::add(connection, snapshot.lot.lot_id, *sscc, *amount)?;
    }
    connection
        .prepare_cached(
            "insert into adoption (lot_id, position, delta, shipped, packed, snapshot, feed_n)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            lot_id,
            place,
            step.balance.to_string(),
            step.shipped.to_string(),
            text::to_json(&step.packed),
            text::to_json(snapshot),
            feed_n
        ])?;
    Ok(())
}
