//! Brings the schema up to date, as the owner.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

/// The roles, made before the schema that grants to them.
const ROLES: &str = include_str!("../../roles.sql");

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot connect as the owner")]
    Connect(#[source] sqlx::Error),
    #[error("cannot make the roles")]
    Roles(#[source] sqlx::Error),
    #[error("cannot migrate the schema")]
    Schema(#[source] sqlx::migrate::MigrateError),
}

/// Makes the roles that are missing and applies the migrations that are missing. Runs that meet
/// wait for each other.
pub async fn migrate(owner: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection = owner.connect().await.map_err(MigrateError::Connect)?;
    sqlx::raw_sql(ROLES)
        .execute(&mut connection)
        .await
        .map_err(MigrateError::Roles)?;
    MIGRATOR
        .run(&mut connection)
        .await
        .map_err(MigrateError::Schema)?;
    connection.close().await.map_err(MigrateError::Connect)
}
