//! What can go wrong with the database, sorted by what the caller can do about it.

use std::fmt;

use sqlx::error::DatabaseError;

/// SQLSTATE of a deadlock: repeating the transaction helps.
const DEADLOCK: &str = "40P01";
/// SQLSTATE of a serialization failure: repeating the transaction helps.
const SERIALIZATION_FAILURE: &str = "40001";
/// SQLSTATE of a lock that was not got in time: repeating the transaction helps.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE of text with a NUL, as a parameter and as part of a JSON value: no form of PostgreSQL's text has room for it.
const TEXT_WITH_NUL: [&str; 2] = ["22021", "22P05"];

/// A failed piece of work with the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("database")]
    Sqlx(#[from] sqlx::Error),
    /// A row holds what this version cannot read.
    #[error("stored data: {0}")]
    Stored(String),
}

impl DbError {
    /// A row holds what this version cannot read.
    pub fn stored(what: impl fmt::Display) -> Self {
        Self::Stored(what.to_string())
    }

    /// The name of the constraint that refused a row.
    pub fn constraint(&self) -> Option<&str> {
        self.database_error()?.constraint()
    }

    /// The database is away or has no room for another connection; nothing is wrong with the
    /// request.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Sqlx(
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed,
            ) => true,
            _ => self.code().is_some_and(|code| {
                // Connection exceptions, insufficient resources, operator intervention.
                ["08", "53", "57"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
        }
    }

    /// Somebody else was in the way; the same transaction may well succeed the next time.
    pub fn is_contention(&self) -> bool {
        self.code().is_some_and(|code| {
            [DEADLOCK, SERIALIZATION_FAILURE, LOCK_NOT_AVAILABLE].contains(&code.as_str())
        })
    }

    /// The caller gave text that cannot be stored.
    pub fn is_bad_text(&self) -> bool {
        self.code()
            .is_some_and(|code| TEXT_WITH_NUL.contains(&code.as_str()))
    }

    fn code(&self) -> Option<String> {
        Some(self.database_error()?.code()?.into_owned())
    }

    fn database_error(&self) -> Option<&dyn DatabaseError> {
        match self {
            Self::Sqlx(error) => error.as_database_error(),
            Self::Stored(_) => None,
        }
    }
}
