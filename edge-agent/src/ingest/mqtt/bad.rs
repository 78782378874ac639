//! What is wrong with messages, by topic: counted, and a sample of them logged. Bodies are not kept; `agog-edge mqtt tail`
//! shows them.
//!
//! Limit: [`TOPICS_MAX`] topics; more are counted together.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::sampled_log::SampledLog;
use crate::health::{BadTopic, LinkHealth};

/// A topic with a random part must not fill the memory.
const TOPICS_MAX: usize = 100;
/// A log line, and a line of `status`.
const TOPIC_CHARS_SHOWN: usize = 200;
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
        let shown = shown(key);
        let bad = link.bad_topics.entry(shown).or_insert_with(|| BadTopic {
            count: 0,
            last_at: now,
            reason: reason.to_string(),
        });
        bad.count += 1;
        bad.last_at = now;
        if due.is_some() {
            bad.reason = reason.to_string();
        }
        due
    }
}

/// Without control characters, which could hide something on a terminal.
pub(crate) fn shown(topic: &str) -> String {
    let topic = topic.chars().take(TOPIC_CHARS_SHOWN);
    topic
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
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
            |topic: &str, reason| bad.note(&mut link, topic, &reason, Timestamp::UNIX_EPOCH);
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
}
