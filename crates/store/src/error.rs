//! What can go wrong with the database or a change.

/// An error type without a type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Tells the caller what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The caller named something that is not there.
    #[error("{what} not found")]
    NotFound {
        /// "zone", "key".
        what: &'static str,
    },
    /// The name is taken.
    #[error("{what} exists already")]
    Exists {
        /// "zone".
        what: &'static str,
    },
    /// It is no longer what the change was decided on: read again and decide again.
    #[error("{what} was changed by somebody else")]
    Changed {
        /// "zone".
        what: &'static str,
    },
    /// The change breaks a rule that only the stored data can tell; the text is the dialect's.
    #[error("{0}")]
    Refused(String),
    /// The database did not do it; the same call may work later.
    #[error("database failed while {doing}")]
    Unavailable {
        /// In words.
        doing: &'static str,
        #[source]
        /// The driver's error.
        source: BoxError,
    },
    /// The database refuses the statement, and will refuse it again: a right, a table or a constraint stands against it.
    #[error("database refused {doing}")]
    Failed {
        /// In words.
        doing: &'static str,
        #[source]
        /// The driver's error.
        source: BoxError,
    },
    /// The database cannot be used as it is; the text says what to do.
    #[error("{0}")]
    Schema(String),
    /// The database holds something that cannot be read.
    #[error("stored data is malformed: {0}")]
    Malformed(String),
}

/// What an error of the driver means for the caller: try again, or not.
pub(crate) fn of_database(doing: &'static str, error: sqlx::Error) -> StoreError {
    match may_pass(&error) {
        true => StoreError::Unavailable { doing, source: Box::new(error) },
        false => StoreError::Failed { doing, source: Box::new(error) },
    }
}

/// Whether the same statement may do later. By SQLSTATE class in Postgres (appendix A of its manual), by primary result
/// code in SQLite.
fn may_pass(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        // A line, a pool, a protocol; and types that do not fit the tables.
        return !matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_));
    };
    let Some(code) = database.code() else { return true };
    let is_of_postgres = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
    if is_of_postgres {
        // Cardinality, data, integrity, syntax or access rule, check option. Not "feature not supported": so says a
        // standby, which may become the primary.
        return !matches!(code.get(..2), Some("21" | "22" | "23" | "42" | "44"));
    }
    // Error in the statement, read-only file, corrupt file, too big, constraint, mismatch, misuse, not a database.
    !matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(1 | 8 | 11 | 18 | 19 | 20 | 21 | 26))
}

/// An error with its causes in one line, for logs and people. A cause that says again what stands before it is left out:
/// the database drivers' errors carry the text of their own cause.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("driver failed: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn each_cause_is_said_once() {
        let refused = std::io::Error::other("connection refused");
        let error = StoreError::Unavailable { doing: "connecting", source: Box::new(Repeating(refused)) };
        assert_eq!(with_causes(&error), "database failed while connecting: driver failed: connection refused");
        let plain = StoreError::Unavailable { doing: "connecting", source: "no".into() };
        assert_eq!(with_causes(&plain), "database failed while connecting: no");
    }
}
