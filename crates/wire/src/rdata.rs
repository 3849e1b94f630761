//! Presentation and wire format of RDATA, both ways, and its canonical form.

use crate::{Name, RecordType};
use std::borrow::Cow;

/// Why RDATA is not what its type demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RdataError {
    /// What is wrong, for a person: names the field.
    pub reason: String,
}

/// Parses the presentation format of `rtype`'s RDATA to uncompressed wire format, letter case kept.
///
/// Relative names are completed with `origin`; without one every name counts as absolute. Generic
/// `\# LEN HEX` is taken for every type (RFC 3597).
pub fn parse(_rtype: RecordType, _text: &str, _origin: Option<&Name>) -> Result<Vec<u8>, RdataError> {
    todo!()
}

/// Prints RDATA in the one canonical presentation format (the one PowerDNS prints, final dots on names).
pub fn print(_rtype: RecordType, _wire: &[u8]) -> Result<String, RdataError> {
    todo!()
}

/// Checks that `wire` is well-formed RDATA of `rtype`.
pub fn check(_rtype: RecordType, _wire: &[u8]) -> Result<(), RdataError> {
    todo!()
}

/// The canonical form for signing (RFC 4034 section 6.2 as amended by RFC 6840 section 5.1): names inside
/// the listed types in lower case. Borrowed when nothing changes.
pub fn canonical(_rtype: RecordType, _wire: &[u8]) -> Cow<'_, [u8]> {
    todo!()
}
