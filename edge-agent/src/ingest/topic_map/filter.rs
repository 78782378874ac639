//! MQTT topic filters: which topics they match, and how two of them lie to each other.
//!
//! `+` is one level, `#` the rest; topics of the broker itself (`$SYS`) do not match wildcards at their first level.

/// A topic filter that is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    text: String,
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Name(String),
    Any,
    Rest,
}

impl Filter {
    /// None when it is not a filter, or one of a shared subscription, whose messages others would get too.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.starts_with("$share/") {
            return None;
        }
        let last = text.split('/').count() - 1;
        let levels = text.split('/').enumerate().map(|(at, level)| match level {
            "+" => Some(Level::Any),
            "#" => (at == last).then_some(Level::Rest),
            name => (!name.contains(['+', '#', '\0'])).then(|| Level::Name(name.to_owned())),
        });
        Some(Self {
            text: text.to_owned(),
            levels: levels.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// How many levels its topics have; none when there is no end to them.
    pub(crate) fn level_count(&self) -> Option<usize> {
        (self.levels.last() != Some(&Level::Rest)).then_some(self.levels.len())
    }

    pub(crate) fn matches(&self, topic: &str) -> bool {
        if topic.starts_with('$') && !self.text.starts_with('$') {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in &self.levels {
            if *wanted == Level::Rest {
                return true;
            }
            match (wanted, levels.next()) {
                (Level::Any, Some(_)) => {}
                (Level::Name(name), Some(level)) if name == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// Every topic of the other one is a topic of this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        !self.is_kept_apart(other) && covers(&self.levels, &other.levels)
    }

    /// There are topics that both match.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        !self.is_kept_apart(other)
            && !other.is_kept_apart(self)
            && overlap(&self.levels, &other.levels)
    }

    /// This begins with a wildcard and the other one names topics of the broker.
    fn is_kept_apart(&self, other: &Self) -> bool {
        other.text.starts_with('$') && !self.text.starts_with('$')
    }
}

fn covers(wide: &[Level], narrow: &[Level]) -> bool {
    match (wide.split_first(), narrow.split_first()) {
        (Some((Level::Rest, _)), _) | (None, None) => true,
        (Some((Level::Any, wide)), Some((level, narrow))) => {
            *level != Level::Rest && covers(wide, narrow)
        }
        (Some((Level::Name(name), wide)), Some((Level::Name(other), narrow))) => {
            name == other && covers(wide, narrow)
        }
        _ => false,
    }
}

fn overlap(one: &[Level], other: &[Level]) -> bool {
    match (one.split_first(), other.split_first()) {
        (Some((Level::Rest, _)), _) | (_, Some((Level::Rest, _))) | (None, None) => true,
        (Some((Level::Name(a), one)), Some((Level::Name(b), other))) => {
            a == b && overlap(one, other)
        }
        (Some((_, one)), Some((_, other))) => overlap(one, other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn wildcards_match_as_the_broker_matches_them() {
        assert!(filter("a/+/c").matches("a/b/c"));
        assert!(!filter("a/+").matches("a/b/c"));
        assert!(filter("a/#").matches("a/b/c"));
        assert!(filter("a/#").matches("a"));
        assert!(!filter("#").matches("$SYS/uptime"));
        assert!(filter("$SYS/#").matches("$SYS/uptime"));
        assert!(!filter("a/b").matches("a"));
        assert!(!filter("+").matches("/a"));
    }

    #[test]
    fn a_filter_with_a_misplaced_wildcard_or_a_shared_subscription_is_none() {
        for text in ["", "a/#/b", "a/b#", "a+/b", "$share/group/a"] {
            assert_eq!(Filter::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_two_filters_are_to_each_other_agrees_with_what_they_match(
            one in "(a|b|\\+)(/(a|b|\\+)){0,2}(/#)?",
            other in "(a|b|\\+)(/(a|b|\\+)){0,2}(/#)?",
            topic in "(a|b)(/(a|b)){0,4}",
        ) {
            let (one, other) = (filter(&one), filter(&other));
            if one.covers(&other) && other.matches(&topic) {
                prop_assert!(one.matches(&topic));
            }
            if one.matches(&topic) && other.matches(&topic) {
                prop_assert!(one.overlaps(&other) && other.overlaps(&one));
            }
            if one.covers(&other) {
                prop_assert!(one.overlaps(&other));
            }
        }
    }
}
