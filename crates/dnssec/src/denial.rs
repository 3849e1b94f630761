//! Which NSEC or NSEC3 records prove what (RFC 4035 section 3.1.3, RFC 5155 section 7.2).
//!
//! The chains themselves are built with the snapshot; only the choice among their records is made here, without allocation. Proofs of zones
//! without a chain are in `whitelies`.

use std::sync::Arc;

use wire::Name;
use wire::name::NAME_OCTETS_MAX;
use zone::lookup::Wildcard;
use zone::{Found, HashedSuffix, Node, Nsec3Hash, Proofs, Rrset, Zone};

use crate::whitelies::{Compact, Narrow};
use crate::workbench::{MadeRecord, Workbench};

/// No proof needs more: closest encloser, next closer name, wildcard, and one to spare.
const RECORDS_MAX: usize = 4;

/// Octets of an NSEC3 owner's first label: its length and base32hex of 20 octets.
pub const HASHED_LABEL_OCTETS: usize = 33;

/// The records of one proof, each with its owner, without duplicates; at most four.
#[derive(Debug, Default)]
pub struct Proof<'z> {
    records: [Option<ProofRecord<'z>>; RECORDS_MAX],
}

/// An NSEC or NSEC3 RRset with its owner.
#[derive(Debug)]
pub enum ProofRecord<'z> {
    /// Of the zone's chain.
    Chained(ProofOwner<'z>, &'z Arc<Rrset>),
    /// Made for the query.
    Made(MadeRecord),
}

impl ProofRecord<'_> {
    /// The RRset.
    pub fn rrset(&self) -> &Rrset {
        match self {
            ProofRecord::Chained(_, rrset) => rrset,
            ProofRecord::Made(record) => record.rrset(),
        }
    }

    /// The owner as a name.
    pub fn owner(&self) -> Name {
        match self {
            ProofRecord::Chained(owner, _) => owner.to_name(),
            ProofRecord::Made(record) => record.owner().clone(),
        }
    }
}

/// The owner of an NSEC or NSEC3 RRset.
#[derive(Debug, Clone, Copy)]
pub enum ProofOwner<'z> {
    /// A name of the zone.
    Name(&'z Name),
    /// A hashed name, directly below the apex.
    Hashed {
        /// What the first label is made of: see [`hashed_label`].
        hash: &'z Nsec3Hash,
        /// The rest.
        apex: &'z Name,
    },
}

impl<'z> Proof<'z> {
    /// The records in the order they are to be sent.
    pub fn iter(&self) -> impl Iterator<Item = &ProofRecord<'z>> + '_ {
        self.records.iter().flatten()
    }

    /// How many RRsets.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether no proof is needed, or none exists.
    pub fn is_empty(&self) -> bool {
        self.records[0].is_none()
    }

    fn push(&mut self, owner: ProofOwner<'z>, rrset: &'z Arc<Rrset>) {
        for slot in &mut self.records {
            match slot {
                // One record often proves two things.
                Some(ProofRecord::Chained(_, present)) if Arc::ptr_eq(present, rrset) => return,
                Some(_) => {}
                None => {
                    *slot = Some(ProofRecord::Chained(owner, rrset));
                    return;
                }
            }
        }
    }

    /// Made records of the same data are of the same owner: their next hash, or next name, is the one right after it.
    pub(crate) fn push_made(&mut self, record: MadeRecord) {
        for slot in &mut self.records {
            match slot {
                Some(present) if present.rrset().has_same_data(record.rrset()) => return,
                Some(_) => {}
                None => {
                    *slot = Some(ProofRecord::Made(record));
                    return;
                }
            }
        }
    }
}

impl<'z> IntoIterator for Proof<'z> {
    type Item = ProofRecord<'z>;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<ProofRecord<'z>>, RECORDS_MAX>>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.into_iter().flatten()
    }
}

impl ProofOwner<'_> {
    /// The owner in wire format, put together in `buffer` where it must be.
    pub fn wire<'b>(&'b self, buffer: &'b mut [u8; NAME_OCTETS_MAX]) -> &'b [u8] {
        match self {
            ProofOwner::Name(name) => name.as_wire(),
            ProofOwner::Hashed { hash, apex } => {
                let apex = apex.as_wire();
                // `prove` sends no records whose owner would be longer.
                let length = (HASHED_LABEL_OCTETS + apex.len()).min(NAME_OCTETS_MAX);
                buffer[..HASHED_LABEL_OCTETS].copy_from_slice(&hashed_label(hash));
                buffer[HASHED_LABEL_OCTETS..length].copy_from_slice(&apex[..length - HASHED_LABEL_OCTETS]);
                &buffer[..length]
            }
        }
    }

    /// The owner as a name.
    pub fn to_name(&self) -> Name {
        match self {
            ProofOwner::Name(name) => (*name).clone(),
            ProofOwner::Hashed { hash, apex } => {
                apex.child(&hashed_label(hash)[1..]).unwrap_or_else(|_| (*apex).clone())
            }
        }
    }
}

/// The proof that belongs to what was found for `qname` (lower-case wire): name error, no data (also of a wildcard), wildcard
/// expansion, referral without DS. Empty where none is needed or the zone is unsigned. `bench` has the records that are made for queries.
pub fn prove<'z>(zone: &'z Zone, qname: &[u8], found: &Found<'z>, bench: &Workbench) -> Proof<'z> {
    prove_knowing(zone, qname, found, bench, None)
}

/// The same where the hash of `qname`, or of one of the names it lies under, is known already.
pub fn prove_knowing<'z>(
    zone: &'z Zone,
    qname: &[u8],
    found: &Found<'z>,
    bench: &Workbench,
    known: Option<HashedSuffix>,
) -> Proof<'z> {
    let mut proof = Proof::default();
    let Some(claim) = Claim::of(found) else {
        return proof;
    };
    match zone.proofs() {
        Proofs::None => {}
        Proofs::Nsec => Nsec { zone, proof: &mut proof }.prove(qname, &claim),
        Proofs::Nsec3(_) => Nsec3 { zone, known, proof: &mut proof }.prove(qname, &claim),
        Proofs::Narrow(params) => Narrow { zone, params, bench, proof: &mut proof }.prove(qname, &claim),
        Proofs::Compact => Compact { zone, bench, proof: &mut proof }.prove(qname, &claim),
    }
    proof
}

/// What has to be proved.
pub(crate) enum Claim<'z> {
    /// The name has no records of the type asked for (also: no DS at a cut).
    NoData(&'z Node),
    /// Nothing is at the name, and no wildcard at its closest encloser.
    NameError(&'z Node),
    /// Nothing is at the name, so that the wildcard below this closest encloser applies.
    Expanded(&'z Node),
    /// The same, and the wildcard has no records of the type asked for.
    ExpandedNoData(Wildcard<'z>),
}

impl<'z> Claim<'z> {
    fn of(found: &Found<'z>) -> Option<Claim<'z>> {
        match *found {
            Found::Answer { wildcard, .. } | Found::Cname { wildcard, .. } => {
                wildcard.map(|wildcard| Claim::Expanded(wildcard.closest_encloser))
            }
            Found::NoData { wildcard: Some(wildcard), .. } => Some(Claim::ExpandedNoData(wildcard)),
            Found::NoData { node, wildcard: None } => Some(Claim::NoData(node)),
            Found::NameError { closest_encloser } => Some(Claim::NameError(closest_encloser)),
            Found::Referral { cut } => cut.rrset(wire::RecordType::DS).is_none().then_some(Claim::NoData(cut)),
            Found::Dname { .. } | Found::Withheld { .. } => None,
        }
    }
}

/// Proofs out of NSEC records (RFC 4035 section 3.1.3).
struct Nsec<'p, 'z> {
    zone: &'z Zone,
    proof: &'p mut Proof<'z>,
}

impl<'z> Nsec<'_, 'z> {
    fn prove(&mut self, qname: &[u8], claim: &Claim<'z>) {
        match claim {
            // Section 3.1.3.1; at an empty non-terminal, whose name owns no NSEC, the record before covers it.
            Claim::NoData(node) => self.at_or_before(node.name().as_wire()),
            // Section 3.1.3.2.
            Claim::NameError(closest_encloser) => {
                self.at_or_before(qname);
                with_wildcard(closest_encloser.name().as_wire(), |wildcard| self.at_or_before(wildcard));
            }
            // Section 3.1.3.3.
            Claim::Expanded(_) => self.at_or_before(qname),
            // Section 3.1.3.4.
            Claim::ExpandedNoData(wildcard) => {
                self.at_or_before(wildcard.source.name().as_wire());
                self.at_or_before(qname);
            }
        }
    }

    fn at_or_before(&mut self, name: &[u8]) {
        if let Some((owner, rrset)) = self.zone.nsec_at_or_before_wire(name) {
            self.proof.push(ProofOwner::Name(owner), rrset);
        }
    }
}

/// Proofs out of NSEC3 records (RFC 5155 section 7.2).
struct Nsec3<'p, 'z> {
    zone: &'z Zone,
    known: Option<HashedSuffix>,
    proof: &'p mut Proof<'z>,
}

impl<'z> Nsec3<'_, 'z> {
    fn prove(&mut self, qname: &[u8], claim: &Claim<'z>) {
        match claim {
            // Sections 7.2.3, 7.2.4 and 7.2.7: with opt-out the name, or the empty non-terminal, may not be in the chain.
            Claim::NoData(node) => {
                let name = node.name().as_wire();
                // The name asked for, or a cut above it.
                if !self.matching(self.hash_above(name)) {
                    self.closest_encloser(name, parent(name));
                }
            }
            // Section 7.2.2.
            Claim::NameError(closest_encloser) => {
                let provable = self.closest_encloser(qname, closest_encloser.name().as_wire());
                with_wildcard(provable, |wildcard| self.covering(self.zone.nsec3_hash(wildcard)));
            }
            // Section 7.2.6.
            Claim::Expanded(closest_encloser) => {
                let next_closer = next_closer(qname, closest_encloser.name().as_wire());
                self.covering(self.hash_above(next_closer));
            }
            // Section 7.2.5.
            Claim::ExpandedNoData(wildcard) => {
                self.closest_encloser(qname, wildcard.closest_encloser.name().as_wire());
                let source = wildcard.source.name().as_wire();
                let hash = self.zone.nsec3_hash(source);
                if !self.matching(hash) {
                    self.covering(hash);
                }
            }
        }
    }

    /// The closest encloser proof of section 7.2.1 for `name`, whose closest existing ancestor is `encloser`: the record that
    /// matches, and the one that covers the next closer name. With opt-out an ancestor that exists may have no record; the
    /// closest that has one then stands in (sections 7.2.4 and 7.2.7), and is returned.
    fn closest_encloser<'n>(&mut self, name: &'n [u8], encloser: &[u8]) -> &'n [u8] {
        let mut encloser = &name[name.len().saturating_sub(encloser.len())..];
        // The apex always has its record, but in a chain that is stored with gaps.
        while !self.matching(self.hash_above(encloser)) && encloser.len() > self.zone.apex().as_wire().len() {
            encloser = parent(encloser);
        }
        self.covering(self.hash_above(next_closer(name, encloser)));
        encloser
    }

    /// The hash of the name asked for, or of one that it lies under: names that are told apart by their length.
    fn hash_above(&self, name: &[u8]) -> Option<Nsec3Hash> {
        match self.known {
            Some(known) if known.octets == name.len() => Some(known.hash),
            _ => self.zone.nsec3_hash(name),
        }
    }

    /// Adds the record of the very name with this hash.
    fn matching(&mut self, hash: Option<Nsec3Hash>) -> bool {
        self.push(hash.and_then(|hash| self.zone.nsec3_matching(&hash)))
    }

    /// Adds the record whose interval holds the hash.
    fn covering(&mut self, hash: Option<Nsec3Hash>) {
        self.push(hash.and_then(|hash| self.zone.nsec3_covering(&hash)));
    }

    /// Returns whether there is one to add.
    fn push(&mut self, found: Option<(&'z Nsec3Hash, &'z Arc<Rrset>)>) -> bool {
        let Some((hash, rrset)) = found else { return false };
        // An apex of more than 222 octets leaves no room for hashed owners: such a zone can only have NSEC.
        if self.zone.apex().as_wire().len() + HASHED_LABEL_OCTETS <= NAME_OCTETS_MAX {
            self.proof.push(ProofOwner::Hashed { hash, apex: self.zone.apex() }, rrset);
        }
        true
    }
}

/// The first label of an NSEC3 owner in wire format: 32, and the hash in base32hex in lower case (RFC 5155 section 1.3).
pub fn hashed_label(hash: &Nsec3Hash) -> [u8; HASHED_LABEL_OCTETS] {
    let mut label = [32; HASHED_LABEL_OCTETS];
    for (five, eight) in hash.chunks_exact(5).zip(label[1..].chunks_exact_mut(8)) {
        let &[a, b, c, d, e] = five else { continue };
        eight.copy_from_slice(&eight_digits(u64::from_be_bytes([0, 0, 0, a, b, c, d, e])));
    }
    label
}

/// Forty bits in base32hex (RFC 4648 section 7), all eight digits at once: bits are halved three times until each octet has five.
fn eight_digits(bits: u64) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    /// What takes ten and above over 0x7f.
    const TO_LETTERS: u64 = 0x80 - 10;
    let halves = bits >> 20 | (bits & 0xf_ffff) << 32;
    let quarters = halves >> 10 & 0x3ff_0000_03ff | (halves & 0x3ff_0000_03ff) << 16;
    let digits = quarters >> 5 & 0x1f_001f_001f_001f | (quarters & 0x1f_001f_001f_001f) << 8;
    let are_letters = (digits + TO_LETTERS * ONES) >> 7 & ONES;
    let octets = digits + u64::from(b'0') * ONES + are_letters * u64::from(b'a' - 10 - b'0');
    octets.to_le_bytes()
}

/// The name one label longer than `encloser` on the way to `name`, which lies below it (RFC 5155 section 1.3).
pub(crate) fn next_closer<'n>(name: &'n [u8], encloser: &[u8]) -> &'n [u8] {
    let mut name = name;
    loop {
        let above = parent(name);
        if above.len() <= encloser.len() {
            return name;
        }
        name = above;
    }
}

/// A wire name without its first label; the root stays.
fn parent(name: &[u8]) -> &[u8] {
    match name.first() {
        Some(&length) if length != 0 => name.get(1 + usize::from(length)..).unwrap_or_default(),
        _ => name,
    }
}

/// Calls `with` with `*.encloser`, unless that is too long to be a name: then nothing can exist below `encloser` either.
pub(crate) fn with_wildcard(encloser: &[u8], with: impl FnOnce(&[u8])) {
    let length = 2 + encloser.len();
    let mut buffer = [0; NAME_OCTETS_MAX];
    if length <= NAME_OCTETS_MAX {
        buffer[..2].copy_from_slice(b"\x01*");
        buffer[2..length].copy_from_slice(encloser);
        with(&buffer[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hashed_labels_are_base32hex(hash in any::<[u8; 20]>()) {
            let label = hashed_label(&hash);
            let wanted = zone::nsec3hash::base32hex(&hash);
            prop_assert_eq!(label[0], 32);
            prop_assert_eq!(&label[1..], wanted.as_bytes());
        }
    }
}
