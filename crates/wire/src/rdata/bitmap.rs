//! Bitmaps: of types in windows (RFC 4034 section 4.1.2), of ports (RFC 1035 section 3.4.2).

use super::fields::{push, take};
use super::words::{Words, excerpt};
use super::{RdataError, number};
use crate::RecordType;

/// Takes a type bitmap: windows in rising order, each of 1 to 32 octets of which the last is not zero. Empty is
/// well-formed, as at an empty non-terminal in NSEC3.
pub(super) fn split_types<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let whole = *rest;
    let mut window_before = None;
    while let Some(&window) = rest.first() {
        if window_before.is_some_and(|before| window <= before) {
            return Err(RdataError::new("windows are not in order"));
        }
        window_before = Some(window);
        let length = take(rest, 2)?[1];
        if !(1..=32).contains(&length) {
            return Err(RdataError::new(format!("window of {length} octets")));
        }
        if take(rest, usize::from(length))?.last() == Some(&0) {
            return Err(RdataError::new("a window ends in an octet without types"));
        }
    }
    Ok(whole)
}

/// The types in a well-formed bitmap.
fn types(octets: &[u8]) -> impl Iterator<Item = RecordType> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (&[window, length], tail) = rest.split_first_chunk()?;
        let (bits, tail) = tail.split_at_checked(usize::from(length))?;
        rest = tail;
        Some((window, bits))
    })
    .flat_map(|(window, bits)| bit_numbers(bits).map(move |bit| RecordType(u16::from(window) << 8 | bit)))
}

/// The numbers of the bits that are set, the first being the highest bit of the first octet.
fn bit_numbers(bits: &[u8]) -> impl Iterator<Item = u16> {
    bits.iter().enumerate().flat_map(|(index, &octet)| {
        (0..8).filter(move |bit| octet & (0x80 >> bit) != 0).map(move |bit| (index * 8 + bit) as u16)
    })
}

pub(super) fn print_types(octets: &[u8], out: &mut String) {
    let mut separator = "";
    for rtype in types(octets) {
        push(out, format_args!("{separator}{rtype}"));
        separator = " ";
    }
}

/// Reads types from all words that are left, in any order.
pub(super) fn parse_types(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let mut types = Vec::new();
    while let Some(word) = words.next()? {
        let rtype: RecordType =
            word.text.parse().map_err(|error: crate::rtype::UnknownType| RdataError::new(error.to_string()))?;
        types.push(rtype.0);
    }
    types.sort_unstable();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        wire.push((window[0] >> 8) as u8);
        let last = usize::from(window[window.len() - 1] & 0xff);
        wire.push((last / 8 + 1) as u8);
        let bits_at = wire.len();
        wire.resize(bits_at + last / 8 + 1, 0);
        for rtype in window {
            set_bit(&mut wire[bits_at..], rtype & 0xff);
        }
    }
    Ok(())
}

fn set_bit(bits: &mut [u8], number: u16) {
    bits[usize::from(number / 8)] |= 0x80 >> (number % 8);
}

/// Takes protocol and bitmap of ports, at most 65,536 of them.
pub(super) fn split_services<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    match rest.len() {
        0 => Err(RdataError::new("protocol is missing")),
        1..=8_193 => Ok(std::mem::take(rest)),
        length => Err(RdataError::new(format!("bitmap of {} octets is longer than 8192", length - 1))),
    }
}

/// Prints protocol and ports as numbers.
pub(super) fn print_services(octets: &[u8], out: &mut String) {
    push(out, format_args!("{}", octets[0]));
    for port in bit_numbers(&octets[1..]) {
        push(out, format_args!(" {port}"));
    }
}

/// Protocols by mnemonic (RFC 1010 as RFC 1035 cites it), as far as WKS was ever used.
const PROTOCOLS: &[(&str, u8)] = &[("icmp", 1), ("tcp", 6), ("udp", 17)];

/// Ports by mnemonic; the rest are numbers.
const SERVICES: &[(&str, u16)] = &[
    ("echo", 7),
    ("discard", 9),
    ("daytime", 13),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("domain", 53),
    ("finger", 79),
    ("http", 80),
    ("pop3", 110),
    ("sunrpc", 111),
    ("nntp", 119),
    ("ntp", 123),
    ("imap", 143),
    ("snmp", 161),
    ("https", 443),
];

/// Reads a protocol, and ports from all words that are left.
pub(super) fn parse_services(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let protocol = words.need()?;
    let protocol = match PROTOCOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(protocol.text)) {
        Some(&(_, protocol)) => protocol,
        None => number::parse(protocol, 8).map_err(|error| error.in_field("protocol"))? as u8,
    };
    wire.push(protocol);
    let bits_at = wire.len();
    while let Some(word) = words.next()? {
        let port = match SERVICES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.text)) {
            Some(&(_, port)) => port,
            None => number::parse(word, 16)
                .map_err(|_| RdataError::new(format!("'{}' is no port", excerpt(word.text))))?
                as u16,
        };
        let octets = usize::from(port / 8) + 1;
        if wire.len() < bits_at + octets {
            wire.resize(bits_at + octets, 0);
        }
        set_bit(&mut wire[bits_at..], port);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(text: &str) -> Vec<u8> {
        let mut wire = Vec::new();
        parse_types(&mut Words::new(text), &mut wire).unwrap();
        wire
    }

    /// RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234.
    #[test]
    fn the_rfcs_example_of_a_bitmap() {
        let wire = bitmap("TYPE1234 A NSEC MX RRSIG");
        let mut wanted = vec![0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b];
        wanted.extend([0; 26]);
        wanted.push(0x20);
        assert_eq!(wire, wanted);
        let mut text = String::new();
        print_types(&wire, &mut text);
        assert_eq!(text, "A MX RRSIG NSEC TYPE1234");
    }

    #[test]
    fn windows_are_in_order_and_of_one_to_32_octets() {
        for octets in [&[1, 1, 1, 0, 1, 1][..], &[0, 1, 1, 0, 1, 1], &[0, 0], &[0, 33], &[0, 2, 1], &[0]] {
            let mut padded = octets.to_vec();
            if octets == [0, 33] {
                padded.extend([1; 33]);
            }
            assert!(split_types(&mut &padded[..]).is_err(), "{octets:?}");
        }
        assert!(split_types(&mut &[][..]).is_ok());
    }

    /// RFC 4034 section 4.1.2: trailing zero octets MUST be omitted, and windows without types with them.
    #[test]
    fn windows_end_in_an_octet_with_a_type() {
        for octets in [&[0, 1, 0][..], &[0, 2, 1, 0], &[0, 1, 1, 1, 1, 0]] {
            assert!(split_types(&mut &octets[..]).is_err(), "{octets:?}");
        }
    }

    #[test]
    fn every_type_goes_through_a_bitmap() {
        let all: Vec<String> = (0..=u16::MAX).map(|number| RecordType(number).to_string()).collect();
        let wire = bitmap(&all.join(" "));
        assert_eq!(wire.len(), 256 * 34);
        assert!(types(&wire).map(|rtype| rtype.0).eq(0..=u16::MAX));
    }
}
