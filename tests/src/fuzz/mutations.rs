//! Mutations of seeds, for a toolchain without libFuzzer.

/// Endless mutations of one seed, the same for the same number.
#[derive(Debug)]
pub struct Mutations<'s> {
    seed: &'s [u8],
    state: u64,
}

impl<'s> Mutations<'s> {
    /// Mutations of `seed`, drawn from `number`.
    pub fn new(seed: &'s [u8], number: u64) -> Mutations<'s> {
        Mutations { seed, state: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn draw(&mut self, below: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        /// What parsers treat specially.
        const SPECIAL: &[u8] = b"\0\x01\xff\x3f\x40\xc0\x80\"\\;()@$.*{}[]:,-0129 \t\n";
        let mut data = self.seed.to_vec();
        for _ in 0..=self.draw(4) {
            let at = self.draw(data.len());
            match self.draw(7) {
                0 if !data.is_empty() => data[at] ^= 1 << self.draw(8),
                1 if !data.is_empty() => data[at] = SPECIAL[self.draw(SPECIAL.len())],
                2 => data.insert(at, SPECIAL[self.draw(SPECIAL.len())]),
                3 if !data.is_empty() => drop(data.remove(at)),
                4 => data.truncate(at),
                5 => {
                    // A piece doubled: repeated labels, quotes, brackets.
                    let end = (at + self.draw(40)).min(data.len());
                    let piece = data[at..end].to_vec();
                    data.splice(at..at, piece);
                }
                _ => data.extend((0..self.draw(9)).map(|_| SPECIAL[self.draw(SPECIAL.len())]).collect::<Vec<u8>>()),
            }
        }
        Some(data)
    }
}
