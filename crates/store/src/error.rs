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
