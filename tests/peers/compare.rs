//! What counts as the same answer.
//!
//! Sections are sets of records with their TTLs. Left open by the RFCs, and therefore not compared:
//!
//! - the size and options in OPT, and the case of names in records;
//! - records of the additional section beside glue that RFC 9471 section 3.1 wants (addresses at or below the cut, of servers
//!   that the cut's NS records name): NSD and BIND leave out what Knot adds. What we add must be in our zones;
//! - when a datagram is full: it depends on how names are compressed. A truncated reply is compared in flags and RCODE, and ours
//!   over UDP is held against ours over TCP ([`against_stream`]);
//! - how much of a node ANY and RRSIG see over UDP (RFC 8482 section 4.1), where the same holds;
//! - times and octets of signatures that we make: the export made its own. They are verified elsewhere.

use crate::lab::Transport;
use crate::questions::Question;
use crate::sound;
use crate::world::{Mode, World};
use signpost_tests::peers::PeerKind;
use signpost_tests::reply::{Record, Reply, TC};
use std::collections::BTreeSet;
use std::fmt;
use wire::{Name, RecordType};

/// One question with the answers of all.
pub(crate) struct Case<'c> {
    pub(crate) world: &'c World,
    pub(crate) question: &'c Question,
    pub(crate) transport: Transport,
    pub(crate) ours: Reply,
    /// Our reply over TCP, which is whole.
    pub(crate) whole: Reply,
    pub(crate) peers: Vec<(PeerKind, Result<Reply, String>)>,
}

/// One way in which a peer's answer differs from ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// No reply, or one that cannot be read.
    Unreadable(String),
    Question,
    Rcode {
        ours: u16,
        theirs: u16,
    },
    /// A bit that only one of the two has set.
    Flags {
        ours: u16,
        theirs: u16,
    },
    /// OPT there or not, its version or flags.
    Edns,
    /// The peer has the record, we have not.
    Missing(Section, Record),
    /// We have it, the peer has not.
    Extra(Section, Record),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Answer,
    Authority,
    Glue,
}

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const RRSIG: u16 = 46;

impl Case<'_> {
    /// How one peer's answer differs; nothing when it is the same.
    pub(crate) fn differences(&self, theirs: &Result<Reply, String>) -> Vec<Part> {
        let theirs = match theirs {
            Ok(theirs) => theirs,
            Err(reason) => return vec![Part::Unreadable(reason.clone())],
        };
        let ours = &self.ours;
        let mut parts = Vec::new();
        if ours.question != theirs.question {
            parts.push(Part::Question);
        }
        if ours.rcode != theirs.rcode {
            parts.push(Part::Rcode { ours: ours.rcode, theirs: theirs.rcode });
        }
        let differing = (ours.flags ^ theirs.flags) & !TC;
        for bit in (0..16).map(|bit| 1 << bit).filter(|bit| differing & bit != 0) {
            parts.push(Part::Flags { ours: ours.flags & bit, theirs: theirs.flags & bit });
        }
        let edns = |reply: &Reply| reply.edns.as_ref().map(|edns| (edns.version, edns.flags));
        if edns(ours) != edns(theirs) {
            parts.push(Part::Edns);
        }
        if ours.is_truncated() || theirs.is_truncated() {
            return parts;
        }
        let is_partial = self.is_partial();
        for section in [Section::Answer, Section::Authority, Section::Glue] {
            if section == Section::Answer && is_partial && !ours.answer.is_empty() && !theirs.answer.is_empty() {
                continue;
            }
            let (ours, theirs) = (self.section(ours, section), self.section(theirs, section));
            parts.extend(theirs.difference(&ours).map(|record| Part::Missing(section, record.clone())));
            parts.extend(ours.difference(&theirs).map(|record| Part::Extra(section, record.clone())));
        }
        parts
    }

    /// The names that the answer is about: that asked for, and where our chain of CNAMEs leads.
    pub(crate) fn path(&self) -> Vec<Name> {
        let mut path = vec![self.question.name.to_lowercase()];
        for _ in 0..self.whole.answer.len() {
            let name = path.last().expect("it begins with a name").as_wire();
            let next = self.whole.answer.iter().find(|record| record.rtype == CNAME && record.owner == name);
            match next.and_then(|record| Name::from_wire(&record.rdata).ok()) {
                Some(next) if self.question.rtype != RecordType::CNAME => path.push(next),
                _ => break,
            }
        }
        path
    }

    /// The last of them.
    pub(crate) fn target(&self) -> Name {
        self.path().pop().expect("it begins with a name")
    }

    /// Whether the answer may hold any part of what there is.
    fn is_partial(&self) -> bool {
        self.transport == Transport::Udp && matches!(self.question.rtype, RecordType::ANY | RecordType::RRSIG)
    }

    /// The records of a section in the form they are compared in.
    fn section(&self, reply: &Reply, section: Section) -> BTreeSet<Record> {
        let records = match section {
            Section::Answer => &reply.answer,
            Section::Authority => &reply.authority,
            Section::Glue => return glue(reply),
        };
        records.iter().map(|record| self.masked(record)).collect()
    }

    /// The record without what differs from one signing to the next.
    fn masked(&self, record: &Record) -> Record {
        let mut record = record.clone();
        if record.rtype != RRSIG {
            return record;
        }
        let Ok((signer, _)) = Name::split_wire(record.rdata.get(18..).unwrap_or_default()) else { return record };
        if matches!(self.world.zone_of(&signer).map(|zone| &zone.mode), Some(Mode::Ours(_))) {
            record.rdata[8..16].fill(0);
            record.rdata.truncate(18 + signer.as_wire().len());
        }
        record
    }

    /// What is wrong with our reply, whatever the peers say.
    pub(crate) fn own_faults(&self) -> Vec<String> {
        let mut faults = sound::faults(self);
        faults.extend(self.ours.repeated.iter().map(|record| format!("twice in one section: {record}")));
        let required = glue(&self.ours);
        for record in self.ours.additional.iter().filter(|record| !required.contains(record)) {
            if record.rtype != RRSIG && !self.world.has(record) {
                faults.push(format!("no zone has the additional record {record}"));
            }
        }
        if self.transport == Transport::Udp && self.ours.octets > self.question.octets_max() {
            faults.push(format!("{} octets for a client that takes {}", self.ours.octets, self.question.octets_max()));
        }
        if self.transport == Transport::Tcp && self.ours.is_truncated() {
            faults.push("TC over TCP".to_owned());
        }
        faults
    }

    /// What our reply to a datagram has other than our reply over a stream (RFC 2181 section 9).
    pub(crate) fn against_stream(&self, stream: &Reply) -> Vec<String> {
        let ours = &self.ours;
        if ours.rcode != stream.rcode || (ours.flags ^ stream.flags) & !TC != 0 {
            return vec!["RCODE or flags are others than over TCP".to_owned()];
        }
        if ours.is_truncated() {
            // ANY is not given all the room there is (RFC 8482 section 4.1).
            if self.question.rtype == RecordType::ANY {
                return Vec::new();
            }
            // With records that may be left out the length over TCP says nothing.
            let has_options = stream.additional.len() > glue(stream).len();
            let would_fit = stream.octets <= self.question.octets_max();
            let fault = format!("truncated, though it would have fit: {} octets", stream.octets);
            return if would_fit && !has_options { vec![fault] } else { Vec::new() };
        }
        let mut faults = Vec::new();
        for section in [Section::Answer, Section::Authority, Section::Glue] {
            let (datagram, stream) = (self.section(ours, section), self.section(stream, section));
            let is_as_wanted = match section {
                Section::Answer if self.is_partial() => {
                    datagram.is_subset(&stream) && datagram.is_empty() == stream.is_empty()
                }
                _ => datagram == stream,
            };
            if !is_as_wanted {
                faults.push(format!("{section:?} is another than over TCP, and TC is not set"));
            }
        }
        faults
    }
}

/// The addresses without which a referral is of no use (RFC 9471 section 3.1).
fn glue(reply: &Reply) -> BTreeSet<Record> {
    let servers: Vec<(&[u8], &[u8])> = reply
        .authority
        .iter()
        .filter(|record| record.rtype == NS)
        .filter(|ns| ns.rdata.ends_with(&ns.owner))
        .map(|ns| (&ns.owner[..], &ns.rdata[..]))
        .collect();
    let is_glue = |record: &&Record| {
        matches!(record.rtype, A | AAAA)
            && servers.iter().any(|(cut, server)| record.owner == *server && is_under(server, cut))
    };
    reply.additional.iter().filter(is_glue).cloned().collect()
}

fn is_under(name: &[u8], ancestor: &[u8]) -> bool {
    match (Name::from_wire(name), Name::from_wire(ancestor)) {
        (Ok(name), Ok(ancestor)) => name.is_under(&ancestor),
        _ => false,
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Unreadable(reason) => write!(f, "no reply that can be read: {reason}"),
            Part::Question => write!(f, "another question"),
            Part::Rcode { ours, theirs } => write!(f, "RCODE: ours {ours}, theirs {theirs}"),
            Part::Flags { ours, theirs } => write!(f, "flags: only ours {ours:#06x}, only theirs {theirs:#06x}"),
            Part::Edns => write!(f, "OPT"),
            Part::Missing(section, record) => write!(f, "{section:?}: they have {record}"),
            Part::Extra(section, record) => write!(f, "{section:?}: we have {record}"),
        }
    }
}

impl Part {
    /// Whether it is about an RRSIG.
    pub(crate) fn is_signature(&self) -> bool {
        matches!(self, Part::Missing(_, record) | Part::Extra(_, record) if record.rtype == RRSIG)
    }

    /// The same for parts that likely have the same reason.
    pub(crate) fn kind(&self) -> String {
        match self {
            Part::Missing(section, record) => format!("{section:?} -{}", RecordType(record.rtype)),
            Part::Extra(section, record) => format!("{section:?} +{}", RecordType(record.rtype)),
            // What it is follows on lines of its own.
            other => other.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }
}
