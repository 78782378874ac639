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
/// Classes of SQLSTATE that blame the values of a row: data exceptions, and constraints that refuse it.
const BAD_DATA: [&str; 2] = ["22", "23"];
/// SQLSTATE of a value that is too long for an index, which no repetition makes shorter.
const TOO_LONG_FOR_INDEX: &str = "54000";

/// A failed piece of work with the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("database")]
    Sqlx(#[from] sqlx::Error),
    /// A row holds what this version cannot read.
    #[error("stored data: {0}")]
    Stored(String),
    /// Another transaction has made the same row since this one looked.
    #[error("somebody else has just made {0} known")]
    Overtaken(&'static str),
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
        matches!(self, Self::Overtaken(_))
            || self.code().is_some_and(|code| {
                [DEADLOCK, SERIALIZATION_FAILURE, LOCK_NOT_AVAILABLE].contains(&code.as_str())
            })
    }

    /// The values themselves cannot be stored or read, and repeating changes nothing. Every other
    /// fault lies with the database or with this program, and may be gone the next time.
    pub fn is_of_the_data(&self) -> bool {
        match self {
            Self::Stored(_) => true,
            Self::Overtaken(_) => false,
            Self::Sqlx(_) => self.code().is_some_and(|code| {
                code == TOO_LONG_FOR_INDEX || BAD_DATA.iter().any(|class| code.starts_with(class))
            }),
        }
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
            Self::Stored(_) | Self::Overtaken(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error;

    use sqlx::error::ErrorKind;

    use super::*;

    /// What a server would say with a code.
    #[derive(Debug, thiserror::Error)]
    #[error("SQLSTATE {0}")]
    struct Said(&'static str);

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[test]
    fn only_what_the_values_are_to_blame_for_is_of_the_data() {
        let said = |code| DbError::Sqlx(sqlx::Error::Database(Box::new(Said(code))));
        // A number out of range, text with NUL, a row that points nowhere, a check, a long name.
        for code in ["22003", "22021", "23503", "23514", "54000"] {
            assert!(said(code).is_of_the_data(), "{code}");
        }
        assert!(DbError::stored("a unit that nobody knows").is_of_the_data());
        // No right, no table, a statement that took too long, a full disk, a broken index.
        for code in ["42501", "42P01", "57014", "53100", "XX002", "40P01"] {
            assert!(!said(code).is_of_the_data(), "{code}");
        }
        assert!(!DbError::Sqlx(sqlx::Error::PoolTimedOut).is_of_the_data());
    }
}
