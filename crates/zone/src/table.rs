//! The paged copy-on-write table that names, NSEC3 links and served zones are kept in.
//!
//! Entries are ordered by a 64-bit key that must be spread evenly (a hash). The top bits of the key
//! choose a page, the next bits a bucket, and a bucket is a short sorted slice. A change copies the
//! root, one page and one bucket, whatever the size of the table; readers of the old table see nothing of it.

use std::cmp::Ordering;
use std::sync::Arc;

/// Entries a bucket holds on average before its page gets more buckets.
const BUCKET_ENTRIES: usize = 8;
/// Buckets of a page (as a power of two) before the root gets more pages.
const PAGE_BITS_MAX: u32 = 9;

/// An ordered, persistent table. Cloning it costs one reference count.
#[derive(Debug)]
pub struct PagedTable<T> {
    root: Arc<Vec<Arc<Page<T>>>>,
    root_bits: u32,
    len: usize,
}

impl<T> Clone for PagedTable<T> {
    fn clone(&self) -> Self {
        PagedTable { root: Arc::clone(&self.root), root_bits: self.root_bits, len: self.len }
    }
}

#[derive(Debug, Clone)]
struct Page<T> {
    bits: u32,
    len: usize,
    buckets: Vec<Slot<T>>,
}

/// Where a page holds a bucket.
pub(crate) type Slot<T> = Option<Arc<[Entry<T>]>>;

#[derive(Debug, Clone)]
pub(crate) struct Entry<T> {
    pub(crate) key: u64,
    pub(crate) value: T,
}

impl<T: Clone> Default for PagedTable<T> {
    fn default() -> Self {
        PagedTable::from_sorted(Vec::new())
    }
}

impl<T: Clone> PagedTable<T> {
    /// Builds the table from entries sorted by key and, among equal keys, in the order later calls keep.
    pub fn from_sorted(entries: Vec<(u64, T)>) -> PagedTable<T> {
        let len = entries.len();
        let root_bits = bits_for(len.div_ceil(BUCKET_ENTRIES << PAGE_BITS_MAX));
        let mut entries = entries.into_iter().map(|(key, value)| Entry { key, value }).peekable();
        let pages = (0..1_u64 << root_bits).map(|page| {
            let mut of_page = Vec::new();
            while let Some(entry) = entries.next_if(|entry| top_bits(entry.key, root_bits) == page) {
                of_page.push(entry);
            }
            Arc::new(Page::from_sorted(of_page, root_bits))
        });
        PagedTable { root: Arc::new(pages.collect()), root_bits, len }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry under `key` for which `is` holds.
    pub fn get(&self, key: u64, is: impl Fn(&T) -> bool) -> Option<&T> {
        let bucket = self.slot(key).as_deref()?;
        bucket.iter().find(|entry| entry.key == key && is(&entry.value)).map(|entry| &entry.value)
    }

    /// Where the bucket of `key` is, if there is one.
    pub(crate) fn slot(&self, key: u64) -> &Slot<T> {
        let page = &self.root[self.page_of(key)];
        &page.buckets[page.bucket_of(key, self.root_bits)]
    }

    /// Puts `value` under `key`. `order` tells how an entry with an equal key stands to the new one;
    /// an equal one is replaced and returned.
    pub fn insert(&mut self, key: u64, value: T, order: impl Fn(&T) -> Ordering) -> Option<T> {
        let page_at = self.page_of(key);
        let root_bits = self.root_bits;
        let page = Arc::make_mut(&mut Arc::make_mut(&mut self.root)[page_at]);
        let bucket_at = page.bucket_of(key, root_bits);
        let old = page.buckets[bucket_at].as_deref().unwrap_or_default();
        let place = old.binary_search_by(|entry| entry.key.cmp(&key).then_with(|| order(&entry.value)));
        let entry = Entry { key, value };
        let (replaced, new) = match place {
            Ok(at) => (Some(old[at].value.clone()), [&old[..at], &[entry], &old[at + 1..]].concat()),
            Err(at) => (None, [&old[..at], &[entry], &old[at..]].concat()),
        };
        page.buckets[bucket_at] = Some(new.into());
        if replaced.is_none() {
            page.len += 1;
            self.len += 1;
            self.grow(page_at);
        }
        replaced
    }

    /// Takes out the entry under `key` for which `is` holds.
    pub fn remove(&mut self, key: u64, is: impl Fn(&T) -> bool) -> Option<T> {
        self.get(key, &is)?;
        let page_at = self.page_of(key);
        let root_bits = self.root_bits;
        let page = Arc::make_mut(&mut Arc::make_mut(&mut self.root)[page_at]);
        let bucket_at = page.bucket_of(key, root_bits);
        let mut entries = page.buckets[bucket_at].as_deref()?.to_vec();
        let at = entries.iter().position(|entry| entry.key == key && is(&entry.value))?;
        let removed = entries.remove(at);
        page.buckets[bucket_at] = (!entries.is_empty()).then(|| entries.into());
        page.len -= 1;
        self.len -= 1;
        Some(removed.value)
    }

    /// The last entry before a place in the order, going round at the beginning. `order` tells how an
    /// entry with an equal key stands to the place.
    pub fn last_before(&self, key: u64, order: impl Fn(&T) -> Ordering) -> Option<&T> {
        let page_at = self.page_of(key);
        let bucket_at = self.root[page_at].bucket_of(key, self.root_bits);
        let here = self.root[page_at].buckets[bucket_at].as_deref().unwrap_or_default();
        let is_before = |entry: &&Entry<T>| entry.key.cmp(&key).then_with(|| order(&entry.value)).is_lt();
        let found = here.iter().rev().find(is_before);
        found.or_else(|| self.buckets_before(page_at, bucket_at).find_map(|bucket| bucket.last())).map(|e| &e.value)
    }

    /// The first entry after a place in the order, going round at the end.
    pub fn first_after(&self, key: u64, order: impl Fn(&T) -> Ordering) -> Option<&T> {
        let page_at = self.page_of(key);
        let bucket_at = self.root[page_at].bucket_of(key, self.root_bits);
        let here = self.root[page_at].buckets[bucket_at].as_deref().unwrap_or_default();
        let is_after = |entry: &&Entry<T>| entry.key.cmp(&key).then_with(|| order(&entry.value)).is_gt();
        let found = here.iter().find(is_after);
        found.or_else(|| self.buckets_after(page_at, bucket_at).find_map(|bucket| bucket.first())).map(|e| &e.value)
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + '_ {
        let buckets = self.root.iter().flat_map(|page| &page.buckets);
        buckets.filter_map(Option::as_deref).flatten().map(|entry| &entry.value)
    }

    /// Non-empty buckets backwards from the one before the given one, all the way round to it.
    fn buckets_before(&self, page: usize, bucket: usize) -> impl Iterator<Item = &[Entry<T>]> + '_ {
        let this = self.root[page].buckets[..bucket].iter().rev();
        let below = self.root[..page].iter().rev().flat_map(|page| page.buckets.iter().rev());
        let above = self.root[page + 1..].iter().rev().flat_map(|page| page.buckets.iter().rev());
        let rest = self.root[page].buckets[bucket..].iter().rev();
        this.chain(below).chain(above).chain(rest).filter_map(Option::as_deref)
    }

    /// Non-empty buckets forwards from the one after the given one, all the way round to it.
    fn buckets_after(&self, page: usize, bucket: usize) -> impl Iterator<Item = &[Entry<T>]> + '_ {
        let this = self.root[page].buckets[bucket + 1..].iter();
        let above = self.root[page + 1..].iter().flat_map(|page| page.buckets.iter());
        let below = self.root[..page].iter().flat_map(|page| page.buckets.iter());
        let rest = self.root[page].buckets[..=bucket].iter();
        this.chain(above).chain(below).chain(rest).filter_map(Option::as_deref)
    }

    fn page_of(&self, key: u64) -> usize {
        top_bits(key, self.root_bits) as usize
    }

    /// Gives a crowded page more buckets, or the root more pages.
    fn grow(&mut self, page_at: usize) {
        let page = &self.root[page_at];
        if page.len <= (2 * BUCKET_ENTRIES) << page.bits {
            return;
        }
        if page.bits < PAGE_BITS_MAX {
            let page = Arc::make_mut(&mut Arc::make_mut(&mut self.root)[page_at]);
            *page = Page::from_sorted(page.entries().cloned().collect(), self.root_bits);
            return;
        }
        // Keys are spread evenly, so when one page is full all nearly are: halve them all at once.
        let root_bits = self.root_bits + 1;
        let halves = self.root.iter().flat_map(|page| {
            let entries: Vec<Entry<T>> = page.entries().cloned().collect();
            let middle = entries.partition_point(|entry| top_bits(entry.key, root_bits) & 1 == 0);
            let (low, high) = entries.split_at(middle);
            [
                Arc::new(Page::from_sorted(low.to_vec(), root_bits)),
                Arc::new(Page::from_sorted(high.to_vec(), root_bits)),
            ]
        });
        self.root = Arc::new(halves.collect());
        self.root_bits = root_bits;
    }
}

impl<T: Clone> Page<T> {
    fn from_sorted(entries: Vec<Entry<T>>, root_bits: u32) -> Page<T> {
        let len = entries.len();
        let bits = bits_for(len.div_ceil(BUCKET_ENTRIES)).min(PAGE_BITS_MAX);
        let mut buckets = Vec::with_capacity(1 << bits);
        let mut entries = entries.into_iter().peekable();
        for bucket in 0..1_u64 << bits {
            let mut of_bucket = Vec::new();
            while let Some(entry) = entries.next_if(|e| top_bits(shifted(e.key, root_bits), bits) == bucket) {
                of_bucket.push(entry);
            }
            buckets.push((!of_bucket.is_empty()).then(|| of_bucket.into()));
        }
        Page { bits, len, buckets }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<T>> + '_ {
        self.buckets.iter().filter_map(Option::as_deref).flatten()
    }
}

impl<T> Page<T> {
    fn bucket_of(&self, key: u64, root_bits: u32) -> usize {
        top_bits(shifted(key, root_bits), self.bits) as usize
    }
}

/// The least number of bits that count at least `n` things.
fn bits_for(n: usize) -> u32 {
    n.max(1).next_power_of_two().trailing_zeros()
}

fn top_bits(key: u64, bits: u32) -> u64 {
    key.checked_shr(64 - bits).unwrap_or(0)
}

fn shifted(key: u64, bits: u32) -> u64 {
    key.checked_shl(bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Spreads small numbers, as a hash would.
    fn spread(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn insert(table: &mut PagedTable<u64>, n: u64) {
        table.insert(spread(n), n, |other| other.cmp(&n));
    }

    #[test]
    fn a_hundred_thousand_entries_are_found_and_old_tables_stay() {
        let mut table = PagedTable::default();
        for n in 0..100_000 {
            insert(&mut table, n);
        }
        let old = table.clone();
        for n in (0..100_000).step_by(3) {
            assert_eq!(table.remove(spread(n), |&m| m == n), Some(n));
        }
        assert_eq!(old.len(), 100_000);
        for n in 0..100_000 {
            assert_eq!(old.get(spread(n), |&m| m == n), Some(&n));
            assert_eq!(table.get(spread(n), |&m| m == n).is_some(), n % 3 != 0);
        }
        assert_eq!(table.iter().count(), table.len());
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_map(built in prop::collection::btree_set(0..500_u64, 0..300), added in prop::collection::vec(0..500_u64, 0..300),
                              removed in prop::collection::vec(0..500_u64, 0..300), asked in 0..500_u64) {
            let mut model: BTreeMap<u64, u64> = built.iter().map(|&n| (spread(n), n)).collect();
            let mut table = PagedTable::from_sorted(model.iter().map(|(&k, &v)| (k, v)).collect());
            for n in added {
                insert(&mut table, n);
                model.insert(spread(n), n);
            }
            for n in removed {
                prop_assert_eq!(table.remove(spread(n), |&m| m == n), model.remove(&spread(n)));
            }
            prop_assert_eq!(table.len(), model.len());
            prop_assert!(table.iter().eq(model.values()));
            let before = model.range(..spread(asked)).next_back().or(model.iter().next_back()).map(|(_, v)| v);
            prop_assert_eq!(table.last_before(spread(asked), |m| m.cmp(&asked)), before);
            let after = model.range(spread(asked) + 1..).next().or(model.iter().next()).map(|(_, v)| v);
            prop_assert_eq!(table.first_after(spread(asked), |m| m.cmp(&asked)), after);
        }
    }
}
