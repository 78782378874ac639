//! The newest samples, in memory and as rows of `journal`: those of the open block, and before them
//! the closed ones among which a sample that comes again is known. The hub knows samples in the same way; one that was dropped
//! before it came again would else be in a gap twice, or in a gap and in the hub.
//!
//! One commit is one row, so that many small samples cost one write. A row's body is a list of
//! samples of [`SAMPLE_BYTES`] each: series id, microseconds since 1970, value; little-endian.
//!
//! Limit: [`REMEMBERED_SAMPLES`] closed samples stay.

use std::array;
use std::collections::vec_deque::Iter;
use std::collections::{HashSet, VecDeque};
use std::iter::Take;

use rusqlite::{Connection, params};

use super::store::{StoreError, step};

/// A sample that comes again is known among so many newest ones, in about 3 MiB: more than a broker
/// has unacknowledged at one time, unless it has no limit of its own.
const REMEMBERED_SAMPLES: usize = 65_536;

/// Series id, time and value of one sample.
const SAMPLE_BYTES: usize = 4 + 8 + 8;

/// A sample as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stored {
    pub(super) series_id: u32,
    pub(super) at_us: i64,
    pub(super) value: f64,
}

/// Series id, time and the bits of the value.
type Key = (u32, i64, u64);

/// The samples, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    samples: VecDeque<Stored>,
    /// The same as a set.
    known: HashSet<Key>,
    /// How many of the newest are not in a block yet.
    open: usize,
    /// The number of the newest sample.
    last_id: i64,
}

impl Journal {
    /// The journal of a file.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let closed_id: i64 = connection
            .query_row("select closed_sample_id from standing", [], |row| {
                row.get(0)
            })
            .map_err(step("read where it stands"))?;
        let mut journal = Self {
            last_id: closed_id,
            ..Self::default()
        };
        let mut query = connection
            .prepare("select last_sample_id, body from journal order by last_sample_id")
            .map_err(step("prepare the journal"))?;
        let mut rows = query.query([]).map_err(step("read the journal"))?;
        let read = step("read the journal");
        while let Some(row) = rows.next().map_err(&read)? {
            journal.last_id = row.get(0).map_err(&read)?;
            let body = row.get_ref(1).map_err(&read)?;
            let body = body.as_blob().map_err(|error| read(error.into()))?;
            let (samples, rest) = body.as_chunks();
            if !rest.is_empty() {
                return Err(StoreError::Journal(journal.last_id));
            }
            journal.samples.extend(samples.iter().map(Stored::read));
        }
        journal.known = journal.samples.iter().map(Stored::key).collect();
        let open = usize::try_from(journal.last_id - closed_id).unwrap_or_default();
        journal.open = open.min(journal.samples.len());
        Ok(journal)
    }

    /// How many samples are not in a block yet.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn samples(&self) -> impl Iterator<Item = &Stored> {
        self.samples.iter()
    }

    /// The oldest samples that are not in a block yet.
    pub(super) fn oldest_open(&self, count: usize) -> Take<Iter<'_, Stored>> {
        self.samples
            .range(self.samples.len() - self.open..)
            .take(count)
    }

    /// Whether a sample is among the newest.
    pub(super) fn knows(&self, sample: &Stored) -> bool {
        self.known.contains(&sample.key())
    }

    /// A sample is about to be appended: the same may come again before that.
    pub(super) fn know(&mut self, sample: &Stored) {
        self.known.insert(sample.key());
    }

    /// Adds samples, which are known already, to the open block.
    pub(super) fn append(
        &mut self,
        connection: &Connection,
        samples: Vec<Stored>,
    ) -> Result<(), StoreError> {
        if samples.is_empty() {
            return Ok(());
        }
        let mut body = Vec::with_capacity(samples.len() * SAMPLE_BYTES);
        for sample in &samples {
            sample.write(&mut body);
        }
        self.last_id += i64::try_from(samples.len()).unwrap_or(i64::MAX);
        connection
            .prepare_cached("insert into journal (last_sample_id, body) values (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![self.last_id, body]))
            .map_err(step("store samples"))?;
        self.open += samples.len();
        self.samples.extend(samples);
        Ok(())
    }

    /// The oldest `count` open samples are in a block now; what is too old to be remembered goes.
    pub(super) fn close(
        &mut self,
        connection: &Connection,
        count: usize,
    ) -> Result<(), StoreError> {
        self.open -= count;
        let remembered = REMEMBERED_SAMPLES + self.open;
        let too_many = self.samples.len().saturating_sub(remembered);
        for forgotten in self.samples.drain(..too_many) {
            self.known.remove(&forgotten.key());
        }
        let id = |newer: usize| self.last_id - i64::try_from(newer).unwrap_or(i64::MAX);
        connection
            .execute("update standing set closed_sample_id = ?1", [id(self.open)])
            .map_err(step("close the samples"))?;
        connection
            .execute(
                "delete from journal where last_sample_id <= ?1",
                [id(remembered)],
            )
            .map_err(step("forget old samples"))?;
        Ok(())
    }
}

impl Stored {
    fn key(&self) -> Key {
        // The hub knows no negative zero.
        (self.series_id, self.at_us, (self.value + 0.0).to_bits())
    }

    fn write(&self, body: &mut Vec<u8>) {
        body.extend(self.series_id.to_le_bytes());
        body.extend(self.at_us.to_le_bytes());
        body.extend(self.value.to_le_bytes());
    }

    fn read(bytes: &[u8; SAMPLE_BYTES]) -> Self {
        Self {
            series_id: u32::from_le_bytes(array::from_fn(|n| bytes[n])),
            at_us: i64::from_le_bytes(array::from_fn(|n| bytes[4 + n])),
            value: f64::from_le_bytes(array::from_fn(|n| bytes[12 + n])),
        }
    }
}
