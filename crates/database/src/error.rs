//! What can go wrong with the database, in the words of those who use it.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// Why a query or transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database is not there, has no room, or asks for another try: the same call may work in a moment.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// Another row has this key.
    #[error("unique constraint {constraint} violated")]
    UniqueViolation {
        /// The name of the constraint on PostgreSQL, its columns on SQLite.
        constraint: String,
    },
    /// A row that this one points to is not there, or one that is pointed to was to go.
    #[error("foreign key violated")]
    ForeignKey,
    /// A row that must be there is not.
    #[error("row not found")]
    NotFound,
    /// Anything else: a fault of ours, or data that the database cannot take.
    #[error("database: {0}")]
    Other(String),
}

impl DatabaseError {
    pub(crate) fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<DieselError> for DatabaseError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(kind, information) => classify(&kind, information.as_ref()),
            // The transaction was abandoned half way; the connection is of no use any more.
            DieselError::BrokenTransactionManager | DieselError::AlreadyInTransaction => {
                Self::unavailable(error)
            }
            other => Self::Other(other.to_string()),
        }
    }
}

fn classify(
    kind: &DatabaseErrorKind,
    information: &(dyn DatabaseErrorInformation + Send + Sync),
) -> DatabaseError {
    let message = information.message();
    match kind {
        DatabaseErrorKind::UniqueViolation => DatabaseError::UniqueViolation {
            constraint: information.constraint_name().unwrap_or(message).to_owned(),
        },
        DatabaseErrorKind::ForeignKeyViolation => DatabaseError::ForeignKey,
        DatabaseErrorKind::SerializationFailure
        | DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ReadOnlyTransaction => DatabaseError::Unavailable(message.to_owned()),
        _ if is_passing(message) => DatabaseError::Unavailable(message.to_owned()),
        _ => DatabaseError::Other(message.to_owned()),
    }
}

/// Failures of the place rather than of the query. The drivers hand on no code for them, only PostgreSQL's and SQLite's own words.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 17] = [
        "connection closed",
        "error communicating with the server",
        "deadlock detected",
        "lock timeout",
        "statement timeout",
        "idle-in-transaction timeout",
        "terminating connection",
        "shutting down",
        "starting up",
        "in recovery mode",
        "too many clients",
        "remaining connection slots",
        "No space left on device",
        "out of memory",
        "database is locked",
        "database or disk is full",
        "disk I/O error",
    ];
    PASSING.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(kind: DatabaseErrorKind, message: &str) -> DatabaseError {
        DieselError::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        use DatabaseErrorKind::{ClosedConnection, SerializationFailure, Unknown};
        for (kind, message) in [
            (ClosedConnection, "gone"),
            (SerializationFailure, "could not serialize access"),
            (Unknown, "deadlock detected"),
            (Unknown, "database is locked"),
            (Unknown, "terminating connection due to administrator command"),
        ] {
            assert!(matches!(classified(kind, message), DatabaseError::Unavailable(_)), "{message}");
        }
        assert!(matches!(classified(Unknown, "no such table: x"), DatabaseError::Other(_)));
        assert!(matches!(
            classified(DatabaseErrorKind::UniqueViolation, "UNIQUE constraint failed: a.b"),
            DatabaseError::UniqueViolation { constraint } if constraint.ends_with("a.b")
        ));
        assert!(matches!(DatabaseError::from(DieselError::NotFound), DatabaseError::NotFound));
    }
}
