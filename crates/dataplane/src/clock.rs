//! The one look at the clock of the loops that drive answers.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds, in the 32 bits that RRSIG's times have (RFC 4034 section 3.1.5).
pub(crate) fn unix_now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}
