//! Parameters of SVCB and HTTPS (RFC 9460; `dohpath` RFC 9461, `ohttp` RFC 9540, `tls-supported-groups`
//! draft-ietf-tls-key-share-prediction).
//!
//! Keys have a name here if PowerDNS has one, as record types do: it has to read the rows. Others of the registry (`docpath`, `pvd`,
//! `oots`) are `key10` to `key12`.

use super::fields::{parse_ipv4, parse_ipv6, push, push_ipv4, push_ipv6, take};
use super::text::{Escapes, append_unescaped, print_escaped};
use super::words::{Word, Words, excerpt};
use super::{RdataError, encoding, number};

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;
const DOHPATH: u16 = 7;
const OHTTP: u16 = 8;
const TLS_SUPPORTED_GROUPS: u16 = 9;
/// Never a key (RFC 9460 section 14.3.2).
const INVALID: u16 = 65_535;

const KEYS: &[(&str, u16)] = &[
    ("mandatory", MANDATORY),
    ("alpn", ALPN),
    ("no-default-alpn", NO_DEFAULT_ALPN),
    ("port", PORT),
    ("ipv4hint", IPV4_HINT),
    ("ech", ECH),
    ("ipv6hint", IPV6_HINT),
    ("dohpath", DOHPATH),
    ("ohttp", OHTTP),
    ("tls-supported-groups", TLS_SUPPORTED_GROUPS),
];

/// Takes all parameters: keys in rising order, each once (RFC 9460 section 2.2), values well-formed, and what is
/// mandatory there (section 8).
pub(super) fn split<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let whole = *rest;
    let mut key_before = None;
    let mut mandatory: &[u8] = &[];
    while !rest.is_empty() {
        let head = take(rest, 4)?;
        let key = u16::from_be_bytes([head[0], head[1]]);
        let value = take(rest, usize::from(u16::from_be_bytes([head[2], head[3]])))?;
        if key_before.is_some_and(|before| key <= before) || key == INVALID {
            return Err(RdataError::new(format!("key {key} is out of order or reserved")));
        }
        key_before = Some(key);
        check_value(key, value).map_err(|error| error.in_field(&key_name(key)))?;
        if key == MANDATORY {
            mandatory = value;
        }
    }
    for key in mandatory.as_chunks::<2>().0 {
        let key = u16::from_be_bytes(*key);
        if !params(whole).any(|(present, _)| present == key) {
            return Err(RdataError::new(format!("mandatory key {} is missing", key_name(key))));
        }
    }
    Ok(whole)
}

/// Keys and values of well-formed parameters.
fn params(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (&[k0, k1, l0, l1], tail) = rest.split_first_chunk()?;
        let (value, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
        rest = tail;
        Some((u16::from_be_bytes([k0, k1]), value))
    })
}

fn key_name(key: u16) -> String {
    match KEYS.iter().find(|&&(_, number)| number == key) {
        Some(&(name, _)) => name.to_string(),
        None => format!("key{key}"),
    }
}

/// Checks the wire format of a value (RFC 9460 section 7, RFC 9461 section 5, RFC 9540 section 4).
fn check_value(key: u16, value: &[u8]) -> Result<(), RdataError> {
    let is_right = match key {
        MANDATORY => {
            let (keys, odd) = value.as_chunks::<2>();
            !keys.is_empty() && odd.is_empty() && keys.is_sorted_by(|a, b| a < b) && keys[0] != [0, 0]
        }
        ALPN => {
            let mut rest = value;
            while let Some((&length, tail)) = rest.split_first() {
                match tail.split_at_checked(usize::from(length)) {
                    Some((_, tail)) if length > 0 => rest = tail,
                    _ => return Err(RdataError::new("protocol identifiers are malformed")),
                }
            }
            !value.is_empty()
        }
        NO_DEFAULT_ALPN | OHTTP => value.is_empty(),
        PORT => value.len() == 2,
        IPV4_HINT => !value.is_empty() && value.len().is_multiple_of(4),
        IPV6_HINT => !value.is_empty() && value.len().is_multiple_of(16),
        ECH => !value.is_empty(),
        TLS_SUPPORTED_GROUPS => {
            let (groups, odd) = value.as_chunks::<2>();
            let is_twice = |index: usize| groups[..index].contains(&groups[index]);
            !groups.is_empty() && odd.is_empty() && !(0..groups.len()).any(is_twice)
        }
        DOHPATH => std::str::from_utf8(value).is_ok_and(|path| path.contains("dns")),
        _ => true,
    };
    if is_right { Ok(()) } else { Err(RdataError::new("value is malformed")) }
}

/// Prints well-formed parameters as PowerDNS does: ECH and unnamed keys in quotes, the others without.
pub(super) fn print(octets: &[u8], out: &mut String) {
    let mut separator = "";
    for (key, value) in params(octets) {
        out.push_str(separator);
        separator = " ";
        out.push_str(&key_name(key));
        match key {
            NO_DEFAULT_ALPN | OHTTP => continue,
            _ if value.is_empty() => continue,
            _ => out.push('='),
        }
        match key {
            MANDATORY => print_list(value.chunks(2), out, |key, out| {
                out.push_str(&key_name(number::big_endian(key) as u16));
            }),
            ALPN => print_alpn(value, out),
            PORT => push(out, format_args!("{}", number::big_endian(value))),
            IPV4_HINT => print_list(value.chunks(4), out, push_ipv4),
            IPV6_HINT => print_list(value.chunks(16), out, push_ipv6),
            TLS_SUPPORTED_GROUPS => print_list(value.chunks(2), out, |group, out| {
                push(out, format_args!("{}", number::big_endian(group)));
            }),
            ECH => {
                out.push('"');
                encoding::print_base64(value, out);
                out.push('"');
            }
            DOHPATH => print_bare_or_quoted(value, out),
            _ => print_quoted(value, out),
        }
    }
}

fn print_list<'a>(
    items: impl Iterator<Item = &'a [u8]>,
    out: &mut String,
    mut print_item: impl FnMut(&'a [u8], &mut String),
) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        print_item(item, out);
    }
}

/// A list of protocol identifiers; commas and backslashes in one are escaped once for the list, and the
/// whole again as a character-string (RFC 9460 appendix A.1).
fn print_alpn(value: &[u8], out: &mut String) {
    let mut list = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&length, tail)) = rest.split_first() {
        let (identifier, tail) = tail.split_at(usize::from(length));
        if !list.is_empty() {
            list.push(b',');
        }
        for &octet in identifier {
            if matches!(octet, b',' | b'\\') {
                list.push(b'\\');
            }
            list.push(octet);
        }
        rest = tail;
    }
    print_bare_or_quoted(&list, out);
}

fn print_bare_or_quoted(octets: &[u8], out: &mut String) {
    if octets.iter().any(|octet| matches!(octet, b' ' | b'"' | b'(' | b')' | b';')) {
        print_quoted(octets, out);
    } else {
        print_escaped(octets, out);
    }
}

fn print_quoted(octets: &[u8], out: &mut String) {
    out.push('"');
    print_escaped(octets, out);
    out.push('"');
}

/// Reads parameters from all words that are left, in any order, and puts them into order.
///
/// PowerDNS fills in `ipv4hint=auto` and `ipv6hint=auto` at query time; here they stand for no hint, which is always
/// allowed (RFC 9460 section 7.3).
pub(super) fn parse(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let mut params: Vec<(u16, Vec<u8>)> = Vec::new();
    while let Some(word) = words.next()? {
        let (key, value) = parse_param(word)?;
        if matches!(key, Key::Named(IPV4_HINT | IPV6_HINT)) && value.as_deref() == Some(b"auto") {
            continue;
        }
        let value = match key {
            Key::Named(key) => parse_value(key, value).map_err(|error| error.in_field(&key_name(key)))?,
            Key::Numbered(_) => value.unwrap_or_default(),
        };
        params.push((key.number(), value));
    }
    params.sort_by_key(|&(key, _)| key);
    let params_at = wire.len();
    for (key, value) in params {
        let length = u16::try_from(value.len())
            .map_err(|_| RdataError::new(format!("value of {} octets is longer than 65535", value.len())))?;
        wire.extend(key.to_be_bytes());
        wire.extend(length.to_be_bytes());
        wire.extend(value);
    }
    split(&mut &wire[params_at..])?;
    Ok(())
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// By its name; what the value looks like depends on the key.
    Named(u16),
    /// As `keyNNNNN`; the value is its own wire format, for keys that have a name too (RFC 9460 section 2.1).
    Numbered(u16),
}

impl Key {
    fn number(self) -> u16 {
        match self {
            Key::Named(key) | Key::Numbered(key) => key,
        }
    }
}

/// `key`, `key=value` or `key="value"`, the value unescaped.
fn parse_param(word: Word<'_>) -> Result<(Key, Option<Vec<u8>>), RdataError> {
    let (name, value) = match word.text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word.text, None),
    };
    let key = match KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some(&(_, key)) => Some(Key::Named(key)),
        None => name
            .split_at_checked(3)
            .filter(|(prefix, _)| prefix.eq_ignore_ascii_case("key"))
            .and_then(|(_, digits)| number::plain(digits))
            .and_then(|key| u16::try_from(key).ok())
            .map(Key::Numbered),
    };
    let key = key.filter(|_| !word.is_quoted).ok_or_else(|| {
        RdataError::new(format!("SvcParam '{}' is not recognized or in keyNNNN format", excerpt(name)))
    })?;
    let Some(value) = value else {
        return Ok((key, None));
    };
    let mut inner = Words::new(value);
    let value = match inner.next()? {
        None => value,
        Some(inner_word) if inner_word.is_quoted && inner.is_at_end() => inner_word.text,
        Some(inner_word) if !inner_word.is_quoted => value,
        Some(_) => {
            return Err(RdataError::new(format!("'{}' goes on after its closing quote", excerpt(word.text))));
        }
    };
    let mut octets = Vec::with_capacity(value.len());
    append_unescaped(value, Escapes::Strict, &mut octets)?;
    Ok((key, Some(octets)))
}

/// Turns the value of `key` into wire format.
fn parse_value(key: u16, value: Option<Vec<u8>>) -> Result<Vec<u8>, RdataError> {
    let is_empty = value.as_ref().is_none_or(Vec::is_empty);
    match key {
        NO_DEFAULT_ALPN | OHTTP if is_empty => return Ok(Vec::new()),
        NO_DEFAULT_ALPN | OHTTP => return Err(RdataError::new("takes no value")),
        MANDATORY..=TLS_SUPPORTED_GROUPS if is_empty => return Err(RdataError::new("needs a value")),
        _ => {}
    }
    let value = value.unwrap_or_default();
    match key {
        MANDATORY => {
            let mut keys = Vec::new();
            for name in as_text(&value)?.split(',') {
                let (key, _) = parse_param(Word { text: name, is_quoted: false, at: 0 })?;
                keys.push(key.number());
            }
            keys.sort_unstable();
            Ok(keys.iter().flat_map(|key| key.to_be_bytes()).collect())
        }
        ALPN => parse_alpn(&value),
        PORT => {
            let port = number::plain(as_text(&value)?).and_then(|port| u16::try_from(port).ok());
            Ok(port.ok_or_else(|| RdataError::new("is not 0 to 65535"))?.to_be_bytes().to_vec())
        }
        IPV4_HINT => {
            let mut octets = Vec::new();
            for address in as_text(&value)?.split(',') {
                octets.extend(parse_ipv4(address)?.octets());
            }
            Ok(octets)
        }
        IPV6_HINT => {
            let mut octets = Vec::new();
            for address in as_text(&value)?.split(',') {
                octets.extend(parse_ipv6(address)?.octets());
            }
            Ok(octets)
        }
        TLS_SUPPORTED_GROUPS => {
            let mut octets = Vec::new();
            for group in as_text(&value)?.split(',') {
                let group = number::plain(group).and_then(|group| u16::try_from(group).ok());
                octets.extend(group.ok_or_else(|| RdataError::new("is not a list of 0 to 65535"))?.to_be_bytes());
            }
            Ok(octets)
        }
        ECH => {
            let mut octets = Vec::new();
            encoding::decode_base64(as_text(&value)?, &mut octets)?;
            Ok(octets)
        }
        _ => Ok(value),
    }
}

fn as_text(value: &[u8]) -> Result<&str, RdataError> {
    std::str::from_utf8(value).map_err(|_| RdataError::new("is not text"))
}

/// Splits a list at its commas, `\,` and `\\` standing for themselves (RFC 9460 appendix A.1).
fn parse_alpn(list: &[u8]) -> Result<Vec<u8>, RdataError> {
    let mut wire = Vec::with_capacity(list.len() + 1);
    let mut identifier = Vec::new();
    let mut octets = list.iter();
    loop {
        let octet = octets.next();
        match octet {
            Some(b'\\') => match octets.next() {
                Some(&escaped) => identifier.push(escaped),
                None => return Err(RdataError::new("ends in a backslash")),
            },
            Some(&octet) if octet != b',' => identifier.push(octet),
            _ => {
                let length = u8::try_from(identifier.len()).ok().filter(|&length| length > 0);
                wire.push(length.ok_or_else(|| RdataError::new("protocol identifier is not of 1 to 255 octets"))?);
                wire.append(&mut identifier);
                if octet.is_none() {
                    return Ok(wire);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> Result<Vec<u8>, RdataError> {
        let mut wire = Vec::new();
        parse(&mut Words::new(text), &mut wire).map(|()| wire)
    }

    fn canonical(text: &str) -> String {
        let wire = wire(text).unwrap();
        let mut out = String::new();
        print(split(&mut &wire[..]).unwrap(), &mut out);
        out
    }

    /// RFC 9460 appendix D.2, test vectors of the service form.
    #[test]
    fn the_rfcs_vectors() {
        assert_eq!(wire("port=53"), Ok(vec![0, 3, 0, 2, 0, 53]));
        assert_eq!(wire("key667=hello"), Ok(b"\x02\x9b\x00\x05hello".to_vec()));
        assert_eq!(wire("key667=\"hello\\210qoo\""), Ok(b"\x02\x9b\x00\x09hello\xd2qoo".to_vec()));
        assert_eq!(
            wire("ipv6hint=\"2001:db8::1,2001:db8::53:1\"").unwrap(),
            [
                &[0, 6, 0, 32, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
                &[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53, 0, 1]
            ]
            .concat()
        );
        assert_eq!(
            wire("alpn=\"h2,h3-19\" mandatory=\"ipv4hint,alpn\" ipv4hint=\"192.0.2.1\"").unwrap(),
            b"\0\0\0\x04\0\x01\0\x04\0\x01\0\x09\x02h2\x05h3-19\0\x04\0\x04\xc0\0\x02\x01"
        );
        for text in ["alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", "alpn=f\\\\\\092oo\\092,bar,h2"] {
            assert_eq!(wire(text).unwrap(), b"\0\x01\0\x0c\x08f\\oo,bar\x02h2", "{text}");
        }
    }

    /// RFC 9460 appendix D.3, each with what is wrong in it.
    #[test]
    fn the_rfcs_failures() {
        for text in [
            "key123=abc key123=def",
            "mandatory",
            "alpn",
            "port",
            "ipv4hint",
            "ipv6hint",
            "no-default-alpn=abc",
            "mandatory=key123",
            "mandatory=mandatory",
            "mandatory=key123,key123 key123=abc",
        ] {
            assert!(wire(text).is_err(), "{text}");
        }
    }

    #[test]
    fn printing_orders_keys_and_quotes_what_powerdns_quotes() {
        assert_eq!(
            canonical("port=443 ech=YWJj alpn=\"h2,h3\" key65000=ab no-default-alpn ipv4hint=192.0.2.1,192.0.2.2"),
            "alpn=h2,h3 no-default-alpn port=443 ipv4hint=192.0.2.1,192.0.2.2 ech=\"YWJj\" key65000=\"ab\""
        );
        assert_eq!(canonical("dohpath=\"/dns-query{?dns}\""), "dohpath=/dns-query{?dns}");
        assert_eq!(canonical("alpn=\"f\\\\\\\\oo\\\\,bar,h2\""), "alpn=f\\\\\\\\oo\\\\,bar,h2");
        assert_eq!(canonical("key65000"), "key65000");
        assert_eq!(canonical("ipv4hint=auto alpn=h2"), "alpn=h2");
    }

    #[test]
    fn malformed_wire_is_refused() {
        for octets in [
            &[0, 3, 0, 1, 0][..],
            &[0, 3, 0, 2, 0],
            &[0, 3, 0, 2, 0, 1, 0, 3, 0, 2, 0, 1],
            &[0, 1, 0, 2, 0, 1],
            &[0, 1, 0, 2, 2, 1],
            &[0, 4, 0, 3, 1, 2, 3],
            &[0, 0, 0, 2, 0, 1],
            &[0xff, 0xff, 0, 0],
            &[0, 2, 0, 1, 0],
        ] {
            assert!(split(&mut &octets[..]).is_err(), "{octets:?}");
        }
    }
}
