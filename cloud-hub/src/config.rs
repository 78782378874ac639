//! The configuration file: TOML, every key documented here and in the README, unknown keys
//! refused with their line.
//!
//! Secrets stand in files (`*_file`) or come from the environment, never on a command line.
//! The environment wins over the file.

use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use agog_sync::document::ROLL_AT;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;

/// Bytes that a token secret must have at least: the strength of HS256.
pub const TOKEN_SECRET_BYTES_MIN: usize = 32;
/// Connections of the server unless configured. PostgreSQL takes 100 by default; this leaves
/// room for a second hub and for people.
const CONNECTIONS_MAX: u32 = 20;
/// How long requests may take after a stop was asked for.
const STOP_LIMIT_S: u64 = 20;
/// How long files of ended jobs stay unless configured: as long as a customer may complain about a delivery, and as raw
/// samples, so that what went wrong can still be looked at.
const FILES_KEPT_DAYS: u16 = 90;

/// How long feed items that an agent has fetched stay as they are: as far back as backups of its disk commonly go.
const FEED_FETCHED_DAYS: u16 = 30;
/// How long those stay that it has not fetched: a plant that is silent for longer is closed, or starts anew.
const FEED_ALL_DAYS: u16 = 365;
/// How long raw samples of telemetry stay, in days (DESIGN.md section 7).
const RAW_DAYS: u16 = 90;
/// How long minutes and hours stay: two years.
const HOUR_DAYS: u16 = 2 * 365 + 1;
/// How long days stay: seven years.
const DAY_DAYS: u16 = 7 * 365 + 2;
/// When an agent is an alarm unless configured: what heals by itself (a restarted router, a token that ran out) is over by
/// then, and a running agent asks for something every 25 seconds.
const ALARM_AFTER_S: NonZeroU32 = NonZeroU32::new(15 * 60).expect("it is not zero");

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub database: Database,
    pub server: Server,
    /// A file with at least 32 random bytes that sign the agents' access tokens
    /// (`AGOG_HUB_TOKEN_SECRET_FILE`). All hubs of one database share it.
    #[serde(default)]
    pub token_secret_file: Option<PathBuf>,
    #[serde(default)]
    pub files: FileStore,
    #[serde(default)]
    pub feed: FeedKeep,
    #[serde(default)]
    pub sync: Sync,
    #[serde(default)]
    pub telemetry: TelemetryKeep,
    #[serde(default)]
    pub log: Log,
}

/// How agents are watched, and when documents begin anew.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// It is an alarm when nothing was heard of an agent for so many seconds, or when its events wait and none was taken.
    #[serde(default = "alarm_after_s")]
    pub alarm_after_s: NonZeroU32,
    /// A document that was edited so often begins anew from what it says.
    #[serde(default = "roll_at")]
    pub roll_at: NonZeroUsize,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            alarm_after_s: ALARM_AFTER_S,
            roll_at: roll_at(),
        }
    }
}

impl Sync {
    /// How long an agent may be silent, or get nothing through.
    pub fn alarm_after(&self) -> Duration {
        Duration::from_secs(self.alarm_after_s.get().into())
    }
}

const fn alarm_after_s() -> NonZeroU32 {
    ALARM_AFTER_S
}

fn roll_at() -> NonZeroUsize {
    NonZeroUsize::new(ROLL_AT).expect("it is not zero")
}

/// Where the files of jobs lie.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileStore {
    /// A folder; made when it is not there. All hubs of one database share it. Without it, packages with files are
    /// refused.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// For how many days files stay after the end of the last job that names them.
    #[serde(default = "keep_days")]
    pub keep_days: u16,
}

impl Default for FileStore {
    fn default() -> Self {
        Self {
            dir: None,
            keep_days: FILES_KEPT_DAYS,
        }
    }
}

impl FileStore {
    /// How long files stay after the end of the last job that names them.
    pub fn keep(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.keep_days))
    }
}

fn keep_days() -> u16 {
    FILES_KEPT_DAYS
}

/// How long items of the down feeds stay as they are; then only what is needed of them does.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedKeep {
    /// Days for items that the agent has fetched.
    pub fetched_days: u16,
    /// Days for all others.
    pub all_days: u16,
}

impl Default for FeedKeep {
    fn default() -> Self {
        Self {
            fetched_days: FEED_FETCHED_DAYS,
            all_days: FEED_ALL_DAYS,
        }
    }
}

impl FeedKeep {
    /// How long items stay that the agent has fetched.
    pub fn fetched(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.fetched_days))
    }

    /// How long all others stay.
    pub fn all(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.all_days))
    }
}

/// How long telemetry stays. Older samples are not taken in either; they are counted as gaps.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryKeep {
    /// Days for raw samples.
    pub raw_days: u16,
    /// Days for what they come to by minute and hour.
    pub hour_days: u16,
    /// Days for what they come to by day.
    pub day_days: u16,
}

impl Default for TelemetryKeep {
    fn default() -> Self {
        Self {
            raw_days: RAW_DAYS,
            hour_days: HOUR_DAYS,
            day_days: DAY_DAYS,
        }
    }
}

impl TelemetryKeep {
    /// The first instant of which raw samples are kept.
    pub fn raw_from(&self, now: Timestamp) -> Timestamp {
        day_before(now, self.raw_days)
    }

    /// The first instant of which minutes and hours are kept.
    pub fn hours_from(&self, now: Timestamp) -> Timestamp {
        day_before(now, self.hour_days)
    }

    /// The first instant of which days are kept.
    pub fn days_from(&self, now: Timestamp) -> Timestamp {
        day_before(now, self.day_days)
    }

    /// A late sample has its hour told anew from the minutes and its day from the hours, so those must be there.
    fn is_in_order(self) -> bool {
        0 < self.raw_days && self.raw_days <= self.hour_days && self.hour_days <= self.day_days
    }
}

/// The start of the UTC day so many days ago: days are kept or dropped whole, so that none is told anew from a part of it.
fn day_before(now: Timestamp, days: u16) -> Timestamp {
    const DAY_S: i64 = 24 * 60 * 60;
    let day = now.as_second().div_euclid(DAY_S) - i64::from(days);
    Timestamp::from_second(day * DAY_S).unwrap_or(Timestamp::MIN)
}

/// Where the data is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// PostgreSQL as the owner of the schema, for `migrate` and the commands that make things.
    #[serde(default)]
    pub owner_url: Option<DatabaseUrl>,
    #[serde(default)]
    pub owner_url_file: Option<PathBuf>,
    /// PostgreSQL as `agog_server`, for `serve`.
    #[serde(default)]
    pub server_url: Option<DatabaseUrl>,
    #[serde(default)]
    pub server_url_file: Option<PathBuf>,
    /// The most connections of one hub.
    #[serde(default = "connections_max")]
    pub connections_max: u32,
}

/// How it is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How agents and people reach it: the audience of the agents' assertions. Taken from
    /// `listen` when it is not said.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Gets the base URL once it listens, for scripts that use port 0.
    #[serde(default)]
    pub address_file: Option<PathBuf>,
    /// How long requests may take after a stop was asked for.
    #[serde(default = "stop_limit_s")]
    pub stop_limit_s: u64,
}

impl Server {
    /// How agents and people reach it, without a slash at the end.
    pub fn public_url(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{listening}"),
        }
    }

    /// How long requests may take after a stop was asked for.
    pub fn stop_limit(&self) -> Duration {
        Duration::from_secs(self.stop_limit_s)
    }
}

/// What is logged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// As in `RUST_LOG`: `info`, or `agog_hub=debug,info`.
    #[serde(default)]
    pub filter: Option<String>,
    /// One JSON object per line.
    #[serde(default)]
    pub json: bool,
}

/// A connection URL. It may hold a password, so its debug form shows nothing.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The source names line and column.
    #[error("`{path}` is not a valid configuration")]
    Parse {
        path: PathBuf,
        #[source]
        source: toml::de::Error,
    },
    #[error("`{key}` is missing: set it in the file, or {variable} in the environment")]
    Missing {
        key: &'static str,
        variable: &'static str,
    },
    #[error("`{key}` and `{key}_file` are both set; keep one")]
    Both { key: &'static str },
    /// The value is not shown, because it may hold a password.
    #[error("`{key}` is not a PostgreSQL URL")]
    Url {
        key: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "`telemetry` keeps nothing, or roll-ups for a shorter time than what they are told from: expected 0 < raw_days <= hour_days <= day_days"
    )]
    Keep,
    #[error("{variable} is not an address such as 127.0.0.1:8080")]
    Listen { variable: &'static str },
    #[error("`{path}` holds {found} bytes, a token secret needs at least {TOKEN_SECRET_BYTES_MIN}")]
    WeakSecret { path: PathBuf, found: usize },
}

/// The environment of the process, as a function so that tests can give another.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads the file and lets the environment win.
    pub fn load(path: &Path, environment: Environment) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let mut config: Self = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source,
        })?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        config.apply_environment(environment)?;
        if !config.telemetry.is_in_order() {
            return Err(ConfigError::Keep);
        }
        Ok(config)
    }

    /// Paths in the file are relative to its folder, those in the environment to the process.
    fn resolve_paths(&mut self, folder: &Path) {
        let Database {
            owner_url_file,
            server_url_file,
            ..
        } = &mut self.database;
        let files = [
            &mut self.token_secret_file,
            &mut self.server.address_file,
            &mut self.files.dir,
            owner_url_file,
            server_url_file,
        ];
        for path in files.into_iter().flatten() {
            *path = folder.join(&path);
        }
    }

    fn apply_environment(&mut self, environment: Environment) -> Result<(), ConfigError> {
        if let Some(url) = environment("AGOG_HUB_OWNER_URL") {
            self.database.owner_url = Some(DatabaseUrl(url));
            self.database.owner_url_file = None;
        }
        if let Some(url) = environment("AGOG_HUB_SERVER_URL") {
            self.database.server_url = Some(DatabaseUrl(url));
            self.database.server_url_file = None;
        }
        if let Some(path) = environment("AGOG_HUB_TOKEN_SECRET_FILE") {
            self.token_secret_file = Some(path.into());
        }
        if let Some(url) = environment("AGOG_HUB_PUBLIC_URL") {
            self.server.public_url = Some(url);
        }
        if let Some(listen) = environment("AGOG_HUB_LISTEN") {
            self.server.listen = listen.parse().map_err(|_| ConfigError::Listen {
                variable: "AGOG_HUB_LISTEN",
            })?;
        }
        Ok(())
    }

    /// The owner's connection.
    pub fn owner(&self) -> Result<PgConnectOptions, ConfigError> {
        let Database {
            owner_url,
            owner_url_file,
            ..
        } = &self.database;
        connect_options(
            "database.owner_url",
            "AGOG_HUB_OWNER_URL",
            owner_url.as_ref(),
            owner_url_file.as_deref(),
        )
    }

    /// The server's connection.
    pub fn server(&self) -> Result<PgConnectOptions, ConfigError> {
        let Database {
            server_url,
            server_url_file,
            ..
        } = &self.database;
        connect_options(
            "database.server_url",
            "AGOG_HUB_SERVER_URL",
            server_url.as_ref(),
            server_url_file.as_deref(),
        )
    }

    /// What signs access tokens.
    pub fn token_secret(&self) -> Result<Vec<u8>, ConfigError> {
        let path = self
            .token_secret_file
            .as_deref()
            .ok_or(ConfigError::Missing {
                key: "token_secret_file",
                variable: "AGOG_HUB_TOKEN_SECRET_FILE",
            })?;
        let secret = fs::read(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let secret = secret.trim_ascii_end().to_vec();
        if secret.len() < TOKEN_SECRET_BYTES_MIN {
            return Err(ConfigError::WeakSecret {
                path: path.to_owned(),
                found: secret.len(),
            });
        }
        Ok(secret)
    }
}

fn connect_options(
    key: &'static str,
    variable: &'static str,
    url: Option<&DatabaseUrl>,
    file: Option<&Path>,
) -> Result<PgConnectOptions, ConfigError> {
    let text = match (url, file) {
        (Some(_), Some(_)) => return Err(ConfigError::Both { key }),
        (Some(url), None) => url.0.clone(),
        (None, Some(path)) => read(path)?.trim().to_owned(),
        (None, None) => return Err(ConfigError::Missing { key, variable }),
    };
    PgConnectOptions::from_str(&text).map_err(|source| ConfigError::Url { key, source })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

const fn connections_max() -> u32 {
    CONNECTIONS_MAX
}

const fn stop_limit_s() -> u64 {
    STOP_LIMIT_S
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "token_secret_file = \"secret\"\n\
        [server]\nlisten = \"127.0.0.1:8080\"\n\
        [database]\nserver_url = \"postgres://agog_server:hunter2@db/agog\"\n";

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub.toml");
        fs::write(&path, text).unwrap();
        let find = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::load(&path, &find)
    }

    fn message(error: &ConfigError) -> String {
        crate::http::error::chain(error)
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = load(&format!("{GOOD}conections_max = 5\n"), &[]).unwrap_err();
        let text = message(&error);
        assert!(text.contains("line 6"), "{text}");
        assert!(text.contains("unknown field `conections_max`"), "{text}");
    }

    #[test]
    fn files_are_found_beside_the_configuration() {
        let config = load(GOOD, &[]).unwrap();
        let path = config.token_secret_file.unwrap();
        assert!(path.is_absolute() && path.ends_with("secret"));
    }

    #[test]
    fn the_environment_wins_and_no_password_is_ever_shown() {
        let config = load(
            GOOD,
            &[
                ("AGOG_HUB_LISTEN", "127.0.0.1:9"),
                ("AGOG_HUB_SERVER_URL", "postgres://other:hunter2@db/agog"),
            ],
        )
        .unwrap();
        assert_eq!(config.server.listen.port(), 9);
        assert_eq!(config.server().unwrap().get_username(), "other");
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = load(GOOD, &[("AGOG_HUB_SERVER_URL", "hunter2")])
            .unwrap()
            .server()
            .unwrap_err();
        assert!(!message(&error).contains("hunter2"), "{}", message(&error));
    }

    #[test]
    fn what_is_missing_is_named_with_both_places_to_set_it() {
        let text = message(&load(GOOD, &[]).unwrap().owner().unwrap_err());
        assert!(
            text.contains("`database.owner_url`") && text.contains("AGOG_HUB_OWNER_URL"),
            "{text}"
        );
    }

    #[test]
    fn rollups_stay_as_long_as_what_they_are_told_from() {
        let keep = |text: &str| load(&format!("{GOOD}[telemetry]\n{text}\n"), &[]);
        let config = keep("raw_days = 30").unwrap();
        let now = "2025-10-31T14:20:00Z".parse().unwrap();
        let from = config.telemetry.raw_from(now).to_string();
        assert_eq!(from, "2025-10-01T00:00:00Z");
        for wrong in ["raw_days = 0", "hour_days = 89", "day_days = 700"] {
            let error = keep(wrong).unwrap_err();
            assert!(matches!(error, ConfigError::Keep), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_short_token_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "short\n").unwrap();
        let config = load(
            GOOD,
            &[("AGOG_HUB_TOKEN_SECRET_FILE", path.to_str().unwrap())],
        )
        .unwrap();
        assert!(matches!(
            config.token_secret(),
            Err(ConfigError::WeakSecret { found: 5, .. })
        ));
    }
}
