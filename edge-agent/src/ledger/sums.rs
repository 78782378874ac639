//! The books per material (I8): what came in equals what is on hand and what went out.

use std::collections::BTreeMap;

use agog_sync::lots::Bucket;
use agog_sync::quantity::Unit;
use rusqlite::Connection;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::error::LedgerError;
use super::reader::Reader;
use super::text;

/// The books of one material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialSum {
    /// The code; none for lots of which only the number is known.
    pub material: Option<String>,
    pub unit: Unit,
    pub received: Decimal,
    pub produced: Decimal,
    /// Came back from customers.
    #[serde(default)]
    pub returned: Decimal,
    pub adjusted: Decimal,
    /// What others had put there or taken before this plant was told.
    pub adopted: Decimal,
    pub on_hand: Decimal,
    pub consumed: Decimal,
    pub wasted: Decimal,
    pub shipped: Decimal,
    /// Moved between lots by splits and merges; 0 when nothing was lost on the way.
    pub between_lots: Decimal,
}

impl MaterialSum {
    /// I8: received + produced + returned + adjusted + adopted = on hand + consumed + wasted + shipped.
    pub fn is_balanced(&self) -> bool {
        let inward = self.received + self.produced + self.returned + self.adjusted + self.adopted;
        let outward = self.on_hand + self.consumed + self.wasted + self.shipped;
        inward == outward && self.between_lots.is_zero()
    }
}

impl Reader {
    /// The books of every material.
    pub fn material_sums(&self) -> Result<Vec<MaterialSum>, LedgerError> {
        of(&*self.connection.unchecked_transaction()?)
    }
}

/// The books of every material, in the transaction of the caller.
pub(super) fn of(connection: &Connection) -> Result<Vec<MaterialSum>, LedgerError> {
    let mut sums: BTreeMap<(Option<String>, Unit), MaterialSum> = BTreeMap::new();
    for (sql, source) in [
        (
            "select material_code, base_unit, balance, 'on_hand' from lot",
            "balance",
        ),
        (
            "select lot.material_code, lot.base_unit, entry.delta, entry.bucket
             from lot_entry as entry join lot using (lot_id)",
            "entry",
        ),
        (
            "select lot.material_code, lot.base_unit, adoption.delta, 'adopted'
             from adoption join lot using (lot_id)",
            "adoption",
        ),
    ] {
        let mut query = connection.prepare_cached(sql)?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let material: Option<String> = row.get(0)?;
            let unit: Unit = text::id(&row.get::<_, String>(1)?, "unit")?;
            let amount = text::decimal(&row.get::<_, String>(2)?)?;
            let bucket: String = row.get(3)?;
            let sum = sums
                .entry((material.clone(), unit))
                .or_insert_with(|| MaterialSum::empty(material, unit));
            *sum.place(&bucket)
                .ok_or_else(|| text::malformed(source, &bucket))? += amount;
        }
    }
    Ok(sums
        .into_values()
        .map(MaterialSum::outward_positive)
        .collect())
}

impl MaterialSum {
    fn empty(material: Option<String>, unit: Unit) -> Self {
        Self {
            material,
            unit,
            received: Decimal::ZERO,
            produced: Decimal::ZERO,
            returned: Decimal::ZERO,
            adjusted: Decimal::ZERO,
            adopted: Decimal::ZERO,
            on_hand: Decimal::ZERO,
            consumed: Decimal::ZERO,
            wasted: Decimal::ZERO,
            shipped: Decimal::ZERO,
            between_lots: Decimal::ZERO,
        }
    }

    fn place(&mut self, bucket: &str) -> Option<&mut Decimal> {
        match bucket {
            "on_hand" => return Some(&mut self.on_hand),
            "adopted" => return Some(&mut self.adopted),
            _ => {}
        }
        let bucket = Bucket::ALL
            .into_iter()
            .find(|known| known.as_str() == bucket)?;
        Some(match bucket {
            Bucket::Received => &mut self.received,
            Bucket::Produced => &mut self.produced,
            Bucket::Returned => &mut self.returned,
            Bucket::Adjusted => &mut self.adjusted,
            Bucket::Consumed => &mut self.consumed,
            Bucket::Wasted => &mut self.wasted,
            Bucket::Shipped => &mut self.shipped,
            Bucket::SplitOut | Bucket::SplitIn | Bucket::MergedOut | Bucket::MergedIn => {
                &mut self.between_lots
            }
        })
    }

    /// Entries that leave a lot are negative; people read them as positive.
    fn outward_positive(mut self) -> Self {
        for sum in [&mut self.consumed, &mut self.wasted, &mut self.shipped] {
            *sum = (-*sum).normalize();
        }
        self
    }
}
