//! Presentation and wire format of RDATA, both ways, and its canonical form.
//!
//! Every type is a row of field kinds in `table`; how a kind is read and written is in `fields` and
//! the modules it calls. What PowerDNS's tables and API make of the text is in [`crate::content`].

mod apl;
mod bitmap;
mod encoding;
mod fields;
mod generic;
mod ipseckey;
mod loc;
mod number;
mod svcb;
mod table;
pub(crate) mod text;
pub(crate) mod words;

use std::borrow::Cow;

use crate::{Name, RecordType};
use fields::Kind;
pub(crate) use fields::{FinalDot, append_name};
pub(crate) use number::interval;
use words::Words;

/// Longest RDATA: its length field has 16 bits (RFC 1035 section 3.2.1).
pub const RDATA_OCTETS_MAX: usize = 65_535;

/// Why RDATA is not what its type demands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RdataError {
    /// What is wrong, for a person: names the field.
    pub reason: String,
}

impl RdataError {
    pub(crate) fn new(reason: impl Into<String>) -> RdataError {
        RdataError { reason: reason.into() }
    }

    fn in_field(self, field: &str) -> RdataError {
        RdataError { reason: format!("{field}: {}", self.reason) }
    }
}

/// Parses the presentation format of `rtype`'s RDATA to uncompressed wire format, letter case kept.
///
/// Relative names are completed with `origin`; without one every name counts as absolute. Generic
/// `\# LEN HEX` is taken for every type (RFC 3597). The text is one line, as
/// [`crate::zonefile`] leaves it: parentheses and comments are no part of it. Character-strings may
/// stand without quotes; TXT takes strings of over 255 octets and splits them.
///
/// # Errors
///
/// [`RdataError`] names the field that is missing, malformed, out of range, or one too many.
pub fn parse(rtype: RecordType, text: &str, origin: Option<&Name>) -> Result<Vec<u8>, RdataError> {
    let mut words = Words::new(text);
    if words.starts_with_generic_mark() {
        let wire = generic::parse(words)?;
        check(rtype, &wire)?;
        return Ok(wire);
    }
    let Some(fields) = table::text_fields(rtype) else {
        return Err(RdataError::new(format!("data of type {rtype} must be written as \\# LENGTH HEX (RFC 3597)")));
    };
    let mut wire = Vec::with_capacity(text.len() + 2);
    for field in fields {
        field.kind.parse(&mut words, origin, &mut wire).map_err(|error| error.in_field(field.name))?;
    }
    words.finish(rtype)?;
    check_length(&wire)?;
    Ok(wire)
}

/// Prints RDATA in the one canonical presentation format (the one PowerDNS prints, final dots on names).
///
/// # Errors
///
/// [`RdataError`] if `wire` is not well-formed RDATA of `rtype`.
pub fn print(rtype: RecordType, wire: &[u8]) -> Result<String, RdataError> {
    print_with(rtype, wire, FinalDot::Kept)
}

/// [`print`], with or without the final dots of names.
pub(crate) fn print_with(rtype: RecordType, wire: &[u8], dot: FinalDot) -> Result<String, RdataError> {
    check_length(wire)?;
    let Some(fields) = table::text_fields(rtype) else {
        check(rtype, wire)?;
        return Ok(generic::print(wire));
    };
    let mut text = String::with_capacity(wire.len() * 2);
    let mut rest = wire;
    for field in fields {
        let octets = field.kind.split(&mut rest).map_err(|error| error.in_field(field.name))?;
        let before = text.len();
        if !text.is_empty() {
            text.push(' ');
        }
        let after_space = text.len();
        field.kind.print(octets, dot, &mut text);
        if text.len() == after_space {
            // An empty bitmap, parameter list or key leaves no space behind.
            text.truncate(before);
        }
    }
    check_end(rest)?;
    Ok(text)
}

/// Checks that `wire` is well-formed RDATA of `rtype`. RDATA of types without a known format is.
///
/// # Errors
///
/// [`RdataError`] with the first field at fault.
pub fn check(rtype: RecordType, wire: &[u8]) -> Result<(), RdataError> {
    check_length(wire)?;
    let Some(fields) = table::fields(rtype) else {
        return Ok(());
    };
    let mut rest = wire;
    for field in fields {
        field.kind.split(&mut rest).map_err(|error| error.in_field(field.name))?;
    }
    check_end(rest)
}

fn check_length(wire: &[u8]) -> Result<(), RdataError> {
    if wire.len() > RDATA_OCTETS_MAX {
        return Err(RdataError::new(format!("data of {} octets is longer than {RDATA_OCTETS_MAX}", wire.len())));
    }
    Ok(())
}

fn check_end(rest: &[u8]) -> Result<(), RdataError> {
    if !rest.is_empty() {
        return Err(RdataError::new(format!("{} octets too many at the end", rest.len())));
    }
    Ok(())
}

/// The canonical form for signing (RFC 4034 section 6.2 as amended by RFC 6840 section 5.1): names inside
/// the listed types in lower case. Borrowed when nothing changes, as it is for malformed RDATA.
pub fn canonical(rtype: RecordType, wire: &[u8]) -> Cow<'_, [u8]> {
    if rtype == RecordType::A6 {
        return canonical_a6(wire);
    }
    let Some(fields) = table::fields(rtype) else {
        return Cow::Borrowed(wire);
    };
    let mut lowered = Cow::Borrowed(wire);
    let mut rest = wire;
    for field in fields {
        let at = wire.len() - rest.len();
        let Ok(octets) = field.kind.split(&mut rest) else {
            return Cow::Borrowed(wire);
        };
        if matches!(field.kind, Kind::Name) && octets.iter().any(u8::is_ascii_uppercase) {
            // Length octets are below 64, so no letter.
            lowered.to_mut()[at..at + octets.len()].make_ascii_lowercase();
        }
    }
    lowered
}

/// A6 (RFC 2874 section 3.1.1): prefix length, the suffix it leaves, and a name unless it is zero.
fn canonical_a6(wire: &[u8]) -> Cow<'_, [u8]> {
    let suffix_octets = match wire.first() {
        Some(&bits @ 1..=128) => usize::from(128 - bits).div_ceil(8),
        _ => return Cow::Borrowed(wire),
    };
    match wire.get(1 + suffix_octets..) {
        Some(name) if Name::from_wire(name).is_ok() && name.iter().any(u8::is_ascii_uppercase) => {
            let mut lowered = wire.to_vec();
            lowered[1 + suffix_octets..].make_ascii_lowercase();
            Cow::Owned(lowered)
        }
        _ => Cow::Borrowed(wire),
    }
}

#[cfg(test)]
mod tests;
