//! Zone ids in paths and answers (PDNS-DIALECT section 2, "Zone id encoding").

use std::fmt::{Display, Write};

use wire::{Name, ZoneName};

use crate::error::{ApiError, invalid};

/// The path of a zone, below which everything about it lies.
pub(crate) const ZONES_PATH: &str = "/api/v1/servers/localhost/zones/";

/// The id of a zone or TSIG key: its name, every octet outside `A-Z a-z 0-9 . -` as `=XX`; the root is `=2E`.
pub fn encode(name: &impl Display) -> String {
    let name = name.to_string();
    if name == "." {
        return "=2E".to_owned();
    }
    let mut id = String::with_capacity(name.len() + 4);
    for octet in name.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => id.push(char::from(octet)),
            _ => {
                let _ = write!(id, "={octet:02X}");
            }
        }
    }
    id
}

/// The zone that a path segment names: percent-decoded, then `=XX` decoded, in lower case. The final dot may be missing,
/// and `=2E.`, which External-DNS asks for, is the root.
///
/// # Errors
///
/// 400 for a bad escape, 422 for what is no name.
pub fn decode(segment: &str) -> Result<ZoneName, ApiError> {
    let text = unescape(&percent_decode(segment)?)?;
    let name = if text == ".." { "." } else { &text };
    match ZoneName::parse(name) {
        Ok(_) if name.is_empty() => Err(invalid("Unable to parse Zone Name ''")),
        Ok(name) => Ok(name),
        Err(why) => Err(invalid(format!("Unable to parse Zone Name '{text}': {why}"))),
    }
}

/// The TSIG key that a path segment names.
///
/// # Errors
///
/// As [`decode`].
pub(crate) fn decode_key(segment: &str) -> Result<Name, ApiError> {
    decode_escapes(&percent_decode(segment)?)
}

/// The TSIG key that an id in a body names, where there are no percent escapes.
///
/// # Errors
///
/// As [`decode`].
pub(crate) fn decode_escapes(id: &str) -> Result<Name, ApiError> {
    let text = unescape(id)?;
    match Name::parse(&text) {
        Ok(name) if !name.is_root() => Ok(name.to_lowercase()),
        Ok(_) => Err(invalid(format!("Unable to parse TSIG key name '{text}'"))),
        Err(why) => Err(invalid(format!("Unable to parse TSIG key name '{text}': {why}"))),
    }
}

fn unescape(segment: &str) -> Result<String, ApiError> {
    let mut text = Vec::with_capacity(segment.len());
    let mut octets = segment.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'=' {
            text.push(octet);
            continue;
        }
        let value = (octets.next().and_then(upper_hex_digit), octets.next().and_then(upper_hex_digit));
        let (Some(high), Some(low)) = value else {
            return Err(ApiError::BadRequest(format!(
                "bad escape in id '{segment}': '=' needs two upper-case hex digits"
            )));
        };
        text.push(high << 4 | low);
    }
    String::from_utf8(text).map_err(|_| invalid(format!("Unable to parse Zone Name '{segment}': it is not UTF-8")))
}

/// One path segment, percent-decoded.
///
/// # Errors
///
/// 400 for a bad escape, or octets that are not UTF-8.
pub(crate) fn percent_decode(segment: &str) -> Result<String, ApiError> {
    let bad = || ApiError::BadRequest(format!("bad percent escape in '{segment}'"));
    let mut text = Vec::with_capacity(segment.len());
    let mut octets = segment.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            text.push(octet);
            continue;
        }
        let digit = |octet: u8| char::from(octet).to_digit(16).map(|digit| digit as u8);
        let high = octets.next().and_then(digit).ok_or_else(bad)?;
        let low = octets.next().and_then(digit).ok_or_else(bad)?;
        text.push(high << 4 | low);
    }
    String::from_utf8(text).map_err(|_| bad())
}

fn upper_hex_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ZoneName {
        ZoneName::parse(text).unwrap()
    }

    #[test]
    fn section_2_ids_encode_all_but_letters_digits_dots_and_hyphens() {
        assert_eq!(encode(&name("_a.b/c.test.")), "=5Fa.b=2Fc.test.");
        assert_eq!(encode(&name("0/26.2.0.192.in-addr.arpa")), "0=2F26.2.0.192.in-addr.arpa.");
        assert_eq!(encode(&name("example.test..a_b")), "example.test..a=5Fb");
        assert_eq!(encode(&name(".")), "=2E");
    }

    #[test]
    fn section_2_ids_are_read_generously() {
        for (id, zone) in [
            ("example.test.", "example.test."),
            ("Example.TEST", "example.test."),
            ("=5Fa.b=2Fc.test.", "_a.b/c.test."),
            ("foo%2Fbar.", "foo/bar."),
            ("foo%3D2Fbar", "foo/bar."),
            ("=2E", "."),
            ("=2E.", "."),
            ("example.test..In", "example.test..in"),
        ] {
            assert_eq!(decode(id).unwrap(), name(zone), "{id}");
        }
    }

    #[test]
    fn section_1_3_bad_escapes_are_400_and_bad_names_422() {
        for id in ["a=2f.", "a=2", "a=", "a=zz.", "%", "%2", "%zz", "%ff"] {
            assert!(matches!(decode(id), Err(ApiError::BadRequest(_))), "{id}");
        }
        for id in ["a..b.", "a..", "", ".a", "=FF.test."] {
            assert!(matches!(decode(id), Err(ApiError::Invalid(_))), "{id}");
        }
    }
}
