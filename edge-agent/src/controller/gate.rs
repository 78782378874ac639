//! Who may send messages, and how many.
//!
//! Limits: `jmf.requests_per_s` per address, with one second's worth saved up at most;
//! [`ADDRESSES_MAX`] addresses are remembered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::config::Config;
use crate::fetch::address::{Network, plain};

/// Far more than a plant network has; beyond it, those that have been quiet are forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// The gate of the JMF endpoint.
pub struct Gate {
    /// None where everybody may send.
    known: Option<Known>,
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Known {
    ids: Vec<String>,
    networks: Vec<Network>,
}

/// What an address may still send.
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Gate {
    pub fn new(config: &Config) -> Self {
        let senders = &config.jmf.known_senders;
        let known = (!senders.is_empty()).then(|| {
            let (mut ids, mut networks) = (Vec::new(), Vec::new());
            for sender in senders {
                match Network::parse(sender) {
                    Some(network) => networks.push(network),
                    None => ids.push(sender.clone()),
                }
            }
            Known { ids, networks }
        });
        Self {
            known,
            per_second: f64::from(config.jmf.requests_per_s),
            buckets: Mutex::default(),
        }
    }

    /// Whether messages of this sender, from this address, are taken at all. (Devices are known by
    /// their own addresses: `devices::Devices::is_elsewhere`.)
    pub fn knows(&self, sender: &str, caller: Option<IpAddr>) -> bool {
        let Some(known) = &self.known else {
            return true;
        };
        let from_network = |caller| {
            known
                .networks
                .iter()
                .any(|network| network.contains(caller))
        };
        known.ids.iter().any(|id| id == sender) || caller.is_some_and(from_network)
    }

    /// Whether nobody is heard from this address who is not a device: no sender is known by its id.
    pub fn refuses(&self, caller: Option<IpAddr>) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| known.ids.is_empty()) && !self.knows("", caller)
    }

    /// Counts one request of an address. False when it sends too many.
    pub fn admits(&self, caller: Option<IpAddr>, now: Timestamp) -> bool {
        let Some(caller) = caller.map(plain).filter(|caller| !caller.is_loopback()) else {
            return true;
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&caller) {
            let is_recent = |bucket: &Bucket| now.duration_since(bucket.at).as_secs_f64() < 1.0;
            buckets.retain(|_, bucket| is_recent(bucket));
            if buckets.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let bucket = buckets.entry(caller).or_insert(Bucket {
            left: self.per_second,
            at: now,
        });
        let gained = now.duration_since(bucket.at).as_secs_f64().max(0.0) * self.per_second;
        bucket.left = (bucket.left + gained).min(self.per_second);
        bucket.at = now;
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(more: &str) -> Gate {
        let text = format!(
            "[agent]\ndata_dir = \"d\"\nplant_code = \"HAM\"\nplant_name = \"H\"\n\
             [jmf]\nlisten = \"127.0.0.1:0\"\n{more}\n\
             [[device]]\nid = \"press-3\"\nurl = \"http://192.168.10.23:8010/jmf\"\n"
        );
        Gate::new(&toml::from_str(&text).unwrap())
    }

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    #[test]
    fn everybody_is_known_unless_senders_are_named() {
        assert!(gate("").knows("anybody", None));
        let gate = gate("known_senders = [\"mis\", \"10.1.0.0/16\"]");
        let near = Some("10.1.2.3".parse().unwrap());
        let far = Some("10.2.2.3".parse().unwrap());
        assert!(gate.knows("mis", far) && gate.knows("other", near));
        assert!(!gate.knows("other", far) && !gate.knows("other", None));
        assert!(!gate.refuses(far), "it may be the MIS");
        let of_networks = self::gate("known_senders = [\"10.1.0.0/16\"]");
        assert!(of_networks.refuses(far) && !of_networks.refuses(near));
    }

    #[test]
    fn an_address_that_sends_too_much_waits_and_others_do_not() {
        let gate = gate("requests_per_s = 10");
        let busy = Some("10.0.0.9".parse().unwrap());
        for _ in 0..10 {
            assert!(gate.admits(busy, at(0)));
        }
        assert!(!gate.admits(busy, at(0)));
        assert!(gate.admits(Some("10.0.0.8".parse().unwrap()), at(0)));
        assert!(gate.admits(Some("127.0.0.1".parse().unwrap()), at(0)));
        assert!(!gate.admits(busy, at(50)));
        assert!(gate.admits(busy, at(250)));
    }

    #[test]
    fn addresses_that_are_quiet_are_forgotten() {
        let gate = gate("");
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            gate.admits(
                Some(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into()),
                at(0),
            );
        }
        assert!(gate.admits(Some("10.200.0.1".parse().unwrap()), at(5_000)));
        assert!(gate.buckets.lock().unwrap().len() < 10);
    }
}
