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
fn of(connection: &Connection) -> Result<Vec<MaterialSum>, LedgerError> {
    let mut sums = Sums::default();
    for sql in [
        "select material_code, base_unit, 'on_hand', balance from lot",
        "select lot.material_code, lot.base_unit, entry.bucket, entry.delta
         from lot_entry as entry join lot using (lot_id)",
        "select lot.material_code, lot.base_unit, 'adopted', adoption.delta
         from adoption join lot using (lot_id)",
    ] {
        let mut query = connection.prepare_cached(sql)?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let book = sums.book(row.get(0)?, text::id(text::column(row, 1)?, "unit")?);
            sums.add(book, text::column(row, 2)?, text::column(row, 3)?)?;
        }
    }
    Ok(sums.finish())
}

/// Books of materials that are being added up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    books: BTreeMap<(Option<String>, Unit), usize>,
    sums: Vec<MaterialSum>,
}

impl Sums {
    /// The book of a material, to add to.
    pub(super) fn book(&mut self, material: Option<String>, unit: Unit) -> usize {
        let book = *self
            .books
            .entry((material.clone(), unit))
            .or_insert(self.sums.len());
        if book == self.sums.len() {
            self.sums.push(MaterialSum::empty(material, unit));
        }
        book
    }

    /// Adds an amount, as it is stored, to what a book has in a bucket.
    pub(super) fn add(
        &mut self,
        book: usize,
        bucket: &str,
        amount: &str,
    ) -> Result<(), LedgerError> {
        let sum = self.sums.get_mut(book).and_then(|sum| sum.place(bucket));
        *sum.ok_or_else(|| text::malformed("entry", bucket))? += text::decimal(amount)?;
        Ok(())
    }

    /// All books, by the code of the material.
    pub(super) fn finish(self) -> Vec<MaterialSum> {
        let Self { books, mut sums } = self;
        let mut finish = |book: usize| {
            let empty = MaterialSum::empty(None, sums[book].unit);
            std::mem::replace(&mut sums[book], empty).outward_positive()
        };
        books.into_values().map(&mut finish).collect()
    }
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
