//! Partner profiles: how devices of one maker want to be spoken to, as data (`profiles.toml`), so
//! that a new quirk is a line there and no code.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use agog_jdf::jmf::JMF_VERSION;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

const BUILT_IN: &str = include_str!("profiles.toml");

/// The profile of a device for which none is named.
pub const GENERIC: &str = "generic";

/// A device that is late by less than this is only slow; half a heartbeat where that is less.
const MARGIN_MAX: Duration = Duration::from_secs(2);

/// The name of a profile that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileName(String);

impl ProfileName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self(GENERIC.to_owned())
    }
}

// Checked while it is read, so that the error names the line.
impl<'de> Deserialize<'de> for ProfileName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        if built_in().contains_key(&name) {
            return Ok(Self(name));
        }
        let names: Vec<_> = built_in().keys().map(String::as_str).collect();
        Err(D::Error::custom(format!(
            "unknown profile `{name}`, expected one of {}",
            names.join(", ")
        )))
    }
}

/// How the end of a body is told to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyLength {
    ContentLength,
    Chunked,
}

/// What follows when a ticket asks for what the device says that it cannot do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckCapability {
    /// The ticket is refused.
    #[default]
    Refuse,
    /// It is sent, with a remark.
    Warn,
    /// It is not checked.
    Off,
}

/// What a profile, or a device of its own, says; `profiles.toml` explains each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jmf_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_header_in_body: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_length: Option<BodyLength>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_device: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_missing_ref_id: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reliable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_retry_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_timeout_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_capability: Option<CheckCapability>,
}

/// A built-in profile.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltIn {
    /// Which devices it is for.
    pub description: String,
    /// What was seen, also where no setting follows from it.
    #[serde(default)]
    pub quirks: Vec<String>,
    #[serde(default)]
    settings: Settings,
}

/// The built-in profiles by name.
pub(crate) fn built_in() -> &'static BTreeMap<String, BuiltIn> {
    static PROFILES: OnceLock<BTreeMap<String, BuiltIn>> = OnceLock::new();
    PROFILES.get_or_init(|| toml::from_str(BUILT_IN).expect("a test reads the built-in profiles"))
}

fn first<T: Clone>(
    layers: &[Option<&Settings>; 3],
    field: impl Fn(&Settings) -> &Option<T>,
) -> Option<T> {
    let mut layers = layers.iter().flatten();
    layers.find_map(|settings| field(settings).clone())
}

/// How one device is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a quirk of its own, and any mix of them exists"
)]
pub struct Profile {
    pub name: String,
    pub jmf_version: String,
    pub mime_header_in_body: bool,
    pub body_length: BodyLength,
    pub name_device: bool,
    pub accept_missing_ref_id: bool,
    pub reliable: bool,
    pub heartbeat_s: u32,
    pub first_retry_ms: u32,
    pub request_timeout_s: u32,
    #[serde(default)]
    pub check_capability: CheckCapability,
}

impl From<Profile> for Settings {
    fn from(profile: Profile) -> Self {
        Self {
            jmf_version: Some(profile.jmf_version),
            mime_header_in_body: Some(profile.mime_header_in_body),
            body_length: Some(profile.body_length),
            name_device: Some(profile.name_device),
            accept_missing_ref_id: Some(profile.accept_missing_ref_id),
            reliable: Some(profile.reliable),
            heartbeat_s: Some(profile.heartbeat_s),
            first_retry_ms: Some(profile.first_retry_ms),
            request_timeout_s: Some(profile.request_timeout_s),
            check_capability: Some(profile.check_capability),
        }
    }
}

impl Profile {
    /// What the device says of its own comes before its profile, and that before `generic`.
    pub fn of(name: &ProfileName, own: &Settings) -> Self {
        let layers = [
            Some(own),
            built_in()
                .get(name.as_str())
                .map(|profile| &profile.settings),
            built_in().get(GENERIC).map(|profile| &profile.settings),
        ];
        Self {
            name: name.as_str().to_owned(),
            jmf_version: first(&layers, |s| &s.jmf_version)
                .unwrap_or_else(|| JMF_VERSION.to_owned()),
            mime_header_in_body: first(&layers, |s| &s.mime_header_in_body).unwrap_or(false),
            body_length: first(&layers, |s| &s.body_length).unwrap_or(BodyLength::ContentLength),
            name_device: first(&layers, |s| &s.name_device).unwrap_or(false),
            accept_missing_ref_id: first(&layers, |s| &s.accept_missing_ref_id).unwrap_or(true),
            reliable: first(&layers, |s| &s.reliable).unwrap_or(false),
            heartbeat_s: first(&layers, |s| &s.heartbeat_s).unwrap_or(10),
            first_retry_ms: first(&layers, |s| &s.first_retry_ms).unwrap_or(500),
            request_timeout_s: first(&layers, |s| &s.request_timeout_s).unwrap_or(30),
            check_capability: first(&layers, |s| &s.check_capability).unwrap_or_default(),
        }
    }

    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s.into())
    }

    /// Two heartbeats: one may be late. A device that was silent for so long is asked.
    pub fn silence_limit(&self) -> Duration {
        self.heartbeat() * 2
    }

    /// How long a silent device has to answer before it counts as lost.
    pub fn margin(&self) -> Duration {
        MARGIN_MAX.min(self.heartbeat() / 2)
    }

    pub fn first_retry(&self) -> Duration {
        Duration::from_millis(self.first_retry_ms.into())
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s.into())
    }

    /// Which devices the profile is for, and what was seen of them.
    pub fn known(&self) -> String {
        let Some(profile) = built_in().get(&self.name) else {
            return String::new();
        };
        let mut text = profile.description.clone();
        for quirk in &profile.quirks {
            text.push_str("; ");
            text.push_str(quirk);
        }
        text
    }

    /// What the settings mean, for people.
    pub fn explain(&self) -> String {
        let channels = if self.reliable {
            "reliable channels, fire-and-forget where the device refuses them"
        } else {
            "fire-and-forget channels"
        };
        let mut parts = vec![
            format!("speaks JMF {}", self.jmf_version),
            channels.to_owned(),
            format!(
                "Status every {} s, missed after {} s",
                self.heartbeat_s,
                (self.silence_limit() + self.margin()).as_secs_f32()
            ),
            format!(
                "no answer after {} s, asked again after {} ms",
                self.request_timeout_s, self.first_retry_ms
            ),
        ];
        if self.mime_header_in_body {
            parts.push("MIME header repeated in the body".to_owned());
        }
        if self.body_length == BodyLength::Chunked {
            parts.push("bodies in chunks".to_owned());
        }
        if self.name_device {
            parts.push("the device is named in every message".to_owned());
        }
        parts.push(
            match self.check_capability {
                CheckCapability::Refuse => "tickets that it cannot do are refused",
                CheckCapability::Warn => "tickets that it cannot do are sent with a remark",
                CheckCapability::Off => "tickets are not checked against what it can do",
            }
            .to_owned(),
        );
        if !self.accept_missing_ref_id {
            parts.push("answers without refID are not taken".to_owned());
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ProfileName {
        ProfileName(name.to_owned())
    }

    #[test]
    fn generic_says_everything() {
        let generic = &built_in()[GENERIC].settings;
        let Settings {
            jmf_version,
            mime_header_in_body,
            body_length,
            name_device,
            accept_missing_ref_id,
            reliable,
            heartbeat_s,
            first_retry_ms,
            request_timeout_s,
            check_capability,
        } = generic;
        assert!(jmf_version.is_some() && body_length.is_some() && reliable.is_some());
        assert!(mime_header_in_body.is_some() && name_device.is_some());
        assert!(accept_missing_ref_id.is_some() && heartbeat_s.is_some());
        assert!(first_retry_ms.is_some() && request_timeout_s.is_some());
        assert!(check_capability.is_some());
    }

    #[test]
    fn a_device_comes_before_its_profile_and_that_before_generic() {
        let own = Settings {
            heartbeat_s: Some(30),
            ..Settings::default()
        };

        let profile = Profile::of(&name("jdflib-java"), &own);

        assert_eq!(profile.heartbeat_s, 30);
        assert!(profile.mime_header_in_body && !profile.reliable);
        assert_eq!(profile.jmf_version, "1.5");
    }

    #[test]
    fn a_silent_device_is_missed_after_two_heartbeats_and_a_little() {
        let profile = Profile::of(&name(GENERIC), &Settings::default());
        assert_eq!(
            profile.silence_limit() + profile.margin(),
            Duration::from_secs(22)
        );
    }
}
