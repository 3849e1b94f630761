//! The chain of NSEC or NSEC3 records that links a zone's names (RFC 4034 section 4, RFC 5155 section 7.1).
//!
//! A link is the RRset itself, ready to be signed and sent. A new name touches two links: its own and
//! the one before it. Which links prove what is the `dnssec` crate's business.

use crate::snapshot::Bitmap;
use crate::snapshot::LabelStarts;
use crate::table::{PagedTable, Slot};
use crate::{Nsec3Hash, Nsec3Params, Rrset, Signatures, bitmap, nsec3hash, presigned};
use imbl::OrdMap;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::name::NAME_OCTETS_MAX;
use wire::{Name, RecordType};

/// A name's place in the chain: the encoded type bitmap, or `None` if it has no link.
pub(crate) type Place = (Name, Option<Vec<u8>>);

/// The links of one zone.
#[derive(Debug, Clone, Default)]
pub(crate) enum Chain {
    /// The zone is not signed.
    #[default]
    None,
    Nsec(NsecLinks),
    Nsec3(Nsec3Links),
}

impl Chain {
    /// Redoes the links of the names in `places` and of their neighbours; every link has `ttl` seconds.
    pub(crate) fn update(&mut self, places: Vec<Place>, ttl: u32) {
        match self {
            Chain::None => {}
            Chain::Nsec(links) => {
                update(links, places.into_iter().map(|(name, bitmap)| (CanonicalKey::of(&name), name, bitmap)), ttl);
            }
            Chain::Nsec3(links) => {
                let params = links.params.clone();
                let hashed = places.into_iter().map(|(name, bitmap)| {
                    let hash = nsec3hash::nsec3_hash(&name, &params);
                    (hash, name, bitmap)
                });
                update(links, hashed, ttl);
            }
        }
    }

    /// The link of a name, if it has one.
    pub(crate) fn link_of(&self, name: &Name) -> Option<&Arc<Rrset>> {
        match self {
            Chain::None => None,
            Chain::Nsec(links) => links.rrset(&CanonicalKey::of(name)),
            Chain::Nsec3(links) => links.rrset(&nsec3hash::nsec3_hash(name, &links.params)),
        }
    }

    /// Hangs stored signatures, with the owners they are stored at, on the links of a chain that was made for them.
    pub(crate) fn hang_stored(&mut self, apex: &Name, signatures: Vec<(Name, (RecordType, Signatures))>) {
        for (owner, (rtype, signatures)) in signatures {
            let with_signatures = |link: &Rrset| {
                let ttl = presigned::original_ttl(&signatures).unwrap_or(link.ttl());
                let rrset = Rrset::new(rtype, ttl, link.rdatas().map(<[u8]>::to_vec).collect());
                rrset.signatures().store(Arc::new(signatures));
                rrset
            };
            match self {
                Chain::Nsec(links) if rtype == RecordType::NSEC => {
                    let rrset = links.rrset(&CanonicalKey::of(&owner)).map(|link| with_signatures(link));
                    rrset.into_iter().for_each(|rrset| links.replace_stored(&owner, Some(rrset)));
                }
                Chain::Nsec3(links) if rtype == RecordType::NSEC3 => {
                    let Some(hash) = presigned::hash_of(&owner, apex) else { continue };
                    let rrset = links.rrset(&hash).map(|link| with_signatures(link));
                    rrset.into_iter().for_each(|rrset| links.replace_stored(&hash, Some(rrset)));
                }
                _ => {}
            }
        }
    }

    /// The bitmap of a link of this chain.
    pub(crate) fn bitmap<'r>(&self, link: &'r Rrset) -> &'r [u8] {
        match self {
            Chain::None => &[],
            Chain::Nsec(links) => links.bitmap(link),
            Chain::Nsec3(links) => links.bitmap(link),
        }
    }

    /// Builds all links at once.
    pub(crate) fn build(&mut self, places: impl Iterator<Item = Place>, ttl: u32) {
        let linked = places.filter_map(|(name, bitmap)| Some((name, bitmap?)));
        match self {
            Chain::None => {}
            Chain::Nsec(links) => {
                let mut all: Vec<_> = linked.map(|(name, bitmap)| (CanonicalKey::of(&name), name, bitmap)).collect();
                all.sort_by(|a, b| a.0.cmp(&b.0));
                let next_names: Vec<Name> = rotated(&all).map(|(_, name, _)| name.clone()).collect();
                links.0 = all
                    .into_iter()
                    .zip(next_names)
                    .map(|((key, name, bitmap), next)| {
                        let rrset = Arc::new(nsec(&next, &bitmap, ttl));
                        (key, NsecLink { name, rrset })
                    })
                    .collect();
            }
            Chain::Nsec3(links) => {
                let mut all: Vec<(Nsec3Hash, Vec<u8>)> =
                    linked.map(|(name, bitmap)| (nsec3hash::nsec3_hash(&name, &links.params), bitmap)).collect();
                all.sort();
                let next: Vec<Nsec3Hash> = rotated(&all).map(|(hash, _)| *hash).collect();
                let params = &links.params;
                let built = all.into_iter().zip(next).map(|((hash, bitmap), next)| {
                    let rrset = Arc::new(nsec3(params, &next, &bitmap, ttl));
                    (table_key(&hash), Nsec3Link { hash, rrset })
                });
                links.table = PagedTable::from_sorted(built.collect());
            }
        }
    }

    /// `name` in wire format. Allocates nothing: queries for names that do not exist come this way.
    pub(crate) fn nsec_at_or_before(&self, name: &[u8]) -> Option<(&Name, &Arc<Rrset>)> {
        let Chain::Nsec(links) = self else { return None };
        let mut buffer = [0; KEY_OCTETS_MAX];
        let key = write_key(name, &mut buffer);
        let (_, link) = links.0.get_prev(key).or_else(|| links.0.get_max().map(|(k, v)| (k, v)))?;
        Some((&link.name, &link.rrset))
    }

    pub(crate) fn nsec_before(&self, name: &Name) -> Option<(&Name, &Arc<Rrset>)> {
        let Chain::Nsec(links) = self else { return None };
        let link = links.0.get(&links.before(&CanonicalKey::of(name))?)?;
        Some((&link.name, &link.rrset))
    }

    pub(crate) fn nsec3_matching(&self, hash: &Nsec3Hash) -> Option<(&Nsec3Hash, &Arc<Rrset>)> {
        let Chain::Nsec3(links) = self else { return None };
        links.get(hash).map(|link| (&link.hash, &link.rrset))
    }

    pub(crate) fn nsec3_covering(&self, hash: &Nsec3Hash) -> Option<(&Nsec3Hash, &Arc<Rrset>)> {
        let Chain::Nsec3(links) = self else { return None };
        let link = links.table.last_before(table_key(hash), |link| link.hash.cmp(hash))?;
        Some((&link.hash, &link.rrset))
    }

    /// Where the table of an NSEC3 chain has the links nearest to `hash`.
    pub(crate) fn nsec3_slot(&self, hash: &Nsec3Hash) -> Option<&Slot<Nsec3Link>> {
        let Chain::Nsec3(links) = self else { return None };
        Some(links.table.slot(table_key(hash)))
    }

    /// The NSEC3 hash of a name in lower-case wire format that is at or under the apex. `None` unless the zone has an NSEC3 chain.
    pub(crate) fn nsec3_hash(&self, lower: &[u8]) -> Option<Nsec3Hash> {
        let Chain::Nsec3(links) = self else { return None };
        Some(links.hash(lower))
    }

    /// Hangs the signatures of another chain of the same zone on links that are the same.
    pub(crate) fn adopt_signatures(&self, old: &Chain) {
        match (self, old) {
            (Chain::Nsec(new), Chain::Nsec(old)) => {
                for (key, link) in &new.0 {
                    old.rrset(key).into_iter().for_each(|old| link.rrset.adopt_signatures(old));
                }
            }
            (Chain::Nsec3(new), Chain::Nsec3(old)) => {
                for link in new.table.iter() {
                    old.rrset(&link.hash).into_iter().for_each(|old| link.rrset.adopt_signatures(old));
                }
            }
            _ => {}
        }
    }

    /// Owners of links that do not lead to the next one, in a chain that may have been stored so.
    pub(crate) fn broken(&self, apex: &Name) -> Vec<Name> {
        match self {
            Chain::None => Vec::new(),
            Chain::Nsec(links) => {
                let all: Vec<&NsecLink> = links.0.values().collect();
                let next = |link: &NsecLink| Name::split_wire(link.rrset.rdatas().next()?).ok().map(|(next, _)| next);
                let pairs = all.iter().zip(rotated(&all));
                pairs
                    .filter(|(link, after)| next(link).as_ref() != Some(&after.name))
                    .map(|(l, _)| l.name.clone())
                    .collect()
            }
            Chain::Nsec3(links) => {
                let all: Vec<&Nsec3Link> = links.table.iter().collect();
                let pairs = all.iter().zip(rotated(&all));
                let broken = pairs.filter(|(link, after)| links.next_of(&link.rrset) != Some(&after.hash[..]));
                broken.filter_map(|(link, _)| apex.child(nsec3hash::base32hex(&link.hash).as_bytes()).ok()).collect()
            }
        }
    }

    /// Every link with its owner.
    pub(crate) fn records<'c>(&'c self, apex: &'c Name) -> impl Iterator<Item = (Name, &'c Arc<Rrset>)> + 'c {
        let nsec = match self {
            Chain::Nsec(links) => Some(links.0.values().map(|link| (link.name.clone(), &link.rrset))),
            _ => None,
        };
        let nsec3 = match self {
            Chain::Nsec3(links) => Some(links.table.iter().filter_map(move |link| {
                let owner = apex.child(nsec3hash::base32hex(&link.hash).as_bytes()).ok()?;
                Some((owner, &link.rrset))
            })),
            _ => None,
        };
        nsec.into_iter().flatten().chain(nsec3.into_iter().flatten())
    }
}

/// The items from the second on, and the first again.
fn rotated<T>(items: &[T]) -> impl Iterator<Item = &T> {
    items.iter().skip(1).chain(items.first())
}

/// What both kinds of chain can do.
trait Links {
    type Key: Clone + Ord;
    /// The link at `key`.
    fn rrset(&self, key: &Self::Key) -> Option<&Arc<Rrset>>;
    fn put(&mut self, key: &Self::Key, name: Option<Name>, rrset: Rrset);
    fn take(&mut self, key: &Self::Key) -> bool;
    /// The key before, going round.
    fn before(&self, key: &Self::Key) -> Option<Self::Key>;
    /// A link to the one after `key`, going round, with this bitmap.
    fn link(&self, key: &Self::Key, bitmap: &[u8], ttl: u32) -> Rrset;
    /// The bitmap in a link's RDATA.
    fn bitmap<'r>(&self, rrset: &'r Rrset) -> &'r [u8];
}

fn update<L: Links>(links: &mut L, places: impl Iterator<Item = (L::Key, Name, Option<Vec<u8>>)>, ttl: u32) {
    // First the membership, then the links: a neighbour is only known when all have come and gone.
    let mut changed = BTreeSet::new();
    for (key, name, bitmap) in places {
        match bitmap {
            Some(bitmap) => {
                let is_same = links.rrset(&key).is_some_and(|old| links.bitmap(old) == bitmap);
                if !is_same {
                    let placeholder = links.link(&key, &bitmap, ttl);
                    links.put(&key, Some(name), placeholder);
                    changed.insert(key);
                }
            }
            None => {
                if links.take(&key) {
                    changed.insert(key);
                }
            }
        }
    }
    let before: Vec<L::Key> = changed.iter().filter_map(|key| links.before(key)).collect();
    changed.extend(before);
    for key in &changed {
        let Some(old) = links.rrset(key) else { continue };
        let new = links.link(key, links.bitmap(old), ttl);
        if !new.has_same_data(old) {
            links.put(key, None, new);
        }
    }
}

/// NSEC links in canonical order.
#[derive(Debug, Clone, Default)]
pub(crate) struct NsecLinks(OrdMap<CanonicalKey, NsecLink>);

#[derive(Debug, Clone)]
pub(crate) struct NsecLink {
    name: Name,
    rrset: Arc<Rrset>,
}

impl NsecLinks {
    /// Links that are stored.
    pub(crate) fn of_stored(links: Vec<(Name, Rrset)>) -> NsecLinks {
        let link = |(name, rrset)| (CanonicalKey::of(&name), NsecLink { name, rrset: Arc::new(rrset) });
        NsecLinks(links.into_iter().map(link).collect())
    }

    /// Replaces the stored link of a name.
    pub(crate) fn replace_stored(&mut self, name: &Name, rrset: Option<Rrset>) {
        let key = CanonicalKey::of(name);
        match rrset {
            Some(rrset) => self.put(&key, Some(name.clone()), rrset),
            None => {
                self.take(&key);
            }
        }
    }
}

impl Links for NsecLinks {
    type Key = CanonicalKey;

    fn rrset(&self, key: &CanonicalKey) -> Option<&Arc<Rrset>> {
        self.0.get(key).map(|link| &link.rrset)
    }

    fn put(&mut self, key: &CanonicalKey, name: Option<Name>, rrset: Rrset) {
        let name = name.or_else(|| self.0.get(key).map(|link| link.name.clone()));
        if let Some(name) = name {
            self.0.insert(key.clone(), NsecLink { name, rrset: Arc::new(rrset) });
        }
    }

    fn take(&mut self, key: &CanonicalKey) -> bool {
        self.0.remove(key).is_some()
    }

    fn before(&self, key: &CanonicalKey) -> Option<CanonicalKey> {
        let before = self.0.range(..key.clone()).next_back().map(|(key, _)| key.clone());
        before.or_else(|| self.0.get_max().map(|(key, _)| key.clone()))
    }

    fn link(&self, key: &CanonicalKey, bitmap: &[u8], ttl: u32) -> Rrset {
        let after = self.0.range((std::ops::Bound::Excluded(key.clone()), std::ops::Bound::Unbounded)).next();
        let next = after.map(|(_, link)| &link.name).or_else(|| self.0.get_min().map(|(_, link)| &link.name));
        nsec(next.unwrap_or(&Name::root()), bitmap, ttl)
    }

    fn bitmap<'r>(&self, rrset: &'r Rrset) -> &'r [u8] {
        let rdata = rrset.rdatas().next().unwrap_or_default();
        Name::split_wire(rdata).map_or(&[], |(_, bitmap)| bitmap)
    }
}

/// An NSEC record (RFC 4034 section 4.1).
fn nsec(next: &Name, bitmap: &[u8], ttl: u32) -> Rrset {
    Rrset::new(RecordType::NSEC, ttl, vec![[next.as_wire(), bitmap].concat()])
}

/// NSEC3 links by hash.
#[derive(Debug, Clone)]
pub(crate) struct Nsec3Links {
    pub(crate) params: Nsec3Params,
    of_apex: ApexHashes,
    table: PagedTable<Nsec3Link>,
}

/// It stands in the table itself: one place less to wait for.
#[derive(Debug, Clone)]
pub(crate) struct Nsec3Link {
    pub(crate) hash: Nsec3Hash,
    pub(crate) rrset: Arc<Rrset>,
}

/// What hardly any proof that a name does not exist can do without: most such names are directly below the apex.
#[derive(Debug, Clone)]
struct ApexHashes {
    octets: usize,
    apex: Nsec3Hash,
    /// Of `*.apex`.
    wildcard: Nsec3Hash,
}

impl ApexHashes {
    fn new(apex: &Name, params: &Nsec3Params) -> ApexHashes {
        let lower = apex.as_wire().to_ascii_lowercase();
        let wildcard = [&WILDCARD_LABEL[..], &lower].concat();
        ApexHashes {
            octets: lower.len(),
            apex: nsec3hash::nsec3_hash_wire(&lower, params),
            wildcard: nsec3hash::nsec3_hash_wire(&wildcard, params),
        }
    }
}

const WILDCARD_LABEL: [u8; 2] = *b"\x01*";

impl Nsec3Links {
    pub(crate) fn new(params: Nsec3Params, apex: &Name) -> Nsec3Links {
        Nsec3Links { of_apex: ApexHashes::new(apex, &params), params, table: PagedTable::default() }
    }

    fn get(&self, hash: &Nsec3Hash) -> Option<&Nsec3Link> {
        self.table.get(table_key(hash), |link| link.hash == *hash)
    }

    /// The hash of a name in lower-case wire format that is at or under the apex.
    fn hash(&self, lower: &[u8]) -> Nsec3Hash {
        match lower.len().checked_sub(self.of_apex.octets) {
            Some(0) => self.of_apex.apex,
            Some(2) if lower.starts_with(&WILDCARD_LABEL) => self.of_apex.wildcard,
            _ => nsec3hash::nsec3_hash_wire(lower, &self.params),
        }
    }

    /// The next hashed owner in a link's RDATA.
    fn next_of<'r>(&self, rrset: &'r Rrset) -> Option<&'r [u8]> {
        let rest = rrset.rdatas().next()?.get(5 + self.params.salt.len()..)?;
        rest.get(1..1 + usize::from(*rest.first()?))
    }

    /// Links that are stored.
    pub(crate) fn of_stored(params: Nsec3Params, apex: &Name, mut links: Vec<(Nsec3Hash, Arc<Rrset>)>) -> Nsec3Links {
        links.sort_by_key(|(hash, _)| *hash);
        let entries = links.into_iter().map(|(hash, rrset)| (table_key(&hash), Nsec3Link { hash, rrset }));
        Nsec3Links { table: PagedTable::from_sorted(entries.collect()), ..Nsec3Links::new(params, apex) }
    }

    /// Replaces the stored link with this owner.
    pub(crate) fn replace_stored(&mut self, hash: &Nsec3Hash, rrset: Option<Rrset>) {
        match rrset {
            Some(rrset) => self.put(hash, None, rrset),
            None => {
                self.take(hash);
            }
        }
    }
}

impl Links for Nsec3Links {
    type Key = Nsec3Hash;

    fn rrset(&self, key: &Nsec3Hash) -> Option<&Arc<Rrset>> {
        self.get(key).map(|link| &link.rrset)
    }

    fn put(&mut self, key: &Nsec3Hash, _name: Option<Name>, rrset: Rrset) {
        let link = Nsec3Link { hash: *key, rrset: Arc::new(rrset) };
        self.table.insert(table_key(key), link, |other| other.hash.cmp(key));
    }

    fn take(&mut self, key: &Nsec3Hash) -> bool {
        self.table.remove(table_key(key), |link| link.hash == *key).is_some()
    }

    fn before(&self, key: &Nsec3Hash) -> Option<Nsec3Hash> {
        self.table.last_before(table_key(key), |link| link.hash.cmp(key)).map(|link| link.hash)
    }

    fn link(&self, key: &Nsec3Hash, bitmap: &[u8], ttl: u32) -> Rrset {
        let next = self.table.first_after(table_key(key), |link| link.hash.cmp(key)).map_or(*key, |link| link.hash);
        nsec3(&self.params, &next, bitmap, ttl)
    }

    fn bitmap<'r>(&self, rrset: &'r Rrset) -> &'r [u8] {
        let rdata = rrset.rdatas().next().unwrap_or_default();
        let head = 5 + self.params.salt.len() + 1 + size_of::<Nsec3Hash>();
        rdata.get(head..).unwrap_or_default()
    }
}

/// An NSEC3 record (RFC 5155 section 3.2).
fn nsec3(params: &Nsec3Params, next: &Nsec3Hash, bitmap: &[u8], ttl: u32) -> Rrset {
    let mut rdata = Vec::new();
    params.nsec3_rdata(next, |octets| rdata.extend_from_slice(octets));
    rdata.extend_from_slice(bitmap);
    Rrset::new(RecordType::NSEC3, ttl, vec![rdata])
}

/// The hash is uniform already: its first 64 bits are the key.
fn table_key(hash: &Nsec3Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Octets whose plain order is the canonical order of names (RFC 4034 section 6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CanonicalKey(Arc<[u8]>);

impl CanonicalKey {
    fn of(name: &Name) -> CanonicalKey {
        let mut buffer = [0; KEY_OCTETS_MAX];
        CanonicalKey(write_key(name.as_wire(), &mut buffer).into())
    }
}

impl Borrow<[u8]> for CanonicalKey {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// Twice the octets of the longest name: each may have to be escaped.
const KEY_OCTETS_MAX: usize = 2 * NAME_OCTETS_MAX;

/// The [`CanonicalKey`] of a name in wire format.
fn write_key<'b>(name: &[u8], buffer: &'b mut [u8; KEY_OCTETS_MAX]) -> &'b [u8] {
    let starts = LabelStarts::new(name);
    let mut length = 0;
    let mut push = |octet| {
        buffer[length] = octet;
        length += 1;
    };
    for label in (0..starts.count()).rev() {
        for octet in name[starts.at(label) + 1..starts.at(label + 1)].iter().map(u8::to_ascii_lowercase) {
            // 0 ends a label, so it and the escape octet are written as two.
            match octet {
                0 | 1 => [1, octet + 1].into_iter().for_each(&mut push),
                other => push(other),
            }
        }
        push(0);
    }
    &buffer[..length]
}

impl PartialOrd for CanonicalKey {
    fn partial_cmp(&self, other: &CanonicalKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CanonicalKey {
    fn cmp(&self, other: &CanonicalKey) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// Types of one name that are sorted in place; those of a name with more are sorted on the heap.
const NEAR_TYPES: usize = 32;

/// Encodes the bitmap of a name's link, in pieces. `types` in any order; none for an empty non-terminal.
pub(crate) fn bitmap_of(types: impl Iterator<Item = RecordType>, is_cut: bool, bitmap: Bitmap, put: impl FnMut(&[u8])) {
    let is_nsec = bitmap == Bitmap::Nsec;
    let mut types = types.filter(|&rtype| !is_cut || rtype == RecordType::NS || rtype == RecordType::DS);
    let mut near = [RecordType(0); NEAR_TYPES];
    // NSEC and RRSIG come in addition.
    let mut count = 0;
    for (free, rtype) in near[..NEAR_TYPES - 2].iter_mut().zip(&mut types) {
        *free = rtype;
        count += 1;
    }
    let mut far: Vec<RecordType> = types.collect();
    let types = if far.is_empty() {
        &mut near[..count + 2]
    } else {
        far.extend_from_slice(&near[..count]);
        count = far.len();
        far.extend([RecordType(0); 2]);
        &mut far[..]
    };
    // RFC 4034 section 4.1.2, RFC 5155 section 7.1: a name with nothing to sign shows no RRSIG in NSEC3.
    let is_signed = is_nsec || types[..count].iter().any(|&rtype| !is_cut || rtype == RecordType::DS);
    if is_signed {
        types[count] = RecordType::RRSIG;
        count += 1;
    }
    if is_nsec {
        types[count] = RecordType::NSEC;
        count += 1;
    }
    let types = &mut types[..count];
    types.sort_unstable();
    let count = dedup(types);
    bitmap::encode(&types[..count], put);
}

/// Moves each of the sorted types to the front once; returns how many there are.
fn dedup(types: &mut [RecordType]) -> usize {
    let mut kept = 0;
    for at in 0..types.len() {
        if kept == 0 || types[kept - 1] != types[at] {
            types[kept] = types[at];
            kept += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_name() -> impl Strategy<Value = Name> {
        let octet = prop_oneof![0..4_u8, Just(b'a'), Just(b'A'), Just(b'b'), Just(255)];
        let label = proptest::collection::vec(octet, 1..5);
        proptest::collection::vec(label, 0..5)
            .prop_map(|labels| labels.iter().fold(Name::root(), |name, label| name.child(label).unwrap()))
    }

    #[test]
    fn the_longest_key_has_room() {
        let mut name = Name::root();
        for octets in [63, 63, 63, 61] {
            name = name.child(&vec![0; octets]).unwrap();
        }
        assert_eq!(name.as_wire().len(), NAME_OCTETS_MAX);
        assert_eq!(CanonicalKey::of(&name).0.len(), 2 * 250 + 4);
        assert!(CanonicalKey::of(&name.parent().unwrap()) < CanonicalKey::of(&name));
    }

    #[test]
    fn hashes_that_are_kept_are_those_of_their_names() {
        let params: Nsec3Params = "1 0 3 ab".parse().unwrap();
        for apex in ["example.org", "Example.ORG", "a", "."] {
            let apex = Name::parse(apex).unwrap();
            let links = Nsec3Links::new(params.clone(), &apex);
            for name in [apex.clone(), apex.child(b"*").unwrap(), apex.child(b"a").unwrap(), apex.child(b"**").unwrap()]
            {
                let lower = name.as_wire().to_ascii_lowercase();
                assert_eq!(links.hash(&lower), nsec3hash::nsec3_hash_wire(&lower, &params), "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn rfc4034_section_6_1_keys_are_in_the_order_of_names(a in any_name(), b in any_name()) {
            prop_assert_eq!(CanonicalKey::of(&a).cmp(&CanonicalKey::of(&b)), a.cmp(&b));
        }
    }
}
