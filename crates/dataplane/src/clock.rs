//! The one look at the clocks of the loops that drive answers.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Unix seconds, in the 32 bits that RRSIG's times have (RFC 4034 section 3.1.5).
pub(crate) fn unix_now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}

/// Microseconds of a clock that never goes back.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn micros(&self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}
