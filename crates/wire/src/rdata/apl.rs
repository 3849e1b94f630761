//! Address prefix lists (RFC 3123).

use super::fields::{parse_ipv4, parse_ipv6, push, push_ipv4, push_ipv6, take};
use super::words::{Words, excerpt};
use super::{RdataError, number};

const IPV4: u16 = 1;
const IPV6: u16 = 2;

/// Octets of an address of `family`; `None` for a family without a text format.
fn address_octets(family: u16) -> Option<usize> {
    match family {
        IPV4 => Some(4),
        IPV6 => Some(16),
        _ => None,
    }
}

/// Takes a whole list, which may be empty. Only IPv4 and IPv6 have a text format, so only they are taken
/// (RFC 3123 section 4).
pub(super) fn split<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let whole = *rest;
    while !rest.is_empty() {
        let head = take(rest, 4)?;
        let family = u16::from_be_bytes([head[0], head[1]]);
        let octets = address_octets(family)
            .ok_or_else(|| RdataError::new(format!("address family {family} is neither 1 (IPv4) nor 2 (IPv6)")))?;
        if usize::from(head[2]) > octets * 8 {
            return Err(RdataError::new(format!("prefix of {} bits in family {family}", head[2])));
        }
        let length = usize::from(head[3] & 0x7f);
        if length > octets {
            return Err(RdataError::new(format!("address of {length} octets in family {family}")));
        }
        take(rest, length)?;
    }
    Ok(whole)
}

/// Prints a well-formed list.
pub(super) fn print(octets: &[u8], out: &mut String) {
    let mut rest = octets;
    let mut separator = "";
    while let Some((&[family_high, family_low, prefix, length], tail)) = rest.split_first_chunk() {
        let family = u16::from_be_bytes([family_high, family_low]);
        let negation = if length & 0x80 != 0 { "!" } else { "" };
        let (part, tail) = tail.split_at(usize::from(length & 0x7f));
        let mut address = [0; 16];
        address[..part.len()].copy_from_slice(part);
        // Bits beyond the prefix mean nothing, and are cleared when text is read.
        clear_after(&mut address, prefix);
        push(out, format_args!("{separator}{negation}{family}:"));
        match family {
            IPV4 => push_ipv4(&address[..4], out),
            _ => push_ipv6(&address, out),
        }
        push(out, format_args!("/{prefix}"));
        separator = " ";
        rest = tail;
    }
}

/// Reads a list from all words that are left: `[!]FAMILY:ADDRESS/PREFIX`.
pub(super) fn parse(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    while let Some(word) = words.next()? {
        let bad = || RdataError::new(format!("'{}' is not [!]FAMILY:ADDRESS/PREFIX", excerpt(word.text)));
        let (negation, item) = match word.text.strip_prefix('!') {
            Some(item) => (0x80, item),
            None => (0, word.text),
        };
        let (family, item) = item.split_once(':').ok_or_else(bad)?;
        let (address, prefix) = item.rsplit_once('/').ok_or_else(bad)?;
        let prefix = u8::try_from(number::plain(prefix).ok_or_else(bad)?).map_err(|_| bad())?;
        let (family, mut octets) = match family {
            "1" => (IPV4, parse_ipv4(address)?.octets().to_vec()),
            "2" => (IPV6, parse_ipv6(address)?.octets().to_vec()),
            _ => return Err(bad()),
        };
        if usize::from(prefix) > octets.len() * 8 {
            return Err(bad());
        }
        clear_after(&mut octets, prefix);
        // RFC 3123 section 4: trailing zero octets are not sent.
        let length = octets.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
        wire.extend(family.to_be_bytes());
        wire.extend([prefix, negation | length as u8]);
        wire.extend(&octets[..length]);
    }
    Ok(())
}

/// Zeroes the bits after the first `prefix`.
fn clear_after(octets: &mut [u8], prefix: u8) {
    let whole = usize::from(prefix / 8);
    if let Some(octet) = octets.get_mut(whole) {
        *octet &= !(0xff >> (prefix % 8));
    }
    for octet in octets.iter_mut().skip(whole + 1) {
        *octet = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3123 section 8 gives these lists; the octets follow section 4.
    #[test]
    fn the_rfcs_examples() {
        let text = "1:192.168.32.0/21 !1:192.168.38.0/28";
        let mut wire = Vec::new();
        parse(&mut Words::new(text), &mut wire).unwrap();
        assert_eq!(wire, [0, 1, 21, 3, 192, 168, 32, 0, 1, 28, 0x83, 192, 168, 38]);
        let mut printed = String::new();
        print(split(&mut &wire[..]).unwrap(), &mut printed);
        assert_eq!(printed, text);
        wire.clear();
        parse(&mut Words::new("1:224.0.0.0/4 2:FF00:0:0:0:0:0:0:0/8"), &mut wire).unwrap();
        assert_eq!(wire, [0, 1, 4, 1, 224, 0, 2, 8, 1, 0xff]);
    }

    #[test]
    fn lengths_beyond_the_family_are_refused() {
        for octets in [&[0, 1, 33, 0][..], &[0, 1, 8, 5, 1, 2, 3, 4, 5], &[0, 2, 129, 0], &[0, 3, 0, 0], &[0, 1, 8]] {
            assert!(split(&mut &octets[..]).is_err(), "{octets:?}");
        }
        for text in ["1:1.2.3.4/33", "3:1.2.3.4/8", "1:1.2.3.4", "1.2.3.4/8", "2:1.2.3.4/8", "1:1.2.3.4/+8"] {
            assert!(parse(&mut Words::new(text), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
