//! `[hub]`: where to deliver, and when it is an alarm that nothing gets there.

use std::time::Duration;

use serde::Deserialize;

use super::check::Problems;

/// What heals by itself (a restarted hub or router, a token that ran out) is over by then, and a person who is told still
/// has most of a shift.
const ALARM_AFTER_S: u32 = 15 * 60;

/// The hub to deliver to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubConfig {
    /// Base URL; none: the agent only collects.
    #[serde(default)]
    pub url: Option<String>,
    /// It is an alarm when events wait and the hub has taken none for so many seconds.
    #[serde(default = "alarm_after_s")]
    pub alarm_after_s: u32,
    /// Telemetry takes no more than this of the line; none: what there is.
    #[serde(default)]
    pub telemetry_kib_per_s: Option<u32>,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            url: None,
            alarm_after_s: ALARM_AFTER_S,
            telemetry_kib_per_s: None,
        }
    }
}

const fn alarm_after_s() -> u32 {
    ALARM_AFTER_S
}

impl HubConfig {
    /// How long nothing may get through before it is an alarm.
    pub fn alarm_after(&self) -> Duration {
        Duration::from_secs(self.alarm_after_s.into())
    }

    /// The most of the line that telemetry takes.
    pub fn telemetry_bytes_per_s(&self) -> Option<u64> {
        self.telemetry_kib_per_s.map(|kib| 1_024 * u64::from(kib))
    }

    pub(super) fn check(&self, found: &mut Problems) {
        if let Some(url) = &self.url {
            found.http_url(url, "hub.url");
        }
        found.add(
            self.alarm_after_s == 0,
            "hub.alarm_after_s",
            "must be greater than zero",
        );
        found.add(
            self.telemetry_kib_per_s == Some(0),
            "hub.telemetry_kib_per_s",
            "must be at least 1",
        );
    }
}
