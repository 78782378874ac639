//! The course of a job or of one of its work orders: what its steps, in the order of their own times, make of it.
//!
//! Steps come late. The course is always told anew from all of them, so it is the same whichever came first. Rules:
//! nothing changes after an end; a start after a completed or aborted run begins another run (whether a device really
//! runs a returned job again is decided by its agent, which tells such a start and no other); a refused or removed job
//! may also come back to the queue. While a run is open, news of the queue change nothing. A job ends with the last of
//! its work orders, whoever ends them, and runs as long as one is to come.

use agog_sync::event::{Difference, JobProgress, JobStep};
use agog_sync::ids::EventId;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::model::{JobError, JobStatus};

/// A step that can change the status.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub event_id: EventId,
    pub step: JobStep,
    pub at: Timestamp,
    /// The work order that it is about.
    pub order: Option<i64>,
    /// People said so, and no device.
    pub by_people: bool,
    pub progress: JobProgress,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunEnd {
    pub event_id: EventId,
    /// Where it stands among the steps.
    pub at: Timestamp,
    /// When the device says it ended.
    pub ended_at: Timestamp,
    pub status: JobStatus,
    pub good: Option<Decimal>,
    pub waste: Option<Decimal>,
    pub differences: Vec<Difference>,
    pub error: Option<JobError>,
}

/// One run, from its start to its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub device: String,
    pub job_part: Option<String>,
    /// The work order that it began with.
    pub order: Option<i64>,
    pub started_at: Timestamp,
    /// The status while it is open.
    pub status: JobStatus,
    pub end: Option<RunEnd>,
}

/// What the steps make of a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course {
    pub status: JobStatus,
    pub status_at: Timestamp,
    pub runs: Vec<Run>,
    /// Why it ended as it did not have to.
    pub error: Option<JobError>,
    /// The device of the newest step that counts.
    pub device: String,
    ended_by: Option<JobStep>,
}

impl Course {
    /// Tells the course from steps in the order of their times. `is_end` is asked at each and says whether a completed or
    /// aborted one ends what is told about: a job goes on while one of its work orders is to come.
    pub(super) fn of<'m>(
        marks: impl IntoIterator<Item = &'m Mark>,
        mut is_end: impl FnMut(&Mark) -> bool,
    ) -> Option<Self> {
        let mut course: Option<Self> = None;
        for mark in marks {
            let course = course.get_or_insert_with(|| Self {
                status: JobStatus::Received,
                status_at: mark.at,
                runs: Vec::new(),
                error: None,
                device: mark.progress.device.clone(),
                ended_by: None,
            });
            course.step(mark, is_end(mark));
        }
        course
    }

    /// The run that goes on, if one does.
    fn open_run(&mut self) -> Option<&mut Run> {
        self.runs.last_mut().filter(|run| run.end.is_none())
    }

    fn step(&mut self, mark: &Mark, is_end: bool) {
        if let Some(end) = self.ended_by {
            if !comes_back(end, mark.step) {
                return;
            }
            self.ended_by = None;
            self.error = None;
        }
        let is_open = self.open_run().is_some();
        let status = match mark.step {
            JobStep::Received | JobStep::Submitted | JobStep::Refused | JobStep::Removed
                if is_open =>
            {
                return;
            }
            JobStep::Received => JobStatus::Received,
            JobStep::Resumed if is_open => JobStatus::Running,
            JobStep::Submitted | JobStep::Resumed => JobStatus::Submitted,
            JobStep::Held if is_open => JobStatus::Suspended,
            JobStep::Held => JobStatus::Held,
            JobStep::Suspended => JobStatus::Suspended,
            JobStep::Started => JobStatus::Running,
            JobStep::Refused => JobStatus::Refused,
            JobStep::Removed => JobStatus::Removed,
            // Another work order is to come.
            JobStep::Completed | JobStep::Aborted if !is_end => {
                self.start(mark);
                self.status = JobStatus::Running;
                self.error = JobError::of(mark);
                return;
            }
            JobStep::Completed => JobStatus::Completed,
            JobStep::Aborted => JobStatus::Aborted,
            // They change no status.
            JobStep::Phase
            | JobStep::Requeued
            | JobStep::CommandRefused
            | JobStep::AbortRequested
            | JobStep::CommandDone => return,
        };
        match mark.step {
            JobStep::Started => self.start(mark),
            JobStep::Completed | JobStep::Aborted => self.end(mark, status),
            JobStep::Refused | JobStep::Removed => self.ended_by = Some(mark.step),
            _ => {
                if let Some(run) = self.open_run() {
                    run.status = status;
                }
            }
        }
        self.error = JobError::of(mark);
        self.status = status;
        self.status_at = mark.at;
        self.device.clone_from(&mark.progress.device);
    }

    fn start(&mut self, mark: &Mark) {
        if let Some(run) = self.open_run() {
            run.status = JobStatus::Running;
            return;
        }
        self.runs.push(Run {
            device: mark.progress.device.clone(),
            job_part: mark.progress.job_part_id.clone(),
            order: mark.order,
            started_at: mark.progress.started_at.unwrap_or(mark.at),
            status: JobStatus::Running,
            end: None,
        });
    }

    fn end(&mut self, mark: &Mark, status: JobStatus) {
        if self.open_run().is_none() {
            // Nobody told of its start.
            self.start(mark);
        }
        let progress = &mark.progress;
        let end = RunEnd {
            event_id: mark.event_id,
            at: mark.at,
            ended_at: progress.ended_at.unwrap_or(mark.at),
            status,
            good: progress.good,
            waste: progress.waste,
            differences: progress.differences.clone(),
            error: JobError::of(mark),
        };
        if let Some(run) = self.open_run() {
            // The return knows better than the first signal.
            if run.order == mark.order {
                run.started_at = progress.started_at.unwrap_or(run.started_at);
            }
            if run.job_part.is_none() {
                run.job_part.clone_from(&progress.job_part_id);
            }
            run.device.clone_from(&progress.device);
            run.end = Some(end);
        }
        self.ended_by = Some(mark.step);
    }
}

/// Whether a step after an end counts.
fn comes_back(end: JobStep, step: JobStep) -> bool {
    match end {
        JobStep::Refused | JobStep::Removed => matches!(
            step,
            JobStep::Received
                | JobStep::Submitted
                | JobStep::Held
                | JobStep::Started
                | JobStep::Completed
                | JobStep::Aborted
        ),
        _ => step == JobStep::Started,
    }
}

#[cfg(test)]
mod tests {
    use agog_sync::lots::JobRef;
    use proptest::prelude::*;

    use super::*;

    fn mark(step: JobStep, second: i64) -> Mark {
        let job = JobRef {
            number: "J-1".to_owned(),
            job_id: None,
            order: None,
            customer: None,
        };
        Mark {
            event_id: EventId::from_uuid(uuid::Uuid::from_u128(second.unsigned_abs().into())),
            step,
            at: Timestamp::from_second(second).unwrap(),
            order: Some(1),
            by_people: false,
            progress: JobProgress::of(job, "press-3"),
        }
    }

    fn course(steps: &[(JobStep, i64)]) -> Course {
        let marks: Vec<_> = steps.iter().map(|(step, at)| mark(*step, *at)).collect();
        Course::of(&marks, |_| true).unwrap()
    }

    #[test]
    fn a_job_is_held_resumed_run_interrupted_and_completed() {
        use JobStep::{Completed, Held, Received, Resumed, Started, Submitted, Suspended};
        let steps = [
            (Received, 1, JobStatus::Received),
            (Submitted, 2, JobStatus::Submitted),
            (Held, 3, JobStatus::Held),
            (Resumed, 4, JobStatus::Submitted),
            (Started, 5, JobStatus::Running),
            (Suspended, 6, JobStatus::Suspended),
            (Resumed, 7, JobStatus::Running),
            (Completed, 8, JobStatus::Completed),
        ];
        let told: Vec<_> = steps.iter().map(|(step, at, _)| (*step, *at)).collect();
        for (count, (step, _, expected)) in steps.iter().enumerate() {
            assert_eq!(course(&told[..=count]).status, *expected, "after {step:?}");
        }
        assert_eq!(course(&told).runs.len(), 1);
    }

    #[test]
    fn nothing_changes_after_an_end_but_a_second_start() {
        use JobStep::{Aborted, Completed, Held, Removed, Started, Submitted};
        let ended = [(Started, 1), (Completed, 2)];
        for step in [Submitted, Held, Removed, Aborted] {
            let steps = [&ended[..], &[(step, 3)]].concat();
            assert_eq!(course(&steps).status, JobStatus::Completed, "{step:?}");
        }
        let again = course(&[&ended[..], &[(Started, 3)]].concat());
        assert_eq!((again.status, again.runs.len()), (JobStatus::Running, 2));
    }

    #[test]
    fn a_job_runs_from_the_start_of_its_first_work_order_until_the_end_of_its_last() {
        use JobStep::{Completed, Started};
        let of = |order, step, second| Mark {
            order: Some(order),
            ..mark(step, second)
        };
        let mut last = of(2, Completed, 4);
        last.progress.started_at = Some(Timestamp::from_second(3).unwrap());
        let marks = [of(1, Started, 1), of(1, Completed, 2), last];
        let is_last = |mark: &Mark| mark.order == Some(2);
        let running = Course::of(&marks[..2], is_last).unwrap();
        assert_eq!(running.status, JobStatus::Running);
        // Nobody told of the start.
        let running = Course::of(&marks[1..2], is_last).unwrap();
        assert_eq!(
            (running.status, running.runs.len()),
            (JobStatus::Running, 1)
        );
        let course = Course::of(&marks, is_last).unwrap();
        assert_eq!(
            (course.status, course.runs.len()),
            (JobStatus::Completed, 1)
        );
        assert_eq!(course.runs[0].started_at.as_second(), 1);
    }

    #[test]
    fn a_refused_job_may_be_handed_in_again() {
        use JobStep::{Refused, Submitted};
        let refused = course(&[(Refused, 1)]);
        assert_eq!(refused.error.as_ref().unwrap().source, "submission");
        let again = course(&[(Refused, 1), (Submitted, 2)]);
        assert_eq!((again.status, again.error), (JobStatus::Submitted, None));
    }

    fn any_step() -> impl Strategy<Value = JobStep> {
        use JobStep::{
            Aborted, Completed, Held, Phase, Received, Refused, Removed, Resumed, Started,
            Submitted, Suspended,
        };
        prop::sample::select(vec![
            Received, Submitted, Refused, Held, Suspended, Resumed, Started, Phase, Completed,
            Aborted, Removed,
        ])
    }

    proptest! {
        /// What a reader of the sorted steps would say, in other words than the code above.
        #[test]
        fn runs_never_overlap_and_the_last_one_agrees_with_the_status(
            steps in prop::collection::vec(any_step(), 1..40),
        ) {
            let steps: Vec<_> = steps.into_iter().zip(1..).collect();
            let course = course(&steps);
            for pair in course.runs.windows(2) {
                let end = pair[0].end.as_ref().expect("a run begins after the one before has ended");
                prop_assert!(end.at <= pair[1].started_at);
            }
            let is_open = course.runs.last().is_some_and(|run| run.end.is_none());
            let works = matches!(course.status, JobStatus::Running | JobStatus::Suspended);
            prop_assert!(!is_open || works, "{course:?}");
            let starts = steps.iter().filter(|(step, _)| *step == JobStep::Started).count();
            let ends = steps.iter().filter(|(step, _)| matches!(step, JobStep::Completed | JobStep::Aborted)).count();
            prop_assert!(course.runs.len() <= starts + ends);
            // The newest end stands unless a start, or for those that never ran a return to the queue, follows it.
            if let Some(last) = steps.iter().rposition(|(step, _)| step.is_end()) {
                let later = &steps[last + 1..];
                if later.iter().all(|(step, _)| matches!(step, JobStep::Phase)) && !is_open {
                    prop_assert!(course.status.is_end(), "{course:?}");
                }
            }
        }
    }
}
