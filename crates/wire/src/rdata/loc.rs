//! Locations (RFC 1876).

use super::RdataError;
use super::fields::{push, take};
use super::words::{Word, Words, excerpt};

/// Thousandths of a second of arc in one degree.
const DEGREE: u32 = 3_600_000;
/// The equator and the prime meridian (RFC 1876 section 2).
const MIDDLE: u32 = 1 << 31;
/// Centimetres from the reference of altitudes down to its zero (RFC 1876 section 2).
const ALTITUDE_BASE: i64 = 10_000_000;
/// Size, horizontal and vertical precision when not said: 1 m, 10 km, 10 m (RFC 1876 section 3).
const DEFAULTS: [u8; 3] = [0x12, 0x16, 0x13];

/// Takes the 16 octets, if they have version 0 and every number is within its bounds.
pub(super) fn split<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RdataError> {
    let octets = take(rest, 16)?;
    if octets[0] != 0 {
        return Err(RdataError::new(format!("version {} is not 0", octets[0])));
    }
    for (precision, what) in octets[1..4].iter().zip(["size", "horizontal precision", "vertical precision"]) {
        if precision >> 4 > 9 || precision & 15 > 9 {
            return Err(RdataError::new(format!("{what} has a digit above 9")));
        }
    }
    for (at, degrees, what) in [(4, 90, "latitude"), (8, 180, "longitude")] {
        if number_at(octets, at).abs_diff(MIDDLE) > degrees * DEGREE {
            return Err(RdataError::new(format!("{what} is beyond {degrees} degrees")));
        }
    }
    Ok(octets)
}

fn number_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(octets[at..at + 4].try_into().expect("split() took 16 octets"))
}

/// Prints `52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m`.
pub(super) fn print(octets: &[u8], out: &mut String) {
    print_angle(number_at(octets, 4), ['N', 'S'], out);
    print_angle(number_at(octets, 8), ['E', 'W'], out);
    let altitude = i64::from(number_at(octets, 12)) - ALTITUDE_BASE;
    let sign = if altitude < 0 { "-" } else { "" };
    push(out, format_args!("{sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100));
    for precision in &octets[1..4] {
        let centimetres = u64::from(precision >> 4) * 10_u64.pow(u32::from(precision & 15));
        push(out, format_args!(" {}.{:02}m", centimetres / 100, centimetres % 100));
    }
}

fn print_angle(value: u32, [positive, negative]: [char; 2], out: &mut String) {
    let thousandths = value.abs_diff(MIDDLE);
    let hemisphere = if value >= MIDDLE { positive } else { negative };
    let degrees = thousandths / DEGREE;
    let minutes = thousandths % DEGREE / 60_000;
    let seconds = thousandths % 60_000;
    push(out, format_args!("{degrees} {minutes} {}.{:03} {hemisphere} ", seconds / 1_000, seconds % 1_000));
}

/// Reads latitude, longitude, altitude, and up to three precisions.
pub(super) fn parse(words: &mut Words<'_>, wire: &mut Vec<u8>) -> Result<(), RdataError> {
    let latitude = parse_angle(words, ["N", "S"], 90).map_err(|error| error.in_field("latitude"))?;
    let longitude = parse_angle(words, ["E", "W"], 180).map_err(|error| error.in_field("longitude"))?;
    let altitude = words.need()?;
    let altitude = metres(altitude.text)
        .and_then(|centimetres| u32::try_from(centimetres + ALTITUDE_BASE).ok())
        .ok_or_else(|| bad("altitude", altitude))?;
    let mut precisions = DEFAULTS;
    for (precision, what) in precisions.iter_mut().zip(["size", "horizontal precision", "vertical precision"]) {
        let Some(word) = words.next()? else { break };
        *precision = metres(word.text).and_then(mantissa_and_exponent).ok_or_else(|| bad(what, word))?;
    }
    wire.push(0);
    wire.extend(precisions);
    for number in [latitude, longitude, altitude] {
        wire.extend(number.to_be_bytes());
    }
    Ok(())
}

fn bad(what: &str, word: Word<'_>) -> RdataError {
    RdataError::new(format!("{what} '{}' is malformed or out of range", excerpt(word.text)))
}

/// Degrees, minutes, seconds and hemisphere; minutes and seconds may be left out.
fn parse_angle(words: &mut Words<'_>, [positive, negative]: [&str; 2], degrees_max: u32) -> Result<u32, RdataError> {
    let mut thousandths: i64 = 0;
    // Degrees, minutes, seconds: bound of each, thousandths in each, decimals of each.
    let parts = [(degrees_max, DEGREE, 0), (59, 60_000, 0), (59, 1_000, 3)];
    for index in 0..=parts.len() {
        let word = words.need()?;
        let is_positive = word.text.eq_ignore_ascii_case(positive);
        if index > 0 && (is_positive || word.text.eq_ignore_ascii_case(negative)) {
            if thousandths > i64::from(degrees_max * DEGREE) {
                return Err(RdataError::new(format!("is beyond {degrees_max} degrees")));
            }
            let signed = if is_positive { thousandths } else { -thousandths };
            return Ok((i64::from(MIDDLE) + signed) as u32);
        }
        let &(bound, unit, decimals) =
            parts.get(index).ok_or_else(|| RdataError::new(format!("{positive} or {negative} is missing")))?;
        let value = fixed_point(word.text, decimals)
            .filter(|value| value / 10_i64.pow(decimals) <= i64::from(bound))
            .ok_or_else(|| bad("angle", word))?;
        thousandths += value * i64::from(unit) / 10_i64.pow(decimals);
    }
    Err(RdataError::new(format!("{positive} or {negative} is missing")))
}

/// Metres with an optional `m`, in centimetres.
fn metres(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['m', 'M']).unwrap_or(text);
    match text.strip_prefix('-') {
        Some(text) => fixed_point(text, 2).map(|centimetres| -centimetres),
        None => fixed_point(text, 2),
    }
}

/// A number without sign in units of `decimals` decimals, of which there may be fewer, and zeros more.
fn fixed_point(text: &str, decimals: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number =
        !whole.is_empty() && whole.len() <= 12 && [whole, fraction].concat().bytes().all(|d| d.is_ascii_digit());
    if !is_number {
        return None;
    }
    let (kept, dropped) = fraction.split_at_checked(decimals as usize).unwrap_or((fraction, ""));
    if dropped.bytes().any(|digit| digit != b'0') || (decimals == 0 && !fraction.is_empty()) {
        return None;
    }
    let padded = format!("{whole}{kept:0<width$}", width = decimals as usize);
    padded.parse().ok()
}

/// Centimetres as one digit and a power of ten, rounded down to what that can say (RFC 1876 section 2).
fn mantissa_and_exponent(centimetres: i64) -> Option<u8> {
    let mut mantissa = u64::try_from(centimetres).ok()?;
    let mut exponent = 0;
    while mantissa > 9 {
        mantissa /= 10;
        exponent += 1;
    }
    (exponent <= 9).then_some((mantissa as u8) << 4 | exponent)
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

    /// Places of RFC 1876 section 4, in the canonical spelling.
    #[test]
    fn the_rfcs_places() {
        for (text, wanted) in [
            ("42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"),
            ("42 21 43.952 N 71 5 6.344 W -24m 1m 200m", "42 21 43.952 N 71 5 6.344 W -24.00m 1.00m 200.00m 10.00m"),
            ("52 14 05 N 00 08 50 E 10m", "52 14 5.000 N 0 8 50.000 E 10.00m 1.00m 10000.00m 10.00m"),
            ("32 7 19 S 116 2 25 E 10m", "32 7 19.000 S 116 2 25.000 E 10.00m 1.00m 10000.00m 10.00m"),
            ("90 N 180 W -100000", "90 0 0.000 N 180 0 0.000 W -100000.00m 1.00m 10000.00m 10.00m"),
        ] {
            assert_eq!(canonical(text), wanted);
            assert_eq!(canonical(wanted), wanted);
        }
    }

    /// RFC 1876 section 2: the middle is 2^31, altitudes count from -100,000 m, 1e6 cm is 0x16.
    #[test]
    fn numbers_have_the_rfcs_offsets() {
        assert_eq!(
            wire("0 N 0 E 0m").unwrap(),
            [0, 0x12, 0x16, 0x13, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0x00, 0x98, 0x96, 0x80]
        );
    }

    #[test]
    fn out_of_range_is_refused() {
        for text in [
            "91 N 0 E 0m",
            "90 0 0.001 N 0 E 0m",
            "0 N 181 E 0m",
            "0 60 N 0 E 0m",
            "0 0 60 N 0 E 0m",
            "0 N 0 E -100000.01m",
            "0 N 0 E 42849672.96m",
            "0 N 0 E 0m 90000001m 1m 1m 1m",
            "0 N 0 E 0m 100000000m",
            "0 E 0 N 0m",
            "N 0 E 0m",
            "0 N 0 E",
            "0.5 N 0 E 0m",
            "0 0 0.0001 N 0 E 0m",
            "0 N 0 E 0m -1m",
            "+0 N 0 E 0m",
        ] {
            let mut words = Words::new(text);
            let failed = parse(&mut words, &mut Vec::new()).is_err() || !words.is_at_end();
            assert!(failed, "{text}");
        }
    }
}
