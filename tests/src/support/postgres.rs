//! Throw-away PostgreSQL clusters on a Unix socket, in a private folder that is gone afterwards.
//!
//! No TCP port is opened. Local connections are trusted, and the folder around the socket (0700) keeps others out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};

use super::folder::Folder;
use super::process::{Process, Program, Signal};
use super::user::{self, User};

/// Superuser URL of the cluster that serves a whole test run (`agog-services` sets it).
pub const SHARED_URL: &str = "AGOG_TEST_POSTGRES";
/// Superuser URL of a server that is there already, to run the tests on instead of a cluster of the run's own: another
/// version, or one with TimescaleDB. It must let `agog_owner` and `agog_server` in as it does this user.
pub const GIVEN_URL: &str = "AGOG_TEST_DATABASE_URL";
/// The bin folder of a PostgreSQL in an unusual place.
const BIN_FOLDER: &str = "AGOG_POSTGRES_BIN";
/// Where Debian and Ubuntu keep one folder per major version. The same places as in packaging/dev/setup.sh.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";
const MAJOR_MIN: u32 = 15;
const SUPERUSER: &str = "postgres";
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What the cluster promises about commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production: for measurements and for tests about crashes.
    Full,
    /// A commit survives a killed server but not a power cut: for many small tests on a cluster that is thrown away.
    ProcessCrash,
}

/// A cluster of our own; it stops and disappears with this value.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the server first, then its folder.
    server: Option<Process>,
    bin: PathBuf,
    user: Option<User>,
    durability: Durability,
    folder: Folder,
}

impl Cluster {
    pub async fn start(durability: Durability) -> Result<Self> {
        let bin = bin_folder().await?;
        let user = user::unprivileged()?;
        let folder = Folder::new_for("agog-postgres-", user.as_ref())?;
        Program::at(bin.join("initdb"))
            .args(["--username", SUPERUSER, "--auth", "trust"])
            .args([
                "--encoding",
                "UTF8",
                "--no-locale",
                "--no-sync",
                "--no-instructions",
            ])
            .arg("--pgdata")
            .arg(folder.join("data"))
            .as_user(user)
            .output()
            .await
            .context("cannot make a PostgreSQL cluster")?;
        let mut cluster = Self {
            server: None,
            bin,
            user,
            durability,
            folder,
        };
        cluster.start_again().await?;
        Ok(cluster)
    }

    /// After [`Cluster::stop`] or [`Cluster::kill`]: the same data, the same URL.
    pub async fn start_again(&mut self) -> Result<()> {
        let fsync = match self.durability {
            Durability::Full => "on",
            Durability::ProcessCrash => "off",
        };
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={}", self.folder.path().display()),
            "unix_socket_permissions=0700".to_owned(),
            format!("fsync={fsync}"),
            format!("full_page_writes={fsync}"),
            // Several tests at a time, each with a hub and its pool.
            "max_connections=300".to_owned(),
            // Shared memory lives in the data folder, so that it goes with it even after SIGKILL.
            "dynamic_shared_memory_type=mmap".to_owned(),
            "log_line_prefix=%m [%p] %d ".to_owned(),
        ];
        // Where TimescaleDB is installed, `migrate` uses it, and tests are of that. It tells nobody that it runs.
        if self.bin.join("../lib/timescaledb.so").exists() {
            settings.push("shared_preload_libraries=timescaledb".to_owned());
            settings.push("timescaledb.telemetry_level=off".to_owned());
        }
        let server = Program::at(self.bin.join("postgres"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(settings.iter().flat_map(|setting| ["-c", setting.as_str()]))
            .as_user(self.user)
            // An immediate shutdown: the server ends its own children and gives its shared memory back.
            .on_parent_death("QUIT")
            .start(&self.folder.join("postgres.log"))?;
        let url = self.url("postgres");
        server
            .until("PostgreSQL to take connections", START_LIMIT, async || {
                Ok(PgConnection::connect(&url).await.ok())
            })
            .await?
            .close()
            .await
            .context("cannot leave PostgreSQL")?;
        self.server = Some(server);
        Ok(())
    }

    /// Superuser URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        url_of_socket(self.folder.path(), database)
    }

    /// Ends connections, writes everything, stops.
    pub async fn stop(&mut self) -> Result<()> {
        let server = self.server.take().context("PostgreSQL is not running")?;
        // SIGINT is the fast shutdown; SIGTERM would wait for clients to leave.
        server.signal(Signal::INT);
        server.wait(STOP_LIMIT).await?;
        Ok(())
    }

    /// `kill -9`: what it had committed is there after [`Cluster::start_again`].
    pub async fn kill(&mut self) -> Result<()> {
        let server = self.server.take().context("PostgreSQL is not running")?;
        server.kill();
        // Its children notice that it is gone; only then may the next one take the folder.
        let pid = server.pid();
        super::wait::until("PostgreSQL's children to end", STOP_LIMIT, async || {
            Ok((!has_children_of(self.folder.path(), pid)).then_some(()))
        })
        .await
    }

    pub fn server(&self) -> Option<&Process> {
        self.server.as_ref()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        match &self.server {
            Some(server) => {
                server.signal(Signal::QUIT);
                // If even that does not help, the process's own drop kills it.
                server.wait_blocking(STOP_LIMIT);
            }
            None => self.give_shared_memory_back(),
        }
    }
}

impl Cluster {
    /// A killed server leaves its System V segment (a lock of 56 bytes) to the next one; here there is none.
    fn give_shared_memory_back(&self) {
        let Ok(pid_file) = std::fs::read_to_string(self.folder.join("data/postmaster.pid")) else {
            return;
        };
        // Line 7: key and id of the segment.
        if let Some(id) = pid_file
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().nth(1))
        {
            let _ = std::process::Command::new("ipcrm")
                .args(["-m", id])
                .status();
        }
    }
}

/// The cluster that tests use: the run's own where there is one, else one for this test.
#[derive(Debug)]
pub enum Postgres {
    Shared { url: String },
    Own(Box<Cluster>),
}

impl Postgres {
    pub async fn shared_or_own() -> Result<Self> {
        Ok(match std::env::var(SHARED_URL) {
            Ok(url) => Self::Shared { url },
            Err(_) => Self::own(Durability::ProcessCrash).await?,
        })
    }

    pub async fn own(durability: Durability) -> Result<Self> {
        Ok(Self::Own(Box::new(Cluster::start(durability).await?)))
    }

    /// Superuser URL of its database `postgres`, or of the one that was given.
    pub fn admin_url(&self) -> String {
        match self {
            Self::Shared { url } => url.clone(),
            Self::Own(cluster) => cluster.url("postgres"),
        }
    }

    /// Makes a fresh, empty database as a hub's administrator would, with its owner. `name` is taken into its name
    /// for a person who looks.
    pub async fn database(&self, name: &str) -> Result<Database> {
        let database = fresh_name(name);
        let admin_url = self.admin_url();
        let mut admin = PgConnection::connect(&admin_url)
            .await
            .context("cannot connect to the PostgreSQL of this test run")?;
        sqlx::raw_sql(CREATE_OWNER)
            .execute(&mut admin)
            .await
            .context("cannot create the owner of the hub's database")?;
        // The name is ours: letters, digits and underscores.
        let create = format!("create database {database} owner {OWNER}");
        sqlx::query(sqlx::AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .with_context(|| format!("cannot create database {database}"))?;
        admin.close().await.context("cannot leave PostgreSQL")?;
        let url = with_database(&admin_url, &database);
        Ok(Database {
            owner_url: with_user(&url, OWNER)?,
            server_url: with_user(&url, SERVER)?,
            admin_url: url,
        })
    }
}

/// One database, as the three that may enter it.
#[derive(Debug, Clone)]
pub struct Database {
    /// Superuser: for tests that look behind the hub.
    pub admin_url: String,
    /// Owns the tables and runs the migrations.
    pub owner_url: String,
    /// What the hub serves with: owns nothing and cannot pass by row security.
    pub server_url: String,
}

/// As the hub's README tells an administrator: `agog-hub migrate` makes the other roles as this one. Roles belong to the
/// whole cluster, and tests of the same run may ask at the same moment.
const CREATE_OWNER: &str = "
do $$ begin
    create role agog_owner login createrole;
exception when duplicate_object or unique_violation then null;
end $$";
const OWNER: &str = "agog_owner";
const SERVER: &str = "agog_server";

/// Unique among the processes and calls that share a cluster.
fn fresh_name(name: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .take(40)
        .collect();
    format!("t_{name}_{}_{count}", std::process::id())
}

/// The same server, another database.
fn with_database(url: &str, database: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let server = address
        .rfind('/')
        .map_or(address, |slash| &address[..slash]);
    format!("{server}/{database}?{query}")
}

/// The same database, another role; with the same password, if there is one.
fn with_user(url: &str, user: &str) -> Result<String> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    if query.split('&').any(|part| part.starts_with("user=")) {
        let parts: Vec<_> = query
            .split('&')
            .map(|part| match part.strip_prefix("user=") {
                Some(_) => format!("user={user}"),
                None => part.to_owned(),
            })
            .collect();
        return Ok(format!("{address}?{}", parts.join("&")));
    }
    let parts = address.split_once("://").and_then(|(scheme, rest)| {
        let (somebody, server) = rest.split_once('@')?;
        Some((scheme, somebody, server))
    });
    let (scheme, somebody, server) = parts.with_context(|| {
        format!("`{address}` names no user; expected postgresql://SUPERUSER@SERVER/DATABASE")
    })?;
    let password = somebody.find(':').map_or("", |colon| &somebody[colon..]);
    let query = url.find('?').map_or("", |start| &url[start..]);
    Ok(format!("{scheme}://{user}{password}@{server}{query}"))
}

fn url_of_socket(folder: &Path, database: &str) -> String {
    format!(
        "postgresql:///{database}?host={}&user={SUPERUSER}",
        folder.display()
    )
}

async fn bin_folder() -> Result<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os(BIN_FOLDER)
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Ok(pg_config) = Program::installed("pg_config")
        && let Ok(answer) = pg_config.arg("--bindir").output().await
    {
        folders.push(answer.trim().into());
    }
    if let Ok(versions) = std::fs::read_dir(DEBIAN_FOLDER) {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let mut newest: Option<(u32, PathBuf)> = None;
    for folder in folders {
        if !folder.join("initdb").is_file() {
            continue;
        }
        let Ok(answer) = Program::at(folder.join("postgres"))
            .arg("--version")
            .output()
            .await
        else {
            continue;
        };
        if let Some(major) = major_version(&answer)
            && newest.as_ref().is_none_or(|(known, _)| major > *known)
        {
            newest = Some((major, folder));
        }
    }
    let (major, folder) = newest
        .context("PostgreSQL's server is not installed: run `packaging/dev/setup.sh --for test`")?;
    ensure!(
        major >= MAJOR_MIN,
        "PostgreSQL {major} in `{}` is older than {MAJOR_MIN}",
        folder.display()
    );
    Ok(folder)
}

/// From `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` or `… 18beta1`.
fn major_version(answer: &str) -> Option<u32> {
    let version = answer.split_whitespace().nth(2)?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..digits].parse().ok()
}

/// Whether processes other than `pid` work in the cluster's folder. Zombies do not count: their folder cannot be read.
fn has_children_of(folder: &Path, pid: u32) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    processes.flatten().any(|process| {
        process.file_name() != *pid.to_string()
            && std::fs::read_link(process.path().join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(folder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_every_distribution_writes_them() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("postgres (PostgreSQL) 17"), Some(17));
    }

    #[test]
    fn a_database_takes_the_place_of_another_in_a_url() {
        assert_eq!(
            with_database("postgresql:///postgres?host=/tmp/x&user=postgres", "t_1"),
            "postgresql:///t_1?host=/tmp/x&user=postgres"
        );
    }

    #[test]
    fn another_role_takes_the_place_of_the_superuser_in_a_url() {
        let url = url_of_socket(Path::new("/tmp/x"), "t_1");
        assert_eq!(
            with_user(&url, "agog_server").unwrap(),
            "postgresql:///t_1?host=/tmp/x&user=agog_server"
        );
        let with = |url| with_user(url, "agog_server").unwrap();
        assert_eq!(
            with("postgresql://somebody:secret@server:5433/t_1?sslmode=require"),
            "postgresql://agog_server:secret@server:5433/t_1?sslmode=require"
        );
        assert_eq!(
            with("postgresql://somebody@server/t_1"),
            "postgresql://agog_server@server/t_1"
        );
        assert!(with_user("postgresql://server/t_1", "agog_server").is_err());
    }

    #[tokio::test]
    async fn a_cluster_speaks_on_its_socket_alone_and_is_gone_after_drop() {
        let cluster = Cluster::start(Durability::ProcessCrash).await.unwrap();
        let folder = cluster.folder.path().to_owned();
        let pid = cluster.server().unwrap().pid();

        let mut connection = PgConnection::connect(&cluster.url("postgres"))
            .await
            .unwrap();
        let listens: String = sqlx::query_scalar("show listen_addresses")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(listens, "");
        assert!(!opens_tcp(pid), "the server listens on a TCP port");

        drop(cluster);
        assert!(!folder.exists());
        assert!(!has_children_of(&folder, 0));
    }

    #[tokio::test]
    async fn what_was_committed_survives_a_killed_server() {
        let mut cluster = Cluster::start(Durability::ProcessCrash).await.unwrap();
        let url = cluster.url("postgres");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("create table t (n int); insert into t values (7)")
            .execute(&mut connection)
            .await
            .unwrap();

        cluster.kill().await.unwrap();
        assert!(PgConnection::connect(&url).await.is_err());
        cluster.start_again().await.unwrap();

        let mut connection = PgConnection::connect(&url).await.unwrap();
        let n: i32 = sqlx::query_scalar("select n from t")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(n, 7);
        cluster.stop().await.unwrap();
    }

    #[tokio::test]
    async fn every_database_is_a_new_one_that_its_owner_may_change() {
        let postgres = Postgres::shared_or_own().await.unwrap();
        let first = postgres.database("every database").await.unwrap();
        let second = postgres.database("every database").await.unwrap();
        for database in [&first, &second] {
            let mut owner = PgConnection::connect(&database.owner_url).await.unwrap();
            sqlx::raw_sql("create table t (n int)")
                .execute(&mut owner)
                .await
                .unwrap();
        }
    }

    /// Whether the process holds a listening TCP socket: its open files against the kernel's table.
    fn opens_tcp(pid: u32) -> bool {
        let listening: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .flat_map(|table| {
                std::fs::read_to_string(table)
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .filter(|line| line.split_whitespace().nth(3) == Some("0A"))
            .filter_map(|line| {
                line.split_whitespace()
                    .nth(9)
                    .map(|inode| format!("socket:[{inode}]"))
            })
            .collect();
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|target| listening.contains(&target.to_string_lossy().into_owned()))
    }
}
