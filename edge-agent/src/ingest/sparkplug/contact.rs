//! Whether nodes and the devices behind them are there, for the timeline of their equipment: a birth finds one, a death loses it.
//!
//! Nothing is said at once where a birth is expected: that of a device follows its node's, and after a lost connection nodes are
//! asked for theirs. What is not born within [`BIRTH_WITHIN`] is lost, and all when the broker is away for [`BROKER_WITHIN`]. What is said is said once, by our own clock.
//!
//! Limit: [`CONTACTS_MAX`] nodes and devices; the timeline of others says nothing of births and deaths.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// Longer than a node that is there takes to be asked twice.
pub(super) const BIRTH_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// Longer than a broker takes to be started again, and than we take to find it again.
pub(super) const BROKER_WITHIN: SignedDuration = SignedDuration::from_secs(120);
/// As many as the buffer has series: each has one that says whether it is online.
const CONTACTS_MAX: usize = 10_000;

/// A node or device was found or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) device: String,
    pub(super) is_found: bool,
    pub(super) detail: &'static str,
    pub(super) at: Timestamp,
    /// Its birth was waited for in vain: nobody has said that it is lost, and its series does not say so yet.
    pub(super) is_in_vain: bool,
}

/// All that were ever born here, by the name of their device.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    of: BTreeMap<String, Contact>,
    news: Vec<News>,
}

#[derive(Debug, Default)]
struct Contact {
    /// What was said last.
    is_found: Option<bool>,
    /// Its birth is expected until then.
    expected: Option<Timestamp>,
}

impl Contacts {
    pub(super) fn born(&mut self, device: &str, now: Timestamp) {
        self.say(device, true, "has sent its birth", now);
    }

    pub(super) fn died(&mut self, device: &str, now: Timestamp) {
        self.say(
            device,
            false,
            "has died, by its own word or its broker's",
            now,
        );
    }

    /// It was there, and is to be born again until then, or sooner if that was said before.
    pub(super) fn expect(&mut self, device: &str, until: Timestamp) {
        if let Some(contact) = self.contact(device)
            && contact.is_found != Some(false)
        {
            contact.expected.get_or_insert(until);
        }
    }

    /// It is to be born again until then, whatever was said before.
    pub(super) fn expect_anew(&mut self, device: &str, until: Timestamp) {
        if let Some(contact) = self.contact(device)
            && contact.is_found != Some(false)
        {
            contact.expected = Some(until);
        }
    }

    /// What is to be told since the last time. Looks at every contact, so it is not for every message.
    pub(super) fn news(&mut self, now: Timestamp) -> Vec<News> {
        let in_vain = self.of.iter_mut().filter_map(|(device, contact)| {
            contact.expected.take_if(|until| *until <= now)?;
            contact.is_found = Some(false);
            Some(News {
                device: device.clone(),
                is_found: false,
                detail: "its birth has not come again",
                at: now,
                is_in_vain: true,
            })
        });
        self.news.extend(in_vain);
        std::mem::take(&mut self.news)
    }

    fn say(&mut self, device: &str, is_found: bool, detail: &'static str, now: Timestamp) {
        let Some(contact) = self.contact(device) else {
            return;
        };
        contact.expected = None;
        if contact.is_found.replace(is_found) != Some(is_found) {
            self.news.push(News {
                device: device.to_owned(),
                is_found,
                detail,
                at: now,
                is_in_vain: false,
            });
        }
    }

    fn contact(&mut self, device: &str) -> Option<&mut Contact> {
        if !self.of.contains_key(device) {
            if self.of.len() >= CONTACTS_MAX {
                return None;
            }
            self.of.insert(device.to_owned(), Contact::default());
        }
        self.of.get_mut(device)
    }
}
