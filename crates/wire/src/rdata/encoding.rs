//! Octets as hexadecimal, base64, base32hex, and in groups.

use std::sync::LazyLock;

use data_encoding::{BASE32HEX_NOPAD, BASE64, Encoding, HEXLOWER, HEXLOWER_PERMISSIVE, Specification};

use super::RdataError;
use super::fields::push;
use super::number;
use super::words::{Word, Words, excerpt};

/// Base64 as it is found in zones: padding may be missing and spare bits may be set.
static BASE64_LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    specification.check_trailing_bits = false;
    specification.encoding().expect("the alphabet has 64 symbols")
});

/// Letter case of hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Case {
    Upper,
    Lower,
}

pub(super) fn print_hex(octets: &[u8], out: &mut String) {
    HEXLOWER.encode_append(octets, out);
}

pub(super) fn print_base64(octets: &[u8], out: &mut String) {
    BASE64.encode_append(octets, out);
}

/// In capitals, as PowerDNS prints it.
pub(super) fn print_base32hex(octets: &[u8], out: &mut String) {
    BASE32HEX_NOPAD.encode_append(octets, out);
}

/// Prints groups of `size` octets with `separator` between them.
pub(super) fn print_groups(octets: &[u8], size: usize, separator: char, case: Case, out: &mut String) {
    for (index, group) in octets.chunks(size).enumerate() {
        if index > 0 {
            out.push(separator);
        }
        for octet in group {
            match case {
                Case::Upper => push(out, format_args!("{octet:02X}")),
                Case::Lower => push(out, format_args!("{octet:02x}")),
            }
        }
    }
}

/// Reads groups of at most as many hexadecimal digits as `digits` says, each of which is a whole octet or more.
pub(super) fn parse_groups(
    word: Word<'_>,
    digits: &[usize],
    separator: char,
    wire: &mut Vec<u8>,
) -> Result<(), RdataError> {
    let bad =
        || RdataError::new(format!("'{}' is not {} groups of hexadecimal digits", excerpt(word.text), digits.len()));
    let mut groups = word.text.split(separator);
    for &size in digits {
        let group = groups.next().ok_or_else(bad)?;
        if group.is_empty() || group.len() > size || !group.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let value = u32::from_str_radix(group, 16).map_err(|_| bad())?;
        wire.extend(&value.to_be_bytes()[4 - size / 2..]);
    }
    if groups.next().is_some() { Err(bad()) } else { Ok(()) }
}

/// All words that are left, put together.
fn join_to_end(words: &mut Words<'_>) -> Result<String, RdataError> {
    let mut joined = String::new();
    while let Some(word) = words.next()? {
        joined.push_str(word.text);
    }
    Ok(joined)
}

fn decode_hex(text: &str, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let octets = HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map_err(|error| RdataError::new(format!("bad hexadecimal '{}': {error}", excerpt(text))))?;
    wire.extend(octets);
    Ok(())
}

pub(super) fn decode_base64(text: &str, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let padding = text.bytes().rev().take_while(|&octet| octet == b'=').count();
    let digits = &text[..text.len() - padding];
    let octets = BASE64_LENIENT
        .decode(digits.as_bytes())
        .ok()
        .filter(|_| padding <= 2)
        .ok_or_else(|| RdataError::new(format!("bad base64 '{}'", excerpt(text))))?;
    wire.extend(octets);
    Ok(())
}

/// Reads hexadecimal from all words that are left, at least one.
pub(super) fn parse_hex_to_end(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    if words.is_at_end() {
        words.need()?;
    }
    decode_hex(&join_to_end(words)?, wire)
}

/// Reads hexadecimal from all words that are left, or nothing.
pub(super) fn parse_hex_or_none(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    decode_hex(&join_to_end(words)?, wire)
}

/// Reads base64 from all words that are left.
pub(super) fn parse_base64_to_end(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    decode_base64(&join_to_end(words)?, wire)
}

/// Appends `octets` after an octet that counts them.
fn push_counted(octets: &[u8], wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let length = u8::try_from(octets.len())
        .map_err(|_| RdataError::new(format!("{} octets are more than 255", octets.len())))?;
    wire.push(length);
    wire.extend(octets);
    Ok(())
}

/// Reads a salt in hexadecimal, or `-`.
pub(super) fn parse_salt(word: Word<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let mut salt = Vec::new();
    if word.text != "-" {
        decode_hex(word.text, &mut salt)?;
    }
    push_counted(&salt, wire)
}

/// Reads a hashed owner name in base32hex.
pub(super) fn parse_base32hex(word: Word<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let hash = BASE32HEX_NOPAD
        .decode(word.text.to_ascii_uppercase().as_bytes())
        .ok()
        .filter(|hash| !hash.is_empty())
        .ok_or_else(|| RdataError::new(format!("bad base32hex '{}'", excerpt(word.text))))?;
    push_counted(&hash, wire)
}

/// Reads a length, and so many octets in one word of base64; none for length 0.
pub(super) fn parse_counted(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let length = number::parse(words.need()?, 16)?;
    wire.extend((length as u16).to_be_bytes());
    if length == 0 {
        return Ok(());
    }
    let before = wire.len();
    decode_base64(words.need()?.text, wire)?;
    let found = wire.len() - before;
    if found as u64 != length {
        return Err(RdataError::new(format!("{found} octets where {length} were said")));
    }
    Ok(())
}
