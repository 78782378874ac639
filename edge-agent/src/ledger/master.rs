//! Master data of the office as this plant was told of it, and what it says of a command about lots.
//!
//! It names and warns; it changes nothing that is in the ledger, and nobody waits for it: what it does not know is taken
//! all the same, unless the configuration says otherwise. Of a material the office's word comes before the configuration,
//! so that all plants make new lots alike; a lot goes on in the unit in which it was made.

use std::collections::BTreeMap;

use agog_sync::master::{MasterItem, MasterKind};
use agog_sync::quantity::{Material, Unit};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::LotCommand;
use super::error::{AppendError, LedgerError, Refused};
use super::reader::Reader;
use super::text;
use crate::config::MasterData;

/// What the master data says against a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterWarning {
    /// `unknown`, `retired` or `wrong-use`.
    pub code: String,
    /// A sentence for people.
    pub what: String,
}

impl Reader {
    /// The records of a kind, or all, by kind and code.
    pub fn master(&self, kind: Option<MasterKind>) -> Result<Vec<MasterItem>, LedgerError> {
        let mut query = self.connection.prepare_cached(
            "select item from master where ?1 is null or kind = ?1 order by kind, code, of_plant",
        )?;
        let mut found = query.query([kind.map(MasterKind::as_str)])?;
        let mut items = Vec::new();
        while let Some(row) = found.next()? {
            items.push(text::json(&row.get::<_, String>(0)?, "master data")?);
        }
        Ok(items)
    }

    /// What people call the record of that code.
    pub fn master_name(&self, kind: MasterKind, code: &str) -> Result<Option<String>, LedgerError> {
        Ok(find(&self.connection, kind, code)?.map(|item| item.name))
    }

    /// The materials by code: those of the office, and the configured ones that it has not defined.
    pub fn materials(
        &self,
        mut configured: BTreeMap<String, Material>,
    ) -> Result<BTreeMap<String, Material>, LedgerError> {
        for item in self.master(Some(MasterKind::Materials))? {
            configured.extend(item.material.map(|material| (item.code, material)));
        }
        Ok(configured)
    }
}

/// What the master data says against a command, on the transaction that records it. It is recorded all the same, unless the
/// plant wants such commands refused and nobody forces this one.
pub(super) fn against(
    connection: &Connection,
    command: &LotCommand,
    counts: MasterData,
) -> Result<Vec<MasterWarning>, AppendError> {
    let is_refused = counts == MasterData::Refuse && command.details().forced.is_none();
    let mut warnings = Vec::new();
    for named in Named::of(command) {
        let Some(warning) = named.check(connection)? else {
            continue;
        };
        if is_refused {
            return Err(Refused::NotInMasterData(warning.what).into());
        }
        warnings.push(warning);
    }
    Ok(warnings)
}

/// Takes a record over as it is now.
pub(super) fn store(connection: &Connection, item: &MasterItem) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "insert into master (kind, code, of_plant, name, retired, item) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (kind, code, of_plant) do update
             set name = excluded.name, retired = excluded.retired, item = excluded.item",
        )?
        .execute(params![
            item.kind.as_str(),
            item.code,
            item.of_plant,
            item.name,
            item.retired,
            text::to_json(item)
        ])?;
    Ok(())
}

/// A material as the office has defined it, else as it is configured; only one that is counted in `unit`, where one is
/// named.
pub(super) fn material(
    connection: &Connection,
    configured: &BTreeMap<String, Material>,
    code: &str,
    unit: Option<Unit>,
) -> Result<Option<Material>, LedgerError> {
    let found: Option<String> = connection
        .prepare_cached("select item from master where kind = ?1 and code = ?2")?
        .query_row(params![MasterKind::Materials.as_str(), code], |row| {
            row.get(0)
        })
        .optional()?;
    let of_the_office = match found {
        Some(item) => text::json::<MasterItem>(&item, "master data")?.material,
        None => None,
    };
    let fits = |material: &Material| unit.is_none_or(|unit| unit == material.base_unit);
    Ok(of_the_office
        .filter(fits)
        .or_else(|| configured.get(code).cloned().filter(fits)))
}

/// The codes of the materials that can be received here.
pub(super) fn material_codes(
    connection: &Connection,
    configured: &BTreeMap<String, Material>,
) -> Result<Vec<String>, LedgerError> {
    let mut codes: Vec<String> = configured.keys().cloned().collect();
    let mut query =
        connection.prepare_cached("select code from master where kind = ?1 and not retired")?;
    let mut found = query.query([MasterKind::Materials.as_str()])?;
    while let Some(row) = found.next()? {
        codes.push(row.get(0)?);
    }
    codes.sort();
    codes.dedup();
    Ok(codes)
}

/// The record that is meant: by its code, or by the name that people call it; one that is in use before a retired one, the
/// plant's own before the company's.
fn find(
    connection: &Connection,
    kind: MasterKind,
    text: &str,
) -> Result<Option<MasterItem>, LedgerError> {
    let found: Option<String> = connection
        .prepare_cached(
            "select item from master where kind = ?1 and (code = ?2 or name = ?2)
             order by code != ?2, retired, of_plant desc limit 1",
        )?
        .query_row(params![kind.as_str(), text], |row| row.get(0))
        .optional()?;
    found
        .map(|item| text::json(&item, "master data"))
        .transpose()
}

/// Something that a command names.
struct Named<'a> {
    kind: MasterKind,
    text: &'a str,
    /// Of a reason: what it is used for.
    used_for: &'static str,
}

impl<'a> Named<'a> {
    fn of(command: &'a LotCommand) -> Vec<Self> {
        let named = |kind, text: &'a str, used_for| Self {
            kind,
            text: text.trim(),
            used_for,
        };
        let reason = |text: &'a str, used_for| named(MasterKind::Reasons, text, used_for);
        let made = |material: &'a str, location: &'a Option<String>| {
            let location = location.as_deref();
            let location = location.map(|location| named(MasterKind::Locations, location, ""));
            std::iter::once(named(MasterKind::Materials, material, ""))
                .chain(location)
                .collect()
        };
        let mut all: Vec<Self> = match command {
            LotCommand::Receive(receive) => made(&receive.material, &receive.location),
            LotCommand::Produce(produce) => made(&produce.material, &produce.location),
            LotCommand::Move(moved) => vec![named(MasterKind::Locations, &moved.to, "")],
            LotCommand::Waste(waste) => vec![reason(&waste.reason, "waste")],
            LotCommand::Adjust(adjust) => vec![reason(&adjust.reason, "adjust")],
            LotCommand::Hold(hold) => vec![reason(&hold.reason, "hold")],
            LotCommand::Return(back) => vec![reason(&back.reason, "return")],
            _ => Vec::new(),
        };
        let operator = command.details().operator.as_deref();
        all.extend(operator.map(|operator| named(MasterKind::Operators, operator, "")));
        all
    }

    fn check(&self, connection: &Connection) -> Result<Option<MasterWarning>, LedgerError> {
        let Self {
            kind,
            text,
            used_for,
        } = self;
        let one = match kind {
            MasterKind::Materials => "material",
            MasterKind::Locations => "location",
            MasterKind::Operators => "operator",
            MasterKind::Reasons => "reason",
        };
        let warning = |code: &str, what| {
            Ok(Some(MasterWarning {
                code: code.to_owned(),
                what,
            }))
        };
        let Some(item) = find(connection, *kind, text)? else {
            // A plant whose office keeps no such records names what it likes. A material has its own gate.
            let is_kept = *kind != MasterKind::Materials
                && connection
                    .prepare_cached("select 1 from master where kind = ?1 and not retired")?
                    .exists([kind.as_str()])?;
            if !is_kept {
                return Ok(None);
            }
            return warning("unknown", format!("the office knows no {one} `{text}`"));
        };
        if item.retired {
            return warning(
                "retired",
                format!("{one} {} ({}) is retired", item.code, item.name),
            );
        }
        let is_for = item.used_for.is_empty() || item.used_for.iter().any(|used| used == used_for);
        if !is_for {
            return warning(
                "wrong-use",
                format!(
                    "{one} {} ({}) is for {}, not for {used_for}",
                    item.code,
                    item.name,
                    item.used_for.join(", ")
                ),
            );
        }
        Ok(None)
    }
}
