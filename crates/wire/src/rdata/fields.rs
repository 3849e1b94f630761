//! The kinds of fields RDATA is made of: how each is split off the wire, printed, and parsed.
//!
//! Splitting validates; printing gets octets that were split off, so it cannot fail.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{RdataError, apl, bitmap, encoding, ipseckey, loc, number, svcb, text, words::Words};
use crate::Name;
use crate::name;

/// One field of a type's RDATA.
pub(super) struct Field {
    /// What errors call it.
    pub(super) name: &'static str,
    /// Its format.
    pub(super) kind: Kind,
}

/// Whether names are printed with their final dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FinalDot {
    /// As in master files and the API.
    Kept,
    /// As in PowerDNS's tables.
    Dropped,
}

/// The format of a field. Those said to go to the end take all octets, or words, that are left.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    U8,
    U16,
    U32,
    U48,
    /// 32 bits in seconds; text may use the units of a TTL.
    Interval,
    /// Seconds since 1970 in 32 bits, as `YYYYMMDDHHMMSS` (RFC 4034 section 3.2).
    Time,
    Ipv4,
    Ipv6,
    /// A name that is lower-cased in the canonical form.
    Name,
    /// A name that is not.
    CaseKeptName,
    /// One character-string (RFC 1035 section 3.3).
    CharString,
    /// Character-strings to the end, at least one.
    Strings,
    /// Text to the end without a length octet (RFC 7553 section 4.4, RFC 8659 section 4.1).
    LongText,
    /// A character-string of letters and digits, without quotes (RFC 8659 section 4.1).
    Tag,
    /// A record type.
    TypeCode,
    /// An algorithm number of DNSSEC; text may use its mnemonic (RFC 4034 section 2.2).
    Algorithm,
    /// A certificate type; text may use its mnemonic (RFC 4398 section 2.1).
    CertType,
    /// Hexadecimal to the end, not empty.
    Hex,
    /// Base64 to the end, not empty.
    Base64,
    /// Base64 to the end.
    Base64OrNone,
    /// An octet that counts octets shown in hexadecimal, `-` for none (RFC 5155 section 3.3).
    Salt,
    /// An octet that counts octets shown in base32hex (RFC 5155 section 3.3).
    NextHash,
    /// 16 bits that count octets shown in base64 (RFC 2930 section 2).
    Counted,
    /// A type bitmap to the end (RFC 4034 section 4.1.2).
    TypeBitmap,
    /// Protocol and bitmap of ports to the end (RFC 1035 section 3.4.2).
    Services,
    /// Four groups of four hexadecimal digits (RFC 6742 section 2.1.2).
    Id64,
    Eui48,
    Eui64,
    /// All of LOC (RFC 1876 section 2).
    Location,
    /// All of APL (RFC 3123 section 4).
    Prefixes,
    /// Gateway type, algorithm and gateway of IPSECKEY (RFC 4025 section 2.1).
    Gateway,
    /// SvcParams to the end (RFC 9460 section 2.2).
    ServiceParams,
}

/// Takes `length` octets from the front of `rest`.
pub(super) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], RdataError> {
    let (octets, tail) = rest
        .split_at_checked(length)
        .ok_or_else(|| RdataError::new(format!("{length} octets wanted, {} left", rest.len())))?;
    *rest = tail;
    Ok(octets)
}

/// Takes an octet and as many more as it says.
fn take_counted<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let length = rest.first().map_or(0, |&length| usize::from(length));
    take(rest, 1 + length)
}

/// Takes all, which must not be nothing.
fn take_some<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    if rest.is_empty() {
        return Err(RdataError::new("is empty"));
    }
    Ok(std::mem::take(rest))
}

/// Takes an uncompressed name.
pub(super) fn take_name<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let length = name::wire_length(rest).map_err(|error| RdataError::new(error.to_string()))?;
    take(rest, length)
}

impl Kind {
    /// Splits the field off the front of `rest`, if it is well-formed.
    pub(super) fn split<'a>(self, rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
        match self {
            Kind::U8 | Kind::Algorithm => take(rest, 1),
            Kind::U16 | Kind::TypeCode | Kind::CertType => take(rest, 2),
            Kind::U32 | Kind::Interval | Kind::Time | Kind::Ipv4 => take(rest, 4),
            Kind::U48 | Kind::Eui48 => take(rest, 6),
            Kind::Id64 | Kind::Eui64 => take(rest, 8),
            Kind::Ipv6 => take(rest, 16),
            Kind::Name | Kind::CaseKeptName => take_name(rest),
            Kind::CharString | Kind::Salt => take_counted(rest),
            Kind::NextHash => match take_counted(rest)? {
                [_] => Err(RdataError::new("is empty")),
                octets => Ok(octets),
            },
            Kind::Tag => {
                let octets = take_counted(rest)?;
                text::check_tag(&octets[1..])?;
                Ok(octets)
            }
            Kind::Strings => {
                let octets = take_some(rest)?;
                let mut strings = octets;
                while !strings.is_empty() {
                    take_counted(&mut strings)?;
                }
                Ok(octets)
            }
            Kind::Hex | Kind::Base64 => take_some(rest),
            Kind::LongText | Kind::Base64OrNone => Ok(std::mem::take(rest)),
            Kind::Counted => {
                let length = rest.first_chunk().map_or(0, |&length| usize::from(u16::from_be_bytes(length)));
                take(rest, 2 + length)
            }
            Kind::TypeBitmap => bitmap::split_types(rest),
            Kind::Services => bitmap::split_services(rest),
            Kind::Location => loc::split(rest),
            Kind::Prefixes => apl::split(rest),
            Kind::Gateway => ipseckey::split(rest),
            Kind::ServiceParams => svcb::split(rest),
        }
    }

    /// Appends the text of `octets`, which [`Kind::split`] gave.
    pub(super) fn print(self, octets: &[u8], dot: FinalDot, out: &mut String) {
        match self {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U48 | Kind::Interval | Kind::Algorithm | Kind::CertType => {
                push(out, format_args!("{}", number::big_endian(octets)));
            }
            Kind::Time => number::print_time(octets, out),
            Kind::Ipv4 => push_ipv4(octets, out),
            Kind::Ipv6 => push_ipv6(octets, out),
            Kind::Name | Kind::CaseKeptName => push_name(octets, dot, out),
            Kind::CharString => text::print_quoted(&octets[1..], out),
            Kind::Strings => text::print_strings(octets, out),
            Kind::LongText => text::print_quoted(octets, out),
            Kind::Tag => out.extend(octets[1..].iter().copied().map(char::from)),
            Kind::TypeCode => push(out, format_args!("{}", crate::RecordType(number::big_endian(octets) as u16))),
            Kind::Hex => encoding::print_hex(octets, out),
            Kind::Base64 | Kind::Base64OrNone => encoding::print_base64(octets, out),
            Kind::Salt => match &octets[1..] {
                [] => out.push('-'),
                salt => encoding::print_hex(salt, out),
            },
            Kind::NextHash => encoding::print_base32hex(&octets[1..], out),
            Kind::Counted => {
                push(out, format_args!("{}", octets.len() - 2));
                if octets.len() > 2 {
                    out.push(' ');
                    encoding::print_base64(&octets[2..], out);
                }
            }
            Kind::TypeBitmap => bitmap::print_types(octets, out),
            Kind::Services => bitmap::print_services(octets, out),
            Kind::Id64 => encoding::print_groups(octets, 2, ':', encoding::Case::Upper, out),
            Kind::Eui48 | Kind::Eui64 => encoding::print_groups(octets, 1, '-', encoding::Case::Lower, out),
            Kind::Location => loc::print(octets, out),
            Kind::Prefixes => apl::print(octets, out),
            Kind::Gateway => ipseckey::print(octets, dot, out),
            Kind::ServiceParams => svcb::print(octets, out),
        }
    }

    /// Reads the field from `words` and appends its octets to `wire`.
    pub(super) fn parse(
        self,
        words: &mut Words<'_>,
        origin: Option<&Name>,
        wire: &mut Vec<u8>,
    ) -> Result<(), RdataError> {
        match self {
            Kind::U8 => wire.push(number::parse(words.need()?, 8)? as u8),
            Kind::U16 => wire.extend((number::parse(words.need()?, 16)? as u16).to_be_bytes()),
            Kind::U32 => wire.extend((number::parse(words.need()?, 32)? as u32).to_be_bytes()),
            Kind::U48 => wire.extend(&number::parse(words.need()?, 48)?.to_be_bytes()[2..]),
            Kind::Interval => wire.extend(number::parse_interval(words.need()?)?.to_be_bytes()),
            Kind::Time => wire.extend(number::parse_time(words.need()?)?.to_be_bytes()),
            Kind::Ipv4 => wire.extend(parse_ipv4(words.need()?.text)?.octets()),
            Kind::Ipv6 => wire.extend(parse_ipv6(words.need()?.text)?.octets()),
            Kind::Name | Kind::CaseKeptName => append_name(words.need()?.text, origin, wire)?,
            Kind::CharString => text::parse_string(words.need()?, wire)?,
            Kind::Strings => text::parse_strings(words, wire)?,
            Kind::LongText => text::append_unescaped(words.need()?.text, text::Escapes::Strict, wire)?,
            Kind::Tag => text::parse_tag(words.need()?, wire)?,
            Kind::TypeCode => {
                let rtype: crate::RecordType = words
                    .need()?
                    .text
                    .parse()
                    .map_err(|error: crate::rtype::UnknownType| RdataError::new(error.to_string()))?;
                wire.extend(rtype.0.to_be_bytes());
            }
            Kind::Algorithm => wire.push(number::parse_algorithm(words.need()?)?),
            Kind::CertType => wire.extend(number::parse_cert_type(words.need()?)?.to_be_bytes()),
            Kind::Hex => encoding::parse_hex_to_end(words, wire)?,
            Kind::Base64 => {
                let before = wire.len();
                encoding::parse_base64_to_end(words, wire)?;
                if wire.len() == before {
                    words.need()?;
                    return Err(RdataError::new("is empty"));
                }
            }
            Kind::Base64OrNone => encoding::parse_base64_to_end(words, wire)?,
            Kind::Salt => encoding::parse_salt(words.need()?, wire)?,
            Kind::NextHash => encoding::parse_base32hex(words.need()?, wire)?,
            Kind::Counted => encoding::parse_counted(words, wire)?,
            Kind::TypeBitmap => bitmap::parse_types(words, wire)?,
            Kind::Services => bitmap::parse_services(words, wire)?,
            Kind::Id64 => encoding::parse_groups(words.need()?, &[4; 4], ':', wire)?,
            Kind::Eui48 => encoding::parse_groups(words.need()?, &[2; 6], '-', wire)?,
            Kind::Eui64 => encoding::parse_groups(words.need()?, &[2; 8], '-', wire)?,
            Kind::Location => loc::parse(words, wire)?,
            Kind::Prefixes => apl::parse(words, wire)?,
            Kind::Gateway => ipseckey::parse(words, origin, wire)?,
            Kind::ServiceParams => svcb::parse(words, wire)?,
        }
        Ok(())
    }
}

/// Writes into `out`, which cannot fail.
pub(super) fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a String takes everything");
}

/// Appends an IPv4 address; `octets` are four.
pub(super) fn push_ipv4(octets: &[u8], out: &mut String) {
    let octets: [u8; 4] = octets.try_into().expect("split() took four octets");
    push(out, format_args!("{}", Ipv4Addr::from(octets)));
}

/// Appends an IPv6 address (RFC 5952); `octets` are sixteen.
pub(super) fn push_ipv6(octets: &[u8], out: &mut String) {
    let octets: [u8; 16] = octets.try_into().expect("split() took sixteen octets");
    push(out, format_args!("{}", Ipv6Addr::from(octets)));
}

/// Reads a dotted quad. Zeros may lead, and count for nothing, as PowerDNS has it.
pub(super) fn parse_ipv4(text: &str) -> Result<Ipv4Addr, RdataError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().unwrap_or_default();
        let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
        *octet = is_number.then(|| part.parse().ok()).flatten().ok_or_else(|| bad_address("IPv4", text))?;
    }
    if parts.next().is_some() {
        return Err(bad_address("IPv4", text));
    }
    Ok(octets.into())
}

/// Reads an IPv6 address in any spelling (RFC 4291 section 2.2).
pub(super) fn parse_ipv6(text: &str) -> Result<Ipv6Addr, RdataError> {
    text.parse().map_err(|_| bad_address("IPv6", text))
}

fn bad_address(family: &str, text: &str) -> RdataError {
    RdataError::new(format!("unable to parse {family} address '{}'", super::words::excerpt(text)))
}

/// Appends the text of a name. What has a meaning in the text of a record is escaped, beyond what
/// an owner name needs.
pub(super) fn push_name(octets: &[u8], dot: FinalDot, out: &mut String) {
    let mut rest = octets;
    if rest == [0] {
        out.push('.');
        return;
    }
    while let Some((&length, tail)) = rest.split_first() {
        if length == 0 {
            break;
        }
        let (label, tail) = tail.split_at(usize::from(length));
        for &octet in label {
            match octet {
                // PowerDNS prints an @ bare, but reads it as a dot in the SOA of a row.
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' => {
                    out.push('\\');
                    out.push(char::from(octet));
                }
                0x21..=0x7e => out.push(char::from(octet)),
                _ => push(out, format_args!("\\{octet:03}")),
            }
        }
        rest = tail;
        if dot == FinalDot::Kept || rest != [0] {
            out.push('.');
        }
    }
}

/// Reads a name and appends its octets.
pub(crate) fn append_name(text: &str, origin: Option<&Name>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    name::append_parsed(text, origin, wire)
        .map_err(|error| RdataError::new(format!("'{}': {error}", super::words::excerpt(text))))
}
