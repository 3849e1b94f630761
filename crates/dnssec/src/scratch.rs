//! Octets put together for one answer, so that ordinary ones allocate nothing.

/// Octets in place, and on the heap once they are many.
pub(crate) struct Scratch {
    near: [u8; 512],
    octets: usize,
    far: Vec<u8>,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch { near: [0; 512], octets: 0, far: Vec::new() }
    }

    pub(crate) fn put(&mut self, octets: &[u8]) {
        match self.near.get_mut(self.octets..self.octets + octets.len()) {
            Some(free) if self.far.is_empty() => {
                free.copy_from_slice(octets);
                self.octets += octets.len();
            }
            _ => {
                if self.far.is_empty() {
                    self.far.extend_from_slice(&self.near[..self.octets]);
                }
                self.far.extend_from_slice(octets);
            }
        }
    }

    pub(crate) fn octets(&mut self) -> &mut [u8] {
        if self.far.is_empty() { &mut self.near[..self.octets] } else { &mut self.far }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_stay_in_order_across_the_border() {
        let mut scratch = Scratch::new();
        let mut wanted = Vec::new();
        for (number, length) in [500, 12, 0, 1, 300, 2].into_iter().enumerate() {
            let octets = vec![number as u8; length];
            scratch.put(&octets);
            wanted.extend_from_slice(&octets);
            assert_eq!(scratch.octets(), wanted);
        }
    }
}
