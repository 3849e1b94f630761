//! The messages of one batch, and memory fetched for all of them at once.
//!
//! An answer in a large zone reads a dozen places in memory, each of which is known when the one before it has come. One message after
//! the other waits for each of them; step by step through all messages, the waits are at the same time.

use super::batch::BATCH;
use crate::reading::Reading;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Fewer messages in large zones are answered as they come: nothing is gained by fetching for one what it is about to read.
const WORTH_IT: usize = 4;

/// Messages that were read, in the order they came.
pub struct Readings<'m> {
    places: [Option<Reading<'m>>; BATCH],
    count: usize,
    /// Those in large zones.
    far: usize,
}

impl<'m> Default for Readings<'m> {
    fn default() -> Readings<'m> {
        Readings { places: std::array::from_fn(|_| None), count: 0, far: 0 }
    }
}

impl<'m> Readings<'m> {
    /// Puts one at its place in the order; `None` where it is ignored.
    ///
    /// # Panics
    ///
    /// With more than a batch.
    pub fn put(&mut self, index: usize, reading: Option<Reading<'m>>) {
        self.far += usize::from(reading.as_ref().is_some_and(Reading::is_far));
        self.places[index] = reading;
        self.count = self.count.max(index + 1);
    }

    /// Those that are not ignored, each with its place in the order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Reading<'m>)> + '_ {
        let places = self.places[..self.count].iter().enumerate();
        places.filter_map(|(index, reading)| reading.as_ref().map(|reading| (index, reading)))
    }

    /// Has memory fetched for all of them that ask in large zones, where these are enough. Returns for how many.
    pub fn fetch_ahead(&mut self) -> usize {
        if self.far < WORTH_IT {
            return 0;
        }
        // What panics here does so again where the message is answered, and is a refusal then.
        let _: Result<(), _> = catch_unwind(AssertUnwindSafe(|| self.approach_all()));
        self.far
    }

    fn approach_all(&mut self) {
        let mut ways: [_; BATCH] = std::array::from_fn(|_| None);
        for (way, reading) in ways.iter_mut().zip(&self.places[..self.count]) {
            *way = reading.as_ref().filter(|reading| reading.is_far()).and_then(Reading::approach);
            if let Some((approach, _, _)) = way {
                approach.begin(touch);
            }
        }
        let mut seen = [(None, None); BATCH];
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for (way, seen) in ways[..self.count].iter_mut().zip(&mut seen) {
                let Some((approach, name, key)) = way else { continue };
                if approach.step(name, *key, touch) {
                    goes_on = true;
                } else {
                    *seen = (approach.found(), approach.hashed());
                    *way = None;
                }
            }
        }
        for (reading, seen) in self.places[..self.count].iter_mut().zip(seen) {
            if let Some(target) = reading.as_mut().and_then(|reading| reading.target.as_mut()) {
                (target.found, target.hashed) = seen;
            }
        }
    }
}

/// Asks the processor for the cache line of an address.
#[inline(always)]
fn touch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint that changes nothing and never faults, whatever the address; SSE is part of x86_64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    // The other architectures have no stable intrinsic; there the answer waits.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
