//! PowerDNS's `ipv4hint=auto` and `ipv6hint=auto` in SVCB and HTTPS: text that has no wire format.
//!
//! The row keeps its `auto` for PowerDNS, which fills in the target's addresses when asked. What is served here
//! goes without the hint; a client then asks for the addresses (RFC 9460 section 7.3).

use crate::rdata::words::Words;
use crate::rdata::{self, FinalDot, RdataError};
use crate::{Name, RecordType};

/// Each `auto`, and an address that stands in for it while the text is put into order.
const STAND_INS: [(&str, &str); 2] = [("ipv4hint=auto", "ipv4hint=0.0.0.0"), ("ipv6hint=auto", "ipv6hint=::")];

/// Words before the first parameter: priority and target, which may look like a hint.
const WORDS_BEFORE: usize = 2;

/// A content with `auto` in it.
pub(super) struct AutoHint {
    /// Without the hints.
    pub(super) wire: Vec<u8>,
    /// With them, and with final dots.
    pub(super) canonical: String,
    /// With them, without final dots.
    pub(super) stored: String,
}

/// Whether `text` is such a content.
pub(super) fn is_in(rtype: RecordType, text: &str) -> bool {
    matches!(rtype, RecordType::SVCB | RecordType::HTTPS) && pairs(text).is_ok_and(|pairs| !pairs.is_empty())
}

/// Reads `text`, relative names as [`rdata::parse`] does.
pub(super) fn read(rtype: RecordType, text: &str, origin: Option<&Name>) -> Result<AutoHint, RdataError> {
    let wire = rdata::parse(rtype, text, origin)?;
    let there = pairs(text)?;
    let back: Vec<Pair> = there.iter().map(|&(auto, stand_in)| (stand_in, auto)).collect();
    let full = rdata::parse(rtype, &replaced(text, &there)?, origin)?;
    let print = |dot| -> Result<String, RdataError> { replaced(&rdata::print_with(rtype, &full, dot)?, &back) };
    Ok(AutoHint { wire, canonical: print(FinalDot::Kept)?, stored: print(FinalDot::Dropped)? })
}

type Pair = (&'static str, &'static str);

/// Those of [`STAND_INS`] whose `auto` is a parameter in `text`: the others' addresses may be meant.
fn pairs(text: &str) -> Result<Vec<Pair>, RdataError> {
    let mut there = Vec::new();
    if !STAND_INS.iter().any(|(auto, _)| text.contains(auto)) {
        return Ok(there);
    }
    let mut words = Words::new(text);
    let mut number = 0;
    while let Some(word) = words.next()? {
        number += 1;
        if number > WORDS_BEFORE {
            there.extend(STAND_INS.iter().filter(|(auto, _)| *auto == word.text));
        }
    }
    Ok(there)
}

/// `text` with each parameter that is the first of a pair replaced by the second, one space between words.
fn replaced(text: &str, pairs: &[Pair]) -> Result<String, RdataError> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut words = Words::new(text);
    let mut number = 0;
    while let Some(word) = words.next()? {
        number += 1;
        if !out.is_empty() {
            out.push(' ');
        }
        let replacement = pairs.iter().find(|(from, _)| number > WORDS_BEFORE && *from == word.text);
        out.push_str(replacement.map_or(word.text, |(_, to)| to));
    }
    Ok(out)
}
