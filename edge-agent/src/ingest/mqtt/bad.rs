//! What is wrong with messages, by topic: how many, and of the newest when it came, why it is bad and how it begins. That is in
//! `status`. Reasons are logged now and then, payloads never: logs go further than the local API. `agog-edge mqtt tail` shows what comes.
//!
//! Limits: [`TOPICS_MAX`] topics, more are counted together; [`EXCERPT_BYTES_MAX`] of a payload.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::sampled_log::SampledLog;
use crate::health::{BadTopic, LinkHealth};

/// A topic with a random part must not fill the memory.
const TOPICS_MAX: usize = 100;
/// Enough to see what a machine sends in place of what the topic map expects.
const EXCERPT_BYTES_MAX: usize = 200;
/// Characters of a topic or a reason: a log line, and a line of `status`. A reason may name the topic.
const CHARS_SHOWN_MAX: usize = 200;
/// Where the topics are counted that there is no room for.
const OTHERS: &str = "(other topics)";

#[derive(Default)]
pub(crate) struct BadMessages {
    logs: HashMap<String, SampledLog>,
}

impl BadMessages {
    /// Counts a message. `Some(left out since the last)` when it is to be logged.
    pub(crate) fn note(
        &mut self,
        link: &mut LinkHealth,
        topic: &str,
        payload: &[u8],
        reason: &dyn std::fmt::Display,
        now: Timestamp,
    ) -> Option<u64> {
        let has_room = self.logs.len() < TOPICS_MAX || self.logs.contains_key(topic);
        let key = if has_room { topic } else { OTHERS };
        if !self.logs.contains_key(key) {
            self.logs.insert(key.to_owned(), SampledLog::default());
        }
        let due = self.logs.get_mut(key)?.admit(now);
        link.bad_messages += 1;
        let place = shown(key);
        let before = link.bad_topics.get(&place).map_or(0, |bad| bad.count);
        let bad = BadTopic {
            count: before + 1,
            last_at: now,
            reason: shown(&reason.to_string()),
            bytes: payload.len(),
            payload: excerpt(payload),
        };
        link.bad_topics.insert(place, bad);
        due
    }
}

/// Without control characters, which could hide something on a terminal.
pub(crate) fn shown(text: &str) -> String {
    let beginning = text.chars().take(CHARS_SHOWN_MAX);
    beginning
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// The beginning of a payload, byte by byte, so that it shows in which encoding text is. Of what is printed as it is only the
/// backslash is doubled.
fn excerpt(payload: &[u8]) -> String {
    let head = payload.get(..EXCERPT_BYTES_MAX).unwrap_or(payload);
    let mut shown = String::with_capacity(head.len());
    for &byte in head {
        match byte {
            b'"' | b'\'' => shown.push(char::from(byte)),
            _ => shown.extend(byte.escape_ascii().map(char::from)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::topic_map::BadMessage;

    #[test]
    fn bad_messages_are_counted_by_topic_and_those_of_too_many_topics_together() {
        let mut bad = BadMessages::default();
        let mut link = LinkHealth::default();
        let mut note =
            |topic: &str, reason| bad.note(&mut link, topic, b"?", &reason, Timestamp::UNIX_EPOCH);
        assert_eq!(note("t/0", BadMessage::NotJson), Some(0));
        assert_eq!(note("t/0", BadMessage::Empty), None);
        for n in 1..TOPICS_MAX + 50 {
            note(&format!("t/{n}"), BadMessage::NotJson);
        }
        assert_eq!(link.bad_messages, 1 + TOPICS_MAX as u64 + 50);
        assert_eq!(link.bad_topics["t/0"].count, 2);
        assert_eq!(link.bad_topics[OTHERS].count, 50);
        assert_eq!(link.bad_topics.len(), TOPICS_MAX + 1);
    }

    #[test]
    fn the_newest_bad_message_of_a_topic_is_kept_with_its_time_reason_and_beginning() {
        let mut bad = BadMessages::default();
        let mut link = LinkHealth::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let umlaut = b"\"Gr\xf6\xdfe\"\t\x1b[2J\\";

        bad.note(&mut link, "t", b"", &BadMessage::Empty, at(1));
        bad.note(&mut link, "t", umlaut, &BadMessage::NotJson, at(2));

        let newest = &link.bad_topics["t"];
        let reason = BadMessage::NotJson.to_string();
        assert_eq!((newest.count, newest.last_at), (2, at(2)));
        assert_eq!((&newest.reason, newest.bytes), (&reason, umlaut.len()));
        assert_eq!(newest.payload, r#""Gr\xf6\xdfe"\t\x1b[2J\\"#);
    }

    #[test]
    fn of_a_long_payload_the_beginning_is_kept() {
        let mut bad = BadMessages::default();
        let mut link = LinkHealth::default();
        let long = vec![b'a'; 1_000_000];
        let now = Timestamp::UNIX_EPOCH;

        bad.note(&mut link, "t", &long, &BadMessage::NotJson, now);

        let newest = &link.bad_topics["t"];
        assert_eq!(newest.bytes, 1_000_000);
        assert_eq!(newest.payload, "a".repeat(EXCERPT_BYTES_MAX));
    }
}
