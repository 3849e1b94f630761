//! Master files (RFC 1035 section 5): `$ORIGIN`, `$TTL`, `$GENERATE`, parentheses, comments, TTL units, omitted owners.

use crate::{Name, RecordType};

/// One record of a master file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFileRecord {
    /// Owner, absolute.
    pub name: Name,
    /// TTL in seconds.
    pub ttl: u32,
    /// Type.
    pub rtype: RecordType,
    /// RDATA in presentation format, one line, names made absolute not yet done.
    pub content: crate::content::Content,
}

/// Why a master file cannot be read: line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ZoneFileError {
    /// One-based.
    pub line: usize,
    /// For a person.
    pub reason: String,
}

/// Reads a whole master file; `default_ttl` holds until a `$TTL`. A second SOA is skipped.
pub fn parse(_text: &str, _origin: &Name, _default_ttl: u32) -> Result<Vec<ZoneFileRecord>, ZoneFileError> {
    todo!()
}
