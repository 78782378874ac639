//! A hub in this process, on a database that the tests of one state of the schema share.

use std::str::FromStr;
use std::sync::Arc;

use agog_hub::app::{App, Seeds};
use agog_hub::config::TelemetryKeep;
use agog_hub::db::{Pool, migrate};
use agog_hub::equipment::Exports;
use agog_hub::equipment::live::Live;
use agog_hub::files::Files;
use agog_hub::http;
use agog_hub::run::system_rng;
use agog_hub::tenants::tokens::AccessTokens;
use agog_sync::clock::{Clock, SystemClock};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use tokio_util::sync::CancellationToken;

/// Superuser URL of the throw-away cluster (`agog-services` sets it for a test run).
const CLUSTER_URL: &str = "AGOG_TEST_POSTGRES";

/// Held while a database is made, so that test processes that start together make it once.
const MAKING: i64 = 0x6167_6f67;

/// A running hub.
pub(crate) struct Hub {
    pub(crate) app: App,
    pub(crate) owner: Pool,
    pub(crate) url: String,
    /// Its database, as the superuser of the cluster.
    pub(crate) database: PgConnectOptions,
    /// Where it keeps the files of jobs; removed with it.
    pub(crate) files: tempfile::TempDir,
}

/// Documents begin anew after so many edits: few, because each takes its time in a test.
pub(crate) const ROLL_AT: usize = 20;

impl Hub {
    /// Starts a hub; it ends with the runtime of the test.
    pub(crate) async fn start() -> Self {
        Self::start_with(Arc::new(SystemClock)).await
    }

    /// Starts a hub whose clock the test turns.
    pub(crate) async fn start_with(clock: Arc<dyn Clock>) -> Self {
        Self::start_on(database().await, clock).await
    }

    /// Starts a hub on a migrated database of its own, which keeps samples for 30 days, hours for 60 and days for 90. The
    /// test removes the database.
    pub(crate) async fn start_forgetful(name: &str, clock: Arc<dyn Clock>) -> Self {
        let database = own_database(name).await;
        migrate(&database.clone().username("agog_owner"))
            .await
            .unwrap();
        let mut hub = Self::start_on(database, clock).await;
        hub.app.telemetry = TelemetryKeep {
            raw_days: 30,
            hour_days: 60,
            day_days: 90,
        };
        hub
    }

    /// Starts a hub on a database that is migrated.
    pub(crate) async fn start_on(database: PgConnectOptions, clock: Arc<dyn Clock>) -> Self {
        let files = tempfile::tempdir().unwrap();
        let app = App {
            pool: Pool::server(database.clone().username("agog_server"), 4),
            live: Live::default(),
            exports: Exports::default(),
            clock,
            public_url: "http://hub.test".into(),
            access_tokens: Arc::new(AccessTokens::new(&[7; 32])),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            seeds: Seeds::new(system_rng().unwrap()),
            files: Some(Files::local(files.path()).unwrap()),
            roll_at: ROLL_AT,
            telemetry: TelemetryKeep::default(),
            stopping: CancellationToken::new(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, http::router(app.clone())).into_future());
        Self {
            app,
            owner: Pool::owner(database.clone().username("agog_owner")),
            url,
            database,
            files,
        }
    }
}

/// An empty database for one test that changes what all tenants share, with roles; its owner is `agog_owner`.
pub(crate) async fn own_database(name: &str) -> PgConnectOptions {
    let shared = database().await;
    let name = format!("agog_test_{name}_{}", std::process::id());
    let mut superuser = PgConnection::connect_with(&shared).await.unwrap();
    let create = format!("create database {name} owner agog_owner");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut superuser)
        .await
        .unwrap();
    superuser.close().await.unwrap();
    shared.database(&name)
}

/// Removes such a database, whoever is still connected to it.
pub(crate) async fn remove_database(database: &PgConnectOptions) {
    let name = database.get_database().unwrap();
    let shared = std::env::var(CLUSTER_URL).unwrap();
    let mut superuser = PgConnection::connect(&shared).await.unwrap();
    let remove = format!("drop database {name} with (force)");
    sqlx::raw_sql(AssertSqlSafe(remove))
        .execute(&mut superuser)
        .await
        .unwrap();
}

/// The database of this state of the schema, made and migrated by whoever comes first.
async fn database() -> PgConnectOptions {
    let cluster = std::env::var(CLUSTER_URL)
        .expect("AGOG_TEST_POSTGRES is set: run the tests with `make test`");
    let cluster = PgConnectOptions::from_str(&cluster).unwrap();
    let name = format!(
        "agog_test_{}",
        &blake3::hash(schema().as_bytes()).to_hex()[..16]
    );
    let mut superuser = PgConnection::connect_with(&cluster).await.unwrap();
    sqlx::query("select pg_advisory_lock($1)")
        .bind(MAKING)
        .execute(&mut superuser)
        .await
        .unwrap();
    let roles: bool =
        sqlx::query_scalar("select exists (select from pg_roles where rolname = 'agog_owner')")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    if !roles {
        sqlx::raw_sql("create role agog_owner login createrole")
            .execute(&mut superuser)
            .await
            .unwrap();
    }
    let made: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(&name)
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    if !made {
        let create = format!("create database {name} owner agog_owner");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut superuser)
            .await
            .unwrap();
    }
    let database = cluster.database(&name);
    migrate(&database.clone().username("agog_owner"))
        .await
        .unwrap();
    superuser.close().await.unwrap();
    database
}

/// Every migration, as text.
fn schema() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}
