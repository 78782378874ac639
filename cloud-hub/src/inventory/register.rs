//! The materials that the events of a batch describe. The first definition stands; dimensions that it left open are filled
//! in, unless the office has said how the material is.

use std::collections::BTreeMap;

use agog_sync::ids::MaterialId;
use agog_sync::quantity::{Material, Unit};

use super::model::Fact;
use super::store::materials::{self as store, NewMaterial};
use crate::db::{DbError, TenantTx};
use crate::intake::ApplyContext;

/// A material as it is known after the events applied so far.
#[derive(Debug)]
struct Known<'e> {
    /// None until it is stored.
    key: Option<i64>,
    material: Material,
    /// The office has said how it is: nobody else does.
    is_defined: bool,
    /// The id of one that the batch makes, and the event that does.
    made: Option<(MaterialId, Fact<'e>)>,
    /// The event of the batch that filled it in last.
    filled: Option<Fact<'e>>,
}

/// Materials by code.
#[derive(Debug, Default)]
pub(super) struct Register<'e>(BTreeMap<String, Known<'e>>);

impl<'e> Register<'e> {
    /// Loads what is known of the materials of these codes.
    pub(super) async fn load(tx: &mut TenantTx, codes: &[&str]) -> Result<Self, DbError> {
        let mut register = Self::default();
        if codes.is_empty() {
            return Ok(register);
        }
        for row in store::materials_by_code(tx, codes).await? {
            let known = Known {
                key: Some(row.key),
                is_defined: row.defined_at.is_some(),
                material: row.material,
                made: None,
                filled: None,
            };
            register.0.insert(known.material.code.clone(), known);
        }
        Ok(register)
    }

    /// Makes a material known, and tells in which unit the company counts it.
    pub(super) fn ensure(&mut self, ctx: &mut ApplyContext<'e, '_>, material: &Material) -> Unit {
        if let Some(known) = self.0.get_mut(&material.code) {
            let open = [
                (&mut known.material.width_mm, material.width_mm),
                (&mut known.material.length_mm, material.length_mm),
                (&mut known.material.grammage_g_m2, material.grammage_g_m2),
            ];
            for (known_size, said) in open {
                if !known.is_defined && known_size.is_none() && said.is_some() {
                    *known_size = said;
                    known.filled = Some(Fact::of(ctx));
                }
            }
            return known.material.base_unit;
        }
        let known = Known {
            key: None,
            is_defined: false,
            material: material.clone(),
            made: Some((MaterialId::generate(ctx.now, ctx.rng), Fact::of(ctx))),
            filled: None,
        };
        self.0.insert(material.code.clone(), known);
        material.base_unit
    }

    /// A material as it is known now.
    pub(super) fn get(&self, code: &str) -> Option<&Material> {
        self.0.get(code).map(|known| &known.material)
    }

    /// The key of a material that has been stored.
    pub(super) fn key(&self, code: &str) -> Result<i64, DbError> {
        let key = self.0.get(code).and_then(|known| known.key);
        key.ok_or_else(|| DbError::stored(format!("material {code} is used and was never stored")))
    }

    /// Stores what is new.
    pub(super) async fn store(&mut self, tx: &mut TenantTx) -> Result<(), DbError> {
        let known = self.0.values();
        let filled: Vec<_> = known
            .clone()
            .filter(|known| known.key.is_some())
            .filter_map(|known| Some((&known.material, known.filled?)))
            .collect();
        let new: Vec<_> = known
            .filter_map(|known| {
                let (new_id, made) = known.made?;
                Some(NewMaterial {
                    new_id,
                    material: &known.material,
                    made,
                    changed: known.filled.unwrap_or(made),
                })
            })
            .collect();
        if !filled.is_empty() {
            store::materials_fill(tx, &filled).await?;
        }
        if new.is_empty() {
            return Ok(());
        }
        let asked = new.len();
        let keys = store::materials_add(tx, &new).await?;
        if keys.len() < asked {
            return Err(DbError::Overtaken("a material"));
        }
        for (code, key) in keys {
            if let Some(known) = self.0.get_mut(&code) {
                known.key = Some(key);
            }
        }
        Ok(())
    }
}
