//! Questions that probe the edges of a world: at, above, below and beside its names, under wildcards, cuts and DNAMEs.

use crate::draft::{below, label};
use crate::world::World;
use signpost_tests::random::Random;
use std::fmt;
use wire::{Name, RecordType};

/// One question, and how it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// In the letters it is asked with.
    pub(crate) name: Name,
    pub(crate) rtype: RecordType,
    /// `None` without OPT.
    pub(crate) edns: Option<Edns>,
    /// RD, AD and CD of the header.
    pub(crate) flags: u16,
}

/// What the OPT record of a question says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    pub(crate) is_dnssec_ok: bool,
}

/// Recursion desired.
const RD: u16 = 0x0100;
/// Authentic data (RFC 6840 section 5.7).
const AD: u16 = 0x0020;
/// Checking disabled.
const CD: u16 = 0x0010;

const TYPES: &[RecordType] = &[
    RecordType::A,
    RecordType::A,
    RecordType::AAAA,
    RecordType::MX,
    RecordType::TXT,
    RecordType::NS,
    RecordType::NS,
    RecordType::SOA,
    RecordType::DS,
    RecordType::DS,
    RecordType::DS,
    RecordType::CNAME,
    RecordType::DNAME,
    RecordType::SRV,
    RecordType::SVCB,
    RecordType::HTTPS,
    RecordType::CAA,
    RecordType::NAPTR,
    RecordType(65_280),
    RecordType(65_281),
    RecordType::DNSKEY,
    RecordType::NSEC,
    RecordType::NSEC3,
    RecordType::NSEC3PARAM,
    RecordType::RRSIG,
    RecordType::ANY,
    RecordType::CDS,
];

impl Question {
    /// A question about `world`. `hashed` are owners of NSEC3 records, which are names of nothing (RFC 5155 section 7.2.8).
    pub(crate) fn draw(random: &mut Random, world: &World, hashed: &[Name]) -> Question {
        let rrsets: Vec<_> = world.zones.iter().flat_map(|zone| &zone.rrsets).collect();
        let rrset = *random.pick(&rrsets);
        let hashed: Vec<&Name> = hashed.iter().filter(|name| world.zone_of(name).is_some()).collect();
        let (name, is_moved) = if random.chance(3) && !hashed.is_empty() {
            ((*random.pick(&hashed)).clone(), true)
        } else {
            near(random, &rrset.owner)
        };
        let rtype = match random.below(10) {
            0..4 if !is_moved => rrset.rtype.parse().expect("worlds have types that have names"),
            0 => random_type(random),
            _ => *random.pick(TYPES),
        };
        let edns = (!random.chance(10)).then(|| Edns {
            payload: *random.pick(&[0, 512, 513, 700, 1232, 1232, 1232, 4096, 65_535]),
            is_dnssec_ok: random.chance(75),
        });
        let flags = [RD, AD, CD].into_iter().filter(|_| random.chance(20)).fold(0, |flags, flag| flags | flag);
        let name = if random.chance(15) { in_mixed_case(random, &name) } else { name };
        Question { name, rtype, edns, flags }
    }

    /// The message, with id 0.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut message = vec![0, 0];
        message.extend_from_slice(&self.flags.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())]);
        message.extend_from_slice(&self.section());
        if let Some(edns) = self.edns {
            message.extend_from_slice(&[0, 0, 41]);
            message.extend_from_slice(&edns.payload.to_be_bytes());
            message.extend_from_slice(&[0, 0, if edns.is_dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
        }
        message
    }

    /// The question section.
    pub(crate) fn section(&self) -> Vec<u8> {
        [self.name.as_wire(), &self.rtype.0.to_be_bytes(), &[0, 1]].concat()
    }

    pub(crate) fn is_dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.is_dnssec_ok)
    }

    /// The longest reply that fits into a datagram for this client, as far as the question says (RFC 6891 section 6.2.3).
    pub(crate) fn octets_max(&self) -> usize {
        usize::from(self.edns.map_or(512, |edns| edns.payload).clamp(512, 1232))
    }
}

/// A name at or near `name`, and whether it is another one.
fn near(random: &mut Random, name: &Name) -> (Name, bool) {
    let parent = |name: &Name| name.parent().unwrap_or_else(Name::root);
    let near = match random.below(20) {
        0..7 => return (name.clone(), false),
        7..9 => below(random, name, 1),
        9 => below(random, name, 2),
        10..12 => parent(name),
        // Beside it.
        12..15 => below(random, &parent(name), 1),
        // In place of a wildcard, or of anything, deeper.
        15..17 => below(random, &parent(name), 2),
        17 => name.child(b"*").unwrap_or_else(|_| name.clone()),
        18 => parent(name).child(b"*").unwrap_or_else(|_| name.clone()),
        _ => with_inner_label(random, name),
    };
    (near, true)
}

/// The name with one of its labels replaced.
fn with_inner_label(random: &mut Random, name: &Name) -> Name {
    let labels: Vec<&[u8]> = name.labels().collect();
    let at = random.below(labels.len());
    let other = if random.chance(40) { &b"*"[..] } else { label(random) };
    labels
        .iter()
        .enumerate()
        .rev()
        .fold(Name::root(), |name, (index, label)| name.child(if index == at { other } else { label }).unwrap_or(name))
}

/// Any type but those that are no question about one name: OPT, transfers, TSIG, TKEY.
fn random_type(random: &mut Random) -> RecordType {
    let rtype = if random.chance(50) { 1 + random.below(300) } else { 1 + random.below(65_535) } as u16;
    if matches!(rtype, 41 | 249..=254) { RecordType::TXT } else { RecordType(rtype) }
}

fn in_mixed_case(random: &mut Random, name: &Name) -> Name {
    name.labels().collect::<Vec<_>>().into_iter().rev().fold(Name::root(), |name, label| {
        let label: Vec<u8> = label
            .iter()
            .map(|octet| if random.chance(50) { octet.to_ascii_uppercase() } else { octet.to_ascii_lowercase() })
            .collect();
        name.child(&label).expect("as long as before")
    })
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)?;
        if let Some(edns) = self.edns {
            write!(f, " edns {}{}", edns.payload, if edns.is_dnssec_ok { " do" } else { "" })?;
        }
        let flags = [(RD, "rd"), (AD, "ad"), (CD, "cd")];
        flags.iter().filter(|(bit, _)| self.flags & bit != 0).try_for_each(|(_, name)| write!(f, " {name}"))
    }
}
