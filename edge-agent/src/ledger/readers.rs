//! Connections that read the ledger, kept for the next reader: opening one costs more than most
//! reads. An idle one is in no transaction and pins nothing of the write-ahead log.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::damage::Damage;
use super::error::LedgerError;
use super::reader::Reader;

/// Each has a page cache of up to 1 MiB, and seldom are more than two reads under way.
const IDLE_MAX: usize = 2;

/// The connections of one ledger.
pub(super) struct Readers {
    path: Box<Path>,
    damage: Arc<Damage>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn of(path: &Path, damage: Arc<Damage>) -> Self {
        Self {
            path: path.into(),
            damage,
            idle: Mutex::default(),
        }
    }

    /// Reads with an idle connection or a new one. One that a read failed on is not used again.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.try_read(read)
            .inspect_err(|failure| self.damage.look(failure))
    }

    fn try_read<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let idle = self.idle().pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.path)?,
        };
        let answer = read(&reader)?;
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(reader);
        }
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
