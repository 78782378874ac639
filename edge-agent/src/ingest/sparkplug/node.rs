//! What a host knows of one edge node and the devices behind it, since their last births.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

/// Waits between two requests for the same birth: a node that does not answer is not asked a thousand times.
const REBIRTH_WAIT_BASE: SignedDuration = SignedDuration::from_secs(5);
const REBIRTH_WAIT_CAP: SignedDuration = SignedDuration::from_secs(300);

/// Which node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeKey {
    pub(super) group: String,
    pub(super) node: String,
}

#[derive(Debug, Default)]
pub(super) struct Node {
    /// None until its birth is known, and after its death.
    pub(super) session: Option<Session>,
    pub(super) own: Metrics,
    pub(super) devices: BTreeMap<String, Device>,
    /// Since when it is as it is.
    pub(super) since: Option<Timestamp>,
    asked: Option<(Timestamp, SignedDuration)>,
}

/// From a birth to its death.
#[derive(Debug)]
pub(super) struct Session {
    /// Which death belongs to it.
    pub(super) bd_seq: Option<u64>,
    /// The sequence number of its next message.
    next_seq: u8,
    /// Aliases are those of the node and of all its devices.
    pub(super) aliases: HashMap<u64, Alias>,
}

/// What an alias stands for: a metric of the node or of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) device: Option<String>,
    pub(super) metric: String,
}

#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) is_online: bool,
    pub(super) metrics: Metrics,
}

/// By name.
pub(super) type Metrics = HashMap<String, Known>;

/// What the birth said of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) datatype: u32,
    pub(super) unit: Option<String>,
}

impl Session {
    pub(super) fn begin(bd_seq: Option<u64>, seq: u8) -> Self {
        Self {
            bd_seq,
            next_seq: seq.wrapping_add(1),
            aliases: HashMap::new(),
        }
    }

    /// Takes a sequence number and says how many messages before it are missing.
    pub(super) fn missed_before(&mut self, seq: u8) -> u8 {
        let missed = seq.wrapping_sub(self.next_seq);
        self.next_seq = seq.wrapping_add(1);
        missed
    }
}

impl Node {
    /// Whether it may be asked for its birth now; the waits between double until it comes.
    pub(super) fn may_be_asked(&mut self, now: Timestamp) -> bool {
        let wait = match self.asked {
            None => REBIRTH_WAIT_BASE,
            Some((at, wait)) if now.duration_since(at) >= wait => {
                (wait + wait).min(REBIRTH_WAIT_CAP)
            }
            // A clock that was set back must not keep it silent.
            Some((at, wait)) if now < at => wait,
            Some(_) => return false,
        };
        self.asked = Some((now, wait));
        true
    }

    /// Its birth came.
    pub(super) fn answered(&mut self) {
        self.asked = None;
    }

    pub(super) fn metrics_of(&self, device: Option<&str>) -> Option<&Metrics> {
        match device {
            None => Some(&self.own),
            Some(device) => self.devices.get(device).map(|device| &device.metrics),
        }
    }

    pub(super) fn metric_count(&self) -> usize {
        let of_devices = self.devices.values().map(|device| device.metrics.len());
        self.own.len() + of_devices.sum::<usize>()
    }
}
