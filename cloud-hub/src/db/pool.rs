//! The pool of connections, and the bell that tells waiting feed requests of this process that
//! something new was committed.

use std::sync::Arc;
use std::time::Duration;

use agog_sync::ids::AgentId;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use tokio::sync::broadcast;

use super::error::DbError;
use super::plants::PlantBell;

/// How long one statement may run. The slowest legitimate one is a large trace: under a second.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a statement may wait for a lock. Intake holds a producer's row for one batch.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may wait for a connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A transaction that stands idle for so long was forgotten.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(30);
/// Rings that a waiting feed request may miss before it looks for itself. Missing one costs
/// nothing but the look.
const BELL_CAPACITY: usize = 256;

/// Connections as one role.
#[derive(Debug, Clone)]
pub struct Pool {
    pub(super) connections: PgPool,
    pub(super) bell: Bell,
    pub(super) plant_bell: PlantBell,
}

impl Pool {
    /// The server's pool. It does not connect yet, so that the hub starts while the database is
    /// away, and never keeps a connection whose role could go around row security.
    pub fn server(options: PgConnectOptions, connections_max: u32) -> Self {
        let pool_options = pool_options(connections_max)
            .after_connect(|connection, _| Box::pin(refuse_role_above_the_rules(connection)));
        Self::new(pool_options, options)
    }

    /// Says at start, and not only to the first request, that the server's role is a wrong one.
    /// A database that is away is no error here.
    pub async fn check_role(options: &PgConnectOptions) -> Result<(), DbError> {
        let Ok(Ok(mut connection)) = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await
        else {
            return Ok(());
        };
        Ok(refuse_role_above_the_rules(&mut connection).await?)
    }

    /// A small pool for the owner's commands.
    pub fn owner(options: PgConnectOptions) -> Self {
        Self::new(pool_options(2), options)
    }

    fn new(pool_options: PgPoolOptions, options: PgConnectOptions) -> Self {
        let options = options.application_name("agog-hub").options([
            ("statement_timeout", millis(STATEMENT_TIMEOUT)),
            ("lock_timeout", millis(LOCK_TIMEOUT)),
            (
                "idle_in_transaction_session_timeout",
                millis(IDLE_IN_TRANSACTION),
            ),
        ]);
        Self {
            connections: pool_options.connect_lazy_with(options),
            bell: Bell::default(),
            plant_bell: PlantBell::default(),
        }
    }

    /// The bell of this process.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Waits until every connection is back, then closes them.
    pub async fn close(&self) {
        self.connections.close().await;
    }
}

async fn refuse_role_above_the_rules(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let is_above_the_rules = sqlx::query_scalar!(
        r#"select rolsuper or rolbypassrls as "is_above!"
         from pg_catalog.pg_roles where rolname = current_user"#
    )
    .fetch_one(connection)
    .await?;
    if is_above_the_rules {
        return Err(sqlx::Error::Configuration(
            "the server's role can bypass row security; connect as agog_server".into(),
        ));
    }
    Ok(())
}

fn pool_options(connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// Rings when a transaction that pushed something to an agent's feed is committed.
#[derive(Debug, Clone)]
pub struct Bell(Arc<broadcast::Sender<AgentId>>);

impl Default for Bell {
    fn default() -> Self {
        // Full: the slowest listener is told that it missed some, and looks for itself.
        let (sender, _) = broadcast::channel(BELL_CAPACITY);
        Self(Arc::new(sender))
    }
}

impl Bell {
    pub(super) fn ring(&self, agent: AgentId) {
        // Nobody waiting is no fault.
        drop(self.0.send(agent));
    }

    /// Hears every ring from now on.
    pub fn listen(&self) -> broadcast::Receiver<AgentId> {
        self.0.subscribe()
    }

    /// How many feed requests wait in this process.
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }
}
