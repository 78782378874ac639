//! Samples that the buffer does not take. They are counted in the commit that would have stored them, so that their source may be told
//! that all is well, and become a gap of the ledger (I6): one for each reason and [`TOLD_EVERY`], however many there are.
//!
//! A refused sample is not known again: one that its source tells twice counts twice.

use std::collections::BTreeMap;

use agog_sync::ids::EventId;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::losses::Span;
use super::series::{NAMES_BYTES_MAX, SERIES_MAX};
use super::shedding::Dropped;
use super::store::{Store, StoreError, step};

/// A wrong pattern of topics has samples refused with each message: the ledger hears of it once a minute.
const TOLD_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Why a sample is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    TooManySeries,
    LongNames,
}

impl Refusal {
    /// For people, in the gap.
    pub(super) fn reason(self) -> String {
        match self {
            Self::TooManySeries => format!("more than {SERIES_MAX} series"),
            Self::LongNames => {
                format!("device, metric and unit are longer than {NAMES_BYTES_MAX} bytes")
            }
        }
    }

    /// For metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::TooManySeries => "too many series",
            Self::LongNames => "long names",
        }
    }
}

/// What one append has refused.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Refused(BTreeMap<Refusal, Span>);

impl Refused {
    pub(super) fn add(&mut self, refusal: Refusal, at_us: i64) {
        let one = Span::one(at_us);
        let span = self.0.entry(refusal);
        span.and_modify(|span| *span = span.and(one)).or_insert(one);
    }

    /// Why, and how many.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Refusal, u64)> {
        self.0.iter().map(|(refusal, span)| (*refusal, span.count))
    }

    /// Counts them in the file.
    pub(super) fn keep(
        &self,
        transaction: &Transaction<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (refusal, span) in &self.0 {
            transaction
                .prepare_cached(
                    "insert into refused (reason, from_us, to_us, sample_count, since_us) values (?1, ?2, ?3, ?4, ?5)
                     on conflict (reason) do update set from_us = min(from_us, excluded.from_us),
                         to_us = max(to_us, excluded.to_us), sample_count = sample_count + excluded.sample_count",
                )
                .and_then(|mut insert| {
                    insert.execute(params![
                        refusal.reason(),
                        span.from_us,
                        span.to_us,
                        span.count,
                        now.as_microsecond()
                    ])
                })
                .map_err(step("count refused samples"))?;
        }
        Ok(())
    }
}

impl Store {
    /// Makes gaps of what was refused for some time.
    pub(super) fn tell_refused(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().map_err(step("begin"))?;
        let since = now.saturating_sub(TOLD_EVERY).unwrap_or(Timestamp::MIN);
        let refused: Vec<(String, Span)> = transaction
            .prepare_cached(
                // A clock that was set back must not keep them here.
                "delete from refused where since_us not between ?1 + 1 and ?2
                 returning reason, from_us, to_us, sample_count",
            )
            .and_then(|mut delete| {
                let of_row = |row: &rusqlite::Row<'_>| {
                    let span = Span {
                        from_us: row.get(1)?,
                        to_us: row.get(2)?,
                        count: row.get(3)?,
                    };
                    Ok((row.get(0)?, span))
                };
                let times = params![since.as_microsecond(), now.as_microsecond()];
                delete.query_map(times, of_row)?.collect()
            })
            .map_err(step("take refused samples"))?;
        if refused.is_empty() {
            return Ok(());
        }
        for (reason, span) in &refused {
            let event_id = EventId::generate(now, &mut self.rng);
            Dropped {
                span: *span,
                reason,
            }
            .record(&transaction, event_id, now)?;
        }
        transaction.commit().map_err(step("commit refused samples"))
    }
}
