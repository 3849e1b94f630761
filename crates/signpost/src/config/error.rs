//! What can be wrong with settings, and where each came from.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from, as an error or a warning names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A file, and the line in it.
    File {
        /// As it was opened.
        path: PathBuf,
        /// One-based.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => write!(f, "environment variable {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file is missing or cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file does not follow its syntax.
    #[error("{origin}: {reason}")]
    Syntax {
        /// File and line.
        origin: Origin,
        /// For a person.
        reason: String,
    },
    /// There is no such setting.
    #[error("{origin}: unknown setting '{name}'{hint}")]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// As written.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A setting has a value that it cannot have.
    #[error("setting {name} ({origin}): {reason}")]
    Value {
        /// Name.
        name: String,
        /// Where the value came from.
        origin: Origin,
        /// For a person.
        reason: String,
    },
}

/// Something in the settings that does not do what its writer may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The setting.
    pub name: String,
    /// Where it stands.
    pub origin: Origin,
    /// What happens instead.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "setting {} ({}): {}", self.name, self.origin, self.reason)
    }
}
