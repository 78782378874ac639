//! A ledger that no agent has open, changed by what the writer does, one transaction at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use agog_sync::clock::Clock;
use agog_sync::quantity::Material;
use rand::rngs::StdRng;
use rusqlite::{Connection, TransactionBehavior};

use super::super::Position;
use super::super::damage::Damage;
use super::super::error::LedgerError;
use super::super::writer::{Books, Writer};
use crate::disk::Disk;

pub(super) struct AtRest(Writer);

impl AtRest {
    pub(super) fn open(
        path: &Path,
        materials: BTreeMap<String, Material>,
        clock: Arc<dyn Clock>,
        rng: StdRng,
    ) -> Result<Self, LedgerError> {
        let disk = Arc::new(Disk::unwatched());
        let damage = Arc::new(Damage::of(path));
        let (writer, _) = Writer::open(path, materials, clock, rng, disk, damage)?;
        Ok(Self(writer))
    }

    pub(super) fn position(&self) -> Position {
        self.0.books.position
    }

    /// Changes it, all of it or nothing.
    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Books) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let Writer {
            connection, books, ..
        } = &mut self.0;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&tx, books)?;
        tx.commit()?;
        Ok(done)
    }
}
