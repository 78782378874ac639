//! The Sparkplug host of a broker as it is written down.

use serde::Deserialize;

use super::check::Problems;
use crate::ingest::topic_map::NAME_CHARS_MAX;

/// The agent as a host application of Sparkplug B.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparkplugConfig {
    /// What the host is called in `spBv1.0/STATE/<host_id>`; nodes that wait for a primary host name it.
    pub host_id: String,
    /// Whose nodes are listened to; none: those of every group.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The device of a device's metrics, made of `{group}`, `{node}` and `{device}`.
    #[serde(default = "default_device")]
    pub device: String,
    /// The device of a node's own metrics, made of `{group}` and `{node}`.
    #[serde(default = "default_node")]
    pub node: String,
}

fn default_device() -> String {
    "{group}/{node}/{device}".to_owned()
}

fn default_node() -> String {
    "{group}/{node}".to_owned()
}

/// A name that the hub would not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoName;

impl SparkplugConfig {
    /// What a node, or a device behind it, is called in a series.
    pub fn series_device(
        &self,
        group: &str,
        node: &str,
        device: Option<&str>,
    ) -> Result<String, NoName> {
        let template = match device {
            Some(_) => &self.device,
            None => &self.node,
        };
        let values = [
            ("{group}", group),
            ("{node}", node),
            ("{device}", device.unwrap_or_default()),
        ];
        let mut name = String::with_capacity(template.len() + 32);
        let mut rest = template.as_str();
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            name.push_str(before);
            let known = values.iter().find(|(place, _)| after.starts_with(place));
            let (place, value) = known.unwrap_or(&("{", "{"));
            name.push_str(value);
            rest = after.get(place.len()..).unwrap_or_default();
        }
        name.push_str(rest);
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
            return Err(NoName);
        }
        Ok(name)
    }

    pub(super) fn check(&self, key: &dyn Fn(&str) -> String, found: &mut Problems) {
        let is_level = |text: &str| !text.is_empty() && !text.contains(['/', '+', '#', '\0']);
        found.add(
            !is_level(&self.host_id),
            key("sparkplug.host_id"),
            "must be one level of a topic, for example agog-HAM",
        );
        for (index, group) in self.groups.iter().enumerate() {
            found.add(
                !is_level(group) || group == "STATE",
                key(&format!("sparkplug.groups[{index}]")),
                "must be one level of a topic",
            );
        }
        for (name, template, needs) in [
            ("device", &self.device, "{device}"),
            ("node", &self.node, "{node}"),
        ] {
            found.add(
                !template.contains(needs),
                key(&format!("sparkplug.{name}")),
                format!("must have {needs} in it, so that two do not become one"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_group_node_and_device_and_what_they_hold_is_not_filled_again() {
        let config = SparkplugConfig {
            host_id: "h".to_owned(),
            groups: Vec::new(),
            device: "x-{device}@{node}{".to_owned(),
            node: default_node(),
        };
        let name = |device| config.series_device("G", "{device}", device);
        assert_eq!(name(Some("press")).unwrap(), "x-press@{device}{");
        assert_eq!(name(None).unwrap(), "G/{device}");
        assert_eq!(name(Some(&"x".repeat(101))), Err(NoName));
    }
}
