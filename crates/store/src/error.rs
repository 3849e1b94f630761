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
    /// The database cannot be used as it is; the text says what to do.
    #[error("{0}")]
    Schema(String),
    /// The database holds something that cannot be read.
    #[error("stored data is malformed: {0}")]
    Malformed(String),
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
