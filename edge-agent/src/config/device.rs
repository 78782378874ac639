//! A device as it is written down: what it is called, how it is reached, and from where it calls.

use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::FolderConfig;
use crate::devices::profile::{Profile, ProfileName, Settings};
use crate::fetch::address::Network;

/// A machine that speaks JMF over HTTP, or that takes tickets from a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// Its id, as it names itself in JMF (`SenderID`, `DeviceID`).
    pub id: String,
    /// What people call it; the id when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it takes JMF messages; empty for one that is reached by folders.
    #[serde(default, alias = "jmf_url", skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// From where its messages come: addresses or networks. Empty: from the address in its URL, if
    /// senders must be known (`jmf.known_senders`), else from anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// How it is reached.
    #[serde(default)]
    pub transport: Transport,
    /// Its folders, when it is reached by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderConfig>,
    /// The partner profile that fits it (`devices/profiles.toml`).
    #[serde(default)]
    pub profile: ProfileName,
    /// In what this device differs from its profile.
    #[serde(default)]
    pub settings: Settings,
}

/// How a device is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// JMF over HTTP or HTTPS.
    #[default]
    Jmf,
    /// Hot folders.
    Folder,
}

impl DeviceConfig {
    /// Where it is, for people.
    pub fn place(&self) -> String {
        match &self.folder {
            Some(folder) => format!("folder {}", folder.to.display()),
            None => self.url.clone(),
        }
    }

    /// How this device is spoken to.
    pub fn profile(&self) -> Profile {
        Profile::of(&self.profile, &self.settings)
    }

    /// Whether messages in its name may come from this address; none is a folder of its own.
    /// `must_be_known`: also the address in its URL counts, where it has one and no `addresses`.
    pub fn is_at(&self, address: Option<IpAddr>, must_be_known: bool) -> bool {
        let Some(address) = address else { return true };
        let homes = self.homes(must_be_known);
        homes.is_empty() || homes.iter().any(|home| home.contains(address))
    }

    /// Whether it sends messages: a device with folders does so only where it is said from where.
    pub(crate) fn speaks_jmf(&self) -> bool {
        self.folder.is_none() || !self.addresses.is_empty()
    }

    /// From where its messages come; empty: from anywhere.
    pub(crate) fn homes(&self, must_be_known: bool) -> Vec<Network> {
        if !self.addresses.is_empty() || !must_be_known {
            let written = self.addresses.iter();
            return written.filter_map(|it| Network::parse(it)).collect();
        }
        let url = Url::parse(&self.url).ok();
        let host = url.as_ref().and_then(Url::host_str);
        let address = host.and_then(|host| Network::parse(host.trim_matches(['[', ']'])));
        address.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(more: &str) -> DeviceConfig {
        toml::from_str(&format!("id = \"press-3\"\n{more}")).unwrap()
    }

    fn is_at(device: &DeviceConfig, address: &str, must_be_known: bool) -> bool {
        device.is_at(Some(address.parse().unwrap()), must_be_known)
    }

    #[test]
    fn a_device_calls_from_its_addresses_and_where_senders_must_be_known_from_that_of_its_url() {
        let bound = device(
            "url = \"http://10.1.0.7:8010/jmf\"\naddresses = [\"10.1.0.8\", \"10.2.0.0/16\"]",
        );
        for must_be_known in [true, false] {
            assert!(is_at(&bound, "10.1.0.8", must_be_known));
            assert!(is_at(&bound, "::ffff:10.2.9.9", must_be_known));
            assert!(
                !is_at(&bound, "10.1.0.7", must_be_known),
                "addresses count alone"
            );
        }
        let plain = device("url = \"http://10.1.0.7:8010/jmf\"");
        assert!(is_at(&plain, "10.9.0.1", false) && !is_at(&plain, "10.9.0.1", true));
        assert!(is_at(&plain, "10.1.0.7", true));
        let six = device("url = \"http://[fd00::7]/jmf\"");
        assert!(is_at(&six, "fd00::7", true) && !is_at(&six, "fd00::8", true));
        let named = device("url = \"http://press-3.plant/jmf\"");
        assert!(is_at(&named, "10.9.0.1", true), "nobody knows where it is");
        assert!(bound.is_at(None, true), "what lies in its folder");
    }
}
