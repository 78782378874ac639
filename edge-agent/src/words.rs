//! What machines and programs of the plant write, cut to what a fact may hold. Pure.
//!
//! A message may be 32 MiB large, and one attribute of it 1 MiB; a fact is kept for years, goes to the hub in
//! one piece ([`EVENT_BYTES_MAX`](crate::ledger::EVENT_BYTES_MAX)), and is read by people. Names and words are cut where they
//! are taken from a message, so that what is remembered, compared and recorded is the same.
//!
//! Limits: [`NAME_CHARS_MAX`], [`WORDS_CHARS_MAX`], [`MESSAGE_ID_BYTES_MAX`].

/// The longest name or id: JDF writes 63 characters, and wants readers to take some more.
pub const NAME_CHARS_MAX: usize = 255;
/// The longest text for people: a page of a screen.
pub const WORDS_CHARS_MAX: usize = 2_000;
/// A longer id of a message is kept as its hash; the longest that machines make of names and a time are
/// some 200 bytes.
pub const MESSAGE_ID_BYTES_MAX: usize = 512;

/// A name or id. What cannot be seen is no part of it.
pub(crate) fn name(told: &str) -> String {
    let seen = told.chars().filter(|char| !char.is_control());
    seen.take(NAME_CHARS_MAX).collect()
}

/// A name or id, where one is told.
pub(crate) fn name_of(told: Option<&String>) -> Option<String> {
    told.map(|told| name(told))
}

/// A text for people.
pub(crate) fn words(told: &str) -> String {
    let is_text = |char: &char| !char.is_control() || matches!(char, '\n' | '\t');
    told.chars().filter(is_text).take(WORDS_CHARS_MAX).collect()
}

/// At most `most` of some texts for people, and how many are left out.
pub(crate) fn some(told: &[String], most: usize) -> Vec<String> {
    let mut some: Vec<String> = told.iter().take(most).map(|told| words(told)).collect();
    if told.len() > most {
        some.push(format!("and {} more remarks", told.len() - most));
    }
    some
}

/// The id of a message as it is remembered.
pub(crate) fn message_id(id: String) -> String {
    if id.len() <= MESSAGE_ID_BYTES_MAX {
        return id;
    }
    format!("blake3 {}", blake3::hash(id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_characters_and_a_usual_one_stays() {
        assert_eq!(name("Größe \u{7}7"), "Größe 7");
        assert_eq!(name(&"ö".repeat(300)), "ö".repeat(NAME_CHARS_MAX));
        assert_eq!(words("one\ntwo"), "one\ntwo");
    }

    #[test]
    fn long_ids_of_messages_stay_different_and_short_ones_stay() {
        assert_eq!(message_id("M1 10:00".to_owned()), "M1 10:00");
        let long = |end: &str| message_id(format!("{}{end}", "x".repeat(1_000_000)));
        assert_ne!(long("a"), long("b"));
        assert!(long("a").len() <= MESSAGE_ID_BYTES_MAX);
    }

    #[test]
    fn how_many_remarks_are_left_out_is_said() {
        let told: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        assert_eq!(some(&told, 2), ["1", "2", "and 3 more remarks"]);
        assert_eq!(some(&told, 5).len(), 5);
    }
}
