//! What an agent compares with the hub beside its deliveries: days that are over, and documents.

use std::sync::Arc;

use agog_sync::days::{DayClaim, DayProof, DaysAnswer, DaysRequest, request_len};
use agog_sync::document::repair::{Digests, HeadsRequest, MissingRequest, bucket};
use agog_sync::frame::PROTOCOL;
use jiff::civil::Date;

use super::super::days::{Compared, Counted};
use super::super::disk::Commit;
use super::super::network::{Answer, Ask};
use super::{Agent, Phase, START};

/// How often documents are compared while nothing seems wrong, in milliseconds of the world.
const COMPARE_MS: u64 = 20_000;

/// What is compared, and how far that has come. All of it is gone with the program.
#[derive(Debug)]
pub(crate) struct Chores {
    pub(super) phase: Phase,
    /// The feed had nothing more when it was asked last.
    pub(super) is_fed: bool,
    /// The day on which days were compared last.
    pub(crate) days_on: Option<Date>,
    /// What was asked of days, with what is here of them.
    days_asked: Option<(Date, Vec<(Counted, DayProof)>)>,
    documents_at_ms: Option<u64>,
    /// Buckets of documents that differ.
    differing: Vec<u8>,
    /// Changes that were missing and came.
    pub(crate) repaired: usize,
}

impl Default for Chores {
    fn default() -> Self {
        Self {
            phase: START,
            is_fed: false,
            days_on: None,
            days_asked: None,
            documents_at_ms: None,
            differing: Vec::new(),
            repaired: 0,
        }
    }
}

impl Chores {
    /// What was told of documents meanwhile is found by comparing them.
    pub(super) fn compare_again(&mut self) {
        self.documents_at_ms = None;
    }
}

impl Agent {
    pub(super) fn next_chore(&mut self, now_ms: u64, today: Date) -> Option<Ask> {
        if let Some(bucket_asked) = self.chores.differing.first() {
            let mut documents = self.disk.file.papers.heads(self.plant);
            documents.retain(|one| bucket(&one.document) == *bucket_asked);
            return Some(Ask::Missing(Arc::new(MissingRequest {
                protocol: PROTOCOL,
                bucket: *bucket_asked,
                documents,
            })));
        }
        let is_due = |at: Option<u64>| at.is_none_or(|at| now_ms >= at + COMPARE_MS);
        if self.compares_documents && self.chores.is_fed && is_due(self.chores.documents_at_ms) {
            let documents = self.disk.file.papers.heads(self.plant);
            return Some(Ask::Heads(HeadsRequest {
                protocol: PROTOCOL,
                digest: Digests::of(&documents).digest(),
            }));
        }
        if self.compares_days && self.chores.days_on != Some(today) {
            return Some(self.ask_days(today));
        }
        None
    }

    /// Counts the days that are over, and asks whether the hub has the same of all of them.
    fn ask_days(&mut self, today: Date) -> Ask {
        while let Some(span) = self.disk.file.next_day(today) {
            self.disk.commit(Commit::Count(span));
        }
        let days = self.disk.file.days.values();
        let days: Vec<_> = days
            .map(|day| (*day, self.disk.file.prove(&day.span)))
            .collect();
        let spans = days.iter().map(|(day, _)| day.span);
        assert!(
            days.is_empty() || request_len(spans) == days.len(),
            "a world is small enough for one request"
        );
        let claims = days.iter().map(|(day, proof)| DayClaim {
            span: day.span,
            proof: *proof,
        });
        let request = DaysRequest {
            protocol: PROTOCOL,
            days: claims.collect(),
        };
        self.chores.days_asked = Some((today, days));
        Ask::Days(Arc::new(request))
    }

    pub(super) fn chore_done(&mut self, now_ms: u64, answer: Answer) {
        match answer {
            Answer::Days(answer) => self.compared(&answer),
            Answer::Heads(answer) if answer.same => self.chores.documents_at_ms = Some(now_ms),
            Answer::Heads(answer) => {
                let digests = Digests::of(&self.disk.file.papers.heads(self.plant));
                self.chores.differing = digests.differing(&answer.buckets);
                self.chores.documents_at_ms = Some(now_ms);
            }
            Answer::Missing(answer) => {
                for item in &answer.events {
                    self.chores.repaired += usize::from(!self.disk.file.has(item.event.event_id));
                    self.disk.commit(Commit::Repair(Arc::new(item.clone())));
                }
                if !answer.more {
                    self.chores.differing.remove(0);
                }
            }
            _ => {}
        }
    }

    fn compared(&mut self, answer: &DaysAnswer) {
        let Some((today, asked)) = self.chores.days_asked.take() else {
            return;
        };
        for (day, here) in asked {
            let at_hub = answer.days.iter().find(|found| found.span == day.span);
            // What was not delivered yet is no difference.
            if let Some(hub) = at_hub.and_then(|found| found.proof) {
                let compared = Compared { here, hub };
                self.disk.commit(Commit::Compare(day.span, compared));
            }
        }
        self.chores.days_on = Some(today);
    }
}
