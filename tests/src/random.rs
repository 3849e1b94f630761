//! Random numbers that a seed repeats: what a test drew, it can draw again.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator of random numbers (splitmix64). Not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A generator of its own for the part called `number`: what one part draws does not move the others.
    pub fn part(seed: u64, number: u64) -> Random {
        let mut random = Random(seed ^ number.wrapping_mul(0xd605_bbb5_8c8a_bbfd));
        random.draw();
        random
    }

    /// 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`.
    ///
    /// # Panics
    ///
    /// When there are none.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    /// One of the values, as often as its weight says.
    ///
    /// # Panics
    ///
    /// When all weights are 0.
    pub fn weighted<T: Copy>(&mut self, choices: &[(usize, T)]) -> T {
        let mut at = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for &(weight, value) in choices {
            match at.checked_sub(weight) {
                Some(rest) => at = rest,
                None => return value,
            }
        }
        unreachable!("the number is below the sum of the weights")
    }
}

/// `SIGNPOST_TEST_SEED`, where it is set.
pub fn wanted_seed() -> Option<u64> {
    std::env::var("SIGNPOST_TEST_SEED").ok().and_then(|seed| seed.parse().ok())
}

/// `SIGNPOST_TEST_SEED`, or one from the clock. The caller prints it.
pub fn seed() -> u64 {
    wanted_seed().unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Random::new(now.as_nanos() as u64).draw() >> 32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_weights_count() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..50).map(|_| random.weighted(&[(1, 'a'), (0, 'b'), (9, 'c')])).collect::<String>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(!draw(7).contains('b'));
        assert!(draw(7).matches('c').count() > draw(7).matches('a').count());
    }
}
