//! `[telemetry]`: bounds of the sample buffer, and which samples of which metric are kept.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use super::check::Problems;
use crate::telemetry::Limits;
use crate::telemetry::rules::{Keep, Priority, Rule, Rules};

/// A value that does not change is told this often when a deadband leaves it out, so that the office can tell it from one that is gone.
const HEARTBEAT_S: u32 = 60;
/// Beyond a day nobody can tell a value that stands from one that is gone.
const HEARTBEAT_S_MAX: u32 = 24 * 60 * 60;
/// No source tells a metric so often.
const RATE_HZ_MAX: f64 = 100_000.0;
/// Once in so many seconds at least.
const RATE_HZ_MIN: f64 = 1.0 / 86_400.0;

/// The sample buffer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// Room for samples that the hub does not have yet.
    pub buffer_mib: u32,
    /// Samples older than this are dropped.
    pub max_age_days: u32,
    /// While the hub answers, samples are sent to it so often. Files of the first version call it `block_ms`.
    #[serde(alias = "block_ms")]
    pub live_ms: u32,
    /// What is kept of which metric; the first that fits counts.
    #[serde(rename = "metric")]
    pub metrics: Vec<MetricConfig>,
}

/// What is kept of the metrics that fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricConfig {
    /// The device, or several: `*` stands for any text.
    #[serde(default = "any")]
    pub device: String,
    /// The metric, or several.
    #[serde(default = "any")]
    pub metric: String,
    /// A value that differs by no more from the one that was kept before is left out.
    #[serde(default)]
    pub deadband: Option<f64>,
    /// No more samples per second than this are kept.
    #[serde(default)]
    pub max_rate_hz: Option<f64>,
    /// After so many seconds a value is kept also when it has not changed.
    #[serde(default)]
    pub heartbeat_s: Option<u32>,
    /// `low` is dropped first when there is no room, `high` last.
    #[serde(default)]
    pub priority: Priority,
}

fn any() -> String {
    "*".to_owned()
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            buffer_mib: 256,
            max_age_days: 14,
            live_ms: 500,
            metrics: Vec::new(),
        }
    }
}

impl TelemetryConfig {
    /// The bounds as the buffer takes them.
    pub fn limits(&self) -> Limits {
        Limits {
            bytes_max: u64::from(self.buffer_mib) * 1024 * 1024,
            age_max: SignedDuration::from_hours(24 * i64::from(self.max_age_days)),
            rules: Rules(self.metrics.iter().map(MetricConfig::rule).collect()),
            ..Limits::default()
        }
    }

    /// How often samples are sent while the hub answers.
    pub fn live_every(&self) -> Duration {
        Duration::from_millis(self.live_ms.into())
    }

    pub(super) fn check(&self, found: &mut Problems) {
        found.add(
            self.buffer_mib == 0,
            "telemetry.buffer_mib",
            "must be at least 1",
        );
        found.add(
            self.max_age_days == 0,
            "telemetry.max_age_days",
            "must be at least 1",
        );
        found.add(
            !(10..=60_000).contains(&self.live_ms),
            "telemetry.live_ms",
            "must be 10 to 60000",
        );
        for (index, metric) in self.metrics.iter().enumerate() {
            let key = |name: &str| format!("telemetry.metric[{index}].{name}");
            for (name, text) in [("device", &metric.device), ("metric", &metric.metric)] {
                found.name(text, key(name));
            }
            found.add(
                metric
                    .deadband
                    .is_some_and(|deadband| !deadband.is_finite() || deadband < 0.0),
                key("deadband"),
                "must be a number that is not negative",
            );
            found.add(
                metric
                    .max_rate_hz
                    .is_some_and(|rate| !(RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate)),
                key("max_rate_hz"),
                "must be between once a day and 100000",
            );
            found.add(
                metric
                    .heartbeat_s
                    .is_some_and(|seconds| !(1..=HEARTBEAT_S_MAX).contains(&seconds)),
                key("heartbeat_s"),
                "must be 1 to 86400",
            );
            found.add(
                metric.heartbeat_s.is_some() && metric.deadband.is_none(),
                key("heartbeat_s"),
                "says nothing without `deadband`: nothing is left out because it stays the same",
            );
        }
    }
}

impl MetricConfig {
    fn rule(&self) -> Rule {
        let spacing = self.max_rate_hz.map(|rate| 1.0 / rate);
        Rule {
            device: self.device.clone(),
            metric: self.metric.clone(),
            keep: Keep {
                deadband: self.deadband,
                spacing: spacing
                    .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
                    .unwrap_or_default(),
                heartbeat: SignedDuration::from_secs(
                    self.heartbeat_s.unwrap_or(HEARTBEAT_S).into(),
                ),
                priority: self.priority,
            },
        }
    }

    /// The least time between two samples that are kept, in whole microseconds, as times are.
    fn spacing_min(&self) -> SignedDuration {
        let spacing = self.rule().keep.spacing_min();
        let micros = spacing.as_nanos().unsigned_abs().div_ceil(1_000);
        SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// What it means, in words.
    pub fn explain(&self) -> String {
        let mut parts = Vec::new();
        if let Some(deadband) = self.deadband {
            let seconds = self.heartbeat_s.unwrap_or(HEARTBEAT_S);
            parts.push(format!(
                "kept when it differs by more than {deadband}, or after {seconds} s"
            ));
        }
        if let Some(rate) = self.max_rate_hz {
            let spacing = self.spacing_min();
            parts.push(format!(
                "about {rate} per second: what comes less than {spacing:#} after the one kept before is left out"
            ));
        }
        if parts.is_empty() {
            parts.push("all samples are kept".to_owned());
        }
        let priority = match self.priority {
            Priority::Low => "dropped first when there is no room",
            Priority::Normal => "dropped after those of low priority",
            Priority::High => "dropped last when there is no room",
        };
        format!(
            "metric {} of device {}: {}; {priority}",
            self.metric,
            self.device,
            parts.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn problems(telemetry: &str) -> String {
        let text = format!(
            "[agent]\ndata_dir = \"data\"\nplant_code = \"HAM\"\nplant_name = \"Hamburg\"\n{telemetry}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agog-edge.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_is_kept_of_a_metric_is_read_and_explained() {
        let config: TelemetryConfig = toml::from_str(
            "block_ms = 1000\n[[metric]]\ndevice = \"press-*\"\nmetric = \"speed\"\ndeadband = 5.0\n\
             max_rate_hz = 4.0\npriority = \"high\"\n[[metric]]\npriority = \"low\"\n",
        )
        .unwrap();
        assert_eq!(config.live_every(), Duration::from_secs(1));
        let limits = config.limits();
        let keep = limits.rules.0[0].keep;
        assert_eq!(keep.spacing, SignedDuration::from_millis(250));
        assert_eq!(keep.heartbeat, SignedDuration::from_secs(60));
        assert_eq!(
            config.metrics[0].explain(),
            "metric speed of device press-*: kept when it differs by more than 5, or after 60 s, \
             about 4 per second: what comes less than 225ms after the one kept before is left out; dropped last when there is no room"
        );
        assert_eq!(
            config.metrics[1].explain(),
            "metric * of device *: all samples are kept; dropped first when there is no room"
        );
    }

    #[test]
    fn how_soon_a_sample_is_kept_is_said_to_the_microsecond() {
        let told = |rate| {
            let metric: MetricConfig = toml::from_str(&format!("max_rate_hz = {rate}")).unwrap();
            metric.explain()
        };
        assert!(told("3.0").contains("about 3 per second: what comes less than 300ms after"));
        assert!(told("7.0").contains("less than 128ms 572µs after"));
        assert!(told("0.1").contains("about 0.1 per second: what comes less than 9s after"));
    }

    #[test]
    fn wrong_values_and_unknown_keys_of_metrics_are_named() {
        let told = problems(
            "[hub]\ntelemetry_kib_per_s = 0\n[telemetry]\nlive_ms = 5\n\
             [[telemetry.metric]]\nmetric = \"\"\ndeadband = -1.0\nmax_rate_hz = 0.0\nheartbeat_s = 0\n\
             [[telemetry.metric]]\nheartbeat_s = 10\n",
        );
        for wrong in [
            "`hub.telemetry_kib_per_s` must be at least 1",
            "`telemetry.live_ms` must be 10 to 60000",
            "`telemetry.metric[0].metric` must have",
            "`telemetry.metric[0].deadband` must be",
            "`telemetry.metric[0].max_rate_hz` must be",
            "`telemetry.metric[0].heartbeat_s` must be",
            "`telemetry.metric[1].heartbeat_s` says nothing",
        ] {
            assert!(told.contains(wrong), "{wrong}: {told}");
        }
        let unknown = problems("[[telemetry.metric]]\ndead_band = 5.0\n");
        assert!(unknown.contains("unknown field `dead_band`"), "{unknown}");
        let priority = problems("[[telemetry.metric]]\npriority = \"highest\"\n");
        assert!(priority.contains("`low`, `normal`, `high`"), "{priority}");
        assert_eq!(problems("[telemetry]\nblock_ms = 1000\n"), "");
    }
}
