//! Numbers in the text of RDATA: plain, as intervals with units, as times, as mnemonics.

use super::RdataError;
use super::words::{Word, excerpt};

use super::fields::push;

/// The number in up to eight octets.
pub(super) fn big_endian(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |value, &octet| value << 8 | u64::from(octet))
}

/// Reads a decimal number of at most `bits` bits.
pub(super) fn parse(word: Word<'_>, bits: u32) -> Result<u64, RdataError> {
    if word.text.is_empty() || !word.text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(not_a_number(word));
    }
    let value: Option<u64> = word.text.parse().ok();
    value
        .filter(|value| value >> bits == 0)
        .ok_or_else(|| RdataError::new(format!("Overflow reading {bits} bit integer from record content")))
}

/// A decimal number without sign, of at most 32 bits.
pub(super) fn plain(text: &str) -> Option<u32> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn not_a_number(word: Word<'_>) -> RdataError {
    RdataError::new(format!("expected digits at position {} in '{}'", word.at, excerpt(word.text)))
}

/// Reads seconds, plain or with units: `1h30m`, `2W` (RFC 1035 leaves them to BIND's master files).
///
/// `None` if the text is no such number or does not fit into 32 bits.
pub(crate) fn interval(text: &str) -> Option<u32> {
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    for octet in text.bytes() {
        if octet.is_ascii_digit() {
            let digits = number.unwrap_or(0) * 10 + u64::from(octet - b'0');
            number = Some(digits).filter(|&digits| digits <= u64::from(u32::MAX));
            number?;
            continue;
        }
        let unit = match octet.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total += number.take()? * unit;
        if total > u64::from(u32::MAX) {
            return None;
        }
    }
    // A plain number at the end counts seconds.
    if text.is_empty() { None } else { u32::try_from(total + number.unwrap_or(0)).ok() }
}

/// Reads an interval of the SOA.
pub(super) fn parse_interval(word: Word<'_>) -> Result<u32, RdataError> {
    if word.text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(parse(word, 32)? as u32);
    }
    interval(word.text).ok_or_else(|| not_a_number(word))
}

/// Prints 32 bits of seconds since 1970 as `YYYYMMDDHHMMSS` (RFC 4034 section 3.2), 1970 to 2106.
pub(super) fn print_time(octets: &[u8], out: &mut String) {
    let seconds = i64::try_from(big_endian(octets)).expect("split() took four octets");
    let time = jiff::Timestamp::from_second(seconds).expect("32 bits of seconds end in 2106");
    let time = jiff::tz::TimeZone::UTC.to_datetime(time);
    push(
        out,
        format_args!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        ),
    );
}

/// Reads `YYYYMMDDHHMMSS`, or seconds since 1970 (RFC 4034 section 3.2: told apart by the 14 digits).
pub(super) fn parse_time(word: Word<'_>) -> Result<u32, RdataError> {
    let text = word.text;
    if text.len() != 14 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(parse(word, 32)? as u32);
    }
    // Fourteen digits: every part fits.
    let part = |from: usize, to: usize| text[from..to].parse::<i16>().unwrap_or(0);
    let small = |from: usize| part(from, from + 2) as i8;
    jiff::civil::DateTime::new(part(0, 4), small(4), small(6), small(8), small(10), small(12), 0)
        .ok()
        .and_then(|time| jiff::tz::TimeZone::UTC.to_timestamp(time).ok())
        .and_then(|time| u32::try_from(time.as_second()).ok())
        .ok_or_else(|| RdataError::new(format!("'{text}' is no time between 1970 and 2106")))
}

/// Mnemonics of RFC 4034 appendix A.1 and the registry since.
const ALGORITHMS: &[(&str, u8)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

/// Mnemonics of RFC 4398 section 2.1.
const CERT_TYPES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];

fn by_mnemonic<T: Copy>(table: &[(&str, T)], word: Word<'_>) -> Option<T> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.text)).map(|&(_, number)| number)
}

/// Reads an algorithm by number or mnemonic.
pub(super) fn parse_algorithm(word: Word<'_>) -> Result<u8, RdataError> {
    match by_mnemonic(ALGORITHMS, word) {
        Some(number) => Ok(number),
        None => Ok(parse(word, 8)? as u8),
    }
}

/// Reads a certificate type by number or mnemonic.
pub(super) fn parse_cert_type(word: Word<'_>) -> Result<u16, RdataError> {
    match by_mnemonic(CERT_TYPES, word) {
        Some(number) => Ok(number),
        None => Ok(parse(word, 16)? as u16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_units() {
        for (text, seconds) in
            [("0", 0), ("300", 300), ("1h", 3_600), ("1H30M", 5_400), ("1w2d3h4m5s", 788_645), ("1m30", 90)]
        {
            assert_eq!(interval(text), Some(seconds), "{text}");
        }
        for text in ["", "h", "1x", "1hh", "-1", "4294967296", "99999999999999999999w", "8000w", "1 h"] {
            assert_eq!(interval(text), None, "{text}");
        }
    }

    #[test]
    fn times_go_both_ways() {
        for (text, seconds) in
            [("19700101000000", 0), ("20040509183619", 1_084_127_779_u32), ("21060207062815", u32::MAX)]
        {
            let word = Word { text, is_quoted: false, at: 0 };
            assert_eq!(parse_time(word), Ok(seconds));
            let mut out = String::new();
            print_time(&seconds.to_be_bytes(), &mut out);
            assert_eq!(out, text);
        }
        for text in ["21060207062816", "19691231235959", "20041301000000", "20040230000000", "2004050918361x"] {
            assert!(parse_time(Word { text, is_quoted: false, at: 0 }).is_err(), "{text}");
        }
    }
}
