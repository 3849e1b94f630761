//! RDATA of any type as `\# LENGTH HEX` (RFC 3597 section 5).

use super::words::Words;
use super::{RdataError, encoding, number};

/// Prints any octets.
pub(super) fn print(wire: &[u8]) -> String {
    let mut text = format!("\\# {}", wire.len());
    if !wire.is_empty() {
        text.push(' ');
        encoding::print_hex(wire, &mut text);
    }
    text
}

/// Reads the generic format, its mark included.
pub(super) fn parse(mut words: Words<'_>) -> Result<Vec<u8>, RdataError> {
    words.need()?;
    let length = number::parse(words.need()?, 16).map_err(|error| error.in_field("length"))?;
    let mut wire = Vec::new();
    encoding::parse_hex_or_none(&mut words, &mut wire)?;
    if wire.len() as u64 != length {
        return Err(RdataError::new(format!("length {length} is said, but there are {} octets", wire.len())));
    }
    Ok(wire)
}
