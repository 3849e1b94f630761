//! At which depths of a zone names are redirected: cuts and DNAMEs.
//!
//! Most zones have none, and most of the rest have them at one depth; a lookup then needs no probe,
//! or one, to know that a name is not below any.

/// How many redirecting names there are at each label count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Depths {
    counts: Vec<(u8, u32)>,
}

impl Depths {
    pub(crate) fn add(&mut self, depth: usize) {
        match self.counts.binary_search_by_key(&(depth as u8), |&(d, _)| d) {
            Ok(at) => self.counts[at].1 += 1,
            Err(at) => self.counts.insert(at, (depth as u8, 1)),
        }
    }

    pub(crate) fn take(&mut self, depth: usize) {
        if let Ok(at) = self.counts.binary_search_by_key(&(depth as u8), |&(d, _)| d) {
            self.counts[at].1 -= 1;
            if self.counts[at].1 == 0 {
                self.counts.remove(at);
            }
        }
    }

    /// Depths with a redirecting name, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.counts.iter().map(|&(depth, _)| usize::from(depth))
    }
}
