//! Which URLs from outside are followed.
//!
//! A URL needs an allowed scheme and a host that is allowed by name, by its network, as the host of
//! a configured device, or because the URL came from that very address. Addresses that are never a
//! partner ([`is_forbidden`]) are refused whatever the host is called. `file:` needs an allowed
//! directory; links are followed before the directory is compared.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::address::{Network, is_forbidden, plain};
use crate::config::Config;
use crate::devices::Devices;

/// A name that is not resolved in this time is taken for unknown.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// A longer URL is an attack or a mistake.
pub const URL_BYTES_MAX: usize = 4_096;

/// Why a URL is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    #[error("`{url}` is no URL that can be used")]
    Malformed { url: String },
    #[error("scheme `{scheme}` is not allowed here")]
    Scheme { scheme: String },
    #[error("host `{host}` is not allowed here")]
    Host { host: String },
    #[error("host `{host}` is not known")]
    Unresolved { host: String },
    #[error("`{url}` is outside the allowed directories")]
    Directory { url: String },
    #[error("nothing can be sent to `{url}`")]
    NotATarget { url: String },
}

/// What a URL names, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To be reached at one of these addresses and nowhere else.
    Web {
        url: Url,
        addresses: Vec<SocketAddr>,
    },
    File {
        path: PathBuf,
    },
}

/// The policy, as the configuration says.
#[derive(Debug, Clone)]
pub struct Policy {
    schemes: Vec<String>,
    /// Whole names, or ends of names that begin with a dot; in small letters.
    names: Vec<String>,
    networks: Vec<Network>,
    directories: Vec<PathBuf>,
    allow_loopback: bool,
    /// Their hosts are allowed as well.
    devices: Devices,
}

impl Policy {
    pub fn new(config: &Config, devices: Devices) -> Self {
        let jmf = &config.jmf;
        let (mut names, mut networks) = (Vec::new(), Vec::new());
        for host in &jmf.allowed_hosts {
            match Network::parse(host) {
                Some(network) => networks.push(network),
                None => names.push(host.to_ascii_lowercase()),
            }
        }
        Self {
            schemes: jmf.allowed_schemes.clone(),
            names,
            networks,
            directories: jmf.allowed_directories.clone(),
            allow_loopback: jmf.allow_loopback,
            devices,
        }
    }

    /// What can be fetched: the schemes, and `file` only where there are directories.
    pub fn schemes(&self) -> Vec<String> {
        let schemes = self.schemes.iter();
        schemes
            .filter(|scheme| *scheme != "file" || !self.directories.is_empty())
            .cloned()
            .collect()
    }

    /// What `url`, which came from `caller`, names.
    pub async fn check(&self, url: &str, caller: Option<IpAddr>) -> Result<Place, UrlRefused> {
        let malformed = || UrlRefused::Malformed {
            url: url.chars().take(100).collect(),
        };
        if url.len() > URL_BYTES_MAX {
            return Err(malformed());
        }
        let parsed = Url::parse(url).map_err(|_| malformed())?;
        if !self.schemes.iter().any(|scheme| scheme == parsed.scheme()) {
            return Err(UrlRefused::Scheme {
                scheme: parsed.scheme().chars().take(20).collect(),
            });
        }
        if parsed.scheme() == "file" {
            return self.file(&parsed).await;
        }
        // Credentials would be sent to whoever the URL names, in the clear.
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(malformed());
        }
        let port = parsed.port_or_known_default().ok_or_else(malformed)?;
        let host = host_text(&parsed).ok_or_else(malformed)?;
        let addresses = resolve(host, port).await?;
        let hosts = self.device_hosts();
        let of_devices: Vec<_> = hosts.iter().filter_map(|it| Network::parse(it)).collect();
        let by_name = self.is_named(host) || hosts.iter().any(|it| it.eq_ignore_ascii_case(host));
        let caller = caller.map(plain);
        let is_allowed = |address: &SocketAddr| {
            let ip = plain(address.ip());
            !is_forbidden(ip, self.allow_loopback)
                && (by_name
                    || caller == Some(ip)
                    || self.networks.iter().any(|network| network.contains(ip))
                    || of_devices.iter().any(|network| network.contains(ip)))
        };
        let addresses: Vec<SocketAddr> = addresses.into_iter().filter(is_allowed).collect();
        if addresses.is_empty() {
            return Err(UrlRefused::Host {
                host: host.to_owned(),
            });
        }
        Ok(Place::Web {
            url: parsed,
            addresses,
        })
    }

    /// The hosts of the devices as they are now.
    fn device_hosts(&self) -> Vec<String> {
        let devices = self.devices.all();
        let hosts = devices.iter().filter_map(|device| {
            let url = Url::parse(&device.url).ok()?;
            Some(host_text(&url)?.to_owned())
        });
        hosts.collect()
    }

    fn is_named(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.names
            .iter()
            .any(|name| host == *name || (name.starts_with('.') && host.ends_with(name.as_str())))
    }

    async fn file(&self, url: &Url) -> Result<Place, UrlRefused> {
        let outside = || UrlRefused::Directory {
            url: url.to_string(),
        };
        let path = url.to_file_path().map_err(|()| outside())?;
        let directories = self.directories.clone();
        let found = tokio::task::spawn_blocking(move || {
            let path = std::fs::canonicalize(path).ok()?;
            let within = |directory: &PathBuf| {
                std::fs::canonicalize(directory).is_ok_and(|directory| path.starts_with(directory))
            };
            directories.iter().any(within).then_some(path)
        });
        // A file that is not there is told no otherwise than one that is out of bounds.
        let path = found.await.ok().flatten().ok_or_else(outside)?;
        Ok(Place::File { path })
    }
}

/// The host without the brackets that IPv6 has in a URL.
fn host_text(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    Some(host.trim_start_matches('[').trim_end_matches(']'))
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, UrlRefused> {
    let unresolved = || UrlRefused::Unresolved {
        host: host.to_owned(),
    };
    let found = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port))).await;
    match found {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(_)) | Err(_) => Err(unresolved()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(more: &str) -> Policy {
        let text = format!(
            "[agent]\ndata_dir = \"d\"\nplant_code = \"HAM\"\nplant_name = \"H\"\n\
             [jmf]\nlisten = \"127.0.0.1:0\"\n{more}\n\
             [[device]]\nid = \"press-3\"\nurl = \"http://192.168.10.23:8010/jmf\"\n"
        );
        let config: std::sync::Arc<Config> = std::sync::Arc::new(toml::from_str(&text).unwrap());
        Policy::new(&config, Devices::new(config.clone()))
    }

    async fn refused(policy: &Policy, url: &str, caller: Option<&str>) -> UrlRefused {
        let caller = caller.map(|caller| caller.parse().unwrap());
        policy.check(url, caller).await.unwrap_err()
    }

    #[tokio::test]
    async fn devices_and_the_caller_itself_are_allowed_without_configuration() {
        let policy = policy("");
        policy.check("http://192.168.10.23/x", None).await.unwrap();
        let mis = Some("192.168.10.7".parse().unwrap());
        policy.check("http://192.168.10.7:80/", mis).await.unwrap();
        let other = refused(&policy, "http://192.168.10.8/", Some("192.168.10.7")).await;
        assert!(matches!(other, UrlRefused::Host { .. }));
    }

    #[tokio::test]
    async fn hosts_are_allowed_by_their_network() {
        let policy = policy("allowed_hosts = [\"10.1.0.0/16\"]");
        policy.check("http://10.1.2.3/jmf", None).await.unwrap();
        let other = refused(&policy, "http://10.2.2.3/jmf", None).await;
        assert!(matches!(other, UrlRefused::Host { .. }));
    }

    #[tokio::test]
    async fn this_machine_is_no_target_under_any_name_or_spelling() {
        let policy = policy("allowed_hosts = [\"localhost\", \"0.0.0.0/0\", \"::/0\"]");
        for url in [
            "http://localhost/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0:80/",
            "http://169.254.169.254/latest/meta-data/",
        ] {
            let error = refused(&policy, url, Some("127.0.0.1")).await;
            assert!(
                matches!(
                    error,
                    UrlRefused::Host { .. } | UrlRefused::Unresolved { .. }
                ),
                "{url}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn schemes_and_credentials_are_refused() {
        let policy = policy("allowed_hosts = [\"0.0.0.0/0\"]");
        for url in [
            "ftp://10.0.0.1/",
            "file:///etc/passwd",
            "gopher://10.0.0.1/",
        ] {
            let error = refused(&policy, url, None).await;
            assert!(matches!(error, UrlRefused::Scheme { .. }), "{url}: {error}");
        }
        let error = refused(&policy, "http://user:secret@10.0.0.1/", None).await;
        assert!(matches!(error, UrlRefused::Malformed { .. }));
        assert!(matches!(
            refused(&policy, "not a url", None).await,
            UrlRefused::Malformed { .. }
        ));
    }

    #[tokio::test]
    async fn files_are_read_only_from_allowed_directories_and_links_do_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let allowed = folder.path().join("tickets");
        std::fs::create_dir(&allowed).unwrap();
        std::fs::write(allowed.join("job.jdf"), "<JDF/>").unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), allowed.join("link")).unwrap();
        let policy = policy(&format!(
            "allowed_schemes = [\"file\"]\nallowed_directories = [\"{}\"]",
            allowed.display()
        ));
        let url = |path: &str| format!("file://{}/{path}", folder.path().display());
        let place = policy.check(&url("tickets/job.jdf"), None).await.unwrap();
        assert!(matches!(place, Place::File { .. }));
        for path in [
            "secret",
            "tickets/link",
            "tickets/../secret",
            "tickets/%2e%2e/secret",
            "none",
        ] {
            let error = refused(&policy, &url(path), None).await;
            assert!(matches!(error, UrlRefused::Directory { .. }), "{path}");
        }
    }

    #[test]
    fn names_are_whole_or_ends() {
        let policy = policy("allowed_hosts = [\"MIS.example.com\", \".plant.example\"]");
        assert!(policy.is_named("mis.example.com") && policy.is_named("mis.example.com."));
        assert!(policy.is_named("a.plant.example"));
        assert!(!policy.is_named("evilmis.example.com"));
        assert!(!policy.is_named("plant.example.evil.com"));
    }
}
