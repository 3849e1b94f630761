//! What is asked, and which reply is right.

use super::work::{self, ZONE};
use clap::ValueEnum;
use signpost_tests::random::Random;
use std::fmt;

/// RRsets that are asked for, drawn from all of the zone. More would only be a burden on the load's own caches.
const EXISTING_MAX: usize = 1 << 18;
/// The longest question.
pub(crate) const OCTETS_MAX: usize = 512;
/// Hexadecimal digits in a random name.
const RANDOM_DIGITS: usize = 16;

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;

/// Which names are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Those that exist, with types they have.
    Existing,
    /// Those that do not, none of them twice.
    Random,
    /// The two in turn.
    Half,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Existing => "existing names",
            Kind::Random => "random names",
            Kind::Half => "half existing, half random names",
        })
    }
}

/// Whether DO is set, so that signatures and proofs are wanted. Without it there is no EDNS at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dnssec {
    Wanted,
    Unwanted,
}

/// How questions follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// At random.
    Mixed,
    /// The same, but a dozen of one length in a row, so that they can be sent as one datagram.
    Runs,
}

/// Questions that are put into runs by length.
const RUNS: usize = 512;

/// What a reply must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    rcode: u8,
    answers: u16,
    /// Fewest and most records in the authority section.
    authority: (u16, u16),
}

impl Expected {
    /// Whether it does, by header and length: authoritative, whole, the RCODE, and as many records as there are.
    pub(crate) fn is_met(&self, reply: &[u8]) -> bool {
        let Some(header) = reply.first_chunk::<12>() else { return false };
        let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        // QR and AA, and neither an opcode nor TC (RFC 1035 section 4.1.1).
        header[2] & 0xfe == 0x84
            && header[3] & 0x0f == self.rcode
            && count(4) == 1
            && count(6) == self.answers
            && (self.authority.0..=self.authority.1).contains(&count(8))
    }
}

/// An endless supply of questions.
#[derive(Debug)]
pub(crate) struct Questions {
    kind: Kind,
    /// Messages one behind the other, and where each ends.
    existing: Vec<u8>,
    ends: Vec<(usize, Expected)>,
    next: usize,
    random: Random,
    random_message: Vec<u8>,
    random_expected: Expected,
    asked: u64,
}

impl Questions {
    /// Questions to the zone of `names` names.
    pub(crate) fn new(names: u32, kind: Kind, dnssec: Dnssec, order: Order) -> Questions {
        let is_wanted = dnssec == Dnssec::Wanted;
        let mut rrsets: Vec<(String, &'static str, u16)> =
            work::rrsets(names).map(|rrset| (rrset.owner, rrset.rtype, rrset.records.len() as u16)).collect();
        let mut random = Random::new(5);
        let count = rrsets.len().min(EXISTING_MAX);
        for at in 0..count {
            let other = at + random.below(rrsets.len() - at);
            rrsets.swap(at, other);
        }
        if order == Order::Runs {
            rrsets[..count].chunks_mut(RUNS).for_each(|run| run.sort_by_key(|(owner, _, _)| owner.len()));
        }
        let mut existing = Vec::new();
        let mut ends = Vec::with_capacity(count);
        for (owner, rtype, records) in &rrsets[..count] {
            existing.extend_from_slice(&message(owner, rtype, dnssec));
            let answers = records + u16::from(is_wanted);
            ends.push((existing.len(), Expected { rcode: NOERROR, answers, authority: (0, 0) }));
        }
        // The SOA with its signature, and two or three NSEC3 records with theirs: one of them may prove two things. PowerDNS repeats it.
        let authority = if is_wanted { (4, 8) } else { (1, 1) };
        let random_message = message(&format!("{}.{ZONE}", "0".repeat(RANDOM_DIGITS)), "A", dnssec);
        let random_expected = Expected { rcode: NXDOMAIN, answers: 0, authority };
        Questions { kind, existing, ends, next: 0, random, random_message, random_expected, asked: 0 }
    }

    /// Writes the next question with this id, and returns its length and what is right.
    pub(crate) fn write(&mut self, id: u16, buffer: &mut [u8; OCTETS_MAX]) -> (usize, Expected) {
        self.asked += 1;
        let is_random = match self.kind {
            Kind::Existing => false,
            Kind::Random => true,
            Kind::Half => self.asked.is_multiple_of(2),
        };
        let (length, expected) = if is_random { self.write_random(buffer) } else { self.write_existing(buffer) };
        buffer[..2].copy_from_slice(&id.to_be_bytes());
        (length, expected)
    }

    fn write_existing(&mut self, buffer: &mut [u8; OCTETS_MAX]) -> (usize, Expected) {
        let start = if self.next == 0 { 0 } else { self.ends[self.next - 1].0 };
        let (end, expected) = self.ends[self.next];
        self.next = if self.next + 1 == self.ends.len() { 0 } else { self.next + 1 };
        let message = &self.existing[start..end];
        buffer[..message.len()].copy_from_slice(message);
        (message.len(), expected)
    }

    fn write_random(&mut self, buffer: &mut [u8; OCTETS_MAX]) -> (usize, Expected) {
        let length = self.random_message.len();
        buffer[..length].copy_from_slice(&self.random_message);
        // Behind the header and the length of the label.
        let mut drawn = self.random.draw();
        for digit in &mut buffer[13..13 + RANDOM_DIGITS] {
            *digit = b"0123456789abcdef"[(drawn & 0x0f) as usize];
            drawn >>= 4;
        }
        (length, self.random_expected)
    }
}

/// A query for `name`, with the id 0.
pub(crate) fn message(name: &str, rtype: &str, dnssec: Dnssec) -> Vec<u8> {
    let rtype: u16 = match rtype {
        "A" => 1,
        "CNAME" => 5,
        "SOA" => 6,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        "SRV" => 33,
        other => unreachable!("the zone has no {other}"),
    };
    let options = u8::from(dnssec == Dnssec::Wanted);
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, options];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&1_u16.to_be_bytes());
    if dnssec == Dnssec::Wanted {
        // OPT with 1232 octets and DO (RFC 6891 section 6.1.2).
        message.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply with these header fields.
    fn reply(flags: [u8; 2], counts: [u8; 4]) -> Vec<u8> {
        let mut reply = vec![0, 0, flags[0], flags[1]];
        counts.iter().for_each(|&count| reply.extend_from_slice(&[0, count]));
        reply
    }

    #[test]
    fn a_reply_is_right_by_rcode_authority_and_counts() {
        let existing = Expected { rcode: NOERROR, answers: 3, authority: (0, 0) };
        assert!(existing.is_met(&reply([0x84, 0], [1, 3, 0, 1])));
        // RD and CD come back as they were sent.
        assert!(existing.is_met(&reply([0x85, 0x10], [1, 3, 0, 1])));
        let wrong = [
            ([0x04, 0], [1, 3, 0, 1], "it is a query"),
            ([0x80, 0], [1, 3, 0, 1], "without authority"),
            ([0x86, 0], [1, 3, 0, 1], "truncated"),
            ([0x84, 2], [1, 3, 0, 1], "SERVFAIL"),
            ([0x84, 3], [1, 3, 0, 1], "NXDOMAIN"),
            ([0x84, 0], [1, 2, 0, 1], "an answer is missing"),
            ([0x84, 0], [1, 3, 1, 1], "more than was asked for"),
            ([0x84, 0], [0, 3, 0, 1], "without its question"),
        ];
        for (flags, counts, why) in wrong {
            assert!(!existing.is_met(&reply(flags, counts)), "{why}");
        }
        assert!(!existing.is_met(&[0; 11]), "shorter than a header");
        let random = Expected { rcode: NXDOMAIN, answers: 0, authority: (4, 8) };
        assert!(random.is_met(&reply([0x84, 3], [1, 0, 8, 1])));
        assert!(!random.is_met(&reply([0x84, 3], [1, 0, 2, 1])), "without a proof");
    }

    #[test]
    fn random_names_do_not_come_twice_and_halves_take_turns() {
        let mut questions = Questions::new(100, Kind::Half, Dnssec::Wanted, Order::Mixed);
        let mut names = std::collections::BTreeSet::new();
        for id in 0..1000 {
            let mut buffer = [0; OCTETS_MAX];
            let (length, expected) = questions.write(id, &mut buffer);
            assert_eq!(buffer[..2], id.to_be_bytes());
            assert_eq!(expected.rcode == NXDOMAIN, id % 2 == 1);
            assert!(id % 2 == 0 || names.insert(buffer[12..length].to_vec()));
        }
    }
}
