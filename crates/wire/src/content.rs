//! Record contents as PowerDNS's API takes and its tables hold them (PDNS-DIALECT sections 6.1, 12.2).

use crate::RecordType;

/// A record content that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// RDATA in wire format.
    pub wire: Vec<u8>,
    /// The column `content`: no final dots on names; for MX and SRV without the first number.
    pub stored: String,
    /// The column `prio`: preference of MX, priority of SRV, else 0.
    pub prio: i32,
}

/// Why a content was refused; the text is the dialect's, without its `Record N/T 'input': ` prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ContentError(pub String);

/// Takes a content from the API: normalised, parsed, compared with its canonical form (the "expected
/// format" rule of PDNS-DIALECT 6.1).
pub fn from_api(_rtype: RecordType, _text: &str) -> Result<Content, ContentError> {
    todo!()
}

/// Takes a content from a zone file or pdnsutil: names relative to `origin`, no comparison with the canonical form.
pub fn from_zone_file(_rtype: RecordType, _text: &str, _origin: &crate::Name) -> Result<Content, ContentError> {
    todo!()
}

/// The API's text of a stored row: prio put back before MX and SRV, final dots put on names, everything else as stored.
/// Contents that cannot be parsed are an error with the reason.
pub fn to_api(_rtype: RecordType, _stored: &str, _prio: Option<i32>) -> Result<String, ContentError> {
    todo!()
}

/// The wire format of a stored row, lenient as PowerDNS reads it (final dots, odd spacing, short SOA).
pub fn to_wire(_rtype: RecordType, _stored: &str, _prio: Option<i32>) -> Result<Vec<u8>, ContentError> {
    todo!()
}

/// The stored form of RDATA that is already in wire format.
pub fn from_wire(_rtype: RecordType, _wire: &[u8]) -> Result<Content, ContentError> {
    todo!()
}
