//! What an answer of a device means for the command that it answers. Pure.

use agog_jdf::QueueEntryStatus;
use agog_jdf::jmf::{Response, ReturnCode};
use agog_sync::frame::JobAction;

use crate::ledger::sending::{CommandEnd, Content, Fate, News};

/// What is known of a job whose abort the device has taken.
const ABORTING: &str = "the device ends the job, which has ended when its ticket comes back";

/// The news in an answer. `repeated` says that an earlier try may have been processed.
pub(super) fn verdict(content: &Content, repeated: bool, answer: &Response) -> News {
    let code = answer.return_code;
    if is_busy(code) {
        let reason = answer.reason();
        // The try before may still be on its way through the device.
        return if repeated {
            News::Unanswered(reason)
        } else {
            News::NotProcessed(reason)
        };
    }
    if code == ReturnCode::SYNCHRONOUS_NOT_SUPPORTED {
        return News::AnswersLater(answer.reason());
    }
    let done = code.is_processed() || is_done_already(content, repeated, code);
    if done && answer.acknowledged {
        return News::Promised;
    }
    let entry = answer.queue_entry.as_ref();
    let is_abort = matches!(content, Content::Job(JobAction::Abort));
    let reason = match code {
        ReturnCode::SUCCESS if is_abort => Some(ABORTING.to_owned()),
        ReturnCode::SUCCESS => None,
        _ => Some(answer.reason()),
    };
    News::Ended(CommandEnd {
        fate: if done { Fate::Answered } else { Fate::Refused },
        return_code: Some(code.number()),
        reason,
        queue_entry_id: entry.map(|entry| entry.queue_entry_id.clone()),
        is_held: entry.is_some_and(|entry| entry.status == QueueEntryStatus::Held),
    })
}

/// The device is not ready now, and says so: it may be later.
fn is_busy(code: ReturnCode) -> bool {
    matches!(
        code,
        ReturnCode::SERVICE_BUSY
            | ReturnCode::DEVICE_NOT_AVAILABLE
            | ReturnCode::DEVICE_NOT_RUNNING
            | ReturnCode::QUEUE_CLOSED
    )
}

/// A refusal that says that what is wanted is so already: for a repeat, by the try before.
fn is_done_already(content: &Content, repeated: bool, code: ReturnCode) -> bool {
    let action = match content {
        Content::Submit => return repeated && code == ReturnCode::QUEUE_ENTRY_EXISTS,
        Content::Message { .. } | Content::Unknown => return false,
        Content::Job(action) => action,
    };
    match action {
        JobAction::Hold | JobAction::Resume | JobAction::Suspend => {
            code == ReturnCode::QUEUE_ENTRY_ALREADY_IN_STATUS
        }
        JobAction::Abort => {
            repeated
                && matches!(
                    code,
                    ReturnCode::QUEUE_ENTRY_FINISHED | ReturnCode::QUEUE_ENTRY_UNKNOWN
                )
        }
        JobAction::Remove => repeated && code == ReturnCode::QUEUE_ENTRY_UNKNOWN,
        JobAction::Priority(_) | JobAction::Position(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(content: &Content, repeated: bool, code: i64) -> Option<Fate> {
        let answer = Response::refusal(ReturnCode(code), "as the device says");
        match verdict(content, repeated, &answer) {
            News::Ended(end) => Some(end.fate),
            _ => None,
        }
    }

    #[test]
    fn a_busy_device_is_asked_again_and_any_other_refusal_ends_the_command() {
        for content in [Content::Submit, Content::Job(JobAction::Hold)] {
            for busy in [8, 10, 100, 112] {
                assert_eq!(fate(&content, false, busy), None, "{content:?} {busy}");
            }
            for refusal in [1, 5, 6, 7, 101, 105, 501] {
                assert_eq!(fate(&content, true, refusal), Some(Fate::Refused));
            }
        }
    }

    #[test]
    fn a_repeat_finds_its_own_work_done() {
        let abort = Content::Job(JobAction::Abort);
        let remove = Content::Job(JobAction::Remove);
        assert_eq!(fate(&abort, false, 114), Some(Fate::Refused));
        assert_eq!(fate(&abort, true, 114), Some(Fate::Answered));
        assert_eq!(fate(&remove, false, 105), Some(Fate::Refused));
        assert_eq!(fate(&remove, true, 105), Some(Fate::Answered));
        let hold = Content::Job(JobAction::Hold);
        assert_eq!(fate(&hold, false, 113), Some(Fate::Answered));
        assert_eq!(fate(&Content::Submit, true, 116), Some(Fate::Answered));
        assert_eq!(
            fate(&Content::Submit, false, 116),
            Some(Fate::Refused),
            "that is another job under its names"
        );
    }

    #[test]
    fn an_answer_that_comes_later_is_waited_for() {
        let promise = Response {
            acknowledged: true,
            ..Response::success()
        };
        let hold = Content::Job(JobAction::Hold);
        assert!(matches!(verdict(&hold, false, &promise), News::Promised));
        let only_later = Response::refusal(ReturnCode::SYNCHRONOUS_NOT_SUPPORTED, "later");
        assert!(matches!(
            verdict(&hold, false, &only_later),
            News::AnswersLater(_)
        ));
        let not_later = Response::refusal(ReturnCode::ASYNCHRONOUS_NOT_POSSIBLE, "done at once");
        assert!(matches!(
            verdict(&hold, false, &not_later),
            News::Ended(CommandEnd {
                fate: Fate::Answered,
                ..
            })
        ));
    }
}
