//! Proofs made for one query, that cover next to nothing: narrow NSEC3 (RFC 7129 appendix B) and compact denial (RFC 9824).
//!
//! There is no chain. A record matches a name, or covers a single hash; it is signed when it is asked for, within the bounds of the
//! [`Workbench`].

use wire::RecordType;
use wire::name::{LABEL_OCTETS_MAX, NAME_OCTETS_MAX};
use zone::nsec3hash::nsec3_hash_wire;
use zone::snapshot::Bitmap;
use zone::{Node, Nsec3Hash, Nsec3Params, Zone};

use crate::denial::{Claim, HASHED_LABEL_OCTETS, Proof, hashed_label, next_closer, with_wildcard};
use crate::scratch::Scratch;
use crate::workbench::{MadeRecord, Workbench};

/// Proofs of narrow NSEC3 records: each covers the hash before and after one hash, or matches it and covers nothing.
pub(crate) struct Narrow<'p, 'z> {
    pub(crate) zone: &'z Zone,
    pub(crate) params: &'z Nsec3Params,
    pub(crate) bench: &'p Workbench,
    pub(crate) proof: &'p mut Proof<'z>,
}

impl<'z> Narrow<'_, 'z> {
    /// RFC 5155 section 7.2, with records of names that exist always there to match.
    pub(crate) fn prove(&mut self, qname: &[u8], claim: &Claim<'z>) {
        match claim {
            Claim::NoData(node) => self.matching(node),
            Claim::NameError(closest_encloser) => {
                let encloser = closest_encloser.name().as_wire();
                self.matching(closest_encloser);
                self.covering(next_closer(qname, encloser));
                with_wildcard(encloser, |wildcard| self.covering(wildcard));
            }
            Claim::Expanded(closest_encloser) => {
                self.covering(next_closer(qname, closest_encloser.name().as_wire()));
            }
            Claim::ExpandedNoData(wildcard) => {
                self.matching(wildcard.closest_encloser);
                self.covering(next_closer(qname, wildcard.closest_encloser.name().as_wire()));
                self.matching(wildcard.source);
            }
        }
    }

    fn matching(&mut self, node: &Node) {
        let hash = nsec3_hash_wire(node.name().as_wire(), self.params);
        self.push(&hash, &after(hash), |rdata| node.bitmap(Bitmap::Nsec3, |octets| rdata.put(octets)));
    }

    fn covering(&mut self, name: &[u8]) {
        let hash = nsec3_hash_wire(name, self.params);
        self.push(&before(hash), &after(hash), |_| {});
    }

    fn push(&mut self, owner: &Nsec3Hash, next: &Nsec3Hash, put_bitmap: impl FnOnce(&mut Scratch)) {
        let apex = self.zone.apex().as_wire();
        let mut name = [0; NAME_OCTETS_MAX];
        // An apex of more than 222 octets leaves no room for hashed owners: such a zone can only have NSEC.
        let Some(name) = name.get_mut(..HASHED_LABEL_OCTETS + apex.len()) else { return };
        name[..HASHED_LABEL_OCTETS].copy_from_slice(&hashed_label(owner));
        name[HASHED_LABEL_OCTETS..].copy_from_slice(apex);
        let record = record(self.bench, self.zone, name, RecordType::NSEC3, |rdata| {
            self.params.nsec3_rdata(next, |octets| rdata.put(octets));
            put_bitmap(rdata);
        });
        self.proof.push_made(record);
    }
}

fn after(mut hash: Nsec3Hash) -> Nsec3Hash {
    for octet in hash.iter_mut().rev() {
        *octet = octet.wrapping_add(1);
        if *octet != 0 {
            break;
        }
    }
    hash
}

fn before(mut hash: Nsec3Hash) -> Nsec3Hash {
    for octet in hash.iter_mut().rev() {
        *octet = octet.wrapping_sub(1);
        if *octet != u8::MAX {
            break;
        }
    }
    hash
}

/// Proofs of one NSEC record at the very name that was asked for (RFC 9824 section 3).
pub(crate) struct Compact<'p, 'z> {
    pub(crate) zone: &'z Zone,
    pub(crate) bench: &'p Workbench,
    pub(crate) proof: &'p mut Proof<'z>,
}

/// Which name a record gives as the next one: of an owner and the apex.
type Next = for<'b> fn(&[u8], &[u8], &'b mut NameBuffer) -> &'b [u8];

/// RRSIG, NSEC and NXNAME: what a name has that does not exist (RFC 9824 section 3.1).
const NXNAME_BITMAP: [u8; 19] = [0, 17, 0, 0, 0, 0, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];

impl<'z> Compact<'_, 'z> {
    pub(crate) fn prove(&mut self, qname: &[u8], claim: &Claim<'z>) {
        match claim {
            // Section 3.4: what is below a cut is the child's, and not spoken of.
            Claim::NoData(node) if node.is_cut() => {
                self.push(node.name().as_wire(), beyond, |rdata| put_types(node, rdata));
            }
            // Section 3.2.
            Claim::NoData(node) => self.push(node.name().as_wire(), successor, |rdata| put_types(node, rdata)),
            Claim::NameError(_) => self.push(qname, successor, |rdata| rdata.put(&NXNAME_BITMAP)),
            // Section 3.3: the answer is signed as if the name existed.
            Claim::Expanded(_) => {}
            Claim::ExpandedNoData(wildcard) => self.push(qname, successor, |rdata| put_types(wildcard.source, rdata)),
        }
    }

    fn push(&mut self, owner: &[u8], next_of: Next, put_bitmap: impl FnOnce(&mut Scratch)) {
        let mut next = [0; NAME_OCTETS_MAX];
        let next = next_of(owner, self.zone.apex().as_wire(), &mut next);
        let record = record(self.bench, self.zone, owner, RecordType::NSEC, |rdata| {
            rdata.put(next);
            put_bitmap(rdata);
        });
        self.proof.push_made(record);
    }
}

fn put_types(node: &Node, rdata: &mut Scratch) {
    node.bitmap(Bitmap::Nsec, |octets| rdata.put(octets));
}

fn record(
    bench: &Workbench,
    zone: &Zone,
    owner: &[u8],
    rtype: RecordType,
    put_rdata: impl FnOnce(&mut Scratch),
) -> MadeRecord {
    let mut encoded = Scratch::new();
    encoded.put(&[0; 2]);
    put_rdata(&mut encoded);
    let encoded = encoded.octets();
    // Bitmaps have at most 256 windows of 34 octets.
    let octets = (encoded.len() - 2) as u16;
    encoded[..2].copy_from_slice(&octets.to_be_bytes());
    bench.record(owner, rtype, zone.negative_ttl(), encoded)
}

/// A name in wire format, with room for the longest.
type NameBuffer = [u8; NAME_OCTETS_MAX];

/// The name that follows `name` (lower-case wire) immediately in canonical order, going round to the apex: nothing lies between
/// (RFC 4471 section 3.1.2). For all but the longest names that is `\000` below it.
fn successor<'b>(name: &[u8], apex: &[u8], buffer: &'b mut NameBuffer) -> &'b [u8] {
    if name.len() + 2 <= NAME_OCTETS_MAX { place([&[], &[0]], name, buffer) } else { beyond(name, apex, buffer) }
}

/// The first name after `name` that is not below it. For all but the longest labels `name` with `\000` at the end of its first.
fn beyond<'b>(name: &[u8], apex: &[u8], buffer: &'b mut NameBuffer) -> &'b [u8] {
    let mut at = name;
    while at.len() > apex.len() {
        let (label, rest) = at[1..].split_at(usize::from(at[0]));
        if at.len() < NAME_OCTETS_MAX && label.len() < LABEL_OCTETS_MAX {
            return place([label, &[0]], rest, buffer);
        }
        // Without room for anything longer the next label is this one up to its last octet that can be greater, and that one greater.
        if let Some(last) = label.iter().rposition(|octet| *octet != u8::MAX) {
            // Upper case is not there in canonical order.
            let greater = if label[last] == b'A' - 1 { b'Z' + 1 } else { label[last] + 1 };
            return place([&label[..last], &[greater]], rest, buffer);
        }
        // No sibling follows: all that is below the parent has been passed.
        at = rest;
    }
    buffer[..apex.len()].copy_from_slice(apex);
    &buffer[..apex.len()]
}

/// A label of two parts, before the rest of a name.
fn place<'b>([start, end]: [&[u8]; 2], rest: &[u8], buffer: &'b mut NameBuffer) -> &'b [u8] {
    let mut length = 1;
    for part in [start, end, rest] {
        buffer[length..][..part.len()].copy_from_slice(part);
        length += part.len();
    }
    buffer[0] = (start.len() + end.len()) as u8;
    &buffer[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Name;

    #[test]
    fn hashes_have_neighbours_all_the_way_round() {
        let mut hash = [0xff; 20];
        assert_eq!(after(hash), [0; 20]);
        assert_eq!(before([0; 20]), hash);
        hash[19] = 7;
        assert_eq!(before(after(hash)), hash);
        hash[18..].copy_from_slice(&[1, 0]);
        assert_eq!(before(hash)[18..], [0, 0xff]);
    }

    fn next_of(name: &Name) -> Name {
        let apex = Name::parse("z.test").unwrap();
        Name::from_wire(successor(name.as_wire(), apex.as_wire(), &mut [0; NAME_OCTETS_MAX])).unwrap()
    }

    fn long(first: &[u8]) -> Name {
        // z.test has 8 octets; with these labels 8 + 3 * 64 = 200 octets are used.
        let mut name = Name::parse("z.test").unwrap();
        for octet in [b'd', b'c', b'b'] {
            name = name.child(&[octet; 63]).unwrap();
        }
        name.child(first).unwrap()
    }

    #[test]
    fn rfc4471_section_3_1_2_the_successor_of_a_name() {
        assert_eq!(next_of(&Name::parse("www.z.test").unwrap()).to_string(), "\\000.www.z.test.");
        assert_eq!(next_of(&Name::parse("z.test").unwrap()).to_string(), "\\000.z.test.");
        // One octet of room: the label grows; none: its last octet does.
        let nearly = long(&[b'a'; 53]);
        assert_eq!(nearly.as_wire().len(), 254);
        assert_eq!(next_of(&nearly), long(&[&[b'a'; 53][..], &[0]].concat()));
        let full = long(&[b'a'; 54]);
        assert_eq!(full.as_wire().len(), 255);
        assert_eq!(next_of(&full), long(&[&[b'a'; 53][..], b"b"].concat()));
        // What is greatest is left away, and upper case is passed over.
        let tail = long(&[&[b'a'; 52][..], b"@\xff"].concat());
        assert_eq!(next_of(&tail), long(&[&[b'a'; 52][..], b"["].concat()));
        let greatest = long(&[0xff; 54]);
        let next = next_of(&greatest);
        assert_eq!(next.labels().next().unwrap(), [&[b'b'; 62][..], b"c"].concat());
        for name in [nearly, full, tail, greatest] {
            assert!(name < next_of(&name));
        }
        // A shorter label above has longer siblings, which nobody may deny: `bbx` among them.
        let mut below = Name::parse("bb.z.test").unwrap();
        for octets in [63, 63, 63, 51] {
            below = below.child(&vec![0xff; octets]).unwrap();
        }
        assert_eq!(below.as_wire().len(), 255);
        assert_eq!(next_of(&below).to_string(), "bb\\000.z.test.");
        let mut last = Name::parse("z.test").unwrap();
        for octets in [63, 63, 63, 54] {
            last = last.child(&vec![0xff; octets]).unwrap();
        }
        assert_eq!(next_of(&last), Name::parse("z.test").unwrap(), "after the last name comes the apex");
    }

    #[test]
    fn rfc9824_section_3_4_the_name_after_a_cut_is_not_below_it() {
        let beyond_of = |name: &Name| {
            let apex = Name::parse("z.test").unwrap();
            Name::from_wire(beyond(name.as_wire(), apex.as_wire(), &mut [0; NAME_OCTETS_MAX])).unwrap()
        };
        assert_eq!(beyond_of(&Name::parse("sub.z.test").unwrap()).to_string(), "sub\\000.z.test.");
        let apex = Name::parse("z.test").unwrap();
        let label = [&[b's'; 62][..], b"\xff"].concat();
        assert_eq!(beyond_of(&apex.child(&label).unwrap()), apex.child(&[&[b's'; 61][..], b"t"].concat()).unwrap());
        assert_eq!(beyond_of(&apex.child(&[0xff; 63]).unwrap()), apex);
    }
}
