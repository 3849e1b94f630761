//! Rows of the table `records` to wire format, as fast as a load of millions wants it and as lenient
//! as PowerDNS is.
//!
//! The frequent types have a direct way with one allocation; whatever it does not understand at once goes
//! the general way, so leniency is decided in one place.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{ContentError, txt};
use crate::rdata::words::Words;
use crate::rdata::{self, RdataError, append_name};
use crate::{Name, RecordType, name};

/// The wire format of a row.
pub(super) fn to_wire(rtype: RecordType, stored: &str, prio: Option<i32>) -> Result<Vec<u8>, ContentError> {
    if let Some(wire) = direct(rtype, stored, prio) {
        return Ok(wire);
    }
    let wire = match rtype {
        RecordType::MX | RecordType::SRV if !stored.trim_ascii_start().starts_with("\\#") => {
            rdata::parse(rtype, &format!("{} {stored}", prio.unwrap_or(0)), None)?
        }
        RecordType::SOA => soa_to_wire(stored)?,
        RecordType::LUA => lua_to_wire(stored)?,
        _ if super::keeps_spelling(rtype, stored) => txt::stored_to_wire(stored)?,
        _ => rdata::parse(rtype, stored, None)?,
    };
    Ok(wire)
}

/// The wire format of a row in its usual spelling; `None` says nothing about other spellings.
fn direct(rtype: RecordType, stored: &str, prio: Option<i32>) -> Option<Vec<u8>> {
    match rtype {
        RecordType::A => stored.parse::<Ipv4Addr>().ok().map(|address| address.octets().to_vec()),
        RecordType::AAAA => stored.parse::<Ipv6Addr>().ok().map(|address| address.octets().to_vec()),
        RecordType::NS | RecordType::CNAME | RecordType::PTR | RecordType::DNAME | RecordType::ALIAS => {
            let mut wire = Vec::with_capacity(stored.len() + 2);
            push_plain_name(stored, &mut wire)?;
            Some(wire)
        }
        RecordType::MX => {
            let preference = u16::try_from(prio.unwrap_or(0)).ok()?;
            let mut wire = Vec::with_capacity(stored.len() + 4);
            wire.extend(preference.to_be_bytes());
            push_plain_name(stored, &mut wire)?;
            Some(wire)
        }
        RecordType::SRV => {
            let priority = u16::try_from(prio.unwrap_or(0)).ok()?;
            let (weight, rest) = stored.split_once(' ')?;
            let (port, target) = rest.split_once(' ')?;
            let mut wire = Vec::with_capacity(target.len() + 8);
            for number in [Some(priority), plain_u16(weight), plain_u16(port)] {
                wire.extend(number?.to_be_bytes());
            }
            push_plain_name(target, &mut wire)?;
            Some(wire)
        }
        RecordType::TXT => {
            // One string without escapes, as nearly all are.
            let string = stored.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
            let length = u8::try_from(string.len()).ok()?;
            if string.iter().any(|octet| matches!(octet, b'"' | b'\\')) {
                return None;
            }
            let mut wire = Vec::with_capacity(string.len() + 1);
            wire.push(length);
            wire.extend(string);
            Some(wire)
        }
        _ => None,
    }
}

fn plain_u16(text: &str) -> Option<u16> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Appends a name of printable ASCII without quotes; anything else is for the general way.
fn push_plain_name(text: &str, wire: &mut Vec<u8>) -> Option<()> {
    let is_plain = !text.is_empty() && text.bytes().all(|octet| matches!(octet, b'!'..=b'~') && octet != b'"');
    if !is_plain {
        return None;
    }
    name::append_parsed(text, None, wire).ok()
}

/// LUA: a type, and its code in strings.
pub(super) fn lua_to_wire(text: &str) -> Result<Vec<u8>, RdataError> {
    let mut words = Words::new(text);
    let rtype: RecordType = words
        .need()?
        .text
        .parse()
        .map_err(|error: crate::rtype::UnknownType| RdataError { reason: error.to_string() })?;
    let mut wire = rtype.0.to_be_bytes().to_vec();
    let mut ahead = words.clone();
    let code = ahead.need()?;
    if !code.is_quoted {
        return Err(RdataError {
            reason: format!(
                "Data field in DNS should start with quote (\") at position {} of '{}'",
                code.at,
                words.excerpt()
            ),
        });
    }
    txt::append_strings(&mut words, &mut wire)?;
    Ok(wire)
}

/// What a SOA lacks, counted from the serial on.
const SOA_DEFAULTS: [&str; 5] = ["0", "10800", "3600", "604800", "3600"];

/// SOA: missing fields are filled up, and the mailbox may be written with `@`.
fn soa_to_wire(stored: &str) -> Result<Vec<u8>, RdataError> {
    if let Ok(wire) = rdata::parse(RecordType::SOA, stored, None)
        && !stored.contains('@')
    {
        return Ok(wire);
    }
    let mut words = Words::new(stored);
    let mut wire = Vec::with_capacity(stored.len() + 24);
    append_name(words.need()?.text, None, &mut wire)?;
    match words.next()? {
        Some(mailbox) => append_name(&without_at(mailbox.text), None, &mut wire)?,
        None => {
            // PowerDNS fills in hostmaster of the zone; the parent of the primary's name is nearest to it here.
            let mname = Name::from_wire(&wire).map_err(|error| RdataError { reason: error.to_string() })?;
            let parent = mname.parent().unwrap_or_else(Name::root);
            let rname = parent.child(b"hostmaster").map_err(|error| RdataError { reason: error.to_string() })?;
            wire.extend(rname.as_wire());
        }
    }
    let mut numbers = String::new();
    for default in SOA_DEFAULTS {
        numbers.push_str(words.next()?.map_or(default, |word| word.text));
        numbers.push(' ');
    }
    if !words.is_at_end() {
        return Err(RdataError { reason: format!("more than seven fields in '{}'", words.excerpt()) });
    }
    // The five numbers of a SOA whose names are the root.
    let rest = rdata::parse(RecordType::SOA, &format!(". . {numbers}"), None)?;
    wire.extend(&rest[2..]);
    Ok(wire)
}

/// `host.master@example.com` as a name: dots before the `@` belong to the first label (RFC 1035 section 8).
fn without_at(mailbox: &str) -> String {
    match mailbox.split_once('@') {
        Some((local, domain)) if !local.ends_with('\\') => {
            let local = if local.contains('\\') { local.to_string() } else { local.replace('.', "\\.") };
            format!("{local}.{domain}")
        }
        _ => mailbox.to_string(),
    }
}
