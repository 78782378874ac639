//! Rows that follow from events, as sums of fingerprints: so that millions of rows can be compared with what their events say
//! in any order, and in little memory.
//!
//! Rows are summed up in spans of places. Where two sums differ, both sides are read once more and the rows of that span are
//! kept, so that the event to blame can be named.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use agog_sync::ids::LotId;

/// Places that are summed up together: a hundred rows or so to look through, and three bytes of memory for each event.
const SPAN: i64 = 64;

/// A table of rows that follow from events and stand by the place of their event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Entries,
    Uses,
    Edges,
    Containers,
    Corrections,
}

impl Table {
    pub(super) const ALL: [Self; 5] = [
        Self::Entries,
        Self::Uses,
        Self::Edges,
        Self::Containers,
        Self::Corrections,
    ];

    /// What its rows are, for people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Uses => "uses",
            Self::Edges => "edges",
            Self::Containers => "changes of containers",
            Self::Corrections => "corrections",
        }
    }
}

/// A table, and the number of one of its spans.
type Span = (Table, usize);

/// The rows of one side: what is stored, or what the events say.
#[derive(Debug, Default)]
pub(super) struct DerivedRows {
    sums: [Vec<u128>; Table::ALL.len()],
    spans: usize,
    wanted: BTreeSet<Span>,
    /// How often each row of a wanted span is there.
    kept: BTreeMap<(Table, i64), BTreeMap<String, i64>>,
}

impl DerivedRows {
    /// Rows up to a place, of which those in the `wanted` spans are kept.
    pub(super) fn new(place_max: i64, wanted: BTreeSet<Span>) -> Self {
        let spans = usize::try_from(place_max / SPAN).unwrap_or(0) + 2;
        Self {
            sums: std::array::from_fn(|_| vec![0; spans]),
            spans,
            wanted,
            kept: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, table: Table, place: i64, row: &RowText) {
        let span = self.span(place);
        let sum = &mut self.sums[table as usize][span];
        *sum = sum.wrapping_add(row.fingerprint(place));
        self.keep(table, place, row, 1);
    }

    /// Takes a row out that was added.
    pub(super) fn remove(&mut self, table: Table, place: i64, row: &RowText) {
        let span = self.span(place);
        let sum = &mut self.sums[table as usize][span];
        *sum = sum.wrapping_sub(row.fingerprint(place));
        self.keep(table, place, row, -1);
    }

    /// What lies beyond all places was not written by us; it stands in the last span.
    fn span(&self, place: i64) -> usize {
        let span = usize::try_from(place / SPAN).unwrap_or(0);
        span.min(self.spans.saturating_sub(1))
    }

    fn keep(&mut self, table: Table, place: i64, row: &RowText, count: i64) {
        if self.wanted.is_empty() || !self.wanted.contains(&(table, self.span(place))) {
            return;
        }
        let rows = self.kept.entry((table, place)).or_default();
        let kept = rows.entry(row.0.clone()).or_default();
        *kept += count;
        if *kept == 0 {
            rows.remove(&row.0);
        }
    }

    /// The spans in which two sides differ, at most `max`.
    pub(super) fn differing_spans(&self, other: &Self, max: usize) -> BTreeSet<Span> {
        let spans = |table: Table| {
            let sums = self.sums[table as usize]
                .iter()
                .zip(&other.sums[table as usize]);
            let differing = sums.enumerate().filter(|(_, (left, right))| left != right);
            differing.map(move |(span, _)| (table, span))
        };
        Table::ALL.into_iter().flat_map(spans).take(max).collect()
    }

    /// The places of which the kept rows of two sides differ.
    pub(super) fn differing_places(&self, other: &Self) -> BTreeSet<(Table, i64)> {
        let empty = BTreeMap::new();
        let places = self.kept.keys().chain(other.kept.keys()).copied();
        places
            .filter(|place| {
                self.kept.get(place).unwrap_or(&empty) != other.kept.get(place).unwrap_or(&empty)
            })
            .collect()
    }
}

/// The columns of a row but for its place, as text; written anew for each row.
#[derive(Debug, Clone, Default)]
pub(super) struct RowText(String);

impl RowText {
    /// Begins the next row.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.0.clear();
        self
    }

    pub(super) fn text(&mut self, column: &str) -> &mut Self {
        self.0.push_str(column);
        self.end_column()
    }

    pub(super) fn optional(&mut self, column: Option<&str>) -> &mut Self {
        self.text(column.unwrap_or_default())
    }

    pub(super) fn value(&mut self, column: impl std::fmt::Display) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{column}");
        self.end_column()
    }

    pub(super) fn lot(&mut self, lot_id: LotId) -> &mut Self {
        let mut text = uuid::Uuid::encode_buffer();
        self.text(lot_id.uuid().hyphenated().encode_lower(&mut text))
    }

    fn end_column(&mut self) -> &mut Self {
        self.0.push('\u{1f}');
        self
    }

    fn fingerprint(&self, place: i64) -> u128 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&place.to_le_bytes());
        hasher.update(self.0.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        u128::from_le_bytes(bytes)
    }
}
