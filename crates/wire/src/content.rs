//! Record contents as PowerDNS's API takes and its tables hold them.
//!
//! Three texts of one record meet here: the API's (final dots on names, canonical spelling demanded), the
//! tables' (no final dots, the first number of MX and SRV in a column of its own, whatever spelling time
//! has left there), and the master file's (relative names, free spelling). The formats themselves are
//! in [`crate::rdata`].
//!
//! TXT is the exception in all of it: its spelling is kept as sent. External-DNS reads its ownership
//! records back and compares them as text, so a string of over 255 octets must come back in one pair of
//! quotes, though the wire has it in pieces.

mod auto_hint;
mod normal;
mod row;
mod txt;

use crate::rdata::words::excerpt;
use crate::rdata::{self, FinalDot, RdataError};
use crate::{Name, RecordType};
use txt::Quotes;

/// Longest RDATA that fits a message of 65,535 octets with header (12), the longest question (259), an OPT (11)
/// and the record's own compressed owner, type, class, TTL and length (12).
pub const RDATA_IN_MESSAGE_MAX: usize = rdata::RDATA_OCTETS_MAX - 12 - 259 - 11 - 12;

/// Longest `content` of PowerDNS's tables, in characters: `VARCHAR(65535)`.
pub const STORED_CHARS_MAX: usize = 65_535;

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

impl From<RdataError> for ContentError {
    fn from(error: RdataError) -> ContentError {
        ContentError(error.reason)
    }
}

/// Takes a content from the API: normalised, parsed, compared with its canonical form.
///
/// Normalising puts one space between words and escapes octets that are not printable. What then
/// differs from the canonical form by more than letter case is refused, so that a forgotten final dot
/// does not become another name. AAAA is taken in any spelling, LUA as it is.
///
/// # Errors
///
/// [`ContentError`] with the dialect's text.
pub fn from_api(rtype: RecordType, text: &str) -> Result<Content, ContentError> {
    match rtype {
        RecordType::AAAA => {
            let address: std::net::Ipv6Addr =
                text.parse().map_err(|_| ContentError("Invalid IPv6 address".to_string()))?;
            accepted(rtype, address.octets().to_vec(), address.to_string())
        }
        RecordType::LUA => lua(text),
        _ if is_text(rtype) => {
            let normal = normal::normalise(text, normal::NonAscii::Kept)?;
            let txt = txt::read(&normal, Quotes::Required)?;
            accepted(rtype, txt.wire, txt.spelling)
        }
        _ => {
            let normal = match rtype.mnemonic() {
                Some(_) => normal::normalise(text, normal::NonAscii::Escaped)?,
                None => text.trim_ascii().to_string(),
            };
            if auto_hint::is_in(rtype, &normal) {
                return with_auto_hint(rtype, &normal);
            }
            let wire = rdata::parse(rtype, &normal, None)?;
            let canonical = rdata::print(rtype, &wire)?;
            if !canonical.eq_ignore_ascii_case(&normal) {
                return Err(unexpected_format(&canonical));
            }
            printed(rtype, wire)
        }
    }
}

/// Takes a content from a zone file or pdnsutil: names relative to `origin`, no comparison with the canonical form.
///
/// # Errors
///
/// [`ContentError`] if the content does not parse or is too long.
pub fn from_zone_file(rtype: RecordType, text: &str, origin: &Name) -> Result<Content, ContentError> {
    if rtype == RecordType::LUA {
        return lua(text);
    }
    if keeps_spelling(rtype, text) {
        let normal = normal::escape_controls(text)?;
        let txt = txt::read(&normal, Quotes::Optional)?;
        return accepted(rtype, txt.wire, txt.spelling);
    }
    if auto_hint::is_in(rtype, text) {
        let read = auto_hint::read(rtype, text, Some(origin))?;
        return accepted(rtype, read.wire, read.stored);
    }
    printed(rtype, rdata::parse(rtype, text, Some(origin))?)
}

/// The API's text of a stored row: prio put back before MX and SRV, final dots put on names; TXT keeps its spelling.
///
/// # Errors
///
/// Contents that cannot be parsed are an error with the reason.
pub fn to_api(rtype: RecordType, stored: &str, prio: Option<i32>) -> Result<String, ContentError> {
    if rtype == RecordType::LUA {
        return Ok(stored.to_string());
    }
    if keeps_spelling(rtype, stored) {
        return Ok(txt::read_stored(stored)?.spelling);
    }
    if auto_hint::is_in(rtype, stored) {
        return Ok(auto_hint::read(rtype, stored, None)?.canonical);
    }
    let wire = row::to_wire(rtype, stored, prio)?;
    Ok(rdata::print(rtype, &wire)?)
}

/// The wire format of a stored row, lenient as PowerDNS reads it: final dots or none, odd spacing, short SOA, escapes
/// that mean nothing. A missing `prio` is 0.
///
/// # Errors
///
/// [`ContentError`] if the row is beyond repair; such a row cannot be served.
pub fn to_wire(rtype: RecordType, stored: &str, prio: Option<i32>) -> Result<Vec<u8>, ContentError> {
    let wire = row::to_wire(rtype, stored, prio)?;
    check_length(&wire)?;
    Ok(wire)
}

/// The stored form of RDATA that is already in wire format.
///
/// # Errors
///
/// [`ContentError`] if `wire` is not well-formed, or too long as text.
pub fn from_wire(rtype: RecordType, wire: &[u8]) -> Result<Content, ContentError> {
    printed(rtype, wire.to_vec())
}

/// Whether `text` is of character-strings only and not in the generic format; it then keeps its spelling.
fn keeps_spelling(rtype: RecordType, text: &str) -> bool {
    is_text(rtype) && !text.trim_ascii_start().starts_with("\\#")
}

fn is_text(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::TXT | RecordType::SPF | RecordType::RESINFO | RecordType::WALLET)
}

/// LUA is stored as it is; it must be a type and strings.
fn lua(text: &str) -> Result<Content, ContentError> {
    let wire = row::lua_to_wire(text)?;
    accepted(RecordType::LUA, wire, text.to_string())
}

/// A content that is stored with its `auto`, and served without that hint.
fn with_auto_hint(rtype: RecordType, normal: &str) -> Result<Content, ContentError> {
    let read = auto_hint::read(rtype, normal, None)?;
    if !read.canonical.eq_ignore_ascii_case(normal) {
        return Err(unexpected_format(&read.canonical));
    }
    accepted(rtype, read.wire, read.stored)
}

/// The content whose stored form is the canonical one.
fn printed(rtype: RecordType, wire: Vec<u8>) -> Result<Content, ContentError> {
    let text = rdata::print_with(rtype, &wire, FinalDot::Dropped)?;
    accepted(rtype, wire, text)
}

/// Splits the first number off where the tables do, and checks lengths.
fn accepted(rtype: RecordType, wire: Vec<u8>, text: String) -> Result<Content, ContentError> {
    check_length(&wire)?;
    let content = match (rtype, wire.first_chunk(), text.split_once(' ')) {
        (RecordType::MX | RecordType::SRV, Some(&number), Some((_, rest))) => {
            let prio = i32::from(u16::from_be_bytes(number));
            Content { stored: rest.to_string(), prio, wire }
        }
        _ => Content { stored: text, prio: 0, wire },
    };
    let chars = content.stored.chars().count();
    if chars > STORED_CHARS_MAX {
        return Err(ContentError(format!("content of {chars} characters is longer than {STORED_CHARS_MAX}")));
    }
    Ok(content)
}

fn check_length(wire: &[u8]) -> Result<(), ContentError> {
    if wire.len() > RDATA_IN_MESSAGE_MAX {
        let length = wire.len();
        return Err(ContentError(format!(
            "data of {length} octets does not fit a message: {RDATA_IN_MESSAGE_MAX} is the most"
        )));
    }
    Ok(())
}

fn unexpected_format(canonical: &str) -> ContentError {
    ContentError(format!("Not in expected format (parsed as '{}')", excerpt(canonical)))
}

#[cfg(test)]
mod tests;
