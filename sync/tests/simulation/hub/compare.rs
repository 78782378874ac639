//! What the hub answers to agents that compare: days that are over, and documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use agog_sync::chain::Hash;
use agog_sync::days::{DayAnswer, DayProof, DaySpan, DaysAnswer, DaysRequest};
use agog_sync::document::DocumentKey;
use agog_sync::document::repair::{
    Digests, HeadsAnswer, HeadsRequest, MissingAnswer, MissingRequest, bucket,
};
use agog_sync::event::Envelope;
use agog_sync::frame::FeedEvent;
use agog_sync::ids::ProducerId;

use super::super::days::{Tampering, prove, tamper};
use super::Hub;

/// The most events of one answer about a bucket: few, so that an agent has to ask again.
const MISSING_MAX: usize = 3;

impl Hub {
    pub(super) fn days(&self, agent: usize, request: &DaysRequest) -> DaysAnswer {
        request.check().expect("our agents ask for what there is");
        let claims = request.days.iter();
        let days = claims.map(|claim| DayAnswer {
            span: claim.span,
            proof: self.count(agent, &claim.span),
        });
        DaysAnswer {
            days: days.collect(),
        }
    }

    /// What is here of a span; none when its end was not delivered.
    fn count(&self, agent: usize, span: &DaySpan) -> Option<DayProof> {
        let producer = self.agents[agent];
        if self.ends.get(&(producer, span.epoch))? < &span.last_seq {
            return None;
        }
        let rows = self.rows(producer);
        let rows = rows.range((span.epoch, span.first_seq)..=(span.epoch, span.last_seq));
        let rows = rows.map(|((_, seq), event)| (*seq, &**event));
        Some(prove(producer, span, rows))
    }

    /// Somebody changes a row of an agent's ledger; gives back what it was.
    pub(crate) fn tamper(
        &mut self,
        producer: ProducerId,
        place: (u64, u64),
        how: Tampering,
    ) -> Option<Arc<Envelope>> {
        let rows = self.events.get_mut(&producer)?;
        let before = rows.remove(&place)?;
        rows.extend(tamper(&before, how).map(|row| (place, Arc::new(row))));
        Some(before)
    }

    /// The row is again what it was.
    pub(crate) fn mend(&mut self, producer: ProducerId, place: (u64, u64), row: Arc<Envelope>) {
        let rows = self.events.entry(producer).or_default();
        rows.insert(place, row);
    }

    pub(super) fn heads(&self, agent: usize, request: &HeadsRequest) -> HeadsAnswer {
        let digests = Digests::of(&self.papers.heads(agent));
        let same = digests.digest() == request.digest;
        let buckets = if same { &[] } else { digests.buckets() };
        HeadsAnswer {
            same,
            buckets: buckets.to_vec(),
        }
    }

    pub(super) fn missing(&self, agent: usize, request: &MissingRequest) -> MissingAnswer {
        let theirs: BTreeMap<&DocumentKey, &[Hash]> = request
            .documents
            .iter()
            .map(|one| (&one.document, &one.heads[..]))
            .collect();
        let mut lacks = Vec::new();
        for ours in self.papers.heads(agent) {
            let heads = theirs.get(&ours.document).copied().unwrap_or_default();
            if bucket(&ours.document) == request.bucket && heads != ours.heads {
                lacks.extend(self.papers.document(&ours.document).missing(heads));
            }
        }
        let events = lacks.iter().take(MISSING_MAX).map(|hash| {
            let (producer, epoch, seq) = self.changes[hash];
            FeedEvent {
                producer,
                epoch,
                event: (*self.events[&producer][&(epoch, seq)]).clone(),
                lots: Vec::new(),
                seen: None,
                unapplied: Vec::new(),
            }
        });
        MissingAnswer {
            events: events.collect(),
            more: lacks.len() > MISSING_MAX,
            // Nothing is lost behind the ledger of this hub.
            heads: None,
        }
    }
}
