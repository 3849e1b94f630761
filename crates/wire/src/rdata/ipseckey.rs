//! The gateway of IPSECKEY, whose form an earlier octet decides (RFC 4025 section 2).

use super::fields::{
    FinalDot, append_name, parse_ipv4, parse_ipv6, push, push_ipv4, push_ipv6, push_name, take, take_name,
};
use super::words::Words;
use super::{RdataError, number};
use crate::Name;

/// Takes gateway type, algorithm and gateway.
pub(super) fn split<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let whole = *rest;
    match take(rest, 2)?[0] {
        0 => &[],
        1 => take(rest, 4)?,
        2 => take(rest, 16)?,
        3 => take_name(rest)?,
        other => return Err(unknown_type(other)),
    };
    Ok(&whole[..whole.len() - rest.len()])
}

fn unknown_type(gateway_type: u8) -> RdataError {
    RdataError::new(format!("type {gateway_type} is not 0 to 3"))
}

/// Prints what [`split`] took. For no gateway PowerDNS prints nothing where RFC 4025 section 3.1 wants a dot; it could
/// not read the dot back from its tables.
pub(super) fn print(octets: &[u8], dot: FinalDot, out: &mut String) {
    push(out, format_args!("{} {}", octets[0], octets[1]));
    let gateway = &octets[2..];
    if !gateway.is_empty() {
        out.push(' ');
    }
    match octets[0] {
        1 => push_ipv4(gateway, out),
        2 => push_ipv6(gateway, out),
        3 => push_name(gateway, dot, out),
        _ => {}
    }
}

/// Reads gateway type, algorithm and gateway.
pub(super) fn parse(words: &mut Words<'_>, origin: Option<&Name>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let gateway_type = number::parse(words.need()?, 8)? as u8;
    wire.push(gateway_type);
    wire.push(number::parse(words.need()?, 8)? as u8);
    if gateway_type == 0 {
        // The dot may be missing, and what follows be the key already.
        let mut ahead = words.clone();
        if ahead.next()?.is_some_and(|word| word.text == ".") {
            *words = ahead;
        }
        return Ok(());
    }
    let gateway = words.need()?;
    match gateway_type {
        1 => wire.extend(parse_ipv4(gateway.text)?.octets()),
        2 => wire.extend(parse_ipv6(gateway.text)?.octets()),
        3 => append_name(gateway.text, origin, wire)?,
        other => return Err(unknown_type(other)),
    }
    Ok(())
}
