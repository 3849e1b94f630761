//! What a lookup is going to read, told place by place before it is read.
//!
//! In a large zone nearly all that an answer takes is waiting for memory: the table's slot, the bucket, the node, its RRsets, their data
//! and signatures lie in as many places, and each is known only when the one before it has come. Whoever has many queries at hand takes
//! one step for each of them in turn, has the processor fetch what the steps name, and waits for all of them together.
//!
//! What is found is the lookup's to say, which is made once its memory is there; all else only names places. A way that goes astray, as at
//! the edge of a bucket, costs a wait and no more.

use crate::chain::Nsec3Link;
use crate::snapshot::{LabelStarts, NameKey};
use crate::table::Slot;
use crate::{Found, Node, Nsec3Hash, Rrset, Zone};
use std::sync::Arc;
use wire::RecordType;

/// Octets that come from memory together.
const LINE_OCTETS: usize = 64;
/// RRsets of a node that are looked at.
const RRSETS_MAX: usize = 4;

/// Where one lookup's approach is.
#[derive(Debug)]
pub struct Approach<'z> {
    zone: &'z Zone,
    rtype: RecordType,
    is_secure: bool,
    place: Place<'z>,
    /// Of the name above the one asked for at which the zone may end: it is looked for first.
    above: Option<NameKey>,
    found: Option<Found<'z>>,
    hashed: Option<HashedSuffix>,
}

/// The NSEC3 hash of one of the names that a name lies under, or of that itself, under the parameters of its zone's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedSuffix {
    /// Of that name in wire format.
    pub octets: usize,
    /// Its hash.
    pub hash: Nsec3Hash,
}

/// What was named last, to be read in the next step.
#[derive(Debug, Clone, Copy)]
enum Place<'z> {
    Slot(&'z Slot<Arc<Node>>),
    Bucket(&'z Slot<Arc<Node>>),
    Node(&'z Node),
    Rrsets(&'z Node),
    Data,
    LinkSlot(&'z Slot<Nsec3Link>),
    LinkBucket(&'z Slot<Nsec3Link>),
    Link(&'z Rrset),
    Signatures(&'z Rrset),
    End,
}

impl Zone {
    /// Begins the way to what answers for a name at or under the apex, in lower-case wire format with its key; to signatures and proofs,
    /// too, where they are wanted.
    pub fn approach(&self, lower: &[u8], key: NameKey, rtype: RecordType, is_secure: bool) -> Approach<'_> {
        // Those further down, where there are any, are waited for.
        let above = self.redirects.iter().next().and_then(|depth| above(lower, depth));
        let above = above.map(|suffix| self.key_of(suffix));
        let place = Place::Slot(self.names.slot(above.unwrap_or(key).0));
        Approach { zone: self, rtype, is_secure, place, above, found: None, hashed: None }
    }
}

impl<'z> Approach<'z> {
    /// Names the first place.
    pub fn begin(&self, mut touch: impl FnMut(*const u8)) {
        if let Place::Slot(slot) = self.place {
            touch(std::ptr::from_ref(slot).cast());
        }
    }

    /// Reads what was named last, and names what lies behind it. `key` is that of `lower`, in lower-case wire format, and the one it was
    /// begun with. Returns whether the way goes on.
    pub fn step(&mut self, lower: &[u8], key: NameKey, mut touch: impl FnMut(*const u8)) -> bool {
        self.place = match self.place {
            Place::Slot(slot) => {
                touch_entries(slot, &mut touch);
                Place::Bucket(slot)
            }
            Place::Bucket(slot) => {
                let wanted = self.above.unwrap_or(key);
                match slot.iter().flat_map(|bucket| bucket.iter()).find(|entry| entry.key == wanted.0) {
                    Some(entry) => {
                        touch(std::ptr::from_ref::<Node>(&entry.value).cast());
                        Place::Node(&entry.value)
                    }
                    None if self.above.is_some() => self.go_below(key, &mut touch),
                    None => self.look(lower, key, &mut touch),
                }
            }
            Place::Node(node) if self.above.is_some() && !node.is_redirecting() => self.go_below(key, &mut touch),
            Place::Node(node) => {
                touch(node.name.as_wire().as_ptr());
                touch(node.rrsets.as_ptr().cast());
                Place::Rrsets(node)
            }
            Place::Rrsets(node) => {
                node.rrsets.iter().take(RRSETS_MAX).for_each(|rrset| touch(Arc::as_ptr(rrset).cast()));
                Place::Data
            }
            Place::Data => self.look(lower, key, &mut touch),
            Place::LinkSlot(slot) => {
                touch_entries(slot, &mut touch);
                Place::LinkBucket(slot)
            }
            Place::LinkBucket(slot) => match self.link_in(slot) {
                Some(rrset) => {
                    touch(Arc::as_ptr(rrset).cast());
                    Place::Link(rrset)
                }
                None => Place::End,
            },
            Place::Link(rrset) => self.touch_data(rrset, &mut touch),
            Place::Signatures(rrset) => {
                if let Some(signatures) = &*rrset.signatures().load() {
                    touch_octets(&signatures.encoded, &mut touch);
                }
                Place::End
            }
            Place::End => Place::End,
        };
        !matches!(self.place, Place::End)
    }

    /// What the lookup found, once the way has come so far.
    pub fn found(&self) -> Option<Found<'z>> {
        self.found
    }

    /// The hash that was needed on the way.
    pub fn hashed(&self) -> Option<HashedSuffix> {
        self.hashed
    }

    /// The zone does not end above the name: now to the name itself.
    fn go_below(&mut self, key: NameKey, touch: &mut impl FnMut(*const u8)) -> Place<'z> {
        self.above = None;
        let slot = self.zone.names.slot(key.0);
        touch(std::ptr::from_ref(slot).cast());
        Place::Slot(slot)
    }

    /// Looks the name up, and goes on to the data or to the proof that takes the most.
    fn look(&mut self, lower: &[u8], key: NameKey, touch: &mut impl FnMut(*const u8)) -> Place<'z> {
        let found = self.zone.lookup_at(lower, key, self.rtype);
        self.found = Some(found);
        match found {
            Found::Answer { rrset, wildcard: None, .. }
            | Found::Cname { rrset, wildcard: None, .. }
            | Found::Dname { rrset, .. } => self.touch_data(rrset, touch),
            Found::Answer { wildcard: Some(wildcard), .. }
            | Found::Cname { wildcard: Some(wildcard), .. }
            | Found::NoData { wildcard: Some(wildcard), .. } => {
                self.prove(lower, next_closer(lower, wildcard.closest_encloser), touch)
            }
            Found::NameError { closest_encloser } => self.prove(lower, next_closer(lower, closest_encloser), touch),
            Found::NoData { node, wildcard: None } | Found::Referral { cut: node } => {
                self.prove(lower, node.name.as_wire().len(), touch)
            }
            Found::Withheld { .. } => Place::End,
        }
    }

    /// Goes on to the link that matches or covers the last `octets` of the name.
    fn prove(&mut self, lower: &[u8], octets: usize, touch: &mut impl FnMut(*const u8)) -> Place<'z> {
        let name = &lower[lower.len() - octets..];
        let hash = self.is_secure.then(|| self.zone.nsec3_hash(name)).flatten();
        self.hashed = hash.map(|hash| HashedSuffix { octets, hash });
        match hash.and_then(|hash| self.zone.chain.nsec3_slot(&hash)) {
            Some(slot) => {
                touch(std::ptr::from_ref(slot).cast());
                Place::LinkSlot(slot)
            }
            None => Place::End,
        }
    }

    fn link_in(&self, slot: &'z Slot<Nsec3Link>) -> Option<&'z Arc<Rrset>> {
        let hash = self.hashed?.hash;
        let links = slot.iter().flat_map(|bucket| bucket.iter()).map(|entry| &entry.value);
        links.take_while(|link| link.hash <= hash).last().map(|link| &link.rrset)
    }

    fn touch_data(&self, rrset: &'z Rrset, touch: &mut impl FnMut(*const u8)) -> Place<'z> {
        touch_octets(rrset.encoded(), touch);
        if !self.is_secure {
            return Place::End;
        }
        match &*rrset.signatures().load() {
            Some(signatures) => {
                touch(Arc::as_ptr(signatures).cast());
                Place::Signatures(rrset)
            }
            None => Place::End,
        }
    }
}

/// The last `labels` labels of a name that has more.
fn above(lower: &[u8], labels: usize) -> Option<&[u8]> {
    let starts = LabelStarts::new(lower);
    let skipped = starts.count().checked_sub(labels).filter(|&skipped| skipped > 0)?;
    Some(&lower[starts.at(skipped)..])
}

/// Octets of the name one label longer than `encloser` on the way to `lower`, which lies below it (RFC 5155 section 1.3).
fn next_closer(lower: &[u8], encloser: &Node) -> usize {
    let encloser = encloser.name.as_wire().len();
    let mut octets = lower.len();
    while let Some(above) = octets.checked_sub(1 + usize::from(lower[lower.len() - octets]))
        && above > encloser
    {
        octets = above;
    }
    octets
}

fn touch_entries<T>(slot: &Slot<T>, touch: &mut impl FnMut(*const u8)) {
    if let Some(bucket) = slot {
        let (start, octets) = (bucket.as_ptr().cast::<u8>(), size_of_val::<[_]>(bucket));
        touch_lines(start, octets, touch);
    }
}

fn touch_octets(octets: &[u8], touch: &mut impl FnMut(*const u8)) {
    touch_lines(octets.as_ptr(), octets.len().min(2 * LINE_OCTETS), touch);
}

fn touch_lines(start: *const u8, octets: usize, touch: &mut impl FnMut(*const u8)) {
    let skipped = start.addr() % LINE_OCTETS;
    (0..skipped + octets).step_by(LINE_OCTETS).for_each(|at| touch(start.wrapping_sub(skipped).wrapping_add(at)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DenialMode, Nsec3Params, ZoneBuilder};
    use wire::Name;

    fn zone() -> Zone {
        let name = |text: &str| Name::parse(text).unwrap();
        let mut builder = ZoneBuilder::new(name("example"), DenialMode::Nsec3(Nsec3Params::default()));
        builder.add(&name("example"), RecordType::SOA, 60, &[name("example").as_wire(), &[0; 21]].concat());
        for owner in ["www.example", "*.wild.example", "deep.under.the.example"] {
            builder.add(&name(owner), RecordType::A, 60, &[192, 0, 2, 1]);
        }
        builder.add(&name("alias.example"), RecordType::CNAME, 60, name("www.example").as_wire());
        builder.add(&name("old.example"), RecordType::DNAME, 60, name("example").as_wire());
        builder.add(&name("child.example"), RecordType::NS, 60, name("ns.child.example").as_wire());
        builder.add(&name("cut.deep.under.the.example"), RecordType::NS, 60, name("ns.example").as_wire());
        builder.finish().unwrap()
    }

    #[test]
    fn what_is_found_on_the_way_is_what_the_lookup_says_and_the_hash_is_of_a_name_above() {
        let zone = zone();
        let owners = [
            "example",
            "www.example",
            "no.example",
            "a.b.example",
            "wild.example",
            "a.b.wild.example",
            "the.example",
            "x.the.example",
            "alias.example",
            "a.old.example",
            "old.example",
            "child.example",
            "a.b.child.example",
            "deep.under.the.example",
            "x.deep.under.the.example",
            "a.cut.deep.under.the.example",
        ];
        for owner in owners {
            let lower = Name::parse(owner).unwrap().as_wire().to_vec();
            for (rtype, is_secure) in [RecordType::A, RecordType::DS, RecordType::ANY]
                .into_iter()
                .flat_map(|rtype| [(rtype, false), (rtype, true)])
            {
                let key = zone.key_of(&lower);
                let mut approach = zone.approach(&lower, key, rtype, is_secure);
                let mut touched = 0;
                approach.begin(|_| touched += 1);
                let mut steps = 0;
                while approach.step(&lower, key, |_| touched += 1) {
                    steps += 1;
                    assert!(steps < 20, "{owner} goes on and on");
                }
                let found = approach.found().map(|found| format!("{found:?}"));
                assert_eq!(found, Some(format!("{:?}", zone.lookup(&lower, rtype))), "{owner} {rtype}");
                assert!(touched > 2, "{owner}");
                let hashed = approach.hashed();
                assert!(hashed.is_none() || is_secure);
                if let Some(HashedSuffix { octets, hash }) = hashed {
                    assert_eq!(zone.nsec3_hash(&lower[lower.len() - octets..]), Some(hash), "{owner} {rtype}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_approached_by_its_next_closer_name() {
        let zone = zone();
        let lower = Name::parse("a.b.c.example").unwrap().as_wire().to_vec();
        let key = zone.key_of(&lower);
        let mut approach = zone.approach(&lower, key, RecordType::A, true);
        while approach.step(&lower, key, |_| {}) {}
        assert_eq!(approach.hashed().map(|hashed| hashed.octets), Some(b"\x01c\x07example\0".len()));
    }
}
