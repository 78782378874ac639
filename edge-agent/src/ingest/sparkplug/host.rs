//! The host's side of Sparkplug B as a state machine with no I/O: messages in, what is to be done out.
//!
//! A node says in its birth which metrics it has, and after that only what changes, under aliases. So its data means
//! something only after its birth, and only while no message is missing: the host then asks for the birth again. What arrives
//! meanwhile of known metrics is true and is taken; what is of none is counted.
//!
//! Limits: [`NODES_MAX`] nodes, [`DEVICES_MAX`] devices of a node, [`METRICS_MAX`] metrics of all of them.

use std::collections::BTreeMap;

use agog_sync::frame::SeriesKey;
use jiff::Timestamp;

use super::contact::{BIRTH_WITHIN, BROKER_WITHIN, Contacts};
use super::node::{Alias, Device, Known, Node, NodeKey, Session};
use super::payload::{Metric, Payload, PayloadError, Read, Value, decode, number};
use super::topic::{Kind, Topic};
use crate::config::SparkplugConfig;
use crate::health::{SparkplugCounts, SparkplugNode};
use crate::ingest::topic_map::NAME_CHARS_MAX;
use crate::telemetry::Sample;

/// A topic with a random part must not fill the memory.
const NODES_MAX: usize = 1_000;
const DEVICES_MAX: usize = 1_000;
/// As many as the buffer has series, and as many texts that are none.
const METRICS_MAX: usize = 20_000;
/// 1 from a birth on and 0 from a death on, of every node and device: who looks at a value can see whether it is stale.
pub(super) const ONLINE: &str = "Sparkplug/Online";
/// Which death belongs to which birth; nothing for a series.
const BD_SEQ: &str = "bdSeq";
/// Commands that a node takes; nothing for a series either.
const CONTROLS: [&str; 2] = ["Node Control/", "Device Control/"];

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Store(Vec<Sample>),
    /// Ask a node for its births.
    AskRebirth(NodeKey),
    /// Somebody says that this host is away, and it is not.
    SayOnline,
    /// A message that is not understood: its reason, for people.
    Bad(Fault),
}

/// Why a message is not understood, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("topic is none of Sparkplug B")]
    Topic,
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("message has no sequence number from 0 to 255")]
    NoSeq,
    #[error("data or death of something whose birth is not known")]
    Unborn,
    #[error("a metric that no birth has told of")]
    UnknownMetric,
    #[error("name of a device or metric is empty or longer than {NAME_CHARS_MAX} characters")]
    Name,
    #[error("more nodes, devices or metrics than are kept")]
    TooMany,
}

/// What is known of all nodes.
pub(crate) struct Host {
    config: SparkplugConfig,
    nodes: BTreeMap<NodeKey, Node>,
    metrics: usize,
    pub(super) counts: SparkplugCounts,
    pub(super) contacts: Contacts,
}

/// A message from an edge, taken apart.
struct Said<'a> {
    key: NodeKey,
    device: Option<&'a str>,
    payload: Payload,
    now: Timestamp,
}

impl Host {
    pub(crate) fn new(config: SparkplugConfig) -> Self {
        Self {
            config,
            nodes: BTreeMap::new(),
            metrics: 0,
            counts: SparkplugCounts::default(),
            contacts: Contacts::default(),
        }
    }

    /// The connection is there again. What was said meanwhile is lost, so nothing is known until the births come again.
    pub(super) fn connected(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        for (key, node) in &mut self.nodes {
            for name in online_names(&self.config, key, node) {
                self.contacts.expect_anew(&name, now + BIRTH_WITHIN);
            }
            node.session = None;
            // A request on the connection before may have been lost with it, so there is none to wait for.
            node.answered();
            if node.may_be_asked(now) {
                self.counts.rebirths_asked += 1;
                actions.push(Action::AskRebirth(key.clone()));
            }
        }
        actions
    }

    /// The connection is lost. What was there is expected until the broker has had time to come back.
    pub(super) fn away(&mut self, now: Timestamp) {
        for (key, node) in &self.nodes {
            for name in online_names(&self.config, key, node) {
                self.contacts.expect(&name, now + BROKER_WITHIN);
            }
        }
    }

    /// Takes a message.
    pub(crate) fn receive(
        &mut self,
        topic: &str,
        bytes: &[u8],
        is_retained: bool,
        now: Timestamp,
    ) -> Vec<Action> {
        match Topic::parse(topic) {
            None => vec![Action::Bad(Fault::Topic)],
            Some(Topic::State { host }) => self.state(host, bytes),
            Some(Topic::Edge { kind, .. }) if kind == Kind::Command || is_retained => {
                // Births are not retained: one that is may be of a session that is long over.
                Vec::new()
            }
            Some(Topic::Edge {
                group,
                node,
                device,
                kind,
            }) => {
                let key = NodeKey {
                    group: group.to_owned(),
                    node: node.to_owned(),
                };
                let mut actions = Vec::new();
                match decode(bytes) {
                    Err(error) => actions.push(Action::Bad(error.into())),
                    Ok(payload) => {
                        let said = Said {
                            key,
                            device,
                            payload,
                            now,
                        };
                        self.edge(kind, &said, &mut actions);
                    }
                }
                actions
            }
        }
    }

    fn state(&self, host: &str, bytes: &[u8]) -> Vec<Action> {
        #[derive(serde::Deserialize)]
        struct State {
            online: bool,
        }
        let is_away = serde_json::from_slice(bytes).is_ok_and(|state: State| !state.online);
        if host == self.config.host_id && is_away {
            return vec![Action::SayOnline];
        }
        Vec::new()
    }

    fn edge(&mut self, kind: Kind, said: &Said<'_>, actions: &mut Vec<Action>) {
        if !self.nodes.contains_key(&said.key) {
            if self.nodes.len() >= NODES_MAX {
                actions.push(Action::Bad(Fault::TooMany));
                return;
            }
            self.nodes.insert(said.key.clone(), Node::default());
        }
        match (kind, said.device) {
            (Kind::Birth, None) => self.node_birth(said, actions),
            (Kind::Death, None) => self.node_death(said, actions),
            (Kind::Birth, Some(device)) => {
                if self.in_order(said, actions) {
                    self.device_birth(device, said, actions);
                }
            }
            (Kind::Death, Some(device)) => {
                if self.in_order(said, actions) {
                    self.device_death(device, said, actions);
                }
            }
            (Kind::Data, _) => {
                if self.in_order(said, actions) {
                    self.data(said, actions);
                }
            }
            (Kind::Command, _) => {}
        }
    }

    fn node_birth(&mut self, said: &Said<'_>, actions: &mut Vec<Action>) {
        let Some(seq) = seq(&said.payload) else {
            actions.push(Action::Bad(Fault::NoSeq));
            return;
        };
        let Some(node) = self.nodes.get_mut(&said.key) else {
            return;
        };
        self.metrics -= node.metric_count();
        node.own.clear();
        // A birth of the node is the end of what its devices were; theirs follow.
        let devices = std::mem::take(&mut node.devices);
        node.session = Some(Session::begin(bd_seq(&said.payload), seq));
        node.since = Some(said.now);
        node.answered();
        self.counts.births += 1;
        let gone = devices
            .into_iter()
            .filter(|(_, device)| device.is_online)
            .map(|(name, _)| name)
            .collect::<Vec<_>>();
        self.birth(None, said, actions, gone);
    }

    fn device_birth(&mut self, device: &str, said: &Said<'_>, actions: &mut Vec<Action>) {
        let Some(node) = self.nodes.get_mut(&said.key) else {
            return;
        };
        if !node.devices.contains_key(device) && node.devices.len() >= DEVICES_MAX {
            actions.push(Action::Bad(Fault::TooMany));
            return;
        }
        let before = node.devices.insert(
            device.to_owned(),
            Device {
                is_online: true,
                ..Device::default()
            },
        );
        self.metrics -= before.map_or(0, |before| before.metrics.len());
        if let Some(session) = &mut node.session {
            session
                .aliases
                .retain(|_, alias| alias.device.as_deref() != Some(device));
        }
        self.counts.births += 1;
        self.birth(Some(device), said, actions, Vec::new());
    }

    /// Keeps what the birth says, and takes its values. `gone`: devices that were there before.
    fn birth(
        &mut self,
        device: Option<&str>,
        said: &Said<'_>,
        actions: &mut Vec<Action>,
        gone: Vec<String>,
    ) {
        let mut faults = Vec::new();
        for metric in &said.payload.metrics {
            let Some(name) = metric.name.as_deref().filter(|name| is_name(name)) else {
                faults.push(Fault::Name);
                continue;
            };
            if self.metrics >= METRICS_MAX {
                faults.push(Fault::TooMany);
                break;
            }
            let Some(node) = self.nodes.get_mut(&said.key) else {
                return;
            };
            if let (Some(alias), Some(session)) = (metric.alias, &mut node.session) {
                let alias_of = Alias {
                    device: device.map(str::to_owned),
                    metric: name.to_owned(),
                };
                session.aliases.insert(alias, alias_of);
            }
            let known = Known {
                datatype: metric.datatype.unwrap_or_default(),
                unit: metric.unit().map(str::to_owned),
            };
            let metrics = match device {
                None => Some(&mut node.own),
                Some(device) => node.devices.get_mut(device).map(|it| &mut it.metrics),
            };
            let is_new = metrics.is_some_and(|it| it.insert(name.to_owned(), known).is_none());
            self.metrics += usize::from(is_new);
        }
        let mut samples = Vec::new();
        for gone in gone {
            let name = self.online(
                &said.key,
                Some(&gone),
                said.now,
                0.0,
                &mut samples,
                &mut faults,
            );
            if let Some(name) = name {
                self.contacts.expect(&name, said.now + BIRTH_WITHIN);
            }
        }
        let at = time(said.payload.timestamp).unwrap_or(said.now);
        let name = self.online(&said.key, device, at, 1.0, &mut samples, &mut faults);
        if let Some(name) = name {
            self.contacts.born(&name, said.now);
        }
        self.values(said, true, &mut samples, &mut faults);
        finish(samples, faults, actions);
    }

    fn node_death(&mut self, said: &Said<'_>, actions: &mut Vec<Action>) {
        let Some(node) = self.nodes.get_mut(&said.key) else {
            return;
        };
        // A death that comes late is that of the session before: the node is long back.
        let Some(session) = &node.session else { return };
        let is_its_own = match (session.bd_seq, bd_seq(&said.payload)) {
            (Some(birth), Some(death)) => birth == death,
            _ => true,
        };
        if !is_its_own {
            self.counts.late_deaths += 1;
            return;
        }
        node.session = None;
        node.since = Some(said.now);
        let gone = node.devices.iter_mut().filter_map(|(name, device)| {
            std::mem::take(&mut device.is_online).then(|| name.clone())
        });
        let gone: Vec<_> = gone.collect();
        self.counts.deaths += 1;
        let (mut samples, mut faults) = (Vec::new(), Vec::new());
        for device in std::iter::once(None).chain(gone.iter().map(|name| Some(name.as_str()))) {
            // Its time is that of the connection that has ended, so ours is nearer.
            let name = self.online(&said.key, device, said.now, 0.0, &mut samples, &mut faults);
            if let Some(name) = name {
                self.contacts.died(&name, said.now);
            }
        }
        finish(samples, faults, actions);
    }

    fn device_death(&mut self, device: &str, said: &Said<'_>, actions: &mut Vec<Action>) {
        let node = self.nodes.get_mut(&said.key);
        let Some(known) = node.and_then(|node| node.devices.get_mut(device)) else {
            actions.push(Action::Bad(Fault::Unborn));
            return;
        };
        known.is_online = false;
        self.counts.deaths += 1;
        let (mut samples, mut faults) = (Vec::new(), Vec::new());
        let at = time(said.payload.timestamp).unwrap_or(said.now);
        let name = self.online(&said.key, Some(device), at, 0.0, &mut samples, &mut faults);
        if let Some(name) = name {
            self.contacts.died(&name, said.now);
        }
        finish(samples, faults, actions);
    }

    fn data(&mut self, said: &Said<'_>, actions: &mut Vec<Action>) {
        let is_born = self
            .nodes
            .get(&said.key)
            .is_some_and(|node| match said.device {
                None => true,
                Some(device) => node.devices.get(device).is_some_and(|it| it.is_online),
            });
        if !is_born {
            actions.push(Action::Bad(Fault::Unborn));
            self.ask(said, actions);
            return;
        }
        let (mut samples, mut faults) = (Vec::new(), Vec::new());
        self.values(said, false, &mut samples, &mut faults);
        let is_unknown = faults.contains(&Fault::UnknownMetric);
        finish(samples, faults, actions);
        if is_unknown {
            self.ask(said, actions);
        }
    }

    /// Whether there is a session. A message that is missing before this one is counted, and the birth asked for.
    fn in_order(&mut self, said: &Said<'_>, actions: &mut Vec<Action>) -> bool {
        let Some(seq) = seq(&said.payload) else {
            actions.push(Action::Bad(Fault::NoSeq));
            return false;
        };
        let session = self
            .nodes
            .get_mut(&said.key)
            .and_then(|it| it.session.as_mut());
        let Some(session) = session else {
            actions.push(Action::Bad(Fault::Unborn));
            self.ask(said, actions);
            return false;
        };
        let missed = session.missed_before(seq);
        if missed > 0 {
            self.counts.missed_messages += u64::from(missed);
            self.ask(said, actions);
        }
        true
    }

    fn ask(&mut self, said: &Said<'_>, actions: &mut Vec<Action>) {
        let node = self.nodes.get_mut(&said.key);
        if node.is_some_and(|node| node.may_be_asked(said.now)) {
            self.counts.rebirths_asked += 1;
            actions.push(Action::AskRebirth(said.key.clone()));
        }
    }

    fn values(
        &mut self,
        said: &Said<'_>,
        is_birth: bool,
        samples: &mut Vec<Sample>,
        faults: &mut Vec<Fault>,
    ) {
        let Some(node) = self.nodes.get(&said.key) else {
            return;
        };
        let Ok(own_name) = self
            .config
            .series_device(&said.key.group, &said.key.node, said.device)
        else {
            faults.push(Fault::Name);
            return;
        };
        for metric in &said.payload.metrics {
            // A device may be meant by an alias that another one has: then it is a mistake of the node.
            let by_alias = metric.alias.filter(|_| metric.name.is_none());
            let by_alias = by_alias
                .and_then(|alias| node.session.as_ref()?.aliases.get(&alias))
                .filter(|alias| alias.device.as_deref() == said.device)
                .map(|alias| alias.metric.as_str());
            let Some(name) = metric.name.as_deref().or(by_alias) else {
                faults.push(Fault::UnknownMetric);
                continue;
            };
            let known = node.metrics_of(said.device).and_then(|it| it.get(name));
            let Some(known) = known else {
                if !is_birth {
                    faults.push(Fault::UnknownMetric);
                }
                continue;
            };
            if name == BD_SEQ || CONTROLS.iter().any(|it| name.starts_with(it)) {
                continue;
            }
            if metric.is_null == Some(true) {
                self.counts.nulls += 1;
                continue;
            }
            let datatype = metric
                .datatype
                .filter(|it| *it != 0)
                .unwrap_or(known.datatype);
            let Read::Number(value) = number(datatype, metric.value.as_ref()) else {
                self.counts.no_numbers += 1;
                continue;
            };
            let at = time(metric.timestamp).or_else(|| time(said.payload.timestamp));
            samples.push(Sample {
                series: SeriesKey {
                    device: own_name.clone(),
                    metric: name.to_owned(),
                    unit: known.unit.clone(),
                },
                at: at.unwrap_or(said.now),
                value,
                is_historical: metric.is_historical == Some(true),
            });
        }
    }

    /// Answers what the node or device is called in series.
    fn online(
        &self,
        key: &NodeKey,
        device: Option<&str>,
        at: Timestamp,
        value: f64,
        samples: &mut Vec<Sample>,
        faults: &mut Vec<Fault>,
    ) -> Option<String> {
        let Ok(device) = self.config.series_device(&key.group, &key.node, device) else {
            faults.push(Fault::Name);
            return None;
        };
        samples.push(Sample {
            series: SeriesKey {
                device: device.clone(),
                metric: ONLINE.to_owned(),
                unit: None,
            },
            at,
            value,
            is_historical: false,
        });
        Some(device)
    }

    /// Metrics of all nodes.
    #[cfg(test)]
    pub(super) const fn metric_count(&self) -> usize {
        self.metrics
    }

    /// The nodes as they are, for `status`.
    pub(super) fn nodes(&self) -> BTreeMap<String, SparkplugNode> {
        let nodes = self.nodes.iter();
        nodes
            .map(|(key, node)| {
                let online = node.devices.values().filter(|device| device.is_online);
                let shown = SparkplugNode {
                    online: node.session.is_some(),
                    since: node.since,
                    devices: node.devices.len(),
                    devices_online: if node.session.is_some() {
                        online.count()
                    } else {
                        0
                    },
                    metrics: node.metric_count(),
                };
                (format!("{}/{}", key.group, key.node), shown)
            })
            .collect()
    }
}

/// What a node that is there, and its devices that are, are called in series.
fn online_names(config: &SparkplugConfig, key: &NodeKey, node: &Node) -> Vec<String> {
    if node.session.is_none() {
        return Vec::new();
    }
    let online = node.devices.iter().filter(|(_, device)| device.is_online);
    let devices = online.map(|(name, _)| Some(name.as_str()));
    let names = devices.chain([None]);
    names
        .filter_map(|device| config.series_device(&key.group, &key.node, device).ok())
        .collect()
}

fn finish(samples: Vec<Sample>, faults: Vec<Fault>, actions: &mut Vec<Action>) {
    if !samples.is_empty() {
        actions.push(Action::Store(samples));
    }
    // One reason is enough to look at the node.
    actions.extend(faults.into_iter().next().map(Action::Bad));
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX
}

fn seq(payload: &Payload) -> Option<u8> {
    u8::try_from(payload.seq?).ok()
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let is_it = |metric: &&Metric| metric.name.as_deref() == Some(BD_SEQ);
    match payload.metrics.iter().find(is_it)?.value.as_ref()? {
        Value::Int(number) => Some(u64::from(*number)),
        Value::Long(number) => Some(*number),
        _ => None,
    }
}

fn time(millis: Option<u64>) -> Option<Timestamp> {
    let millis = i64::try_from(millis?).ok().filter(|millis| *millis > 0)?;
    Timestamp::from_millisecond(millis).ok()
}
