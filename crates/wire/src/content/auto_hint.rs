//! PowerDNS's `ipv4hint=auto` and `ipv6hint=auto` in SVCB and HTTPS: text that has no wire format.
//!
//! The row keeps its `auto` for PowerDNS, which fills in the target's addresses when asked. What is served here
//! goes without the hint; a client then asks for the addresses (RFC 9460 section 7.3).

use crate::rdata::words::Words;
use crate::rdata::{self, FinalDot, RdataError};
use crate::{Name, RecordType};

/// Each `auto`, and an address nobody would hint at that stands in for it while the text is put into order.
const STAND_INS: [(&str, &str); 2] = [("ipv4hint=auto", "ipv4hint=0.0.0.0"), ("ipv6hint=auto", "ipv6hint=::")];

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
    matches!(rtype, RecordType::SVCB | RecordType::HTTPS) && STAND_INS.iter().any(|(auto, _)| text.contains(auto))
}

/// Reads `text`, relative names as [`rdata::parse`] does.
pub(super) fn read(rtype: RecordType, text: &str, origin: Option<&Name>) -> Result<AutoHint, RdataError> {
    let wire = rdata::parse(rtype, text, origin)?;
    let full = rdata::parse(rtype, &replaced(text, |(auto, stand_in)| (auto, stand_in))?, origin)?;
    let print = |dot| -> Result<String, RdataError> {
        replaced(&rdata::print_with(rtype, &full, dot)?, |(auto, stand_in)| (stand_in, auto))
    };
    Ok(AutoHint { wire, canonical: print(FinalDot::Kept)?, stored: print(FinalDot::Dropped)? })
}

type Pair = (&'static str, &'static str);

/// `text` with each word that is the first of a pair replaced by the second, one space between words.
fn replaced(text: &str, pair_of: impl Fn(Pair) -> Pair) -> Result<String, RdataError> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut words = Words::new(text);
    while let Some(word) = words.next()? {
        if !out.is_empty() {
            out.push(' ');
        }
        let replacement = STAND_INS.iter().map(|&pair| pair_of(pair)).find(|(from, _)| *from == word.text);
        out.push_str(replacement.map_or(word.text, |(_, to)| to));
    }
    Ok(out)
}
