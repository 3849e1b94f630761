//! A small validator of denial proofs, written from the validator's side of the RFCs (RFC 4035 section 5.4, RFC 5155 section
//! 8): it knows the question and the records sent, and nothing of the zone.

use std::collections::BTreeSet;

use dnssec::Proof;
use dnssec::denial::ProofRecord;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use wire::name::NAME_OCTETS_MAX;
use wire::{Name, RecordType};
use zone::Nsec3Params;

/// Labels from the top down, in lower case: comparing two is the canonical order of RFC 4034 section 6.1.
pub(crate) type Path = Vec<Vec<u8>>;

pub(crate) fn path(name: &Name) -> Path {
    let mut labels: Path = name.labels().map(|label| label.to_ascii_lowercase()).collect();
    labels.reverse();
    labels
}

fn wildcard(encloser: &[Vec<u8>]) -> Path {
    [encloser, &[b"*".to_vec()]].concat()
}

/// What a server claims.
#[derive(Debug)]
pub(crate) enum Claim {
    NameError,
    NoData,
    /// Answered from the wildcard right below this name.
    Expanded(Path),
    ExpandedNoData,
    /// The name does not exist, which its own NSEC record says (RFC 9824 section 3.1).
    NxName,
    /// A referral to this cut, which has no DS.
    Insecure(Path),
}

/// The records of a proof.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    pub(crate) nsec: Vec<Nsec>,
    pub(crate) nsec3: Vec<Nsec3>,
    params: Nsec3Params,
}

#[derive(Debug, Clone)]
pub(crate) struct Nsec {
    owner: Path,
    next: Path,
    types: BTreeSet<u16>,
}

#[derive(Debug, Clone)]
pub(crate) struct Nsec3 {
    owner: Vec<u8>,
    next: Vec<u8>,
    opt_out: bool,
    types: BTreeSet<u16>,
}

impl Evidence {
    pub(crate) fn new(proof: &Proof<'_>, params: &Nsec3Params) -> Evidence {
        let mut evidence = Evidence { nsec: Vec::new(), nsec3: Vec::new(), params: params.clone() };
        for record in proof.iter() {
            let rrset = record.rrset();
            assert_eq!(rrset.len(), 1);
            if let ProofRecord::Chained(owner, _) = record {
                let mut buffer = [0; NAME_OCTETS_MAX];
                assert_eq!(Name::from_wire(owner.wire(&mut buffer)).unwrap(), record.owner());
            }
            evidence.push(&record.owner(), rrset.rtype(), rrset.rdatas().next().unwrap());
        }
        evidence
    }

    fn push(&mut self, owner: &Name, rtype: RecordType, rdata: &[u8]) {
        match rtype {
            RecordType::NSEC => {
                let (next, bitmap) = Name::split_wire(rdata).unwrap();
                self.nsec.push(Nsec { owner: path(owner), next: path(&next), types: types(bitmap) });
            }
            RecordType::NSEC3 => {
                let salt_length = usize::from(rdata[4]);
                assert_eq!((rdata[0], u16::from_be_bytes([rdata[2], rdata[3]])), (1, self.params.iterations));
                assert_eq!(rdata[5..5 + salt_length], self.params.salt);
                let hash = &rdata[5 + salt_length..];
                assert_eq!(hash[0], 20);
                let label = owner.labels().next().unwrap().to_ascii_uppercase();
                self.nsec3.push(Nsec3 {
                    owner: data_encoding::BASE32HEX_NOPAD.decode(&label).unwrap(),
                    next: hash[1..21].to_vec(),
                    opt_out: rdata[1] & 1 == 1,
                    types: types(&hash[21..]),
                });
            }
            other => panic!("{other:?} in a proof"),
        }
    }

    /// Without one of its records.
    pub(crate) fn without(&self, index: usize) -> Evidence {
        let mut less = self.clone();
        if index < less.nsec.len() {
            less.nsec.remove(index);
        } else {
            less.nsec3.remove(index - self.nsec.len());
        }
        less
    }

    pub(crate) fn len(&self) -> usize {
        self.nsec.len() + self.nsec3.len()
    }

    /// Whether the records prove the claim about `qname` and `qtype`; if not, why.
    pub(crate) fn check(
        &self,
        apex: &Name,
        qname: &Name,
        qtype: RecordType,
        claim: &Claim,
    ) -> Result<(), &'static str> {
        let (apex, qname) = (path(apex), path(qname));
        match (self.nsec.is_empty(), self.nsec3.is_empty()) {
            (false, true) => self.check_nsec(&apex, &qname, qtype.0, claim),
            (true, false) => self.check_nsec3(&apex, &qname, qtype.0, claim),
            (true, true) => Err("no record at all"),
            (false, false) => Err("NSEC and NSEC3 mixed"),
        }
    }

    fn check_nsec(&self, apex: &Path, qname: &Path, qtype: u16, claim: &Claim) -> Result<(), &'static str> {
        let match_of = |name: &Path| self.nsec.iter().find(|nsec| nsec.owner == *name);
        let cover_of = |name: &Path| self.nsec.iter().find(|nsec| nsec.covers(name));
        // Records that cover a name say which of its ancestors exist: those they share with it.
        let encloser = |cover: &Nsec| {
            let shared = |other: &Path| qname.iter().zip(other).take_while(|(a, b)| a == b).count();
            qname[..shared(&cover.owner).max(shared(&cover.next))].to_vec()
        };
        let absent = || {
            let cover = cover_of(qname).ok_or("the name is not covered")?;
            let is_redirected = qname.starts_with(&cover.owner) && redirects(&cover.types);
            if is_redirected {
                return Err("the name is covered by the parent side of a cut or a DNAME above it");
            }
            if cover.next.starts_with(qname) {
                return Err("the name is an empty non-terminal");
            }
            Ok(cover)
        };
        let no_data_at = |name: &Path| match match_of(name) {
            Some(nsec) => lacks(&nsec.types, qtype, name == apex),
            None => {
                let cover = cover_of(name).ok_or("neither matched nor covered")?;
                if cover.next.starts_with(name) { Ok(()) } else { Err("covered, so it does not exist") }
            }
        };
        match claim {
            Claim::NameError => {
                let source = wildcard(&encloser(absent()?));
                let cover = cover_of(&source).ok_or("the wildcard is not covered")?;
                if cover.next.starts_with(&source) { Err("the wildcard exists") } else { Ok(()) }
            }
            Claim::NoData => no_data_at(qname),
            Claim::Expanded(parent) => {
                if encloser(absent()?) == *parent {
                    Ok(())
                } else {
                    Err("another wildcard applies")
                }
            }
            Claim::ExpandedNoData => no_data_at(&wildcard(&encloser(absent()?))),
            Claim::NxName => {
                let nsec = match_of(qname).ok_or("no record at the name")?;
                match nsec.types == BTreeSet::from([RRSIG, NSEC, NXNAME]) {
                    true if nsec.covers_nothing() => Ok(()),
                    true => Err("the record covers other names"),
                    false => Err("the types are not those of a name that does not exist"),
                }
            }
            Claim::Insecure(cut) => is_insecure(&match_of(cut).ok_or("no record at the cut")?.types),
        }
    }

    fn check_nsec3(&self, apex: &Path, qname: &Path, qtype: u16, claim: &Claim) -> Result<(), &'static str> {
        let match_of = |name: &[Vec<u8>]| {
            let hash = self.hash(name);
            self.nsec3.iter().find(|nsec3| nsec3.owner == hash)
        };
        let cover_of = |name: &[Vec<u8>]| {
            let hash = self.hash(name);
            self.nsec3.iter().find(|nsec3| nsec3.covers(&hash))
        };
        // RFC 5155 section 8.3: the closest encloser, and whether the next closer name may be an opted-out delegation.
        let closest_encloser = |name: &Path| {
            let depths = (apex.len()..name.len()).rev();
            let (depth, nsec3) = depths
                .filter_map(|depth| Some((depth, match_of(&name[..depth])?)))
                .next()
                .ok_or("no closest encloser")?;
            if redirects(&nsec3.types) {
                return Err("the closest encloser is a cut or a DNAME");
            }
            let cover = cover_of(&name[..depth + 1]).ok_or("the next closer name is not covered")?;
            Ok((name[..depth].to_vec(), cover.opt_out))
        };
        let opted_out = |name: &Path| match closest_encloser(name)? {
            (_, true) => Ok(()),
            (_, false) => Err("no opt-out"),
        };
        match claim {
            Claim::NameError => {
                let (encloser, _) = closest_encloser(qname)?;
                cover_of(&wildcard(&encloser)).map(|_| ()).ok_or("the wildcard is not covered")
            }
            Claim::NoData => match match_of(qname) {
                Some(nsec3) => lacks(&nsec3.types, qtype, qname == apex),
                // Section 8.6; and an empty non-terminal that opt-out left out (section 7.1).
                None => opted_out(qname),
            },
            Claim::Expanded(parent) => {
                if match_of(qname).is_some() {
                    return Err("the name exists");
                }
                cover_of(&qname[..parent.len() + 1]).map(|_| ()).ok_or("the next closer name is not covered")
            }
            Claim::NxName => Err("NSEC3 for a claim of NSEC"),
            Claim::ExpandedNoData => {
                let (encloser, _) = closest_encloser(qname)?;
                let source = match_of(&wildcard(&encloser)).ok_or("no record at the wildcard")?;
                lacks(&source.types, qtype, false)
            }
            Claim::Insecure(cut) => match match_of(cut) {
                Some(nsec3) => is_insecure(&nsec3.types),
                None => opted_out(cut),
            },
        }
    }

    /// RFC 5155 section 5, by another library than the server's.
    pub(crate) fn hash(&self, name: &[Vec<u8>]) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in name.iter().rev() {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        for _ in 0..=self.params.iterations {
            wire.extend_from_slice(&self.params.salt);
            wire = digest(&SHA1_FOR_LEGACY_USE_ONLY, &wire).as_ref().to_vec();
        }
        wire
    }
}

impl Nsec {
    /// Whether no name can lie between owner and next: that is `\\000` below the owner, or there is no room for that (RFC 4471).
    fn covers_nothing(&self) -> bool {
        let octets: usize = self.owner.iter().map(|label| label.len() + 1).sum::<usize>() + 1;
        let child = [&self.owner[..], &[vec![0]]].concat();
        self.next == child || octets + 2 > NAME_OCTETS_MAX
    }

    fn covers(&self, name: &Path) -> bool {
        if self.owner < self.next {
            self.owner < *name && *name < self.next
        } else {
            // The last one goes round to the apex.
            self.owner < *name && name.starts_with(&self.next)
        }
    }
}

impl Nsec3 {
    fn covers(&self, hash: &Vec<u8>) -> bool {
        if self.owner < self.next {
            self.owner < *hash && *hash < self.next
        } else {
            self.owner < *hash || *hash < self.next
        }
    }
}

const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const DNAME: u16 = 39;
const DS: u16 = 43;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const NXNAME: u16 = 128;

/// Whether names below are not this zone's to deny.
fn redirects(types: &BTreeSet<u16>) -> bool {
    types.contains(&DNAME) || types.contains(&NS) && !types.contains(&SOA)
}

fn lacks(types: &BTreeSet<u16>, qtype: u16, is_apex: bool) -> Result<(), &'static str> {
    if types.contains(&qtype) {
        return Err("the type exists");
    }
    if types.contains(&CNAME) {
        return Err("a CNAME is there");
    }
    match types.contains(&NS) && !types.contains(&SOA) {
        // The parent's side says nothing about types other than DS (RFC 6840 section 4.1).
        true if qtype != DS => Err("the record is of the parent's side of a cut"),
        _ if types.contains(&SOA) != is_apex => Err("the SOA bit is not where the apex is"),
        _ => Ok(()),
    }
}

fn is_insecure(types: &BTreeSet<u16>) -> Result<(), &'static str> {
    match (types.contains(&NS), types.contains(&SOA), types.contains(&DS)) {
        (true, false, false) => Ok(()),
        _ => Err("not an insecure delegation"),
    }
}

/// RFC 4034 section 4.1.2.
fn types(mut bitmap: &[u8]) -> BTreeSet<u16> {
    let mut types = BTreeSet::new();
    let mut last_window = None;
    while let [window, length, rest @ ..] = bitmap {
        assert!(Some(*window) > last_window, "windows in order");
        last_window = Some(*window);
        let (octets, rest) = rest.split_at(usize::from(*length));
        assert!(octets.len() <= 32 && octets.last().is_some_and(|&octet| octet != 0), "no trailing zeros");
        for (index, octet) in octets.iter().enumerate() {
            let set = (0..8).filter(|bit| octet & (0x80 >> bit) != 0);
            types.extend(set.map(|bit| u16::from(*window) << 8 | (index as u16 * 8 + bit)));
        }
        bitmap = rest;
    }
    assert!(bitmap.is_empty());
    types
}
