//! Waiting for a condition, never for time.

use std::time::{Duration, Instant};

/// Asks `condition` every few milliseconds until it gives a value, and returns that.
///
/// # Panics
///
/// When `bound` has passed; the message says what was waited for.
pub fn until<T>(what: &str, bound: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < bound, "waited {bound:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// [`until`] for a condition that is true or false.
pub fn until_true(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) {
    until(what, bound, || condition().then_some(()));
}
