//! Which answer belongs to which message: by `refID`, and by the exchange where a device leaves that out.

use std::collections::{HashMap, VecDeque};

use super::message::{Family, Message};

/// Pairs the messages of one exchange with their responses. A `refID` decides; a response without a
/// usable one (devices leave it out) goes to the first unanswered message of its type, then to the
/// first unanswered one.
///
/// ```
/// use agog_jdf::jmf::{Message, Query, QueryContent, Response, correlate};
/// let sent = [Message::query("Q1", Query::once(QueryContent::SubmissionMethods))];
/// let mut answer = Message::response("R1", &sent[0], Response::success());
/// answer.ref_id = None;
/// assert_eq!(correlate(&sent, &[answer.clone()]), [Some(&answer)]);
/// ```
pub fn correlate<'r>(sent: &[Message], received: &'r [Message]) -> Vec<Option<&'r Message>> {
    let mut answers: Vec<Option<&Message>> = vec![None; sent.len()];
    let mut by_id = places(sent, |message| &message.id, |_| true);
    let mut unplaced = Vec::new();
    for response in received
        .iter()
        .filter(|message| message.family() == Family::Response)
    {
        let ref_id = response.ref_id.as_deref().filter(|id| !id.is_empty());
        match ref_id.and_then(|id| by_id.get_mut(id)) {
            // A second answer to the same message answers no other one.
            Some(places) => {
                if let Some(at) = places.pop_front() {
                    answers[at] = Some(response);
                }
            }
            None => unplaced.push(response),
        }
    }
    let mut by_kind = places(sent, |message| &message.kind, expects_response);
    let mut of_other_kind = Vec::new();
    for response in unplaced {
        match by_kind
            .get_mut(response.kind.as_str())
            .and_then(|places| next_open(places, &answers))
        {
            Some(at) => answers[at] = Some(response),
            None => of_other_kind.push(response),
        }
    }
    let mut open: VecDeque<usize> = (0..sent.len())
        .filter(|at| expects_response(&sent[*at]))
        .collect();
    for response in of_other_kind {
        if let Some(at) = next_open(&mut open, &answers) {
            answers[at] = Some(response);
        }
    }
    answers
}

/// The message that an answer, acknowledge or signal refers to: the one with the ID that its `refID` names.
/// An acknowledge comes in an exchange of its own, so that nothing but the `refID` tells.
///
/// ```
/// use agog_jdf::jmf::{Command, Message, QueueFilter, Response, referred};
/// let sent = [Message::command("C1", Command::HoldQueueEntry(QueueFilter::entry("qe-1")))];
/// let later = Message::acknowledge("A1", &sent[0], Response::success());
/// assert_eq!(referred(&later, &sent), Some(&sent[0]));
/// ```
pub fn referred<'s>(answer: &Message, sent: &'s [Message]) -> Option<&'s Message> {
    let ref_id = answer.ref_id.as_deref()?;
    sent.iter().find(|message| message.id == ref_id)
}

/// Signals too, since a reliable one is answered.
fn expects_response(message: &Message) -> bool {
    !matches!(message.family(), Family::Response | Family::Acknowledge)
}

/// Where each name stands, in order.
fn places(
    messages: &[Message],
    name: fn(&Message) -> &String,
    wanted: fn(&Message) -> bool,
) -> HashMap<&str, VecDeque<usize>> {
    let mut places: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (at, message) in messages.iter().enumerate().filter(|(_, m)| wanted(m)) {
        places.entry(name(message)).or_default().push_back(at);
    }
    places
}

/// The first place without an answer; those before it are passed for good.
fn next_open(places: &mut VecDeque<usize>, answers: &[Option<&Message>]) -> Option<usize> {
    std::iter::from_fn(|| places.pop_front()).find(|at| answers[*at].is_none())
}
